/** The bandit alone: decisions and updates a second on one thread, and whether its memory stays what it was. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Prng } from '../src/core/prng.js';
import { tuneEngine } from '../src/loop/engine.js';
import { ContextualBandit } from '../src/policy/contextual-bandit.js';
import { atLeast, atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { consumed, median, ScavengeCounter, spreadOf, timer, timerOverheadNs } from './measure.js';
import { PlainPasses } from './plain-loops.js';

const FEATURES = 24;
const ACTIONS = 8;
const CONTEXTS = 1024;
const BATCH = 256;

async function run(options: BenchmarkOptions): Promise<Report> {
  const updates = options.tiny ? 5000 : options.quick ? 2_000_000 : 10_000_000;
  const singles = options.tiny ? 100 : 100_000;
  // As the control thread has it.
  tuneEngine();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  const random = Prng.seeded(options.seed);
  const contexts = Array.from({ length: CONTEXTS }, () =>
    Float64Array.from({ length: FEATURES }, () => random.nextNormal()),
  );
  const taste = Float64Array.from({ length: ACTIONS * FEATURES }, () => random.nextRange(-0.2, 0.2));
  // What each action earns in each context, worked out beforehand: a linear taste, and noise.
  const rewards = Array.from({ length: CONTEXTS }, (_, c) =>
    Float64Array.from({ length: ACTIONS }, (_unused, a) => {
      let reward = 0.1 * random.nextNormal();
      for (let i = 0; i < FEATURES; i++) reward += taste[a * FEATURES + i] * contexts[c][i];
      return reward;
    }),
  );
  const bandit = new ContextualBandit({ n_actions: ACTIONS, context_dim: FEATURES, random_seed: options.seed });
  let at = 0;
  const step = (): void => {
    at = at + 1 < CONTEXTS ? at + 1 : 0;
    const context = contexts[at];
    const action = bandit.select(context, null);
    bandit.update(context, action, rewards[at][action], bandit.lastProbability);
  };
  // Two, so that V8 does not take the arrays of one for constants.
  const passes = [new PlainPasses(), new PlainPasses()];

  step();
  const bytesFirst = bandit.stats().bytes;
  for (let i = 0; i < Math.min(updates / 10, 200_000); i++) {
    step();
    consumed[0] += passes[i & 1].run();
  }
  const overheadNs = timerOverheadNs();
  const scavenges = new ScavengeCounter();
  const rounds = Math.ceil(updates / BATCH);
  const banditNs = new Float64Array(rounds);
  const passesNs = new Float64Array(rounds);
  let total = 0;
  const before = usedBytes(collect);
  await scavenges.reset();
  for (let round = 0; round < rounds; round++) {
    const start = timer.nowNs();
    for (let i = 0; i < BATCH; i++) step();
    const middle = timer.nowNs();
    let sum = 0;
    for (let i = 0; i < BATCH; i++) sum += passes[i & 1].run();
    const end = timer.nowNs();
    consumed[0] += sum;
    total += middle - start;
    banditNs[round] = (middle - start - overheadNs) / BATCH;
    passesNs[round] = (end - middle - overheadNs) / BATCH;
  }
  const collected = await scavenges.read();
  scavenges.close();
  const after = usedBytes(collect);
  const times = new Float64Array(singles);
  for (let i = 0; i < singles; i++) {
    const start = timer.nowNs();
    step();
    times[i] = timer.nowNs() - start - overheadNs;
  }
  const stats = bandit.stats();
  const growth = stats.bytes - bytesFirst;
  const p50 = median(banditNs);
  const perSecond = 1e9 / p50;
  const ratio = median(banditNs.map((time, i) => time / passesNs[i]));
  return {
    figures: {
      policy: {
        ...spreadOf(times),
        p50_ns: p50,
        per_second: Math.round(perSecond),
        per_second_mean: Math.round((rounds * BATCH * 1e9) / total),
        scavenges: collected,
        plain_passes_ns: median(passesNs),
        ratio_plain_passes: ratio,
        updates: stats.updates,
        bytes: stats.bytes,
        growth_bytes: growth,
        process_growth_bytes: after - before,
      },
    },
    targets: [
      atLeast('select + update of the bandit per second, one thread (where the machine allows)', perSecond, 1_000_000),
      atLeast('the same, at the least', perSecond, 300_000),
      atMost(
        `growth of the policy’s memory from the first update to number ${stats.updates.toLocaleString('en')}, bytes`,
        growth,
        0,
        0,
      ),
      atMost('growth of the process over them, after full collections, KiB', (after - before) / 1024, 256, 0),
    ],
    notes: [
      `24 features, 8 actions, softmax mixed with ε, default rates; ${stats.bytes.toLocaleString('en')} bytes, all of them set ` +
        `aside by the constructor. By turns with the two plain passes of ${median(passesNs).toFixed(0)} ns in batches of ${BATCH}; ` +
        'the rate is that of the median batch.',
    ],
  };
}

/** The heap and what lies beside it in buffers, after full collections. */
function usedBytes(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export const policy: Benchmark = {
  name: 'policy',
  summary: 'select and update of the bandit alone, and its memory',
  run,
};
