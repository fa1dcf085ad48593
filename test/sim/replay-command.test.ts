import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/checkpoint/checkpoint-error.js';
import { registerReplayCommand } from '../../src/cli/replay-command.js';
import { UsageError } from '../../src/cli/usage.js';
import { RecordingError } from '../../src/io/replay/recording-error.js';
import { captureOutput } from '../support/command-line.js';
import {
  CHATTER,
  type Entry,
  fileOf,
  ODOM,
  odometryBytes,
  record,
  SCAN,
  scanBytes,
  storedLz4,
} from '../unit/io/replay/recorder.js';

const written = captureOutput();

/** Runs `rfsn replay` in this process. */
async function replay(...args: string[]) {
  written.out = '';
  written.err = '';
  const program = new Command('rfsn').exitOverride();
  registerReplayCommand(program);
  await program.parseAsync(['replay', ...args], { from: 'user' });
  return { stdout: written.out, stderr: written.err, exitCode: process.exitCode };
}

async function figuresOf(...args: string[]) {
  await replay(...args, '--json');
  // Standard output ends with one JSON object on a line of its own.
  return JSON.parse(written.out.trimEnd().split('\n').at(-1) ?? '');
}

const OPEN_RANGES = new Array(181).fill(9);

/**
 * A robot in the open that drives at 1 m/s along +x, turns left on the spot, and drives on along +y; odometry at 20 Hz
 * and scans at 10 Hz, both within the default time limits.
 */
function cornerDrive(): Entry[] {
  const entries: Entry[] = [];
  for (let tick = 0; tick <= 400; tick++) {
    const seconds = tick / 20;
    const stampNs = 1e12 + seconds * 1e9;
    const turn = Math.min(Math.max(seconds - 9, 0), 2);
    const pose = { x: Math.min(seconds, 9), y: Math.max(seconds - 11, 0), yaw: (turn / 2) * (Math.PI / 2) };
    const moving = turn === 0 || turn === 2;
    const motion = { vx: moving ? 1 : 0, yawRate: moving ? 0 : Math.PI / 4 };
    entries.push({ channel: ODOM, logTimeNs: stampNs, data: odometryBytes({ stampNs, ...pose, ...motion }) });
    if (tick % 2 === 0) {
      entries.push({ channel: SCAN, logTimeNs: stampNs, data: scanBytes({ stampNs, ranges: OPEN_RANGES }) });
    }
  }
  return entries;
}

