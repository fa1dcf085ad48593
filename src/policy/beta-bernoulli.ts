/**
 * Thompson sampling with Beta posteriors (Thompson 1933; Chapelle & Li 2011), for choices that depend on nothing but
 * what they earned before, with rewards in a declared range. With `discount` below 1 what was counted fades (Raj &
 * Kalyani 2017), for rewards that change.
 *
 * Thread: the control thread, or any one thread at a time. Contexts are checked and not used. An update takes time in
 * proportion to `n_actions`; so does a select, unless counts or mask changed since the one before. Then the law is
 * computed anew.
 *
 * **Rewards** are brought to [0, 1] by the declared range. One of r counts as r of a success and 1 - r of a failure.
 * Agrawal & Goyal (2012) toss a coin with the probability r instead, which adds a second chance to every update and
 * leaves the same expectation. A reward within the range varies at most as much as a coin of the same mean, so that the
 * posterior is as wide as it should be, or wider.
 *
 * **The law.** Action a has the density f_a and the distribution function F_a of Beta(α_a, β_a), its prior plus what was
 * counted. Thompson sampling draws one number from each and takes the highest, which is action a with the probability
 * p_a = ∫ f_a Π_{b≠a} F_b. Here p is computed and the action drawn from it, with one uniform number, so that the
 * probability in the log is the one it was drawn with, to the last bit. What is approximate is how near p is to Thompson's
 * law: within 2e-6 for every action (`test/property/policy-family.test.ts` holds it against a fine grid, a closed form and
 * frequencies).
 *
 * It is computed on y = ln(x / (1 - x)), on which every density is smooth, log-concave and bounded, with its mode at
 * the mean: f(y) = c exp(s (μ δ - ln(1 + μ (exp δ - 1)))), δ = y - mode, μ = α / s, s = α + β. Each is cut where it has
 * fallen by exp(-27). Below the highest lower end no action can be the highest; from there Simpson's rule runs upward in
 * steps as short as the steepest density asks, F at once with p. It costs 8 µs or so for each action that contends.
 */
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from './exploration.js';
import {
  LEARNING_POLICY_DEFAULTS,
  LEARNING_POLICY_RULES,
  LearningPolicy,
  type LearningPolicyConfig,
  type ModelShape,
  refuseState,
  Work,
} from './learning-policy.js';
import { PolicyConfigError, type PolicyMemory } from './policy.js';
import { real, resolveSettings, type SettingRule } from './policy-settings.js';
import { PolicyKind } from './state-format.js';

/** Settings of `BetaBernoulli`, with the names that configuration files use. `reward_min` and `reward_max` are needed. */
export interface BetaBernoulliConfig extends LearningPolicyConfig {
  /** What all counts are multiplied by at each update: γ in (0, 1]; 1 forgets nothing. The prior does not fade. */
  discount: number;
  /** Successes that every action is taken to have had. */
  prior_success: number;
  /** Failures that every action is taken to have had. */
  prior_failure: number;
}

export const BETA_BERNOULLI_DEFAULTS: Readonly<BetaBernoulliConfig> = {
  ...LEARNING_POLICY_DEFAULTS,
  reward_min: 0,
  reward_max: 1,
  discount: 1,
  prior_success: 1,
  prior_failure: 1,
};

const RULES: { readonly [setting: string]: SettingRule } = {
  ...LEARNING_POLICY_RULES,
  discount: real(0, 1, true),
  // With less the densities on y have tails too long for the steps below.
  prior_success: real(0.25, 1e6),
  prior_failure: real(0.25, 1e6),
};

/** Adding 1 leaves larger counts as they are. */
const LARGEST_COUNT = 2 ** 53;
/** Exponent that a density has fallen by where it is cut. */
const CUT = 27;
const NEWTON_STEPS = 60;
/** Step at the mode of a density [its standard deviations there]; further out it grows as the density falls. */
const STEP_SCALE = 0.25;
/** No law takes as many for each action that contends: about 60 lead across a density. */
const MOST_STEPS = 1000;
/** From here on Stirling's series has 10 digits. */
const STIRLING_START = 10;

// Words of an action, for the law.
const MODE = 0;
/** μ or 1 - μ, whichever is smaller: near 1 it would have no digits left for the rest. */
const SHARE = 1;
/** 1 where that is μ, else -1: then successes are seen as failures and y from the other side. */
const SIDE = 2;
const TOTAL_COUNT = 3;
const LEFT = 4;
const RIGHT = 5;
/** Longest step that the density allows from where it was taken last. */
const STEP = 6;
/** c: the density at the mode. */
const SCALE = 7;
/** Density at the start, the middle and the end of a step. */
const DENSITY = 8;
/** Distribution function there. */
const BELOW = 11;
/** Density of being the highest, there. */
const HIGHEST = 14;
const ACTION_WORDS = 17;

