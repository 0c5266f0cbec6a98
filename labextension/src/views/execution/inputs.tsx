import * as React from 'react';
import type { IExecution } from '../../data';
import { Empty, ProblemBox } from '../../parts';
import { pathOf, useRead, useTools } from '../../react';
import { Rendered } from './preview';
import { shownValue } from './values';

interface IInputs {
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/** What it was asked to do: inputs without secrets, and the outputs that were wanted. */
export function Inputs({ execution }: { execution: IExecution }): JSX.Element {
  const { trans } = useTools();
  const { kind, jobID } = execution;
  const experiment = kind === 'experiment';
  const path = experiment
    ? pathOf('agency', 'experiments', jobID)
    : pathOf('jobs', jobID, 'inputs');
  const { value, problem, loading, again } = useRead<IInputs>(path);
  if (problem) {
    return <ProblemBox problem={problem} again={again} />;
  }
  if (!value || loading) {
    return <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>;
  }
  if (experiment) {
    return <Rendered mime="application/json" text={JSON.stringify(value, null, 2)} />;
  }
  const outputs = Object.keys(value.outputs);
  return (
    <div className="ccp-Inputs">
      <Values values={value.inputs} />
      <p className="ccp-secondary">
        {outputs.length
          ? trans('Outputs that were asked for: %1', outputs.join(', '))
          : trans('All outputs were asked for.')}
      </p>
    </div>
  );
}

function Values({ values }: { values: Record<string, unknown> }): JSX.Element {
  const { trans } = useTools();
  const all = Object.entries(values);
  if (!all.length) {
    return (
      <Empty title={trans('No inputs were given')}>
        {trans('The Method ran with its defaults.')}
      </Empty>
    );
  }
  return (
    <table className="ccp-Table ccp-mod-wide">
      <thead>
        <tr>
          <th scope="col">{trans('Input')}</th>
          <th scope="col">{trans('Value')}</th>
        </tr>
      </thead>
      <tbody>
        {all.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <pre>{shownValue(value)}</pre>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
