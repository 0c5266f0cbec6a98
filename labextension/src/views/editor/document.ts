/** Drafts from Methods' documents, and back. */

import { UUID } from '@lumino/coreutils';
import {
  FieldList,
  IDraft,
  IField,
  ILink,
  IParameter,
  linesOf,
  Members,
  newField,
  ScriptName,
  SCRIPTS
} from './model';

/** Members that the service adds, or that are always the same. */
const NOT_OURS = new Set(['mutable', 'jobControlOptions', 'additionalParameters']);
const SERVER_LINKS = new Set([
  'self',
  'alternate',
  'collection',
  'up',
  'version-history',
  'latest-version',
  'status',
  'monitor',
  'execute',
  'profile',
  'http://www.opengis.net/def/rel/ogc/1.0/execute'
]);

/** A document that cannot be shown as a form; the message says why. */
export class Unreadable extends Error {}

/** Read a Method's document, leniently in form; `id` if it has none.  Throws `Unreadable`. */
export function fromDocument(document: unknown, ownId = ''): IDraft {
  const raw = object(document, 'A Method');
  const { id, title, description, version, keywords, metadata, inputs, outputs, links, ...rest } =
    raw;
  return {
    id: text(id) || ownId || UUID.uuid4(),
    title: text(title),
    description: text(description),
    version: text(version) || '1.0.0',
    keywords: list(keywords, 'keywords').map(text),
    metadata: list(metadata, 'metadata').map(each => object(each, 'metadata')),
    inputs: fieldsIn(inputs, 'inputs'),
    outputs: fieldsIn(outputs, 'outputs'),
    parameters: parametersIn(raw.additionalParameters),
    links: list(links, 'links')
      .map(each => object(each, 'links') as ILink)
      .filter(({ rel }) => !SERVER_LINKS.has(text(rel))),
    more: {
      ...Object.fromEntries(
        Object.entries(rest).filter(([name, value]) => value !== null && !NOT_OURS.has(name))
      )
    }
  };
}

/** Write a draft as a Method's document. */
export function toDocument(draft: IDraft): Record<string, unknown> {
  const { description, more } = draft;
  return {
    id: draft.id,
    title: draft.title,
    ...(description && { description }),
    version: draft.version,
    jobControlOptions: ['async-execute'],
    outputTransmission: ['value', 'reference'],
    ...more,
    ...(draft.keywords.length && { keywords: draft.keywords }),
    ...(draft.metadata.length && { metadata: draft.metadata }),
    inputs: fieldsOut(draft.inputs),
    outputs: fieldsOut(draft.outputs),
    additionalParameters: { parameters: draft.parameters },
    links: draft.links
  };
}

/** Give the fields of a newly read draft the keys that they had: what is open stays open. */
export function withKeys(next: IDraft, old: IDraft): IDraft {
  const keyed = (where: FieldList) => {
    const keys = new Map(old[where].map(each => [each.id, each.key]));
    const unique = new Set(next[where].map(each => each.id)).size === next[where].length;
    return next[where].map(each => ({
      ...each,
      key: (unique && keys.get(each.id)) || each.key
    }));
  };
  return { ...next, inputs: keyed('inputs'), outputs: keyed('outputs') };
}

/** Whether two drafts would be saved as the same Method. */
export function same(one: IDraft, other: IDraft): boolean {
  return one === other || JSON.stringify(toDocument(one)) === JSON.stringify(toDocument(other));
}

function fieldsIn(raw: unknown, where: FieldList): IField[] {
  if (raw === undefined || raw === null) {
    return [];
  }
  const pairs: [string, unknown][] = Array.isArray(raw)
    ? raw.map(each => [text((each as Members | null)?.id), each])
    : Object.entries(object(raw, where));
  return pairs.map(([name, each]) => {
    const { id, title, description, minOccurs, maxOccurs, schema, metadata, ...more } = object(
      each,
      `${where}.${name}`
    );
    return newField(typeof id === 'string' ? id : name, {
      title: text(title),
      description: text(description),
      minOccurs: whole(minOccurs, 1),
      maxOccurs: maxOccurs === 'unbounded' ? maxOccurs : whole(maxOccurs, 1),
      schema: withoutNulls(object(schema ?? {}, `${where}.${name}.schema`)),
      metadata: list(metadata, 'metadata').map(item => object(item, 'metadata')),
      more
    });
  });
}

function fieldsOut(fields: readonly IField[]): unknown {
  const out = fields.map(({ id, title, description, metadata, more, ...each }) => ({
    id,
    ...(title && { title }),
    ...(description && { description }),
    ...more,
    ...(metadata.length && { metadata }),
    minOccurs: each.minOccurs,
    maxOccurs: each.maxOccurs,
    schema: each.schema
  }));
  const ids = out.map(({ id }) => id);
  // Objects cannot hold an id twice, and put names that are numbers first; the service takes lists.
  const fits = new Set(ids).size === ids.length && !ids.some(id => /^\d*$/.test(id));
  return fits ? Object.fromEntries(out.map(each => [each.id, each])) : out;
}

function parametersIn(raw: unknown): IParameter[] {
  const found = Array.isArray(raw)
    ? raw
    : list((raw as Members | null | undefined)?.parameters, 'additionalParameters.parameters');
  const entries = found.map(each => {
    const entry = object(each, 'additionalParameters.parameters');
    const name = scriptName(text(entry.name));
    const value = Array.isArray(entry.value) ? entry.value : [entry.value ?? ''];
    const isScript = SCRIPTS.includes(name as ScriptName);
    return {
      ...entry,
      name,
      value: isScript
        ? linesOf(value.map(line => text(line).replace(/\r?\n$/, '')).join('\n'))
        : value
    };
  });
  const missing = SCRIPTS.filter(name => !entries.some(each => each.name === name));
  return [...missing.map(name => ({ name, value: [] })), ...entries].sort(
    (one, other) => order(one.name) - order(other.name)
  );
}

function order(name: string): number {
  const at = SCRIPTS.indexOf(name as ScriptName);
  return at < 0 ? SCRIPTS.length : at;
}

/** `deploy-script` for `deployScript` and `deploy_script`, as the service reads them too. */
function scriptName(name: string): string {
  const plain = name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/_/g, '-');
  return SCRIPTS.includes(plain as ScriptName) ? plain : name;
}

function object(raw: unknown, what: string): Members {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new Unreadable(`${what} must be an object`);
  }
  return raw as Members;
}

function list(raw: unknown, what: string): readonly unknown[] {
  if (raw === undefined || raw === null) {
    return [];
  }
  if (!Array.isArray(raw)) {
    throw new Unreadable(`${what} must be a list`);
  }
  return raw;
}

function text(raw: unknown): string {
  return typeof raw === 'string' ? raw : raw === undefined || raw === null ? '' : String(raw);
}

function whole(raw: unknown, otherwise: number): number {
  const value = typeof raw === 'string' && raw.trim() ? Number(raw) : raw;
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

/** CCP writes nulls for what it does not say; the service drops them. */
function withoutNulls(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}
