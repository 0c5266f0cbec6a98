/** Executions as the service lists them, and as events change them. */

import type { IExecution, IPhase, IStatus } from '../data';

const FINAL: ReadonlySet<string> = new Set(['successful', 'failed', 'dismissed']);

/** Whether nothing more happens to it. */
export function isFinal(status: string): boolean {
  return FINAL.has(status);
}

/** An event of `urn:ccp:events:execution:v1`. */
export interface IExecutionEvent {
  seq: number;
  execution_id: string;
  kind: string;
  at?: string;
  status?: IStatus['status'];
  message?: string;
  progress?: number;
  task?: number;
  attempt?: number;
  phase?: IPhase['phase'];
  node?: string;
  stream?: 'stdout' | 'stderr';
  lines?: string[];
  truncated?: boolean;
}

/**
 * All Executions that are known, newest first.
 *
 * Documents and events race: a document may have been made before an event that came first. Their
 * times, both of the service's clock, decide what is newer.
 */
export class Executions {
  private _known = new Map<string, IExecution>();
  private _items: readonly IExecution[] | null = null;
  /** Ids, newest first. Sorting thousands at each event would be felt. */
  private _order: readonly string[] | null = null;

  get items(): readonly IExecution[] {
    this._order ??= newestFirst([...this._known.values()]);
    this._items ??= this._order.map(id => this._known.get(id)!);
    return this._items;
  }

  get(id: string): IExecution | undefined {
    return this._known.get(id);
  }

  /** Take in a document; returns whether anything changed. */
  put(document: IStatus): boolean {
    const old = this._known.get(document.jobID);
    if (old && time(old.updated) > time(document.updated)) {
      return false;
    }
    const known = { seq: old?.seq ?? 0, phases: old?.phases ?? {} };
    this._set({ ...document, ...known });
    return true;
  }

  /**
   * Take in an event.
   *
   * Returns `read` when the document has to be read: it is not known, or has ended, so that it has
   * outputs and links now. `known` when nothing is to be drawn anew.
   */
  take(event: IExecutionEvent): 'changed' | 'known' | 'read' {
    const old = this._known.get(event.execution_id);
    if (!old) {
      return 'read';
    }
    if (event.seq <= old.seq) {
      return 'known';
    }
    const next: IExecution = { ...old, seq: event.seq };
    const changed = event.kind === 'status' ? status(next, event) : phase(next, event);
    this._set(next);
    if (!changed) {
      return 'known';
    }
    return event.kind === 'status' && isFinal(next.status) ? 'read' : 'changed';
  }

  remove(id: string): boolean {
    this._items = this._order = null;
    return this._known.delete(id);
  }

  /** Forget those that a complete list no longer has; younger ones began while it was read. */
  keep(list: readonly IStatus[]): void {
    const ids = new Set(list.map(each => each.jobID));
    const newest = Math.max(0, ...list.slice(0, 1).map(each => time(each.created)));
    for (const { jobID, created } of this.items) {
      if (!ids.has(jobID) && time(created) <= newest) {
        this.remove(jobID);
      }
    }
  }

  private _set(execution: IExecution): void {
    if (this._known.get(execution.jobID)?.created !== execution.created) {
      this._order = null;
    }
    this._known.set(execution.jobID, execution);
    this._items = null;
  }
}

function status(next: IExecution, event: IExecutionEvent): boolean {
  if (event.at && time(event.at) < time(next.updated)) {
    return false;
  }
  next.status = event.status ?? next.status;
  next.message = event.message ?? next.message;
  next.progress = event.progress ?? next.progress;
  next.updated = event.at ?? next.updated;
  if (next.status !== 'accepted') {
    delete next.position;
    delete next.estimatedStart;
  }
  if (next.status === 'running') {
    next.started ??= next.updated;
  }
  if (isFinal(next.status)) {
    next.finished ??= next.updated;
  }
  return true;
}

function phase(next: IExecution, event: IExecutionEvent): boolean {
  if (event.kind !== 'phase' || !event.task || !event.phase) {
    return false;
  }
  const { attempt = 1, at = '', node, message } = event;
  next.phases = {
    ...next.phases,
    [event.task]: { phase: event.phase, attempt, at, node, message }
  };
  return true;
}

function newestFirst(executions: readonly IExecution[]): string[] {
  return executions
    .map(({ jobID, created }) => ({ jobID, at: time(created) }))
    .sort((one, other) => other.at - one.at || (one.jobID < other.jobID ? -1 : 1))
    .map(({ jobID }) => jobID);
}

function time(text: string | undefined | null): number {
  return text ? Date.parse(text) : 0;
}
