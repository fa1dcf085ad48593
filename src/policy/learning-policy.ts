/**
 * What every policy that learns has in common: memory, generator, counters, checks, exploration schedule, watch for
 * drift, and the state that is saved. A policy adds its model and the distribution it draws from.
 *
 * Thread: the control thread, or any one thread at a time. All memory is one block, laid out by the constructor:
 *
 * ```
 *  exported                          not exported
 *  header │ head │ the model's words │ context, values, distribution, work │ the model's scratch
 * ```
 *
 * The order of a call: arguments are checked, the context is copied into `x` (clipped to ±`VALUE_LIMIT`), and the model
 * works on `x` and on numbers in `work`; doubles are not passed as arguments or results, since V8 boxes them wherever it
 * does not inline a call.
 */
import { murmur3String } from '../core/hash.js';
import { PRNG_STATE_WORDS, Prng } from '../core/prng.js';
import { drawAction } from './exploration.js';
import { PAGE_HINKLEY_WORDS, PageHinkley, pageHinkleyFault } from './page-hinkley.js';
import {
  checkAction,
  checkBatch,
  checkContext,
  checkLength,
  checkProbability,
  checkReward,
  NO_ACTION,
  type Policy,
  PolicyConfigError,
  PolicyInputError,
  type PolicyMemory,
  PolicyStateError,
  type PolicyStats,
  VALUE_LIMIT,
} from './policy.js';
import {
  allocateMemory,
  checkFeatureNames,
  checkMemory,
  integer,
  optional,
  real,
  type SettingRule,
} from './policy-settings.js';
import {
  checkStateHeader,
  readStateHeader,
  STATE_HEADER_BYTES,
  STATE_HEADER_WORDS,
  writeStateHeader,
} from './state-format.js';

/**
 * How actions share what is learned.
 *
 * - `disjoint`: every action has a model of its own over the shared context.
 * - `tied`: one model for all, over each action's own context.
 * - `hybrid`: the sum of both (Li et al. 2010, Algorithm 2).
 *
 * A context is one flat array: `context_dim` shared features, then for `tied` and `hybrid` `arm_dim` features of each
 * action in turn. `tied` has no use for shared features, which are the same for every action: its `context_dim` is 0.
 */
export type Arms = 'disjoint' | 'tied' | 'hybrid';

/** Settings that all learning policies have, with the names that configuration files use. */
export interface LearningPolicyConfig {
  /** Actions to choose from. */
  n_actions: number;
  /** Features that all actions share. */
  context_dim: number;
  arms: Arms;
  /** Features of each action; 0 where `arms` is `disjoint`. */
  arm_dim: number;
  /** Share of every draw that is uniform over the allowed actions; the first of it where it decays. */
  epsilon: number;
  /** Where the share ends after `epsilon_decay_steps` decisions. */
  epsilon_final: number;
  /** `exponential` needs an `epsilon_final` above 0. */
  epsilon_decay: 'linear' | 'exponential';
  /** Decisions over which the share goes from `epsilon` to `epsilon_final`; 0 keeps it constant. A reset starts it again. */
  epsilon_decay_steps: number;
  /** Smallest reward there is: a smaller one is refused. null for no bound. */
  reward_min: number | null;
  /** Largest reward there is. null for no bound. */
  reward_max: number | null;
  /** What a rise of the progressive loss does: nothing, is counted, or makes the model forget as well. */
  drift: 'off' | 'alarm' | 'reset';
  /** Rise that is let pass [standard deviations of the loss]. */
  drift_delta: number;
  /** Evidence that is an alarm [standard deviations of the loss]. */
  drift_threshold: number;
  /** Updates before the first alarm is possible, and after each. */
  drift_minimum: number;
  /** Share of the evidence that a reset keeps. */
  drift_floor: number;
  /** Seed of the policy's own generator. */
  random_seed: number;
  /** A name for each shared feature; null names them f0, f1, …. */
  feature_names: readonly string[] | null;
  /** A name for each feature of an action; null names them g0, g1, …. */
  arm_feature_names: readonly string[] | null;
}

