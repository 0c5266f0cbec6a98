import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Button, IconButton } from '../../parts';
import { useTools } from '../../react';
import { withNames } from './sharing';

/** Names that were added one by one, each with a button that takes it away. */
export function Names({
  label,
  hint,
  names,
  onChange,
  known
}: {
  label: string;
  hint: string;
  names: readonly string[];
  onChange: (names: string[]) => void;
  /** Offered while one types. */
  known: readonly string[];
}): JSX.Element {
  const { trans } = useTools();
  const [typed, setTyped] = React.useState('');
  const id = React.useId();
  const field = React.useRef<HTMLInputElement>(null);
  const add = (text: string) => {
    onChange(withNames(names, text));
    setTyped('');
  };
  return (
    <div className="ccp-Names">
      <label htmlFor={id}>{label}</label>
      <div className="ccp-Names-add">
        <input
          id={id}
          ref={field}
          className="jp-mod-styled"
          list={`${id}-known`}
          value={typed}
          placeholder={hint}
          autoComplete="off"
          onChange={event => setTyped(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter' || event.key === ',') {
              event.preventDefault();
              add(typed);
            }
          }}
          // A name that was typed and not added would not be shared with.
          onBlur={() => typed.trim() && add(typed)}
        />
        <datalist id={`${id}-known`}>
          {known
            .filter(each => !names.includes(each))
            .map(each => (
              <option key={each} value={each} />
            ))}
        </datalist>
        <Button label={trans('Add')} disabled={!typed.trim()} onClick={() => add(typed)} />
      </div>
      {names.length > 0 && (
        <ul className="ccp-Names-list" aria-label={label}>
          {names.map(each => (
            <li key={each}>
              <span>{each}</span>
              <IconButton
                icon={closeIcon}
                label={trans('Remove %1', each)}
                onClick={() => {
                  onChange(names.filter(other => other !== each));
                  field.current?.focus();
                }}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
