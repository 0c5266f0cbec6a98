/** What the live store holds, as views see it: snapshots, replaced and never changed. */

import type { components } from './generated/api';
import type { IProblem } from './contract';

type Schemas = components['schemas'];
export type IStatus = Schemas['StatusInfo'];
export type IMethodSummary = Schemas['ProcessSummary'];
export type IInfrastructure = Schemas['InfrastructureInfo'];

export type LogKey = `log:${string}`;

export interface IData {
  connection: IConnection;
  methods: IList<IMethodSummary>;
  /** Newest first. */
  executions: IList<IExecution>;
  infrastructures: IList<IInfrastructure>;
  /** Fetches into the workspace, by Execution. */
  fetches: ReadonlyMap<string, IFetch>;
}

export interface IConnection {
  /** `stale`: what is shown may be out of date. `off`: the server has no service to talk to. */
  state: 'connecting' | 'live' | 'stale' | 'off';
  /** In words for the user; empty when live. */
  reason: string;
}

export interface IList<T> {
  items: readonly T[];
  state: 'loading' | 'ready' | 'failed';
  problem?: IProblem;
}

/** A status document, and what events told since. */
export interface IExecution extends IStatus {
  /** Number of the last event that was taken in; 0 when there was none yet. */
  seq: number;
  /** Phase of each Task, by its index, as far as events told. */
  phases: Readonly<Record<number, IPhase>>;
}

export interface IPhase {
  phase: 'launch' | 'deploy' | 'execute' | 'fetch' | 'destroy' | 'ended';
  attempt: number;
  at: string;
  node?: string;
  message?: string;
}

export interface IFetch {
  execution_id: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  received: number;
  total: number | null;
  /** Of the new folder in the workspace, when done. */
  path: string;
  message: string;
}

export interface ILog {
  lines: readonly ILogLine[];
  /** Phases that Tasks entered, oldest first. */
  steps: readonly IStep[];
  /** Lines before the first of `lines` were dropped here; the service has them. */
  dropped: number;
  state: 'loading' | 'ready' | 'failed';
  truncated: boolean;
  problem?: IProblem;
}

/** An Attempt of a Task entered a phase. */
export interface IStep {
  task: number;
  attempt: number;
  phase: IPhase['phase'];
  at: string;
  node: string;
  message: string;
}

export interface ILogLine {
  /** Number of the event that brought it. */
  seq: number;
  task: number;
  stream: 'stdout' | 'stderr';
  text: string;
}
