import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSeed, murmur3String } from '../../src/core/hash.js';
import { Prng } from '../../src/core/prng.js';
import { BootstrappedTs, type BootstrappedTsConfig } from '../../src/policy/bootstrapped-ts.js';
import { ContextualBandit } from '../../src/policy/contextual-bandit.js';
import { GD_DEFAULTS, GD_WORK_END, type GdConfig, GdRegression, GdWork } from '../../src/policy/gd-regression.js';
import { Work } from '../../src/policy/learning-policy.js';
import { confidenceShare, RegCb, type RegCbConfig } from '../../src/policy/reg-cb.js';

const ACTIONS = 5;
const DIM = 2;

const number = fc.oneof(
  fc.double({ min: -20, max: 20, noNaN: true }).map((x) => (Math.abs(x) < 1e-6 ? 0 : x)),
  fc.constantFrom(0, 1, -1),
);
const armsOf = fc.constantFrom('disjoint' as const, 'tied' as const, 'hybrid' as const);
const row = fc.tuple(
  fc.array(number, { minLength: DIM * (ACTIONS + 1), maxLength: DIM * (ACTIONS + 1) }),
  fc.nat(ACTIONS - 1),
  fc.double({ min: -3, max: 3, noNaN: true }),
  fc.constantFrom(1, 2, 0.5),
);

function gdConfig(config: Partial<GdConfig>): GdConfig {
  const arms = config.arms ?? 'disjoint';
  return {
    ...GD_DEFAULTS,
    n_actions: ACTIONS,
    context_dim: arms === 'tied' ? 0 : DIM,
    arms,
    arm_dim: arms === 'disjoint' ? 0 : DIM,
    feature_names: null,
    arm_feature_names: null,
    ...config,
  };
}

/** The part of a long row of numbers that a context of these arms is. */
function contextOf(numbers: number[], { context_dim, arm_dim }: GdConfig): Float64Array {
  return Float64Array.from(numbers.slice(0, context_dim + ACTIONS * arm_dim));
}

interface Slot {
  weight: number;
  gradients: number;
  scale: number;
}

/** The regression as one table of named weights, with no thought for speed. */
class SlowRegression {
  readonly #config: GdConfig;
  readonly #table = new Map<number, Slot>();
  #normSum: number;
  #normWeight: number;

  constructor(config: GdConfig) {
    this.#config = config;
    this.#normSum = config.initial_t;
    this.#normWeight = config.initial_t;
  }

  /** Features of an action that are not 0, each with its slot. */
  features(x: Float64Array, action: number): { x: number; slot: Slot }[] {
    const { arms, context_dim, arm_dim, bits } = this.#config;
    const shared = Array.from({ length: context_dim }, (_, i) => [`f${i}`, x[i], action] as const);
    const constant = ['constant', 1, arms === 'tied' ? -1 : action] as const;
    const own = Array.from(
      { length: arm_dim },
      (_, i) => [`g${i}`, x[context_dim + action * arm_dim + i], -1] as const,
    );
    return [...shared, constant, ...own]
      .filter(([, value]) => value !== 0)
      .map(([name, value, block]) => {
        const at = murmur3String(name, hashSeed(0, block)) % 2 ** bits;
        const slot = this.#table.get(at) ?? { weight: 0, gradients: this.#config.initial_t, scale: 0 };
        this.#table.set(at, slot);
        return { x: value, slot };
      });
  }

  value(x: Float64Array, action: number): number {
    return this.features(x, action).reduce((sum, feature) => sum + feature.x * feature.slot.weight, 0);
  }

