/** Whether the user's own server is there, and whether all its events have reached this page. */

/** Milliseconds between two questions; shorter while nobody answers. */
const BEAT = 10_000;
const LOST_BEAT = 4_000;
/** Milliseconds in which events that the server has counted may still be on their way. */
const GRACE = 2_000;

/** What the server says of itself. */
export interface IServerStatus {
  enabled: boolean;
  connected: boolean;
  reason: string;
  /** Of the server's process: another one knows nothing of events that the last one emitted. */
  session: string;
  /** Emitted since the process began. */
  events: number;
}

interface IListener {
  ask(): Promise<IServerStatus>;
  lost(error: unknown): void;
  /** `missed`: events may have been missed; read everything again. */
  well(status: IServerStatus, missed: boolean): void;
}

/**
 * JupyterLab's WebSocket comes back by itself after it was closed, and tells nobody. What was
 * emitted meanwhile is lost; the server's count of its events shows it.
 */
export class Pulse {
  private _heard = 0;
  private _base?: { session: string; events: number; heard: number };
  private _isLost = false;

  constructor(private _listener: IListener) {}

  /** Count an event. */
  hear(): void {
    this._heard += 1;
  }

  /** Ask now, and from now on. */
  async start(): Promise<void> {
    await this._beat();
    setTimeout(() => void this.start(), this._isLost ? LOST_BEAT : BEAT);
  }

  private async _beat(): Promise<void> {
    let status: IServerStatus;
    try {
      status = await this._listener.ask();
    } catch (error) {
      this._isLost = true;
      return this._listener.lost(error);
    }
    const missed = this._isLost || (await this._hasMissed(status));
    this._isLost = false;
    if (missed || !this._base) {
      this._base = { session: status.session, events: status.events, heard: this._heard };
    }
    this._listener.well(status, missed);
  }

  private async _hasMissed(status: IServerStatus): Promise<boolean> {
    const base = this._base;
    if (!base) {
      return false;
    }
    const isBehind = () => status.events - base.events > this._heard - base.heard;
    if (status.session === base.session && isBehind()) {
      await new Promise(resolve => setTimeout(resolve, GRACE));
    }
    return status.session !== base.session || isBehind();
  }
}
