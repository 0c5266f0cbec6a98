/** @jest-environment node */

import {
  batchesOf,
  completed,
  readRed,
  redFields,
  redInputs,
  redItems,
  redValue,
  variablesOf,
  withInput
} from '../../src/views/form/redModel';
import { text } from '../../src/views/form/values';

const RED = `redVersion: "9"   # a text
cli:
  inputs:
    term: {type: "string"}
    count: {type: "int?"}
    words: {type: "string[]"}
    table: {type: "File", doc: "The table"}
batches:
  - inputs:
      term: "no"
      table:
        class: File
        connector: {command: c, access: {url: "{{not_secret}}", auth: {password: "{{pw}}"}}}
  - inputs: {term: yes}
execution:
  engine: ccagency
  settings: {access: {url: "https://a", auth: {password: "{{old}}"}}, batchConcurrencyLimit: 2}
`;

describe('RED documents', () => {
  const red = readRed(RED);
  const fields = redFields(red);

  it('have fields for their inputs', () => {
    expect(fields.map(each => [each.id, each.control, each.required, each.many])).toEqual([
      ['term', 'text', true, false],
      ['count', 'number', false, false],
      ['words', 'text', true, true],
      ['table', 'json', true, false]
    ]);
    expect(batchesOf(red)).toBe(2);
    // YAML 1.2: yes is a text.
    expect(redInputs(red, 1)).toEqual({ term: 'yes' });
  });

  it('change in place, with their comments', () => {
    const [term, count] = fields;
    const next = withInput(withInput(RED, 1, term, [text('new')]), 0, count, [text('3')]);
    expect(next).toContain('# a text');
    expect(redInputs(readRed(next), 1)).toEqual({ term: 'new' });
    expect(redInputs(readRed(next), 0).count).toBe(3);
    const without = withInput(next, 0, count, [text('')]);
    expect('count' in redInputs(readRed(without), 0)).toBe(false);
  });

  it('stay JSON when they are', () => {
    const source = JSON.stringify(red.data);
    const next = withInput(source, 0, fields[0], [text('x')]);
    expect(JSON.parse(next).batches[0].inputs.term).toBe('x');
  });

  it('name their variables, and are sent with values in their places', () => {
    expect(variablesOf(red)).toEqual(['not_secret', 'pw', 'old']);
    const body = completed(red.data, { pw: 'p{{x}}', not_secret: 'u' }) as any;
    const { access } = body.batches[0].inputs.table.connector;
    expect(access).toEqual({ url: 'u', auth: { password: 'p{{x}}' } });
    expect(body.execution.settings).toEqual({ batchConcurrencyLimit: 2 });
    expect(red.data?.execution.settings.access).toBeDefined();
  });

  it('show what was typed as long as it says the same', () => {
    const table = fields[3];
    const typed = [text('{"class":"File"}')];
    expect(redItems(table, redValue(table, typed), typed)).toBe(typed);
    expect(redItems(table, { class: 'Other' }, typed)).not.toBe(typed);
  });

  it('say where they cannot be read', () => {
    const broken = readRed('a: [1\nb: 2');
    expect(broken.data).toBeNull();
    expect(broken.faults[0].line).toBeGreaterThan(0);
    expect(withInput('a: [1', 0, fields[0], [])).toBe('a: [1');
  });
});
