/**
 * Decisions and states of LinUCB and linear Thompson sampling for a fixed seed, so that no change of their arithmetic goes
 * unseen. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them anew.
 */
import { LinTs, type LinTsConfig } from '../../../src/policy/lin-ts.js';
import { LinUcb, type LinUcbConfig } from '../../../src/policy/lin-ucb.js';
import { describeGoldenPolicies, rewardOfFeatures, turningOver } from '../../support/golden-policy.js';

const ucb = (config: Partial<LinUcbConfig>): LinUcb => new LinUcb(config);
const ts = (config: Partial<LinTsConfig>): LinTs => new LinTs(config);

describeGoldenPolicies(
  'the golden files of LinUCB and linear Thompson sampling',
  import.meta.url,
  {
    'linucb-disjoint': { make: ucb, config: { epsilon: 0.1 } },
    'linucb-hybrid': {
      make: ucb,
      config: { arms: 'hybrid', n_actions: 5, context_dim: 4, arm_dim: 3, discount: 0.95, trace_limit: 2 },
    },
    'lints-disjoint': { make: ts, config: { drift: 'reset', drift_minimum: 10, drift_threshold: 2, ridge: 0.3 } },
    'lints-tied': { make: ts, config: { arms: 'tied', n_actions: 6, context_dim: 0, arm_dim: 5, epsilon: 0.05 } },
  },
  { range: 2, reward: turningOver(rewardOfFeatures) },
);
