/** Everything that the form of a Method knows and can do. */

import * as React from 'react';
import type { IStatus } from '../../data';
import type { components } from '../../generated/api';
import { useAction, useRead, useSelection, useTools, useWorld } from '../../react';
import { byField, Faults, faultsOf } from './checks';
import { useFrom } from './from';
import { fieldsOf, IField } from './model';
import { useInfrastructure, useOutlook } from './outlook';
import type { Keep } from './outputs';
import { bodyOf, standInOf, submissionOf } from './request';
import { useSubmit } from './run';
import { useValues } from './state';

export type Process = components['schemas']['Process'];

export function useForm(process: Process) {
  const filling = useFilling(process);
  const judgement = useJudgement(process, filling);
  const doing = useDoing(process, filling, judgement);
  const { fields } = filling;
  const { outlook } = judgement;
  const refused = doing.running.problem ?? outlook.problem;
  const found = byField(refused?.problems ?? [], fields);
  const isTold = refused && refused.problems.length > 0 && found.others.length === 0;
  return {
    ...filling,
    ...judgement,
    attempts: doing.attempts,
    shown: merged(visible(judgement.faults, doing.attempts > 0), found.faults),
    problem: refused && !isTold ? { ...refused, problems: found.others } : undefined,
    dismiss: doing.running.problem ? doing.running.clear : undefined,
    busy: doing.running.busy,
    run: () => doing.running.run(),
    checking: doing.checking.busy,
    check: () => doing.checking.run(),
    clear: () => void doing.clear()
  };
}

/** What was filled in. */
function useFilling(process: Process) {
  const prefix = React.useId();
  const fields = React.useMemo(() => fieldsOf(process.inputs), [process.inputs]);
  const from = useFrom(fields);
  const [outputs, setOutputs] = useSelection<string[] | null>('outputs', null);
  const [keep, setKeep] = useSelection<Keep>('keep', 'default');
  return { prefix, fields, from, ...useValues(fields), outputs, setOutputs, keep, setKeep };
}

/** What is wrong with it or missing, and what would come of it. */
function useJudgement(process: Process, filling: ReturnType<typeof useFilling>) {
  const { trans } = useTools();
  const { fields, values, outputs } = filling;
  const infrastructure = useInfrastructure(process.links);
  const images = useRuntimes(fields, infrastructure?.id);
  const mostBytes = infrastructure?.limits.input_size ?? Infinity;
  const faults = React.useMemo(
    () => faultsOf(fields, values, trans, mostBytes),
    [fields, values, trans, mostBytes]
  );
  const isComplete = Object.keys(faults).length === 0;
  const body = React.useMemo(
    () => bodyOf(standInOf(fields, values), outputs),
    [fields, values, outputs]
  );
  const outlook = useOutlook(process.id, isComplete ? body : null);
  const missing = fields
    .filter(each => faults[each.id]?.some(one => one.isMissing))
    .map(each => each.title);
  return { infrastructure, images, mostBytes, faults, isComplete, body, outlook, missing };
}

/** Run, check, clear. */
function useDoing(
  process: Process,
  {
    fields,
    values,
    reset,
    remember,
    from,
    outputs,
    setOutputs,
    keep
  }: ReturnType<typeof useFilling>,
  { isComplete, outlook }: ReturnType<typeof useJudgement>
) {
  const { model } = useWorld();
  const { trans, confirm, notify } = useTools();
  const [attempts, setAttempts] = React.useState(0);
  const submit = useSubmit<IStatus>();
  const begun = useBegun(process, keep);
  const running = useAction(async () => {
    setAttempts(each => each + 1);
    if (isComplete) {
      remember();
      const { id } = process;
      begun(await submit(await submissionOf(model, id, fields, values, outputs, from.id)));
    }
  });
  const checking = useAction(async () => {
    running.clear();
    setAttempts(each => each + 1);
    if (isComplete && (await outlook.check())) {
      notify(trans('The service would take it.'), 'success');
    }
  });
  const clear = async () => {
    const question = {
      title: trans('Clear the form?'),
      body: trans('All fields get the values that the Method gives them.'),
      accept: trans('Clear')
    };
    if (await confirm(question)) {
      setOutputs(null);
      reset();
      running.clear();
      setAttempts(0);
    }
  };
  return { attempts, running, checking, clear };
}

/** What follows when the service has taken it. */
function useBegun(process: Process, keep: Keep): (status: IStatus) => void {
  const { model } = useWorld();
  const { trans, open, keep: keepWhenEnded, notify } = useTools();
  return status => {
    const title = status.title || process.title;
    if (!status.jobID) {
      notify(trans('"%1" has run in the service itself.', title), 'success');
      return;
    }
    model.set('execution_id', status.jobID);
    model.save_changes();
    if (keep !== 'default') {
      keepWhenEnded(status.jobID, keep);
    }
    open('execution', { execution_id: status.jobID, title });
  };
}

/** Images to choose from, where the Method leaves the choice. */
function useRuntimes(fields: readonly IField[], infrastructure?: string): readonly string[] {
  const isAsked = fields.some(each => each.control === 'runtime') && infrastructure !== undefined;
  const path = isAsked ? `infrastructures/${encodeURIComponent(infrastructure)}/runtimes` : null;
  const { value } = useRead<{ runtimes: { reference: string }[] }>(path);
  return React.useMemo(() => (value?.runtimes ?? []).map(each => each.reference), [value]);
}

/** What is only missing is no fault before somebody wants to run it. */
function visible(faults: Faults, all: boolean): Faults {
  return Object.fromEntries(
    Object.entries(faults).map(([id, found]) => [id, found.filter(one => all || !one.isMissing)])
  );
}

function merged(one: Faults, other: Faults): Faults {
  const ids = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...ids].map(id => [id, one[id]?.length ? one[id] : (other[id] ?? [])])
  );
}
