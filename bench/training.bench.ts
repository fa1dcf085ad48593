/** How fast training runs: simulated seconds in a second, with the whole laser and learning on, for every scenario. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { builders, jackal, noFaults, scenarioOf } from '../sim/index.js';
import { VirtualSession } from '../src/cli/virtual-session.js';
import { packageRoot } from '../src/parameters/presets.js';
import { defaultParameters } from '../src/parameters/schema.js';
import { atLeast, type Benchmark, type BenchmarkOptions, type Figures, type Report } from './benchmark.js';
import { median } from './measure.js';

/** BARN's worlds lie beside the project where they lie at all. */
const BARN = join(packageRoot(), '..', 'shared', 'data', 'barn', 'worlds.jsonl');

interface Runner {
  name: string;
  session: VirtualSession;
  episode: number;
  episodes: number;
  rates: number[];
  wallNs: bigint;
  processorUs: number;
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const rounds = options.tiny ? 1 : options.quick ? 2 : 5;
  const roundMs = options.tiny ? 1 : options.quick ? 700 : 2000;
  const parameters = { ...defaultParameters(), random_seed: options.seed };
  const names = [...builders.keys()];
  const skipped = existsSync(BARN) ? '' : `the scenario barn was left out: there is no ${BARN}`;
  const runners: Runner[] = [];
  for (const name of skipped === '' ? [...names, 'barn'] : names) {
    const session = await VirtualSession.create({
      parameters,
      scenario: scenarioOf(name === 'barn' ? `barn:${BARN}` : name),
      robot: jackal,
      seed: options.seed,
      faults: noFaults,
      frozen: false,
    });
    const episodes = session.simulator.scenario.worldCount ?? Number.POSITIVE_INFINITY;
    runners.push({ name, session, episode: 0, episodes, rates: [], wallNs: 0n, processorUs: 0 });
  }
  // One round to warm up, which is not counted.
  for (let round = options.tiny ? 1 : 0; round <= rounds; round++) {
    for (const runner of runners) measure(runner, roundMs, round > 0);
  }
  for (const { session } of runners) session.close();

  const figures: Figures = {};
  for (const runner of runners) figures[`${runner.name}_simulated_seconds_per_second`] = median(runner.rates);
  const clutter = runners.find(({ name }) => name === 'clutter');
  return {
    figures: { training: figures },
    targets: [
      atLeast(
        'simulated seconds per second of training in clutter, one core',
        clutter ? median(clutter.rates) : Number.NaN,
        100,
      ),
    ],
    notes: [
      `The Jackal with 720 beams at 50 Hz, cycles at 50 Hz, learning on from an untrained policy, building the worlds ` +
        `included; ${rounds} rounds of at least ${roundMs / 1000} s each, scenarios by turns, medians of rounds. The last ` +
        'column is processor time over wall time: what exceeds 1 is V8’s compiler and collector on another core.',
      [
        '| scenario | simulated seconds a second | processors |',
        '|---|---:|---:|',
        ...runners.map(
          ({ name, rates, wallNs, processorUs }) =>
            `| ${name} | ${median(rates).toFixed(0)} | ${((processorUs * 1000) / Number(wallNs)).toFixed(2)} |`,
        ),
      ].join('\n'),
      ...(skipped === '' ? [] : [`${skipped}.`]),
    ],
  };
}

/** Whole episodes for at least `roundMs`. */
function measure(runner: Runner, roundMs: number, counts: boolean): void {
  const { session } = runner;
  const processor = process.cpuUsage();
  const startNs = process.hrtime.bigint();
  const endNs = startNs + BigInt(roundMs) * 1_000_000n;
  let simulatedS = 0;
  do {
    session.runEpisode(runner.episode % runner.episodes);
    simulatedS += session.simulator.episodeTimeS;
    runner.episode++;
  } while (process.hrtime.bigint() < endNs);
  const wallNs = process.hrtime.bigint() - startNs;
  if (!counts) return;
  const used = process.cpuUsage(processor);
  runner.rates.push(simulatedS / (Number(wallNs) * 1e-9));
  runner.wallNs += wallNs;
  runner.processorUs += used.user + used.system;
}

export const training: Benchmark = {
  name: 'training',
  summary: 'simulated seconds per second of training, in every scenario',
  run,
};
