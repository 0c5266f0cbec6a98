/** What the names and places of workspace files say about them. */

/** What "Run on CCP…" makes of a file. */
export type Runnable = 'red' | 'method' | 'code';

export function runnable(path: string): Runnable | null {
  if (/\.red\.(ya?ml|json)$/i.test(path)) {
    return 'red';
  }
  if (/\.json$/i.test(path)) {
    return 'method';
  }
  return /\.(ipynb|py|r|jl|sh)$/i.test(path) ? 'code' : null;
}

/**
 * The first characters of the id of the Execution that a path came from, or null.
 *
 * Outputs are fetched into `CCP/executions/<title>-<first characters>`, with " (2)" behind it when
 * they are fetched again.
 */
export function executionPrefix(path: string): string | null {
  const found =
    /^CCP\/executions\/[^/]*-([A-Za-z0-9]{1,8})(?: \(\d+\))?(?:\.crate)?(?:\.zip)?(?:\/|$)/.exec(
      path
    );
  return found && found[1];
}

/** Whether an id begins so; folders leave out what is neither letter nor digit. */
export function hasPrefix(id: string, prefix: string): boolean {
  return id.replace(/[^A-Za-z0-9]/g, '').startsWith(prefix);
}
