import type { ILog } from '../../src/data';
import { Log, MOST_LINES } from '../../src/store/logs';
import { job, refuse, settle, World } from './fakes';

type Line = Record<string, unknown> & { seq: number };

/** A world in which the log of `e1` has these events. */
async function following(events: Line[]): Promise<World> {
  const world = new World();
  await world.begin(job('e1', 'running'));
  world.service.answers.set('jobs/e1/events', ({ query }) => ({
    events: events.filter(each => each.seq > Number(query?.after)).slice(0, 2)
  }));
  await world.store.run({ id: '1', command: 'follow', execution: 'e1' });
  return world;
}

function line(seq: number, text = `line ${seq}`): Line {
  return { kind: 'log', execution_id: 'e1', seq, task: 1, stream: 'stdout', lines: [text] };
}

function texts(world: World): string[] {
  return (world.store.get('log:e1') as ILog).lines.map(each => each.text);
}

it('is read to its end and goes on with events', async () => {
  const world = await following([line(1), line(2), line(3)]);
  world.tell(line(4));
  expect(texts(world)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
  expect((world.store.get('log:e1') as ILog).state).toBe('ready');
});

it('other kinds of events count too', async () => {
  const world = await following([line(1)]);
  world.tell({ kind: 'phase', execution_id: 'e1', seq: 2, task: 1, phase: 'fetch', at: '' });
  world.tell(line(3));
  expect(texts(world)).toEqual(['line 1', 'line 3']);
});

it('takes no line twice', async () => {
  const world = await following([line(1), line(2)]);
  world.tell(line(2));
  expect(texts(world)).toEqual(['line 1', 'line 2']);
});

it('fills a gap by reading', async () => {
  const events = [line(1)];
  const world = await following(events);
  events.push(line(2), line(3));
  world.tell(line(3));
  await settle();
  expect(texts(world)).toEqual(['line 1', 'line 2', 'line 3']);
});

it('loses no line that comes while the log is read', async () => {
  const world = await following([line(1)]);
  const late = [line(2)];
  const answers = [[], late, []];
  world.service.answers.set('jobs/e1/events', () => {
    // The first answer was made before the second line was written.
    const events = answers.shift();
    world.tell(line(2));
    return { events };
  });
  world.connection('connected', true);
  await settle();
  expect(texts(world)).toEqual(['line 1', 'line 2']);
});

it('is read on after an interruption', async () => {
  const events = [line(1)];
  const world = await following(events);
  world.connection('disconnected');
  events.push(line(2));
  world.connection('connected');
  await settle();
  expect(texts(world)).toEqual(['line 1', 'line 2']);
});

it('says what went wrong and keeps its lines', async () => {
  const world = await following([line(1)]);
  world.service.answers.set('jobs/e1/events', refuse(503, 'Busy'));
  world.connection('connected', true);
  await settle();
  const log = world.store.get('log:e1') as ILog;
  expect([log.state, log.problem?.title, log.lines.length]).toEqual(['failed', 'Busy', 1]);
});

it('is kept as long as one of several follows', async () => {
  const world = await following([line(1)]);
  await world.store.run({ id: '2', command: 'follow', execution: 'e1' });
  await world.store.run({ id: '3', command: 'unfollow', execution: 'e1' });
  expect(texts(world)).toEqual(['line 1']);
  await world.store.run({ id: '4', command: 'unfollow', execution: 'e1' });
  expect(world.store.get('log:e1')).toBeUndefined();
});

it('keeps the last lines of very long logs and counts the others', () => {
  const log = new Log();
  const lines = Array.from({ length: 2 * MOST_LINES }, (_, n) => String(n));
  log.take({ kind: 'log', execution_id: 'e1', seq: 1, lines });
  log.take({ kind: 'log', execution_id: 'e1', seq: 2, lines: ['a', 'b'], truncated: true });
  const { lines: kept, dropped, truncated } = log.snapshot;
  expect(kept.length + dropped).toBe(lines.length + 2);
  expect([kept[0].text, kept.at(-1)?.text, truncated]).toEqual([String(dropped), 'b', true]);
  expect(kept.length).toBeLessThan(1.5 * MOST_LINES);
});

it("of another's Execution goes on whenever its state is read", async () => {
  const events = [{ ...line(1), execution_id: 'theirs' }];
  const world = new World();
  await world.begin(job('mine', 'running'));
  world.service.answers.set('jobs/theirs', () => job('theirs', 'running'));
  world.service.answers.set('jobs/theirs/events', ({ query }) => ({
    events: events.filter(each => each.seq > Number(query?.after))
  }));
  await world.store.run({ id: '1', command: 'follow', execution: 'theirs' });
  events.push({ ...line(2), execution_id: 'theirs' });
  await world.store.run({ id: '2', command: 'request', verb: 'GET', path: 'jobs/theirs' });
  await settle();
  const log = world.store.get('log:theirs') as ILog;
  expect(log.lines.map(each => each.text)).toEqual(['line 1', 'line 2']);
  expect(world.executions.map(each => each.jobID)).toEqual(['mine']);
});