export const LEARNING_POLICY_DEFAULTS: Readonly<LearningPolicyConfig> = {
  n_actions: 8,
  context_dim: 24,
  arms: 'disjoint',
  arm_dim: 0,
  epsilon: 0,
  epsilon_final: 0,
  epsilon_decay: 'linear',
  epsilon_decay_steps: 0,
  reward_min: null,
  reward_max: null,
  drift: 'off',
  drift_delta: 0.2,
  drift_threshold: 40,
  drift_minimum: 200,
  drift_floor: 0.05,
  random_seed: 42,
  feature_names: null,
  arm_feature_names: null,
};

const LARGEST_DRIFT_THRESHOLD = 1e9;

export const LEARNING_POLICY_RULES: { readonly [setting: string]: SettingRule } = {
  n_actions: integer(1, 1024),
  context_dim: integer(0, 1 << 16),
  arms: ['disjoint', 'tied', 'hybrid'],
  arm_dim: integer(0, 1 << 16),
  epsilon: real(0, 1),
  epsilon_final: real(0, 1),
  epsilon_decay: ['linear', 'exponential'],
  epsilon_decay_steps: integer(0, Number.MAX_SAFE_INTEGER),
  reward_min: optional(real(-VALUE_LIMIT, VALUE_LIMIT)),
  reward_max: optional(real(-VALUE_LIMIT, VALUE_LIMIT)),
  drift: ['off', 'alarm', 'reset'],
  drift_delta: real(0, 1e6),
  drift_threshold: real(0, LARGEST_DRIFT_THRESHOLD, true),
  drift_minimum: integer(2, Number.MAX_SAFE_INTEGER),
  drift_floor: real(0, 1, true),
  random_seed: integer(0, 0xffffffff),
};

/** What a policy's model needs of the block, and what its saved numbers mean. */
export interface ModelShape {
  /** As `--policy` names it. */
  readonly name: string;
  /** One of `PolicyKind`. */
  readonly kind: number;
  /** Doubles that are saved. */
  readonly stateDoubles: number;
  /** Doubles that are not. */
  readonly scratchDoubles: number;
  /** Settings without which the saved doubles mean something else; a state with others is refused. */
  readonly meaning: readonly (string | number | boolean)[];
  /** Contexts are checked and not used, so that any shape of them will do, none included. */
  readonly contextFree?: boolean;
}

// The head, in doubles from its start; the generator's four 32-bit words are its first two.
const HEAD_DECISIONS = 2;
const HEAD_UPDATES = 3;
const HEAD_REWARD_SUM = 4;
const HEAD_SQUARED_ERROR_SUM = 5;
const HEAD_CLAMPED = 6;
const HEAD_LAST_PROBABILITY = 7;
const HEAD_DRIFT = 8;
/** Decisions before the last reset by drift: schedules count from there. */
const HEAD_SCHEDULE_START = HEAD_DRIFT + PAGE_HINKLEY_WORDS;
const HEAD_WORDS = HEAD_SCHEDULE_START + 2;

/** Indexes into `work`, where methods leave numbers for one another. */
export const Work = {
  /** The reward being learned, clipped. */
  reward: 0,
  /** With which the action being learned was chosen. */
  probability: 1,
  /** What the model expected of the action being learned; `predict` leaves it here. */
  prediction: 2,
  /** Share of uniform exploration in this draw; 0 while frozen. */
  epsilon: 3,
  /** Squared error of the prediction. */
  loss: 4,
  /** How much the example counts; 1 unless the policy says otherwise. */
  weight: 5,
  /** Share of the evidence that `forget` keeps. */
  floor: 6,
  /** From here on the model's own. */
  model: 8,
} as const;
const WORK_WORDS = 24;

const POLICY_ALIGNMENT = 8;

/** Contexts of a configuration are this long. @realtime unsafe */
export function contextLength(config: Pick<LearningPolicyConfig, 'n_actions' | 'context_dim' | 'arm_dim'>): number {
  return config.context_dim + config.n_actions * config.arm_dim;
}

