import {
  addIcon,
  caretDownIcon,
  caretRightIcon,
  deleteIcon,
  duplicateIcon,
  HTMLSelect,
  moveDownIcon,
  moveUpIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton } from '../../parts';
import { useTools } from '../../react';
import { FieldForm } from './fieldForm';
import { kindNames } from './words';
import { kindOf } from './kinds';
import { add, duplicate, FieldList, freeId, IField, move, newField, remove } from './model';
import { Section, useEditing } from './parts';

/** Inputs or outputs: opened one by one, sorted by dragging or by Alt and the arrow keys. */
export function Fields({ where }: { where: FieldList }): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const fields = draft[where];
  const [open, setOpen] = React.useState<ReadonlySet<string>>(new Set());
  const [said, setSaid] = React.useState('');
  const list = React.useRef<HTMLUListElement>(null);
  const isInputs = where === 'inputs';
  const toggle = (key: string) => {
    const next = new Set(open);
    if (!next.delete(key)) {
      next.add(key);
    }
    setOpen(next);
  };
  const append = (field: IField) => {
    change(old => add(old, where, field));
    focusSoon(list, field.key, '.ccp-EditorFieldRow-open');
  };
  const begin = () => {
    const field = newField(freeId(fields, isInputs ? 'input' : 'output'));
    append(field);
    setOpen(new Set([...open, field.key]));
    focusSoon(list, field.key, 'input');
  };
  const moveTo = (field: IField, to: number) => {
    const at = Math.max(0, Math.min(fields.length - 1, to));
    change(old => move(old, where, field.key, at));
    setSaid(trans('%1 is number %2 of %3 now.', field.id, at + 1, fields.length));
    focusSoon(list, field.key, '.ccp-EditorFieldRow-open');
  };
  const drag = useDrag(fields, moveTo);
  const shown = fields.filter(({ id }) => !(isInputs && id === 'ccpimage'));
  const own = problems.filter(p => p.list === where && shown.some(({ key }) => key === p.key));
  return (
    <Section
      title={isInputs ? trans('Inputs') : trans('Outputs')}
      count={shown.length}
      problems={own.length}
    >
      {!shown.length && (
        <p className="ccp-secondary ccp-mod-wide">
          {isInputs
            ? trans('What users give: values and files. Scripts get them as {{ id }}.')
            : trans('What comes back. Files that are not listed here come back too.')}
        </p>
      )}
      <ul
        ref={list}
        className="ccp-EditorFields ccp-mod-wide"
        aria-label={isInputs ? trans('Inputs') : trans('Outputs')}
        {...drag.list}
      >
        {shown.map(field => (
          <Row
            key={field.key}
            where={where}
            field={field}
            open={open.has(field.key)}
            problems={problems.filter(p => p.key === field.key).length}
            place={fields.indexOf(field)}
            first={field === shown[0]}
            last={field === shown[shown.length - 1]}
            toggle={() => toggle(field.key)}
            moveTo={to => moveTo(field, to)}
            drag={drag}
          />
        ))}
      </ul>
      <div className="ccp-EditorFields-add ccp-mod-wide">
        <button type="button" className="jp-mod-styled" onClick={begin}>
          <addIcon.react tag="span" elementSize="normal" />
          {isInputs ? trans('Add input') : trans('Add output')}
        </button>
        {isInputs ? <AddControl append={append} /> : <AddStreams append={append} />}
      </div>
      <div className="ccp-Editorhidden" role="status">
        {said}
      </div>
    </Section>
  );
}

type Drag = ReturnType<typeof useDrag>;

function Row({
  where,
  field,
  open,
  problems,
  place,
  first,
  last,
  toggle,
  moveTo,
  drag
}: {
  where: FieldList;
  field: IField;
  open: boolean;
  problems: number;
  place: number;
  first: boolean;
  last: boolean;
  toggle: () => void;
  moveTo: (to: number) => void;
  drag: Drag;
}): JSX.Element {
  const { trans, transN } = useTools();
  const { change } = useEditing();
  const name = field.id || trans('(no id)');
  return (
    <li
      className="ccp-EditorFieldRow"
      data-key={field.key}
      data-drop={drag.over?.key === field.key ? drag.over.side : undefined}
    >
      <div className="ccp-EditorFieldRow-head">
        <span
          className="ccp-EditorFieldRow-grip"
          draggable
          title={trans('Drag to sort, or press Alt and an arrow key')}
          onDragStart={event => drag.start(event, field.key)}
          onDragEnd={drag.end}
        >
          ⠿
        </span>
        <button
          type="button"
          className="ccp-EditorFieldRow-open"
          aria-expanded={open}
          onClick={toggle}
          onKeyDown={event => {
            const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
            if (event.altKey && step) {
              event.preventDefault();
              event.stopPropagation();
              moveTo(place + step);
            }
          }}
        >
          {open ? <caretDownIcon.react tag="span" /> : <caretRightIcon.react tag="span" />}
          <code>{name}</code>
          <span className="ccp-EditorFieldRow-title">{field.title}</span>
          {problems > 0 && (
            <span className="ccp-EditorSection-problems">
              {transN('%1 problem', '%1 problems', problems)}
            </span>
          )}
          <span className="ccp-secondary">{summary(field, where, trans)}</span>
        </button>
        <span className="ccp-EditorFieldRow-buttons">
          <IconButton
            icon={moveUpIcon}
            label={trans('Move %1 up', name)}
            disabled={first}
            onClick={() => moveTo(place - 1)}
          />
          <IconButton
            icon={moveDownIcon}
            label={trans('Move %1 down', name)}
            disabled={last}
            onClick={() => moveTo(place + 1)}
          />
          <IconButton
            icon={duplicateIcon}
            label={trans('Duplicate %1', name)}
            onClick={() => change(old => duplicate(old, where, field.key))}
          />
          <IconButton
            icon={deleteIcon}
            label={trans('Remove %1', name)}
            onClick={() => change(old => remove(old, where, field.key))}
          />
        </span>
      </div>
      {open && <FieldForm where={where} field={field} />}
    </li>
  );
}

