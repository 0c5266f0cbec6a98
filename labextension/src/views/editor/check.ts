/** What is wrong with a draft: rules that need no service, and where a broken rule is shown. */

import type { IBrokenRule, ITools } from '../../contract';
import { kindOf } from './kinds';
import { IDraft, IField, FieldList, infrastructures, script, SCRIPTS, ScriptName } from './model';

export type Trans = ITools['trans'];

/** The same as the service's, so that what is marked here is what it would refuse. */
const VARIABLE =
  /\{\{[ \t]*([A-Za-z0-9_][A-Za-z0-9_.-]*)[ \t]*(?:\|[ \t]*[A-Za-z0-9_-]*[ \t]*)?\}\}/g;
const METHOD_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const FIELD_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;
const VERSION = /^v?\d{1,9}(\.\d{1,9}){0,2}([-+][0-9A-Za-z.+-]{1,60}){0,2}$/;

/** Variables of every script, beside the inputs. */
export const ALWAYS_KNOWN = ['ccptaskname', 'ccptaskid'];

export const CONTROL_INPUTS = [
  'ccpimage',
  'ccpmaxtime',
  'ccpreplicas',
  'ccpnote',
  'ccpcpus',
  'ccpmemory',
  'ccpgpus',
  'ccppriority'
] as const;

/**
 * Broken rules that can be told while somebody types.
 *
 * What is missing in a Method that was just begun is no mistake yet: only when it is `asked` for.
 */
export function localProblems(draft: IDraft, trans: Trans, asked: boolean): IBrokenRule[] {
  const found: IBrokenRule[] = [];
  const add = (member: string, rule: string) => found.push({ member, rule });
  if (asked && !draft.title.trim()) {
    add('title', trans('Give it a title, so that people find it.'));
  }
  if (!METHOD_ID.test(draft.id)) {
    add('id', trans('1 to 100 letters, digits and . _ -, beginning with a letter or digit.'));
  }
  if (!VERSION.test(draft.version)) {
    add('version', trans('Three numbers, as 1.0.0.'));
  }
  if (asked && !infrastructures(draft).length) {
    add('links', trans('Choose at least one Infrastructure to run it on.'));
  }
  if (!draft.inputs.some(({ id }) => id === 'ccpimage')) {
    add('inputs.ccpimage', trans('Every Method needs a Runtime: the container image.'));
  }
  for (const where of ['inputs', 'outputs'] as const) {
    draft[where].forEach((field, at) => {
      const member = `${where}[${at}]`;
      fieldProblems(draft, where, field, trans).forEach(each =>
        add(each.member ? `${member}.${each.member}` : member, each.rule)
      );
    });
  }
  SCRIPTS.forEach(name => found.push(...scriptProblems(draft, name, trans)));
  return found;
}

function fieldProblems(
  draft: IDraft,
  where: FieldList,
  field: IField,
  trans: Trans
): IBrokenRule[] {
  const found: IBrokenRule[] = [];
  const { id, schema } = field;
  if (!FIELD_ID.test(id)) {
    found.push({ member: 'id', rule: trans('1 to 100 letters, digits and _ . -, no spaces.') });
  } else if (draft[where].some(each => each !== field && each.id === id)) {
    found.push({ member: 'id', rule: trans('This id is used twice.') });
  } else if (where === 'inputs' && id.startsWith('ccp') && !isControl(id)) {
    found.push({ member: 'id', rule: trans('Ids that begin with ccp are reserved.') });
  }
  if (field.maxOccurs !== 'unbounded' && field.minOccurs > field.maxOccurs) {
    found.push({ member: 'minOccurs', rule: trans('More than the largest number of values.') });
  }
  if (where === 'inputs') {
    found.push(...valueProblems(field, trans));
  }
  const kind = kindOf(schema);
  const choices = Array.isArray(schema.enum) ? schema.enum : [];
  if ((kind === 'select' || kind === 'checklist') && !choices.length) {
    found.push({ member: 'schema.enum', rule: trans('Write the choices, one on each line.') });
  }
  return found;
}

