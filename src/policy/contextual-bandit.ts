/**
 * The contextual bandit of Vowpal Wabbit's kind: for each action a linear regression of the reward over hashed weights,
 * and exploration over the values they predict.
 *
 * Thread: the control thread, or any one thread at a time. `select` reads `n_actions` × (`context_dim` + 1) weights;
 * `update` touches `context_dim` + 1 slots, with one square root and two divisions each while `power_t` is 0.5.
 * Everything it touches lies in one buffer, sized by `ContextualBandit.bytes`; after construction it allocates nothing.
 * The buffer begins with the state in the form that `exportInto` copies.
 *
 * Names are known at construction, so the slots of the 2^bits that any of them reaches are too, and only those are
 * stored, action by action: features collide as they would in the whole table, but 24 features and 8 actions take 7 kB
 * that stay in the nearest cache, where the table of 18 bits takes 6 MB and a page for each weight.
 *
 * The update is that of Vowpal Wabbit's `gd.cc` with its defaults `--adaptive --normalized --invariant` and squared
 * loss. The same as there:
 * - AdaGrad (Duchi, Hazan & Singer 2011): each weight's accumulator G adds (2 (p - r) x)² and its rate is G^-power_t;
 *   `initial_t` is where G starts.
 * - Normalised (Ross, Mineiro & Langford 2013): N is the largest |x| seen of a feature; its rate is divided by
 *   N^(2 - 2 power_t), its weight is rescaled when N grows, and all rates share the factor
 *   (Σ Σ x²/N² / examples)^(power_t - 1).
 * - Importance-aware (Karampatziakis & Langford 2011): the step is the limit of infinitely many small ones, so the new
 *   prediction is p + (r - p)(1 - exp(-2 η h s)), with h the importance weight and s the change of prediction per unit of
 *   step. It approaches the reward and does not pass it.
 * - Without `adaptive` the rate decays as (t₀ / (t₀ + t))^power_t over the importance weight t learned so far.
 * - L2 shrinks and L1 truncates weights in proportion to the effective step η̄ = (1 - exp(-2 η h s)) / (2 s).
 *
 * What differs:
 * - Double precision throughout, square roots exact, where VW keeps floats and estimates 1/√. The bits are the same on
 *   every machine, and accumulators still grow after ten million updates.
 * - L1 and L2 act only on the slots an update touches. VW scales the whole table by a shared factor, so there an
 *   action's weights fade while others learn; here an action that is not chosen keeps what it knows.
 * - Values are not clipped to the range of rewards seen, which would tie every action predicted above the best.
 * - A slot is murmur3(name) seeded by the action, where VW offsets a namespace's hash.
 * - Two features of one action that share a slot use the rate each found on its way through; VW uses the later.
 * - Numbers beyond ±1e15 count as ±1e15 and those within ±1e-15 as 0. From that, from the bound η√h that AdaGrad puts on
 *   a normalised step, and from a last clamp of weights at 1e60, all state stays finite under any finite input.
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
import { hashFeatures } from './feature-table.js';
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
  checkStateHeader,
  PolicyKind,
  readStateHeader,
  STATE_HEADER_BYTES,
  STATE_HEADER_WORDS,
  writeStateHeader,
} from './state-format.js';

/** Features nearer to 0 than this are absent: their squares would leave the range of doubles. */
const VALUE_FLOOR = 1e-15;
const WEIGHT_LIMIT = 1e60;
/** Squared gradients below are a reward predicted to the last bit: nothing to learn. */
const GRADIENT_FLOOR = 1e-100;

/** Doubles of a slot: weight, accumulated squared gradient, largest |x|. */
const SLOT_WORDS = 3;

// The model's head, in doubles from the buffer's start; the generator's four 32-bit words are its first two.
const HEAD_DECISIONS = 2;
const HEAD_UPDATES = 3;
const HEAD_NORM_SUM = 4;
const HEAD_NORM_WEIGHT = 5;
const HEAD_TIME = 6;
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

// Numbers that one method leaves for another, in doubles. Passed as arguments or results they would be boxed wherever V8
// does not inline the call: 16 bytes each, which was up to 100 bytes for a decision.
const WORK_REWARD = 0;
const WORK_PROBABILITY = 1;
const WORK_WEIGHT = 2;
const WORK_GRADIENT = 3;
const WORK_SLOPE = 4;
const WORK_SCALE = 5;
const WORK_EFFECTIVE = 6;
const WORK_WORDS = 8;

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Bytes of a state with `slots` slots: header, head, settings, slot numbers, weights, accumulators, scales. */
function stateBytesFor(slots: number): number {
  return STATE_HEADER_BYTES + (HEAD_WORDS + SETTING_WORDS) * 8 + align8(slots * 4) + slots * SLOT_WORDS * 8;
}

