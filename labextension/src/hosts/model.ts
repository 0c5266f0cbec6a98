import type { Command, IModel } from '../contract';
import { LiveStore } from '../store/store';

/** Where a host keeps intention and selection: a widget's traits, or `LocalState` in a panel. */
export type Selection = Pick<IModel, 'get' | 'set' | 'on' | 'off' | 'save_changes'>;

type Callback = (...args: any[]) => void;

const ANSWER = 'msg:custom';

/** The model that both hosts give to a view: data from the store, the rest from the host. */
export class HostModel implements IModel {
  private _listeners = new Map<string, Set<Callback>>();

  constructor(
    private _selection: Selection,
    private _store: LiveStore
  ) {
    _store.changed.connect(this._onChanged, this);
    _store.begin();
  }

  get(key: string): unknown {
    return LiveStore.has(key) ? this._store.get(key) : this._selection.get(key);
  }

  set(key: string, value: unknown): void {
    this._selection.set(key, value);
  }

  on(event: string, callback: Callback): void {
    if (!this._isOurs(event)) {
      return this._selection.on(event, callback);
    }
    const listeners = this._listeners.get(event) ?? new Set();
    this._listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: Callback): void {
    if (this._isOurs(event)) {
      this._listeners.get(event)?.delete(callback);
    } else {
      this._selection.off(event, callback);
    }
  }

  save_changes(): void {
    this._selection.save_changes();
  }

  /** To the server, not to the kernel: it must work while a cell runs. */
  send(command: Command): void {
    void this._store.run(command).then(answer => this._emit(ANSWER, answer));
  }

  dispose(): void {
    this._store.changed.disconnect(this._onChanged, this);
    this._listeners.clear();
  }

  private _isOurs(event: string): boolean {
    return event === ANSWER || LiveStore.has(event.replace('change:', ''));
  }

  private _onChanged(_: LiveStore, key: string): void {
    this._emit(`change:${key}`);
  }

  private _emit(event: string, ...args: unknown[]): void {
    [...(this._listeners.get(event) ?? [])].forEach(callback => callback(...args));
  }
}
