import { describe, expect, it } from 'vitest';
import {
  Join,
  PENDING_COUNTS,
  PendingCount,
  PendingRewards,
  type PendingRewardsOptions,
  PendingTally,
} from '../../../src/policy/pending-rewards.js';
import { type Policy, PolicyConfigError, PolicyInputError } from '../../../src/policy/policy.js';
import { LessonPolicy } from '../../support/lesson-policy.js';

const CONTEXT = Float64Array.of(1, 2);

function table(options: Partial<PendingRewardsOptions> = {}) {
  const policy = new LessonPolicy({ n_actions: 4, context_dim: 2 });
  const pending = new PendingRewards(policy, { capacity: 4, timeoutNs: 100, ...options });
  const enter = (id: number, nowNs = 0, learnable = true) => pending.enter(id, CONTEXT, id % 4, 0.5, nowNs, learnable);
  const counts = () => {
    const named: Record<string, number> = {};
    for (const [name, index] of Object.entries(PendingCount)) {
      if (pending.counts[index] > 0) named[name] = pending.counts[index];
    }
    return named;
  };
  return { policy, pending, enter, counts };
}

describe('a table of pending rewards', () => {
  it('teaches the decision that a reward is for, in whatever order rewards come', () => {
    const { policy, pending, enter, counts } = table();
    const context = Float64Array.of(3, 4);
    pending.enter(10, context, 2, 0.25, 0);
    // The table has its own copy.
    context.fill(9);
    enter(11);
    enter(15);
    expect(pending.waiting).toBe(3);
    expect([pending.join(15, 1.5), pending.join(10, -2)]).toEqual([Join.learned, Join.learned]);
    expect(policy.lessons).toEqual([
      { context: [1, 2], action: 3, reward: 1.5, probability: 0.5 },
      { context: [3, 4], action: 2, reward: -2, probability: 0.25 },
    ]);
    expect([pending.waiting, pending.newestId]).toEqual([1, 15]);
    expect(counts()).toEqual({ joined: 2 });
  });

  it('knows a second reward as a duplicate, and learns nothing of it', () => {
    const { policy, pending, enter, counts } = table();
    enter(0);
    expect(pending.join(0, 1)).toBe(Join.learned);
    expect([pending.join(0, 1), pending.join(0, 5)]).toEqual([Join.duplicate, Join.duplicate]);
    expect(policy.lessons).toHaveLength(1);
    expect(counts()).toEqual({ joined: 1, duplicate: 2 });
  });

  it.each([-1, 3, 6, 8, 4.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 60)])(
    'knows no decision %d where it was never entered',
    (id) => {
      const { policy, pending, enter, counts } = table();
      expect(pending.join(id, 1)).toBe(Join.unknown);
      for (const entered of [4, 5, 7]) enter(entered);
      expect(pending.join(id, 1)).toBe(Join.unknown);
      expect([policy.lessons.length, pending.waiting]).toEqual([0, 3]);
      expect(counts()).toEqual({ unknown: 2 });
    },
  );

  it('knows a decision no more when the ring has come round', () => {
    const { pending, enter, counts } = table();
    enter(0);
    pending.join(0, 1);
    for (let id = 1; id <= 3; id++) enter(id);
    expect(pending.join(0, 1)).toBe(Join.duplicate);
    enter(4);
    expect(pending.join(0, 1)).toBe(Join.unknown);
    // It was paid, and made room without a loss.
    expect(counts()).toEqual({ joined: 1, duplicate: 1, unknown: 1 });
  });

  it('gives the oldest decision up where it is full', () => {
    const { policy, pending, enter, counts } = table();
    for (let id = 0; id < 6; id++) enter(id);
    expect(pending.waiting).toBe(4);
    expect(counts()).toEqual({ expired: 2, overwritten: 2 });
    expect([0, 1, 2, 3, 4, 5].map((id) => pending.join(id, id))).toEqual([
      ...[Join.unknown, Join.unknown],
      ...[Join.learned, Join.learned, Join.learned, Join.learned],
    ]);
    expect(policy.lessons.map(({ reward }) => reward)).toEqual([2, 3, 4, 5]);
  });

  it('gives up what has waited for its time, the oldest first, and knows what comes later as late', () => {
    const { policy, pending, enter, counts } = table({ expired: 'default', expiredReward: -7 });
    enter(1, 0);
    enter(2, 30);
    enter(3, 60);
    expect(pending.expire(99)).toBe(0);
    expect(pending.expire(130)).toBe(2);
    expect(policy.lessons.map(({ action, reward }) => [action, reward])).toEqual([
      [1, -7],
      [2, -7],
    ]);
    expect([pending.join(1, 1), pending.join(2, 1), pending.join(3, 1)]).toEqual([Join.late, Join.late, Join.learned]);
    expect(counts()).toEqual({ joined: 1, expired: 2, late: 2 });
    expect(pending.expire(1e6)).toBe(0);
  });

  it('learns nothing of what expires unless it was told what', () => {
    const { policy, pending, enter, counts } = table();
    enter(1);
    expect(pending.expire(100)).toBe(1);
    expect(policy.lessons).toEqual([]);
    expect(counts()).toEqual({ expired: 1 });
  });

  it('learns the default of a decision that made room, too', () => {
    const { policy, pending, enter } = table({ capacity: 1, expired: 'default', expiredReward: 0.5 });
    enter(2);
    pending.enter(3, CONTEXT, 3, 0.25, 0);
    enter(4);
    // Each with what it was chosen with itself.
    expect(policy.lessons).toEqual([
      { context: [1, 2], action: 2, reward: 0.5, probability: 0.5 },
      { context: [1, 2], action: 3, reward: 0.5, probability: 0.25 },
    ]);
  });

  it('expires over what was paid meanwhile, and so many at once as it may', () => {
    const { pending, enter } = table({ capacity: 8 });
    for (let id = 0; id < 6; id++) enter(id);
    for (const id of [1, 0, 4]) pending.join(id, 1);
    expect(pending.oldest).toBe(2);
    pending.now[0] = 1000;
    expect([pending.expireDue(2), pending.waiting, pending.oldest]).toEqual([2, 1, 5]);
    expect([pending.expireDue(2), pending.waiting, pending.oldest]).toEqual([1, 0, -1]);
  });

  it('lets no time pass where a clock begins anew', () => {
    const { pending, enter } = table();
    enter(1, 1000);
    expect(pending.expire(1060)).toBe(0);
    expect(pending.expire(0)).toBe(0);
    enter(2, 30);
    // 60 before the clock began anew, and 39 since.
    expect(pending.expire(39)).toBe(0);
    expect(pending.expire(40)).toBe(1);
    expect(pending.expire(130)).toBe(1);
  });

  it('waits for ever where no timeout is set', () => {
    const policy = new LessonPolicy({ n_actions: 4, context_dim: 2 });
    const pending = new PendingRewards(policy, { capacity: 2 });
    pending.enter(0, CONTEXT, 0, 1, 0);
    expect(pending.expire(Number.MAX_VALUE)).toBe(0);
    expect(pending.join(0, 1e300)).toBe(Join.learned);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.0001, -2])(
    'refuses the reward %d, and goes on waiting for a better one',
    (reward) => {
      const { policy, pending, enter, counts } = table({ rewardMin: -1, rewardMax: 1 });
      enter(7);
      expect(pending.join(7, reward)).toBe(Join.refused);
      expect([policy.lessons.length, pending.waiting]).toEqual([0, 1]);
      expect([pending.join(7, -1), policy.lessons.length]).toEqual([Join.learned, 1]);
      expect(counts()).toEqual({ refused: 1, joined: 1 });
    },
  );

  it('refuses what the policy refuses, and lets no other fault of the policy pass unseen', () => {
    const { policy, pending, enter, counts } = table({ expired: 'default', expiredReward: 9 });
    policy.rewardMax = 1;
    enter(7);
    enter(8);
    expect(pending.join(7, 3)).toBe(Join.refused);
    expect(pending.waiting).toBe(2);
    pending.expire(1000);
    expect(counts()).toEqual({ refused: 3, expired: 2 });
    enter(9);
    policy.updateBatch = () => {
      throw new Error('broken');
    };
    expect(() => pending.join(9, 0)).toThrow('broken');
  });

  it('never learns from a decision that is not to be learned from, rewarded or not', () => {
    const { policy, pending, enter, counts } = table({ expired: 'default' });
    enter(1, 0, false);
    enter(2, 0, false);
    expect([pending.join(1, 1), pending.join(1, 1)]).toEqual([Join.ignored, Join.duplicate]);
    expect(pending.expire(1000)).toBe(0);
    expect([pending.waiting, policy.lessons.length, pending.tally[PendingTally.count]]).toEqual([0, 0, 0]);
    // Nothing is lost where nothing was to be had.
    expect(counts()).toEqual({ ignored: 1, duplicate: 1 });
  });

  it('counts and reports while nothing is learned', () => {
    const { policy, pending, enter, counts } = table({ expired: 'default', expiredReward: 2 });
    pending.learning = false;
    enter(1);
    enter(2);
    expect(pending.join(1, 4)).toBe(Join.reported);
    expect(pending.expire(1000)).toBe(1);
    expect(policy.lessons).toEqual([]);
    expect(counts()).toEqual({ joined: 1, expired: 1 });
    expect([...pending.tally]).toEqual([4, 1, 0, 0, 4, 1]);
  });

  it('sums up what it paid, defaults among it', () => {
    const { pending, enter } = table({ expired: 'default', expiredReward: 2 });
    enter(1);
    enter(2);
    pending.join(1, 4);
    pending.expire(1000);
    expect([...pending.tally]).toEqual([6, 2, 6, 2, 2, 2]);
  });

  it('forgets what waits when it is cleared, and what was paid stays paid', () => {
    const { policy, pending, enter, counts } = table();
    for (const id of [1, 2, 3]) enter(id);
    pending.join(2, 1);
    pending.clear();
    expect([1, 2, 3].map((id) => pending.join(id, 1))).toEqual([Join.unknown, Join.duplicate, Join.unknown]);
    expect([pending.waiting, policy.lessons.length]).toEqual([0, 1]);
    enter(4);
    enter(5);
    expect(pending.join(5, 1)).toBe(Join.learned);
    pending.dropOldest();
    expect([pending.join(4, 1), pending.oldest]).toEqual([Join.unknown, -1]);
    pending.dropOldest();
    pending.clear();
    expect(counts()).toEqual({ joined: 2, duplicate: 1, unknown: 3 });
  });

  it('takes what is not boxed as it takes numbers', () => {
    const { policy, pending, counts } = table();
    pending.now[0] = 5;
    pending.enterRow(3, CONTEXT, 1, Float64Array.of(0.75), true);
    pending.enterRow(4, CONTEXT, 2, Float64Array.of(0.25), true);
    expect(pending.joinRow(Float64Array.of(4, 1, 99))).toBe(Join.learned);
    expect(pending.joinOldest(Float64Array.of(2))).toBe(Join.learned);
    expect(pending.joinOldest(Float64Array.of(2))).toBe(Join.unknown);
    expect(policy.lessons.map(({ action, reward, probability }) => [action, reward, probability])).toEqual([
      [2, 1, 0.25],
      [1, 2, 0.75],
    ]);
    expect(counts()).toEqual({ joined: 2, unknown: 1 });
  });

  it('finds decisions by ids with gaps of any size, up to the largest there are', () => {
    const { pending } = table({ capacity: 64 });
    const ids = Array.from({ length: 60 }, (_, i) => (i < 30 ? i * i * 1000 : Number.MAX_SAFE_INTEGER - (60 - i) ** 3));
    for (const id of ids) pending.enter(id, CONTEXT, 0, 1, 0);
    for (const id of [...ids].reverse()) expect(pending.join(id, 1)).toBe(Join.learned);
    for (const id of ids) expect(pending.join(id, 1)).toBe(Join.duplicate);
    expect(pending.join(ids[3] + 1, 1)).toBe(Join.unknown);
  });

  it.each<[string, (pending: PendingRewards) => void, string]>([
    ['an id that is not larger than the last', (p) => p.enter(5, CONTEXT, 0, 1, 0), 'decision_id'],
    ['a broken id', (p) => p.enter(5.5, CONTEXT, 0, 1, 0), 'decision_id'],
    ['an id that is no number', (p) => p.enter(Number.NaN, CONTEXT, 0, 1, 0), 'decision_id'],
    ['an id beyond whole numbers', (p) => p.enter(2 ** 53, CONTEXT, 0, 1, 0), 'decision_id'],
    ['a context of another length', (p) => p.enter(6, new Float64Array(3), 0, 1, 0), 'context_length'],
    ['a context that is not finite', (p) => p.enter(6, Float64Array.of(1, Number.NaN), 0, 1, 0), 'context_not_finite'],
    ['an action that does not exist', (p) => p.enter(6, CONTEXT, 4, 1, 0), 'action'],
    ['a probability of 0', (p) => p.enter(6, CONTEXT, 0, 0, 0), 'probability'],
    ['a probability above 1', (p) => p.enter(6, CONTEXT, 0, 1.1, 0), 'probability'],
    ['a time that is no number', (p) => p.enter(6, CONTEXT, 0, 1, Number.NaN), 'time'],
    ['an infinite time', (p) => p.expire(Number.POSITIVE_INFINITY), 'time'],
  ])('refuses %s by name, and stays as it was', (_what, attempt, code) => {
    const { pending, enter } = table();
    enter(5);
    expect(() => attempt(pending)).toThrow(expect.objectContaining({ name: 'PolicyInputError', code }));
    expect([pending.waiting, pending.newestId]).toEqual([1, 5]);
    enter(6);
    expect([pending.join(5, 1), pending.join(6, 1)]).toEqual([Join.learned, Join.learned]);
  });

  it('begins at 0 or later', () => {
    const { pending, enter } = table();
    expect(() => enter(-1)).toThrow('decision id is -1, expected a whole number larger than the last, -1');
    enter(0);
    expect(pending.newestId).toBe(0);
  });

  it.each<[string, Partial<PendingRewardsOptions>]>([
    ['capacity', { capacity: 0 }],
    ['capacity', { capacity: 1.5 }],
    ['capacity', { capacity: 2 ** 25 }],
    ['timeoutNs', { timeoutNs: 0 }],
    ['timeoutNs', { timeoutNs: Number.NaN }],
    ['expired', { expired: 'something' as 'default' }],
    ['rewardMax', { rewardMin: 1, rewardMax: 0 }],
    ['rewardMax', { rewardMin: Number.NaN }],
    ['expiredReward', { expiredReward: 2, rewardMax: 1 }],
    ['expiredReward', { expiredReward: Number.NaN }],
    ['counts', { counts: new Uint32Array(PENDING_COUNTS - 1) }],
  ])('refuses a bad %s: %o', (parameter, options) => {
    expect(() => table(options)).toThrow(expect.objectContaining({ name: 'PolicyConfigError', parameter }));
    expect(() => table(options)).toThrow(PolicyConfigError);
  });

  it('counts where it is told to, and says what it takes', () => {
    const counts = new Uint32Array(PENDING_COUNTS);
    const { pending } = table({ counts });
    pending.join(1, 1);
    expect(counts[PendingCount.unknown]).toBe(1);
    const large = new PendingRewards({ contextDim: 24, nActions: 8 } as unknown as Policy, { capacity: 1000 });
    expect(large.bytes).toBe(1000 * (24 * 8 + 30));
    expect(() => large.enter(0, CONTEXT, 0, 1, 0)).toThrow(PolicyInputError);
  });
});
