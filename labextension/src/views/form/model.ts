/** The fields of an Execution form: made from the schemas of a Method's inputs. */

/** A schema as OGC's schema.yaml 1.0 has it; members that a form does not use are not named. */
export interface ISchema {
  type?: string;
  format?: string;
  contentMediaType?: string;
  contentEncoding?: string;
  enum?: unknown[];
  default?: unknown;
  example?: unknown;
  readOnly?: boolean;
  nullable?: boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: ISchema;
  oneOf?: unknown[];
  anyOf?: unknown[];
  allOf?: unknown[];
}

/** An input as a Method describes it. */
export interface IDescriptor {
  title?: string;
  description?: string;
  minOccurs?: number;
  maxOccurs?: number | 'unbounded';
  schema?: ISchema;
}

export type Control =
  | 'text'
  | 'lines'
  | 'number'
  | 'checkbox'
  | 'date'
  | 'datetime'
  | 'time'
  | 'email'
  | 'url'
  | 'runtime'
  | 'file'
  | 'secret'
  | 'radio'
  | 'select'
  | 'checklist'
  | 'code'
  | 'map'
  | 'json'
  | 'fixed';

/** One field of the form. */
export interface IField {
  id: string;
  title: string;
  description: string;
  control: Control;
  /** Of one value. */
  schema: ISchema;
  required: boolean;
  /** Whether it takes several values. */
  many: boolean;
  least: number;
  /** Infinity for no limit. */
  most: number;
  /** Several values that are one array to the Method, not values of their own. */
  isArray: boolean;
  /** Texts of the values to choose from. */
  options: readonly string[];
  /** Whether it says how the Method runs (`ccpmaxtime`), not what on. */
  steering: boolean;
  /** Whether a file's inline value is its text itself, not base64. */
  asText: boolean;
  default: unknown;
}

const MOST_RADIOS = 4;
const LONG = 200;
const FILE_FORMATS = ['file', 'remotefile'];
const BINARY_ENCODINGS = ['base64', 'binary'];
const SCALARS = ['string', 'number', 'integer', 'boolean'];
const STEERING = /^ccp[a-z]+$/;
const STEERING_NUMBERS = [
  'ccpmaxtime',
  'ccpreplicas',
  'ccpcpus',
  'ccpmemory',
  'ccpgpus',
  'ccppriority'
];

/** The fields of a form, in the Method's order. */
export function fieldsOf(inputs: Readonly<Record<string, unknown>>): IField[] {
  return Object.entries(inputs).flatMap(([id, each]) =>
    each && typeof each === 'object' ? [fieldOf(id, each as IDescriptor)] : []
  );
}

export function fieldOf(id: string, descriptor: IDescriptor): IField {
  const whole = descriptor.schema ?? {};
  const least = descriptor.minOccurs ?? 1;
  const most = descriptor.maxOccurs === 'unbounded' ? Infinity : (descriptor.maxOccurs ?? 1);
  const isArray = most === 1 && isListOfScalars(whole);
  // One array of plain values is filled in as several values are.
  const schema = isArray ? { ...whole.items, readOnly: whole.readOnly } : whole;
  const many = most !== 1 || isArray;
  const field = {
    id,
    title: descriptor.title || id,
    description: descriptor.description ?? '',
    schema,
    required: least > 0,
    many,
    least: isArray ? (whole.minItems ?? Math.min(least, 1)) : least,
    most: isArray ? (whole.maxItems ?? Infinity) : most,
    isArray,
    steering: STEERING.test(id),
    asText: isTextFile(schema),
    default: whole.default ?? undefined
  };
  const control = controlOf(field);
  return {
    ...field,
    control,
    required: field.required && control !== 'fixed',
    options: optionsOf(control, schema)
  };
}

function isListOfScalars(schema: ISchema): boolean {
  return schema.type === 'array' && SCALARS.includes(schema.items?.type ?? '');
}

function isTextFile(schema: ISchema): boolean {
  const encoding = (schema.contentEncoding ?? 'base64').toLowerCase();
  return !BINARY_ENCODINGS.includes(encoding) && schema.format !== 'remotefile';
}

