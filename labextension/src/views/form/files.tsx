/** Files as values: from the workspace, from the user's computer, or by link. */

import {
  closeIcon,
  fileIcon,
  fileUploadIcon,
  folderIcon,
  linkIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton, size } from '../../parts';
import { useTools } from '../../react';
import { tooLarge } from './checks';
import type { IField } from './model';
import { Mover } from './mover';
import type { FileItem, Item } from './values';

interface IFiles {
  field: IField;
  items: readonly Item[];
  onChange: (items: readonly Item[]) => void;
  id: string;
  describedBy?: string;
  /** Of one file, bytes. */
  mostBytes: number;
}

export function FilesControl(props: IFiles): JSX.Element {
  const { field, items, onChange, describedBy } = props;
  const { onFileDrop } = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const { add, take, problem } = useAdding(props);
  const addPaths = React.useRef<(paths: string[]) => void>(() => undefined);
  addPaths.current = paths => add(paths.map(path => ({ kind: 'workspace', path })));
  React.useEffect(() => onFileDrop(frame.current!, paths => addPaths.current(paths)), [onFileDrop]);
  return (
    <div
      ref={frame}
      className="ccp-Files"
      role="group"
      aria-label={field.title}
      aria-describedby={describedBy}
      onDragOver={event => {
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          event.stopPropagation();
        }
      }}
      onDrop={event => {
        if (event.dataTransfer.files.length) {
          event.preventDefault();
          event.stopPropagation();
          void take([...event.dataTransfer.files]);
        }
      }}
    >
      {items.map((item, index) => (
        <div key={index} className="ccp-Files-item">
          <FileRow
            item={item as FileItem}
            field={field}
            onChange={next => onChange(items.map((each, at) => (at === index ? next : each)))}
            remove={() => onChange(items.filter((_, at) => at !== index))}
          />
          {field.many && <Mover items={items} index={index} onChange={onChange} />}
        </div>
      ))}
      {(items.length === 0 || (field.many && items.length < field.most)) && (
        <Sources {...props} add={add} take={take} />
      )}
      {problem && (
        <p className="ccp-Field-fault" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** Ways to come to a file. */
function Sources({
  field,
  id,
  add,
  take
}: IFiles & { add: (items: FileItem[]) => void; take: (files: File[]) => void }): JSX.Element {
  const { trans, chooseFile } = useTools();
  const input = React.useRef<HTMLInputElement>(null);
  const fromWorkspace = async () => {
    const path = await chooseFile(trans('Choose a file for "%1"', field.title));
    if (path !== null) {
      add([{ kind: 'workspace', path }]);
    }
  };
  const sources = [
    { label: trans('Workspace…'), icon: folderIcon, onClick: () => void fromWorkspace() },
    { label: trans('Upload…'), icon: fileUploadIcon, onClick: () => input.current?.click() },
    { label: trans('Link'), icon: linkIcon, onClick: () => add([{ kind: 'link', href: '' }]) }
  ];
  return (
    <div className="ccp-Files-sources">
      {sources.map(({ label, icon, onClick }, index) => (
        <button
          key={label}
          id={index ? undefined : id}
          type="button"
          className="ccp-Files-source"
          aria-label={`${field.title}: ${label}`}
          onClick={onClick}
        >
          <icon.react tag="span" elementSize="normal" />
          {label}
        </button>
      ))}
      <span className="ccp-secondary ccp-Files-hint">{trans('or drop a file here')}</span>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={trans('Upload for "%1"', field.title)}
        multiple={field.many}
        onChange={event => {
          take([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </div>
  );
}

function FileRow({
  item,
  field,
  onChange,
  remove
}: {
  item: FileItem;
  field: IField;
  onChange: (item: FileItem) => void;
  remove: () => void;
}): JSX.Element {
  const { trans, openFile } = useTools();
  const input = React.useRef<HTMLInputElement>(null);
  const isNew = item.kind === 'link' && item.href === '';
  React.useEffect(() => {
    if (isNew) {
      input.current?.focus();
    }
    // Only when the row appears.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  const close = <IconButton icon={closeIcon} label={trans('Remove')} onClick={remove} />;
  if (item.kind === 'link') {
    return (
      <>
        <linkIcon.react tag="span" elementSize="normal" />
        <input
          ref={input}
          className="jp-mod-styled ccp-Field-input"
          type="url"
          placeholder="https://"
          aria-label={trans('Link for "%1"', field.title)}
          value={item.href}
          onChange={event => onChange({ ...item, href: event.target.value.trim() })}
        />
        {close}
      </>
    );
  }
  return (
    <>
      <fileIcon.react tag="span" elementSize="normal" />
      {item.kind === 'workspace' ? (
        <button
          type="button"
          className="ccp-Files-name"
          title={trans('Open %1', item.path)}
          onClick={() => openFile(item.path)}
        >
          {item.path}
        </button>
      ) : (
        <span className="ccp-Files-name">
          {item.kind === 'upload' ? item.name : item.href.replace(/^inputs\//, '')}
        </span>
      )}
      <span className="ccp-secondary">
        {item.kind === 'upload' && size(item.size)}
        {item.kind === 'workspace' && trans('workspace')}
        {item.kind === 'earlier' && trans('from the earlier Execution')}
      </span>
      {close}
    </>
  );
}

/** Adding files, and what is wrong with those that are not taken. */
function useAdding({ field, items, onChange, mostBytes }: IFiles) {
  const { trans } = useTools();
  const [problem, setProblem] = React.useState('');
  const latest = React.useRef(items);
  latest.current = items;
  const add = (more: FileItem[]) => {
    setProblem('');
    onChange(field.many ? [...latest.current, ...more] : more.slice(0, 1));
  };
  const take = (files: File[]) => {
    const large = files.find(file => file.size > mostBytes);
    if (large) {
      setProblem(`${large.name}: ${tooLarge(mostBytes, trans)}`);
      return;
    }
    void Promise.all((field.many ? files : files.slice(0, 1)).map(uploaded)).then(add, () =>
      setProblem(trans('This file cannot be read. A folder has to be packed first.'))
    );
  };
  return { add, take, problem };
}

async function uploaded(file: File): Promise<FileItem> {
  const content = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
  return { kind: 'upload', name: file.name, size: file.size, type: file.type, content };
}
