import type { IConnection, IFetch } from '../../src/data';
import { HostModel } from '../../src/hosts/model';
import { LocalState } from '../../src/hosts/local';
import { ask, Refused, request } from '../../src/ask';
import { problemOf, queryOf } from '../../src/store/transport';
import { job, refuse, settle, World } from './fakes';

function model(world: World, values = {}): HostModel {
  return new HostModel(new LocalState(values), world.store);
}

describe('commands', () => {
  it('are answered with their own id', async () => {
    const world = new World();
    const one = model(world);
    world.service.answers.set('a', () => 'A');
    world.service.answers.set('b', () => 'B');
    const both = [request(one, 'GET', 'a'), request(one, 'GET', 'b')];
    expect(await Promise.all(both)).toEqual(['A', 'B']);
  });

  it('are refused with the problem of the service', async () => {
    const world = new World();
    world.service.answers.set('a', refuse(409, 'Not now'));
    const refused = request(model(world), 'POST', 'a');
    await expect(refused).rejects.toBeInstanceOf(Refused);
    await expect(refused).rejects.toMatchObject({ problem: { status: 409, title: 'Not now' } });
  });

  it('tell of what nobody expected, too', async () => {
    const world = new World();
    world.service.answers.set('a', () => {
      throw new TypeError('odd');
    });
    await expect(request(model(world), 'GET', 'a')).rejects.toMatchObject({
      problem: { status: 0, detail: 'odd' }
    });
  });

  it('an answer that is a status is taken in at once', async () => {
    const world = new World();
    await world.begin();
    world.service.answers.set('processes/m/execution', () => job('new', 'accepted'));
    await request(model(world), 'POST', 'processes/m/execution', { body: {} });
    expect(world.execution('new')?.status).toBe('accepted');
  });

  it('what changes Methods reads them again', async () => {
    const world = new World();
    await world.begin();
    world.service.answers.set('processes/m', () => null);
    await request(model(world), 'DELETE', 'processes/m');
    await settle();
    expect(world.asked('processes')).toBe(2);
  });

  it('a newer reading of a list ends an older one', async () => {
    const world = new World();
    await world.begin();
    world.service.methods = [{ id: 'old' }];
    const first = ask(model(world), { command: 'refresh', what: 'methods' });
    world.service.methods = [{ id: 'new' }];
    await Promise.all([first, ask(model(world), { command: 'refresh', what: 'methods' })]);
    expect((world.store.get('methods') as any).items).toEqual([{ id: 'new' }]);
  });
});

describe('the connection', () => {
  it('is stale when the service is away; when it is back everything is read', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    world.connection('disconnected');
    expect(world.store.get('connection')).toEqual({ state: 'stale', reason: 'gone' });
    world.service.jobs = [job('e2', 'accepted', 5, 5)];
    world.connection('connected');
    await settle();
    expect((world.store.get('connection') as IConnection).state).toBe('live');
    expect(world.executions.map(each => each.jobID)).toEqual(['e2']);
  });

  it('reads nothing anew when it only says again that all is well', async () => {
    const world = new World();
    await world.begin();
    world.connection('connected');
    await settle();
    expect(world.asked('jobs')).toBe(1);
  });
});

describe('fetches', () => {
  it('are replaced, newest last', async () => {
    const world = new World();
    const fetch = (id: string, state: string) =>
      world.tell({ execution_id: id, state, received: 0, total: null, path: '' }, 'fetch');
    fetch('a', 'running');
    fetch('b', 'running');
    fetch('a', 'done');
    const fetches = world.store.get('fetches') as Map<string, IFetch>;
    expect([...fetches].map(([id, each]) => [id, each.state])).toEqual([
      ['b', 'running'],
      ['a', 'done']
    ]);
  });
});

describe('the host', () => {
  it('keeps selection by itself and data in the store', async () => {
    const world = new World();
    const one = model(world, { search: 'x' });
    const other = model(world);
    const heard: string[] = [];
    one.on('change:search', () => heard.push('one'));
    other.on('change:search', () => heard.push('other'));
    other.on('change:executions', () => heard.push('data'));
    one.set('search', 'y');
    await world.begin(job('e1', 'running'));
    expect([one.get('search'), other.get('search')]).toEqual(['y', undefined]);
    expect(one.get('executions')).toBe(other.get('executions'));
    expect(heard).toContain('data');
    expect(heard.filter(each => each !== 'data')).toEqual(['one']);
  });

  it('hears nothing any more when it is gone', async () => {
    const world = new World();
    const one = model(world);
    const heard = jest.fn();
    one.on('change:connection', heard);
    await world.begin();
    const before = heard.mock.calls.length;
    one.dispose();
    world.connection('disconnected');
    expect(heard).toHaveBeenCalledTimes(before);
  });
});

describe('the wire', () => {
  it('repeats values of a list and leaves out what is undefined', () => {
    expect(queryOf({ a: ['1', '2'], b: undefined, c: 'x y' })).toBe('?a=1&a=2&c=x+y');
    expect(queryOf(undefined)).toBe('');
  });

  const response = (status: number, body: string) =>
    ({ status, statusText: 'Text', text: async () => body }) as unknown as Response;

  it('reads problem documents', async () => {
    const body = JSON.stringify({ title: 'Invalid', detail: 'd', problems: [{ member: 'a' }] });
    expect(await problemOf(response(422, body))).toMatchObject({
      title: 'Invalid',
      detail: 'd',
      status: 422,
      problems: [{ member: 'a' }]
    });
  });

  it('tells who is logged out, and whose server was stopped', async () => {
    expect((await problemOf(response(401, '{}'))).title).toBe('You are logged out');
    expect((await problemOf(response(403, '{"message": "XSRF"}'))).title).toBe(
      'You are logged out'
    );
    const stopped = '{"message": "server is not running"}';
    expect((await problemOf(response(424, ''))).title).toBe('Your Jupyter server was stopped');
    expect((await problemOf(response(503, stopped))).title).toBe('Your Jupyter server was stopped');
    expect((await problemOf(response(403, '{"title": "Not yours"}'))).title).toBe('Not yours');
  });

  it('says something of a page that is no document', async () => {
    expect((await problemOf(response(502, '<html>'))).title).toBe('502 Text');
  });
});
