/** The control of one value, by kind. */

import * as React from 'react';
import { useTools } from '../../react';
import { BoxControl } from './box';
import { EditorControl } from './editor';
import { IField, textFor } from './model';
import { numberOf } from './values';

export interface IControl {
  field: IField;
  value: string;
  onChange: (value: string) => void;
  /** Of the element that has the focus. */
  id: string;
  /** Accessible name, where the field's label does not give it. */
  label?: string;
  describedBy?: string;
  invalid: boolean;
}

/** Images that may be run, for the Runtime's control. */
export const Runtimes = React.createContext<readonly string[]>([]);

export function ValueControl(props: IControl): JSX.Element {
  switch (props.field.control) {
    case 'lines':
      return <Lines {...props} />;
    case 'checkbox':
      return <CheckBox {...props} />;
    case 'select':
      return <Select {...props} />;
    case 'radio':
      return <Radios {...props} />;
    case 'datetime':
      return <DateTime {...props} />;
    case 'runtime':
      return <Runtime {...props} />;
    case 'code':
      return <EditorControl {...props} mime={props.field.schema.contentMediaType} />;
    case 'json':
      return <EditorControl {...props} mime="application/json" />;
    case 'map':
      return <BoxControl {...props} />;
    default:
      return <Line {...props} />;
  }
}

/** Attributes that all controls have. */
export function attributesOf({ field, id, label, describedBy, invalid }: IControl) {
  return {
    id,
    'aria-label': label,
    'aria-describedby': describedBy,
    'aria-invalid': invalid || undefined,
    'aria-required': field.required || undefined
  };
}

const TYPES: Partial<Record<IField['control'], string>> = {
  number: 'number',
  date: 'date',
  time: 'time',
  url: 'url',
  email: 'email'
};

function Line(props: IControl): JSX.Element {
  const { field, value, onChange } = props;
  const { schema } = field;
  // A text that the browser's own control would hide stays visible.
  const fits =
    value === '' ||
    (field.control === 'number' && typeof numberOf(value) === 'number') ||
    (field.control === 'date' && /^\d{4}-\d\d-\d\d$/.test(value)) ||
    (field.control === 'time' && /^\d\d:\d\d(:\d\d)?$/.test(value));
  const bare = field.control === 'url' || field.control === 'email';
  const type = (fits || bare) && TYPES[field.control];
  const isNumber = type === 'number';
  return (
    <input
      {...attributesOf(props)}
      className="jp-mod-styled ccp-Field-input"
      type={type || 'text'}
      value={value}
      min={isNumber ? schema.minimum : undefined}
      max={isNumber ? schema.maximum : undefined}
      step={isNumber ? (schema.type === 'integer' || field.steering ? 1 : 'any') : undefined}
      placeholder={schema.example === undefined ? undefined : textFor(schema.example)}
      spellCheck={false}
      onChange={event => onChange(event.target.value)}
    />
  );
}

function Lines(props: IControl): JSX.Element {
  const rows = Math.min(12, Math.max(props.field.steering ? 2 : 3, props.value.split('\n').length));
  return (
    <textarea
      {...attributesOf(props)}
      className="jp-mod-styled ccp-Field-input"
      rows={rows}
      value={props.value}
      onChange={event => props.onChange(event.target.value)}
    />
  );
}

function CheckBox(props: IControl): JSX.Element {
  const { required, ...rest } = { required: undefined, ...attributesOf(props) };
  return (
    <input
      {...rest}
      aria-required={required}
      type="checkbox"
      checked={props.value.toLowerCase() === 'true'}
      onChange={event => props.onChange(String(event.target.checked))}
    />
  );
}

function Select(props: IControl): JSX.Element {
  const { trans } = useTools();
  const { field, value, onChange } = props;
  const known = field.options.includes(value);
  return (
    <select
      {...attributesOf(props)}
      className="jp-mod-styled ccp-Field-input"
      value={value}
      onChange={event => onChange(event.target.value)}
    >
      {!field.options.includes('') && (
        <option value="">{field.required ? trans('Choose…') : trans('None')}</option>
      )}
      {!known && value !== '' && <option value={value}>{value}</option>}
      {field.options.map(option => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

function Radios(props: IControl): JSX.Element {
  const { field, value, onChange, id, describedBy, label } = props;
  return (
    <div
      className="ccp-Field-choices"
      role="radiogroup"
      aria-label={label ?? field.title}
      aria-describedby={describedBy}
      aria-required={field.required || undefined}
    >
      {field.options.map((option, index) => (
        <label key={option}>
          <input
            type="radio"
            id={index ? undefined : id}
            name={id}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          {option}
        </label>
      ))}
    </div>
  );
}

/** Shown in the user's own time zone, sent in UTC. */
function DateTime(props: IControl): JSX.Element {
  const { trans } = useTools();
  const local = localOf(props.value);
  if (local === null) {
    return <Line {...props} />;
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <div className="ccp-Field-row">
      <input
        {...attributesOf(props)}
        className="jp-mod-styled ccp-Field-input"
        type="datetime-local"
        step={1}
        value={local}
        onChange={event => props.onChange(utcOf(event.target.value))}
      />
      <span className="ccp-secondary" title={trans('Your time zone')}>
        {zone}
      </span>
    </div>
  );
}

/** A time as the browser's control wants it; null when it is none. */
export function localOf(value: string): string | null {
  if (value === '') {
    return '';
  }
  const moment = new Date(value);
  if (isNaN(moment.getTime()) || !/^\d{4}-\d\d-\d\d[Tt ]/.test(value)) {
    return null;
  }
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

export function utcOf(local: string): string {
  const moment = new Date(local);
  return local && !isNaN(moment.getTime()) ? moment.toISOString().replace('.000Z', 'Z') : '';
}

function Runtime(props: IControl): JSX.Element {
  const images = React.useContext(Runtimes);
  const list = `${props.id}-images`;
  return (
    <>
      <input
        {...attributesOf(props)}
        className="jp-mod-styled ccp-Field-input"
        list={list}
        value={props.value}
        spellCheck={false}
        onChange={event => props.onChange(event.target.value)}
      />
      <datalist id={list}>
        {images.map(each => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}
