/**
 * LinUCB (Li, Chu, Langford & Schapire 2010): the action whose expected reward could most plausibly be the highest. The
 * score of an action is what ridge regression expects of it plus α times the deviation of that expectation,
 *
 * ```
 *   xᵀθ + α √(xᵀA⁻¹x),
 * ```
 *
 * or as `RidgeRegression` says for tied and hybrid arms. The action with the highest score is taken, or with the share
 * `epsilon` any allowed one; equal scores share alike. Without `epsilon` the probabilities logged are 1 but for ties, which
 * leaves nothing for an evaluation of other policies to go by.
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from './exploration.js';
import { LEARNING_POLICY_DEFAULTS, LEARNING_POLICY_RULES, Work } from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { real, type SettingRule } from './policy-settings.js';
import { RidgePolicy, type RidgePolicyConfig, type RidgePolicyKind } from './ridge-policy.js';
import { RIDGE_DEFAULTS, RIDGE_RULES } from './ridge-regression.js';
import { PolicyKind } from './state-format.js';

/** Settings of `LinUcb`, with the names that configuration files use. */
export interface LinUcbConfig extends RidgePolicyConfig {
  /** α: deviations of its expectation that an action is credited with. */
  alpha: number;
}

export const LIN_UCB_DEFAULTS: Readonly<LinUcbConfig> = { ...LEARNING_POLICY_DEFAULTS, ...RIDGE_DEFAULTS, alpha: 1 };

const LIN_UCB_RULES: { readonly [setting: string]: SettingRule } = {
  ...LEARNING_POLICY_RULES,
  ...RIDGE_RULES,
  alpha: real(0, 1e6),
};

const KIND: RidgePolicyKind<LinUcbConfig> = {
  name: 'linucb',
  kind: PolicyKind.linUcb,
  defaults: LIN_UCB_DEFAULTS,
  rules: LIN_UCB_RULES,
  scratchDoubles: (nActions) => nActions,
};

/** See the file's head for the rule, `LinUcbConfig` for the settings, `Policy` for the methods. */
export class LinUcb extends RidgePolicy<LinUcbConfig> {
  /** Of the context under way. */
  readonly #scores: Float64Array;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  readonly #alpha: Float64Array;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<LinUcbConfig> = {}): number {
    return RidgePolicy.ridgePolicyBytes(config, KIND);
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<LinUcbConfig> = {}, memory?: PolicyMemory) {
    super(config, KIND, memory);
    this.#alpha = Float64Array.of(this.config.alpha);
    this.#scores = this.own;
  }

  /**
   * The score of every action.
   *
   * @param out `nActions` numbers
   * @throws PolicyInputError
   * @realtime safe
   */
  scores(context: Float64Array, out: Float64Array): void {
    this.values(context, out);
    for (let a = 0; a < out.length; a++) out[a] = this.#scores[a];
  }

  protected evaluate(): void {
    const scores = this.#scores;
    const expected = this.expected;
    const alpha = this.#alpha[0];
    this.model.evaluateWithVariance(this.x, expected, scores);
    for (let a = 0; a < scores.length; a++) scores[a] = expected[a] + alpha * Math.sqrt(scores[a]);
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const scores = this.frozen ? this.expected : this.#scores;
    this.#fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distribute(scores, allowed, Exploration.epsilon, this.#fields, out);
  }
}
