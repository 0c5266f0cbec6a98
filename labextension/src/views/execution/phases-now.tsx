import * as React from 'react';
import type { IExecution } from '../../data';
import { useTools } from '../../react';
import { isFinal } from './facts';
import { PHASES } from './phases';

/** Words for phases, as headings and in sentences. */
export function usePhaseWords(): Record<string, string> {
  const { trans } = useTools();
  return {
    launch: trans('Launch'),
    deploy: trans('Deploy'),
    execute: trans('Execute'),
    fetch: trans('Fetch'),
    destroy: trans('Destroy'),
    ended: trans('Ended')
  };
}

/** In which phases the replicas of a running Execution are now. */
export function PhaseLine({ execution }: { execution: IExecution }): JSX.Element | null {
  const { trans } = useTools();
  const words = usePhaseWords();
  const tasks = Object.values(execution.phases);
  if (isFinal(execution.status) || tasks.length === 0) {
    return null;
  }
  const counts = [...PHASES, 'ended' as const]
    .map(phase => [phase, tasks.filter(each => each.phase === phase).length] as const)
    .filter(([, number]) => number > 0);
  return (
    <p className="ccp-secondary">
      {trans('Phase:')}{' '}
      {counts
        .map(([phase, number]) =>
          tasks.length === 1 ? words[phase] : `${words[phase]} (${number})`
        )
        .join(', ')}
    </p>
  );
}
