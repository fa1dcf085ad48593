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
  return spawnSync(process.execPath, [join(packageRoot(), 'scripts', 'ci-summary.mjs'), path], { encoding: 'utf8' });
}

describe('the last line of .ci/run', () => {
  it('holds vitest’s counts', () => {
    const testResults = [
      { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    const { status, stdout } = summary(JSON.stringify({ numPassedTests: 2, numFailedTests: 1, testResults }));
    expect([status, stdout]).toEqual([0, '2 passed, 1 failed\n']);
  });

  it('counts a file that did not load as failed, which vitest’s count of tests leaves out', () => {
    const testResults = [{ status: 'failed', assertionResults: [] }];
    expect(summary(JSON.stringify({ numPassedTests: 5, numFailedTests: 0, testResults })).stdout).toBe(
      '5 passed, 1 failed\n',
    );
  });

  it('is there, with an exit code of 1, when no test ran', () => {
    for (const report of [undefined, '', '{"numPassedTests": 1']) {
      const { status, stdout } = summary(report);
      expect([status, stdout]).toEqual([1, '0 passed, 0 failed\n']);
    }
  });
});
