import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Join, PENDING_COUNTS, PendingCount, PendingRewards, PendingTally } from '../../src/policy/pending-rewards.js';
import { LessonPolicy } from '../support/lesson-policy.js';

type Step =
  | { kind: 'enter'; gap: number; learnable: boolean }
  /** By how many ids before the newest. */
  | { kind: 'join'; back: number; reward: number }
  | { kind: 'pass'; ns: number }
  | { kind: 'expire' }
  | { kind: 'clock'; ns: number }
  | { kind: 'learning'; on: boolean }
  | { kind: 'clear' };

interface Entry {
  state: 'waiting' | 'paid' | 'expired' | 'dropped';
  learnable: boolean;
  /** Time that has passed since it was entered [ns]. */
  age: number;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('enter' as const),
      gap: fc.constantFrom(1, 1, 1, 2, 50),
      learnable: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      back: fc.integer({ min: -2, max: 30 }),
      reward: fc.constantFrom(0, 0.5, -1, 1, 2, Number.NaN, Number.NEGATIVE_INFINITY),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ns: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clock' as const), ns: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('learning' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);

const TIMEOUT = 100;
const DEFAULT_REWARD = -0.25;

/** The table as one would write it without a thought for memory: everything that ever was, by id. */
class Oracle {
  readonly entries = new Map<number, Entry>();
  readonly counts = new Array<number>(PENDING_COUNTS).fill(0);
  readonly taught: [id: number, reward: number][] = [];
  paidSum = 0;
  learning = true;

  constructor(
    readonly capacity: number,
    readonly defaults: boolean,
  ) {}

  get waiting(): number[] {
    return [...this.entries].filter(([, entry]) => entry.state === 'waiting').map(([id]) => id);
  }

  enter(id: number, learnable: boolean): void {
    const ids = [...this.entries.keys()];
    const leaving = ids[ids.length - this.capacity];
    if (ids.length >= this.capacity) {
      const entry = this.entries.get(leaving) as Entry;
      if (entry.state === 'waiting') this.giveUp(leaving, entry, true);
    }
    this.entries.set(id, { state: 'waiting', learnable, age: 0 });
  }

  join(id: number, reward: number): number {
    if (!(reward >= -1 && reward <= 1)) return this.count(PendingCount.refused, Join.refused);
    const remembered = [...this.entries.keys()].slice(-this.capacity).includes(id);
    const entry = this.entries.get(id);
    if (!remembered || entry === undefined || entry.state === 'dropped') {
      return this.count(PendingCount.unknown, Join.unknown);
    }
    if (entry.state === 'paid') return this.count(PendingCount.duplicate, Join.duplicate);
    if (entry.state === 'expired') return this.count(PendingCount.late, Join.late);
    entry.state = 'paid';
    if (!entry.learnable) return this.count(PendingCount.ignored, Join.ignored);
    this.pay(id, reward);
    return this.count(PendingCount.joined, this.learning ? Join.learned : Join.reported);
  }

  expire(): void {
    for (const [id, entry] of this.entries) {
      if (entry.state === 'waiting' && entry.age >= TIMEOUT) this.giveUp(id, entry, false);
    }
  }

  pass(ns: number): void {
    for (const entry of this.entries.values()) entry.age += ns;
  }

  clear(): void {
    for (const entry of this.entries.values()) if (entry.state === 'waiting') entry.state = 'dropped';
  }

  private giveUp(id: number, entry: Entry, full: boolean): void {
    entry.state = 'expired';
    if (!entry.learnable) return;
    this.counts[PendingCount.expired]++;
    if (full) this.counts[PendingCount.overwritten]++;
    if (this.defaults && this.learning) this.pay(id, DEFAULT_REWARD);
  }

  private pay(id: number, reward: number): void {
    this.paidSum += reward;
    if (this.learning) this.taught.push([id, reward]);
  }

  private count(index: number, code: number): number {
    this.counts[index]++;
    return code;
  }
}

describe('pending rewards', () => {
  it('are joined, expired and counted as by a map of everything that ever was', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        (steps, capacity, defaults) => {
          const policy = new LessonPolicy({ n_actions: 8, context_dim: 1 });
          const pending = new PendingRewards(policy, {
            capacity,
            timeoutNs: TIMEOUT,
            expired: defaults ? 'default' : 'nothing',
            expiredReward: DEFAULT_REWARD,
            rewardMin: -1,
            rewardMax: 1,
          });
          const oracle = new Oracle(capacity, defaults);
          let id = 0;
          let now = 500;
          // The table dates by what it is told; from here on it has been told.
          pending.expire(now);
          for (const s of steps) {
            if (s.kind === 'enter') {
              id += s.gap;
              oracle.enter(id, s.learnable);
              // The context names the decision, so that a lesson tells whose it is.
              pending.enter(id, Float64Array.of(id), id % 8, 1 / (1 + (id % 3)), now, s.learnable);
            } else if (s.kind === 'join') {
              expect(pending.join(id - s.back, s.reward)).toBe(oracle.join(id - s.back, s.reward));
            } else if (s.kind === 'pass') {
              now += s.ns;
              oracle.pass(s.ns);
              pending.now[0] = now;
              pending.expireDue(0);
            } else if (s.kind === 'expire') {
              oracle.expire();
              pending.expire(now);
            } else if (s.kind === 'clock') {
              now = Math.min(now, s.ns);
              pending.now[0] = now;
              pending.expireDue(0);
            } else if (s.kind === 'learning') {
              oracle.learning = s.on;
              pending.learning = s.on;
            } else {
              oracle.clear();
              pending.clear();
            }
            expect(pending.waiting).toBe(oracle.waiting.length);
            expect([...pending.counts]).toEqual(oracle.counts);
          }
          expect(policy.lessons).toEqual(
            oracle.taught.map(([of, reward]) => ({
              context: [of],
              action: of % 8,
              reward,
              probability: 1 / (1 + (of % 3)),
            })),
          );
          expect(pending.tally[PendingTally.learnedCount]).toBe(oracle.taught.length);
          expect(pending.tally[PendingTally.sum]).toBeCloseTo(oracle.paidSum, 9);
        },
      ),
      { numRuns: 400 },
    );
  });
});
