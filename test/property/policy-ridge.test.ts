import fc from 'fast-check';
import { inv, type Matrix, matrix, multiply, transpose } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { type Arms, Work } from '../../src/policy/learning-policy.js';
import { RIDGE_DEFAULTS, type RidgeConfig, RidgeRegression } from '../../src/policy/ridge-regression.js';

function modelOf(config: RidgeConfig): RidgeRegression {
  const state = new Float64Array(RidgeRegression.stateDoubles(config)).fill(Number.NaN);
  const scratch = new Float64Array(RidgeRegression.scratchDoubles(config)).fill(Number.NaN);
  const model = new RidgeRegression(config, state, scratch);
  model.clear();
  return model;
}

/** A context as one block matrix sees it: the shared part's place first, then a place for each action's own. */
function row(config: RidgeConfig, x: Float64Array, action: number): number[] {
  const { n_actions: actions, context_dim: contextDim, arm_dim: armDim, arms, constant } = config;
  const start = contextDim + action * armDim;
  const ofArm = [...x.subarray(start, start + armDim)];
  const one = constant ? [1] : [];
  if (arms === 'tied') return [...ofArm, ...one];
  const own = [...x.subarray(0, contextDim), ...one];
  const places = Array.from({ length: actions }, (_, a) => (a === action ? own : own.map(() => 0))).flat();
  return [...ofArm, ...places];
}

/** The normal equations, weights of all actions in one: A = λI + Σ w xxᵀ, b = Σ w r x; solved anew for every question. */
class NormalEquations {
  readonly #config: RidgeConfig;
  readonly #evidence: number[][];
  readonly #sums: number[];

