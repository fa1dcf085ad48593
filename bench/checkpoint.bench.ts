/** What a checkpoint every second costs the cycle: runs with and without, by turns, on the real control thread. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checkpointing, NO_PROGRESS, splitSnapshot } from '../src/cli/checkpointing.js';
import { snapshotShapeOf } from '../src/loop/configuration.js';
import { Histogram, HistogramWindow } from '../src/loop/statistics.js';
import { defaultParameters } from '../src/parameters/schema.js';
import { atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { controllerOf, Feed, sleep } from './controlled.js';
import { median } from './measure.js';
import { Situation } from './situation.js';
import { SNAPSHOT_HISTOGRAM_AT, TIMED_BYTES } from './timed-loop.js';

/** Fast, so that a run of seconds has a tail; at the default of 50 Hz a checkpoint meets one cycle in fifty. */
const RATE_HZ = 1000;
const FEED_MS = 1;

async function run(options: BenchmarkOptions): Promise<Report> {
  const rounds = options.tiny ? 1 : options.quick ? 3 : 9;
  const roundMs = options.tiny ? 200 : options.quick ? 2000 : 4000;
  const everyMs = options.tiny ? 50 : 1000;
  const settleMs = options.tiny ? 100 : 1500;
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const parameters = {
    ...defaultParameters(),
    controller_frequency: RATE_HZ,
    random_seed: options.seed,
    model_dir: folder,
  };
  const { policyBytes } = snapshotShapeOf(parameters);
  const situation = await Situation.record({ cycles: options.tiny ? 100 : 2048, seed: options.seed });
  const checkpointing = new Checkpointing({
    parameters,
    scenario: 'clutter',
    seed: options.seed,
    faults: false,
    tell: (text) => process.stderr.write(`bench: ${text}\n`),
  });
  const histograms = new SharedArrayBuffer(TIMED_BYTES);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const controller = controllerOf({
    parameters,
    loopModule: new URL(`./timed-loop.${extension}`, import.meta.url),
    extras: { histograms },
  });
  const all = new HistogramWindow(new Histogram(histograms, 0));
  const snapshots = new Histogram(histograms, SNAPSHOT_HISTOGRAM_AT);
  const feed = new Feed(controller, situation);
  const timer = setInterval(() => feed.feed(), FEED_MS);
  const p50 = { with: [] as number[], without: [] as number[] };
  const p99 = { with: [] as number[], without: [] as number[] };
  const p999 = { with: [] as number[], without: [] as number[] };
  let max = 0;
  let saved = 0;
  let bytes = 0;
  try {
    await controller.start();
    controller.arm();
    await sleep(settleMs);
    for (let round = 0; round < rounds * 2; round++) {
      // With and without, without and with: neither is always the first.
      const saving = (round & 1) === ((round >> 1) & 1);
      const end = Date.now() + roundMs;
      all.advance();
      while (Date.now() < end) {
        const next = Date.now() + everyMs;
        if (saving) {
          const snapshot = await controller.snapshot();
          bytes = snapshot.length;
          if (await checkpointing.save(splitSnapshot(snapshot, policyBytes), NO_PROGRESS)) saved++;
        }
        await sleep(Math.max(0, Math.min(next, end) - Date.now()));
      }
      all.advance();
      const side = saving ? 'with' : 'without';
      p50[side].push(all.quantile(0.5));
      p99[side].push(all.quantile(0.99));
      p999[side].push(all.quantile(0.999));
      if (saving) max = Math.max(max, all.max);
    }
  } finally {
    clearInterval(timer);
    await controller.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const ratio = median(p99.with.map((one, i) => one / p99.without[i]));
  return {
    figures: {
      checkpoint: {
        p50_ns: Math.round(median(p50.with)),
        p99_ns: Math.round(median(p99.with)),
        p999_ns: Math.round(median(p999.with)),
        max_ns: Math.round(max),
        without_p50_ns: Math.round(median(p50.without)),
        without_p99_ns: Math.round(median(p99.without)),
        without_p999_ns: Math.round(median(p999.without)),
        ratio_p99: ratio,
        checkpoints: saved,
        snapshot_bytes: bytes,
        snapshot_cycle_p50_ns: snapshots.count === 0 ? null : Math.round(snapshots.quantile(0.5)),
      },
    },
    targets: [atMost('p99 of the cycle with a checkpoint every second to that without', ratio, 1.25)],
    notes: [
      `${rounds} pairs of runs of ${roundMs / 1000} s at ${RATE_HZ} Hz on the real control thread, scans at 50 Hz; the whole ` +
        `of \`run\` is timed, so the copy of ${bytes.toLocaleString('en')} bytes counts that follows the command. ` +
        `The ${saved} checkpoints went to the disk (written, synced, renamed) from the main thread. A cycle that copied a ` +
        `snapshot took ${(snapshots.quantile(0.5) / 1000).toFixed(1)} µs (p50); at the default 50 Hz that is one cycle in fifty.`,
    ],
  };
}

export const checkpoint: Benchmark = {
  name: 'checkpoint',
  summary: 'what a checkpoint every second costs the cycle',
  run,
};