function valueProblems({ schema, maxOccurs }: IField, trans: Trans): IBrokenRule[] {
  const value = schema.default;
  const none = value === undefined || value === '';
  const member = 'schema.default';
  if (schema.readOnly && none) {
    return [{ member, rule: trans('A fixed input needs a value.') }];
  }
  if (none) {
    return [];
  }
  if (schema.format === 'secret') {
    return [{ member, rule: trans('A secret has no default: who sees the Method would read it.') }];
  }
  const values = maxOccurs !== 1 && Array.isArray(value) ? value : [value];
  const choices = Array.isArray(schema.enum) ? schema.enum : null;
  if (choices && values.some(each => !choices.includes(each))) {
    return [{ member, rule: trans('Not one of the choices.') }];
  }
  const isNumber = (each: unknown) => typeof each === 'number';
  if (schema.type === 'integer' && !values.every(Number.isInteger)) {
    return [{ member, rule: trans('Must be a whole number.') }];
  }
  if (schema.type === 'number' && !values.every(isNumber)) {
    return [{ member, rule: trans('Must be a number.') }];
  }
  return [];
}

/** Unknown variables of one script; members end with the line, as the service's do. */
function scriptProblems(draft: IDraft, name: ScriptName, trans: Trans): IBrokenRule[] {
  const known = new Set([...ALWAYS_KNOWN, ...draft.inputs.map(({ id }) => id)]);
  return script(draft, name)
    .split('\n')
    .flatMap((line, at) =>
      [...line.matchAll(VARIABLE)]
        .filter(([, variable]) => !known.has(variable))
        .map(([all, variable]) => ({
          member: `additionalParameters.${name} line ${at + 1}`,
          rule: trans('No input is called %1.', variable),
          value: all
        }))
    );
}

export function isControl(id: string): boolean {
  return (CONTROL_INPUTS as readonly string[]).includes(id);
}

/** Where a broken rule is shown. */
export interface IPlaced extends IBrokenRule {
  /** Of the input or output. */
  key?: string;
  list?: FieldList;
  script?: ScriptName;
  line?: number;
  /** Below the field, script or execution unit; or the Method's own member. */
  at: string;
}

/** Find the place of a rule; members are the service's, or with a number for the id. */
export function place(problem: IBrokenRule, draft: IDraft): IPlaced {
  const { member } = problem;
  for (const list of ['inputs', 'outputs'] as const) {
    if (!member.startsWith(list)) {
      continue;
    }
    const rest = member.slice(list.length);
    const numbered = /^\[(\d+)\]\.?/.exec(rest);
    if (numbered) {
      const key = draft[list][Number(numbered[1])]?.key;
      return { ...problem, list, key, at: rest.slice(numbered[0].length) };
    }
    // Ids may hold dots: the longest that fits.
    const fits = draft[list]
      .filter(({ id }) => rest === `.${id}` || rest.startsWith(`.${id}.`))
      .sort((one, other) => other.id.length - one.id.length)[0];
    const at = fits ? rest.slice(fits.id.length + 2) : rest.slice(1);
    return { ...problem, list, key: fits?.key, at };
  }
  const parameters = /^additionalParameters\.([\w-]+)(?: line (\d+)|\.?(.*))$/.exec(member);
  if (parameters) {
    const [, name, line, rest] = parameters;
    return SCRIPTS.includes(name as ScriptName)
      ? { ...problem, script: name as ScriptName, line: Number(line || 1), at: '' }
      : { ...problem, at: rest ? `${name}.${rest}` : name };
  }
  return { ...problem, at: member.replace(/[.[].*$/, '') };
}

/** Local rules, and those of the service that say more than these. */
export function merged(
  draft: IDraft,
  local: readonly IBrokenRule[],
  told: readonly IBrokenRule[]
): IPlaced[] {
  const here = local.map(each => place(each, draft));
  const spot = ({ key, list, script, line, at }: IPlaced) =>
    [key ?? list, script, line, at.replace(/^id$/, '')].join(' ');
  const spots = new Set(here.map(spot));
  const more = told.map(each => place(each, draft)).filter(each => !spots.has(spot(each)));
  return [...here, ...more];
}
