import * as React from 'react';
import { useTools } from '../../react';
import {
  FORMATS,
  KINDS,
  kindOf,
  MEDIA_TYPES,
  TYPES,
  typedOf,
  valueOf,
  withKind,
  withSchema
} from './kinds';
import { edit, FieldList, IField, Members, rename } from './model';
import { AreaField, CheckField, ChoiceField, Problems, TextField, useEditing } from './parts';
import { kindNames } from './words';

interface IPart {
  field: IField;
  /** Rules that a member of the field breaks. */
  rules: (member: string) => string[];
  set: (members: Partial<IField>) => void;
  setSchema: (members: Members) => void;
}

/** Everything about one input or output. */
export function FieldForm({ where, field }: { where: FieldList; field: IField }): JSX.Element {
  const { trans } = useTools();
  const { change, problems } = useEditing();
  const own = problems.filter(p => p.key === field.key);
  const set = (members: Partial<IField>) => change(old => edit(old, where, field.key, members));
  const part: IPart = {
    field,
    set,
    setSchema: members => set(withSchema(field, members)),
    rules: member => own.filter(p => p.at === member).map(p => p.rule)
  };
  const kind = kindOf(field.schema);
  const names = kindNames(trans);
  const kinds = [...KINDS.map(({ id }) => id), ...(kind === 'other' ? ['other'] : [])];
  return (
    <div className="ccp-EditorFieldForm">
      <TextField
        label={trans('Id')}
        code
        value={field.id}
        problems={[...part.rules('id'), ...part.rules('')]}
        onChange={id =>
          where === 'inputs' ? change(old => rename(old, field.key, id)) : set({ id })
        }
      />
      <TextField
        label={trans('Title')}
        value={field.title}
        problems={part.rules('title')}
        onChange={title => set({ title })}
      />
      <AreaField
        label={trans('Description')}
        rows={1}
        value={field.description}
        problems={part.rules('description')}
        onChange={description => set({ description })}
      />
      <ChoiceField
        label={trans('Kind')}
        value={kind}
        choices={kinds.map(id => [id, names[id]] as const)}
        problems={[...part.rules('schema'), ...part.rules('schema.type')]}
        onChange={next => set(withKind(field, next))}
      />
      {where === 'outputs' && <OutputFile {...part} />}
      <Occurs {...part} />
      {where === 'inputs' && (kind === 'select' || kind === 'checklist') && <Choices {...part} />}
      {where === 'inputs' && <Default {...part} />}
      <Details {...part} where={where} />
    </div>
  );
}

/** The file that an output is taken from. */
function OutputFile({ field, set, rules }: IPart): JSX.Element {
  const { trans } = useTools();
  const at = field.metadata.findIndex(each => each.role === 'file');
  const href = field.metadata[at]?.href ?? '';
  const onChange = (next: string) => {
    const others = field.metadata.filter((_, index) => index !== at);
    const title = next.split('/').pop();
    const file = next ? [{ ...field.metadata[at], role: 'file', title, href: next }] : [];
    set({ metadata: [...others, ...file] });
  };
  return (
    <TextField
      label={trans('File')}
      code
      help={trans('Where the scripts leave it.')}
      placeholder="/ccp_data/result.csv"
      offers={['/std_out', '/std_err', `/ccp_data/${field.id}`]}
      value={href}
      problems={rules(`metadata[${at}].href`)}
      onChange={onChange}
    />
  );
}

/** How many values there may be. */
function Occurs({ field, set, rules }: IPart): JSX.Element {
  const { trans } = useTools();
  const { minOccurs, maxOccurs } = field;
  const whole = (text: string, least: number) => Math.max(least, Math.floor(Number(text) || 0));
  return (
    <div className="ccp-EditorOccurs">
      <TextField
        label={trans('Fewest values')}
        number={{ min: 0, step: 1 }}
        value={String(minOccurs)}
        problems={rules('minOccurs')}
        onChange={text => set({ minOccurs: whole(text, 0) })}
      />
      <TextField
        label={trans('Most values')}
        number={{ min: 1, step: 1 }}
        disabled={maxOccurs === 'unbounded'}
        value={maxOccurs === 'unbounded' ? '' : String(maxOccurs)}
        problems={rules('maxOccurs')}
        onChange={text => set({ maxOccurs: whole(text, 1) })}
      />
      <CheckField
        label={trans('No limit')}
        checked={maxOccurs === 'unbounded'}
        onChange={checked => set({ maxOccurs: checked ? 'unbounded' : Math.max(1, minOccurs) })}
      />
    </div>
  );
}

function Choices({ field, setSchema, rules, set }: IPart): JSX.Element {
  const { trans } = useTools();
  const choices = Array.isArray(field.schema.enum) ? field.schema.enum : [];
  return (
    <>
      <AreaField
        label={trans('Choices, one on each line')}
        rows={3}
        value={choices.map(typedOf).join('\n')}
        problems={rules('schema.enum')}
        onChange={text =>
          setSchema({
            enum: text ? text.split('\n').map(each => valueOf(each, field.schema)) : []
          })
        }
      />
      <ChoiceField
        label={trans('Users choose')}
        value={kindOf(field.schema)}
        choices={[
          ['select', trans('one')],
          ['checklist', trans('several')]
        ]}
        onChange={kind => set(withKind(field, kind))}
      />
    </>
  );
}

