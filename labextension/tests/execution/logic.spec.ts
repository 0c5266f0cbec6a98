import type { ILogLine, IStep } from '../../src/data';
import { batchReason } from '../../src/views/execution/batch';
import { bestOutput, readNotebook } from '../../src/views/execution/cells';
import { fileAddress, isBinary, lookOf, treeRows } from '../../src/views/execution/files';
import { clean, cut, filterLines, findHits, lastWords } from '../../src/views/execution/lines';
import { phaseCounts, taskTimes } from '../../src/views/execution/phases';
import { readTable } from '../../src/views/execution/table';
import { shownValue } from '../../src/views/execution/values';

function line(text: string, stream: ILogLine['stream'] = 'stdout', task = 1): ILogLine {
  return { seq: 1, task, stream, text };
}

describe('lines of a log', () => {
  const lines = [line('One'), line('two one', 'stderr', 2), line('three', 'stdout', 2)];

  test('are filtered by replica and stream', () => {
    expect(filterLines(lines, { task: 2, stream: '' })).toHaveLength(2);
    expect(filterLines(lines, { task: 2, stream: 'stderr' })).toEqual([lines[1]]);
    expect(filterLines(lines, { task: 0, stream: '' })).toBe(lines);
  });

  test('are found whatever their case, also across colours', () => {
    expect(findHits(lines, 'ONE')).toEqual([0, 1]);
    expect(findHits([line('\u001b[31mer\u001b[0mror')], 'error')).toEqual([0]);
    expect(findHits(lines, '')).toEqual([]);
  });

  test('are cut where the text occurs', () => {
    expect(cut('a.b.A', 'a')).toEqual(['', 'a', '.b.', 'A', '']);
    expect(cut('abc', '')).toEqual(['abc']);
    // The capital İ has two small letters.
    expect(cut('İa', 'a')).toEqual(['İa']);
    expect(cut('(a|b)*', '(a|b)*')).toEqual(['', '(a|b)*', '']);
  });

  test('look as in a terminal', () => {
    expect(clean('\u001b[1;32mok\u001b[0m')).toBe('ok');
    expect(clean(' 10%\r 50%\r100%\r')).toBe('100%');
    expect(clean('\u001b]0;title\u0007x\u0000\u0008y')).toBe('xy');
    expect(clean('tab\there Zürich')).toBe('tab\there Zürich');
  });

  test('say last why it failed: stderr first', () => {
    expect(lastWords(lines, 5)).toEqual(['two one']);
    expect(lastWords([line('a'), line(''), line('b')], 1)).toEqual(['b']);
    expect(lastWords([], 5)).toEqual([]);
  });
});

describe('phases', () => {
  const step = (phase: IStep['phase'], second: number, more: Partial<IStep> = {}): IStep => ({
    task: 1,
    attempt: 1,
    phase,
    at: `2026-01-01T00:00:0${second}Z`,
    node: 'node-1',
    message: '',
    ...more
  });

  test('end when the next one begins', () => {
    const [task] = taskTimes([
      step('launch', 0),
      step('launch', 1, { message: 'pulling' }),
      step('execute', 3),
      step('ended', 7)
    ]);
    expect(task.spans).toEqual({
      launch: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:03Z' },
      execute: { from: '2026-01-01T00:00:03Z', to: '2026-01-01T00:00:07Z' }
    });
    expect(task).toMatchObject({ now: 'ended', node: 'node-1', message: 'pulling' });
  });

  test('are those of the last Attempt', () => {
    const tasks = taskTimes([
      step('launch', 0, { task: 2 }),
      step('launch', 0),
      step('execute', 1),
      step('launch', 5, { attempt: 2, node: 'node-2' })
    ]);
    expect(tasks.map(each => [each.task, each.attempt, each.node])).toEqual([
      [1, 2, 'node-2'],
      [2, 1, 'node-1']
    ]);
    expect(tasks[0].spans).toEqual({ launch: { from: '2026-01-01T00:00:05Z' } });
    expect(phaseCounts(tasks)).toEqual([['launch', 2]]);
  });
});

