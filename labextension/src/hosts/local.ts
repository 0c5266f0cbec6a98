import type { Selection } from './model';

/** A panel's selection; needs no kernel. */
export class LocalState implements Selection {
  private _values: Map<string, unknown>;
  private _listeners = new Map<string, Set<() => void>>();

  constructor(
    values: Record<string, unknown> = {},
    /** Called after each change, with all values, so that a host can restore them. */
    private _save: (values: Record<string, unknown>) => void = () => undefined
  ) {
    this._values = new Map(Object.entries(values));
  }

  get(key: string): unknown {
    return this._values.get(key);
  }

  set(key: string, value: unknown): void {
    if (this._values.get(key) !== value) {
      this._values.set(key, value);
      [...(this._listeners.get(`change:${key}`) ?? [])].forEach(callback => callback());
    }
  }

  fill(values: Record<string, unknown>): void {
    Object.entries(values).forEach(([key, value]) => this.set(key, value));
  }

  on(event: string, callback: () => void): void {
    this._listeners.set(event, (this._listeners.get(event) ?? new Set()).add(callback));
  }

  off(event: string, callback: () => void): void {
    this._listeners.get(event)?.delete(callback);
  }

  save_changes(): void {
    this._save(Object.fromEntries(this._values));
  }
}
