import { Event, ServiceManager } from '@jupyterlab/services';
import { JSONExt, PartialJSONValue, PromiseDelegate } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import type { Command, IAnswer, IRequest } from '../contract';
import type {
  IConnection,
  IData,
  IExecution,
  IFetch,
  IInfrastructure,
  IList,
  IMethodSummary,
  IStatus
} from '../data';
import { Executions, IExecutionEvent, isFinal } from './executions';
import { FollowedLogs } from './followed';
import { Pages } from './pages';
import { IServerStatus, Pulse } from './pulse';
import { ITransport, problemIn } from './transport';

const EXECUTION = 'urn:ccp:events:execution:v1';
const CONNECTION = 'urn:ccp:events:connection:v1';
const FETCH = 'urn:ccp:events:fetch:v1';
/** What a `POST` below a Method may be that changes no Method. */
const ASKING: ReadonlySet<string> = new Set(['execution', 'dry-run', 'code']);
const OURS: ReadonlySet<string> = new Set([EXECUTION, CONNECTION, FETCH]);

/** When more than so many documents are to be read, the list is. */
const MANY = 50;
/** Documents read after events wait so long, milliseconds, for others to read with them. */
const GATHER = 100;
/** Milliseconds after which Methods are read again: no event tells of those of others. */
const STALE_METHODS = 60_000;
/** Fetches that are remembered. */
const MOST_FETCHES = 500;

/** Where events come from: `ServiceManager.events`, which uses the page's one WebSocket. */
export type IEvents = Pick<Event.IManager, 'stream'>;

/**
 * The page's only copy of the service's data, shared by all views of all hosts.
 *
 * First state by REST, changes through the WebSocket that JupyterLab already holds. No stream of
 * its own: a browser opens six connections to one origin, and streams would use them up.
 */
export class LiveStore {
  private _executions = new Executions();
  private _executionList: Pick<IList<IExecution>, 'state' | 'problem'> = { state: 'loading' };
  private _methods: IList<IMethodSummary> = { items: [], state: 'loading' };
  private _methodsRead = Infinity;
  private _infrastructures: IList<IInfrastructure> = { items: [], state: 'loading' };
  private _connection: IConnection = { state: 'connecting', reason: '' };
  private _fetches: ReadonlyMap<string, IFetch> = new Map();
  private _logs: FollowedLogs;
  private _toRead = new Set<string>();
  private _reading = false;
  private _pages: Pages;
  private _begun = false;
  private _pulse: Pulse;
  private _ready = new PromiseDelegate<void>();
  private _changed = new Signal<this, string>(this);
  private _ended = new Signal<this, IExecution>(this);

  constructor(
    readonly transport: ITransport,
    events: IEvents
  ) {
    this._pages = new Pages((path, query) => this._ask(path, 'service', query));
    this._logs = new FollowedLogs({
      ask: (id, after) => this._events(id, after),
      changed: id => this._changed.emit(`log:${id}`)
    });
    events.stream.connect((_, event) => this._take(event));
    this._pulse = new Pulse({
      ask: () => this._status(),
      lost: error => this._lose(error),
      well: (status, missed) => this._isWell(status, missed)
    });
  }

  static for(services: ServiceManager.IManager, transport: ITransport): LiveStore {
    return new LiveStore(transport, services.events);
  }

  /** Emitted with the key of what changed. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** Emitted with an Execution that was seen to end. */
  get ended(): ISignal<this, IExecution> {
    return this._ended;
  }

  /** Resolved when the first lists were read, or could not be. */
  get ready(): Promise<void> {
    return this._ready.promise;
  }

  /** Whether the store answers for this key. */
  static has(key: string): boolean {
    return KEYS.has(key) || key.startsWith('log:');
  }

  get(key: string): unknown {
    if (key.startsWith('log:')) {
      return this._logs.get(key.slice(4));
    }
    return this._data[key as keyof IData]?.();
  }

  /** Read everything for the first time; views call it by being shown. */
  begin(): void {
    if (!this._begun) {
      this._begun = true;
      void this._begin();
    }
  }

  /** Carry out a command and return its answer. */
  async run(command: Command): Promise<IAnswer> {
    try {
      return { id: command.id, value: await this._run(command) };
    } catch (error) {
      return { id: command.id, problem: problemIn(error) };
    }
  }

  private readonly _data: { [K in keyof IData]: () => IData[K] } = {
    connection: () => this._connection,
    methods: () => this._methods,
    executions: () => this._snapshot(),
    infrastructures: () => this._infrastructures,
    fetches: () => this._fetches
  };
  private _lastSnapshot: IList<IExecution> | null = null;

