/** One policy by turns with the Vowpal-Wabbit-style one, at the robot's 24 features and 8 actions. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Prng } from '../src/core/prng.js';
import { tuneEngine } from '../src/loop/engine.js';
import { createPolicy, type PolicySettings } from '../src/policy/create-policy.js';
import type { Policy } from '../src/policy/policy.js';
import type { Figures } from './benchmark.js';
import { consumed, median, quantile, timer, timerOverheadNs } from './measure.js';

const FEATURES = 24;
const ACTIONS = 8;
const CONTEXTS = 1024;
/** Calls between two readings of the clock: few, so that a slow one shows in the p99. */
const BATCH = 16;
const MEBI = 1 << 20;
const STRETCHES = 10;

export interface PolicyTask {
  readonly policy: string;
  readonly settings: PolicySettings;
  readonly seed: number;
  /** Batches of each kind that are timed. */
  readonly batches: number;
  /** After which memory is looked at again. */
  readonly updates: number;
}

/** What the policies see: contexts, what every action earns there (0 to 1), and what somebody did. */
interface Examples {
  readonly contexts: readonly Float64Array[];
  readonly rewards: Float64Array;
  readonly flat: Float64Array;
  readonly logged: Int32Array;
  readonly earned: Float64Array;
  readonly probabilities: Float64Array;
}

function makeExamples(seed: number): Examples {
  const random = Prng.seeded(seed);
  const flat = Float64Array.from({ length: CONTEXTS * FEATURES }, () => random.nextNormal());
  const contexts = Array.from({ length: CONTEXTS }, (_, c) => flat.slice(c * FEATURES, (c + 1) * FEATURES));
  const taste = Float64Array.from({ length: ACTIONS * FEATURES }, () => random.nextRange(-0.05, 0.05));
  const rewards = new Float64Array(CONTEXTS * ACTIONS);
  for (let c = 0; c < CONTEXTS; c++) {
    for (let a = 0; a < ACTIONS; a++) {
      let reward = 0.5 + 0.05 * random.nextNormal();
      for (let i = 0; i < FEATURES; i++) reward += taste[a * FEATURES + i] * contexts[c][i];
      rewards[c * ACTIONS + a] = Math.min(1, Math.max(0, reward));
    }
  }
  const logged = Int32Array.from({ length: CONTEXTS }, () => random.nextBelow(ACTIONS));
  const earned = Float64Array.from(logged, (action, c) => rewards[c * ACTIONS + action]);
  return { contexts, rewards, flat, logged, earned, probabilities: new Float64Array(CONTEXTS).fill(1 / ACTIONS) };
}

/** A policy and its place among the examples. */
class Runner {
  readonly policy: Policy;
  readonly #examples: Examples;
  readonly #out = new Float64Array(ACTIONS);
  #at = 0;

  constructor(policy: Policy, examples: Examples) {
    this.policy = policy;
    this.#examples = examples;
  }

