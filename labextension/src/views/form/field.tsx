/** One field: its label, its values, what is said about it and what is wrong. */

import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton } from '../../parts';
import { useTools } from '../../react';
import type { IFault } from './checks';
import { ValueControl } from './controls';
import { FilesControl } from './files';
import { Control, IField, rulesOf, textFor } from './model';
import { Mover } from './mover';
import { SecretControl } from './secret';
import { Item, text } from './values';

export interface IFieldProps {
  field: IField;
  items: readonly Item[];
  onChange: (id: string, items: readonly Item[]) => void;
  faults: readonly IFault[];
  /** Unique in the page, and the same in each form. */
  prefix: string;
  mostBytes: number;
}

/** Controls of several elements, which have the field's title as the name of their group. */
const GROUPS: readonly Control[] = ['radio', 'checklist', 'file', 'code', 'json'];

export const Field = React.memo(function Field(props: IFieldProps): JSX.Element {
  const { field, faults, prefix } = props;
  const { trans } = useTools();
  const id = `${prefix}-${field.id}`;
  const rules = rulesOf(field, trans);
  const isCheckBox = field.control === 'checkbox' && !field.many;
  const words = (
    <>
      {field.title}
      {field.required && (
        <span className="ccp-Field-required" aria-hidden="true" title={trans('Needed')}>
          *
        </span>
      )}
    </>
  );
  const label = GROUPS.includes(field.control) ? (
    <span className="ccp-Field-label">{words}</span>
  ) : (
    <label className="ccp-Field-label" htmlFor={id}>
      {words}
    </label>
  );
  return (
    <div className={`ccp-Field ccp-mod-${field.control}`} data-field={field.id}>
      {!isCheckBox && label}
      <div className="ccp-Field-body">
        {isCheckBox ? (
          <div className="ccp-Field-check">
            <FieldControl {...props} id={id} />
            {label}
          </div>
        ) : (
          <FieldControl {...props} id={id} />
        )}
        <div id={`${id}-about`}>
          {field.description && <p className="ccp-Field-help">{field.description}</p>}
          {rules.length > 0 && <p className="ccp-Field-help">{rules.join(', ')}</p>}
          {faults.map(fault => (
            <p key={`${fault.index} ${fault.text}`} className="ccp-Field-fault" role="alert">
              {field.many && fault.index !== undefined && trans('Value %1: ', fault.index + 1)}
              {fault.text}
            </p>
          ))}
        </div>
      </div>
    </div>
  );
});

type IControlOfField = IFieldProps & { id: string };

function FieldControl(props: IControlOfField): JSX.Element {
  const { field, items, onChange, faults, id, mostBytes } = props;
  const about = `${id}-about`;
  const set = (next: readonly Item[]) => onChange(field.id, next);
  switch (field.control) {
    case 'fixed':
      return <Fixed field={field} id={id} />;
    case 'file':
      return (
        <FilesControl
          field={field}
          items={items}
          onChange={set}
          id={id}
          describedBy={about}
          mostBytes={mostBytes}
        />
      );
    case 'secret':
      return (
        <SecretControl
          field={field}
          id={id}
          item={items[0]}
          onItem={item => set(item ? [item] : [])}
          describedBy={about}
          invalid={faults.length > 0}
        />
      );
    case 'checklist':
      return <CheckList field={field} items={items} onChange={set} id={id} />;
  }
  if (field.many) {
    return <Several {...props} />;
  }
  const item = items[0];
  return (
    <ValueControl
      field={field}
      value={item?.kind === 'text' ? item.text : ''}
      onChange={value => set([text(value)])}
      id={id}
      describedBy={about}
      invalid={faults.length > 0}
    />
  );
}

/** What the Method decides. */
function Fixed({ field, id }: { field: IField; id: string }): JSX.Element {
  const { trans } = useTools();
  const value = field.default === undefined ? trans('nothing') : textFor(field.default);
  return (
    <output id={id} className="ccp-Field-fixed" title={trans('Set by the Method')}>
      {value}
    </output>
  );
}

function CheckList({
  field,
  items,
  onChange,
  id
}: {
  field: IField;
  items: readonly Item[];
  onChange: (items: readonly Item[]) => void;
  id: string;
}): JSX.Element {
  const chosen = new Set(items.map(item => (item.kind === 'text' ? item.text : '')));
  const unknown = [...chosen].filter(each => !field.options.includes(each));
  const all = [...field.options, ...unknown];
  const toggle = (option: string) => {
    const next = new Set(chosen);
    if (!next.delete(option)) {
      next.add(option);
    }
    onChange(all.filter(each => next.has(each)).map(text));
  };
  return (
    <div
      className="ccp-Field-choices"
      role="group"
      aria-label={field.title}
      aria-describedby={`${id}-about`}
    >
      {all.map((option, index) => (
        <label key={option}>
          <input
            type="checkbox"
            id={index ? undefined : id}
            checked={chosen.has(option)}
            onChange={() => toggle(option)}
          />
          {option}
        </label>
      ))}
    </div>
  );
}

/** Values that can be added, removed and moved. */
function Several({ field, items, onChange, faults, id }: IControlOfField): JSX.Element {
  const { trans } = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const [wanted, setWanted] = React.useState<number | null>(null);
  React.useEffect(() => {
    if (wanted !== null) {
      frame.current?.querySelector<HTMLElement>(`[id="${idOf(id, wanted)}"]`)?.focus();
      setWanted(null);
    }
  }, [wanted, id]);
  const set = (next: readonly Item[]) => onChange(field.id, next);
  const remove = (index: number) => {
    const next = items.filter((_, at) => at !== index);
    set(next.length ? next : [text('')]);
    setWanted(Math.max(0, Math.min(index, next.length - 1)));
  };
  return (
    <div ref={frame} className="ccp-Field-several" role="group" aria-label={field.title}>
      {items.map((item, index) => (
        <div key={index} className="ccp-Field-value">
          <ValueControl
            field={field}
            value={item.kind === 'text' ? item.text : ''}
            onChange={value => set(items.map((each, at) => (at === index ? text(value) : each)))}
            id={idOf(id, index)}
            label={trans('%1, value %2', field.title, index + 1)}
            describedBy={`${id}-about`}
            invalid={faults.some(each => each.index === undefined || each.index === index)}
          />
          <Mover items={items} index={index} onChange={set} />
          <IconButton
            icon={closeIcon}
            label={trans('Remove value %1', index + 1)}
            disabled={items.length === 1 && item.kind === 'text' && item.text === ''}
            onClick={() => remove(index)}
          />
        </div>
      ))}
      {items.length < field.most && (
        <button
          type="button"
          className="ccp-Field-add"
          onClick={() => {
            set([...items, text('')]);
            setWanted(items.length);
          }}
        >
          <addIcon.react tag="span" elementSize="normal" />
          {trans('Add a value')}
        </button>
      )}
    </div>
  );
}

function idOf(id: string, index: number): string {
  return index ? `${id}-${index}` : id;
}
