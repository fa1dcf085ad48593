/**
 * Softmax, or Boltzmann exploration: actions in proportion to exp(value / τ), mixed with the share `epsilon` of the
 * uniform distribution. The temperature is constant, or goes from `tau` to `tau_final` over `tau_decay_steps` decisions.
 * It never explores by what is known of an action, only by what is expected of it: a τ that does not suit the gaps
 * between values draws nearly at random, or never looks again (Cesa-Bianchi et al. 2017).
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { distribute, Exploration, ExplorationField } from './exploration.js';
import { Work } from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { integer, real } from './policy-settings.js';
import { PolicyKind } from './state-format.js';
import {
  VALUE_POLICY_DEFAULTS,
  VALUE_POLICY_RULES,
  ValuePolicy,
  type ValuePolicyConfig,
  type ValuePolicyKind,
} from './value-policy.js';

/** Settings of `Softmax`, with the names that configuration files use. */
export interface SoftmaxConfig extends ValuePolicyConfig {
  /** Temperature τ, in units of reward; the first where it decays. */
  tau: number;
  /** Where it ends after `tau_decay_steps` decisions. */
  tau_final: number;
  tau_decay: 'linear' | 'exponential';
  /** Decisions over which it goes from `tau` to `tau_final`; 0 keeps it constant. A reset by drift starts it again. */
  tau_decay_steps: number;
}

export const SOFTMAX_DEFAULTS: Readonly<SoftmaxConfig> = {
  ...VALUE_POLICY_DEFAULTS,
  tau: 0.1,
  tau_final: 0.01,
  tau_decay: 'exponential',
  tau_decay_steps: 0,
};

const RULES = {
  ...VALUE_POLICY_RULES,
  tau: real(0, 1e9, true),
  tau_final: real(0, 1e9, true),
  tau_decay: ['linear', 'exponential'],
  tau_decay_steps: integer(0, Number.MAX_SAFE_INTEGER),
};

const KIND: ValuePolicyKind<SoftmaxConfig> = {
  name: 'softmax',
  kind: PolicyKind.softmax,
  defaults: SOFTMAX_DEFAULTS,
  rules: RULES,
  ownDoubles: 0,
};

/** See the file's head for the rule, `SoftmaxConfig` for the settings, `Policy` for the methods. */
export class Softmax extends ValuePolicy<SoftmaxConfig> {
  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<SoftmaxConfig> = {}): number {
    return ValuePolicy.valuePolicyBytes(config, KIND);
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<SoftmaxConfig> = {}, memory?: PolicyMemory) {
    super(config, KIND, memory);
  }

  /** Temperature of the next draw, in units of reward. @realtime safe */
  get tau(): number {
    const config = this.config;
    const steps = config.tau_decay_steps;
    if (steps === 0) return config.tau;
    const share = this.decisionsOfSchedule / steps;
    if (share >= 1) return config.tau_final;
    return config.tau_decay === 'linear'
      ? config.tau + (config.tau_final - config.tau) * share
      : config.tau * (config.tau_final / config.tau) ** share;
  }

  protected explore(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.fields;
    fields[ExplorationField.tau] = this.tau;
    fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distribute(this.expected, allowed, Exploration.boltzmann, fields, out);
  }
}
