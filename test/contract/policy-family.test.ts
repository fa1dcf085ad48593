import { BetaBernoulli, type BetaBernoulliConfig } from '../../src/policy/beta-bernoulli.js';
import { EpsilonGreedy } from '../../src/policy/epsilon-greedy.js';
import type { Policy } from '../../src/policy/policy.js';
import { RandomPolicy } from '../../src/policy/random-policy.js';
import { Softmax, type SoftmaxConfig } from '../../src/policy/softmax.js';
import { SquareCb, type SquareCbConfig } from '../../src/policy/square-cb.js';
import { Ucb1, type Ucb1Config } from '../../src/policy/ucb1.js';
import type { ValuePolicyConfig } from '../../src/policy/value-policy.js';
import { describePolicy } from './policy-contract.js';

type Make = (config: { n_actions: number; context_dim: number; random_seed: number }) => Policy;

const regressors: { [name: string]: Partial<ValuePolicyConfig> } = {
  ridge: { regressor: 'ridge' },
  'a ridge that forgets': { regressor: 'ridge', discount: 0.98, drift: 'reset', drift_minimum: 20 },
  gd: { regressor: 'gd' },
  'gd of another power': { regressor: 'gd', power_t: 0.3, initial_t: 1, l2_regularization: 1e-3, drift: 'alarm' },
};

const variants: { [name: string]: Make } = {};
for (const [regressor, settings] of Object.entries(regressors)) {
  variants[`epsilon-greedy on ${regressor}`] = (config) =>
    new EpsilonGreedy({
      ...settings,
      epsilon: 0.6,
      epsilon_final: 0.1,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 100,
      ...config,
    });
  for (const [name, own] of Object.entries({
    softmax: {},
    'softmax that cools': { tau: 1, tau_final: 0.05, tau_decay: 'linear', tau_decay_steps: 200, epsilon: 0.05 },
  } satisfies { [name: string]: Partial<SoftmaxConfig> })) {
    variants[`${name} on ${regressor}`] = (config) => new Softmax({ ...settings, ...own, ...config });
  }
  for (const [name, own] of Object.entries({
    squarecb: {},
    'squarecb of a wide range, with a floor': { reward_min: -1e15, reward_max: 1e15, epsilon: 0.1 },
  } satisfies { [name: string]: Partial<SquareCbConfig> })) {
    variants[`${name} on ${regressor}`] = (config) => new SquareCb({ ...settings, ...own, ...config });
  }
}
for (const [name, own] of Object.entries({
  ucb1: {},
  'ucb1 with discount and a floor': { discount: 0.9, epsilon: 0.2, confidence: 0.5, drift: 'reset', drift_minimum: 20 },
} satisfies { [name: string]: Partial<Ucb1Config> })) {
  variants[name] = (config) => new Ucb1({ ...own, ...config });
}
variants['random policy in memory it is given'] = (config) =>
  new RandomPolicy(config, { buffer: new SharedArrayBuffer(RandomPolicy.bytes() + 8), byteOffset: 8 });

for (const [name, make] of Object.entries(variants)) {
  // Rewards of one case are declared to lie within the limit of values, beyond which the suite goes.
  const wide = name.includes('wide range');
  describePolicy({
    name,
    make: (nActions, contextDim, seed) => make({ n_actions: nActions, context_dim: contextDim, random_seed: seed }),
    ...(wide ? { reward: (raw: number) => Math.min(Math.max(raw, -1e15), 1e15) } : {}),
  });
}

const bernoullis: { [name: string]: Partial<BetaBernoulliConfig> } = {
  'beta-bernoulli': {},
  'beta-bernoulli with discount and a floor': { discount: 0.9, epsilon: 0.1, drift: 'reset', drift_minimum: 20 },
  'beta-bernoulli of another range and prior': {
    reward_min: -3,
    reward_max: 5,
    prior_success: 0.25,
    prior_failure: 40,
  },
};
for (const [name, own] of Object.entries(bernoullis)) {
  const low = own.reward_min ?? 0;
  const high = own.reward_max ?? 1;
  describePolicy({
    name,
    make: (nActions, contextDim, seed) =>
      new BetaBernoulli({ ...own, n_actions: nActions, context_dim: contextDim, random_seed: seed }),
    reward: (raw) => low + (high - low) / (1 + Math.exp(-raw)),
  });
}
