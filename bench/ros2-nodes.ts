/** The nodes that are measured over ROS, each in a process of its own: what they need to be started, or why they are not. */
import { type ChildProcess, execFile, fork, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findRclnodejs, RosMissingError } from '../src/io/ros2/rcl-installation.js';
import { packageRoot } from '../src/parameters/presets.js';
import { NAMESPACE } from './ros2-driver.js';
import type { HeapAnswer } from './ros2-heap-probe.js';

const clients = join(packageRoot(), 'bench', 'ros2-clients');
const fromSource = import.meta.url.endsWith('.ts');
const ABSENT = { skipped: 'the sources of the echoes are not part of this installation' };
/** How long a compiler may take, and a node to end [ms]. */
const COMPILE_BOUND_MS = 300_000;
const END_BOUND_MS = 15_000;
/** Of the kernel's clock ticks, in which it tells processor time. */
const TICKS_PER_S = 100;

/** What starts a node. */
export type StartNode = () => MeasuredNode;
/** It, or why there is none. */
export type NodeOrReason = StartNode | { skipped: string };

/** Why nothing can be measured here; empty where it can. Keeps what is measured on this machine and in a domain of its own. */
export function whyNoRos(): string {
  try {
    findRclnodejs(process.env);
  } catch (error) {
    if (error instanceof RosMissingError) return error.message;
    throw error;
  }
  process.env['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST';
  process.env['ROS_DOMAIN_ID'] = String(90 + (process.pid % 10));
  return '';
}

export class MeasuredNode {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    this.#ended = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#stderr += error.message;
        resolve(null);
      });
      child.on('close', (code) => resolve(code));
    });
  }

  /** Processor time so far [s]; NaN where the kernel does not tell. */
  cpuSeconds(): number {
    const path = `/proc/${this.#child.pid}/stat`;
    if (!existsSync(path)) return Number.NaN;
    const fields = readFileSync(path, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
  }

  /** Of the process; NaN where the kernel does not tell. */
  residentBytes(): number {
    const path = `/proc/${this.#child.pid}/status`;
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN);
  }

  /** What is left after a collection; of a node that has the probe. */
  heap(): Promise<HeapAnswer> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', resolve as (answer: unknown) => void);
      this.#child.send('collect', (error) => error && reject(error));
    });
  }

  /** Ends it as Ctrl-C does. @returns what it wrote to standard output. @throws Error with what it said, where it did not end well */
  async end(): Promise<string> {
    this.#child.kill('SIGINT');
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), END_BOUND_MS);
    const code = await this.#ended;
    clearTimeout(bound);
    if (code !== 0)
      throw new Error(`${this.#child.spawnargs.slice(0, 4).join(' ')} ended with ${code}: ${this.#stderr}`);
    return this.#stdout;
  }
}

const namespace = ['--ros-args', '-r', `__ns:=${NAMESPACE}`];

/**
 * The controller as users start it.
 *
 * @param set parameters
 * @param collects whether it can be asked for its heap, for which it needs a flag of Node's
 */
export function controllerNode(set: Readonly<Record<string, string | number>>, collects = false): MeasuredNode {
  const settings = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const probe = new URL(`./ros2-heap-probe.${fromSource ? 'ts' : 'js'}`, import.meta.url).href;
  return forked(
    '../src/cli/main',
    ['run', '--port', 'ros2', '--json', ...settings, ...namespace],
    [...(collects ? ['--expose-gc', '--import', probe] : [])],
  );
}

/** The simulated robot. @param args besides those that make it one on ROS */
export function simulatorNode(args: readonly string[]): MeasuredNode {
  return forked('../src/cli/main', ['sim', '--port', 'ros2', '--json', ...args, ...namespace]);
}

/** A node that only echoes, on rclnodejs. */
export function rclnodejsEcho(): MeasuredNode {
  return forked('./ros2-echo', namespace);
}

/** A node that only echoes, on rclpy, with the first Python that has it. */
export function rclpyEcho(): NodeOrReason {
  if (!existsSync(clients)) return ABSENT;
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status } = spawnSync(python, ['-c', 'import rclpy, nav_msgs, geometry_msgs, sensor_msgs'], {
      stdio: 'ignore',
    });
    if (status !== 0) continue;
    return () => new MeasuredNode(spawn(python, [join(clients, 'echo.py'), ...namespace]));
  }
  return { skipped: 'no python3 has rclpy and common_interfaces' };
}

/** A node that only echoes, on rclcpp. @param folder to compile it in */
export async function rclcppEcho(folder: string): Promise<NodeOrReason> {
  if (!existsSync(clients)) return ABSENT;
  const prefixes = (process.env['AMENT_PREFIX_PATH'] ?? '').split(':');
  if (!prefixes.some((prefix) => existsSync(join(prefix, 'share', 'rclcpp')))) {
    return { skipped: 'rclcpp is not installed' };
  }
  const run = promisify(execFile);
  const options = { timeout: COMPILE_BOUND_MS, maxBuffer: 2 ** 24 };
  try {
    await run('cmake', ['-S', join(clients, 'rclcpp_echo'), '-B', folder, '-DCMAKE_BUILD_TYPE=Release'], options);
    await run('cmake', ['--build', folder], options);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return { skipped: 'there is no cmake' };
    throw error;
  }
  return () => new MeasuredNode(spawn(join(folder, 'echo'), namespace));
}

function forked(module: string, args: string[], execArgv: string[] = []): MeasuredNode {
  const hooks = new URL('../test/support/typescript-hooks.mjs', import.meta.url).href;
  const path = new URL(`${module}.${fromSource ? 'ts' : 'js'}`, import.meta.url);
  return new MeasuredNode(
    fork(path, args, {
      execArgv: [...(fromSource ? ['--import', hooks] : []), ...execArgv],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    }),
  );
}
