import {
  addIcon,
  fileUploadIcon,
  filterDotIcon,
  filterIcon,
  folderIcon,
  linkIcon,
  refreshIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import { Button, IconButton, Search } from '../../parts';
import { useTools } from '../../react';
import type { SortBy } from './catalogue';
import type { Source } from './terms';

/** What the list is asked for, and how to change each. */
export interface IFilters {
  search: string;
  category: string;
  author: string;
  sort: SortBy;
  set: (name: 'search' | 'category' | 'author' | 'sort', value: string) => void;
  categories: readonly string[];
  authors: readonly string[];
}

/** Everything above the list. */
export function Toolbar({
  filters,
  wide,
  refreshing,
  refresh,
  take,
  openArchive
}: {
  filters: IFilters;
  wide: boolean;
  refreshing: boolean;
  refresh: () => void;
  take: (sources: Source[]) => void;
  openArchive: () => void;
}): JSX.Element {
  const tools = useTools();
  const { trans } = tools;
  const [linking, setLinking] = React.useState(false);
  const [filtering, setFiltering] = React.useState(false);
  const filtered = Boolean(filters.category || filters.author);
  return (
    <div className="ccp-Methods-top">
      <div className="ccp-Toolbar" role="toolbar" aria-label={trans('Methods')}>
        <IconButton
          icon={addIcon}
          label={trans('New Method')}
          onClick={() => tools.open('editor', {})}
        />
        <Upload take={take} />
        <IconButton
          icon={linkIcon}
          label={trans('Import from a link')}
          pressed={linking}
          onClick={() => setLinking(!linking)}
        />
        <IconButton
          icon={folderIcon}
          label={trans('Import from the workspace')}
          onClick={openArchive}
        />
        <span className="ccp-Toolbar-spacer" />
        {!wide && (
          <IconButton
            icon={filtered ? filterDotIcon : filterIcon}
            label={trans('Filter and sort')}
            pressed={filtering}
            onClick={() => setFiltering(!filtering)}
          />
        )}
        <IconButton
          icon={refreshIcon}
          label={trans('Refresh')}
          disabled={refreshing}
          onClick={refresh}
        />
      </div>
      {linking && <LinkField take={take} close={() => setLinking(false)} />}
      <div className="ccp-Methods-filters">
        <Search
          label={trans('Search Methods')}
          value={filters.search}
          onChange={value => filters.set('search', value)}
        />
        {(wide || filtering) && <Selects filters={filters} />}
      </div>
    </div>
  );
}

function Selects({ filters }: { filters: IFilters }): JSX.Element {
  const { trans } = useTools();
  return (
    <>
      <Choice
        label={trans('Category')}
        value={filters.category}
        onChange={value => filters.set('category', value)}
        options={[['', trans('All categories')], ...pairs(filters.categories, filters.category)]}
      />
      <Choice
        label={trans('Author')}
        value={filters.author}
        onChange={value => filters.set('author', value)}
        options={[['', trans('All authors')], ...pairs(filters.authors, filters.author)]}
      />
      <Choice
        label={trans('Order')}
        value={filters.sort}
        onChange={value => filters.set('sort', value)}
        options={[
          ['name', trans('By name')],
          ['version', trans('Newest version first')]
        ]}
      />
    </>
  );
}

/** With the one that is wanted, also when no Method has it any more. */
function pairs(names: readonly string[], wanted: string): [string, string][] {
  const all = wanted && !names.includes(wanted) ? [...names, wanted] : names;
  return all.map(each => [each, each]);
}

function Choice({
  label,
  value,
  onChange,
  options
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly [string, string][];
}): JSX.Element {
  return (
    <select
      className="jp-mod-styled ccp-Choice"
      aria-label={label}
      title={label}
      value={value}
      onChange={event => onChange(event.target.value)}
    >
      {options.map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Upload({ take }: { take: (sources: Source[]) => void }): JSX.Element {
  const { trans } = useTools();
  const field = React.useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton
        icon={fileUploadIcon}
        label={trans('Upload Methods')}
        hint={trans('Upload Methods (JSON or zip)')}
        onClick={() => field.current?.click()}
      />
      <input
        ref={field}
        type="file"
        hidden
        multiple
        accept=".json,.zip,application/json,application/zip"
        aria-label={trans('Files with Methods')}
        onChange={event => {
          take(filesOf(event.target.files));
          // So that the same file can be taken once more.
          event.target.value = '';
        }}
      />
    </>
  );
}

export function filesOf(files: FileList | null): Source[] {
  return [...(files ?? [])].map(file => ({ kind: 'file', name: file.name, file }));
}

function LinkField({
  take,
  close
}: {
  take: (sources: Source[]) => void;
  close: () => void;
}): JSX.Element {
  const { trans } = useTools();
  const [href, setHref] = React.useState('');
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => field.current?.focus(), []);
  const wanted = href.trim();
  const submit = () => {
    if (wanted) {
      // Only the server: the rest of a link is a key.
      const name = URL.canParse(wanted) ? new URL(wanted).host : trans('Link');
      take([{ kind: 'link', name, href: wanted }]);
    }
  };
  const keys: Record<string, () => void> = { Enter: submit, Escape: close };
  return (
    <div className="ccp-Methods-link">
      <input
        ref={field}
        className="jp-mod-styled"
        aria-label={trans('Shareable link')}
        placeholder={trans('Shareable link, https://…')}
        value={href}
        onChange={event => setHref(event.target.value)}
        onKeyDown={event => keys[event.key]?.()}
      />
      <Button label={trans('Import')} disabled={!wanted} onClick={submit} />
    </div>
  );
}
