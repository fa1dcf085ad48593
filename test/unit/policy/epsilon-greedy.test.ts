import { describe, expect, it } from 'vitest';
import { EpsilonGreedy } from '../../../src/policy/epsilon-greedy.js';

const context = Float64Array.of(1, -0.5);

describe('ε-greedy', () => {
  it('draws the best action but for its share of chance', () => {
    const policy = new EpsilonGreedy({ n_actions: 4, context_dim: 2, epsilon: 0.2 });
    for (let i = 0; i < 20; i++) for (let a = 0; a < 4; a++) policy.update(context, a, a === 2 ? 1 : 0, 1);
    const shares = new Float64Array(4);
    policy.probabilities(context, null, shares);
    for (const [a, share] of [0.05, 0.05, 0.85, 0.05].entries()) expect(shares[a]).toBeCloseTo(share, 14);
    policy.probabilities(context, Uint8Array.of(1, 1, 0, 0), shares);
    expect(shares[0] + shares[1]).toBeCloseTo(1, 14);
  });

  it('explores less as decisions go by, and not at all while frozen', () => {
    const policy = new EpsilonGreedy({
      n_actions: 2,
      context_dim: 2,
      epsilon: 1,
      epsilon_final: 0.01,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 100,
    });
    policy.update(context, 1, 1, 1);
    let worse = 0;
    for (let i = 0; i < 1000; i++) if (policy.select(context, null) === 0) worse++;
    // Σ ε/2 = 50 · 0.99 / ln 100 + 900 · 0.005: about 15.
    expect(worse).toBeGreaterThan(5);
    expect(worse).toBeLessThan(35);
    policy.frozen = true;
    expect(policy.stats().epsilon).toBe(0.01);
    for (let i = 0; i < 200; i++) expect(policy.select(context, null)).toBe(1);
  });

  it('learns by either regressor, and holds memory for the one it has', () => {
    for (const regressor of ['ridge', 'gd'] as const) {
      const policy = new EpsilonGreedy({ n_actions: 2, context_dim: 2, regressor });
      for (let i = 0; i < 400; i++) {
        const x = Float64Array.of(Math.sin(i), Math.cos(3 * i));
        policy.update(x, i % 2, i % 2 === 0 ? x[0] : 0.5 - x[1], 0.5);
      }
      const values = new Float64Array(2);
      policy.values(Float64Array.of(0.3, -0.6), values);
      expect(values[0]).toBeCloseTo(0.3, 1);
      expect(values[1]).toBeCloseTo(1.1, 1);
      expect(policy.stats().bytes).toBe(EpsilonGreedy.bytes({ n_actions: 2, context_dim: 2, regressor }));
    }
    const shape = { n_actions: 8, context_dim: 24 };
    expect(EpsilonGreedy.bytes({ ...shape, regressor: 'ridge' })).toBeGreaterThan(
      2 * EpsilonGreedy.bytes({ ...shape, regressor: 'gd' }),
    );
  });
});
