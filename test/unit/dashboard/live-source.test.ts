import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveSource } from '../../../src/dashboard/live-source.js';
import type { Viewer } from '../../../src/dashboard/view-source.js';
import type { EpisodeWords, ExplanationWords, Frame, Notice, TrailWords } from '../../../src/dashboard/wire.js';
import { DecisionField, Driver, EXPLANATION_DOUBLES } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';
import { PlayedRobot, recordOf } from '../../support/page-rig.js';

/** Keeps copies of what a page is told. */
class KeepingViewer implements Viewer {
  readonly frames: Frame[] = [];
  readonly episodes: EpisodeWords[] = [];
  readonly notices: Notice[] = [];
  frame({ atS, record, scan }: Frame): void {
    const ranges = scan?.ranges.slice() ?? new Float32Array(0);
    this.frames.push({ atS, record: record.slice(), scan: scan === null ? null : { ...scan, ranges } });
  }
  episode(episode: EpisodeWords): void {
    this.episodes.push(episode);
  }
  notice(notice: Notice): void {
    this.notices.push(notice);
  }
}

function rig(words = {}) {
  const robot = new PlayedRobot(words);
  const source = new LiveSource(robot);
  const viewer = new KeepingViewer();
  return { robot, source, viewer };
}

/** A decision of the policy's, of which everything is told that the figures are made of. */
function chosen(
  cycle: number,
  action: number,
  values: readonly number[],
  distribution: readonly number[],
): Float64Array {
  const record = recordOf(cycle, { action, driver: Driver.policy, allowed: 0xff });
  record.set(values, DecisionField.values);
  record.set(distribution, DecisionField.distribution);
  return record;
}
const VALUES = [0, 1, 2, 3, 4, 5, 6, 7];
const EVEN = new Array<number>(8).fill(1 / 8);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('frames of a robot at work', () => {
  it('are the controller’s records, with the scan that each rests on and not a newer one', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    for (let cycle = 0; cycle < 30; cycle++) {
      const beams = Float32Array.from([cycle, Number.NaN, Number.NEGATIVE_INFINITY]);
      const rangesSequence = 2 * cycle + 1;
      robot.scan(rangesSequence, beams);
      robot.scan(rangesSequence + 1, Float32Array.from([99]));
      const record = recordOf(cycle, { rangesSequence, startNs: cycle * 2e7 + 5, poseX: cycle / 10 });
      robot.decide(record);
      vi.advanceTimersByTime(20);
      const frame = viewer.frames.at(-1) as Frame;
      expect(frame.record).toEqual(record);
      expect(frame.atS).toBe((cycle * 2e7 + 5) / 1e9);
      expect(frame.scan?.angleMin).toBe(-rangesSequence);
      expect(frame.scan?.mountX).toBe(0.5);
      expect(frame.scan?.ranges).toEqual(beams);
    }
    expect(viewer.frames).toHaveLength(30);
  });

  it('carry no scan where theirs is not kept any more', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    for (let sequence = 1; sequence <= 17; sequence++) robot.scan(sequence, new Float32Array(2));
    robot.decide(recordOf(0, { rangesSequence: 1 }));
    vi.advanceTimersByTime(20);
    robot.decide(recordOf(1, { rangesSequence: 2 }));
    vi.advanceTimersByTime(20);
    expect(viewer.frames.map(({ scan }) => scan?.angleMin ?? null)).toEqual([null, -2]);
  });

  it('show the newest of the decisions that come together, the same object to all', () => {
    const { robot, source } = rig();
    const given: Frame[] = [];
    const viewer = (): Viewer => ({ frame: (frame) => given.push(frame), episode: () => {}, notice: () => {} });
    source.view(viewer());
    source.view(viewer());
    for (let cycle = 0; cycle < 10; cycle++) robot.decide(recordOf(cycle));
    vi.advanceTimersByTime(40);
    expect(given.map(({ record }) => record[0])).toEqual([9, 9]);
    expect(given[0]).toBe(given[1]);
  });

  it('are no more than a display shows, however many decisions there are', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    for (let cycle = 0; cycle < 2000; cycle++) {
      robot.decide(recordOf(cycle));
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(20);
    expect(viewer.frames.length).toBeGreaterThan(80);
    expect(viewer.frames.length).toBeLessThanOrEqual(101);
    expect(viewer.frames.at(-1)?.record[0]).toBe(1999);
  });

  it('begin with the newest that there is, and end with the view', () => {
    const { robot, source, viewer } = rig();
    robot.decide(recordOf(4));
    const view = source.view(viewer);
    expect(viewer.frames.map(({ record }) => record[0])).toEqual([4]);
    view.end();
    robot.decide(recordOf(5));
    vi.advanceTimersByTime(100);
    expect(viewer.frames).toHaveLength(1);
  });

  it('are not made, and no timer runs, while nobody looks', () => {
    const { robot, source, viewer } = rig();
    for (let cycle = 0; cycle < 100; cycle++) robot.decide(recordOf(cycle));
    expect(vi.getTimerCount()).toBe(0);
    source.view(viewer).end();
    robot.decide(recordOf(100));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('come no more from a source that was closed', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    robot.decide(recordOf(1));
    source.close();
    expect(robot.decisions.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an opened decision', () => {
  it('is explained while somebody looks, and asked for only then', async () => {
    const { robot, source, viewer } = rig();
    expect(robot.explained).toBe(0);
    const views = [source.view(viewer), source.view(new KeepingViewer())];
    expect(robot.explained).toBe(1);
    robot.decide(recordOf(7, { reward: Number.NaN, action: 3 }));
    const explanation = Float64Array.from({ length: EXPLANATION_DOUBLES }, (_, i) => (i === 0 ? 7 : i / 3));
    robot.explanation(explanation);
    const opened = (await views[0].ask({ do: 'explain', cycle: 7 })) as ExplanationWords;
    expect(opened.cycle).toBe(7);
    expect(opened.record[DecisionField.action]).toBe(3);
    expect(opened.record[DecisionField.reward]).toBeNull();
    expect(opened.contributions).toEqual([...explanation].slice(1));
    views[0].end();
    views[0].end();
    expect(robot.explained).toBe(1);
    views[1].end();
    expect(robot.explained).toBe(0);
  });

  it('without an explanation is shown without one', async () => {
    const { robot, source, viewer } = rig();
    const view = source.view(viewer);
    robot.decide(recordOf(7));
    expect(await view.ask({ do: 'explain', cycle: 7 })).toMatchObject({ cycle: 7, contributions: null });
  });

  it('is there for a minute, and later said not to be', async () => {
    const { robot, source, viewer } = rig({ periodS: 0.1 });
    const view = source.view(viewer);
    for (let cycle = 0; cycle < 700; cycle++) robot.decide(recordOf(cycle, { poseX: cycle }));
    expect(await view.ask({ do: 'explain', cycle: 100 })).toMatchObject({ cycle: 100 });
    await expect(view.ask({ do: 'explain', cycle: 99 })).rejects.toThrow('cycle 99 is not kept');
    await expect(view.ask({ do: 'explain', cycle: 700 })).rejects.toThrow('cycle 700 is not kept');
    await expect(view.ask({ do: 'seek', atS: 0 })).rejects.toThrow('another time than now');
  });
});

describe('the path driven', () => {
  it('is the robot’s places since it was put down, within the time asked for', async () => {
    const { robot, source, viewer } = rig();
    const view = source.view(viewer);
    const drive = (cycle: number, poseX: number) => robot.decide(recordOf(cycle, { poseX, poseY: 1 }));
    drive(0, 9);
    drive(50, 0);
    drive(51, 0.01);
    drive(100, 0.1);
    drive(150, 0.2);
    const path = async (atS: number, seconds: number) =>
      ((await view.ask({ do: 'trail', atS, seconds })) as TrailWords).points;
    expect(await path(100, 100)).toEqual([0, 1, 0.1, 1, 0.2, 1]);
    expect(await path(2, 0.5)).toEqual([0.1, 1]);
  });
});

describe('an episode', () => {
  it('has the squared error of the value that the rewarded decision was chosen by', () => {
    const { robot, source } = rig();
    robot.decide(chosen(0, 2, VALUES, EVEN));
    robot.decide(chosen(1, 5, VALUES, EVEN));
    const paid = chosen(2, 7, VALUES, [0, 0, 0, 0, 0, 0, 0.25, 0.75]);
    paid[DecisionField.reward] = 4;
    paid[DecisionField.rewardSum] = 6;
    paid[DecisionField.rewardCount] = 2;
    paid[DecisionField.rewardedCycle] = 1;
    paid[DecisionField.reason] = Reason.obstacle;
    paid[DecisionField.driftAlarms] = 1;
    robot.decide(paid);
    // Told to stand, and none to choose from: neither is a choice of the policy's, nor an intervention.
    robot.decide(recordOf(3, { driver: Driver.stop, reason: Reason.noGoal, driftAlarms: 1 }));
    robot.clockNs = 3e9;
    const viewer = new KeepingViewer();
    source.view(viewer);
    source.endEpisode({ episode: 4, outcome: 'success', timeS: 2 });
    expect(viewer.episodes).toEqual(source.episodes);
    expect(source.episodes).toEqual([
      {
        episode: 4,
        outcome: 'success',
        timeS: 2,
        atS: 3,
        reward: 3,
        loss: (4 - 5) ** 2,
        exploration: (7 / 8 + 7 / 8 + 1 / 4) / 3,
        driftAlarms: 1,
        interventions: 1,
      },
    ]);
    source.endEpisode({ episode: 5, outcome: 'timeout', timeS: 9 });
    expect(source.episodes[1]).toMatchObject({
      reward: null,
      loss: null,
      exploration: null,
      driftAlarms: 0,
      interventions: 0,
    });
  });

  it('is not told of where an operator sent the robot elsewhere, and its decisions are not the next one’s', () => {
    const { source, viewer } = rig();
    source.view(viewer);
    source.endEpisode({ episode: 6, outcome: 'success', timeS: 3 }, false);
    expect([source.episodes, viewer.episodes]).toEqual([[], []]);
    expect(source.view(viewer).status().episode).toBe(7);
  });

  it('is kept with the newest 2000, and success is a share of the newest 50', () => {
    const { source, viewer } = rig();
    const view = source.view(viewer);
    expect(view.status()).toMatchObject({ success: null, episode: 0 });
    for (let episode = 0; episode < 2100; episode++) {
      source.endEpisode({ episode, outcome: episode >= 2090 ? 'success' : 'timeout', timeS: 1 });
    }
    expect(source.episodes.map(({ episode }) => episode)).toEqual(Array.from({ length: 2000 }, (_, i) => i + 100));
    vi.advanceTimersByTime(200);
    expect(view.status()).toMatchObject({ success: 10 / 50, episode: 2100 });
  });
});

describe('how things stand', () => {
  it('is the robot’s figures with ages that grow until the next decision, unless time stands still', () => {
    const { robot, source, viewer } = rig();
    const view = source.view(viewer);
    expect(view.status().ageS).toEqual({ odometry: null, ranges: null, contacts: null });
    robot.decide(recordOf(50, { odometryAgeNs: 1e7, rangesAgeNs: 2e7, contactsAgeNs: Number.POSITIVE_INFINITY }));
    robot.clockNs = 3e9;
    robot.figured = { cycles: 51 };
    vi.advanceTimersByTime(200);
    expect(view.status()).toMatchObject({ atS: 3, cycles: 51, ageS: { odometry: 2.01, ranges: 2.02, contacts: null } });
    robot.figured = { paused: true };
    vi.advanceTimersByTime(200);
    expect(view.status().ageS).toEqual({ odometry: 0.01, ranges: 0.02, contacts: null });
  });

  it('is made once for all who ask at a time', () => {
    const { source, viewer } = rig();
    const views = [source.view(viewer), source.view(viewer)];
    expect(views[0].status()).toBe(views[1].status());
  });
});

describe('orders', () => {
  it('are carried out by the robot, and every page is told', async () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    expect(await source.control({ do: 'goal', x: 1, y: 2 })).toEqual({ text: 'did goal' });
    expect(await source.control({ do: 'checkpoints' })).toEqual({ text: 'did checkpoints' });
    expect(robot.orders.map((order) => order.do)).toEqual(['goal', 'checkpoints']);
    expect(viewer.notices.map(({ text }) => text)).toEqual(['did goal']);
  });

  it('are told to a page that opens later too, the last thirty of them', async () => {
    const { source, viewer } = rig();
    await source.control({ do: 'stop' });
    source.view(viewer);
    expect(viewer.notices.map(({ text }) => text)).toEqual(['STOP: did stop']);
    for (let i = 0; i < 50; i++) source.notice('info', String(i));
    const late = new KeepingViewer();
    source.view(late);
    expect(late.notices.map(({ text }) => text)).toEqual(Array.from({ length: 30 }, (_, i) => String(20 + i)));
  });

  it('that fail say why and tell nobody else', async () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    robot.orderGate = Promise.reject(new Error('no disk'));
    await expect(source.control({ do: 'save' })).rejects.toThrow('no disk');
    expect(viewer.notices).toEqual([]);
  });

  it('a drift alarm of before it came is none', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    robot.decide(recordOf(100, { driftAlarms: 3 }));
    expect(viewer.notices).toEqual([]);
    robot.decide(recordOf(101, { driftAlarms: 4 }));
    expect(viewer.notices).toHaveLength(1);
  });

  it('a drift alarm is a notice', () => {
    const { robot, source, viewer } = rig();
    source.view(viewer);
    robot.decide(recordOf(0));
    robot.decide(recordOf(1, { driftAlarms: 1 }));
    robot.decide(recordOf(2, { driftAlarms: 1 }));
    expect(viewer.notices.map(({ level }) => level)).toEqual(['warning']);
  });
});
