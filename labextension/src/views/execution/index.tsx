import * as React from 'react';
import type { IExecution, IStatus } from '../../data';
import type { ITab } from '../../parts';
import { Connection, Empty, ProblemBox, Tabs } from '../../parts';
import { pathOf, reactView, useData, useLog, useRead, useSelection, useTools } from '../../react';
import { Batches } from './batches';
import { Comparing } from './compare';
import { Details } from './details';
import { asExecution, factsOf, isFinal } from './facts';
import { Header } from './header';
import { Inputs } from './inputs';
import { LogView } from './log';
import { Outputs } from './outputs';
import { ProvenanceView } from './provenance';

/** Seconds between two looks at what no event tells of: others' Executions. */
const LOOK = 5;

function ExecutionDisplay(): JSX.Element {
  const { trans, open } = useTools();
  const [id] = useSelection('execution_id', '');
  if (!id) {
    return (
      <div className="ccp-ExecutionDisplay">
        <Empty title={trans('No Execution is chosen')}>
          <button
            type="button"
            className="jp-mod-styled jp-mod-accept ccp-Button"
            onClick={() => open('monitor', {})}
          >
            {trans('Show Executions')}
          </button>
        </Empty>
      </div>
    );
  }
  return (
    <div className="ccp-ExecutionDisplay">
      <Connection />
      <Found key={id} id={id} />
    </div>
  );
}

/** One's own is in the page's store; others' are read from the service, as long as they go on. */
function Found({ id }: { id: string }): JSX.Element {
  const { trans } = useTools();
  const { items, state } = useData('executions');
  const own = React.useMemo(() => items.find(each => each.jobID === id), [items, id]);
  const [elsewhere, setElsewhere] = React.useState(false);
  React.useEffect(() => setElsewhere(!own && state !== 'loading'), [own, state]);
  const { value, problem, again } = useRead<IStatus>(elsewhere ? pathOf('jobs', id) : null);
  const going = elsewhere && value && !isFinal(value.status);
  React.useEffect(() => {
    if (!going) {
      return;
    }
    const timer = setInterval(again, LOOK * 1000);
    return () => clearInterval(timer);
  }, [going, again]);
  const execution = React.useMemo(() => own ?? (value && asExecution(value)), [own, value]);
  if (execution) {
    return <Shown execution={execution} mine={Boolean(own)} />;
  }
  if (problem) {
    return problem.status === 404 ? (
      <Empty title={trans('This Execution is not there')}>
        {trans('It was deleted, or you may not see it.')}
      </Empty>
    ) : (
      <ProblemBox problem={problem} again={again} />
    );
  }
  return <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>;
}

function Shown({ execution, mine }: { execution: IExecution; mine: boolean }): JSX.Element {
  const { trans } = useTools();
  const log = useLog(execution.jobID);
  const [first] = React.useState(() => firstTab(execution));
  const [tab, setTab] = useSelection('tab', first);
  const experiment = execution.kind === 'experiment';
  const tabs: ITab[] = [
    { id: 'log', label: trans('Log') },
    { id: 'outputs', label: trans('Outputs') },
    ...(experiment ? [{ id: 'batches', label: trans('Batches') }] : []),
    { id: 'inputs', label: trans('Inputs') },
    { id: 'provenance', label: trans('Provenance') },
    { id: 'compare', label: trans('Compare') },
    { id: 'details', label: trans('Details') }
  ];
  const panels: Record<string, () => JSX.Element> = {
    log: () => <LogView execution={execution} log={log} />,
    outputs: () => <Outputs execution={execution} />,
    batches: () => <Batches execution={execution} />,
    inputs: () => <Inputs execution={execution} />,
    provenance: () => <ProvenanceView id={execution.jobID} />,
    compare: () => <Comparing execution={execution} />,
    details: () => <Details execution={execution} />
  };
  const shown = tab in panels ? tab : 'log';
  return (
    <>
      <Header execution={execution} log={log} mine={mine} onOutputs={() => setTab('outputs')} />
      <Tabs label={trans('About this Execution')} tabs={tabs} current={shown} onChange={setTab}>
        {panels[shown]()}
      </Tabs>
    </>
  );
}

/** What one wants to see first; later the user decides. */
function firstTab(execution: IExecution): string {
  return execution.status === 'successful' && factsOf(execution).outputSize !== null
    ? 'outputs'
    : 'log';
}

export default reactView(ExecutionDisplay);
