/**
 * How late the control thread's cycles start at 1 kHz, beside a main thread that makes garbage as fast as it can, and how
 * late `cyclictest` wakes beside the same: by turns, so that the machine's mood falls on both.
 */
import { spawn, spawnSync } from 'node:child_process';
import { StatisticsWindow } from '../src/loop/statistics.js';
import { defaultParameters } from '../src/parameters/schema.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { controllerOf, Feed, sleep } from './controlled.js';
import { Garbage } from './garbage.js';
import { median } from './measure.js';
import { Situation } from './situation.js';

const RATE_HZ = 1000;
/** The histogram that cyclictest keeps [µs]. */
const HISTOGRAM_US = 20_000;

interface Round {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const rounds = options.tiny ? 1 : options.quick ? 2 : 10;
  const roundMs = options.tiny ? 300 : options.quick ? 2500 : 6000;
  const settleMs = options.tiny ? 100 : 1000;
  const parameters = { ...defaultParameters(), controller_frequency: RATE_HZ, random_seed: options.seed };
  const situation = await Situation.record({ cycles: options.tiny ? 100 : 2048, seed: options.seed });
  const tester = options.tiny ? 'the benchmark runs as short as can be' : whyNoCyclictest();

  const garbage = new Garbage();
  let feed: Feed | null = null;
  garbage.start(() => feed?.feed());
  const ours: Round[] = [];
  const compute: Round[] = [];
  const theirs: Round[] = [];
  let cycles = 0;
  let skips = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const controller = controllerOf({ parameters });
      await controller.start();
      feed = new Feed(controller, situation);
      controller.arm();
      await sleep(settleMs);
      const window = new StatisticsWindow(controller.statistics);
      await sleep(roundMs);
      window.advance();
      ours.push(roundOf(window.lateness));
      compute.push(roundOf(window.compute));
      cycles += window.lateness.count;
      skips += window.counters[6];
      feed = null;
      await controller.stop();
      if (tester === '') theirs.push(await cyclictest(roundMs / 1000));
    }
  } finally {
    garbage.stop();
  }

  const middle = (list: readonly Round[], key: keyof Round) => median(list.map((one) => one[key]));
  const largest = (list: readonly Round[]) => Math.max(...list.map((one) => one.max));
  const ratio = theirs.length === 0 ? Number.NaN : median(ours.map((one, i) => one.p99 / theirs[i].p99));
  const ns = (value: number) => Math.round(value);
  return {
    figures: {
      lateness: {
        p50_ns: ns(middle(ours, 'p50')),
        p99_ns: ns(middle(ours, 'p99')),
        p999_ns: ns(middle(ours, 'p999')),
        max_ns: ns(largest(ours)),
        cycles,
        skips,
        compute_p50_ns: ns(middle(compute, 'p50')),
        compute_p99_ns: ns(middle(compute, 'p99')),
        cyclictest_p50_ns: theirs.length === 0 ? null : ns(middle(theirs, 'p50')),
        cyclictest_p99_ns: theirs.length === 0 ? null : ns(middle(theirs, 'p99')),
        cyclictest_p999_ns: theirs.length === 0 ? null : ns(middle(theirs, 'p999')),
        cyclictest_max_ns: theirs.length === 0 ? null : ns(largest(theirs)),
        ratio_cyclictest_p99: theirs.length === 0 ? null : ratio,
        skipped: tester === '' ? null : tester,
      },
    },
    targets: [atMost('p99 lateness at 1 kHz to that of cyclictest, main thread busy with garbage', ratio, 1.5)],
    notes: [
      `${rounds} rounds of ${roundMs / 1000} s each for the controller and for cyclictest, by turns; medians of rounds, the ` +
        'largest of all for max. The controller sleeps until its spin margin (200 µs by default) before a start and spins ' +
        'the rest, where cyclictest only sleeps: on idle cores it is expected to be the more punctual. Where the machine is ' +
        'short of cores, spinning costs it time slices.',
      ...(tester === '' ? [] : [`cyclictest was left out: ${tester}.`]),
    ],
  };
}

function roundOf(window: { quantile(q: number): number; max: number }): Round {
  return { p50: window.quantile(0.5), p99: window.quantile(0.99), p999: window.quantile(0.999), max: window.max };
}

/** Empty where cyclictest can run. */
function whyNoCyclictest(): string {
  const { error, status, stdout, stderr } = spawnSync('cyclictest', arguments_(0.1), {
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (error !== undefined) return 'it is not installed (Debian: rt-tests)';
  if (status !== 0) return `it ended with ${status}: ${(stderr || stdout).trim().split('\n')[0]}`;
  return '';
}

function arguments_(seconds: number): string[] {
  const loops = Math.round(seconds * RATE_HZ);
  return [
    '--policy=other',
    '--threads=1',
    `--interval=${1e6 / RATE_HZ}`,
    `--loops=${loops}`,
    '--quiet',
    `--histogram=${HISTOGRAM_US}`,
  ];
}

async function cyclictest(seconds: number): Promise<Round> {
  const child = spawn('cyclictest', arguments_(seconds), { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code !== 0) throw new Error(`cyclictest ended with ${code}`);
  return parseCyclictest(text);
}

/**
 * Reads cyclictest's histogram: lines of microseconds and counts, and comments. A bucket stands for its middle, as ours
 * do; what lies beyond the last is known by its maximum only.
 */
export function parseCyclictest(text: string): Round {
  const buckets: [us: number, count: number][] = [];
  let total = 0;
  for (const [, us, count] of text.matchAll(/^(\d+)\s+(\d+)\s*$/gm)) {
    buckets.push([Number(us), Number(count)]);
    total += Number(count);
  }
  const overflows = Number(/^# Histogram Overflows:\s*(\d+)/m.exec(text)?.[1] ?? 0);
  const max = Number(/^# Max Latencies:\s*(\d+)/m.exec(text)?.[1] ?? Number.NaN) * 1000;
  total += overflows;
  if (total === 0) throw new Error('cyclictest told no latencies');
  const at = (q: number): number => {
    let seen = 0;
    for (const [us, count] of buckets) {
      seen += count;
      if (seen >= q * total) return us * 1000 + 500;
    }
    return max;
  };
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max };
}

export const lateness: Benchmark = {
  name: 'lateness',
  summary: 'how late cycles start at 1 kHz, beside cyclictest',
  run,
};
