import { describe, expect, it } from 'vitest';
import { Counter, StatisticsWindow } from '../../../src/loop/statistics.js';
import { CommandField, DecisionField, Driver, FEEDBACK_RECORDS } from '../../../src/memory/layout.js';
import { isOverride, Reason } from '../../../src/memory/reason.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { PendingCount } from '../../../src/policy/pending-rewards.js';
import { LoopRig } from './loop-rig.js';

const FEEDBACK = { 'reward.source': 'feedback', epsilon: 1, exploration_strategy: 'epsilon' } as const;

/** A robot under way in the open that is paid from outside. */
function paid(overrides: ConstructorParameters<typeof LoopRig>[0] = {}): LoopRig {
  const r = new LoopRig({ ...FEEDBACK, ...overrides });
  r.goal(100, 0);
  r.cycles(10);
  return r;
}

/** Goes on until a decision can be learned from. @returns its id */
function decide(r: LoopRig): number {
  for (let i = 0; i < 100; i++) {
    r.cycle();
    if (r.field('driver') === Driver.policy && !isOverride(r.field('reason'))) return r.field('cycle');
  }
  return expect.fail('nothing was decided');
}

const counted = (r: LoopRig, name: keyof typeof PendingCount) =>
  r.loop.statistics.counters[Counter.feedback + PendingCount[name]];

describe('a cycle that is paid by feedback', () => {
  it('pays nothing by itself', () => {
    const r = paid();
    r.cycles(100);
    expect([r.updates, r.loop.statistics.counters[Counter.learned]]).toEqual([0, 0]);
    expect(r.field('reward')).toBeNaN();
    expect(r.field('rewardedCycle')).toBeNaN();
  });

  it('learns a reward for the decision that it names, in the cycle after, and says so', () => {
    const r = paid();
    const id = decide(r);
    const slot = r.memory.command;
    expect([slot.doubles[slot.readIndex][CommandField.cycle], r.command.cycle]).toEqual([id, id]);
    r.cycles(7);
    r.sink.feedback(id, 0.75, 0);
    r.cycle();
    expect(['reward', 'rewardedCycle', 'rewardSum', 'rewardCount'].map((name) => r.field(name as 'reward'))).toEqual([
      ...[0.75, id],
      ...[0.75, 1],
    ]);
    expect([r.updates, r.field('updates')]).toEqual([1, 1]);
    r.cycle();
    expect(r.field('rewardedCycle')).toBeNaN();
    r.sink.feedback(id, 0.75, 0);
    r.cycle();
    expect([r.updates, counted(r, 'joined'), counted(r, 'duplicate')]).toEqual([1, 1, 1]);
  });

  it('never learns from a decision that safety overrode', () => {
    const r = paid();
    r.cycle({ latenessNs: 0.7 * r.stepNs });
    expect(r.field('reason')).toBe(Reason.deadlineMissed);
    r.sink.feedback(r.field('cycle'), 1, 0);
    r.cycle();
    expect([r.updates, counted(r, 'ignored'), counted(r, 'joined')]).toEqual([0, 1, 0]);
  });

  it.each<[string, (r: LoopRig) => void, number]>([
    ['it has arrived', (r) => r.goal(r.x, r.y, 5), Reason.arrived],
    ['its goal is withdrawn', (r) => r.sink.cancelGoal(r.nowNs, r.nowNs), Reason.noGoal],
    ['its ranges have stopped', (r) => Object.assign(r, { ranges: false }), Reason.staleRanges],
  ])('still learns what a decision was worth when %s', (_what, cause, reason) => {
    const r = paid();
    const id = decide(r);
    cause(r);
    r.cycles(60);
    expect(r.field('reason')).toBe(reason);
    r.sink.feedback(id, -0.5, 0);
    r.cycle();
    expect([r.updates, r.field('rewardedCycle')]).toEqual([1, id]);
  });

  it('learns over a new goal and a new place, which void only what the cycle itself would pay', () => {
    const r = paid();
    const id = decide(r);
    r.goal(-50, 3);
    r.sink.newFrame();
    r.cycles(3);
    r.sink.feedback(id, 1, 0);
    r.cycle();
    expect(r.updates).toBe(1);
  });

  it.each<[string, (r: LoopRig) => void]>([
    ['disarmed', (r) => r.order('armed', 0)],
    ['frozen', (r) => r.order('freeze', 1)],
  ])('takes a reward in and learns nothing of it while it is %s', (_what, cause) => {
    const r = paid();
    const id = decide(r);
    const before = r.loop.exportScaler();
    cause(r);
    r.sink.feedback(id, 1, 0);
    r.cycle();
    expect([r.updates, r.field('rewardSum'), counted(r, 'joined')]).toEqual([0, 1, 1]);
    expect(r.loop.exportScaler()).toEqual(before);
  });

  it('gives decisions up in their time, by the clock that dates observations', () => {
    const r = paid({ 'feedback.timeout_s': 0.2 });
    const id = decide(r);
    r.cycles(9);
    expect(counted(r, 'expired')).toBeLessThanOrEqual(10);
    r.cycles(3);
    r.sink.feedback(id, 1, 0);
    r.cycle();
    expect([counted(r, 'late'), r.updates]).toEqual([1, 0]);
    expect(r.loop.statistics.counters[Counter.waiting]).toBeLessThanOrEqual(10);
  });

  it('holds no more decisions than it was given room for', () => {
    const r = paid({ 'feedback.capacity': 3 });
    r.cycles(20);
    expect(counted(r, 'overwritten')).toBe(counted(r, 'expired'));
    expect(counted(r, 'overwritten')).toBeGreaterThan(5);
    expect(r.loop.statistics.counters[Counter.waiting]).toBe(3);
  });

  it('refuses what is out of the declared range', () => {
    const r = paid({ 'feedback.reward_min': 0, 'feedback.reward_max': 2 });
    const id = decide(r);
    for (const reward of [-0.1, 2.1, 2]) r.sink.feedback(id, reward, 0);
    r.cycle();
    expect([counted(r, 'refused'), counted(r, 'joined'), r.field('reward')]).toEqual([2, 1, 2]);
  });

  it('counts what came faster than it was read', () => {
    const r = paid();
    for (let i = 0; i < FEEDBACK_RECORDS + 100; i++) r.sink.feedback(1e6 + i, 1, 0);
    r.cycles(40);
    expect(r.loop.statistics.counters[Counter.feedbackDropped]).toBe(100);
    expect(counted(r, 'unknown')).toBe(FEEDBACK_RECORDS);
  });

  it('tells a window what came in its time, and how many wait now', () => {
    const r = paid();
    const window = new StatisticsWindow(r.loop.statistics);
    for (let i = 0; i < 2; i++) {
      const id = decide(r);
      r.sink.feedback(id, 1, 0);
      r.cycle();
      window.advance();
      expect(window.counters[Counter.feedback + PendingCount.joined]).toBe(1);
      expect(window.counters[Counter.waiting]).toBe(r.loop.statistics.counters[Counter.waiting]);
    }
  });
});

