/**
 * RegCB (Foster, Agarwal, Dudík, Luo & Schapire 2018, "Practical contextual bandits with regression oracles"): from a
 * regression of the reward, an upper and a lower bound on what each action could earn, as a regression that explains the
 * past almost as well might see it. `optimistic` draws the action with the highest upper bound; `elimination` any action,
 * each alike, whose upper bound is not below another's lower one.
 *
 * Thread: the control thread, or any one thread at a time. A bound costs about as much as an update of its action.
 *
 * | symbol | meaning |
 * |---|---|
 * | p | what the regression expects of the action, on the scale where the rewards' range is [0, 1] |
 * | f | how far p is from the end of the scale toward which the bound is sought, plus 1 |
 * | s | sensitivity: change of p per unit of importance weight and step, `GdRegression.sensitivity` at a residual of f |
 * | c₀ | `mellowness` |
 * | t | examples learned |
 *
 * The bound is p + s w toward an example at distance f, w being the largest importance weight of such an example that
 * would lower the loss by no more than what noise may explain: w (f² - (f - s w)²) ≤ δ, with δ = c₀ ln(n_actions t), and
 * w ≤ f / s, where the example is met (Krishnamurthy et al. 2017, "Active learning for cost-sensitive classification",
 * section 7.1). With u = s w / f that is u² (2 - u) = δ s / f³ for u in [0, 1], a cubic with a closed solution, so the
 * bound is p + f u, where Vowpal Wabbit's `--regcb` finds w by 20 steps of bisection. It is then limited to the scale, as
 * there. The rest is as there too (`--regcbopt` is `optimistic`, `--mellowness` c₀ and its 0.1, `--cb_min_cost 0` and
 * `--cb_max_cost 1` the range), costs being the negatives of rewards, except:
 * - Rewards are brought to [0, 1] before they are learned, so that all goes on as it would if they were given so. VW takes
 *   δ times the square of the range and leaves residuals and sensitivities as they are, so there c₀ means something else
 *   for every range.
 * - Where an end of the range is null, rewards are taken as they are, the bound toward that end is not limited, and f is 1.
 * - t is 1 before the first example, where VW's logarithm of 0 leaves no confidence at all.
 * - ln of `n_actions` whatever the mask allows: bounds do not depend on it.
 * - ε of the draws is uniform over the allowed actions; VW has none here.
 */
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from './exploration.js';
import {
  GD_DEFAULTS,
  GD_RULES,
  GD_WORK_END,
  type GdLayout,
  GdRegression,
  type GdSettings,
  GdWork,
  gdLayout,
  gdMeaning,
} from './gd-regression.js';
import {
  LEARNING_POLICY_DEFAULTS,
  LEARNING_POLICY_RULES,
  LearningPolicy,
  type LearningPolicyConfig,
  type ModelShape,
  Work,
} from './learning-policy.js';
import { checkLength, type PolicyMemory, type PolicyStats } from './policy.js';
import { real, resolveSettings } from './policy-settings.js';
import { PolicyKind } from './state-format.js';

/** Settings of `RegCb`, with the names that configuration files use. */
export interface RegCbConfig extends LearningPolicyConfig, GdSettings {
  regcb_mode: 'optimistic' | 'elimination';
  /** c₀: how much worse than the regression another may explain the past and still count. */
  mellowness: number;
}

/** The range is [0, 1] unless it is said: bounds need one. */
export const REG_CB_DEFAULTS: Readonly<RegCbConfig> = {
  ...LEARNING_POLICY_DEFAULTS,
  ...GD_DEFAULTS,
  reward_min: 0,
  reward_max: 1,
  regcb_mode: 'optimistic',
  mellowness: 0.1,
};

const RULES = {
  ...LEARNING_POLICY_RULES,
  ...GD_RULES,
  regcb_mode: ['optimistic', 'elimination'],
  mellowness: real(0, 1e9),
};

// Indexes into `work`, after those of the regression.
/** δ. */
const WORK_CONFIDENCE = GD_WORK_END;
/** f. */
const WORK_DISTANCE = GD_WORK_END + 1;
/** f u. */
const WORK_WIDTH = GD_WORK_END + 2;

// Indexes into `#scale`.
const ORIGIN = 0;
const RANGE = 1;
/** Ends of the scale on which rewards are learned; infinite where there is none. */
const LOWEST = 2;
const HIGHEST = 3;

function resolve(config: Partial<RegCbConfig>): Readonly<RegCbConfig> {
  return resolveSettings(REG_CB_DEFAULTS, RULES, config);
}

