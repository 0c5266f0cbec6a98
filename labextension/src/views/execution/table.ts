/** Tables of text, as RFC 4180 has them and as programs write them. */

export interface ITable {
  head: readonly string[];
  rows: readonly (readonly string[])[];
  /** Whether there is more than what was read. */
  cut: boolean;
}

/** Read the first rows and columns; what separates values is guessed from the first line. */
export function readTable(text: string, mostRows = 500, mostColumns = 100): ITable {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let cut = false;
  let row: string[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    const [value, end] = valueAt(text, at, separator);
    if (row.length < mostColumns) {
      row.push(value);
    } else {
      cut = true;
    }
    at = end + 1;
    if (text[end] !== separator) {
      rows.push(row);
      row = [];
      at += text[end] === '\r' && text[end + 1] === '\n' ? 1 : 0;
      if (rows.length > mostRows && at < text.length) {
        cut = true;
        break;
      }
    }
  }
  if (row.length) {
    rows.push(row);
  }
  const [head = [], ...rest] = rows;
  return { head, rows: rest, cut };
}

/** The value that begins at a place, and where it ends. */
function valueAt(text: string, from: number, separator: string): [string, number] {
  if (text[from] !== '"') {
    let end = from;
    while (end < text.length && !isEnd(text[end], separator)) {
      end += 1;
    }
    return [text.slice(from, end), end];
  }
  let value = '';
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      return [value + text.slice(at), text.length];
    }
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      let end = quote + 1;
      while (end < text.length && !isEnd(text[end], separator)) {
        end += 1;
      }
      return [value + text.slice(quote + 1, end), end];
    }
    value += '"';
    at = quote + 2;
  }
}

function isEnd(character: string, separator: string): boolean {
  return character === separator || character === '\n' || character === '\r';
}

function separatorOf(text: string): string {
  const line = text.slice(0, 10_000).split(/[\r\n]/, 1)[0];
  const counts = [',', ';', '\t'].map(each => [each, line.split(each).length] as const);
  return counts.reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}
