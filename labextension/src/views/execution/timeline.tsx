import * as React from 'react';
import type { IExecution, IStep } from '../../data';
import { Duration } from '../../parts';
import { useTools } from '../../react';
import { ISpan, ITaskTimes, PHASES, phaseCounts, taskTimes } from './phases';
import { usePhaseWords } from './phases-now';

/** Rows of the table; of more, those that have not ended come first. */
const MOST = 200;
/** So many are shown without being asked for. */
const FEW = 1;

/** Phases with their times: of one Task in a line, of several in a table. */
export function Timeline({
  steps,
  kind
}: {
  steps: readonly IStep[];
  kind: IExecution['kind'];
}): JSX.Element {
  const { trans } = useTools();
  const words = usePhaseWords();
  const tasks = React.useMemo(() => taskTimes(steps), [steps]);
  if (tasks.length <= FEW) {
    return <OneTask task={tasks[0]} />;
  }
  const what = kind === 'experiment' ? trans('Batches') : trans('Replicas');
  const told = phaseCounts(tasks).map(([phase, number]) => `${number} ${words[phase]}`);
  return (
    <details className="ccp-Timeline">
      <summary>
        {what}: {told.join(', ')}
      </summary>
      <TaskTable tasks={tasks} what={what} />
    </details>
  );
}

function OneTask({ task }: { task: ITaskTimes }): JSX.Element {
  const { trans } = useTools();
  const words = usePhaseWords();
  return (
    <ol className="ccp-Phases" aria-label={trans('Phases')}>
      {PHASES.filter(phase => task.spans[phase]).map(phase => (
        <li key={phase} data-now={task.now === phase}>
          {words[phase]} <Span span={task.spans[phase]} />
        </li>
      ))}
      {task.node && <li className="ccp-secondary">{trans('on %1', task.node)}</li>}
      {task.attempt > 1 && <li className="ccp-secondary">{trans('attempt %1', task.attempt)}</li>}
    </ol>
  );
}

function TaskTable({ tasks, what }: { tasks: readonly ITaskTimes[]; what: string }): JSX.Element {
  const { trans } = useTools();
  const words = usePhaseWords();
  const shown = React.useMemo(() => {
    const going = tasks.filter(each => each.now !== 'ended');
    return tasks.length <= MOST
      ? tasks
      : [...going, ...tasks.filter(each => each.now === 'ended')].slice(0, MOST);
  }, [tasks]);
  return (
    // Scrollable by keyboard too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="ccp-TableFrame" tabIndex={0} role="region" aria-label={what}>
      <table className="ccp-Table">
        <thead>
          <tr>
            <th scope="col">{trans('No.')}</th>
            <th scope="col">{trans('Node')}</th>
            {PHASES.map(phase => (
              <th key={phase} scope="col">
                {words[phase]}
              </th>
            ))}
            <th scope="col">{trans('Now')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(each => (
            <tr key={each.task}>
              <th scope="row">{each.task}</th>
              <td>{each.node}</td>
              {PHASES.map(phase => (
                <td key={phase}>
                  <Span span={each.spans[phase]} />
                </td>
              ))}
              <td title={each.message}>
                {words[each.now]}
                {each.attempt > 1 && ` (${trans('attempt %1', each.attempt)})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < tasks.length && (
        <p className="ccp-secondary">{trans('%1 of %2 are shown', shown.length, tasks.length)}</p>
      )}
    </div>
  );
}

function Span({ span }: { span?: ISpan }): JSX.Element | null {
  return span ? <Duration from={span.from} to={span.to} /> : null;
}
