/** Requests to the user's own server, which passes them on to the service. */

import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { IBrokenRule, IProblem, IRequest } from '../contract';

const ROOT = 'ccp_jupyter';
/**
 * Milliseconds before what only reads is tried again: browsers break off all requests when a
 * computer changes from one network to another.
 */
const PAUSES = [300, 1500];
/** Milliseconds between two tries to log in without the user. */
const LOGIN_PAUSE = 15_000;

/** Where requests go; the store knows no more of the network than this. */
export interface ITransport {
  /** Returns the decoded answer: JSON, else text; null for none.  Throws a `RequestFailed`. */
  send(request: IRequest, where: 'service' | 'server'): Promise<unknown>;
  /** Address of a path at the service, for links. */
  address(path: string): string;
}

/** A request that was refused, or that nobody answered. */
export class RequestFailed extends Error {
  constructor(readonly problem: IProblem) {
    super(problem.detail || problem.title);
  }
}

/** What went wrong, in words for a person. */
export function problemIn(error: unknown): IProblem {
  if (error instanceof RequestFailed) {
    return error.problem;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { title: 'Unexpected error in this page', detail, status: 0, problems: [] };
}

/** Through the server extension, with JupyterLab's own settings (login, XSRF, base URL). */
export class ServerTransport implements ITransport {
  private _settings: ServerConnection.ISettings;
  private _triedLogin = 0;

  constructor(settings: ServerConnection.ISettings) {
    // Without a cache, JupyterLab adds the time to the query, which the service does not know. The
    // server forbids caches itself.
    this._settings = { ...settings, init: { ...settings.init, cache: 'default' } };
  }

  address(path: string): string {
    return URLExt.join(this._settings.baseUrl, ROOT, 'api') + '/' + path;
  }

  async send(request: IRequest, where: 'service' | 'server'): Promise<unknown> {
    const base = where === 'service' ? this.address(request.path) : this._own(request.path);
    const url = base + queryOf(request.query);
    const headers: Record<string, string> = { Accept: 'application/json', ...request.headers };
    const init: RequestInit = { method: request.verb, headers };
    if (request.body instanceof Blob) {
      init.body = request.body;
      headers['Content-Type'] ??= request.body.type || 'application/octet-stream';
    } else if (request.body !== undefined) {
      init.body = JSON.stringify(request.body);
      headers['Content-Type'] ??= 'application/json';
    }
    const ask = () => this._fetch(url, init, request.verb === 'GET' ? PAUSES : []);
    const response = await ask();
    if (response.ok) {
      return contentOf(response);
    }
    const problem = await problemOf(response);
    if (isLoggedOut(problem) && (await this._logIn())) {
      const second = await ask();
      if (second.ok) {
        return contentOf(second);
      }
    }
    throw new RequestFailed(problem);
  }

  /**
   * Log in to the user's own server without a question, where the hub knows who this is: a server
   * that was started again knows none of its old cookies.
   */
  private async _logIn(): Promise<boolean> {
    const hub = PageConfig.getOption('hubPrefix');
    if (!hub || Date.now() - this._triedLogin < LOGIN_PAUSE) {
      return false;
    }
    this._triedLogin = Date.now();
    const url = URLExt.join(this._settings.baseUrl, 'lab');
    const page = await this._fetch(url, { method: 'GET' }, []);
    return page.ok && !new URL(page.url).pathname.startsWith(hub);
  }

  private async _fetch(url: string, init: RequestInit, pauses: number[]): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      if (!pauses.length) {
        throw new RequestFailed(unreachable());
      }
    }
    await new Promise(resolve => setTimeout(resolve, pauses[0]));
    return this._fetch(url, init, pauses.slice(1));
  }

  private _own(path: string): string {
    return URLExt.join(this._settings.baseUrl, ROOT) + '/' + path;
  }
}

/** The query string, with its question mark; values of a list are repeated. */
export function queryOf(query: IRequest['query']): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map(each => [name, each as string])
  );
  const text = new URLSearchParams(pairs).toString();
  return text && '?' + text;
}

function unreachable(): IProblem {
  return {
    title: 'Your Jupyter server does not answer',
    detail: 'Check your connection, or start the server again. What runs goes on meanwhile.',
    status: 0,
    problems: []
  };
}

/** Whether this is the hub's answer for a server that does not run. */
function isStopped(status: number, message: string): boolean {
  return status === 424 || (status === 503 && /not running/i.test(message));
}

function stopped(status: number): IProblem {
  return {
    title: 'Your Jupyter server was stopped',
    detail: 'Start it again from the hub. What runs goes on meanwhile, and nothing here is lost.',
    status,
    problems: []
  };
}

const LOGGED_OUT = 'You are logged out';

function isLoggedOut({ title }: IProblem): boolean {
  return title === LOGGED_OUT;
}

function loggedOut(status: number): IProblem {
  return {
    title: LOGGED_OUT,
    detail: 'Log in again in another tab, then come back: nothing here is lost.',
    status,
    problems: []
  };
}

async function contentOf(response: Response): Promise<unknown> {
  if (response.status === 204) {
    return null;
  }
  const text = await response.text();
  if (!/json/.test(response.headers.get('Content-Type') ?? '')) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text; // An output file that only has the name of JSON.
  }
}

/** Read an error as the service (RFC 7807) or the Jupyter server tells it. */
export async function problemOf(response: Response): Promise<IProblem> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  let document: Record<string, unknown> = {};
  try {
    const found: unknown = JSON.parse(await response.text());
    document = found && typeof found === 'object' ? (found as Record<string, unknown>) : {};
    if (typeof found === 'string') {
      // The agency's API says it in one text.
      document.detail = found.replace(/^\d{3} [A-Za-z ]+: /, '');
    }
  } catch {
    // No JSON: a proxy's page. Its status says enough.
  }
  const text = (name: string) => (typeof document[name] === 'string' ? String(document[name]) : '');
  if (isStopped(response.status, text('message'))) {
    return stopped(response.status);
  }
  if (response.status === 401 || (response.status === 403 && !text('title'))) {
    return loggedOut(response.status);
  }
  return {
    title: text('title') || text('message') || fallback,
    detail: text('detail') || text('reason'),
    status: response.status,
    problems: Array.isArray(document.problems) ? (document.problems as IBrokenRule[]) : []
  };
}
