import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton } from '../../parts';
import { useTools } from '../../react';
import type { Item } from './values';

/** Buttons that move one of several values. */
export function Mover({
  items,
  index,
  onChange
}: {
  items: readonly Item[];
  index: number;
  onChange: (items: readonly Item[]) => void;
}): JSX.Element | null {
  const { trans } = useTools();
  if (items.length < 2) {
    return null;
  }
  const move = (to: number) => {
    const next = [...items];
    next.splice(to, 0, ...next.splice(index, 1));
    onChange(next);
  };
  return (
    <>
      <IconButton
        icon={caretUpIcon}
        label={trans('Move value %1 up', index + 1)}
        disabled={index === 0}
        onClick={() => move(index - 1)}
      />
      <IconButton
        icon={caretDownIcon}
        label={trans('Move value %1 down', index + 1)}
        disabled={index === items.length - 1}
        onClick={() => move(index + 1)}
      />
    </>
  );
}
