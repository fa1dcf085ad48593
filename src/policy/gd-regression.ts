/**
 * Linear regression of the reward over hashed weights, learned by the online gradient descent of Vowpal Wabbit.
 *
 * Thread: that of the policy it belongs to. For an action, `evaluate` reads a weight for each feature; `learn` touches as
 * many slots, with one square root and two divisions each while `power_t` is 0.5. It allocates nothing after its
 * constructor, except that constructor's own few settings: weights, accumulators and scales lie in the `state` it is
 * given, what need not be saved in the `scratch`.
 *
 * Names are known at construction, so the slots of the 2^bits that any of them reaches are too, and only those are
 * stored, action by action: features collide as they would in the whole table, but 24 features and 8 actions take 5 kB
 * that stay in the nearest cache, where the table of 18 bits takes 6 MB and a page for each weight.
 *
 * The update is that of Vowpal Wabbit's `gd.cc` with its defaults `--adaptive --normalized --invariant` and squared
 * loss. The same as there:
 * - AdaGrad (Duchi, Hazan & Singer 2011): each weight's accumulator G adds (2 (p - r) x)² and its rate is G^-power_t;
 *   `initial_t` is where G starts.
 * - Normalised (Ross, Mineiro & Langford 2013): N is the largest |x| seen of a feature; its rate is divided by
 *   N^(2 - 2 power_t), its weight is rescaled when N grows, and all rates share the factor
 *   (Σ Σ x²/N² / examples)^(power_t - 1).
 * - Importance-aware (Karampatziakis & Langford 2011): the step is the limit of infinitely many small ones, so the new
 *   prediction is p + (r - p)(1 - exp(-2 η h s)), with h the importance weight and s the change of prediction per unit of
 *   step. It approaches the reward and does not pass it.
 * - Without `adaptive` the rate decays as (t₀ / (t₀ + t))^power_t over the importance weight t learned so far.
 * - L2 shrinks and L1 truncates weights in proportion to the effective step η̄ = (1 - exp(-2 η h s)) / (2 s).
 *
 * What differs:
 * - Double precision throughout, square roots exact, where VW keeps floats and estimates 1/√. The bits are the same on
 *   every machine, and accumulators still grow after ten million updates.
 * - L1 and L2 act only on the slots an update touches. VW scales the whole table by a shared factor, so there an
 *   action's weights fade while others learn; here an action that is not chosen keeps what it knows.
 * - Values are not clipped to the range of rewards seen, which would tie every action predicted above the best.
 * - A slot is murmur3(name) seeded by the action, where VW offsets a namespace's hash; weights that all actions share
 *   have a seed of their own.
 * - Two features of one action that share a slot use the rate each found on its way through; VW uses the later.
 * - Numbers within ±1e-15 count as 0; the caller clips those beyond ±1e15. From that, from the bound η√h that AdaGrad
 *   puts on a normalised step, and from a last clamp of weights at 1e60, all state stays finite under any finite input.
 */
import { hashFeatures } from './feature-table.js';
import { type LearningPolicyConfig, refuseState, Work } from './learning-policy.js';
import { PolicyConfigError, VALUE_LIMIT } from './policy.js';
import { checkMemory, integer, real, type SettingRule } from './policy-settings.js';
import type { ValueModel } from './value-model.js';

/** Features nearer to 0 than this are absent: their squares would leave the range of doubles. */
export const VALUE_FLOOR = 1e-15;
const WEIGHT_LIMIT = 1e60;
/** Squared gradients below are a reward predicted to the last bit: nothing to learn. */
const GRADIENT_FLOOR = 1e-100;

/** Doubles of a slot: weight, accumulated squared gradient, largest |x|. */
const SLOT_WORDS = 3;

