/** The page in Chromium: how many pictures it draws, what script each costs, and what it holds after an hour. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { pageFolder } from '../src/dashboard/page-files.js';
import type { Hello, Status } from '../src/dashboard/wire.js';
import {
  atLeast,
  atMost,
  type Benchmark,
  type BenchmarkOptions,
  type Figures,
  type Report,
  type Target,
} from './benchmark.js';
import { sleep } from './controlled.js';
import { timer } from './measure.js';
import { RecordedDrive } from './view-drive.js';
import { DriveForPage, FastPageServer } from './view-page-hour.js';
import type { Attachments, RunStart } from './view-run.js';
import { Part } from './zeromq-part.js';

const CHROMIUM = process.env['RFSN_CHROMIUM'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const RATE_HZ = 50;
/** Frames that are sent before the page is waited for: ten seconds of the robot's time. */
const FRAMES_AT_ONCE = 500;
/** How long the page may take for them, and for its first [ms]. */
const PATIENCE_MS = 60_000;

interface Sizes {
  /** In real time [s], and before it. */
  live: number;
  settle: number;
  /** Of the robot's time [s]: when the heap is looked at, before, in the middle and at the end. */
  marks: readonly [number, number, number];
}

async function run(options: BenchmarkOptions): Promise<Report> {
  const sizes: Sizes = options.tiny
    ? { live: 1, settle: 0, marks: [5, 10, 15] }
    : options.quick
      ? { live: 10, settle: 2, marks: [60, 300, 600] }
      : { live: 30, settle: 3, marks: [60, 1800, 3600] };
  const skipped = await whyNot();
  const figures = skipped === '' ? await measure(options, sizes) : { page: { skipped }, page_hour: {} };
  const figure = (title: 'page' | 'page_hour', name: string) => {
    const value = (figures[title] as Figures)[name];
    return typeof value === 'number' ? value : Number.NaN;
  };
  const targets: Target[] = [
    atLeast(`pictures a second at ${RATE_HZ} frames a second`, figure('page', 'pictures_per_second'), 45, 1),
    atMost('script a picture, of the time that a frame has', figure('page', 'ratio_script_frame_time'), 0.25),
    atMost(`heap after ${sizes.marks[2] / 60} min to that after half of them`, figure('page_hour', 'ratio_heap'), 1.1),
  ];
  return {
    figures,
    targets,
    notes: [
      'Debian’s Chromium without a head and without a graphics processor, a window of 1280 × 800, on the same machine as the ' +
        `run that it shows: the simulated Jackal in \`clutter\` at ${RATE_HZ} Hz with ${RATE_HZ} scans of 720 beams a second, ` +
        `live for ${sizes.live} s. \`script_ns\` and \`task_ns\` are Chromium’s own account of the page’s thread by picture: ` +
        'JavaScript, and everything (style, layout and painting too); `picture_…` are what the page measures of itself.',
      `Then the frames, scans, statuses, episodes and notices of ${sizes.marks[2] / 60} min of a simulated drive, sent as fast ` +
        'as the page takes them, so that it draws fewer pictures than it would in that time. Heap in use, arrays included, after a ' +
        'forced collection. The limits are ours; nobody has set others.',
      ...(skipped === '' ? [] : [`It was left out: ${skipped}.`]),
    ],
  };
}

