/**
 * A Method while somebody works on it: pure data, edited by making new data.
 *
 * OGC keeps inputs and outputs in objects by id. While one types, ids are empty or double for a
 * moment and order matters, so here they are lists; `document.ts` converts both without loss.
 */

import { UUID } from '@lumino/coreutils';

export type Members = Readonly<Record<string, unknown>>;

export interface IEntry extends Members {
  role?: string;
  title?: string;
  href?: string;
}

export interface ILink extends Members {
  rel?: string;
  href?: string;
  title?: string;
}

export interface IParameter extends Members {
  name: string;
  value: readonly unknown[];
}

/** An input or an output. */
export interface IField {
  /** Stays the same while the id is typed; only in this page. */
  readonly key: string;
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly minOccurs: number;
  readonly maxOccurs: number | 'unbounded';
  readonly schema: Members;
  readonly metadata: readonly IEntry[];
  /** Members that the editor does not know, kept. */
  readonly more: Members;
}

export type FieldList = 'inputs' | 'outputs';

export interface IDraft {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly version: string;
  readonly keywords: readonly string[];
  readonly metadata: readonly IEntry[];
  readonly inputs: readonly IField[];
  readonly outputs: readonly IField[];
  readonly parameters: readonly IParameter[];
  readonly links: readonly ILink[];
  readonly more: Members;
}

export const SCRIPTS = [
  'deploy-script',
  'execute-script',
  'undeploy-script',
  'cancel-script'
] as const;
export type ScriptName = (typeof SCRIPTS)[number];

const UNIT = 'executionUnit';

/** A Method to begin with. */
export function blank(): IDraft {
  return {
    id: UUID.uuid4(),
    title: '',
    description: '',
    version: '1.0.0',
    keywords: [],
    metadata: [],
    inputs: [newField('ccpimage', { title: 'Runtime', schema: { type: 'string' } })],
    outputs: [],
    parameters: SCRIPTS.map(name => ({
      name,
      value: name === 'execute-script' ? ['set -e'] : []
    })),
    links: [],
    more: {}
  };
}

let number = 0;

/** A new input or output. */
export function newField(id: string, members: Partial<IField> = {}): IField {
  number += 1;
  return {
    id,
    title: '',
    description: '',
    minOccurs: 1,
    maxOccurs: 1,
    schema: { type: 'string' },
    metadata: [],
    more: {},
    ...members,
    key: `field-${number}`
  };
}

/** Change some members of one input or output. */
export function edit(
  draft: IDraft,
  where: FieldList,
  key: string,
  members: Partial<IField>
): IDraft {
  return {
    ...draft,
    [where]: draft[where].map(each => (each.key === key ? { ...each, ...members } : each))
  };
}

/** Give an input another id, and its variables in the scripts with it. */
export function rename(draft: IDraft, key: string, id: string): IDraft {
  const old = draft.inputs.find(each => each.key === key)?.id;
  const renamed = edit(draft, 'inputs', key, { id });
  const double = draft.inputs.some(each => each.key !== key && each.id === old);
  if (!old || !id || double) {
    return renamed;
  }
  const parameters = draft.parameters.map(each =>
    SCRIPTS.includes(each.name as ScriptName)
      ? { ...each, value: each.value.map(line => replaceVariable(String(line), old, id)) }
      : each
  );
  return { ...renamed, parameters };
}

