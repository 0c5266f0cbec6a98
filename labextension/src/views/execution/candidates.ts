import type { IExecution } from '../../data';

const MOST = 200;

/** With what one would compare an Execution: those of the same Method first, the newest first. */
export function candidates(
  items: readonly IExecution[],
  execution: IExecution
): readonly IExecution[] {
  const others = items.filter(each => each.jobID !== execution.jobID);
  const same = (each: IExecution) =>
    each.kind === execution.kind && each.processID === execution.processID;
  return [...others.filter(same), ...others.filter(each => !same(each))].slice(0, MOST);
}
