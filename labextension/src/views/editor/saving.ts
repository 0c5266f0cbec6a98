/** What the toolbar's buttons do at the service. */

import type { IModel } from '../../contract';
import type { IMethodSummary } from '../../data';
import { pathOf, problemIn, request } from '../../react';
import { toDocument } from './document';
import { DRAFT_OF, IDraft, trial } from './model';
import { newestOf } from './useDraft';

/** Another revision was saved since this one was read. */
export class Overtaken extends Error {
  constructor(readonly revision: number) {
    super();
  }
}

/** Save a new Method; returns its id. */
export async function create(model: IModel, draft: IDraft): Promise<string> {
  const body = toDocument(draft);
  const { id } = await request<IMethodSummary>(model, 'POST', 'processes', { body });
  return id;
}

/** Save a new revision.  Throws `Overtaken` unless the one that was read is still the newest. */
export async function replace(model: IModel, draft: IDraft, read: number): Promise<void> {
  const { revision, etag } = await newestOf(model, draft.id);
  if (revision !== read) {
    throw new Overtaken(revision);
  }
  const headers = { 'If-Match': etag };
  try {
    await request(model, 'PUT', pathOf('processes', draft.id), {
      body: toDocument(draft),
      headers
    });
  } catch (error) {
    if (problemIn(error).status !== 412) {
      throw error;
    }
    // Changed in this very moment: by another save, or only in with whom it is shared.
    await replace(model, draft, read);
  }
}

/** The user's trial copies of a Method, of which there should be one. */
function trials(model: IModel, of: string): IMethodSummary[] {
  const { items } = model.get('methods') as { items: readonly IMethodSummary[] };
  return items.filter(
    each => each.mutable && each.metadata?.some(m => m.role === DRAFT_OF && m.title === of)
  );
}

/** Make or renew the private copy in which one tries a draft; returns its id. */
export async function tryOut(model: IModel, draft: IDraft, title: string): Promise<string> {
  const there = trials(model, draft.id)[0]?.id;
  const copy = trial(draft, there ?? `${draft.id.slice(0, 80)}.draft-${random()}`, title);
  if (there) {
    await request(model, 'PUT', pathOf('processes', there), { body: toDocument(copy) });
    return there;
  }
  return create(model, copy);
}

/** Remove what was only for trying; Executions keep their copies. */
export async function removeTrials(model: IModel, of: string): Promise<void> {
  await Promise.all(
    trials(model, of).map(({ id }) =>
      // A copy that stays is clutter, and no reason to say that saving failed.
      request(model, 'DELETE', pathOf('processes', id)).catch(() => undefined)
    )
  );
}

function random(): string {
  return Math.random().toString(36).slice(2, 8);
}
