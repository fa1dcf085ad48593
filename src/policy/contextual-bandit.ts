/**
 * The contextual bandit of Vowpal Wabbit's kind: for each action a linear regression of the reward over hashed weights,
 * and exploration over the values they predict.
 *
 * Thread: the control thread, or any one thread at a time. `select` reads `n_actions` × (`context_dim` + 1) weights;
 * `update` touches `context_dim` + 1 slots, with one square root and two divisions each while `power_t` is 0.5.
 * Everything it touches lies in one buffer, sized by `ContextualBandit.bytes`; after construction it allocates nothing.
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
import { hashSeed, murmur3String } from '../core/hash.js';
import { PRNG_STATE_WORDS, Prng } from '../core/prng.js';
import { type ContextualBanditConfig, featureNames, resolveBanditConfig } from './contextual-bandit-config.js';
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
  PolicyStateError,
  type PolicyStats,
  VALUE_LIMIT,
} from './policy.js';
import { checkStateHeader, PolicyKind, readStateHeader, STATE_HEADER_BYTES, writeStateHeader } from './state-format.js';

/** Features nearer to 0 than this are absent: their squares would leave the range of doubles. */
const VALUE_FLOOR = 1e-15;
const WEIGHT_LIMIT = 1e60;
/** Squared gradients below are a reward predicted to the last bit: nothing to learn. */
const GRADIENT_FLOOR = 1e-100;

// One slot of the table: weight, accumulated squared gradient, largest |x|.
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

const STRATEGY_EPSILON = 0;
const STRATEGY_SOFTMAX = 1;
const STRATEGY_BOLTZMANN = 2;

/** Where each part of the buffer begins, in bytes; every start is a multiple of 8. */
interface Layout {
  head: number;
  slots: number;
  x: number;
  steps: number;
  values: number;
  probabilities: number;
  staging: number;
  table: number;
  used: number;
  total: number;
}

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Bytes of a state with `slots` slots: header, head, settings, slot numbers, slots. */
function stateBytesFor(slots: number): number {
  return STATE_HEADER_BYTES + (HEAD_WORDS + SETTING_WORDS) * 8 + align8(slots * 4) + slots * SLOT_WORDS * 8;
}

function layoutFor(config: ContextualBanditConfig): Layout {
  const features = config.context_dim + 1;
  const entries = config.n_actions * features;
  const head = 0;
  const slots = head + HEAD_WORDS * 8;
  const x = slots + 2 ** config.bits * SLOT_WORDS * 8;
  const steps = x + features * 8;
  const values = steps + features * 8;
  const probabilities = values + config.n_actions * 8;
  const staging = probabilities + config.n_actions * 8;
  const table = staging + stateBytesFor(entries);
  const used = align8(table + entries * 4);
  const total = align8(used + entries * 4);
  return { head, slots, x, steps, values, probabilities, staging, table, used, total };
}

/** Memory for a policy. */
export interface PolicyMemory {
  /** May be shared; what it holds is overwritten. */
  buffer: ArrayBuffer | SharedArrayBuffer;
  /** A multiple of 8; 0 where absent. */
  byteOffset?: number;
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

  readonly #layout: Layout;
  readonly #head: Float64Array;
  /** The generator's words: the head's first two doubles, which are never copied as doubles, lest a NaN lose bits. */
  readonly #generator: Uint32Array;
  readonly #prng: Prng;
  readonly #slots: Float64Array;
  /** The context under way, clipped, with the constant 1 last. */
  readonly #x: Float64Array;
  /** x · rate of each feature in the update under way. */
  readonly #steps: Float64Array;
  readonly #values: Float64Array;
  readonly #probabilities: Float64Array;
  /** Index in `#slots` of each action's each feature. */
  readonly #table: Int32Array;
  /** The slots that any action's feature reaches, ascending. */
  readonly #used: Int32Array;
  readonly #usedCount: number;
  readonly #staging: Uint8Array;
  readonly #stagedGenerator: Uint32Array;
  readonly #stagedHead: Float64Array;
  readonly #stagedSlots: Float64Array;

