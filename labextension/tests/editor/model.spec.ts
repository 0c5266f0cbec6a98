import { localProblems, merged, place } from '../../src/views/editor/check';
import { kindOf, valueOf, withKind } from '../../src/views/editor/kinds';
import {
  fromDocument,
  same,
  toDocument,
  Unreadable,
  withKeys
} from '../../src/views/editor/document';
import {
  add,
  blank,
  derive,
  duplicate,
  edit,
  infrastructures,
  move,
  newField,
  rename,
  resources,
  script,
  titles,
  trial,
  withInfrastructures,
  withResources,
  withScript,
  withTitles
} from '../../src/views/editor/model';

const trans = (text: string, ...args: (string | number)[]) =>
  text.replace(/%(\d)/g, (_, at: string) => String(args[Number(at) - 1]));

const METHOD = {
  id: 'sum',
  title: 'Sum',
  description: 'Adds',
  version: '1.2.0',
  jobControlOptions: ['async-execute'],
  outputTransmission: ['value', 'reference'],
  keywords: ['csv'],
  metadata: [
    { role: 'category', title: 'Data' },
    { role: 'author', title: 'alice', href: '/hub/api/users/alice' }
  ],
  inputs: {
    ccpimage: { id: 'ccpimage', minOccurs: 1, maxOccurs: 1, schema: { type: 'string' } },
    'a.b': { id: 'a.b', title: 'B', minOccurs: 0, maxOccurs: 3, schema: { type: 'integer' } },
    a: { id: 'a', minOccurs: 1, maxOccurs: 1, schema: { type: 'string', format: 'odd' } }
  },
  outputs: {},
  additionalParameters: {
    parameters: [
      { name: 'deploy-script', value: [] },
      { name: 'execute-script', value: ['set -e', 'echo {{ a }} {{a.b}} {{ a | raw }}'] },
      { name: 'undeploy-script', value: [] },
      { name: 'cancel-script', value: [] },
      { name: 'lifecycle', value: [{ kept: true }] }
    ]
  },
  links: [{ rel: 'compatibleWith', title: 'Here', href: 'infrastructures/local%20docker' }]
};

describe('documents', () => {
  it('come back as they were', () => {
    expect(toDocument(fromDocument(METHOD))).toEqual(METHOD);
    expect(JSON.stringify(toDocument(fromDocument(METHOD)).inputs)).toBe(
      JSON.stringify(METHOD.inputs)
    );
  });

  it('lose what the service adds, and nulls in schemas', () => {
    const document = {
      ...METHOD,
      mutable: true,
      inputs: { ccpimage: { schema: { type: 'string', format: null } } },
      links: [...METHOD.links, { rel: 'self', href: 'https://here' }]
    };
    const draft = fromDocument(document);
    expect(draft.links).toEqual(METHOD.links);
    expect(draft.inputs[0].schema).toEqual({ type: 'string' });
    expect(toDocument(draft)).not.toHaveProperty('mutable');
  });

  it('take lists, one text as a script, and other spellings of its name', () => {
    const draft = fromDocument({
      inputs: [{ id: 'x', schema: {} }],
      additionalParameters: { parameters: [{ name: 'executeScript', value: 'a\nb\n' }] }
    });
    expect(draft.inputs.map(each => each.id)).toEqual(['x']);
    expect(script(draft, 'execute-script')).toBe('a\nb');
    expect(draft.parameters).toHaveLength(4);
  });

  it('are lists where an object could not hold them', () => {
    const twice = add(fromDocument(METHOD), 'inputs', newField('a'));
    expect((toDocument(twice).inputs as { id: string }[]).map(each => each.id)).toEqual([
      'ccpimage',
      'a.b',
      'a',
      'a'
    ]);
    expect(Array.isArray(toDocument(add(blank(), 'inputs', newField('1'))).inputs)).toBe(true);
  });

  it.each([[5], [null], [[]], [{ inputs: 5 }], [{ inputs: { a: 1 } }], [{ links: {} }]])(
    'that are none are refused: %j',
    document => expect(() => fromDocument(document)).toThrow(Unreadable)
  );

  it('keep their keys when they are read again', () => {
    const old = fromDocument(METHOD);
    const next = withKeys(fromDocument(METHOD), old);
    expect(next.inputs.map(each => each.key)).toEqual(old.inputs.map(each => each.key));
    expect(same(next, old)).toBe(true);
  });
});

