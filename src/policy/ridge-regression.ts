/**
 * Ridge regression of the reward, kept as an estimate θ and the inverse P = A⁻¹ of its evidence A = λI + Σ xxᵀ: what
 * LinUCB and linear Thompson sampling are built on.
 *
 * Thread: that of the policy it serves. Its words are the policy's; after construction it allocates nothing. For d
 * features and n actions, `evaluateWithVariance` costs (n + 1) d²/2 multiplications, `learn` 3 d²/2.
 *
 * | symbol | meaning | source |
 * |---|---|---|
 * | x | features of the context, with a constant 1 last where `constant` is set | Li et al. 2010 |
 * | z | features of the action under judgement | |
 * | P, θ | inverse evidence and estimate of a block | A⁻¹, θ̂ |
 * | Q, β | inverse evidence and estimate of what a hybrid's actions share | A₀⁻¹, β̂ |
 * | φ, C | a hybrid action's estimate without the shared part, and A⁻¹B: θ = φ - Cβ | |
 * | w | weight of an example, `Work.weight` | |
 *
 * **Arms.** `disjoint`: a block for each action over x. `tied`: one block over z. `hybrid`: Algorithm 2 of Li, Chu,
 * Langford & Schapire 2010, a block over x for each action and one over z for all. With e = z - Cᵀx, the part of z that the
 * action's own block does not explain, the paper's formulas become sums without differences:
 *
 * ```
 *   prediction  zᵀβ + xᵀθ = xᵀφ + eᵀβ
 *   variance    zᵀQz - 2zᵀQBᵀPx + xᵀPx + xᵀPBQBᵀPx = xᵀPx + eᵀQe
 *   evidence    A₀ + zzᵀ - (change of BᵀPB) = A₀ + eeᵀ / (1/w + xᵀPx)
 * ```
 *
 * so that learning is three rank-one updates (Sherman & Morrison 1950), exact and O(d² + k² + dk).
 *
 * **Packing.** P and Q are upper triangles row by row, so that they are symmetric by construction. The products xᵢxⱼ, those
 * off the diagonal twice, are made once for a context, and xᵀPx of every action is one dot product with them.
 *
 * **Discount.** With `discount` γ below 1 a block's evidence is A ← γA + xxᵀ: its time is the number of its own updates. A
 * hybrid's shared block ages with every update, an action's with its own. What is expected does not change by it. In
 * directions that nothing excites P would grow without end, so no feature's own variance grows beyond `trace_limit` times
 * that before the first example, and the trace of P not beyond `trace_limit` times its first value: P becomes DPD, with D
 * diagonal, γ^-½ where there is room and less where there is not, which leaves it positive.
 *
 * **Bounds.** In exact arithmetic an update leaves Pᵢᵢ at least Pᵢᵢ / (1 + w xᵀPx) and above 0, |Pᵢⱼ| at most √(PᵢᵢPⱼⱼ), and
 * xᵀPx at least (Px)ᵢ² / Pᵢᵢ. Features of very different magnitudes cancel until rounding breaks these; they are then
 * enforced, and the update is counted in `conditioned`. From that and a last clamp of estimates at 1e30 everything stays
 * finite under contexts within ±1e15, and a variance below 0 counts as 0.
 */
import { type Arms, type LearningPolicyConfig, refuseState, Work } from './learning-policy.js';
import { real, type SettingRule } from './policy-settings.js';
import type { ValueModel } from './value-model.js';

/** Settings of the model, with the names that configuration files use. */
export interface RidgeSettings {
  /** λ: evidence that every weight is 0 before the first example. */
  ridge: number;
  /** γ: what an example's evidence is multiplied with at each later update of the same block; 1 forgets nothing. */
  discount: number;
  /** How often a feature's variance may be its first one, where evidence is discounted or forgotten. */
  trace_limit: number;
  /** Every block over shared features, or over an action's own where they are tied, has a constant 1 as its last. */
  constant: boolean;
  /**
   * What is kept of `drift_floor` when the model forgets. `mean`: estimates, times the floor, with no evidence for them. After
   * a change of the world that is what recovers fastest: sticking to the estimates costs more than having none.
   * `evidence`: evidence, times the floor, with the estimates as they are.
   */
  drift_keeps: 'mean' | 'evidence';
}

export const RIDGE_DEFAULTS: Readonly<RidgeSettings> = {
  ridge: 1,
  discount: 1,
  trace_limit: 1,
  constant: true,
  drift_keeps: 'mean',
};

