/**
 * The contextual bandit of Vowpal Wabbit's kind: a linear regression of the reward over hashed weights (`GdRegression`,
 * where the learning rule stands), and exploration over the values it predicts.
 *
 * Thread: the control thread, or any one thread at a time. `select` reads `n_actions` × (`context_dim` + 1) weights;
 * `update` touches `context_dim` + 1 slots, with one square root and two divisions each while `power_t` is 0.5.
 * Everything it touches lies in one buffer, sized by `ContextualBandit.bytes`, but for the few settings of the
 * regression; after construction it allocates nothing. The buffer begins with the state in the form that `exportInto`
 * copies, which is older than `LearningPolicy` and differs from it: the head has no room for a watch for drift, and
 * checkpoints that robots have must be read. So the class stands beside that base, not on it.
 */
import { murmur3String } from '../core/hash.js';
import { PRNG_STATE_WORDS, Prng } from '../core/prng.js';
import { type ContextualBanditConfig, featureNames, resolveBanditConfig } from './contextual-bandit-config.js';
import {
  distribute,
  drawAction,
  EXPLORATION_FIELDS,
  Exploration,
  type ExplorationCode,
  ExplorationField,
  explorationCode,
} from './exploration.js';
import { GD_SHARED_WORDS, GD_WORK_END, GdRegression, gdLayout, VALUE_FLOOR } from './gd-regression.js';
import { contextLength, refuseState, Work } from './learning-policy.js';
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
import { allocateMemory, checkMemory } from './policy-settings.js';
import {
  checkStateHeader,
  PolicyKind,
  readStateHeader,
  STATE_HEADER_BYTES,
  STATE_HEADER_WORDS,
  writeStateHeader,
} from './state-format.js';

/** Doubles of a slot: weight, accumulated squared gradient, largest |x|. */
const SLOT_WORDS = 3;

// The model's head, in doubles from the buffer's start; the generator's four 32-bit words are its first two.
const HEAD_DECISIONS = 2;
const HEAD_UPDATES = 3;
/** From here on the three words that all weights of the regression share. */
const HEAD_REGRESSION = 4;
const HEAD_REWARD_SUM = 7;
const HEAD_SQUARED_ERROR_SUM = 8;
const HEAD_CLAMPED = 9;
const HEAD_LAST_PROBABILITY = 10;
/** Words up to here are restored by an import; the settings after it are the importer's own. */
const HEAD_RESTORED = 11;
const HEAD_LEARNING_RATE = 11;
const HEAD_EPSILON = 12;
const HEAD_WORDS = 16;

// Settings written into a state, as doubles.
const SETTING_POWER_T = 0;
const SETTING_INITIAL_T = 1;
const SETTING_L1 = 2;
const SETTING_L2 = 3;
const SETTING_STRATEGY = 4;
const SETTING_TAU = 5;
const SETTING_RULE = 6;
const SETTING_CB_TYPE = 7;
const SETTING_IMPORTANCE_CAP = 8;
const SETTING_EPSILON_FINAL = 9;
const SETTING_EPSILON_DECAY_STEPS = 10;
const SETTING_SLOTS = 11;
const SETTING_WORDS = 12;

/** `SETTING_RULE` says which parts give the accumulators their meaning, and how actions share weights. */
const RULE_ADAPTIVE = 1;
const RULE_NORMALIZED = 2;
const RULE_ARMS = { disjoint: 0, tied: 4, hybrid: 8 } as const;

function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Bytes of a state with `slots` slots: header, head, settings, slot numbers, weights, accumulators, scales. */
function stateBytesFor(slots: number): number {
  return STATE_HEADER_BYTES + (HEAD_WORDS + SETTING_WORDS) * 8 + align8(slots * 4) + slots * SLOT_WORDS * 8;
}

/**
 * Bytes that no choice of names exceeds: state, values and distribution, exploration, work, the regression's scratch.
 *
 * @throws PolicyConfigError where they are more than `MEMORY_LIMIT_BYTES`
 */
