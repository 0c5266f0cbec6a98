/** RED documents as a form sees them: inputs as fields, variables, and what is sent. */

import { isMap, isScalar, parseDocument, visit, type Document } from 'yaml';
import { fieldOf, IField } from './model';
import { inputsOf, Inputs, Item, itemsOf, text as textItem } from './values';

export interface IRed {
  document: Document;
  /** The same as plain data; null when it is no object. */
  data: Record<string, any> | null;
  /** What keeps it from being read; with lines from 1. */
  faults: readonly { line: number; message: string }[];
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  int: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  boolean: 'boolean'
};
const VARIABLE = /\{\{\s*([^{}]+?)\s*\}\}/g;

/** YAML 1.2, of which JSON is a part. */
export function readRed(source: string): IRed {
  const document = parseDocument(source, { merge: true, prettyErrors: true });
  const faults = document.errors.map(({ message, linePos }) => ({
    line: linePos?.[0].line ?? 1,
    message: message.split('\n')[0].replace(/ at line \d+.*$/, '')
  }));
  let data: unknown = null;
  if (!faults.length) {
    try {
      data = document.toJS({ maxAliasCount: 1000 });
    } catch (error) {
      faults.push({ line: 1, message: (error as Error).message });
    }
  }
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  return { document, data: isObject ? (data as Record<string, any>) : null, faults };
}

/** How many batches there are; 0 when inputs stand in the document itself. */
export function batchesOf({ data }: IRed): number {
  return Array.isArray(data?.batches) ? data.batches.length : 0;
}

/** The inputs that a document declares, as fields. */
export function redFields({ data }: IRed): IField[] {
  const declared = data?.cli?.inputs;
  if (typeof declared !== 'object' || declared === null) {
    return [];
  }
  return Object.entries(declared as Record<string, any>).flatMap(([name, each]) => {
    const type = typeof each?.type === 'string' ? String(each.type) : '';
    const [, base, list, optional] = /^(\w+?)(\[\])?(\?)?$/.exec(type) ?? [];
    return base ? [redField(name, base, !!list, !!optional, String(each.doc ?? ''))] : [];
  });
}

function redField(
  name: string,
  base: string,
  list: boolean,
  optional: boolean,
  description: string
): IField {
  // Files say by which connector they come: an object.
  const one = { type: TYPES[base] ?? 'object' };
  const isPlain = base in TYPES;
  const schema = list ? { type: 'array', items: one } : one;
  const field = fieldOf(name, { description, minOccurs: optional ? 0 : 1, schema });
  return isPlain || !description ? field : { ...field, description };
}

function pathOf(batch: number, red: IRed): (string | number)[] {
  return batchesOf(red) ? ['batches', batch, 'inputs'] : ['inputs'];
}

/** The given inputs of a batch. */
export function redInputs(red: IRed, batch: number): Inputs {
  const root = batchesOf(red) ? red.data?.batches?.[batch] : red.data;
  const found: unknown = root?.inputs;
  return typeof found === 'object' && found !== null ? (found as Inputs) : {};
}

/** What stands in a field: what was typed as long as the document says the same. */
export function redItems(field: IField, given: unknown, typed?: readonly Item[]): readonly Item[] {
  if (typed && sameValue(redValue(field, typed), given)) {
    return typed;
  }
  const items = itemsOf(field, given);
  return items.length || field.control === 'checklist' ? items : [textItem('')];
}

/** What a field stands for in the document; undefined for nothing. */
export function redValue(field: IField, items: readonly Item[]): unknown {
  return inputsOf([field], { [field.id]: items }, () => null)[field.id];
}

/** The document with another value for an input; comments and order stay. */
export function withInput(
  source: string,
  batch: number,
  field: IField,
  items: readonly Item[]
): string {
  const red = readRed(source);
  if (!red.data) {
    return source;
  }
  const path = [...pathOf(batch, red), field.id];
  const value = redValue(field, items);
  if (value === undefined) {
    red.document.deleteIn(path);
  } else {
    red.document.setIn(path, red.document.createNode(value));
  }
  if (/^\s*\{/.test(source)) {
    return JSON.stringify(red.document.toJS(), null, 2);
  }
  return red.document.toString({ lineWidth: 0 });
}

/** Names of the variables, which stand below `access` and `auth` only. */
export function variablesOf({ document, data }: IRed): string[] {
  const found = new Set<string>();
  if (!data) {
    return [];
  }
  visit(document, {
    Pair(_, pair) {
      if (isScalar(pair.key) && (pair.key.value === 'access' || pair.key.value === 'auth')) {
        visit(pair.value as never, {
          Scalar(_key, { value }) {
            for (const [, name] of typeof value === 'string' ? value.matchAll(VARIABLE) : []) {
              found.add(name);
            }
          }
        });
        // What belongs to this service is not sent.
        return isMap(pair.value) ? visit.SKIP : undefined;
      }
      return undefined;
    }
  });
  return [...found];
}

/** What is sent: variables filled in, and without the access to a service, which this one is. */
export function completed(data: unknown, values: Readonly<Record<string, string>>): unknown {
  const filled = substituted(data, values, false) as Record<string, any>;
  const settings = filled.execution?.settings;
  if (settings && typeof settings === 'object' && 'access' in settings) {
    const others = Object.fromEntries(
      Object.entries(settings).filter(([name]) => name !== 'access')
    );
    return { ...filled, execution: { ...filled.execution, settings: others } };
  }
  return filled;
}

function substituted(
  found: unknown,
  values: Readonly<Record<string, string>>,
  inside: boolean
): unknown {
  if (typeof found === 'string') {
    return inside ? found.replace(VARIABLE, (all, name: string) => values[name] || all) : found;
  }
  if (Array.isArray(found)) {
    return found.map(each => substituted(each, values, inside));
  }
  if (typeof found !== 'object' || found === null) {
    return found;
  }
  return Object.fromEntries(
    Object.entries(found).map(([key, each]) => [
      key,
      substituted(each, values, inside || key === 'access' || key === 'auth')
    ])
  );
}

function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
