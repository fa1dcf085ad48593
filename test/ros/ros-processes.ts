/**
 * Real processes that talk over a real ROS 2, in a domain of the test file's own and on this host alone. Nothing stands in
 * for ROS: where none is sourced the tests are skipped, with the reason in their title.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe } from 'vitest';
import { findRclnodejs, RosMissingError } from '../../src/io/ros2/rcl-installation.js';
import { packageRoot } from '../../src/parameters/presets.js';

/** Why nothing can be tested here; empty where everything can. */
export const MISSING: string = missing();

function missing(): string {
  try {
    findRclnodejs(process.env);
    return '';
  } catch (error) {
    if (error instanceof RosMissingError) return error.message;
    throw error;
  }
}

/** Whether an interface package is in the sourced workspaces: `rfsn_controller` is once it was built with colcon. */
export function hasInterfaces(name: string): boolean {
  return (process.env['AMENT_PREFIX_PATH'] ?? '')
    .split(delimiter)
    .some((prefix) => existsSync(join(prefix, 'share/ament_index/resource_index/rosidl_interfaces', name)));
}

/**
 * A `describe` of tests against a real ROS, skipped with the reason in the title where there is none.
 *
 * @param packages of interfaces that it needs besides those of ROS itself
 */
export function describeRos(title: string, body: () => void, packages: readonly string[] = []): void {
  const absent = packages.filter((name) => !hasInterfaces(name));
  const reason = MISSING !== '' ? MISSING : absent.length > 0 ? `not in this shell: ${absent.join(', ')}` : '';
  if (reason === '') describe(title, body);
  else {
    // Reporters leave the titles of skipped tests out.
    console.warn(`${title}: skipped: ${reason}`);
    describe.skip(`${title} (skipped: ${reason})`, body);
  }
}

/** Ports of DDS reach to domain 101; 20 and up are left to tests, one for each test process. */
const DOMAIN = 20 + (process.pid % 80);
/** Bound of every wait: a machine that is busy with other things is slow, not wrong [ms]. */
const BOUND_MS = 30_000;

/** The interpreter that `ros2` itself runs with: the one for which rclpy was built. */
function python(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'ros2');
    if (!existsSync(path)) continue;
    const command = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(readFileSync(path, 'utf8'));
    if (command !== null) return command[1].endsWith('/env') ? command[2] : command[1];
  }
  return 'python3';
}

/** Waits until something holds. @param what for the message, where it does not within the bound */
export async function until<T>(look: () => T | Promise<T>, what: string, boundMs = BOUND_MS): Promise<NonNullable<T>> {
  const end = performance.now() + boundMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>;
    if (performance.now() > end) throw new Error(`waited for ${what}, in vain`);
    await delay(10);
  }
}

