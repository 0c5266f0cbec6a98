import { sharingOf, wayOf, withNames } from '../../src/views/sharing/sharing';
import { conflictsIn, countOf, IReport, refusedIn, typed } from '../../src/views/methods/terms';

const OWN =
  'is the id of a Method of yours that differs; ?replace=true replaces it; with ?renew=true it gets a new id';
const OTHER = "is the id of somebody else's Method; with ?renew=true it gets a new id";

function report(...rules: string[]): IReport {
  const results = rules.map((rule, number) => ({
    kind: 'method',
    name: `m${number}.json`,
    title: `M${number}`,
    version: '1.0.0',
    outcome: rule ? 'refused' : 'created',
    id: '',
    href: '',
    notes: [],
    problems: rule ? [{ member: 'id', rule, value: 'm' }] : []
  }));
  const source = { kind: 'link', name: 'x', href: 'https://x' } as const;
  return { source, results } as unknown as IReport;
}

test('a taken id is a question, everything else a refusal', () => {
  const found = report('', OWN, OTHER, 'must be a string');
  expect(conflictsIn(found)).toEqual([
    { title: 'M1', version: '1.0.0', own: true },
    { title: 'M2', version: '1.0.0', own: false }
  ]);
  expect(refusedIn(found).map(each => each.title)).toEqual(['M3']);
  expect(countOf(found, 'created')).toBe(1);
});

test('what a file is, its content says', async () => {
  // jsdom's Blob has no `text`.
  const file = (text: string) => ({
    size: text.length,
    slice: (from: number, to: number, type?: string) => ({
      type,
      text: () => Promise.resolve(text.slice(from, to))
    })
  });
  expect((await typed(file('PK\u0003\u0004…') as unknown as Blob)).type).toBe('application/zip');
  expect((await typed(file('{"id": 1}') as unknown as Blob)).type).toBe('application/json');
});

test('private means nobody, and names stay while something is public', () => {
  expect(wayOf({ public: false, contexts: [], users: [] })).toBe('private');
  expect(wayOf({ public: false, contexts: ['physics'], users: [] })).toBe('named');
  expect(wayOf({ public: true, contexts: ['physics'], users: [] })).toBe('public');
  expect(sharingOf('private', ['physics'], ['bob'])).toEqual(sharingOf('private', [], []));
  expect(sharingOf('public', ['physics'], ['bob'])).toEqual({
    public: true,
    contexts: ['physics'],
    users: ['bob']
  });
});

test('names are added once each, without spaces around them', () => {
  expect(withNames(['bob'], ' carol, bob ,, dave ')).toEqual(['bob', 'carol', 'dave']);
});
