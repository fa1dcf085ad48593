/**
 * Linear Thompson sampling (Agrawal & Goyal 2013): every allowed action draws what it might earn from what is known of it,
 * and the highest draw is taken. The draw of an action is normal with
 *
 * ```
 *   mean xᵀθ and deviation v √(xᵀA⁻¹x),
 * ```
 *
 * or as `RidgeRegression` says for tied and hybrid arms, with v = `sampling_scale`. With disjoint arms that is the law of
 * drawing the weights of every action from their posterior, without a decomposition. With tied and hybrid arms, whose
 * actions share weights, it is not a sample of the joint posterior: each action's draw has the posterior's marginal law, but
 * draws are independent of each other, which explores more than one common draw of the weights would, and keeps the
 * probability of an action computable.
 *
 * **Probabilities.** With the share `epsilon` any allowed action is taken. The probability of the action drawn is
 * ε/n + (1 - ε) times that of having the highest draw, by quadrature with an absolute error of at most 1e-9
 * (`NormalMaximum`), for the chosen one always, for all on request. It is worked out when `lastProbability`,
 * `lastDistribution` or a state is first read after a `select`, from the numbers that `select` kept: drawing does not need
 * it, and costs a fraction of it.
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { distribute, EXPLORATION_FIELDS, Exploration } from './exploration.js';
import { LEARNING_POLICY_DEFAULTS, LEARNING_POLICY_RULES, Work } from './learning-policy.js';
import { NormalMaximum } from './normal-maximum.js';
import { NO_ACTION, type PolicyMemory } from './policy.js';
import { real, type SettingRule } from './policy-settings.js';
import { RidgePolicy, type RidgePolicyConfig, type RidgePolicyKind } from './ridge-policy.js';
import { RIDGE_DEFAULTS, RIDGE_RULES } from './ridge-regression.js';
import { PolicyKind } from './state-format.js';

/** Settings of `LinTs`, with the names that configuration files use. */
export interface LinTsConfig extends RidgePolicyConfig {
  /** v: deviation of a draw in those of the expectation for rewards with noise of variance 1. */
  sampling_scale: number;
}

export const LIN_TS_DEFAULTS: Readonly<LinTsConfig> = {
  ...LEARNING_POLICY_DEFAULTS,
  ...RIDGE_DEFAULTS,
  sampling_scale: 0.25,
};

const LIN_TS_RULES: { readonly [setting: string]: SettingRule } = {
  ...LEARNING_POLICY_RULES,
  ...RIDGE_RULES,
  sampling_scale: real(0, 1e6),
};

/** Arrays of the scratch that are as long as there are actions: deviations, and what the last `select` drew from. */
const ARRAYS = 4;

const KIND: RidgePolicyKind<LinTsConfig> = {
  name: 'lints',
  kind: PolicyKind.linTs,
  defaults: LIN_TS_DEFAULTS,
  rules: LIN_TS_RULES,
  scratchDoubles: (nActions) => ARRAYS * nActions + 1 + NormalMaximum.doubles(nActions),
};

