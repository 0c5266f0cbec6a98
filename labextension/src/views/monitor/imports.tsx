import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IModel, IProblem } from '../../contract';
import type { components } from '../../generated/api';
import { Button, IconButton, ProblemBox } from '../../parts';
import { ask, request, useAction, useTools, useWorld } from '../../react';

export type IResult = components['schemas']['ImportReport']['results'][number];
interface IReport {
  results: readonly IResult[];
}

export interface IImporting {
  busy: boolean;
  problem?: IProblem;
  results: readonly IResult[] | null;
  file: (file: Blob) => void;
  link: (href: string) => void;
  /** Files of the workspace. */
  paths: (paths: readonly string[]) => void;
  clear: () => void;
}

/** Bring Executions back that were given out as zips. */
export function useImporting(): IImporting {
  const { model } = useWorld();
  const [results, setResults] = React.useState<readonly IResult[] | null>(null);
  const { run, busy, problem, clear } = useAction(async (work: () => Promise<IReport>) => {
    setResults(null);
    setResults((await work()).results);
  });
  return {
    busy,
    problem,
    results,
    file: file => run(() => importFile(model, file)),
    link: href => run(() => request<IReport>(model, 'POST', 'imports', { body: { href } })),
    paths: paths => run(() => importPaths(model, paths)),
    clear: () => {
      setResults(null);
      clear();
    }
  };
}

function importFile(model: IModel, file: Blob): Promise<IReport> {
  const headers = { 'Content-Type': 'application/zip' };
  return request<IReport>(model, 'POST', 'imports', { body: file, headers });
}

async function importPaths(model: IModel, paths: readonly string[]): Promise<IReport> {
  const results: IResult[] = [];
  for (const path of paths) {
    const body = { path };
    const report = await ask<IReport>(model, {
      command: 'server',
      verb: 'POST',
      path: 'archive/import',
      body
    });
    results.push(...report.results);
  }
  // The server asked for it, not this page: nothing has told the store.
  await ask(model, { command: 'refresh', what: 'executions' });
  return { results };
}

/** A field for a link to an exported Execution. */
export function LinkForm({
  importing,
  onClose
}: {
  importing: IImporting;
  onClose: () => void;
}): JSX.Element {
  const { trans } = useTools();
  const [href, setHref] = React.useState('');
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => field.current?.focus(), []);
  return (
    <form
      className="ccp-LinkForm"
      onSubmit={event => {
        event.preventDefault();
        importing.link(href.trim());
      }}
    >
      <input
        ref={field}
        type="url"
        required
        className="jp-mod-styled"
        aria-label={trans('Link to an Execution')}
        placeholder={trans('Link to an Execution: https://…')}
        value={href}
        onChange={event => setHref(event.target.value)}
        onKeyDown={event => event.key === 'Escape' && onClose()}
      />
      <button
        type="submit"
        className="jp-mod-styled jp-mod-accept ccp-Button"
        disabled={importing.busy}
        aria-busy={importing.busy}
      >
        {trans('Import')}
      </button>
      <IconButton icon={closeIcon} label={trans('Close')} onClick={onClose} />
    </form>
  );
}

/** What became of what was imported. */
export function ImportResults({
  importing,
  onOpen
}: {
  importing: IImporting;
  onOpen: (id: string) => void;
}): JSX.Element | null {
  const { trans } = useTools();
  const { busy, problem, results, clear } = importing;
  if (problem) {
    return <ProblemBox problem={problem} dismiss={clear} />;
  }
  if (busy) {
    return (
      <p className="ccp-Imported ccp-secondary" role="status">
        {trans('Importing…')}
      </p>
    );
  }
  if (!results) {
    return null;
  }
  return (
    <div className="ccp-Imported" role="status">
      {results.length === 0 && <p>{trans('There was nothing to import.')}</p>}
      <ul>
        {results.map((each, index) => (
          <Result key={index} result={each} onOpen={onOpen} />
        ))}
      </ul>
      <Button label={trans('Close')} onClick={clear} />
    </div>
  );
}

function Result({
  result: { outcome, title, name, id, kind, notes, problems },
  onOpen
}: {
  result: IResult;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { trans } = useTools();
  const words: Record<IResult['outcome'], string> = {
    created: trans('Imported'),
    replaced: trans('Replaced'),
    equal: trans('There already'),
    refused: trans('Refused')
  };
  return (
    <li>
      <strong>{words[outcome]}</strong> {title || name}{' '}
      {kind === 'execution' && id && (
        <button type="button" className="ccp-Link" onClick={() => onOpen(id)}>
          {trans('Show')}
        </button>
      )}
      {[
        ...notes,
        ...problems.map(({ member, rule }) => (member ? `${member}: ${rule}` : rule))
      ].map(text => (
        <div key={text} className="ccp-secondary">
          {text}
        </div>
      ))}
    </li>
  );
}
