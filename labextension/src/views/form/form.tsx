/** The form of a Method. */

import * as React from 'react';
import { Button, ProblemBox } from '../../parts';
import { useTools, useWorld } from '../../react';
import { CodeDialog } from '../code/dialog';
import type { Faults, IFault } from './checks';
import { Runtimes } from './controls';
import { Field } from './field';
import type { useFrom } from './from';
import { LinkDialog } from './linkDialog';
import { IDescriptor, IField, textFor } from './model';
import { Outlook } from './outlook';
import { KeepChoice, OutputsChoice } from './outputs';
import { Process, useForm } from './useForm';
import type { Item, Values } from './values';

export function MethodForm({ process }: { process: Process }): JSX.Element {
  const form = useForm(process);
  const { trans } = useTools();
  const { fields, values, shown, prefix, mostBytes, change } = form;
  const [dialog, setDialog] = React.useState<'code' | 'link' | null>(null);
  const frame = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    if (form.attempts) {
      frame.current
        ?.querySelector<HTMLElement>('[aria-invalid], .ccp-Field:has(.ccp-Field-fault) button')
        ?.focus();
    }
  }, [form.attempts]);
  const rows = (all: readonly IField[]) =>
    all.map(field => (
      <Field
        key={field.id}
        field={field}
        items={values[field.id] ?? NOTHING}
        onChange={change}
        faults={shown[field.id] ?? NO_FAULTS}
        prefix={prefix}
        mostBytes={mostBytes}
      />
    ));
  const own = fields.filter(each => !each.steering);
  return (
    <Runtimes.Provider value={form.images}>
      <div className="ccp-Form-fields" ref={frame} data-lm-suppress-shortcuts>
        <Heading process={process} />
        <From from={form.from} />
        <section className="ccp-Form-group" aria-label={trans('Inputs')}>
          {own.length ? rows(own) : <p className="ccp-secondary">{trans('It has no inputs.')}</p>}
        </section>
        <Steering fields={fields.filter(each => each.steering)} values={values} faults={shown}>
          {rows(fields.filter(each => each.steering))}
        </Steering>
        <section className="ccp-Form-group" aria-label={trans('Outputs')}>
          <OutputsChoice
            outputs={process.outputs as Record<string, IDescriptor>}
            chosen={form.outputs}
            onChange={form.setOutputs}
          />
          <KeepChoice id={`${prefix}-keep`} value={form.keep} onChange={form.setKeep} />
        </section>
      </div>
      <div className="ccp-Form-footer">
        <ProblemBox problem={form.problem} dismiss={form.dismiss} />
        <Outlook
          outlook={form.outlook}
          infrastructure={form.infrastructure}
          missing={form.missing}
        />
        <div className="ccp-Form-actions" role="toolbar" aria-label={trans('What to do')}>
          <Button kind="accept" label={trans('Run')} busy={form.busy} onClick={form.run} />
          <Button label={trans('Check')} busy={form.checking} onClick={form.check} />
          <Button label={trans('Clear')} onClick={form.clear} />
          <span className="ccp-Form-space" />
          <Button label={trans('Code…')} onClick={() => setDialog('code')} />
          <Button label={trans('Link…')} onClick={() => setDialog('link')} />
        </div>
      </div>
      {dialog === 'code' && (
        <CodeDialog
          source={{ method: process.id, body: form.body }}
          title={process.title || process.id}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'link' && (
        <LinkDialog
          process={process}
          fields={fields}
          inputs={form.remember()}
          outputs={form.outputs}
          onClose={() => setDialog(null)}
        />
      )}
    </Runtimes.Provider>
  );
}

const NOTHING: readonly Item[] = [];
const NO_FAULTS: readonly IFault[] = [];

function Heading({ process }: { process: Process }): JSX.Element {
  const { trans, open } = useTools();
  const { model } = useWorld();
  const authors = process.metadata.filter(each => each.role === 'author').map(each => each.title);
  const other = () => {
    model.set('method', '');
    model.set('from', '');
    model.set('filled', '');
    model.set('inputs', null);
    model.set('outputs', null);
    model.set('title', '');
    model.save_changes();
  };
  return (
    <div className="ccp-Form-about">
      <h2 className="ccp-Form-heading">
        {process.title || process.id} <span className="ccp-secondary">{process.version}</span>
      </h2>
      {process.description && <p>{process.description}</p>}
      <p className="ccp-secondary ccp-Form-line">
        {authors.length > 0 && <span>{trans('by %1', authors.join(', '))}</span>}
        {process.keywords.map(each => (
          <span key={each} className="ccp-Form-tag">
            {each}
          </span>
        ))}
        <button
          type="button"
          className="ccp-Link"
          onClick={() => open('editor', { method: process.id, title: process.title || process.id })}
        >
          {trans('Look into it')}
        </button>
        <button type="button" className="ccp-Link" onClick={other}>
          {trans('Another Method')}
        </button>
      </p>
    </div>
  );
}

function From({ from }: { from: ReturnType<typeof useFrom> }): JSX.Element | null {
  const { trans, open } = useTools();
  if (from.problem) {
    return <ProblemBox problem={from.problem} again={from.again} />;
  }
  if (!from.id) {
    return null;
  }
  return (
    <p className="ccp-Form-note" role="status">
      {from.loading ? trans('Filling in from an Execution…') : trans('Filled in from')}{' '}
      {!from.loading && (
        <button
          type="button"
          className="ccp-Link"
          onClick={() => open('execution', { execution_id: from.id })}
        >
          {trans('Execution %1', from.id.slice(0, 8))}
        </button>
      )}
      {from.secrets.length > 0 &&
        ` ${trans('Secrets are not kept; type again: %1', from.secrets.join(', '))}`}
    </p>
  );
}

/** How it runs: closed, with what it says in one line, until somebody wants to change it. */
function Steering({
  fields,
  values,
  faults,
  children
}: React.PropsWithChildren<{
  fields: readonly IField[];
  values: Values;
  faults: Faults;
}>): JSX.Element | null {
  const { trans } = useTools();
  const [open, setOpen] = React.useState(false);
  const isFaulty = fields.some(each => faults[each.id]?.length);
  if (!fields.length) {
    return null;
  }
  const said = fields.flatMap(field => {
    const item = values[field.id]?.[0];
    const value = field.control === 'fixed' ? field.default : item?.kind === 'text' && item.text;
    return value ? [`${field.title}: ${textFor(value)}`] : [];
  });
  return (
    <details className="ccp-Form-group ccp-Form-steering" open={open || isFaulty}>
      {/* The browser's own toggling would be undone by the next drawing. */}

      <summary
        onClick={event => {
          event.preventDefault();
          setOpen(!open);
        }}
      >
        <span className="ccp-Field-label">{trans('How it runs')}</span>
        {!open && <span className="ccp-secondary"> {said.join(' · ')}</span>}
      </summary>
      {children}
    </details>
  );
}
