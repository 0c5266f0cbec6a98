/** Times of the phases of each Task, made from the events that told of them. */

import type { IStep } from '../../data';

export const PHASES = ['launch', 'deploy', 'execute', 'fetch', 'destroy'] as const;
export type Phase = (typeof PHASES)[number];

export interface ISpan {
  from: string;
  /** Missing while it goes on. */
  to?: string;
}

export interface ITaskTimes {
  task: number;
  /** The last one; those before it failed. */
  attempt: number;
  node: string;
  /** What was said last. */
  message: string;
  /** Where it is now; `ended` when it is nowhere any more. */
  now: IStep['phase'];
  spans: Partial<Record<Phase, ISpan>>;
}

/** By Task; of Attempts only the last one counts. */
export function taskTimes(steps: readonly IStep[]): readonly ITaskTimes[] {
  const tasks = new Map<number, ITaskTimes>();
  for (const step of steps) {
    const { task, attempt, node, phase, at, message } = step;
    let times = tasks.get(task);
    if (!times || attempt > times.attempt) {
      times = { task, attempt, node, message, now: phase, spans: {} };
      tasks.set(task, times);
    }
    enter(times, phase, at);
    times.node = node || times.node;
    times.message = message || times.message;
  }
  return [...tasks.values()].sort((one, other) => one.task - other.task);
}

function enter(times: ITaskTimes, phase: IStep['phase'], at: string): void {
  const last = times.now;
  if (last !== phase && last !== 'ended') {
    const span = times.spans[last];
    if (span && !span.to) {
      span.to = at;
    }
  }
  times.now = phase;
  if (phase !== 'ended') {
    times.spans[phase] ??= { from: at };
  }
}

/** How many Tasks are in each phase, in the order of phases, then those that ended. */
export function phaseCounts(tasks: readonly ITaskTimes[]): readonly [ITaskTimes['now'], number][] {
  return ([...PHASES, 'ended'] as const)
    .map(phase => [phase, tasks.filter(each => each.now === phase).length] as const)
    .filter(([, number]) => number > 0)
    .map(([phase, number]) => [phase, number]);
}
