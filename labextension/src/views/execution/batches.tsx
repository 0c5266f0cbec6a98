import * as React from 'react';
import type { IExecution } from '../../data';
import { Empty, ProblemBox } from '../../parts';
import { pathOf, useRead, useTools } from '../../react';
import { attemptsOf, batchReason, IBatch } from './batch';

/** So many are listed at a time. */
const MOST = 500;

/** So many failed ones say why without being asked: each is a request. */
const TOLD = 10;

/** Batches of an Experiment: where each is, and why those that failed did. */
export function Batches({ execution }: { execution: IExecution }): JSX.Element {
  const { trans } = useTools();
  const { jobID, updated, phases } = execution;
  const query = { experimentId: jobID, limit: String(MOST), ascending: '1' };
  const { value, problem, again } = useRead<IBatch[]>('agency/batches', { query });
  // Events say that something changed; the documents say what.
  const first = React.useRef(true);
  React.useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const timer = setTimeout(again, 500);
    return () => clearTimeout(timer);
  }, [updated, phases, again]);
  if (problem) {
    return <ProblemBox problem={problem} again={again} />;
  }
  if (!value) {
    return <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>;
  }
  if (!value.length) {
    return <Empty title={trans('There are no batches')} />;
  }
  const told = value.filter(each => each.state === 'failed').slice(0, TOLD);
  return (
    <div
      className="ccp-TableFrame"
      // Scrolled by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={trans('Batches')}
    >
      <table className="ccp-Table ccp-mod-wide">
        <thead>
          <tr>
            <th scope="col">{trans('No.')}</th>
            <th scope="col">{trans('State')}</th>
            <th scope="col">{trans('Node')}</th>
            <th scope="col">{trans('Attempts')}</th>
            <th scope="col">{trans('Why')}</th>
          </tr>
        </thead>
        <tbody>
          {value.map(each => (
            <tr key={each._id}>
              <th scope="row">{each.batchesListIndex + 1}</th>
              <td>{each.state}</td>
              <td>{each.node}</td>
              <td>{attemptsOf(each)}</td>
              <td>{each.state === 'failed' && <Why id={each._id} told={told.includes(each)} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Only the document of a single batch says why it failed. */
function Why({ id, told }: { id: string; told: boolean }): JSX.Element {
  const { trans } = useTools();
  const [asked, setAsked] = React.useState(told);
  const { value, problem } = useRead<IBatch>(asked ? pathOf('agency', 'batches', id) : null);
  if (!asked) {
    return (
      <button type="button" className="ccp-Link" onClick={() => setAsked(true)}>
        {trans('Show why')}
      </button>
    );
  }
  return <>{value ? batchReason(value) : (problem?.title ?? '')}</>;
}
