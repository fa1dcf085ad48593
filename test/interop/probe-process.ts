import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface ProbeState {
  twist: number[];
  goodFor: number;
  connected: boolean;
  sessions: number;
  answers: number;
  resent: number;
}

/** A client library in a process of its own, told line by line what to do (probe.py, probe.cpp). */
export class Probe {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  constructor(command: string, ...args: string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** @throws where the process ended instead of answering */
  async do(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the probe ended at "${line}": ${this.#stderr}`);
    return value;
  }

  async state(): Promise<ProbeState> {
    const [vx, vy, yawRate, goodFor, connected, sessions, answers, resent] = (await this.do('state'))
      .split(' ')
      .map((word) => (word === 'inf' ? Number.POSITIVE_INFINITY : Number(word)));
    return { twist: [vx, vy, yawRate], goodFor, connected: connected === 1, sessions, answers, resent };
  }

  /** How much was ignored, by why. */
  async ignored(): Promise<Map<string, number>> {
    const text = await this.do('ignored');
    const pairs = text === '' ? [] : text.split('|').map((pair) => pair.split(/=(?=\d+$)/));
    return new Map(pairs.map(([name, count]) => [name, Number(count)]));
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  end(): void {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGKILL');
  }
}