// Words of the law itself, before those of the actions.
const POINT = 0;
const LAW_WORDS = 2;

/** See the file's head for the rule, `BetaBernoulliConfig` for the settings, `Policy` for the methods. */
export class BetaBernoulli extends LearningPolicy {
  readonly config: Readonly<BetaBernoulliConfig>;
  readonly #successes: Float64Array;
  readonly #failures: Float64Array;
  /** `LAW_WORDS`, then `ACTION_WORDS` of each action. */
  readonly #words: Float64Array;
  /** The law that was computed last, for the mask in `#mask`. */
  readonly #law: Float64Array;
  readonly #mask: Float64Array;
  /** Actions that can be the highest, from 0 on. */
  readonly #contenders: Float64Array;
  readonly #products: Float64Array;
  #stale = true;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  /** Discount, priors, start and length of the range of rewards. */
  readonly #rates: Float64Array;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<BetaBernoulliConfig> = {}): number {
    const resolved = resolve(config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved));
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<BetaBernoulliConfig> = {}, memory?: PolicyMemory) {
    const resolved = resolve(config);
    super(resolved, shapeOf(resolved), memory);
    this.config = resolved;
    const n = this.nActions;
    this.#successes = this.state.subarray(0, n);
    this.#failures = this.state.subarray(n);
    const actions = LAW_WORDS + ACTION_WORDS * n;
    this.#words = this.scratch.subarray(0, actions);
    this.#law = this.scratch.subarray(actions, actions + n);
    this.#mask = this.scratch.subarray(actions + n, actions + 2 * n);
    this.#contenders = this.scratch.subarray(actions + 2 * n, actions + 3 * n);
    this.#products = this.scratch.subarray(actions + 3 * n);
    const low = resolved.reward_min ?? 0;
    const high = resolved.reward_max ?? 1;
    this.#rates = Float64Array.of(resolved.discount, resolved.prior_success, resolved.prior_failure, low, high - low);
    this.clearModel();
  }

  protected clearModel(): void {
    this.state.fill(0);
    this.#stale = true;
  }

  protected evaluate(): void {
    const rates = this.#rates;
    for (let a = 0; a < this.nActions; a++) {
      const alpha = this.#successes[a] + rates[1];
      this.expected[a] = rates[3] + rates[4] * (alpha / (alpha + this.#failures[a] + rates[2]));
    }
  }

  /** The rest is all. */
  protected attribute(out: Float64Array): void {
    this.evaluate();
    for (let a = 0; a < this.nActions; a++) out[a] = this.expected[a];
  }

  protected predict(action: number): void {
    const rates = this.#rates;
    const alpha = this.#successes[action] + rates[1];
    this.work[Work.prediction] = rates[3] + rates[4] * (alpha / (alpha + this.#failures[action] + rates[2]));
  }

  protected learn(action: number): void {
    const rates = this.#rates;
    const work = this.work;
    if (rates[0] < 1) {
      for (let a = 0; a < this.nActions; a++) {
        this.#successes[a] *= rates[0];
        this.#failures[a] *= rates[0];
      }
    }
    const share = (work[Work.reward] - rates[3]) / rates[4];
    this.#successes[action] += work[Work.weight] * share;
    this.#failures[action] += work[Work.weight] * (1 - share);
    this.#stale = true;
  }

  /** Counts shrink toward the prior; their ratio stays. */
  protected forget(): void {
    const floor = this.work[Work.floor];
    for (let i = 0; i < this.state.length; i++) this.state[i] *= floor;
    this.#stale = true;
  }

  protected checkModel(state: Float64Array): void {
    for (let i = 0; i < state.length; i++) {
      if (!(state[i] >= 0 && state[i] <= LARGEST_COUNT)) refuseState(`count ${i} is ${state[i]}`);
    }
  }

  protected override restored(): void {
    this.#stale = true;
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.#fields;
    if (this.frozen) {
      fields[ExplorationField.epsilon] = 0;
      return distribute(this.expected, allowed, Exploration.epsilon, fields, out);
    }
    const mask = this.#mask;
    const law = this.#law;
    let count = 0;
    for (let a = 0; a < this.nActions; a++) {
      const flag = allowed !== null && allowed[a] === 0 ? 0 : 1;
      count += flag;
      if (mask[a] !== flag) {
        mask[a] = flag;
        this.#stale = true;
      }
    }
    if (count === 0) {
      for (let a = 0; a < this.nActions; a++) out[a] = 0;
      return 0;
    }
    if (this.#stale) {
      this.#computeLaw();
      this.#stale = false;
    }
    const epsilon = this.work[Work.epsilon];
    const uniform = epsilon / count;
    for (let a = 0; a < this.nActions; a++) out[a] = mask[a] === 0 ? 0 : uniform + (1 - epsilon) * law[a];
    return count;
  }

  /** Leaves in `#law` the probability of each action of `#mask`, one of them at least, to be the highest. */
  #computeLaw(): void {
    const words = this.#words;
    const law = this.#law;
    const mask = this.#mask;
    const contenders = this.#contenders;
    const n = this.nActions;

    let low = -Infinity;
    let high = -Infinity;
    for (let a = 0; a < n; a++) {
      law[a] = 0;
      if (mask[a] === 0) continue;
      const at = LAW_WORDS + ACTION_WORDS * a;
      this.#measure(a, at);
      if (words[at + LEFT] > low) low = words[at + LEFT];
      if (words[at + RIGHT] > high) high = words[at + RIGHT];
    }
    let count = 0;
    for (let a = 0; a < n; a++) {
      const at = LAW_WORDS + ACTION_WORDS * a;
      if (mask[a] === 0 || words[at + RIGHT] <= low) continue;
      this.#approach(at, low);
      contenders[count++] = a;
    }
    if (count === 1) {
      law[contenders[0]] = 1;
      return;
    }
    words[POINT] = low;
    this.#compareAt(count, 0);

    for (let left = MOST_STEPS * count; left > 0 && count > 0; left--) {
      const start = words[POINT];
      let step = high - start;
      for (let i = 0; i < count; i++) {
        const own = words[LAW_WORDS + ACTION_WORDS * contenders[i] + STEP];
        if (own < step) step = own;
      }
      words[POINT] = start + step / 2;
      this.#densities(count, 1);
      words[POINT] = start + step;
      this.#densities(count, 2);
      for (let i = 0; i < count; i++) this.#accumulate(LAW_WORDS + ACTION_WORDS * contenders[i], step);
      this.#compareAt(count, 1);
      this.#compareAt(count, 2);
      let kept = 0;
      for (let i = 0; i < count; i++) {
        const a = contenders[i];
        const at = LAW_WORDS + ACTION_WORDS * a;
        law[a] += (step / 6) * (words[at + HIGHEST] + 4 * words[at + HIGHEST + 1] + words[at + HIGHEST + 2]);
        words[at + DENSITY] = words[at + DENSITY + 2];
        words[at + BELOW] = words[at + BELOW + 2];
        words[at + HIGHEST] = words[at + HIGHEST + 2];
        // An action that is all below leaves the product as it is.
        if (words[at + RIGHT] > words[POINT]) contenders[kept++] = a;
      }
      count = kept;
    }
    let sum = 0;
    for (let a = 0; a < n; a++) sum += law[a];
    for (let a = 0; a < n; a++) law[a] /= sum;
  }

  /** Finds where an action's density lies, and its scale. */
  #measure(action: number, at: number): void {
    const words = this.#words;
    const alpha = this.#successes[action] + this.#rates[1];
    const beta = this.#failures[action] + this.#rates[2];
    words[at + MODE] = Math.log(alpha / beta);
    words[at + TOTAL_COUNT] = alpha + beta;
    words[at + SHARE] = Math.min(alpha, beta) / (alpha + beta);
    words[at + SIDE] = alpha <= beta ? 1 : -1;
    // ∫ exp(…) dy is the Beta function over its integrand at the mean, of which Stirling's formula leaves little.
    const remainder = stirlingRemainder(alpha) + stirlingRemainder(beta) - stirlingRemainder(alpha + beta);
    words[at + SCALE] = Math.sqrt((alpha / (alpha + beta)) * (beta / (2 * Math.PI))) * Math.exp(-remainder);
    const m = words[at + SHARE];
    const lower = Math.log1p(-m) / m - CUT / Math.min(alpha, beta);
    const upper = (CUT / Math.max(alpha, beta) - Math.log(m)) / (1 - m);
    words[at + LEFT] = alpha <= beta ? lower : -upper;
    words[at + RIGHT] = alpha <= beta ? upper : -lower;
    this.#pullIn(at, LEFT);
    this.#pullIn(at, RIGHT);
  }

  /**
   * Moves an end, given as its distance from the mode and further out than where the density has fallen by exp(-CUT), to
   * there or little further. Newton's method: the logarithm is concave, so that no step leads inside.
   */
  #pullIn(at: number, end: number): void {
    const words = this.#words;
    const m = words[at + SHARE];
    const s = words[at + TOTAL_COUNT];
    let t = words[at + end] * words[at + SIDE];
    for (let i = 0; i < NEWTON_STEPS; i++) {
      const grown = m * Math.expm1(t);
      const left = s * (Math.log1p(grown) - m * t) - CUT;
      if (left < 0.05 * CUT) break;
      t -= left / ((s * grown * (1 - m)) / (1 + grown));
    }
    words[at + end] = words[at + MODE] + t * words[at + SIDE];
  }

  /** Leaves an action's density at `POINT` in the given column, and the step it allows from there. */
  #densityInto(at: number, column: number): void {
    const words = this.#words;
    const m = words[at + SHARE];
    const s = words[at + TOTAL_COUNT];
    const t = (words[POINT] - words[at + MODE]) * words[at + SIDE];
    const grown = m * Math.expm1(t);
    const depth = s * (Math.log1p(grown) - m * t);
    words[at + DENSITY + column] = words[at + SCALE] * Math.exp(-depth);
    // Slope and curvature of the logarithm; where the density is exp(-depth) of its largest, its error counts as little.
    const slope = (s * grown * (1 - m)) / (1 + grown);
    const share = (m + grown) / (1 + grown);
    const ease = depth / 6;
    words[at + STEP] =
      (STEP_SCALE * (1 + ease + (ease * ease) / 2)) / Math.sqrt(s * share * (1 - share) + slope * slope);
  }

  /** All contenders' densities at `POINT`, the one of three points that `column` is. */
  #densities(count: number, column: number): void {
    for (let i = 0; i < count; i++) {
      this.#densityInto(LAW_WORDS + ACTION_WORDS * this.#contenders[i], column);
    }
  }

  /** The distribution function at the middle and the end of a step of this length, from the densities there. */
  #accumulate(at: number, step: number): void {
    const words = this.#words;
    const d0 = words[at + DENSITY];
    const d1 = words[at + DENSITY + 1];
    const d2 = words[at + DENSITY + 2];
    const start = words[at + BELOW];
    const end = Math.min(1, start + (step / 6) * (d0 + 4 * d1 + d2));
    words[at + BELOW + 2] = end;
    // The same parabola, integrated up to its middle.
    words[at + BELOW + 1] = Math.min(end, Math.max(start, start + (step / 24) * (5 * d0 + 8 * d1 - d2)));
  }

  /** Density and distribution function of an action at the point where the comparison starts. */
  #approach(at: number, low: number): void {
    const words = this.#words;
    words[POINT] = words[at + LEFT];
    this.#densityInto(at, 0);
    words[at + BELOW] = 0;
    for (let left = MOST_STEPS; left > 0 && words[POINT] < low; left--) {
      const start = words[POINT];
      const step = Math.min(words[at + STEP], low - start);
      words[POINT] = start + step / 2;
      this.#densityInto(at, 1);
      words[POINT] = start + step;
      this.#densityInto(at, 2);
      this.#accumulate(at, step);
      words[at + DENSITY] = words[at + DENSITY + 2];
      words[at + BELOW] = words[at + BELOW + 2];
    }
  }

  /** Each contender's density times the chance that all others are below, at one of the three points. */
  #compareAt(count: number, column: number): void {
    const words = this.#words;
    const contenders = this.#contenders;
    const products = this.#products;
    let product = 1;
    for (let i = 0; i < count; i++) {
      products[i] = product;
      product *= words[LAW_WORDS + ACTION_WORDS * contenders[i] + BELOW + column];
    }
    product = 1;
    for (let i = count - 1; i >= 0; i--) {
      const at = LAW_WORDS + ACTION_WORDS * contenders[i];
      words[at + HIGHEST + column] = words[at + DENSITY + column] * products[i] * product;
      product *= words[at + BELOW + column];
    }
  }
}

