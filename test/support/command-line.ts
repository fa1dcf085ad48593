import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

/** What this process wrote since the test under way began, or since a test emptied it. */
export interface Written {
  /** To standard output. */
  out: string;
  /** To standard error. */
  err: string;
  /** The object that standard output ends with. */
  lastJson<T = Record<string, unknown>>(): T;
}

/** Keeps what each test of the file makes this process write from the terminal, for the test to read. */
export function captureOutput(): Written {
  const written: Written = {
    out: '',
    err: '',
    lastJson: () => JSON.parse(written.out.trimEnd().split('\n').at(-1) as string),
  };
  beforeEach(() => {
    written.out = '';
    written.err = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      written.out += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      written.err += String(chunk);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });
  return written;
}

/** Gives each test of the file an empty folder of its own. @returns the path of what lies there, or of the folder itself */
export function temporaryFolder(): (...names: string[]) => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rfsn-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  return (...names) => join(folder, ...names);
}
