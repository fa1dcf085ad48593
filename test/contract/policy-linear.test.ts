import type { Arms } from '../../src/policy/learning-policy.js';
import { LinTs, type LinTsConfig } from '../../src/policy/lin-ts.js';
import { LinUcb, type LinUcbConfig } from '../../src/policy/lin-ucb.js';
import type { Policy } from '../../src/policy/policy.js';
import { TurnedContexts } from '../support/turned-contexts.js';
import { describePolicy } from './policy-contract.js';

const variants: { [name: string]: Partial<LinUcbConfig & LinTsConfig> } = {
  'without more': {},
  'with a uniform share that decays, and without a constant': {
    epsilon: 0.5,
    epsilon_final: 0.05,
    epsilon_decay: 'exponential',
    epsilon_decay_steps: 100,
    constant: false,
  },
  'that discounts': { discount: 0.9, trace_limit: 3, ridge: 0.1 },
  'that forgets by drift': { drift: 'reset', drift_minimum: 5, drift_threshold: 1, drift_delta: 0 },
  'that forgets evidence by drift': {
    drift: 'reset',
    drift_keeps: 'evidence',
    drift_minimum: 5,
    drift_threshold: 1,
    drift_delta: 0,
    trace_limit: 10,
  },
};

function shapes(arms: Arms, nActions: number, contextDim: number): Partial<LinUcbConfig> {
  return {
    arms,
    n_actions: nActions,
    context_dim: arms === 'tied' ? 0 : contextDim,
    arm_dim: arms === 'disjoint' ? 0 : contextDim,
  };
}

const policies: { [name: string]: (config: Partial<LinUcbConfig & LinTsConfig>) => Policy } = {
  linucb: (config) => new LinUcb(config),
  lints: (config) => new LinTs(config),
};

for (const [policy, build] of Object.entries(policies)) {
  for (const arms of ['disjoint', 'tied', 'hybrid'] as const) {
    for (const [variant, config] of Object.entries(variants)) {
      describePolicy({
        name: `${arms} ${policy} ${variant}`,
        make: (nActions, contextDim, seed) => {
          const made = build({ ...config, ...shapes(arms, nActions, contextDim), random_seed: seed });
          return arms === 'disjoint' ? made : new TurnedContexts(made, contextDim, arms === 'hybrid');
        },
      });
    }
  }
}
