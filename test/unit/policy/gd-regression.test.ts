import { describe, expect, it } from 'vitest';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
import {
  GD_DEFAULTS,
  GD_WORK_END,
  type GdConfig,
  GdRegression,
  gdFeatureNames,
  gdLayout,
} from '../../../src/policy/gd-regression.js';
import { Work } from '../../../src/policy/learning-policy.js';
import { PolicyConfigError, PolicyStateError } from '../../../src/policy/policy.js';

function configOf(config: Partial<GdConfig>): GdConfig {
  return {
    ...GD_DEFAULTS,
    n_actions: 3,
    context_dim: 2,
    arms: 'disjoint',
    arm_dim: 0,
    feature_names: null,
    arm_feature_names: null,
    ...config,
  };
}

class Learner {
  readonly state: Float64Array;
  readonly model: GdRegression;
  readonly work = new Float64Array(GD_WORK_END);

  constructor(config: GdConfig) {
    this.state = new Float64Array(GdRegression.stateDoubles(config));
    this.model = new GdRegression(config, this.state, new Float64Array(GdRegression.scratchDoubles(config)));
    this.model.clear();
  }

  predict(x: readonly number[], action: number): number {
    this.model.predict(Float64Array.from(x), action, this.work);
    return this.work[Work.prediction];
  }

  learn(x: readonly number[], action: number, reward: number, weight = 1): void {
    this.predict(x, action);
    this.work[Work.reward] = reward;
    this.work[Work.weight] = weight;
    this.model.learn(Float64Array.from(x), action, this.work);
  }

  forget(floor: number): void {
    this.work[Work.floor] = floor;
    this.model.forget(this.work);
  }
}

describe('where the regression keeps its weights', () => {
  it('names a context’s features in order, the constant after those that all actions share', () => {
    const config = configOf({ arms: 'hybrid', arm_dim: 2, feature_names: ['x', 'y'] });
    expect(gdFeatureNames(config)).toEqual(['x', 'y', 'constant', 'g0', 'g1']);
    expect(() => gdLayout({ ...config, arm_feature_names: ['g', 'constant'] })).toThrow(PolicyConfigError);
    expect(() => gdLayout({ ...config, feature_names: ['constant', 'y'] })).toThrow('feature_names');
  });

  it('has one weight of a feature for each action, for all, or both', () => {
    expect(gdLayout(configOf({ bits: 24 })).slotNumbers).toHaveLength(3 * 3);
    const tied = gdLayout(configOf({ arms: 'tied', context_dim: 0, arm_dim: 2, bits: 24 }));
    expect(tied.slotNumbers).toHaveLength(3);
    expect([...tied.slotOf]).toEqual([0, 0, 0, 1, 2]);
    expect(gdLayout(configOf({ arms: 'hybrid', arm_dim: 2, bits: 24 })).slotNumbers).toHaveLength(3 * 3 + 2);
    expect(gdLayout(configOf({ bits: 1 })).slotNumbers.length).toBeLessThanOrEqual(2);
  });

  it('has the slots of disjoint arms wherever else actions share weights', () => {
    const disjoint = gdLayout(configOf({}));
    const hybrid = gdLayout(configOf({ arms: 'hybrid', arm_dim: 2 }));
    expect([...hybrid.slotNumbers.subarray(0, 9)]).toEqual([...disjoint.slotNumbers]);
  });
});

