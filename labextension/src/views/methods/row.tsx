import {
  caretDownIcon,
  caretRightIcon,
  downloadIcon,
  ellipsesIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IMenuEntry } from '../../contract';
import { IconButton, IconLink } from '../../parts';
import { useTools } from '../../react';
import type { IAction, IActions } from './actions';
import { ACTIONS, IEntry, IGroup } from './catalogue';

/** The heading of a category; kept while the list scrolls. */
export const GroupRow = React.memo(function GroupRow({
  group,
  focused,
  wide,
  toggle
}: {
  group: IGroup;
  focused: boolean;
  wide: boolean;
  toggle: (category: string) => void;
}): JSX.Element {
  const { trans, address } = useTools();
  const name = group.category || trans('No category');
  const Caret = group.expanded ? caretDownIcon : caretRightIcon;
  const count = trans('%1 of %2 can run', group.runnable, group.count);
  const query = new URLSearchParams({ category: group.category }).toString();
  return (
    <div className="ccp-Methods-group">
      {/* For the mouse; the row itself says that it is open, and takes the keys. */}
      <button
        type="button"
        tabIndex={-1}
        className="ccp-Methods-fold"
        onClick={event => {
          event.currentTarget.closest<HTMLElement>('[role=treeitem]')?.focus();
          toggle(group.category);
        }}
      >
        <Caret.react tag="span" elementSize="normal" />
        <span className="ccp-Methods-category" title={name}>
          {name}
        </span>
        <span className="ccp-secondary ccp-Methods-count" title={count}>
          <span aria-hidden={!wide}>{wide ? count : `${group.runnable}/${group.count}`}</span>
          {!wide && <span className="ccp-sr">{count}</span>}
        </span>
      </button>
      <IconLink
        icon={downloadIcon}
        label={trans('Download all of "%1"', name)}
        href={address(`processes/export?${query}`)}
        download
        tabIndex={focused ? 0 : -1}
      />
    </div>
  );
});

/**
 * One Method: as lines in a sidebar, with everything beside each other in the main area.
 *
 * Kept while the list scrolls. Buttons but the first are drawn where the pointer or the focus is:
 * seven in each row would be noise, and would make thousands of rows slow.
 */
export const MethodRow = React.memo(function MethodRow({
  entry,
  actions,
  focused,
  wide
}: {
  entry: IEntry;
  actions: IActions;
  focused: boolean;
  wide: boolean;
}): JSX.Element {
  const [pointed, setPointed] = React.useState(false);
  const offers = React.useMemo(() => actions.of(entry), [actions, entry]);
  const tools = useTools();
  const { description } = entry.summary;
  const drag = (event: React.DragEvent) => {
    event.dataTransfer.setData('application/x-ccp-method', entry.id);
    event.dataTransfer.setData('text/plain', entry.title);
    event.dataTransfer.effectAllowed = 'copy';
  };
  const menu = (event: React.MouseEvent) => {
    event.preventDefault();
    // JupyterLab would show its own above.
    event.stopPropagation();
    tools.menu(menuOf(offers), { x: event.clientX, y: event.clientY });
  };
  return (
    <div
      className="ccp-Method"
      draggable
      onDragStart={drag}
      onContextMenu={menu}
      onMouseEnter={() => setPointed(true)}
      onMouseLeave={() => setPointed(false)}
    >
      <div className="ccp-Method-texts">
        <div className="ccp-Method-title">
          <span title={entry.title}>{entry.title}</span>
          <span className="ccp-secondary">{entry.version}</span>
          {wide && <Author entry={entry} />}
        </div>
        {description && (
          <div className="ccp-secondary ccp-Method-description" title={description}>
            {description}
          </div>
        )}
        <div className="ccp-Method-facts" title={factsOf(entry)}>
          {!wide && <Author entry={entry} />}
          <Where entry={entry} />
          {entry.tags.map(each => (
            <span key={each} className="ccp-Tag">
              {each}
            </span>
          ))}
        </div>
      </div>
      {wide ? (
        <Buttons entry={entry} actions={offers} focused={focused} all={focused || pointed} />
      ) : (
        <ShortButtons entry={entry} actions={offers} focused={focused} />
      )}
    </div>
  );
});

