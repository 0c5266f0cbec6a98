/**
 * A Method out of a notebook or a script of the workspace.
 *
 * Nothing is guessed about what the code does: it goes into the execute-script as it is, and what
 * could not be taken over is told. See docs/decisions/011-methods-from-notebooks.md.
 */

import type { ITools } from '../../contract';
import { NoLiteral, pythonLiteral } from './literals';
import { fromDocument, Unreadable } from './document';
import { blank, IDraft, IField, Members, newField, withScript } from './model';

type Trans = ITools['trans'];

export interface IConverted {
  draft: IDraft;
  /** What the user should know before they run it. */
  notes: string[];
}

interface ICode {
  language: Language;
  /** Code of the cell with parameters, and what stands before and after it. */
  before: string;
  parameters: string | null;
  after: string;
}

interface Language {
  name: string;
  program: string;
  extension: string;
}

const LANGUAGES: Record<string, Language> = {
  python: { name: 'Python', program: 'python3', extension: 'py' },
  r: { name: 'R', program: 'Rscript', extension: 'R' },
  julia: { name: 'Julia', program: 'julia', extension: 'jl' },
  bash: { name: 'shell', program: 'sh', extension: 'sh' }
};
const BY_EXTENSION: Record<string, string> = { py: 'python', r: 'r', jl: 'julia', sh: 'bash' };

/** Names that end with one of these can be converted. */
export const CONVERTED = ['ipynb', 'py', 'r', 'jl', 'sh', 'json'];

/** Make a draft of a file.  Throws `Unreadable`. */
export function fromFile(path: string, content: string, trans: Trans): IConverted {
  const file = path.split('/').pop() ?? path;
  const extension = /\.([^.]+)$/.exec(file)?.[1].toLowerCase() ?? '';
  if (extension === 'json') {
    return { draft: fromDocument(parsed(content, trans)), notes: [] };
  }
  if (!CONVERTED.includes(extension)) {
    throw new Unreadable(
      trans('Choose a notebook (.ipynb), a script (.py, .R, .jl, .sh) or a Method (.json).')
    );
  }
  const notes: string[] = [];
  const code =
    extension === 'ipynb'
      ? codeOfNotebook(parsed(content, trans), notes, trans)
      : codeOfScript(BY_EXTENSION[extension], content);
  return { draft: drafted(file, code, notes, trans), notes };
}

function parsed(content: string, trans: Trans): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    throw new Unreadable(trans('The file is not JSON.'));
  }
}

// Reading

function codeOfNotebook(raw: unknown, notes: string[], trans: Trans): ICode {
  const notebook = raw as {
    metadata?: { kernelspec?: Members; language_info?: Members };
    cells?: { cell_type?: string; source?: string | string[]; metadata?: { tags?: unknown } }[];
  } | null;
  if (!Array.isArray(notebook?.cells)) {
    throw new Unreadable(trans('This is not a notebook of version 4.'));
  }
  const { kernelspec, language_info: info } = notebook!.metadata ?? {};
  const name = String(info?.name ?? kernelspec?.language ?? 'python').toLowerCase();
  const language = LANGUAGES[name];
  if (!language) {
    throw new Unreadable(trans('Notebooks in %1 cannot be converted.', name));
  }
  const cells = notebook!
    .cells!.filter(each => each.cell_type === 'code')
    .map(({ source, metadata }) => ({
      text: Array.isArray(source) ? source.join('') : (source ?? ''),
      tags: Array.isArray(metadata?.tags) ? (metadata!.tags as unknown[]) : []
    }));
  const at = cells.findIndex(each => each.tags.includes('parameters'));
  const join = (some: typeof cells) =>
    some.map(each => withoutMagics(each.text, language, notes, trans)).join('\n\n');
  if (at < 0) {
    notes.push(trans('No cell is tagged "parameters", so the Method has no inputs yet.'));
  }
  return {
    language,
    before: join(at < 0 ? [] : cells.slice(0, at)),
    parameters: at < 0 ? null : withoutMagics(cells[at].text, language, notes, trans),
    after: join(cells.slice(at + 1))
  };
}

/** Commands of IPython are no Python: they are left out, and visibly so. */
function withoutMagics(code: string, language: Language, notes: string[], trans: Trans): string {
  if (language.program !== 'python3') {
    return code;
  }
  if (/^\s*%%/.test(code)) {
    const [magic] = code.trim().split('\n');
    notes.push(trans('A cell that begins with %1 was left out.', magic));
    return code.replace(/^/gm, '# left out: ');
  }
  return code.replace(/^([ \t]*)([%!].*|.*\?)$/gm, (line, indent: string, command: string) => {
    if (!/^[%!]/.test(command) && !/^[\w.]+\?{1,2}$/.test(command)) {
      return line;
    }
    notes.push(trans('%1 was left out: it works in notebooks only.', command));
    return `${indent}pass  # left out: ${command}`;
  });
}

