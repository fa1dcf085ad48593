/**
 * A flight log read by a reader that is not ours: the `mcap` package for Python with its ROS 2 support, which knows nothing
 * but what the file says of itself.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DecisionField } from '../../src/memory/layout.js';
import { FlightLog } from '../../src/telemetry/flight-log/flight-log.js';
import { TOPICS } from '../../src/telemetry/flight-log/topics.js';
import { describeWith, makeFolder, ROOT } from '../support/languages.js';
import { decisionInto, LoggedRun } from '../support/logged-run.js';

/** An environment of its own: distributions do not package these two. */
const MCAP_PYTHON = process.env['RFSN_MCAP_PYTHON'] ?? 'python3';

function missingMcap(): string | null {
  const { status, error, stderr } = spawnSync(MCAP_PYTHON, ['-c', 'import mcap.reader, mcap_ros2.decoder'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return `${MCAP_PYTHON} cannot be run`;
  if (status === 0) return null;
  const line = stderr.trim().split('\n').at(-1);
  return `${MCAP_PYTHON}: ${line}: pip install mcap mcap-ros2-support, and RFSN_MCAP_PYTHON for a Python that has them`;
}

describeWith('a flight log in Python', missingMcap(), () => {
  const [folder, remove] = makeFolder();
  const run = new LoggedRun(60);
  const CYCLES = 700;
  const taken: Record<string, number> = {};
  let names: string[] = [];

  beforeAll(async () => {
    const log = await FlightLog.open(folder, {
      what: 'interop',
      clock: run.clock,
      library: 'rfsn-controller',
      policy: 'lin-ts',
      metadata: { seed: '7', parameters: '{"policy":"lin-ts"}' },
      learned: { data: new Uint8Array(1000), file: 'm.rfsn' },
      maxFileBytes: 1_200_000,
      chunkBytes: 50_000,
      tell: (text) => expect.fail(text),
    });
    run.setGoal(log, 1, 2);
    log.checkpoint({ event: 'saved', file: 'Größe.rfsn', formatVersion: 1, updates: 3, cycles: 4, episodes: 1 });
    for (let i = 0; i < 7; i++) {
      run.drive(log, CYCLES / 7);
      await log.flush();
    }
    log.episode({
      episode: 0,
      outcome: 'timeout',
      atFault: false,
      redirected: false,
      timeS: 60,
      reward: 0,
      loss: 0,
      exploration: 0,
      driftAlarms: 0,
      interventions: 0,
      barnScore: 0,
    });
    log.tuning(1, Float64Array.of(1, 2, 0.1));
    log.restore(1, 'm.rfsn', { policy: new Uint8Array(3), scaler: new Uint8Array(5) });
    await log.close();
    names = readdirSync(folder)
      .filter((name) => name.startsWith('2'))
      .sort();
    Object.assign(taken, {
      '/odom': CYCLES,
      '/tf': CYCLES,
      '/scan': CYCLES / 5,
      '/contacts': CYCLES / 5,
      '/cmd_vel': CYCLES,
      '/rfsn/decision': CYCLES,
      '/rfsn/explanation': CYCLES,
      '/rfsn/reading': CYCLES + (2 * CYCLES) / 5 + 1,
      '/rfsn/checkpoint': 1,
      '/rfsn/episode': 1,
      '/rfsn/tuning': 1,
      '/rfsn/restore': 1,
      // Repeated in each further part.
      '/goal_pose': names.length,
      '/tf_static': names.length,
      '/rfsn/state': CYCLES / 100 + names.length - 1,
    });
  });
  afterAll(remove);

  // biome-ignore lint/suspicious/noExplicitAny: what the script prints
  function read(name: string): any {
    const args = [join(ROOT, 'test/interop/read_flight_log.py'), join(folder, name)];
    const { status, stdout, stderr } = spawnSync(MCAP_PYTHON, args, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  }

  it('every message of every part is decoded, and there are as many of each topic as were logged', () => {
    expect(names.length).toBeGreaterThan(1);
    const sums: Record<string, number> = {};
    for (const name of names) {
      const { counts, indexed } = read(name);
      expect(counts).toEqual(indexed);
      for (const [topic, count] of Object.entries(counts)) sums[topic] = (sums[topic] ?? 0) + Number(count);
    }
    expect(sums).toEqual(taken);
  });

  it('it says what each topic is, what run it is of, and what is attached', () => {
    const found = read(names[0]);
    expect(found.profile).toBe('ros2');
    expect(found.types).toEqual(Object.fromEntries(TOPICS.map(({ name, type }) => [name, type])));
    expect(found.metadata.rfsn).toMatchObject({ seed: '7', part: '1', policy: 'lin-ts', learned_from: 'm.rfsn' });
    expect(found.attachments).toEqual({ 'learned-state': 1000 });
  });

  it('numbers are what they were', () => {
    const found = read(names[0]);
    expect(found.odometry).toEqual({ sequence: 1, frame: 'odom', y: 0, w: 1, yaw_rate: 0.1, sec: 1_795_280_400 });
    expect(found.scan).toEqual({ sequence: 1, beams: 60, third: Math.fround(2 + Math.sin(0.3)), failed: 4 });
    expect(found.static).toEqual(['base_link', 'laser', 0.2]);
    const { cycle } = found.decision;
    const record = new Float64Array(run.record.length);
    decisionInto(record, cycle);
    expect(found.decision).toEqual({
      cycle,
      policy_id: 'lin-ts',
      action: record[DecisionField.action],
      raw: [...record.slice(DecisionField.raw, DecisionField.raw + 24)],
      values: [...record.slice(DecisionField.values, DecisionField.values + 8)],
      probability: record[DecisionField.probability],
      compute_ns: record[DecisionField.computeNs],
    });
    expect(found.explanation).toEqual(Array.from({ length: 30 }, (_, i) => (i + 1) / 4));
    expect(found.reading.slice(0, 6)).toEqual([0, 0, 1, 0, 1, 2]);
    expect(found.checkpoint).toBe('Größe.rfsn');
  });
});
