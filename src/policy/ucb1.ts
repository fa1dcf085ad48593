/**
 * UCB1 (Auer, Cesa-Bianchi & Fischer 2002): the action whose mean reward could be the highest, for choices that depend
 * on nothing but what they earned before. With `discount` below 1 it is D-UCB (Garivier & Moulines 2011), whose counts
 * and means fade, for rewards that change.
 *
 * Thread: the control thread, or any one thread at a time. `select` and `update` take time in proportion to `n_actions`.
 * Contexts are checked and not used.
 *
 * | symbol | meaning |
 * |---|---|
 * | N_a | times that action a was learned, each older one weighted by γ less |
 * | n | Σ N_a |
 * | m_a | mean of its rewards, weighted alike |
 * | B | `reward_max` - `reward_min`, or 1 where they are not declared |
 *
 * The index is m_a + `confidence` B √(2 ln n / N_a); an action never learned comes before all others, and several of one
 * index are drawn from alike. With `epsilon` 0 there is nothing else random: the probability of an action is then 1 or
 * one of few fractions, and what was logged says little of the actions not taken. Where decisions are to be evaluated
 * afterwards, keep `epsilon` above 0.
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
import { type PolicyMemory, VALUE_LIMIT } from './policy.js';
import { real, resolveSettings, type SettingRule } from './policy-settings.js';
import { PolicyKind } from './state-format.js';

/** Settings of `Ucb1`, with the names that configuration files use. */
export interface Ucb1Config extends LearningPolicyConfig {
  /** What all counts are multiplied by at each update: γ in (0, 1]; 1 forgets nothing. */
  discount: number;
  /** Multiplies the width of the confidence bound; 1 is the papers'. */
  confidence: number;
}

export const UCB1_DEFAULTS: Readonly<Ucb1Config> = { ...LEARNING_POLICY_DEFAULTS, discount: 1, confidence: 1 };

const RULES: { readonly [setting: string]: SettingRule } = {
  ...LEARNING_POLICY_RULES,
  discount: real(0, 1, true),
  confidence: real(0, 1e6),
};

/** Counts below have faded away: the action counts as never learned. */
const SMALLEST_COUNT = 1e-9;
/** Adding 1 leaves larger counts as they are. */
const LARGEST_COUNT = 2 ** 53;

/** See the file's head for the rule, `Ucb1Config` for the settings, `Policy` for the methods. */
export class Ucb1 extends LearningPolicy {
  readonly config: Readonly<Ucb1Config>;
  readonly #counts: Float64Array;
  readonly #means: Float64Array;
  readonly #indexes: Float64Array;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  /** Discount, and B √2 `confidence`. */
  readonly #rates: Float64Array;

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<Ucb1Config> = {}): number {
    const resolved = resolveSettings(UCB1_DEFAULTS, RULES, config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved));
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<Ucb1Config> = {}, memory?: PolicyMemory) {
    const resolved = resolveSettings(UCB1_DEFAULTS, RULES, config);
    super(resolved, shapeOf(resolved), memory);
    this.config = resolved;
    this.#counts = this.state.subarray(0, this.nActions);
    this.#means = this.state.subarray(this.nActions);
    this.#indexes = this.scratch;
    const { reward_min: low, reward_max: high } = resolved;
    const range = low !== null && high !== null ? high - low : 1;
    this.#rates = Float64Array.of(resolved.discount, range * Math.SQRT2 * resolved.confidence);
    this.clearModel();
  }

  protected clearModel(): void {
    this.state.fill(0);
  }

  protected evaluate(): void {
    for (let a = 0; a < this.nActions; a++) this.expected[a] = this.#means[a];
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.#fields;
    if (this.frozen) {
      fields[ExplorationField.epsilon] = 0;
      return distribute(this.expected, allowed, Exploration.epsilon, fields, out);
    }
    const counts = this.#counts;
    const indexes = this.#indexes;
    let total = 0;
    for (let a = 0; a < this.nActions; a++) total += counts[a];
    // Faded counts may sum to less than 1, where the logarithm is below 0.
    const width = total > 1 ? this.#rates[1] * Math.sqrt(Math.log(total)) : 0;
    for (let a = 0; a < this.nActions; a++) {
      indexes[a] = counts[a] < SMALLEST_COUNT ? Infinity : this.#means[a] + width / Math.sqrt(counts[a]);
    }
    fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distribute(indexes, allowed, Exploration.epsilon, fields, out);
  }

  /** The rest is all. */
  protected attribute(out: Float64Array): void {
    this.evaluate();
    for (let a = 0; a < this.nActions; a++) out[a] = this.expected[a];
  }

  protected predict(action: number): void {
    this.work[Work.prediction] = this.#means[action];
  }

  protected learn(action: number): void {
    const counts = this.#counts;
    const discount = this.#rates[0];
    if (discount < 1) for (let a = 0; a < this.nActions; a++) counts[a] *= discount;
    counts[action] += this.work[Work.weight];
    const mean =
      this.#means[action] + (this.work[Work.reward] - this.#means[action]) * (this.work[Work.weight] / counts[action]);
    // Rounding may carry a mean of rewards next to the limit a hair beyond it, where no state may be.
    this.#means[action] = mean > VALUE_LIMIT ? VALUE_LIMIT : mean < -VALUE_LIMIT ? -VALUE_LIMIT : mean;
  }

  /** Counts shrink, so that bounds widen and new rewards weigh more; means stay. */
  protected forget(): void {
    const floor = this.work[Work.floor];
    for (let a = 0; a < this.nActions; a++) this.#counts[a] *= floor;
  }

  protected checkModel(state: Float64Array): void {
    for (let a = 0; a < this.nActions; a++) {
      const count = state[a];
      const mean = state[this.nActions + a];
      if (!(count >= 0 && count <= LARGEST_COUNT)) refuseState(`count of action ${a} is ${count}`);
      if (!(Math.abs(mean) <= VALUE_LIMIT)) refuseState(`mean of action ${a} is ${mean}`);
    }
  }
}

function shapeOf(config: Ucb1Config): ModelShape {
  return {
    name: 'ucb1',
    kind: PolicyKind.ucb1,
    stateDoubles: 2 * config.n_actions,
    scratchDoubles: config.n_actions,
    // Counts and means are what they are, whatever the discount they go on with.
    meaning: [],
    contextFree: true,
  };
}
