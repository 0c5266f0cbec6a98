import { fileUploadIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IProblem } from '../../contract';
import { Ago, Empty, IconButton, ProblemBox, size, StatusBadge, VirtualList } from '../../parts';
import { ask, problemIn, useTools, useWorld } from '../../react';
import type { IImporting } from './imports';

/** A file of the archive, as the user's server tells of it. */
interface IEntry {
  path: string;
  kind: string;
  size: number;
  modified: string;
  id: string;
  title: string;
  version: string;
  status: string;
  damaged: string;
}

/** Executions that lie in the workspace. */
export function Archived({
  text,
  number,
  importing
}: {
  text: string;
  /** Another one reads anew. */
  number: number;
  importing: IImporting;
}): JSX.Element {
  const { tools } = useWorld();
  const { trans } = tools;
  const { entries, problem } = useArchive(number);
  const shown = React.useMemo(() => {
    const wanted = text.toLowerCase();
    return entries?.filter(each =>
      `${each.title} ${each.path} ${each.id}`.toLowerCase().includes(wanted)
    );
  }, [entries, text]);
  if (problem) {
    return <ProblemBox problem={problem} />;
  }
  if (!shown) {
    return <p className="ccp-Loading ccp-secondary">{trans('Reading the archive…')}</p>;
  }
  if (!entries?.length) {
    return (
      <Empty title={trans('Nothing is archived')}>
        {trans(
          'Choose "Archive" at an Execution, and all of it is kept as a zip in CCP/executions of your workspace.'
        )}
      </Empty>
    );
  }
  return (
    <VirtualList
      label={trans('Archived Executions')}
      items={shown}
      estimate={44}
      keyOf={each => each.path}
      onKey={(each, event) => event.key === 'Enter' && tools.showFolder(folderOf(each.path))}
      render={each => <Entry entry={each} importing={importing} />}
    />
  );
}

function useArchive(number: number): { entries?: readonly IEntry[]; problem?: IProblem } {
  const { model } = useWorld();
  const [state, setState] = React.useState<{ entries?: readonly IEntry[]; problem?: IProblem }>({});
  React.useEffect(() => {
    let current = true;
    ask<{ entries: IEntry[] }>(model, { command: 'server', verb: 'GET', path: 'archive' }).then(
      ({ entries }) =>
        current && setState({ entries: entries.filter(each => each.kind === 'execution') }),
      (error: unknown) => current && setState({ problem: problemIn(error) })
    );
    return () => {
      current = false;
    };
  }, [model, number]);
  return state;
}

function Entry({ entry, importing }: { entry: IEntry; importing: IImporting }): JSX.Element {
  const { trans, showFolder } = useTools();
  const { path, title, version, status, modified, damaged } = entry;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return (
    <div className="ccp-Archived">
      <div className="ccp-Archived-text">
        <span title={path}>{title ? `${title} ${version}` : name}</span>
        <span className="ccp-secondary">
          {damaged ? (
            trans('Cannot be read: %1', damaged)
          ) : (
            <>
              {status && <StatusBadge status={status} />} {size(entry.size)} <Ago at={modified} />
            </>
          )}
        </span>
      </div>
      <IconButton
        icon={fileUploadIcon}
        label={trans('Import %1', name)}
        hint={trans('Bring it back to the live Executions')}
        disabled={Boolean(damaged) || importing.busy}
        onClick={() => importing.paths([path])}
      />
      <IconButton
        icon={folderIcon}
        label={trans('Show %1 in the file browser', name)}
        onClick={() => showFolder(folderOf(path))}
      />
    </div>
  );
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