function replaceVariable(line: string, old: string, id: string): string {
  return line.replace(/(\{\{[ \t]*)([A-Za-z0-9_][\w.-]*)/g, (all, braces: string, name: string) =>
    name === old ? braces + id : all
  );
}

export function add(draft: IDraft, where: FieldList, field: IField): IDraft {
  return { ...draft, [where]: [...draft[where], field] };
}

export function remove(draft: IDraft, where: FieldList, key: string): IDraft {
  return { ...draft, [where]: draft[where].filter(each => each.key !== key) };
}

/** A copy of a field right below it, with an id that is free. */
export function duplicate(draft: IDraft, where: FieldList, key: string): IDraft {
  const fields = [...draft[where]];
  const at = fields.findIndex(each => each.key === key);
  if (at < 0) {
    return draft;
  }
  const id = freeId(fields, fields[at].id);
  fields.splice(at + 1, 0, newField(id, { ...fields[at], id }));
  return { ...draft, [where]: fields };
}

/** Move a field to another place in its list. */
export function move(draft: IDraft, where: FieldList, key: string, to: number): IDraft {
  const fields = draft[where].filter(each => each.key !== key);
  const field = draft[where].find(each => each.key === key);
  if (!field) {
    return draft;
  }
  fields.splice(Math.max(0, Math.min(fields.length, to)), 0, field);
  return { ...draft, [where]: fields };
}

/** `name`, or `name_2`, …: an id that no field has. */
export function freeId(fields: readonly IField[], name: string): string {
  const used = new Set(fields.map(each => each.id));
  let id = name;
  for (let at = 2; used.has(id); at += 1) {
    id = `${name}_${at}`;
  }
  return id;
}

/** Titles of metadata of one role: tags, categories, Contexts. */
export function titles(draft: IDraft, role: string): string[] {
  return draft.metadata.filter(each => each.role === role && each.title).map(each => each.title!);
}

/** Put other titles for one role; entries that stay keep what else they say. */
export function withTitles(draft: IDraft, role: string, wanted: readonly string[]): IDraft {
  const kept = draft.metadata.filter(
    each => each.role !== role || wanted.includes(String(each.title))
  );
  const there = new Set(kept.filter(each => each.role === role).map(each => each.title));
  const added = wanted.filter(title => !there.has(title)).map(title => ({ role, title }));
  return { ...draft, metadata: [...kept, ...added] };
}

const INFRASTRUCTURE = /(?:^|\/)infrastructures\/([^/?#]+)\/?(?:[?#].*)?$/;

/** Ids of the Infrastructures that the Method names, the preferred one first. */
export function infrastructures(draft: IDraft): string[] {
  return draft.links.flatMap(({ rel, href }) => {
    const id = rel === 'compatibleWith' && INFRASTRUCTURE.exec(href ?? '')?.[1];
    return id ? [decoded(id)] : [];
  });
}

/** Ids in addresses are quoted; what cannot be read stays as it is. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** Name other Infrastructures, in this order. */
export function withInfrastructures(
  draft: IDraft,
  wanted: readonly { id: string; name?: string }[]
): IDraft {
  const old = new Map(
    draft.links
      .filter(each => each.rel === 'compatibleWith')
      .map(each => [decoded(INFRASTRUCTURE.exec(each.href ?? '')?.[1] ?? ''), each])
  );
  const links = wanted.map(
    ({ id, name }): ILink =>
      old.get(id) ?? {
        rel: 'compatibleWith',
        ...(name && { title: name }),
        href: `infrastructures/${encodeURIComponent(id)}`
      }
  );
  return { ...draft, links: [...links, ...draft.links.filter(l => l.rel !== 'compatibleWith')] };
}

/** A script as one text. */
export function script(draft: IDraft, name: ScriptName): string {
  const lines = draft.parameters.find(each => each.name === name)?.value ?? [];
  return lines.join('\n');
}

export function withScript(draft: IDraft, name: ScriptName, code: string): IDraft {
  return withParameter(draft, name, linesOf(code));
}

/** Lines of a script; none for no text. */
export function linesOf(code: string): string[] {
  return code === '' ? [] : code.replace(/\r\n?/g, '\n').split('\n');
}

/** What the Method asks of a machine: `config` of its execution unit. */
export function resources(draft: IDraft): Members {
  const unit = draft.parameters.find(each => each.name === UNIT)?.value[0];
  const config = (unit as Members | undefined)?.config;
  return typeof config === 'object' && config !== null ? (config as Members) : {};
}

export function withResources(draft: IDraft, config: Members): IDraft {
  const unit = draft.parameters.find(each => each.name === UNIT)?.value[0] as Members | undefined;
  const used = Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined)
  );
  const rest = Object.keys(unit ?? {}).some(name => name !== 'config');
  if (!Object.keys(used).length && !rest) {
    return { ...draft, parameters: draft.parameters.filter(each => each.name !== UNIT) };
  }
  return withParameter(draft, UNIT, [{ ...unit, config: used }]);
}

function withParameter(draft: IDraft, name: string, value: readonly unknown[]): IDraft {
  const there = draft.parameters.some(each => each.name === name);
  const parameters = there
    ? draft.parameters.map(each => (each.name === name ? { ...each, value } : each))
    : [...draft.parameters, { name, value }];
  return { ...draft, parameters };
}

/** A private draft of it that one can run before saving; `of` finds it again. */
export function trial(draft: IDraft, id: string, title: string): IDraft {
  const metadata = draft.metadata.filter(
    each => !['visibility', 'context', 'author', DRAFT_OF].includes(each.role ?? '')
  );
  return { ...draft, id, title, metadata: [...metadata, { role: DRAFT_OF, title: draft.id }] };
}

/** Role of the metadata that names the Method which a trial copy was made of. */
export const DRAFT_OF = 'draft-of';

/** A new Method that begins as this one is. */
export function derive(draft: IDraft, title: string): IDraft {
  const metadata = draft.metadata.filter(
    each => !['visibility', 'context', 'author'].includes(each.role ?? '')
  );
  return { ...draft, id: UUID.uuid4(), title, version: '1.0.0', metadata };
}
