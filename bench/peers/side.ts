/** One side of a comparison: a process that runs an algorithm over a stream when it is told to, and says how long it took. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** What a side can be told to do; `bench/peers/peer.py` says what each means. */
export type Task = 'step' | 'select' | 'learn' | 'scores';

export interface Request {
  readonly do: Task;
  readonly algorithm: string;
  readonly examples: number;
  /** Where `scores` go. */
  readonly out?: string;
}

/** What a process answers, one JSON object a line: first `versions` or `missing`, then `ns` or `error` to every request. */
export interface Answer {
  /** Of the libraries, by name. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Why it cannot run here. */
  readonly missing?: string;
  /** [ns] */
  readonly ns?: number;
  readonly error?: string;
}

/** The library is not there. The message says what is missing. */
export class MissingPeerError extends Error {
  override readonly name = 'MissingPeerError';
}

/** What was said on standard error last, for a process that ended without an answer. */
const LAST_WORDS = 500;

export class Side {
  readonly versions: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #reader: AsyncQueue;

  private constructor(child: ChildProcess, reader: AsyncQueue, versions: Readonly<Record<string, string>>) {
    this.#child = child;
    this.#reader = reader;
    this.versions = versions;
  }

  /**
   * Starts a process.
   *
   * @throws MissingPeerError where the program or its library is not there
   */
  static async start(program: string, args: readonly string[]): Promise<Side> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const reader = new AsyncQueue(child);
    const hello = await reader.next();
    if (hello.versions === undefined) {
      child.kill();
      throw new MissingPeerError(hello.missing ?? hello.error ?? 'it did not say who it is');
    }
    return new Side(child, reader, hello.versions);
  }

  /** @returns the time it took [ns] @throws Error with what the process said */
  async run(request: Request): Promise<number> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { ns, error } = await this.#reader.next();
    if (ns === undefined) throw new Error(error ?? 'it answered without a time');
    return ns;
  }

  /** Lets the process end. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#reader.ended;
  }
}

/** Lines of a process as they come. */
class AsyncQueue {
  readonly ended: Promise<void>;
  readonly #lines: Interface;
  readonly #waiting: string[] = [];
  #take: ((answer: Answer) => void) | null = null;
  #failure: Answer | null = null;
  #lastWords = '';

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('a side answers on standard output');
    // A process that ended before it read its request is told of by its end.
    child.stdin?.on('error', () => {});
    child.stderr?.on('data', (text: Buffer) => {
      this.#lastWords = (this.#lastWords + text.toString()).slice(-LAST_WORDS);
    });
    this.#lines = createInterface({ input: child.stdout });
    this.#lines.on('line', (line) => this.#push(line));
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#fail(error.message);
        resolve();
      });
      child.on('close', (code, signal) => {
        this.#fail(`it ended with ${signal ?? code}: ${this.#lastWords.trim()}`);
        resolve();
      });
    });
  }

  next(): Promise<Answer> {
    const line = this.#waiting.shift();
    if (line !== undefined) return Promise.resolve(JSON.parse(line) as Answer);
    if (this.#failure !== null) return Promise.resolve(this.#failure);
    return new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  #push(line: string): void {
    if (this.#take === null) {
      this.#waiting.push(line);
      return;
    }
    const take = this.#take;
    this.#take = null;
    take(JSON.parse(line) as Answer);
  }

  #fail(error: string): void {
    this.#failure ??= { error };
    this.#take?.(this.#failure);
    this.#take = null;
  }
}