export abstract class LearningPolicy implements Policy {
  abstract readonly config: Readonly<LearningPolicyConfig>;
  readonly name: string;
  readonly nActions: number;
  /** Of the whole context: shared features, then each action's. */
  readonly contextDim: number;
  readonly stateBytes: number;
  readonly explainedDim: number;
  /** Of the features' names in order; part of the state. */
  readonly nameHash: number;
  frozen = false;

  /** The context under way, clipped. */
  protected readonly x: Float64Array;
  /** Numbers that methods leave for one another: see `Work`. */
  protected readonly work: Float64Array;
  /** What the model expects of each action in `x`. */
  protected readonly expected: Float64Array;
  /** What the last `select` drew from. */
  protected readonly shares: Float64Array;
  /** The model's doubles that are saved, all 0 at first. */
  protected readonly state: Float64Array;
  /** The model's doubles that are not saved, all 0 at first. */
  protected readonly scratch: Float64Array;
  protected readonly prng: Prng;

  readonly #bytes: number;
  readonly #kind: number;
  readonly #meaning: number;
  readonly #exported: Uint8Array;
  readonly #head: Float64Array;
  /** Never copied as doubles, lest a NaN lose bits. */
  readonly #generator: Uint32Array;
  readonly #drift: PageHinkley | null;
  readonly #resets: boolean;
  readonly #settings: LearningPolicyConfig;
  readonly #rewardLimits: Float64Array;
  readonly #epsilon: Float64Array;

  /**
   * Memory that a policy of these shapes needs [bytes], a multiple of 8.
   *
   * @throws PolicyConfigError where it is more than `MEMORY_LIMIT_BYTES`
   * @realtime unsafe
   */
  protected static bytesFor(config: LearningPolicyConfig, shape: ModelShape): number {
    const doubles =
      HEAD_WORDS +
      shape.stateDoubles +
      contextLength(config) +
      2 * config.n_actions +
      WORK_WORDS +
      shape.scratchDoubles;
    return checkMemory(config, STATE_HEADER_BYTES + 8 * doubles);
  }

