/** Literals of Python, as they stand in a cell with parameters. */

export class NoLiteral extends Error {}

/** Read a literal: numbers, texts, True, False, None, lists, tuples, dicts.  Throws `NoLiteral`. */
export function pythonLiteral(code: string): unknown {
  const reader = new Reader(code);
  const value = reader.value();
  if (!reader.atEnd()) {
    throw new NoLiteral();
  }
  return value;
}

const WORDS: Record<string, unknown> = { True: true, False: false, None: null };
const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"'
};

class Reader {
  private _at = 0;

  constructor(private _code: string) {}

  atEnd(): boolean {
    return this._take(/\s*(#.*)?$/y) !== null;
  }

  value(): unknown {
    this._take(/\s+/y);
    const numeral = this._take(/[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?(?![\w.])/y);
    if (numeral) {
      return Number(numeral[0].replace(/_/g, ''));
    }
    const word = this._take(/(True|False|None)\b/y);
    if (word) {
      return WORDS[word[0]];
    }
    const quote = this._take(/"""|'''|"|'/y);
    if (quote) {
      return this._text(quote[0]);
    }
    if (this._take(/[[(]/y)) {
      return this._list();
    }
    if (this._take(/\{/y)) {
      return this._dict();
    }
    throw new NoLiteral();
  }

  private _text(quote: string): string {
    const piece = quote.length > 1 ? /\\[^]|[^\\]/y : /\\[^]|[^\\\n]/y;
    let text = '';
    while (!this._code.startsWith(quote, this._at)) {
      const found = this._take(piece);
      if (!found) {
        throw new NoLiteral();
      }
      text += found[0].length > 1 ? this._escape(found[0][1]) : found[0];
    }
    this._at += quote.length;
    return text;
  }

  private _escape(letter: string): string {
    if (!(letter in ESCAPES)) {
      // Rare ones (\x41, \N{…}) are better typed by hand than read wrongly.
      throw new NoLiteral();
    }
    return ESCAPES[letter];
  }

  private _list(): unknown[] {
    const items: unknown[] = [];
    while (!this._take(/\s*[\])]/y)) {
      items.push(this.value());
      if (!this._take(/\s*,/y) && !/^\s*[\])]/.test(this._code.slice(this._at))) {
        throw new NoLiteral();
      }
    }
    return items;
  }

  private _dict(): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    while (!this._take(/\s*\}/y)) {
      const key = this.value();
      if (typeof key !== 'string' || !this._take(/\s*:/y)) {
        throw new NoLiteral();
      }
      found[key] = this.value();
      if (!this._take(/\s*,/y) && !/^\s*\}/.test(this._code.slice(this._at))) {
        throw new NoLiteral();
      }
    }
    return found;
  }

  private _take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this._at;
    const found = pattern.exec(this._code);
    if (found) {
      this._at = pattern.lastIndex;
    }
    return found;
  }
}
