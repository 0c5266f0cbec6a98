/** What the form itself can say about what stands in it; the service decides in the end. */

import type { IBrokenRule } from '../../contract';
import type { IField, Trans } from './model';
import { isEmpty, Item, numberOf, Values } from './values';

/** What is wrong with a field. */
export interface IFault {
  text: string;
  /** Number of the value, from 0; missing: the field as a whole. */
  index?: number;
  /** Nothing wrong yet, only not there: not shown before somebody wants to run it. */
  isMissing?: boolean;
}

export type Faults = Readonly<Record<string, readonly IFault[]>>;

/** What is wrong, by field; fields without faults are left out. */
export function faultsOf(
  fields: readonly IField[],
  values: Values,
  trans: Trans,
  mostBytes = Infinity
): Faults {
  const found: Record<string, IFault[]> = {};
  for (const field of fields) {
    const faults = faultsIn(field, values[field.id] ?? [], trans, mostBytes);
    if (faults.length) {
      found[field.id] = faults;
    }
  }
  return found;
}

function faultsIn(
  field: IField,
  items: readonly Item[],
  trans: Trans,
  mostBytes: number
): IFault[] {
  if (field.control === 'fixed') {
    return [];
  }
  const given = items.filter(item => !isEmpty(item)).length;
  const faults: IFault[] = [];
  // The service fills in the default.
  if (!given && field.required && field.default === undefined) {
    return [{ text: trans('Needed'), isMissing: true }];
  }
  if (given && given < field.least) {
    faults.push({ text: trans('Needs at least %1 values', field.least), isMissing: true });
  }
  if (given > field.most) {
    faults.push({ text: trans('Takes at most %1 values', field.most) });
  }
  items.forEach((item, index) => {
    const fault = faultOf(field, item, trans, mostBytes);
    if (fault) {
      faults.push({ text: fault, index });
    }
  });
  return faults;
}

function faultOf(field: IField, item: Item, trans: Trans, mostBytes: number): string {
  switch (item.kind) {
    case 'text':
      return item.text === '' ? '' : textFault(field, item.text, trans);
    case 'link':
      return linkFault(item.href, trans);
    case 'upload':
      if (item.content === null) {
        return trans('Choose this file again: it was too large to be remembered');
      }
      return item.size > mostBytes ? tooLarge(mostBytes, trans) : '';
    default:
      return '';
  }
}

/** What to do with a file that a request cannot bring. */
export function tooLarge(mostBytes: number, trans: Trans): string {
  const megabytes = Math.floor(mostBytes / 1e6);
  return trans(
    'Too large to send: at most %1 MB. Put it where the Infrastructure can fetch it, and give a link.',
    megabytes
  );
}

function linkFault(href: string, trans: Trans): string {
  if (!/^https?:\/\/[^\s/]+/i.test(href)) {
    return trans('Must begin with http:// or https://');
  }
  return /^https?:\/\/[^/]*@/i.test(href)
    ? trans('Must be without user and password: it is stored and shown')
    : '';
}

const PATTERNS: Readonly<Record<string, [RegExp, string]>> = {
  date: [/^\d{4}-\d\d-\d\d$/, 'Must be a date such as 2026-11-21'],
  datetime: [
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?$/,
    'Must be a date and time such as 2026-11-21T10:00:00Z'
  ],
  time: [/^\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?$/, 'Must be a time such as 10:00:00'],
  email: [/^[^\s@]+@[^\s@]+$/, 'Must be an e-mail address'],
  url: [
    /^([A-Za-z][A-Za-z0-9+.-]*:\S+|[\w.-]+@[\w.-]+:\S+)$/,
    'Must be an address such as https://example.org/data'
  ],
  runtime: [
    /^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$/,
    'Must name a container image, such as docker.io/library/python:3.11-slim'
  ]
};

function textFault(field: IField, value: string, trans: Trans): string {
  const known = PATTERNS[field.control];
  if (known && !known[0].test(value)) {
    return trans(known[1]);
  }
  if (field.control === 'number') {
    return numberFault(field, value, trans);
  }
  if (field.control === 'json') {
    return jsonFault(field, value, trans);
  }
  return (field.control === 'map' && mapFault(value, trans)) || lengthFault(field, value, trans);
}

