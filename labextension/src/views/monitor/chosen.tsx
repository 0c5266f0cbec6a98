import * as React from 'react';
import type { IExecution } from '../../data';
import { Button, ProblemBox } from '../../parts';
import { useAction, useTools, useWorld } from '../../react';
import { cancelExecution, deleteExecution } from '../execution/actions';
import { isFinal } from '../execution/facts';

/** Requests under way at the same time. */
const AT_ONCE = 6;

/** What can be done with all Executions that are selected. */
export function ChosenBar({
  chosen,
  clear
}: {
  chosen: readonly IExecution[];
  clear: () => void;
}): JSX.Element | null {
  const { trans, transN, confirm, open } = useTools();
  const { model } = useWorld();
  const { run, busy, problem, clear: dismiss } = useAction((work: () => Promise<void>) => work());
  const ended = chosen.filter(each => isFinal(each.status));
  const going = chosen.filter(each => !isFinal(each.status));
  const cancel = () => eachOf(going, ({ jobID }) => cancelExecution(model, jobID));
  const remove = async () => {
    const sure = await confirm({
      title: transN('Delete %1 Execution?', 'Delete %1 Executions?', ended.length),
      body: trans('With their outputs and logs. What you fetched or archived stays.'),
      accept: trans('Delete'),
      dangerous: true
    });
    if (sure) {
      await eachOf(ended, ({ jobID }) => deleteExecution(model, jobID));
      clear();
    }
  };
  const compare = () =>
    open('execution', {
      execution_id: chosen[0].jobID,
      title: chosen[0].title,
      tab: 'compare',
      compare_with: chosen[1].jobID
    });
  if (!chosen.length && !problem) {
    return null;
  }
  return (
    <div className="ccp-Chosen" role="group" aria-label={trans('Selected Executions')}>
      <span role="status">{transN('%1 selected', '%1 selected', chosen.length)}</span>
      <Button
        label={trans('Cancel running (%1)', going.length)}
        disabled={!going.length}
        busy={busy}
        onClick={() => run(cancel)}
      />
      <Button
        label={trans('Delete ended (%1)', ended.length)}
        disabled={!ended.length}
        busy={busy}
        onClick={() => run(remove)}
      />
      <Button
        label={trans('Compare')}
        disabled={chosen.length !== 2}
        hint={chosen.length === 2 ? undefined : trans('Select two to compare them')}
        onClick={compare}
      />
      <Button label={trans('Select none')} onClick={clear} />
      <ProblemBox problem={problem} dismiss={dismiss} />
    </div>
  );
}

/** Do something with each, a few at a time; all are tried, then the first problem is thrown. */
async function eachOf(
  all: readonly IExecution[],
  work: (execution: IExecution) => Promise<unknown>
): Promise<void> {
  const waiting = [...all];
  const problems: unknown[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await work(next).catch((error: unknown) => problems.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (problems.length) {
    throw problems[0];
  }
}
