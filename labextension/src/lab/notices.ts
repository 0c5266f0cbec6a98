/** A notification when something of mine has ended. */

import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IExecution } from '../data';
import type { LiveStore } from '../store/store';

/** Milliseconds in which ends are gathered: many replicas may end at once. */
const GATHER = 400;
/** More than so many are told in one sentence. */
const MOST = 3;
const SHOWN = 8000;

interface IShow {
  execution: (id: string) => void;
  all: () => void;
}

export class Notices {
  /** Whether the user wants them. */
  wanted = true;
  private _ended: IExecution[] = [];
  private _timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    store: LiveStore,
    private _trans: TranslationBundle,
    private _show: IShow
  ) {
    store.ended.connect((_, execution) => {
      this._ended.push(execution);
      this._timer ??= setTimeout(() => this._tell(), GATHER);
    });
  }

  private _tell(): void {
    const ended = this._ended;
    this._ended = [];
    this._timer = undefined;
    if (!this.wanted) {
      return;
    }
    if (ended.length > MOST) {
      this._tellMany(ended);
    } else {
      ended.forEach(each => this._tellOne(each));
    }
  }

  private _tellOne({ jobID, status, title, message }: IExecution): void {
    const name = title || jobID;
    const failed = status === 'failed';
    const text = {
      successful: this._trans.__('"%1" has ended: successful', name),
      failed: this._trans.__('"%1" has failed: %2', name, message || ''),
      dismissed: this._trans.__('"%1" was cancelled', name)
    }[status as string];
    Notification.emit(text ?? name, failed ? 'error' : 'success', {
      autoClose: failed ? false : SHOWN,
      actions: [{ label: this._trans.__('Show'), callback: () => this._show.execution(jobID) }]
    });
  }

  private _tellMany(ended: readonly IExecution[]): void {
    const failed = ended.filter(each => each.status === 'failed').length;
    const text = failed
      ? this._trans.__('%1 Executions have ended, %2 of them failed', ended.length, failed)
      : this._trans.__('%1 Executions have ended', ended.length);
    Notification.emit(text, failed ? 'error' : 'success', {
      autoClose: failed ? false : SHOWN,
      actions: [{ label: this._trans.__('Show'), callback: () => this._show.all() }]
    });
  }
}
