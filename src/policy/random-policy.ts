import { murmur3String } from '../core/hash.js';
import { PRNG_STATE_WORDS, Prng } from '../core/prng.js';
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
import { checkMemory } from './policy-settings.js';
import { checkStateHeader, PolicyKind, readStateHeader, STATE_HEADER_BYTES, writeStateHeader } from './state-format.js';

export interface RandomPolicyConfig {
  n_actions: number;
  context_dim: number;
  random_seed: number;
}

// Doubles of the model's head; the generator's four words are its first two.
const HEAD_DECISIONS = 2;
const HEAD_UPDATES = 3;
const HEAD_REWARD_SUM = 4;
const HEAD_SQUARED_SUM = 5;
const HEAD_LAST_PROBABILITY = 6;
const HEAD_WORDS = 7;

/**
 * Every allowed action with the same probability, whatever the context and whether frozen or not: what any learning has
 * to beat. It expects 0 of every action and learns nothing, but counts.
 */
export class RandomPolicy implements Policy {
  readonly name = 'random';
  readonly nActions: number;
  readonly contextDim: number;
  readonly stateBytes = RandomPolicy.bytes();
  readonly explainedDim = 1;
  frozen = false;
  readonly lastValues: Float64Array;
  readonly lastDistribution: Float64Array;
  readonly #head: Float64Array;
  readonly #generator: Uint32Array;
  readonly #prng: Prng;
  readonly #bytes: Uint8Array;

