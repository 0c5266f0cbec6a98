/** Notebooks, as far as a preview shows them; whatever a file says is doubted. */

import { clean } from './lines';

export interface ICell {
  kind: 'code' | 'markdown' | 'raw';
  source: string;
  outputs: readonly Record<string, unknown>[];
}

const MOST_CELLS = 200;
/** Kinds of outputs, the best first. */
const WANTED = [
  'image/png',
  'image/jpeg',
  'image/svg+xml',
  'text/html',
  'text/markdown',
  'text/latex'
];

/** The first cells; null when it is no notebook. */
export function readNotebook(text: string): { cells: readonly ICell[]; cut: boolean } | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const cells = isObject(document) ? document.cells : null;
  if (!Array.isArray(cells)) {
    return null;
  }
  const read = cells
    .slice(0, MOST_CELLS)
    .filter(isObject)
    .map(({ cell_type, source, outputs }) => ({
      kind: cell_type === 'markdown' ? 'markdown' : cell_type === 'raw' ? 'raw' : 'code',
      source: joined(source),
      outputs: Array.isArray(outputs) ? outputs.filter(isObject) : []
    }));
  return { cells: read as ICell[], cut: cells.length > MOST_CELLS };
}

/** What is shown of an output. */
export function bestOutput(output: Record<string, unknown>): { mime: string; text: string } {
  const { output_type: type, data, text, traceback } = output;
  if (type === 'error') {
    const lines = Array.isArray(traceback) ? traceback.map(String).join('\n').split('\n') : [];
    return { mime: 'text/plain', text: lines.map(clean).join('\n') };
  }
  const bundle = isObject(data) ? data : {};
  const mime = WANTED.find(each => each in bundle);
  if (mime) {
    return { mime, text: joined(bundle[mime]) };
  }
  return { mime: 'text/plain', text: joined(bundle['text/plain'] ?? text) };
}

/** Texts of notebooks may be lists of lines. */
function joined(text: unknown): string {
  return Array.isArray(text) ? text.map(String).join('') : typeof text === 'string' ? text : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
