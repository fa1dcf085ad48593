import { BootstrappedTs, type BootstrappedTsConfig } from '../../src/policy/bootstrapped-ts.js';
import { ContextualBandit } from '../../src/policy/contextual-bandit.js';
import type { ContextualBanditConfig } from '../../src/policy/contextual-bandit-config.js';
import type { Arms, LearningPolicyConfig } from '../../src/policy/learning-policy.js';
import type { Policy } from '../../src/policy/policy.js';
import { RegCb, type RegCbConfig } from '../../src/policy/reg-cb.js';
import { TurnedContexts } from '../support/turned-contexts.js';
import { describePolicy } from './policy-contract.js';

type Shapes = Pick<LearningPolicyConfig, 'arms' | 'n_actions' | 'context_dim' | 'arm_dim' | 'random_seed'>;

function shapes(arms: Arms, nActions: number, contextDim: number, seed: number): Shapes {
  return {
    arms,
    n_actions: nActions,
    context_dim: arms === 'tied' ? 0 : contextDim,
    arm_dim: arms === 'disjoint' ? 0 : contextDim,
    random_seed: seed,
  };
}

interface Variant {
  make(config: Shapes): Policy;
  reward?(raw: number): number;
  arms?: readonly Arms[];
}

const disjoint = ['disjoint'] as const;
const all = ['disjoint', 'tied', 'hybrid'] as const;
const drift = { drift: 'reset', drift_minimum: 5, drift_threshold: 1, drift_delta: 0 } as const;
const open = { reward_min: null, reward_max: null } as const;
const bandit =
  (settings: Partial<ContextualBanditConfig>) =>
  (config: Shapes): Policy =>
    new ContextualBandit({ ...settings, ...config });
const bootstrapped =
  (settings: Partial<BootstrappedTsConfig>) =>
  (config: Shapes): Policy =>
    new BootstrappedTs({ ...settings, ...config });
const regCb =
  (settings: Partial<RegCbConfig>) =>
  (config: Shapes): Policy =>
    new RegCb({ ...settings, ...config });

const variants: { [name: string]: Variant } = {
  bandit: { make: bandit({}), arms: ['tied', 'hybrid'] },
  'bandit with epsilon that decays exponentially': {
    make: bandit({
      exploration_strategy: 'epsilon',
      epsilon: 0.6,
      epsilon_final: 0.1,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 100,
    }),
  },
  'bandit whose features collide': { make: bandit({ bits: 2, power_t: 0.3, cb_type: 'mtr' }), arms: ['hybrid'] },
  'bootstrapped-ts': { make: bootstrapped({}), arms: all },
  'bootstrapped-ts with a floor, of few replicates, that forgets by drift': {
    make: bootstrapped({ ...drift, epsilon: 0.1, n_bootstraps: 3, initial_t: 1 }),
    arms: all,
  },
  'bootstrapped-ts of another power': { make: bootstrapped({ power_t: 0.3, l1_regularization: 1e-3, bits: 3 }) },
  'bootstrapped-ts of plain gradients': {
    make: bootstrapped({ adaptive: false, normalized: false, invariant: false, learning_rate: 0.01 }),
  },
  'regcb, optimistic': { make: regCb(open), arms: all },
  'regcb that eliminates': { make: regCb({ ...open, regcb_mode: 'elimination' }), arms: all },
  'regcb with a floor, that forgets by drift': {
    make: regCb({ ...open, ...drift, epsilon: 0.2, mellowness: 1, initial_t: 1 }),
  },
  'regcb without adaptation': { make: regCb({ ...open, adaptive: false, power_t: 0.4, regcb_mode: 'elimination' }) },
  'regcb of another power, open above': {
    make: regCb({ power_t: 0.3, reward_min: -1e15, reward_max: null }),
    reward: (raw) => Math.max(raw, -1e15),
  },
  'regcb of rewards in [0, 1]': { make: regCb({}), reward: (raw) => 1 / (1 + Math.exp(-raw)), arms: all },
  'regcb of another range, that eliminates': {
    make: regCb({ reward_min: -3, reward_max: 5, regcb_mode: 'elimination', mellowness: 0.01 }),
    reward: (raw) => -3 + 8 / (1 + Math.exp(-raw)),
  },
};

for (const [name, { make, reward, arms = disjoint }] of Object.entries(variants)) {
  for (const shape of arms) {
    describePolicy({
      name: shape === 'disjoint' ? name : `${shape} ${name}`,
      make: (nActions, contextDim, seed) => {
        const policy = make(shapes(shape, nActions, contextDim, seed));
        return shape === 'disjoint' ? policy : new TurnedContexts(policy, contextDim, shape === 'hybrid');
      },
      ...(reward === undefined ? {} : { reward }),
    });
  }
}
