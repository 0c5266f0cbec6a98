import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecution } from '../../data';
import { Ago, Duration, Progress, StatusBadge } from '../../parts';
import { useTools } from '../../react';
import { useExecutionActions } from '../execution/actions';
import { ActionIcons, ActionResults, menuEntries } from '../execution/buttons';
import { isFinal, shortId } from '../execution/facts';
import { Expanded } from './expanded';
import { IGroup, STATES } from './groups';
import { DRAGGED } from './state';

/** Shown in each row, and in the one that the user is at. */
const ALWAYS = ['cancel'];
const NEAR = ['cancel', 'fetch', 'repeat'];

/** A Method, and how many of its Executions are in each state. */
export function GroupRow({
  group,
  open,
  onToggle
}: {
  group: IGroup;
  open: boolean;
  onToggle: () => void;
}): JSX.Element {
  const { trans, transN } = useTools();
  const Caret = open ? caretDownIcon : caretRightIcon;
  const words: Record<string, (count: number) => string> = {
    accepted: count => transN('%1 accepted', '%1 accepted', count),
    running: count => transN('%1 running', '%1 running', count),
    successful: count => transN('%1 successful', '%1 successful', count),
    failed: count => transN('%1 failed', '%1 failed', count),
    dismissed: count => transN('%1 dismissed', '%1 dismissed', count)
  };
  const title = group.title || trans('RED Experiments');
  return (
    // The row itself is in the tree and takes its keys; this is for the mouse.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
    <div className="ccp-MonitorGroup" onClick={onToggle}>
      <Caret.react tag="span" elementSize="normal" />
      <span className="ccp-MonitorGroup-title" title={title}>
        {title}
      </span>
      <span className="ccp-Counts">
        {STATES.filter(state => group.counts[state]).map(state => (
          <span
            key={state}
            className="ccp-Count"
            data-status={state}
            title={words[state](group.counts[state])}
          >
            <span aria-hidden>{group.counts[state]}</span>
            <span className="ccp-hidden">{words[state](group.counts[state])}</span>
          </span>
        ))}
      </span>
    </div>
  );
}

/** One Execution; with everything about it when it is expanded. */
export const ItemRow = React.memo(function ItemRow({
  execution,
  expanded,
  chosen,
  focused,
  onToggle,
  onChoose
}: {
  execution: IExecution;
  expanded: boolean;
  chosen: boolean;
  focused: boolean;
  onToggle: (id: string) => void;
  onChoose: (id: string, chosen: boolean) => void;
}): JSX.Element {
  const { trans, menu } = useTools();
  const actions = useExecutionActions(execution);
  // Icons cost most of what a row costs, so only a row that is near the hand has them.
  const [hovered, setHovered] = React.useState(false);
  const { jobID: id, status, created, title, kind } = execution;
  const Caret = expanded ? caretDownIcon : caretRightIcon;
  return (
    <div className="ccp-MonitorItem" data-execution={id}>
      {/* The row itself is in the tree and takes its keys; this is for the mouse. */}
      {/* eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions */}
      <div
        className="ccp-MonitorItem-line"
        draggable
        onDragStart={event => drag(event, execution)}
        onMouseEnter={() => setHovered(true)}
        onMouseLeave={() => setHovered(false)}
        onClick={() => onToggle(id)}
        onContextMenu={event => {
          event.preventDefault();
          event.stopPropagation();
          menu(menuEntries(actions.list), { x: event.clientX, y: event.clientY });
        }}
      >
        <input
          type="checkbox"
          checked={chosen}
          tabIndex={-1}
          aria-label={trans('Select %1 of %2', shortId(id), title)}
          onClick={event => event.stopPropagation()}
          onChange={event => onChoose(id, event.target.checked)}
        />
        <Caret.react tag="span" elementSize="normal" />
        <StatusBadge status={status} />
        <span className="ccp-MonitorItem-what">
          {kind === 'experiment' ? title : <Said execution={execution} />}
        </span>
        <span className="ccp-MonitorItem-time ccp-secondary">
          <Ago at={created} />
          <Took execution={execution} />
        </span>
        <ActionIcons actions={actions} only={hovered || focused || expanded ? NEAR : ALWAYS} />
      </div>
      {status === 'running' && (
        <Progress percent={execution.progress} label={trans('Progress of %1', shortId(id))} />
      )}
      {expanded ? (
        <Expanded execution={execution} actions={actions} />
      ) : (
        <ActionResults actions={actions} execution={execution} />
      )}
    </div>
  );
});

/** In a line: why it waits, failed, or how far it is; else its id. */
function Said({ execution }: { execution: IExecution }): JSX.Element {
  const { trans } = useTools();
  const { status, message, position, jobID } = execution;
  if (status === 'successful') {
    return <span className="ccp-secondary">{shortId(jobID)}</span>;
  }
  const place = position ? trans('No. %1 in the queue. ', position) : '';
  const text = place + message;
  return <span title={text}>{text}</span>;
}

function Took({ execution: { started, finished, status } }: { execution: IExecution }) {
  if (!started || (isFinal(status) && !finished)) {
    return null;
  }
  return <Duration from={started} to={finished} />;
}

/** What a form takes as its inputs; other programs get the id as text. */
function drag(event: React.DragEvent, { jobID }: IExecution): void {
  event.dataTransfer.setData(DRAGGED, jobID);
  event.dataTransfer.setData('text/plain', jobID);
  event.dataTransfer.effectAllowed = 'copy';
}
