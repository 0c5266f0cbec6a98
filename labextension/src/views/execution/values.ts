/** Values of inputs, for reading. */

const MOST = 5000;

/** Files by name and kind, texts as they are, all else as JSON; long ones are cut. */
export function shownValue(value: unknown): string {
  const text = plain(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

function plain(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  if (Array.isArray(value) && value.every(each => typeof each !== 'object')) {
    return value.map(String).join('\n');
  }
  if (typeof value === 'object' && value !== null && 'href' in value) {
    const { href, type } = value as { href: unknown; type?: unknown };
    return type ? `${String(href)} (${String(type)})` : String(href);
  }
  return JSON.stringify(value, null, 2) ?? '';
}
