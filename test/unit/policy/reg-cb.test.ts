import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { PolicyInputError } from '../../../src/policy/policy.js';
import { RegCb, type RegCbConfig } from '../../../src/policy/reg-cb.js';

const small = { n_actions: 3, context_dim: 2 };

function bounds(policy: RegCb, x: readonly number[]): { lower: number[]; upper: number[] } {
  const lower = new Float64Array(policy.nActions);
  const upper = new Float64Array(policy.nActions);
  policy.confidenceBounds(Float64Array.from(x), lower, upper);
  return { lower: [...lower], upper: [...upper] };
}

describe('RegCB', () => {
  it('draws every action alike before it knows anything, in both modes', () => {
    for (const regcb_mode of ['optimistic', 'elimination'] as const) {
      const shares = new Float64Array(3);
      new RegCb({ ...small, regcb_mode }).probabilities(Float64Array.of(1, 2), Uint8Array.of(1, 0, 1), shares);
      expect([...shares]).toEqual([0.5, 0, 0.5]);
    }
  });

  it('has the bounds that the condition gives for one weight, worked out by hand', () => {
    // One constant, plain gradients of a fixed rate: the sensitivity is η, the prediction 0, f is 2 above and 1 below.
    const policy = new RegCb({
      n_actions: 2,
      context_dim: 1,
      adaptive: false,
      normalized: false,
      power_t: 0,
      learning_rate: 0.5,
      mellowness: 0.3,
    });
    const delta = 0.3 * Math.log(2);
    const { lower, upper } = bounds(policy, [0]);
    const width = upper[0];
    const w = width / 0.5;
    expect(w * (4 - (2 - width) ** 2)).toBeCloseTo(delta, 12);
    expect(lower).toEqual([0, 0]);
    expect(upper[1]).toBe(upper[0]);
  });

  it('tries the action it knows less of, and leaves it when it is worse for sure', () => {
    const policy = new RegCb({ n_actions: 2, context_dim: 1, mellowness: 0.01 });
    const x = Float64Array.of(1);
    for (let i = 0; i < 1000; i++) policy.update(x, 0, i % 2 === 0 ? 0.3 : 0.7, 1);
    for (let i = 0; i < 4; i++) policy.update(x, 1, i % 2 === 0 ? 0.25 : 0.65, 1);
    expect(policy.select(x, null)).toBe(1);
    for (let i = 0; i < 1000; i++) policy.update(x, 1, i % 2 === 0 ? 0 : 0.2, 1);
    expect(policy.select(x, null)).toBe(0);
    policy.frozen = true;
    expect(policy.select(x, null)).toBe(0);
  });

  it('eliminates what cannot be best any more, and draws the rest alike', () => {
    const policy = new RegCb({ n_actions: 3, context_dim: 1, mellowness: 0.001, regcb_mode: 'elimination' });
    const x = Float64Array.of(1);
    for (let i = 0; i < 3000; i++) policy.update(x, i % 3, [0.8, 0.8, 0.1][i % 3], 1);
    const shares = new Float64Array(3);
    policy.probabilities(x, null, shares);
    expect([...shares]).toEqual([0.5, 0.5, 0]);
    policy.probabilities(x, Uint8Array.of(0, 0, 1), shares);
    expect([...shares]).toEqual([0, 0, 1]);
  });

  it('learns the same of rewards in another unit', () => {
    const lives = [
      { low: 0, high: 1 },
      { low: -100, high: 300 },
    ].map(({ low, high }) => {
      const policy = new RegCb({ ...small, reward_min: low, reward_max: high });
      const prng = Prng.seeded(4);
      const actions: number[] = [];
      for (let i = 0; i < 300; i++) {
        const x = Float64Array.of(prng.nextNormal(), prng.nextNormal());
        const action = policy.select(x, null);
        actions.push(action);
        policy.update(x, action, low + (high - low) / (1 + Math.exp(-x[0] * (action - 1))), 1);
      }
      const { lower, upper } = bounds(policy, [0.3, -0.2]);
      return [...actions, ...lower.map((v) => (v - low) / (high - low)), ...upper.map((v) => (v - low) / (high - low))];
    });
    lives[0].forEach((value, i) => {
      expect(lives[1][i]).toBeCloseTo(value, 6);
    });
  });

  it('earns most of what there is to earn after some learning, in both modes', () => {
    for (const config of [{}, { regcb_mode: 'elimination', mellowness: 1e-3 }] satisfies Partial<RegCbConfig>[]) {
      const policy = new RegCb({ n_actions: 4, context_dim: 4, ...config });
      const prng = Prng.seeded(5);
      const x = new Float64Array(4);
      let earned = 0;
      for (let i = 0; i < 6000; i++) {
        for (let k = 0; k < 4; k++) x[k] = prng.nextNormal();
        const action = policy.select(x, null);
        if (i >= 5000) earned += x[action];
        policy.update(x, action, 1 / (1 + Math.exp(-x[action])), policy.lastProbability);
      }
      // The best of four standard normals is 1.03 in the mean; chance earns 0.
      expect(earned / 1000).toBeGreaterThan(0.8);
    }
  });

  it('refuses rewards outside its range, which is [0, 1] unless it is said, and takes all where it is null', () => {
    const x = Float64Array.of(1, 1);
    expect(() => new RegCb(small).update(x, 0, 1.01, 1)).toThrow(PolicyInputError);
    expect(() => new RegCb({ ...small, reward_min: null }).update(x, 0, 1.01, 1)).toThrow('range');
    const open = new RegCb({ ...small, reward_min: null, reward_max: null });
    for (let i = 0; i < 100; i++) open.update(x, 0, -50, 1);
    const { lower, upper } = bounds(open, [1, 1]);
    expect(lower[0]).toBeLessThan(-10);
    expect(upper[0]).toBeLessThan(0);
  });

  it('refuses wrong settings by name, and states learned on another range', () => {
    expect(() => new RegCb({ mellowness: -1 })).toThrow('mellowness is -1');
    expect(() => new RegCb({ regcb_mode: 'greedy' } as object)).toThrow('optimistic, elimination');
    expect(() => new RegCb({ reward_min: 2 })).toThrow('reward_min is 2');
    const state = new RegCb(small).exportState();
    expect(() => new RegCb({ ...small, reward_max: 2 }).importState(state)).toThrow('settings');
    new RegCb({ ...small, mellowness: 3, regcb_mode: 'elimination' }).importState(state);
    expect(() => bounds(new RegCb(small), [1])).toThrow(PolicyInputError);
    expect(() =>
      new RegCb(small).confidenceBounds(new Float64Array(2), new Float64Array(3), new Float64Array(2)),
    ).toThrow('upper');
    expect(RegCb.bytes(small)).toBe(new RegCb(small).stats().bytes);
    expect(new RegCb(small).stats().learningRate).toBe(0.5);
  });
});