  /**
   * Lays the block out and clears it. The subclass then gives its model's words their first values, in `clearModel`,
   * which its constructor calls.
   *
   * @throws PolicyConfigError
   * @realtime unsafe (allocates)
   */
  protected constructor(config: LearningPolicyConfig, shape: ModelShape, memory?: PolicyMemory) {
    checkShapes(config, shape.contextFree === true);
    this.name = shape.name;
    this.nActions = config.n_actions;
    this.contextDim = contextLength(config);
    this.explainedDim = shape.contextFree === true ? 1 : config.context_dim + config.arm_dim + 1;
    this.#settings = config;
    this.#kind = shape.kind;
    this.#bytes = LearningPolicy.bytesFor(config, shape);
    const buffer = memory?.buffer ?? allocateMemory(config, this.#bytes);
    const start = memory?.byteOffset ?? 0;
    if (start % POLICY_ALIGNMENT !== 0 || start < 0 || start + this.#bytes > buffer.byteLength) {
      throw new PolicyConfigError(
        'memory',
        `memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8: ${this.#bytes} are needed`,
      );
    }
    new Uint8Array(buffer, start, this.#bytes).fill(0);
    this.stateBytes = STATE_HEADER_BYTES + 8 * (HEAD_WORDS + shape.stateDoubles);
    this.nameHash = murmur3String(policyFeatureNames(config).join('\n'), 0);
    this.#meaning = murmur3String([config.arms, config.arm_dim, ...shape.meaning].join('\n'), 0);

    this.#exported = new Uint8Array(buffer, start, this.stateBytes);
    const header = new Uint32Array(buffer, start, STATE_HEADER_WORDS);
    let at = start + STATE_HEADER_BYTES;
    const doubles = (count: number): Float64Array => {
      const array = new Float64Array(buffer, at, count);
      at += count * 8;
      return array;
    };
    this.#generator = new Uint32Array(buffer, at, PRNG_STATE_WORDS);
    this.prng = new Prng(this.#generator);
    this.#head = doubles(HEAD_WORDS);
    this.state = doubles(shape.stateDoubles);
    this.x = doubles(this.contextDim);
    this.expected = doubles(this.nActions);
    this.shares = doubles(this.nActions);
    this.work = doubles(WORK_WORDS);
    this.scratch = doubles(shape.scratchDoubles);

    this.#drift =
      config.drift === 'off'
        ? null
        : new PageHinkley(this.#head.subarray(HEAD_DRIFT, HEAD_DRIFT + PAGE_HINKLEY_WORDS), {
            delta: config.drift_delta,
            threshold: config.drift_threshold,
            minimum: config.drift_minimum,
          });
    this.#resets = config.drift === 'reset';
    this.#rewardLimits = Float64Array.of(config.reward_min ?? -Infinity, config.reward_max ?? Infinity);
    this.#epsilon = Float64Array.of(config.epsilon);
    writeStateHeader(header, shape.kind, this.stateBytes, this.nActions, this.contextDim, this.nameHash, this.#meaning);
    this.prng.seed(config.random_seed);
  }

  /** Gives the model its first values, from `state` and `scratch` in any condition. @realtime safe */
  protected abstract clearModel(): void;

  /** Leaves what the model expects of every action in `x` in `expected`. @realtime safe */
  protected abstract evaluate(): void;

  /**
   * Writes the distribution over allowed actions that goes with the last `evaluate`, with the uniform share
   * `work[Work.epsilon]`; while frozen, the best by value.
   *
   * @returns how many actions can be drawn; 0 where the mask allows none
   * @realtime safe
   */
  protected abstract distribute(allowed: Uint8Array | null, out: Float64Array): number;

  /** Leaves what the model expects of `action` in `x` in `work[Work.prediction]`. @realtime safe */
  protected abstract predict(action: number): void;

  /**
   * Learns that `action` in `x`, chosen with `work[Work.probability]`, earned `work[Work.reward]` where
   * `work[Work.prediction]` was expected.
   *
   * @realtime safe
   */
  protected abstract learn(action: number): void;

  /**
   * Writes what each feature of `x` adds to what is expected of each action: see `Policy.explain`. Leaves the model, and
   * what the last `select` left, as they are. @realtime safe
   */
  protected abstract attribute(out: Float64Array): void;

  /** Forgets all but the share `work[Work.floor]` of the evidence. @realtime safe */
  protected abstract forget(): void;

  /** @throws PolicyStateError where these doubles cannot be this model's @realtime unsafe */
  protected abstract checkModel(state: Float64Array): void;

  /** Brings what follows from `state` up to date, after an import. @realtime unsafe */
  protected restored(): void {}

  /**
   * Draws an action after `evaluate`, with its share in `shares[action]`.
   *
   * @returns `NO_ACTION` where the mask allows none
   * @realtime safe
   */
  protected draw(allowed: Uint8Array | null): number {
    const candidates = this.distribute(allowed, this.shares);
    return candidates === 0 ? NO_ACTION : drawAction(this.shares, candidates, this.prng);
  }

  /** Forgets everything: the policy is as it was constructed. @realtime safe */
  reset(): void {
    this.#head.fill(0);
    this.prng.seed(this.#settings.random_seed);
    this.#epsilon[0] = this.#settings.epsilon;
    this.clearModel();
  }

  get lastProbability(): number {
    return this.#head[HEAD_LAST_PROBABILITY];
  }

  /**
   * Takes the probability of the last draw, `action`, from `shares` anew: for a policy that makes them when they are read.
   *
   * @realtime safe
   */
  protected takeProbability(action: number): void {
    this.#head[HEAD_LAST_PROBABILITY] = this.shares[action];
  }

  get lastValues(): Float64Array {
    return this.expected;
  }

  get lastDistribution(): Float64Array {
    return this.shares;
  }

  /** Decisions drawn since the start or the last reset by drift: what exploration schedules go by. @realtime safe */
  protected get decisionsOfSchedule(): number {
    return this.#head[HEAD_DECISIONS] - this.#head[HEAD_SCHEDULE_START];
  }

  /** Updates learned so far. @realtime safe */
  protected get updates(): number {
    return this.#head[HEAD_UPDATES];
  }

  /** How often the watch for drift has fired. @realtime safe */
  get driftAlarms(): number {
    return this.#drift === null ? 0 : this.#drift.alarms;
  }

  /**
   * Share of uniform exploration in the next draw. Setting it sets the value that the configured decay, if any, starts
   * from. Not restored by `importState`. @realtime safe
   */
  get epsilon(): number {
    const { epsilon_decay_steps: steps, epsilon_final: final, epsilon_decay: decay } = this.#settings;
    const first = this.#epsilon[0];
    if (steps === 0) return first;
    const share = this.decisionsOfSchedule / steps;
    if (share >= 1) return final;
    return decay === 'linear' || first === 0 ? first + (final - first) * share : first * (final / first) ** share;
  }

  set epsilon(share: number) {
    if (!(share >= 0 && share <= 1)) throw new PolicyConfigError('epsilon', `epsilon is ${share}, allowed: [0, 1]`);
    this.#epsilon[0] = share;
  }

  select(context: Float64Array, allowed: Uint8Array | null): number {
    this.#checkSelect(context, allowed);
    this.#load(context, 0);
    this.work[Work.epsilon] = this.frozen ? 0 : this.epsilon;
    this.evaluate();
    const head = this.#head;
    head[HEAD_LAST_PROBABILITY] = 0;
    const action = this.draw(allowed);
    if (action === NO_ACTION) return NO_ACTION;
    head[HEAD_DECISIONS]++;
    head[HEAD_LAST_PROBABILITY] = this.shares[action];
    return action;
  }

  probabilities(context: Float64Array, allowed: Uint8Array | null, out: Float64Array): void {
    this.#checkSelect(context, allowed);
    checkLength('output_length', 'out', out.length, this.nActions);
    this.#load(context, 0);
    this.work[Work.epsilon] = this.frozen ? 0 : this.epsilon;
    this.evaluate();
    this.distribute(allowed, out);
  }

  values(context: Float64Array, out: Float64Array): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkLength('output_length', 'out', out.length, this.nActions);
    this.#load(context, 0);
    this.evaluate();
    for (let a = 0; a < this.nActions; a++) out[a] = this.expected[a];
  }

  explain(context: Float64Array, out: Float64Array): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkLength('output_length', 'out', out.length, this.nActions * this.explainedDim);
    // Whoever asks for an explanation must not show in what is saved.
    const clamped = this.#head[HEAD_CLAMPED];
    this.#load(context, 0);
    this.#head[HEAD_CLAMPED] = clamped;
    this.attribute(out);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkAction(action, this.nActions);
    checkReward(reward);
    this.#checkRewardRange(reward);
    checkProbability(probability);
    this.#load(context, 0);
    if (this.frozen) return;
    this.work[Work.reward] = reward;
    this.work[Work.probability] = probability;
    this.#learn(action);
  }

  updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities: Float64Array | null = null,
  ): void {
    const rows = checkBatch(this.contextDim, this.nActions, contexts, actions, rewards, probabilities);
    const limits = this.#rewardLimits;
    for (let row = 0; row < rows; row++) {
      if (!(rewards[row] >= limits[0] && rewards[row] <= limits[1])) this.#checkRewardRange(rewards[row]);
    }
    if (this.frozen) return;
    for (let row = 0; row < rows; row++) {
      this.#load(contexts, row * this.contextDim);
      this.work[Work.reward] = rewards[row];
      this.work[Work.probability] = probabilities === null ? 1 : probabilities[row];
      this.#learn(actions[row]);
    }
  }

  #learn(action: number): void {
    const head = this.#head;
    const work = this.work;
    if (work[Work.reward] > VALUE_LIMIT || work[Work.reward] < -VALUE_LIMIT) {
      head[HEAD_CLAMPED]++;
      work[Work.reward] = work[Work.reward] > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
    }
    this.predict(action);
    const error = work[Work.reward] - work[Work.prediction];
    work[Work.loss] = error * error;
    head[HEAD_UPDATES]++;
    head[HEAD_REWARD_SUM] += work[Work.reward];
    head[HEAD_SQUARED_ERROR_SUM] += work[Work.loss];
    work[Work.weight] = 1;
    if (this.#drift?.observe(work, Work.loss) && this.#resets) {
      work[Work.floor] = this.#settings.drift_floor;
      this.#head[HEAD_SCHEDULE_START] = this.#head[HEAD_DECISIONS];
      this.forget();
    }
    this.learn(action);
  }

