/** What is wrong with a draft, told while somebody types. */

import * as React from 'react';
import type { IBrokenRule } from '../../contract';
import { pathOf, problemIn, request, useTools, useWorld } from '../../react';
import { IPlaced, localProblems, merged } from './check';
import { toDocument } from './document';
import { IDraft } from './model';
import type { IDrafting } from './useDraft';

/** Milliseconds without typing after which the service is asked. */
const PAUSE = 700;

/**
 * Rules that a draft breaks: at once those that need no service, then all of the service's own.
 *
 * The service is asked by a replacement under a condition that never holds. It checks the whole
 * document first and answers then that the condition does not hold, so that nothing is ever saved.
 */
export function useChecks({ draft, unsaved, isNew }: IDrafting): {
  problems: readonly IPlaced[];
  /** Take the rules that an answer to saving told; from then on all that is missing is told. */
  tell: (told: readonly IBrokenRule[]) => void;
} {
  const { model } = useWorld();
  const { trans } = useTools();
  const [told, setTold] = React.useState<{ draft: IDraft; rules: readonly IBrokenRule[] }>();
  const [asked, setAsked] = React.useState(false);
  React.useEffect(() => {
    if (!unsaved) {
      return;
    }
    let current = true;
    const timer = setTimeout(() => {
      request(model, 'PUT', pathOf('processes', draft.id || '-'), {
        body: toDocument(draft),
        headers: { 'If-Match': '"only-a-check"' }
      }).catch((error: unknown) => {
        const { status, problems } = problemIn(error);
        if (current && status >= 400 && status < 500) {
          // Of what is missing in a new Method the service tells at once; see `localProblems`.
          const rules = status === 400 ? problems.filter(p => asked || p.member !== 'links') : [];
          setTold({ draft, rules });
        }
      });
    }, PAUSE);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [draft, unsaved, asked, model]);
  const local = React.useMemo(
    () => localProblems(draft, trans, !isNew || asked),
    [draft, trans, isNew, asked]
  );
  const problems = React.useMemo(
    // What the service told of an older draft stays until it tells of this one: no flicker.
    () => merged(draft, local, told?.rules ?? []),
    [draft, local, told]
  );
  return {
    problems,
    tell: rules => {
      setAsked(true);
      setTold({ draft, rules });
    }
  };
}
