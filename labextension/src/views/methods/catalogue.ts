/** What the Method list shows, worked out of what the store holds; no page, no requests. */

import type { IInfrastructure, IMethodSummary } from '../../data';

/** A Method, with what the list looks at made ready once. */
export interface IEntry {
  summary: IMethodSummary;
  id: string;
  title: string;
  version: string;
  authors: readonly string[];
  categories: readonly string[];
  tags: readonly string[];
  /** Infrastructures that it may run on. */
  compatible: readonly ICompatible[];
  /** Whether the service itself runs it, without an Infrastructure. */
  builtIn: boolean;
  /** Whether it can be executed now. */
  runnable: boolean;
  /** Whether the user may change, share and delete it. */
  mine: boolean;
  /** With whom it is shared, as far as its document says. */
  visibility: 'private' | 'context' | 'public';
  /** What is searched, in small letters. */
  text: string;
}

export interface ICompatible {
  id: string;
  title: string;
  available: boolean;
}

export type SortBy = 'name' | 'version';

export interface IWanted {
  search: string;
  category: string;
  author: string;
}

export type Row = IGroup | IMember;

export interface IGroup {
  kind: 'group';
  key: string;
  /** Empty for Methods in no category. */
  category: string;
  count: number;
  runnable: number;
  expanded: boolean;
}

export interface IMember {
  kind: 'method';
  key: string;
  entry: IEntry;
}

/** What can be done with a Method, in the order of the buttons. */
export const ACTIONS = ['run', 'edit', 'clone', 'download', 'archive', 'share', 'delete'] as const;
export type ActionName = (typeof ACTIONS)[number];

const HREF = /(?:^|\/)infrastructures\/([^/?#]+)\/?$/;

/** Make Methods ready to be searched and shown. */
export function catalogue(
  methods: readonly IMethodSummary[],
  infrastructures: readonly IInfrastructure[]
): IEntry[] {
  const known = new Map(infrastructures.map(each => [each.id, each]));
  return methods.map(each => entryOf(each, known));
}

function entryOf(summary: IMethodSummary, known: ReadonlyMap<string, IInfrastructure>): IEntry {
  const titles = (role: string) =>
    (summary.metadata ?? []).flatMap(each =>
      each.role === role && each.title ? [each.title] : []
    );
  const compatible = (summary.links ?? [])
    .filter(each => each.rel === 'compatibleWith')
    .map(({ href, title }) => {
      const id = idIn(href);
      const found = known.get(id);
      return { id, title: found?.name || title || id, available: found?.available ?? false };
    });
  const title = summary.title || summary.id;
  const [authors, categories] = [titles('author'), [...new Set(titles('category'))]];
  const tags = summary.keywords ?? [];
  const builtIn = compatible.length === 0;
  const searched = [title, summary.id, summary.version, summary.description ?? ''];
  const names = compatible.map(each => each.title);
  return {
    summary,
    id: summary.id,
    title,
    version: summary.version,
    authors,
    categories,
    tags,
    compatible,
    builtIn,
    runnable: builtIn || compatible.some(each => each.available),
    mine: summary.mutable,
    visibility: titles('visibility').includes('public')
      ? 'public'
      : titles('context').length
        ? 'context'
        : 'private',
    text: [...searched, ...authors, ...categories, ...tags, ...names].join('\n').toLowerCase()
  };
}

function idIn(href: string): string {
  const found = HREF.exec(href);
  try {
    return found ? decodeURIComponent(found[1]) : href;
  } catch {
    return href;
  }
}

/** Whether a Method has an action: strangers' are not changed, the service's own not copied. */
export function offered(entry: IEntry, action: ActionName): boolean {
  switch (action) {
    case 'run':
      return entry.runnable;
    case 'clone':
      return !entry.builtIn;
    case 'edit':
    case 'share':
    case 'delete':
      return entry.mine && !entry.builtIn;
    default:
      return true;
  }
}

/** In the wanted order; done once, not at each letter of a search. */
export function sorted(entries: readonly IEntry[], by: SortBy): IEntry[] {
  return [...entries].sort(by === 'version' ? byVersion : byName);
}

/** Those that have all words of the search, in the order they came in. */
export function chosen(entries: readonly IEntry[], wanted: IWanted): IEntry[] {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  const { category, author } = wanted;
  return entries.filter(
    each =>
      (!category || each.categories.includes(category)) &&
      (!author || each.authors.includes(author)) &&
      words.every(word => each.text.includes(word))
  );
}

/**
 * Rows of a tree: categories by name with their Methods, then the Methods in none.
 *
 * A Method in several categories is a row in each.
 */
export function rowsOf(
  entries: readonly IEntry[],
  collapsed: ReadonlySet<string>,
  only: string
): Row[] {
  const groups = new Map<string, IEntry[]>();
  for (const entry of entries) {
    const categories = entry.categories.length ? entry.categories : [''];
    for (const category of only ? [only] : categories) {
      const group = groups.get(category);
      if (group) {
        group.push(entry);
      } else {
        groups.set(category, [entry]);
      }
    }
  }
  const rows: Row[] = [];
  for (const category of [...groups.keys()].sort(byCategory)) {
    const members = groups.get(category)!;
    const expanded = !collapsed.has(category);
    const runnable = members.filter(each => each.runnable).length;
    const key = `group/${category}`;
    rows.push({ kind: 'group', key, category, count: members.length, runnable, expanded });
    if (expanded) {
      for (const entry of members) {
        rows.push({ kind: 'method', key: `${category}/${entry.id}`, entry });
      }
    }
  }
  return rows;
}

/** What filters offer. */
export function namesIn(entries: readonly IEntry[], of: 'authors' | 'categories'): string[] {
  return [...new Set(entries.flatMap(each => each[of]))].sort(collator.compare);
}

// One collator: `localeCompare` makes one for each comparison, which 5,000 Methods feel.
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function byName(one: IEntry, other: IEntry): number {
  return collator.compare(one.title, other.title) || newestFirst(one.version, other.version);
}

function byVersion(one: IEntry, other: IEntry): number {
  return newestFirst(one.version, other.version) || collator.compare(one.title, other.title);
}

function newestFirst(one: string, other: string): number {
  return collator.compare(other, one);
}

function byCategory(one: string, other: string): number {
  if (!one || !other) {
    return one ? -1 : other ? 1 : 0;
  }
  return collator.compare(one, other);
}
