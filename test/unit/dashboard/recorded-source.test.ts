import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { noFaults } from '../../../sim/index.js';
import { RecordedSource } from '../../../src/dashboard/recorded-source.js';
import type { View } from '../../../src/dashboard/view-source.js';
import type { EpisodeWords, ExplanationWords, Frame, RobotWords, TrailWords } from '../../../src/dashboard/wire.js';
import { DecisionField } from '../../../src/memory/layout.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { decisionIn, type LoggedDecision } from '../../../src/telemetry/flight-log/log-decisions.js';
import { FlightLogReader } from '../../../src/telemetry/flight-log/log-reader.js';
import { logHeadlessRun } from '../../support/flight-recorder.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-recorded-'));
const robot: RobotWords = {
  name: 'robot',
  drive: 'differential',
  footprint: [],
  maxSpeed: 2,
  policy: 'linucb',
  periodS: 0.05,
  deadlineS: 0.025,
  timeoutS: { odometry: 1, ranges: 1, contacts: 1 },
  scene: 'clutter',
  kind: 'live',
  paced: false,
  saves: true,
};
let log: FlightLogReader;
let source: RecordedSource;
let decisions: LoggedDecision[] = [];
const asked: number[] = [];

beforeAll(async () => {
  const parameters = loadParameters([], { policy: 'linucb', controller_frequency: 20 });
  log = new FlightLogReader(
    await logHeadlessRun(folder, { parameters, faults: noFaults, episodes: 3, chunkBytes: 60_000 }),
  );
  decisions = [...log.messages({ topics: ['/rfsn/decision'] })].map(decisionIn);
  source = new RecordedSource(log, {
    name: 'a log',
    robot,
    explain: async (cycle) => {
      asked.push(cycle);
      return new Float64Array(200).fill(0.5);
    },
  });
});
afterAll(() => {
  source.close();
  log.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A page that keeps what it is shown. */
function looking(): { view: View; frames: Frame[] } {
  const frames: Frame[] = [];
  const view = source.view({
    frame: ({ atS, record, scan }) => frames.push({ atS, record: record.slice(), scan }),
    episode: () => undefined,
    notice: () => undefined,
  });
  return { view, frames };
}

const cycleOf = (frame: Frame | undefined) => frame?.record[DecisionField.cycle];
const secondsOf = (decision: LoggedDecision) => Number(decision.beganNs) / 1e9;

describe('a recording on a page', () => {
  it('has the log’s extent, and is a recording that can be paced', () => {
    expect(source.robot).toEqual({ ...robot, kind: 'recording', paced: true, saves: false });
    expect(source.extent.startS).toBeCloseTo(Number(log.startNs) / 1e9, 6);
    expect(source.extent.endS).toBeGreaterThan(source.extent.startS + 3);
  });

  it('is there before its episodes, and tells of each as it is found', async () => {
    const found = new RecordedSource(log, { name: 'again', robot });
    const told: number[] = [];
    const viewer = {
      frame: () => undefined,
      episode: (e: EpisodeWords) => told.push(e.episode),
      notice: () => undefined,
    };
    const view = found.view(viewer);
    expect(found.episodes).toEqual([]);
    await found.complete;
    expect(found.episodes.map(({ episode }) => episode)).toEqual([0, 1, 2]);
    expect(found.episodes.every(({ reward }) => reward === null)).toBe(true);
    expect(told).toEqual([0, 1, 2]);
    view.end();
    found.close();
  });

  it('looks for no more episodes once it is closed', async () => {
    const found = new RecordedSource(log, { name: 'closed', robot });
    found.close();
    await found.complete;
    expect(found.episodes).toEqual([]);
  });

  it('plays at the log’s pace, and stops at its end', () => {
    const { view, frames } = looking();
    expect(cycleOf(frames[0])).toBe(0);
    vi.advanceTimersByTime(1000);
    const after = cycleOf(frames[frames.length - 1]) as number;
    expect(after).toBeGreaterThanOrEqual(18);
    expect(after).toBeLessThanOrEqual(21);
    expect(view.status()).toMatchObject({ state: 'recording', paused: false, speed: 1, armed: true });
    expect(view.status().rateHz).toBeCloseTo(20, 0);
    vi.advanceTimersByTime(1000 * (source.extent.endS - source.extent.startS));
    expect(view.status().paused).toBe(true);
    expect(cycleOf(frames[frames.length - 1])).toBe(decisions.length - 1);
    expect(view.status()).toMatchObject({ cycles: decisions.length, episode: 3 });
    view.end();
  });

  it('stands while it is paused, goes decision by decision, and at another speed', async () => {
    const { view, frames } = looking();
    await view.ask({ do: 'pause', paused: true });
    vi.advanceTimersByTime(2000);
    expect(frames).toHaveLength(1);
    for (let step = 1; step <= 30; step++) {
      await view.ask({ do: 'step' });
      expect(cycleOf(frames[step])).toBe(step);
    }
    await view.ask({ do: 'speed', speed: 2 });
    await view.ask({ do: 'pause', paused: false });
    vi.advanceTimersByTime(500);
    const cycle = cycleOf(frames[frames.length - 1]) as number;
    expect(cycle).toBeGreaterThanOrEqual(48);
    expect(cycle).toBeLessThanOrEqual(51);
    await expect(view.ask({ do: 'speed', speed: 0 })).rejects.toThrow('times its own pace');
    view.end();
    const { length } = frames;
    vi.advanceTimersByTime(500);
    expect(frames).toHaveLength(length);
  });

  it('shows, wherever it is sent, the decision in force and the scan that it rests on', async () => {
    const { view, frames } = looking();
    await view.ask({ do: 'pause', paused: true });
    const scans = new Map([...log.messages({ topics: ['/scan'] })].map((scan) => [scan.sequence, scan]));
    for (const share of [0.9, 0.1, 0.5, 0.99, 0, 0.33]) {
      const decision = decisions[Math.floor(share * (decisions.length - 1))];
      await view.ask({ do: 'seek', atS: secondsOf(decision) });
      const frame = frames[frames.length - 1];
      expect(frame.record).toEqual(decision.record);
      expect(frame.atS).toBe(secondsOf(decision));
      const sequence = decision.record[DecisionField.rangesSequence];
      const ranges = scans.get(sequence)?.decode()['ranges'];
      if (sequence > 0) expect(frame.scan?.ranges).toEqual(ranges);
      expect(frame.scan?.rangeMax ?? 30).toBe(30);
    }
    // Beyond either end it is the end.
    await view.ask({ do: 'seek', atS: 0 });
    expect(cycleOf(frames[frames.length - 1])).toBe(0);
    await view.ask({ do: 'seek', atS: 1e12 });
    expect(cycleOf(frames[frames.length - 1])).toBe(decisions.length - 1);
    await expect(view.ask({ do: 'step' })).rejects.toThrow('the last decision');
    await expect(view.ask({ do: 'seek', atS: Number.NaN })).rejects.toThrow('a time');
    view.end();
  });

  it('explains a decision, and asks for what the log does not say', async () => {
    const { view } = looking();
    const chosen = decisions.find(({ record }) => !Number.isNaN(record[DecisionField.values]));
    const idle = decisions.find(({ record }) => Number.isNaN(record[DecisionField.values]));
    const cycle = chosen?.record[DecisionField.cycle] ?? -1;
    const words = (await view.ask({ do: 'explain', cycle })) as ExplanationWords;
    expect(words.cycle).toBe(cycle);
    expect(words.record[DecisionField.poseX]).toBe(chosen?.record[DecisionField.poseX]);
    expect(words.contributions).toHaveLength(200);
    expect(asked).toEqual([cycle]);
    const none = idle?.record[DecisionField.cycle] ?? 0;
    expect(((await view.ask({ do: 'explain', cycle: none })) as ExplanationWords).contributions).toBeNull();
    expect(asked).toEqual([cycle]);
    await expect(view.ask({ do: 'explain', cycle: decisions.length })).rejects.toThrow('no cycle');
    view.end();
  });

  it('shows the path driven since the robot was put down', async () => {
    const { view } = looking();
    await source.complete;
    const [first] = source.episodes;
    const { points } = (await view.ask({ do: 'trail', atS: first.atS, seconds: 60 })) as TrailWords;
    const driven = decisions.filter((decision) => secondsOf(decision) <= first.atS);
    expect(points.length / 2).toBeGreaterThan(driven.length / 2);
    expect(points.slice(-2)).toEqual([
      driven[driven.length - 1].record[DecisionField.poseX],
      driven[driven.length - 1].record[DecisionField.poseY],
    ]);
    const later = (await view.ask({ do: 'trail', atS: source.extent.endS, seconds: 3600 })) as TrailWords;
    expect(later.points.length / 2).toBeLessThan(decisions.length / 2 + 10);
    view.end();
  });

  it('takes no orders', async () => {
    await expect(source.control({ do: 'arm' })).rejects.toThrow('this is a recording');
    const { view } = looking();
    await expect(view.ask({ do: 'stop' })).rejects.toThrow('this is a recording');
    view.end();
  });
});