function Default({ field, setSchema, rules }: IPart): JSX.Element {
  const { trans } = useTools();
  const { schema } = field;
  const kind = kindOf(schema);
  const label = schema.readOnly ? trans('Value') : trans('Default');
  const problems = rules('schema.default');
  const many = field.maxOccurs !== 1;
  const set = (value: unknown) => setSchema({ default: value });
  const fixed = (
    <CheckField
      label={trans('Fixed: users cannot change it')}
      checked={schema.readOnly === true}
      onChange={checked => setSchema({ readOnly: checked || undefined })}
    />
  );
  if (kind === 'secret') {
    return (
      <div className="ccp-EditorField ccp-mod-wide">
        <span className="ccp-secondary">
          {trans('Kept in memory until the Execution ends, and never stored or shown.')}
        </span>
        <Problems problems={problems} />
      </div>
    );
  }
  const choices = kind === 'boolean' ? ['true', 'false'] : choicesOf(schema);
  if (choices && !many) {
    const all: [string, string][] = [
      ['', trans('none')],
      ...choices.map(each => [each, each] as [string, string])
    ];
    return (
      <>
        <ChoiceField
          label={label}
          value={typedOf(schema.default)}
          choices={all}
          problems={problems}
          onChange={text => set(text ? valueOf(text, schema) : undefined)}
        />
        {fixed}
      </>
    );
  }
  const values = Array.isArray(schema.default) ? schema.default : [schema.default ?? ''];
  const long = many || ['code', 'geo', 'object', 'array'].includes(kind);
  const typed = many ? values.map(typedOf).join('\n') : typedOf(schema.default);
  const onChange = (text: string) =>
    set(
      many
        ? text
          ? text.split('\n').map(each => valueOf(each, schema))
          : undefined
        : valueOf(text, schema)
    );
  return (
    <>
      {long ? (
        <AreaField
          label={many ? trans('%1, one value on each line', label) : label}
          code={!many}
          value={typed}
          problems={problems}
          onChange={onChange}
        />
      ) : (
        <TextField label={label} value={typed} problems={problems} onChange={onChange} />
      )}
      {fixed}
    </>
  );
}

function choicesOf(schema: Members): string[] | null {
  return Array.isArray(schema.enum) ? schema.enum.map(typedOf) : null;
}

/** Members of the schema as the standard has them, for those who want them so. */
function Details({ field, setSchema, rules, where }: IPart & { where: FieldList }): JSX.Element {
  const { trans } = useTools();
  const { schema } = field;
  const problems = (member: string) => rules(`schema.${member}`);
  const text = (member: string) => typedOf(schema[member]);
  return (
    <details className="ccp-EditorDetails">
      <summary>{trans('Type, format and bounds')}</summary>
      <div className="ccp-EditorFieldForm">
        <ChoiceField
          label={trans('Type')}
          value={text('type') || 'string'}
          choices={TYPES.map(each => [each, each] as const)}
          onChange={type => setSchema({ type })}
        />
        <TextField
          label={trans('Format')}
          offers={FORMATS}
          value={text('format')}
          problems={problems('format')}
          onChange={format => setSchema({ format })}
        />
        <TextField
          label={trans('Media type')}
          offers={MEDIA_TYPES}
          placeholder="text/plain"
          value={text('contentMediaType')}
          problems={problems('contentMediaType')}
          onChange={contentMediaType => setSchema({ contentMediaType })}
        />
        <ChoiceField
          label={trans('Encoding')}
          value={text('contentEncoding')}
          choices={encodings(text('contentEncoding'), trans('none'))}
          problems={problems('contentEncoding')}
          onChange={contentEncoding => setSchema({ contentEncoding })}
        />
        {where === 'inputs' && <Bounds field={field} setSchema={setSchema} rules={rules} />}
      </div>
    </details>
  );
}

function encodings(present: string, none: string): [string, string][] {
  const all = ['base64', 'binary', 'utf-8', present].filter(Boolean);
  return [['', none], ...[...new Set(all)].map(each => [each, each] as [string, string])];
}

function Bounds({ field, setSchema, rules }: Omit<IPart, 'set'>): JSX.Element {
  const { trans } = useTools();
  const { schema } = field;
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  const number = (member: string, label: string) => (
    <TextField
      key={member}
      label={label}
      number={{ step: 'any' }}
      value={typedOf(schema[member])}
      problems={rules(`schema.${member}`)}
      onChange={text => setSchema({ [member]: text === '' ? undefined : Number(text) })}
    />
  );
  if (isNumber) {
    return (
      <>
        {number('minimum', trans('Smallest'))}
        {number('maximum', trans('Largest'))}
        {number('multipleOf', trans('Multiple of'))}
        <CheckField
          label={trans('More than the smallest')}
          checked={schema.exclusiveMinimum === true}
          onChange={checked => setSchema({ exclusiveMinimum: checked || undefined })}
        />
        <CheckField
          label={trans('Less than the largest')}
          checked={schema.exclusiveMaximum === true}
          onChange={checked => setSchema({ exclusiveMaximum: checked || undefined })}
        />
      </>
    );
  }
  return (
    <>
      {number('minLength', trans('Fewest characters'))}
      {number('maxLength', trans('Most characters'))}
      <TextField
        label={trans('Pattern')}
        code
        help={trans('A regular expression (RE2).')}
        value={typedOf(schema.pattern)}
        problems={rules('schema.pattern')}
        onChange={pattern => setSchema({ pattern })}
      />
    </>
  );
}
