import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Root of the checkout, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** The system's, for which distributions package pyzmq and msgpack; another one by the variable. */
export const PYTHON = process.env['RFSN_TEST_PYTHON'] ?? '/usr/bin/python3';
const CXX_FLAGS = ['-O1', '-std=c++17', '-Wall', '-Wextra', '-Werror'];

/** What is lacking to run the examples in Python; null where nothing is. */
export function missingPython(): string | null {
  const { status, error, stderr } = spawnSync(PYTHON, ['-c', 'import zmq, zmq.auth, msgpack'], { encoding: 'utf8' });
  if (error !== undefined) return `${PYTHON} cannot be run`;
  if (status === 0) return null;
  return `${PYTHON}: ${stderr.trim().split('\n').at(-1)}: apt install python3-zmq python3-msgpack`;
}

/** What is lacking to compile the examples in C++; null where nothing is. */
export function missingCpp(): string | null {
  const source = '#define MSGPACK_NO_BOOST\n#include <msgpack.hpp>\n#include <zmq.h>\n';
  const check = ['-std=c++17', '-fsyntax-only', '-x', 'c++', '-'];
  const { status, error, stderr } = spawnSync('g++', check, { encoding: 'utf8', input: source });
  if (error !== undefined) return 'g++ cannot be run: apt install g++';
  if (status === 0) return null;
  const line = stderr.split('\n').find((text) => text.includes('error:'));
  return `g++: ${line?.trim()}: apt install libzmq3-dev libmsgpack-cxx-dev`;
}

/** Compiles one source of the checkout into a folder of its own. @throws with what the compiler says, warnings included */
export function compileCpp(source: string, folder: string): string {
  const binary = join(folder, source.replaceAll(/[/.]/g, '-'));
  const { status, stderr } = spawnSync('g++', [...CXX_FLAGS, source, '-lzmq', '-o', binary], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`g++ ${source}:\n${stderr}`);
  return binary;
}

/** A folder outside the checkout. @returns its path, and what removes it */
export function makeFolder(): [path: string, remove: () => void] {
  const path = mkdtempSync(join(tmpdir(), 'rfsn-interop-'));
  return [path, () => rmSync(path, { recursive: true, force: true })];
}

/**
 * Tests that need something beside Node: skipped with what is missing in the title, and failed for it in CI, where
 * `.ci/run` installs everything.
 */
export function describeWith(title: string, missing: string | null, body: () => void): void {
  if (missing === null) describe(title, body);
  else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it('finds what it needs', () => expect(missing).toBeNull());
    });
  } else describe.skip(`${title} (skipped: ${missing})`, body);
}