export const RIDGE_RULES: { readonly [setting: string]: SettingRule } = {
  ridge: real(1e-9, 1e9),
  discount: real(0, 1, true),
  trace_limit: real(1, 1e6),
  constant: [true, false],
  drift_keeps: ['mean', 'evidence'],
};

/** What the model needs of a policy's configuration. */
export type RidgeConfig = RidgeSettings & Pick<LearningPolicyConfig, 'n_actions' | 'context_dim' | 'arms' | 'arm_dim'>;

/** Estimates do not leave ± this. */
const ESTIMATE_LIMIT = 1e30;
/** Variances of weights do not fall below this, and none above `VARIANCE_LIMIT` is taken from a saved state. */
const VARIANCE_FLOOR = 1e-60;
const VARIANCE_LIMIT = 1e30;
/** Squares of covariances may pass the product of their variances by this: rounding alone stays far below. */
const SLACK = 1 + 1e-9;

// Numbers that methods leave for one another: as arguments and results V8 boxes them where it does not inline a call.
/** xᵀPx, or eᵀQe. */
const SPREAD = 0;
/** What an example does not say: 1/w, or 1/w + xᵀPx for the shared block. */
const NOISE = 1;
/** 1 / (noise + spread) of the last update. */
const GAIN = 2;
/** What evidence is divided by. */
const GROWTH = 3;
/** What an action is expected to earn; in a hybrid the sum of the two parts, of which `OWN` is the first. */
const MEAN = 4;
const OWN = 5;
/** What a vector is stepped by. */
const SCALE = 6;
const NUMBERS = 8;

/** Doubles of a symmetric matrix. */
function triangle(size: number): number {
  return (size * (size + 1)) / 2;
}

interface Shapes {
  /** Blocks of their own. */
  readonly blocks: number;
  /** Features of a block. */
  readonly size: number;
  /** Features of a hybrid's shared block; 0 without. */
  readonly shared: number;
}

function shapesOf(config: RidgeConfig): Shapes {
  const constant = config.constant ? 1 : 0;
  return {
    blocks: config.arms === 'tied' ? 1 : config.n_actions,
    size: (config.arms === 'tied' ? config.arm_dim : config.context_dim) + constant,
    shared: config.arms === 'hybrid' ? config.arm_dim : 0,
  };
}

/** Settings without which saved words mean something else. @realtime unsafe */
export function ridgeMeaning(config: RidgeConfig): readonly (string | number | boolean)[] {
  return ['ridge', config.constant];
}

/** See the file's head for the algebra, `RidgeSettings` for the settings, `ValueModel` for the methods. */
export class RidgeRegression implements ValueModel {
  readonly name = 'ridge';
  readonly #arms: Arms;
  readonly #actions: number;
  readonly #contextDim: number;
  readonly #armDim: number;
  readonly #blocks: number;
  readonly #size: number;
  readonly #shared: number;
  readonly #constant: boolean;
  readonly #keepsMean: boolean;
  /** λ, γ, largest variance of a weight. */
  readonly #settings: Float64Array;

  /** P of each block in turn. */
  readonly #inverses: Float64Array;
  /** θ, in a hybrid φ, of each block in turn. */
  readonly #estimates: Float64Array;
  /** C of each action in turn, row by row. */
  readonly #couplings: Float64Array;
  readonly #sharedInverse: Float64Array;
  readonly #sharedEstimate: Float64Array;
  /** One word: updates whose rounding had to be bounded. */
  readonly #conditioned: Float64Array;

  /** Features of the block under judgement. */
  readonly #x: Float64Array;
  readonly #products: Float64Array;
  /** Px. */
  readonly #direction: Float64Array;
  /** e. */
  readonly #rest: Float64Array;
  /** Qe. */
  readonly #sharedDirection: Float64Array;
  /** The diagonal of D, or of a new P. */
  readonly #diagonal: Float64Array;
  readonly #numbers: Float64Array;

  /** Doubles that are saved. @realtime unsafe */
  static stateDoubles(config: RidgeConfig): number {
    const { blocks, size, shared } = shapesOf(config);
    const hybrid = shared === 0 ? 0 : blocks * size * shared + triangle(shared) + shared;
    return blocks * (triangle(size) + size) + hybrid + 1;
  }

  /** Doubles that are not. @realtime unsafe */
  static scratchDoubles(config: RidgeConfig): number {
    const { size, shared } = shapesOf(config);
    return triangle(size) + 2 * size + 2 * shared + Math.max(size, shared) + NUMBERS;
  }

