import type { IBrokenRule } from '../../contract';
import type { IMethodSummary } from '../../data';
import { pathOf, problemIn, request, useAction, useTools, useWorld } from '../../react';
import { fromFile } from './fromFile';
import { toDocument, Unreadable } from './document';
import { derive } from './model';
import { create, Overtaken, removeTrials, replace, tryOut } from './saving';
import type { IActions } from './toolbar';
import type { IDrafting } from './useDraft';

interface IMore {
  /** The service refused a draft, for these reasons. */
  onRefused: (rules: readonly IBrokenRule[]) => void;
  /** Things that the user should know about what was converted. */
  onNotes: (notes: string[]) => void;
}

type Action = ReturnType<typeof useAction<any[]>>;

/** What the toolbar does; each asks before anything is lost. */
export function useActions(
  drafting: IDrafting,
  more: IMore
): IActions & {
  action: Action;
  edit: (id: string) => void;
  convert: (path: string) => void;
} {
  const { tools } = useWorld();
  const { trans } = tools;
  const { draft, unsaved, isNew } = drafting;
  const action = useAction((work: () => Promise<unknown>) => work());
  const { save, tryIt, remove, clone } = useServiceWork(drafting, more.onRefused);
  const unlessUnsaved = async (go: () => unknown): Promise<void> => {
    const yes =
      !unsaved ||
      (await tools.confirm({
        title: trans('Discard the changes?'),
        body: trans('"%1" has changes that were not saved.', draft.title || trans('New Method')),
        accept: trans('Discard'),
        dangerous: true
      }));
    if (yes) {
      await go();
    }
  };
  const convert = async (path: string) => {
    const content = await (await tools.readFile(path)).text();
    const { draft: made, notes } = fromFile(path, content, trans);
    await unlessUnsaved(() => {
      drafting.clear();
      drafting.change(begun => (made.links.length ? made : { ...made, links: begun.links }));
      more.onNotes(notes);
    });
  };
  const run = (work: () => Promise<unknown>) => () => action.run(work);
  return {
    action,
    save: run(save),
    tryOut: run(tryIt),
    begin: () => tools.open('editor', {}),
    clone: isNew || unsaved ? deriving(tools, drafting) : clone(run),
    fromFile: run(async () => {
      const path = await tools.chooseFile(trans('Choose a notebook, a script or a Method'));
      if (path !== null) {
        await told(convert(path));
      }
    }),
    revert: run(() => unlessUnsaved(drafting.revert)),
    clear: run(() =>
      unlessUnsaved(() => {
        drafting.clear();
        more.onNotes([]);
      })
    ),
    remove: run(remove),
    edit: id => action.run(() => unlessUnsaved(() => drafting.edit(id))),
    convert: path => action.run(() => told(convert(path)))
  };
}

/** What cannot be read is no fault of this page. */
async function told(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw error instanceof Unreadable ? new Error(error.message) : error;
  }
}

function deriving(tools: ReturnType<typeof useTools>, { draft }: IDrafting): () => void {
  return () => {
    const title = tools.trans('Copy of %1', draft.title);
    tools.open('editor', { document: toDocument(derive(draft, title)), title });
  };
}

/** Work that asks the service. */
function useServiceWork(drafting: IDrafting, onRefused: IMore['onRefused']) {
  const { model, tools } = useWorld();
  const { trans } = tools;
  const { draft, isNew, mutable, unsaved, revision } = drafting;
  const refused = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      onRefused(problemIn(error).problems);
      throw error;
    }
  };
  const replaceIt = async (read: number): Promise<void> => {
    try {
      await replace(model, draft, read);
    } catch (error) {
      if (!(error instanceof Overtaken)) {
        throw error;
      }
      const yes = await tools.confirm({
        title: trans('Save over revision %1?', error.revision),
        body: trans('Somebody saved it since you opened it. Their version stays as a revision.'),
        accept: trans('Save'),
        dangerous: true
      });
      if (!yes) {
        throw new Error(trans('Not saved. Compare with the newest under Revisions.'));
      }
      await replaceIt(error.revision);
    }
  };
  const save = async () => {
    if (!draft.title.trim()) {
      onRefused([]);
      throw new Error(trans('Not saved: it has no title.'));
    }
    let id = draft.id;
    if (isNew) {
      id = await refused(create(model, draft));
    } else if (mutable) {
      await refused(replaceIt(revision));
    } else {
      id = await refused(create(model, derive(draft, draft.title)));
    }
    await drafting.saved(id, draft);
    await removeTrials(model, draft.id);
    tools.notify(trans('"%1" is saved.', draft.title), 'success');
  };
  const tryIt = async () => {
    const title = trans('%1 (draft)', draft.title);
    const method = !isNew && !unsaved ? draft.id : await refused(tryOut(model, draft, title));
    tools.open('form', { method });
  };
  const remove = async () => {
    const yes = await tools.confirm({
      title: trans('Delete "%1"?', draft.title),
      body: trans('All its revisions go too. Its Executions stay, with copies of what they ran.'),
      accept: trans('Delete'),
      dangerous: true
    });
    if (yes) {
      await request(model, 'DELETE', pathOf('processes', draft.id));
      await removeTrials(model, draft.id);
      drafting.clear();
    }
  };
  const clone = (run: (work: () => Promise<unknown>) => () => void) => () => {
    const cloneIt = run(async () => {
      const body = { title: trans('Copy of %1', draft.title) };
      const path = `${pathOf('processes', draft.id)}/clone`;
      const made = await request<IMethodSummary>(model, 'POST', path, { body });
      tools.open('editor', { method: made.id, title: made.title });
    });
    const box = (document.activeElement ?? document.body).getBoundingClientRect();
    const entries = [
      { label: trans('Clone: save a copy that is yours'), run: cloneIt },
      { label: trans('Derive: begin a new Method from it'), run: deriving(tools, drafting) }
    ];
    tools.menu(entries, { x: box.left, y: box.bottom });
  };
  return { save, tryIt, remove, clone };
}