async function measure(options: BenchmarkOptions, sizes: Sizes): Promise<Record<string, Figures>> {
  const { chromium } = await import('playwright-core');
  const folder = await mkdtemp(join(tmpdir(), 'rfsn-bench-'));
  const driving = new Part('view-run');
  let browser: Browser | null = null;
  try {
    const given: RunStart = { seed: options.seed, rate: RATE_HZ, scanRate: RATE_HZ, folder };
    await driving.call('start', given);
    const what: Attachments = { log: false, explanations: false, page: true };
    const url = await driving.call<string>('attach', what);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    const { figures, hello, status } = await liveFigures(browser, url, sizes);
    await driving.call('detach');
    await driving.end();
    return { page: figures, page_hour: await hourFigures(browser, hello, status, options, sizes) };
  } finally {
    await browser?.close();
    await driving.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** In real time. */
async function liveFigures(browser: Browser, url: string, { live, settle }: Sizes) {
  const opened = await OpenPage.open(browser, url);
  await sleep(settle * 1000);
  const heapBefore = await opened.heapBytes();
  const before = await opened.account();
  const began = timer.nowNs();
  await sleep(live * 1000);
  const after = await opened.account();
  const seconds = (timer.nowNs() - began) / 1e9;
  const own = await opened.ask<{ medianMs: number; p95Ms: number; longestMs: number }>('window.rfsn.frames');
  const hello = await opened.ask<Hello>('window.rfsn.hello');
  const status = await opened.ask<Status>('window.rfsn.status');
  const heapAfter = await opened.heapBytes();
  await opened.close();
  const pictures = after.pictures - before.pictures;
  const scriptNs = ((after.script - before.script) / pictures) * 1e9;
  const figures: Figures = {
    pictures_per_second: pictures / seconds,
    frames_per_second: (after.cycle - before.cycle) / seconds,
    frames_skipped: after.skipped - before.skipped,
    script_ns: Math.round(scriptNs),
    task_ns: Math.round(((after.task - before.task) / pictures) * 1e9),
    ratio_script_frame_time: (scriptNs * RATE_HZ) / 1e9,
    picture_p50_ns: Math.round(own.medianMs * 1e6),
    picture_p95_ns: Math.round(own.p95Ms * 1e6),
    picture_longest_ns: Math.round(own.longestMs * 1e6),
    heap_before_bytes: heapBefore,
    heap_after_bytes: heapAfter,
    skipped: null,
  };
  return { figures, hello, status };
}

/** An hour's frames, as fast as they are taken. */
async function hourFigures(
  browser: Browser,
  hello: Hello,
  status: Status,
  { seed, tiny }: BenchmarkOptions,
  { marks }: Sizes,
): Promise<Figures> {
  const drive = await RecordedDrive.record({ seed, seconds: tiny ? 4 : 60, rate: RATE_HZ, scanRate: RATE_HZ });
  const server = await FastPageServer.start(hello);
  try {
    const shown = new DriveForPage(drive, server, status);
    const opened = await OpenPage.open(browser, server.url, () => shown.show(1));
    const began = timer.nowNs();
    const heaps: number[] = [];
    const nodes: number[] = [];
    for (const mark of marks) {
      while (shown.seconds < mark) {
        shown.show(FRAMES_AT_ONCE);
        await opened.reached(shown.cycle);
      }
      heaps.push(await opened.heapBytes());
      nodes.push((await opened.account()).nodes);
    }
    const { pictures } = await opened.account();
    const figures: Figures = {
      frames: shown.frames,
      robot_seconds: Math.round(shown.seconds),
      episodes: shown.episodes,
      pictures,
      frames_per_second: shown.frames / ((timer.nowNs() - began) / 1e9),
      heap_first_bytes: heaps[0],
      heap_half_bytes: heaps[1],
      heap_end_bytes: heaps[2],
      ratio_heap: heaps[2] / heaps[1],
      growth_per_hour_bytes: Math.round(((heaps[2] - heaps[1]) / (marks[2] - marks[1])) * 3600),
      nodes_half: nodes[1],
      nodes_end: nodes[2],
    };
    await opened.close();
    return figures;
  } finally {
    await server.close();
  }
}

/** What Chromium and the page count, since the page was loaded. */
interface Account {
  /** On the page's thread [s]. */
  script: number;
  task: number;
  /** Of the document, alive or not yet collected. */
  nodes: number;
  pictures: number;
  /** Of the newest frame. */
  cycle: number;
  skipped: number;
}

class OpenPage {
  readonly #page: Page;
  readonly #devtools: CDPSession;

  /** Waits for the first picture. @param greet is called until there is one */
  static async open(browser: Browser, url: string, greet: () => void = () => undefined): Promise<OpenPage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Performance.enable');
    await devtools.send('HeapProfiler.enable');
    await page.goto(url);
    const opened = new OpenPage(page, devtools);
    await opened.#until('window.rfsn?.link === "open"');
    greet();
    await opened.#until('(window.rfsn?.newest?.drawnCycle ?? -1) >= 0');
    return opened;
  }

  private constructor(page: Page, devtools: CDPSession) {
    this.#page = page;
    this.#devtools = devtools;
  }

  /** Asked again and again from here: the page's policy lets nobody put a waiting function into it. */
  async #until(what: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!(await this.ask<boolean>(what))) {
      if (performance.now() > end) throw new Error(`the page did not come to ${what}`);
      await sleep(1);
    }
  }

  ask<T>(what: string): Promise<T> {
    return this.#page.evaluate<T>(what);
  }

  reached(cycle: number): Promise<void> {
    return this.#until(`window.rfsn.newest.cycle >= ${cycle}`);
  }

  async account(): Promise<Account> {
    const { metrics } = await this.#devtools.send('Performance.getMetrics');
    const metric = (name: string) => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
    const own = await this.ask<Pick<Account, 'pictures' | 'cycle' | 'skipped'>>(
      '({ pictures: window.rfsn.frames.frames, cycle: window.rfsn.newest.cycle, skipped: window.rfsn.status?.skippedFrames ?? 0 })',
    );
    return { ...own, script: metric('ScriptDuration'), task: metric('TaskDuration'), nodes: metric('Nodes') };
  }

  /** JavaScript’s, and what its arrays hold outside of it, after a forced collection. */
  async heapBytes(): Promise<number> {
    await this.#devtools.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = await this.#devtools.send('Runtime.getHeapUsage');
    return Math.round(usedSize + backingStorageSize);
  }

  async close(): Promise<void> {
    await this.#page.context().close();
  }
}

/** Empty where the page can be opened. */
async function whyNot(): Promise<string> {
  if (!existsSync(CHROMIUM)) return `there is no ${CHROMIUM} (apt install chromium; RFSN_CHROMIUM names another)`;
  if (!existsSync(join(pageFolder(), 'main.js'))) return 'the page is not built (npm run build)';
  try {
    await import('playwright-core');
    return '';
  } catch {
    return 'playwright-core is not there (npm ci installs it, not in a package)';
  }
}

export const page: Benchmark = {
  name: 'page',
  summary: 'pictures a second, script and memory of the page in Chromium',
  run,
};
