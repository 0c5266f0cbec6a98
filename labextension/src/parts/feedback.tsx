import * as React from 'react';
import type { IProblem } from '../contract';
import { useData, useTools } from '../react';
import { Button } from './buttons';

/** What went wrong, which rules were broken, and a way to try again. */
export function ProblemBox({
  problem,
  again,
  dismiss
}: {
  problem?: IProblem;
  again?: () => void;
  dismiss?: () => void;
}): JSX.Element | null {
  const { trans } = useTools();
  if (!problem) {
    return null;
  }
  return (
    <div className="ccp-Problem" role="alert">
      <strong>{problem.title}</strong>
      {problem.detail && <p>{problem.detail}</p>}
      {problem.problems.length > 0 && (
        <ul>
          {problem.problems.map(({ member, rule, value }) => (
            <li key={`${member} ${rule}`}>
              {member && <code>{member}</code>} {rule}
              {value && (
                <>
                  {' '}
                  (<code>{value}</code>)
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {again && <Button label={trans('Try again')} onClick={again} />}
      {dismiss && <Button label={trans('Close')} onClick={dismiss} />}
    </div>
  );
}

/** What to do where there is nothing yet. */
export function Empty({
  title,
  children
}: React.PropsWithChildren<{ title: string }>): JSX.Element {
  return (
    <div className="ccp-Empty">
      <p className="ccp-Empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Says so when what is shown may be out of date; nothing when all is well. */
export function Connection(): JSX.Element | null {
  const { trans } = useTools();
  const { state, reason } = useData('connection');
  if (state === 'live' || state === 'connecting') {
    return null;
  }
  const text =
    state === 'off'
      ? trans('This server is not connected to a CCP service.')
      : trans('Not up to date; this page tries again by itself.');
  return (
    <div className="ccp-Connection" role="status">
      {text} {reason && <span className="ccp-secondary">{reason}</span>}
    </div>
  );
}

/** A status as a coloured word; the colour says nothing that the word does not. */
export function StatusBadge({ status }: { status: string }): JSX.Element {
  const { trans } = useTools();
  const words: Record<string, string> = {
    created: trans('not started'),
    accepted: trans('accepted'),
    running: trans('running'),
    successful: trans('successful'),
    failed: trans('failed'),
    dismissed: trans('dismissed')
  };
  return (
    <span className="ccp-Status" data-status={status}>
      {words[status] ?? status}
    </span>
  );
}

export function Progress({ percent, label }: { percent: number; label: string }): JSX.Element {
  return (
    <div
      className="ccp-Progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
