import { PageConfig } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { RequestFailed, ServerTransport } from '../../src/store/transport';

/** A network that breaks off so many requests before it answers one. */
function network(broken: number): { transport: ServerTransport; seen: string[] } {
  const seen: string[] = [];
  const fetch = (input: Request) => {
    seen.push(input.method);
    return seen.length > broken
      ? Promise.resolve({
          ok: true,
          status: 200,
          headers: new Map([['Content-Type', 'application/json']]),
          json: () => Promise.resolve({ there: true }),
          text: () => Promise.resolve('{"there": true}')
        } as unknown as Response)
      : Promise.reject(new TypeError('Failed to fetch'));
  };
  class Sent {
    readonly headers = new Map();
    readonly method?: string;
    constructor(_: string, init: RequestInit) {
      this.method = init.method;
    }
  }
  const settings = {
    ...{ baseUrl: 'http://localhost/', token: '', init: {} },
    ...{ fetch, Request: Sent, Headers: Map }
  } as unknown as ServerConnection.ISettings;
  return { transport: new ServerTransport(settings), seen };
}

/** A server that knows nobody until its page was loaded, and what a visit of that page ends at. */
function restarted(end: string): { transport: ServerTransport; seen: string[] } {
  const seen: string[] = [];
  const answer = (status: number, url: string, text: string) => ({
    ...{ ok: status === 200, status, url, statusText: '' },
    headers: new Map([['Content-Type', 'application/json']]),
    text: () => Promise.resolve(text)
  });
  const fetch = ({ url }: { url: string }) => {
    const isKnown = seen.includes('/lab') && !end.includes('/hub/');
    const path = new URL(url).pathname;
    seen.push(path);
    return Promise.resolve(
      path === '/lab'
        ? answer(200, end, '')
        : isKnown
          ? answer(200, url, '{"there": true}')
          : answer(403, url, '{"message": "Forbidden"}')
    );
  };
  class Sent {
    readonly headers = new Map();
    constructor(readonly url: string) {}
  }
  const settings = {
    ...{ baseUrl: 'http://localhost/', token: '', init: {} },
    ...{ fetch, Request: Sent, Headers: Map }
  } as unknown as ServerConnection.ISettings;
  return { transport: new ServerTransport(settings), seen };
}

it('a server that was started again lets in whom the hub knows', async () => {
  PageConfig.setOption('hubPrefix', '/hub/');
  const { transport, seen } = restarted('http://localhost/user/ann/lab');
  expect(await transport.send({ verb: 'GET', path: 'jobs' }, 'service')).toEqual({ there: true });
  expect(seen).toEqual(['/ccp_jupyter/api/jobs', '/lab', '/ccp_jupyter/api/jobs']);
});

it.each([
  ['/hub/', 1],
  ['', 0]
])(
  'who is logged out is told, with a hub at "%s" and %d visits of the page',
  async (hub, visits) => {
    PageConfig.setOption('hubPrefix', hub);
    const { transport, seen } = restarted('http://localhost/hub/login?next=x');
    for (let time = 0; time < 3; time++) {
      await expect(transport.send({ verb: 'GET', path: 'jobs' }, 'service')).rejects.toMatchObject({
        problem: { title: 'You are logged out' }
      });
    }
    expect(seen.filter(each => each === '/lab')).toHaveLength(visits);
  }
);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('a read that a change of network broke off is tried again', async () => {
  const { transport, seen } = network(2);
  const answer = transport.send({ verb: 'GET', path: 'jobs' }, 'service');
  await jest.advanceTimersByTimeAsync(2000);
  expect(await answer).toEqual({ there: true });
  expect(seen).toEqual(['GET', 'GET', 'GET']);
});

it.each([
  ['GET', 3],
  ['POST', 1],
  ['DELETE', 1]
] as const)('%s is given up after %d tries, and says what to do', async (verb, tries) => {
  const { transport, seen } = network(Infinity);
  const answer = transport.send({ verb, path: 'jobs' }, 'service').catch((error: unknown) => error);
  await jest.advanceTimersByTimeAsync(5000);
  expect(((await answer) as RequestFailed).problem.title).toContain('does not answer');
  expect(seen).toHaveLength(tries);
});
