import { describe, expect, it } from 'vitest';
import { PolicyConfigError } from '../../../src/policy/policy.js';
import { Softmax, type SoftmaxConfig } from '../../../src/policy/softmax.js';

const context = Float64Array.of(1);

function trained(config: Partial<SoftmaxConfig>): Softmax {
  const policy = new Softmax({ n_actions: 3, context_dim: 1, ridge: 1e-9, ...config });
  for (let i = 0; i < 5; i++) for (let a = 0; a < 3; a++) policy.update(context, a, a / 2, 1);
  return policy;
}

describe('softmax', () => {
  it('draws in proportion to exp(value / tau)', () => {
    const shares = new Float64Array(3);
    trained({ tau: 0.5 }).probabilities(context, null, shares);
    const sum = 1 + Math.E + Math.E ** 2;
    for (let a = 0; a < 3; a++) expect(shares[a]).toBeCloseTo(Math.E ** a / sum, 6);
    trained({ tau: 0.5, epsilon: 0.3 }).probabilities(context, Uint8Array.of(1, 0, 1), shares);
    expect(shares[1]).toBe(0);
    expect(shares[2]).toBeCloseTo(0.15 + (0.7 * Math.E ** 2) / (1 + Math.E ** 2), 6);
  });

  it('cools linearly or exponentially, and stays where it ends', () => {
    const at = (policy: Softmax, decisions: number): number => {
      while (policy.stats().decisions < decisions) policy.select(context, null);
      return policy.tau;
    };
    const linear = trained({ tau: 1, tau_final: 0.2, tau_decay: 'linear', tau_decay_steps: 40 });
    for (const [decisions, tau] of [
      [0, 1],
      [10, 0.8],
      [40, 0.2],
      [50, 0.2],
    ]) {
      expect(at(linear, decisions)).toBeCloseTo(tau, 14);
    }
    const exponential = trained({ tau: 1, tau_final: 0.01, tau_decay_steps: 40 });
    for (const [decisions, tau] of [
      [20, 0.1],
      [40, 0.01],
    ]) {
      expect(at(exponential, decisions)).toBeCloseTo(tau, 14);
    }
    expect(trained({ tau: 0.3 }).tau).toBe(0.3);
  });

  it('is the best action alone while frozen, however warm', () => {
    const policy = trained({ tau: 1e9 });
    policy.frozen = true;
    for (let i = 0; i < 50; i++) expect(policy.select(context, null)).toBe(2);
    expect(policy.lastProbability).toBe(1);
  });

  it('refuses a temperature of 0', () => {
    expect(() => new Softmax({ tau: 0 })).toThrow(PolicyConfigError);
    expect(() => new Softmax({ tau_final: 0 })).toThrow('tau_final is 0, allowed: a number in (0, 1000000000]');
  });
});
