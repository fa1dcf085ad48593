/** What a policy and the context's builder say a feature is worth, against what leaving the feature out changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { ContextBuilder } from '../../src/features/context.js';
import { TURNED_COUNT, TURNED_DIM, turnBack, turnFeatures } from '../../src/features/direction-frames.js';
import { contextOptionsOf, robotPolicy } from '../../src/loop/configuration.js';
import { ACTION_COUNT, CONTEXT_DIM, EXPLAINED } from '../../src/memory/layout.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { BootstrappedTs } from '../../src/policy/bootstrapped-ts.js';
import { ContextualBandit } from '../../src/policy/contextual-bandit.js';
import { EpsilonGreedy } from '../../src/policy/epsilon-greedy.js';
import type { Arms } from '../../src/policy/learning-policy.js';
import { LinTs } from '../../src/policy/lin-ts.js';
import { LinUcb } from '../../src/policy/lin-ucb.js';
import type { Policy } from '../../src/policy/policy.js';
import { RegCb } from '../../src/policy/reg-cb.js';
import { Softmax } from '../../src/policy/softmax.js';

interface Shape {
  arms: Arms;
  n_actions: number;
  context_dim: number;
  arm_dim: number;
  random_seed: number;
}

const kinds: { [name: string]: (shape: Shape) => Policy } = {
  bandit: (shape) => new ContextualBandit(shape),
  'bandit whose features collide': (shape) => new ContextualBandit({ ...shape, bits: 3 }),
  linucb: (shape) => new LinUcb(shape),
  'lints without a constant, that discounts': (shape) => new LinTs({ ...shape, constant: false, discount: 0.95 }),
  'epsilon-greedy on a ridge': (shape) => new EpsilonGreedy({ ...shape, regressor: 'ridge' }),
  'softmax on gd': (shape) => new Softmax({ ...shape, regressor: 'gd' }),
  'bootstrapped-ts': (shape) => new BootstrappedTs({ ...shape, n_bootstraps: 4 }),
  regcb: (shape) => new RegCb({ ...shape, reward_min: -20, reward_max: 20 }),
};
const arms = fc.constantFrom<Arms>('disjoint', 'tied', 'hybrid');

/** A policy that has learned a little, and a context that it has not seen. */
function lived(
  make: (shape: Shape) => Policy,
  shape: Shape,
  updates: number,
): { policy: Policy; context: Float64Array } {
  const policy = make(shape);
  const prng = Prng.seeded(shape.random_seed + 1);
  const fresh = () => Float64Array.from({ length: policy.contextDim }, () => prng.nextNormal());
  for (let i = 0; i < updates; i++) {
    const context = fresh();
    const action = policy.select(context, null);
    const reward = Math.max(-20, Math.min(20, 3 + context[0] - context[context.length - 1] + action));
    policy.update(context, action, reward, policy.lastProbability);
  }
  return { policy, context: fresh() };
}

