import {
  caretDownIcon,
  caretRightIcon,
  downloadIcon,
  fileIcon,
  folderIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecution } from '../../data';
import { Empty, IconLink, ProblemBox, size, VirtualList } from '../../parts';
import { pathOf, useRead, useSelection, useTools } from '../../react';
import { factsOf, isFinal } from './facts';
import { fileAddress, IOutputFile, Node, treeRows } from './files';
import { Preview } from './preview';

/** So many files are listed; all are in the zip. */
const MOST = 1000;

interface IList {
  files: readonly IOutputFile[];
  count: number;
  size: number;
}

/** Output files, to be looked at before they are fetched. */
export function Outputs({ execution }: { execution: IExecution }): JSX.Element {
  const { trans } = useTools();
  const { jobID, status } = execution;
  const there = factsOf(execution).outputSize !== null;
  const { value, problem, loading, again } = useRead<IList>(
    there ? pathOf('jobs', jobID, 'outputs') : null,
    { query: { limit: String(MOST) } }
  );
  if (!there) {
    return (
      <Empty title={trans('There are no output files')}>
        {isFinal(status)
          ? trans('It has left nothing in /ccp_data.')
          : trans('They are there when it has ended.')}
      </Empty>
    );
  }
  if (!value) {
    return loading ? (
      <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>
    ) : (
      <ProblemBox problem={problem} again={again} />
    );
  }
  return <Files id={jobID} list={value} />;
}

function Files({ id, list }: { id: string; list: IList }): JSX.Element {
  const { trans, transN } = useTools();
  const [chosen, setChosen] = useSelection('output', '');
  const [closed, setClosed] = React.useState<ReadonlySet<string>>(new Set());
  const rows = React.useMemo(() => treeRows(list.files, closed), [list, closed]);
  const file = list.files.find(each => each.path === chosen);
  const toggle = (path: string) => {
    const next = new Set(closed);
    if (!next.delete(path)) {
      next.add(path);
    }
    setClosed(next);
  };
  const choose = (row: Node) => (row.kind === 'folder' ? toggle(row.path) : setChosen(row.path));
  const onKey = (row: Node, event: React.KeyboardEvent) => {
    const shut = row.kind === 'folder' && closed.has(row.path);
    const wanted =
      event.key === 'Enter' ||
      event.key === ' ' ||
      (row.kind === 'folder' && event.key === (shut ? 'ArrowRight' : 'ArrowLeft'));
    if (wanted) {
      event.preventDefault();
      choose(row);
    }
  };
  return (
    <div className="ccp-Outputs" data-split={Boolean(file)}>
      <div className="ccp-Outputs-list">
        <p className="ccp-secondary ccp-Outputs-sum">
          {transN('%1 file', '%1 files', list.count)}, {trans('%1 zipped', size(list.size))}
          {list.count > list.files.length &&
            ' ' + trans('(the first %1 are listed; the zip has all)', list.files.length)}
        </p>
        <VirtualList
          label={trans('Output files')}
          items={rows}
          keyOf={row => `${row.kind} ${row.path}`}
          placeOf={row => ({
            level: row.level,
            expanded: row.kind === 'folder' ? !closed.has(row.path) : undefined
          })}
          onKey={onKey}
          render={row => (
            <FileRow
              id={id}
              row={row}
              open={!closed.has(row.path)}
              chosen={row.path === chosen}
              onClick={() => choose(row)}
            />
          )}
        />
      </div>
      {file && <Preview key={file.path} id={id} file={file} onClose={() => setChosen('')} />}
    </div>
  );
}

function FileRow({
  id,
  row,
  open,
  chosen,
  onClick
}: {
  id: string;
  row: Node;
  open: boolean;
  chosen: boolean;
  onClick: () => void;
}): JSX.Element {
  const { trans, transN, address } = useTools();
  const Caret = open ? caretDownIcon : caretRightIcon;
  return (
    // The row itself is in the tree and takes its keys; this is for the mouse.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
    <div
      className="ccp-File"
      data-chosen={chosen}
      style={{ paddingLeft: `${row.level * 12 - 4}px` }}
      onClick={onClick}
    >
      {row.kind === 'folder' ? (
        <>
          <Caret.react tag="span" elementSize="normal" />
          <folderIcon.react tag="span" elementSize="normal" />
        </>
      ) : (
        <fileIcon.react tag="span" elementSize="normal" />
      )}
      <span className="ccp-File-name" title={row.path}>
        {row.name}
      </span>
      <span className="ccp-secondary">
        {row.kind === 'folder'
          ? `${transN('%1 file', '%1 files', row.count)}, ${size(row.size)}`
          : size(row.file.size)}
      </span>
      {row.kind === 'file' && (
        <IconLink
          icon={downloadIcon}
          label={trans('Download %1', row.name)}
          href={address(fileAddress(id, row.path))}
          download
        />
      )}
    </div>
  );
}
