/** What became of an import, and what can be done about ids that are taken. */

import type { components } from '../../generated/api';

export type ImportResult = components['schemas']['ImportResult'];

/** Where something to import comes from. */
export type Source =
  | { kind: 'file'; name: string; file: Blob }
  | { kind: 'link'; name: string; href: string }
  | { kind: 'workspace'; name: string; path: string };

/** What an import may do where an id is taken. */
export type Terms = 'ask' | 'replace' | 'renew';

export interface IReport {
  source: Source;
  results: readonly ImportResult[];
}

export interface IConflict {
  title: string;
  version: string;
  /** Whether the Method that has the id is the user's own, which differs. */
  own: boolean;
}

/** Methods that were refused only because something of their id exists. */
export function conflictsIn(report: IReport): IConflict[] {
  return report.results.filter(isConflict).map(each => ({
    title: each.title || each.name,
    version: each.version,
    own: /\breplace=true\b/.test(each.problems[0].rule)
  }));
}

/** Those that other terms would not help. */
export function refusedIn(report: IReport): ImportResult[] {
  return report.results.filter(each => each.outcome === 'refused' && !isConflict(each));
}

/** The service names the ways out, and with them says what kind of refusal it is. */
function isConflict({ outcome, problems }: ImportResult): boolean {
  return outcome === 'refused' && problems?.length === 1 && /\brenew=true\b/.test(problems[0].rule);
}

export function countOf(report: IReport, outcome: ImportResult['outcome']): number {
  return report.results.filter(each => each.outcome === outcome).length;
}

/** The media type of a file, by its content: browsers guess from names. */
export async function typed(file: Blob): Promise<Blob> {
  const zip = (await file.slice(0, 4).text()).startsWith('PK');
  return file.slice(0, file.size, zip ? 'application/zip' : 'application/json');
}
