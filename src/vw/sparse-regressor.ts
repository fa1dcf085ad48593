/**
 * Vowpal Wabbit's default learner, `gd`: online least squares over hashed features, with an adaptive, normalised rate
 * for each weight and updates that are invariant to importance. The rules are VW's, with its defaults; the weights are
 * 32-bit floats as there, the sums 64-bit. VW takes the square root of the rate from a processor's approximation
 * (good to 4e-4), this from `Math.sqrt`.
 *
 * Sources: Karampatziakis & Langford 2011, "Online importance weight aware updates"; Duchi, Hazan & Singer 2011
 * (adaptive rates); Ross, Mineiro & Langford 2013, "Normalized online learning"; Tsuruoka et al. 2009 (cumulative L1).
 * Facts: vowpalwabbit/core/src/reductions/gd.cc and core/src/loss_functions.cc.
 */
import type { SparseFeatures } from './hashing.js';

export interface RegressorSettings {
  /** `-b`: the table has 2^bits weights. */
  readonly bits: number;
  /** `-l` */
  readonly learningRate: number;
  /** `--power_t` */
  readonly powerT: number;
  /** `--initial_t` */
  readonly initialT: number;
  readonly l1: number;
  readonly l2: number;
}

/** VW's own defaults. */
export const REGRESSOR_DEFAULTS: RegressorSettings = {
  bits: 18,
  learningRate: 0.5,
  powerT: 0.5,
  initialT: 0,
  l1: 0,
  l2: 0,
};

/** What one weight takes in the table. */
const STRIDE = 4;
/** Sum of the squared gradients. */
const ADAPTIVE = 1;
/** Largest magnitude the feature has had. */
const NORMALIZED = 2;
/** The rate of the update under way. */
const RATE = 3;

/** A smaller feature is taken as this large, so that its square does not vanish in 32 bits. */
const MIN_MAGNITUDE = 1.084202e-19;
const MIN_SQUARE = MIN_MAGNITUDE * MIN_MAGNITUDE;
/** Past these the implicit regularization is worked into the weights. */
const MIN_CONTRACTION = 1e-9;
const MAX_GRAVITY = 1e3;

export class SparseRegressor {
  readonly #settings: RegressorSettings;
  readonly #weights: Float32Array;
  readonly #mask: number;
  readonly #width: number;
  /** For each weight vector, what the normalisation sums. */
  readonly #squaredNorms: Float64Array;
  readonly #importances: Float64Array;
  /** Cumulative L1 and L2: a weight stands for (w shrunk by gravity) times contraction. */
  #gravity = 0;
  #contraction = 1;
  #minLabel = 0;
  #maxLabel = 0;
  /** The mean scale of an update, from the last one that had a gradient. */
  #meanScale = 0;
  #unclipped = 0;

