/** What would happen: asked of the service while the form is filled in. */

import * as React from 'react';
import type { IProblem } from '../../contract';
import { Ago, duration, size } from '../../parts';
import { pathOf, problemIn, request, useData, useTools, useWorld } from '../../react';
import type { components } from '../../generated/api';
import type { IInfrastructure } from '../../data';
import type { Trans } from './model';
import { useRested } from './state';

type DryRun = components['schemas']['DryRunInfo'];

/** Milliseconds after the last change until the service is asked. */
const REST = 700;

export interface IOutlook {
  info?: DryRun;
  problem?: IProblem;
  asking: boolean;
  /** Ask at once; resolves to whether the service would take it. */
  check(): Promise<boolean>;
}

/** The service's answer to the latest request; null asks nothing. */
export function useOutlook(method: string, body: object | null): IOutlook {
  const { model } = useWorld();
  const text = body && JSON.stringify(body);
  const rested = useRested(text, REST);
  const [answer, setAnswer] = React.useState<Omit<IOutlook, 'check'>>({ asking: false });
  const number = React.useRef(0);
  const ask = React.useCallback(
    async (asked: string): Promise<boolean> => {
      const mine = (number.current += 1);
      setAnswer(({ info, problem }) => ({ info, problem, asking: true }));
      const next = await request<DryRun>(model, 'POST', pathOf('processes', method, 'dry-run'), {
        body: JSON.parse(asked) as object
      }).then(
        info => ({ info, asking: false }),
        (error: unknown) => ({ problem: problemIn(error), asking: false })
      );
      if (mine === number.current) {
        setAnswer(next);
      }
      return 'info' in next;
    },
    [model, method]
  );
  React.useEffect(() => {
    if (rested === null) {
      number.current += 1;
      setAnswer({ asking: false });
    } else {
      void ask(rested);
    }
  }, [rested, ask]);
  React.useEffect(() => () => void (number.current += 1), []);
  const check = () => (text === null ? Promise.resolve(false) : ask(text));
  // What it said of another request says nothing of this one's problems.
  return { ...answer, problem: text === rested ? answer.problem : undefined, check };
}

/** The Infrastructure that a Method will run on, as far as its own links tell. */
export function useInfrastructure(
  links: readonly { rel?: string; href: string }[]
): IInfrastructure | undefined {
  const { items } = useData('infrastructures');
  const ids = links
    .filter(link => link.rel === 'compatibleWith')
    .map(link => link.href.replace(/^.*infrastructures\//, ''));
  const known = items.filter(each => ids.includes(each.id));
  return known.find(each => each.available) ?? known[0];
}

/** Limits and expected start, in two lines that keep their place. */
export function Outlook({
  outlook,
  infrastructure,
  missing
}: {
  outlook: IOutlook;
  infrastructure?: IInfrastructure;
  /** Titles of fields that have to be filled in first. */
  missing: readonly string[];
}): JSX.Element {
  const { trans, open } = useTools();
  const { info, asking } = outlook;
  const name = infrastructure?.name || info?.infrastructure;
  return (
    <div className="ccp-Outlook" aria-live="polite" aria-busy={asking}>
      <p>
        {name && <strong>{name}</strong>}
        {info ? `: ${info.message}` : missing.length > 0 && `: ${needed(missing, trans)}`}
        {info && !info.atOnce && info.estimatedStart && (
          <>
            {' ('}
            {trans('about')} <Ago at={info.estimatedStart} />
            {')'}
          </>
        )}
      </p>
      <p className="ccp-secondary">{limitsOf(info, infrastructure, trans).join(' · ')}</p>
      {info?.reusable && (
        <p>
          {trans('The same has run before.')}{' '}
          <button
            type="button"
            className="ccp-Link"
            onClick={() => open('execution', { execution_id: info.reusable })}
          >
            {trans('Show its outputs')}
          </button>
        </p>
      )}
    </div>
  );
}

function needed(missing: readonly string[], trans: Trans): string {
  return trans('still needed: %1', missing.join(', '));
}

/** What one run may take: of this request when the service has said so, else at most. */
function limitsOf(
  info: DryRun | undefined,
  infrastructure: IInfrastructure | undefined,
  trans: Trans
): string[] {
  if (info) {
    const { resources, replicas, image, imageOn, nodes } = info;
    const gpus = resources.gpus.length;
    return [
      replicas > 1 ? trans('%1 replicas', replicas) : '',
      trans('at most %1', duration(resources.maxTime)),
      size(resources.memory),
      trans('CPUs: %1', resources.cpus),
      gpus ? trans('GPUs: %1', gpus) : '',
      nodes.length && !imageOn.length ? trans('%1 has to be pulled first', image) : ''
    ].filter(Boolean);
  }
  if (!infrastructure) {
    return [];
  }
  const { limits, available } = infrastructure;
  return [
    available ? '' : trans('not available now'),
    trans('at most %1', duration(limits.max_time)),
    size(limits.max_memory ?? limits.memory),
    trans('CPUs: %1', limits.max_cpus ?? limits.cpus),
    trans('up to %1 replicas', limits.max_replicas),
    trans('inputs of up to %1', size(limits.input_size))
  ].filter(Boolean);
}
