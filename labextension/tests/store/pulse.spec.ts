import type { IConnection } from '../../src/data';
import { at, job, refuse, settle, World } from './fakes';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function status(session: string, events: number, more = {}) {
  return () => ({ enabled: true, connected: true, reason: '', session, events, ...more });
}

function connection(world: World): IConnection {
  return world.store.get('connection') as IConnection;
}

it('a server that does not answer is told, and when it is back everything is read', async () => {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.answers.set('status', refuse(424, 'Your Jupyter server was stopped'));
  await settle(10_000);
  expect(connection(world)).toMatchObject({ state: 'stale' });
  expect(connection(world).reason).toContain('was stopped');
  world.service.jobs = [job('e1', 'successful', 10)];
  world.service.answers.delete('status');
  await settle(4_000);
  expect(connection(world).state).toBe('live');
  expect(world.execution()?.status).toBe('successful');
  expect(world.ended).toHaveLength(1);
});

it('events that never came are noticed', async () => {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.jobs = [job('e1', 'failed', 10)];
  world.service.answers.set('status', status('one', 1));
  await settle(10_000);
  await settle(2_000);
  expect(world.execution()?.status).toBe('failed');
  await settle(12_000);
  expect(world.asked('jobs')).toBe(2);
});

it('events that are on their way are waited for', async () => {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.answers.set('status', status('one', 1));
  await settle(10_000);
  world.tell({ kind: 'status', execution_id: 'e1', seq: 1, at: at(1), status: 'running' });
  await settle(2_000);
  await settle(12_000);
  expect(world.asked('jobs')).toBe(1);
});

it('another process of the server has other events', async () => {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.answers.set('status', status('two', 0));
  await settle(10_000);
  expect(world.asked('jobs')).toBe(2);
});

it('a service that is away is told by the server too', async () => {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.answers.set('status', status('one', 0, { connected: false, reason: 'away' }));
  await settle(10_000);
  expect(connection(world)).toEqual({ state: 'stale', reason: 'away' });
});

it('Methods of others appear, and who looks at them is not disturbed for nothing', async () => {
  const world = new World();
  world.service.methods = [{ id: 'mine' }];
  await world.begin();
  world.changes.length = 0;
  await settle(80_000);
  expect(world.asked('processes')).toBe(2);
  expect(world.changes).not.toContain('methods');
  world.service.methods = Array.from({ length: 600 }, (_, n) => ({ id: `m${n}` }));
  const lengths: number[] = [];
  world.store.changed.connect(() => {
    lengths.push((world.store.get('methods') as { items: unknown[] }).items.length);
  });
  await settle(80_000);
  expect(lengths).toEqual([600]);
});
