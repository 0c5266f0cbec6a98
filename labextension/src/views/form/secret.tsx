import * as React from 'react';
import { useRead, useTools } from '../../react';
import { attributesOf, IControl } from './controls';
import { Item, text } from './values';

interface ISecrets {
  secrets: { name: string }[];
}

/** A secret: typed, which only this page keeps, or one of the user's own by its name. */
export function SecretControl({
  item,
  onItem,
  ...props
}: Omit<IControl, 'value' | 'onChange'> & {
  item?: Item;
  onItem: (item: Item | null) => void;
}): JSX.Element {
  const { trans } = useTools();
  const { value, problem } = useRead<ISecrets>('secrets');
  const names = (value?.secrets ?? []).map(each => each.name);
  const name = item?.kind === 'named' ? item.name : '';
  const all = name && !names.includes(name) ? [...names, name] : names;
  return (
    <>
      <div className="ccp-Field-row">
        {all.length > 0 && (
          <select
            className="jp-mod-styled"
            aria-label={trans('%1: where it comes from', props.field.title)}
            value={name}
            onChange={event =>
              onItem(event.target.value ? { kind: 'named', name: event.target.value } : null)
            }
          >
            <option value="">{trans('Type it')}</option>
            {all.map(each => (
              <option key={each} value={each}>
                {trans('My secret "%1"', each)}
              </option>
            ))}
          </select>
        )}
        {!name && (
          <input
            {...attributesOf({ ...props, value: '', onChange: () => undefined })}
            className="jp-mod-styled ccp-Field-input"
            type="password"
            autoComplete="new-password"
            value={item?.kind === 'text' ? item.text : ''}
            onChange={event => onItem(event.target.value ? text(event.target.value) : null)}
          />
        )}
      </div>
      <p className="ccp-Field-help ccp-secondary">
        {name
          ? trans('Only its name is sent; the service puts the value in.')
          : trans('Nobody keeps it: when this page is loaded again, it has to be typed again.')}
        {problem && ` ${trans('Your own secrets cannot be listed now: %1', problem.title)}`}
      </p>
    </>
  );
}
