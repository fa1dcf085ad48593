import { CONSTANT_FEATURE, GD_RULES, type GdSettings, gdFeatureNames } from './gd-regression.js';
import { type Arms, checkArms, checkEpsilonDecay, LEARNING_POLICY_RULES } from './learning-policy.js';
import { PolicyConfigError } from './policy.js';
import { checkFeatureNames, integer, real, resolveSettings, type SettingRule } from './policy-settings.js';

export { CONSTANT_FEATURE } from './gd-regression.js';

export type ExplorationStrategy = 'epsilon' | 'softmax' | 'boltzmann';

/**
 * Settings of `ContextualBandit`, with the names that configuration files use. `DEFAULT_BANDIT_CONFIG` has the
 * defaults, `resolveBanditConfig` the ranges.
 */
export interface ContextualBanditConfig extends GdSettings {
  /** Actions to choose from. */
  n_actions: number;
  /** Features that all actions share. */
  context_dim: number;
  arms: Arms;
  /** Features of each action; 0 where `arms` is `disjoint`. */
  arm_dim: number;
  /**
   * `epsilon`: the best action; `softmax`: by exp(value); `boltzmann`: by exp(value / `boltzmann_tau`). Each is mixed
   * with a share ε of the uniform distribution over the allowed actions.
   */
  exploration_strategy: ExplorationStrategy;
  /** Share ε of uniform exploration; the first of it where it decays. */
  epsilon: number;
  /** Where ε ends after `epsilon_decay_steps` decisions. */
  epsilon_final: number;
  /** `exponential` needs an `epsilon_final` above 0. */
  epsilon_decay: 'linear' | 'exponential';
  /** Decisions over which ε goes from `epsilon` to `epsilon_final`; 0 keeps it constant. */
  epsilon_decay_steps: number;
  /** Temperature τ, in units of reward. */
  boltzmann_tau: number;
  /** Where checkpoints are kept. Not used by the bandit itself. */
  model_dir: string;
  /** Episodes from one checkpoint to the next. Not used by the bandit itself. */
  save_frequency: number;
  /** Seed of the policy's own generator. */
  random_seed: number;
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
  /**
   * A name for each shared feature; null names them f0, f1, …. A weight's slot follows from its name, not its position.
   */
  feature_names: readonly string[] | null;
  /** A name for each feature of an action; null names them g0, g1, …. */
  arm_feature_names: readonly string[] | null;
}

export const DEFAULT_BANDIT_CONFIG: Readonly<ContextualBanditConfig> = {
  n_actions: 8,
  context_dim: 24,
  arms: 'disjoint',
  arm_dim: 0,
  learning_rate: 0.1,
  power_t: 0.5,
  initial_t: 1.0,
  exploration_strategy: 'softmax',
  epsilon: 0.1,
  epsilon_final: 0,
  epsilon_decay: 'linear',
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
  arm_feature_names: null,
};

/** What differs from the defaults in each preset. */
export const BANDIT_PRESETS = {
  development: { learning_rate: 0.1, epsilon: 0.2, bits: 18, save_frequency: 10 },
  staging: { learning_rate: 0.08, epsilon: 0.1, bits: 19, save_frequency: 100 },
  production: { learning_rate: 0.05, epsilon: 0.05, bits: 20, l2_regularization: 1e-4, save_frequency: 1000 },
} as const satisfies Record<string, Partial<ContextualBanditConfig>>;
export type BanditPreset = keyof typeof BANDIT_PRESETS;

const RULES: { readonly [setting: string]: SettingRule } = {
  ...GD_RULES,
  n_actions: integer(1, 1024),
  context_dim: integer(0, 1 << 20),
  arms: LEARNING_POLICY_RULES['arms'],
  arm_dim: LEARNING_POLICY_RULES['arm_dim'],
  epsilon: real(0, 1),
  epsilon_final: real(0, 1),
  epsilon_decay: LEARNING_POLICY_RULES['epsilon_decay'],
  epsilon_decay_steps: integer(0, Number.MAX_SAFE_INTEGER),
  boltzmann_tau: real(0, 1e9, true),
  save_frequency: integer(1, Number.MAX_SAFE_INTEGER),
  random_seed: integer(0, 0xffffffff),
  importance_cap: real(1, 1e6),
  exploration_strategy: ['epsilon', 'softmax', 'boltzmann'],
  cb_type: ['dm', 'mtr'],
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
  checkArms(resolved);
  checkEpsilonDecay(resolved);
  checkFeatureNames('feature_names', resolved.feature_names, resolved.context_dim, [CONSTANT_FEATURE]);
  checkFeatureNames('arm_feature_names', resolved.arm_feature_names, resolved.arm_dim, [
    CONSTANT_FEATURE,
    ...(resolved.feature_names ?? []),
  ]);
  return resolved;
}

/** The names of all features of a configuration: the shared ones, the constant, those of an action. @realtime unsafe */
export function featureNames(config: ContextualBanditConfig): string[] {
  return gdFeatureNames(config);
}
