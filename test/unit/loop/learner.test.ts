import { describe, expect, it } from 'vitest';
import { Learner } from '../../../src/loop/learner.js';
import { FEEDBACK_DOUBLES } from '../../../src/memory/layout.js';
import { Observation } from '../../../src/memory/observation.js';
import { RecordRing } from '../../../src/memory/record-ring.js';
import { PENDING_COUNTS, PendingCount } from '../../../src/policy/pending-rewards.js';
import { PolicyInputError } from '../../../src/policy/policy.js';
import { RandomPolicy } from '../../../src/policy/random-policy.js';
import { REWARD_INPUT_COUNT, type Reward, RewardInput, type RewardInputName } from '../../../src/reward/reward.js';

const CONTEXT = 3;
const PERIOD_NS = 1e8;

/** Writes down what it is taught. */
class Notebook extends RandomPolicy {
  readonly lessons: { context: number[]; action: number; reward: number; probability: number }[] = [];
  probability = 0.5;

  constructor() {
    super({ n_actions: 8, context_dim: CONTEXT });
  }

  override get lastProbability(): number {
    return this.probability;
  }

  override updateBatch(
    contexts: Float64Array,
    actions: Int32Array,
    rewards: Float64Array,
    probabilities: Float64Array,
  ): void {
    super.updateBatch(contexts, actions, rewards, probabilities);
    for (let row = 0; row < actions.length; row++) {
      this.lessons.push({
        context: [...contexts.slice(row * CONTEXT, (row + 1) * CONTEXT)],
        action: actions[row],
        reward: rewards[row],
        probability: probabilities[row],
      });
    }
  }
}

/** Pays one input of the reward as it is, and keeps the others. */
class Probe implements Reward {
  readonly nonFinite = 0;
  readonly seen: Record<RewardInputName, number>[] = [];
  readonly #input: number;

  constructor(input: RewardInputName) {
    this.#input = RewardInput[input];
  }

