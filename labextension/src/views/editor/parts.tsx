/** Fields of the form: a label, a control, and what is wrong below it. */

import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';
import { useTools } from '../../react';
import type { IPlaced } from './check';
import type { IDraft } from './model';

/** What all sections work on. */
export interface IEditing {
  draft: IDraft;
  change: (edit: (draft: IDraft) => IDraft) => void;
  problems: readonly IPlaced[];
}

export const Editing = React.createContext<IEditing | null>(null);

export function useEditing(): IEditing {
  return React.useContext(Editing)!;
}

interface IField {
  label: string;
  /** More about it, below. */
  help?: string;
  problems?: readonly string[];
}

interface IControl {
  id: string;
  'aria-invalid': boolean;
  'aria-describedby'?: string;
}

/** A label with its control; `wide` takes a whole line where others share one. */
export function Labelled({
  label,
  help,
  problems = [],
  wide,
  children
}: IField & { wide?: boolean; children: (control: IControl) => React.ReactNode }): JSX.Element {
  const id = React.useId();
  const described = [help && `${id}-help`, problems.length && `${id}-problem`].filter(Boolean);
  return (
    <div className={`ccp-EditorField${wide ? ' ccp-mod-wide' : ''}`}>
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': problems.length > 0,
        'aria-describedby': described.join(' ') || undefined
      })}
      {help && (
        <div id={`${id}-help`} className="ccp-EditorField-help">
          {help}
        </div>
      )}
      <Problems id={`${id}-problem`} problems={problems} />
    </div>
  );
}

export function Problems({
  problems,
  id
}: {
  problems: readonly string[];
  id?: string;
}): JSX.Element | null {
  if (!problems.length) {
    return null;
  }
  return (
    <div id={id} className="ccp-EditorField-problem">
      {problems.map(problem => (
        <div key={problem}>{problem}</div>
      ))}
    </div>
  );
}

interface IText extends IField {
  value: string;
  onChange: (value: string) => void;
  wide?: boolean;
  code?: boolean;
  placeholder?: string;
  /** Offered while one types; anything else is taken too. */
  offers?: readonly string[];
  number?: { min?: number; step?: number | 'any' };
  disabled?: boolean;
  focus?: boolean;
}

export function TextField(props: IText): JSX.Element {
  const list = React.useId();
  const { value, onChange, offers, number, disabled, focus, placeholder } = props;
  return (
    <Labelled {...props}>
      {control => (
        <>
          <input
            {...control}
            type={number ? 'number' : 'text'}
            {...number}
            className={`jp-mod-styled${props.code ? ' ccp-mod-code' : ''}`}
            value={value}
            placeholder={placeholder}
            disabled={disabled}
            data-ccp-focus={focus || undefined}
            spellCheck={props.code ? false : undefined}
            autoComplete="off"
            list={offers ? list : undefined}
            onChange={event => onChange(event.target.value)}
          />
          {offers && (
            <datalist id={list}>
              {offers.map(each => (
                <option key={each} value={each} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Labelled>
  );
}

/** Several lines; as high as its text, within bounds. */
export function AreaField(
  props: Omit<IText, 'offers' | 'number'> & { rows?: number }
): JSX.Element {
  const { value, onChange, placeholder, disabled, rows = 2 } = props;
  return (
    <Labelled wide {...props}>
      {control => (
        <textarea
          {...control}
          className={`jp-mod-styled${props.code ? ' ccp-mod-code' : ''}`}
          rows={Math.max(rows, Math.min(12, value.split('\n').length))}
          value={value}
          placeholder={placeholder}
          disabled={disabled}
          onChange={event => onChange(event.target.value)}
        />
      )}
    </Labelled>
  );
}

export function ChoiceField({
  value,
  onChange,
  choices,
  ...props
}: IField & {
  value: string;
  onChange: (value: string) => void;
  choices: readonly (readonly [string, string])[];
  wide?: boolean;
}): JSX.Element {
  return (
    <Labelled {...props}>
      {control => (
        <HTMLSelect {...control} value={value} onChange={event => onChange(event.target.value)}>
          {choices.map(([id, label]) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Labelled>
  );
}

export function CheckField({
  label,
  help,
  checked,
  onChange,
  disabled
}: {
  label: string;
  help?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}): JSX.Element {
  return (
    <label className="ccp-EditorCheck" title={help}>
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={event => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}

/** Words as small boxes: Enter or a comma adds what was typed, Backspace takes the last one away. */
export function WordsField(
  props: IField & {
    words: readonly string[];
    onChange: (words: string[]) => void;
    offers?: readonly string[];
  }
): JSX.Element {
  const { trans } = useTools();
  const [typed, setTyped] = React.useState('');
  const { words, onChange, offers = [] } = props;
  const list = React.useId();
  const add = (text: string) => {
    const more = text.split(',').map(each => each.trim());
    const next = [...new Set([...words, ...more.filter(Boolean)])];
    if (next.length > words.length) {
      onChange(next);
    }
    setTyped('');
  };
  return (
    <Labelled {...props}>
      {control => (
        <div className="ccp-EditorWords">
          {words.map(word => (
            <span key={word} className="ccp-EditorWord">
              {word}
              <button
                type="button"
                aria-label={trans('Remove %1', word)}
                onClick={() => onChange(words.filter(each => each !== word))}
              >
                ×
              </button>
            </span>
          ))}
          <input
            {...control}
            className="jp-mod-styled"
            value={typed}
            list={list}
            autoComplete="off"
            placeholder={words.length ? '' : trans('Type and press Enter')}
            onBlur={() => add(typed)}
            onChange={event => {
              const text = event.target.value;
              const chosen = offers.includes(text) && text.length - typed.length > 1;
              return text.endsWith(',') || chosen ? add(text) : setTyped(text);
            }}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                event.preventDefault();
                add(typed);
              } else if (event.key === 'Backspace' && !typed && words.length) {
                onChange(words.slice(0, -1));
              }
            }}
          />
          <datalist id={list}>
            {offers
              .filter(each => !words.includes(each))
              .map(each => (
                <option key={each} value={each} />
              ))}
          </datalist>
        </div>
      )}
    </Labelled>
  );
}

/** A part of the form that can be folded. */
export function Section({
  title,
  problems,
  count,
  closed,
  children
}: React.PropsWithChildren<{
  title: string;
  /** How many things are wrong in it. */
  problems: number;
  count?: number;
  /** Whether it is folded at first. */
  closed?: boolean;
}>): JSX.Element {
  const { transN } = useTools();
  // The user's from then on: nothing folds or unfolds under their hand.
  const [open, setOpen] = React.useState(!closed);
  return (
    <details
      className="ccp-EditorSection"
      open={open}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>
        <h3>{title}</h3>
        {count !== undefined && <span className="ccp-secondary">{count}</span>}
        {problems > 0 && (
          <span className="ccp-EditorSection-problems">
            {transN('%1 problem', '%1 problems', problems)}
          </span>
        )}
      </summary>
      <div className="ccp-EditorSection-body">{children}</div>
    </details>
  );
}
