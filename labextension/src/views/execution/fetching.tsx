import { closeIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IModel } from '../../contract';
import type { IFetch } from '../../data';
import { Button, IconButton, Progress, size } from '../../parts';
import { ask, pathOf, useData, useTools, useWorld } from '../../react';

/** Begin to fetch outputs into the workspace; events tell how it goes. */
export function startFetch(model: IModel, id: string): Promise<IFetch> {
  return ask(model, { command: 'server', verb: 'POST', path: pathOf('fetch', id) });
}

/** Show the new folder when a fetch that was seen under way has ended. */
function useShownFolder(fetch: IFetch | undefined): void {
  const { showFolder } = useTools();
  const running = React.useRef(false);
  React.useEffect(() => {
    if (fetch?.state === 'done' && running.current) {
      showFolder(fetch.path);
    }
    running.current = fetch?.state === 'running';
  }, [fetch, showFolder]);
}

/** How far the outputs are on their way into the workspace; nothing when nobody fetched them. */
export function FetchState({ id }: { id: string }): JSX.Element | null {
  const { model, tools } = useWorld();
  const { trans } = tools;
  const fetch = useData('fetches').get(id);
  useShownFolder(fetch);
  if (!fetch || fetch.state === 'cancelled') {
    return null;
  }
  const { state, received, total, path, message } = fetch;
  if (state === 'running') {
    const percent = total ? Math.min(100, Math.round((100 * received) / total)) : 0;
    const told = total ? trans('%1 of %2', size(received), size(total)) : size(received);
    return (
      <div className="ccp-Fetch" role="status">
        <span>{trans('Fetching into the workspace: %1', told)}</span>
        <Progress percent={percent} label={trans('Fetched')} />
        <IconButton
          icon={closeIcon}
          label={trans('Cancel fetching')}
          onClick={() =>
            model.send({ id: '', command: 'server', verb: 'DELETE', path: pathOf('fetch', id) })
          }
        />
      </div>
    );
  }
  if (state === 'failed') {
    return (
      <div className="ccp-Fetch ccp-mod-failed" role="alert">
        <span>{trans('Fetching failed: %1', message)}</span>
        <Button label={trans('Try again')} onClick={() => void startFetch(model, id)} />
      </div>
    );
  }
  return (
    <div className="ccp-Fetch" role="status">
      <folderIcon.react tag="span" elementSize="normal" />
      <span>{trans('In the workspace: %1', path)}</span>
      {message && <span className="ccp-secondary">{message}</span>}
      <Button label={trans('Show folder')} onClick={() => tools.showFolder(path)} />
    </div>
  );
}
