import * as React from 'react';
import { Empty, ProblemBox, Search, VirtualList } from '../../parts';
import { useData, useTools } from '../../react';
import type { IMethodSummary } from '../../data';

/** Which Method shall run, where none was chosen yet. */
export function Chooser({
  onChoose
}: {
  onChoose: (id: string, title: string) => void;
}): JSX.Element {
  const { trans, open } = useTools();
  const { items, state, problem } = useData('methods');
  const [query, setQuery] = React.useState('');
  const found = React.useMemo(() => matching(items, query), [items, query]);
  if (state === 'ready' && items.length === 0) {
    return (
      <Empty title={trans('There is no Method yet')}>
        <button type="button" className="ccp-Link" onClick={() => open('editor', {})}>
          {trans('Describe a first one')}
        </button>
      </Empty>
    );
  }
  const choose = (method: IMethodSummary) => onChoose(method.id, method.title || method.id);
  return (
    <div className="ccp-Chooser">
      <h2 className="ccp-Form-heading">{trans('Which Method shall run?')}</h2>
      <ProblemBox problem={problem} />
      <Search label={trans('Search Methods')} value={query} onChange={setQuery} />
      <VirtualList
        label={trans('Methods')}
        items={found}
        keyOf={each => each.id}
        estimate={44}
        onKey={(method, event) => {
          if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            choose(method);
          }
        }}
        render={method => (
          // The row itself takes the keys.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
          <div className="ccp-Chooser-row" onClick={() => choose(method)}>
            <span className="ccp-Chooser-title">
              {method.title || method.id} <span className="ccp-secondary">{method.version}</span>
            </span>
            <span className="ccp-Chooser-about ccp-secondary">{method.description}</span>
          </div>
        )}
      />
    </div>
  );
}

/** Methods that have all words of a query somewhere. */
export function matching(
  methods: readonly IMethodSummary[],
  query: string
): readonly IMethodSummary[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const textOf = ({ id, title, description, keywords }: IMethodSummary) =>
    [title, id, description, ...(keywords ?? [])].join(' ').toLowerCase();
  const found = methods.filter(method => {
    const all = textOf(method);
    return words.every(word => all.includes(word));
  });
  return found.sort((a, b) => (a.title || a.id).localeCompare(b.title || b.id));
}