describe.each(Object.entries(kinds))('an explanation of %s', (_name, make) => {
  it('says of every feature what leaving it out takes from each value, and of the rest what is left without any', () => {
    fc.assert(
      fc.property(
        arms,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(1000),
        fc.nat(60),
        (arm, nActions, dim, seed, updates) => {
          const shape = {
            arms: arm,
            n_actions: nActions,
            context_dim: arm === 'tied' ? 0 : dim,
            arm_dim: arm === 'disjoint' ? 0 : dim + 1,
            random_seed: seed,
          };
          const { policy, context } = lived(make, shape, updates);
          const row = policy.explainedDim;
          expect(row).toBe(shape.context_dim + shape.arm_dim + 1);
          const parts = new Float64Array(nActions * row);
          const whole = new Float64Array(nActions);
          const without = new Float64Array(nActions);
          policy.explain(context, parts);
          policy.values(context, whole);
          const size = 1 + Math.max(...parts.map(Math.abs));
          for (let i = 0; i < context.length; i++) {
            const changed = context.slice();
            changed[i] = 0;
            policy.values(changed, without);
            for (let a = 0; a < nActions; a++) {
              // Behind the shared features those of each action in turn, which are nothing to the others.
              const own = i - shape.context_dim - a * shape.arm_dim;
              const at = i < shape.context_dim ? i : own >= 0 && own < shape.arm_dim ? shape.context_dim + own : -1;
              const said = at < 0 ? 0 : parts[a * row + at];
              expect(Math.abs(whole[a] - without[a] - said)).toBeLessThanOrEqual(1e-9 * size);
            }
          }
          policy.values(new Float64Array(context.length), without);
          for (let a = 0; a < nActions; a++) {
            expect(Math.abs(parts[(a + 1) * row - 1] - without[a])).toBeLessThanOrEqual(1e-9 * size);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
/** The 24 features of some situation, exact zeros among them. */
const situation = fc
  .tuple(
    fc.array(fc.oneof(real(-5, 5), fc.constant(0)), { minLength: 4, maxLength: 4 }),
    fc.array(real(0, 10), { minLength: 8, maxLength: 8 }),
    real(-20, 20),
    real(-20, 20),
    fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 4, maxLength: 4 }),
    fc.array(fc.oneof(real(0, 30), fc.constant(0)), { minLength: 4, maxLength: 4 }),
  )
  .map(([place, sectors, dx, dy, actions, contact]) =>
    Float64Array.of(
      ...place,
      ...sectors,
      dx,
      dy,
      Math.hypot(dx, dy),
      Math.atan2(dy, dx),
      ...actions.map((action) => action / 8),
      ...contact,
    ),
  );

describe('features of a direction’s own frame, traced back', () => {
  it('give each base_link feature what the turned ones it went into lose without it, and all of what they add up to', () => {
    fc.assert(
      fc.property(
        situation,
        fc.array(real(-3, 3), { minLength: TURNED_DIM, maxLength: TURNED_DIM }),
        (raw, weights) => {
          const turned = new Float64Array(TURNED_COUNT);
          turnFeatures(raw, turned);
          const linear = (features: Float64Array, k: number, i: number) => {
            const out = new Float64Array(TURNED_COUNT);
            turnFeatures(features, out);
            return weights[i] * out[k * TURNED_DIM + i];
          };
          for (let k = 0; k < ACTION_COUNT; k++) {
            const parts = Float64Array.from({ length: TURNED_DIM + 2 }, (_, i) =>
              i === 0 || i > TURNED_DIM ? Number.NaN : weights[i - 1] * turned[k * TURNED_DIM + i - 1],
            );
            const out = new Float64Array(3 + CONTEXT_DIM);
            turnBack(k, raw, turned, parts, 1, out, 3);
            const sum = out.reduce((total, part) => total + part, 0);
            const said = parts.slice(1, 1 + TURNED_DIM).reduce((total, part) => total + part, 0);
            expect(Math.abs(sum - said)).toBeLessThanOrEqual(1e-9);
            expect([out[0], out[1], out[2], out[3], out[4]]).toEqual([0, 0, 0, 0, 0]);
            // Vectors, sectors and sides are linear: what is lost without the feature is its own.
            for (const feature of [2, 3, 12, 13, ...Array.from({ length: 8 }, (_, j) => 4 + j), 20, 21, 22, 23]) {
              const without = raw.slice();
              without[feature] = 0;
              let lost = 0;
              for (let i = 0; i < TURNED_DIM; i++) {
                // Where components cancel to 0 nothing is booked.
                if (turned[k * TURNED_DIM + i] !== 0) lost += linear(raw, k, i) - linear(without, k, i);
              }
              expect(Math.abs(out[3 + feature] - lost)).toBeLessThanOrEqual(1e-9);
            }
            // The others are one turned feature each.
            for (const [feature, own] of [
              [14, 12],
              [15, 13],
              [16, 14],
              [17, 15],
              [18, 16],
              [19, 17],
            ]) {
              expect(out[3 + feature] - parts[1 + own]).toBe(0);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the robot’s policy, whatever it is', () => {
  it.each([
    ['bandit', 'disjoint', 'none'],
    ['bandit', 'tied', 'quadratic'],
    ['linucb', 'tied', 'none'],
    ['linucb', 'hybrid', 'none'],
    ['lints', 'hybrid', 'quadratic'],
    ['bootstrapped-ts', 'disjoint', 'quadratic'],
    ['ucb1', 'disjoint', 'none'],
    ['random', 'tied', 'none'],
  ])(
    'is explained by 24 features and a rest that sum up to its values: %s, %s arms, interactions %s',
    (policy, arm, products) => {
      const parameters = loadParameters([], { policy, arms: arm, interactions: products } as never);
      const builder = new ContextBuilder(contextOptionsOf(parameters));
      const made = robotPolicy(parameters, builder);
      const parts = new Float64Array(ACTION_COUNT * made.explainedDim);
      const folded = new Float64Array(1 + ACTION_COUNT * EXPLAINED);
      let said = 0;
      fc.assert(
        fc.property(situation, real(-1, 1), (raw, reward) => {
          builder.raw.set(raw);
          builder.build();
          builder.update();
          const action = made.select(builder.context, null);
          folded.fill(Number.NaN);
          made.explain(builder.context, parts);
          builder.explain(parts, folded, 1);
          for (let a = 0; a < ACTION_COUNT; a++) {
            const own = folded.slice(1 + a * EXPLAINED, 1 + (a + 1) * EXPLAINED);
            const size = 1 + parts.reduce((total, part) => total + Math.abs(part), 0);
            const sum = own.reduce((total, part) => total + part, 0);
            expect(Math.abs(sum - made.lastValues[a])).toBeLessThanOrEqual(1e-9 * size);
            if (own.slice(0, CONTEXT_DIM).some((part) => part !== 0)) said++;
          }
          made.update(builder.context, action, reward, made.lastProbability);
        }),
        { numRuns: 60 },
      );
      const looks = policy !== 'ucb1' && policy !== 'random';
      expect(said > 0).toBe(looks);
    },
  );

  it('has no rest where there are neither products nor a constant, and only the products’ where there are', () => {
    for (const products of ['none', 'quadratic']) {
      const parameters = loadParameters([], { policy: 'bandit', arms: 'disjoint', interactions: products } as never);
      const builder = new ContextBuilder(contextOptionsOf(parameters));
      const parts = new Float64Array(ACTION_COUNT * (builder.context.length + 1));
      for (let i = 0; i < parts.length; i++) parts[i] = (i % (builder.context.length + 1)) + 1;
      for (let a = 1; a <= ACTION_COUNT; a++) parts[a * (builder.context.length + 1) - 1] = 0;
      const folded = new Float64Array(ACTION_COUNT * EXPLAINED);
      builder.explain(parts, folded, 0);
      let rest = 0;
      for (let i = CONTEXT_DIM; i < builder.context.length; i++) rest += i + 1;
      for (let a = 0; a < ACTION_COUNT; a++) {
        const own = folded.subarray(a * EXPLAINED, (a + 1) * EXPLAINED);
        expect([...own]).toEqual([...Array.from({ length: CONTEXT_DIM }, (_, i) => i + 1), rest]);
      }
    }
  });
});
