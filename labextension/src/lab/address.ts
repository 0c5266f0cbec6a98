/** Addresses that open a view: links to a filled form, and views of Notebook 7 in a tab of Lab. */

import type { ViewName } from '../contract';
import { decodeForm, PARAMETER } from '../views/form/link';

/** Its value is a view and its selection. */
export const OPEN = 'ccp-open';

export interface IOpened {
  view: ViewName;
  selection: Record<string, unknown>;
}

const VIEWS: readonly string[] = ['methods', 'editor', 'form', 'monitor', 'execution'];

/** What the query of an address asks for, or null. */
export function openedBy(search: string): IOpened | null {
  const query = new URLSearchParams(search);
  const form = decodeForm(query.get(PARAMETER) ?? '');
  return form ? { view: 'form', selection: { ...form } } : decodeOpened(query.get(OPEN));
}

/** The address without what it asked for: loading the page again shall not open it again. */
export function withoutOpened(href: string): string {
  const url = new URL(href);
  url.searchParams.delete(PARAMETER);
  url.searchParams.delete(OPEN);
  return url.pathname + url.search + url.hash;
}

function decodeOpened(value: string | null): IOpened | null {
  try {
    const { view, selection } = JSON.parse(value ?? 'null') as IOpened;
    const isView = VIEWS.includes(view) && typeof selection === 'object' && selection !== null;
    return isView ? { view, selection } : null;
  } catch {
    return null;
  }
}
