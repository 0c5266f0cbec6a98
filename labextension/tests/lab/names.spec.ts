import { openedBy, withoutOpened } from '../../src/lab/address';
import { executionPrefix, hasPrefix, runnable } from '../../src/lab/paths';
import { countActive } from '../../src/lab/status';
import { encodeForm, PARAMETER } from '../../src/views/form/link';

it.each([
  ['grep.red.yml', 'red'],
  ['deep/GREP.RED.JSON', 'red'],
  ['method.json', 'method'],
  ['analysis.ipynb', 'code'],
  ['a.red.yml.bak', null],
  ['table.csv', null]
])('what can be run: %s', (path, kind) => {
  expect(runnable(path)).toBe(kind);
});

it.each([
  ['CCP/executions/Word count-0a1b2c3d/output/table.csv', '0a1b2c3d'],
  ['CCP/executions/Word count-0a1b2c3d (2)', '0a1b2c3d'],
  ['CCP/executions/a-b-c-0a1b2c3d.crate.zip', '0a1b2c3d'],
  ['CCP/executions/Word count', null],
  ['CCP/methods/Word count-0a1b2c3d', null],
  ['elsewhere/CCP/executions/x-0a1b2c3d/y', null]
])('the Execution that %s came from', (path, prefix) => {
  expect(executionPrefix(path)).toBe(prefix);
});

it('ids with other characters are found by what folders keep of them', () => {
  expect(hasPrefix('0a1b-2c3d-ffff', '0a1b2c3d')).toBe(true);
  expect(hasPrefix('ffff-0a1b-2c3d', '0a1b2c3d')).toBe(false);
});

it('an address opens a view once', () => {
  const selection = { execution_id: 'e1' };
  const query = new URLSearchParams({
    'ccp-open': JSON.stringify({ view: 'execution', selection }),
    reset: ''
  });
  expect(openedBy(`?${query.toString()}`)).toEqual({ view: 'execution', selection });
  const href = `https://hub.example/user/ann/lab?${query.toString()}#place`;
  expect(withoutOpened(href)).toBe('/user/ann/lab?reset=#place');
});

it('a link to a filled form opens the form', () => {
  const value = encodeForm({ method: 'm1', inputs: { word: 'x' } });
  const query = new URLSearchParams({ [PARAMETER]: value });
  expect(openedBy(`?${query.toString()}`)).toEqual({
    view: 'form',
    selection: { method: 'm1', inputs: { word: 'x' } }
  });
});

it.each(['', 'null', '{', '[]', '{"view": "secrets", "selection": {}}', '{"view": "form"}'])(
  'an address with %p opens nothing',
  value => {
    expect(openedBy(`?${new URLSearchParams({ 'ccp-open': value }).toString()}`)).toBeNull();
  }
);

it('only what runs and waits is counted', () => {
  const items = ['running', 'accepted', 'created', 'running', 'failed', 'successful'];
  expect(countActive(items.map(status => ({ status }) as never))).toEqual({
    running: 2,
    queued: 1
  });
});
