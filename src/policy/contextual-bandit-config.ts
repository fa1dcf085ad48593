import { PolicyConfigError } from './policy.js';
import { checkFeatureNames, integer, real, resolveSettings, type SettingRule } from './policy-settings.js';

export type ExplorationStrategy = 'epsilon' | 'softmax' | 'boltzmann';

/**
 * Settings of `ContextualBandit`, with the names that configuration files use. `DEFAULT_BANDIT_CONFIG` has the
 * defaults, `resolveBanditConfig` the ranges.
 */
export interface ContextualBanditConfig {
  /** Actions to choose from. */
  n_actions: number;
  /** Features in a context. */
  context_dim: number;
  /** Step size η. */
  learning_rate: number;
  /** Exponent of the gradient accumulator while `adaptive`, of the rate's decay over time when not. */
  power_t: number;
  /** Examples of unit gradient taken as already seen: the start of accumulators, normaliser and time. */
  initial_t: number;
  /**
   * `epsilon`: the best action; `softmax`: by exp(value); `boltzmann`: by exp(value / `boltzmann_tau`). Each is mixed
   * with a share ε of the uniform distribution over the allowed actions.
   */
  exploration_strategy: ExplorationStrategy;
  /** Share ε of uniform exploration; the first of it where it decays. */
  epsilon: number;
  /** Where ε ends after `epsilon_decay_steps` decisions. */
  epsilon_final: number;
  /** Decisions over which ε goes linearly from `epsilon` to `epsilon_final`; 0 keeps it constant. */
  epsilon_decay_steps: number;
  /** Temperature τ, in units of reward. */
  boltzmann_tau: number;
  l2_regularization: number;
  l1_regularization: number;
  /** The weight table has 2^bits slots. */
  bits: number;
  /** Where checkpoints are kept. Not used by the bandit itself. */
  model_dir: string;
  /** Episodes from one checkpoint to the next. Not used by the bandit itself. */
  save_frequency: number;
  /** Seed of the policy's own generator. */
  random_seed: number;
  /** AdaGrad: a rate for each weight. */
  adaptive: boolean;
  /** Rates do not depend on the features' scales. */
  normalized: boolean;
  /** Importance-aware steps, which never overshoot the reward. */
  invariant: boolean;
  /**
   * How a decision's probability weighs its update. `dm`, the direct method, weighs each the same: with a regressor of
   * its own for every action it needs no correction where the regressor can fit, and its variance does not grow when an
   * action becomes rare. `mtr`, importance weighted regression, weighs by 1 / probability, at most `importance_cap`: it
   * fits each action over all contexts instead of those where the policy tends to choose it, for more variance. `dm` is
   * the default because a robot's controller learns from one short stream, where a rare draw weighted twentyfold is a
   * lurch.
   */
  cb_type: 'dm' | 'mtr';
  importance_cap: number;
  /** A name for each feature; null names them f0, f1, …. A weight's slot follows from its name, not its position. */
  feature_names: readonly string[] | null;
}

export const DEFAULT_BANDIT_CONFIG: Readonly<ContextualBanditConfig> = {
  n_actions: 8,
  context_dim: 24,
  learning_rate: 0.1,
  power_t: 0.5,
  initial_t: 1.0,
  exploration_strategy: 'softmax',
  epsilon: 0.1,
  epsilon_final: 0,
  epsilon_decay_steps: 0,
  boltzmann_tau: 1.0,
  l2_regularization: 1e-5,
  l1_regularization: 0,
  bits: 18,
  model_dir: 'models',
  save_frequency: 100,
  random_seed: 42,
  adaptive: true,
  normalized: true,
  invariant: true,
  cb_type: 'dm',
  importance_cap: 20,
  feature_names: null,
};

/** What differs from the defaults in each preset. */
export const BANDIT_PRESETS = {
  development: { learning_rate: 0.1, epsilon: 0.2, bits: 18, save_frequency: 10 },
  staging: { learning_rate: 0.08, epsilon: 0.1, bits: 19, save_frequency: 100 },
  production: { learning_rate: 0.05, epsilon: 0.05, bits: 20, l2_regularization: 1e-4, save_frequency: 1000 },
} as const satisfies Record<string, Partial<ContextualBanditConfig>>;
export type BanditPreset = keyof typeof BANDIT_PRESETS;

/** The feature every context has, with the value 1. */
export const CONSTANT_FEATURE = 'constant';

const RULES: { readonly [setting: string]: SettingRule } = {
  n_actions: integer(1, 1024),
  context_dim: integer(1, 1 << 20),
  learning_rate: real(0, 1000),
  power_t: real(0, 1),
  initial_t: real(0, 1e9),
  epsilon: real(0, 1),
  epsilon_final: real(0, 1),
  epsilon_decay_steps: integer(0, Number.MAX_SAFE_INTEGER),
  boltzmann_tau: real(0, 1e9, true),
  l2_regularization: real(0, 1000),
  l1_regularization: real(0, 1000),
  bits: integer(1, 26),
  save_frequency: integer(1, Number.MAX_SAFE_INTEGER),
  random_seed: integer(0, 0xffffffff),
  importance_cap: real(1, 1e6),
  exploration_strategy: ['epsilon', 'softmax', 'boltzmann'],
  cb_type: ['dm', 'mtr'],
  adaptive: [true, false],
  normalized: [true, false],
  invariant: [true, false],
};

/**
 * The whole configuration: defaults, then what `config` says.
 *
 * @throws PolicyConfigError with the parameter, its value and what is allowed; an unknown parameter is refused too
 * @realtime unsafe
 */
export function resolveBanditConfig(config: Partial<ContextualBanditConfig> = {}): Readonly<ContextualBanditConfig> {
  const resolved = resolveSettings(DEFAULT_BANDIT_CONFIG, RULES, config);
  if (typeof resolved.model_dir !== 'string') throw new PolicyConfigError('model_dir', 'model_dir must be a path');
  checkFeatureNames('feature_names', resolved.feature_names, resolved.context_dim, [CONSTANT_FEATURE]);
  return resolved;
}

/** The names of all features of a configuration, the constant last: `context_dim` + 1. @realtime unsafe */
export function featureNames(config: ContextualBanditConfig): string[] {
  const names = config.feature_names ?? Array.from({ length: config.context_dim }, (_, i) => `f${i}`);
  return [...names, CONSTANT_FEATURE];
}
