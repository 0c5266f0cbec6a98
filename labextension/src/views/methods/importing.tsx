import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IProblem } from '../../contract';
import { Button, IconButton, Modal, ProblemBox } from '../../parts';
import { ask, problemIn, request, useTools, useWorld } from '../../react';
import {
  conflictsIn,
  countOf,
  IConflict,
  ImportResult,
  IReport,
  refusedIn,
  Source,
  Terms,
  typed
} from './terms';

/** Imports of this view: what is under way, what became of them, what is to be decided. */
export interface IImports {
  start: (sources: Source[]) => void;
  again: (report: IReport, terms: Terms) => void;
  dismiss: (report: IReport) => void;
  reports: readonly IReport[];
  failures: readonly { source: Source; problem: IProblem }[];
  busy: boolean;
  clear: () => void;
}

export function useImports(imported: (id: string) => void): IImports {
  const { model } = useWorld();
  const [reports, setReports] = React.useState<readonly IReport[]>([]);
  const [failures, setFailures] = React.useState<IImports['failures']>([]);
  const [under, setUnder] = React.useState(0);
  const latest = React.useRef(imported);
  latest.current = imported;
  return React.useMemo(() => {
    const send = async (source: Source, terms: Terms): Promise<ImportResult[]> => {
      const flags = { replace: terms === 'replace', renew: terms === 'renew' };
      if (source.kind === 'workspace') {
        const body = { path: source.path, ...flags };
        const path = 'archive/import';
        const done = await ask<{ results: ImportResult[] }>(model, {
          ...{ command: 'server', verb: 'POST', path, body }
        });
        await ask(model, { command: 'refresh', what: 'methods' });
        return done.results;
      }
      const body = source.kind === 'link' ? { href: source.href } : await typed(source.file);
      const query = { replace: String(flags.replace), renew: String(flags.renew) };
      return (await request<IReport>(model, 'POST', 'imports', { body, query })).results.slice();
    };
    const one = async (source: Source, terms: Terms) => {
      try {
        const results = await send(source, terms);
        setReports(all => [...all, { source, results }]);
        const first = results.find(each => each.kind === 'method' && each.id);
        if (first) {
          latest.current(first.id);
        }
      } catch (error) {
        setFailures(all => [...all, { source, problem: problemIn(error) }]);
      }
    };
    const start = async (sources: Source[], terms: Terms) => {
      setUnder(number => number + 1);
      // One after the other: the service takes two at a time of one user.
      for (const source of sources) {
        await one(source, terms);
      }
      setUnder(number => number - 1);
    };
    const dismiss = (report: IReport) => setReports(all => all.filter(each => each !== report));
    return {
      start: sources => void start(sources, 'ask'),
      again: (report, terms) => {
        dismiss(report);
        void start([report.source], terms);
      },
      dismiss,
      clear: () => {
        setReports([]);
        setFailures([]);
      },
      reports,
      failures,
      busy: under > 0
    };
  }, [model, reports, failures, under]);
}

/** What became of imports, and the question when an id is taken. */
export function ImportNotes({ imports }: { imports: IImports }): JSX.Element | null {
  const { trans } = useTools();
  const { reports, failures, busy } = imports;
  const open = reports.find(each => conflictsIn(each).length > 0);
  if (!reports.length && !failures.length && !busy) {
    return null;
  }
  return (
    <div className="ccp-Imports" role="status">
      <span className="ccp-Imports-close">
        <IconButton icon={closeIcon} label={trans('Close the report')} onClick={imports.clear} />
      </span>
      {busy && <p>{trans('Importing…')}</p>}
      {reports.map((each, number) => (
        <Report key={number} report={each} />
      ))}
      {failures.map(({ source, problem }, number) => (
        <ProblemBox
          key={number}
          problem={{ ...problem, title: `${source.name}: ${problem.title}` }}
        />
      ))}
      {open && <Question report={open} imports={imports} />}
    </div>
  );
}

function Report({ report }: { report: IReport }): JSX.Element | null {
  const { trans } = useTools();
  const { results, source } = report;
  const created = countOf(report, 'created');
  const replaced = countOf(report, 'replaced');
  const equal = countOf(report, 'equal');
  const refused = refusedIn(report);
  const parts = [
    created && trans('%1 imported', created),
    replaced && trans('%1 replaced', replaced),
    equal && trans('%1 here already', equal),
    refused.length && trans('%1 refused', refused.length)
  ].filter(Boolean);
  const notes = results.flatMap(each => (each.notes ?? []).map(note => `${nameOf(each)}: ${note}`));
  if (!parts.length) {
    // All of it is still a question.
    return null;
  }
  return (
    <div>
      <p>
        <strong>{source.name}</strong> {parts.join(', ')}
      </p>
      {notes.length > 0 && (
        <ul className="ccp-secondary">
          {notes.map(each => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
      {refused.map((each, number) => (
        <ProblemBox
          key={number}
          problem={{
            title: trans('Refused: %1', nameOf(each) || source.name),
            detail: '',
            status: 400,
            problems: each.problems
          }}
        />
      ))}
    </div>
  );
}

function nameOf(result: ImportResult): string {
  return [result.title || result.name, result.version].filter(Boolean).join(' ');
}

/** What to do with Methods whose ids are taken. */
function Question({ report, imports }: { report: IReport; imports: IImports }): JSX.Element {
  const { trans } = useTools();
  const conflicts = conflictsIn(report);
  const own = conflicts.some(each => each.own);
  const why = ({ own: mine }: IConflict) =>
    mine ? trans('yours, and differs') : trans('belongs to somebody else');
  return (
    <Modal
      title={trans('Methods with these ids exist')}
      onClose={() => imports.dismiss(report)}
      footer={
        <>
          <Button label={trans('Skip')} onClick={() => imports.dismiss(report)} />
          {own && (
            <Button
              kind="warn"
              label={trans('Replace mine')}
              hint={trans('The older ones stay as revisions')}
              onClick={() => imports.again(report, 'replace')}
            />
          )}
          <Button
            kind="accept"
            label={trans('Import as copies')}
            hint={trans('With new ids, beside those that are there')}
            onClick={() => imports.again(report, 'renew')}
          />
        </>
      }
    >
      <p>{trans('From "%1":', report.source.name)}</p>
      <ul>
        {conflicts.map((each, number) => (
          <li key={number}>
            {each.title} {each.version} <span className="ccp-secondary">({why(each)})</span>
          </li>
        ))}
      </ul>
      <p className="ccp-secondary">
        {own
          ? trans('Replacing makes the next revision of yours; a copy gets a new id.')
          : trans('A copy gets a new id, and is yours.')}
      </p>
    </Modal>
  );
}
