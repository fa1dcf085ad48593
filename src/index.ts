/** What `import … from 'rfsn-controller'` gives: the parts that are of use without a robot. */

export { QuadraticInteractions } from './features/interactions.js';
export {
  RunningScaler,
  type ScalerMemory,
  type ScalerOptions,
  ScalerStateError,
} from './features/scaling.js';
export {
  ContextualBandit,
  convertState,
} from './policy/contextual-bandit.js';
export {
  BANDIT_PRESETS,
  type BanditPreset,
  type ContextualBanditConfig,
  DEFAULT_BANDIT_CONFIG,
  type ExplorationStrategy,
  resolveBanditConfig,
} from './policy/contextual-bandit-config.js';
export {
  type Arms,
  contextLength,
  LEARNING_POLICY_DEFAULTS,
  type LearningPolicyConfig,
} from './policy/learning-policy.js';
export {
  Join,
  type JoinCode,
  PENDING_COUNTS,
  PendingCount,
  PendingRewards,
  type PendingRewardsOptions,
  PendingTally,
} from './policy/pending-rewards.js';
export {
  NO_ACTION,
  type Policy,
  PolicyConfigError,
  type PolicyInputCode,
  PolicyInputError,
  type PolicyMemory,
  type PolicyStateCode,
  PolicyStateError,
  type PolicyStats,
  VALUE_LIMIT,
} from './policy/policy.js';
export { RandomPolicy, type RandomPolicyConfig } from './policy/random-policy.js';
export { PolicyKind, readStateHeader, type StateHeader } from './policy/state-format.js';
export { ExpressionReward, type RewardProgram } from './reward/expression-reward.js';
export {
  DEFAULT_REWARD_WEIGHTS,
  REWARD_INPUT_COUNT,
  type Reward,
  RewardInput,
  type RewardInputName,
  type RewardWeights,
  rewardInputs,
  WeightedReward,
} from './reward/reward.js';
export { compileReward, type RewardExpressionCode, RewardExpressionError } from './reward/reward-compiler.js';