/** Settings of the regression, with the names that configuration files use. */
export interface GdSettings {
  /** Step size η. */
  learning_rate: number;
  /** Exponent of the gradient accumulator while `adaptive`, of the rate's decay over time when not. */
  power_t: number;
  /** Examples of unit gradient taken as already seen: the start of accumulators, normaliser and time. */
  initial_t: number;
  l2_regularization: number;
  l1_regularization: number;
  /** The weight table has 2^bits slots. */
  bits: number;
  /** AdaGrad: a rate for each weight. */
  adaptive: boolean;
  /** Rates do not depend on the features' scales. */
  normalized: boolean;
  /** Importance-aware steps, which never overshoot the reward. */
  invariant: boolean;
}

/** What the regression is told of the policy it belongs to. */
export type GdConfig = GdSettings &
  Pick<LearningPolicyConfig, 'n_actions' | 'context_dim' | 'arms' | 'arm_dim' | 'feature_names' | 'arm_feature_names'>;

/** Vowpal Wabbit's own, with double precision's wider table left at its 18 bits. */
export const GD_DEFAULTS: Readonly<GdSettings> = {
  learning_rate: 0.5,
  power_t: 0.5,
  initial_t: 0,
  l2_regularization: 0,
  l1_regularization: 0,
  bits: 18,
  adaptive: true,
  normalized: true,
  invariant: true,
};

export const GD_RULES: { readonly [setting: string]: SettingRule } = {
  learning_rate: real(0, 1000),
  power_t: real(0, 1),
  initial_t: real(0, 1e9),
  l2_regularization: real(0, 1000),
  l1_regularization: real(0, 1000),
  bits: integer(1, 26),
  adaptive: [true, false],
  normalized: [true, false],
  invariant: [true, false],
};

/** The feature that is always 1: of every action where actions have weights of their own, else of all together. */
export const CONSTANT_FEATURE = 'constant';

/** The names of all features of a configuration: the shared ones, the constant, those of an action. @realtime unsafe */
export function gdFeatureNames(
  config: Pick<GdConfig, 'context_dim' | 'arm_dim' | 'feature_names' | 'arm_feature_names'>,
): string[] {
  return [
    ...(config.feature_names ?? Array.from({ length: config.context_dim }, (_, i) => `f${i}`)),
    CONSTANT_FEATURE,
    ...(config.arm_feature_names ?? Array.from({ length: config.arm_dim }, (_, i) => `g${i}`)),
  ];
}

/** Settings without which saved words mean something else. @realtime unsafe */
export function gdMeaning(settings: GdSettings): (string | number | boolean)[] {
  return ['gd', settings.bits, settings.adaptive, settings.normalized];
}

/**
 * Where each feature's weight lies. A context as the regression reads it is `shared` numbers (the shared features and
 * the constant) and then `own` numbers of each action.
 */
export interface GdLayout {
  readonly nActions: number;
  readonly shared: number;
  readonly own: number;
  /** Slot of action a's shared feature i at a × shared + i, then those of an action's own features. */
  readonly slotOf: Int32Array;
  /** The number each slot has among 2^bits. */
  readonly slotNumbers: Uint32Array;
}

/**
 * @param replicates regressions that share the layout
 * @throws PolicyConfigError where a name is the constant's, or before anything is hashed where a choice of names could need
 *   more than `MEMORY_LIMIT_BYTES`
 * @realtime unsafe (hashes every name for every action)
 */
export function gdLayout(config: GdConfig, replicates = 1): GdLayout {
  for (const setting of ['feature_names', 'arm_feature_names'] as const) {
    if (config[setting]?.includes(CONSTANT_FEATURE)) {
      throw new PolicyConfigError(setting, `${setting} has ${CONSTANT_FEATURE}, which is reserved`);
    }
  }
  const nActions = config.n_actions;
  const shared = config.context_dim + 1;
  const own = config.arm_dim;
  const entries = nActions * shared + own;
  const doubles = GD_SHARED_WORDS + SLOT_WORDS * Math.min(entries, 2 ** config.bits) + nActions;
  checkMemory(config, 8 * (replicates * doubles + shared + nActions * own + shared + own) + 4 * entries);
  const names = gdFeatureNames(config);
  if (config.arms !== 'tied') {
    const table = hashFeatures(names.slice(0, shared), nActions, config.bits, names.slice(shared));
    return { nActions, shared, own, ...table };
  }
  // The constant is one weight for all actions too.
  const { slotOf: slots, slotNumbers } = hashFeatures([], nActions, config.bits, names);
  const slotOf = new Int32Array(nActions + own);
  slotOf.fill(slots[0], 0, nActions);
  slotOf.set(slots.subarray(1), nActions);
  return { nActions, shared, own, slotOf, slotNumbers };
}

