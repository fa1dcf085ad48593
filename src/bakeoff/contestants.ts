/**
 * Every policy as it takes part in a bake-off: one configuration for all files, chosen by measurement over satimage,
 * pendigits and nine problems of other kinds (many classes, few of them frequent, noise, irrelevant columns, categories).
 *
 * All that learn forget when the watch for drift fires; with its defaults it fired once after every rotation of the labels
 * and never without one. Ridge models see the same ridge, 0.3.
 */
import { BetaBernoulli } from '../policy/beta-bernoulli.js';
import { ContextualBandit } from '../policy/contextual-bandit.js';
import { EpsilonGreedy } from '../policy/epsilon-greedy.js';
import { LinTs } from '../policy/lin-ts.js';
import { LinUcb } from '../policy/lin-ucb.js';
import type { Policy } from '../policy/policy.js';
import { RandomPolicy } from '../policy/random-policy.js';
import { Softmax } from '../policy/softmax.js';
import { SquareCb } from '../policy/square-cb.js';
import { Ucb1 } from '../policy/ucb1.js';
import type { Contestant } from './contest.js';
import type { MapKind } from './context-map.js';

/** The policy that runs where none is named. */
export const DEFAULT_CONTESTANT = 'linucb';

/** What every policy is told of a problem. */
interface Shape {
  n_actions: number;
  context_dim: number;
  random_seed: number;
}

const ridge = { drift: 'reset', ridge: 0.3 } as const;

function contestant(name: string, map: MapKind, create: (shape: Shape) => Policy): Contestant {
  return {
    name,
    map,
    create: (nActions, contextDim, seed) => create({ n_actions: nActions, context_dim: contextDim, random_seed: seed }),
  };
}

/** In the order in which they are shown. */
export const CONTESTANTS: readonly Contestant[] = [
  contestant('linucb', 'curved', (shape) => new LinUcb({ ...shape, ...ridge, alpha: 0.3 })),
  contestant('lints', 'curved', (shape) => new LinTs({ ...shape, ...ridge, sampling_scale: 0.06 })),
  contestant('squarecb', 'curved', (shape) => new SquareCb({ ...shape, ...ridge, gamma_scale: 10 })),
  contestant(
    'epsilon-greedy',
    'curved',
    (shape) =>
      new EpsilonGreedy({
        ...shape,
        ...ridge,
        epsilon: 0.1,
        epsilon_final: 0.01,
        epsilon_decay: 'exponential',
        epsilon_decay_steps: 2000,
      }),
  ),
  contestant('softmax', 'curved', (shape) => new Softmax({ ...shape, ...ridge, tau: 0.05 })),
  contestant(
    'bandit',
    'curved',
    (shape) => new ContextualBandit({ ...shape, exploration_strategy: 'epsilon', epsilon: 0.01, learning_rate: 0.5 }),
  ),
  contestant('ucb1', 'linear', (shape) => new Ucb1({ ...shape, drift: 'reset' })),
  contestant('beta-bernoulli', 'linear', (shape) => new BetaBernoulli({ ...shape, drift: 'reset' })),
  contestant('random', 'linear', (shape) => new RandomPolicy(shape)),
];
