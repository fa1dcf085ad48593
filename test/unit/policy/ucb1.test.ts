import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { PolicyConfigError } from '../../../src/policy/policy.js';
import { Ucb1 } from '../../../src/policy/ucb1.js';

const context = Float64Array.of(0);

/** Share of the best action in the last quarter, in a world of coins that may change halfway. */
function share(policy: Ucb1, rates: (step: number) => number[], steps: number): number {
  const prng = Prng.seeded(8);
  let best = 0;
  for (let i = 0; i < steps; i++) {
    const now = rates(i);
    const action = policy.select(context, null);
    policy.update(context, action, prng.nextFloat() < now[action] ? 1 : 0, policy.lastProbability);
    if (i >= (3 * steps) / 4 && now[action] === Math.max(...now)) best++;
  }
  return best / (steps / 4);
}

describe('UCB1', () => {
  it('tries every action before any a second time', () => {
    const policy = new Ucb1({ n_actions: 5, context_dim: 1 });
    const seen = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const action = policy.select(context, null);
      expect(policy.lastProbability).toBeCloseTo(1 / (5 - i), 14);
      policy.update(context, action, 1, policy.lastProbability);
      seen.add(action);
    }
    expect(seen.size).toBe(5);
  });

  it('finds the best coin', () => {
    expect(share(new Ucb1({ n_actions: 3, context_dim: 1 }), () => [0.2, 0.8, 0.5], 2000)).toBeGreaterThan(0.9);
  });

  it('follows coins that change when its counts fade', () => {
    const rates = (step: number): number[] => (step < 2000 ? [0.2, 0.8] : [0.2, 0.1]);
    const faded = new Ucb1({ n_actions: 2, context_dim: 1, discount: 0.99, confidence: 0.5 });
    expect(share(faded, rates, 2400)).toBeGreaterThan(0.5);
    const values = new Float64Array(2);
    faded.values(context, values);
    expect(values[0]).toBeGreaterThan(values[1]);
  });

  it('has wider bounds where rewards have a wider declared range', () => {
    const narrow = new Ucb1({ n_actions: 2, context_dim: 1 });
    const wide = new Ucb1({ n_actions: 2, context_dim: 1, reward_min: 0, reward_max: 10 });
    for (const policy of [narrow, wide]) {
      for (let i = 0; i < 30; i++) policy.update(context, 0, 1, 1);
      for (let i = 0; i < 10; i++) policy.update(context, 1, 0.3, 1);
    }
    // 1 + √(2 ln 40 / 30) = 1.50 against 0.3 + √(2 ln 40 / 10) = 1.16; ten times the roots turn it round.
    expect(narrow.select(context, null)).toBe(0);
    expect(wide.select(context, null)).toBe(1);
  });

  it('takes contexts of any shape, none included, and learns the same from each', () => {
    const shapes = [
      { context_dim: 0 },
      { context_dim: 3 },
      { context_dim: 0, arms: 'tied', arm_dim: 2 },
      { context_dim: 3, arms: 'hybrid', arm_dim: 2 },
    ] as const;
    const chosen = shapes.map((shape) => {
      const policy = new Ucb1({ n_actions: 3, ...shape });
      const x = new Float64Array(policy.contextDim);
      return Array.from({ length: 50 }, (_, i) => {
        x.fill(i);
        const action = policy.select(x, null);
        policy.update(x, action, action === 1 ? 1 : 0, policy.lastProbability);
        return action;
      });
    });
    for (const actions of chosen) expect(actions).toEqual(chosen[0]);
  });

  it('goes by the mean alone while frozen', () => {
    const policy = new Ucb1({ n_actions: 2, context_dim: 1, epsilon: 0.5 });
    for (let i = 0; i < 50; i++) policy.update(context, 0, 0.6, 1);
    policy.update(context, 1, 0.5, 1);
    expect(policy.select(context, Uint8Array.of(1, 1))).toBeGreaterThanOrEqual(0);
    policy.frozen = true;
    for (let i = 0; i < 20; i++) expect(policy.select(context, null)).toBe(0);
  });

  it('refuses settings outside their ranges by name', () => {
    for (const config of [{ discount: 0 }, { discount: 1.1 }, { confidence: -1 }]) {
      expect(() => new Ucb1(config)).toThrow(PolicyConfigError);
      expect(() => new Ucb1(config)).toThrow(Object.keys(config)[0]);
    }
  });
});
