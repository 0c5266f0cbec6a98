/** What documents of Executions say beside the members of the standard. */

import type { IExecution, IStatus } from '../../data';

export interface IFacts {
  /** Of the Method; empty for Experiments. */
  version: string;
  infrastructure: string;
  /** The Runtime. */
  image: string;
  /** Replicas of a Method, batches of an Experiment. */
  replicas: number;
  /** Bytes of output.zip; null when there is none. */
  outputSize: number | null;
  /** As far as events told. */
  nodes: readonly string[];
}

export function factsOf(execution: IStatus & Partial<Pick<IExecution, 'phases'>>): IFacts {
  const { methodVersion, infrastructure, image, replicas, outputSize } = execution;
  const nodes = Object.values(execution.phases ?? {}).flatMap(({ node }) => node || []);
  return {
    version: text(methodVersion),
    infrastructure: text(infrastructure),
    image: text(image),
    replicas: typeof replicas === 'number' ? replicas : 1,
    outputSize: typeof outputSize === 'number' ? outputSize : null,
    nodes: [...new Set(nodes)].sort()
  };
}

export function isFinal(status: string): boolean {
  return status === 'successful' || status === 'failed' || status === 'dismissed';
}

/** Enough of an id to tell it from others at a glance; archives are named after it too. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** A Runtime without the registry it comes from. */
export function shortImage(image: string): string {
  return image.split('/').pop() ?? image;
}

/** An Execution as it stands in no list: somebody else's, that is shared. */
export function asExecution(status: IStatus): IExecution {
  return { ...status, seq: 0, phases: {} };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
