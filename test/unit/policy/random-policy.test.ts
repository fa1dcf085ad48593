import { describe, expect, it } from 'vitest';
import { PolicyConfigError } from '../../../src/policy/policy.js';
import { RandomPolicy } from '../../../src/policy/random-policy.js';

describe('the random policy', () => {
  it('chooses every allowed action alike, frozen or not, whatever was learned', () => {
    const policy = new RandomPolicy({ n_actions: 4, context_dim: 1 });
    const context = Float64Array.of(1);
    for (const frozen of [false, true]) {
      policy.frozen = frozen;
      const counts = [0, 0, 0, 0];
      for (let i = 0; i < 3000; i++) {
        policy.update(context, 0, 100, 1);
        counts[policy.select(context, Uint8Array.of(1, 0, 1, 1))]++;
        expect(policy.lastProbability).toBe(1 / 3);
      }
      expect(counts[1]).toBe(0);
      for (const a of [0, 2, 3]) expect(counts[a]).toBeGreaterThan(900);
    }
    expect(policy.stats().updates).toBe(3000);
    expect(policy.stats().meanReward).toBe(100);
  });

  it('refuses shapes that make no sense', () => {
    expect(() => new RandomPolicy({ n_actions: 0 })).toThrow(PolicyConfigError);
    expect(() => new RandomPolicy({ context_dim: 1.5 })).toThrow('context_dim');
  });
});
