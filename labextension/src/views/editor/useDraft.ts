/** The Method that is being edited: read, kept over a reload, and saved. */

import * as React from 'react';
import type { IProblem } from '../../contract';
import { pathOf, problemIn, request, useData, useSelection, useTools, useWorld } from '../../react';
import { fromDocument, same, toDocument, withKeys } from './document';
import { blank, IDraft, Members, withInfrastructures } from './model';

/** Milliseconds without typing after which a draft is kept. */
const PAUSE = 300;

interface IState {
  /** Id of the Method that this is a draft of; empty for a new one. */
  of: string;
  draft: IDraft;
  /** As it was read or begun. */
  base: IDraft;
  mutable: boolean;
  revision: number;
  loading: boolean;
  problem?: IProblem;
}

export interface IDrafting extends IState {
  isNew: boolean;
  unsaved: boolean;
  change: (edit: (draft: IDraft) => IDraft) => void;
  /** Put a document in the place of what is here.  Throws `Unreadable`. */
  replace: (document: unknown) => IDraft;
  /** Go back to what is saved. */
  revert: () => void;
  /** Begin a new Method here. */
  clear: () => void;
  /** Edit a Method here; what is here is lost. */
  edit: (id: string) => void;
  /** Read it again after it was saved; what was typed since stays. */
  saved: (id: string, sent: IDraft) => Promise<void>;
  reload: () => void;
}

type Model = Parameters<typeof request>[0];

/** Ask which revision of a Method is the newest, and for its entity tag. */
export async function newestOf(
  model: Model,
  id: string
): Promise<{ revision: number; etag: string }> {
  const path = `${pathOf('processes', id)}/revisions`;
  const found = await request<{ revisions: { revision: number; etag?: string }[] }>(
    model,
    'GET',
    path,
    { query: { limit: '1' } }
  );
  const { revision = 0, etag = '*' } = found.revisions[0] ?? {};
  return { revision, etag };
}

/** Read the document of a Method, and which revision is the newest. */
async function readMethod(
  model: Model,
  id: string
): Promise<{ document: Members; revision: number }> {
  // First of all: what is saved between the two questions is then found out when saving.
  const { revision } = await newestOf(model, id);
  const document = await request<Members>(model, 'GET', pathOf('processes', id));
  return { document, revision };
}

function begun(kept: unknown): IState {
  const base = blank();
  return {
    of: '',
    base,
    draft: kept ? read(kept, base) : base,
    mutable: true,
    revision: 0,
    loading: false
  };
}

function read(document: unknown, otherwise: IDraft): IDraft {
  try {
    return withKeys(fromDocument(document), otherwise);
  } catch {
    return otherwise;
  }
}

export function useDraft(): IDrafting {
  const { model } = useWorld();
  const [method, setMethod] = useSelection<string>('method', '');
  const [kept, setKept] = useSelection<unknown>('document', null);
  const [title, setTitle] = useSelection<string>('title', '');
  const [state, setState] = React.useState<IState>(() => ({ ...begun(kept), loading: !!method }));
  const unsaved = React.useMemo(() => !same(state.draft, state.base), [state.draft, state.base]);
  const written = useKept(state, unsaved, kept, setKept);

  const take = React.useCallback(
    async (id: string, before?: IDraft) => {
      setState(old => ({ ...old, loading: true, problem: undefined }));
      try {
        const { document, revision } = await readMethod(model, id);
        setState(old => {
          const base = withKeys(fromDocument(document), old.draft);
          const draft = before && old.draft !== before ? old.draft : base;
          const mutable = document.mutable === true;
          return { of: id, base, draft, mutable, revision, loading: false };
        });
      } catch (error) {
        setState(old => ({ ...old, loading: false, problem: problemIn(error) }));
      }
    },
    [model]
  );

  // A Method was chosen: by the host when it begins, by Python or by another view.
  const wanted = React.useRef('');
  React.useEffect(() => {
    if (method === wanted.current) {
      return;
    }
    wanted.current = method;
    if (!method) {
      setState(begun(null));
      return;
    }
    const draft = model.get('document') as unknown;
    void take(method).then(
      () => draft && setState(old => ({ ...old, draft: read(draft, old.draft) }))
    );
  }, [method, model, take]);

  // Somebody else put a document there.
  React.useEffect(() => {
    if (
      kept &&
      kept !== written.current &&
      JSON.stringify(kept) !== JSON.stringify(written.current)
    ) {
      written.current = kept;
      setState(old => ({ ...old, draft: read(kept, old.draft) }));
    }
  }, [kept, written]);

  React.useEffect(() => {
    if (state.draft.title !== title && !state.loading) {
      setTitle(state.draft.title);
    }
  }, [state.draft.title, state.loading, title, setTitle]);

  useFirstInfrastructure(state, setState);

  const edit = (id: string) => {
    setKept(null);
    wanted.current = id;
    setMethod(id);
    void take(id);
  };
  return {
    ...state,
    unsaved,
    isNew: !state.of,
    edit,
    change: React.useCallback(
      change => setState(old => ({ ...old, draft: change(old.draft) })),
      []
    ),
    replace: document => {
      const draft = withKeys(fromDocument(document, state.draft.id), state.draft);
      setState(old => ({ ...old, draft }));
      return draft;
    },
    revert: () => setState(old => ({ ...old, draft: withKeys(old.base, old.draft) })),
    clear: () => {
      wanted.current = '';
      setMethod('');
      setState(begun(null));
    },
    saved: async (id, sent) => {
      wanted.current = id;
      await take(id, sent);
      setMethod(id);
    },
    reload: () => void take(state.of || method)
  };
}

/** A new Method begins with the first Infrastructure that is available. */
function useFirstInfrastructure(
  { of, base, loading }: IState,
  setState: React.Dispatch<React.SetStateAction<IState>>
): void {
  const first = useData('infrastructures').items.find(each => each.available);
  React.useEffect(() => {
    if (of || loading || !first || base.links.length) {
      return;
    }
    setState(old => {
      const filled = withInfrastructures(old.base, [first]);
      const draft = old.draft.links.length ? old.draft : { ...old.draft, links: filled.links };
      return { ...old, base: filled, draft: old.draft === old.base ? filled : draft };
    });
  }, [of, base, loading, first, setState]);
}

/** Keep what is not saved in the host's selection, so that a reload loses nothing. */
function useKept(
  { draft, loading }: IState,
  unsaved: boolean,
  kept: unknown,
  setKept: (document: unknown) => void
): React.MutableRefObject<unknown> {
  const { setUnsaved } = useTools();
  const written = React.useRef<unknown>(kept);
  const pending = React.useRef<(() => void) | null>(null);
  React.useEffect(() => void setUnsaved(unsaved), [unsaved, setUnsaved]);
  React.useEffect(() => {
    if (loading) {
      return;
    }
    pending.current = () => {
      pending.current = null;
      const document = unsaved ? toDocument(draft) : null;
      if (JSON.stringify(document) !== JSON.stringify(written.current)) {
        written.current = document;
        setKept(document);
      }
    };
    const timer = setTimeout(() => pending.current?.(), PAUSE);
    return () => clearTimeout(timer);
  }, [draft, unsaved, loading, setKept]);
  React.useEffect(() => {
    const keep = () => pending.current?.();
    window.addEventListener('beforeunload', keep);
    return () => {
      window.removeEventListener('beforeunload', keep);
      keep();
    };
  }, []);
  return written;
}
