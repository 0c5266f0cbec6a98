/** Running what stands in the form, once. */

import { UUID } from '@lumino/coreutils';
import * as React from 'react';
import { request, useWorld } from '../../react';
import type { ISubmission } from './request';

/** A click that follows so soon, milliseconds, is the same click to its user. */
const SAME_CLICK = 2000;

/**
 * Send a submission; what is sent again unchanged, because no answer came or somebody clicked twice,
 * makes one Execution.
 */
export function useSubmit<T>(): (submission: ISubmission) => Promise<T> {
  const { model } = useWorld();
  const last = React.useRef({ said: '', key: '', done: 0 });
  return React.useCallback(
    async submission => {
      const said = JSON.stringify(submission);
      const { current } = last;
      const isOver = current.done > 0 && Date.now() - current.done > SAME_CLICK;
      if (said !== current.said || isOver) {
        last.current = { said, key: UUID.uuid4(), done: 0 };
      }
      const answer = await request<T>(model, 'POST', submission.path, {
        query: submission.query,
        body: submission.body,
        headers: { 'Idempotency-Key': last.current.key, Prefer: 'respond-async' }
      });
      last.current.done = Date.now();
      return answer;
    },
    [model]
  );
}
