import { caretDownIcon, caretUpIcon, downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecution, ILog, ILogLine } from '../../data';
import { IconButton, IconLink, ProblemBox, Search } from '../../parts';
import { ask, pathOf, useTools, useWorld } from '../../react';
import { factsOf, isFinal } from './facts';
import { filterLines, findHits, ILineFilter } from './lines';
import { LogLines } from './log-lines';

const NONE: readonly ILogLine[] = [];

/** What the containers wrote: live, searched, filtered. */
export function LogView({
  execution,
  log
}: {
  execution: IExecution;
  log: ILog | undefined;
}): JSX.Element {
  const { trans, address } = useTools();
  const [filter, setFilter] = React.useState<ILineFilter>({ task: 0, stream: '' });
  const [follow, setFollow] = React.useState(!isFinal(execution.status));
  const [wrap, setWrap] = React.useState(true);
  const search = useSearch(log?.lines ?? NONE, filter, () => setFollow(false));
  return (
    <div className="ccp-Log">
      <div className="ccp-Log-bar">
        <SearchBar search={search} />
        <Filters execution={execution} log={log} filter={filter} setFilter={setFilter} />
        <Check label={trans('Follow')} value={follow} onChange={setFollow} />
        <Check label={trans('Wrap')} value={wrap} onChange={setWrap} />
        <IconLink
          icon={downloadIcon}
          label={trans('Download the whole log')}
          href={address(pathOf('jobs', execution.jobID, 'log'))}
          download
        />
      </div>
      <Remarks execution={execution} log={log} shown={search.lines.length} />
      <LogLines
        lines={search.lines}
        text={search.text}
        hit={search.hit}
        follow={follow}
        setFollow={setFollow}
        wrap={wrap}
        several={factsOf(execution).replicas > 1}
      />
    </div>
  );
}

interface ISearch {
  lines: readonly ILogLine[];
  text: string;
  setText: (text: string) => void;
  hits: readonly number[];
  /** Which of the hits is the current one. */
  at: number;
  /** Index of the current hit's line; -1 for none. */
  hit: number;
  step: (by: number) => void;
}

function useSearch(all: readonly ILogLine[], filter: ILineFilter, onStep: () => void): ISearch {
  const [text, setText] = React.useState('');
  const [at, setAt] = React.useState(0);
  const lines = React.useMemo(() => filterLines(all, filter), [all, filter]);
  const hits = React.useMemo(() => findHits(lines, text), [lines, text]);
  const current = Math.min(at, Math.max(0, hits.length - 1));
  return {
    lines,
    text,
    setText: next => {
      setText(next);
      setAt(0);
      if (next) {
        onStep();
      }
    },
    hits,
    at: current,
    hit: hits[current] ?? -1,
    step: by => {
      setAt((current + by + hits.length) % Math.max(1, hits.length));
      onStep();
    }
  };
}

function SearchBar({ search }: { search: ISearch }): JSX.Element {
  const { trans } = useTools();
  const { text, setText, hits, at, step } = search;
  return (
    // Enter in the field goes on; the field itself and the buttons are what is interacted with.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <span
      className="ccp-Log-search"
      onKeyDown={event => {
        if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          event.preventDefault();
          step(event.shiftKey ? -1 : 1);
        }
      }}
    >
      <Search label={trans('Search the log')} value={text} onChange={setText} />
      <span className="ccp-Log-hits ccp-secondary" role="status">
        {text && (hits.length ? trans('%1 of %2', at + 1, hits.length) : trans('no hits'))}
      </span>
      <IconButton
        icon={caretUpIcon}
        label={trans('Previous hit')}
        disabled={!hits.length}
        onClick={() => step(-1)}
      />
      <IconButton
        icon={caretDownIcon}
        label={trans('Next hit')}
        disabled={!hits.length}
        onClick={() => step(1)}
      />
    </span>
  );
}

function Filters({
  execution,
  log,
  filter,
  setFilter
}: {
  execution: IExecution;
  log: ILog | undefined;
  filter: ILineFilter;
  setFilter: (filter: ILineFilter) => void;
}): JSX.Element {
  const { trans } = useTools();
  const lines = log?.lines ?? NONE;
  const tasks = React.useMemo(
    () => [...new Set(lines.map(each => each.task))].sort((one, other) => one - other),
    [lines]
  );
  const part = (task: number) =>
    execution.kind === 'experiment' ? trans('Batch %1', task) : trans('Replica %1', task);
  return (
    <>
      {(tasks.length > 1 || filter.task > 0) && (
        <select
          aria-label={trans('Which of them')}
          value={filter.task}
          onChange={event => setFilter({ ...filter, task: Number(event.target.value) })}
        >
          <option value={0}>{trans('All')}</option>
          {tasks.map(task => (
            <option key={task} value={task}>
              {part(task)}
            </option>
          ))}
        </select>
      )}
      <select
        aria-label={trans('Stream')}
        value={filter.stream}
        onChange={event =>
          setFilter({ ...filter, stream: event.target.value as ILineFilter['stream'] })
        }
      >
        <option value="">{trans('stdout and stderr')}</option>
        <option value="stdout">{trans('stdout only')}</option>
        <option value="stderr">{trans('stderr only')}</option>
      </select>
    </>
  );
}

function Check({
  label,
  value,
  onChange
}: {
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
}): JSX.Element {
  return (
    <label className="ccp-Check">
      <input type="checkbox" checked={value} onChange={event => onChange(event.target.checked)} />
      {label}
    </label>
  );
}

/** What is missing in what is shown, and why. */
function Remarks({
  execution,
  log,
  shown
}: {
  execution: IExecution;
  log: ILog | undefined;
  shown: number;
}): JSX.Element | null {
  const { model, tools } = useWorld();
  const { trans } = tools;
  const { jobID, status } = execution;
  if (!log || (log.state === 'loading' && !shown)) {
    return <p className="ccp-Loading ccp-secondary">{trans('Reading the log…')}</p>;
  }
  if (log.state === 'failed') {
    // Following it anew reads what is missing.
    const again = () => {
      model.send({ id: '', command: 'unfollow', execution: jobID });
      void ask(model, { command: 'follow', execution: jobID });
    };
    return <ProblemBox problem={log.problem} again={again} />;
  }
  const remarks = [
    log.dropped > 0 &&
      trans('%1 earlier lines are not shown; download the log to see all.', log.dropped),
    log.truncated && trans('The log was longer than this Infrastructure keeps.'),
    !log.lines.length &&
      (isFinal(status) ? trans('It has written nothing.') : trans('It has written nothing yet.')),
    log.lines.length > 0 && !shown && trans('No line is in this stream.')
  ].filter(Boolean);
  return remarks.length ? (
    <p className="ccp-Log-remarks ccp-secondary">{remarks.join(' ')}</p>
  ) : null;
}
