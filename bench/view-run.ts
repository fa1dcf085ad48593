/**
 * A live run in the simulator, as `rfsn sim` composes it, in a process of its own. What may go on beside a run, its flight
 * log and its page, is attached while it drives and detached again, so that runs with and without are the same run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  type BesideRun,
  BesideRuns,
  type RobotFollower,
  type RobotFollowers,
  type RunUnderWay,
} from '../src/cli/beside-run.js';
import { NO_PROGRESS } from '../src/cli/checkpointing.js';
import { EpisodeTally } from '../src/cli/episode-tally.js';
import { LiveDisplay } from '../src/cli/live-line.js';
import { LivePage } from '../src/cli/live-page.js';
import { LiveSession } from '../src/cli/live-session.js';
import { RunLog } from '../src/cli/run-log.js';
import { readRun } from '../src/cli/run-options.js';
import { StopRequest } from '../src/cli/stop-request.js';
import { Counter, StatisticsWindow } from '../src/loop/statistics.js';
import type { FlightLog } from '../src/telemetry/flight-log/flight-log.js';
import { sleep } from './controlled.js';
import { timer } from './measure.js';
import { answerCalls } from './zeromq-part.js';

export interface RunStart {
  seed: number;
  /** [Hz] */
  rate: number;
  scanRate: number;
  /** Logs go to folders in it. */
  folder: string;
}

export interface Attachments {
  log: boolean;
  /** In the log. */
  explanations: boolean;
  page: boolean;
}

/** What happened since the window began. */
export interface RunWindow {
  computeP50Ns: number;
  computeP99Ns: number;
  latenessP50Ns: number;
  latenessP99Ns: number;
  cycles: number;
  misses: number;
  /** [s] */
  wall: number;
  /** Processor time of all threads, and of the main thread alone [s]; NaN where the system does not tell. */
  processor: number;
  main: number;
}

/** What went to the outside while attached. */
export interface Detached {
  logMessages: number;
  logLost: number;
  framesSent: number;
  framesSkipped: number;
}

const stop = new StopRequest();
const told: string[] = [];
let session: LiveSession | null = null;
let ended: Promise<unknown> = Promise.resolve();
let window: StatisticsWindow | null = null;
let windowStart = { ns: 0, processor: 0, main: 0 };

/** Shows the run that it is beside to others, from one moment to another. */
class Attaching implements BesideRun {
  readonly name = 'what the benchmark attaches';
  readonly required = true;
  run: RunUnderWay | null = null;
  log: FlightLog | null = null;
  page: LivePage | null = null;
  #beside: BesideRuns | null = null;
  #followers: RobotFollowers | null = null;
  #logs = 0;

  async open(): Promise<void> {}

  async follow(run: RunUnderWay): Promise<RobotFollower> {
    this.run = run;
    return {
      episode: (report) => this.#followers?.episode(report),
      end: async () => {
        await this.detach();
      },
    };
  }

  async close(): Promise<void> {}

  async attach(run: RunUnderWay, { log, explanations, page }: Attachments, folder: string): Promise<void> {
    const { tell, control } = run;
    const list: BesideRun[] = [];
    if (log) {
      const parameters = {
        ...control.parameters,
        'log.dir': join(folder, String(this.#logs++)),
        'log.explanations': explanations,
      };
      list.push(
        new RunLog({
          parameters,
          shown: (_, opened) => {
            if (opened !== null) this.log = opened;
          },
        }),
      );
    }
    if (page) {
      const parameters = { ...control.parameters, 'dashboard.listen': '127.0.0.1:0' };
      this.page = new LivePage({ parameters, required: true, portGiven: true, tell });
      list.push(this.page);
    }
    const beside = new BesideRuns(list, tell);
    await beside.open();
    this.#beside = beside;
    this.#followers = await beside.follow({ ...run, continued: true, waited: false });
  }

  async detach(): Promise<Detached> {
    const server = this.page?.server ?? null;
    await this.#followers?.end();
    await this.#beside?.close();
    const detached = {
      logMessages: this.log?.counters.written ?? 0,
      logLost: this.log?.lost ?? 0,
      framesSent: server?.counts.framesSent ?? 0,
      framesSkipped: server?.counts.skippedFrames ?? 0,
    };
    this.#followers = null;
    this.#beside = null;
    this.log = null;
    this.page = null;
    return detached;
  }
}

const attaching = new Attaching();
let folder = '';

async function start({ seed, rate, scanRate, folder: where }: RunStart): Promise<void> {
  folder = where;
  const asked = { scenario: 'clutter', seed, set: { controller_frequency: String(rate) } };
  const run = readRun({ ...asked, model: join(folder, 'models') });
  const nowhere = new Writable({
    write(chunk, _encoding, done) {
      told.push(String(chunk));
      done();
    },
  });
  session = new LiveSession({
    run: { ...run, robot: { ...run.robot, laser: { ...run.robot.laser, rateHz: scanRate } } },
    frozen: false,
    learned: null,
    progress: NO_PROGRESS,
    firstEpisode: 0,
    episodes: null,
    tally: new EpisodeTally(),
    display: new LiveDisplay(nowhere as NodeJS.WriteStream),
    stop,
    checkpointing: null,
    beside: [attaching],
  });
  let over = false;
  ended = session.drive().finally(() => {
    over = true;
  });
  ended.catch(() => undefined);
  while (session.controller.cycles === 0) {
    if (over) throw new Error(`the run did not begin:\n${told.join('')}`);
    await sleep(5);
  }
  window = new StatisticsWindow(session.controller.statistics);
}

/** @returns address of the page; empty where there is none */
async function attach(what: Attachments): Promise<string> {
  if (attaching.run === null) throw new Error('nothing runs');
  await attaching.attach(attaching.run, what, folder);
  return attaching.page?.server?.url ?? '';
}

function detach(): Promise<Detached> {
  return attaching.detach();
}

function beginWindow(): void {
  window?.advance();
  windowStart = { ns: timer.nowNs(), processor: processor(), main: mainThread() };
}

function endWindow(): RunWindow {
  if (window === null || session === null) throw new Error('nothing runs');
  if (session.controller.state !== 'running') throw new Error(`the run has ended:\n${told.join('')}`);
  window.advance();
  const { compute, lateness, counters } = window;
  return {
    computeP50Ns: compute.quantile(0.5),
    computeP99Ns: compute.quantile(0.99),
    latenessP50Ns: lateness.quantile(0.5),
    latenessP99Ns: lateness.quantile(0.99),
    cycles: lateness.count,
    misses: counters[Counter.missesWokenLate] + counters[Counter.missesComputedLong],
    wall: (timer.nowNs() - windowStart.ns) / 1e9,
    processor: processor() - windowStart.processor,
    main: mainThread() - windowStart.main,
  };
}

/** Time that all threads of this process have had [s]. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Time that the main thread has had [s]: it is the one that leads the process. https://docs.kernel.org/scheduler/sched-stats.html */
function mainThread(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e9;
  } catch {
    return Number.NaN;
  }
}

answerCalls({ start, attach, detach, beginWindow, endWindow }, async () => {
  stop.ask('measured');
  await ended;
});
