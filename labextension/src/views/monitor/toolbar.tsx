import {
  collapseAllIcon,
  expandAllIcon,
  fileUploadIcon,
  linkIcon,
  refreshIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton, Search } from '../../parts';
import { useTools } from '../../react';
import { STATES } from './groups';
import type { IImporting } from './imports';
import type { IMonitorState } from './state';

/** Above the list: reading anew, bringing in, searching, filtering. */
export function Toolbar({
  state,
  live,
  importing,
  onRefresh,
  onLink,
  linking
}: {
  state: IMonitorState;
  /** Whether the list has groups and states. */
  live: boolean;
  importing: IImporting;
  onRefresh: () => void;
  onLink: () => void;
  linking: boolean;
}): JSX.Element {
  const { trans } = useTools();
  const { text, setText, closed, setClosed, keys } = state;
  const allClosed = keys.length > 0 && keys.every(key => closed.includes(key));
  return (
    <div className="ccp-MonitorToolbar">
      <Search label={trans('Search Executions')} value={text} onChange={setText} />
      {live && <StatusFilter state={state} />}
      <span className="ccp-MonitorToolbar-buttons">
        <IconButton icon={refreshIcon} label={trans('Refresh')} onClick={onRefresh} />
        <UploadButton importing={importing} />
        <IconButton
          icon={linkIcon}
          label={trans('Import from a link')}
          pressed={linking}
          onClick={onLink}
        />
        {live && (
          <IconButton
            icon={allClosed ? expandAllIcon : collapseAllIcon}
            label={allClosed ? trans('Expand all') : trans('Collapse all')}
            onClick={() => setClosed(allClosed ? [] : keys)}
          />
        )}
      </span>
    </div>
  );
}

function StatusFilter({
  state: { status, setStatus, counts }
}: {
  state: IMonitorState;
}): JSX.Element {
  const { trans } = useTools();
  const words = {
    accepted: trans('Accepted'),
    running: trans('Running'),
    successful: trans('Successful'),
    failed: trans('Failed'),
    dismissed: trans('Dismissed')
  };
  return (
    <select
      className="ccp-StatusFilter"
      aria-label={trans('Show only')}
      value={status}
      onChange={event => setStatus(event.target.value)}
    >
      <option value="">{trans('Any status')}</option>
      {STATES.map(each => (
        <option key={each} value={each}>
          {words[each]} ({counts[each]})
        </option>
      ))}
    </select>
  );
}

/** Lets a file be chosen on the user's own computer. */
function UploadButton({ importing }: { importing: IImporting }): JSX.Element {
  const { trans } = useTools();
  const field = React.useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton
        icon={fileUploadIcon}
        label={trans('Import a zip')}
        disabled={importing.busy}
        onClick={() => field.current?.click()}
      />
      <input
        ref={field}
        type="file"
        accept=".zip,application/zip"
        hidden
        aria-label={trans('Zip of an Execution')}
        onChange={event => {
          const file = event.target.files?.[0];
          // Cleared, so that the same file can be chosen again.
          event.target.value = '';
          if (file) {
            importing.file(file);
          }
        }}
      />
    </>
  );
}
