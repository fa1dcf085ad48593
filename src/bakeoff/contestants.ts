/** Every policy as it takes part in a bake-off, each with one configuration for all files, chosen by measurement. */
import { ContextualBandit } from '../policy/contextual-bandit.js';
import { RandomPolicy } from '../policy/random-policy.js';
import type { Contestant } from './contest.js';

/** The policy that runs where none is named. */
export const DEFAULT_CONTESTANT = 'bandit';

/** In the order in which they are shown. */
export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'bandit',
    map: 'curved',
    create: (nActions, contextDim, seed) =>
      new ContextualBandit({
        n_actions: nActions,
        context_dim: contextDim,
        random_seed: seed,
        exploration_strategy: 'epsilon',
        epsilon: 0.05,
        learning_rate: 0.5,
      }),
  },
  {
    name: 'random',
    map: 'linear',
    create: (nActions, contextDim, seed) =>
      new RandomPolicy({ n_actions: nActions, context_dim: contextDim, random_seed: seed }),
  },
];