  /** Power ½, adaptive, normalised, importance-aware: what is the default. */
  learn(x: Float64Array, action: number, reward: number, weight: number): void {
    const error = reward - this.value(x, action);
    const present = this.features(x, action);
    for (const feature of present) {
      const { slot } = feature;
      slot.gradients += weight * (2 * error * feature.x) ** 2;
      if (Math.abs(feature.x) > slot.scale) {
        if (slot.scale > 0) slot.weight *= slot.scale / Math.abs(feature.x);
        slot.scale = Math.abs(feature.x);
      }
      this.#normSum += weight * (feature.x / slot.scale) ** 2;
    }
    this.#normWeight += weight;
    const shared = (this.#normSum / this.#normWeight) ** -0.5;
    const rates = present.map(({ slot }) => shared / (Math.sqrt(slot.gradients) * slot.scale));
    const slope = present.reduce((sum, feature, k) => sum + feature.x ** 2 * rates[k], 0);
    const change = (error * (1 - Math.exp(-2 * this.#config.learning_rate * weight * slope))) / slope;
    present.forEach((feature, k) => {
      feature.slot.weight += change * rates[k] * feature.x;
    });
  }
}

describe('the regression against a slow one', () => {
  it('learns the same weights, however actions share them, and predicts an action to the bits of all', () => {
    fc.assert(
      fc.property(armsOf, fc.constantFrom(0.5, 1), fc.array(row, { minLength: 1, maxLength: 25 }), (arms, t, rows) => {
        const config = gdConfig({ arms, initial_t: t, bits: 20 });
        const state = new Float64Array(GdRegression.stateDoubles(config));
        const model = new GdRegression(config, state, new Float64Array(GdRegression.scratchDoubles(config)));
        model.clear();
        const slow = new SlowRegression(config);
        const work = new Float64Array(GD_WORK_END);
        const values = new Float64Array(ACTIONS);
        for (const [numbers, action, reward, weight] of rows) {
          const x = contextOf(numbers, config);
          model.evaluate(x, values);
          for (let a = 0; a < ACTIONS; a++) {
            const expected = slow.value(x, a);
            expect(Math.abs(values[a] - expected)).toBeLessThan(1e-7 * (1 + Math.abs(expected)));
            model.predict(x, a, work);
            expect(work[Work.prediction]).toBe(values[a]);
          }
          if (Math.abs(reward - values[action]) < 1e-9) continue;
          model.predict(x, action, work);
          work[Work.reward] = reward;
          work[Work.weight] = weight;
          model.learn(x, action, work);
          slow.learn(x, action, reward, weight);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('finds the sensitivity that a vanishing importance weight shows, and changes nothing by it', () => {
    fc.assert(
      fc.property(
        armsOf,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0.5, 0.3),
        fc.array(row, { minLength: 1, maxLength: 15 }),
        (arms, adaptive, normalized, power_t, rows) => {
          const config = gdConfig({ arms, adaptive, normalized, power_t, initial_t: 1, learning_rate: 0.3 });
          const state = new Float64Array(GdRegression.stateDoubles(config));
          const model = new GdRegression(config, state, new Float64Array(GdRegression.scratchDoubles(config)));
          model.clear();
          const work = new Float64Array(GD_WORK_END);
          for (const [numbers, action, raw, weight] of rows) {
            const x = contextOf(numbers, config);
            model.predict(x, action, work);
            // Never 0, so that the first example sets the scales of its features.
            work[Work.reward] = raw < 0 ? raw - 1 : raw + 1;
            work[Work.weight] = weight;
            model.learn(x, action, work);
          }
          const x = contextOf(rows[0][0], config);
          const action = rows[0][1];
          const before = state.slice();
          model.load(x);
          work[GdWork.gradient] = 0;
          model.sensitivity(action, work);
          const found = work[GdWork.sensitivity];
          const norm = work[GdWork.norm];
          expect(state).toEqual(before);
          model.predict(x, action, work);
          const prediction = work[Work.prediction];
          const tiny = 1e-7;
          work[Work.reward] = prediction + 1;
          work[Work.weight] = tiny;
          model.learn(x, action, work);
          model.predict(x, action, work);
          // The derivative by importance weight, over twice the residual; and a whole example counts in the mean of
          // Σ x²/N², a vanishing one does not.
          const derivative = (work[Work.prediction] - prediction) / (2 * tiny);
          const mean = before[0] / before[1];
          const meanWithOne = (before[0] + norm) / (before[1] + 1);
          const factor = normalized ? (mean / meanWithOne) ** (adaptive ? power_t - 1 : -1) : 1;
          expect(found).toBeGreaterThan(0);
          expect(derivative / (found * factor)).toBeCloseTo(1, 3);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('bootstrapped Thompson sampling against its definition', () => {
  it('draws an action as often as replicates prefer it, ties shared, mixed with the floor', () => {
    fc.assert(
      fc.property(
        armsOf,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom(0, 0.1, 1),
        fc.array(fc.boolean(), { minLength: ACTIONS, maxLength: ACTIONS }).filter((mask) => mask.includes(true)),
        fc.array(row, { maxLength: 20 }),
        (arms, n_bootstraps, epsilon, mask, rows) => {
          const config: Partial<BootstrappedTsConfig> & GdConfig = { ...gdConfig({ arms }), n_bootstraps, epsilon };
          const policy = new BootstrappedTs(config);
          for (const [numbers, action, reward] of rows) policy.update(contextOf(numbers, config), action, reward, 1);
          const x = contextOf(rows[0]?.[0] ?? new Array(DIM * (ACTIONS + 1)).fill(1), config);
          const values = new Float64Array(ACTIONS);
          const shares = new Float64Array(ACTIONS);
          policy.values(x, values);
          policy.probabilities(x, Uint8Array.from(mask.map(Number)), shares);
          const replicates = policy.replicateValues;
          expect(replicates).toHaveLength(n_bootstraps);
          const count = mask.filter(Boolean).length;
          for (let a = 0; a < ACTIONS; a++) {
            const mean = replicates.reduce((sum, one) => sum + one[a], 0) / n_bootstraps;
            expect(values[a]).toBeCloseTo(mean, 12);
            const votes = replicates.map((one) => {
              const best = Math.max(...[...one].filter((_, b) => mask[b]));
              return mask[a] && one[a] === best ? 1 / [...one].filter((v, b) => mask[b] && v === best).length : 0;
            });
            const share = votes.reduce((sum, vote) => sum + vote, 0) / n_bootstraps;
            expect(shares[a]).toBeCloseTo(mask[a] ? (1 - epsilon) * share + epsilon / count : 0, 12);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('weighs examples for each replicate as its Poisson draws say', () => {
    // Each replicate is a regression that learned with the weights that the same generator gives.
    const config = gdConfig({});
    const policy = new BootstrappedTs({ ...config, n_bootstraps: 4, random_seed: 9 });
    const draws = Prng.seeded(9);
    const slow = Array.from({ length: 4 }, () => new SlowRegression(config));
    const world = Prng.seeded(3);
    const seen = new Map<number, number>();
    for (let i = 0; i < 400; i++) {
      const x = Float64Array.of(world.nextNormal(), world.nextNormal());
      const action = world.nextBelow(ACTIONS);
      const reward = x[0] - action + world.nextNormal();
      policy.update(x, action, reward, 1);
      for (const one of slow) {
        let left = draws.nextFloat();
        let k = 0;
        for (let term = Math.exp(-1); left >= term; term /= ++k) left -= term;
        seen.set(k, (seen.get(k) ?? 0) + 1);
        if (k > 0) one.learn(x, action, reward, k);
      }
    }
    expect((seen.get(0) ?? 0) / 1600).toBeCloseTo(Math.exp(-1), 1);
    expect((seen.get(2) ?? 0) / 1600).toBeCloseTo(Math.exp(-1) / 2, 1);
    const x = Float64Array.of(0.3, -0.7);
    const values = new Float64Array(ACTIONS);
    policy.values(x, values);
    slow.forEach((one, b) => {
      for (let a = 0; a < ACTIONS; a++) expect(policy.replicateValues[b][a]).toBeCloseTo(one.value(x, a), 8);
    });
  });
});

/** w by bisection: the largest for which w (f² - (f - s w)²) stays within δ, at most f / s. */
function bisect(distance: number, delta: number, sensitivity: number): number {
  // The difference of squares as a product, which keeps its digits.
  const loss = (w: number): number => w * (sensitivity * w) * (2 * distance - sensitivity * w);
  let low = 0;
  let high = distance / sensitivity;
  if (loss(high) <= delta) return high;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (loss(middle) > delta) high = middle;
    else low = middle;
  }
  return low;
}

describe('the bounds of RegCB', () => {
  it('are where a search for the largest importance weight ends', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 50, noNaN: true }),
        fc.double({ min: -12, max: 3, noNaN: true }),
        fc.double({ min: -12, max: 3, noNaN: true }),
        (distance, deltaPower, sensitivityPower) => {
          const delta = 10 ** deltaPower;
          const sensitivity = 10 ** sensitivityPower;
          const width = sensitivity * bisect(distance, delta, sensitivity);
          const found = distance * confidenceShare((delta * sensitivity) / distance ** 3);
          expect(Math.abs(found / width - 1)).toBeLessThan(1e-9);
        },
      ),
      { numRuns: 500 },
    );
    expect([confidenceShare(0), confidenceShare(1), confidenceShare(2), confidenceShare(Infinity)]).toEqual([
      0, 1, 1, 1,
    ]);
    expect(confidenceShare(1 - 1e-12)).toBeCloseTo(1, 9);
  });

  it('hold what is expected, lie within the range, and match a regression asked for its sensitivity', () => {
    const low = -2;
    const range = 5;
    fc.assert(
      fc.property(
        armsOf,
        fc.constantFrom(0.001, 0.1, 3),
        fc.array(row, { minLength: 1, maxLength: 20 }),
        (arms, mellowness, rows) => {
          const config = { ...gdConfig({ arms }), mellowness, reward_min: low, reward_max: low + range };
          const policy = new RegCb(config);
          const state = new Float64Array(GdRegression.stateDoubles(config));
          const model = new GdRegression(config, state, new Float64Array(GdRegression.scratchDoubles(config)));
          model.clear();
          const work = new Float64Array(GD_WORK_END);
          for (const [numbers, action, raw] of rows) {
            const x = contextOf(numbers, config);
            const reward = low + (range * (raw + 3)) / 6;
            policy.update(x, action, reward, 1);
            model.predict(x, action, work);
            work[Work.reward] = (reward - low) / range;
            work[Work.weight] = 1;
            model.learn(x, action, work);
          }
          const x = contextOf(rows[0][0], config);
          const values = new Float64Array(ACTIONS);
          const lower = new Float64Array(ACTIONS);
          const upper = new Float64Array(ACTIONS);
          policy.values(x, values);
          policy.confidenceBounds(x, lower, upper);
          const delta = mellowness * Math.log(ACTIONS * rows.length);
          const clip = (value: number): number => Math.min(Math.max(value, 0), 1);
          for (let a = 0; a < ACTIONS; a++) {
            model.predict(x, a, work);
            const prediction = work[Work.prediction];
            expect(values[a]).toBeCloseTo(low + range * prediction, 9);
            const bound = (distance: number, sign: number): number => {
              work[GdWork.gradient] = 4 * distance ** 2;
              model.sensitivity(a, work);
              const sensitivity = work[GdWork.sensitivity];
              return prediction + sign * sensitivity * bisect(distance, delta, sensitivity);
            };
            const above = prediction > 1 ? 1 : clip(bound(2 - prediction, 1));
            const below = prediction < 0 ? 0 : clip(bound(prediction + 1, -1));
            expect(upper[a]).toBeCloseTo(low + range * above, 7);
            expect(lower[a]).toBeCloseTo(low + range * below, 7);
            const held = low + range * clip(prediction);
            expect(lower[a]).toBeLessThanOrEqual(held + 1e-12);
            expect(upper[a]).toBeGreaterThanOrEqual(held - 1e-12);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('come together with evidence, faster where the evidence is, and part again when it is forgotten', () => {
    const width = (examples: number, config: Partial<RegCbConfig> = {}): number[] => {
      const policy = new RegCb({ n_actions: 2, context_dim: 1, mellowness: 0.01, ...config });
      const world = Prng.seeded(5);
      for (let i = 0; i < examples; i++) {
        policy.update(Float64Array.of(world.nextNormal()), i % 10 === 0 ? 1 : 0, world.nextFloat(), 1);
      }
      const lower = new Float64Array(2);
      const upper = new Float64Array(2);
      policy.confidenceBounds(Float64Array.of(1), lower, upper);
      return [upper[0] - lower[0], upper[1] - lower[1]];
    };
    let last = Infinity;
    for (const examples of [100, 1000, 10_000, 100_000]) {
      const [often, rarely] = width(examples);
      expect(often).toBeLessThan(last);
      expect(often).toBeLessThan(rarely);
      last = often;
    }
    expect(last).toBeLessThan(0.1);
    // A watch that always fires.
    const drift = { drift: 'reset', drift_minimum: 2, drift_threshold: 1e-9, drift_delta: 0 } as const;
    expect(width(10_000, { ...drift, drift_floor: 0.01 })[0]).toBeGreaterThan(2 * width(10_000)[0]);
  });

  it('are drawn from as the modes say', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('optimistic' as const, 'elimination' as const),
        fc.constantFrom(0, 0.2),
        fc.array(fc.boolean(), { minLength: ACTIONS, maxLength: ACTIONS }).filter((mask) => mask.includes(true)),
        fc.array(row, { maxLength: 40 }),
        (regcb_mode, epsilon, mask, rows) => {
          const config = { ...gdConfig({}), regcb_mode, epsilon, mellowness: 0.003, reward_min: -3, reward_max: 3 };
          const policy = new RegCb(config);
          for (const [numbers, action, reward] of rows) policy.update(contextOf(numbers, config), action, reward, 1);
          const x = Float64Array.of(0.5, -1);
          const lower = new Float64Array(ACTIONS);
          const upper = new Float64Array(ACTIONS);
          const shares = new Float64Array(ACTIONS);
          policy.confidenceBounds(x, lower, upper);
          policy.probabilities(x, Uint8Array.from(mask.map(Number)), shares);
          const bar = Math.max(...[...(regcb_mode === 'optimistic' ? upper : lower)].filter((_, a) => mask[a]));
          const left = [...upper].map((value, a) => mask[a] && value >= bar);
          for (let a = 0; a < ACTIONS; a++) {
            const share = left[a] ? (1 - epsilon) / left.filter(Boolean).length : 0;
            expect(shares[a]).toBeCloseTo(mask[a] ? share + epsilon / mask.filter(Boolean).length : 0, 12);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('policies on gradient descent, whatever they are fed', () => {
  const shapes = { arms: 'hybrid', n_actions: 3, context_dim: 2, arm_dim: 2, learning_rate: 10 } as const;
  it.each([
    ['bootstrapped-ts', new BootstrappedTs({ ...shapes, n_bootstraps: 3, drift: 'reset' })],
    ['regcb', new RegCb({ ...shapes, reward_min: null, reward_max: null, regcb_mode: 'elimination', drift: 'reset' })],
    ['regcb of a range', new RegCb({ ...shapes, reward_min: -1, reward_max: 1e15, power_t: 0.4 })],
    ['bandit', new ContextualBandit({ ...shapes, cb_type: 'mtr' })],
  ])('%s stays finite through a million adversarial updates', (_name, policy) => {
    const prng = Prng.seeded(17);
    const context = new Float64Array(8);
    const values = new Float64Array(3);
    const shares = new Float64Array(3);
    const bounded = policy instanceof RegCb && policy.config.reward_min !== null;
    const rewards = new Float64Array(1);
    const probabilities = Float64Array.of(0.5);
    const actions = new Int32Array(1);
    for (let i = 0; i < 1_000_000; i++) {
      for (let k = 0; k < 8; k++) context[k] = (prng.nextFloat() < 0.5 ? -1 : 1) * 10 ** prng.nextRange(-20, 20);
      actions[0] = i % 3;
      if (i % 1000 === 0) {
        policy.values(context, values);
        policy.probabilities(context, null, shares);
        for (let a = 0; a < 3; a++) {
          expect(Number.isFinite(values[a])).toBe(true);
          expect(shares[a] >= 0 && shares[a] <= 1).toBe(true);
        }
      }
      const reward = (values[actions[0]] > 0 ? -1 : 1) * 10 ** prng.nextRange(-20, 300);
      rewards[0] = bounded ? Math.min(Math.max(reward, -1), 1e15) : reward;
      policy.updateBatch(context, actions, rewards, probabilities);
    }
    expect(policy.stats().updates).toBe(1_000_000);
    expect(policy.stats().nonZeroWeights).toBeGreaterThan(0);
    // An import refuses whatever is not finite.
    policy.importState(policy.exportState());
  });
});
