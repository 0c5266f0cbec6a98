/** A RED document: a form for its inputs, the document itself, and handing it in. */

import * as React from 'react';
import type { IProblem } from '../../contract';
import { Button, ProblemBox } from '../../parts';
import { useAction, useRead, useSelection, useTools, useWorld } from '../../react';
import { faultsOf } from './checks';
import { CodeEditor } from './editor';
import { Field } from './field';
import {
  batchesOf,
  completed,
  IRed,
  readRed,
  redFields,
  redInputs,
  redItems,
  variablesOf,
  withInput
} from './redModel';
import { useSubmit } from './run';
import type { Item } from './values';

export function RedForm(): JSX.Element {
  const { trans, open } = useTools();
  const { model } = useWorld();
  const [source, setSource] = useSource();
  const [title] = useSelection('title', '');
  const [values, setValues] = React.useState<Record<string, string>>({});
  const red = React.useMemo(() => readRed(source), [source]);
  const variables = React.useMemo(() => variablesOf(red), [red]);
  const submit = useSubmit<{ experimentId: string }>();
  const named = useSecrets(variables.length > 0);
  const lacking = variables.filter(each => !values[each] && !named.includes(each));
  const run = useAction(async () => {
    const query = variables.some(each => !values[each]) ? { useVault: '1' } : undefined;
    const body = completed(red.data, values);
    const { experimentId } = await submit({ path: 'agency/red', query, body });
    model.set('execution_id', experimentId);
    model.save_changes();
    open('execution', { execution_id: experimentId, title });
  });
  const cannot = !red.data || lacking.length > 0;
  return (
    <>
      <div className="ccp-Form-fields" data-lm-suppress-shortcuts>
        <h2 className="ccp-Form-heading">{title || trans('RED document')}</h2>
        <RedInputs red={red} source={source} onChange={setSource} />
        <Variables names={variables} values={values} named={named} onChange={setValues} />
        <section className="ccp-Form-group ccp-Red-document" aria-label={trans('Document')}>
          <span className="ccp-Field-label">{trans('Document')}</span>
          <CodeEditor
            text={source}
            onChange={setSource}
            mime={/^\s*\{/.test(source) ? 'application/json' : 'text/x-yaml'}
            label={trans('RED document')}
            marks={red.faults}
          />
          {red.faults.map(({ line, message }) => (
            <p key={`${line} ${message}`} className="ccp-Field-fault" role="alert">
              {trans('Line %1: %2', line, message)}
            </p>
          ))}
        </section>
      </div>
      <div className="ccp-Form-footer">
        <ProblemBox problem={run.problem && inLines(run.problem)} dismiss={run.clear} />
        <p className="ccp-secondary" aria-live="polite">
          {summaryOf(red, lacking, trans)}
        </p>
        <div className="ccp-Form-actions" role="toolbar" aria-label={trans('What to do')}>
          <Button
            kind="accept"
            label={trans('Run')}
            busy={run.busy}
            disabled={cannot}
            onClick={() => run.run()}
          />
          <span className="ccp-Form-space" />
          <Button
            label={trans('A Method instead')}
            onClick={() => {
              model.set('red', null);
              model.save_changes();
            }}
          />
        </div>
      </div>
    </>
  );
}

type Trans = ReturnType<typeof useTools>['trans'];

function summaryOf(red: IRed, lacking: readonly string[], trans: Trans): string {
  if (!red.data) {
    return trans('The document cannot be read yet.');
  }
  if (lacking.length) {
    return trans('Still needed: %1', lacking.join(', '));
  }
  const batches = batchesOf(red) || 1;
  return batches === 1 ? trans('One batch') : trans('%1 batches, side by side', batches);
}

/** The document; typing is remembered at once, as it holds no secrets but variables. */
function useSource(): [string, (text: string) => void] {
  return useSelection('red', '');
}

function RedInputs({
  red,
  source,
  onChange
}: {
  red: IRed;
  source: string;
  onChange: (source: string) => void;
}): JSX.Element | null {
  const { trans } = useTools();
  const prefix = React.useId();
  const [batch, setBatch] = React.useState(0);
  const [typed, setTyped] = React.useState<Record<string, readonly Item[]>>({});
  const fields = React.useMemo(() => redFields(red), [red]);
  const batches = batchesOf(red);
  const at = Math.min(batch, Math.max(0, batches - 1));
  const given = redInputs(red, at);
  const latest = React.useRef({ source, fields, at, onChange });
  latest.current = { source, fields, at, onChange };
  const change = React.useCallback((id: string, items: readonly Item[]) => {
    const now = latest.current;
    setTyped(others => ({ ...others, [`${now.at} ${id}`]: items }));
    const field = now.fields.find(each => each.id === id)!;
    now.onChange(withInput(now.source, now.at, field, items));
  }, []);
  if (!fields.length) {
    return null;
  }
  const values = Object.fromEntries(
    fields.map(field => [field.id, redItems(field, given[field.id], typed[`${at} ${field.id}`])])
  );
  const faults = faultsOf(fields, values, trans);
  return (
    <section className="ccp-Form-group" aria-label={trans('Inputs')}>
      {batches > 1 && (
        <div className="ccp-Field">
          <label className="ccp-Field-label" htmlFor={`${prefix}-batch`}>
            {trans('Batch')}
          </label>
          <select
            id={`${prefix}-batch`}
            className="jp-mod-styled ccp-Field-input"
            value={at}
            onChange={event => setBatch(Number(event.target.value))}
          >
            {Array.from({ length: batches }, (_, index) => (
              <option key={index} value={index}>
                {trans('%1 of %2', index + 1, batches)}
              </option>
            ))}
          </select>
        </div>
      )}
      {fields.map(field => (
        <Field
          key={`${at} ${field.id}`}
          field={field}
          items={values[field.id]}
          onChange={change}
          faults={faults[field.id] ?? []}
          prefix={prefix}
          mostBytes={Infinity}
        />
      ))}
    </section>
  );
}

/** Names of the user's own secrets, by which the service can fill variables in. */
function useSecrets(asked: boolean): readonly string[] {
  const { value } = useRead<{ secrets: { name: string }[] }>(asked ? 'secrets' : null);
  return React.useMemo(() => (value?.secrets ?? []).map(each => each.name), [value]);
}

function Variables({
  names,
  values,
  named,
  onChange
}: {
  names: readonly string[];
  values: Readonly<Record<string, string>>;
  named: readonly string[];
  onChange: (values: Record<string, string>) => void;
}): JSX.Element | null {
  const { trans } = useTools();
  const prefix = React.useId();
  if (!names.length) {
    return null;
  }
  return (
    <section className="ccp-Form-group" aria-label={trans('Variables')}>
      {names.map(name => (
        <div key={name} className="ccp-Field">
          <label className="ccp-Field-label" htmlFor={`${prefix}-${name}`}>
            {name}
          </label>
          <div className="ccp-Field-body">
            <input
              id={`${prefix}-${name}`}
              className="jp-mod-styled ccp-Field-input"
              type="password"
              autoComplete="new-password"
              placeholder={named.includes(name) ? trans('My secret of this name') : undefined}
              value={values[name] ?? ''}
              onChange={event => onChange({ ...values, [name]: event.target.value })}
            />
          </div>
        </div>
      ))}
      <p className="ccp-Field-help">
        {trans('Values of variables are not kept: they have to be typed again after a reload.')}
      </p>
    </section>
  );
}

/** The agency's API tells all rules in one text, a line for each. */
function inLines(problem: IProblem): IProblem {
  const lines = problem.detail.split('\n').filter(Boolean);
  if (problem.problems.length || lines.length < 2) {
    return problem;
  }
  const problems = lines.map(line => {
    const [, member = '', rule = line] = /^(\S+): (.*)$/.exec(line) ?? [];
    return { member, rule };
  });
  return { ...problem, detail: '', problems };
}