function bytesFor(config: ContextualBanditConfig): number {
  const features = config.context_dim + 1;
  const entries = config.n_actions * features + config.arm_dim;
  const scratch = contextLength(config) + 1 + features + config.arm_dim;
  const doubles = scratch + GD_WORK_END + EXPLORATION_FIELDS + config.n_actions * 2;
  return checkMemory(config, stateBytesFor(entries) + doubles * 8 + align8(entries * 4));
}

/** See `GdRegression` for the learning rule, `ContextualBanditConfig` for the settings, `Policy` for the methods. */
export class ContextualBandit implements Policy {
  readonly name = 'bandit';
  readonly config: Readonly<ContextualBanditConfig>;
  readonly nActions: number;
  /** Of the whole context: shared features, then each action's. */
  readonly contextDim: number;
  readonly stateBytes: number;
  readonly explainedDim: number;
  /** Hash of the features' names in order; part of the state. */
  readonly nameHash: number;
  frozen = false;

  readonly #bytes: number;
  /** The state as it is exported; all up to `#slotWords` are parts of it. */
  readonly #state: Uint8Array;
  readonly #head: Float64Array;
  /** The generator's words: the head's first two doubles, which are never copied as doubles, lest a NaN lose bits. */
  readonly #generator: Uint32Array;
  readonly #prng: Prng;
  readonly #settings: Float64Array;
  /** Number in the table of 2^bits of each slot that is stored. */
  readonly #slotNumbers: Uint32Array;
  /** Weights, accumulated squared gradients, largest |x|, one of each slot after the other. */
  readonly #slotWords: Float64Array;
  readonly #regression: GdRegression;
  /** The context under way, clipped, as the regression reads it. */
  readonly #x: Float64Array;
  /** Where in `#x` the constant 1 is. */
  readonly #constant: number;
  /** Numbers passed between methods: doubles passed as arguments or results are boxed where a call is not inlined. */
  readonly #work: Float64Array;
  readonly #exploration: Float64Array;
  readonly lastValues: Float64Array;
  readonly lastDistribution: Float64Array;
  readonly #strategy: ExplorationCode;
  readonly #exponential: boolean;
  readonly #weighted: boolean;

  /** Memory a policy with this configuration needs, all of it. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<ContextualBanditConfig> = {}): number {
    return bytesFor(resolveBanditConfig(config));
  }

  /**
   * An untrained policy.
   *
   * @param config what differs from the defaults
   * @param memory at least `ContextualBandit.bytes(config)`; the policy allocates its own where absent
   * @throws PolicyConfigError
   * @realtime unsafe (allocates; fills the table)
   */
  constructor(config: Partial<ContextualBanditConfig> = {}, memory?: PolicyMemory) {
    const resolved = resolveBanditConfig(config);
    this.config = Object.freeze(resolved);
    this.nActions = resolved.n_actions;
    this.contextDim = contextLength(resolved);
    this.explainedDim = resolved.context_dim + resolved.arm_dim + 1;
    this.#bytes = bytesFor(resolved);
    const buffer = memory?.buffer ?? allocateMemory(resolved, this.#bytes);
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + this.#bytes > buffer.byteLength) {
      throw new PolicyConfigError(
        'memory',
        `memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8: ${this.#bytes} are needed`,
      );
    }

    const names = featureNames(resolved);
    this.nameHash = murmur3String(names.join('\n'), 0);
    const layout = gdLayout(resolved);
    const slots = layout.slotNumbers.length;
    this.stateBytes = stateBytesFor(slots);

    let at = start;
    this.#state = new Uint8Array(buffer, at, this.stateBytes);
    const header = new Uint32Array(buffer, at, STATE_HEADER_WORDS);
    at += STATE_HEADER_BYTES;
    this.#head = new Float64Array(buffer, at, HEAD_WORDS);
    this.#generator = new Uint32Array(buffer, at, PRNG_STATE_WORDS);
    this.#prng = new Prng(this.#generator);
    at += HEAD_WORDS * 8;
    this.#settings = new Float64Array(buffer, at, SETTING_WORDS);
    at += SETTING_WORDS * 8;
    this.#slotNumbers = new Uint32Array(buffer, at, slots);
    at += align8(slots * 4);
    this.#slotWords = new Float64Array(buffer, at, slots * SLOT_WORDS);
    at += slots * SLOT_WORDS * 8;
    this.#work = new Float64Array(buffer, at, GD_WORK_END);
    at += GD_WORK_END * 8;
    this.#exploration = new Float64Array(buffer, at, EXPLORATION_FIELDS);
    at += EXPLORATION_FIELDS * 8;
    this.lastValues = new Float64Array(buffer, at, this.nActions);
    at += this.nActions * 8;
    this.lastDistribution = new Float64Array(buffer, at, this.nActions);
    at += this.nActions * 8;
    this.#regression = new GdRegression(
      resolved,
      this.#slotWords,
      new Float64Array(buffer, at, GdRegression.scratchDoubles(resolved, layout)),
      layout,
      this.#head.subarray(HEAD_REGRESSION, HEAD_REGRESSION + GD_SHARED_WORDS),
    );
    this.#x = this.#regression.input;
    this.#constant = resolved.context_dim;
    this.#strategy = explorationCode(resolved.exploration_strategy);
    this.#exponential = resolved.epsilon_decay === 'exponential';
    this.#weighted = resolved.cb_type === 'mtr';

