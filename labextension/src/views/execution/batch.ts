/** Batches, as the agency's API tells of them. */

export interface IBatch {
  _id: string;
  state: string;
  batchesListIndex: number;
  node?: string | null;
  history?: readonly {
    state?: string;
    debugInfo?: unknown;
    ccagent?: { debugInfo?: unknown } | null;
  }[];
}

/** Begins what is said of every batch that failed. */
const GENERAL = 'Batch failed.';

/** Why it failed or was cancelled, in one line; empty where nobody said. */
export function batchReason({ state, history = [] }: IBatch): string {
  if (state !== 'failed' && state !== 'cancelled') {
    return '';
  }
  const last = history[history.length - 1];
  const texts = [last?.debugInfo, last?.ccagent?.debugInfo].flat();
  const lines = texts.flatMap(each => (each ? String(each).split('\n') : []));
  const told = lines.map(each => each.trim()).filter(Boolean);
  return told.find(each => each !== GENERAL) ?? told[0] ?? '';
}

/** How often it got a Node. */
export function attemptsOf({ history = [] }: IBatch): number {
  return history.filter(each => each.state === 'scheduled').length;
}