  /**
   * @param state `stateDoubles` doubles of the caller's; `clear` gives them their first values
   * @param scratch `scratchDoubles` doubles of the caller's
   * @realtime unsafe (makes views)
   */
  constructor(config: RidgeConfig, state: Float64Array, scratch: Float64Array) {
    const { blocks, size, shared } = shapesOf(config);
    this.#arms = config.arms;
    this.#actions = config.n_actions;
    this.#contextDim = config.context_dim;
    this.#armDim = config.arm_dim;
    this.#blocks = blocks;
    this.#size = size;
    this.#shared = shared;
    this.#constant = config.constant;
    this.#keepsMean = config.drift_keeps === 'mean';
    this.#settings = Float64Array.of(config.ridge, config.discount, config.trace_limit / config.ridge);

    let at = 0;
    const take = (words: Float64Array, count: number): Float64Array => {
      at += count;
      return words.subarray(at - count, at);
    };
    this.#inverses = take(state, blocks * triangle(size));
    this.#estimates = take(state, blocks * size);
    this.#couplings = take(state, blocks * size * shared);
    this.#sharedInverse = take(state, triangle(shared));
    this.#sharedEstimate = take(state, shared);
    this.#conditioned = take(state, 1);
    at = 0;
    this.#products = take(scratch, triangle(size));
    this.#x = take(scratch, size);
    this.#direction = take(scratch, size);
    this.#rest = take(scratch, shared);
    this.#sharedDirection = take(scratch, shared);
    this.#diagonal = take(scratch, Math.max(size, shared));
    this.#numbers = take(scratch, NUMBERS);
  }

  /** Updates so far in which rounding had broken a bound, which was then enforced. @realtime safe */
  get conditioned(): number {
    return this.#conditioned[0];
  }

  clear(): void {
    this.#clearEvidence();
    this.#estimates.fill(0);
    this.#sharedEstimate.fill(0);
    this.#conditioned[0] = 0;
  }

