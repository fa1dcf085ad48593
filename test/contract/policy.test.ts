import { ContextualBandit } from '../../src/policy/contextual-bandit.js';
import type { ContextualBanditConfig } from '../../src/policy/contextual-bandit-config.js';
import { RandomPolicy } from '../../src/policy/random-policy.js';
import { describePolicy } from './policy-contract.js';

const variants: { [name: string]: Partial<ContextualBanditConfig> } = {
  'bandit with softmax': {},
  'bandit with epsilon that decays': {
    exploration_strategy: 'epsilon',
    epsilon: 0.6,
    epsilon_final: 0.1,
    epsilon_decay_steps: 100,
  },
  'bandit with boltzmann': { exploration_strategy: 'boltzmann', boltzmann_tau: 0.05 },
  'bandit with importance weights and regularisation': {
    cb_type: 'mtr',
    l1_regularization: 1e-3,
    l2_regularization: 1e-2,
  },
  'bandit whose features collide': { bits: 2, exploration_strategy: 'boltzmann', boltzmann_tau: 0.1 },
  'bandit of another power': { power_t: 0.3, initial_t: 0 },
  'bandit without adaptation': { adaptive: false, power_t: 0.4 },
  'bandit of plain gradients': { adaptive: false, normalized: false, invariant: false },
};

for (const [name, config] of Object.entries(variants)) {
  describePolicy({
    name,
    make: (nActions, contextDim, seed) =>
      new ContextualBandit({ ...config, n_actions: nActions, context_dim: contextDim, random_seed: seed }),
  });
}

describePolicy({
  name: 'random policy',
  make: (nActions, contextDim, seed) =>
    new RandomPolicy({ n_actions: nActions, context_dim: contextDim, random_seed: seed }),
});