  constructor(config: RidgeConfig) {
    this.#config = config;
    const size = row(config, new Float64Array(config.context_dim + config.n_actions * config.arm_dim), 0).length;
    this.#evidence = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_, j) => +(i === j) * config.ridge),
    );
    this.#sums = new Array<number>(size).fill(0);
  }

  learn(x: Float64Array, action: number, reward: number, weight: number): void {
    const features = row(this.#config, x, action);
    for (const [i, one] of features.entries()) {
      this.#sums[i] += weight * reward * one;
      for (const [j, other] of features.entries()) this.#evidence[i][j] += weight * one * other;
    }
  }

  judge(x: Float64Array, action: number): { mean: number; variance: number } {
    const features = row(this.#config, x, action);
    const inverse = inv(this.#evidence);
    const direction = multiply(inverse, features) as number[];
    return {
      mean: multiply(direction, this.#sums) as unknown as number,
      variance: multiply(direction, features) as unknown as number,
    };
  }
}

/** Algorithm 2 of Li et al. 2010 line by line, with γ on everything that an update of the action touches. */
class AlgorithmTwo {
  readonly #config: RidgeConfig;
  #a0: Matrix;
  #b0: Matrix;
  readonly #a: Matrix[];
  readonly #b: Matrix[];
  readonly #c: Matrix[];

  constructor(config: RidgeConfig) {
    const { n_actions: actions, context_dim: contextDim, arm_dim: armDim, constant, ridge } = config;
    const size = contextDim + (constant ? 1 : 0);
    const scaled = (n: number): Matrix =>
      matrix(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => +(i === j) * ridge)));
    const zeros = (n: number, m: number): Matrix =>
      matrix(Array.from({ length: n }, () => new Array<number>(m).fill(0)));
    this.#config = config;
    this.#a0 = scaled(armDim);
    this.#b0 = zeros(armDim, 1);
    this.#a = Array.from({ length: actions }, () => scaled(size));
    this.#b = Array.from({ length: actions }, () => zeros(size, armDim));
    this.#c = Array.from({ length: actions }, () => zeros(size, 1));
  }

  #columns(x: Float64Array, action: number): { x: Matrix; z: Matrix } {
    const { context_dim: contextDim, arm_dim: armDim, constant } = this.#config;
    const column = (numbers: number[]): Matrix => matrix(numbers.map((number) => [number]));
    const start = contextDim + action * armDim;
    return {
      x: column([...x.subarray(0, contextDim), ...(constant ? [1] : [])]),
      z: column([...x.subarray(start, start + armDim)]),
    };
  }

  learn(context: Float64Array, action: number, reward: number, weight: number): void {
    const { discount } = this.#config;
    const { x, z } = this.#columns(context, action);
    const scale = (m: Matrix): Matrix => multiply(m, discount);
    this.#a0 = scale(this.#a0);
    this.#b0 = scale(this.#b0);
    this.#a[action] = scale(this.#a[action]);
    this.#b[action] = scale(this.#b[action]);
    this.#c[action] = scale(this.#c[action]);
    const plus = (one: Matrix, other: Matrix, factor: number): Matrix =>
      one.map((value, index) => value + factor * other.get(index as unknown as number[]));
    const across = (): [Matrix, Matrix] => {
      const weighted = multiply(transpose(this.#b[action]), inv(this.#a[action]));
      return [multiply(weighted, this.#b[action]), multiply(weighted, this.#c[action])];
    };
    const [a0, b0] = across();
    this.#a0 = plus(this.#a0, a0, 1);
    this.#b0 = plus(this.#b0, b0, 1);
    this.#a[action] = plus(this.#a[action], multiply(x, transpose(x)), weight);
    this.#b[action] = plus(this.#b[action], multiply(x, transpose(z)), weight);
    this.#c[action] = plus(this.#c[action], x, weight * reward);
    const [a1, b1] = across();
    this.#a0 = plus(plus(this.#a0, multiply(z, transpose(z)), weight), a1, -1);
    this.#b0 = plus(plus(this.#b0, z, weight * reward), b1, -1);
  }

  judge(context: Float64Array, action: number): { mean: number; variance: number } {
    const { x, z } = this.#columns(context, action);
    const number = (...factors: Matrix[]): number =>
      (factors.reduce((product, factor) => multiply(product, factor)) as Matrix).get([0, 0]);
    const q = inv(this.#a0);
    const p = inv(this.#a[action]);
    const b = this.#b[action];
    const beta = multiply(q, this.#b0);
    const theta = multiply(
      p,
      this.#c[action].map((value, index) => value - multiply(b, beta).get(index as unknown as number[])),
    );
    return {
      mean: number(transpose(z), beta) + number(transpose(x), theta),
      variance:
        number(transpose(z), q, z) -
        2 * number(transpose(z), q, transpose(b), p, x) +
        number(transpose(x), p, x) +
        number(transpose(x), p, b, q, transpose(b), p, x),
    };
  }
}

const moderate = fc.oneof(fc.double({ min: -3, max: 3, noNaN: true }), fc.constantFrom(0, 1, -1));
const example = (length: number) =>
  fc.record({
    x: fc.array(moderate, { minLength: length, maxLength: length }),
    action: fc.nat(2),
    reward: fc.double({ min: -5, max: 5, noNaN: true }),
    weight: fc.constantFrom(1, 1, 0.25, 3),
  });

function configOf(arms: Arms, ridge: number, constant: boolean, discount = 1): RidgeConfig {
  return {
    ...RIDGE_DEFAULTS,
    n_actions: 3,
    arms,
    context_dim: arms === 'tied' ? 0 : 3,
    arm_dim: arms === 'disjoint' ? 0 : 2,
    ridge,
    constant,
    discount,
    trace_limit: 1e6,
  };
}

interface Example {
  x: number[];
  action: number;
  reward: number;
  weight: number;
}

function agree(
  config: RidgeConfig,
  oracle: { learn: NormalEquations['learn']; judge: NormalEquations['judge'] },
  examples: Example[],
): void {
  const model = modelOf(config);
  const means = new Float64Array(3);
  const alone = new Float64Array(3);
  const variances = new Float64Array(3);
  const work = new Float64Array(24);
  for (const { x, action, reward, weight } of examples) {
    const context = Float64Array.from(x);
    model.predict(context, action, work);
    model.evaluate(context, alone);
    expect(work[Work.prediction]).toBe(alone[action]);
    work[Work.reward] = reward;
    work[Work.weight] = weight;
    model.learn(context, action, work);
    oracle.learn(context, action, reward, weight);
    model.evaluateWithVariance(context, means, variances);
    model.evaluate(context, alone);
    expect(alone).toEqual(means);
    for (let a = 0; a < 3; a++) {
      const { mean, variance } = oracle.judge(context, a);
      expect(Math.abs(means[a] - mean)).toBeLessThan(1e-8 * (1 + Math.abs(mean)));
      expect(Math.abs(variances[a] - variance)).toBeLessThan(1e-8 * (1 + variance));
    }
  }
  expect(model.conditioned).toBe(0);
}

describe('ridge regression against the normal equations', () => {
  for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
    const length = arms === 'disjoint' ? 3 : arms === 'tied' ? 6 : 9;
    it(`has their means and variances with ${arms} arms`, () => {
      fc.assert(
        fc.property(
          fc.constantFrom(0.1, 1, 5),
          fc.boolean(),
          fc.array(example(length), { minLength: 1, maxLength: 12 }),
          (ridge, constant, examples) => {
            const config = configOf(arms, ridge, constant);
            agree(config, new NormalEquations(config), examples);
          },
        ),
        { numRuns: 60 },
      );
    });
  }

  it('does what algorithm 2 of LinUCB says line by line, discounted or not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 0.95, 0.7),
        fc.boolean(),
        fc.array(example(9), { minLength: 1, maxLength: 10 }),
        (discount, constant, examples) => {
          const config = configOf('hybrid', 1, constant, discount);
          agree(config, new AlgorithmTwo(config), examples);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('discounts by A ← γA + xxᵀ', () => {
    fc.assert(
      fc.property(fc.array(example(3), { minLength: 1, maxLength: 12 }), (examples) => {
        const gamma = 0.9;
        const config = configOf('disjoint', 1, true, gamma);
        // The same as examples whose weight has faded, and a ridge that has.
        const updates = new Int32Array(3);
        for (const { action } of examples) updates[action]++;
        const model = modelOf(config);
        const work = new Float64Array(24);
        const means = new Float64Array(3);
        const variances = new Float64Array(3);
        const seen = new Int32Array(3);
        const oracles = Array.from(updates, (count) => new NormalEquations({ ...config, ridge: gamma ** count }));
        for (const { x, action, reward } of examples) {
          work[Work.reward] = reward;
          work[Work.weight] = 1;
          model.learn(Float64Array.from(x), action, work);
          seen[action]++;
          oracles[action].learn(Float64Array.from(x), action, reward, gamma ** (updates[action] - seen[action]));
        }
        const context = Float64Array.from(examples[0].x);
        model.evaluateWithVariance(context, means, variances);
        for (let a = 0; a < 3; a++) {
          const { mean, variance } = oracles[a].judge(context, a);
          expect(Math.abs(means[a] - mean)).toBeLessThan(1e-8 * (1 + Math.abs(mean)));
          expect(Math.abs(variances[a] - variance)).toBeLessThan(1e-8 * (1 + variance));
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Contexts made to break rounding: any magnitude, few directions, nearly the same ones again. */
function adversarial(prng: Prng, x: Float64Array): void {
  const kind = prng.nextBelow(5);
  const magnitude = 10 ** prng.nextRange(-15, 15);
  for (let i = 0; i < x.length; i++) {
    if (kind === 0) x[i] = prng.nextNormal() * magnitude;
    else if (kind === 1) x[i] = prng.nextNormal() * 10 ** prng.nextRange(-15, 15);
    else if (kind === 2) x[i] = prng.nextFloat() < 0.5 ? 1e15 : -1e15;
    else if (kind === 3) x[i] *= 1 + 1e-15 * prng.nextNormal();
    else x[i] = prng.nextFloat() < 0.2 ? magnitude : 0;
    if (x[i] > 1e15) x[i] = 1e15;
    else if (x[i] < -1e15) x[i] = -1e15;
  }
}

describe('ridge regression under contexts made to break it', () => {
  const shapes: [string, Partial<RidgeConfig>, number][] = [
    ['disjoint', { arms: 'disjoint', context_dim: 4, arm_dim: 0 }, 600_000],
    ['disjoint, discounted', { arms: 'disjoint', context_dim: 4, arm_dim: 0, discount: 0.9, ridge: 1e-9 }, 200_000],
    ['tied, discounted', { arms: 'tied', context_dim: 0, arm_dim: 3, discount: 0.5, trace_limit: 1e6 }, 100_000],
    ['hybrid, discounted', { arms: 'hybrid', context_dim: 3, arm_dim: 3, discount: 0.99 }, 100_000],
  ];
  for (const [name, shape, updates] of shapes) {
    it(`stays finite with no variance below 0 for ${updates} updates, ${name}`, () => {
      const config = {
        ...RIDGE_DEFAULTS,
        n_actions: 2,
        context_dim: 4,
        arm_dim: 0,
        arms: 'disjoint',
        ...shape,
      } as RidgeConfig;
      const model = modelOf(config);
      const prng = Prng.seeded(11);
      const x = new Float64Array(config.context_dim + 2 * config.arm_dim);
      const work = new Float64Array(24);
      const means = new Float64Array(2);
      const variances = new Float64Array(2);
      let broken = 0;
      for (let i = 0; i < updates; i++) {
        adversarial(prng, x);
        const action = prng.nextBelow(2);
        work[Work.reward] = prng.nextNormal() * 10 ** prng.nextRange(-15, 15);
        work[Work.weight] = prng.nextFloat() < 0.9 ? 1 : 10 ** prng.nextRange(-6, 6);
        model.predict(x, action, work);
        if (i % 5000 === 4999) {
          work[Work.floor] = 0.05;
          model.forget(work);
        }
        model.learn(x, action, work);
        model.evaluateWithVariance(x, means, variances);
        for (let a = 0; a < 2; a++) {
          if (!(Math.abs(means[a]) < 1e60 && variances[a] >= 0 && variances[a] < 1e60)) broken++;
        }
      }
      expect(broken).toBe(0);
      // The bounds were needed, or this shows nothing.
      expect(model.conditioned).toBeGreaterThan(0);
    });
  }

  it('does not let a discount, or forgetting, raise a variance above its first one times the limit', () => {
    for (const drift_keeps of ['mean', 'evidence'] as const) {
      const config = {
        ...configOf('disjoint', 2, false, 0.8),
        trace_limit: 3,
        drift_keeps,
      };
      const model = modelOf(config);
      const work = new Float64Array(24);
      const means = new Float64Array(3);
      const variances = new Float64Array(3);
      work[Work.weight] = 1;
      for (let i = 0; i < 500; i++) {
        // Only the first feature is ever excited.
        work[Work.reward] = 1;
        model.learn(Float64Array.of(1, 0, 0), 0, work);
        if (i % 100 === 99) {
          work[Work.floor] = 0.01;
          model.forget(work);
        }
        for (let k = 0; k < 3; k++) {
          model.evaluateWithVariance(Float64Array.of(+(k === 0), +(k === 1), +(k === 2)), means, variances);
          for (let a = 0; a < 3; a++) expect(variances[a]).toBeLessThanOrEqual(1.5 * (1 + 1e-12));
        }
      }
    }
  });
});