/** See the file's head for the rule, `LinTsConfig` for the settings, `Policy` for the methods. */
export class LinTs extends RidgePolicy<LinTsConfig> {
  readonly #maximum: NormalMaximum;
  readonly #scale: Float64Array;
  /** Of the draws for the context under way. */
  readonly #deviations: Float64Array;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  // What the last `select` drew from.
  readonly #drawnMeans: Float64Array;
  readonly #drawnDeviations: Float64Array;
  readonly #drawnAllowed: Uint8Array;
  readonly #drawnEpsilon: Float64Array;
  /** The action whose probability has not been worked out yet. */
  #pending = NO_ACTION;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<LinTsConfig> = {}): number {
    return RidgePolicy.ridgePolicyBytes(config, KIND);
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<LinTsConfig> = {}, memory?: PolicyMemory) {
    super(config, KIND, memory);
    this.#scale = Float64Array.of(this.config.sampling_scale);
    const actions = this.nActions;
    let at = 0;
    const take = (count: number): Float64Array => {
      at += count;
      return this.own.subarray(at - count, at);
    };
    this.#deviations = take(actions);
    this.#drawnMeans = take(actions);
    this.#drawnDeviations = take(actions);
    const flags = take(actions);
    this.#drawnAllowed = new Uint8Array(flags.buffer, flags.byteOffset, actions);
    this.#drawnEpsilon = take(1);
    this.#maximum = new NormalMaximum(actions, take(NormalMaximum.doubles(actions)));
  }

  override get lastProbability(): number {
    this.#settle();
    return super.lastProbability;
  }

  override get lastDistribution(): Float64Array {
    this.#settle();
    return this.shares;
  }

  override exportInto(out: Uint8Array): number {
    this.#settle();
    return super.exportInto(out);
  }

  protected override clearModel(): void {
    this.#pending = NO_ACTION;
    super.clearModel();
  }

  protected evaluate(): void {
    if (this.frozen) {
      this.model.evaluate(this.x, this.expected);
      return;
    }
    const deviations = this.#deviations;
    const scale = this.#scale[0];
    this.model.evaluateWithVariance(this.x, this.expected, deviations);
    for (let a = 0; a < deviations.length; a++) deviations[a] = scale * Math.sqrt(deviations[a]);
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    // Frozen there is no uniform share: `#fields` stay 0.
    if (this.frozen) return distribute(this.expected, allowed, Exploration.epsilon, this.#fields, out);
    const count = this.#maximum.probabilities(this.expected, this.#deviations, allowed, out);
    mix(allowed, count, this.work, Work.epsilon, out);
    return count;
  }

  protected override draw(allowed: Uint8Array | null): number {
    this.#pending = NO_ACTION;
    if (this.frozen) return super.draw(allowed);
    const action = this.#draw(allowed);
    if (action === NO_ACTION) {
      this.shares.fill(0);
      return NO_ACTION;
    }
    const actions = this.nActions;
    for (let a = 0; a < actions; a++) {
      this.#drawnMeans[a] = this.expected[a];
      this.#drawnDeviations[a] = this.#deviations[a];
      this.#drawnAllowed[a] = allowed === null ? 1 : allowed[a];
    }
    this.#drawnEpsilon[0] = this.work[Work.epsilon];
    this.#pending = action;
    return action;
  }

  protected override restored(): void {
    this.#pending = NO_ACTION;
    super.restored();
  }

  #draw(allowed: Uint8Array | null): number {
    const actions = this.nActions;
    let count = 0;
    for (let a = 0; a < actions; a++) if (allowed === null || allowed[a] !== 0) count++;
    if (count === 0) return NO_ACTION;
    const epsilon = this.work[Work.epsilon];
    if (!(epsilon > 0 && this.prng.nextFloat() < epsilon)) {
      return this.#maximum.draw(this.expected, this.#deviations, allowed, this.prng);
    }
    let rest = this.prng.nextBelow(count);
    let action = NO_ACTION;
    for (let a = 0; a < actions && rest >= 0; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      action = a;
      rest--;
    }
    return action;
  }

  /** Works out what the last `select` drew from. */
  #settle(): void {
    const action = this.#pending;
    if (action === NO_ACTION) return;
    this.#pending = NO_ACTION;
    const allowed = this.#drawnAllowed;
    const count = this.#maximum.probabilities(this.#drawnMeans, this.#drawnDeviations, allowed, this.shares);
    mix(allowed, count, this.#drawnEpsilon, 0, this.shares);
    this.takeProbability(action);
  }
}

/** Mixes the share in `numbers[index]`, uniform over the `count` allowed actions, into a distribution. */
function mix(
  allowed: Uint8Array | null,
  count: number,
  numbers: Float64Array,
  index: number,
  shares: Float64Array,
): void {
  const epsilon = numbers[index];
  if (epsilon === 0) return;
  const uniform = epsilon / count;
  for (let a = 0; a < shares.length; a++) {
    if (allowed === null || allowed[a] !== 0) shares[a] = uniform + (1 - epsilon) * shares[a];
  }
}
