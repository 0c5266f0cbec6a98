/** What is wanted of the outputs, and what becomes of them. */

import * as React from 'react';
import { useTools } from '../../react';
import type { IDescriptor } from './model';

export type Keep = 'default' | 'nothing' | 'outputs' | 'everything';

export function OutputsChoice({
  outputs,
  chosen,
  onChange
}: {
  outputs: Readonly<Record<string, IDescriptor>>;
  /** Null for all. */
  chosen: readonly string[] | null;
  onChange: (chosen: string[] | null) => void;
}): JSX.Element {
  const { trans } = useTools();
  const ids = Object.keys(outputs);
  const wanted = new Set(chosen ?? ids);
  const toggle = (id: string) => {
    const next = ids.filter(each => (each === id ? !wanted.has(each) : wanted.has(each)));
    onChange(next.length === ids.length ? null : next);
  };
  return (
    <div className="ccp-Field ccp-mod-outputs">
      <span className="ccp-Field-label">{trans('Results')}</span>
      <div className="ccp-Field-body">
        {ids.length === 0 && <p className="ccp-Field-help">{trans('The Method names none.')}</p>}
        <div className="ccp-Field-choices" role="group" aria-label={trans('Results')}>
          {ids.map(id => (
            <label key={id} title={outputs[id].description || id}>
              <input type="checkbox" checked={wanted.has(id)} onChange={() => toggle(id)} />
              {outputs[id].title || id}
            </label>
          ))}
        </div>
        <p className="ccp-Field-help">
          {trans('Whatever else it writes below /ccp_data comes with them.')}
        </p>
      </div>
    </div>
  );
}

export function KeepChoice({
  id,
  value,
  onChange
}: {
  id: string;
  value: Keep;
  onChange: (value: Keep) => void;
}): JSX.Element {
  const { trans } = useTools();
  const words: Record<Keep, string> = {
    default: trans('As in the settings'),
    nothing: trans('Nothing'),
    outputs: trans('Outputs only'),
    everything: trans('Everything, with provenance')
  };
  return (
    <div className="ccp-Field ccp-mod-keep">
      <label className="ccp-Field-label" htmlFor={id}>
        {trans('Put into the workspace')}
      </label>
      <div className="ccp-Field-body">
        <select
          id={id}
          className="jp-mod-styled ccp-Field-input"
          value={value}
          onChange={event => onChange(event.target.value as Keep)}
        >
          {Object.entries(words).map(([each, label]) => (
            <option key={each} value={each}>
              {label}
            </option>
          ))}
        </select>
        <p className="ccp-Field-help">{trans('When it has ended, into the folder CCP.')}</p>
      </div>
    </div>
  );
}
