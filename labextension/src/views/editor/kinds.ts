/** Kinds of inputs and outputs, as people choose them, and what they are in a schema. */

import type { IField, Members } from './model';

export interface IKind {
  id: string;
  /** Members of the schema that make it this kind. */
  schema: Members;
  /** Other formats that mean the same. */
  also?: readonly string[];
}

/** In the order of the menu; the first that fits a schema is its kind. */
export const KINDS: readonly IKind[] = [
  { id: 'text', schema: { type: 'string' } },
  { id: 'integer', schema: { type: 'integer' } },
  { id: 'number', schema: { type: 'number' }, also: ['number'] },
  { id: 'boolean', schema: { type: 'boolean' }, also: ['boolean'] },
  { id: 'date', schema: { type: 'string', format: 'date' } },
  { id: 'time', schema: { type: 'string', format: 'time' } },
  { id: 'dateTime', schema: { type: 'string', format: 'dateTime' }, also: ['date-time'] },
  { id: 'url', schema: { type: 'string', format: 'url' }, also: ['uri'] },
  { id: 'email', schema: { type: 'string', format: 'email' } },
  { id: 'file', schema: { type: 'string', format: 'file', contentEncoding: 'base64' } },
  { id: 'remotefile', schema: { type: 'string', format: 'remotefile' } },
  { id: 'select', schema: { type: 'string', format: 'select' }, also: ['single_choice'] },
  {
    id: 'checklist',
    schema: { type: 'string', format: 'checklist' },
    also: ['multi_choice']
  },
  { id: 'secret', schema: { type: 'string', format: 'secret' }, also: ['password'] },
  { id: 'code', schema: { type: 'string', format: 'code' } },
  { id: 'geo', schema: { type: 'string', format: 'geo' } },
  { id: 'object', schema: { type: 'object' } },
  { id: 'array', schema: { type: 'array' } }
];

/** Formats that are offered; any other is kept and shown as free text. */
export const FORMATS = [
  'boolean',
  'checklist',
  'code',
  'date',
  'dateTime',
  'email',
  'file',
  'geo',
  'ipv4',
  'ipv6',
  'number',
  'remotefile',
  'secret',
  'select',
  'time',
  'url',
  'uuid'
];

export const TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object'] as const;

export const MEDIA_TYPES = [
  'text/plain',
  'text/csv',
  'text/tab-separated-values',
  'text/html',
  'text/markdown',
  'application/json',
  'application/geo+json',
  'application/x-ipynb+json',
  'application/pdf',
  'application/zip',
  'application/octet-stream',
  'image/png',
  'image/jpeg',
  'image/svg+xml',
  'image/tiff'
];

/** Members that only make sense for some kinds; dropped when the kind changes. */
const BY_KIND = [
  'type',
  'format',
  'contentEncoding',
  'enum',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'items',
  'properties'
];

/** The kind of a schema; `other` for a format that is free text here. */
export function kindOf(schema: Members): string {
  const type = String(schema.type ?? 'string');
  const format = typeof schema.format === 'string' ? schema.format : '';
  if (format) {
    const kind = KINDS.find(each => each.schema.format === format || each.also?.includes(format));
    return kind?.id ?? 'other';
  }
  if (schema.enum && type === 'string') {
    return 'select';
  }
  if (['base64', 'binary'].includes(String(schema.contentEncoding ?? '').toLowerCase())) {
    return 'file';
  }
  return KINDS.find(each => !each.schema.format && each.schema.type === type)?.id ?? 'other';
}

/** Make it another kind; what does not fit there goes. */
export function withKind(field: IField, kind: string): Partial<IField> {
  const wanted = KINDS.find(each => each.id === kind);
  if (!wanted) {
    return {};
  }
  const choice = kind === 'select' || kind === 'checklist';
  const kept = Object.entries(field.schema).filter(
    ([name]) => !BY_KIND.includes(name) && (name !== 'default' || kind === kindOf(field.schema))
  );
  const choices = choice ? (field.schema.enum ?? []) : undefined;
  const schema = {
    ...wanted.schema,
    ...Object.fromEntries(kept),
    ...(choices !== undefined && { enum: choices })
  };
  const many = field.maxOccurs !== 1;
  const one = kind === 'secret' || kind === 'select';
  return {
    schema,
    ...(one && many && { maxOccurs: 1 }),
    ...(kind === 'checklist' && !many && { maxOccurs: 'unbounded' as const })
  };
}

/** Set members of a schema; undefined and empty texts take them away. */
export function withSchema(field: IField, members: Members): Partial<IField> {
  const schema = Object.entries({ ...field.schema, ...members }).filter(
    ([, value]) => value !== undefined && value !== ''
  );
  return { schema: Object.fromEntries(schema) };
}

/** What was typed for a value of this schema; text that does not fit stays text, to be refused. */
export function valueOf(typed: string, schema: Members): unknown {
  const type = schema.type;
  if (type === 'integer' || type === 'number') {
    const value = Number(typed);
    return typed.trim() && Number.isFinite(value) ? value : typed;
  }
  if (type === 'boolean') {
    return typed === 'true' ? true : typed === 'false' ? false : typed;
  }
  if (type === 'object' || type === 'array') {
    try {
      return JSON.parse(typed) as unknown;
    } catch {
      return typed;
    }
  }
  return typed;
}

/** How a value is typed. */
export function typedOf(value: unknown): string {
  return value === undefined || value === null
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}