/** A script; cells begin with `# %%` as in Jupytext, one of them may have the tag `parameters`. */
function codeOfScript(name: string, content: string): ICode {
  const language = LANGUAGES[name];
  const text = content.replace(/\r\n?/g, '\n').replace(/\n+$/, '');
  const tagged = /^# %%.*tags=\[[^\]]*["']parameters["'][^\]]*\].*\n/m.exec(text);
  if (!tagged) {
    return { language, before: '', parameters: null, after: text };
  }
  const rest = text.slice(tagged.index + tagged[0].length);
  const end = rest.search(/^# %%/m);
  return {
    language,
    before: text.slice(0, tagged.index),
    parameters: end < 0 ? rest : rest.slice(0, end),
    after: end < 0 ? '' : rest.slice(end)
  };
}

// Parameters

interface IParameters {
  inputs: IField[];
  /** Code that reads the arguments, in the place of the cell. */
  code: string;
}

function parametersOf(cell: string, notes: string[], trans: Trans): IParameters {
  const inputs: IField[] = [];
  const lines = cell.split('\n').map(line => {
    const found = /^([A-Za-z_]\w*)\s*(?::\s*[^=]+)?=(?!=)\s*(.+)$/.exec(line);
    if (!found) {
      if (/^[A-Za-z_]/.test(line) && !/^(import|from)\s/.test(line)) {
        notes.push(trans('%1 is no parameter: it stays in the code as it is.', line.trim()));
      }
      return line;
    }
    const [, name, text] = found;
    const input = inputOf(name, text);
    const known = inputs.some(each => each.id === name) || name.startsWith('ccp');
    if (!input || known) {
      notes.push(trans('%1 is no parameter: it stays in the code as it is.', line.trim()));
      return line;
    }
    inputs.push(input);
    return `${name} = ${reading(input, inputs.length)}`;
  });
  const needs = lines.some(line => line.includes('json.loads(')) ? 'json, sys' : 'sys';
  const code = inputs.length ? `import ${needs}\n${lines.join('\n')}` : lines.join('\n');
  return { inputs, code };
}

/** An input for an assignment; its comment is the title. Null when the value is no literal. */
function inputOf(name: string, text: string): IField | null {
  let value: unknown;
  try {
    value = pythonLiteral(text);
  } catch (error) {
    if (error instanceof NoLiteral) {
      return null;
    }
    throw error;
  }
  const comment = /#\s*([^'"#]*)$/.exec(text)?.[1].trim();
  const title = comment || name.replace(/_/g, ' ').replace(/^./, letter => letter.toUpperCase());
  const optional = value === null || value === '';
  const schema = {
    type: typeOf(value, text),
    ...(!optional && { default: value }),
    ...(value === null && { nullable: true })
  };
  return newField(name, { title, schema, minOccurs: optional ? 0 : 1 });
}

function typeOf(value: unknown, text: string): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) && !/^[-+]?[\d_]*[.eE]/.test(text) ? 'integer' : 'number';
  }
  if (typeof value === 'boolean') {
    return 'boolean';
  }
  return Array.isArray(value) ? 'array' : typeof value === 'object' && value ? 'object' : 'string';
}

function reading({ schema }: IField, place: number): string {
  const argument = `sys.argv[${place}]`;
  switch (schema.type) {
    case 'integer':
      return `int(${argument})`;
    case 'number':
      return `float(${argument})`;
    case 'boolean':
      return `${argument} == "true"`;
    case 'array':
    case 'object':
      return `json.loads(${argument})`;
    default:
      return schema.nullable ? `${argument} or None` : argument;
  }
}

// Writing

function drafted(file: string, code: ICode, notes: string[], trans: Trans): IDraft {
  const { language } = code;
  const isPython = language.program === 'python3';
  const read =
    code.parameters !== null && isPython ? parametersOf(code.parameters, notes, trans) : null;
  if (code.parameters !== null && !isPython) {
    notes.push(trans('Parameters are only read from Python; add the inputs yourself.'));
  }
  const middle = read?.code ?? code.parameters ?? '';
  const text = [code.before, middle, code.after].filter(part => part.trim()).join('\n\n');
  const stem = file.replace(/\.[^.]+$/, '');
  const inputs = read?.inputs ?? [];
  const empty = blank();
  const draft: IDraft = {
    ...empty,
    title: stem.replace(/[_-]+/g, ' ').replace(/^./, letter => letter.toUpperCase()),
    description: trans('Made from %1.', file),
    keywords: [language.name.toLowerCase()],
    inputs: [...empty.inputs, ...inputs],
    outputs: [
      newField('stdout', {
        title: trans('Standard output'),
        metadata: [{ role: 'file', title: 'stdout', href: '/std_out' }],
        schema: { type: 'string', contentMediaType: 'text/plain' }
      })
    ]
  };
  notes.push(
    trans('Choose a Runtime that has %1 and all that the code imports.', language.name),
    trans(
      'Files that the code reads must become inputs of kind File: they are at /ccp_data/input/.'
    )
  );
  const script = language.program === 'sh' ? shell(text) : program(stem, language, text, inputs);
  return withScript(draft, 'execute-script', script);
}

/** A shell script is a script of a Method already. */
function shell(text: string): string {
  const code = text.replace(/^#!.*\n/, '');
  return /^set -e/m.test(code) ? code : `set -e\n${code}`;
}

const BRACES = 'TWO_BRACES';
const END = 'END_OF_CODE';

/** The code in a here-document, and its run with the inputs as arguments. */
function program(
  stem: string,
  language: Language,
  text: string,
  inputs: readonly IField[]
): string {
  const name = `/tmp/${stem.replace(/[^A-Za-z0-9._-]+/g, '_')}.${language.extension}`;
  const free = (word: string) => {
    let found = word;
    while (text.includes(found)) {
      found += '_';
    }
    return found;
  };
  // The service would take `{{ name }}` in the code for one of its own variables.
  const braces = /\{\{[ \t]*[A-Za-z0-9_]/.test(text) ? free(BRACES) : '';
  const body = braces ? text.split('{{').join(braces) : text;
  const copy = braces ? `sed 's/${braces}/{{/g'` : 'cat';
  const end = free(END);
  const words = inputs.map(({ id }) => ` {{ ${id} }}`).join('');
  return [
    'set -e',
    `${copy} > ${name} <<'${end}'`,
    body,
    end,
    'cd /ccp_data',
    `${language.program} ${name}${words}`
  ].join('\n');
}