describe('a cycle that pays by itself', () => {
  it('says which decision a reward was for, and ignores feedback', () => {
    const r = new LoopRig({ epsilon: 0, exploration_strategy: 'epsilon' });
    r.goal(100, 0);
    r.cycles(30);
    // The horizon of the rig is 0.1 s, five cycles.
    expect(r.field('rewardedCycle')).toBe(r.field('cycle') - 5);
    r.sink.feedback(r.field('cycle'), 99, 0);
    r.cycle();
    expect(r.field('reward')).toBeLessThan(50);
    expect(counted(r, 'ignored')).toBe(1);
    expect(counted(r, 'joined')).toBe(0);
  });
});

describe('the watch for drift', () => {
  it('is seen in the record and the counters, without the alarms of an earlier run', () => {
    const r = new LoopRig();
    let alarms = 0;
    Object.defineProperty(r.loop.policy, 'driftAlarms', { get: () => alarms });
    r.goal(100, 0);
    r.cycle();
    expect([r.field('driftAlarms'), r.loop.statistics.counters[Counter.driftAlarms]]).toEqual([0, 0]);
    alarms = 2;
    r.cycle();
    expect([r.record[DecisionField.driftAlarms], r.loop.statistics.counters[Counter.driftAlarms]]).toEqual([2, 2]);
  });
});

describe('the watch for drift of a policy that has one', () => {
  it('raises an alarm in the cycle in which rewards are no longer what they were', () => {
    const r = paid({ policy: 'linucb', drift: 'alarm', drift_minimum: 20, drift_threshold: 20 });
    let first = -1;
    for (let i = 0; i < 200 && first < 0; i++) {
      const id = decide(r);
      // Small and even at first, then large and by turns.
      r.sink.feedback(id, i < 100 ? 0.01 * (i % 2) : i % 2 === 0 ? 50 : -50, 0);
      r.cycle();
      if (r.field('driftAlarms') > 0) first = i;
    }
    expect(first).toBeGreaterThanOrEqual(100);
    expect(first).toBeLessThan(130);
    expect(r.loop.statistics.counters[Counter.driftAlarms]).toBe(1);
    expect(r.loop.policy.stats().driftAlarms).toBe(1);
  });
});

describe('the parameters of feedback', () => {
  it.each([
    [{ 'feedback.reward_min': 1, 'feedback.reward_max': 0 }, 'feedback.'],
    [{ 'feedback.reward_min': 1, 'feedback.reward_max': 1, 'feedback.expired_reward': 1 }, 'feedback.reward_max'],
    [{ 'feedback.expired_reward': 101 }, 'feedback.reward_max'],
    [{ 'feedback.expired_reward': -101 }, 'feedback.expired_reward'],
    [{ 'feedback.capacity': 0 }, 'feedback.capacity'],
    [{ 'feedback.timeout_s': 0 }, 'feedback.timeout_s'],
    [{ 'reward.source': 'both' }, 'cycle, feedback'],
  ])('are refused where they contradict each other: %o', (set, message) => {
    expect(() => loadParameters([], set)).toThrow(message);
  });
});