function numberFault({ schema }: IField, value: string, trans: Trans): string {
  const number = numberOf(value);
  if (typeof number === 'string') {
    return trans('Must be a number');
  }
  if (schema.type === 'integer' && !Number.isInteger(number)) {
    return trans('Must be a whole number');
  }
  const { minimum = -Infinity, maximum = Infinity, multipleOf } = schema;
  if (number < minimum || (schema.exclusiveMinimum && number === minimum)) {
    return schema.exclusiveMinimum
      ? trans('Must be more than %1', minimum)
      : trans('Must be at least %1', minimum);
  }
  if (number > maximum || (schema.exclusiveMaximum && number === maximum)) {
    return schema.exclusiveMaximum
      ? trans('Must be less than %1', maximum)
      : trans('Must be at most %1', maximum);
  }
  const parts = multipleOf ? number / multipleOf : 0;
  return Math.abs(parts - Math.round(parts)) > 1e-9
    ? trans('Must be a multiple of %1', multipleOf!)
    : '';
}

function lengthFault({ schema }: IField, value: string, trans: Trans): string {
  const length = [...value].length;
  if (length < (schema.minLength ?? 0)) {
    return trans('Must have at least %1 characters', schema.minLength!);
  }
  if (length > (schema.maxLength ?? Infinity)) {
    return trans('Must have at most %1 characters', schema.maxLength!);
  }
  return schema.pattern && !matches(schema.pattern, value)
    ? trans('Must match the pattern %1', schema.pattern)
    : '';
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true; // not of this language: the service knows
  }
}

function jsonFault({ schema }: IField, value: string, trans: Trans): string {
  let found: unknown;
  try {
    found = JSON.parse(value);
  } catch (error) {
    // Plain text may be one of several alternatives.
    const maybeText = !schema.type && !/^\s*[{["]/.test(value);
    return maybeText ? '' : trans('Must be JSON: %1', (error as Error).message);
  }
  if (schema.type === 'object' && (typeof found !== 'object' || !found || Array.isArray(found))) {
    return trans('Must be an object, such as {"name": "value"}');
  }
  return schema.type === 'array' && !Array.isArray(found)
    ? trans('Must be a list, such as [1, 2]')
    : '';
}

const GEOMETRIES = [
  'Point',
  'MultiPoint',
  'LineString',
  'MultiLineString',
  'Polygon',
  'MultiPolygon',
  'GeometryCollection',
  'Feature',
  'FeatureCollection'
];

/** Places are GeoJSON; other texts are let through, as the service does not look into them. */
function mapFault(value: string, trans: Trans): string {
  let found: unknown;
  try {
    found = JSON.parse(value);
  } catch {
    return trans('Must be GeoJSON');
  }
  const type = (found as { type?: unknown } | null)?.type;
  return GEOMETRIES.includes(String(type))
    ? ''
    : trans('Must be GeoJSON; its type is one of %1', GEOMETRIES.join(', '));
}

/** Problems of the service by the field that they belong to, and those of no field. */
export function byField(
  problems: readonly IBrokenRule[],
  fields: readonly IField[]
): { faults: Faults; others: IBrokenRule[] } {
  // Ids may hold dots: the longest that fits is meant.
  const ids = fields.map(each => each.id).sort((a, b) => b.length - a.length);
  const faults: Record<string, IFault[]> = {};
  const others: IBrokenRule[] = [];
  for (const problem of problems) {
    const member = problem.member.startsWith('inputs.') ? problem.member.slice(7) : null;
    const id = ids.find(each => member === each || /^[.[]/.test(rest(member, each)));
    if (member === null || id === undefined) {
      others.push(problem);
      continue;
    }
    const index = /^\[(\d+)\]/.exec(rest(member, id));
    const value = problem.value ? ` (${problem.value})` : '';
    const fault = { text: problem.rule + value, index: index ? Number(index[1]) : undefined };
    faults[id] = [...(faults[id] ?? []), fault];
  }
  return { faults, others };
}

function rest(member: string | null, id: string): string {
  return member?.startsWith(id) ? member.slice(id.length) : '';
}
