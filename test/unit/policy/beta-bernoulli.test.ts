import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { BetaBernoulli } from '../../../src/policy/beta-bernoulli.js';
import { PolicyConfigError, PolicyInputError } from '../../../src/policy/policy.js';

const context = Float64Array.of(0);

describe('Beta–Bernoulli Thompson sampling', () => {
  it('expects the mean of the posterior, in units of reward', () => {
    const policy = new BetaBernoulli({ n_actions: 2, context_dim: 1, reward_min: -10, reward_max: 10 });
    const values = new Float64Array(2);
    policy.values(context, values);
    expect([...values]).toEqual([0, 0]);
    for (const reward of [10, 10, -10, 4]) policy.update(context, 0, reward, 1);
    policy.values(context, values);
    // 1 + 1 + 0 + 0.7 successes of four, and one of two before them.
    expect(values[0]).toBeCloseTo(-10 + (20 * 3.7) / 6, 12);
    expect(values[1]).toBe(0);
  });

  it('counts a reward between the ends as part of a success', () => {
    const half = new BetaBernoulli({ n_actions: 2, context_dim: 1 });
    const whole = new BetaBernoulli({ n_actions: 2, context_dim: 1 });
    for (let i = 0; i < 4; i++) half.update(context, 0, 0.5, 1);
    for (const reward of [1, 0, 0, 1]) whole.update(context, 0, reward, 1);
    const shares = [half, whole].map((policy) => {
      const out = new Float64Array(2);
      policy.probabilities(context, null, out);
      return [...out];
    });
    expect(shares[0]).toEqual(shares[1]);
  });

  it('finds the best coin, and says beforehand how often it will draw it', () => {
    const policy = new BetaBernoulli({ n_actions: 3, context_dim: 1 });
    const prng = Prng.seeded(2);
    const rates = [0.3, 0.6, 0.5];
    let best = 0;
    let announced = 0;
    const shares = new Float64Array(3);
    for (let i = 0; i < 4000; i++) {
      policy.probabilities(context, null, shares);
      announced += shares[1];
      const action = policy.select(context, null);
      expect(policy.lastProbability).toBe(shares[action]);
      if (action === 1) best++;
      policy.update(context, action, prng.nextFloat() < rates[action] ? 1 : 0, policy.lastProbability);
    }
    expect(best).toBeGreaterThan(3000);
    expect(Math.abs(best - announced)).toBeLessThan(5 * Math.sqrt(1000));
  });

  it('follows coins that change when its counts fade', () => {
    const better = (discount: number): number => {
      const policy = new BetaBernoulli({ n_actions: 2, context_dim: 1, discount });
      const prng = Prng.seeded(5);
      let drawn = 0;
      for (let i = 0; i < 3000; i++) {
        const action = policy.select(context, null);
        const rate = i < 2000 ? [0.2, 0.8] : [0.5, 0.1];
        policy.update(context, action, prng.nextFloat() < rate[action] ? 1 : 0, policy.lastProbability);
        if (i >= 2500 && action === 0) drawn++;
      }
      return drawn / 500;
    };
    expect(better(0.98)).toBeGreaterThan(0.7);
    expect(better(1)).toBeLessThan(0.5);
  });

  it('computes the law anew whenever counts or mask change, and only then the same', () => {
    const policy = new BetaBernoulli({ n_actions: 3, context_dim: 1 });
    const law = (allowed: Uint8Array | null): number[] => {
      const out = new Float64Array(3);
      policy.probabilities(context, allowed, out);
      return [...out];
    };
    const thirds = law(null);
    for (const share of thirds) expect(share).toBeCloseTo(1 / 3, 12);
    expect(law(null)).toEqual(thirds);
    expect(law(Uint8Array.of(1, 0, 1))[1]).toBe(0);
    expect(law(null)).toEqual(thirds);
    policy.update(context, 1, 1, 1);
    const better = law(null);
    expect(better[1]).toBeGreaterThan(0.4);
    policy.reset();
    expect(law(null)).toEqual(thirds);
    const other = new BetaBernoulli({ n_actions: 3, context_dim: 1 });
    other.update(context, 1, 1, 1);
    policy.importState(other.exportState());
    expect(law(null)).toEqual(better);
    expect(law(Uint8Array.of(0, 1, 0))).toEqual([0, 1, 0]);
  });

  it('stays a distribution for counts of any size', () => {
    const policy = new BetaBernoulli({ n_actions: 4, context_dim: 1, prior_success: 0.25, prior_failure: 0.25 });
    const state = policy.exportState();
    const view = new DataView(state.buffer);
    const counts = [0, 1e-9, 3, 9e15, 0, 2 ** 53, 1e12, 1e-300];
    for (let i = 0; i < 8; i++) view.setFloat64(state.length - 64 + 8 * i, counts[i], true);
    policy.importState(state);
    const out = new Float64Array(4);
    policy.probabilities(context, null, out);
    expect(out.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    // The last has never failed in 9e15 trials.
    expect(out[3]).toBeGreaterThan(0.5);
  });

  it('refuses rewards outside the range, and to have none', () => {
    const policy = new BetaBernoulli({ n_actions: 2, context_dim: 0 });
    expect(() => policy.update(new Float64Array(0), 0, 1.5, 1)).toThrow(PolicyInputError);
    expect(() => policy.update(new Float64Array(0), 0, 1.5, 1)).toThrow('reward is 1.5, declared range [0, 1]');
    expect(() => new BetaBernoulli({ reward_max: null })).toThrow(PolicyConfigError);
    expect(() => new BetaBernoulli({ reward_max: null })).toThrow('reward_max is null');
    expect(() => new BetaBernoulli({ prior_success: 0.1 })).toThrow('prior_success is 0.1');
  });

  it('refuses a state that counted rewards of another range', () => {
    const policy = new BetaBernoulli({ n_actions: 2, context_dim: 1 });
    const other = new BetaBernoulli({ n_actions: 2, context_dim: 1, reward_max: 2 });
    expect(() => policy.importState(other.exportState())).toThrow('other settings');
  });
});
