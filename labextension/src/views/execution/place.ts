import * as React from 'react';
import type { IExecution } from '../../data';
import { pathOf, request, useRead, useWorld } from '../../react';
import { factsOf } from './facts';

const SECONDS = 10;
/** The first events name the Nodes; later ones may be long logs. */
const FIRST = '20';

/** While it waits: read now and then where in the queue it stands, which no event tells. */
export function useFreshPlace({ jobID, status }: IExecution): void {
  const { model } = useWorld();
  const waits = status === 'accepted';
  React.useEffect(() => {
    if (!waits) {
      return;
    }
    // The store takes the document in; a reading that fails is made up for by the next one.
    const read = () => void request(model, 'GET', pathOf('jobs', jobID)).catch(() => undefined);
    read();
    const timer = setInterval(read, SECONDS * 1000);
    return () => clearInterval(timer);
  }, [model, jobID, waits]);
}

/** Nodes it runs or ran on: from events that this page has heard, else from the first of all. */
export function useNodes(execution: IExecution): readonly string[] {
  const { nodes } = factsOf(execution);
  const unknown = nodes.length === 0 && execution.started !== undefined;
  const { value } = useRead<{ events: readonly { node?: string }[] }>(
    unknown ? pathOf('jobs', execution.jobID, 'events') : null,
    { query: { limit: FIRST } }
  );
  return unknown ? [...new Set(value?.events.flatMap(({ node }) => node || []))].sort() : nodes;
}
