/**
 * The link is measured between processes, as it is used: a part is one of them, a module of this folder that answers
 * calls. Calls come over Node's channel between processes, never over the link.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';

interface Call {
  id: number;
  name: string;
  argument: unknown;
}
type Answer = { id: number; result: unknown } | { id: number; error: string };

/** How long a part may take to end once it is told to [ms]. */
const END_BOUND_MS = 10_000;

export interface PartOptions {
  /** Yields the processor to whoever else wants it. */
  nice?: boolean;
}

/** The caller's side. */
export class Part {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #calls = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<void>;
  #next = 0;

  /** @param name of the module, without its extension */
  constructor(name: string, options: PartOptions = {}) {
    // From source, as the tests run, the part is TypeScript, which Node cannot read by itself (src/loop/worker-location.ts).
    const fromSource = import.meta.url.endsWith('.ts');
    const hooks = new URL('../test/support/typescript-hooks.mjs', import.meta.url).href;
    this.#name = name;
    this.#child = fork(new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, import.meta.url), {
      execArgv: fromSource ? ['--import', hooks] : [],
      serialization: 'advanced',
    });
    if (options.nice === true) setPriority(this.#child.pid ?? 0, constants.priority.PRIORITY_LOW);
    this.#child.on('message', (answer: Answer) => {
      const call = this.#calls.get(answer.id);
      this.#calls.delete(answer.id);
      if ('error' in answer) call?.reject(new Error(`${name}: ${answer.error}`));
      else call?.resolve(answer.result as never);
    });
    this.#child.on('error', (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      this.#child.on('exit', (code, signal) => {
        this.#fail(new Error(`${name} ended with ${signal ?? code}`));
        resolve();
      });
    });
  }

  /** @throws what the part failed of, or that it ended */
  call<Result = void>(name: string, argument?: unknown): Promise<Result> {
    const id = this.#next++;
    return new Promise<Result>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (result: never) => void, reject });
      this.#child.send({ id, name, argument } satisfies Call, (error) => {
        if (error !== null) this.#fail(new Error(`${this.#name}: ${error.message}`));
      });
    });
  }

  /** Ends the process; by force where it does not. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), END_BOUND_MS);
    await this.#ended;
    clearTimeout(bound);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

/**
 * The part's side: answers calls by name until the caller lets go.
 *
 * @param end is waited for before the process ends
 */
export function answerCalls(
  handlers: Readonly<Record<string, (argument: never) => unknown>>,
  end: () => unknown = () => undefined,
): void {
  process.on('message', async ({ id, name, argument }: Call) => {
    let answer: Answer;
    try {
      answer = { id, result: await handlers[name](argument as never) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    if (process.connected) process.send?.(answer);
  });
  process.on('disconnect', async () => {
    await end();
    process.exit();
  });
}