/** Bytes that no choice of names exceeds: state, context and steps, values and distribution, slot of each feature. */
function bytesFor(config: ContextualBanditConfig): number {
  const features = config.context_dim + 1;
  const entries = config.n_actions * features;
  return (
    stateBytesFor(entries) +
    (features * 2 + WORK_WORDS + EXPLORATION_FIELDS + config.n_actions * 2) * 8 +
    align8(entries * 4)
  );
}

/** See the file's head for the learning rule, `ContextualBanditConfig` for the settings, `Policy` for the methods. */
export class ContextualBandit implements Policy {
  readonly name = 'bandit';
  readonly config: Readonly<ContextualBanditConfig>;
  readonly nActions: number;
  readonly contextDim: number;
  readonly stateBytes: number;
  /** Hash of the features' names in order; part of the state. */
  readonly nameHash: number;
  frozen = false;

  readonly #bytes: number;
  /** The state as it is exported; all up to `#scales` are parts of it. */
  readonly #state: Uint8Array;
  readonly #head: Float64Array;
  /** The generator's words: the head's first two doubles, which are never copied as doubles, lest a NaN lose bits. */
  readonly #generator: Uint32Array;
  readonly #prng: Prng;
  readonly #settings: Float64Array;
  /** Number in the table of 2^bits of each slot that is stored. */
  readonly #slotNumbers: Uint32Array;
  readonly #weights: Float64Array;
  /** Accumulated squared gradient of each slot. */
  readonly #gradients: Float64Array;
  /** Largest |x| seen at each slot. */
  readonly #scales: Float64Array;
  /** The context under way, clipped, with the constant 1 last. */
  readonly #x: Float64Array;
  /** x · rate of each feature in the update under way. */
  readonly #steps: Float64Array;
  /** Numbers passed between methods; see `WORK_*`. */
  readonly #work: Float64Array;
  readonly #exploration: Float64Array;
  readonly lastValues: Float64Array;
  readonly lastDistribution: Float64Array;
  /** Slot of each action's each feature. */
  readonly #table: Int32Array;

  readonly #adaptive: boolean;
  readonly #normalized: boolean;
  readonly #invariant: boolean;
  readonly #squareRoot: boolean;
  readonly #strategy: ExplorationCode;
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
    this.contextDim = resolved.context_dim;
    this.#bytes = bytesFor(resolved);
    const buffer = memory?.buffer ?? new ArrayBuffer(this.#bytes);
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + this.#bytes > buffer.byteLength) {
      throw new PolicyConfigError(
        'memory',
        `memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8: ${this.#bytes} are needed`,
      );
    }

    const names = featureNames(resolved);
    this.nameHash = murmur3String(names.join('\n'), 0);
    const { slotOf, slotNumbers } = hashFeatures(names, this.nActions, resolved.bits);
    const slots = slotNumbers.length;
    const features = names.length;
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
    this.#weights = new Float64Array(buffer, at, slots);
    at += slots * 8;
    this.#gradients = new Float64Array(buffer, at, slots);
    at += slots * 8;
    this.#scales = new Float64Array(buffer, at, slots);
    at += slots * 8;
    this.#x = new Float64Array(buffer, at, features);
    at += features * 8;
    this.#steps = new Float64Array(buffer, at, features);
    at += features * 8;
    this.#work = new Float64Array(buffer, at, WORK_WORDS);
    at += WORK_WORDS * 8;
    this.#exploration = new Float64Array(buffer, at, EXPLORATION_FIELDS);
    at += EXPLORATION_FIELDS * 8;
    this.lastValues = new Float64Array(buffer, at, this.nActions);
    at += this.nActions * 8;
    this.lastDistribution = new Float64Array(buffer, at, this.nActions);
    at += this.nActions * 8;
    this.#table = new Int32Array(buffer, at, slotOf.length);
    this.#table.set(slotOf);

