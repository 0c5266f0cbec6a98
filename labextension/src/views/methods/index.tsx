import * as React from 'react';
import { Button, Connection, Empty, ProblemBox, useWide, VirtualList } from '../../parts';
import { ask, reactView, useAction, useData, useSelection, useTools, useWorld } from '../../react';
import { pathOf } from '../../ask';
import { SharingDialog } from '../sharing';
import { IActions, useActions } from './actions';
import { ArchiveDialog } from './archive';
import { catalogue, chosen, IEntry, namesIn, Row, rowsOf, SortBy, sorted } from './catalogue';
import { useDrops } from './drops';
import { ImportNotes, useImports } from './importing';
import { GroupRow, MethodRow } from './row';
import { IFilters, Toolbar } from './toolbar';

/** Pixels from which on everything stands in one line. */
const WIDE = 640;

type Dialog = { name: 'archive' } | { name: 'share'; entry: IEntry } | null;

function MethodList(): JSX.Element {
  const { model } = useWorld();
  const frame = React.useRef<HTMLDivElement>(null);
  const wide = useWide(frame, WIDE);
  const [dialog, setDialog] = React.useState<Dialog>(null);
  const [, select] = useSelection<string | null>('selected', null);
  const { items, problem } = useData('methods');
  const { filters, entries, rows, toggle } = useRows();
  const imports = useImports(select);
  const share = React.useCallback((entry: IEntry) => setDialog({ name: 'share', entry }), []);
  const actions = useActions(share);
  const refresh = useAction(() =>
    Promise.all([
      ask(model, { command: 'refresh', what: 'methods' }),
      ask(model, { command: 'refresh', what: 'infrastructures' })
    ])
  );
  useDrops(frame, imports.start);
  return (
    <div ref={frame} className="ccp-MethodList" data-wide={wide}>
      <Connection />
      <Toolbar
        filters={filters}
        wide={wide}
        refreshing={refresh.busy}
        refresh={refresh.run}
        take={imports.start}
        openArchive={() => setDialog({ name: 'archive' })}
      />
      <ProblemBox problem={problem} again={refresh.run} />
      <ProblemBox problem={actions.problem} dismiss={actions.clear} />
      <ImportNotes imports={imports} />
      {items.length === 0 ? (
        <NoMethods />
      ) : (
        <Tree rows={rows} wide={wide} actions={actions} toggle={toggle} />
      )}
      <Foot shown={rows} all={entries.length} />
      {dialog?.name === 'share' && (
        <SharingDialog
          target={pathOf('processes', dialog.entry.id)}
          title={dialog.entry.title}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog?.name === 'archive' && (
        <ArchiveDialog take={source => imports.start([source])} onClose={() => setDialog(null)} />
      )}
    </div>
  );
}

/** What is to be shown; filtering waits while somebody types. */
function useRows(): {
  filters: IFilters;
  entries: readonly IEntry[];
  rows: readonly Row[];
  toggle: (category: string) => void;
} {
  const methods = useData('methods');
  const infrastructures = useData('infrastructures');
  const [search, setSearch] = useSelection('search', '');
  const [category, setCategory] = useSelection('category', '');
  const [author, setAuthor] = useSelection('author', '');
  const [sort, setSort] = useSelection<SortBy>('sort', 'name');
  const [collapsed, setCollapsed] = useSelection<string[]>('collapsed', NONE);
  const wanted = React.useDeferredValue(search);
  const entries = React.useMemo(
    () => catalogue(methods.items, infrastructures.items),
    [methods.items, infrastructures.items]
  );
  const ordered = React.useMemo(() => sorted(entries, sort), [entries, sort]);
  const found = React.useMemo(
    () => chosen(ordered, { search: wanted, category, author }),
    [ordered, wanted, category, author]
  );
  const rows = React.useMemo(
    // What was looked for is not hidden in a closed category.
    () => rowsOf(found, new Set(wanted ? [] : collapsed), category),
    [found, collapsed, wanted, category]
  );
  const [categories, authors] = React.useMemo(
    () => [namesIn(entries, 'categories'), namesIn(entries, 'authors')],
    [entries]
  );
  const setters = {
    search: setSearch,
    category: setCategory,
    author: setAuthor,
    sort: (value: string) => setSort(value as SortBy)
  };
  const filters: IFilters = {
    ...{ search, category, author, sort, categories, authors },
    set: (name, value) => setters[name](value)
  };
  const toggle = React.useCallback(
    (name: string) =>
      setCollapsed(
        collapsed.includes(name) ? collapsed.filter(each => each !== name) : [...collapsed, name]
      ),
    [collapsed, setCollapsed]
  );
  return { filters, entries, rows, toggle };
}

const NONE: string[] = [];

function Tree({
  rows,
  wide,
  actions,
  toggle
}: {
  rows: readonly Row[];
  wide: boolean;
  actions: IActions;
  toggle: (category: string) => void;
}): JSX.Element {
  const { trans } = useTools();
  const [selected, select] = useSelection<string | null>('selected', null);
  // A Method may stand in several categories: the row where the focus is stays the current one.
  const [focused, setFocused] = React.useState('');
  const current = React.useMemo(() => {
    const its = rows.filter(each => each.kind === 'method' && each.entry.id === selected);
    return (its.find(each => each.key === focused) ?? its[0])?.key;
  }, [rows, selected, focused]);
  const onKey = (row: Row, event: React.KeyboardEvent) => {
    const { key } = event;
    if (row.kind === 'method') {
      onMethodKey(row.entry, event, actions);
    } else if (
      ['Enter', ' '].includes(key) ||
      (key === 'ArrowLeft' && row.expanded) ||
      (key === 'ArrowRight' && !row.expanded)
    ) {
      event.preventDefault();
      toggle(row.category);
    }
  };
  return (
    <VirtualList
      label={trans('Methods')}
      items={rows}
      keyOf={each => each.key}
      placeOf={each =>
        each.kind === 'group' ? { level: 1, expanded: each.expanded } : { level: 2 }
      }
      estimate={wide ? 62 : 64}
      current={current}
      onCurrent={row => {
        if (row.kind === 'method') {
          setFocused(row.key);
          select(row.entry.id);
        }
      }}
      onKey={onKey}
      onDouble={row => row.kind === 'method' && actions.open(row.entry)}
      render={(row, focus) =>
        row.kind === 'group' ? (
          <GroupRow group={row} focused={focus} wide={wide} toggle={toggle} />
        ) : (
          <MethodRow entry={row.entry} actions={actions} focused={focus} wide={wide} />
        )
      }
    />
  );
}

/** Enter opens the form, Delete deletes, where that may be. */
function onMethodKey(entry: IEntry, event: React.KeyboardEvent, actions: IActions): void {
  if (event.key === 'Enter') {
    event.preventDefault();
    actions.open(entry);
  }
  if (event.key === 'Delete') {
    actions
      .of(entry)
      .find(each => each.name === 'delete')
      ?.run();
  }
}

function Foot({ shown, all }: { shown: readonly Row[]; all: number }): JSX.Element | null {
  const { trans, transN } = useTools();
  const found = new Set(shown.flatMap(each => (each.kind === 'method' ? [each.entry.id] : [])));
  const hidden = shown.some(each => each.kind === 'group' && !each.expanded);
  if (!all) {
    return null;
  }
  return (
    <div className="ccp-Methods-foot ccp-secondary" role="status">
      {found.size === all || hidden
        ? transN('%1 Method', '%1 Methods', all)
        : trans('%1 of %2 Methods', found.size, all)}
    </div>
  );
}

function NoMethods(): JSX.Element {
  const { trans, open } = useTools();
  const { state } = useData('methods');
  if (state === 'loading') {
    return <p className="ccp-Empty ccp-secondary">{trans('Loading…')}</p>;
  }
  if (state === 'failed') {
    return <></>;
  }
  return (
    <Empty title={trans('No Methods yet')}>
      <p>{trans('Describe a computation once, and run it as often as you like.')}</p>
      <Button kind="accept" label={trans('New Method')} onClick={() => open('editor', {})} />
      <p className="ccp-secondary">{trans('Or upload a file, or import one from a link.')}</p>
    </Empty>
  );
}

export default reactView(MethodList);