  #checkSelect(context: Float64Array, allowed: Uint8Array | null): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    if (allowed !== null) checkLength('allowed_length', 'allowed', allowed.length, this.nActions);
  }

  #checkRewardRange(reward: number): void {
    const limits = this.#rewardLimits;
    if (reward >= limits[0] && reward <= limits[1]) return;
    throw new PolicyInputError('reward_range', `reward is ${reward}, declared range [${limits[0]}, ${limits[1]}]`);
  }

  /** Copies a context into `x`, clipped; throws where it is not finite. */
  #load(contexts: Float64Array, offset: number): void {
    const x = this.x;
    const contextDim = x.length;
    for (let i = 0; i < contextDim; i++) {
      let value = contexts[offset + i];
      if (!(Math.abs(value) <= VALUE_LIMIT)) {
        checkContext(contexts, offset, contextDim);
        this.#head[HEAD_CLAMPED]++;
        value = value > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
      }
      x[i] = value;
    }
  }

  stats(): PolicyStats {
    const head = this.#head;
    const updates = head[HEAD_UPDATES];
    let nonZeroWeights = 0;
    for (const word of this.state) if (word !== 0) nonZeroWeights++;
    return {
      policy: this.name,
      decisions: head[HEAD_DECISIONS],
      updates,
      meanReward: updates > 0 ? head[HEAD_REWARD_SUM] / updates : 0,
      meanSquaredError: updates > 0 ? head[HEAD_SQUARED_ERROR_SUM] / updates : 0,
      epsilon: this.epsilon,
      learningRate: 0,
      driftAlarms: this.driftAlarms,
      clamped: head[HEAD_CLAMPED],
      slots: this.state.length,
      nonZeroWeights,
      bytes: this.#bytes,
    };
  }

  exportInto(out: Uint8Array): number {
    if (out.length < this.stateBytes) {
      throw new PolicyInputError('output_length', `out has ${out.length} bytes, a state needs ${this.stateBytes}`);
    }
    out.set(this.#exported);
    return this.stateBytes;
  }

  exportState(): Uint8Array {
    const out = new Uint8Array(this.stateBytes);
    this.exportInto(out);
    return out;
  }

  /**
   * Takes over model, counters, generator and the watch for drift. Settings stay this policy's own, so that a trained
   * policy can go on with other rates; the same settings give the same bits.
   */
  importState(state: Uint8Array): void {
    const header = readStateHeader(state);
    checkStateHeader(header, this.#kind, this.nActions, this.contextDim, this.nameHash);
    if (header.bits !== this.#meaning) {
      throw new PolicyStateError(
        'settings',
        `policy state was learned by a ${this.name} of other settings than this one`,
      );
    }
    if (header.bytes !== this.stateBytes) {
      throw new PolicyStateError('corrupt', `policy state has ${header.bytes} bytes, expected ${this.stateBytes}`);
    }
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    const generator = new Uint32Array(copy.buffer, STATE_HEADER_BYTES, PRNG_STATE_WORDS);
    const head = new Float64Array(copy.buffer, STATE_HEADER_BYTES, HEAD_WORDS);
    const model = new Float64Array(copy.buffer, STATE_HEADER_BYTES + HEAD_WORDS * 8, this.state.length);
    if ((generator[0] | generator[1] | generator[2] | generator[3]) === 0) refuseState('its generator is all zeros');
    for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++) {
      if (!Number.isFinite(head[i])) refuseState(`head word ${i} is ${head[i]}`);
      if (head[i] < 0 && i !== HEAD_REWARD_SUM) refuseState(`head word ${i} is ${head[i]}`);
    }
    // Not this policy's own threshold, which may be another than that of the policy it comes from.
    const fault = pageHinkleyFault(head.subarray(HEAD_DRIFT, HEAD_SCHEDULE_START), LARGEST_DRIFT_THRESHOLD);
    if (fault !== null) refuseState(fault);
    if (head[HEAD_SCHEDULE_START] > head[HEAD_DECISIONS])
      refuseState(`its schedule starts at ${head[HEAD_SCHEDULE_START]}`);
    if (head[HEAD_LAST_PROBABILITY] > 1) refuseState(`last probability is ${head[HEAD_LAST_PROBABILITY]}`);
    for (let i = 0; i < model.length; i++) {
      if (!Number.isFinite(model[i])) refuseState(`model word ${i} is ${model[i]}`);
    }
    this.checkModel(model);
    this.#exported.set(copy);
    this.restored();
  }
}

