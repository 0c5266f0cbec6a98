/** What the monitor lists: searched, filtered, grouped by Method, flattened to rows. */

import type { IExecution } from '../../data';
import { factsOf } from '../execution/facts';

/** All Experiments are one group: their documents have no id that lasts. */
export const EXPERIMENTS = 'experiments';

export const STATES = ['accepted', 'running', 'successful', 'failed', 'dismissed'] as const;
export type State = (typeof STATES)[number];
export type Counts = Readonly<Record<State, number>>;

export interface IGroup {
  key: string;
  /** Of the Method, as it is called now; empty for Experiments. */
  title: string;
  items: readonly IExecution[];
  counts: Counts;
}

export type Row =
  { kind: 'group'; group: IGroup; open: boolean } | { kind: 'item'; execution: IExecution };

const haystacks = new WeakMap<IExecution, string>();

/** All that can be searched of an Execution; made once, since snapshots never change. */
function haystack(execution: IExecution): string {
  let text = haystacks.get(execution);
  if (text === undefined) {
    const { version, infrastructure, image, nodes } = factsOf(execution);
    text = [
      execution.title,
      execution.jobID,
      execution.processID,
      execution.message,
      execution.owner,
      version,
      infrastructure,
      image,
      ...nodes
    ]
      .join('\n')
      .toLowerCase();
    haystacks.set(execution, text);
  }
  return text;
}

/** Those in which each of the words occurs. */
export function search(items: readonly IExecution[], text: string): readonly IExecution[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return items;
  }
  return items.filter(each => words.every(word => haystack(each).includes(word)));
}

export function withStatus(items: readonly IExecution[], status: string): readonly IExecution[] {
  return status ? items.filter(each => stateOf(each) === status) : items;
}

export function count(items: readonly IExecution[]): Counts {
  const counts = { accepted: 0, running: 0, successful: 0, failed: 0, dismissed: 0 };
  items.forEach(each => (counts[stateOf(each)] += 1));
  return counts;
}

/** Groups in the order in which they were used last; items keep theirs. */
export function group(items: readonly IExecution[]): readonly IGroup[] {
  const found = new Map<string, IExecution[]>();
  for (const each of items) {
    const key = groupOf(each);
    const there = found.get(key);
    if (there) {
      there.push(each);
    } else {
      found.set(key, [each]);
    }
  }
  return [...found].map(([key, members]) => ({
    key,
    title: key === EXPERIMENTS ? '' : members[0].title || key,
    items: members,
    counts: count(members)
  }));
}

export function groupOf({ kind, processID, title }: IExecution): string {
  return kind === 'experiment' ? EXPERIMENTS : `method:${processID ?? title}`;
}

/** Rows of the tree: groups, and what is in those that are open. */
export function flatten(groups: readonly IGroup[], closed: readonly string[]): readonly Row[] {
  const shut = new Set(closed);
  const rows: Row[] = [];
  for (const each of groups) {
    const open = !shut.has(each.key);
    rows.push({ kind: 'group', group: each, open });
    if (open) {
      each.items.forEach(execution => rows.push({ kind: 'item', execution }));
    }
  }
  return rows;
}

/** An Execution that was made but not started counts as accepted: nothing of it runs yet. */
export function stateOf({ status }: IExecution): State {
  return status === 'created' ? 'accepted' : status;
}
