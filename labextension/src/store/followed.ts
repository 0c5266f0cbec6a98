/** The logs that views follow, each read once however many views show it. */

import type { ILog } from '../data';
import type { IExecutionEvent } from './executions';
import { Log } from './logs';
import { problemIn } from './transport';

interface INeeds {
  /** Ask for the events of an Execution behind the given one. */
  ask: (id: string, after: number) => Promise<readonly IExecutionEvent[]>;
  /** Called when a log has changed. */
  changed: (id: string) => void;
}

export class FollowedLogs {
  private _logs = new Map<string, Log>();

  constructor(private _needs: INeeds) {}

  get(id: string): ILog | undefined {
    return this._logs.get(id)?.snapshot;
  }

  async follow(id: string): Promise<void> {
    const known = this._logs.get(id);
    if (known) {
      known.followers += 1;
      return;
    }
    const log = new Log();
    this._logs.set(id, log);
    await this._read(id, log);
  }

  unfollow(id: string): void {
    const log = this._logs.get(id);
    if (log && --log.followers <= 0) {
      this._logs.delete(id);
    }
  }

  /** Read what was missed while the service was away. */
  readAll(): void {
    this._logs.forEach((log, id) => void this._read(id, log));
  }

  /** Read what came since: no event tells of others' Executions. */
  again(id: string): void {
    const log = this._logs.get(id);
    if (log?.state === 'ready') {
      void this._read(id, log);
    }
  }

  take(event: IExecutionEvent): void {
    const id = event.execution_id;
    const log = this._logs.get(id);
    log?.announce(event.seq);
    if (log?.state !== 'ready') {
      return;
    }
    const taken = log.take(event);
    if (taken === 'gap') {
      void this._read(id, log);
    } else if (taken === 'taken') {
      this._needs.changed(id);
    }
  }

  private async _read(id: string, log: Log): Promise<void> {
    const { ask, changed } = this._needs;
    log.set('loading');
    try {
      // An empty answer may be older than an event that came meanwhile: then one more is asked for.
      for (let empty = 0; empty === 0 || (empty === 1 && !log.complete);) {
        const events = await ask(id, log.last);
        events.forEach(each => log.take(each));
        empty = events.length ? 0 : empty + 1;
        if (events.length) {
          changed(id);
        }
      }
      log.set('ready');
    } catch (error) {
      log.set('failed', problemIn(error));
    }
    changed(id);
  }
}
