import * as React from 'react';
import type { IExecution } from '../../data';
import type { components } from '../../generated/api';
import { ProblemBox } from '../../parts';
import { pathOf, useRead, useTools } from '../../react';
import { isFinal } from './facts';

type Verification = components['schemas']['Verification'];

/** Of an Execution that verifies another: whether the same came out. */
export function Verdict({ execution }: { execution: IExecution }): JSX.Element | null {
  const { trans, open } = useTools();
  const { jobID, origin, status, title } = execution;
  const asked = origin?.kind === 'verify' && isFinal(status);
  const { value, problem } = useRead<Verification>(
    asked ? pathOf('jobs', jobID, 'verification') : null
  );
  if (!origin || origin.kind !== 'verify') {
    return null;
  }
  const words: Record<Verification['verdict'], string> = {
    pending: trans('The verification goes on.'),
    same: trans('Verified: the same outputs came out.'),
    different: trans('Not the same: other outputs came out.'),
    failed: trans('Not verified: this run was not successful.'),
    unknown: trans('Not verified: the outputs of the first run are gone.')
  };
  return (
    <div className="ccp-Verdict" role="status" data-verdict={value?.verdict}>
      {value && <strong>{words[value.verdict]}</strong>} {value?.message}
      <ProblemBox problem={problem} />{' '}
      <button
        type="button"
        className="ccp-Link"
        onClick={() => open('execution', { execution_id: origin.id, title })}
      >
        {trans('Show the first run')}
      </button>
    </div>
  );
}