describe('rfsn replay', () => {
  it('reports what was read, what would have been decided, and what safety would have done', async () => {
    const path = fileOf(await record(cornerDrive(), { compressChunk: storedLz4 }));
    const figures = await figuresOf(path, '--policy', 'fallback');
    expect(figures).toMatchObject({
      odometry: 401,
      scans: 201,
      out_of_order: 0,
      repeated: 0,
      rejected: 0,
      messages: 602,
      recording: 'complete',
      duration_s: 20,
      cycles: 1001,
      deadline_misses: 0,
      decisions: 0,
      pauses: 0,
    });
    expect(figures.goals).toBe(21);
    const { fallback_cycles, standing_cycles, interventions, interventions_by_reason } = figures;
    expect(fallback_cycles + standing_cycles).toBe(1001);
    expect(Object.values<number>(interventions_by_reason).reduce((sum, count) => sum + count, 0)).toBe(interventions);
    expect(figures.features.velocity_x).toEqual({ min: 0, max: 1 });
    expect(figures.features.obstacle_0).toEqual({ min: 9, max: 9 });
    // In the open the rule heads for where the robot was in five seconds, which is mostly where it went.
    expect(figures.compared).toBeGreaterThan(700);
    expect(figures.adjacent_sector).toBeGreaterThan(0.75);
    expect(figures.same_sector).toBeGreaterThan(0.6);
    expect(figures.robot_speed).toBeCloseTo(1, 1);
  });

  it('decides the same on every run of a seed, learns nothing, and another seed decides otherwise', async () => {
    const path = fileOf(await record(cornerDrive()));
    const first = await figuresOf(path, '--seed', '7');
    expect(first.decisions).toBeGreaterThan(700);
    expect(first.decisions_by_action.reduce((sum: number, count: number) => sum + count, 0)).toBe(first.decisions);
    expect(await figuresOf(path, '--seed', '7', '--frozen')).toEqual(first);
    expect((await figuresOf(path, '--seed', '8')).decisions_by_action).not.toEqual(first.decisions_by_action);
  });

  it('counts irregular stamps and what was rejected for them', async () => {
    const stamps = [0, 1, 1, 0.5, 2, 2, 2, 3];
    const entries = stamps.map((seconds, index) => ({
      channel: ODOM,
      logTimeNs: index * 1e8,
      data: odometryBytes({ stampNs: seconds * 1e9 }),
    }));
    const figures = await figuresOf(fileOf(await record(entries)));
    expect(figures).toMatchObject({
      odometry: 8,
      scans: 0,
      scan_topic: null,
      out_of_order: 1,
      repeated: 3,
      rejected: 4,
      rejected_odometry: { stamp_back: 1, stamp_still: 3, not_finite: 0 },
      decisions: 0,
    });
    expect(figures.features.obstacle_0).toEqual({ min: null, max: null });
    expect(figures.interventions_by_reason.stale_ranges).toBeGreaterThan(0);
  });

  it('steps over a long pause and goes on', async () => {
    const entries = cornerDrive();
    for (const entry of cornerDrive()) entries.push({ ...entry, logTimeNs: Number(entry.logTimeNs) + 7200e9 });
    const figures = await figuresOf(fileOf(await record(entries)));
    expect(figures.pauses).toBe(1);
    expect(figures.duration_s).toBe(7220);
    expect(figures.cycles).toBeLessThan(2100);
  });

  it('tells a person the same, with what to set for a log that is slower than a robot', async () => {
    const slow = cornerDrive().filter((_, index) => index % 60 === 0);
    slow.push({ channel: CHATTER, logTimeNs: 1e12, data: new Uint8Array(5) });
    slow.push({ channel: SCAN, logTimeNs: 1e12 + 19e9, data: scanBytes({ stampNs: 1e12 + 19e9 }) });
    slow.push({ channel: ODOM, logTimeNs: 1e12 + 20e9, data: odometryBytes({ stampNs: 1e12, yaw: 1 }) });
    const { stdout, stderr, exitCode } = await replay(fileOf(await record(slow)));
    expect([stderr, exitCode]).toEqual(['', undefined]);
    expect(stdout).toMatch(/topic +\/chatter \(std_msgs\/msg\/String\), 1 messages, not used/);
    expect(stdout).toMatch(/odometry comes every \d\.\d+ s on average: --set odometry_timeout_s=/);
    expect(stdout).toMatch(/rejected +stamp_back 1/);
    expect(stdout).toMatch(/goal_bearing +-?\d/);
  });

  it('reports what could be read of a cut-off file, and exits with 1', async () => {
    const bytes = await record(cornerDrive());
    const path = fileOf(bytes.subarray(0, bytes.length >> 1));
    const { stdout, stderr, exitCode } = await replay(path, '--json');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/cut off at byte \d+.*what could be read is reported/);
    const figures = JSON.parse(stdout);
    expect(figures.recording).toBe('cut-off');
    expect(figures.odometry).toBeGreaterThan(150);
    expect(figures.cycles).toBeGreaterThan(300);
  });

  it('refuses what it cannot replay: the file is at fault, or the command line', async () => {
    const path = fileOf(await record(cornerDrive()));
    const noMcap = fileOf(new TextEncoder().encode('odometry: 1\n'));
    const noOdometry = fileOf(await record([{ channel: SCAN, logTimeNs: 1, data: scanBytes({}) }]));
    await expect(replay(noMcap)).rejects.toThrow(RecordingError);
    await expect(replay(join(tmpdir(), 'not-there.mcap'))).rejects.toThrow(/cannot be opened/);
    await expect(replay(noOdometry)).rejects.toThrow(/no nav_msgs\/msg\/Odometry; it has \/scan/);
    await expect(replay(path, '--odom', '/odometry')).rejects.toThrow(UsageError);
    await expect(replay(path, '--scan', '/odom')).rejects.toThrow(UsageError);
    await expect(replay(path, '--policy', 'best')).rejects.toThrow(/Allowed choices are bandit, linucb/);
  });

  it('starts untrained from a folder without checkpoints, and not from one where none is good', async () => {
    const path = fileOf(await record(cornerDrive()));
    const folder = mkdtempSync(join(tmpdir(), 'rfsn-replay-model-'));
    try {
      const untrained = await figuresOf(path, '--seed', '1');
      expect(await figuresOf(path, '--seed', '1', '--model', join(folder, 'absent'))).toEqual(untrained);
      mkdirSync(join(folder, 'bad'));
      writeFileSync(join(folder, 'bad', 'checkpoint-000000001.rfsn'), 'no checkpoint');
      await expect(replay(path, '--model', join(folder, 'bad'))).rejects.toThrow(CheckpointError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
