/**
 * Every policy as it takes part in a bake-off: one configuration for all files, chosen by measurement on satimage and
 * pendigits, with rotated labels and without, and for the default on nine problems of other kinds too (many classes, rare
 * ones, noise, irrelevant columns, categories).
 *
 * All that can forget do so when the watch for drift fires, which has its default settings.
 */
import { createPolicy, type PolicyName, type PolicySettings } from '../policy/create-policy.js';
import type { Policy } from '../policy/policy.js';
import type { MapKind } from './context-map.js';

/** A policy as it takes part: its name, what it sees, and how it is set. */
export interface Contestant {
  /** As `--policy` names it. */
  readonly name: PolicyName;
  readonly map: MapKind;
  /** What differs from the policy's own defaults. */
  readonly settings: PolicySettings;
}

/** The policy that runs where none is named. */
export const DEFAULT_CONTESTANT = 'linucb';

/**
 * Evidence against weights of any size, where contexts are of length √3 and rewards 0 or 1. Smaller, arms are tried for
 * too long; much larger, one that was unlucky once is not tried again.
 */
const RIDGE = { drift: 'reset', ridge: 0.3 } as const;

/** In the order in which they are shown. */
export const CONTESTANTS: readonly Contestant[] = [
  { name: 'linucb', map: 'curved', settings: { ...RIDGE, alpha: 0.3 } },
  { name: 'lints', map: 'curved', settings: { ...RIDGE, sampling_scale: 0.1 } },
  { name: 'squarecb', map: 'curved', settings: { ...RIDGE, gamma_scale: 10, gamma_exponent: 0.5 } },
  { name: 'softmax', map: 'curved', settings: { ...RIDGE, tau: 0.05 } },
  {
    name: 'epsilon-greedy',
    map: 'curved',
    settings: {
      ...RIDGE,
      epsilon: 0.1,
      epsilon_final: 0.01,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 2000,
    },
  },
  { name: 'regcb', map: 'curved', settings: { drift: 'reset', mellowness: 0.001 } },
  { name: 'bootstrapped-ts', map: 'curved', settings: { drift: 'reset', n_bootstraps: 10 } },
  { name: 'bandit', map: 'curved', settings: { exploration_strategy: 'epsilon', epsilon: 0.01, learning_rate: 0.5 } },
  { name: 'ucb1', map: 'linear', settings: { drift: 'reset' } },
  { name: 'beta-bernoulli', map: 'linear', settings: { drift: 'reset' } },
  { name: 'random', map: 'linear', settings: {} },
];

/**
 * A new policy for a problem.
 *
 * @throws PolicyConfigError
 * @realtime unsafe
 */
export function makeContestant(contestant: Contestant, nActions: number, contextDim: number, seed: number): Policy {
  return createPolicy(contestant.name, {
    ...contestant.settings,
    n_actions: nActions,
    context_dim: contextDim,
    random_seed: seed,
  });
}
