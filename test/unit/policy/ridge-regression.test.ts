import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { type Arms, Work } from '../../../src/policy/learning-policy.js';
import { PolicyStateError } from '../../../src/policy/policy.js';
import { RIDGE_DEFAULTS, type RidgeConfig, RidgeRegression } from '../../../src/policy/ridge-regression.js';

function configOf(arms: Arms, more: Partial<RidgeConfig> = {}): RidgeConfig {
  return {
    ...RIDGE_DEFAULTS,
    n_actions: 4,
    arms,
    context_dim: arms === 'tied' ? 0 : 3,
    arm_dim: arms === 'disjoint' ? 0 : 2,
    ...more,
  };
}

function trained(config: RidgeConfig): { model: RidgeRegression; state: Float64Array; context: Float64Array } {
  const state = new Float64Array(RidgeRegression.stateDoubles(config));
  const model = new RidgeRegression(config, state, new Float64Array(RidgeRegression.scratchDoubles(config)));
  model.clear();
  const prng = Prng.seeded(3);
  const context = new Float64Array(config.context_dim + config.n_actions * config.arm_dim);
  const work = new Float64Array(24);
  work[Work.weight] = 1;
  for (let i = 0; i < 60; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextNormal();
    work[Work.reward] = context[0] + (i % 4);
    model.predict(context, i % 4, work);
    model.learn(context, i % 4, work);
  }
  return { model, state, context };
}

function judged(model: RidgeRegression, context: Float64Array): { means: number[]; variances: number[] } {
  const means = new Float64Array(4);
  const variances = new Float64Array(4);
  model.evaluateWithVariance(context, means, variances);
  return { means: [...means], variances: [...variances] };
}

describe('ridge regression', () => {
  it('judges more actions than it takes at a time to the same bits', () => {
    for (const n_actions of [1, 2, 3, 7, 8, 9, 11, 16, 19]) {
      const config = configOf('disjoint', { n_actions });
      const state = new Float64Array(RidgeRegression.stateDoubles(config));
      const model = new RidgeRegression(config, state, new Float64Array(RidgeRegression.scratchDoubles(config)));
      model.clear();
      const single = configOf('disjoint', { n_actions: 1 });
      const alone = Array.from({ length: n_actions }, () => {
        const words = new Float64Array(RidgeRegression.stateDoubles(single));
        const one = new RidgeRegression(single, words, new Float64Array(RidgeRegression.scratchDoubles(single)));
        one.clear();
        return one;
      });
      const prng = Prng.seeded(n_actions);
      const work = new Float64Array(24);
      const context = new Float64Array(3);
      work[Work.weight] = 1;
      for (let i = 0; i < 5 * n_actions; i++) {
        for (let k = 0; k < 3; k++) context[k] = prng.nextNormal();
        work[Work.reward] = prng.nextNormal();
        model.learn(context, i % n_actions, work);
        alone[i % n_actions].learn(context, 0, work);
      }
      const means = new Float64Array(n_actions);
      const variances = new Float64Array(n_actions);
      model.evaluateWithVariance(context, means, variances);
      for (const [a, one] of alone.entries()) {
        const mean = new Float64Array(1);
        const variance = new Float64Array(1);
        one.evaluateWithVariance(context, mean, variance);
        expect(means[a]).toBe(mean[0]);
        expect(variances[a]).toBe(variance[0]);
      }
    }
  });

  it('keeps a share of what it expects and no evidence for it, when it forgets', () => {
    for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
      const config = configOf(arms, { ridge: 0.5 });
      const { model, context } = trained(config);
      const before = judged(model, context);
      const fresh = trained(config);
      fresh.model.clear();
      const work = new Float64Array(24);
      work[Work.floor] = 0.25;
      model.forget(work);
      const after = judged(model, context);
      for (let a = 0; a < 4; a++) expect(after.means[a]).toBeCloseTo(0.25 * before.means[a], 10);
      expect(after.variances).toEqual(judged(fresh.model, context).variances);
    }
  });

  it('keeps what it expects and a share of the evidence, where it is told to', () => {
    for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
      const { model, context } = trained(configOf(arms, { drift_keeps: 'evidence', trace_limit: 1e6 }));
      const before = judged(model, context);
      const work = new Float64Array(24);
      work[Work.floor] = 0.25;
      model.forget(work);
      const after = judged(model, context);
      expect(after.means).toEqual(before.means);
      for (let a = 0; a < 4; a++) expect(after.variances[a]).toBeCloseTo(4 * before.variances[a], 10);
    }
  });

  it('refuses words that cannot be its own', () => {
    for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
      const { model, state } = trained(configOf(arms));
      expect(() => model.check(state)).not.toThrow();
      const last = state.length - 1;
      for (const [at, word] of [
        [0, -1],
        [0, 0],
        [0, 1e31],
        [1, state[0] + 10],
        [last, -1],
        [last, 0.5],
      ]) {
        const damaged = state.slice();
        damaged[at] = word;
        expect(() => model.check(damaged)).toThrow(PolicyStateError);
      }
      const estimates = state.slice();
      estimates[last - 1] = 1e31;
      expect(() => model.check(estimates)).toThrow(PolicyStateError);
    }
  });

  it('learns from an example of small weight little, and of large weight all', () => {
    const config = configOf('disjoint', { constant: false });
    const state = new Float64Array(RidgeRegression.stateDoubles(config));
    const model = new RidgeRegression(config, state, new Float64Array(RidgeRegression.scratchDoubles(config)));
    model.clear();
    const work = new Float64Array(24);
    work[Work.reward] = 1;
    work[Work.weight] = 1e-9;
    const context = Float64Array.of(1, 0, 0);
    model.learn(context, 0, work);
    expect(judged(model, context).means[0]).toBeCloseTo(1e-9, 15);
    work[Work.weight] = 1e9;
    model.learn(context, 0, work);
    expect(judged(model, context).means[0]).toBeCloseTo(1, 8);
    expect(judged(model, context).variances[0]).toBeCloseTo(1e-9, 15);
  });
});
