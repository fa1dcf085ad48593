/** What a flight log costs a run, how large it is, and how fast an hour of it is opened and gone through. */
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atMost, type Benchmark, type BenchmarkOptions, type Figures, type Report } from './benchmark.js';
import { sleep } from './controlled.js';
import { median } from './measure.js';
import { RecordedDrive } from './view-drive.js';
import { cutIndex, type Hour, writeHour } from './view-log-hour.js';
import type { Looked, LookOptions } from './view-log-reader.js';
import type { Attachments, Detached, RunStart, RunWindow } from './view-run.js';
import { Part } from './zeromq-part.js';

const RATE_HZ = 100;
const SCAN_RATE_HZ = 20;
const SEEKS = 20;
const SETTLE_MS = 500;
/** An hour, with room to spare [bytes]. */
const DISK_BYTES = 2e9;

/** What is attached to a window. */
const KINDS = ['without', 'log', 'explained'] as const;
type Kind = (typeof KINDS)[number];

async function run(options: BenchmarkOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  try {
    const cost = await costOf(options, folder);
    const hour = await hourOf(options, join(folder, 'hour'));
    const worst = (title: string) => {
      const { open_ns: open, seek_max_ns: seek } = hour.figures[title] ?? {};
      return typeof open === 'number' && typeof seek === 'number' ? (open + seek) / 1e9 : Number.NaN;
    };
    return {
      figures: { log_cost: cost, ...hour.figures },
      targets: [
        atMost('an hour’s log opened, and the slowest of the seeks [s]', worst('log_hour'), 1),
        atMost('the same after kill -9, the last file without its index [s]', worst('log_killed'), 1),
        atMost('the same with no index in any file [s]', worst('log_no_index'), 1),
      ],
      notes: [
        `Cost: windows in one live run of the simulated Jackal in \`clutter\`, ${RATE_HZ} Hz, ${SCAN_RATE_HZ} scans of 720 ` +
          'beams, 50 odometries and 50 contact reports a second: without a log, with one, and with one that has explanations, ' +
          'by turns. Percent of one processor; medians of the differences to the window without, of the main thread (what the ' +
          'kernel says it had) and of the whole process (the thread pool’s writing included, and in `explained` the ' +
          'explaining of the control thread).',
        'An hour: a simulated drive with the same rates, without explanations, played into the log that `rfsn sim --log` ' +
          'writes, over and over, at later times, in files of 256 MiB. `write_percent` is the processor time of it over an ' +
          `hour; what is \`explained\` is of two minutes with explanations. Opened, its episodes found, and gone to ${SEEKS} random times, as \`rfsn view\` does, by processes that have ` +
          'opened none before; medians of processes, the slowest of all for max. The files are in the system’s cache, since ' +
          'they have just been written.',
        ...(hour.skipped === '' ? [] : [`The hour was left out: ${hour.skipped}.`]),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a log costs a live run. */
async function costOf(options: BenchmarkOptions, folder: string): Promise<Figures> {
  const rounds = options.tiny ? 1 : options.quick ? 3 : 6;
  const roundMs = options.tiny ? 300 : options.quick ? 3000 : 4000;
  const settleMs = options.tiny ? 50 : SETTLE_MS;
  const windows: Record<Kind, RunWindow[]> = { without: [], log: [], explained: [] };
  let lost = 0;
  const driving = new Part('view-run');
  try {
    const given: RunStart = { seed: options.seed, rate: RATE_HZ, scanRate: SCAN_RATE_HZ, folder };
    await driving.call('start', given);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < KINDS.length; i++) {
        // Each is first, second and third as often as the others.
        const kind = KINDS[(i + round) % KINDS.length];
        const what: Attachments = { log: kind !== 'without', explanations: kind === 'explained', page: false };
        await driving.call('attach', what);
        await sleep(settleMs);
        await driving.call('beginWindow');
        await sleep(roundMs);
        windows[kind].push(await driving.call<RunWindow>('endWindow'));
        lost += (await driving.call<Detached>('detach')).logLost;
      }
    }
  } finally {
    await driving.end();
  }
  const percent = (one: RunWindow, key: 'main' | 'processor') => (100 * one[key]) / one.wall;
  const added = (kind: Kind, key: 'main' | 'processor') => {
    const differences = windows[kind].map((one, i) => percent(one, key) - percent(windows.without[i], key));
    return orNull(median(differences));
  };
  return {
    main_thread_percent: added('log', 'main'),
    process_percent: added('log', 'processor'),
    explained_main_thread_percent: added('explained', 'main'),
    explained_process_percent: added('explained', 'processor'),
    without_main_thread_percent: orNull(median(windows.without.map((one) => percent(one, 'main')))),
    messages_lost: lost,
  };
}

/** How an hour's log is opened, whole, killed, and without any index. */
async function hourOf(
  options: BenchmarkOptions,
  folder: string,
): Promise<{ figures: Record<string, Figures>; skipped: string }> {
  const skipped = options.tiny ? '' : await whyNoHour();
  const nothing = { index_ns: null, open_ns: null, seek_p50_ns: null, seek_max_ns: null };
  if (skipped !== '') {
    return { figures: { log_hour: { ...nothing, skipped }, log_killed: nothing, log_no_index: nothing }, skipped };
  }
  const drive = await RecordedDrive.record({
    seed: options.seed,
    seconds: options.tiny ? 3 : 60,
    rate: RATE_HZ,
    scanRate: SCAN_RATE_HZ,
  });
  const maxFileBytes = options.tiny ? 2 ** 20 : 2 ** 28;
  const minutes = { folder: join(folder, 'explained'), seconds: options.tiny ? 3 : 120, explanations: true };
  const explained = await writeHour(drive, { ...minutes, maxFileBytes });
  const seconds = options.tiny ? 12 : 3600;
  const hour = await writeHour(drive, { folder: join(folder, 'hour'), seconds, explanations: false, maxFileBytes });
  const perMinute = ({ bytes, seconds: ofTime }: Hour) => Math.round((60 * bytes) / ofTime);
  const looks = async (whole: boolean) => {
    const looked: Looked[] = [];
    for (let i = 0; i < (options.tiny ? 1 : options.quick ? 2 : 3); i++) looked.push(await look(hour, options, i));
    if (looked.some((one) => one.whole !== whole)) throw new Error('the log’s files are not as they were meant to be');
    const seeks = looked.flatMap(({ seekNs }) => seekNs);
    return {
      index_ns: Math.round(median(looked.map(({ indexNs }) => indexNs))),
      open_ns: Math.round(median(looked.map(({ openNs }) => openNs))),
      seek_p50_ns: Math.round(median(seeks)),
      seek_max_ns: Math.round(Math.max(...seeks)),
    };
  };
  const log_hour: Figures = {
    ...(await looks(true)),
    seconds: Math.round(hour.seconds),
    bytes: hour.bytes,
    bytes_per_minute: perMinute(hour),
    explained_bytes_per_minute: perMinute(explained),
    files: hour.parts.length,
    messages: hour.messages,
    write_percent: (100 * hour.processor) / hour.seconds,
    explained_write_percent: (100 * explained.processor) / explained.seconds,
    written_in_s: hour.wall,
  };
  cutIndex(hour.parts[hour.parts.length - 1]);
  const log_killed = await looks(false);
  for (const path of hour.parts.slice(0, -1)) cutIndex(path);
  const log_no_index = await looks(false);
  await rm(folder, { recursive: true, force: true });
  return { figures: { log_hour, log_killed, log_no_index }, skipped: '' };
}

async function look({ path }: Hour, options: BenchmarkOptions, nth: number): Promise<Looked> {
  const reader = new Part('view-log-reader');
  try {
    const asked: LookOptions = { path, seeks: options.tiny ? 3 : SEEKS, seed: options.seed + nth };
    return await reader.call<Looked>('look', asked);
  } finally {
    await reader.end();
  }
}

/** Empty where there is room for it. */
async function whyNoHour(): Promise<string> {
  const { bavail, bsize } = await statfs(tmpdir());
  const free = bavail * bsize;
  return free >= DISK_BYTES
    ? ''
    : `${tmpdir()} has ${(free / 1e9).toFixed(1)} GB left, and it needs ${DISK_BYTES / 1e9}`;
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export const flightLog: Benchmark = {
  name: 'log',
  summary: 'what a flight log costs, and how fast an hour of it is opened',
  run,
};
