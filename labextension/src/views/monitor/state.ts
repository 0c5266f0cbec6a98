import * as React from 'react';
import type { IExecution } from '../../data';
import { useData, useSelection } from '../../react';
import { Counts, count, flatten, group, Row, search, withStatus } from './groups';

/** What is dragged from the monitor. */
export const DRAGGED = 'application/x-ccp-execution';

const NONE: readonly string[] = [];

export interface IMonitorState {
  rows: readonly Row[];
  /** Of all that were found, whatever their status. */
  counts: Counts;
  found: readonly IExecution[];
  text: string;
  setText: (text: string) => void;
  status: string;
  setStatus: (status: string) => void;
  closed: readonly string[];
  setClosed: (closed: readonly string[]) => void;
  keys: readonly string[];
}

/** What is listed; each step is done again only when what it needs has changed. */
export function useMonitorState(): IMonitorState {
  const { items } = useData('executions');
  const [text, setText] = useSelection('filter', '');
  const [status, setStatus] = useSelection('status', '');
  const [closed, setClosed] = useSelection<readonly string[]>('closed', NONE);
  const matching = React.useMemo(() => search(items, text), [items, text]);
  const counts = React.useMemo(() => count(matching), [matching]);
  const found = React.useMemo(() => withStatus(matching, status), [matching, status]);
  const groups = React.useMemo(() => group(found), [found]);
  const rows = React.useMemo(() => flatten(groups, closed), [groups, closed]);
  const keys = React.useMemo(() => groups.map(each => each.key), [groups]);
  return { rows, counts, found, text, setText, status, setStatus, closed, setClosed, keys };
}

/** Executions that are selected, to do something with all of them; those that are gone are not. */
export function useChosen(items: readonly IExecution[]): {
  chosen: readonly IExecution[];
  has: (id: string) => boolean;
  choose: (id: string, chosen: boolean) => void;
  clear: () => void;
} {
  const [ids, setIds] = React.useState<ReadonlySet<string>>(new Set());
  const choose = React.useCallback((id: string, chosen: boolean) => {
    setIds(old => {
      const next = new Set(old);
      if (chosen) {
        next.add(id);
      } else {
        next.delete(id);
      }
      return next;
    });
  }, []);
  const clear = React.useCallback(() => setIds(new Set()), []);
  const chosen = React.useMemo(
    () => (ids.size ? items.filter(each => ids.has(each.jobID)) : []),
    [items, ids]
  );
  return { chosen, has: id => ids.has(id), choose, clear };
}
