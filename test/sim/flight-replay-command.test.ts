import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noFaults } from '../../sim/index.js';
import { run } from '../../src/cli/program.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { captureOutput } from '../support/command-line.js';
import { logHeadlessRun } from '../support/flight-recorder.js';

const written = captureOutput();
const folder = mkdtempSync(join(tmpdir(), 'rfsn-replay-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let path = '';
beforeAll(async () => {
  const parameters = loadParameters([], { policy: 'linucb', controller_frequency: 20 });
  path = await logHeadlessRun(folder, { parameters, faults: noFaults, episodes: 1, chunkBytes: 60_000 });
});

describe('rfsn replay on a flight log', () => {
  it('repeats it and says so, in words and in figures', async () => {
    expect(await run(['replay', path, '--json'])).toBe(0);
    const figures = written.lastJson<{ decisions: number; repeated: number; result: string }>();
    expect(figures).toMatchObject({ result: 'same', policy: 'linucb', parts: 1, notes: [], differs_at_cycle: null });
    expect(figures.repeated).toBe(figures.decisions);
    written.out = '';
    expect(await run(['replay', path])).toBe(0);
    expect(written.out).toContain(`result        ${figures.repeated} decisions repeated bit for bit\n`);
    expect(written.out).toContain('nothing learned before');
  });

  it('repeats what there is of one that was cut, with a note, and ends with 0', async () => {
    const cut = join(folder, 'cut.mcap');
    const bytes = readFileSync(path);
    // On a virtual clock decisions are written a hundred at a time.
    writeFileSync(cut, bytes.subarray(0, Math.floor(0.95 * bytes.length)));
    expect(await run(['replay', cut])).toBe(0);
    expect(written.out).toMatch(/note {10}cut\.mcap: it is cut off in the record that begins at byte \d+\n/);
    expect(written.out).toMatch(/result {8}\d+ decisions repeated bit for bit\n/);
  });

  it('refuses what would set the run up otherwise, and takes it for any recording where it is asked to', async () => {
    expect(await run(['replay', path, '--set', 'policy=lints'])).toBe(2);
    expect(written.err).toContain('--set: a flight log is repeated as it was; with --shadow');
    expect(await run(['replay', path, '--shadow', '--set', 'policy=lints', '--json'])).toBe(0);
    expect(written.lastJson()).toMatchObject({ odometry_topic: '/odom', scan_topic: '/scan', recording: 'complete' });
  });
});

describe('rfsn explain', () => {
  it('prints the decision of a cycle, and refuses a place that the log has not', async () => {
    expect(await run(['explain', path, '--at', '#12', '--json'])).toBe(0);
    const figures = written.lastJson<{ cycle: number; features: unknown[] }>();
    expect(figures.cycle).toBe(12);
    expect(figures.features.length).toBeGreaterThanOrEqual(24);
    expect(await run(['explain', path, '--at', '1.0'])).toBe(0);
    expect(written.out).toContain('decision  #');
    expect(await run(['explain', path, '--at', '#123456'])).toBe(2);
    expect(written.err).toContain('the log has no such decision; it has');
    expect(await run(['explain', path, '--at', 'noon'])).toBe(2);
  });
});