describe('output files', () => {
  const files = ['b.txt', 'replica-10/x', 'replica-2/deep/y'].map(path => ({ path, size: 10 }));

  test('are a tree, folders first and in the order of their numbers', () => {
    const rows = treeRows(files as any, new Set(['replica-10']));
    expect(rows.map(each => `${each.level} ${each.kind} ${each.name}`)).toEqual([
      '1 folder replica-2',
      '2 folder deep',
      '3 file y',
      '1 folder replica-10',
      '1 file b.txt'
    ]);
  });

  test('folders with names of members of objects are folders', () => {
    const rows = treeRows([{ path: '__proto__/constructor', size: 1 }] as any, new Set());
    expect(rows.map(each => each.name)).toEqual(['__proto__', 'constructor']);
  });

  test('are looked at by their names', () => {
    expect(lookOf('a/B.PNG')).toEqual({ look: 'image', mime: 'image/png' });
    expect(lookOf('x.csv').look).toBe('table');
    expect(lookOf('x.ipynb').look).toBe('notebook');
    expect(lookOf('Makefile').look).toBe('text');
    expect(lookOf('model.pkl').look).toBe('none');
    expect(lookOf('x.constructor').look).toBe('text');
  });

  test('have quoted addresses', () => {
    expect(fileAddress('id', 'a b/c#d?.txt')).toBe('jobs/id/outputs/a%20b/c%23d%3F.txt');
  });

  test('that are no text are noticed', () => {
    expect(isBinary('plain\ntext')).toBe(false);
    expect(isBinary('PK\0\0')).toBe(true);
    expect(isBinary('\ufffd\ufffd\ufffdab')).toBe(true);
  });
});

describe('tables', () => {
  test('are read with quotes, whatever separates the values', () => {
    expect(readTable('a;b\r\n"x;1";"say ""hi"""\r\n')).toEqual({
      head: ['a', 'b'],
      rows: [['x;1', 'say "hi"']],
      cut: false
    });
    expect(readTable('a\tb\n1\t2').rows).toEqual([['1', '2']]);
  });

  test('have line ends in quotes, and may end within them', () => {
    expect(readTable('a,b\n"1\n2",3').rows).toEqual([['1\n2', '3']]);
    expect(readTable('a\n"never').rows).toEqual([['never']]);
  });

  test('are cut', () => {
    const found = readTable('a,b,c\n1,2,3\n4,5,6\n7,8,9', 2, 2);
    expect(found).toEqual({
      head: ['a', 'b'],
      rows: [
        ['1', '2'],
        ['4', '5']
      ],
      cut: true
    });
  });

  test('may be empty', () => {
    expect(readTable('')).toEqual({ head: [], rows: [], cut: false });
  });
});

describe('notebooks', () => {
  test('are read whatever is in them', () => {
    expect(readNotebook('no JSON')).toBeNull();
    expect(readNotebook('{"cells": 3}')).toBeNull();
    expect(
      readNotebook('{"cells": [null, {"cell_type": "code", "source": ["a\\n", "b"]}]}')
    ).toEqual({ cells: [{ kind: 'code', source: 'a\nb', outputs: [] }], cut: false });
  });

  test('show the best form of an output', () => {
    const data = { 'text/plain': '<Figure>', 'image/png': 'iVBO' };
    expect(bestOutput({ data })).toEqual({ mime: 'image/png', text: 'iVBO' });
    expect(bestOutput({ text: ['a', 'b'] })).toEqual({ mime: 'text/plain', text: 'ab' });
    expect(bestOutput({ output_type: 'error', traceback: ['\u001b[31mE\u001b[0m: x'] }).text).toBe(
      'E: x'
    );
  });
});

test('values of inputs are told for people', () => {
  expect(shownValue('text')).toBe('text');
  expect(shownValue(['a', 'b'])).toBe('a\nb');
  expect(shownValue({ href: 'inputs/table', type: 'text/csv' })).toBe('inputs/table (text/csv)');
  expect(shownValue({ a: 1 })).toBe('{\n  "a": 1\n}');
  expect(shownValue('x'.repeat(6000))).toHaveLength(5001);
});

test('the reason of a batch is the first line that somebody gave', () => {
  const batch = { _id: '1', batchesListIndex: 0 };
  expect(batchReason({ ...batch, state: 'succeeded' })).toBe('');
  const history = [
    {
      debugInfo: null,
      ccagent: { debugInfo: ['', 'Batch failed.', 'Could not fetch x\nTraceback'] }
    }
  ];
  expect(batchReason({ ...batch, state: 'failed', history })).toBe('Could not fetch x');
  expect(batchReason({ ...batch, state: 'failed' })).toBe('');
});