  evaluate(inputs: Float64Array): number {
    return inputs[this.#input];
  }

  evaluateInto(inputs: Float64Array, out: Float64Array): void {
    expect(inputs).toHaveLength(REWARD_INPUT_COUNT);
    out[0] = this.evaluate(inputs);
    const names = Object.entries(RewardInput).map(([name, index]) => [name, inputs[index]]);
    this.seen.push(Object.fromEntries(names) as Record<RewardInputName, number>);
  }
}

function rig(horizon: number, input: RewardInputName = 'progress') {
  const policy = new Notebook();
  const reward = new Probe(input);
  const learner = new Learner(policy, reward, horizon, PERIOD_NS);
  const o = new Observation(4);
  const context = new Float64Array(CONTEXT);
  let cycle = 0;
  /** One cycle of the loop: pay, then enter what was decided. @returns how many were learned from */
  const run = (
    options: {
      action?: number;
      distance?: number;
      probability?: number;
      arrived?: boolean;
      learning?: boolean;
      learnable?: boolean;
      intervened?: boolean;
    } = {},
  ): number => {
    const { arrived = false, learning = true, learnable = true, intervened = false } = options;
    o.nowNs = cycle * PERIOD_NS;
    if (options.distance !== undefined) o.goalDistance = options.distance;
    const learned = learner.pay(o, arrived, learning);
    if (options.action !== undefined) {
      policy.probability = options.probability ?? 0.5;
      context.fill(cycle);
      learner.enter(o, context, options.action, learnable, intervened);
    }
    cycle++;
    return learned;
  };
  return { policy, reward, learner, o, run };
}

describe('the learner', () => {
  it('pays a decision when its horizon has passed, for what happened in that time', () => {
    const { policy, learner, run } = rig(3);
    const learned = [10, 9, 8, 7, 6, 4].map((distance, k) => run({ action: k, distance }));
    expect(learned).toEqual([0, 0, 0, 1, 1, 1]);
    // 3 m in 0.3 s, 3 m, then 4 m.
    expect(policy.lessons.map(({ reward }) => reward)).toEqual([
      expect.closeTo(10, 9),
      expect.closeTo(10, 9),
      expect.closeTo(40 / 3, 9),
    ]);
    expect(policy.lessons.map(({ action }) => action)).toEqual([0, 1, 2]);
    expect(learner.paid[0]).toBeCloseTo(40 / 3, 9);
  });

  it('teaches the context, the action and the probability that the decision was made with', () => {
    const { policy, run } = rig(2);
    run({ action: 4, probability: 0.25 });
    run({ action: 6, probability: 0.75 });
    run({ action: 1 });
    run();
    expect(policy.lessons).toMatchObject([
      { context: [0, 0, 0], action: 4, probability: 0.25 },
      { context: [1, 1, 1], action: 6, probability: 0.75 },
    ]);
  });

  it('pays from one cycle to the next where the horizon is one', () => {
    const { policy, run } = rig(1);
    for (const distance of [5, 4, 2]) run({ action: 0, distance });
    expect(policy.lessons.map(({ reward }) => reward)).toEqual([expect.closeTo(10, 9), expect.closeTo(20, 9)]);
  });

  it('pays all that wait when the goal is reached', () => {
    const { policy, reward, run } = rig(10);
    for (let k = 0; k < 4; k++) run({ action: k, distance: 4 - k });
    expect(run({ distance: 0, arrived: true })).toBe(4);
    expect(policy.lessons.map(({ action }) => action)).toEqual([0, 1, 2, 3]);
    expect(reward.seen.map(({ arrived }) => arrived)).toEqual([1, 1, 1, 1]);
    expect(reward.seen.map(({ time }) => time)).toEqual([4, 3, 2, 1].map((k) => expect.closeTo(k * 0.1, 9)));
    expect(run({ arrived: true })).toBe(0);
  });

  it('never learns from a decision that was overridden, and keeps the order of the others', () => {
    const { policy, run } = rig(2);
    run({ action: 0 });
    run({ action: 1, learnable: false });
    run({ action: 2 });
    const learned = [run({ action: 3 }), run({ action: 4 })];
    expect(learned).toEqual([0, 1]);
    expect(policy.lessons.map(({ action }) => action)).toEqual([0, 2]);
  });

  it('says what was paid where nothing is learned, and learns nothing then', () => {
    const { policy, learner, run } = rig(1);
    run({ action: 0, distance: 3 });
    expect(run({ distance: 2, learning: false })).toBe(0);
    expect(learner.paid[0]).toBeCloseTo(10, 9);
    expect(policy.lessons).toEqual([]);
    run();
    expect(learner.paid[0]).toBeNaN();
  });

  it('pays by age, so that what somebody else drives later is nobody’s', () => {
    const { policy, reward, run } = rig(3);
    for (let k = 0; k < 5; k++) run({ action: k, distance: 10 });
    // Nothing is decided for a while, and the robot is driven far.
    for (let k = 0; k < 20; k++) run({ distance: 9 - 0.4 * k });
    expect(policy.lessons.map(({ action }) => action)).toEqual([0, 1, 2, 3, 4]);
    for (const { time } of reward.seen) expect(time).toBeCloseTo(0.3, 9);
    run({ action: 5 });
    run({ action: 6 });
    expect(policy.lessons).toHaveLength(5);
  });

  it('sums up what it taught in one go', () => {
    const { learner, run } = rig(10);
    for (let k = 0; k < 3; k++) run({ action: k, distance: 3 - k });
    run({ distance: 0, arrived: true });
    // 3 m in 0.3 s, 2 m in 0.2 s and 1 m in 0.1 s.
    expect(learner.learnedSum[0]).toBeCloseTo(30, 9);
    run();
    expect(learner.paid[0]).toBeNaN();
  });

  it('drops what waits when it is cleared', () => {
    const { policy, learner, run } = rig(2);
    run({ action: 0 });
    run({ action: 1 });
    learner.clear();
    run({ action: 2 });
    run({ action: 3 });
    expect(policy.lessons).toEqual([]);
    run();
    expect(policy.lessons.map(({ action }) => action)).toEqual([2]);
  });

  it('gives the oldest decision up rather than grow, where nobody asks for pay', () => {
    const { policy, learner, o } = rig(3);
    const context = new Float64Array(CONTEXT);
    for (let action = 0; action < 8; action++) learner.enter(o, context, action, true, false);
    expect(learner.pay(o, true, true)).toBe(3);
    expect(policy.lessons.map(({ action }) => action)).toEqual([5, 6, 7]);
  });

  it('measures every input of a reward', () => {
    const { reward, o, run } = rig(2);
    o.goalBearing = -0.8;
    o.sectorRange.set([9, 9, 9, 9, 9, 9, 0.7, 9]);
    run({ action: 7, distance: 5, intervened: true });
    o.contact.set([1, 2, 0, 0]);
    run({ action: 1 });
    o.contact.set([0, 0, 0, 0.5]);
    o.goalBearing = 0.2;
    Object.assign(o, { vx: 0, vy: -0.6, yawRate: -0.4 });
    run({ distance: 4 });
    run();
    expect(reward.seen[0]).toEqual({
      progress: expect.closeTo(5, 9),
      turn_progress: expect.closeTo(3, 9),
      clearance: 0.7,
      // The hardest blow of the time, not the last one.
      contact_force: 3,
      turn: 0.4,
      smoothness: 0,
      speed: 0.6,
      arrived: 0,
      time: expect.closeTo(0.2, 9),
      distance: 4,
      intervened: 1,
    });
  });

  it('counts the change of direction the shorter way around', () => {
    const { reward, run } = rig(1);
    for (const action of [0, 7, 3, 5, 5]) run({ action });
    run();
    expect(reward.seen.map(({ smoothness }) => smoothness)).toEqual([0, 1, 4, 2, 0]);
  });

  it('looks ahead for clearance where the robot stands', () => {
    const { reward, o, run } = rig(1);
    o.sectorRange.set([0.3, 9, 9, 9, 9, 9, 9, 9]);
    run({ action: 0 });
    run();
    expect(reward.seen[0].clearance).toBe(0.3);
  });
});

describe('the learner, where rewards come from outside', () => {
  function outside(overrides: { expired?: 'default'; capacity?: number; cycle?: boolean } = {}) {
    const { cycle = false, ...pending } = overrides;
    const policy = new Notebook();
    const ring = new RecordRing(new SharedArrayBuffer(RecordRing.bytes(64, FEEDBACK_DOUBLES)), 0, 64, FEEDBACK_DOUBLES);
    const counts = new Uint32Array(PENDING_COUNTS);
    const learner = new Learner(policy, new Probe('progress'), 2, PERIOD_NS, {
      pending: cycle ? null : { capacity: 16, timeoutNs: 5 * PERIOD_NS, expiredReward: -3, ...pending },
      counts,
      feedback: ring,
    });
    const o = new Observation(4);
    const context = new Float64Array(CONTEXT);
    const feedback = (id: number, reward: number) => {
      ring.record.set([id, reward, 0]);
      ring.commit();
    };
    const enter = (id: number, learnable = true) => {
      context.fill(id);
      learner.enter(o, context, id % 8, learnable, false, id);
    };
    const at = (cycles: number, learning = true) => {
      o.nowNs = cycles * PERIOD_NS;
      return learner.pay(o, false, learning);
    };
    return { policy, learner, counts, o, feedback, enter, at };
  }

  it('teaches them to the decisions that they name, and says which was paid last', () => {
    const { policy, learner, feedback, enter, at } = outside();
    for (const id of [3, 4, 6]) enter(id);
    expect(at(1)).toBe(0);
    expect([learner.paid[0], learner.paidId[0]]).toEqual([Number.NaN, Number.NaN]);
    feedback(6, 2);
    feedback(3, -0.5);
    expect(at(2)).toBe(2);
    expect(policy.lessons.map(({ context, action, reward }) => [context[0], action, reward])).toEqual([
      [6, 6, 2],
      [3, 3, -0.5],
    ]);
    expect([learner.paid[0], learner.paidId[0], learner.learnedSum[0]]).toEqual([-0.5, 3, 1.5]);
    expect([...learner.payments]).toEqual([1.5, 2]);
    expect(at(3)).toBe(0);
    expect([learner.paid[0], learner.learnedSum[0], ...learner.payments]).toEqual([Number.NaN, 0, 0, 0]);
  });

  it('goes on waiting where what the cycle pays would be dropped', () => {
    const { learner, feedback, enter, at } = outside();
    enter(0);
    learner.clear();
    feedback(0, 1);
    expect([learner.waiting, at(1), learner.waiting]).toEqual([1, 1, 0]);
  });

  it('takes in so much in a cycle and no more, and the rest in the next', () => {
    const { counts, feedback, at } = outside();
    for (let i = 0; i < 50; i++) feedback(1000 + i, 1);
    at(1);
    expect(counts[PendingCount.unknown]).toBe(32);
    at(2);
    expect(counts[PendingCount.unknown]).toBe(50);
  });

  it('takes in what came before it gives up what has waited too long', () => {
    const { policy, counts, feedback, enter, at } = outside({ expired: 'default' });
    enter(0);
    enter(1);
    feedback(0, 1);
    expect(at(5)).toBe(2);
    expect(policy.lessons.map(({ reward }) => reward)).toEqual([1, -3]);
    expect([counts[PendingCount.joined], counts[PendingCount.expired]]).toEqual([1, 1]);
  });

  it('accounts in the next cycle for what made room in this one', () => {
    const { learner, enter, at } = outside({ expired: 'default', capacity: 1 });
    at(0);
    enter(0);
    enter(1);
    expect([at(1), learner.paid[0], learner.paidId[0]]).toEqual([1, -3, 0]);
  });

  it('pays without learning where nothing is to be learned, and never learns from what was overridden', () => {
    const { policy, learner, counts, feedback, enter, at } = outside();
    enter(0);
    enter(1, false);
    feedback(0, 1);
    feedback(1, 1);
    expect([at(1, false), ...learner.payments]).toEqual([0, 1, 1]);
    expect(policy.lessons).toEqual([]);
    expect([counts[PendingCount.joined], counts[PendingCount.ignored]]).toEqual([1, 1]);
  });

  it('counts feedback as ignored where the cycle itself pays, and counts nothing else then', () => {
    const { policy, learner, counts, feedback, enter, at } = outside({ cycle: true });
    enter(0);
    feedback(0, 77);
    expect([at(2), policy.lessons[0].reward, learner.paidId[0]]).toEqual([1, 0, 0]);
    expect([...counts]).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
    expect(learner.fromFeedback).toBe(false);
  });

  it('drops a reward of the cycle that the policy refuses, counts it, and goes on', () => {
    const { policy, learner, counts, enter, at } = outside({ cycle: true });
    const update = policy.updateBatch;
    policy.updateBatch = () => {
      throw new PolicyInputError('reward_range', 'refused');
    };
    enter(0);
    expect([at(2), learner.waiting, learner.paid[0]]).toEqual([0, 0, Number.NaN]);
    policy.updateBatch = update;
    enter(1);
    expect(at(4)).toBe(1);
    expect(counts[PendingCount.refused]).toBe(1);
  });
});
