/**
 * The contract of every policy: a context in, one of `nActions` actions out with the probability it was chosen with,
 * and later what the choice earned.
 *
 * Arrays are the caller's: a policy reads its arguments during the call, keeps no reference, and writes results only
 * where it is told to. Whatever is malformed (wrong length, NaN, infinity, an action that does not exist, a probability
 * outside (0, 1]) throws a `PolicyInputError` that names it, before the model has changed. Checks are single
 * comparisons in loops that run anyway, so they stay on in the cycle.
 */
export interface Policy {
  /** As `--policy` names it. */
  readonly name: string;
  readonly nActions: number;
  /** Length of a context. */
  readonly contextDim: number;

  /**
   * No exploration and no learning: the best action by value, ties by the seeded generator, and `update` checks its
   * arguments and changes nothing. A policy without values (random) keeps drawing. Not part of the state.
   */
  frozen: boolean;

  /**
   * Probability with which the last `select` chose its action, under the distribution it drew from, the mask included;
   * 0 before the first and after a `NO_ACTION`. @realtime safe
   */
  readonly lastProbability: number;

  /**
   * What the last `select` expected of each action, `nActions` numbers. The policy's own memory, overwritten by its next
   * call; only read it. @realtime safe
   */
  readonly lastValues: Float64Array;

  /**
   * The distribution that the last `select` drew from; like `lastValues`. A policy that draws without it makes it when it
   * is read. @realtime safe
   */
  readonly lastDistribution: Float64Array;

  /** How often the watch for drift has fired, ever; 0 or absent where the policy has none. @realtime safe */
  readonly driftAlarms?: number;

  /**
   * Draws an action.
   *
   * @param context `contextDim` finite numbers
   * @param allowed `nActions` flags, 0 = not to be chosen; null allows all
   * @returns the action, or `NO_ACTION` where the mask allows none; then nothing was drawn or counted
   * @throws PolicyInputError
   * @realtime safe
   */
  select(context: Float64Array, allowed: Uint8Array | null): number;

  /**
   * The distribution the next `select` would draw from; draws nothing.
   *
   * @param out `nActions` numbers, all 0 where the mask allows no action
   * @throws PolicyInputError
   * @realtime safe
   */
  probabilities(context: Float64Array, allowed: Uint8Array | null, out: Float64Array): void;

  /**
   * Learns what one decision earned. The cycle calls `updateBatch` with arrays of one row instead: a reward and a
   * probability passed as arguments are boxed, 16 bytes each, wherever V8 does not inline the call.
   *
   * @param probability with which `action` was chosen, in (0, 1]
   * @throws PolicyInputError, the model unchanged
   * @realtime safe
   */
  update(context: Float64Array, action: number, reward: number, probability: number): void;

  /**
   * `update` for every row in turn, the same bits as that many single calls. All rows are checked before the first is
   * learned.
   *
   * @param contexts rows × `contextDim`, row after row
   * @param actions rows
   * @param rewards rows
   * @param probabilities rows; null or absent means that every action was certain (1)
   * @throws PolicyInputError, the model unchanged
   * @realtime safe
   */
  updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities?: Float64Array | null,
  ): void;

  /**
   * What the policy expects each action to earn.
   *
   * @param out `nActions` numbers
   * @throws PolicyInputError
   * @realtime safe
   */
  values(context: Float64Array, out: Float64Array): void;

  /**
   * Numbers that `explain` gives of each action: one for each feature the action is judged by, those that all actions
   * share first and then its own, and the rest last. 1 where contexts are not looked at: the rest is all.
   */
  readonly explainedDim: number;

  /**
   * What each feature adds to what is expected of each action: weight × feature. The rest is what comes of no feature: a
   * constant's weight, a mean. An action's numbers add up to its value, but for rounding; for a policy that averages or
   * rescales models they are averaged and rescaled likewise. Bonuses for exploration are no part of a value, nor of this.
   *
   * Changes nothing that is learned, drawn, counted or saved.
   *
   * @param out `nActions` × `explainedDim` numbers, action after action
   * @throws PolicyInputError
   * @realtime safe
   */
  explain(context: Float64Array, out: Float64Array): void;

  /** Counters and settings for people and telemetry. @realtime unsafe (allocates) */
  stats(): PolicyStats;

  /** Bytes of an exported state: the same from the first update to the last. */
  readonly stateBytes: number;

  /**
   * Writes the whole state (model, counters, generator) from `out[0]` on.
   *
   * @param out at least `stateBytes` long, any alignment, shared or not
   * @returns the bytes written, `stateBytes`
   * @throws PolicyInputError where `out` is too short
   * @realtime safe
   */
  exportInto(out: Uint8Array): number;

  /** The state in a new array. @realtime unsafe (allocates) */
  exportState(): Uint8Array;

  /**
   * Takes over an exported state, after which the policy continues with the same bits as the one it came from.
   *
   * @throws PolicyStateError with the reason, this policy unchanged
   * @realtime unsafe (allocates)
   */
  importState(state: Uint8Array): void;
}

