import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/parameters/presets.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-summary-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function summary(report: string | undefined): { status: number | null; stdout: string } {
  const path = join(folder, 'report.json');
  rmSync(path, { force: true });
  if (report !== undefined) writeFileSync(path, report);
  return spawnSync(process.execPath, [join(packageRoot(), 'scripts', 'ci-summary.mjs'), path], {
    cwd: packageRoot(),
    encoding: 'utf8',
  });
}

function report(numPassedTests: number, testResults: readonly object[]): string {
  return JSON.stringify({ numPassedTests, numFailedTests: 1, testResults });
}

const FAILED = {
  name: join(packageRoot(), 'test', 'unit', 'some.test.ts'),
  status: 'failed',
  assertionResults: [
    { status: 'passed', fullName: 'a robot drives' },
    {
      status: 'failed',
      fullName: 'a robot stops',
      failureMessages: ['\u001b[31mAssertionError: expected 1 to be +0\u001b[39m\n    at some.test.ts:3:5'],
    },
  ],
};
const PASSED = { name: '/x/other.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] };

describe('the end of .ci/run', () => {
  it('holds vitest’s counts on its last line', () => {
    const { status, stdout } = summary(report(2, [FAILED, PASSED]));
    expect([status, stdout.split('\n').slice(-2)]).toEqual([0, ['2 passed, 1 failed', '']]);
    expect(summary(report(2, [PASSED])).stdout).toBe('2 passed, 0 failed\n');
  });

  it('says which test failed and with what, since the log above it may be cut off', () => {
    const { stdout } = summary(report(2, [PASSED, FAILED]));
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `FAILED ${join('test', 'unit', 'some.test.ts')}: a robot stops`,
      '    AssertionError: expected 1 to be +0',
      '        at some.test.ts:3:5',
    ]);
  });

  it('shows the head of a message that is long', () => {
    const failureMessages = [Array.from({ length: 100 }, (_, k) => `line ${k}`).join('\n')];
    const file = { ...FAILED, assertionResults: [{ status: 'failed', fullName: 'long', failureMessages }] };
    const { stdout } = summary(report(2, [file]));
    expect(stdout).toContain('    line 5\n');
    expect(stdout).not.toContain('line 50');
  });

  it('counts a file that did not load as failed, which vitest’s count of tests leaves out', () => {
    const file = { ...FAILED, assertionResults: [], message: 'Cannot find module' };
    const { stdout } = summary(report(5, [file]));
    expect(stdout).toContain(`${join('test', 'unit', 'some.test.ts')}: (the file itself)\n    Cannot find module\n`);
    expect(stdout.endsWith('\n5 passed, 1 failed\n')).toBe(true);
  });

  it('is there, with an exit code of 1, when no test ran', () => {
    for (const text of [undefined, '', '{"numPassedTests": 1']) {
      const { status, stdout } = summary(text);
      expect([status, stdout]).toEqual([1, '0 passed, 0 failed\n']);
    }
  });
});
