import type { IInfrastructure, IMethodSummary } from '../../src/data';
import {
  catalogue,
  chosen,
  namesIn,
  offered,
  rowsOf,
  sorted
} from '../../src/views/methods/catalogue';

const infrastructures = [
  { id: 'local', name: 'Local docker', available: true },
  { id: 'far', name: 'Far away', available: false }
] as unknown as IInfrastructure[];

function method(id: string, more: Partial<IMethodSummary> & { on?: string[] } = {}) {
  const { on = ['local'], ...rest } = more;
  return {
    id,
    title: id,
    version: '1.0.0',
    mutable: true,
    keywords: [],
    metadata: [],
    links: on.map(each => ({
      rel: 'compatibleWith',
      href: `https://hub/services/ccp/infrastructures/${each}`,
      title: each
    })),
    ...rest
  } as unknown as IMethodSummary;
}

const category = (...titles: string[]) => ({
  metadata: titles.map(title => ({ role: 'category', title }))
});

const all = { search: '', category: '', author: '' };

test('a Method can run when one of its Infrastructures is known and available', () => {
  const found = catalogue(
    [
      method('here'),
      method('both', { on: ['far', 'local'] }),
      method('far', { on: ['far'] }),
      method('unknown', { on: ['gone'] }),
      method('echo', { on: [], mutable: false })
    ],
    infrastructures
  );
  expect(found.map(each => each.runnable)).toEqual([true, true, false, false, true]);
  expect(found[1].compatible).toEqual([
    { id: 'far', title: 'Far away', available: false },
    { id: 'local', title: 'Local docker', available: true }
  ]);
  expect(found[3].compatible[0].title).toBe('gone');
});

test('what is offered depends on whose it is and on where it runs', () => {
  const [own, strange, far, echo] = catalogue(
    [
      method('own'),
      method('strange', { mutable: false }),
      method('far', { on: ['far'] }),
      method('echo', { on: [], mutable: false })
    ],
    infrastructures
  );
  expect(offered(own, 'edit') && offered(own, 'share') && offered(own, 'delete')).toBe(true);
  expect(offered(strange, 'edit') || offered(strange, 'share')).toBe(false);
  expect(offered(strange, 'clone') && offered(strange, 'run')).toBe(true);
  expect(offered(far, 'run')).toBe(false);
  expect(offered(echo, 'clone')).toBe(false);
  expect(offered(echo, 'download')).toBe(true);
});

test('all words are searched, in titles, tags, authors and Infrastructures', () => {
  const author = { metadata: [{ role: 'author', title: 'Alice' }] };
  const entries = catalogue(
    [
      method('Column statistics', { keywords: ['CSV'], ...author }),
      method('Word count'),
      method('Faraway statistics', { on: ['far'] })
    ],
    infrastructures
  );
  const ids = (search: string) => chosen(entries, { ...all, search }).map(each => each.id);
  expect(ids('STAT csv')).toEqual(['Column statistics']);
  expect(ids('alice')).toEqual(['Column statistics']);
  expect(ids('far away')).toEqual(['Faraway statistics']);
  expect(ids('  ')).toHaveLength(3);
  expect(chosen(entries, { ...all, author: 'Alice' })).toHaveLength(1);
  expect(namesIn(entries, 'authors')).toEqual(['Alice']);
});

test('sorted by name, or by version with numbers as numbers', () => {
  const entries = catalogue(
    [
      method('b', { version: '1.9.0' }),
      method('a 10', { version: '1.10.0' }),
      method('a 9', { version: '0.1.0' })
    ],
    infrastructures
  );
  expect(sorted(entries, 'name').map(each => each.id)).toEqual(['a 9', 'a 10', 'b']);
  expect(sorted(entries, 'version').map(each => each.version)).toEqual([
    '1.10.0',
    '1.9.0',
    '0.1.0'
  ]);
});

test('rows: categories with counts, members in each of theirs, those in none last', () => {
  const entries = catalogue(
    [
      method('one', category('Text', 'Tables')),
      method('two', { on: ['far'], ...category('Tables') }),
      method('none')
    ],
    infrastructures
  );
  const rows = rowsOf(sorted(entries, 'name'), new Set(['Text']), '');
  expect(rows.map(each => each.key)).toEqual([
    'group/Tables',
    'Tables/one',
    'Tables/two',
    'group/Text',
    'group/',
    '/none'
  ]);
  expect(rows[0]).toMatchObject({ count: 2, runnable: 1, expanded: true });
  expect(rows[3]).toMatchObject({ count: 1, expanded: false });
  const only = chosen(entries, { ...all, category: 'Text' });
  expect(rowsOf(only, new Set(), 'Text').map(each => each.key)).toEqual(['group/Text', 'Text/one']);
});