/** Numbers that the regression leaves in its caller's `work`; it needs that up to `GD_WORK_END`. */
export const GdWork = {
  /** Squared gradient of the loss by the prediction: what `learn` adds, and what `sensitivity` supposes. */
  gradient: Work.model,
  /** Σ x² · rate. */
  slope: Work.model + 1,
  /** Σ x²/N². */
  norm: Work.model + 2,
  scale: Work.model + 3,
  effective: Work.model + 4,
  /** What `sensitivity` found. */
  sensitivity: Work.model + 5,
} as const;
export const GD_WORK_END = Work.model + 6;

// What all weights share, in doubles.
const SHARED_NORM_SUM = 0;
const SHARED_NORM_WEIGHT = 1;
const SHARED_TIME = 2;
export const GD_SHARED_WORDS = 3;

const SETTING_LEARNING_RATE = 0;
const SETTING_POWER_T = 1;
const SETTING_INITIAL_T = 2;
const SETTING_L1 = 3;
const SETTING_L2 = 4;

/** See the file's head for the learning rule, `ValueModel` for the methods. */
export class GdRegression implements ValueModel {
  readonly name = 'gd';
  readonly layout: GdLayout;
  readonly slots: number;
  /**
   * The context that the methods without an `x` work on: shared features, the constant 1, then each action's features,
   * none of them nearer to 0 than `VALUE_FLOOR` unless it is 0. `load` writes it; whoever writes it otherwise leaves the
   * constant at 1.
   */
  readonly input: Float64Array;

  readonly #adaptive: boolean;
  readonly #normalized: boolean;
  readonly #invariant: boolean;
  readonly #squareRoot: boolean;
  readonly #settings: Float64Array;
  /** See `SHARED_*`. */
  readonly #shared: Float64Array;
  readonly #weights: Float64Array;
  /** Accumulated squared gradient of each slot. */
  readonly #gradients: Float64Array;
  /** Largest |x| seen at each slot. */
  readonly #scales: Float64Array;
  /** x · rate of each shared feature in the update under way. */
  readonly #steps: Float64Array;
  /** The same of each of the action's own. */
  readonly #ownSteps: Float64Array;
  readonly #table: Int32Array;
  readonly #sharedFeatures: number;
  readonly #ownFeatures: number;
  /** Where the slots of an action's own features begin in `#table`. */
  readonly #ownBase: number;

  /** Doubles that are saved. @realtime unsafe */
  static stateDoubles(config: GdConfig, layout: GdLayout = gdLayout(config)): number {
    return GD_SHARED_WORDS + layout.slotNumbers.length * SLOT_WORDS;
  }

  /** Doubles that are not; several regressions of one configuration may share them. @realtime unsafe */
  static scratchDoubles(config: GdConfig, layout: GdLayout = gdLayout(config)): number {
    const { nActions, shared, own, slotOf } = layout;
    return shared + nActions * own + shared + own + Math.ceil(slotOf.length / 2);
  }

