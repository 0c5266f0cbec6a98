import type { IExecution } from '../../src/data';
import {
  count,
  EXPERIMENTS,
  flatten,
  group,
  search,
  withStatus
} from '../../src/views/monitor/groups';

let number = 0;

function execution(given: Partial<IExecution> = {}): IExecution {
  number += 1;
  return {
    jobID: `job-${number}`,
    processID: 'hello',
    kind: 'method',
    title: 'Hello',
    status: 'successful',
    message: '',
    created: '2026-01-01T00:00:00Z',
    phases: {},
    ...given
  } as IExecution;
}

test('finds all words, in whatever member they are', () => {
  const items = [
    execution({ message: 'No such column', image: 'registry/python:3' }),
    execution({ infrastructure: 'gpu-cluster' }),
    execution({ phases: { 1: { phase: 'execute', attempt: 1, at: '', node: 'node-7' } } })
  ];
  expect(search(items, 'COLUMN  python')).toEqual([items[0]]);
  expect(search(items, 'gpu')).toEqual([items[1]]);
  expect(search(items, 'node-7')).toEqual([items[2]]);
  expect(search(items, 'column gpu')).toEqual([]);
  expect(search(items, '  ')).toBe(items);
});

test('what was made but not started counts as accepted', () => {
  const items = [execution({ status: 'created' }), execution({ status: 'running' })];
  expect(count(items)).toMatchObject({ accepted: 1, running: 1, successful: 0 });
  expect(withStatus(items, 'accepted')).toEqual([items[0]]);
  expect(withStatus(items, '')).toBe(items);
});

test('groups by Method in the order of use, Experiments together', () => {
  const newest = execution({ processID: 'b', title: 'B, renamed' });
  const red = execution({ kind: 'experiment', processID: undefined, title: 'Words' });
  const other = execution({ kind: 'experiment', processID: undefined, title: 'Letters' });
  const older = execution({ processID: 'b', title: 'B', status: 'failed' });
  const groups = group([newest, red, older, other]);
  expect(groups.map(each => [each.key, each.title, each.items.length])).toEqual([
    ['method:b', 'B, renamed', 2],
    [EXPERIMENTS, '', 2]
  ]);
  expect(groups[0].counts).toMatchObject({ successful: 1, failed: 1 });
});

test('a closed group has no rows below it', () => {
  const groups = group([execution({ processID: 'a' }), execution({ processID: 'b' })]);
  const rows = flatten(groups, ['method:a']);
  expect(rows.map(each => each.kind)).toEqual(['group', 'group', 'item']);
});

test('a Method that is called like a group is none', () => {
  expect(group([execution({ processID: EXPERIMENTS })])[0].title).toBe('Hello');
});

test('ten thousand are grouped in no time that could be felt', () => {
  const items = Array.from({ length: 10_000 }, (_, each) =>
    execution({ processID: `m${each % 50}`, status: each % 3 ? 'successful' : 'failed' })
  );
  const rows = flatten(group(withStatus(search(items, 'hello'), 'failed')), []);
  expect(rows).toHaveLength(50 + 3334);
});
