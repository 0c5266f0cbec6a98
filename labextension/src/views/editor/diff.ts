/** Differences between two texts, line by line (Myers' algorithm). */

export interface IDiffLine {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

/** Edits beyond this many show as all old lines, then all new ones. */
const MOST_EDITS = 2000;

export function diff(before: readonly string[], after: readonly string[]): IDiffLine[] {
  const trace = search(before, after);
  if (!trace) {
    return [...lines(before, 'removed'), ...lines(after, 'added')];
  }
  const found: IDiffLine[] = [];
  let x = before.length;
  let y = after.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const best = trace[edits];
    const k = x - y;
    const down = k === -edits || (k !== edits && at(best, k - 1) < at(best, k + 1));
    const from = down ? k + 1 : k - 1;
    const fromX = edits ? at(best, from) : 0;
    const fromY = edits ? fromX - from : 0;
    while (x > fromX && y > fromY) {
      found.push({ kind: 'same', text: before[x - 1] });
      x -= 1;
      y -= 1;
    }
    if (edits) {
      found.push(
        down ? { kind: 'added', text: after[y - 1] } : { kind: 'removed', text: before[x - 1] }
      );
      x = fromX;
      y = fromY;
    }
  }
  return found.reverse();
}

/** Furthest places reached by so many edits, by diagonal; null when there are too many. */
function search(before: readonly string[], after: readonly string[]): Map<number, number>[] | null {
  const most = Math.min(before.length + after.length, MOST_EDITS);
  const trace: Map<number, number>[] = [];
  let best = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(new Map(best));
    const next = new Map(best);
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && at(best, k - 1) < at(best, k + 1));
      let x = down ? at(best, k + 1) : at(best, k - 1) + 1;
      let y = x - k;
      while (x < before.length && y < after.length && before[x] === after[y]) {
        x += 1;
        y += 1;
      }
      next.set(k, x);
      if (x >= before.length && y >= after.length) {
        return trace;
      }
    }
    best = next;
  }
  return null;
}

function at(best: Map<number, number>, k: number): number {
  return best.get(k) ?? -1;
}

function lines(texts: readonly string[], kind: IDiffLine['kind']): IDiffLine[] {
  return texts.map(text => ({ kind, text }));
}

/** Only what changed, with so many lines around it; a number stands for lines left out. */
export function folded(all: readonly IDiffLine[], around = 3): (IDiffLine | number)[] {
  const near = new Array<boolean>(all.length).fill(false);
  all.forEach(({ kind }, at) => {
    if (kind !== 'same') {
      near.fill(true, Math.max(0, at - around), at + around + 1);
    }
  });
  const out: (IDiffLine | number)[] = [];
  all.forEach((line, at) => {
    const last = out.length - 1;
    if (near[at]) {
      out.push(line);
    } else if (typeof out[last] === 'number') {
      out[last] = (out[last] as number) + 1;
    } else {
      out.push(1);
    }
  });
  return out;
}
