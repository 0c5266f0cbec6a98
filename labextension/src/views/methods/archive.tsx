import * as React from 'react';
import { Ago, Button, Modal, ProblemBox } from '../../parts';
import { ask, problemIn, useTools, useWorld } from '../../react';
import type { IProblem } from '../../contract';
import type { Source } from './terms';

/** A file of the archive, as the user's server tells of it. */
interface IArchived {
  path: string;
  kind: 'method' | 'execution';
  modified: string;
  title: string;
  version: string;
  damaged: string;
}

/** Methods that lie in the workspace, to be imported again. */
export function ArchiveDialog({
  take,
  onClose
}: {
  take: (source: Source) => void;
  onClose: () => void;
}): JSX.Element {
  const tools = useTools();
  const { trans } = tools;
  const { entries, problem } = useArchive();
  const use = (path: string) => {
    onClose();
    take({ kind: 'workspace', name: path.split('/').pop()!, path });
  };
  const choose = async () => {
    // The file dialog is JupyterLab's, which would lie below this one.
    onClose();
    const path = await tools.chooseFile(trans('Import a Method (JSON or zip)'));
    if (path) {
      take({ kind: 'workspace', name: path.split('/').pop()!, path });
    }
  };
  return (
    <Modal
      title={trans('Import from the workspace')}
      onClose={onClose}
      footer={
        <>
          <Button label={trans('Close')} onClick={onClose} />
          <Button label={trans('Choose another file…')} onClick={() => void choose()} />
        </>
      }
    >
      <p className="ccp-secondary">{trans('Methods in the folder CCP/methods:')}</p>
      <ProblemBox problem={problem} />
      {entries?.length === 0 && (
        <p>{trans('None yet. "Archive to workspace" in the list puts a Method there.')}</p>
      )}
      <ul className="ccp-Archive">
        {entries?.map(each => (
          <li key={each.path}>
            <div>
              <div>
                {each.title || each.path.split('/').pop()}{' '}
                <span className="ccp-secondary">{each.version}</span>
              </div>
              <div className="ccp-secondary">{each.damaged || <Ago at={each.modified} />}</div>
            </div>
            <Button
              label={trans('Import')}
              hint={each.path}
              disabled={Boolean(each.damaged)}
              onClick={() => use(each.path)}
            />
          </li>
        ))}
      </ul>
    </Modal>
  );
}

function useArchive(): { entries?: IArchived[]; problem?: IProblem } {
  const { model } = useWorld();
  const [state, setState] = React.useState<{ entries?: IArchived[]; problem?: IProblem }>({});
  React.useEffect(() => {
    ask<{ entries: IArchived[] }>(model, { command: 'server', verb: 'GET', path: 'archive' }).then(
      ({ entries }) => setState({ entries: entries.filter(each => each.kind === 'method') }),
      (error: unknown) => setState({ problem: problemIn(error) })
    );
  }, [model]);
  return state;
}
