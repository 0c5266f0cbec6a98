/** The status bar item: how much runs and waits. */

import type { IStatusBar } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IConnection, IExecution } from '../data';
import { ccpIcon } from '../icons';
import type { LiveStore } from '../store/store';

/** How many run, and how many wait for their turn. */
export function countActive(items: readonly Pick<IExecution, 'status'>[]): {
  running: number;
  queued: number;
} {
  const count = (status: string) => items.filter(each => each.status === status).length;
  return { running: count('running'), queued: count('accepted') };
}

class StatusItem extends ReactWidget {
  constructor(
    private _store: LiveStore,
    private _trans: TranslationBundle,
    private _onClick: () => void
  ) {
    super();
    this.addClass('jp-mod-highlighted');
    _store.changed.connect(this._onChanged, this);
  }

  override dispose(): void {
    this._store.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected override render(): JSX.Element | null {
    const connection = this._store.get('connection') as IConnection;
    if (connection.state === 'off') {
      return null;
    }
    const { items } = this._store.get('executions') as { items: readonly IExecution[] };
    const text = this._text(countActive(items));
    const isStale = connection.state === 'stale';
    return (
      <button
        type="button"
        className="ccp-StatusItem"
        onClick={this._onClick}
        title={isStale ? connection.reason : this._trans.__('Show Executions')}
        aria-label={this._trans.__('Executions: %1', text)}
      >
        <ccpIcon.react tag="span" stylesheet="statusBar" />
        <span>{isStale ? this._trans.__('not up to date') : text}</span>
      </button>
    );
  }

  private _text({ running, queued }: { running: number; queued: number }): string {
    const parts = [
      running && this._trans._n('%1 running', '%1 running', running, running),
      queued && this._trans._n('%1 queued', '%1 queued', queued, queued)
    ].filter(Boolean);
    return parts.join(', ') || this._trans.__('nothing runs');
  }

  private _onChanged(_: LiveStore, key: string): void {
    if (key === 'executions' || key === 'connection') {
      this.update();
    }
  }
}

/** Add the item; a click shows the monitor. */
export function addStatusItem(
  statusBar: IStatusBar,
  store: LiveStore,
  trans: TranslationBundle,
  onClick: () => void
): void {
  const item = new StatusItem(store, trans, onClick);
  statusBar.registerStatusItem('ccp-jupyter:status', { item, align: 'left', rank: 50 });
}
