import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import {
  NO_ACTION,
  type Policy,
  type PolicyInputCode,
  PolicyInputError,
  PolicyStateError,
  VALUE_LIMIT,
} from '../../src/policy/policy.js';

export interface PolicyCase {
  name: string;
  /** An untrained policy of this shape. */
  make(nActions: number, contextDim: number, seed: number): Policy;
  /** Brings any finite reward into the range that the policy declares; absent, it takes every reward. */
  reward?(raw: number): number;
}

function contextOf(prng: Prng, contextDim: number): Float64Array {
  return Float64Array.from({ length: contextDim }, () => prng.nextNormal());
}

/** Lets a policy live through `count` decisions in a world where action a earns feature a mod contextDim. */
function liveWith(reward: (raw: number) => number, policy: Policy, count: number, seed: number): number[] {
  const prng = Prng.seeded(seed);
  const actions: number[] = [];
  for (let i = 0; i < count; i++) {
    const context = contextOf(prng, policy.contextDim);
    const action = policy.select(context, null);
    policy.update(context, action, reward(context[action % policy.contextDim]), policy.lastProbability);
    actions.push(action);
  }
  return actions;
}

function inputError(action: () => unknown): PolicyInputCode {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyInputError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function stateError(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyStateError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What every policy promises; run against each of them. */
export function describePolicy({ name, make, reward = (raw) => raw }: PolicyCase): void {
  const live = (policy: Policy, count: number, seed: number): number[] => liveWith(reward, policy, count, seed);

  describe(`${name} keeps the policy contract`, () => {
    it('draws only allowed actions, whatever the mask', () => {
      const policy = make(6, 3, 1);
      live(policy, 50, 2);
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 6, maxLength: 6 }),
          fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 }),
          (mask, numbers) => {
            const allowed = Uint8Array.from(mask);
            const action = policy.select(Float64Array.from(numbers), allowed);
            if (mask.every((flag) => flag === 0)) {
              expect(action).toBe(NO_ACTION);
              expect(policy.lastProbability).toBe(0);
            } else {
              expect(allowed[action]).toBe(1);
              expect(policy.lastProbability).toBeGreaterThan(0);
              expect(policy.lastProbability).toBeLessThanOrEqual(1);
            }
          },
        ),
      );
    });

    it('changes nothing when the mask allows nothing', () => {
      const policy = make(4, 2, 1);
      live(policy, 5, 1);
      const twin = make(4, 2, 1);
      live(twin, 5, 1);
      expect(policy.select(new Float64Array(2), new Uint8Array(4))).toBe(NO_ACTION);
      expect(policy.stats().decisions).toBe(5);
      expect(live(policy, 50, 3)).toEqual(live(twin, 50, 3));
    });

    it('logs the probability that it announced', () => {
      const policy = make(5, 4, 7);
      const prng = Prng.seeded(8);
      const out = new Float64Array(5);
      for (let i = 0; i < 200; i++) {
        const context = contextOf(prng, 4);
        const allowed = Uint8Array.from({ length: 5 }, (_, a) => (a === i % 5 || prng.nextFloat() < 0.5 ? 1 : 0));
        policy.probabilities(context, allowed, out);
        expect(out.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
        for (let a = 0; a < 5; a++) if (allowed[a] === 0) expect(out[a]).toBe(0);
        const action = policy.select(context, allowed);
        expect(policy.lastProbability).toBe(out[action]);
        policy.update(context, action, reward(prng.nextNormal()), policy.lastProbability);
      }
      policy.probabilities(contextOf(prng, 4), new Uint8Array(5), out);
      expect([...out]).toEqual([0, 0, 0, 0, 0]);
    });

    it('draws as often as it says', () => {
      const policy = make(4, 2, 11);
      live(policy, 40, 12);
      const context = Float64Array.of(0.7, -0.4);
      const allowed = Uint8Array.of(1, 1, 0, 1);
      const out = new Float64Array(4);
      const counts = new Float64Array(4);
      const expected = new Float64Array(4);
      const draws = 20_000;
      for (let i = 0; i < draws; i++) {
        policy.probabilities(context, allowed, out);
        for (let a = 0; a < 4; a++) expected[a] += out[a];
        counts[policy.select(context, allowed)]++;
      }
      // Five standard deviations of a binomial: the seed is fixed, so this holds always or never.
      for (let a = 0; a < 4; a++) expect(Math.abs(counts[a] - expected[a])).toBeLessThan(5 * Math.sqrt(draws / 4));
    });

    it('gives the same bits for the same seed and inputs', () => {
      const one = make(5, 4, 3);
      const two = make(5, 4, 3);
      expect(live(one, 300, 4)).toEqual(live(two, 300, 4));
      expect(one.exportState()).toEqual(two.exportState());
      expect(live(make(5, 4, 5), 300, 4)).not.toEqual(live(make(5, 4, 3), 300, 4));
    });

    it('goes on with the same bits after a save and load', () => {
      const one = make(5, 4, 3);
      live(one, 123, 4);
      const two = make(5, 4, 99);
      live(two, 17, 5);
      two.importState(one.exportState());
      expect(two.exportState()).toEqual(one.exportState());
      // A Buffer is a Uint8Array whose slice() does not copy, and one read from a file may lie anywhere in a pool.
      two.importState(Buffer.from([0, 0, 0, ...one.exportState()]).subarray(3));
      expect(two.exportState()).toEqual(one.exportState());
      expect(two.lastProbability).toBe(one.lastProbability);
      expect(live(two, 200, 6)).toEqual(live(one, 200, 6));
      expect(two.exportState()).toEqual(one.exportState());
      expect(two.stats()).toEqual(one.stats());
    });

    it('exports into any array, aligned or not, shared or not, and nothing beyond its bytes', () => {
      const policy = make(3, 2, 3);
      live(policy, 30, 4);
      const state = policy.exportState();
      expect(state.length).toBe(policy.stateBytes);
      const out = new Uint8Array(new SharedArrayBuffer(policy.stateBytes + 16)).fill(0xff).subarray(3);
      expect(policy.exportInto(out)).toBe(policy.stateBytes);
      expect([...out.subarray(0, policy.stateBytes)]).toEqual([...state]);
      expect([...out.subarray(policy.stateBytes)].every((byte) => byte === 0xff)).toBe(true);
      const twin = make(3, 2, 5);
      twin.importState(out.subarray(0, policy.stateBytes));
      expect(live(twin, 20, 6)).toEqual(live(policy, 20, 6));
      expect(inputError(() => policy.exportInto(new Uint8Array(policy.stateBytes - 1)))).toBe('output_length');
    });

    it('needs as many bytes for its state after many updates as before the first', () => {
      const policy = make(3, 2, 3);
      const before = policy.stateBytes;
      const memory = policy.stats().bytes;
      live(policy, 2000, 4);
      expect(policy.exportState().length).toBe(before);
      expect(policy.stats().bytes).toBe(memory);
    });

    it('learns a batch to the same bits as the rows one by one', () => {
      const prng = Prng.seeded(21);
      const rows = 40;
      const contexts = Float64Array.from({ length: rows * 3 }, () => prng.nextNormal());
      const actions = Int32Array.from({ length: rows }, () => prng.nextBelow(4));
      const rewards = Float64Array.from({ length: rows }, () => reward(prng.nextNormal()));
      const probabilities = Float64Array.from({ length: rows }, () => 1 - prng.nextFloat());
      const one = make(4, 3, 1);
      const batch = make(4, 3, 1);
      for (let i = 0; i < rows; i++)
        one.update(contexts.slice(i * 3, i * 3 + 3), actions[i], rewards[i], probabilities[i]);
      batch.updateBatch(contexts, actions, rewards, probabilities);
      expect(batch.exportState()).toEqual(one.exportState());
      expect(batch.stats().updates).toBe(rows);
      const certain = make(4, 3, 1);
      certain.updateBatch(contexts, actions, rewards);
      const ones = make(4, 3, 1);
      ones.updateBatch(contexts, actions, rewards, new Float64Array(rows).fill(1));
      expect(certain.exportState()).toEqual(ones.exportState());
    });

    it('explains every value: what the features add and the rest sum up to it', () => {
      const policy = make(5, 4, 13);
      const prng = Prng.seeded(14);
      const row = policy.explainedDim;
      const values = new Float64Array(5);
      // Whatever lies in it counts for nothing.
      const parts = new Float64Array(5 * row).fill(Number.NaN);
      for (let round = 0; round < 30; round++) {
        live(policy, 7, 100 + round);
        const context = contextOf(prng, 4);
        if (round % 3 === 0) context[round % 4] = 0;
        policy.explain(context, parts);
        policy.values(context, values);
        for (let a = 0; a < 5; a++) {
          let sum = 0;
          let size = 1;
          for (let i = 0; i < row; i++) {
            sum += parts[a * row + i];
            size += Math.abs(parts[a * row + i]);
          }
          expect(Math.abs(sum - values[a])).toBeLessThanOrEqual(1e-9 * size);
        }
      }
    });

    it('explains without a trace: values, draws, counters and states are those of one that was not asked', () => {
      const asked = make(4, 3, 5);
      const twin = make(4, 3, 5);
      const parts = new Float64Array(4 * asked.explainedDim);
      const prng = Prng.seeded(6);
      for (let i = 0; i < 60; i++) {
        const context = contextOf(prng, 3);
        // Beyond what counts in full, which is counted.
        if (i % 10 === 0) context[i % 3] = 1e18;
        const action = asked.select(context, null);
        expect(twin.select(context, null)).toBe(action);
        const values = [...twin.lastValues];
        asked.explain(context, parts);
        expect([...asked.lastValues]).toEqual(values);
        expect([...asked.lastDistribution]).toEqual([...twin.lastDistribution]);
        expect(asked.lastProbability).toBe(twin.lastProbability);
        const earned = reward(context[action % 3] < 1e17 ? context[action % 3] : 1);
        asked.update(context, action, earned, asked.lastProbability);
        twin.update(context, action, earned, twin.lastProbability);
      }
      expect(asked.exportState()).toEqual(twin.exportState());
    });

    it('refuses malformed arguments by name and keeps its state', () => {
      const policy = make(3, 2, 1);
      live(policy, 20, 2);
      const before = policy.exportState();
      const context = Float64Array.of(0.1, 0.2);
      const out = new Float64Array(3);
      const cases: [PolicyInputCode, () => unknown][] = [
        ['context_length', () => policy.select(new Float64Array(3), null)],
        ['context_length', () => policy.probabilities(new Float64Array(1), null, out)],
        ['context_length', () => policy.values(new Float64Array(1), out)],
        ['context_length', () => policy.update(new Float64Array(0), 0, 1, 1)],
        ['allowed_length', () => policy.select(context, new Uint8Array(2))],
        ['allowed_length', () => policy.probabilities(context, new Uint8Array(4), out)],
        ['output_length', () => policy.probabilities(context, null, new Float64Array(2))],
        ['output_length', () => policy.values(context, new Float64Array(4))],
        ['context_length', () => policy.explain(new Float64Array(1), new Float64Array(3 * policy.explainedDim))],
        ['output_length', () => policy.explain(context, new Float64Array(3 * policy.explainedDim + 1))],
        [
          'context_not_finite',
          () => policy.explain(Float64Array.of(1e300, Number.NaN), new Float64Array(3 * policy.explainedDim)),
        ],
        ['context_not_finite', () => policy.select(Float64Array.of(0, Number.NaN), null)],
        ['context_not_finite', () => policy.probabilities(Float64Array.of(Infinity, 0), null, out)],
        ['context_not_finite', () => policy.values(Float64Array.of(1e300, -Infinity), out)],
        ['context_not_finite', () => policy.update(Float64Array.of(1e300, Number.NaN), 0, 1, 1)],
        ['action', () => policy.update(context, -1, 1, 1)],
        ['action', () => policy.update(context, 3, 1, 1)],
        ['action', () => policy.update(context, 0.5, 1, 1)],
        ['action', () => policy.update(context, Number.NaN, 1, 1)],
        ['reward_not_finite', () => policy.update(context, 0, Number.NaN, 1)],
        ['reward_not_finite', () => policy.update(context, 0, -Infinity, 1)],
        ['probability', () => policy.update(context, 0, 1, 0)],
        ['probability', () => policy.update(context, 0, 1, -0.1)],
        ['probability', () => policy.update(context, 0, 1, 1.0001)],
        ['probability', () => policy.update(context, 0, 1, Number.NaN)],
        ['batch_length', () => policy.updateBatch(new Float64Array(3), Int32Array.of(0), Float64Array.of(1))],
        ['batch_length', () => policy.updateBatch(context, Int32Array.of(0), Float64Array.of(1, 2))],
        [
          'batch_length',
          () => policy.updateBatch(context, Int32Array.of(0), Float64Array.of(1), Float64Array.of(1, 1)),
        ],
        ['action', () => policy.updateBatch(new Float64Array(4), Int32Array.of(0, 7), Float64Array.of(1, 1))],
        [
          'reward_not_finite',
          () => policy.updateBatch(new Float64Array(4), Int32Array.of(0, 1), Float64Array.of(1, Number.NaN)),
        ],
        [
          'probability',
          () =>
            policy.updateBatch(new Float64Array(4), Int32Array.of(0, 1), new Float64Array(2), Float64Array.of(1, 0)),
        ],
        [
          'context_not_finite',
          () => policy.updateBatch(Float64Array.of(1, 2, 3, Number.NaN), Int32Array.of(0, 1), new Float64Array(2)),
        ],
      ];
      for (const [code, action] of cases) {
        expect(inputError(action)).toBe(code);
        expect(policy.exportState()).toEqual(before);
      }
    });

    it('learns nothing while frozen, and checks its arguments all the same', () => {
      const policy = make(3, 2, 1);
      live(policy, 20, 2);
      policy.frozen = true;
      const before = policy.exportState();
      const context = Float64Array.of(0.1, 0.2);
      policy.update(context, 1, reward(5), 0.5);
      policy.updateBatch(context, Int32Array.of(1), Float64Array.of(reward(5)));
      expect(policy.exportState()).toEqual(before);
      expect(inputError(() => policy.update(context, 1, Number.NaN, 0.5))).toBe('reward_not_finite');
      policy.frozen = false;
      policy.update(context, 1, reward(5), 0.5);
      expect(policy.exportState()).not.toEqual(before);
    });

    it('refuses states of other shapes, policies and versions, with the reason, and keeps its own', () => {
      const policy = make(3, 2, 1);
      live(policy, 20, 2);
      const before = policy.exportState();
      const refusals: [string, Uint8Array][] = [
        ['n_actions', make(4, 2, 1).exportState()],
        ['context_dim', make(3, 3, 1).exportState()],
        ['truncated', before.slice(0, 20)],
        ['truncated', before.slice(0, -1)],
        ['truncated', Uint8Array.from([...before, 0])],
        ['foreign', new Uint8Array(before.length)],
        ['version', word(before, 1, 2)],
        ['policy', word(before, 2, 0xff)],
        ['feature_names', word(before, 6, 12345)],
      ];
      for (const [code, state] of refusals) {
        expect(stateError(() => policy.importState(state))).toBe(code);
        expect(policy.exportState()).toEqual(before);
      }
    });

    it('refuses a damaged state or stays finite with it', () => {
      const source = make(3, 2, 1);
      live(source, 50, 2);
      const state = source.exportState();
      const values = new Float64Array(3);
      fc.assert(
        fc.property(fc.nat(state.length - 1), fc.nat(7), (at, bit) => {
          const damaged = state.slice();
          damaged[at] ^= 1 << bit;
          const policy = make(3, 2, 1);
          const before = policy.exportState();
          try {
            policy.importState(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyStateError);
            expect(policy.exportState()).toEqual(before);
          }
          live(policy, 3, 4);
          policy.values(Float64Array.of(1, -1), values);
          for (const value of values) expect(Number.isFinite(value)).toBe(true);
        }),
        { numRuns: 300 },
      );
    });

    it('stays finite under any finite contexts and rewards, and can still be saved and loaded', () => {
      const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
      const extreme = fc.oneof(
        finite,
        fc.constantFrom(0, -0, 5e-324, 1e-300, 1e-15, 1e15, 1e150, Number.MAX_VALUE, -Number.MAX_VALUE),
      );
      fc.assert(
        fc.property(
          fc.array(fc.tuple(extreme, extreme, extreme, fc.nat(2), fc.double({ min: 5e-324, max: 1, noNaN: true })), {
            minLength: 1,
            maxLength: 60,
          }),
          (rows) => {
            const policy = make(3, 2, 1);
            const values = new Float64Array(3);
            const shares = new Float64Array(3);
            for (const [x0, x1, raw, action, probability] of rows) {
              const context = Float64Array.of(x0, x1);
              policy.update(context, action, reward(raw), probability);
              policy.values(context, values);
              policy.probabilities(context, null, shares);
              for (let a = 0; a < 3; a++) {
                expect(Number.isFinite(values[a])).toBe(true);
                expect(shares[a] >= 0 && shares[a] <= 1).toBe(true);
              }
              expect(policy.select(context, null)).toBeGreaterThanOrEqual(0);
            }
            const twin = make(3, 2, 9);
            twin.importState(policy.exportState());
            for (const number of Object.values(policy.stats())) {
              if (typeof number === 'number') expect(Number.isFinite(number)).toBe(true);
            }
          },
        ),
      );
    });

    it('takes back its own state after rewards that leap between the ends of what there is', () => {
      // A mean of rewards that have faded, next to one end, moves nearly all the way to a reward at the other, and the
      // difference of the two is rounded: so it came to lie beyond the end, where an import refuses it. Independent random
      // rewards do not fade in between.
      const prng = Prng.seeded(31);
      const policy = make(3, 2, 1);
      const twin = make(3, 2, 9);
      const context = Float64Array.of(0.5, -1);
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < 360; i++) policy.update(context, 2, reward(1), 1);
        for (const action of [0, 1]) {
          // From 0 the mean comes to an odd number of eighths from one end, from where the way to the other is not a double.
          const odd = (1 + 2 * prng.nextBelow(8)) / 8;
          const side = action === 0 ? 1 : -1;
          const raw = [0, -side * (VALUE_LIMIT - odd), side * VALUE_LIMIT][round % 3];
          policy.update(context, action, reward(raw), 1);
          twin.importState(policy.exportState());
        }
      }
      expect(twin.exportState()).toEqual(policy.exportState());
    });
  });
}

/** A copy of a state with one 32-bit word replaced. */
function word(state: Uint8Array, index: number, value: number): Uint8Array {
  const copy = state.slice();
  new DataView(copy.buffer).setUint32(index * 4, value, true);
  return copy;
}