describe('what the regression learns', () => {
  it('tells every action where one was tried, and only as far as their features are alike, while tied', () => {
    const tied = new Learner(configOf({ arms: 'tied', context_dim: 0, arm_dim: 2 }));
    for (let i = 0; i < 200; i++) tied.learn([1, 0, 0, 1, 1, 1], i % 2, i % 2 === 0 ? 1 : -1);
    // The third action's features are the sum of both, so is its value, less the constant that both have.
    expect(tied.predict([1, 0, 0, 1, 1, 0], 2)).toBeCloseTo(1, 1);
    expect(tied.predict([1, 0, 0, 1, 0, 1], 2)).toBeCloseTo(-1, 1);
  });

  it('keeps what is an action’s own apart from what is common while hybrid', () => {
    const hybrid = new Learner(configOf({ arms: 'hybrid', context_dim: 1, arm_dim: 1 }));
    for (let i = 0; i < 3000; i++) {
      const action = i % 3;
      const own = ((i * 7) % 5) - 2;
      hybrid.learn([1, own, own, own], action, own + 10 * action);
    }
    for (const action of [0, 1, 2]) expect(hybrid.predict([1, 2, 2, 2], action)).toBeCloseTo(2 + 10 * action, 0);
  });

  it('takes an importance weight of n for about n examples', () => {
    const once = new Learner(configOf({ adaptive: false, normalized: false, power_t: 0, learning_rate: 0.01 }));
    const often = new Learner(configOf({ adaptive: false, normalized: false, power_t: 0, learning_rate: 0.01 }));
    once.learn([1, 2], 0, 1, 5);
    for (let i = 0; i < 5; i++) often.learn([1, 2], 0, 1);
    expect(once.predict([1, 2], 0)).toBeCloseTo(often.predict([1, 2], 0), 12);
    expect(once.predict([1, 2], 0)).toBeGreaterThan(0.4);
  });

  it('keeps its values when it forgets, and learns faster afterwards', () => {
    for (const settings of [{}, { adaptive: false, initial_t: 1 }, { power_t: 0.3, initial_t: 0.5 }]) {
      const moved = [1, 0.01].map((floor) => {
        const one = new Learner(configOf(settings));
        for (let i = 0; i < 500; i++) one.learn([i % 3, 1], 0, (i % 3) - 1 + (i % 2));
        const before = one.predict([1, 1], 0);
        one.forget(floor);
        expect(one.predict([1, 1], 0)).toBe(before);
        one.learn([1, 1], 0, before + 0.3);
        return one.predict([1, 1], 0) - before;
      });
      expect(moved[0]).toBeGreaterThan(0);
      expect(moved[1]).toBeGreaterThan(moved[0] * 2);
    }
  });

  it('is as it was first once it forgets nearly everything but the scales', () => {
    const one = new Learner(configOf({ initial_t: 2 }));
    for (let i = 0; i < 50; i++) one.learn([i, -i], 1, i);
    one.forget(0);
    const slots = one.model.slots;
    expect([...one.state.subarray(3 + slots, 3 + 2 * slots)].every((gradients) => gradients === 2)).toBe(true);
    expect(Math.max(...one.state.subarray(3 + 2 * slots))).toBe(49);
  });

  it('takes features nearer to 0 than 1e-15 for absent', () => {
    const one = new Learner(configOf({}));
    one.learn([1e-16, 1], 0, 1);
    const other = new Learner(configOf({}));
    other.learn([0, 1], 0, 1);
    expect(one.state).toEqual(other.state);
  });
});

describe('the saved words of the regression', () => {
  it('are refused where they cannot be its own', () => {
    const one = new Learner(configOf({}));
    one.learn([1, 2], 0, 1);
    one.model.check(one.state);
    const slots = one.model.slots;
    for (const [at, value] of [
      [0, -1],
      [2, Number.NaN],
      [3, 1e61],
      [3 + slots, -1],
      [3 + 2 * slots, 1e16],
    ]) {
      const damaged = one.state.slice();
      damaged[at] = value;
      expect(() => one.model.check(damaged)).toThrow(PolicyStateError);
    }
  });
});

describe('the bandit whose actions share weights', () => {
  const tied = { arms: 'tied', n_actions: 4, context_dim: 0, arm_dim: 3 } as const;

  it('learns from one action what another is worth', () => {
    const bandit = new ContextualBandit(tied);
    expect(bandit.contextDim).toBe(12);
    expect(bandit.stats().slots).toBe(4);
    const context = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0);
    for (let i = 0; i < 200; i++) bandit.update(context, 0, 1, 1);
    for (let i = 0; i < 200; i++) bandit.update(context, 1, 0, 1);
    const values = new Float64Array(4);
    bandit.values(context, values);
    expect(values[3]).toBe(values[0]);
    expect(values[0]).toBeGreaterThan(values[1] + 0.5);
  });

  it('refuses shapes that do not go together, by name', () => {
    expect(() => new ContextualBandit({ arms: 'tied', arm_dim: 3 })).toThrow('context_dim is 24');
    expect(() => new ContextualBandit({ arms: 'hybrid' })).toThrow('arm_dim is 0');
    expect(() => new ContextualBandit({ arm_dim: 3 })).toThrow('arm_dim is 3');
    expect(() => new ContextualBandit({ context_dim: 0 })).toThrow('context_dim is 0');
    expect(() => new ContextualBandit({ ...tied, arm_feature_names: ['a', 'b'] })).toThrow('arm_feature_names');
    expect(() => new ContextualBandit({ epsilon_decay: 'exponential', epsilon_decay_steps: 5 })).toThrow(
      'epsilon_final',
    );
  });

  it('refuses the state of other arms', () => {
    const hybrid = { arms: 'hybrid', n_actions: 1, context_dim: 2, arm_dim: 1, feature_names: ['a', 'b'] } as const;
    const state = new ContextualBandit({ ...hybrid, arm_feature_names: ['c'] }).exportState();
    const disjoint = new ContextualBandit({ n_actions: 1, context_dim: 3, feature_names: ['a', 'b', 'c'] });
    expect(() => disjoint.importState(state)).toThrow(PolicyStateError);
  });

  it('goes from its first share of exploration to its last in equal ratios where it decays exponentially', () => {
    const bandit = new ContextualBandit({
      n_actions: 2,
      context_dim: 1,
      epsilon: 0.8,
      epsilon_final: 0.2,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 100,
    });
    const context = Float64Array.of(1);
    for (let i = 0; i < 50; i++) bandit.select(context, null);
    expect(bandit.epsilon).toBeCloseTo(0.4, 12);
    for (let i = 0; i < 50; i++) bandit.select(context, null);
    expect(bandit.epsilon).toBe(0.2);
    bandit.epsilon = 0;
    expect(bandit.epsilon).toBe(0.2);
  });
});
