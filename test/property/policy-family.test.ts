import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { BetaBernoulli, type BetaBernoulliConfig } from '../../src/policy/beta-bernoulli.js';
import { distributeByGap, EXPLORATION_FIELDS, ExplorationField } from '../../src/policy/exploration.js';
import { SquareCb } from '../../src/policy/square-cb.js';
import { Ucb1 } from '../../src/policy/ucb1.js';

const none = Float64Array.of(0);

describe('inverse gap weighting', () => {
  /** The papers' formula, with the best chosen first. */
  function plain(values: number[], allowed: boolean[], gamma: number, epsilon: number): number[] {
    const open = values.map((_, a) => a).filter((a) => allowed[a]);
    const best = open.reduce((b, a) => (values[a] > values[b] ? a : b), open[0]);
    const shares = values.map((value, a) =>
      !allowed[a] || a === best ? 0 : 1 / (open.length + gamma * (values[best] - value)),
    );
    shares[best] = 1 - shares.reduce((sum, share) => sum + share, 0);
    // Where several are best the choice among them is a coin's.
    const ties = open.filter((a) => values[a] === values[best]);
    const together = ties.reduce((sum, a) => sum + shares[a], 0);
    for (const a of ties) shares[a] = together / ties.length;
    return shares.map((share, a) => (allowed[a] ? epsilon / open.length + (1 - epsilon) * share : 0));
  }

  it('is the plain formula for any values, mask, weight and floor, and sums to 1', () => {
    const value = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constantFrom(0, 1, 2));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, fc.boolean()), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (actions, gamma, epsilon) => {
          const values = actions.map(([v]) => v);
          const allowed = actions.map(([, flag]) => flag);
          const fields = new Float64Array(EXPLORATION_FIELDS);
          fields[ExplorationField.gamma] = gamma;
          fields[ExplorationField.epsilon] = epsilon;
          const out = new Float64Array(values.length).fill(Number.NaN);
          const mask = Uint8Array.from(allowed, (flag) => (flag ? 1 : 0));
          const count = distributeByGap(Float64Array.from(values), mask, fields, out);
          expect(count).toBe(allowed.filter(Boolean).length);
          if (count === 0) {
            expect([...out].every((share) => share === 0)).toBe(true);
            return;
          }
          const expected = plain(values, allowed, gamma, epsilon);
          for (let a = 0; a < values.length; a++) expect(Math.abs(out[a] - expected[a])).toBeLessThan(1e-12);
          expect(out.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        },
      ),
    );
  });

  it('is what SquareCB draws from, with gamma = scale · updates^exponent in units of the declared range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('ridge' as const, 'gd' as const),
        (updates, scale, exponent, regressor) => {
          const policy = new SquareCb({
            n_actions: 4,
            context_dim: 2,
            regressor,
            gamma_scale: scale,
            gamma_exponent: exponent,
            reward_min: -4,
            reward_max: 4,
          });
          const prng = Prng.seeded(updates);
          const context = new Float64Array(2);
          for (let i = 0; i < updates; i++) {
            for (let k = 0; k < 2; k++) context[k] = prng.nextRange(-1, 1);
            policy.update(context, i % 4, Math.min(4, Math.max(-4, prng.nextNormal())), 0.25);
          }
          const values = new Float64Array(4);
          const shares = new Float64Array(4);
          policy.values(context, values);
          policy.probabilities(context, null, shares);
          const gamma = (scale * updates ** exponent) / 8;
          const expected = plain([...values], [true, true, true, true], gamma, 0);
          for (let a = 0; a < 4; a++) expect(Math.abs(shares[a] - expected[a])).toBeLessThan(1e-10);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('UCB1', () => {
  it('draws from the actions of the highest index, computed from the whole history', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 60 }),
        fc.constantFrom(1, 0.99, 0.7),
        fc.constantFrom(0, 0.5, 1, 3),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        (history, discount, confidence, mask) => {
          const policy = new Ucb1({ n_actions: 4, context_dim: 1, discount, confidence });
          for (const [action, reward] of history) policy.update(none, action, reward, 1);
          const counts = [0, 0, 0, 0];
          const sums = [0, 0, 0, 0];
          history.forEach(([action, reward], i) => {
            const weight = discount ** (history.length - 1 - i);
            counts[action] += weight;
            sums[action] += weight * reward;
          });
          const total = counts.reduce((sum, count) => sum + count, 0);
          const index = counts.map((count, a) =>
            count < 1e-9
              ? Infinity
              : sums[a] / count + confidence * Math.sqrt((2 * Math.max(0, Math.log(total))) / count),
          );
          const open = [0, 1, 2, 3].filter((a) => mask[a]);
          const shares = new Float64Array(4);
          policy.probabilities(
            none,
            Uint8Array.from(mask, (flag) => (flag ? 1 : 0)),
            shares,
          );
          const best = Math.max(...open.map((a) => index[a]));
          for (let a = 0; a < 4; a++) {
            // Rounding decides between indexes this near: either is right.
            const clear = open.every((b) => b === a || Math.abs(index[b] - index[a]) > 1e-9);
            if (!mask[a]) expect(shares[a]).toBe(0);
            else if (clear) expect(shares[a]).toBe(index[a] === best ? 1 : 0);
          }
          const untried = open.filter((a) => index[a] === Infinity);
          for (const a of untried) expect(shares[a]).toBe(1 / untried.length);
          const values = new Float64Array(4);
          policy.values(none, values);
          for (let a = 0; a < 4; a++) if (counts[a] > 0) expect(values[a]).toBeCloseTo(sums[a] / counts[a], 9);
        },
      ),
    );
  });
});

