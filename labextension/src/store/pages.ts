/** Lists of the service, which come page by page. */

import type { IProblem, IRequest } from '../contract';
import { problemIn } from './transport';

/** Items asked for at a time. */
const SIZE = 500;

export class Pages {
  private _readings = new Map<string, number>();

  constructor(private _ask: (path: string, query: IRequest['query']) => Promise<unknown>) {}

  /**
   * Read all pages of a list; a newer reading of the same list ends this one.
   *
   * `take` is given what has come so far, after the first page and after the last. Returns what went
   * wrong, if anything did.
   */
  async read(
    path: string,
    member: string,
    take: (all: unknown[], complete: boolean) => void
  ): Promise<IProblem | null> {
    const number = (this._readings.get(path) ?? 0) + 1;
    this._readings.set(path, number);
    const all: unknown[] = [];
    try {
      for (let offset = 0; ; offset += SIZE) {
        const query = { limit: String(SIZE), offset: String(offset) };
        const page = (await this._ask(path, query)) as Record<string, unknown[]>;
        if (this._readings.get(path) !== number) {
          return null;
        }
        all.push(...page[member]);
        const complete = page[member].length < SIZE;
        if (complete || offset === 0) {
          take([...all], complete);
        }
        if (complete) {
          return null;
        }
      }
    } catch (error) {
      return problemIn(error);
    }
  }
}