/** Memory for a policy. */
export interface PolicyMemory {
  /** May be shared; what it holds is overwritten. */
  buffer: ArrayBuffer | SharedArrayBuffer;
  /** A multiple of 8; 0 where absent. */
  byteOffset?: number;
}

export interface PolicyStats {
  policy: string;
  /** Actions drawn. */
  decisions: number;
  /** Rewards learned from. */
  updates: number;
  /** Mean of the rewards learned from; 0 before the first. */
  meanReward: number;
  /** Mean squared error of the value predicted just before each update; 0 before the first. */
  meanSquaredError: number;
  /** Share of uniform exploration in the next draw. */
  epsilon: number;
  /** Step size; 0 where the policy has none. */
  learningRate: number;
  /** How often the watch for drift has fired. */
  driftAlarms: number;
  /** Finite numbers beyond ±`VALUE_LIMIT` that were taken as the limit. */
  clamped: number;
  /** Numbers that the model consists of. */
  slots: number;
  /** Those that are not zero. */
  nonZeroWeights: number;
  /** Memory of the policy, fixed at construction. */
  bytes: number;
}

/** What `select` returns where the mask allows no action. */
export const NO_ACTION = -1;

/** Features and rewards beyond ± this count as this; keeps every intermediate finite in double precision. */
export const VALUE_LIMIT = 1e15;

export type PolicyInputCode =
  | 'context_length'
  | 'context_not_finite'
  | 'allowed_length'
  | 'action'
  | 'reward_not_finite'
  | 'reward_range'
  | 'probability'
  | 'output_length'
  | 'batch_length'
  | 'decision_id'
  | 'time';

/** An argument of a policy's method is malformed; the model is unchanged. */
export class PolicyInputError extends Error {
  override readonly name = 'PolicyInputError';
  readonly code: PolicyInputCode;
  constructor(code: PolicyInputCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A configuration value is outside what is allowed. */
export class PolicyConfigError extends Error {
  override readonly name = 'PolicyConfigError';
  /** Name of the parameter. */
  readonly parameter: string;
  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

export type PolicyStateCode =
  | 'truncated'
  | 'foreign'
  | 'version'
  | 'policy'
  | 'n_actions'
  | 'context_dim'
  | 'feature_names'
  | 'bits'
  | 'update_rule'
  | 'settings'
  | 'corrupt';

/** An exported state cannot be taken over. */
export class PolicyStateError extends Error {
  override readonly name = 'PolicyStateError';
  readonly code: PolicyStateCode;
  constructor(code: PolicyStateCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws unless `array` holds `length` values. @realtime safe while it does */
export function checkLength(code: PolicyInputCode, name: string, actual: number, expected: number): void {
  if (actual !== expected) throw new PolicyInputError(code, `${name} has ${actual} values, expected ${expected}`);
}

/** Throws unless `action` is one of `nActions`. @realtime safe while it is */
export function checkAction(action: number, nActions: number): void {
  if (!(action >= 0 && action < nActions) || action !== Math.floor(action)) {
    throw new PolicyInputError('action', `action is ${action}, expected an integer from 0 to ${nActions - 1}`);
  }
}

/** Throws unless `reward` is finite. @realtime safe while it is */
export function checkReward(reward: number): void {
  if (reward - reward !== 0)
    throw new PolicyInputError('reward_not_finite', `reward is ${reward}, expected a finite number`);
}

/** Throws unless `probability` is in (0, 1]. @realtime safe while it is */
export function checkProbability(probability: number): void {
  if (!(probability > 0 && probability <= 1)) {
    throw new PolicyInputError('probability', `probability is ${probability}, expected more than 0 and at most 1`);
  }
}

/** Throws unless `contextDim` values of `contexts` from `offset` on are finite. @realtime safe while they are */
export function checkContext(contexts: Float64Array, offset: number, contextDim: number): void {
  for (let i = 0; i < contextDim; i++) {
    const value = contexts[offset + i];
    if (value - value !== 0) {
      throw new PolicyInputError('context_not_finite', `context[${offset + i}] is ${value}, expected a finite number`);
    }
  }
}

/** Throws unless every row of a batch is well formed. @returns the number of rows @realtime safe while they are */
export function checkBatch(
  contextDim: number,
  nActions: number,
  contexts: Float64Array,
  actions: ArrayLike<number>,
  rewards: Float64Array,
  probabilities: Float64Array | null,
): number {
  const rows = actions.length;
  checkLength('batch_length', 'contexts', contexts.length, rows * contextDim);
  checkLength('batch_length', 'rewards', rewards.length, rows);
  if (probabilities !== null) checkLength('batch_length', 'probabilities', probabilities.length, rows);
  checkContext(contexts, 0, contexts.length);
  for (let row = 0; row < rows; row++) {
    checkAction(actions[row], nActions);
    // Compared here and handed on only to be refused: a double passed to a call that is not inlined is boxed.
    if (rewards[row] - rewards[row] !== 0) checkReward(rewards[row]);
    if (probabilities !== null && !(probabilities[row] > 0 && probabilities[row] <= 1)) {
      checkProbability(probabilities[row]);
    }
  }
  return rows;
}