describe('edits', () => {
  const draft = fromDocument(METHOD);
  const [, ab, a] = draft.inputs;

  it('change nothing else', () => {
    const next = edit(draft, 'inputs', a.key, { title: 'A' });
    expect(next.inputs[1]).toBe(ab);
    expect(draft.inputs[2].title).toBe('');
    expect(same(next, draft)).toBe(false);
  });

  it('move, duplicate and stay within the list', () => {
    expect(move(draft, 'inputs', a.key, 0).inputs[0]).toBe(a);
    expect(move(draft, 'inputs', a.key, 99).inputs[2]).toBe(a);
    const more = duplicate(draft, 'inputs', a.key);
    expect(more.inputs.map(each => each.id)).toEqual(['ccpimage', 'a.b', 'a', 'a_2']);
    expect(new Set(more.inputs.map(each => each.key)).size).toBe(4);
  });

  it('rename variables with their input, and no others', () => {
    const next = rename(draft, a.key, 'z');
    expect(script(next, 'execute-script')).toBe('set -e\necho {{ z }} {{a.b}} {{ z | raw }}');
    expect(script(rename(draft, a.key, ''), 'execute-script')).toContain('{{ a }}');
  });

  it('keep what else metadata and links say', () => {
    const next = withTitles(draft, 'category', ['Data', 'More']);
    expect(titles(next, 'category')).toEqual(['Data', 'More']);
    expect(titles(next, 'author')).toEqual(['alice']);
    expect(infrastructures(draft)).toEqual(['local docker']);
    const links = withInfrastructures(draft, [
      { id: 'b', name: 'B' },
      { id: 'local docker' }
    ]).links;
    expect(links[0]).toEqual({ rel: 'compatibleWith', title: 'B', href: 'infrastructures/b' });
    expect(links[1]).toBe(draft.links[0]);
  });

  it('keep an empty last line, which one is typing', () => {
    expect(script(withScript(draft, 'deploy-script', 'a\n'), 'deploy-script')).toBe('a\n');
    expect(withScript(draft, 'deploy-script', '').parameters[0].value).toEqual([]);
  });

  it('add and remove the execution unit', () => {
    const some = withResources(draft, { cpuMin: 2, cpuMax: undefined });
    expect(resources(some)).toEqual({ cpuMin: 2 });
    expect(same(withResources(some, {}), draft)).toBe(true);
  });

  it('make private copies that are shared with nobody', () => {
    const shared = withTitles(withTitles(draft, 'visibility', ['public']), 'context', ['physics']);
    const copy = trial(shared, 'other', 'Sum (draft)');
    expect(copy.metadata.map(each => each.role)).toEqual(['category', 'draft-of']);
    const derived = derive(shared, 'Copy of Sum');
    expect(derived.metadata.map(each => each.role)).toEqual(['category']);
    expect(derived.id).not.toBe('sum');
  });
});

