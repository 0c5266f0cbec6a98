/** @jest-environment node */

import { byField, faultsOf } from '../../src/views/form/checks';
import { decodeForm, encodeForm, linkable, serviceLink } from '../../src/views/form/link';
import { Control, fieldOf, IDescriptor, ISchema, rulesOf } from '../../src/views/form/model';
import { standInOf } from '../../src/views/form/request';
import { taken } from '../../src/views/form/from';
import {
  defaultsOf,
  Inputs,
  inputsOf,
  itemsOf,
  MOST_REMEMBERED,
  rememberedOf,
  text,
  toBase64,
  valuesOf
} from '../../src/views/form/values';

const trans = (words: string, ...args: (string | number)[]) =>
  words.replace(/%(\d)/g, (_, number) => String(args[Number(number) - 1]));

function field(schema: ISchema, more: Partial<IDescriptor> = {}, id = 'x') {
  return fieldOf(id, { schema, ...more });
}

const no = () => null;

/** What a request says for a field after its value was typed. */
function sent(schema: ISchema, typed: string, more: Partial<IDescriptor> = {}): unknown {
  const one = field(schema, more);
  return inputsOf([one], { x: [text(typed)] }, no).x;
}

describe('controls', () => {
  const optional = { minOccurs: 0 };
  const several = { maxOccurs: 3 };
  const cases: [Control, ISchema, Partial<IDescriptor>?, string?][] = [
    ['text', { type: 'string' }],
    ['text', {}],
    ['text', { type: 'string', format: 'something' }],
    ['lines', { type: 'string', maxLength: 2000 }],
    ['lines', { type: 'string', default: 'a\nb' }],
    ['lines', { type: 'string' }, {}, 'ccpnote'],
    ['number', { type: 'integer' }],
    ['number', { type: 'string', format: 'number' }],
    ['number', { type: 'string' }, {}, 'ccpreplicas'],
    ['checkbox', { type: 'boolean' }],
    ['checkbox', { type: 'boolean', default: true }, optional],
    ['select', { type: 'boolean' }, optional],
    ['date', { type: 'string', format: 'date' }],
    ['datetime', { type: 'string', format: 'dateTime' }],
    ['datetime', { type: 'string', format: 'date-time' }],
    ['url', { type: 'string', format: 'url' }],
    ['email', { type: 'string', format: 'email' }],
    ['runtime', { type: 'string', format: 'url' }, {}, 'ccpimage'],
    ['select', { enum: ['a', 'b', 'c', 'd', 'e'] }, {}, 'ccpimage'],
    ['file', { type: 'string', format: 'file' }],
    ['file', { type: 'string', format: 'remotefile' }],
    ['file', { type: 'string', contentEncoding: 'base64' }],
    ['secret', { type: 'string', format: 'secret' }],
    ['radio', { enum: ['a', 'b'] }],
    ['select', { enum: ['a', 'b'] }, optional],
    ['select', { enum: ['a', 'b', 'c', 'd', 'e'] }],
    ['checklist', { enum: ['a', 'b'] }, several],
    ['checklist', { type: 'array', items: { type: 'string', enum: ['a', 'b'] } }],
    ['text', { type: 'array', items: { type: 'string' } }],
    ['code', { type: 'string', format: 'code' }],
    ['map', { type: 'string', format: 'geo' }],
    ['map', { type: 'object', format: 'geo' }],
    ['json', { type: 'object' }],
    ['json', { oneOf: [{}] }],
    ['json', { type: 'array', items: { type: 'object' } }],
    ['fixed', { type: 'string', readOnly: true, default: 'a' }]
  ];
  it.each(cases)('%s for %j %j', (...[control, schema, more, id]) => {
    expect(field(schema, more, id).control).toBe(control);
  });

  it('tells steering from inputs, and what is needed', () => {
    expect(field({}, {}, 'ccpmaxtime').steering).toBe(true);
    expect(field({}, {}, 'ccp-own').steering).toBe(false);
    expect(field({}).required).toBe(true);
    expect(field({}, optional).required).toBe(false);
  });

  it('says limits in words', () => {
    const one = field({ type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 5 }, several);
    expect(rulesOf(one, trans)).toEqual(['more than 0', 'at most 5', 'from 1 to 3 values']);
  });
});

