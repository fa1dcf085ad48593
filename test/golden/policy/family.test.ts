/**
 * Decisions and states of the policies that draw from values, and of those without a context, for a fixed seed, so that
 * no change of their arithmetic goes unseen. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them anew.
 */
import { createPolicy, type PolicyName, type PolicySettings } from '../../../src/policy/create-policy.js';
import { describeGoldenPolicies, type GoldenPolicy, turningOver } from '../../support/golden-policy.js';

const named = (policy: PolicyName, config: PolicySettings): GoldenPolicy => ({
  policy,
  config,
  make: (stored) => createPolicy(policy, { ...stored }),
});

const shape = { n_actions: 5, context_dim: 4 };
const watch = { drift: 'reset', drift_minimum: 10, drift_threshold: 2 };

describeGoldenPolicies(
  'the golden files of the other policies',
  import.meta.url,
  {
    'squarecb-ridge': named('squarecb', { ...shape, ...watch, reward_min: -2, reward_max: 2 }),
    'squarecb-gd': named('squarecb', { ...shape, regressor: 'gd', gamma_exponent: 0.25 }),
    'epsilon-greedy': named('epsilon-greedy', {
      ...shape,
      epsilon: 0.5,
      epsilon_final: 0.05,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 80,
    }),
    softmax: named('softmax', { ...shape, regressor: 'gd', tau: 1, tau_decay_steps: 80 }),
    ucb1: named('ucb1', { ...shape, discount: 0.95, epsilon: 0.05 }),
    'beta-bernoulli': named('beta-bernoulli', { ...shape, ...watch, discount: 0.99, reward_min: -2, reward_max: 2 }),
  },
  { range: 1, reward: turningOver((context, action) => action / 4 - 0.5 + context[action % 4]) },
);
