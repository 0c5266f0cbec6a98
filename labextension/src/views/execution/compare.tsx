import * as React from 'react';
import type { IExecution } from '../../data';
import type { components } from '../../generated/api';
import { Empty, ProblemBox } from '../../parts';
import { pathOf, useData, useRead, useSelection, useTools } from '../../react';
import { candidates } from './candidates';
import { shortId } from './facts';
import { Differences } from './differences';

/** What is different between this Execution and another one. */
export function Comparing({ execution }: { execution: IExecution }): JSX.Element {
  const { trans } = useTools();
  const { items } = useData('executions');
  const [other, setOther] = useSelection('compare_with', '');
  const others = React.useMemo(() => candidates(items, execution), [items, execution]);
  const known = !other || others.some(each => each.jobID === other);
  return (
    <div className="ccp-Comparing">
      <label className="ccp-Comparing-choice">
        {trans('Compare with')}{' '}
        <select value={other} onChange={event => setOther(event.target.value)}>
          <option value="">{trans('Choose another Execution')}</option>
          {!known && <option value={other}>{other}</option>}
          {others.map(each => (
            <option key={each.jobID} value={each.jobID}>
              {each.title}, {new Date(each.created).toLocaleString()}, {each.status} (
              {shortId(each.jobID)})
            </option>
          ))}
        </select>
      </label>
      {other ? (
        <Compared id={execution.jobID} other={other} />
      ) : (
        <Empty title={trans('Nothing to compare yet')}>
          {others.length
            ? trans('Choose the other one above; the newest of the same Method come first.')
            : trans('Run it again, perhaps with changes, and compare the two.')}
        </Empty>
      )}
    </div>
  );
}

function Compared({ id, other }: { id: string; other: string }): JSX.Element {
  const { trans } = useTools();
  const { value, problem, loading, again } = useRead<components['schemas']['ComparisonInfo']>(
    pathOf('jobs', id, 'comparison'),
    { query: { with: other } }
  );
  if (problem) {
    return <ProblemBox problem={problem} again={again} />;
  }
  if (!value || loading) {
    return <p className="ccp-Loading ccp-secondary">{trans('Comparing…')}</p>;
  }
  return <Differences found={value} />;
}
