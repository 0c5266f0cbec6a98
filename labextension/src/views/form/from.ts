/** Filling a form in from an Execution. */

import * as React from 'react';
import type { IProblem } from '../../contract';
import { pathOf, useRead, useSelection, useWorld } from '../../react';
import type { IField } from './model';
import type { Inputs } from './values';

interface IJobInputs {
  inputs: Inputs;
  outputs: Record<string, unknown>;
}

export interface IFrom {
  /** Id of the Execution; empty when there is none. */
  id: string;
  loading: boolean;
  problem?: IProblem;
  again: () => void;
  /** Titles of secrets that it had, which nobody has any more. */
  secrets: readonly string[];
}

/**
 * Take over the inputs of the Execution that the selection names, once.
 *
 * What was filled in from it is remembered, so that a reload keeps what was changed since.
 */
export function useFrom(fields: readonly IField[]): IFrom {
  const { model } = useWorld();
  const [id] = useSelection('from', '');
  const [filled] = useSelection('filled', '');
  const isNew = id !== '' && id !== filled;
  const { value, problem, again } = useRead<IJobInputs>(id ? pathOf('jobs', id, 'inputs') : null);
  React.useEffect(() => {
    if (isNew && value) {
      const { inputs, outputs } = taken(fields, value);
      model.set('inputs', inputs);
      model.set('outputs', outputs);
      model.set('filled', id);
      model.save_changes();
    }
  }, [isNew, value, fields, model, id]);
  const given = value?.inputs ?? {};
  const secrets = fields.filter(each => each.control === 'secret' && isHidden(given[each.id]));
  return {
    id,
    problem: isNew ? problem : undefined,
    again,
    loading: isNew && !problem,
    secrets: secrets.map(each => each.title)
  };
}

/** What a form can take over: secrets are gone, and inputs of an older revision too. */
export function taken(
  fields: readonly IField[],
  { inputs, outputs }: IJobInputs
): { inputs: Inputs; outputs: string[] | null } {
  const known = fields.filter(({ id }) => id in inputs && !isHidden(inputs[id]));
  const wanted = Object.keys(outputs);
  return {
    inputs: Object.fromEntries(known.map(({ id }) => [id, inputs[id]])),
    outputs: wanted.length ? wanted : null
  };
}

function isHidden(value: unknown): boolean {
  const found = value as { secret?: unknown } | null | undefined;
  return typeof found === 'object' && found !== null && found.secret === true;
}
