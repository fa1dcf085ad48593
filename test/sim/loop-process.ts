import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/parameters/presets.js';

/** A command `rfsn …` in a process of its own, run from the sources. */
export class CommandProcess {
  stdout = '';
  stderr = '';
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;

  constructor(...args: string[]) {
    const root = packageRoot();
    const hooks = pathToFileURL(join(root, 'test/support/typescript-hooks.mjs')).href;
    this.#child = spawn(process.execPath, ['--import', hooks, join(root, 'src/cli/main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (name: 'stdout' | 'stderr') => (text: string) => {
      this[name] += text;
      for (const look of this.#waiting) look();
    };
    this.#child.stdout!.setEncoding('utf8').on('data', take('stdout'));
    this.#child.stderr!.setEncoding('utf8').on('data', take('stderr'));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#over = true;
        resolve(code ?? signal);
        for (const look of this.#waiting) look();
      });
    });
  }

  /** Settles once the process has written what matches; rejects when it ends without. */
  wrote(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.test(this.stdout) || pattern.test(this.stderr);
        if (!found && !this.#over) return;
        this.#waiting.delete(look);
        if (found) resolve();
        else reject(new Error(`ended without writing ${pattern}:\n${this.stdout}${this.stderr}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** For a test's end, whatever became of it. */
  kill(): void {
    if (!this.#over) this.#child.kill('SIGKILL');
  }

  /** The object in the last line of standard output. */
  get json(): Record<string, unknown> {
    return JSON.parse(this.stdout.trimEnd().split('\n').at(-1) as string) as Record<string, unknown>;
  }
}
