import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/program.js';
import { captureOutput } from '../../support/command-line.js';

const folder = join(import.meta.dirname, '../../../../shared/data/bandit');
const haveData = existsSync(folder);

const written = captureOutput();

// One order of three, for time: they differ by less than 0.01, and the bounds are further away than that.
describe.skipIf(!haveData)('the default configuration [needs ../shared/data/bandit]', () => {
  it.each([
    ['satimage', 'none', 0.193],
    ['pendigits', 'none', 0.118],
    ['satimage', 'rotate', 0.22],
    ['pendigits', 'rotate', 0.156],
  ])('on %s with drift %s errs in at most %d', { timeout: 120_000 }, async (name, drift, bound) => {
    const file = join(folder, `${name}.data`);
    expect(await run(['bakeoff', file, '--drift', drift, '--shuffles', '1', '--no-plot', '--json'])).toBe(0);
    const { results } = JSON.parse(written.out) as { results: { default: boolean; error_rate: number }[] };
    expect(results).toHaveLength(1);
    expect(results[0].default).toBe(true);
    expect(results[0].error_rate).toBeLessThan(bound);
  });
});