    // Whatever the memory held is not part of the state, the padding included.
    this.#state.fill(0);
    writeStateHeader(
      header,
      PolicyKind.contextualBandit,
      this.stateBytes,
      this.nActions,
      this.contextDim,
      this.nameHash,
      resolved.bits,
    );
    this.#slotNumbers.set(layout.slotNumbers);
    this.#writeSettings();
    this.reset();
  }

  /** Forgets everything: the policy is as it was constructed. @realtime safe */
  reset(): void {
    const head = this.#head;
    head.fill(0);
    this.#prng.seed(this.config.random_seed);
    head[HEAD_LEARNING_RATE] = this.config.learning_rate;
    head[HEAD_EPSILON] = this.config.epsilon;
    this.#regression.learningRate = this.config.learning_rate;
    this.#regression.clear();
  }

  get lastProbability(): number {
    return this.#head[HEAD_LAST_PROBABILITY];
  }

  /** Step size η; a schedule may set it between decisions. Not restored by `importState`. @realtime safe */
  get learningRate(): number {
    return this.#head[HEAD_LEARNING_RATE];
  }

  set learningRate(rate: number) {
    this.#regression.learningRate = rate;
    this.#head[HEAD_LEARNING_RATE] = rate;
  }

  /**
   * Share of uniform exploration in the next draw. Setting it sets the value that the configured decay, if any, starts
   * from. Not restored by `importState`. @realtime safe
   */
  get epsilon(): number {
    const head = this.#head;
    const steps = this.#settings[SETTING_EPSILON_DECAY_STEPS];
    if (steps === 0) return head[HEAD_EPSILON];
    const final = this.#settings[SETTING_EPSILON_FINAL];
    const decisions = head[HEAD_DECISIONS];
    if (decisions >= steps) return final;
    const first = head[HEAD_EPSILON];
    if (this.#exponential && first > 0) return first * (final / first) ** (decisions / steps);
    return first + (final - first) * (decisions / steps);
  }

  set epsilon(share: number) {
    if (!(share >= 0 && share <= 1)) throw new PolicyConfigError('epsilon', `epsilon is ${share}, allowed: [0, 1]`);
    this.#head[HEAD_EPSILON] = share;
  }

  select(context: Float64Array, allowed: Uint8Array | null): number {
    this.#checkSelect(context, allowed);
    this.#load(context, 0);
    const probabilities = this.lastDistribution;
    const head = this.#head;
    const candidates = this.#distribute(allowed, probabilities);
    head[HEAD_LAST_PROBABILITY] = 0;
    if (candidates === 0) return NO_ACTION;
    const action = drawAction(probabilities, candidates, this.#prng);
    head[HEAD_DECISIONS]++;
    head[HEAD_LAST_PROBABILITY] = probabilities[action];
    return action;
  }

  probabilities(context: Float64Array, allowed: Uint8Array | null, out: Float64Array): void {
    this.#checkSelect(context, allowed);
    checkLength('output_length', 'out', out.length, this.nActions);
    this.#load(context, 0);
    this.#distribute(allowed, out);
  }

  values(context: Float64Array, out: Float64Array): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkLength('output_length', 'out', out.length, this.nActions);
    this.#load(context, 0);
    this.#regression.evaluateInput(out);
  }

  explain(context: Float64Array, out: Float64Array): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkLength('output_length', 'out', out.length, this.nActions * this.explainedDim);
    // Whoever asks for an explanation must not show in what is saved.
    const clamped = this.#head[HEAD_CLAMPED];
    this.#load(context, 0);
    this.#head[HEAD_CLAMPED] = clamped;
    out.fill(0);
    this.#regression.addContributions(out);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkAction(action, this.nActions);
    checkReward(reward);
    checkProbability(probability);
    this.#load(context, 0);
    if (this.frozen) return;
    this.#work[Work.reward] = reward;
    this.#work[Work.probability] = probability;
    this.#learn(action);
  }

  updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities: Float64Array | null = null,
  ): void {
    const rows = checkBatch(this.contextDim, this.nActions, contexts, actions, rewards, probabilities);
    if (this.frozen) return;
    for (let row = 0; row < rows; row++) {
      this.#load(contexts, row * this.contextDim);
      this.#work[Work.reward] = rewards[row];
      this.#work[Work.probability] = probabilities === null ? 1 : probabilities[row];
      this.#learn(actions[row]);
    }
  }

  #checkSelect(context: Float64Array, allowed: Uint8Array | null): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    if (allowed !== null) checkLength('allowed_length', 'allowed', allowed.length, this.nActions);
  }

  /** Copies a context into `#x`, clipped; throws where it is not finite. */
  #load(contexts: Float64Array, offset: number): void {
    const x = this.#x;
    const shared = this.#constant;
    for (let i = 0; i < shared; i++) {
      let value = contexts[offset + i];
      const magnitude = Math.abs(value);
      if (!(magnitude <= VALUE_LIMIT)) value = this.#clip(contexts, offset, i);
      x[i] = magnitude < VALUE_FLOOR ? 0 : value;
    }
    const contextDim = this.contextDim;
    // The constant lies between.
    for (let i = shared; i < contextDim; i++) {
      let value = contexts[offset + i];
      const magnitude = Math.abs(value);
      if (!(magnitude <= VALUE_LIMIT)) value = this.#clip(contexts, offset, i);
      x[i + 1] = magnitude < VALUE_FLOOR ? 0 : value;
    }
  }

  /** @returns the limit that feature `i` is beyond; throws where the context is not finite */
  #clip(contexts: Float64Array, offset: number, i: number): number {
    checkContext(contexts, offset, this.contextDim);
    this.#head[HEAD_CLAMPED]++;
    return contexts[offset + i] > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
  }

  /** Writes the distribution for the context in `#x`. @returns how many actions can be drawn */
  #distribute(allowed: Uint8Array | null, out: Float64Array): number {
    this.#regression.evaluateInput(this.lastValues);
    const exploration = this.#exploration;
    exploration[ExplorationField.epsilon] = this.frozen ? 0 : this.epsilon;
    // Frozen, the best action is all that is left.
    const strategy = this.frozen ? Exploration.epsilon : this.#strategy;
    return distribute(this.lastValues, allowed, strategy, exploration, out);
  }

  /** One update of `action`'s weights for the context in `#x`, with reward and probability in `#work`. */
  #learn(action: number): void {
    const head = this.#head;
    const work = this.#work;
    const regression = this.#regression;
    if (work[Work.reward] > VALUE_LIMIT || work[Work.reward] < -VALUE_LIMIT) {
      head[HEAD_CLAMPED]++;
      work[Work.reward] = work[Work.reward] > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
    }
    work[Work.weight] = this.#weighted
      ? Math.min(1 / work[Work.probability], this.#settings[SETTING_IMPORTANCE_CAP])
      : 1;
    regression.predictInput(action, work);
    const error = work[Work.reward] - work[Work.prediction];
    head[HEAD_UPDATES]++;
    head[HEAD_REWARD_SUM] += work[Work.reward];
    head[HEAD_SQUARED_ERROR_SUM] += error * error;
    regression.learnInput(action, work);
  }

  stats(): PolicyStats {
    const head = this.#head;
    const updates = head[HEAD_UPDATES];
    return {
      policy: this.name,
      decisions: head[HEAD_DECISIONS],
      updates,
      meanReward: updates > 0 ? head[HEAD_REWARD_SUM] / updates : 0,
      meanSquaredError: updates > 0 ? head[HEAD_SQUARED_ERROR_SUM] / updates : 0,
      epsilon: this.epsilon,
      learningRate: this.learningRate,
      driftAlarms: 0,
      clamped: head[HEAD_CLAMPED],
      slots: this.#regression.slots,
      nonZeroWeights: this.#regression.nonZeroWeights(),
      bytes: this.#bytes,
    };
  }

  exportInto(out: Uint8Array): number {
    if (out.length < this.stateBytes) {
      throw new PolicyInputError('output_length', `out has ${out.length} bytes, a state needs ${this.stateBytes}`);
    }
    out.set(this.#state);
    return this.stateBytes;
  }

  exportState(): Uint8Array {
    const out = new Uint8Array(this.stateBytes);
    this.exportInto(out);
    return out;
  }

  /**
   * Takes over weights, counters and generator. Rates and exploration stay this policy's own, so that a trained policy
   * can go on with other settings; the same settings give the same bits.
   */
  importState(state: Uint8Array): void {
    const header = readStateHeader(state);
    checkStateHeader(header, PolicyKind.contextualBandit, this.nActions, this.contextDim, this.nameHash);
    if (header.bits !== this.config.bits) {
      throw new PolicyStateError(
        'bits',
        `policy state has a table of ${header.bits} bits, this policy of ${this.config.bits}; convertState carries it over`,
      );
    }
    if (header.bytes !== this.stateBytes) {
      throw new PolicyStateError(
        'corrupt',
        `policy state has ${header.bytes} bytes, one of these shapes has ${this.stateBytes}`,
      );
    }
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    const slots = this.#regression.slots;
    let at = STATE_HEADER_BYTES;
    const generator = new Uint32Array(copy.buffer, at, PRNG_STATE_WORDS);
    const head = new Float64Array(copy.buffer, at, HEAD_WORDS);
    at += HEAD_WORDS * 8;
    const settings = new Float64Array(copy.buffer, at, SETTING_WORDS);
    at += SETTING_WORDS * 8;
    const slotNumbers = new Uint32Array(copy.buffer, at, slots);
    at += align8(slots * 4);
    const slotWords = new Float64Array(copy.buffer, at, slots * SLOT_WORDS);

    if (settings[SETTING_RULE] !== this.#rule()) {
      throw new PolicyStateError(
        'update_rule',
        'policy state was learned with other parts of adaptive and normalized switched on, or other arms',
      );
    }
    checkGenerator(generator);
    checkHead(head);
    for (let k = 0; k < slots; k++) {
      if (slotNumbers[k] !== this.#slotNumbers[k]) refuseState(`slot ${k} is number ${slotNumbers[k]}`);
    }
    this.#regression.checkSlots(slotWords);

    this.#generator.set(generator);
    for (let i = HEAD_DECISIONS; i < HEAD_RESTORED; i++) this.#head[i] = head[i];
    this.#slotWords.set(slotWords);
  }

  #rule(): number {
    const { adaptive, normalized, arms } = this.config;
    return (adaptive ? RULE_ADAPTIVE : 0) | (normalized ? RULE_NORMALIZED : 0) | RULE_ARMS[arms];
  }

  #writeSettings(): void {
    const settings = this.#settings;
    settings[SETTING_POWER_T] = this.config.power_t;
    settings[SETTING_INITIAL_T] = this.config.initial_t;
    settings[SETTING_L1] = this.config.l1_regularization;
    settings[SETTING_L2] = this.config.l2_regularization;
    settings[SETTING_STRATEGY] = this.#strategy;
    settings[SETTING_TAU] = this.#strategy === Exploration.boltzmann ? this.config.boltzmann_tau : 1;
    settings[SETTING_RULE] = this.#rule();
    settings[SETTING_CB_TYPE] = this.#weighted ? 1 : 0;
    settings[SETTING_IMPORTANCE_CAP] = this.config.importance_cap;
    settings[SETTING_EPSILON_FINAL] = this.config.epsilon_final;
    settings[SETTING_EPSILON_DECAY_STEPS] = this.config.epsilon_decay_steps;
    settings[SETTING_SLOTS] = this.#regression.slots;
    this.#exploration[ExplorationField.tau] = settings[SETTING_TAU];
  }

  /**
   * Takes over everything another policy of as many actions learned, feature by feature, by name. Features that only
   * one of the two has start fresh or are dropped. Where names that were apart now share a slot, the weight is the mean
   * of theirs by accumulator, the accumulator their sum and the scale their largest.
   *
   * @realtime unsafe
   */
  #carry(from: ContextualBandit): void {
    const fromNames = featureNames(from.config);
    const position = new Map(fromNames.map((name, i) => [name, i]));
    const names = featureNames(this.config);
    this.#generator.set(from.#generator);
    for (let i = HEAD_DECISIONS; i < HEAD_RESTORED; i++) this.#head[i] = from.#head[i];
    // For each slot here, the slots there that feed it; a set, since names that shared one there may share one here.
    const sources = new Map<number, Set<number>>();
    for (let a = 0; a < this.nActions; a++) {
      for (let i = 0; i < names.length; i++) {
        const there = position.get(names[i]);
        if (there === undefined) continue;
        const to = this.#regression.slotOf(a, i);
        const set = sources.get(to) ?? new Set();
        set.add(from.#regression.slotOf(a, there));
        sources.set(to, set);
      }
    }
    for (const [to, set] of sources) this.#regression.carry(to, from.#regression, set);
  }

  /** See `convertState`. */
  static convert(
    state: Uint8Array,
    fromConfig: Partial<ContextualBanditConfig>,
    toConfig: Partial<ContextualBanditConfig>,
  ): Uint8Array {
    const from = new ContextualBandit(fromConfig);
    from.importState(state);
    const to = new ContextualBandit(toConfig);
    if (from.nActions !== to.nActions) {
      throw new PolicyStateError(
        'n_actions',
        `policy state has ${from.nActions} actions, the target has ${to.nActions}`,
      );
    }
    if (from.#rule() !== to.#rule()) {
      throw new PolicyStateError('update_rule', 'adaptive, normalized and arms must be the same on both sides');
    }
    to.#carry(from);
    return to.exportState();
  }
}

/**
 * Carries a policy's state from one table size to another, each weight by its feature's name, so that learning goes on
 * where it was.
 *
 * @param state as exported by a policy of `fromConfig`
 * @returns a state that a policy of `toConfig` imports
 * @throws PolicyStateError where the state is not one of `fromConfig` or the configurations do not fit
 * @realtime unsafe
 */
export function convertState(
  state: Uint8Array,
  fromConfig: Partial<ContextualBanditConfig>,
  toConfig: Partial<ContextualBanditConfig>,
): Uint8Array {
  return ContextualBandit.convert(state, fromConfig, toConfig);
}

function checkGenerator(words: Uint32Array): void {
  if ((words[0] | words[1] | words[2] | words[3]) === 0) refuseState('its generator is all zeros');
}

function checkHead(head: Float64Array): void {
  for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++) {
    if (!Number.isFinite(head[i])) refuseState(`head word ${i} is ${head[i]}`);
    if (head[i] < 0 && i !== HEAD_REWARD_SUM) refuseState(`head word ${i} is ${head[i]}`);
  }
  if (head[HEAD_LAST_PROBABILITY] > 1) refuseState(`last probability is ${head[HEAD_LAST_PROBABILITY]}`);
}
