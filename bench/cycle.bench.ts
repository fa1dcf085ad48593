/** The whole cycle against the bare arithmetic of its work: in one thread, by turns, each with itself warmed. */
import { Worker } from 'node:worker_threads';
import { locateWorker } from '../src/loop/worker-location.js';
import type { Benchmark, BenchmarkOptions, Report } from './benchmark.js';
import { CYCLE_ROLE, type CycleOrder } from './cycle-thread.js';
import { Situation } from './situation.js';

/** A laser that turns ten times a second, under a cycle that runs fifty times: four cycles of five have no new scan. */
const SLOW_SCAN_HZ = 10;
/** Episodes of learning before the recording: a beginner wanders, and a robot at work does not. */
const PRACTICE = 100;

async function run(options: BenchmarkOptions): Promise<Report> {
  const cycles = options.tiny ? 200 : 4096;
  const practice = options.tiny ? 0 : PRACTICE;
  const fast = await Situation.record({ cycles, seed: options.seed, practice });
  const slow = await Situation.record({ cycles, seed: options.seed, practice, scanRateHz: SLOW_SCAN_HZ });
  const order: CycleOrder = {
    role: CYCLE_ROLE,
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