describe('requests', () => {
  it.each<[ISchema, string, unknown]>([
    [{ type: 'string' }, '12', '12'],
    [{ type: 'integer' }, ' 12 ', 12],
    [{ type: 'number' }, '1e3', 1000],
    [{ type: 'number' }, 'many', 'many'],
    [{ type: 'number' }, '', undefined],
    [{ type: 'boolean' }, 'true', true],
    [{ type: 'boolean' }, 'false', false],
    [{ enum: [1, 2] }, '2', 2],
    [{ enum: ['1', '2'] }, '2', '2'],
    [{ type: 'object' }, '{"a": 1}', { a: 1 }],
    [{ type: 'object' }, '{"a": ', '{"a": '],
    [{ type: 'string', format: 'geo' }, '{"type":"Point"}', '{"type":"Point"}'],
    [{ type: 'object', format: 'geo' }, '{"type":"Point"}', { type: 'Point' }],
    [{ type: 'string', default: 'a' }, '', ''],
    [{ type: 'string' }, '', undefined]
  ])('%j: %j becomes %j', (schema, typed, value) => {
    expect(sent(schema, typed)).toEqual(value);
  });

  it('sends several values without empty ones, and arrays as arrays', () => {
    const typed = { x: [text('1'), text(''), text('2')] };
    const many = field({ type: 'integer' }, { maxOccurs: 'unbounded' });
    const array = field({ type: 'array', items: { type: 'integer' } });
    expect(inputsOf([many], typed, no).x).toEqual([1, 2]);
    expect(inputsOf([array], typed, no).x).toEqual([1, 2]);
  });

  it('never sends what the Method decides', () => {
    const fixed = field({ readOnly: true, default: 'a' });
    expect(inputsOf([fixed], valuesOf([fixed], { x: 'b' }), no)).toEqual({});
  });

  it('leaves files out while somebody types', () => {
    const file = field({ format: 'file' });
    const found = standInOf([file], { x: [{ kind: 'workspace', path: 'a.csv' }] });
    expect(found.x).toEqual({ value: '/w==', encoding: 'base64' });
    const link = standInOf([file], { x: [{ kind: 'link', href: 'https://e.org/a' }] });
    expect(link.x).toEqual({ href: 'https://e.org/a' });
  });
});

describe('memory', () => {
  const back = (schema: ISchema, value: unknown, more: Partial<IDescriptor> = {}) => {
    const one = field(schema, { minOccurs: 0, ...more });
    const kept = rememberedOf([one], valuesOf([one], { x: value }));
    return JSON.parse(JSON.stringify(kept)) as Inputs;
  };

  it.each<[ISchema, unknown]>([
    [{ type: 'string' }, 'text'],
    [{ type: 'integer' }, 4],
    [{ type: 'integer' }, 'not yet a number'],
    [{ type: 'object' }, { a: [1] }],
    [{ type: 'object' }, '{"a": '],
    [{ type: 'boolean' }, false],
    [{ type: 'string', default: 'a' }, ''],
    [{ format: 'secret' }, { $secret: 'mine' }],
    [{ format: 'file' }, { $file: 'data/a.csv' }],
    [{ format: 'file' }, { href: 'https://example.org/a.csv', type: 'text/csv' }],
    [{ format: 'file' }, { $upload: 'a', size: 3, type: 'text/csv', value: 'YWJj' }]
  ])('%j keeps %j', (schema, value) => {
    expect(back(schema, value)).toEqual({ x: value });
  });

  it('keeps several values, also empty ones', () => {
    expect(back({ type: 'string' }, ['a', '', 'b'], { maxOccurs: 5 })).toEqual({
      x: ['a', '', 'b']
    });
  });

  it('keeps no secret, no default, and no large file', () => {
    expect(back({ format: 'secret' }, 'typed')).toEqual({});
    expect(back({ type: 'string', default: 'a' }, 'a')).toEqual({});
    const value = 'A'.repeat(MOST_REMEMBERED + 4);
    const large = { $upload: 'a', size: 9, type: '', value };
    expect(back({ format: 'file' }, large)).toEqual({ x: { $upload: 'a', size: 9, type: '' } });
  });

  it('takes what Python says of a file', () => {
    const file = field({ format: 'file' });
    expect(itemsOf(file, 'data/a.csv')).toEqual([{ kind: 'workspace', path: 'data/a.csv' }]);
    expect(itemsOf(file, 'https://e.org/a')).toEqual([{ kind: 'link', href: 'https://e.org/a' }]);
    expect(itemsOf(file, toBase64('abc'))[0]).toMatchObject({ kind: 'upload', size: 3 });
    expect(itemsOf(file, { href: 'inputs/a', type: 'text/csv' })[0].kind).toBe('earlier');
  });

  it('begins with the defaults', () => {
    const fields = [field({ type: 'integer', default: 3 }), field({ format: 'file' }, {}, 'y')];
    expect(defaultsOf(fields)).toEqual({ x: [text('3')], y: [] });
  });

  it('takes over an Execution without its secrets', () => {
    const fields = [field({}, {}, 'a'), field({ format: 'secret' }, {}, 'b')];
    const inputs = { a: 'x', b: { secret: true }, gone: 1 };
    expect(taken(fields, { inputs, outputs: {} })).toEqual({ inputs: { a: 'x' }, outputs: null });
  });
});

