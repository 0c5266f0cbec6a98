import * as React from 'react';
import { Connection, Empty, ProblemBox, Tabs, VirtualList } from '../../parts';
import { ask, reactView, useAction, useData, useSelection, useTools, useWorld } from '../../react';
import { Archived } from './archived';
import { ChosenBar } from './chosen';
import type { Row } from './groups';
import { ImportResults, LinkForm, useImporting } from './imports';
import { GroupRow, ItemRow } from './rows';
import { Shared } from './shared';
import { IMonitorState, useChosen, useMonitorState } from './state';
import { Toolbar } from './toolbar';

function ExecutionMonitor(): JSX.Element {
  const { model, tools } = useWorld();
  const { trans, onFileDrop } = tools;
  const state = useMonitorState();
  const importing = useImporting();
  const [tab, setTab] = useSelection('tab', 'live');
  const [, setSelected] = useSelection('execution_id', '');
  const [linking, setLinking] = React.useState(false);
  const [number, setNumber] = React.useState(0);
  const refresh = useAction(() => ask(model, { command: 'refresh', what: 'executions' }));
  const frame = React.useRef<HTMLDivElement>(null);
  const drop = React.useRef(importing.paths);
  drop.current = importing.paths;
  React.useEffect(() => onFileDrop(frame.current!, paths => drop.current(paths)), [onFileDrop]);
  const show = (id: string) => {
    state.setText('');
    state.setStatus('');
    setTab('live');
    setSelected(id);
  };
  return (
    <div ref={frame} className="ccp-ExecutionMonitor">
      <Connection />
      <Toolbar
        state={state}
        live={tab === 'live'}
        importing={importing}
        linking={linking}
        onLink={() => setLinking(!linking)}
        onRefresh={() => {
          setNumber(number + 1);
          refresh.run();
        }}
      />
      {linking && <LinkForm importing={importing} onClose={() => setLinking(false)} />}
      <ImportResults importing={importing} onOpen={show} />
      <Tabs
        label={trans('Executions')}
        current={tab}
        onChange={setTab}
        tabs={[
          { id: 'live', label: trans('Live') },
          { id: 'archived', label: trans('Archived') },
          { id: 'shared', label: trans('Shared with me') }
        ]}
      >
        {tab === 'archived' ? (
          <Archived text={state.text} number={number} importing={importing} />
        ) : tab === 'shared' ? (
          <Shared text={state.text} number={number} />
        ) : (
          <Live state={state} />
        )}
      </Tabs>
    </div>
  );
}

/** Everything that the service has of this user. */
function Live({ state }: { state: IMonitorState }): JSX.Element {
  const { trans, open } = useTools();
  const { model } = useWorld();
  const { items, state: reading, problem } = useData('executions');
  const { chosen, has, choose, clear } = useChosen(items);
  const again = useAction(() => ask(model, { command: 'refresh', what: 'executions' }));
  const list = useRows(state, chosen.length > 0 ? has : () => false, choose);
  if (reading === 'ready' && items.length === 0) {
    return (
      <Empty title={trans('No Executions yet')}>
        <p>{trans('Run a Method, and you can watch it here.')}</p>
        <button
          type="button"
          className="jp-mod-styled jp-mod-accept ccp-Button"
          onClick={() => open('methods', {})}
        >
          {trans('Show Methods')}
        </button>
      </Empty>
    );
  }
  return (
    <>
      <ProblemBox problem={problem} again={again.run} />
      <ChosenBar chosen={chosen} clear={clear} />
      {reading === 'loading' && (
        <p className="ccp-Loading ccp-secondary" role="status">
          {items.length ? trans('Reading more…') : trans('Reading…')}
        </p>
      )}
      {list}
    </>
  );
}

/** The tree itself: Methods, and below each its Executions. */
function useRows(
  { rows, closed, setClosed }: IMonitorState,
  has: (id: string) => boolean,
  choose: (id: string, chosen: boolean) => void
): JSX.Element {
  const { trans, open } = useTools();
  const [selected, setSelected] = useSelection('execution_id', '');
  const latest = React.useRef({ selected, setSelected });
  latest.current = { selected, setSelected };
  const toggleItem = React.useCallback((id: string) => {
    const { selected: now, setSelected: set } = latest.current;
    set(now === id ? '' : id);
  }, []);
  const toggleGroup = (key: string) =>
    setClosed(closed.includes(key) ? closed.filter(each => each !== key) : [...closed, key]);
  const onKey = (row: Row, event: React.KeyboardEvent) => {
    const action = keyAction(
      row,
      event.key,
      row.kind === 'item' && row.execution.jobID === selected
    );
    if (!action) {
      return;
    }
    event.preventDefault();
    if (row.kind === 'group') {
      toggleGroup(row.group.key);
    } else if (action === 'choose') {
      choose(row.execution.jobID, !has(row.execution.jobID));
    } else if (action === 'open') {
      open('execution', { execution_id: row.execution.jobID, title: row.execution.title });
    } else {
      toggleItem(row.execution.jobID);
    }
  };
  return (
    <VirtualList
      label={trans('Executions by Method')}
      items={rows}
      current={selected || undefined}
      keyOf={row => (row.kind === 'group' ? row.group.key : row.execution.jobID)}
      placeOf={row =>
        row.kind === 'group'
          ? { level: 1, expanded: row.open }
          : { level: 2, expanded: row.execution.jobID === selected }
      }
      onKey={onKey}
      render={(row, focused) =>
        row.kind === 'group' ? (
          <GroupRow group={row.group} open={row.open} onToggle={() => toggleGroup(row.group.key)} />
        ) : (
          <ItemRow
            execution={row.execution}
            expanded={row.execution.jobID === selected}
            chosen={has(row.execution.jobID)}
            focused={focused}
            onToggle={toggleItem}
            onChoose={choose}
          />
        )
      }
    />
  );
}

/** What a key does to a row, as in other trees. */
function keyAction(row: Row, key: string, expanded: boolean): 'toggle' | 'choose' | 'open' | null {
  const shown = row.kind === 'group' ? row.open : expanded;
  switch (key) {
    case 'ArrowRight':
      return shown ? null : 'toggle';
    case 'ArrowLeft':
      return shown ? 'toggle' : null;
    case 'Enter':
      return row.kind === 'group' ? 'toggle' : 'open';
    case ' ':
      return row.kind === 'group' ? 'toggle' : 'choose';
    default:
      return null;
  }
}

export default reactView(ExecutionMonitor);
