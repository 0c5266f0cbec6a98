/**
 * What stands in the fields of a form, and how it becomes a request and a memory.
 *
 * What is remembered (a panel's layout, a widget's trait) has the form of a request's `inputs`, so
 * that Python can read and write it; it keeps texts that are no values yet, and names files of the
 * workspace by their path: `{"$file": "data/table.csv"}`.
 */

import { IField, textFor } from './model';

export type Item =
  | { kind: 'text'; text: string }
  /** A personal secret, which the service keeps under a name. */
  | { kind: 'named'; name: string }
  | { kind: 'link'; href: string; type?: string }
  | { kind: 'workspace'; path: string }
  /** From the user's computer, as base64; null when a reload has lost it. */
  | { kind: 'upload'; name: string; size: number; type: string; content: string | null }
  /** Came with the Execution that the form was filled in from. */
  | { kind: 'earlier'; href: string; type?: string };

export type FileItem = Exclude<Item, { kind: 'text' | 'named' }>;
export type Values = Readonly<Record<string, readonly Item[]>>;
export type Inputs = Record<string, unknown>;

/** Uploads up to this are remembered, in characters of base64; a layout is no place for more. */
export const MOST_REMEMBERED = 40_000;

const LINK = /^https?:\/\//i;
const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const QUALIFIERS = ['value', 'mediaType', 'encoding', 'schema', 'format'];

export const text = (value: string): Item => ({ kind: 'text', text: value });

/** What stands in the fields before anybody has filled in anything. */
export function defaultsOf(fields: readonly IField[]): Values {
  return Object.fromEntries(fields.map(field => [field.id, defaultOf(field)]));
}

export function defaultOf(field: IField): Item[] {
  return field.control === 'secret' ? [] : padded(field, itemsOf(field, field.default));
}

/** What stands in the fields for these inputs; the default where there is none. */
export function valuesOf(fields: readonly IField[], inputs: Inputs): Values {
  return Object.fromEntries(
    fields.map(field => {
      const raw = field.control === 'fixed' ? undefined : inputs[field.id];
      const given = raw !== undefined && raw !== null;
      return [field.id, given ? padded(field, itemsOf(field, raw)) : defaultOf(field)];
    })
  );
}

/** One empty value to type into, where a field has none. */
function padded(field: IField, items: Item[]): Item[] {
  if (items.length || ['file', 'secret', 'checklist', 'fixed'].includes(field.control)) {
    return items;
  }
  return [text('')];
}

/** The items of a field for its value in a request. */
export function itemsOf(field: IField, raw: unknown): Item[] {
  return listOf(field, raw).flatMap(each => itemOf(field, each) ?? []);
}

function listOf(field: IField, raw: unknown): unknown[] {
  if (raw === undefined || raw === null) {
    return [];
  }
  if (!field.many || !Array.isArray(raw)) {
    return [raw];
  }
  // One array without the brackets around all of them.
  const isOne = field.schema.type === 'array' && !raw.every(Array.isArray);
  return isOne ? [raw] : raw;
}

function itemOf(field: IField, raw: unknown): Item | null {
  if (field.control === 'secret') {
    return secretOf(raw);
  }
  if (field.control === 'file') {
    return fileOf(field, raw);
  }
  const value = isObject(raw) && isQualified(raw) ? raw.value : raw;
  const isDocument = field.control === 'json' || field.control === 'map';
  if (isDocument && typeof value !== 'string') {
    return text(JSON.stringify(value, null, 2));
  }
  return text(textFor(value));
}

function isQualified(raw: Record<string, unknown>): boolean {
  return 'value' in raw && Object.keys(raw).every(key => QUALIFIERS.includes(key));
}

function secretOf(raw: unknown): Item | null {
  if (isObject(raw)) {
    return typeof raw.$secret === 'string' ? { kind: 'named', name: raw.$secret } : null;
  }
  return typeof raw === 'string' && raw ? text(raw) : null;
}

function fileOf(field: IField, raw: unknown): Item | null {
  if (typeof raw === 'string') {
    return fileOfText(field, raw);
  }
  if (!isObject(raw)) {
    return null;
  }
  const type = typeof raw.type === 'string' ? raw.type : undefined;
  if (typeof raw.$file === 'string') {
    return { kind: 'workspace', path: raw.$file };
  }
  if (typeof raw.$upload === 'string') {
    const size = Number(raw.size) || 0;
    const content = typeof raw.value === 'string' ? raw.value : null;
    return { kind: 'upload', name: raw.$upload, size, type: type ?? '', content };
  }
  if (typeof raw.href === 'string') {
    const kind = LINK.test(raw.href) ? 'link' : 'earlier';
    return { kind, href: raw.href, type };
  }
  if (typeof raw.value === 'string') {
    const mediaType = typeof raw.mediaType === 'string' ? raw.mediaType : '';
    const plain = raw.encoding === undefined ? field.asText : raw.encoding === 'utf-8';
    return inline(field, plain ? toBase64(raw.value) : raw.value, mediaType);
  }
  return null;
}