  evaluate(x: Float64Array, out: Float64Array): void {
    if (this.#arms === 'disjoint') {
      this.#load(x, 0);
      dotRows(this.#estimates, this.#actions, this.#size, this.#x, out);
      return;
    }
    for (let a = 0; a < this.#actions; a++) {
      this.#loadAction(x, a);
      this.#expect(a, out, a);
    }
  }

  /**
   * `evaluate`, and the variance of each expectation for a reward whose noise has variance 1: xᵀPx, in a hybrid
   * xᵀPx + eᵀQe, at least 0.
   *
   * @param x a whole context, finite
   * @param means one number for each action, the same bits as `evaluate`
   * @param variances one number for each action
   * @realtime safe
   */
  evaluateWithVariance(x: Float64Array, means: Float64Array, variances: Float64Array): void {
    const actions = this.#actions;
    const size = this.#size;
    const inverses = this.#inverses;
    if (this.#arms === 'tied') {
      for (let a = 0; a < actions; a++) {
        this.#loadAction(x, a);
        this.#expect(a, means, a);
        quadraticForm(inverses, size, this.#x, variances, a);
      }
    } else {
      this.#load(x, 0);
      products(this.#x, this.#products);
      dotRows(inverses, actions, triangle(size), this.#products, variances);
      if (this.#arms === 'disjoint') {
        dotRows(this.#estimates, actions, size, this.#x, means);
      } else {
        for (let a = 0; a < actions; a++) {
          this.#loadRest(x, a);
          this.#expect(a, means, a);
          // Each part is a variance of its own.
          if (!(variances[a] > 0)) variances[a] = 0;
          quadraticForm(this.#sharedInverse, this.#shared, this.#rest, this.#numbers, SPREAD);
          if (this.#numbers[SPREAD] > 0) variances[a] += this.#numbers[SPREAD];
        }
      }
    }
    for (let a = 0; a < actions; a++) if (!(variances[a] > 0)) variances[a] = 0;
  }

  predict(x: Float64Array, action: number, work: Float64Array): void {
    this.#loadAction(x, action);
    this.#expect(action, work, Work.prediction);
  }

  learn(x: Float64Array, action: number, work: Float64Array): void {
    const block = this.#arms === 'tied' ? 0 : action;
    const size = this.#size;
    const shared = this.#shared;
    const numbers = this.#numbers;
    const features = this.#x;
    const direction = this.#direction;
    this.#loadAction(x, action);
    if (this.#settings[1] < 1) {
      numbers[GROWTH] = 1 / this.#settings[1];
      this.#grow(this.#inverses, block * triangle(size), size);
      if (shared > 0) this.#grow(this.#sharedInverse, 0, shared);
    }
    // Not the prediction in `work`: a model that has just forgotten expects something else.
    this.#expect(action, numbers, MEAN);
    const error = work[Work.reward] - numbers[MEAN];

    numbers[NOISE] = 1 / work[Work.weight];
    symmetricTimes(this.#inverses, block * triangle(size), size, features, direction);
    this.#absorb(this.#inverses, block * triangle(size), size, features, direction);
    const gain = numbers[GAIN];
    if (shared === 0) {
      numbers[SCALE] = gain * error;
      step(this.#estimates, block * size, direction, numbers);
      return;
    }

    const rest = this.#rest;
    const sharedDirection = this.#sharedDirection;
    for (let i = 0; i < size; i++) {
      numbers[SCALE] = direction[i] * gain;
      step(this.#couplings, (block * size + i) * shared, rest, numbers);
    }
    numbers[SCALE] = gain * (work[Work.reward] - numbers[OWN]);
    step(this.#estimates, block * size, direction, numbers);
    numbers[NOISE] += numbers[SPREAD];
    symmetricTimes(this.#sharedInverse, 0, shared, rest, sharedDirection);
    this.#absorb(this.#sharedInverse, 0, shared, rest, sharedDirection);
    numbers[SCALE] = numbers[GAIN] * error;
    step(this.#sharedEstimate, 0, sharedDirection, numbers);
  }

  forget(work: Float64Array): void {
    const size = this.#size;
    const shared = this.#shared;
    const floor = work[Work.floor];
    if (!this.#keepsMean) {
      this.#numbers[GROWTH] = 1 / floor;
      for (let block = 0; block < this.#blocks; block++) this.#grow(this.#inverses, block * triangle(size), size);
      if (shared > 0) this.#grow(this.#sharedInverse, 0, shared);
      return;
    }
    const estimates = this.#estimates;
    const couplings = this.#couplings;
    // Without C the actions' estimates are what is left beside the shared part: θ = φ - Cβ.
    for (let i = 0; i < estimates.length; i++) {
      let estimate = estimates[i];
      for (let j = 0; j < shared; j++) estimate -= couplings[i * shared + j] * this.#sharedEstimate[j];
      estimates[i] = Math.min(Math.max(estimate * floor, -ESTIMATE_LIMIT), ESTIMATE_LIMIT);
    }
    for (let j = 0; j < shared; j++) this.#sharedEstimate[j] *= floor;
    this.#clearEvidence();
  }

  check(state: Float64Array): void {
    const { blocks, size, shared } = { blocks: this.#blocks, size: this.#size, shared: this.#shared };
    let at = 0;
    for (let block = 0; block < blocks; block++) at = checkInverse(state, at, size);
    const estimates = at + blocks * size * (1 + shared);
    for (; at < estimates; at++) checkEstimate(state[at], at);
    at = checkInverse(state, at, shared);
    for (let j = 0; j < shared; j++, at++) checkEstimate(state[at], at);
    if (!(state[at] >= 0 && Number.isSafeInteger(state[at]))) refuseState(`model word ${at} is ${state[at]}`);
  }

  restored(): void {
    // Nothing follows from the words but the words themselves.
  }

  #clearEvidence(): void {
    const first = 1 / this.#settings[0];
    this.#inverses.fill(0);
    for (let block = 0; block < this.#blocks; block++) {
      setDiagonal(this.#inverses, block * triangle(this.#size), this.#size, first);
    }
    this.#couplings.fill(0);
    this.#sharedInverse.fill(0);
    setDiagonal(this.#sharedInverse, 0, this.#shared, first);
  }

  /** Brings a block's features from `at` of a context into `#x`. */
  #load(x: Float64Array, at: number): void {
    const features = this.#x;
    const count = this.#constant ? features.length - 1 : features.length;
    for (let i = 0; i < count; i++) features[i] = x[at + i];
    if (this.#constant) features[count] = 1;
  }

  /** Brings everything that belongs to one action into `#x` and `#rest`. */
  #loadAction(x: Float64Array, action: number): void {
    this.#load(x, this.#arms === 'tied' ? action * this.#armDim : 0);
    if (this.#shared > 0) this.#loadRest(x, action);
  }

  /** e = z - Cᵀx of an action, with `#x` in place. */
  #loadRest(x: Float64Array, action: number): void {
    const rest = this.#rest;
    const features = this.#x;
    const couplings = this.#couplings;
    const shared = this.#shared;
    const start = this.#contextDim + action * this.#armDim;
    for (let j = 0; j < shared; j++) rest[j] = x[start + j];
    let at = action * this.#size * shared;
    for (let i = 0; i < features.length; i++) {
      const value = features[i];
      for (let j = 0; j < shared; j++) rest[j] -= couplings[at++] * value;
    }
  }

  /** Leaves what an action is expected to earn in `out[at]`, with `#x` and `#rest` in place; its own part in `#numbers`. */
  #expect(action: number, out: Float64Array, at: number): void {
    const numbers = this.#numbers;
    const block = this.#arms === 'tied' ? 0 : action;
    dot(this.#estimates, block * this.#size, this.#x, numbers, OWN);
    if (this.#shared > 0) {
      dot(this.#sharedEstimate, 0, this.#rest, numbers, MEAN);
      out[at] = numbers[OWN] + numbers[MEAN];
    } else {
      out[at] = numbers[OWN];
    }
  }

  /** P ← DPD, by the factor in `#numbers` where the limit allows it. */
  #grow(inverse: Float64Array, base: number, size: number): void {
    const growth = this.#diagonal;
    const factor = this.#numbers[GROWTH];
    const limit = this.#settings[2];
    for (let i = 0, at = base; i < size; at += size - i, i++) {
      const room = limit / inverse[at];
      growth[i] = Math.sqrt(room < factor ? (room > 1 ? room : 1) : factor);
    }
    for (let i = 0, at = base; i < size; i++) {
      const scale = growth[i];
      for (let j = i; j < size; j++) inverse[at++] *= scale * growth[j];
    }
  }

  /**
   * P ← P - uuᵀ / (noise + xᵀu), with `direction` u = Px and the noise in `#numbers`; leaves xᵀu and the gain there.
   *
   * @param x the example's features
   */
  #absorb(inverse: Float64Array, base: number, size: number, x: Float64Array, direction: Float64Array): void {
    const numbers = this.#numbers;
    const noise = numbers[NOISE];
    dot(direction, 0, x, numbers, SPREAD);
    let spread = numbers[SPREAD] > 0 ? numbers[SPREAD] : 0;
    let rough = false;
    for (let i = 0, at = base; i < size; at += size - i, i++) {
      const square = direction[i] * direction[i];
      if (square > spread * inverse[at] * SLACK) {
        spread = square / inverse[at];
        rough = true;
      }
    }
    const gain = 1 / (noise + spread);
    const least = noise * gain;
    const variances = this.#diagonal;
    for (let i = 0, at = base; i < size; at += size - i, i++) {
      const floor = inverse[at] * least;
      const variance = inverse[at] - direction[i] * gain * direction[i];
      variances[i] = variance > floor ? variance : floor > VARIANCE_FLOOR ? floor : VARIANCE_FLOOR;
    }
    for (let i = 0, at = base; i < size; i++) {
      const scale = direction[i] * gain;
      const variance = variances[i];
      const bound = variance * SLACK;
      inverse[at++] = variance;
      for (let j = i + 1; j < size; j++, at++) {
        const covariance = inverse[at] - scale * direction[j];
        inverse[at] = covariance;
        if (covariance * covariance > bound * variances[j]) {
          const most = Math.sqrt(variance * variances[j]);
          inverse[at] = covariance > 0 ? most : -most;
          rough = true;
        }
      }
    }
    numbers[SPREAD] = spread;
    numbers[GAIN] = gain;
    if (rough) this.#conditioned[0]++;
  }
}

/**
 * out[r] = Σ rows[r·length + i] · x[i], for each of `count` rows. Eight rows at a time keep eight sums that do not wait for
 * one another and read x once: half the time of row after row. Each sum is added up in the same order either way.
 */
function dotRows(rows: Float64Array, count: number, length: number, x: Float64Array, out: Float64Array): void {
  let r = 0;
  for (; r + 8 <= count; r += 8) {
    const base = r * length;
    const end = base + length;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let s4 = 0;
    let s5 = 0;
    let s6 = 0;
    let s7 = 0;
    const l2 = 2 * length;
    const l3 = 3 * length;
    const l4 = 4 * length;
    const l5 = 5 * length;
    const l6 = 6 * length;
    const l7 = 7 * length;
    for (let p = base, i = 0; p < end; p++, i++) {
      const value = x[i];
      s0 += rows[p] * value;
      s1 += rows[p + length] * value;
      s2 += rows[p + l2] * value;
      s3 += rows[p + l3] * value;
      s4 += rows[p + l4] * value;
      s5 += rows[p + l5] * value;
      s6 += rows[p + l6] * value;
      s7 += rows[p + l7] * value;
    }
    out[r] = s0;
    out[r + 1] = s1;
    out[r + 2] = s2;
    out[r + 3] = s3;
    out[r + 4] = s4;
    out[r + 5] = s5;
    out[r + 6] = s6;
    out[r + 7] = s7;
  }
  for (; r + 2 <= count; r += 2) {
    const base = r * length;
    const end = base + length;
    let s0 = 0;
    let s1 = 0;
    for (let p = base, i = 0; p < end; p++, i++) {
      const value = x[i];
      s0 += rows[p] * value;
      s1 += rows[p + length] * value;
    }
    out[r] = s0;
    out[r + 1] = s1;
  }
  if (r < count) dot(rows, r * length, x, out, r);
}

/** out[at] = Σ row[base + i] · x[i] over all of x. */
function dot(row: Float64Array, base: number, x: Float64Array, out: Float64Array, at: number): void {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += row[base + i] * x[i];
  out[at] = sum;
}

/** xᵢxⱼ in the order of a packed triangle, those off the diagonal twice, as they stand for two. */
function products(x: Float64Array, out: Float64Array): void {
  const size = x.length;
  for (let i = 0, at = 0; i < size; i++) {
    const value = x[i];
    const twice = 2 * value;
    out[at++] = value * value;
    for (let j = i + 1; j < size; j++) out[at++] = twice * x[j];
  }
}

/** out[index] = xᵀMx of a packed matrix. */
function quadraticForm(matrix: Float64Array, size: number, x: Float64Array, out: Float64Array, index: number): void {
  let sum = 0;
  for (let i = 0, at = 0; i < size; i++) {
    let half = 0.5 * matrix[at++] * x[i];
    for (let j = i + 1; j < size; j++) half += matrix[at++] * x[j];
    sum += x[i] * half;
  }
  out[index] = 2 * sum;
}

/** out = Mx of a packed matrix that starts at `base`; each element is read once and used twice. */
function symmetricTimes(matrix: Float64Array, base: number, size: number, x: Float64Array, out: Float64Array): void {
  for (let i = 0; i < size; i++) out[i] = 0;
  for (let i = 0, at = base; i < size; i++) {
    const value = x[i];
    let sum = out[i] + matrix[at++] * value;
    for (let j = i + 1; j < size; j++) {
      const element = matrix[at++];
      sum += element * x[j];
      out[j] += element * value;
    }
    out[i] = sum;
  }
}

/** vector[base + i] += numbers[SCALE] · direction[i], clamped. */
function step(vector: Float64Array, base: number, direction: Float64Array, numbers: Float64Array): void {
  const scale = numbers[SCALE];
  for (let i = 0; i < direction.length; i++) {
    const value = vector[base + i] + scale * direction[i];
    vector[base + i] = value > ESTIMATE_LIMIT ? ESTIMATE_LIMIT : value < -ESTIMATE_LIMIT ? -ESTIMATE_LIMIT : value;
  }
}

function setDiagonal(matrix: Float64Array, base: number, size: number, value: number): void {
  for (let i = 0, at = base; i < size; at += size - i, i++) matrix[at] = value;
}

/** @returns where the matrix ends */
function checkInverse(state: Float64Array, base: number, size: number): number {
  for (let i = 0, row = base; i < size; row += size - i, i++) {
    if (!(state[row] > 0 && state[row] <= VARIANCE_LIMIT)) refuseState(`variance ${row} is ${state[row]}`);
  }
  for (let i = 0, row = base; i < size; row += size - i, i++) {
    for (let j = i + 1, diagonal = row + size - i; j < size; diagonal += size - j, j++) {
      const at = row + j - i;
      // Growing by a discount rounds, too.
      if (!(state[at] * state[at] <= state[row] * state[diagonal] * (1 + 1e-6))) {
        refuseState(`covariance ${at} is ${state[at]}`);
      }
    }
  }
  return base + triangle(size);
}

function checkEstimate(estimate: number, at: number): void {
  if (!(Math.abs(estimate) <= ESTIMATE_LIMIT)) refuseState(`estimate ${at} is ${estimate}`);
}
