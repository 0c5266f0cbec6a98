import { at, job, refuse, settle, World } from './fakes';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function running(seq: number, seconds: number, more = {}): Record<string, unknown> {
  const base = { kind: 'status', execution_id: 'e1', seq, at: at(seconds) };
  return { ...base, status: 'running', ...more };
}

describe('first state', () => {
  it('is read once, however many views ask', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    world.store.begin();
    await settle();
    expect(world.executions.map(each => each.jobID)).toEqual(['e1']);
    expect(world.asked('jobs')).toBe(1);
    expect(world.store.get('connection')).toEqual({ state: 'live', reason: '' });
  });

  it('says that there is no service, and asks it nothing', async () => {
    const world = new World();
    world.service.answers.set('status', () => ({ enabled: false, connected: false, reason: 'x' }));
    await world.begin();
    expect(world.store.get('connection')).toEqual({ state: 'off', reason: 'x' });
    expect(world.asked('jobs')).toBe(0);
  });

  it('keeps the problem of a list that could not be read, and what it had', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    world.service.answers.set('jobs', refuse(503, 'Busy'));
    await world.store.run({ id: '1', command: 'refresh', what: 'executions' });
    const list = world.store.get('executions') as any;
    expect(list.state).toBe('failed');
    expect(list.problem.title).toBe('Busy');
    expect(list.items).toHaveLength(1);
  });

  it('reads 10,000 Executions page by page, the first page shown at once', async () => {
    const world = new World();
    const jobs = Array.from({ length: 10_000 }, (_, n) => job(`e${n}`, 'successful', n, n));
    const lengths: number[] = [];
    world.store.changed.connect(() => lengths.push(world.executions.length));
    await world.begin(...jobs.reverse());
    expect(world.executions).toHaveLength(10_000);
    expect(lengths).toContain(500);
    expect(world.executions[0].jobID).toBe('e9999');
    expect(world.asked('jobs')).toBe(21);
  });

  it('gives the same snapshot until something changes', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    const before = world.store.get('executions');
    expect(world.store.get('executions')).toBe(before);
    world.tell(running(1, 1, { progress: 5 }));
    expect(world.store.get('executions')).not.toBe(before);
  });
});

describe('events against documents', () => {
  it('a newer event wins over an older document', async () => {
    const world = new World();
    await world.begin(job('e1', 'accepted'));
    world.tell(running(3, 10, { progress: 40, message: 'half way' }));
    world.service.jobs = [job('e1', 'accepted', 5)];
    await world.store.run({ id: '1', command: 'refresh', what: 'executions' });
    expect(world.execution()).toMatchObject({ status: 'running', progress: 40, seq: 3 });
  });

  it('a newer document wins over an older event', async () => {
    const world = new World();
    await world.begin(job('e1', 'dismissed', 20));
    world.tell(running(3, 10));
    expect(world.execution()?.status).toBe('dismissed');
  });

  it('an event that came before is not taken again', async () => {
    const world = new World();
    await world.begin(job('e1', 'accepted'));
    world.tell(running(3, 10, { progress: 40 }));
    world.tell(running(2, 11, { progress: 10 }));
    expect(world.execution()?.progress).toBe(40);
  });

  it('phases are kept for each Task', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    const event = { kind: 'phase', execution_id: 'e1', attempt: 1, at: at(1) };
    world.tell({ ...event, seq: 1, task: 1, phase: 'deploy', node: 'n1' });
    world.tell({ ...event, seq: 2, task: 2, phase: 'execute', node: 'n2' });
    const { phases } = world.execution()!;
    expect([phases[1].phase, phases[2].phase, phases[2].node]).toEqual(['deploy', 'execute', 'n2']);
  });

  it('an unknown Execution is read; several events, one reading', async () => {
    const world = new World();
    await world.begin();
    world.service.jobs = [job('e1', 'running')];
    world.tell(running(1, 0));
    world.tell(running(2, 0));
    await settle(200);
    expect(world.execution()?.status).toBe('running');
    expect(world.asked('jobs/e1')).toBe(1);
  });

  it('very many unknown ones are read as a list', async () => {
    const world = new World();
    await world.begin();
    world.service.jobs = Array.from({ length: 80 }, (_, n) => job(`e${n}`, 'running'));
    for (let n = 0; n < 80; n++) {
      world.tell(running(1, 0, { execution_id: `e${n}` }));
    }
    await settle(200);
    expect(world.executions).toHaveLength(80);
    expect(world.asked('jobs')).toBe(2);
  });

  it('a log line is no reason to read', async () => {
    const world = new World();
    await world.begin();
    world.tell({ kind: 'log', execution_id: 'e9', seq: 1, lines: ['x'] });
    await settle(200);
    expect(world.asked('jobs/e9')).toBe(0);
  });
});

describe('the end', () => {
  it('is told once, and the document is read for its outputs', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'));
    world.service.jobs = [job('e1', 'successful', 10)];
    world.tell(running(1, 10, { status: 'successful' }));
    await settle(200);
    expect(world.asked('jobs/e1')).toBe(1);
    await world.store.run({ id: '1', command: 'refresh', what: 'executions' });
    expect(world.ended.map(each => each.jobID)).toEqual(['e1']);
  });

  it('is told too when only a document brings it', async () => {
    const world = new World();
    await world.begin(job('e1', 'running'), job('e2', 'failed'));
    world.service.jobs = [job('e1', 'failed', 10), job('e2', 'failed')];
    world.connection('disconnected');
    world.connection('connected');
    await settle();
    expect(world.ended.map(each => [each.jobID, each.status])).toEqual([['e1', 'failed']]);
  });
});

describe('deletion', () => {
  it('a complete list forgets what it lacks, but nothing younger', async () => {
    const world = new World();
    await world.begin(job('old', 'failed', 0, 1), job('kept', 'failed', 0, 2));
    await world.store.run({
      id: '1',
      command: 'request',
      verb: 'POST',
      path: 'processes/m/execution'
    });
    world.service.answers.set('processes/m/execution', () => job('young', 'accepted', 9, 9));
    await world.store.run({
      id: '2',
      command: 'request',
      verb: 'POST',
      path: 'processes/m/execution'
    });
    world.service.jobs = [job('kept', 'failed', 0, 2)];
    await world.store.run({ id: '3', command: 'refresh', what: 'executions' });
    expect(world.executions.map(each => each.jobID)).toEqual(['young', 'kept']);
  });

  it('what the service no longer knows goes away', async () => {
    const world = new World();
    await world.begin(job('e1', 'failed'));
    world.service.jobs = [];
    world.service.answers.set('jobs/e1', request =>
      request.verb === 'DELETE' ? null : refuse(404, 'gone')()
    );
    await world.store.run({ id: '1', command: 'request', verb: 'DELETE', path: 'jobs/e1' });
    await settle(200);
    expect(world.executions).toHaveLength(0);
  });
});
