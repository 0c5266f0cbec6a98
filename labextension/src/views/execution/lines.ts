/** Lines of a log: which are shown, and where a text occurs in them. */

import type { ILogLine } from '../../data';

export interface ILineFilter {
  /** 0 for all. */
  task: number;
  /** Empty for both. */
  stream: '' | 'stdout' | 'stderr';
}

export function filterLines(
  lines: readonly ILogLine[],
  { task, stream }: ILineFilter
): readonly ILogLine[] {
  if (!task && !stream) {
    return lines;
  }
  return lines.filter(each => (!task || each.task === task) && (!stream || each.stream === stream));
}

/** Indexes of the lines in which a text occurs, whatever its case. */
export function findHits(lines: readonly ILogLine[], text: string): readonly number[] {
  const wanted = text.toLowerCase();
  const hits: number[] = [];
  if (wanted) {
    lines.forEach((line, index) => {
      if (clean(line.text).toLowerCase().includes(wanted)) {
        hits.push(index);
      }
    });
  }
  return hits;
}

/** A line cut where a text occurs; the pieces at odd places are what was looked for. */
export function cut(line: string, text: string): readonly string[] {
  const wanted = text.toLowerCase();
  const lower = line.toLowerCase();
  // Some letters change their length with their case; then nothing is marked.
  if (!wanted || lower.length !== line.length) {
    return [line];
  }
  const pieces: string[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    pieces.push(line.slice(from, at), line.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...pieces, line.slice(from)];
}

const ESCAPES = /\u001b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** What a terminal would show in the end: no colours, and of a progress bar its last state. */
export function clean(line: string): string {
  if (!/[^\t\u0020-\u007e\u00a0-\uffff]/.test(line)) {
    return line;
  }
  const plain = line.replace(ESCAPES, '').replace(/\r+$/, '');
  return plain.slice(plain.lastIndexOf('\r') + 1).replace(CONTROL, '');
}

/** The last lines that may say why something failed: of stderr, else of stdout. */
export function lastWords(lines: readonly ILogLine[], most: number): readonly string[] {
  for (const stream of ['stderr', 'stdout'] as const) {
    const found: string[] = [];
    for (let at = lines.length - 1; at >= 0 && found.length < most; at -= 1) {
      if (lines[at].stream === stream && lines[at].text.trim()) {
        found.unshift(clean(lines[at].text));
      }
    }
    if (found.length) {
      return found;
    }
  }
  return [];
}
