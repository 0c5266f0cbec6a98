import * as React from 'react';
import type { IStatus } from '../../data';
import { Ago, Empty, ProblemBox, StatusBadge, VirtualList } from '../../parts';
import { useRead, useTools } from '../../react';
import { asExecution } from '../execution/facts';
import { search } from './groups';

/** Executions that others share with this user, by name or in a Context. */
export function Shared({ text, number }: { text: string; number: number }): JSX.Element {
  const { trans, open } = useTools();
  const { value, problem, again } = useRead<{ jobs: IStatus[] }>('jobs', {
    query: { shared: 'true', limit: '1000' }
  });
  const first = React.useRef(number);
  React.useEffect(() => {
    if (number !== first.current) {
      first.current = number;
      again();
    }
  }, [number, again]);
  const all = React.useMemo(() => value?.jobs.map(asExecution), [value]);
  if (problem) {
    return <ProblemBox problem={problem} again={again} />;
  }
  if (!all) {
    return <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>;
  }
  if (!all.length) {
    return (
      <Empty title={trans('Nobody shares an Execution with you')}>
        {trans('What others share with you, or with one of your Contexts, is listed here.')}
      </Empty>
    );
  }
  const show = (id: string, title: string) => open('execution', { execution_id: id, title });
  return (
    <VirtualList
      label={trans('Executions of others')}
      items={search(all, text)}
      keyOf={each => each.jobID}
      onKey={(each, event) => event.key === 'Enter' && show(each.jobID, each.title)}
      render={each => (
        <div className="ccp-Archived">
          <div className="ccp-Archived-text">
            <button type="button" className="ccp-Link" onClick={() => show(each.jobID, each.title)}>
              {each.title}
            </button>
            <span className="ccp-secondary">
              <StatusBadge status={each.status} /> {trans('by %1', each.owner)}{' '}
              <Ago at={each.created} />
            </span>
          </div>
        </div>
      )}
    />
  );
}
