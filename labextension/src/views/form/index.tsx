import * as React from 'react';
import type { IStatus } from '../../data';
import { Button, Connection, ProblemBox } from '../../parts';
import { pathOf, reactView, useRead, useSelection, useTools, useWorld } from '../../react';
import { Chooser } from './chooser';
import { useDrops } from './drops';
import { MethodForm } from './form';
import { RedForm } from './red';
import type { Process } from './useForm';

/** A form for what the selection names: a RED document, a Method, or nothing yet. */
function ExecutionForm(): JSX.Element {
  const { model } = useWorld();
  const [method] = useSelection('method', '');
  const [from] = useSelection('from', '');
  const [red] = useSelection<string | null>('red', null);
  const frame = React.useRef<HTMLDivElement>(null);
  const choose = (id: string, title = '', execution = '') => {
    const selection = { method: id, title, from: execution, filled: '', inputs: null };
    Object.entries({ ...selection, outputs: null }).forEach(([key, value]) =>
      model.set(key, value)
    );
    model.save_changes();
  };
  const drops = useDrops(frame, {
    onMethod: id => choose(id),
    onExecution: id => choose('', '', id)
  });
  return (
    <div className="ccp-ExecutionForm" ref={frame} {...drops}>
      <Connection />
      {red !== null ? (
        <RedForm />
      ) : method ? (
        <OfMethod key={method} method={method} choose={choose} />
      ) : from ? (
        <OfExecution key={from} execution={from} choose={choose} />
      ) : (
        <Chooser onChoose={choose} />
      )}
    </div>
  );
}

type Choose = (method: string, title?: string, execution?: string) => void;

function OfMethod({ method, choose }: { method: string; choose: Choose }): JSX.Element {
  const { trans } = useTools();
  const [title, setTitle] = useSelection('title', '');
  const { value, problem, again } = useRead<Process>(pathOf('processes', method));
  React.useEffect(() => {
    if (value && title !== (value.title || value.id)) {
      setTitle(value.title || value.id);
    }
  }, [value, title, setTitle]);
  if (value) {
    return <MethodForm process={value} />;
  }
  if (!problem) {
    return <div className="ccp-Form-fields" aria-busy="true" />;
  }
  return (
    <div className="ccp-Form-fields">
      <ProblemBox problem={problem} again={again} />
      <p>
        <Button label={trans('Choose another Method')} onClick={() => choose('')} />
      </p>
    </div>
  );
}

/** An Execution tells which Method it is of. */
function OfExecution({ execution, choose }: { execution: string; choose: Choose }): JSX.Element {
  const { trans } = useTools();
  const { value, problem, again } = useRead<IStatus>(pathOf('jobs', execution));
  const isMethod = value?.kind === 'method' && value.processID;
  React.useEffect(() => {
    if (isMethod) {
      choose(value.processID!, value.title, execution);
    }
    // Once for each answer.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [value]);
  const experiment = {
    title: trans('It is an Experiment'),
    detail: trans('Open its RED document in the file browser to run it again.'),
    status: 0,
    problems: []
  };
  const wrong = problem ?? (value && !isMethod ? experiment : undefined);
  return (
    <div className="ccp-Form-fields" aria-busy={!wrong}>
      <ProblemBox problem={wrong} again={problem && again} />
      {wrong && (
        <p>
          <Button label={trans('Choose a Method')} onClick={() => choose('')} />
        </p>
      )}
    </div>
  );
}

export default reactView(ExecutionForm);