function summary(field: IField, where: FieldList, trans: (text: string) => string): string {
  const { minOccurs, maxOccurs, schema } = field;
  const kind = kindOf(schema);
  const words = [kindNames(trans)[kind] ?? String(schema.format)];
  if (maxOccurs !== 1) {
    words.push(maxOccurs === 'unbounded' ? trans('any number') : `≤ ${maxOccurs}`);
  }
  if (schema.readOnly) {
    words.push(trans('fixed'));
  } else if (minOccurs === 0 && where === 'inputs') {
    words.push(trans('optional'));
  }
  return words.join(', ');
}

/** Control inputs are ordinary inputs whose ids the service knows. */
function AddControl({ append }: { append: (field: IField) => void }): JSX.Element {
  const { trans } = useTools();
  const { draft } = useEditing();
  const all: readonly (readonly [string, string, Partial<IField>])[] = [
    ['ccpmaxtime', trans('Time limit, seconds'), { schema: { type: 'integer', minimum: 1 } }],
    ['ccpreplicas', trans('Replicas'), { schema: { type: 'integer', minimum: 1, default: 1 } }],
    ['ccpnote', trans('Note'), { schema: { type: 'string' } }],
    ['ccpcpus', trans('Cores'), { schema: { type: 'number' } }],
    ['ccpmemory', trans('Memory, GB'), { schema: { type: 'number' } }],
    ['ccpgpus', trans('GPUs'), { schema: { type: 'integer', minimum: 0 } }],
    ['ccppriority', trans('Priority'), { schema: { type: 'integer', default: 0 } }]
  ];
  const free = all.filter(([id]) => !draft.inputs.some(each => each.id === id));
  return (
    <HTMLSelect
      aria-label={trans('Add control input')}
      value=""
      onChange={event => {
        const found = free.find(([id]) => id === event.target.value);
        if (found) {
          const [id, title, members] = found;
          append(newField(id, { title, minOccurs: 0, ...members }));
        }
      }}
    >
      <option value="">{trans('Add control input…')}</option>
      {free.map(([id, title]) => (
        <option key={id} value={id}>
          {`${title} (${id})`}
        </option>
      ))}
    </HTMLSelect>
  );
}

function AddStreams({ append }: { append: (field: IField) => void }): JSX.Element {
  const { trans } = useTools();
  const { draft } = useEditing();
  const streams = [
    ['stdout', trans('Standard output'), '/std_out'],
    ['stderr', trans('Standard error'), '/std_err']
  ] as const;
  return (
    <>
      {streams.map(([id, title, href]) => (
        <button
          key={id}
          type="button"
          className="jp-mod-styled"
          disabled={draft.outputs.some(each => each.id === id)}
          title={trans('What the scripts print')}
          onClick={() =>
            append(
              newField(id, {
                title,
                metadata: [{ role: 'file', title: id, href }],
                schema: { type: 'string', contentMediaType: 'text/plain' }
              })
            )
          }
        >
          {trans('Add %1', id)}
        </button>
      ))}
    </>
  );
}

/** Sorting by mouse. The list moves nothing until the drop, so that nothing jumps. */
function useDrag(fields: readonly IField[], moveTo: (field: IField, to: number) => void) {
  const dragged = React.useRef<string | null>(null);
  const [over, setOver] = React.useState<{ key: string; side: 'before' | 'after' } | null>(null);
  const end = () => {
    dragged.current = null;
    setOver(null);
  };
  const rowAt = (event: React.DragEvent) => {
    const row = (event.target as Element).closest<HTMLElement>('.ccp-EditorFieldRow');
    const box = row?.getBoundingClientRect();
    const key = row?.dataset.key;
    return key && box
      ? { key, side: event.clientY < box.top + box.height / 2 ? 'before' : 'after' }
      : null;
  };
  return {
    over,
    end,
    start: (event: React.DragEvent, key: string) => {
      dragged.current = key;
      event.dataTransfer.effectAllowed = 'move';
      event.dataTransfer.setData('application/x-ccp-field', key);
      const row = (event.target as Element).closest('.ccp-EditorFieldRow');
      if (row) {
        event.dataTransfer.setDragImage(row, 8, 8);
      }
    },
    list: {
      onDragOver: (event: React.DragEvent) => {
        const at = rowAt(event);
        if (dragged.current && at) {
          event.preventDefault();
          event.stopPropagation();
          setOver(at as typeof over);
        }
      },
      onDrop: (event: React.DragEvent) => {
        const at = rowAt(event);
        const field = fields.find(({ key }) => key === dragged.current);
        if (field && at) {
          event.preventDefault();
          event.stopPropagation();
          const others = fields.filter(each => each !== field);
          const to = others.findIndex(({ key }) => key === at.key);
          if (to >= 0) {
            moveTo(field, to + (at.side === 'after' ? 1 : 0));
          }
        }
        end();
      }
    }
  };
}

/** Put the focus into a row after it was drawn. */
function focusSoon(list: React.RefObject<HTMLElement>, key: string, selector: string): void {
  requestAnimationFrame(() =>
    list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"] ${selector}`)?.focus()
  );
}
