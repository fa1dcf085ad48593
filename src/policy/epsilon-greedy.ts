/**
 * ε-greedy: the action of the highest value, or with the share `epsilon` any allowed one. The share is constant, or goes
 * from `epsilon` to `epsilon_final` over `epsilon_decay_steps` decisions, linearly or exponentially. Several actions of
 * the highest value share alike.
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { distribute, Exploration, ExplorationField } from './exploration.js';
import { Work } from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { PolicyKind } from './state-format.js';
import {
  VALUE_POLICY_DEFAULTS,
  VALUE_POLICY_RULES,
  ValuePolicy,
  type ValuePolicyConfig,
  type ValuePolicyKind,
} from './value-policy.js';

/** Settings of `EpsilonGreedy`, with the names that configuration files use. */
export type EpsilonGreedyConfig = ValuePolicyConfig;

export const EPSILON_GREEDY_DEFAULTS: Readonly<EpsilonGreedyConfig> = { ...VALUE_POLICY_DEFAULTS, epsilon: 0.1 };

const KIND: ValuePolicyKind<EpsilonGreedyConfig> = {
  name: 'epsilon-greedy',
  kind: PolicyKind.epsilonGreedy,
  defaults: EPSILON_GREEDY_DEFAULTS,
  rules: VALUE_POLICY_RULES,
  ownDoubles: 0,
};

/** See the file's head for the rule, `EpsilonGreedyConfig` for the settings, `Policy` for the methods. */
export class EpsilonGreedy extends ValuePolicy<EpsilonGreedyConfig> {
  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<EpsilonGreedyConfig> = {}): number {
    return ValuePolicy.valuePolicyBytes(config, KIND);
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<EpsilonGreedyConfig> = {}, memory?: PolicyMemory) {
    super(config, KIND, memory);
  }

  protected explore(allowed: Uint8Array | null, out: Float64Array): number {
    this.fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distribute(this.expected, allowed, Exploration.epsilon, this.fields, out);
  }
}