describe('Beta–Bernoulli Thompson sampling', () => {
  /** A policy with the given successes and failures. */
  function policyOf(counts: [number, number][], config: Partial<BetaBernoulliConfig> = {}): BetaBernoulli {
    const policy = new BetaBernoulli({ n_actions: counts.length, context_dim: 1, ...config });
    const state = policy.exportState();
    const view = new DataView(state.buffer);
    const start = state.length - 16 * counts.length;
    counts.forEach(([successes, failures], a) => {
      view.setFloat64(start + 8 * a, successes, true);
      view.setFloat64(start + 8 * (counts.length + a), failures, true);
    });
    policy.importState(state);
    return policy;
  }

  function lawOf(policy: BetaBernoulli, allowed: Uint8Array | null = null): number[] {
    const out = new Float64Array(policy.nActions);
    policy.probabilities(none, allowed, out);
    return [...out];
  }

  /**
   * P(a is the highest) by the midpoint rule on ln(x / (1 - x)), with each density normalised and accumulated on a grid
   * of its own, and the comparison on one that is fine between any two ends of densities.
   */
  function slowLaw(parameters: [number, number][], cells: number): number[] {
    const mode = parameters.map(([alpha, beta]) => Math.log(alpha / beta));
    const logDensity = (a: number, y: number): number => {
      const [alpha, beta] = parameters[a];
      const total = alpha + beta;
      const delta = y - mode[a];
      const near = (delta < 0 ? alpha : beta) / total;
      const t = -Math.abs(delta);
      return total * (near * t - Math.log1p(near * Math.expm1(t)));
    };
    const end = (a: number, sign: number): number => {
      let width = 1e-9;
      while (logDensity(a, mode[a] + sign * width) > -40) width *= 1.1;
      return mode[a] + sign * width;
    };
    const left = parameters.map((_, a) => end(a, -1));
    const right = parameters.map((_, a) => end(a, 1));
    const area = (a: number, from: number, to: number): number => {
      const step = (to - from) / 10_000;
      let sum = 0;
      for (let i = 0; i < 10_000; i++) sum += Math.exp(logDensity(a, from + (i + 0.5) * step));
      return sum * step;
    };
    const low = Math.max(...left);
    const scale = parameters.map((_, a) => 1 / area(a, left[a], right[a]));
    const below = parameters.map((_, a) => scale[a] * area(a, left[a], Math.min(low, right[a])));
    const ends = [low, ...right.filter((y) => y > low)].sort((a, b) => a - b);
    const law = parameters.map(() => 0);
    for (let k = 0; k + 1 < ends.length; k++) {
      const step = (ends[k + 1] - ends[k]) / cells;
      for (let i = 0; i < cells && step > 0; i++) {
        const y = ends[k] + (i + 0.5) * step;
        const density = parameters.map((_, a) => (y < right[a] ? scale[a] * Math.exp(logDensity(a, y)) : 0));
        const middle = below.map((f, a) => Math.min(1, f + (density[a] * step) / 2));
        for (let a = 0; a < law.length; a++) {
          law[a] += middle.reduce((product, f, b) => (b === a ? product : product * f), density[a] * step);
          below[a] += density[a] * step;
        }
      }
    }
    return law;
  }

  it('draws each action with the probability that it is the best, within 2e-6 of a fine grid', () => {
    const count = fc.oneof(
      fc.double({ min: 0, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(count, count), { minLength: 2, maxLength: 4 }),
        fc.constantFrom(0.25, 1, 10),
        fc.constantFrom(0.25, 1, 10),
        (counts, success, failure) => {
          const policy = policyOf(counts, { prior_success: success, prior_failure: failure });
          const law = lawOf(policy);
          const expected = slowLaw(
            counts.map(([s, f]) => [s + success, f + failure]),
            20_000,
          );
          for (let a = 0; a < law.length; a++) expect(Math.abs(law[a] - expected[a])).toBeLessThan(2e-6);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('has the closed form of two actions with whole counts', () => {
    // P(X > Y) for X ~ Beta(a, b), Y ~ Beta(c, d): Σ_{i<a} B(c + i, b + d) / ((b + i) B(1 + i, b) B(c, d)), Cook 2005.
    const logGamma = (n: number): number => {
      let sum = 0;
      for (let i = 2; i < n; i++) sum += Math.log(i);
      return sum;
    };
    const logBeta = (p: number, q: number): number => logGamma(p) + logGamma(q) - logGamma(p + q);
    fc.assert(
      fc.property(fc.nat(80), fc.nat(80), fc.nat(80), fc.nat(80), (s1, f1, s2, f2) => {
        const [a, b, c, d] = [s1 + 1, f1 + 1, s2 + 1, f2 + 1];
        let expected = 0;
        for (let i = 0; i < a; i++) {
          expected += Math.exp(logBeta(c + i, b + d) - Math.log(b + i) - logBeta(1 + i, b) - logBeta(c, d));
        }
        const law = lawOf(
          policyOf([
            [s1, f1],
            [s2, f2],
          ]),
        );
        expect(Math.abs(law[0] - expected)).toBeLessThan(2e-6);
        expect(law[0] + law[1]).toBeCloseTo(1, 14);
      }),
    );
  });

  it('is the law of the highest of one draw from each posterior', () => {
    const counts: [number, number][] = [
      [3, 4],
      [20, 18],
      [0, 1],
      [400, 380],
    ];
    const prng = Prng.seeded(12);
    /** A sum of `shape` exponential deviates; the share of one in a sum of two such has a Beta law. */
    const gamma = (shape: number): number => {
      let sum = 0;
      for (let i = 0; i < shape; i++) sum -= Math.log(1 - prng.nextFloat());
      return sum;
    };
    const draws = 20_000;
    const wins = counts.map(() => 0);
    for (let i = 0; i < draws; i++) {
      const samples = counts.map(([s, f]) => {
        const one = gamma(s + 1);
        return one / (one + gamma(f + 1));
      });
      wins[samples.indexOf(Math.max(...samples))]++;
    }
    const law = lawOf(policyOf(counts));
    for (let a = 0; a < counts.length; a++) {
      expect(Math.abs(wins[a] - draws * law[a])).toBeLessThan(5 * Math.sqrt(draws * law[a] * (1 - law[a])));
    }
  });

  it('compares allowed actions only, and mixes the floor in', () => {
    const counts: [number, number][] = [
      [8, 2],
      [5, 5],
      [40, 2],
    ];
    const two = lawOf(policyOf(counts.slice(0, 2)));
    const masked = lawOf(policyOf(counts), Uint8Array.of(1, 1, 0));
    expect(masked[2]).toBe(0);
    for (const a of [0, 1]) expect(masked[a]).toBe(two[a]);
    const floored = lawOf(policyOf(counts, { epsilon: 0.3 }), Uint8Array.of(1, 1, 0));
    for (const a of [0, 1]) expect(floored[a]).toBeCloseTo(0.15 + 0.7 * two[a], 14);
  });
});