  #next(): Float64Array {
    this.#at = this.#at + 1 < CONTEXTS ? this.#at + 1 : 0;
    return this.#examples.contexts[this.#at];
  }

  select(): void {
    for (let i = 0; i < BATCH; i++) consumed[0] += this.policy.select(this.#next(), null);
  }

  /** Choosing, and reading with which probability: what a decision that is logged takes. */
  decide(): void {
    const { policy } = this;
    for (let i = 0; i < BATCH; i++) consumed[0] += policy.select(this.#next(), null) + policy.lastProbability;
  }

  update(): void {
    const { logged, earned } = this.#examples;
    for (let i = 0; i < BATCH; i++) {
      const context = this.#next();
      this.policy.update(context, logged[this.#at], earned[this.#at], 1 / ACTIONS);
    }
  }

  /** The distribution of all actions. */
  distribution(): void {
    for (let i = 0; i < BATCH; i++) {
      this.policy.probabilities(this.#next(), null, this.#out);
      consumed[0] += this.#out[0];
    }
  }

  step(): void {
    const { rewards } = this.#examples;
    const { policy } = this;
    for (let i = 0; i < BATCH; i++) {
      const context = this.#next();
      const action = policy.select(context, null);
      policy.update(context, action, rewards[this.#at * ACTIONS + action], policy.lastProbability);
    }
  }

  /** Learns every example once. @returns how many */
  learnAll(): number {
    const { flat, logged, earned, probabilities } = this.#examples;
    this.policy.updateBatch(flat, logged, earned, probabilities);
    return CONTEXTS;
  }
}

const KINDS = ['select', 'decide', 'update', 'distribution', 'step'] as const;
type Kind = (typeof KINDS)[number];

export function measurePolicy(task: PolicyTask): Figures {
  // As the control thread has it.
  tuneEngine();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { policy: name, settings, seed, batches, updates } = task;
  const examples = makeExamples(seed);
  const shape = { n_actions: ACTIONS, context_dim: FEATURES, random_seed: seed };
  const one = new Runner(createPolicy(name, { ...settings, ...shape }), examples);
  const reference = new Runner(createPolicy('bandit', shape), examples);
  one.policy.update(examples.contexts[0], 0, examples.rewards[0], 1);
  const bytesFirst = one.policy.stats().bytes;
  const stateFirst = one.policy.exportState().length;
  for (let i = 0; i < batches / 10; i++) {
    for (const kind of KINDS) {
      one[kind]();
      reference[kind]();
    }
    if (i % 64 === 0) one.learnAll();
  }

  const overheadNs = timerOverheadNs();
  const times = (): Record<Kind, Float64Array> => ({
    select: new Float64Array(batches),
    decide: new Float64Array(batches),
    update: new Float64Array(batches),
    distribution: new Float64Array(batches),
    step: new Float64Array(batches),
  });
  const ones = times();
  const references = times();
  for (const kind of KINDS) {
    for (let i = 0; i < batches; i++) {
      const start = timer.nowNs();
      one[kind]();
      const middle = timer.nowNs();
      reference[kind]();
      const end = timer.nowNs();
      ones[kind][i] = (middle - start - overheadNs) / BATCH;
      references[kind][i] = (end - middle - overheadNs) / BATCH;
    }
  }

  const before = usedBytes(collect);
  const start = timer.nowNs();
  let learned = 0;
  while (learned < updates) learned += one.learnAll();
  const batchNs = (timer.nowNs() - start) / learned;
  const after = usedBytes(collect);
  const { bytes, updates: total } = one.policy.stats();

  const ratio = (kind: Kind): number => median(ones[kind].map((time, i) => time / references[kind][i]));
  const selectNs = median(ones.select);
  const selectP99Ns = usualP99(ones.select);
  return {
    select_p50_ns: selectNs,
    select_p99_ns: selectP99Ns,
    probability_p50_ns: Math.max(0, median(ones.decide) - selectNs),
    probabilities_p50_ns: median(ones.distribution),
    probabilities_p99_ns: usualP99(ones.distribution),
    update_p50_ns: median(ones.update),
    update_p99_ns: usualP99(ones.update),
    step_p50_ns: median(ones.step),
    batch_update_ns: batchNs,
    ratio_select: ratio('select'),
    ratio_update: ratio('update'),
    ratio_step: ratio('step'),
    ratio_select_p99_p50: selectP99Ns / selectNs,
    updates: total,
    bytes,
    state_bytes: one.policy.stateBytes,
    growth_bytes: bytes - bytesFirst + one.policy.exportState().length - stateFirst,
    process_growth_bytes: after - before,
    process_mib: process.memoryUsage().rss / MEBI,
  };
}

/** The median of the p99 of ten stretches: what else the machine did for a while is in some of them. */
function usualP99(times: Float64Array): number {
  const length = Math.floor(times.length / STRETCHES);
  return median(
    Float64Array.from({ length: STRETCHES }, (_, k) =>
      quantile(times.slice(k * length, (k + 1) * length).sort(), 0.99),
    ),
  );
}

/** The heap and what lies beside it in buffers, after full collections. */
function usedBytes(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