    this.#adaptive = resolved.adaptive;
    this.#normalized = resolved.normalized;
    this.#invariant = resolved.invariant;
    this.#squareRoot = resolved.adaptive && resolved.normalized && resolved.power_t === 0.5;
    this.#strategy = explorationCode(resolved.exploration_strategy);
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
    this.#slotNumbers.set(slotNumbers);
    this.#writeSettings();
    this.reset();
  }

  /** Forgets everything: the policy is as it was constructed. @realtime safe */
  reset(): void {
    const head = this.#head;
    head.fill(0);
    this.#prng.seed(this.config.random_seed);
    head[HEAD_NORM_SUM] = this.config.initial_t;
    head[HEAD_NORM_WEIGHT] = this.config.initial_t;
    head[HEAD_LEARNING_RATE] = this.config.learning_rate;
    head[HEAD_EPSILON] = this.config.epsilon;
    this.#weights.fill(0);
    this.#gradients.fill(this.config.initial_t);
    this.#scales.fill(0);
    this.#x[this.contextDim] = 1;
  }

  get lastProbability(): number {
    return this.#head[HEAD_LAST_PROBABILITY];
  }

  /** Step size η; a schedule may set it between decisions. Not restored by `importState`. @realtime safe */
  get learningRate(): number {
    return this.#head[HEAD_LEARNING_RATE];
  }

  set learningRate(rate: number) {
    if (!(rate >= 0 && rate <= 1000))
      throw new PolicyConfigError('learning_rate', `learning_rate is ${rate}, allowed: [0, 1000]`);
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
    return head[HEAD_EPSILON] + (final - head[HEAD_EPSILON]) * (decisions / steps);
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
    this.#predictAll(out);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    checkAction(action, this.nActions);
    checkReward(reward);
    checkProbability(probability);
    this.#load(context, 0);
    if (this.frozen) return;
    this.#work[WORK_REWARD] = reward;
    this.#work[WORK_PROBABILITY] = probability;
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
      this.#work[WORK_REWARD] = rewards[row];
      this.#work[WORK_PROBABILITY] = probabilities === null ? 1 : probabilities[row];
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
    const contextDim = x.length - 1;
    for (let i = 0; i < contextDim; i++) {
      let value = contexts[offset + i];
      const magnitude = Math.abs(value);
      if (!(magnitude <= VALUE_LIMIT)) {
        checkContext(contexts, offset, contextDim);
        this.#head[HEAD_CLAMPED]++;
        value = value > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
      }
      x[i] = magnitude < VALUE_FLOOR ? 0 : value;
    }
  }

  #predict(action: number): number {
    const x = this.#x;
    const table = this.#table;
    const weights = this.#weights;
    const features = x.length;
    const base = action * features;
    let value = 0;
    for (let i = 0; i < features; i++) value += weights[table[base + i]] * x[i];
    return value;
  }

  /**
   * The values of all actions, two at a time: a sum waits for each of its additions in turn, and two sums wait side by
   * side. Each is added up in the order of `#predict`, to the same bits.
   */
  #predictAll(out: Float64Array): void {
    const x = this.#x;
    const table = this.#table;
    const weights = this.#weights;
    const features = x.length;
    const nActions = out.length;
    let a = 0;
    for (; a + 1 < nActions; a += 2) {
      const first = a * features;
      const second = first + features;
      let firstValue = 0;
      let secondValue = 0;
      for (let i = 0; i < features; i++) {
        const value = x[i];
        firstValue += weights[table[first + i]] * value;
        secondValue += weights[table[second + i]] * value;
      }
      out[a] = firstValue;
      out[a + 1] = secondValue;
    }
    if (a < nActions) out[a] = this.#predict(a);
  }

  /** Writes the distribution for the context in `#x`. @returns how many actions can be drawn */
  #distribute(allowed: Uint8Array | null, out: Float64Array): number {
    this.#predictAll(this.lastValues);
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
    const settings = this.#settings;
    let target = work[WORK_REWARD];
    if (target > VALUE_LIMIT || target < -VALUE_LIMIT) {
      head[HEAD_CLAMPED]++;
      target = target > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
    }
    const weight = this.#weighted ? Math.min(1 / work[WORK_PROBABILITY], settings[SETTING_IMPORTANCE_CAP]) : 1;
    const x = this.#x;
    const table = this.#table;
    const weights = this.#weights;
    const features = x.length;
    const base = action * features;
    let prediction = 0;
    for (let i = 0; i < features; i++) prediction += weights[table[base + i]] * x[i];

    const error = target - prediction;
    const time = head[HEAD_TIME];
    head[HEAD_UPDATES]++;
    head[HEAD_TIME] = time + weight;
    head[HEAD_REWARD_SUM] += target;
    head[HEAD_SQUARED_ERROR_SUM] += error * error;
    const gradientSquared = 4 * error * error * weight;
    if (gradientSquared < GRADIENT_FLOOR) return;

    work[WORK_WEIGHT] = weight;
    work[WORK_GRADIENT] = gradientSquared;
    if (this.#squareRoot) this.#accumulate(base);
    else this.#accumulateAny(base);
    let slope = work[WORK_SLOPE];
    let factor = 1;
    const power = settings[SETTING_POWER_T];
    if (this.#normalized) {
      const average = head[HEAD_NORM_SUM] / head[HEAD_NORM_WEIGHT];
      factor = this.#squareRoot ? 1 / Math.sqrt(average) : average ** (this.#adaptive ? power - 1 : -1);
      slope *= factor;
    }
    let rate = head[HEAD_LEARNING_RATE] * weight;
    if (!this.#adaptive) {
      const origin = Math.max(settings[SETTING_INITIAL_T], 1);
      rate *= (origin / (origin + time)) ** power;
    }
    // Half of what the step would be per unit of error: η̄, which regularisation goes by.
    const effective = this.#invariant ? -Math.expm1(-2 * rate * slope) / (2 * slope) : rate;
    work[WORK_SCALE] = 2 * error * effective * factor;
    work[WORK_EFFECTIVE] = effective;
    this.#step(base);
  }

  /**
   * Adds the squared gradient and the scales, and leaves x · rate of each feature in `#steps`. For power_t = 0.5,
   * adaptive and normalised, where a rate is 1 / (√G · N). Leaves Σ x² · rate in `#work`.
   */
  #accumulate(base: number): void {
    const work = this.#work;
    const gradientSquared = work[WORK_GRADIENT];
    const weight = work[WORK_WEIGHT];
    const x = this.#x;
    const table = this.#table;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const scales = this.#scales;
    const steps = this.#steps;
    const features = x.length;
    let slope = 0;
    let norm = 0;
    for (let i = 0; i < features; i++) {
      const value = x[i];
      if (value === 0) {
        steps[i] = 0;
        continue;
      }
      const at = table[base + i];
      const accumulated = gradients[at] + gradientSquared * value * value;
      gradients[at] = accumulated;
      const magnitude = value < 0 ? -value : value;
      let scale = scales[at];
      if (magnitude > scale) {
        if (scale > 0) weights[at] *= scale / magnitude;
        scale = magnitude;
        scales[at] = scale;
      }
      const relative = value / scale;
      norm += relative * relative;
      const step = relative / Math.sqrt(accumulated);
      steps[i] = step;
      slope += value * step;
    }
    this.#head[HEAD_NORM_SUM] += weight * norm;
    this.#head[HEAD_NORM_WEIGHT] += weight;
    work[WORK_SLOPE] = slope;
  }

  /** The same for any power_t and with either part off. */
  #accumulateAny(base: number): void {
    const work = this.#work;
    const gradientSquared = work[WORK_GRADIENT];
    const weight = work[WORK_WEIGHT];
    const x = this.#x;
    const table = this.#table;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const scales = this.#scales;
    const steps = this.#steps;
    const features = x.length;
    const power = this.#settings[SETTING_POWER_T];
    const normPower = this.#adaptive ? 2 * power - 2 : -2;
    let slope = 0;
    let norm = 0;
    for (let i = 0; i < features; i++) {
      const value = x[i];
      if (value === 0) {
        steps[i] = 0;
        continue;
      }
      const at = table[base + i];
      let rate = 1;
      if (this.#adaptive) {
        const accumulated = gradients[at] + gradientSquared * value * value;
        gradients[at] = accumulated;
        rate = accumulated ** -power;
      }
      if (this.#normalized) {
        const magnitude = Math.abs(value);
        let scale = scales[at];
        if (magnitude > scale) {
          if (scale > 0) weights[at] *= (magnitude / scale) ** normPower;
          scale = magnitude;
          scales[at] = scale;
        }
        const relative = value / scale;
        norm += relative * relative;
        rate *= scale ** normPower;
      }
      const step = value * rate;
      steps[i] = step;
      slope += value * step;
    }
    this.#head[HEAD_NORM_SUM] += weight * norm;
    this.#head[HEAD_NORM_WEIGHT] += weight;
    work[WORK_SLOPE] = slope;
  }

  /** Adds the scale in `#work` · `#steps` to the weights of the features present, then shrinks and truncates them. */
  #step(base: number): void {
    const scale = this.#work[WORK_SCALE];
    const effective = this.#work[WORK_EFFECTIVE];
    const table = this.#table;
    const weights = this.#weights;
    const steps = this.#steps;
    const features = steps.length;
    const shrink = Math.max(0, 1 - this.#settings[SETTING_L2] * effective);
    const gravity = this.#settings[SETTING_L1] * effective;
    for (let i = 0; i < features; i++) {
      const step = steps[i];
      if (step === 0) continue;
      const at = table[base + i];
      let value = (weights[at] + scale * step) * shrink;
      if (gravity > 0) value = value > gravity ? value - gravity : value < -gravity ? value + gravity : 0;
      if (value > WEIGHT_LIMIT) value = WEIGHT_LIMIT;
      else if (value < -WEIGHT_LIMIT) value = -WEIGHT_LIMIT;
      weights[at] = value;
    }
  }

  stats(): PolicyStats {
    const head = this.#head;
    const updates = head[HEAD_UPDATES];
    let nonZeroWeights = 0;
    for (let k = 0; k < this.#weights.length; k++) if (this.#weights[k] !== 0) nonZeroWeights++;
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
      slots: this.#weights.length,
      nonZeroWeights,
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
    const slots = this.#weights.length;
    let at = STATE_HEADER_BYTES;
    const generator = new Uint32Array(copy.buffer, at, PRNG_STATE_WORDS);
    const head = new Float64Array(copy.buffer, at, HEAD_WORDS);
    at += HEAD_WORDS * 8;
    const settings = new Float64Array(copy.buffer, at, SETTING_WORDS);
    at += SETTING_WORDS * 8;
    const slotNumbers = new Uint32Array(copy.buffer, at, slots);
    at += align8(slots * 4);
    const weights = new Float64Array(copy.buffer, at, slots);
    const gradients = new Float64Array(copy.buffer, at + slots * 8, slots);
    const scales = new Float64Array(copy.buffer, at + slots * 16, slots);

    if (settings[SETTING_RULE] !== this.#rule()) {
      throw new PolicyStateError(
        'update_rule',
        'policy state was learned with other parts of adaptive and normalized switched on',
      );
    }
    checkGenerator(generator);
    checkHead(head);
    for (let k = 0; k < slots; k++) {
      if (slotNumbers[k] !== this.#slotNumbers[k]) refuse(`slot ${k} is number ${slotNumbers[k]}`);
      if (!(Math.abs(weights[k]) <= WEIGHT_LIMIT)) refuse(`weight ${k} is ${weights[k]}`);
      if (!(gradients[k] >= 0 && gradients[k] < Infinity)) refuse(`accumulator ${k} is ${gradients[k]}`);
      if (!(scales[k] >= 0 && scales[k] <= VALUE_LIMIT)) refuse(`scale ${k} is ${scales[k]}`);
    }

    this.#generator.set(generator);
    for (let i = HEAD_DECISIONS; i < HEAD_RESTORED; i++) this.#head[i] = head[i];
    this.#weights.set(weights);
    this.#gradients.set(gradients);
    this.#scales.set(scales);
  }

  /** Which parts give the accumulators their meaning: adaptive is bit 0, normalised bit 1. */
  #rule(): number {
    return (this.#adaptive ? 1 : 0) | (this.#normalized ? 2 : 0);
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
    settings[SETTING_SLOTS] = this.#weights.length;
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
        const to = this.#table[a * names.length + i];
        const set = sources.get(to) ?? new Set();
        set.add(from.#table[a * fromNames.length + there]);
        sources.set(to, set);
      }
    }
    for (const [to, set] of sources) {
      let weight = 0;
      let gradients = 0;
      let scale = 0;
      const only = set.size === 1;
      for (const at of set) {
        const evidence = from.#gradients[at];
        weight += only ? from.#weights[at] : from.#weights[at] * evidence;
        gradients += evidence;
        scale = Math.max(scale, from.#scales[at]);
      }
      this.#weights[to] = only || gradients === 0 ? weight : weight / gradients;
      this.#gradients[to] = gradients;
      this.#scales[to] = scale;
    }
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
      throw new PolicyStateError('update_rule', 'adaptive and normalized must be the same on both sides');
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

function refuse(what: string): never {
  throw new PolicyStateError('corrupt', `policy state is damaged: ${what}`);
}

function checkGenerator(words: Uint32Array): void {
  if ((words[0] | words[1] | words[2] | words[3]) === 0) refuse('its generator is all zeros');
}

function checkHead(head: Float64Array): void {
  for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++) {
    if (!Number.isFinite(head[i])) refuse(`head word ${i} is ${head[i]}`);
    if (head[i] < 0 && i !== HEAD_REWARD_SUM) refuse(`head word ${i} is ${head[i]}`);
  }
  if (head[HEAD_LAST_PROBABILITY] > 1) refuse(`last probability is ${head[HEAD_LAST_PROBABILITY]}`);
}
