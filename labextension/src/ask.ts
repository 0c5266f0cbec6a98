/** Commands that wait for their answers, for views. */

import { UUID } from '@lumino/coreutils';
import type { Command, IAnswer, IModel, IProblem, IRequest } from './contract';

type Without<T> = T extends unknown ? Omit<T, 'id'> : never;

/** What went wrong, as a view catches it. */
export class Refused extends Error {
  constructor(readonly problem: IProblem) {
    super(problem.title);
  }
}

/** Send a command; resolves with its answer.  Rejects with `Refused`. */
export function ask<T = unknown>(model: IModel, command: Without<Command>): Promise<T> {
  const id = UUID.uuid4();
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: IAnswer) => {
      if (answer.id !== id) {
        return;
      }
      model.off('msg:custom', onAnswer);
      if (answer.problem) {
        reject(new Refused(answer.problem));
      } else {
        resolve(answer.value as T);
      }
    };
    model.on('msg:custom', onAnswer);
    model.send({ ...command, id } as Command);
  });
}

/** Ask the service. */
export function request<T = unknown>(
  model: IModel,
  verb: IRequest['verb'],
  path: string,
  more: Omit<IRequest, 'verb' | 'path'> = {}
): Promise<T> {
  return ask<T>(model, { command: 'request', verb, path, ...more });
}

/** Join steps of a path, quoting each. */
export function pathOf(...steps: (string | number)[]): string {
  return steps.map(step => encodeURIComponent(step)).join('/');
}
