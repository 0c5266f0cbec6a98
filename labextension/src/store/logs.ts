/** Logs of the Executions that somebody looks at. */

import type { ILog, ILogLine, IStep } from '../data';
import type { IExecutionEvent } from './executions';

/** So many lines are kept of one log; the service has the rest. */
export const MOST_LINES = 50_000;
/** So many lines more may be there before the oldest are dropped: dropping copies all. */
const SLACK = 5_000;

/** One log, and the phases that are told between its lines: what was read, then what events bring. */
export class Log {
  private _lines: ILogLine[] = [];
  private _steps: IStep[] = [];
  private _last = 0;
  private _announced = 0;
  private _dropped = 0;
  private _truncated = false;
  private _state: ILog['state'] = 'loading';
  private _problem: ILog['problem'];
  private _snapshot: ILog | null = null;
  followers = 1;

  /** Number of the last event taken in. */
  get last(): number {
    return this._last;
  }

  get state(): ILog['state'] {
    return this._state;
  }

  set(state: ILog['state'], problem?: ILog['problem']): void {
    this._state = state;
    this._problem = problem;
    this._snapshot = null;
  }

  /** The same object until something changes. */
  get snapshot(): ILog {
    this._snapshot ??= {
      lines: this._lines.slice(),
      steps: this._steps.slice(),
      dropped: this._dropped,
      truncated: this._truncated,
      state: this._state,
      problem: this._problem
    };
    return this._snapshot;
  }

  /** Remember that there is an event, which is not taken in yet. */
  announce(seq: number): void {
    this._announced = Math.max(this._announced, seq);
  }

  /** Whether all that was announced was taken in. */
  get complete(): boolean {
    return this._last >= this._announced;
  }

  /** Take in an event; whether it is the next one. One that is too new tells of a gap. */
  take(event: IExecutionEvent): 'taken' | 'known' | 'gap' {
    if (event.seq <= this._last) {
      return 'known';
    }
    if (event.seq > this._last + 1) {
      return 'gap';
    }
    this._last = event.seq;
    if (event.kind === 'log') {
      this._takeLines(event);
    } else if (event.kind === 'phase' && event.task && event.phase) {
      const { task, phase, attempt = 1, at = '', node = '', message = '' } = event;
      this._steps.push({ task, attempt, phase, at, node, message });
    } else {
      return 'known';
    }
    this._snapshot = null;
    return 'taken';
  }

  private _takeLines({ seq, task = 1, stream = 'stdout', lines = [], truncated }: IExecutionEvent) {
    this._truncated ||= truncated ?? false;
    lines.forEach(text => this._lines.push({ seq, task, stream, text }));
    if (this._lines.length > MOST_LINES + SLACK) {
      const excess = this._lines.length - MOST_LINES;
      this._dropped += excess;
      this._lines = this._lines.slice(excess);
    }
  }
}
