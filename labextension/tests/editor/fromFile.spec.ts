import { diff, folded } from '../../src/views/editor/diff';
import { fromFile } from '../../src/views/editor/fromFile';
import { NoLiteral, pythonLiteral } from '../../src/views/editor/literals';
import { toDocument, Unreadable } from '../../src/views/editor/document';
import { script } from '../../src/views/editor/model';

const trans = (text: string, ...args: (string | number)[]) =>
  text.replace(/%(\d)/g, (_, at: string) => String(args[Number(at) - 1]));

function notebook(...cells: [string, string[]?][]): string {
  return JSON.stringify({
    metadata: { kernelspec: { language: 'python' } },
    cells: cells.map(([source, tags]) => ({ cell_type: 'code', source, metadata: { tags } }))
  });
}

describe('literals', () => {
  it.each([
    ['5', 5],
    ['-1_000', -1000],
    ['1e-3  # small', 0.001],
    ['"a\\n\\"b\\""', 'a\n"b"'],
    ["'''a\nb'''", 'a\nb'],
    ['True', true],
    ['None', null],
    ['[1, "a", [2.5],]', [1, 'a', [2.5]]],
    ['("a", "b")', ['a', 'b']],
    ['{"a": 1}', { a: 1 }]
  ])('%s', (code, value) => expect(pythonLiteral(code)).toEqual(value));

  it.each([['x'], ['1 + 1'], ['f"{a}"'], ['"a" + "b"'], ['{1: 2}'], ['"\\x41"'], ['[1 2]']])(
    '%s is none',
    code => expect(() => pythonLiteral(code)).toThrow(NoLiteral)
  );
});

describe('notebooks', () => {
  it('become inputs and one script', () => {
    const file = notebook(
      ['import os'],
      [
        'rows = 5  # Number of rows\nname = "x"\nratio = 1.0\nfast = False\nnote = None\nbig = rows * 2',
        ['parameters']
      ],
      ['%matplotlib inline\nprint(rows, name)'],
      ['%%bash\nls']
    );
    const { draft, notes } = fromFile('a/my_work.ipynb', file, trans);
    expect(draft.title).toBe('My work');
    const inputs = Object.values(toDocument(draft).inputs as Record<string, any>).slice(1);
    expect(
      inputs.map(each => [each.id, each.title, each.schema.type, each.schema.default])
    ).toEqual([
      ['rows', 'Number of rows', 'integer', 5],
      ['name', 'Name', 'string', 'x'],
      ['ratio', 'Ratio', 'number', 1],
      ['fast', 'Fast', 'boolean', false],
      ['note', 'Note', 'string', undefined]
    ]);
    expect(script(draft, 'execute-script')).toBe(`set -e
cat > /tmp/my_work.py <<'END_OF_CODE'
import os

import sys
rows = int(sys.argv[1])
name = sys.argv[2]
ratio = float(sys.argv[3])
fast = sys.argv[4] == "true"
note = sys.argv[5] or None
big = rows * 2

pass  # left out: %matplotlib inline
print(rows, name)

# left out: %%bash
# left out: ls
END_OF_CODE
cd /ccp_data
python3 /tmp/my_work.py {{ rows }} {{ name }} {{ ratio }} {{ fast }} {{ note }}`);
    expect(notes.some(note => note.startsWith('big = rows * 2'))).toBe(true);
    expect(notes.some(note => note.includes('%matplotlib'))).toBe(true);
    expect(notes.some(note => note.includes('%%bash'))).toBe(true);
  });

  it('keep braces that are not ours', () => {
    const code = 'print("{{ name }} END_OF_CODE TWO_BRACES")';
    const lines = script(fromFile('a.ipynb', notebook([code]), trans).draft, 'execute-script');
    expect(lines).toContain("sed 's/TWO_BRACES_/{{/g' > /tmp/a.py <<'END_OF_CODE_'");
    expect(lines).toContain('print("TWO_BRACES_ name }} END_OF_CODE TWO_BRACES")');
  });

  it('of other kinds are refused', () => {
    const scala = JSON.stringify({ metadata: { language_info: { name: 'scala' } }, cells: [] });
    expect(() => fromFile('a.ipynb', scala, trans)).toThrow(Unreadable);
    expect(() => fromFile('a.ipynb', 'no', trans)).toThrow(Unreadable);
    expect(() => fromFile('a.ipynb', '{}', trans)).toThrow(Unreadable);
    expect(() => fromFile('a.png', '', trans)).toThrow(Unreadable);
  });
});

describe('scripts', () => {
  it('of the shell are scripts already', () => {
    const { draft } = fromFile('run.sh', '#!/bin/sh\necho {{ x }}\n', trans);
    expect(script(draft, 'execute-script')).toBe('set -e\necho {{ x }}');
  });

  it('of Python may have a cell with parameters', () => {
    const text = 'import os\n# %% tags=["parameters"]\nn = 3\n# %%\nprint(n)\n';
    const { draft } = fromFile('a.py', text, trans);
    expect(draft.inputs.map(each => each.id)).toEqual(['ccpimage', 'n']);
    expect(script(draft, 'execute-script')).toContain('n = int(sys.argv[1])');
  });

  it('of R run with Rscript', () => {
    const lines = script(fromFile('a.R', 'print(1)\n', trans).draft, 'execute-script');
    expect(lines).toContain('Rscript /tmp/a.R');
  });

  it('Methods are read as they are', () => {
    expect(fromFile('m.json', '{"id": "m", "title": "M"}', trans).draft.id).toBe('m');
  });
});

describe('differences', () => {
  const texts = (all: ReturnType<typeof diff>) =>
    all.map(({ kind, text }) => ({ same: ' ', added: '+', removed: '-' })[kind] + text).join('');

  it.each([
    ['', '', ''],
    ['abc', 'abc', ' a b c'],
    ['', 'ab', '+a+b'],
    ['ab', '', '-a-b'],
    ['abcabba', 'cbabac', '-a-b c+b a b-b a+c']
  ])('from %s to %s', (before, after, found) =>
    expect(texts(diff([...before], [...after]))).toBe(found)
  );

  it('lead from the one text to the other, whatever they are', () => {
    let seed = 1;
    const random = (most: number) => {
      seed = (seed * 16807) % 2147483647;
      return seed % most;
    };
    for (let at = 0; at < 200; at += 1) {
      const before = Array.from({ length: random(12) }, () => 'abc'[random(3)]);
      const after = Array.from({ length: random(12) }, () => 'abc'[random(3)]);
      const found = diff(before, after);
      const side = (kind: string) => found.filter(l => l.kind !== kind).map(l => l.text);
      expect(side('added')).toEqual(before);
      expect(side('removed')).toEqual(after);
    }
  });

  it('are folded around what changed', () => {
    const before = [...'aaaaaaaaaa'];
    const lines = folded(diff(before, [...before, 'b']), 2);
    expect(lines.map(each => (typeof each === 'number' ? each : each.text))).toEqual([
      8,
      'a',
      'a',
      'b'
    ]);
  });
});
