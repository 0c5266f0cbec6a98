/** With whom something is shared, without a page. */

import type { components } from '../../generated/api';

export type Sharing = Pick<components['schemas']['SharingInfo'], 'public' | 'contexts' | 'users'>;

/** Who is asking: of their Contexts they can share in. */
export type Me = components['schemas']['Me'];

/** The three ways to share; `public` and names may go together, so names are kept meanwhile. */
export type Way = 'private' | 'named' | 'public';

export function wayOf({ public: open, contexts, users }: Sharing): Way {
  return open ? 'public' : contexts.length || users.length ? 'named' : 'private';
}

export function sharingOf(way: Way, contexts: string[], users: string[]): Sharing {
  return way === 'private'
    ? { public: false, contexts: [], users: [] }
    : { public: way === 'public', contexts, users };
}

export function same(one: Sharing, other: Sharing): boolean {
  const flat = ({ public: open, contexts, users }: Sharing) =>
    JSON.stringify([open, [...contexts].sort(), [...users].sort()]);
  return flat(one) === flat(other);
}

/** Names, and those in a text with commas between them; each once. */
export function withNames(names: readonly string[], text: string): string[] {
  const added = text.split(',').map(each => each.trim());
  return [...new Set([...names, ...added.filter(Boolean)])];
}
