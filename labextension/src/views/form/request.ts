/** Execute requests of a form: with all files, or with stand-ins where nobody needs them. */

import { ask, pathOf } from '../../ask';
import type { IModel } from '../../contract';
import type { IField } from './model';
import { FileItem, fromBase64, Inputs, inputsOf, Values } from './values';

export interface IRequestBody {
  inputs: Inputs;
  outputs?: Record<string, object>;
  response: 'document';
}

export function bodyOf(inputs: Inputs, outputs: readonly string[] | null): IRequestBody {
  const chosen = outputs && Object.fromEntries(outputs.map(each => [each, {}]));
  return { inputs, ...(chosen ? { outputs: chosen } : {}), response: 'document' };
}

/** One byte that is no text, so that generated code reads the file from the current folder. */
const SOME_BYTES = '/w==';

/**
 * Inputs in which files are not there, only their places: to check while somebody types, and for
 * code, which reads large files where it runs.
 */
export function standInOf(fields: readonly IField[], values: Values): Inputs {
  return inputsOf(fields, values, (item, field) => {
    if (item.kind === 'link') {
      return linkOf(item);
    }
    return field.asText ? { value: 'x' } : { value: SOME_BYTES, encoding: 'base64' };
  });
}

/** What the service is sent to run it. */
export interface ISubmission {
  path: string;
  query?: Record<string, string>;
  body: unknown;
}

/**
 * Inputs with the content of all files.
 *
 * Files of an earlier Execution are only at the service; where there are some, the request is a
 * repetition of that Execution in which all inputs are given, those files by their places there.
 */
export async function submissionOf(
  model: IModel,
  method: string,
  fields: readonly IField[],
  values: Values,
  outputs: readonly string[] | null,
  from: string
): Promise<ISubmission> {
  const contents = await contentsOf(model, fields, values);
  const inputs = inputsOf(fields, values, item => contents.get(item) ?? null);
  const body = bodyOf(inputs, outputs);
  const items = fields.flatMap(field => values[field.id] ?? []);
  if (!items.some(item => item.kind === 'earlier')) {
    return { path: pathOf('processes', method, 'execution'), body };
  }
  // What is left out would stay as it was; null takes a value away.
  const changes = Object.fromEntries(fields.map(({ id }) => [id, inputs[id] ?? null]));
  const path = pathOf('jobs', from, 'repeat');
  return { path, query: { revision: 'newest' }, body: { ...body, inputs: changes } };
}

async function contentsOf(
  model: IModel,
  fields: readonly IField[],
  values: Values
): Promise<Map<FileItem, unknown>> {
  const found = new Map<FileItem, unknown>();
  for (const field of fields) {
    for (const item of values[field.id] ?? []) {
      if (item.kind === 'earlier' || (item.kind === 'link' && item.href)) {
        found.set(item, linkOf(item));
      } else if (item.kind === 'upload' && item.content !== null) {
        found.set(item, contentOf(field, item.content, item.type));
      } else if (item.kind === 'workspace') {
        const file = await readWorkspace(model, item.path);
        found.set(item, contentOf(field, file.value, file.mediaType));
      }
    }
  }
  return found;
}

function linkOf(item: { href: string; type?: string }): Inputs {
  return item.type ? { href: item.href, type: item.type } : { href: item.href };
}

/** The user's own server reads it: the browser need not hold large files. */
export function readWorkspace(
  model: IModel,
  path: string
): Promise<{ name: string; value: string; mediaType: string }> {
  return ask(model, { command: 'server', verb: 'POST', path: 'files', body: { path } });
}

/** The Method knows what it wants; a guess by the file's name counts only where it does not say. */
function contentOf(field: IField, content: string, mediaType: string): Inputs {
  const guessed = !field.schema.contentMediaType && mediaType ? { mediaType } : {};
  const plain = field.asText ? fromBase64(content) : null;
  return plain === null
    ? { value: content, encoding: 'base64', ...guessed }
    : { value: plain, ...guessed };
}
