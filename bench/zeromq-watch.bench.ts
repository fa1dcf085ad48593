/** What a hundred watchers of every decision cost the cycle: runs with and without, by turns. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOPICS } from '../src/io/zeromq/protocol/protocol.js';
import { defaultParameters, type ParameterValues } from '../src/parameters/schema.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { sleep } from './controlled.js';
import { median } from './measure.js';
import { Part } from './zeromq-part.js';
import type { RobotsOptions, Sent } from './zeromq-robots.js';
import type { CycleTimes, ServerEndpoints } from './zeromq-server.js';
import type { Watched, WatchersOptions } from './zeromq-watchers.js';

const WATCHERS = 100;
/** After the watchers came or went, before the cycle is looked at [ms]. */
const SETTLE_MS = 1000;
const DECISION = TOPICS[0];

async function run(options: BenchmarkOptions): Promise<Report> {
  const watchers = options.tiny ? 3 : WATCHERS;
  const rounds = options.tiny ? 1 : options.quick ? 3 : 9;
  const roundMs = options.tiny ? 300 : options.quick ? 4000 : 10_000;
  const settleMs = options.tiny ? 100 : SETTLE_MS;
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const parameters: ParameterValues = {
    ...defaultParameters(),
    'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
    'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
    'zeromq.administer_endpoint': '',
    model_dir: folder,
    random_seed: options.seed,
  };
  const rate = parameters.controller_frequency;
  const server = new Part('zeromq-server');
  const robots = new Part('zeromq-robots');
  const watching = new Part('zeromq-watchers', { nice: true });
  const withThem: CycleTimes[] = [];
  const without: CycleTimes[] = [];
  let received = 0;
  let lost = 0;
  try {
    const { drive, watch } = await server.call<ServerEndpoints>('start', parameters);
    const given: RobotsOptions = {
      endpoint: drive,
      count: 1,
      mode: 'free',
      rate,
      cycles: options.tiny ? 20 : 512,
      seed: options.seed,
    };
    await robots.call('greet', given);
    const seconds = (2 * rounds * (roundMs + 2 * settleMs)) / 1000 + 1;
    const driving = robots.call<Sent>('drive', { seconds });
    driving.catch(() => undefined);
    for (let round = 0; round < 2 * rounds; round++) {
      // With and without, without and with: neither is always the first.
      const attached = (round & 1) === ((round >> 1) & 1);
      const attach: WatchersOptions = { endpoint: watch, count: watchers, topic: `${DECISION}/` };
      if (attached) await watching.call('attach', attach);
      await sleep(settleMs);
      await server.call('beginWindow');
      await sleep(roundMs);
      (attached ? withThem : without).push(await server.call<CycleTimes>('cycleTimes'));
      if (!attached) continue;
      const watched = await watching.call<Watched>('detach');
      received += watched.received;
      lost += watched.lost;
    }
    await driving;
  } finally {
    await watching.end();
    await robots.end();
    await server.end();
    await rm(folder, { recursive: true, force: true });
  }
  const middle = (list: readonly CycleTimes[], key: keyof CycleTimes) =>
    Math.round(median(list.map((one) => one[key])));
  const ratio = (key: keyof CycleTimes) => median(withThem.map((one, i) => one[key] / without[i][key]));
  return {
    figures: {
      link_watch: {
        compute_p50_ns: middle(withThem, 'computeP50Ns'),
        compute_p99_ns: middle(withThem, 'computeP99Ns'),
        without_compute_p50_ns: middle(without, 'computeP50Ns'),
        without_compute_p99_ns: middle(without, 'computeP99Ns'),
        ratio_compute_p99: ratio('computeP99Ns'),
        lateness_p50_ns: middle(withThem, 'latenessP50Ns'),
        lateness_p99_ns: middle(withThem, 'latenessP99Ns'),
        without_lateness_p50_ns: middle(without, 'latenessP50Ns'),
        without_lateness_p99_ns: middle(without, 'latenessP99Ns'),
        ratio_lateness_p99: ratio('latenessP99Ns'),
        cycles: [...withThem, ...without].reduce((sum, one) => sum + one.cycles, 0),
        watchers,
        received,
        lost,
      },
    },
    targets: [
      atMost(`p99 of the cycle’s work with ${watchers} watchers to that without`, ratio('computeP99Ns'), 1.25),
      atMost(`p99 of its lateness with ${watchers} watchers to that without`, ratio('latenessP99Ns'), 1.25),
    ],
    notes: [
      `${rounds} pairs of runs of ${roundMs / 1000} s at ${rate} Hz, a robot in free mode over loopback TCP, by turns; the ` +
        `${watchers} watchers, each with a connection of its own, subscribe to every decision and run in one process at the ` +
        `lowest priority. Medians of runs and of the ratios of pairs. ${received.toLocaleString('en')} messages reached ` +
        `them; the first of them missed ${lost}.`,
    ],
  };
}

export const linkWatch: Benchmark = {
  name: 'link-watch',
  summary: 'what a hundred watchers over ZeroMQ cost the cycle',
  run,
};
