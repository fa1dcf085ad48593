/**
 * Every policy by the name that `--policy` gives it: made, measured and asked for its settings in one way, so that no one
 * else needs a list of classes.
 */
import { BETA_BERNOULLI_DEFAULTS, BetaBernoulli } from './beta-bernoulli.js';
import { BOOTSTRAPPED_TS_DEFAULTS, BootstrappedTs } from './bootstrapped-ts.js';
import { ContextualBandit } from './contextual-bandit.js';
import { DEFAULT_BANDIT_CONFIG } from './contextual-bandit-config.js';
import { EPSILON_GREEDY_DEFAULTS, EpsilonGreedy } from './epsilon-greedy.js';
import { contextLength, LEARNING_POLICY_DEFAULTS, LEARNING_POLICY_RULES } from './learning-policy.js';
import { LIN_TS_DEFAULTS, LinTs } from './lin-ts.js';
import { LIN_UCB_DEFAULTS, LinUcb } from './lin-ucb.js';
import { type Policy, PolicyConfigError, type PolicyMemory } from './policy.js';
import { resolveSettings } from './policy-settings.js';
import { RandomPolicy, type RandomPolicyConfig } from './random-policy.js';
import { REG_CB_DEFAULTS, RegCb } from './reg-cb.js';
import { SOFTMAX_DEFAULTS, Softmax } from './softmax.js';
import { SQUARE_CB_DEFAULTS, SquareCb } from './square-cb.js';
import { UCB1_DEFAULTS, Ucb1 } from './ucb1.js';

/** Settings by name, as configuration files have them; each policy checks its own. */
export type PolicySettings = { readonly [setting: string]: unknown };

interface Entry {
  readonly defaults: object;
  create(config: PolicySettings, memory: PolicyMemory | undefined): Policy;
  bytes(config: PolicySettings): number;
}

function entry<Config extends object>(
  defaults: Readonly<Config>,
  policy: {
    new (config: Partial<Config>, memory?: PolicyMemory): Policy;
    bytes(config: Partial<Config>): number;
  },
): Entry {
  // Settings are unknown until the policy's own rules have seen them, which is the first thing its constructor does.
  const checked = (config: PolicySettings): Partial<Config> => config as Partial<Config>;
  return {
    defaults,
    create: (config, memory) => new policy(checked(config), memory),
    bytes: (config) => policy.bytes(checked(config)),
  };
}

/** What the random policy needs to know of contexts that others look at. */
const RANDOM_DEFAULTS = {
  n_actions: LEARNING_POLICY_DEFAULTS.n_actions,
  context_dim: LEARNING_POLICY_DEFAULTS.context_dim,
  arms: LEARNING_POLICY_DEFAULTS.arms,
  arm_dim: LEARNING_POLICY_DEFAULTS.arm_dim,
  random_seed: LEARNING_POLICY_DEFAULTS.random_seed,
};

function randomConfig(config: PolicySettings): RandomPolicyConfig {
  const { n_actions, context_dim, arms, arm_dim, random_seed } = LEARNING_POLICY_RULES;
  const rules = { n_actions, context_dim, arms, arm_dim, random_seed };
  const resolved = resolveSettings<typeof RANDOM_DEFAULTS>(RANDOM_DEFAULTS, rules, config);
  return { n_actions: resolved.n_actions, context_dim: contextLength(resolved), random_seed: resolved.random_seed };
}

const ENTRIES = {
  bandit: entry(DEFAULT_BANDIT_CONFIG, ContextualBandit),
  linucb: entry(LIN_UCB_DEFAULTS, LinUcb),
  lints: entry(LIN_TS_DEFAULTS, LinTs),
  'bootstrapped-ts': entry(BOOTSTRAPPED_TS_DEFAULTS, BootstrappedTs),
  squarecb: entry(SQUARE_CB_DEFAULTS, SquareCb),
  regcb: entry(REG_CB_DEFAULTS, RegCb),
  'epsilon-greedy': entry(EPSILON_GREEDY_DEFAULTS, EpsilonGreedy),
  softmax: entry(SOFTMAX_DEFAULTS, Softmax),
  ucb1: entry(UCB1_DEFAULTS, Ucb1),
  'beta-bernoulli': entry(BETA_BERNOULLI_DEFAULTS, BetaBernoulli),
  random: {
    defaults: RANDOM_DEFAULTS,
    create: (config, memory) => new RandomPolicy(randomConfig(config), memory),
    bytes: (config) => {
      randomConfig(config);
      return RandomPolicy.bytes();
    },
  },
} satisfies { [name: string]: Entry };

export type PolicyName = keyof typeof ENTRIES;

/** All names, the one that learned before the others first. */
export const POLICY_NAMES = Object.freeze(Object.keys(ENTRIES)) as readonly PolicyName[];

/**
 * What the library uses where nothing else is asked for: a policy and the settings in which it differs from its own.
 * Chosen by measurement: docs/adr/0008-default-policies.md.
 */
export const DEFAULT_POLICY: { readonly name: PolicyName; readonly settings: PolicySettings } = Object.freeze({
  name: 'linucb',
  settings: Object.freeze({ alpha: 0.3, ridge: 0.3, drift: 'reset' }),
});

function entryOf(name: string): Entry {
  if (!Object.hasOwn(ENTRIES, name)) {
    throw new PolicyConfigError('policy', `policy is ${name}, allowed: ${POLICY_NAMES.join(', ')}`);
  }
  return ENTRIES[name as PolicyName];
}

/**
 * A new policy.
 *
 * @param name one of `POLICY_NAMES`
 * @param config settings that are not to be the policy's defaults; see `settingsOf`
 * @param memory `policyBytes` long from its offset on; where absent, a buffer of its own
 * @throws PolicyConfigError for an unknown name, an unknown setting and a wrong value, by name
 * @realtime unsafe (allocates)
 */
export function createPolicy(name: string, config: PolicySettings = {}, memory?: PolicyMemory): Policy {
  return entryOf(name).create(config, memory);
}

/** Memory that such a policy needs [bytes], a multiple of 8. @throws PolicyConfigError @realtime unsafe */
export function policyBytes(name: string, config: PolicySettings = {}): number {
  return entryOf(name).bytes(config);
}

/**
 * Names of the settings that a policy knows, so that what belongs to it can be picked from a longer list.
 *
 * @throws PolicyConfigError for an unknown name
 * @realtime unsafe
 */
export function settingsOf(name: string): readonly string[] {
  return Object.keys(entryOf(name).defaults);
}

/** A policy's settings with their defaults. @throws PolicyConfigError for an unknown name @realtime unsafe */
export function defaultsOf(name: string): PolicySettings {
  return { ...entryOf(name).defaults };
}
