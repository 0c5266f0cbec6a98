/** What stands in a form, kept in step with the host's memory. */

import * as React from 'react';
import { useSelection, useWorld } from '../../react';
import type { IField } from './model';
import { defaultsOf, Inputs, Item, rememberedOf, Values, valuesOf } from './values';

/** Milliseconds after the last key until what was typed is remembered. */
const REST = 300;

export interface IFormValues {
  values: Values;
  change(id: string, items: readonly Item[]): void;
  reset(): void;
  /** What is remembered now, without waiting. */
  remember(): Inputs;
}

/** Values of the fields; what Python or another view sets replaces what stands there. */
export function useValues(fields: readonly IField[]): IFormValues {
  const { model } = useWorld();
  const [selected] = useSelection<Inputs | null>('inputs', null);
  const [values, setValues] = React.useState(() => valuesOf(fields, selected ?? {}));
  const latest = React.useRef(values);
  const known = React.useRef(JSON.stringify(selected ?? {}));
  const timer = React.useRef<number>();

  const remember = React.useCallback(() => {
    window.clearTimeout(timer.current);
    timer.current = undefined;
    const inputs = rememberedOf(fields, latest.current);
    const text = JSON.stringify(inputs);
    if (text !== known.current) {
      known.current = text;
      model.set('inputs', JSON.parse(text));
      model.save_changes();
    }
    return inputs;
  }, [fields, model]);

  const put = React.useCallback((next: Values) => {
    latest.current = next;
    setValues(next);
  }, []);

  React.useEffect(() => {
    const text = JSON.stringify(selected ?? {});
    if (text !== known.current) {
      window.clearTimeout(timer.current);
      timer.current = undefined;
      known.current = text;
      put(withUnremembered(fields, valuesOf(fields, selected ?? {}), latest.current));
    }
  }, [selected, fields, put]);

  useAtEnd(() => timer.current !== undefined && remember());

  const change = React.useCallback(
    (id: string, items: readonly Item[]) => {
      put({ ...latest.current, [id]: items });
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(remember, REST);
    },
    [put, remember]
  );
  const reset = React.useCallback(() => {
    put(defaultsOf(fields));
    remember();
  }, [fields, put, remember]);
  return { values, change, reset, remember };
}

/** What no memory holds stays where it is: typed secrets, and what is in large files. */
function withUnremembered(fields: readonly IField[], next: Values, old: Values): Values {
  const found: Record<string, readonly Item[]> = { ...next };
  for (const { id, control } of fields) {
    if (control === 'secret' && !next[id].length) {
      found[id] = (old[id] ?? []).filter(item => item.kind === 'text');
    }
    if (control === 'file') {
      found[id] = next[id].map(item => old[id]?.find(each => isSameUpload(each, item)) ?? item);
    }
  }
  return found;
}

function isSameUpload(old: Item, next: Item): boolean {
  const both = old.kind === 'upload' && next.kind === 'upload';
  return both && next.content === null && old.name === next.name && old.size === next.size;
}

/** Do something before the component goes, and before the page does. */
function useAtEnd(action: () => unknown): void {
  const latest = React.useRef(action);
  latest.current = action;
  React.useEffect(() => {
    const end = () => void latest.current();
    window.addEventListener('pagehide', end);
    return () => {
      window.removeEventListener('pagehide', end);
      end();
    };
  }, []);
}

/** A value that changes only when it has rested for so many milliseconds. */
export function useRested<T>(value: T, rest: number): T {
  const [rested, setRested] = React.useState(value);
  React.useEffect(() => {
    const timer = setTimeout(() => setRested(value), rest);
    return () => clearTimeout(timer);
  }, [value, rest]);
  return rested;
}