  private _snapshot(): IList<IExecution> {
    const items = this._executions.items;
    const { state, problem } = this._executionList;
    const last = this._lastSnapshot;
    if (!last || last.items !== items || last.state !== state || last.problem !== problem) {
      this._lastSnapshot = { items, state, problem };
    }
    return this._lastSnapshot!;
  }

  private async _begin(): Promise<void> {
    await this._pulse.start();
    if (this._connection.state !== 'off') {
      await this._readAll();
    }
    this._ready.resolve();
  }

  private async _readAll(): Promise<void> {
    this._logs.readAll();
    await Promise.all([this._readExecutions(), this._readMethods(), this._readInfrastructures()]);
  }

  // The user's own server

  private async _status(): Promise<IServerStatus> {
    // Not an activity of the user: a server that is not used may be stopped.
    const query = { no_track_activity: '1' };
    return (await this._ask('status', 'server', query)) as IServerStatus;
  }

  private _lose(error: unknown): void {
    const { title, detail } = problemIn(error);
    this._setConnection({ state: 'stale', reason: detail ? `${title}. ${detail}` : title });
  }

  private _isWell({ enabled, connected, reason }: IServerStatus, missed: boolean): void {
    const state = !enabled ? 'off' : connected ? 'live' : 'stale';
    const wasStale = this._connection.state === 'stale';
    this._setConnection({ state, reason });
    if (state !== 'off' && (missed || (wasStale && connected))) {
      void this._readAll();
    } else if (state === 'live' && Date.now() - this._methodsRead > STALE_METHODS) {
      void this._readMethods();
    }
  }

  private async _run(command: Command): Promise<unknown> {
    switch (command.command) {
      case 'refresh':
        return this._refresh(command.what);
      case 'follow':
        return this._logs.follow(command.execution);
      case 'unfollow':
        return this._logs.unfollow(command.execution);
      case 'server':
        return this.transport.send(command, 'server');
      case 'request': {
        const value = await this.transport.send(command, 'service');
        this._after(command, value);
        return value;
      }
    }
  }

  private _refresh(what: 'methods' | 'executions' | 'infrastructures'): Promise<void> {
    const readers = {
      methods: () => this._readMethods(),
      executions: () => this._readExecutions(),
      infrastructures: () => this._readInfrastructures()
    };
    return readers[what]();
  }

  /** What a request changed is read anew, unless events tell of it. */
  private _after(request: IRequest, value: unknown): void {
    const [root, id, ...rest] = request.path.split('/');
    if (request.verb === 'GET') {
      if (isStatus(value)) {
        this._takeRead(value);
      }
      return;
    }
    if (isStatus(value)) {
      this._put(value);
    }
    if (root === 'imports' || (root === 'processes' && !ASKING.has(rest[0]))) {
      void this._readMethods();
    }
    if (root === 'imports') {
      void this._readExecutions();
    }
    if (root === 'jobs' && id && request.verb !== 'POST') {
      this._readSoon(decodeURIComponent(id));
    }
  }

  /** A place in the queue is told by documents only; and nothing is told of others' Executions. */
  private _takeRead(document: IStatus): void {
    if (this._executions.get(document.jobID)) {
      this._put(document);
    } else {
      this._logs.again(document.jobID);
    }
  }

  private _put(document: IStatus): void {
    if (this._takeDocument(document)) {
      this._changed.emit('executions');
    }
  }

  /** Take in a document; returns whether anything changed. */
  private _takeDocument(document: IStatus): boolean {
    const before = this._executions.get(document.jobID);
    const changed = this._executions.put(document);
    this._tellEnd(before);
    return changed;
  }

  /** Tell when what was under way before has ended now. */
  private _tellEnd(before: IExecution | undefined): void {
    const now = before && this._executions.get(before.jobID);
    if (now && isFinal(now.status) && !isFinal(before.status)) {
      this._ended.emit(now);
    }
  }

  // Lists

  private async _readMethods(): Promise<void> {
    const problem = await this._pages.read('processes', 'processes', (all, complete) => {
      const { items, state } = this._methods;
      this._methodsRead = Date.now();
      // Who looks at the list is not disturbed: neither by its first page alone, nor for nothing.
      if (state !== 'ready' || (complete && !isSame(all, items))) {
        this._methods = { items: all as IMethodSummary[], state: 'ready' };
        this._changed.emit('methods');
      }
    });
    if (problem) {
      this._methods = { items: this._methods.items, state: 'failed', problem };
      this._changed.emit('methods');
    }
  }

