/** Cycles on the time that steps bear, beside a clock that runs at another speed. */
import { describe, expect, it } from 'vitest';
import { Counter } from '../../../src/loop/statistics.js';
import { DECISION_DOUBLES, DecisionField, Order, OrderBit } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';
import { LoopRig } from './loop-rig.js';

/** On the controller's clock whatever cycles are dated by; and what dates them. */
const CLOCK_FIELDS: readonly number[] = [
  DecisionField.scheduledNs,
  DecisionField.latenessNs,
  DecisionField.computeNs,
  DecisionField.periodNs,
  DecisionField.startNs,
  DecisionField.stretch,
];
const OF_DECISIONS = Array.from({ length: DECISION_DOUBLES }, (_, i) => i).filter((i) => !CLOCK_FIELDS.includes(i));

function rigged(overrides: ConstructorParameters<typeof LoopRig>[0] = {}): LoopRig {
  const rig = new LoopRig({ policy: 'bandit', ...overrides });
  // A wall to the left, and something in the way.
  rig.rangeAt = (angle) => (Math.abs(angle - 1.5) < 0.6 ? 1.2 : Math.abs(angle) < 0.1 ? 2 : Number.POSITIVE_INFINITY);
  rig.goal(30, 2);
  return rig;
}

/** Drives in a stretch whose time is `aheadNs` before the clock's. */
function driveAhead(rig: LoopRig, cycles: number, aheadNs: number): void {
  for (let i = 0; i < cycles; i++) {
    rig.step(rig.nowNs - aheadNs);
    rig.cycle({ clockNs: rig.nowNs - aheadNs });
  }
}

describe('steps that bear a time', () => {
  it.each([
    ['twenty times as fast', 1 / 20],
    ['twenty times as slow', 20],
  ])('make decisions, payments and memories what they are on the clock, to the bit, %s', (_, pace) => {
    const records = (dated: boolean) => {
      const rig = rigged();
      const all: number[][] = [];
      for (let i = 0; i < 300; i++) {
        const clockNs = i * rig.stepNs * pace;
        if (dated) rig.step(clockNs);
        rig.cycle(dated ? { clockNs } : {});
        // What starts cycles is an order, and the only one that differs.
        rig.record[DecisionField.orders] &= ~OrderBit.scheduled;
        all.push(OF_DECISIONS.map((field) => rig.record[field]));
      }
      expect(rig.updates).toBeGreaterThan(100);
      return all;
    };
    expect(records(true)).toEqual(records(false));
  });

  it('leave lateness, computing time, period and the main thread’s life to the clock', () => {
    const rig = rigged({ heartbeat_timeout_s: 0.5 });
    rig.heartbeat = false;
    for (let i = 0; i < 40; i++) {
      rig.step(i * 1e6);
      rig.cycle({ clockNs: i * 1e6, latenessNs: 2e5, computeNs: 3e5 });
    }
    expect(rig.field('scheduledNs')).toBe(39e6);
    expect(rig.field('latenessNs')).toBe(2e5);
    expect(rig.field('computeNs')).toBe(3e5);
    expect(rig.field('periodNs')).toBe(1e6);
    // 0.8 s of the robot's time, 40 ms of the clock's.
    expect(rig.field('reason')).not.toBe(Reason.heartbeatLost);
    rig.step(0.7e9);
    rig.cycle({ clockNs: 0.7e9 });
    expect(rig.field('reason')).toBe(Reason.heartbeatLost);
  });

  it('do not let time fall, should one', () => {
    const rig = rigged();
    driveAhead(rig, 10, 0);
    rig.odometry = false;
    rig.ranges = false;
    const newestNs = rig.nowNs - rig.stepNs;
    rig.nowNs = newestNs - 1e9;
    driveAhead(rig, 1, 0);
    expect(rig.loop.observation.nowNs).toBe(newestNs);
    expect(rig.field('odometryAgeNs')).toBe(0);
  });
});

