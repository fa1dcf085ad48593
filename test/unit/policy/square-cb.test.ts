import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { PolicyConfigError, PolicyStateError } from '../../../src/policy/policy.js';
import { SquareCb } from '../../../src/policy/square-cb.js';
import { STATE_HEADER_BYTES } from '../../../src/policy/state-format.js';

const context = Float64Array.of(1, 0.5);

describe('SquareCB', () => {
  it('is uniform before it has learned, and trusts the best action more with every update', () => {
    const policy = new SquareCb({ n_actions: 4, context_dim: 2 });
    const shares = new Float64Array(4);
    policy.probabilities(context, null, shares);
    expect([...shares]).toEqual([0.25, 0.25, 0.25, 0.25]);
    let before = 0.25;
    for (let i = 1; i <= 5; i++) {
      for (let a = 0; a < 4; a++) policy.update(context, a, a === 3 ? 1 : 0, 0.25);
      policy.probabilities(context, null, shares);
      expect(shares[3]).toBeGreaterThan(before);
      before = shares[3];
      expect(policy.gamma).toBeCloseTo(10 * Math.sqrt(4 * i), 12);
    }
  });

  it('measures gaps in units of the declared range', () => {
    const config = { n_actions: 3, context_dim: 2, ridge: 1e-3 };
    const unit = new SquareCb({ ...config, reward_min: 0, reward_max: 1 });
    const wide = new SquareCb({ ...config, reward_min: -100, reward_max: 100 });
    const undeclared = new SquareCb({ ...config, reward_min: -100 });
    for (let i = 0; i < 12; i++) {
      const reward = [0.2, 0.5, 0.9][i % 3];
      unit.update(context, i % 3, reward, 1);
      wide.update(context, i % 3, reward * 200 - 100, 1);
      undeclared.update(context, i % 3, reward, 1);
    }
    const shares = [unit, wide, undeclared].map((policy) => {
      const out = new Float64Array(3);
      policy.probabilities(context, null, out);
      return out;
    });
    // The ridge draws values of another origin toward 0 a little differently.
    for (let a = 0; a < 3; a++) expect(shares[1][a]).toBeCloseTo(shares[0][a], 3);
    expect([...shares[2]]).toEqual([...shares[0]]);
    expect(wide.gamma).toBeCloseTo(unit.gamma / 200, 12);
  });

  it('holds its weight of a gap finite for the narrowest range', () => {
    const policy = new SquareCb({ n_actions: 2, context_dim: 2, reward_min: 0, reward_max: 1e-310, gamma_scale: 1e9 });
    const shares = new Float64Array(2);
    policy.probabilities(context, null, shares);
    expect([...shares]).toEqual([0.5, 0.5]);
  });

  it('explores again after a reset of the watch for drift', () => {
    const policy = new SquareCb({
      n_actions: 2,
      context_dim: 2,
      drift: 'reset',
      drift_floor: 0.04,
      drift_minimum: 50,
      drift_threshold: 10,
    });
    const prng = Prng.seeded(4);
    const reward = (action: number, changed: boolean): number =>
      ((action === 0) !== changed ? 1 : 0) + 0.05 * prng.nextNormal();
    for (let i = 0; i < 400; i++) policy.update(context, i % 2, reward(i % 2, false), 0.5);
    const trusting = policy.gamma;
    let updates = 0;
    while (policy.driftAlarms === 0 && updates < 50) {
      policy.update(context, updates % 2, reward(updates % 2, true), 0.5);
      updates++;
    }
    expect(policy.driftAlarms).toBe(1);
    expect(policy.gamma).toBeLessThan(0.25 * trusting);
    expect(policy.gamma).toBeGreaterThan(0.15 * trusting);
  });

  it('trusts no more than a regression that forgets can know', () => {
    const policy = new SquareCb({ n_actions: 2, context_dim: 2, discount: 0.9, gamma_scale: 1 });
    const greedy = new SquareCb({ n_actions: 2, context_dim: 2, discount: 0.9, gamma_scale: 1, regressor: 'gd' });
    for (let i = 0; i < 1000; i++) {
      policy.update(context, i % 2, 0, 1);
      greedy.update(context, i % 2, 0, 1);
    }
    // Ten examples for each of two blocks.
    expect(policy.gamma).toBeCloseTo(Math.sqrt(20), 10);
    expect(greedy.gamma).toBeCloseTo(Math.sqrt(1000), 10);
  });

  it('finds the best action of a linear world', () => {
    for (const regressor of ['ridge', 'gd'] as const) {
      const policy = new SquareCb({ n_actions: 4, context_dim: 3, regressor, gamma_scale: 50 });
      const prng = Prng.seeded(11);
      const weights = Float64Array.from({ length: 12 }, () => prng.nextNormal());
      const x = new Float64Array(3);
      // Of the last thousand; chance would draw the best 250 times.
      let late = 0;
      for (let i = 0; i < 3000; i++) {
        for (let k = 0; k < 3; k++) x[k] = prng.nextNormal();
        const means = [0, 1, 2, 3].map((a) => x.reduce((sum, v, k) => sum + v * weights[a * 3 + k], 0));
        const action = policy.select(x, null);
        policy.update(x, action, means[action] + 0.1 * prng.nextNormal(), policy.lastProbability);
        if (i >= 2000 && means[action] === Math.max(...means)) late++;
      }
      expect(late).toBeGreaterThan(750);
    }
  });

  it('works with actions that share what they learn', () => {
    for (const regressor of ['ridge', 'gd'] as const) {
      for (const shape of [
        { arms: 'tied', context_dim: 0, arm_dim: 2 },
        { arms: 'hybrid', context_dim: 3, arm_dim: 2 },
      ] as const) {
        const policy = new SquareCb({ n_actions: 3, regressor, ...shape });
        const prng = Prng.seeded(3);
        const x = new Float64Array(policy.contextDim);
        const shared = shape.context_dim;
        for (let i = 0; i < 1500; i++) {
          for (let k = 0; k < x.length; k++) x[k] = prng.nextNormal();
          const action = policy.select(x, null);
          policy.update(x, action, x[shared + 2 * action] - x[shared + 2 * action + 1], policy.lastProbability);
        }
        x.fill(0);
        x.set([0, 0, 1, 0, 0, 1], shared);
        const values = new Float64Array(3);
        policy.values(x, values);
        for (const [a, value] of [0, 1, -1].entries()) expect(values[a]).toBeCloseTo(value, 1);
      }
    }
  });

  it('refuses a state of the other regressor, and one whose counter is damaged', () => {
    const ridge = new SquareCb({ n_actions: 2, context_dim: 2 });
    const gd = new SquareCb({ n_actions: 2, context_dim: 2, regressor: 'gd' });
    expect(() => gd.importState(ridge.exportState())).toThrow(PolicyStateError);
    expect(() => gd.importState(ridge.exportState())).toThrow('other settings');
    const state = ridge.exportState();
    new DataView(state.buffer).setFloat64(STATE_HEADER_BYTES + 16 * 8, -1, true);
    expect(() => ridge.importState(state)).toThrow('its updates are -1');
  });

  it('refuses settings outside their ranges by name', () => {
    for (const [name, value] of Object.entries({
      gamma_scale: -1,
      gamma_exponent: 3,
      regressor: 'forest',
      ridge: 0,
      power_t: 2,
      arms: 'none',
    })) {
      try {
        new SquareCb({ [name]: value });
        expect.fail(`${name} was taken`);
      } catch (error) {
        expect(error).toBeInstanceOf(PolicyConfigError);
        expect((error as PolicyConfigError).parameter).toBe(name);
        expect((error as PolicyConfigError).message).toContain(String(value));
      }
    }
  });
});