/** Refuses a state as damaged. @throws PolicyStateError always */
export function refuseState(what: string): never {
  throw new PolicyStateError('corrupt', `policy state is damaged: ${what}`);
}

/** Names of a configuration's features: the shared ones, then those of an action. @realtime unsafe */
export function policyFeatureNames(config: LearningPolicyConfig): string[] {
  return [
    ...(config.feature_names ?? Array.from({ length: config.context_dim }, (_, i) => `f${i}`)),
    ...(config.arm_feature_names ?? Array.from({ length: config.arm_dim }, (_, i) => `g${i}`)),
  ];
}

/** Throws unless the shapes go with how actions share what is learned. @throws PolicyConfigError @realtime unsafe */
export function checkArms(config: Pick<LearningPolicyConfig, 'arms' | 'arm_dim' | 'context_dim'>): void {
  const { arms, arm_dim: armDim, context_dim: contextDim } = config;
  if ((arms === 'disjoint') !== (armDim === 0)) {
    throw new PolicyConfigError('arm_dim', `arm_dim is ${armDim}, allowed: 0 with arms: disjoint, 1 or more without`);
  }
  if ((arms === 'tied') !== (contextDim === 0)) {
    throw new PolicyConfigError(
      'context_dim',
      `context_dim is ${contextDim}, allowed: 0 with arms: tied, 1 or more without`,
    );
  }
}

/** Throws where ε could not get to its end. @throws PolicyConfigError @realtime unsafe */
export function checkEpsilonDecay(
  config: Pick<LearningPolicyConfig, 'epsilon_decay' | 'epsilon_decay_steps' | 'epsilon_final'>,
): void {
  if (config.epsilon_decay === 'exponential' && config.epsilon_decay_steps > 0 && !(config.epsilon_final > 0)) {
    throw new PolicyConfigError(
      'epsilon_final',
      'epsilon_final is 0, allowed: above 0 with epsilon_decay: exponential',
    );
  }
}

function checkShapes(config: LearningPolicyConfig, contextFree: boolean): void {
  if (!contextFree) checkArms(config);
  checkEpsilonDecay(config);
  if (config.reward_min !== null && config.reward_max !== null && !(config.reward_min < config.reward_max)) {
    throw new PolicyConfigError(
      'reward_min',
      `reward_min is ${config.reward_min}, allowed: less than reward_max, ${config.reward_max}`,
    );
  }
  checkFeatureNames('feature_names', config.feature_names, config.context_dim, []);
  checkFeatureNames('arm_feature_names', config.arm_feature_names, config.arm_dim, config.feature_names ?? []);
}
