/** The whole cycle against the bare arithmetic of its work: in one thread, by turns, each with itself warmed. */
import { Worker } from 'node:worker_threads';
import { locateWorker } from '../src/loop/worker-location.js';
import type { ParameterValues } from '../src/parameters/schema.js';
import type { Benchmark, BenchmarkOptions, Report } from './benchmark.js';
import { CYCLE_ROLE, type CycleOrder } from './cycle-thread.js';
import { Situation } from './situation.js';

/** A laser that turns ten times a second, under a cycle that runs fifty times: four cycles of five have no new scan. */
const SLOW_SCAN_HZ = 10;
/** Episodes of learning before the recording: a beginner wanders, and a robot at work does not. */
const PRACTICE = 100;

/** The policy whose arithmetic the target is counted in: predicting 8 values from 24 features, and learning one. */
const PASSES_POLICY = { policy: 'bandit', arms: 'disjoint' } as const;

async function run(options: BenchmarkOptions): Promise<Report> {
  const own = await measured(options, PASSES_POLICY, 'policy bandit, disjoint');
  const byDefault = await measured(options, {}, 'the default policy');
  const renamed = Object.entries(byDefault.figures).map(([name, figures]) => [`${name}_default_policy`, figures]);
  return {
    figures: { ...own.figures, ...Object.fromEntries(renamed) },
    targets: [...own.targets, ...byDefault.targets],
    notes: [
      ...own.notes,
      'The target counts in the passes of a policy with a model of 24 features for each of 8 actions, which is `--policy ' +
        'bandit --set arms=disjoint`. The default policy turns 22 features into each of 8 frames and keeps a matrix of all ' +
        'evidence, more work than those passes; it is measured beside it.',
    ],
  };
}

async function measured(
  options: BenchmarkOptions,
  parameters: Partial<ParameterValues>,
  label: string,
): Promise<Report> {
  const cycles = options.tiny ? 200 : 4096;
  const practice = options.tiny ? 0 : PRACTICE;
  const { seed } = options;
  const fast = await Situation.record({ cycles, seed, practice, parameters });
  const slow = await Situation.record({ cycles, seed, practice, parameters, scanRateHz: SLOW_SCAN_HZ });
  const order: CycleOrder = {
    role: CYCLE_ROLE,
    label,
    options,
    fast: fast.data,
    slow: slow.data,
    slowScanHz: SLOW_SCAN_HZ,
    practice,
  };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const thread = new Worker(new URL(`./cycle-thread.${extension}`, import.meta.url), {
    ...locateWorker().options,
    workerData: order,
  });
  return new Promise((resolve, reject) => {
    thread.on('message', resolve);
    thread.on('error', reject);
    thread.on('exit', (code) => reject(new Error(`the measuring thread ended with ${code} and no figures`)));
  });
}

export const cycle: Benchmark = {
  name: 'cycle',
  summary: 'the whole cycle against the bare arithmetic of its work',
  run,
};
