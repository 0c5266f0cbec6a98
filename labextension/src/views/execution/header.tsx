import * as React from 'react';
import type { IExecution, ILog } from '../../data';
import { Ago, Duration, Progress, StatusBadge } from '../../parts';
import { useTools } from '../../react';
import { useExecutionActions } from './actions';
import { ActionBar, ActionResults } from './buttons';
import { factsOf, shortId } from './facts';
import { FetchState } from './fetching';
import { lastWords } from './lines';
import { useFreshPlace } from './place';
import { Timeline } from './timeline';
import { Verdict } from './verdict';

/** Lines of the log that are shown with why it failed. */
const WORDS = 6;

/** What it is, how it stands, and what can be done now. */
export function Header({
  execution,
  log,
  mine,
  onOutputs
}: {
  execution: IExecution;
  log: ILog | undefined;
  mine: boolean;
  onOutputs: () => void;
}): JSX.Element {
  const { trans } = useTools();
  const actions = useExecutionActions(execution, mine);
  const { jobID, title, status, message, progress, created, started, finished, owner } = execution;
  useFreshPlace(execution);
  const list = actions.list.filter(each => each.id !== 'compare');
  return (
    <div className="ccp-Header">
      <div className="ccp-Header-line">
        <h2 title={jobID}>
          {title} <span className="ccp-secondary">{factsOf(execution).version}</span>
        </h2>
        <StatusBadge status={status} />
        <span className="ccp-secondary">
          {shortId(jobID)} · <Ago at={created} />
          {started && (
            <>
              {' · '}
              <Duration from={started} to={finished} />
            </>
          )}
          {!mine && <> · {trans('by %1', owner)}</>}
        </span>
      </div>
      {status === 'running' && <Progress percent={progress} label={trans('Progress')} />}
      <Now execution={execution} />
      {status === 'failed' && <Why message={message} log={log} />}
      {status === 'successful' && <Next execution={execution} onOutputs={onOutputs} />}
      <Verdict execution={execution} />
      <FetchState id={jobID} />
      {log && log.steps.length > 0 && <Timeline steps={log.steps} kind={execution.kind} />}
      <ActionBar actions={{ ...actions, list }} label={trans('Actions of this Execution')} />
      <ActionResults actions={actions} execution={execution} />
    </div>
  );
}

/** For what it waits, or how far it is. */
function Now({ execution }: { execution: IExecution }): JSX.Element | null {
  const { trans } = useTools();
  const { status, message, position, estimatedStart } = execution;
  if (status === 'failed' || status === 'successful') {
    return null;
  }
  return (
    <p className="ccp-Now" role="status">
      {message}
      {position !== undefined && <> · {trans('about no. %1 in the queue', position)}</>}
      {estimatedStart && (
        <> · {trans('expected to start at %1', new Date(estimatedStart).toLocaleTimeString())}</>
      )}
    </p>
  );
}

function Why({ message, log }: { message: string; log: ILog | undefined }): JSX.Element {
  const { trans } = useTools();
  const lines = log?.lines;
  const words = React.useMemo(() => lastWords(lines ?? [], WORDS), [lines]);
  return (
    <div className="ccp-Why">
      <strong>{trans('Why it failed')}</strong> {message}
      {words.length > 0 && <pre aria-label={trans('What it said last')}>{words.join('\n')}</pre>}
    </div>
  );
}

/** What to do with what came out. */
function Next({
  execution,
  onOutputs
}: {
  execution: IExecution;
  onOutputs: () => void;
}): JSX.Element {
  const { trans } = useTools();
  if (factsOf(execution).outputSize === null) {
    return <p className="ccp-Now">{trans('It has ended. There are no output files.')}</p>;
  }
  return (
    <p className="ccp-Now">
      {trans('It has ended well.')}{' '}
      <button type="button" className="ccp-Link" onClick={onOutputs}>
        {trans('Look at the outputs')}
      </button>{' '}
      {trans('or fetch them into your workspace.')}
    </p>
  );
}
