import type { WorkerOptions } from 'node:worker_threads';

/** Where the control thread's modules lie, and what Node needs to run them. */
export interface WorkerLocation {
  readonly worker: URL;
  /** The module that exports `ControlLoop`. */
  readonly loop: URL;
  readonly options: Pick<WorkerOptions, 'execArgv'>;
}

/**
 * Finds the control thread beside this file. Compiled, that is JavaScript beside JavaScript. Run from source, as the
 * tests do, it is TypeScript, which Node 20 cannot read: a test runner translates what it imports itself but not what a
 * thread imports, so the thread is given hooks that do. Running the tests on the compiled files instead was rejected: it
 * tests what was built last, not what is there.
 *
 * @realtime unsafe
 */
export function locateWorker(): WorkerLocation {
  const here = import.meta.url;
  const fromSource = here.endsWith('.ts');
  const extension = fromSource ? 'ts' : 'js';
  return {
    worker: new URL(`./worker.${extension}`, here),
    loop: new URL(`./control-loop.${extension}`, here),
    options: fromSource
      ? { execArgv: ['--import', new URL('../../test/support/typescript-hooks.mjs', here).href] }
      : {},
  };
}
