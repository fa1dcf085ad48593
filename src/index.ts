/** What `import … from 'rfsn-controller'` gives: the parts that are of use without a robot. */

export { QuadraticInteractions } from './features/interactions.js';
export { RandomFourierFeatures } from './features/random-fourier.js';
export { type ScalerMemory, type ScalerOptions, ScalerStateError } from './features/scaler.js';
export { RunningScaler } from './features/scaling.js';
export type { CommandSource, MotionCommand } from './io/port.js';
export type {
  ClockKind,
  Command,
  ContactsTuple,
  Drive,
  GoalTuple,
  LimitsTuple,
  LinkError,
  Mode,
  OdometryTuple,
  Refused,
  ScanShape,
  TwistTuple,
  Welcome,
} from './io/zeromq/protocol/protocol.js';
export type {
  DialogueCounters,
  DialogueState,
  RobotDescription,
  RobotLinkEvents,
  RobotReading,
} from './io/zeromq/robot/robot-dialogue.js';
export { type CurveKeys, RobotLink, type RobotLinkOptions } from './io/zeromq/robot/robot-link.js';
export { BETA_BERNOULLI_DEFAULTS, BetaBernoulli, type BetaBernoulliConfig } from './policy/beta-bernoulli.js';
export { BOOTSTRAPPED_TS_DEFAULTS, BootstrappedTs, type BootstrappedTsConfig } from './policy/bootstrapped-ts.js';
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
  createPolicy,
  DEFAULT_POLICY,
  defaultsOf,
  POLICY_NAMES,
  type PolicyName,
  type PolicySettings,
  policyBytes,
  settingsOf,
} from './policy/create-policy.js';
export { EPSILON_GREEDY_DEFAULTS, EpsilonGreedy, type EpsilonGreedyConfig } from './policy/epsilon-greedy.js';
export { GD_DEFAULTS, type GdSettings } from './policy/gd-regression.js';
export {
  type Arms,
  contextLength,
  LEARNING_POLICY_DEFAULTS,
  type LearningPolicyConfig,
} from './policy/learning-policy.js';
export { LIN_TS_DEFAULTS, LinTs, type LinTsConfig } from './policy/lin-ts.js';
export { LIN_UCB_DEFAULTS, LinUcb, type LinUcbConfig } from './policy/lin-ucb.js';
export { PAGE_HINKLEY_WORDS, PageHinkley, type PageHinkleySettings } from './policy/page-hinkley.js';
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
export { REG_CB_DEFAULTS, RegCb, type RegCbConfig } from './policy/reg-cb.js';
export { RIDGE_DEFAULTS, type RidgeSettings } from './policy/ridge-regression.js';
export { SOFTMAX_DEFAULTS, Softmax, type SoftmaxConfig } from './policy/softmax.js';
export { SQUARE_CB_DEFAULTS, SquareCb, type SquareCbConfig } from './policy/square-cb.js';
export { PolicyKind, readStateHeader, type StateHeader } from './policy/state-format.js';
export { UCB1_DEFAULTS, Ucb1, type Ucb1Config } from './policy/ucb1.js';
export { type Regressor, VALUE_POLICY_DEFAULTS, type ValuePolicyConfig } from './policy/value-policy.js';
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
export { DecisionText, type LoggedDecision } from './vw/decision-text.js';
export { VwTextError } from './vw/text-error.js';
export {
  parseCb as parseVwCb,
  parseSimple as parseVwExample,
  writeCb as writeVwCb,
  writeDecision as writeVwDecision,
  writeSimple as writeVwExample,
} from './vw/text-format.js';