/** A file that is only a text: a link, what is in it, or, from Python, a path. */
function fileOfText(field: IField, raw: string): Item | null {
  if (!raw) {
    return null;
  }
  if (field.asText) {
    return inline(field, toBase64(raw), '');
  }
  if (LINK.test(raw)) {
    return { kind: 'link', href: raw };
  }
  return BASE64.test(raw) ? inline(field, raw, '') : { kind: 'workspace', path: raw };
}

function inline(field: IField, content: string, type: string): Item {
  const size = Math.floor((content.replace(/[\s=]/g, '').length * 3) / 4);
  return { kind: 'upload', name: field.id, size, type, content };
}

// From fields to a request

/** How a file stands in a request; null leaves it out. */
export type FileValue = (item: FileItem, field: IField) => unknown;

/** The inputs of an execute request. */
export function inputsOf(fields: readonly IField[], values: Values, file: FileValue): Inputs {
  const found: Inputs = {};
  for (const field of fields) {
    const value = valueOf(field, values[field.id] ?? [], file);
    if (value !== undefined) {
      found[field.id] = value;
    }
  }
  return found;
}

function valueOf(field: IField, items: readonly Item[], file: FileValue): unknown {
  if (field.control === 'fixed') {
    return undefined;
  }
  const given = items.filter(item => !isEmpty(item));
  if (field.many) {
    const all = given.map(item => rawOf(field, item, file)).filter(each => each != null);
    return all.length ? all : undefined;
  }
  if (given.length) {
    return rawOf(field, given[0], file) ?? undefined;
  }
  // An empty field says something only where a default stood.
  const isText = ['text', 'lines', 'code'].includes(field.control) && !field.options.length;
  return isText && field.default !== undefined ? '' : undefined;
}

export function isEmpty(item: Item): boolean {
  return item.kind === 'text' && item.text === '';
}

function rawOf(field: IField, item: Item, file: FileValue): unknown {
  switch (item.kind) {
    case 'text':
      return plainOf(field, item.text);
    case 'named':
      return { $secret: item.name };
    default:
      return file(item, field);
  }
}

/** The value that a text stands for; the text itself when it stands for none. */
export function plainOf(field: IField, value: string): unknown {
  switch (field.control) {
    case 'checkbox':
      return value === 'true';
    case 'number':
      return field.schema.type === 'string' ? value.trim() : numberOf(value);
    case 'radio':
    case 'select':
    case 'checklist':
      return chosen(field, value);
    case 'json':
      return jsonOf(value);
    case 'map':
      return field.schema.type === 'object' ? jsonOf(value) : value;
    default:
      return value;
  }
}

export function numberOf(value: string): number | string {
  const trimmed = value.trim();
  return NUMBER.test(trimmed) && isFinite(Number(trimmed)) ? Number(trimmed) : value;
}

function chosen(field: IField, value: string): unknown {
  const all = field.schema.enum?.length ? field.schema.enum : [true, false];
  return all.find(each => textFor(each) === value) ?? value;
}

function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

// From fields to what is remembered

/** What the host keeps: everything that was filled in, but no typed secret and no large file. */
export function rememberedOf(fields: readonly IField[], values: Values): Inputs {
  const found: Inputs = {};
  for (const field of fields) {
    const items = values[field.id] ?? [];
    if (field.control === 'fixed' || sameItems(items, defaultOf(field))) {
      continue;
    }
    const all = items.flatMap(item => remembered(field, item));
    if (all.length || field.control !== 'secret') {
      found[field.id] = field.many ? all : (all[0] ?? '');
    }
  }
  return found;
}

function remembered(field: IField, item: Item): unknown[] {
  if (item.kind === 'text') {
    return field.control === 'secret' ? [] : [item.text && plainOf(field, item.text)];
  }
  return [rawOf(field, item, rememberedFile)];
}

function rememberedFile(item: FileItem): unknown {
  switch (item.kind) {
    case 'workspace':
      return { $file: item.path };
    case 'upload': {
      const { name, size, type, content } = item;
      const value = content !== null && content.length <= MOST_REMEMBERED ? content : undefined;
      return { $upload: name, size, type, value };
    }
    default:
      return { href: item.href, type: item.type };
  }
}

function sameItems(one: readonly Item[], other: readonly Item[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function toBase64(value: string): string {
  let bytes = '';
  new TextEncoder().encode(value).forEach(each => (bytes += String.fromCharCode(each)));
  return btoa(bytes);
}

/** The text in base64; null when it is none. */
export function fromBase64(value: string): string | null {
  try {
    const bytes = Uint8Array.from(atob(value), each => each.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
