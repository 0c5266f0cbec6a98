/** What of an Execution is put into the workspace when it has ended, without anybody asking again. */

import type { IExecution } from '../data';
import { isFinal } from '../store/executions';
import type { LiveStore } from '../store/store';
import type { ITransport } from '../store/transport';

export type Kept = 'nothing' | 'outputs' | 'everything';

/** Wishes that are remembered. */
const MOST = 500;

/**
 * Remembers what was wished, also while the page is away: what ended meanwhile is put into the
 * workspace when the page comes back.
 */
export class Keeping {
  /** What counts for Executions of which nobody said anything. */
  usual: () => Kept = () => 'nothing';

  constructor(
    private _store: LiveStore,
    private _transport: ITransport,
    /** Of the browser's storage; each user's server has its own. */
    private _key: string,
    private _failed: (execution: IExecution) => void
  ) {
    _store.ended.connect((_, execution) => void this._end(execution));
    void _store.ready.then(() => this._catchUp());
  }

  /** Say what shall be kept of an Execution. */
  want(execution: string, kept: Kept): void {
    const wishes = Object.entries({ ...this._wishes(), [execution]: kept });
    this._remember(Object.fromEntries(wishes.slice(-MOST)));
    const there = this._executions().find(each => each.jobID === execution);
    if (there && isFinal(there.status)) {
      void this._end(there);
    }
  }

  private _catchUp(): void {
    const wishes = this._wishes();
    this._executions()
      .filter(each => each.jobID in wishes && isFinal(each.status))
      .forEach(each => void this._end(each));
  }

  private _executions(): readonly IExecution[] {
    return (this._store.get('executions') as { items: readonly IExecution[] }).items;
  }

  private async _end(execution: IExecution): Promise<void> {
    const { jobID } = execution;
    const { [jobID]: wish, ...others } = this._wishes();
    const kept = wish ?? this.usual();
    // Forgotten first: two pages, or two events, must not keep it twice.
    if (wish) {
      this._remember(others);
    }
    const hasOutputs = execution.status === 'successful';
    if (kept === 'nothing' || (kept === 'outputs' && !hasOutputs)) {
      return;
    }
    const request =
      kept === 'outputs'
        ? { verb: 'POST' as const, path: `fetch/${encodeURIComponent(jobID)}` }
        : { verb: 'POST' as const, path: 'archive', body: { job: jobID } };
    try {
      await this._transport.send(request, 'server');
    } catch {
      this._failed(execution);
    }
  }

  private _wishes(): Record<string, Kept> {
    try {
      return JSON.parse(localStorage.getItem(this._key) ?? '{}') as Record<string, Kept>;
    } catch {
      return {};
    }
  }

  private _remember(wishes: Record<string, Kept>): void {
    try {
      localStorage.setItem(this._key, JSON.stringify(wishes));
    } catch {
      // A browser without storage remembers nothing over a reload.
    }
  }
}