describe('silence after such a step', () => {
  it('makes readings stale after the clock’s own timeout, and the robot goes on where its time stood', () => {
    const rig = rigged({ odometry_timeout_s: 0.2, ranges_timeout_s: 0.3 });
    const aheadNs = 3600e9;
    driveAhead(rig, 50, aheadNs);
    expect(rig.command.vx).toBeGreaterThan(0);
    const lastNs = rig.nowNs - rig.stepNs;
    rig.odometry = false;
    rig.ranges = false;
    rig.cycle({ clockNs: lastNs - aheadNs + 0.19e9 });
    expect(rig.field('odometryAgeNs')).toBe(0.19e9);
    expect(rig.field('reason')).not.toBe(Reason.staleOdometry);
    rig.cycle({ clockNs: lastNs - aheadNs + 5e9 });
    expect(rig.field('reason')).toBe(Reason.staleOdometry);
    expect(rig.loop.observation.nowNs).toBe(lastNs);
    rig.odometry = true;
    rig.ranges = true;
    rig.nowNs = lastNs + rig.stepNs;
    rig.step(lastNs - aheadNs + 5.1e9);
    rig.cycle({ clockNs: lastNs - aheadNs + 5.1e9 });
    expect(rig.loop.observation.nowNs).toBe(lastNs + rig.stepNs);
    expect(rig.field('odometryAgeNs')).toBe(0);
    expect(rig.field('reason')).not.toBe(Reason.staleOdometry);
  });
});

describe('after the last of such steps', () => {
  /** In a stretch that ran an hour ahead, touched at the front by something that nobody else sees. */
  function touched(): LoopRig {
    const rig = rigged();
    rig.contacts = [0, 0, 0, 0];
    driveAhead(rig, 100, 3600e9);
    rig.contacts = [50, 0, 0, 0];
    driveAhead(rig, 5, 3600e9);
    expect(rig.field('reason')).toBe(Reason.contactEscape);
    expect(rig.loop.statistics.counters[Counter.waiting]).toBeGreaterThan(0);
    rig.contacts = null;
    return rig;
  }

  it('time is the clock’s again, and nothing that was dated ahead of it counts', () => {
    const rig = touched();
    rig.order('stretch', 0);
    rig.odometry = false;
    rig.ranges = false;
    rig.nowNs -= 3600e9;
    rig.cycle();
    expect(rig.loop.observation.nowNs).toBe(rig.nowNs - rig.stepNs);
    expect(rig.field('odometryAgeNs')).toBe(Number.POSITIVE_INFINITY);
    expect(rig.field('rangesAgeNs')).toBe(Number.POSITIVE_INFINITY);
    expect(rig.loop.observation.contactsAgeNs).toBe(Number.POSITIVE_INFINITY);
    expect(rig.field('reason')).toBe(Reason.staleOdometry);
    expect(rig.loop.statistics.counters[Counter.waiting]).toBe(0);
  });

  it('no decision waits for feedback any more: its time would not run out until the clock had caught up', () => {
    const rig = rigged({ 'reward.source': 'feedback' });
    driveAhead(rig, 20, 3600e9);
    expect(rig.loop.statistics.counters[Counter.waiting]).toBe(20);
    rig.order('stretch', 0);
    rig.nowNs -= 3600e9;
    rig.sink.newFrame();
    rig.cycle();
    expect(rig.loop.statistics.counters[Counter.waiting]).toBeLessThanOrEqual(1);
  });

  it.each([
    ['on the clock', (rig: LoopRig) => rig.order('stretch', 0)],
    ['in another stretch', (rig: LoopRig) => rig.step(rig.nowNs, 2)],
  ])('the robot drives as one that has never been there, %s', (_, enter) => {
    const rig = touched();
    const fresh = rigged();
    rig.nowNs -= 3600e9;
    fresh.nowNs = rig.nowNs;
    fresh.x = rig.x;
    fresh.y = rig.y;
    fresh.yaw = rig.yaw;
    for (const each of [rig, fresh]) each.sink.newFrame();
    const reasons = [rig, fresh].map((each) => {
      enter(each);
      return Array.from({ length: 50 }, () => {
        if (each.memory.orders[Order.stretch] === 2) each.step(each.nowNs, 2);
        each.cycle();
        return [each.field('reason'), each.field('odometryAgeNs'), each.field('rangesAgeNs')];
      });
    });
    expect(reasons[0]).toEqual(reasons[1]);
    expect(rig.loop.observation.nowNs).toBe(fresh.loop.observation.nowNs);
  });
});