  /**
   * @param state `stateDoubles`: three words that all weights share, then weights, accumulators and scales of the slots
   * @param scratch `scratchDoubles`, written here
   * @param layout of `config`, for whoever has it already
   * @param shared where the three words that all weights share lie, if not first in `state`, which is then shorter by them
   * @realtime unsafe (allocates)
   */
  constructor(
    config: GdConfig,
    state: Float64Array,
    scratch: Float64Array,
    layout: GdLayout = gdLayout(config),
    shared?: Float64Array,
  ) {
    const slots = layout.slotNumbers.length;
    this.layout = layout;
    this.slots = slots;
    this.#sharedFeatures = layout.shared;
    this.#ownFeatures = layout.own;
    this.#ownBase = layout.nActions * layout.shared;
    this.#adaptive = config.adaptive;
    this.#normalized = config.normalized;
    this.#invariant = config.invariant;
    this.#squareRoot = config.adaptive && config.normalized && config.power_t === 0.5;
    this.#settings = Float64Array.of(
      config.learning_rate,
      config.power_t,
      config.initial_t,
      config.l1_regularization,
      config.l2_regularization,
    );

    const first = shared === undefined ? GD_SHARED_WORDS : 0;
    this.#shared = shared ?? state.subarray(0, GD_SHARED_WORDS);
    this.#weights = state.subarray(first, first + slots);
    this.#gradients = state.subarray(first + slots, first + slots * 2);
    this.#scales = state.subarray(first + slots * 2, first + slots * 3);

