import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';
import { useTools } from '../react';

/** A search field; what is typed reaches `onChange` at once. */
export function Search({
  label,
  value,
  onChange
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <input
      type="search"
      className="jp-mod-styled ccp-Search"
      data-ccp-focus
      placeholder={label}
      aria-label={label}
      value={value}
      onChange={event => onChange(event.target.value)}
    />
  );
}

/**
 * A list of which only the rows in sight are drawn, however many there are.
 *
 * It is a tree for assistive technology, with the tree's keys: arrows, Home and End move the focus.
 */
export function VirtualList<T>({
  items,
  keyOf,
  render,
  label,
  placeOf,
  estimate = 28,
  onKey,
  onDouble,
  current,
  onCurrent
}: {
  items: readonly T[];
  keyOf: (item: T) => string;
  render: (item: T, focused: boolean) => React.ReactNode;
  label: string;
  /** Where a row stands in the tree; rows with others below them say whether these are shown. */
  placeOf?: (item: T) => { level: number; expanded?: boolean };
  /** Height of a row before it was drawn, pixels. */
  estimate?: number;
  /** Called with keys that the list does not use itself. */
  onKey?: (item: T, event: React.KeyboardEvent) => void;
  /** Called when a row is clicked twice. */
  onDouble?: (item: T) => void;
  /** Key of the row that somebody else chose; it is brought into sight. */
  current?: string;
  /** Called when the focus comes to a row. */
  onCurrent?: (item: T) => void;
}): JSX.Element {
  const { trans } = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const [focus, setFocus] = React.useState(0);
  const at = Math.min(focus, Math.max(0, items.length - 1));
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => frame.current,
    estimateSize: () => estimate,
    getItemKey: index => keyOf(items[index]),
    overscan: 8
  });
  React.useEffect(() => {
    const index = current === undefined ? -1 : items.findIndex(each => keyOf(each) === current);
    if (index >= 0) {
      setFocus(index);
      virtual.scrollToIndex(index);
    }
    // Not when the items change: the list would jump under the user's hand.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [current]);
  const move = (to: number) => {
    const next = Math.max(0, Math.min(items.length - 1, to));
    setFocus(next);
    virtual.scrollToIndex(next);
    requestAnimationFrame(() =>
      frame.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus()
    );
  };
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 10,
    PageUp: at - 10,
    Home: 0,
    End: items.length - 1
  };
  return (
    <div ref={frame} className="ccp-List" role="tree" aria-label={label}>
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map(row => (
          <div
            key={row.key}
            ref={virtual.measureElement}
            data-index={row.index}
            className="ccp-List-row"
            role="treeitem"
            aria-selected={row.index === at}
            aria-level={placeOf?.(items[row.index]).level}
            aria-expanded={placeOf?.(items[row.index]).expanded}
            aria-setsize={items.length}
            aria-posinset={row.index + 1}
            tabIndex={row.index === at ? 0 : -1}
            style={{ transform: `translateY(${row.start}px)` }}
            onFocus={event => {
              setFocus(row.index);
              if (event.target === event.currentTarget) {
                onCurrent?.(items[row.index]);
              }
            }}
            onDoubleClick={() => onDouble?.(items[row.index])}
            onKeyDown={event => {
              if (event.target !== event.currentTarget) {
                return;
              }
              if (event.key in steps) {
                event.preventDefault();
                move(steps[event.key]);
              } else {
                onKey?.(items[row.index], event);
              }
            }}
          >
            {render(items[row.index], row.index === at)}
          </div>
        ))}
      </div>
      {items.length === 0 && <p className="ccp-secondary">{trans('Nothing matches.')}</p>}
    </div>
  );
}