describe('kinds', () => {
  it.each([
    [{ type: 'string' }, 'text'],
    [{ type: 'string', format: 'number' }, 'number'],
    [{ type: 'string', contentEncoding: 'base64' }, 'file'],
    [{ type: 'string', enum: ['a'] }, 'select'],
    [{ type: 'string', format: 'multi_choice' }, 'checklist'],
    [{ type: 'string', format: 'odd' }, 'other'],
    [{}, 'text']
  ])('%j is %s', (schema, kind) => expect(kindOf(schema)).toBe(kind));

  it('take along what fits', () => {
    const field = newField('x', {
      schema: { type: 'integer', default: 1, minimum: 0, title: 'T' }
    });
    expect(withKind(field, 'text').schema).toEqual({ type: 'string', title: 'T' });
    const choice = newField('x', { schema: { type: 'string', format: 'select', enum: ['a'] } });
    expect(withKind(choice, 'checklist')).toEqual({
      schema: { type: 'string', format: 'checklist', enum: ['a'] },
      maxOccurs: 'unbounded'
    });
  });

  it('read what was typed', () => {
    expect(valueOf('5', { type: 'integer' })).toBe(5);
    expect(valueOf('five', { type: 'integer' })).toBe('five');
    expect(valueOf('[1]', { type: 'array' })).toEqual([1]);
    expect(valueOf('5', { type: 'string' })).toBe('5');
  });
});

describe('checks', () => {
  it('find nothing wrong with a good Method', () => {
    expect(localProblems(fromDocument(METHOD), trans, true)).toEqual([]);
  });

  it('tell what is missing only when asked', () => {
    expect(localProblems(blank(), trans, false)).toEqual([]);
    expect(localProblems(blank(), trans, true).map(each => each.member)).toEqual([
      'title',
      'links'
    ]);
  });

  it('find unknown variables with their line', () => {
    const draft = withScript(fromDocument(METHOD), 'deploy-script', '\necho {{ nope }} {{.Names}}');
    const [problem, ...rest] = localProblems(draft, trans, true);
    expect(rest).toEqual([]);
    expect(place(problem, draft)).toMatchObject({ script: 'deploy-script', line: 2 });
  });

  it('find broken fields', () => {
    const fields = [
      newField('no good'),
      newField('ccpother'),
      newField('twice'),
      newField('twice'),
      newField('few', { minOccurs: 3, maxOccurs: 2 }),
      newField('fixed', { schema: { type: 'string', readOnly: true } }),
      newField('half', { schema: { type: 'integer', default: 1.5 } }),
      newField('choice', { schema: { type: 'string', enum: ['a'], default: 'b' } })
    ];
    const draft = fields.reduce((old, each) => add(old, 'inputs', each), fromDocument(METHOD));
    const found = localProblems(draft, trans, true).map(each => place(each, draft));
    expect(found.map(({ key, at }) => [draft.inputs.find(f => f.key === key)!.id, at])).toEqual([
      ['no good', 'id'],
      ['ccpother', 'id'],
      ['twice', 'id'],
      ['twice', 'id'],
      ['few', 'minOccurs'],
      ['fixed', 'schema.default'],
      ['half', 'schema.default'],
      ['choice', 'schema.default']
    ]);
  });

  it("put the service's rules next to their members", () => {
    const draft = fromDocument(METHOD);
    const at = (member: string) => {
      const { key, at: rest, script: name, line } = place({ member, rule: '' }, draft);
      return [draft.inputs.find(each => each.key === key)?.id, rest, name, line];
    };
    expect(at('inputs.a.schema.type')).toEqual(['a', 'schema.type', undefined, undefined]);
    expect(at('inputs.a.b.schema.type')).toEqual(['a.b', 'schema.type', undefined, undefined]);
    expect(at('inputs[2].id')).toEqual(['a', 'id', undefined, undefined]);
    expect(at('additionalParameters.execute-script line 3')).toEqual([
      undefined,
      '',
      'execute-script',
      3
    ]);
    expect(at('additionalParameters.executionUnit.config.cpuMin')[1]).toBe(
      'executionUnit.config.cpuMin'
    );
    expect(at('metadata[0].title')[1]).toBe('metadata');
  });

  it('do not tell the same twice', () => {
    const draft = withScript(fromDocument(METHOD), 'execute-script', 'echo {{ nope }}');
    const told = [
      { member: 'additionalParameters.execute-script line 1', rule: 'no input is called nope' },
      { member: 'version', rule: 'is odd' }
    ];
    const found = merged(draft, localProblems(draft, trans, true), told);
    expect(found.map(each => each.at)).toEqual(['', 'version']);
  });
});
