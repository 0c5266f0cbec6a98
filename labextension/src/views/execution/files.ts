/** Output files as a tree, and how each can be looked at. */

import { pathOf } from '../../ask';
import type { components } from '../../generated/api';

export type IOutputFile = components['schemas']['OutputList']['files'][number];

export type Node =
  | { kind: 'folder'; path: string; name: string; level: number; size: number; count: number }
  | { kind: 'file'; path: string; name: string; level: number; file: IOutputFile };

interface IFolder {
  path: string;
  folders: Map<string, IFolder>;
  files: IOutputFile[];
  size: number;
  count: number;
}

/** Rows of the tree: folders first, each with what is in it unless it is closed. */
export function treeRows(
  files: readonly IOutputFile[],
  closed: ReadonlySet<string>
): readonly Node[] {
  const root = folder('');
  for (const file of files) {
    let at = root;
    const steps = file.path.split('/').slice(0, -1);
    add(at, file.size);
    for (const step of steps) {
      const path = at.path ? `${at.path}/${step}` : step;
      const next: IFolder = at.folders.get(step) ?? folder(path);
      at.folders.set(step, next);
      at = next;
      add(at, file.size);
    }
    at.files.push(file);
  }
  return rowsOf(root, 1, closed);
}

function folder(path: string): IFolder {
  return { path, folders: new Map(), files: [], size: 0, count: 0 };
}

function add(to: IFolder, size: number): void {
  to.size += size;
  to.count += 1;
}

function rowsOf(from: IFolder, level: number, closed: ReadonlySet<string>): Node[] {
  const rows: Node[] = [];
  for (const [name, each] of [...from.folders].sort(byName)) {
    const { path, size, count } = each;
    rows.push({ kind: 'folder', path, name, level, size, count });
    if (!closed.has(path)) {
      rows.push(...rowsOf(each, level + 1, closed));
    }
  }
  for (const file of from.files) {
    const name = file.path.slice(file.path.lastIndexOf('/') + 1);
    rows.push({ kind: 'file', path: file.path, name, level, file });
  }
  return rows;
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one.localeCompare(other, undefined, { numeric: true });
}

export type Look = 'text' | 'table' | 'image' | 'notebook' | 'json' | 'rendered' | 'none';

/** Bytes that are read for a preview at most. */
export const MOST_TEXT = 1_000_000;
export const MOST_IMAGE = 10_000_000;

const IMAGES = new Map(
  Object.entries({
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    gif: 'image/gif',
    webp: 'image/webp',
    bmp: 'image/bmp',
    svg: 'image/svg+xml'
  })
);
const RENDERED = new Map(
  Object.entries({
    md: 'text/markdown',
    html: 'text/html',
    htm: 'text/html',
    tex: 'text/latex',
    geojson: 'application/geo+json'
  })
);
const BINARY = new Set(
  'zip gz bz2 xz zst 7z tar tgz rar jar whl so o a exe bin dat npy npz pkl pickle pt h5 hdf5 nc parquet feather arrow rds rdata sqlite db pdf docx xlsx pptx odt ods mp3 mp4 avi mov wav tif tiff ico woff woff2 ttf'.split(
    ' '
  )
);

/** How a file can be looked at, judged by its name; files without an extension are tried as text. */
export function lookOf(path: string): { look: Look; mime: string } {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
  const image = IMAGES.get(extension);
  if (image) {
    return { look: 'image', mime: image };
  }
  const rendered = RENDERED.get(extension);
  if (rendered) {
    return { look: 'rendered', mime: rendered };
  }
  if (extension === 'csv' || extension === 'tsv') {
    return { look: 'table', mime: 'text/csv' };
  }
  if (extension === 'ipynb') {
    return { look: 'notebook', mime: 'application/x-ipynb+json' };
  }
  if (extension === 'json') {
    return { look: 'json', mime: 'application/json' };
  }
  return BINARY.has(extension)
    ? { look: 'none', mime: 'application/octet-stream' }
    : { look: 'text', mime: 'text/plain' };
}

/** Whether text is none: decoded from bytes that are no UTF-8, or with NUL in it. */
export function isBinary(text: string): boolean {
  const start = text.slice(0, 4000);
  return start.includes('\0') || (start.match(/\ufffd/g)?.length ?? 0) > start.length / 20;
}

/** Path of an output file at the service. */
export function fileAddress(id: string, path: string): string {
  return pathOf('jobs', id, 'outputs', ...path.split('/'));
}
