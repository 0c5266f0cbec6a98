import { consoleIcon, launchIcon, listIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecution } from '../../data';
import { Ago, Duration, size } from '../../parts';
import { useData, useTools } from '../../react';
import type { IAction, IActions } from '../execution/actions';
import { ActionBar, ActionResults } from '../execution/buttons';
import { factsOf, shortImage } from '../execution/facts';
import { FetchState } from '../execution/fetching';
import { PhaseLine } from '../execution/phases-now';
import { ProvenanceLinks } from '../execution/provenance';
import { useFreshPlace, useNodes } from '../execution/place';

/** Everything that the list tells of one Execution. */
export function Expanded({
  execution,
  actions
}: {
  execution: IExecution;
  actions: IActions;
}): JSX.Element {
  const { trans, open } = useTools();
  const { jobID, title, status, message } = execution;
  useFreshPlace(execution);
  const show = (tab?: string) =>
    open('execution', { execution_id: jobID, title, ...(tab ? { tab } : {}) });
  const looks: IAction[] = [
    { id: 'open', label: trans('Open'), icon: launchIcon, run: () => show() },
    { id: 'log', label: trans('Log'), icon: consoleIcon, run: () => show('log') }
  ];
  if (factsOf(execution).outputSize !== null) {
    const run = () => show('outputs');
    looks.push({ id: 'outputs', label: trans('Outputs'), icon: listIcon, run });
  }
  return (
    <div className="ccp-Expanded">
      {status === 'failed' && (
        <div className="ccp-Why">
          <strong>{trans('Why it failed')}</strong> {message}
        </div>
      )}
      <Facts execution={execution} />
      <PhaseLine execution={execution} />
      <FetchState id={jobID} />
      <ActionBar actions={actions} first={looks} label={trans('Actions of this Execution')} />
      <ProvenanceLinks id={jobID} />
      <ActionResults actions={actions} execution={execution} />
    </div>
  );
}

function Facts({ execution }: { execution: IExecution }): JSX.Element {
  const { trans, transN } = useTools();
  const { items: infrastructures } = useData('infrastructures');
  const { version, infrastructure, image, replicas, outputSize } = factsOf(execution);
  const nodes = useNodes(execution);
  const { created, started, finished, status, position, estimatedStart, kind, message } = execution;
  const place = infrastructures.find(each => each.id === infrastructure)?.name ?? infrastructure;
  const parts =
    kind === 'experiment'
      ? transN('%1 batch', '%1 batches', replicas)
      : transN('%1 replica', '%1 replicas', replicas);
  return (
    <dl className="ccp-Facts">
      <Fact name={trans('Id')}>
        <code>{execution.jobID}</code>
      </Fact>
      {version && <Fact name={trans('Version')}>{version}</Fact>}
      {status !== 'failed' && status !== 'successful' && (
        <Fact name={trans('Status')}>{message}</Fact>
      )}
      {position !== undefined && (
        <Fact name={trans('In the queue')}>{trans('about no. %1', position)}</Fact>
      )}
      {estimatedStart && (
        <Fact name={trans('Expected start')}>{new Date(estimatedStart).toLocaleString()}</Fact>
      )}
      <Fact name={trans('Submitted')}>
        <Ago at={created} />
      </Fact>
      {started && (
        <Fact name={finished ? trans('Took') : trans('Runs for')}>
          <Duration from={started} to={finished} />
        </Fact>
      )}
      <Fact name={trans('Infrastructure')}>{place}</Fact>
      {nodes.length > 0 && <Fact name={trans('Node')}>{nodes.join(', ')}</Fact>}
      <Fact name={trans('Runtime')}>
        <span title={image}>{shortImage(image)}</span>
      </Fact>
      <Fact name={trans('Parts')}>{parts}</Fact>
      {outputSize !== null && (
        <Fact name={trans('Outputs')}>{trans('%1 zipped', size(outputSize))}</Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: React.PropsWithChildren<{ name: string }>): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
