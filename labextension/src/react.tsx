/** From the contract to React and back. */

import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { ask, pathOf, Refused, request } from './ask';
import type { IModel, IProblem, IRequest, ITools, IView } from './contract';
import type { IData, ILog } from './data';

interface IWorld {
  model: IModel;
  tools: ITools;
}

const World = React.createContext<IWorld | null>(null);

/** Make a view out of a component. */
export function reactView(Content: React.ComponentType): IView {
  return {
    render({ model, el, tools }) {
      const root = createRoot(el);
      const world = { model, tools };
      root.render(
        <World.Provider value={world}>
          <Content />
        </World.Provider>
      );
      // Not while React draws: a view may remove itself.
      return () => void Promise.resolve().then(() => root.unmount());
    }
  };
}

export function useWorld(): IWorld {
  const world = React.useContext(World);
  if (!world) {
    throw new Error('outside of a view');
  }
  return world;
}

export function useTools(): ITools {
  return useWorld().tools;
}

/** Data of the live store. */
export function useData<K extends keyof IData>(key: K): IData[K] {
  return useKey(key);
}

/** The log of an Execution, followed as long as the component is there. */
export function useLog(execution: string): ILog | undefined {
  const { model } = useWorld();
  React.useEffect(() => {
    void ask(model, { command: 'follow', execution });
    return () => model.send({ command: 'unfollow', execution, id: '' });
  }, [model, execution]);
  return useKey(`log:${execution}`);
}

/** Something that the host keeps: a trait, or a panel's memory. */
export function useSelection<T>(key: string, initial: T): [T, (value: T) => void] {
  const { model } = useWorld();
  const value = useKey<T | undefined>(key);
  const set = React.useCallback(
    (next: T) => {
      model.set(key, next);
      model.save_changes();
    },
    [model, key]
  );
  return [value ?? initial, set];
}

function useKey<T>(key: string): T {
  const { model } = useWorld();
  const subscribe = React.useCallback(
    (callback: () => void) => {
      model.on(`change:${key}`, callback);
      return () => model.off(`change:${key}`, callback);
    },
    [model, key]
  );
  return React.useSyncExternalStore(subscribe, () => model.get(key) as T);
}

/** How a request to the service stands. */
export interface IAsked<T> {
  value?: T;
  problem?: IProblem;
  loading: boolean;
}

/** Read something from the service, and again when the path changes; null reads nothing. */
export function useRead<T>(
  path: string | null,
  more?: Omit<IRequest, 'verb' | 'path'>
): IAsked<T> & { again: () => void } {
  const { model } = useWorld();
  const [asked, setAsked] = React.useState<IAsked<T>>({ loading: path !== null });
  const [number, setNumber] = React.useState(0);
  const options = JSON.stringify(more ?? {});
  React.useEffect(() => {
    let current = true;
    if (path === null) {
      setAsked({ loading: false });
      return;
    }
    setAsked(({ value }) => ({ value, loading: true }));
    request<T>(model, 'GET', path, JSON.parse(options) as object).then(
      value => current && setAsked({ value, loading: false }),
      (error: unknown) => current && setAsked({ problem: problemIn(error), loading: false })
    );
    return () => {
      current = false;
    };
  }, [model, path, options, number]);
  const again = React.useCallback(() => setNumber(each => each + 1), []);
  return { ...asked, again };
}

/** Something that a button does: at most once at a time, its problem kept for showing. */
export function useAction<A extends unknown[]>(
  action: (...args: A) => Promise<unknown>
): { run: (...args: A) => void; busy: boolean; problem?: IProblem; clear: () => void } {
  const [state, setState] = React.useState<{ busy: boolean; problem?: IProblem }>({ busy: false });
  const latest = React.useRef(action);
  const busy = React.useRef(false);
  const there = React.useRef(true);
  latest.current = action;
  React.useEffect(() => {
    there.current = true;
    return () => {
      there.current = false;
    };
  }, []);
  const run = React.useCallback((...args: A) => {
    if (busy.current) {
      return;
    }
    busy.current = true;
    setState({ busy: true });
    void latest
      .current(...args)
      .then(
        () => ({ busy: false }),
        (error: unknown) => ({ busy: false, problem: problemIn(error) })
      )
      .then(next => {
        busy.current = false;
        if (there.current) {
          setState(next);
        }
      });
  }, []);
  const clear = React.useCallback(() => setState(({ busy }) => ({ busy })), []);
  return { run, clear, ...state };
}

export function problemIn(error: unknown): IProblem {
  if (error instanceof Refused) {
    return error.problem;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { title: 'Unexpected error', detail, status: 0, problems: [] };
}

export { ask, pathOf, request };
