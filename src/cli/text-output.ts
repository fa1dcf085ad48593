/** Where commands write texts: a file or standard output, never what they read. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  accessSync,
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from './usage.js';

/** Text is written in pieces of this size [characters]. */
const WRITE_SIZE = 65_536;
/** Between two attempts to write into a pipe that is full [ms]. */
const RETRY_MS = 5;

export interface TextOutputOptions {
  /**
   * A regular file appears as a whole, at `finish`: until then the text stands in a temporary file beside it, and what the
   * path named before stays.
   */
  readonly whole?: boolean;
  /** `fs.writeSync`, which may write less than it was given. */
  readonly writeSync?: (file: number, bytes: Uint8Array, offset: number) => number;
}

/**
 * Text into a file or standard output, in large pieces. End it with `finish` or `discard`.
 *
 * A file is written synchronously. Standard output queues what a slow reader has not taken: await `drained` now and then.
 */
export class TextOutput {
  readonly #file: number | null;
  /** The file that becomes `#target` at the end; empty where the text goes to its place at once. */
  readonly #temporary: string = '';
  readonly #target: string = '';
  readonly #writeSync: (file: number, bytes: Uint8Array, offset: number) => number;
  #pending = '';

  /**
   * @param path undefined for standard output
   * @throws Error where the file cannot be written
   * @realtime unsafe
   */
  constructor(path: string | undefined, options: TextOutputOptions = {}) {
    this.#writeSync = options.writeSync ?? writeSync;
    if (path === undefined) {
      this.#file = null;
      return;
    }
    const before = statSync(path, { throwIfNoEntry: false });
    // Nothing can take the place of a device, a pipe or a folder.
    if (options.whole !== true || (before !== undefined && !before.isFile())) {
      this.#file = openSync(path, 'w');
      return;
    }
    this.#target = targetOf(path);
    // A rename would ask the folder alone.
    if (before !== undefined) accessSync(this.#target, constants.W_OK);
    this.#temporary = `${this.#target}.${randomBytes(4).toString('hex')}.tmp`;
    this.#file = openSync(this.#temporary, 'wx');
    if (before !== undefined) fchmodSync(this.#file, before.mode & 0o7777);
  }

  /** @throws Error where it cannot be written @realtime unsafe */
  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= WRITE_SIZE) this.#flush();
  }

  /** Writes what is pending, closes the file and gives it its name. @throws Error; the file is closed then too */
  finish(): void {
    let renamed = this.#temporary === '';
    try {
      try {
        this.#flush();
      } finally {
        if (this.#file !== null) closeSync(this.#file);
      }
      if (!renamed) renameSync(this.#temporary, this.#target);
      renamed = true;
    } finally {
      if (!renamed) rmSync(this.#temporary, { force: true });
    }
  }

  /** Closes the file; of one that would have been written as a whole, nothing is left. */
  discard(): void {
    this.#pending = '';
    if (this.#file !== null) closeSync(this.#file);
    if (this.#temporary !== '') rmSync(this.#temporary, { force: true });
  }

  /** Settles when standard output takes more; at once for a file. */
  async drained(): Promise<void> {
    if (this.#file === null) await standardOutputDrained();
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (text === '') return;
    if (this.#file === null) {
      process.stdout.write(text);
      return;
    }
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += this.#writeSync(this.#file, bytes, at);
      } catch (error) {
        // A path such as /dev/stdout may share a descriptor that does not block.
        if (codeOf(error) !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }
}

/** Settles when standard output has room again: its queue does not grow beyond what is written between two calls. */
export async function standardOutputDrained(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}

/** Whether the reader of a pipe went away, as `head` does: no error of ours. */
export function isBrokenPipe(error: unknown): boolean {
  return codeOf(error) === 'EPIPE';
}

/**
 * Opening a file for writing empties it: what is read must be another, whatever its name.
 *
 * @param option for the message, such as `--output`
 * @param path undefined for standard output
 * @param sources files that are read; `-` for standard input; those that are not there are passed over
 * @throws UsageError
 * @realtime unsafe
 */
export function refuseInput(option: string, path: string | undefined, sources: readonly string[]): void {
  if (path === '') throw new UsageError(`${option} needs the name of a file`);
  const output = path === undefined ? openStats(1) : statsOf(path);
  // A terminal is read and written at once.
  if (output?.isFile() !== true) return;
  for (const source of sources) {
    const input = source === '-' ? openStats(0) : statsOf(source);
    if (input === undefined || input.dev !== output.dev || input.ino !== output.ino) continue;
    const what = path === undefined ? 'standard output' : `${option} ${path}`;
    throw new UsageError(`${what} is the same file as ${source === '-' ? 'standard input' : source}, which is read`);
  }
}

function statsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // Whoever opens it says what is wrong with it.
    return undefined;
  }
}

/** Of an open descriptor; undefined where it was closed. */
function openStats(descriptor: number): BigIntStats | undefined {
  try {
    return fstatSync(descriptor, { bigint: true });
  } catch {
    return undefined;
  }
}

/** The file that a path stands for: a link stays one, to a file not there yet as well. */
function targetOf(path: string): string {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return path;
  try {
    return realpathSync(path);
  } catch {
    return resolve(dirname(path), readlinkSync(path));
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