describe('checks', () => {
  const faults = (schema: ISchema, typed: string) =>
    (faultsOf([field(schema)], { x: [text(typed)] }, trans).x ?? []).map(each => each.text);

  it.each<[ISchema, string, string]>([
    [{ type: 'integer' }, '1.5', 'Must be a whole number'],
    [{ type: 'integer' }, 'a', 'Must be a number'],
    [{ type: 'integer', minimum: 2 }, '1', 'Must be at least 2'],
    [{ type: 'number', maximum: 1, exclusiveMaximum: true }, '1', 'Must be less than 1'],
    [{ type: 'number', multipleOf: 0.1 }, '0.25', 'Must be a multiple of 0.1'],
    [{ type: 'string', minLength: 2 }, 'a', 'Must have at least 2 characters'],
    [{ type: 'string', pattern: '^a+$' }, 'b', 'Must match the pattern ^a+$'],
    [{ format: 'date' }, 'soon', 'Must be a date such as 2026-11-21'],
    [{ format: 'url' }, 'here', 'Must be an address such as https://example.org/data'],
    [{ type: 'object' }, '[1]', 'Must be an object, such as {"name": "value"}'],
    [{ format: 'geo' }, 'x', 'Must be GeoJSON'],
    [{ type: 'string' }, '', 'Needed']
  ])('%j refuses %j', (schema, typed, words) => {
    expect(faults(schema, typed)).toEqual([words]);
  });

  it.each<[ISchema, string]>([
    [{ type: 'number', multipleOf: 0.1 }, '0.3'],
    [{ format: 'url' }, 'git@example.org:a/b.git'],
    [{ type: 'string', default: 'a' }, ''],
    [{ format: 'geo' }, '{"type": "Point", "coordinates": [1, 2]}']
  ])('%j takes %j', (schema, typed) => {
    expect(faults(schema, typed)).toEqual([]);
  });

  it('puts problems of the service at their fields', () => {
    const fields = [field({}, {}, 'a'), field({}, {}, 'a.b')];
    const problem = (member: string) => ({ member, rule: 'r' });
    const found = byField(
      [problem('inputs.a.b'), problem('inputs.a[1]'), problem('outputs.x'), problem('inputs.ab')],
      fields
    );
    expect(found.faults).toEqual({
      'a.b': [{ text: 'r', index: undefined }],
      a: [{ text: 'r', index: 1 }]
    });
    expect(found.others.map(each => each.member)).toEqual(['outputs.x', 'inputs.ab']);
  });
});

describe('links', () => {
  it('come back as they were', () => {
    const linked = { method: 'm', inputs: { a: 'ü&?' }, outputs: ['o'] };
    expect(decodeForm(encodeForm(linked))).toEqual(linked);
  });

  it.each(['', 'x', '1', 'null', '{}', '{"method": 3}'])('refuse %j', value => {
    expect(decodeForm(value)).toBeNull();
  });

  it('take only what a form knows', () => {
    const hostile = '{"method": "m", "inputs": [1], "outputs": [2], "red": "x"}';
    expect(decodeForm(hostile)).toEqual({ method: 'm' });
  });

  it('have no secrets and no uploads', () => {
    const fields = [
      field({}, {}, 'a'),
      field({ format: 'secret' }, {}, 'b'),
      field({ format: 'file' }, {}, 'c'),
      field({ format: 'file' }, {}, 'd')
    ];
    const inputs = { a: 1, b: { $secret: 'n' }, c: { $upload: 'u' }, d: { $file: 'f' } };
    expect(linkable(fields, inputs, true)).toEqual({
      inputs: { a: 1, d: { $file: 'f' } },
      missing: ['b', 'c']
    });
    expect(linkable(fields, inputs, false).missing).toEqual(['b', 'c', 'd']);
    expect(serviceLink('https://h/processes/m', { a: 1 })).toBe(
      'https://h/processes/m/form?inputs=%7B%22a%22%3A1%7D'
    );
  });
});
