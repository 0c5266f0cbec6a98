/** A service and an event stream that do what a test tells them. */

import { Signal } from '@lumino/signaling';
import type { IRequest } from '../../src/contract';
import type { IExecution, IStatus } from '../../src/data';
import { IEvents, LiveStore } from '../../src/store/store';
import { ITransport, RequestFailed } from '../../src/store/transport';

type Answer = (request: IRequest) => unknown;

export class FakeService implements ITransport {
  readonly seen: IRequest[] = [];
  jobs: IStatus[] = [];
  methods: { id: string }[] = [];
  /** Answers to paths, in place of the usual ones. */
  readonly answers = new Map<string, Answer>();

  address(path: string): string {
    return `/${path}`;
  }

  async send(request: IRequest): Promise<unknown> {
    this.seen.push(request);
    await Promise.resolve();
    return (this.answers.get(request.path) ?? (() => this._usual(request)))(request);
  }

  private _usual({ path, query }: IRequest): unknown {
    const offset = Number(query?.offset ?? 0);
    const page = <T>(all: readonly T[]) => all.slice(offset, offset + Number(query?.limit ?? 100));
    switch (path) {
      case 'status':
        return { enabled: true, connected: true, reason: '', session: 'one', events: 0 };
      case 'jobs':
        return { jobs: page(this.jobs) };
      case 'processes':
        return { processes: page(this.methods) };
      case 'infrastructures':
        return { infrastructures: [] };
    }
    const found = this.jobs.find(each => `jobs/${each.jobID}` === path);
    return found ?? refuse(404, 'There is no such Execution')();
  }
}

export function refuse(status: number, title: string): () => never {
  return () => {
    throw new RequestFailed({ title, detail: '', status, problems: [] });
  };
}

/** What came of a store, and the means to move it. */
export class World {
  readonly service = new FakeService();
  readonly ended: IExecution[] = [];
  readonly changes: string[] = [];
  readonly store: LiveStore;
  private _stream = new Signal<object, any>({});

  constructor() {
    this.store = new LiveStore(this.service, { stream: this._stream } as unknown as IEvents);
    this.store.ended.connect((_, execution) => this.ended.push(execution));
    this.store.changed.connect((_, key) => this.changes.push(key));
  }

  async begin(...jobs: IStatus[]): Promise<void> {
    this.service.jobs = jobs;
    this.store.begin();
    await this.store.ready;
  }

  tell(event: Record<string, unknown>, schema = 'execution'): void {
    this._stream.emit({ schema_id: `urn:ccp:events:${schema}:v1`, ...event });
  }

  /** The connection of the user's server to the service. */
  connection(state: 'connected' | 'disconnected', resynced = false): void {
    this.tell({ state, reason: state === 'connected' ? '' : 'gone', resynced }, 'connection');
  }

  execution(id = 'e1'): IExecution | undefined {
    return this.executions.find(each => each.jobID === id);
  }

  get executions(): readonly IExecution[] {
    return (this.store.get('executions') as { items: IExecution[] }).items;
  }

  asked(path: string): number {
    return this.service.seen.filter(each => each.path === path).length;
  }
}

/** A moment so many seconds after the first. */
export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
}

export function job(id: string, status: string, updated = 0, created = 0): IStatus {
  return {
    jobID: id,
    status,
    created: at(created),
    updated: at(updated),
    title: id
  } as unknown as IStatus;
}

/** Let everything that was begun come to its end. */
export async function settle(milliseconds = 0): Promise<void> {
  for (let step = 0; step < 50; step++) {
    await Promise.resolve();
  }
  if (milliseconds) {
    await jest.advanceTimersByTimeAsync(milliseconds);
  }
}