/** A process, with what it wrote. */
export class RosProcess {
  output = '';
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #over = false;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const take = (text: string) => {
      this.output += text;
    };
    this.#child.stdout.setEncoding('utf8').on('data', take);
    this.#child.stderr.setEncoding('utf8').on('data', take);
    // It may end before it has read everything.
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        this.#over = true;
        resolve(code ?? (signal as NodeJS.Signals));
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }
  get over(): boolean {
    return this.#over;
  }
  get stdin(): Writable {
    return this.#child.stdin;
  }
  get stdout(): Readable {
    return this.#child.stdout;
  }

  /** Settles with the match once the process has written what matches; rejects when it ends without. */
  async wrote(pattern: RegExp, boundMs = BOUND_MS): Promise<RegExpExecArray> {
    try {
      return await until(
        () => pattern.exec(this.output) ?? (this.#over ? raise('it ended') : null),
        `${pattern}`,
        boundMs,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}: never wrote ${pattern}, but\n${this.output}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** For a test's end, whatever became of it. */
  async kill(): Promise<void> {
    if (!this.#over) this.#child.kill('SIGKILL');
    await this.ended;
  }
}

function raise(message: string): never {
  throw new Error(message);
}

/** What a command wrote to its end. */
export interface Finished {
  readonly code: number | NodeJS.Signals;
  readonly output: string;
}

export type Quality = 'sensor' | 'reliable' | 'latched';
type Message = Readonly<Record<string, unknown>>;

/** Something that was heard on a topic. @param at by the peer's clock [s] */
export interface Heard<T = Record<string, never>> {
  readonly message: T;
  readonly at: number;
}

/** An rclpy node: see peer.py. */
export class RosPeer extends RosProcess {
  readonly #heard = new Map<string, Heard[]>();
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #id = 0;
  #ready = false;

  constructor(env: NodeJS.ProcessEnv, name: string, rosArguments: readonly string[]) {
    const script = join(packageRoot(), 'test/ros/peer.py');
    super(python(), [script, JSON.stringify({ name, ros: rosArguments })], env);
    createInterface({ input: this.stdout }).on('line', (line) => this.#take(line));
    void this.ended.then((code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the peer ended with ${code}:\n${this.output}`));
    });
  }

  async ready(): Promise<void> {
    await until(() => this.#ready || (this.over ? raise(`the peer ended:\n${this.output}`) : null), 'the peer');
  }

  advertise(topic: string, type: string, quality: Quality = 'reliable'): Promise<unknown> {
    return this.#order('advertise', { topic, type, quality });
  }
  /** @param stamped puts the time of publishing into the header */
  publish(
    topic: string,
    type: string,
    message: Message,
    quality: Quality = 'reliable',
    stamped = false,
  ): Promise<unknown> {
    return this.#order('publish', { topic, type, message, quality, stamped });
  }
  /** A message's bytes as they are, its encapsulation first. */
  publishRaw(topic: string, type: string, bytes: Uint8Array, quality: Quality = 'reliable'): Promise<unknown> {
    return this.#order('raw', { topic, type, bytes: [...bytes], quality });
  }
  /** Publishes at a rate from here on [Hz], stamped anew each time, until `silence` or another `repeat` of the topic. */
  repeat(
    topic: string,
    type: string,
    message: Message,
    rate: number,
    quality: Quality = 'reliable',
    stamped = true,
  ): Promise<unknown> {
    return this.#order('repeat', { topic, type, message, rate, quality, stamped });
  }
  silence(topic: string): Promise<unknown> {
    return this.#order('silence', { topic });
  }
  /** Ends what it publishes on a topic, as a process that ends does. */
  withdraw(topic: string): Promise<unknown> {
    return this.#order('withdraw', { topic });
  }
  subscribe(topic: string, type: string, quality: Quality = 'reliable', raw = false): Promise<unknown> {
    return this.#order('subscribe', { topic, type, quality, raw });
  }
  unsubscribe(topic: string): Promise<unknown> {
    return this.#order('unsubscribe', { topic });
  }
  /** Everything that was heard on a topic so far, in order. */
  heard<T = Record<string, never>>(topic: string): Heard<T>[] {
    return (this.#heard.get(topic) ?? []) as unknown as Heard<T>[];
  }
  /** Forgets what was heard. */
  forget(topic: string): void {
    this.#heard.delete(topic);
  }
  /** The first message on a topic that was, or will be, heard and is wanted. */
  async hears<T = Record<string, never>>(
    topic: string,
    wanted: (message: T) => boolean = () => true,
    boundMs = BOUND_MS,
  ): Promise<T> {
    const found = await until(
      () => this.heard<T>(topic).find(({ message }) => wanted(message)),
      `a message on ${topic}; the last was ${JSON.stringify(this.heard(topic).at(-1))?.slice(0, 500)}`,
      boundMs,
    );
    return found.message;
  }
  /** Waits for the service, then calls it. */
  call<Response = Record<string, unknown>>(service: string, type: string, request: Message = {}): Promise<Response> {
    return this.#order('call', { service, type, request });
  }
  /** Asks twice a second from here on, until `silence` of the service, and hears none of the answers. */
  callDeaf(service: string, type: string, request: Message = {}): Promise<unknown> {
    return this.#order('call_deaf', { service, type, request });
  }
  graph(topic: string): Promise<{ publishers: Endpoint[]; subscriptions: Endpoint[] }> {
    return this.#order('graph', { topic });
  }
  names(): Promise<{
    nodes: string[];
    topics: Record<string, string[]>;
    services: Record<string, string[]>;
  }> {
    return this.#order('names', {});
  }
  /** Whether the peer's own clock, which stamps what it publishes, follows /clock. */
  simulated(on: boolean): Promise<unknown> {
    return this.#order('simulated', { on });
  }

  #order<Result>(what: string, order: Message): Promise<Result> {
    const id = ++this.#id;
    return new Promise<Result>((resolve, reject) => {
      if (this.over) {
        reject(new Error(`the peer has ended:\n${this.output}`));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.stdin.write(`${JSON.stringify({ do: what, id, ...order })}\n`);
    });
  }

  #take(line: string): void {
    // Libraries write to the same place.
    if (!line.startsWith('{')) return;
    const event = JSON.parse(line) as {
      ready?: true;
      done?: number;
      result?: never;
      error?: string;
      topic?: string;
    } & Heard;
    if (event.ready) this.#ready = true;
    if (event.topic !== undefined) {
      const heard = this.#heard.get(event.topic) ?? [];
      heard.push({ message: event.message, at: event.at });
      this.#heard.set(event.topic, heard);
    }
    if (event.done === undefined) return;
    const waiting = this.#waiting.get(event.done);
    this.#waiting.delete(event.done);
    if (event.error === undefined) waiting?.resolve(event.result as never);
    else waiting?.reject(new Error(event.error));
  }
}

/** One end of a topic. */
export interface Endpoint {
  readonly node: string;
  readonly type: string;
  readonly reliability: string;
  readonly durability: string;
}

/** The processes of a test, or of a file of tests, and their end. */
export class RosProcesses {
  /** A folder that ends with them. */
  readonly folder = mkdtempSync(join(tmpdir(), 'rfsn-ros-'));
  readonly env: NodeJS.ProcessEnv;
  readonly #processes: RosProcess[] = [];

  constructor(domain = DOMAIN) {
    this.env = {
      ...process.env,
      ROS_DOMAIN_ID: String(domain),
      ROS_AUTOMATIC_DISCOVERY_RANGE: 'LOCALHOST',
      // What Humble reads in its place.
      ROS_LOCALHOST_ONLY: process.env['ROS_DISTRO'] === 'humble' ? '1' : '0',
      ROS_LOG_DIR: this.folder,
      RCUTILS_COLORIZED_OUTPUT: '0',
      PYTHONUNBUFFERED: '1',
    };
  }

  /** Any program. */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): RosProcess {
    const started = new RosProcess(command, args, { ...this.env, ...env });
    this.#processes.push(started);
    return started;
  }

  /** A TypeScript module of this project, run from the sources. @param path from the project's root */
  module(path: string, ...args: string[]): RosProcess {
    const root = packageRoot();
    const hooks = pathToFileURL(join(root, 'test/support/typescript-hooks.mjs')).href;
    return this.start(process.execPath, ['--import', hooks, join(root, path), ...args]);
  }

  /** `rfsn …`. */
  rfsn(...args: string[]): RosProcess {
    return this.module('src/cli/main.ts', ...args);
  }

  /** A Python script of test/ros, with the interpreter of ROS. */
  python(script: string, ...args: string[]): RosProcess {
    return this.start(python(), [join(packageRoot(), 'test/ros', script), ...args]);
  }

  /** An rclpy node that does as it is told. */
  async peer(name = 'peer', rosArguments: readonly string[] = []): Promise<RosPeer> {
    const peer = new RosPeer(this.env, name, rosArguments);
    this.#processes.push(peer);
    await peer.ready();
    return peer;
  }

  /** `ros2 …`, to its end. */
  async ros2(...args: string[]): Promise<Finished> {
    const started = this.start('ros2', args);
    started.stdin.end();
    const code = await started.ended;
    return { code, output: started.output };
  }

  /** Ends what is still running. */
  async close(): Promise<void> {
    await Promise.all(this.#processes.splice(0).map((started) => started.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