function shapeOf(config: RegCbConfig, layout: GdLayout): ModelShape {
  return {
    name: 'regcb',
    kind: PolicyKind.regCb,
    stateDoubles: GdRegression.stateDoubles(config, layout),
    scratchDoubles: GdRegression.scratchDoubles(config, layout) + 3 * config.n_actions,
    // Weights are on the scale of the range.
    meaning: [...gdMeaning(config), String(config.reward_min), String(config.reward_max)],
  };
}

/**
 * The share u of the way to an example at distance f that w u² (2 - u) = κ, κ = δ s / f³, allows; 1 where κ is 1 or more.
 * The middle one of the three roots of u³ - 2 u² + κ by Viète's formula, written as a sum of terms that are not
 * negative, so that small ones keep their digits.
 *
 * @realtime safe
 */
export function confidenceShare(kappa: number): number {
  if (!(kappa < 1)) return 1;
  if (!(kappa > 0)) return 0;
  const third = (2 / 3) * Math.asin(Math.sqrt((27 / 32) * kappa));
  const half = Math.sin(third / 2);
  return (4 / 3) * half * half + (2 / Math.sqrt(3)) * Math.sin(third);
}

/** See the file's head for the rule, `RegCbConfig` for the settings, `Policy` for the methods. */
export class RegCb extends LearningPolicy {
  readonly config: Readonly<RegCbConfig>;
  readonly #model: GdRegression;
  /** What is expected, on the scale on which rewards are learned. */
  readonly #predictions: Float64Array;
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;
  /** See `ORIGIN` and what follows it. */
  readonly #scale: Float64Array;
  readonly #mellowness: Float64Array;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  readonly #optimistic: boolean;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<RegCbConfig> = {}): number {
    const resolved = resolve(config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved, gdLayout(resolved)));
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<RegCbConfig> = {}, memory?: PolicyMemory) {
    const resolved = resolve(config);
    const layout = gdLayout(resolved);
    super(resolved, shapeOf(resolved, layout), memory);
    this.config = resolved;
    this.#optimistic = resolved.regcb_mode === 'optimistic';
    const { reward_min: low, reward_max: high } = resolved;
    const bounded = low !== null && high !== null;
    const origin = bounded ? low : 0;
    const range = bounded ? high - low : 1;
    this.#scale = Float64Array.of(
      origin,
      range,
      low === null ? -Infinity : (low - origin) / range,
      high === null ? Infinity : (high - origin) / range,
    );
    this.#mellowness = Float64Array.of(resolved.mellowness);
    const nActions = this.nActions;
    const at = GdRegression.scratchDoubles(resolved, layout);
    this.#model = new GdRegression(resolved, this.state, this.scratch.subarray(0, at), layout);
    this.#predictions = this.scratch.subarray(at, at + nActions);
    this.#upper = this.scratch.subarray(at + nActions, at + nActions * 2);
    this.#lower = this.scratch.subarray(at + nActions * 2, at + nActions * 3);
    this.clearModel();
  }

  /** Step size η; a schedule may set it between decisions. Not part of the state. @realtime safe */
  get learningRate(): number {
    return this.#model.learningRate;
  }

  set learningRate(rate: number) {
    this.#model.learningRate = rate;
  }

  override stats(): PolicyStats {
    return { ...super.stats(), learningRate: this.learningRate };
  }

  /**
   * The bounds on what each action could earn, in units of reward.
   *
   * @param lower `nActions` numbers
   * @param upper `nActions` numbers
   * @throws PolicyInputError
   * @realtime safe
   */
  confidenceBounds(context: Float64Array, lower: Float64Array, upper: Float64Array): void {
    checkLength('output_length', 'upper', upper.length, this.nActions);
    this.values(context, lower);
    this.#boundUpper();
    this.#boundLower();
    const origin = this.#scale[ORIGIN];
    const range = this.#scale[RANGE];
    for (let a = 0; a < lower.length; a++) {
      lower[a] = origin + range * this.#lower[a];
      upper[a] = origin + range * this.#upper[a];
    }
  }

  protected clearModel(): void {
    this.#model.clear();
  }

  protected evaluate(): void {
    const predictions = this.#predictions;
    const expected = this.expected;
    const origin = this.#scale[ORIGIN];
    const range = this.#scale[RANGE];
    this.#model.evaluate(this.x, predictions);
    for (let a = 0; a < expected.length; a++) expected[a] = origin + range * predictions[a];
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.#fields;
    if (this.frozen) {
      fields[ExplorationField.epsilon] = 0;
      return distribute(this.expected, allowed, Exploration.epsilon, fields, out);
    }
    this.#boundUpper();
    const upper = this.#upper;
    if (this.#optimistic) {
      fields[ExplorationField.epsilon] = this.work[Work.epsilon];
      return distribute(upper, allowed, Exploration.epsilon, fields, out);
    }
    this.#boundLower();
    const lower = this.#lower;
    const nActions = out.length;
    let candidates = 0;
    let surest = -Infinity;
    for (let a = 0; a < nActions; a++) {
      out[a] = 0;
      if (allowed !== null && allowed[a] === 0) continue;
      candidates++;
      if (lower[a] > surest) surest = lower[a];
    }
    if (candidates === 0) return 0;
    let left = 0;
    for (let a = 0; a < nActions; a++) {
      if (upper[a] >= surest && (allowed === null || allowed[a] !== 0)) left++;
    }
    const epsilon = this.work[Work.epsilon];
    const uniform = epsilon / candidates;
    const share = (1 - epsilon) / left;
    for (let a = 0; a < nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      out[a] = upper[a] >= surest ? uniform + share : uniform;
    }
    return epsilon > 0 ? candidates : left;
  }

  protected attribute(out: Float64Array): void {
    const origin = this.#scale[ORIGIN];
    const range = this.#scale[RANGE];
    const row = this.explainedDim;
    this.#model.explain(this.x, out);
    for (let i = 0; i < out.length; i++) out[i] *= range;
    for (let rest = row - 1; rest < out.length; rest += row) out[rest] += origin;
  }

  protected predict(action: number): void {
    const work = this.work;
    this.#model.predict(this.x, action, work);
    this.#predictions[action] = work[Work.prediction];
    work[Work.prediction] = this.#scale[ORIGIN] + this.#scale[RANGE] * work[Work.prediction];
  }

  protected learn(action: number): void {
    const work = this.work;
    work[Work.reward] = (work[Work.reward] - this.#scale[ORIGIN]) / this.#scale[RANGE];
    work[Work.prediction] = this.#predictions[action];
    this.#model.learn(this.x, action, work);
  }

  protected forget(): void {
    this.#model.forget(this.work);
  }

  protected checkModel(state: Float64Array): void {
    this.#model.check(state);
  }

  /** Leaves δ in `work`. */
  #confide(): void {
    const examples = this.updates;
    this.work[WORK_CONFIDENCE] = this.#mellowness[0] * Math.log(this.nActions * (examples > 1 ? examples : 1));
  }

  /** Leaves f u for `action` at the distance in `work`. */
  #widen(action: number): void {
    const work = this.work;
    const distance = work[WORK_DISTANCE];
    work[GdWork.gradient] = 4 * distance * distance;
    this.#model.sensitivity(action, work);
    const kappa = (work[WORK_CONFIDENCE] * work[GdWork.sensitivity]) / (distance * distance * distance);
    work[WORK_WIDTH] = distance * confidenceShare(kappa);
  }

  #boundUpper(): void {
    const work = this.work;
    const predictions = this.#predictions;
    const upper = this.#upper;
    const highest = this.#scale[HIGHEST];
    const lowest = this.#scale[LOWEST];
    const open = highest === Infinity;
    this.#confide();
    for (let a = 0; a < upper.length; a++) {
      const prediction = predictions[a];
      if (prediction > highest) {
        upper[a] = highest;
        continue;
      }
      work[WORK_DISTANCE] = open ? 1 : highest - prediction + 1;
      this.#widen(a);
      const bound = prediction + work[WORK_WIDTH];
      upper[a] = bound > highest ? highest : bound < lowest ? lowest : bound;
    }
  }

  #boundLower(): void {
    const work = this.work;
    const predictions = this.#predictions;
    const lower = this.#lower;
    const highest = this.#scale[HIGHEST];
    const lowest = this.#scale[LOWEST];
    const open = lowest === -Infinity;
    this.#confide();
    for (let a = 0; a < lower.length; a++) {
      const prediction = predictions[a];
      if (prediction < lowest) {
        lower[a] = lowest;
        continue;
      }
      work[WORK_DISTANCE] = open ? 1 : prediction - lowest + 1;
      this.#widen(a);
      const bound = prediction - work[WORK_WIDTH];
      lower[a] = bound < lowest ? lowest : bound > highest ? highest : bound;
    }
  }
}