  readonly #powerT: number;
  readonly #timeOrigin: number;
  readonly #adaptive: boolean;
  readonly #normalized: boolean;
  readonly #invariant: boolean;
  readonly #squareRoot: boolean;
  readonly #l1: number;
  readonly #l2: number;
  readonly #strategy: number;
  readonly #tau: number;
  readonly #weighted: boolean;
  readonly #importanceCap: number;
  readonly #epsilonFinal: number;
  readonly #epsilonDecaySteps: number;

  /** Memory a policy with this configuration needs, all of it. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<ContextualBanditConfig> = {}): number {
    return layoutFor(resolveBanditConfig(config)).total;
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
    const layout = layoutFor(resolved);
    this.#layout = layout;
    const buffer = memory?.buffer ?? new ArrayBuffer(layout.total);
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + layout.total > buffer.byteLength) {
      throw new PolicyConfigError(
        'memory',
        `memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8: ${layout.total} are needed`,
      );
    }

    const features = this.contextDim + 1;
    const entries = this.nActions * features;
    this.#head = new Float64Array(buffer, start + layout.head, HEAD_WORDS);
    this.#generator = new Uint32Array(buffer, start + layout.head, PRNG_STATE_WORDS);
    this.#prng = new Prng(this.#generator);
    this.#slots = new Float64Array(buffer, start + layout.slots, 2 ** resolved.bits * SLOT_WORDS);
    this.#x = new Float64Array(buffer, start + layout.x, features);
    this.#steps = new Float64Array(buffer, start + layout.steps, features);
    this.#values = new Float64Array(buffer, start + layout.values, this.nActions);
    this.#probabilities = new Float64Array(buffer, start + layout.probabilities, this.nActions);
    this.#table = new Int32Array(buffer, start + layout.table, entries);
    this.#used = new Int32Array(buffer, start + layout.used, entries);

    const names = featureNames(resolved);
    this.nameHash = murmur3String(names.join('\n'), 0);
    this.#usedCount = fillTable(this.#table, this.#used, names, this.nActions, resolved.bits);
    this.stateBytes = stateBytesFor(this.#usedCount);
    this.#staging = new Uint8Array(buffer, start + layout.staging, this.stateBytes);
    const headAt = start + layout.staging + STATE_HEADER_BYTES;
    this.#stagedGenerator = new Uint32Array(buffer, headAt, PRNG_STATE_WORDS);
    this.#stagedHead = new Float64Array(buffer, headAt, HEAD_WORDS + SETTING_WORDS);
    const numbersAt = headAt + (HEAD_WORDS + SETTING_WORDS) * 8;
    const slotsAt = numbersAt + align8(this.#usedCount * 4);
    this.#stagedSlots = new Float64Array(buffer, slotsAt, this.#usedCount * SLOT_WORDS);

    this.#powerT = resolved.power_t;
    this.#timeOrigin = Math.max(resolved.initial_t, 1);
    this.#adaptive = resolved.adaptive;
    this.#normalized = resolved.normalized;
    this.#invariant = resolved.invariant;
    this.#squareRoot = resolved.adaptive && resolved.normalized && resolved.power_t === 0.5;
    this.#l1 = resolved.l1_regularization;
    this.#l2 = resolved.l2_regularization;
    this.#strategy =
      resolved.exploration_strategy === 'epsilon'
        ? STRATEGY_EPSILON
        : resolved.exploration_strategy === 'softmax'
          ? STRATEGY_SOFTMAX
          : STRATEGY_BOLTZMANN;
    this.#tau = this.#strategy === STRATEGY_BOLTZMANN ? resolved.boltzmann_tau : 1;
    this.#weighted = resolved.cb_type === 'mtr';
    this.#importanceCap = resolved.importance_cap;
    this.#epsilonFinal = resolved.epsilon_final;
    this.#epsilonDecaySteps = resolved.epsilon_decay_steps;

    this.reset();
    this.#stageConstants(new Uint32Array(buffer, start + layout.staging, STATE_HEADER_BYTES / 4));
    new Uint32Array(buffer, numbersAt, this.#usedCount).set(this.#used.subarray(0, this.#usedCount));
  }

  /** Forgets everything: the policy is as it was constructed. Touches the whole table. @realtime unsafe */
  reset(): void {
    const head = this.#head;
    head.fill(0);
    this.#slots.fill(0);
    this.#prng.seed(this.config.random_seed);
    head[HEAD_NORM_SUM] = this.config.initial_t;
    head[HEAD_NORM_WEIGHT] = this.config.initial_t;
    head[HEAD_LEARNING_RATE] = this.config.learning_rate;
    head[HEAD_EPSILON] = this.config.epsilon;
    for (let k = 0; k < this.#usedCount; k++) this.#slots[this.#used[k] * SLOT_WORDS + 1] = this.config.initial_t;
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
    const first = head[HEAD_EPSILON];
    const steps = this.#epsilonDecaySteps;
    if (steps === 0) return first;
    const decisions = head[HEAD_DECISIONS];
    if (decisions >= steps) return this.#epsilonFinal;
    return first + (this.#epsilonFinal - first) * (decisions / steps);
  }

  set epsilon(share: number) {
    if (!(share >= 0 && share <= 1)) throw new PolicyConfigError('epsilon', `epsilon is ${share}, allowed: [0, 1]`);
    this.#head[HEAD_EPSILON] = share;
  }

  select(context: Float64Array, allowed: Uint8Array | null): number {
    this.#checkSelect(context, allowed);
    this.#load(context, 0);
    const probabilities = this.#probabilities;
    const head = this.#head;
    const candidates = this.#distribute(allowed, probabilities);
    head[HEAD_LAST_PROBABILITY] = 0;
    if (candidates === 0) return NO_ACTION;
    // With one candidate there is nothing to draw, so a frozen policy without ties leaves the generator alone.
    let rest = candidates === 1 ? 0 : this.#prng.nextFloat();
    let action = NO_ACTION;
    for (let a = 0; a < probabilities.length; a++) {
      const probability = probabilities[a];
      if (probability > 0) {
        action = a;
        if (rest < probability) break;
        rest -= probability;
      }
    }
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
    this.#learn(action, reward, probability);
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
      this.#learn(actions[row], rewards[row], probabilities === null ? 1 : probabilities[row]);
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
      if (!(value <= VALUE_LIMIT && value >= -VALUE_LIMIT)) {
        checkContext(contexts, offset, contextDim);
        this.#head[HEAD_CLAMPED]++;
        value = value > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
      }
      if (value < VALUE_FLOOR && value > -VALUE_FLOOR) value = 0;
      x[i] = value;
    }
  }

  #predict(action: number): number {
    const x = this.#x;
    const table = this.#table;
    const slots = this.#slots;
    const features = x.length;
    const base = action * features;
    let value = 0;
    for (let i = 0; i < features; i++) value += slots[table[base + i]] * x[i];
    return value;
  }