  private async _readExecutions(): Promise<void> {
    const problem = await this._pages.read('jobs', 'jobs', (all, complete) => {
      (all as IStatus[]).forEach(each => this._takeDocument(each));
      if (complete) {
        this._executions.keep(all as IStatus[]);
      }
      this._executionList = { state: complete ? 'ready' : 'loading' };
      this._changed.emit('executions');
    });
    if (problem) {
      this._executionList = { state: 'failed', problem };
      this._changed.emit('executions');
    }
  }

  private async _readInfrastructures(): Promise<void> {
    try {
      const found = (await this._ask('infrastructures')) as { infrastructures: IInfrastructure[] };
      this._infrastructures = { items: found.infrastructures, state: 'ready' };
    } catch (error) {
      const { items } = this._infrastructures;
      this._infrastructures = { items, state: 'failed', problem: problemIn(error) };
    }
    this._changed.emit('infrastructures');
  }

  // Events

  private _take(event: Event.Emission): void {
    if (OURS.has(event.schema_id)) {
      this._pulse.hear();
    }
    switch (event.schema_id) {
      case EXECUTION:
        return this._takeExecution(event as unknown as IExecutionEvent);
      case CONNECTION:
        return this._takeConnection(
          event as unknown as { state: string; reason: string; resynced: boolean }
        );
      case FETCH:
        return this._takeFetch(event as unknown as IFetch);
    }
  }

  private _takeExecution(event: IExecutionEvent): void {
    const id = event.execution_id;
    this._logs.take(event);
    if (!this._begun || event.kind === 'log') {
      return;
    }
    const known = this._executions.get(id);
    const found = this._executions.take(event);
    if (found === 'known') {
      return;
    }
    if (found === 'read') {
      this._readSoon(id);
    }
    if (known) {
      this._changed.emit('executions');
    }
    this._tellEnd(known);
  }

  private _takeConnection(event: { state: string; reason: string; resynced: boolean }): void {
    const live = event.state === 'connected';
    const back = live && this._connection.state !== 'live';
    this._setConnection({ state: live ? 'live' : 'stale', reason: event.reason });
    if (this._begun && (event.resynced || back)) {
      void this._readAll();
    }
  }

  private _takeFetch(event: IFetch): void {
    const fetches = new Map(this._fetches);
    fetches.delete(event.execution_id);
    fetches.set(event.execution_id, event);
    if (fetches.size > MOST_FETCHES) {
      fetches.delete(fetches.keys().next().value as string);
    }
    this._fetches = fetches;
    this._changed.emit('fetches');
  }

  private _setConnection(connection: IConnection): void {
    const { state, reason } = this._connection;
    if (connection.state === state && connection.reason === reason) {
      return;
    }
    this._connection = connection;
    this._changed.emit('connection');
  }

  // Single documents

  private _readSoon(id: string): void {
    this._toRead.add(id);
    if (!this._reading) {
      this._reading = true;
      setTimeout(() => void this._readGathered(), GATHER);
    }
  }

  private async _readGathered(): Promise<void> {
    const ids = [...this._toRead];
    this._toRead.clear();
    this._reading = false;
    if (ids.length > MANY) {
      return this._readExecutions();
    }
    await Promise.all(ids.map(id => this._readOne(id)));
  }

  private async _readOne(id: string): Promise<void> {
    try {
      this._put((await this._ask(`jobs/${encodeURIComponent(id)}`)) as IStatus);
    } catch (error) {
      if (problemIn(error).status === 404 && this._executions.remove(id)) {
        this._changed.emit('executions');
      }
    }
  }

  private async _events(id: string, after: number): Promise<readonly IExecutionEvent[]> {
    const query = { after: String(after), limit: '1000' };
    const path = `jobs/${encodeURIComponent(id)}/events`;
    return ((await this._ask(path, 'service', query)) as { events: IExecutionEvent[] }).events;
  }

  private _ask(
    path: string,
    where: 'service' | 'server' = 'service',
    query?: IRequest['query']
  ): Promise<unknown> {
    return this.transport.send({ verb: 'GET', path, query }, where);
  }
}

const KEYS: ReadonlySet<string> = new Set<keyof IData>([
  'connection',
  'methods',
  'executions',
  'infrastructures',
  'fetches'
]);

function isSame(one: unknown, other: unknown): boolean {
  return JSONExt.deepEqual(one as PartialJSONValue, other as PartialJSONValue);
}

function isStatus(value: unknown): value is IStatus {
  return typeof (value as IStatus | null)?.jobID === 'string';
}