    const inputs = layout.shared + layout.nActions * layout.own;
    const features = layout.shared + layout.own;
    this.input = scratch.subarray(0, inputs);
    this.input[layout.shared - 1] = 1;
    this.#steps = scratch.subarray(inputs, inputs + layout.shared);
    this.#ownSteps = scratch.subarray(inputs + layout.shared, inputs + features);
    const table = scratch.subarray(inputs + features, inputs + features + Math.ceil(layout.slotOf.length / 2));
    this.#table = new Int32Array(table.buffer, table.byteOffset, layout.slotOf.length);
    this.#table.set(layout.slotOf);
  }

  /** Step size η; a schedule may set it between decisions. Not part of the state. @realtime safe */
  get learningRate(): number {
    return this.#settings[SETTING_LEARNING_RATE];
  }

  set learningRate(rate: number) {
    if (!(rate >= 0 && rate <= 1000)) {
      throw new PolicyConfigError('learning_rate', `learning_rate is ${rate}, allowed: [0, 1000]`);
    }
    this.#settings[SETTING_LEARNING_RATE] = rate;
  }

  clear(): void {
    const initial = this.#settings[SETTING_INITIAL_T];
    this.#shared[SHARED_NORM_SUM] = initial;
    this.#shared[SHARED_NORM_WEIGHT] = initial;
    this.#shared[SHARED_TIME] = 0;
    this.#weights.fill(0);
    this.#gradients.fill(initial);
    this.#scales.fill(0);
    this.input[this.#sharedFeatures - 1] = 1;
  }

  /** Takes over a context, finite and clipped, as `ValueModel` lays it out. @realtime safe */
  load(x: Float64Array): void {
    const input = this.input;
    const contextDim = this.#sharedFeatures - 1;
    for (let i = 0; i < contextDim; i++) {
      const value = x[i];
      input[i] = value < VALUE_FLOOR && value > -VALUE_FLOOR ? 0 : value;
    }
    for (let i = contextDim; i < x.length; i++) {
      const value = x[i];
      input[i + 1] = value < VALUE_FLOOR && value > -VALUE_FLOOR ? 0 : value;
    }
  }

  evaluate(x: Float64Array, out: Float64Array): void {
    this.load(x);
    this.evaluateInput(out);
  }

  explain(x: Float64Array, out: Float64Array): void {
    this.load(x);
    out.fill(0);
    this.addContributions(out);
  }

  predict(x: Float64Array, action: number, work: Float64Array): void {
    this.load(x);
    this.predictInput(action, work);
  }

  learn(_x: Float64Array, action: number, work: Float64Array): void {
    this.learnInput(action, work);
  }

  /**
   * `evaluate` of `input`, four actions at a time: a sum waits for each of its additions in turn, and four sums wait side
   * by side; four were measured to take 0.88 of the time of two. Each is added up in the order of `predictInput`, to the
   * same bits.
   *
   * @realtime safe
   */
  evaluateInput(out: Float64Array): void {
    const x = this.input;
    const table = this.#table;
    const weights = this.#weights;
    const features = this.#sharedFeatures;
    const nActions = out.length;
    let a = 0;
    for (; a + 3 < nActions; a += 4) {
      const base0 = a * features;
      const base1 = base0 + features;
      const base2 = base1 + features;
      const base3 = base2 + features;
      let value0 = 0;
      let value1 = 0;
      let value2 = 0;
      let value3 = 0;
      for (let i = 0; i < features; i++) {
        const value = x[i];
        value0 += weights[table[base0 + i]] * value;
        value1 += weights[table[base1 + i]] * value;
        value2 += weights[table[base2 + i]] * value;
        value3 += weights[table[base3 + i]] * value;
      }
      out[a] = value0;
      out[a + 1] = value1;
      out[a + 2] = value2;
      out[a + 3] = value3;
    }
    for (; a < nActions; a++) {
      const base = a * features;
      let value = 0;
      for (let i = 0; i < features; i++) value += weights[table[base + i]] * x[i];
      out[a] = value;
    }
    const own = this.#ownFeatures;
    if (own === 0) return;
    const base = this.#ownBase;
    for (a = 0; a + 3 < nActions; a += 4) {
      const offset0 = features + a * own;
      const offset1 = offset0 + own;
      const offset2 = offset1 + own;
      const offset3 = offset2 + own;
      let value0 = out[a];
      let value1 = out[a + 1];
      let value2 = out[a + 2];
      let value3 = out[a + 3];
      for (let i = 0; i < own; i++) {
        const weight = weights[table[base + i]];
        value0 += weight * x[offset0 + i];
        value1 += weight * x[offset1 + i];
        value2 += weight * x[offset2 + i];
        value3 += weight * x[offset3 + i];
      }
      out[a] = value0;
      out[a + 1] = value1;
      out[a + 2] = value2;
      out[a + 3] = value3;
    }
    for (; a < nActions; a++) {
      const offset = features + a * own;
      let value = out[a];
      for (let i = 0; i < own; i++) value += weights[table[base + i]] * x[offset + i];
      out[a] = value;
    }
  }

  /** Leaves what `action` is expected to earn in `input` in `work[Work.prediction]`. @realtime safe */
  predictInput(action: number, work: Float64Array): void {
    const x = this.input;
    const table = this.#table;
    const weights = this.#weights;
    const features = this.#sharedFeatures;
    const base = action * features;
    let value = 0;
    for (let i = 0; i < features; i++) value += weights[table[base + i]] * x[i];
    const own = this.#ownFeatures;
    if (own > 0) {
      const tied = this.#ownBase;
      const offset = features + action * own;
      for (let i = 0; i < own; i++) value += weights[table[tied + i]] * x[offset + i];
    }
    work[Work.prediction] = value;
  }

  /**
   * Adds weight × feature of `input` to the rows of `out`, as `ValueModel.explain` lays them out, the constant's last.
   *
   * @realtime safe
   */
  addContributions(out: Float64Array): void {
    const x = this.input;
    const table = this.#table;
    const weights = this.#weights;
    const features = this.#sharedFeatures;
    const own = this.#ownFeatures;
    const constant = features - 1;
    const row = features + own;
    const tied = this.#ownBase;
    for (let a = 0, at = 0; at < out.length; a++, at += row) {
      const base = a * features;
      for (let i = 0; i < constant; i++) out[at + i] += weights[table[base + i]] * x[i];
      const offset = features + a * own;
      for (let i = 0; i < own; i++) out[at + constant + i] += weights[table[tied + i]] * x[offset + i];
      out[at + row - 1] += weights[table[base + constant]] * x[constant];
    }
  }

  /** `learn` for `input`. @realtime safe */
  learnInput(action: number, work: Float64Array): void {
    const settings = this.#settings;
    const shared = this.#shared;
    const weight = work[Work.weight];
    const error = work[Work.reward] - work[Work.prediction];
    const time = shared[SHARED_TIME];
    shared[SHARED_TIME] = time + weight;
    const gradientSquared = 4 * error * error * weight;
    if (gradientSquared < GRADIENT_FLOOR) return;

    const features = this.#sharedFeatures;
    const own = this.#ownFeatures;
    const base = action * features;
    work[GdWork.gradient] = gradientSquared;
    work[GdWork.slope] = 0;
    work[GdWork.norm] = 0;
    if (this.#squareRoot) {
      this.#accumulate(this.#steps, base, 0, work);
      if (own > 0) this.#accumulate(this.#ownSteps, this.#ownBase, features + action * own, work);
    } else {
      this.#accumulateAny(this.#steps, base, 0, work);
      if (own > 0) this.#accumulateAny(this.#ownSteps, this.#ownBase, features + action * own, work);
    }
    shared[SHARED_NORM_SUM] += weight * work[GdWork.norm];
    shared[SHARED_NORM_WEIGHT] += weight;
    let slope = work[GdWork.slope];
    let factor = 1;
    const power = settings[SETTING_POWER_T];
    if (this.#normalized) {
      const average = shared[SHARED_NORM_SUM] / shared[SHARED_NORM_WEIGHT];
      factor = this.#squareRoot ? 1 / Math.sqrt(average) : average ** (this.#adaptive ? power - 1 : -1);
      slope *= factor;
    }
    let rate = settings[SETTING_LEARNING_RATE] * weight;
    if (!this.#adaptive) {
      const origin = Math.max(settings[SETTING_INITIAL_T], 1);
      rate *= (origin / (origin + time)) ** power;
    }
    // Half of what the step would be per unit of error: η̄, which regularisation goes by.
    const effective = this.#invariant ? -Math.expm1(-2 * rate * slope) / (2 * slope) : rate;
    work[GdWork.scale] = 2 * error * effective * factor;
    work[GdWork.effective] = effective;
    this.#step(this.#steps, base, work);
    if (own > 0) this.#step(this.#ownSteps, this.#ownBase, work);
  }

  /**
   * Adds the squared gradient and the scales of the features whose slots begin at `base` and values at `offset`, and
   * leaves x · rate of each in `steps`. For power_t = 0.5, adaptive and normalised, where a rate
   * is 1 / (√G · N). Adds to Σ x² · rate and Σ x²/N² in `work`.
   */
  #accumulate(steps: Float64Array, base: number, offset: number, work: Float64Array): void {
    const gradientSquared = work[GdWork.gradient];
    const x = this.input;
    const table = this.#table;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const scales = this.#scales;
    const features = steps.length;
    let slope = work[GdWork.slope];
    let norm = work[GdWork.norm];
    for (let i = 0; i < features; i++) {
      const value = x[offset + i];
      if (value === 0) {
        steps[i] = 0;
        continue;
      }
      const at = table[base + i];
      const accumulated = gradients[at] + gradientSquared * value * value;
      gradients[at] = accumulated;
      const magnitude = value < 0 ? -value : value;
      let scale = scales[at];
      if (magnitude > scale) {
        if (scale > 0) weights[at] *= scale / magnitude;
        scale = magnitude;
        scales[at] = scale;
      }
      const relative = value / scale;
      norm += relative * relative;
      const step = relative / Math.sqrt(accumulated);
      steps[i] = step;
      slope += value * step;
    }
    work[GdWork.slope] = slope;
    work[GdWork.norm] = norm;
  }

  /** The same for any power_t and with either part off. */
  #accumulateAny(steps: Float64Array, base: number, offset: number, work: Float64Array): void {
    const gradientSquared = work[GdWork.gradient];
    const x = this.input;
    const table = this.#table;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const scales = this.#scales;
    const power = this.#settings[SETTING_POWER_T];
    const normPower = this.#adaptive ? 2 * power - 2 : -2;
    const features = steps.length;
    let slope = work[GdWork.slope];
    let norm = work[GdWork.norm];
    for (let i = 0; i < features; i++) {
      const value = x[offset + i];
      if (value === 0) {
        steps[i] = 0;
        continue;
      }
      const at = table[base + i];
      let rate = 1;
      if (this.#adaptive) {
        const accumulated = gradients[at] + gradientSquared * value * value;
        gradients[at] = accumulated;
        rate = accumulated ** -power;
      }
      if (this.#normalized) {
        const magnitude = Math.abs(value);
        let scale = scales[at];
        if (magnitude > scale) {
          if (scale > 0) weights[at] *= (magnitude / scale) ** normPower;
          scale = magnitude;
          scales[at] = scale;
        }
        const relative = value / scale;
        norm += relative * relative;
        rate *= scale ** normPower;
      }
      const step = value * rate;
      steps[i] = step;
      slope += value * step;
    }
    work[GdWork.slope] = slope;
    work[GdWork.norm] = norm;
  }

  /** Adds the scale in `work` · `steps` to the weights of the features present, then shrinks and truncates them. */
  #step(steps: Float64Array, base: number, work: Float64Array): void {
    const scale = work[GdWork.scale];
    const effective = work[GdWork.effective];
    const table = this.#table;
    const weights = this.#weights;
    const shrink = Math.max(0, 1 - this.#settings[SETTING_L2] * effective);
    const features = steps.length;
    const gravity = this.#settings[SETTING_L1] * effective;
    for (let i = 0; i < features; i++) {
      const step = steps[i];
      if (step === 0) continue;
      const at = table[base + i];
      let value = (weights[at] + scale * step) * shrink;
      if (gravity > 0) value = value > gravity ? value - gravity : value < -gravity ? value + gravity : 0;
      if (value > WEIGHT_LIMIT) value = WEIGHT_LIMIT;
      else if (value < -WEIGHT_LIMIT) value = -WEIGHT_LIMIT;
      weights[at] = value;
    }
  }

  /**
   * How far the prediction for `action` in `input` moves per unit of importance weight and of step: η · Σ x² · rate, as
   * an example of squared gradient `work[GdWork.gradient]` would find it, and left in `work[GdWork.sensitivity]`. Nothing
   * is learned. It is `sensitivity` of VW's `gd.cc`, by which its cost-sensitive active learner and RegCB judge how sure
   * the regression is.
   *
   * @realtime safe
   */
  sensitivity(action: number, work: Float64Array): void {
    const shared = this.#shared;
    const settings = this.#settings;
    const features = this.#sharedFeatures;
    const own = this.#ownFeatures;
    work[GdWork.slope] = 0;
    work[GdWork.norm] = 0;
    this.#suppose(features, action * features, 0, work);
    if (own > 0) this.#suppose(own, this.#ownBase, features + action * own, work);
    const power = settings[SETTING_POWER_T];
    let slope = work[GdWork.slope] * settings[SETTING_LEARNING_RATE];
    if (this.#normalized) {
      const average = (shared[SHARED_NORM_SUM] + work[GdWork.norm]) / (shared[SHARED_NORM_WEIGHT] + 1);
      slope *= this.#squareRoot ? 1 / Math.sqrt(average) : average ** (this.#adaptive ? power - 1 : -1);
    }
    if (!this.#adaptive) {
      const origin = Math.max(settings[SETTING_INITIAL_T], 1);
      slope *= (origin / (origin + shared[SHARED_TIME])) ** power;
    }
    work[GdWork.sensitivity] = slope;
  }

  /** What `#accumulate` would find, with nothing changed but the two sums in `work`. */
  #suppose(features: number, base: number, offset: number, work: Float64Array): void {
    const gradientSquared = work[GdWork.gradient];
    const x = this.input;
    const table = this.#table;
    const gradients = this.#gradients;
    const scales = this.#scales;
    const power = this.#settings[SETTING_POWER_T];
    const normPower = this.#adaptive ? 2 * power - 2 : -2;
    const squareRoot = this.#squareRoot;
    let slope = work[GdWork.slope];
    let norm = work[GdWork.norm];
    for (let i = 0; i < features; i++) {
      const value = x[offset + i];
      if (value === 0) continue;
      const at = table[base + i];
      const magnitude = value < 0 ? -value : value;
      const scale = magnitude > scales[at] ? magnitude : scales[at];
      const relative = magnitude / scale;
      norm += relative * relative;
      if (squareRoot) {
        slope += (magnitude * relative) / Math.sqrt(gradients[at] + gradientSquared * value * value);
      } else {
        let rate = 1;
        if (this.#adaptive) rate = (gradients[at] + gradientSquared * value * value) ** -power;
        if (this.#normalized) rate *= scale ** normPower;
        slope += value * value * rate;
      }
    }
    work[GdWork.slope] = slope;
    work[GdWork.norm] = norm;
  }

  /**
   * Keeps the share `work[Work.floor]` of the gradients accumulated and of the time, so that rates rise to what they were
   * when as little was known. Weights and what is known of the features' scales stay.
   */
  forget(work: Float64Array): void {
    const floor = work[Work.floor];
    const gradients = this.#gradients;
    const initial = this.#settings[SETTING_INITIAL_T];
    for (let k = 0; k < gradients.length; k++) gradients[k] = (gradients[k] - initial) * floor + initial;
    this.#shared[SHARED_TIME] *= floor;
  }

  /** Slot of action `a`'s feature `i` in the order of `gdFeatureNames`. @realtime safe */
  slotOf(a: number, i: number): number {
    const shared = this.#sharedFeatures;
    return i < shared ? this.#table[a * shared + i] : this.#table[this.#ownBase + i - shared];
  }

  /**
   * Takes over a weight from the slots of another regression: the mean of theirs by accumulator, the sum of their
   * accumulators, the largest of their scales.
   *
   * @realtime unsafe
   */
  carry(to: number, other: GdRegression, from: ReadonlySet<number>): void {
    let weight = 0;
    let gradients = 0;
    let scale = 0;
    const only = from.size === 1;
    for (const at of from) {
      const evidence = other.#gradients[at];
      weight += only ? other.#weights[at] : other.#weights[at] * evidence;
      gradients += evidence;
      scale = Math.max(scale, other.#scales[at]);
    }
    this.#weights[to] = only || gradients === 0 ? weight : weight / gradients;
    this.#gradients[to] = gradients;
    this.#scales[to] = scale;
  }

  /** @returns weights that are not 0 @realtime safe */
  nonZeroWeights(): number {
    const weights = this.#weights;
    let count = 0;
    for (let k = 0; k < weights.length; k++) if (weights[k] !== 0) count++;
    return count;
  }

  check(state: Float64Array): void {
    for (let i = 0; i < GD_SHARED_WORDS; i++) {
      if (!(state[i] >= 0 && state[i] < Infinity)) refuseState(`shared word ${i} is ${state[i]}`);
    }
    this.checkSlots(state.subarray(GD_SHARED_WORDS));
  }

  /** `check` for weights, accumulators and scales alone. @throws PolicyStateError @realtime unsafe */
  checkSlots(words: Float64Array): void {
    const slots = this.slots;
    for (let k = 0; k < slots; k++) {
      const gradient = words[slots + k];
      const scale = words[slots * 2 + k];
      if (!(Math.abs(words[k]) <= WEIGHT_LIMIT)) refuseState(`weight ${k} is ${words[k]}`);
      if (!(gradient >= 0 && gradient < Infinity)) refuseState(`accumulator ${k} is ${gradient}`);
      if (!(scale >= 0 && scale <= VALUE_LIMIT)) refuseState(`scale ${k} is ${scale}`);
    }
  }

  restored(): void {}
}
