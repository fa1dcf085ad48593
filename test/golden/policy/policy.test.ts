/**
 * The bandit's decisions and state for a fixed seed, so that no change of its arithmetic goes unseen: a checkpoint made
 * by an older version must go on with the same bits. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them
 * anew.
 */
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
import { describeGoldenPolicies, rewardOfFeatures } from '../../support/golden-policy.js';

const bandit = (config: object): ContextualBandit => new ContextualBandit(config);

describeGoldenPolicies(
  'the bandit’s golden files',
  import.meta.url,
  {
    'version-1-softmax': { make: bandit, config: {} },
    'version-1-epsilon': {
      make: bandit,
      config: {
        exploration_strategy: 'epsilon',
        cb_type: 'mtr',
        l1_regularization: 1e-4,
        epsilon_decay_steps: 200,
        n_actions: 6,
        context_dim: 16,
        bits: 6,
      },
    },
  },
  { range: 2, reward: rewardOfFeatures },
);