  #predictAll(out: Float64Array): void {
    for (let a = 0; a < out.length; a++) out[a] = this.#predict(a);
  }

  /** Writes the distribution for the context in `#x`. @returns how many actions have a share */
  #distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const values = this.#values;
    const nActions = values.length;
    let count = 0;
    let best = -Infinity;
    let ties = 0;
    for (let a = 0; a < nActions; a++) {
      out[a] = 0;
      if (allowed !== null && allowed[a] === 0) continue;
      count++;
      const value = this.#predict(a);
      values[a] = value;
      if (value > best) {
        best = value;
        ties = 1;
      } else if (value === best) {
        ties++;
      }
    }
    if (count === 0) return 0;

    const epsilon = this.frozen ? 0 : this.epsilon;
    const uniform = epsilon / count;
    if (this.frozen || this.#strategy === STRATEGY_EPSILON) {
      const share = (1 - epsilon) / ties;
      for (let a = 0; a < nActions; a++) {
        if (allowed !== null && allowed[a] === 0) continue;
        out[a] = values[a] === best ? uniform + share : uniform;
      }
      return epsilon > 0 ? count : ties;
    }
    const tau = this.#tau;
    let sum = 0;
    for (let a = 0; a < nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      const mass = Math.exp((values[a] - best) / tau);
      out[a] = mass;
      sum += mass;
    }
    const scale = (1 - epsilon) / sum;
    for (let a = 0; a < nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      out[a] = uniform + out[a] * scale;
    }
    return count;
  }

  /** One update of `action`'s weights for the context in `#x`. */
  #learn(action: number, reward: number, probability: number): void {
    const head = this.#head;
    let target = reward;
    if (target > VALUE_LIMIT || target < -VALUE_LIMIT) {
      head[HEAD_CLAMPED]++;
      target = target > 0 ? VALUE_LIMIT : -VALUE_LIMIT;
    }
    let weight = 1;
    if (this.#weighted) {
      weight = 1 / probability;
      if (weight > this.#importanceCap) weight = this.#importanceCap;
    }
    const error = target - this.#predict(action);
    const updates = head[HEAD_UPDATES];
    const time = head[HEAD_TIME];
    head[HEAD_UPDATES] = updates + 1;
    head[HEAD_TIME] = time + weight;
    head[HEAD_REWARD_SUM] += target;
    head[HEAD_SQUARED_ERROR_SUM] += error * error;
    const gradientSquared = 4 * error * error * weight;
    if (gradientSquared < GRADIENT_FLOOR) return;

    const base = action * this.#x.length;
    let slope = this.#squareRoot
      ? this.#accumulate(base, gradientSquared, weight)
      : this.#accumulateAny(base, gradientSquared, weight);
    let factor = 1;
    if (this.#normalized) {
      const average = head[HEAD_NORM_SUM] / head[HEAD_NORM_WEIGHT];
      factor = this.#squareRoot ? 1 / Math.sqrt(average) : average ** (this.#adaptive ? this.#powerT - 1 : -1);
      slope *= factor;
    }
    let rate = head[HEAD_LEARNING_RATE] * weight;
    if (!this.#adaptive) rate *= (this.#timeOrigin / (this.#timeOrigin + time)) ** this.#powerT;
    // Half of what the step would be per unit of error: η̄, which regularisation goes by.
    const effective = this.#invariant ? -Math.expm1(-2 * rate * slope) / (2 * slope) : rate;
    this.#step(base, 2 * error * effective * factor, effective);
  }

  /**
   * Adds the squared gradient and the scales, and leaves x · rate of each feature in `#steps`. For power_t = 0.5,
   * adaptive and normalised, where a rate is 1 / (√G · N).
   *
   * @returns Σ x² · rate
   */
  #accumulate(base: number, gradientSquared: number, weight: number): number {
    const x = this.#x;
    const table = this.#table;
    const slots = this.#slots;
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
      const gradients = slots[at + 1] + gradientSquared * value * value;
      slots[at + 1] = gradients;
      const magnitude = value < 0 ? -value : value;
      let scale = slots[at + 2];
      if (magnitude > scale) {
        if (scale > 0) slots[at] *= scale / magnitude;
        scale = magnitude;
        slots[at + 2] = scale;
      }
      const relative = value / scale;
      norm += relative * relative;
      const step = relative / Math.sqrt(gradients);
      steps[i] = step;
      slope += value * step;
    }
    this.#head[HEAD_NORM_SUM] += weight * norm;
    this.#head[HEAD_NORM_WEIGHT] += weight;
    return slope;
  }

  /** The same for any power_t and with either part off. */
  #accumulateAny(base: number, gradientSquared: number, weight: number): number {
    const x = this.#x;
    const table = this.#table;
    const slots = this.#slots;
    const steps = this.#steps;
    const features = x.length;
    const power = this.#powerT;
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
        const gradients = slots[at + 1] + gradientSquared * value * value;
        slots[at + 1] = gradients;
        rate = gradients ** -power;
      }
      if (this.#normalized) {
        const magnitude = Math.abs(value);
        let scale = slots[at + 2];
        if (magnitude > scale) {
          if (scale > 0) slots[at] *= (magnitude / scale) ** normPower;
          scale = magnitude;
          slots[at + 2] = scale;
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
    return slope;
  }

  /** Adds `scale` · `#steps` to the weights of the features present, then shrinks and truncates them. */
  #step(base: number, scale: number, effective: number): void {
    const table = this.#table;
    const slots = this.#slots;
    const steps = this.#steps;
    const features = steps.length;
    const shrink = Math.max(0, 1 - this.#l2 * effective);
    const gravity = this.#l1 * effective;
    for (let i = 0; i < features; i++) {
      const step = steps[i];
      if (step === 0) continue;
      const at = table[base + i];
      let value = (slots[at] + scale * step) * shrink;
      if (gravity > 0) value = value > gravity ? value - gravity : value < -gravity ? value + gravity : 0;
      if (value > WEIGHT_LIMIT) value = WEIGHT_LIMIT;
      else if (value < -WEIGHT_LIMIT) value = -WEIGHT_LIMIT;
      slots[at] = value;
    }
  }

  stats(): PolicyStats {
    const head = this.#head;
    const updates = head[HEAD_UPDATES];
    let nonZeroWeights = 0;
    for (let k = 0; k < this.#usedCount; k++) if (this.#slots[this.#used[k] * SLOT_WORDS] !== 0) nonZeroWeights++;
    return {
      policy: this.name,
      decisions: head[HEAD_DECISIONS],
      updates,
      meanReward: updates > 0 ? head[HEAD_REWARD_SUM] / updates : 0,
      meanSquaredError: updates > 0 ? head[HEAD_SQUARED_ERROR_SUM] / updates : 0,
      epsilon: this.epsilon,
      learningRate: this.learningRate,
      clamped: head[HEAD_CLAMPED],
      slots: this.#usedCount,
      nonZeroWeights,
      bytes: this.#layout.total,
    };
  }

  exportInto(out: Uint8Array): number {
    if (out.length < this.stateBytes) {
      throw new PolicyInputError('output_length', `out has ${out.length} bytes, a state needs ${this.stateBytes}`);
    }
    const head = this.#head;
    const stagedHead = this.#stagedHead;
    for (let i = 0; i < PRNG_STATE_WORDS; i++) this.#stagedGenerator[i] = this.#generator[i];
    for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++) stagedHead[i] = head[i];
    const slots = this.#slots;
    const used = this.#used;
    const staged = this.#stagedSlots;
    let to = 0;
    for (let k = 0; k < this.#usedCount; k++) {
      const at = used[k] * SLOT_WORDS;
      staged[to++] = slots[at];
      staged[to++] = slots[at + 1];
      staged[to++] = slots[at + 2];
    }
    out.set(this.#staging);
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
    // A copy, for alignment.
    const copy = state.slice();
    const head = new Float64Array(copy.buffer, STATE_HEADER_BYTES, HEAD_WORDS + SETTING_WORDS);
    const numbersAt = STATE_HEADER_BYTES + (HEAD_WORDS + SETTING_WORDS) * 8;
    const numbers = new Uint32Array(copy.buffer, numbersAt, this.#usedCount);
    const slots = new Float64Array(copy.buffer, numbersAt + align8(this.#usedCount * 4), this.#usedCount * SLOT_WORDS);
    this.#checkState(head, new Uint32Array(copy.buffer, STATE_HEADER_BYTES, PRNG_STATE_WORDS), numbers, slots);

    this.#generator.set(new Uint32Array(copy.buffer, STATE_HEADER_BYTES, PRNG_STATE_WORDS));
    for (let i = HEAD_DECISIONS; i < HEAD_RESTORED; i++) this.#head[i] = head[i];
    for (let k = 0; k < this.#usedCount; k++) {
      for (let word = 0; word < SLOT_WORDS; word++) {
        this.#slots[this.#used[k] * SLOT_WORDS + word] = slots[k * SLOT_WORDS + word];
      }
    }
  }

  #checkState(head: Float64Array, generator: Uint32Array, numbers: Uint32Array, slots: Float64Array): void {
    const refuse = (what: string): never => {
      throw new PolicyStateError('corrupt', `policy state is damaged: ${what}`);
    };
    if ((generator[0] | generator[1] | generator[2] | generator[3]) === 0) refuse('generator state is zero');
    for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++)
      if (!Number.isFinite(head[i])) refuse(`head word ${i} is ${head[i]}`);
    for (const i of [HEAD_DECISIONS, HEAD_UPDATES, HEAD_NORM_SUM, HEAD_NORM_WEIGHT, HEAD_TIME, HEAD_CLAMPED]) {
      if (head[i] < 0) refuse(`head word ${i} is negative`);
    }
    const lastProbability = head[HEAD_LAST_PROBABILITY];
    if (lastProbability < 0 || lastProbability > 1) refuse(`last probability is ${lastProbability}`);
    const rule = head[HEAD_WORDS + SETTING_RULE];
    if (rule !== this.#rule()) {
      throw new PolicyStateError(
        'update_rule',
        'policy state was learned with other parts of adaptive and normalized switched on',
      );
    }
    for (let k = 0; k < this.#usedCount; k++) {
      if (numbers[k] !== this.#used[k]) refuse(`slot ${k} is number ${numbers[k]}, expected ${this.#used[k]}`);
      const weight = slots[k * SLOT_WORDS];
      const gradients = slots[k * SLOT_WORDS + 1];
      const scale = slots[k * SLOT_WORDS + 2];
      if (!(Math.abs(weight) <= WEIGHT_LIMIT)) refuse(`weight of slot ${numbers[k]} is ${weight}`);
      if (!(gradients >= 0 && gradients < Infinity)) refuse(`accumulator of slot ${numbers[k]} is ${gradients}`);
      if (!(scale >= 0 && scale <= VALUE_LIMIT)) refuse(`scale of slot ${numbers[k]} is ${scale}`);
    }
  }

  /** Which parts give the accumulators their meaning: adaptive is bit 0, normalised bit 1. */
  #rule(): number {
    return (this.#adaptive ? 1 : 0) | (this.#normalized ? 2 : 0);
  }

  /** Fills the parts of a state that never change. */
  #stageConstants(header: Uint32Array): void {
    writeStateHeader(
      header,
      PolicyKind.contextualBandit,
      this.stateBytes,
      this.nActions,
      this.contextDim,
      this.nameHash,
      this.config.bits,
    );
    const staged = this.#stagedHead;
    staged.fill(0);
    staged[HEAD_WORDS + SETTING_POWER_T] = this.#powerT;
    staged[HEAD_WORDS + SETTING_INITIAL_T] = this.config.initial_t;
    staged[HEAD_WORDS + SETTING_L1] = this.#l1;
    staged[HEAD_WORDS + SETTING_L2] = this.#l2;
    staged[HEAD_WORDS + SETTING_STRATEGY] = this.#strategy;
    staged[HEAD_WORDS + SETTING_TAU] = this.#tau;
    staged[HEAD_WORDS + SETTING_RULE] = this.#rule();
    staged[HEAD_WORDS + SETTING_CB_TYPE] = this.#weighted ? 1 : 0;
    staged[HEAD_WORDS + SETTING_IMPORTANCE_CAP] = this.#importanceCap;
    staged[HEAD_WORDS + SETTING_EPSILON_FINAL] = this.#epsilonFinal;
    staged[HEAD_WORDS + SETTING_EPSILON_DECAY_STEPS] = this.#epsilonDecaySteps;
    staged[HEAD_WORDS + SETTING_SLOTS] = this.#usedCount;
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
        const evidence = from.#slots[at + 1];
        weight += only ? from.#slots[at] : from.#slots[at] * evidence;
        gradients += evidence;
        scale = Math.max(scale, from.#slots[at + 2]);
      }
      this.#slots[to] = only || gradients === 0 ? weight : weight / gradients;
      this.#slots[to + 1] = gradients;
      this.#slots[to + 2] = scale;
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

/** Hashes every action's every feature. @returns how many different slots they reach, listed ascending in `used` */
function fillTable(table: Int32Array, used: Int32Array, names: string[], nActions: number, bits: number): number {
  const mask = 2 ** bits - 1;
  const reached = new Set<number>();
  for (let a = 0; a < nActions; a++) {
    const seed = hashSeed(0, a);
    for (let i = 0; i < names.length; i++) {
      const slot = (murmur3String(names[i], seed) & mask) >>> 0;
      table[a * names.length + i] = slot * SLOT_WORDS;
      reached.add(slot);
    }
  }
  const ascending = [...reached].sort((a, b) => a - b);
  used.set(ascending);
  return ascending.length;
}
