/**
 * Decisions and states of bootstrapped Thompson sampling, RegCB and tied bandits for a fixed seed, so that no change of their arithmetic goes
 * unseen. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them anew.
 */
import { BootstrappedTs, type BootstrappedTsConfig } from '../../../src/policy/bootstrapped-ts.js';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
import type { ContextualBanditConfig } from '../../../src/policy/contextual-bandit-config.js';
import { RegCb, type RegCbConfig } from '../../../src/policy/reg-cb.js';
import { describeGoldenPolicies, rewardOfFeatures, turningOver } from '../../support/golden-policy.js';

const bandit = (config: Partial<ContextualBanditConfig>): ContextualBandit => new ContextualBandit(config);
const bootstrapped = (config: Partial<BootstrappedTsConfig>): BootstrappedTs => new BootstrappedTs(config);
const regCb = (config: Partial<RegCbConfig>): RegCb => new RegCb(config);

// Rates are said, since their defaults may change.
const rates = { learning_rate: 0.5, initial_t: 0 };

describeGoldenPolicies(
  'the golden files of bootstrapped Thompson sampling, RegCB and tied bandits',
  import.meta.url,
  {
    'bandit-tied': { make: bandit, config: { arms: 'tied', n_actions: 6, context_dim: 0, arm_dim: 5 } },
    'bandit-hybrid': {
      make: bandit,
      config: { arms: 'hybrid', n_actions: 5, context_dim: 4, arm_dim: 3, exploration_strategy: 'epsilon' },
    },
    'bootstrapped-ts-disjoint': { make: bootstrapped, config: { ...rates, epsilon: 0.1, n_bootstraps: 5 } },
    'bootstrapped-ts-hybrid': {
      make: bootstrapped,
      config: {
        ...rates,
        arms: 'hybrid',
        n_actions: 5,
        context_dim: 4,
        arm_dim: 3,
        drift: 'reset',
        drift_minimum: 10,
        drift_threshold: 2,
        power_t: 0.4,
      },
    },
    'regcb-optimistic': { make: regCb, config: { ...rates, reward_min: -4, reward_max: 4, mellowness: 0.1 } },
    'regcb-elimination': {
      make: regCb,
      config: {
        ...rates,
        mellowness: 0.1,
        regcb_mode: 'elimination',
        arms: 'tied',
        n_actions: 6,
        context_dim: 0,
        arm_dim: 5,
        reward_min: null,
        reward_max: null,
        epsilon: 0.05,
      },
    },
  },
  { range: 2, reward: turningOver(rewardOfFeatures) },
);