  /** Memory that the policy needs [bytes], whatever its shapes. @realtime unsafe */
  static bytes(): number {
    return STATE_HEADER_BYTES + HEAD_WORDS * 8;
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<RandomPolicyConfig> = {}, memory?: PolicyMemory) {
    this.nActions = config.n_actions ?? 8;
    this.contextDim = config.context_dim ?? 24;
    for (const [name, value] of Object.entries({ n_actions: this.nActions, context_dim: this.contextDim })) {
      if (!Number.isInteger(value) || value < 1)
        throw new PolicyConfigError(name, `${name} is ${value}, allowed: an integer from 1`);
    }
    checkMemory({ n_actions: this.nActions, context_dim: this.contextDim }, RandomPolicy.bytes() + 16 * this.nActions);
    this.lastValues = new Float64Array(this.nActions);
    this.lastDistribution = new Float64Array(this.nActions);
    const buffer = memory?.buffer ?? new ArrayBuffer(this.stateBytes);
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + this.stateBytes > buffer.byteLength) {
      throw new PolicyConfigError(
        'memory',
        `memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8: ${this.stateBytes} are needed`,
      );
    }
    this.#bytes = new Uint8Array(buffer, start, this.stateBytes).fill(0);
    this.#head = new Float64Array(buffer, start + STATE_HEADER_BYTES, HEAD_WORDS);
    this.#generator = new Uint32Array(buffer, start + STATE_HEADER_BYTES, PRNG_STATE_WORDS);
    this.#prng = new Prng(this.#generator);
    this.#prng.seed(config.random_seed ?? 42);
    const words = new Uint32Array(buffer, start, STATE_HEADER_BYTES / 4);
    writeStateHeader(
      words,
      PolicyKind.random,
      this.stateBytes,
      this.nActions,
      this.contextDim,
      murmur3String('', 0),
      0,
    );
  }

  get lastProbability(): number {
    return this.#head[HEAD_LAST_PROBABILITY];
  }

  select(context: Float64Array, allowed: Uint8Array | null): number {
    this.#check(context, allowed);
    const head = this.#head;
    const count = this.#count(allowed);
    head[HEAD_LAST_PROBABILITY] = 0;
    this.#share(allowed, count, this.lastDistribution);
    if (count === 0) return NO_ACTION;
    let rank = this.#prng.nextBelow(count);
    let action = 0;
    for (let a = 0; a < this.nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      action = a;
      if (rank === 0) break;
      rank--;
    }
    head[HEAD_DECISIONS]++;
    head[HEAD_LAST_PROBABILITY] = 1 / count;
    return action;
  }

  probabilities(context: Float64Array, allowed: Uint8Array | null, out: Float64Array): void {
    this.#check(context, allowed);
    checkLength('output_length', 'out', out.length, this.nActions);
    const count = this.#count(allowed);
    this.#share(allowed, count, out);
  }

  values(context: Float64Array, out: Float64Array): void {
    this.#check(context, null);
    checkLength('output_length', 'out', out.length, this.nActions);
    out.fill(0);
  }

  explain(context: Float64Array, out: Float64Array): void {
    this.values(context, out);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    checkAction(action, this.nActions);
    checkReward(reward);
    checkProbability(probability);
    this.#check(context, null);
    if (!this.frozen) this.#tally(reward);
  }

  updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities: Float64Array | null = null,
  ): void {
    const rows = checkBatch(this.contextDim, this.nActions, contexts, actions, rewards, probabilities);
    if (this.frozen) return;
    for (let row = 0; row < rows; row++) this.#tally(rewards[row]);
  }

  stats(): PolicyStats {
    const head = this.#head;
    const updates = head[HEAD_UPDATES];
    return {
      policy: this.name,
      decisions: head[HEAD_DECISIONS],
      updates,
      meanReward: updates > 0 ? head[HEAD_REWARD_SUM] / updates : 0,
      meanSquaredError: updates > 0 ? head[HEAD_SQUARED_SUM] / updates : 0,
      epsilon: 1,
      learningRate: 0,
      driftAlarms: 0,
      clamped: 0,
      slots: 0,
      nonZeroWeights: 0,
      bytes: this.stateBytes,
    };
  }

  exportInto(out: Uint8Array): number {
    if (out.length < this.stateBytes) {
      throw new PolicyInputError('output_length', `out has ${out.length} bytes, a state needs ${this.stateBytes}`);
    }
    out.set(this.#bytes);
    return this.stateBytes;
  }

  exportState(): Uint8Array {
    return this.#bytes.slice();
  }

  importState(state: Uint8Array): void {
    const header = readStateHeader(state);
    checkStateHeader(header, PolicyKind.random, this.nActions, this.contextDim, murmur3String('', 0));
    if (header.bytes !== this.stateBytes) {
      throw new PolicyStateError('corrupt', `policy state has ${header.bytes} bytes, expected ${this.stateBytes}`);
    }
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    const generator = new Uint32Array(copy.buffer, STATE_HEADER_BYTES, PRNG_STATE_WORDS);
    const head = new Float64Array(copy.buffer, STATE_HEADER_BYTES, HEAD_WORDS);
    if ((generator[0] | generator[1] | generator[2] | generator[3]) === 0) {
      throw new PolicyStateError('corrupt', 'policy state is damaged: generator state is zero');
    }
    for (let i = HEAD_DECISIONS; i < HEAD_WORDS; i++) {
      if (!Number.isFinite(head[i]))
        throw new PolicyStateError('corrupt', `policy state is damaged: head word ${i} is ${head[i]}`);
    }
    this.#bytes.set(copy);
  }

  #check(context: Float64Array, allowed: Uint8Array | null): void {
    checkLength('context_length', 'context', context.length, this.contextDim);
    if (allowed !== null) checkLength('allowed_length', 'allowed', allowed.length, this.nActions);
    checkContext(context, 0, this.contextDim);
  }

  #share(allowed: Uint8Array | null, count: number, out: Float64Array): void {
    for (let a = 0; a < this.nActions; a++) out[a] = allowed !== null && allowed[a] === 0 ? 0 : 1 / count;
  }

  #count(allowed: Uint8Array | null): number {
    if (allowed === null) return this.nActions;
    let count = 0;
    for (let a = 0; a < this.nActions; a++) if (allowed[a] !== 0) count++;
    return count;
  }

  #tally(reward: number): void {
    const target = Math.min(Math.max(reward, -VALUE_LIMIT), VALUE_LIMIT);
    this.#head[HEAD_UPDATES]++;
    this.#head[HEAD_REWARD_SUM] += target;
    this.#head[HEAD_SQUARED_SUM] += target * target;
  }
}
