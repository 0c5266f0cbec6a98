import * as React from 'react';
import { Button, Connection, ProblemBox, Tabs } from '../../parts';
import { reactView, useSelection, useTools } from '../../react';
import { About } from './about';
import { Fields } from './fieldList';
import { JsonView } from './json';
import { Editing } from './parts';
import { Platform } from './platform';
import { Resources } from './resources';
import { Revisions } from './revisions';
import { Scripts } from './scripts';
import { Toolbar } from './toolbar';
import { useActions } from './useActions';
import { useChecks } from './useChecks';
import { IDrafting, useDraft } from './useDraft';
import { useDrops } from './useDrops';

type Pane = 'form' | 'json' | 'revisions';

function MethodEditor(): JSX.Element {
  const { trans } = useTools();
  const drafting = useDraft();
  const { draft, change, loading, problem } = drafting;
  const { problems, tell } = useChecks(drafting);
  const [pane, setPane] = React.useState<Pane>('form');
  const [notes, setNotes] = React.useState<string[]>([]);
  // JSON that cannot be read is no draft; it is kept beside it.
  const [text, setText] = useSelection<string | null>('text', null);
  const root = React.useRef<HTMLDivElement>(null);
  const { action, edit, convert, ...actions } = useActions(drafting, {
    onRefused: rules => {
      tell(rules);
      requestAnimationFrame(() =>
        root.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
      );
    },
    onNotes: setNotes
  });
  React.useEffect(() => {
    // Each view begins at its top, however far down the one before was.
    root.current?.querySelector('.ccp-Tab-panel')?.scrollTo(0, 0);
  }, [pane]);
  useDrops(root, { onMethod: edit, onFile: convert });
  const editing = React.useMemo(() => ({ draft, change, problems }), [draft, change, problems]);
  const panes: { id: Pane; label: string }[] = [
    { id: 'form', label: trans('Form') },
    { id: 'json', label: trans('JSON') },
    { id: 'revisions', label: trans('Revisions') }
  ];
  const nothing = drafting.isNew && (loading || (problem && !drafting.unsaved));
  return (
    // The region takes Ctrl+S from all fields in it.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      ref={root}
      className="ccp-MethodEditor"
      onKeyDown={event => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
          event.preventDefault();
          event.stopPropagation();
          if (text === null) {
            actions.save();
          }
        }
      }}
    >
      <Connection />
      <Toolbar
        actions={actions}
        status={useStatus(drafting, problems.length)}
        busy={action.busy || loading}
        unsaved={drafting.unsaved}
        isNew={drafting.isNew}
        mutable={drafting.mutable}
        readable={text === null}
      />
      <ProblemBox problem={problem} again={drafting.reload} />
      <ProblemBox problem={action.problem} dismiss={action.clear} />
      <Notes notes={notes} close={() => setNotes([])} />
      {nothing ? (
        !problem && <p className="ccp-secondary ccp-Editor-loading">{trans('Loading…')}</p>
      ) : (
        <Editing.Provider value={editing}>
          <Tabs
            tabs={panes}
            current={pane}
            onChange={id => setPane(id as Pane)}
            label={trans('Views of the Method')}
          >
            {pane === 'form' && <Form isNew={drafting.isNew} />}
            {pane === 'json' && (
              <JsonView text={text} setText={setText} replace={drafting.replace} />
            )}
            {pane === 'revisions' && (
              <Revisions
                method={drafting.of}
                newest={drafting.revision}
                draft={draft}
                restore={document => {
                  drafting.replace(document);
                  setPane('form');
                }}
              />
            )}
          </Tabs>
        </Editing.Provider>
      )}
    </div>
  );
}

function Form({ isNew }: { isNew: boolean }): JSX.Element {
  return (
    <div className="ccp-EditorForm">
      <div>
        <About isNew={isNew} />
        <Platform />
        <Resources />
      </div>
      <div>
        <Fields where="inputs" />
        <Scripts />
        <Fields where="outputs" />
      </div>
    </div>
  );
}

function useStatus({ isNew, unsaved, mutable, revision }: IDrafting, problems: number): string {
  const { trans, transN } = useTools();
  const state = isNew
    ? trans('New, not saved')
    : !mutable
      ? trans('Not yours: saving makes a private copy')
      : unsaved
        ? trans('Unsaved changes')
        : trans('Saved, revision %1', revision);
  return problems && (unsaved || isNew)
    ? `${state}. ${transN('%1 problem', '%1 problems', problems)}`
    : state;
}

/** What to know about a Method that was made of a file. */
function Notes({ notes, close }: { notes: string[]; close: () => void }): JSX.Element | null {
  const { trans } = useTools();
  if (!notes.length) {
    return null;
  }
  return (
    <div className="ccp-EditorNotes" role="status">
      <strong>{trans('Before you run it')}</strong>
      <ul>
        {[...new Set(notes)].map(note => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      <Button label={trans('Close')} onClick={close} />
    </div>
  );
}

export default reactView(MethodEditor);
