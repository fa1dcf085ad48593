/**
 * SquareCB (Foster & Rakhlin 2020): inverse gap weighting (Abe & Long 1999) of what a regression expects. It is the
 * simplest exploration with an optimal bound on regret for any regression: the better the regression, the more it may
 * trust the best action, and γ says how much.
 *
 * Thread: the control thread, or any one thread at a time.
 *
 * | symbol | meaning |
 * |---|---|
 * | K | number of allowed actions |
 * | d_a | what the best allowed action is expected to earn beyond action a |
 * | B | `reward_max` - `reward_min`, or 1 where they are not declared |
 * | t | updates learned; see below |
 * | γ | `gamma_scale` t^`gamma_exponent` |
 *
 * An action that is not the best has the probability 1 / (K + γ d_a / B), the best has the rest; see `distributeByGap`.
 * The paper's bound is for rewards in [0, 1], therefore B. γ is Vowpal Wabbit's schedule, whose `gamma_scale` is 10 and
 * `gamma_exponent` 0.5: before the first update γ is 0 and every action as probable as any other.
 *
 * t counts updates and not decisions, since γ stands for what the regression knows; with rewards that come late the two
 * differ. When the regression forgets, so does t: a reset of the watch for drift keeps the share `drift_floor` of it, and
 * with a `discount` of the ridge t tends to 1 / (1 - `discount`) for each of the ridge's blocks, which is how many
 * examples it remembers.
 */
import { distributeByGap, ExplorationField } from './exploration.js';
import { refuseState, Work } from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { real } from './policy-settings.js';
import { PolicyKind } from './state-format.js';
import {
  VALUE_POLICY_DEFAULTS,
  VALUE_POLICY_RULES,
  ValuePolicy,
  type ValuePolicyConfig,
  type ValuePolicyKind,
} from './value-policy.js';

/** Settings of `SquareCb`, with the names that configuration files use. */
export interface SquareCbConfig extends ValuePolicyConfig {
  /** γ after the first update. */
  gamma_scale: number;
  /** Exponent of the updates in γ. */
  gamma_exponent: number;
}

export const SQUARE_CB_DEFAULTS: Readonly<SquareCbConfig> = {
  ...VALUE_POLICY_DEFAULTS,
  gamma_scale: 10,
  gamma_exponent: 0.5,
};

const RULES = {
  ...VALUE_POLICY_RULES,
  gamma_scale: real(0, 1e9),
  gamma_exponent: real(0, 2),
};

/** Word of `own`: updates that the regression remembers. */
const EVIDENCE = 0;
const KIND: ValuePolicyKind<SquareCbConfig> = {
  name: 'squarecb',
  kind: PolicyKind.squareCb,
  defaults: SQUARE_CB_DEFAULTS,
  rules: RULES,
  ownDoubles: 1,
};

/** Of γ, per unit of reward: beyond, an action a hair below the best is never drawn anyway. */
const LARGEST_SCALE = 1e30;

/** Adding 1 leaves it as it is. */
const MOST_UPDATES = 2 ** 53;

// Indexes into `#rates`.
const SCALE = 0;
const EXPONENT = 1;
const KEPT = 2;

/** See the file's head for the rule, `SquareCbConfig` for the settings, `Policy` for the methods. */
export class SquareCb extends ValuePolicy<SquareCbConfig> {
  /** `gamma_scale` / B, `gamma_exponent`, share of t that an update leaves. */
  readonly #rates: Float64Array;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<SquareCbConfig> = {}): number {
    return ValuePolicy.valuePolicyBytes(config, KIND);
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<SquareCbConfig> = {}, memory?: PolicyMemory) {
    super(config, KIND, memory);
    const settings = this.config;
    const { reward_min: low, reward_max: high } = settings;
    const range = low !== null && high !== null ? high - low : 1;
    // A block ages with its own updates.
    const aging = (1 - settings.discount) / (settings.arms === 'tied' ? 1 : settings.n_actions);
    this.#rates = Float64Array.of(
      // A range next to nothing must not make γ infinite: times a t of 0 it would be no number.
      Math.min(settings.gamma_scale / range, LARGEST_SCALE),
      settings.gamma_exponent,
      settings.regressor === 'ridge' ? 1 - aging : 1,
    );
  }

  /** γ / B of the next draw: weight of a gap, per unit of reward. @realtime safe */
  get gamma(): number {
    return this.#rates[SCALE] * this.own[EVIDENCE] ** this.#rates[EXPONENT];
  }

  protected explore(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.fields;
    fields[ExplorationField.gamma] = this.gamma;
    fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distributeByGap(this.expected, allowed, fields, out);
  }

  protected override learn(action: number): void {
    super.learn(action);
    this.own[EVIDENCE] = this.own[EVIDENCE] * this.#rates[KEPT] + 1;
  }

  protected override forget(): void {
    super.forget();
    this.own[EVIDENCE] *= this.work[Work.floor];
  }

  protected override checkOwn(own: Float64Array): void {
    if (!(own[EVIDENCE] >= 0 && own[EVIDENCE] <= MOST_UPDATES)) {
      refuseState(`its updates are ${own[EVIDENCE]}`);
    }
  }
}
