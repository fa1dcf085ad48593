import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noFaults } from '../../sim/index.js';
import { FlightRepeat } from '../../src/cli/flight-repeat.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { POLICY_NAMES } from '../../src/policy/create-policy.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { logHeadlessRun } from '../support/logged-run.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-repeat-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;
const freshFolder = () => join(folder, String(runs++));

const faults = { ...noFaults, laserNoise: 0.02, packetLoss: 0.05, sensorLatencyMaxS: 0.03 };

describe('repeating a run on the virtual clock', () => {
  it.each([...POLICY_NAMES, 'fallback'])('finds every decision the same, policy %s', async (policy) => {
    const parameters = loadParameters([], { policy, random_seed: 7, controller_frequency: 30 });
    const path = await logHeadlessRun(freshFolder(), { parameters, faults, episodes: 2, scenario: 'moving' });
    const log = new FlightLogReader(path);
    const repeat = new FlightRepeat(log);
    const end = repeat.run();
    log.close();
    expect(end).toEqual({ state: 'same', difference: null, detail: '' });
    expect(log.notes).toEqual([]);
    expect(repeat.repeated).toBe(log.counts.get('/rfsn/decision'));
    expect(repeat.repeated).toBeGreaterThan(60);
  });
});
