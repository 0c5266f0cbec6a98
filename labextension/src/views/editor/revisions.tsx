import * as React from 'react';
import { Ago, Button, Empty, ProblemBox } from '../../parts';
import { pathOf, useRead, useTools } from '../../react';
import { diff, folded } from './diff';
import { fromDocument, toDocument } from './document';
import { IDraft } from './model';

interface IRevision {
  revision: number;
  title: string;
  version: string;
  created: string;
  author: string;
}

/** What the Method was before, and how that differs from what is in the form. */
export function Revisions({
  method,
  newest,
  draft,
  restore
}: {
  method: string;
  /** Read again when it changes. */
  newest: number;
  draft: IDraft;
  restore: (document: unknown, revision: number) => void;
}): JSX.Element {
  const { trans } = useTools();
  const path = method ? `${pathOf('processes', method)}/revisions` : null;
  const { value, problem, again, loading } = useRead<{ revisions: IRevision[] }>(path, {
    query: { limit: '100' }
  });
  const [chosen, setChosen] = React.useState<number | null>(null);
  const last = React.useRef(newest);
  React.useEffect(() => {
    if (last.current !== newest) {
      last.current = newest;
      again();
    }
  }, [newest, again]);
  if (!method) {
    return (
      <Empty title={trans('No revisions yet')}>
        {trans('Each time you save, what was there before stays here.')}
      </Empty>
    );
  }
  const revisions = value?.revisions ?? [];
  const shown = chosen ?? revisions[0]?.revision;
  return (
    <div className="ccp-EditorRevisions">
      <ProblemBox problem={problem} again={again} />
      {loading && !value && <p className="ccp-secondary">{trans('Loading…')}</p>}
      <ul className="ccp-EditorRevisions-list" aria-label={trans('Revisions')}>
        {revisions.map(each => (
          <li key={each.revision}>
            <button
              type="button"
              aria-pressed={each.revision === shown}
              onClick={() => setChosen(each.revision)}
            >
              <strong>{trans('Revision %1', each.revision)}</strong> {each.version}
              <span className="ccp-secondary">
                {each.author}, <Ago at={each.created} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <Difference
          key={shown}
          path={`${path}/${shown}`}
          revision={shown}
          draft={draft}
          restore={restore}
        />
      )}
    </div>
  );
}

function Difference({
  path,
  revision,
  draft,
  restore
}: {
  path: string;
  revision: number;
  draft: IDraft;
  restore: (document: unknown, revision: number) => void;
}): JSX.Element {
  const { trans, transN } = useTools();
  const { value, problem, again, loading } = useRead<unknown>(path);
  const lines = React.useMemo(
    () => (value ? folded(diff(textOf(value), textOf(toDocument(draft)))) : []),
    [value, draft]
  );
  const changed = lines.some(each => typeof each !== 'number');
  const marks = { same: ' ', added: '+', removed: '-' };
  const words = { same: '', added: trans('Added:'), removed: trans('Removed:') };
  return (
    <section
      className="ccp-EditorDiff"
      aria-label={trans('From revision %1 to the form', revision)}
    >
      <div className="ccp-EditorDiff-head">
        <span>{trans('From revision %1 to what is in the form', revision)}</span>
        <Button
          label={trans('Use this revision')}
          disabled={!value || !changed}
          hint={trans('Puts it into the form; nothing is saved yet.')}
          onClick={() => restore(value, revision)}
        />
      </div>
      <ProblemBox problem={problem} again={again} />
      {loading && <p className="ccp-secondary">{trans('Loading…')}</p>}
      {value !== undefined && !changed && (
        <p className="ccp-secondary">{trans('There is no difference.')}</p>
      )}
      {changed && (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls by keyboard
        <pre tabIndex={0} aria-label={trans('Difference')}>
          {lines.map((line, at) =>
            typeof line === 'number' ? (
              <div key={at} className="ccp-EditorDiff-fold">
                {transN('%1 line', '%1 lines', line)}
              </div>
            ) : (
              <div key={at} data-kind={line.kind}>
                <span className="ccp-Editorhidden">{words[line.kind]}</span>
                {`${marks[line.kind]} ${line.text}`}
              </div>
            )
          )}
        </pre>
      )}
    </section>
  );
}

/** A Method as lines, in the form that both sides have. */
function textOf(document: unknown): string[] {
  return JSON.stringify(toDocument(fromDocument(document)), null, 2).split('\n');
}
