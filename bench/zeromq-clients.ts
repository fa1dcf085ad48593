/** The clients of examples/zeromq in the languages that are there: what they need to be measured, or why they are not. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/parameters/presets.js';

const examples = join(packageRoot(), 'examples', 'zeromq');
const programs = join(packageRoot(), 'bench', 'zeromq-clients');
/** How long a compiler, or a client beyond its time, may take [ms]. */
const BOUND_MS = 120_000;

export interface RoundTrips {
  round_trips: number;
  seconds: number;
  p50_ns: number;
  p99_ns: number;
}

/** A client that can be run. */
export type RunClient = (endpoint: string, rate: number, seconds: number) => Promise<RoundTrips>;
/** It, or why there is none. */
export type Client = RunClient | { skipped: string };

/** With the first Python that has pyzmq and msgpack. */
export function pythonClient(): Client {
  if (!existsSync(examples)) return { skipped: 'the examples are not part of this installation' };
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status } = spawnSync(python, ['-c', 'import zmq, msgpack'], { stdio: 'ignore' });
    if (status !== 0) continue;
    const program = join(programs, 'round_trips.py');
    return (endpoint, rate, seconds) => roundTrips(python, [program, examples, endpoint, `${rate}`, `${seconds}`]);
  }
  return { skipped: 'no python3 has zmq and msgpack (Debian: python3-zmq, python3-msgpack)' };
}

/** @param folder to compile it in */
export async function cppClient(folder: string): Promise<Client> {
  if (!existsSync(examples)) return { skipped: 'the examples are not part of this installation' };
  const program = join(folder, 'round_trips');
  const source = join(programs, 'round_trips.cpp');
  try {
    await promisify(execFile)('g++', ['-O2', '-std=c++17', `-I${examples}`, source, '-lzmq', '-o', program], {
      timeout: BOUND_MS,
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT') return { skipped: 'there is no g++ (Debian: g++)' };
    const missing = /fatal error: (zmq\.h|msgpack\.hpp)/.exec(stderr ?? '');
    if (missing === null && !/cannot find -lzmq/.test(stderr ?? '')) throw error;
    return { skipped: 'libzmq or msgpack-c is missing (Debian: libzmq3-dev, libmsgpack-cxx-dev)' };
  }
  return (endpoint, rate, seconds) => roundTrips(program, [endpoint, `${rate}`, `${seconds}`]);
}

async function roundTrips(command: string, args: string[]): Promise<RoundTrips> {
  const { stdout } = await promisify(execFile)(command, args, { timeout: BOUND_MS });
  return JSON.parse(stdout) as RoundTrips;
}