/** All of them: in a sidebar the last ones are cut off. */
function factsOf({ authors, compatible, tags }: IEntry): string {
  const places = compatible.map(each => each.title);
  return [authors, places, tags]
    .filter(each => each.length)
    .map(each => each.join(', '))
    .join('\n');
}

function Author({ entry }: { entry: IEntry }): JSX.Element | null {
  const { trans } = useTools();
  return entry.authors.length ? (
    <span className="ccp-secondary ccp-Method-author" title={trans('Author')}>
      {entry.authors.join(', ')}
    </span>
  ) : null;
}

/** Infrastructures that a Method fits, and with whom it is shared. */
function Where({ entry }: { entry: IEntry }): JSX.Element {
  const { trans } = useTools();
  const words = { private: '', context: trans('Context'), public: trans('public') };
  return (
    <>
      {entry.builtIn && <span className="ccp-Method-where">{trans('built in')}</span>}
      {entry.compatible.map(each => (
        <span
          key={each.id}
          className="ccp-Method-where"
          data-available={each.available}
          title={each.available ? trans('Available') : trans('Not available now')}
        >
          {each.title}
          {!each.available && <> ({trans('not available')})</>}
        </span>
      ))}
      {entry.mine && words[entry.visibility] && (
        <span className="ccp-secondary">{words[entry.visibility]}</span>
      )}
    </>
  );
}

interface IButtons {
  entry: IEntry;
  actions: readonly IAction[];
  focused: boolean;
}

/** What is not there keeps its place empty, so that columns stay. */
function Buttons({
  entry,
  actions,
  focused,
  all
}: IButtons & {
  /** Or only what runs it. */
  all: boolean;
}): JSX.Element {
  return (
    <div className="ccp-Method-buttons">
      {ACTIONS.map(slot => {
        const action = actions.find(each => each.name === slot);
        return action && (all || slot === 'run') ? (
          <ActionButton key={slot} action={action} entry={entry} focused={focused} />
        ) : (
          <span key={slot} className="ccp-Method-slot" />
        );
      })}
    </div>
  );
}

/** Run, and a menu with the rest. */
function ShortButtons({ entry, actions, focused }: IButtons): JSX.Element {
  const tools = useTools();
  const button = React.useRef<HTMLSpanElement>(null);
  const run = actions.find(each => each.name === 'run');
  const open = () => {
    const { left, bottom } = button.current!.getBoundingClientRect();
    tools.menu(menuOf(actions), { x: left, y: bottom });
  };
  return (
    <div className="ccp-Method-buttons">
      {run && <ActionButton action={run} entry={entry} focused={focused} />}
      <span ref={button}>
        <IconButton
          icon={ellipsesIcon}
          label={tools.trans('More for "%1"', entry.title)}
          tabIndex={focused ? 0 : -1}
          onClick={open}
        />
      </span>
    </div>
  );
}

function ActionButton({
  action,
  entry,
  focused
}: {
  action: IAction;
  entry: IEntry;
  focused: boolean;
}): JSX.Element {
  const { trans } = useTools();
  return (
    <IconButton
      icon={action.icon}
      label={trans('%1: %2', action.label, entry.title)}
      hint={action.label}
      tabIndex={focused ? 0 : -1}
      onClick={action.run}
    />
  );
}

/** The same as menu entries; deleting stands apart. */
export function menuOf(actions: readonly IAction[]): IMenuEntry[] {
  return actions.map(({ name, icon, label, run }) => ({
    ...{ icon, label, run },
    separated: name === 'delete'
  }));
}
