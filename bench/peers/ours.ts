/**
 * Our side of a comparison, in a process of its own like every other's, so that V8 compiles for one policy what a robot
 * compiles for one policy. Speaks as `bench/peers/peer.py` describes.
 */
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tuneEngine } from '../../src/loop/engine.js';
import { createPolicy } from '../../src/policy/create-policy.js';
import { LinUcb } from '../../src/policy/lin-ucb.js';
import type { Policy } from '../../src/policy/policy.js';
import { consumed, timer } from '../measure.js';
import type { Answer, Request } from './side.js';
import { readStream, type Stream } from './stream.js';

/** Settings by the name of an algorithm: those that make both sides do the same. */
const ALGORITHMS: Readonly<Record<string, { policy: string; settings: Readonly<Record<string, unknown>> }>> = {
  // Vowpal Wabbit's defaults.
  bandit: {
    policy: 'bandit',
    settings: { exploration_strategy: 'epsilon', epsilon: 0.1, learning_rate: 0.5, initial_t: 0, l2_regularization: 0 },
  },
  linucb: { policy: 'linucb', settings: { alpha: 1, ridge: 1, constant: false } },
  lints: { policy: 'lints', settings: { sampling_scale: 0.25, ridge: 1, constant: false } },
  'bootstrapped-ts': { policy: 'bootstrapped-ts', settings: { n_bootstraps: 10 } },
};

/** Steps of a policy that is thrown away, for the compiler. */
const WARM_UP = 20_000;

function create(algorithm: string, stream: Stream): Policy {
  const { policy, settings } = ALGORITHMS[algorithm];
  return createPolicy(policy, { ...settings, n_actions: stream.actions, context_dim: stream.features });
}

/** A policy and its place in the stream. */
class Runner {
  readonly #policy: Policy;
  readonly #stream: Stream;
  readonly #contexts: readonly Float64Array[];
  readonly #logged: Int32Array;
  readonly #earned: Float64Array;
  #at = 0;

  constructor(policy: Policy, stream: Stream) {
    this.#policy = policy;
    this.#stream = stream;
    const { rows, features, actions, contexts, logged, rewards } = stream;
    this.#contexts = Array.from({ length: rows }, (_, row) => contexts.slice(row * features, (row + 1) * features));
    this.#logged = Int32Array.from(logged);
    this.#earned = Float64Array.from(logged, (action, row) => rewards[row * actions + action]);
  }

  /** Chooses and learns, one at a time. The probability is 1, since no library it is set beside works it out. */
  step(examples: number): void {
    const policy = this.#policy;
    const contexts = this.#contexts;
    const { rows, actions, rewards } = this.#stream;
    let at = this.#at;
    for (let i = 0; i < examples; i++) {
      const context = contexts[at];
      const action = policy.select(context, null);
      policy.update(context, action, rewards[at * actions + action], 1);
      at = at + 1 < rows ? at + 1 : 0;
    }
    this.#at = at;
  }

  select(examples: number): void {
    const policy = this.#policy;
    const contexts = this.#contexts;
    const { rows } = this.#stream;
    let at = this.#at;
    let sum = 0;
    for (let i = 0; i < examples; i++) {
      sum += policy.select(contexts[at], null);
      at = at + 1 < rows ? at + 1 : 0;
    }
    consumed[0] += sum;
    this.#at = at;
  }

  /** Learns what the stream says was done, in whole streams as batches. */
  learn(examples: number): void {
    const { contexts, rows } = this.#stream;
    for (let done = 0; done + rows <= examples; done += rows) {
      this.#policy.updateBatch(contexts, this.#logged, this.#earned, null);
    }
    for (let i = 0; i < examples % rows; i++) {
      this.#policy.update(this.#contexts[i], this.#logged[i], this.#earned[i], 1);
    }
  }
}

/** Scores of every action before each of so many logged updates, row by row. */
function scores(policy: Policy, stream: Stream, examples: number): Float64Array {
  if (!(policy instanceof LinUcb)) throw new Error('only LinUCB has scores to compare');
  const { actions, features, contexts, logged, rewards } = stream;
  const all = new Float64Array(examples * actions);
  const out = new Float64Array(actions);
  for (let row = 0; row < examples; row++) {
    const context = contexts.slice(row * features, (row + 1) * features);
    policy.scores(context, out);
    all.set(out, row * actions);
    policy.update(context, logged[row], rewards[row * actions + logged[row]], 1);
  }
  return all;
}

function answer(fields: Answer): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

// As the control thread has it.
tuneEngine();
const stream = readStream(process.argv[2]);
const running = new Map<string, Runner>();
answer({ versions: { Node: process.versions.node, V8: process.versions.v8 } });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  try {
    const { do: task, algorithm, examples } = request;
    if (task === 'scores') {
      const values = scores(create(algorithm, stream), stream, examples);
      writeFileSync(request.out ?? '', new Uint8Array(values.buffer));
      answer({ ns: 0 });
      continue;
    }
    let runner = running.get(algorithm);
    if (runner === undefined) {
      new Runner(create(algorithm, stream), stream)[task](WARM_UP);
      runner = new Runner(create(algorithm, stream), stream);
      running.set(algorithm, runner);
    }
    const start = timer.nowNs();
    runner[task](examples);
    answer({ ns: timer.nowNs() - start });
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) });
  }
}
