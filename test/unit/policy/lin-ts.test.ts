import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { LinTs } from '../../../src/policy/lin-ts.js';
import { normalCdf } from '../../../src/policy/normal-maximum.js';
import { NO_ACTION, PolicyConfigError } from '../../../src/policy/policy.js';

describe('linear Thompson sampling', () => {
  it('announces for two actions what the closed form gives', () => {
    const policy = new LinTs({ n_actions: 2, context_dim: 3, constant: false, sampling_scale: 0.7, ridge: 2 });
    const prng = Prng.seeded(1);
    const context = new Float64Array(3);
    const means = new Float64Array(2);
    const variances = new Float64Array(2);
    const shares = new Float64Array(2);
    for (let i = 0; i < 200; i++) {
      for (let k = 0; k < 3; k++) context[k] = prng.nextNormal();
      policy.model.evaluateWithVariance(context, means, variances);
      policy.probabilities(context, null, shares);
      const closed = normalCdf((means[0] - means[1]) / (0.7 * Math.sqrt(variances[0] + variances[1])));
      expect(Math.abs(shares[0] - closed)).toBeLessThan(1e-9);
      policy.update(context, i % 2, context[0] + (i % 2), 1);
    }
  });

  it('works out the probability of the action drawn whenever it is read, whatever happened in between', () => {
    const config = { n_actions: 5, context_dim: 3, epsilon: 0.1 };
    const prompt = new LinTs(config);
    const late = new LinTs(config);
    const prng = Prng.seeded(2);
    const shares = new Float64Array(5);
    const other = Float64Array.of(9, -9, 9);
    const allowed = new Uint8Array(5);
    for (let i = 0; i < 200; i++) {
      const context = Float64Array.from({ length: 3 }, () => prng.nextNormal());
      for (let a = 0; a < 5; a++) allowed[a] = a === i % 5 || prng.nextFloat() < 0.5 ? 1 : 0;
      const action = prompt.select(context, allowed);
      const probability = prompt.lastProbability;
      const distribution = [...prompt.lastDistribution];
      expect(late.select(context, allowed)).toBe(action);
      allowed.fill(1);
      late.probabilities(other, null, shares);
      prompt.update(context, action, context[action % 3], 0.5);
      late.update(context, action, context[action % 3], 0.5);
      late.values(other, shares);
      expect(late.lastProbability).toBe(probability);
      expect([...late.lastDistribution]).toEqual(distribution);
      expect(distribution[action]).toBe(probability);
      expect(Math.abs(distribution.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-12);
    }
  });

  it('saves the probability of an action drawn just before', () => {
    const config = { n_actions: 3, context_dim: 2 };
    const policy = new LinTs(config);
    const twin = new LinTs(config);
    const context = Float64Array.of(1, -1);
    policy.update(context, 1, 0.3, 1);
    policy.select(context, null);
    twin.importState(policy.exportState());
    expect(twin.lastProbability).toBe(policy.lastProbability);
    expect(twin.lastProbability).toBeGreaterThan(0);
    // An import makes what was drawn before it void.
    twin.select(context, null);
    twin.importState(policy.exportState());
    expect(twin.lastProbability).toBe(policy.lastProbability);
    policy.reset();
    expect(policy.lastProbability).toBe(0);
  });

  it('has no probability after a mask that allows nothing', () => {
    const policy = new LinTs({ n_actions: 3, context_dim: 2, epsilon: 0.5 });
    const context = Float64Array.of(1, -1);
    policy.select(context, null);
    expect(policy.select(context, new Uint8Array(3))).toBe(NO_ACTION);
    expect(policy.lastProbability).toBe(0);
    expect([...policy.lastDistribution]).toEqual([0, 0, 0]);
  });

  it('is certain without a scale, and while frozen', () => {
    const greedy = new LinTs({ n_actions: 3, context_dim: 2, sampling_scale: 0 });
    const context = Float64Array.of(1, -1);
    const shares = new Float64Array(3);
    greedy.probabilities(context, null, shares);
    expect([...shares]).toEqual([1 / 3, 1 / 3, 1 / 3]);
    greedy.update(context, 1, 5, 1);
    for (let i = 0; i < 20; i++) {
      expect(greedy.select(context, null)).toBe(1);
      expect(greedy.lastProbability).toBe(1);
    }
    const frozen = new LinTs({ n_actions: 3, context_dim: 2, epsilon: 0.5 });
    frozen.update(context, 2, 5, 1);
    frozen.frozen = true;
    for (let i = 0; i < 20; i++) {
      expect(frozen.select(context, null)).toBe(2);
      expect(frozen.lastProbability).toBe(1);
    }
  });

  it('draws less widely the more it has seen', () => {
    const policy = new LinTs({ n_actions: 2, context_dim: 1, constant: false, sampling_scale: 1 });
    const context = Float64Array.of(1);
    const shares = new Float64Array(2);
    let before = 0;
    for (let i = 0; i < 40; i++) {
      policy.update(context, 0, 0.5, 1);
      policy.update(context, 1, 0, 1);
      policy.probabilities(context, null, shares);
      if (i > 2) expect(shares[0]).toBeGreaterThan(before);
      before = shares[0];
    }
    expect(before).toBeGreaterThan(0.98);
  });

  it('refuses a scale that is none', () => {
    expect(() => new LinTs({ sampling_scale: -1 })).toThrow(PolicyConfigError);
    expect(() => new LinTs({ sampling_scale: Number.NaN })).toThrow(PolicyConfigError);
  });

  it('names the memory it needs', () => {
    const config = { n_actions: 3, context_dim: 4, arms: 'hybrid' as const, arm_dim: 2 };
    expect(new LinTs(config).stats().bytes).toBe(LinTs.bytes(config));
  });
});
