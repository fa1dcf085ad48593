/** What the operator's view costs the cycle: flight log, scraped metrics and ten pages, with and without, by turns. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atMost, type Benchmark, type BenchmarkOptions, type Report } from './benchmark.js';
import { sleep } from './controlled.js';
import { median } from './measure.js';
import type { Paged, PagesOptions } from './view-pages.js';
import type { Attachments, Detached, RunStart, RunWindow } from './view-run.js';
import { Part } from './zeromq-part.js';

const PAGES = 10;
const RATE_HZ = 100;
const SCAN_RATE_HZ = 50;
const SCRAPE_MS = 1000;
/** After pages came or went, before the cycle is looked at [ms]. */
const SETTLE_MS = 1000;

async function run(options: BenchmarkOptions): Promise<Report> {
  const pages = options.tiny ? 2 : PAGES;
  const rounds = options.tiny ? 1 : options.quick ? 3 : 9;
  const roundMs = options.tiny ? 300 : options.quick ? 4000 : 7000;
  const settleMs = options.tiny ? 100 : SETTLE_MS;
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const driving = new Part('view-run');
  const watching = new Part('view-pages', { nice: true });
  const withThem: RunWindow[] = [];
  const without: RunWindow[] = [];
  let frames = 0;
  let scrapes = 0;
  let scrapeBytes = 0;
  let lost = 0;
  let skipped = 0;
  try {
    const given: RunStart = { seed: options.seed, rate: RATE_HZ, scanRate: SCAN_RATE_HZ, folder };
    await driving.call('start', given);
    for (let round = 0; round < 2 * rounds; round++) {
      // With and without, without and with: neither is always the first.
      const attached = (round & 1) === ((round >> 1) & 1);
      if (attached) {
        const what: Attachments = { log: true, explanations: false, page: true };
        const url = await driving.call<string>('attach', what);
        const shown: PagesOptions = { url, count: pages, scrapeMs: options.tiny ? 100 : SCRAPE_MS };
        await watching.call('attach', shown);
      }
      await sleep(settleMs);
      await driving.call('beginWindow');
      await sleep(roundMs);
      (attached ? withThem : without).push(await driving.call<RunWindow>('endWindow'));
      if (!attached) continue;
      const paged = await watching.call<Paged>('detach');
      const detached = await driving.call<Detached>('detach');
      frames += paged.frames;
      scrapes += paged.scrapes;
      scrapeBytes = paged.scrapeBytes;
      lost += detached.logLost;
      skipped += detached.framesSkipped;
    }
  } finally {
    await watching.end();
    await driving.end();
    await rm(folder, { recursive: true, force: true });
  }
  const middle = (list: readonly RunWindow[], of: (one: RunWindow) => number) => median(list.map(of));
  const ratio = (key: 'computeP50Ns' | 'computeP99Ns' | 'latenessP50Ns' | 'latenessP99Ns') =>
    median(withThem.map((one, i) => one[key] / without[i][key]));
  const ns = (list: readonly RunWindow[], key: keyof RunWindow) => Math.round(middle(list, (one) => one[key]));
  const percent = (list: readonly RunWindow[], key: 'processor' | 'main') => {
    const share = middle(list, (one) => (100 * one[key]) / one.wall);
    return Number.isFinite(share) ? share : null;
  };
  const sum = (list: readonly RunWindow[], key: 'cycles' | 'misses') => list.reduce((all, one) => all + one[key], 0);
  return {
    figures: {
      view: {
        compute_p50_ns: ns(withThem, 'computeP50Ns'),
        compute_p99_ns: ns(withThem, 'computeP99Ns'),
        without_compute_p50_ns: ns(without, 'computeP50Ns'),
        without_compute_p99_ns: ns(without, 'computeP99Ns'),
        ratio_compute_p50: ratio('computeP50Ns'),
        ratio_compute_p99: ratio('computeP99Ns'),
        lateness_p50_ns: ns(withThem, 'latenessP50Ns'),
        lateness_p99_ns: ns(withThem, 'latenessP99Ns'),
        without_lateness_p50_ns: ns(without, 'latenessP50Ns'),
        without_lateness_p99_ns: ns(without, 'latenessP99Ns'),
        ratio_lateness_p50: ratio('latenessP50Ns'),
        ratio_lateness_p99: ratio('latenessP99Ns'),
        cycles: sum(withThem, 'cycles'),
        misses: sum(withThem, 'misses'),
        without_misses: sum(without, 'misses'),
        main_thread_percent: percent(withThem, 'main'),
        without_main_thread_percent: percent(without, 'main'),
        process_percent: percent(withThem, 'processor'),
        without_process_percent: percent(without, 'processor'),
        pages,
        frames,
        frames_skipped: skipped,
        scrapes,
        scrape_bytes: scrapeBytes,
        log_messages_lost: lost,
      },
    },
    targets: [
      atMost(
        `p99 of the cycle’s work with log, metrics and ${pages} pages to that without`,
        ratio('computeP99Ns'),
        1.25,
      ),
      atMost(`p99 of its lateness with log, metrics and ${pages} pages to that without`, ratio('latenessP99Ns'), 1.25),
    ],
    notes: [
      `${rounds} pairs of windows of ${roundMs / 1000} s in one live run of the simulated Jackal in \`clutter\`, as ` +
        `\`rfsn sim\` composes it, at ${RATE_HZ} Hz with ${SCAN_RATE_HZ} scans of 720 beams a second: flight log, page and ` +
        'metrics are attached to it and detached again, by turns. The simulator is on the main thread in either. The pages ' +
        'are WebSockets that take every frame they are sent (at most 50 a second each); they and the scraper, one scrape a ' +
        'second, run in one process at the lowest priority. While a page is open each decision is explained, after its ' +
        'command has gone out. Medians of windows and of the ratios of pairs; percent are of one processor, the simulator’s ' +
        'share included.',
    ],
  };
}

export const view: Benchmark = {
  name: 'view',
  summary: 'what flight log, metrics and ten pages cost the cycle',
  run,
};
