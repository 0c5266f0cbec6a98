/** Addresses that open the form filled in. */

import type { IField } from './model';
import type { Inputs } from './values';

/** The parameter of JupyterLab's address that opens a form. */
export const PARAMETER = 'ccp-form';

/** Characters of a link that still pass through mail programs and chats. */
export const LONGEST = 4000;

export interface ILinked {
  method: string;
  inputs?: Inputs;
  outputs?: string[];
}

/** The value of the parameter. */
export function encodeForm({ method, inputs, outputs }: ILinked): string {
  return JSON.stringify({ method, inputs, outputs });
}

/**
 * The selection that a parameter stands for, or null when it stands for none.
 *
 * It comes from anywhere: only what a form knows is taken out of it.
 */
export function decodeForm(value: string): ILinked | null {
  let found: unknown;
  try {
    found = JSON.parse(value);
  } catch {
    return null;
  }
  const { method, inputs, outputs } = (found ?? {}) as Record<string, unknown>;
  if (typeof method !== 'string' || !method) {
    return null;
  }
  const linked: ILinked = { method };
  if (inputs && typeof inputs === 'object' && !Array.isArray(inputs)) {
    linked.inputs = inputs as Inputs;
  }
  if (Array.isArray(outputs) && outputs.every(each => typeof each === 'string')) {
    linked.outputs = outputs;
  }
  return linked;
}

/** What of remembered inputs may be in a link, and the titles of the fields that may not. */
export function linkable(
  fields: readonly IField[],
  inputs: Inputs,
  workspace: boolean
): { inputs: Inputs; missing: string[] } {
  const found: Inputs = {};
  const missing: string[] = [];
  for (const field of fields) {
    const value = inputs[field.id];
    if (value === undefined) {
      continue;
    }
    if (field.control === 'secret' || !all(value).every(each => isLinkable(each, workspace))) {
      missing.push(field.title);
    } else {
      found[field.id] = value;
    }
  }
  return { inputs: found, missing };
}

function all(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Files are not; those of the workspace are where the link leads to a workspace. */
function isLinkable(value: unknown, workspace: boolean): boolean {
  if (typeof value !== 'object' || value === null) {
    return true;
  }
  const { $upload, $file, href } = value as Record<string, unknown>;
  const isEarlier = typeof href === 'string' && !/^https?:/i.test(href);
  return $upload === undefined && !isEarlier && ($file === undefined || workspace);
}

/** Address of the service's own form, from the address of the Method there. */
export function serviceLink(method: string, inputs: Inputs): string {
  const query = Object.keys(inputs).length
    ? `?inputs=${encodeURIComponent(JSON.stringify(inputs))}`
    : '';
  return `${method}/form${query}`;
}