function resolve(config: Partial<BetaBernoulliConfig>): Readonly<BetaBernoulliConfig> {
  const resolved = resolveSettings(BETA_BERNOULLI_DEFAULTS, RULES, config);
  for (const name of ['reward_min', 'reward_max'] as const) {
    if (resolved[name] === null) {
      throw new PolicyConfigError(
        name,
        `${name} is null, allowed: a number: beta-bernoulli needs the range of rewards`,
      );
    }
  }
  return resolved;
}

/** lnΓ(x) less Stirling's x ln x - x - ln(x / 2π) / 2. @realtime safe */
function stirlingRemainder(x: number): number {
  let sum = 0;
  while (x < STIRLING_START) {
    sum += (x + 0.5) * Math.log1p(1 / x) - 1;
    x++;
  }
  const square = 1 / (x * x);
  return sum + (1 / 12 - square * (1 / 360 - square / 1260)) / x;
}

function shapeOf(config: BetaBernoulliConfig): ModelShape {
  return {
    name: 'beta-bernoulli',
    kind: PolicyKind.betaBernoulli,
    stateDoubles: 2 * config.n_actions,
    scratchDoubles: LAW_WORDS + (ACTION_WORDS + 4) * config.n_actions,
    // Counts are of successes, which the declared range decides.
    meaning: [config.reward_min ?? 0, config.reward_max ?? 1],
    contextFree: true,
  };
}