  /**
   * @param settings within the ranges that the command checks
   * @param width weight vectors that share the table, hashed apart
   */
  constructor(settings: RegressorSettings, width = 1) {
    this.#settings = settings;
    this.#width = width;
    this.#mask = 2 ** settings.bits - 1;
    this.#weights = new Float32Array(STRIDE * 2 ** settings.bits);
    this.#squaredNorms = new Float64Array(width);
    this.#importances = new Float64Array(width);
    if (settings.initialT > 0) {
      // As if that many examples with unit gradient and unit norm had been seen.
      for (let i = ADAPTIVE; i < this.#weights.length; i += STRIDE) this.#weights[i] = settings.initialT;
      this.#squaredNorms[0] = settings.initialT;
      this.#importances[0] = settings.initialT;
    }
  }

  /** Of the table, which is allocated once. @realtime safe */
  get bytes(): number {
    return this.#weights.byteLength;
  }

  /** The last prediction before it was clipped: what actions are ranked by. @realtime safe */
  get unclipped(): number {
    return this.#unclipped;
  }

  /**
   * @param hash as `SparseFeatures` holds it
   * @returns the weight, regularization applied
   * @realtime safe
   */
  weight(hash: number, vector = 0): number {
    return this.#shrunk(this.#weights[this.#slot(hash, vector)]) * this.#contraction;
  }

  /**
   * @param features not changed
   * @param vector which weight vector, below `width`
   * @param initial where the sum starts
   * @returns the prediction, clipped to the labels seen so far and 0
   * @realtime safe
   */
  predict(features: SparseFeatures, vector = 0, initial = 0): number {
    const { hashes, values, count } = features;
    const weights = this.#weights;
    let sum = initial;
    if (this.#settings.l1 > 0) {
      for (let i = 0; i < count; i++) sum += this.#shrunk(weights[this.#slot(hashes[i], vector)]) * values[i];
    } else if (this.#width === 1) {
      const mask = this.#mask;
      for (let i = 0; i < count; i++) sum += weights[STRIDE * (hashes[i] & mask)] * values[i];
    } else {
      for (let i = 0; i < count; i++) sum += weights[this.#slot(hashes[i], vector)] * values[i];
    }
    this.#unclipped = Math.fround(sum * this.#contraction);
    return this.#clipped(this.#unclipped);
  }

  /**
   * Learns one example.
   *
   * @param label finite
   * @param importance 0 predicts only
   * @returns the prediction made before
   * @realtime safe
   */
  learn(features: SparseFeatures, label: number, importance: number, vector = 0, initial = 0): number {
    if (label < this.#minLabel) this.#minLabel = label;
    if (label > this.#maxLabel) this.#maxLabel = label;
    const prediction = this.predict(features, vector, initial);
    if (!(importance > 0) || prediction === label) return prediction;

    const error = label - prediction;
    const perUpdate = this.#prepare(features, 4 * error * error * importance, importance, vector);
    let update = invariantUpdate(error, this.#settings.learningRate * importance, perUpdate);
    if (this.#settings.l1 > 0 || this.#settings.l2 > 0) update = this.#regularize(update, error);
    if (update !== 0 && Number.isFinite(update)) this.#apply(features, update * this.#meanScale, vector);
    if (this.#contraction < MIN_CONTRACTION || this.#gravity > MAX_GRAVITY) this.#settle();
    return prediction;
  }

  #slot(hash: number, vector: number): number {
    return STRIDE * ((Math.imul(hash, this.#width) + vector) & this.#mask);
  }

  #clipped(prediction: number): number {
    if (Number.isNaN(prediction)) return 0;
    if (prediction > this.#maxLabel) return this.#maxLabel;
    return prediction < this.#minLabel ? this.#minLabel : prediction;
  }

  #shrunk(weight: number): number {
    const magnitude = Math.abs(weight) - this.#gravity;
    if (!(magnitude > 0)) return 0;
    return weight > 0 ? magnitude : -magnitude;
  }

  /**
   * Takes the gradient into each feature's rate.
   *
   * @returns by how much the prediction moves for a unit of update
   */
  #prepare(features: SparseFeatures, squaredGradient: number, importance: number, vector: number): number {
    // Too small for 32 bits: VW leaves the rates as they are.
    if (Math.fround(squaredGradient) === 0) return 1;
    const { hashes, values, count } = features;
    const weights = this.#weights;
    const { powerT } = this.#settings;
    let norm = 0;
    let perUpdate = 0;
    for (let i = 0; i < count; i++) {
      const slot = this.#slot(hashes[i], vector);
      const magnitude = Math.max(Math.abs(values[i]), MIN_MAGNITUDE);
      const square = Math.max(magnitude * magnitude, MIN_SQUARE);
      weights[slot + ADAPTIVE] += squaredGradient * square;
      const scale = weights[slot + NORMALIZED];
      if (magnitude > scale) {
        // A new largest magnitude: the weight becomes what it would be, had the feature always been this large.
        if (scale > 0) weights[slot] *= powerT === 0.5 ? scale / magnitude : (magnitude / scale) ** (2 * (powerT - 1));
        weights[slot + NORMALIZED] = magnitude;
      }
      const largest = weights[slot + NORMALIZED];
      norm += square / (largest * largest);
      const adaptive = weights[slot + ADAPTIVE];
      const rate =
        powerT === 0.5 ? 1 / (Math.sqrt(adaptive) * largest) : adaptive ** -powerT * largest ** (2 * (powerT - 1));
      weights[slot + RATE] = rate;
      // 32 bits overflow before 64 do; a rate that did stops its feature for this update, and harms no weight.
      if (weights[slot + RATE] === Number.POSITIVE_INFINITY || adaptive === 0) weights[slot + RATE] = 0;
      perUpdate += square * weights[slot + RATE];
    }
    this.#squaredNorms[vector] += importance * norm;
    this.#importances[vector] += importance;
    const meanSquare = this.#squaredNorms[vector] / this.#importances[vector];
    // At 0.5 both are 1/√meanSquare.
    this.#meanScale = powerT === 0.5 ? 1 / Math.sqrt(meanSquare) : meanSquare ** (powerT - 1);
    return perUpdate * this.#meanScale;
  }

  #apply(features: SparseFeatures, update: number, vector: number): void {
    const { hashes, values, count } = features;
    const weights = this.#weights;
    for (let i = 0; i < count; i++) {
      const slot = this.#slot(hashes[i], vector);
      const weight = Math.fround(weights[slot] + update * values[i] * weights[slot + RATE]);
      if (Number.isFinite(weight)) weights[slot] = weight;
    }
  }

  /** @returns the update in terms of the stored weights */
  #regularize(update: number, error: number): number {
    if (!(Math.abs(update) > 1e-8)) return update;
    const derivative = -2 * error;
    const rate = Math.abs(derivative) > 1e-8 ? -update / derivative : 0;
    this.#contraction *= Math.max(0, 1 - this.#settings.l2 * rate);
    this.#gravity += rate * this.#settings.l1;
    return update / this.#contraction;
  }

  /** Works the implicit regularization into the weights. */
  #settle(): void {
    const weights = this.#weights;
    for (let i = 0; i < weights.length; i += STRIDE) weights[i] = this.#shrunk(weights[i]) * this.#contraction;
    this.#gravity = 0;
    this.#contraction = 1;
  }
}

/** How far to go so that learning an example of importance 2 equals learning it twice with importance 1. */
function invariantUpdate(error: number, scale: number, perUpdate: number): number {
  const step = scale * perUpdate;
  // Where 1 − exp(−2s) ≈ 2s, the difference would lose its digits.
  if (step < 1e-6) return 2 * error * scale;
  return (error * -Math.expm1(-2 * step)) / perUpdate;
}
