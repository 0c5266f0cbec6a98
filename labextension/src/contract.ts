/**
 * What a view may know about the world.
 *
 * The six calls are those of AFM (anywidget's front-end modules): a view never learns whether it
 * is in a cell, in the sidebar or in the main area. Data comes from the page's one live store,
 * intention and selection from the host: a widget's traits, or a panel's own memory.
 */

import type { LabIcon } from '@jupyterlab/ui-components';
import type { IData, LogKey } from './data';

/** Keys that the store answers; everything else is the host's. */
export type DataKey = keyof IData | LogKey;

export interface IModel {
  get(key: string): any;
  set(key: string, value: unknown): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  save_changes(): void;
  /** To the server, never to the kernel: it works while a cell runs. Answers are `IAnswer`s. */
  send(command: Command): void;
}

/** A request to the service, through the user's own server. */
export interface IRequest {
  verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the service's address, its steps quoted: `processes/echo`. */
  path: string;
  query?: Record<string, string | readonly string[] | undefined>;
  /** Sent as JSON, unless it is a `Blob`. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** A command has an identity, so that nobody counts clicks; its answer has the same. */
export type Command = { id: string } & (
  | ({ command: 'request' } & IRequest)
  /** Ask the user's own server: archive, fetches, files. */
  | ({ command: 'server' } & IRequest)
  /** Read lists anew. */
  | { command: 'refresh'; what: 'methods' | 'executions' | 'infrastructures' }
  /** Keep an Execution's log in `log:<id>`, as long as somebody follows it. */
  | { command: 'follow' | 'unfollow'; execution: string }
);

/** What comes back, as the event `msg:custom`. */
export interface IAnswer {
  /** Of the command. */
  id: string;
  value?: unknown;
  problem?: IProblem;
}

/** What went wrong, for people. */
export interface IProblem {
  /** What happened, in few words. */
  title: string;
  /** What to do, or why; may be empty. */
  detail: string;
  /** HTTP status; 0 when nobody answered. */
  status: number;
  /** Rules that the request broke, with the member that broke each. */
  problems: readonly IBrokenRule[];
}

export interface IBrokenRule {
  /** Dotted, as `inputs.table`. */
  member: string;
  rule: string;
  /** What was given, if it may be shown. */
  value?: string;
}

/** A view draws into `el` and returns its own removal. */
export interface IView {
  render(props: { model: IModel; el: HTMLElement; tools: ITools }): () => void;
}

export type ViewName = 'methods' | 'editor' | 'form' | 'monitor' | 'execution';

/** What the application around a view can do for it. */
export interface ITools {
  /** Translate a text; `%1` stands for the first argument. */
  trans(text: string, ...args: (string | number)[]): string;
  transN(singular: string, plural: string, count: number): string;
  /** Address of something at the service, for links that download it. */
  address(path: string): string;
  /** Address that opens JupyterLab with a query, at the server of whoever follows it. */
  labAddress(query: Record<string, string>): string;
  /** Open another view in the main area, with a selection. */
  open(view: ViewName, selection: Record<string, unknown>): void;
  /** Whether the user says yes. */
  confirm(question: IQuestion): Promise<boolean>;
  /** Offer entries in a menu, at a place in the window. */
  menu(entries: readonly IMenuEntry[], at: { x: number; y: number }): void;
  /** A code editor of JupyterLab's inside `el`. */
  editor(el: HTMLElement, options: IEditorOptions): IEditor;
  /** Show content as JupyterLab shows outputs; resolves to false when it cannot. */
  preview(el: HTMLElement, mime: string, data: string): Promise<boolean>;
  /** Let the user choose a file of the workspace; its path, or null. */
  chooseFile(title: string): Promise<string | null>;
  /** Read a file of the workspace. */
  readFile(path: string): Promise<Blob>;
  /** Open a file of the workspace. */
  openFile(path: string): void;
  /** Show a folder of the workspace in the file browser. */
  showFolder(path: string): void;
  /** Put code into a new cell below the active one; false when no notebook is open. */
  insertCell(code: string): boolean;
  copy(text: string): Promise<void>;
  /** Put something of an Execution into the workspace when it has ended. */
  keep(execution: string, kept: 'nothing' | 'outputs' | 'everything'): void;
  /** A short message that goes away by itself. */
  notify(message: string, kind: 'info' | 'success' | 'warning' | 'error'): void;
  /** Called with paths when files are dropped from JupyterLab's file browser; returns its end. */
  onFileDrop(el: HTMLElement, callback: (paths: string[]) => void): () => void;
  /** Whether there are changes that closing would lose; the host asks before it closes. */
  setUnsaved(unsaved: boolean): void;
}

export interface IQuestion {
  title: string;
  body: string;
  /** On the button. */
  accept: string;
  dangerous?: boolean;
}

export interface IMenuEntry {
  label: string;
  icon?: LabIcon;
  run: () => void;
  /** Whether a line stands before it. */
  separated?: boolean;
}

export interface IEditorOptions {
  text: string;
  mime: string;
  label: string;
  readOnly?: boolean;
  onChange?: (text: string) => void;
  /** Names that are offered after `{{`. */
  variables?: () => readonly string[];
}

export interface IEditor {
  text: string;
  /** Lines from 1, to be marked; they replace those marked before. */
  mark(problems: readonly { line: number; message: string }[]): void;
  focus(): void;
  dispose(): void;
}