export function isFile(schema: ISchema): boolean {
  const encoding = (schema.contentEncoding ?? '').toLowerCase();
  return BINARY_ENCODINGS.includes(encoding) || FILE_FORMATS.includes(schema.format ?? '');
}

function controlOf(field: Omit<IField, 'control' | 'options'>): Control {
  const { schema } = field;
  if (schema.format === 'secret') {
    return 'secret';
  }
  if (schema.readOnly) {
    return 'fixed';
  }
  if (isFile(schema)) {
    return 'file';
  }
  if (schema.enum?.length) {
    return field.many ? 'checklist' : choiceOf(schema.enum, field.required);
  }
  const isComplex = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (schema.type === 'object' || schema.type === 'array' || isComplex) {
    return schema.format === 'geo' ? 'map' : 'json';
  }
  if (schema.type === 'boolean' || schema.format === 'boolean') {
    const needsNone = !field.required && field.default === undefined;
    return needsNone || field.many ? 'select' : 'checkbox';
  }
  const isNumber = schema.type === 'number' || schema.type === 'integer';
  if (isNumber || schema.format === 'number' || STEERING_NUMBERS.includes(field.id)) {
    return 'number';
  }
  return field.id === 'ccpimage' || schema.format === 'ccpimage' ? 'runtime' : textOf(field);
}

function choiceOf(values: readonly unknown[], required: boolean): Control {
  return required && values.length <= MOST_RADIOS ? 'radio' : 'select';
}

const FORMATS: Readonly<Record<string, Control>> = {
  date: 'date',
  dateTime: 'datetime',
  'date-time': 'datetime',
  time: 'time',
  url: 'url',
  uri: 'url',
  email: 'email',
  code: 'code',
  geo: 'map'
};

function textOf({ id, schema, default: value }: Omit<IField, 'control' | 'options'>): Control {
  const format = FORMATS[schema.format ?? ''];
  if (format) {
    return format;
  }
  const isLong = typeof value === 'string' && (value.includes('\n') || value.length > LONG);
  return isLong || id === 'ccpnote' || (schema.maxLength ?? 0) > LONG ? 'lines' : 'text';
}

function optionsOf(control: Control, schema: ISchema): string[] {
  if (control !== 'radio' && control !== 'select' && control !== 'checklist') {
    return [];
  }
  return [...new Set((schema.enum?.length ? schema.enum : [true, false]).map(textFor))];
}

/** How a plain value stands in a field: text as it is, everything else as JSON. */
export function textFor(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** `ITools.trans`. */
export type Trans = (text: string, ...args: (string | number)[]) => string;

/** The limits of a field in words, for below it. */
export function rulesOf(field: IField, trans: Trans): string[] {
  const { schema, many, least, most } = field;
  const found: string[] = [];
  const { minimum, maximum } = schema;
  if (minimum !== undefined) {
    const text = schema.exclusiveMinimum ? trans('more than %1', minimum) : '';
    found.push(text || trans('at least %1', minimum));
  }
  if (maximum !== undefined) {
    const text = schema.exclusiveMaximum ? trans('less than %1', maximum) : '';
    found.push(text || trans('at most %1', maximum));
  }
  if (schema.multipleOf !== undefined) {
    found.push(trans('a multiple of %1', schema.multipleOf));
  }
  if (schema.minLength) {
    found.push(trans('at least %1 characters', schema.minLength));
  }
  if (schema.maxLength !== undefined) {
    found.push(trans('at most %1 characters', schema.maxLength));
  }
  if (schema.pattern) {
    found.push(trans('like %1', schema.pattern));
  }
  if (many) {
    found.push(countsOf(least, most, trans));
  }
  return found;
}

function countsOf(least: number, most: number, trans: Trans): string {
  if (most === Infinity) {
    return least > 1 ? trans('at least %1 values', least) : trans('any number of values');
  }
  if (least === most) {
    return trans('%1 values', most);
  }
  return least ? trans('from %1 to %2 values', least, most) : trans('up to %1 values', most);
}
