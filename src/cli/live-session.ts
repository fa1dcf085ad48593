/**
 * The robot in the simulator in real time: the control thread decides, the simulator and everything that may take its
 * time run here on the main thread.
 *
 * It ends in an order that is the same whatever the cause: the robot stops, what was learned is taken, the port lets go,
 * the checkpoint is written.
 */
import { type EpisodeReport, SimPort } from '../../sim/index.js';
import { layoutSizesOf, periodNsOf, snapshotShapeOf } from '../loop/configuration.js';
import { Controller } from '../loop/controller.js';
import { Counter, StatisticsWindow } from '../loop/statistics.js';
import {
  type Checkpointing,
  chainWorldHash,
  type LearnedState,
  type RunProgress,
  splitSnapshot,
} from './checkpointing.js';
import { type EpisodeTally, feedbackFigures, interventionsByReason, OUTCOME_NAMES } from './episode-tally.js';
import { type LiveDisplay, liveLine, memoryLine } from './live-line.js';
import type { Run } from './run-options.js';
import type { StopRequest } from './stop-request.js';

/** How often the live line is painted anew on a terminal, and written elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 5000;
/** What "recent" means for cycle rate and lateness [ns]. */
const WINDOW_NS = 5e9;
const FIRST_WINDOW_NS = 1e9;
/** After a save that failed, the next try comes at the latest after this [ms]. */
const RETRY_MS = 5000;
/** The last save may take so long before the process ends without it [ms]; stopping takes at most 2 s before it. */
const LAST_SAVE_BOUND_MS = 2500;
const STOP_BOUND_MS = 1000;

export interface LiveSessionOptions {
  run: Run;
  frozen: boolean;
  learned: LearnedState | null;
  /** What was done before this run. */
  progress: RunProgress;
  firstEpisode: number;
  /** Null: until told to stop. */
  episodes: number | null;
  tally: EpisodeTally;
  display: LiveDisplay;
  stop: StopRequest;
  /** Null where nothing is saved. */
  checkpointing: Checkpointing | null;
}

export interface LiveResult {
  /** What was learned, as it was taken at the end; null where the control thread could not give it. */
  learned: LearnedState | null;
  worldHash: number;
  /** Why the run could not go on; empty where it ended as it was meant to. */
  fault: string;
  /** Whether what was learned is on the disk, where it was to be saved. */
  saved: boolean;
}

export class LiveSession {
  readonly controller: Controller;
  readonly #options: LiveSessionOptions;
  readonly #port: SimPort;
  readonly #window: StatisticsWindow;
  readonly #policyBytes: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #windowStartNs = 0;
  #cycleRate = Number.NaN;
  #episodesEnded = 0;
  #fault = '';
  #warning = '';
  #saving = false;
  #nextSaveMs = 0;

  constructor(options: LiveSessionOptions) {
    const { run, learned } = options;
    const p = run.parameters;
    this.#options = options;
    const sizes = layoutSizesOf(p);
    this.#policyBytes = snapshotShapeOf(p).policyBytes;
    this.controller = new Controller({
      sizes,
      schedule: {
        periodNs: periodNsOf(p),
        trigger: p.trigger,
        overrunPolicy: p.overrun_policy,
        spinMarginNs: p.spin_margin_us * 1e3,
      },
      parameters: p,
      extras: { rewardProgram: run.rewardProgram, learned },
      watchdogTimeoutNs: p.watchdog_timeout_s * 1e9,
      heartbeatTimeoutNs: p.heartbeat_timeout_s * 1e9,
      onStall: (cause, detail) => this.#onStall(cause, detail),
      onRecovery: () => this.#warn('', 'the control thread is back'),
      onLatch: (message) => this.#end(`a cycle failed and the robot stands: ${message}`),
    });
    this.#window = new StatisticsWindow(this.controller.statistics);
    this.#port = new SimPort({
      scenario: run.scenario,
      robot: run.robot,
      seed: run.seed,
      faults: run.faults,
      clock: this.controller.clock,
      episodes: options.episodes,
      firstEpisode: options.firstEpisode,
      onEpisodeEnd: (report) => this.#onEpisodeEnd(report),
      onDone: () => this.#onDone(),
    });
  }

  /** Drives until the episodes are done or a stop is asked for, then stops, saves and lets go of everything. */
  async drive(): Promise<LiveResult> {
    const { controller } = this;
    const { tally, stop, frozen, display } = this.#options;
    const onUncaught = (error: unknown) => this.#end(error instanceof Error ? error.message : String(error));
    process.on('uncaughtException', onUncaught);
    try {
      display.message(memoryLine(controller.memory.layout));
      controller.onDecision((record) => tally.decision(record));
      controller.freeze(frozen);
      await controller.start();
      await this.#port.start(controller.observations, controller.commands);
      this.#window.advance();
      this.#windowStartNs = controller.clock.nowNs();
      this.#nextSaveMs = performance.now() + this.#savePeriodMs;
      this.#every(display.isTerminal ? PAINT_MS : WRITE_MS, () => this.#paint());
      this.#every(PAINT_MS, () => this.#keepSaved());
      controller.arm();
      if (display.isTerminal) this.#paint();
      await stop.asked;
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
    }
    try {
      return await this.#shutDown();
    } finally {
      process.off('uncaughtException', onUncaught);
    }
  }

  async #shutDown(): Promise<LiveResult> {
    const { controller } = this;
    const { checkpointing, display, progress } = this.#options;
    for (const timer of this.#timers) clearInterval(timer);
    const simulator = this.#port.simulator;
    // The robot first: disarmed, it brakes, and zero velocity is the last that the port is given.
    const stopped = await controller.stop({ boundMs: STOP_BOUND_MS, snapshot: true });
    const worldHash = simulator === null ? progress.worldHash : chainWorldHash(progress.worldHash, simulator);
    await this.#port.stop();
    this.#paint();
    display.close();
    display.message(stopped.orderly ? 'robot stopped' : 'the control thread was ended by force; the robot is stopped');
    const learned = stopped.snapshot === null ? null : splitSnapshot(stopped.snapshot, this.#policyBytes);
    let saved = checkpointing === null;
    if (checkpointing !== null && learned === null) {
      display.message('nothing was saved: the control thread could not give what it learned');
    } else if (checkpointing !== null && learned !== null) {
      saved = await within(checkpointing.save(learned, this.#progress(worldHash)), LAST_SAVE_BOUND_MS);
      if (saved) display.message(`saved ${checkpointing.savedPath}`);
      else display.message(`not saved: ${checkpointing.failure || `the disk took more than ${LAST_SAVE_BOUND_MS} ms`}`);
    }
    return { learned, worldHash, fault: this.#fault, saved };
  }

  #progress(worldHash: number): RunProgress {
    const { progress, firstEpisode } = this.#options;
    return {
      cycles: progress.cycles + this.controller.cycles,
      episodes: firstEpisode + this.#episodesEnded,
      worldHash,
      plan: null,
    };
  }

  get #savePeriodMs(): number {
    return this.#options.run.parameters.checkpoint_period_s * 1e3;
  }

  #onEpisodeEnd(report: EpisodeReport): void {
    const { tally, display, run } = this.#options;
    // The decisions that are still on their way count for the next episode; they are a tick's worth.
    tally.episode(report);
    this.#episodesEnded++;
    if (this.#episodesEnded % run.parameters.save_frequency === 0) this.#nextSaveMs = 0;
    if (!display.isTerminal) {
      display.message(
        `episode ${report.episode}: ${OUTCOME_NAMES[report.outcome]} after ${report.episodeTimeS.toFixed(2)} s`,
      );
    }
  }

  #onDone(): void {
    const health = this.#port.health();
    if (health.ok) this.#options.stop.ask('done');
    else this.#end(health.detail);
  }

  #onStall(cause: string, detail: string): void {
    this.#warn(cause.toUpperCase(), detail);
    if (cause === 'died') this.#end(detail);
  }

  #warn(warning: string, detail: string): void {
    this.#warning = warning;
    this.#options.display.message(detail);
  }

  /** Ends the run because it cannot go on. */
  #end(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
    this.#options.stop.ask('fault');
  }

  #every(milliseconds: number, call: () => void): void {
    this.#timers.push(setInterval(call, milliseconds));
  }

  /** Moves the window on when it is full; the first one is short, so that there is something to show. */
  #advanceWindow(): void {
    const nowNs = this.controller.clock.nowNs();
    const elapsedNs = nowNs - this.#windowStartNs;
    if (elapsedNs < (Number.isNaN(this.#cycleRate) ? FIRST_WINDOW_NS : WINDOW_NS)) return;
    this.#window.advance();
    this.#cycleRate = (this.#window.counters[Counter.cycles] * 1e9) / elapsedNs;
    this.#windowStartNs = nowNs;
  }

  #paint(): void {
    const { display, tally, checkpointing, firstEpisode } = this.#options;
    const { statistics } = this.controller;
    this.#advanceWindow();
    // Until the first window is full, all there is since the start.
    const first = Number.isNaN(this.#cycleRate);
    display.paint(
      liveLine(
        {
          cycleRate: this.#cycleRate,
          latenessP99Ns: first ? statistics.lateness.quantile(0.99) : this.#window.lateness.quantile(0.99),
          deadlineMisses: statistics.misses,
          episode: firstEpisode + this.#episodesEnded,
          successRate: tally.recentSuccessRate,
          meanReward: tally.recentMeanReward,
          interventions: interventionsByReason(statistics.interventions),
          driftAlarms: statistics.counters[Counter.driftAlarms],
          feedback: feedbackFigures(statistics),
          checkpointAgeS: checkpointing === null ? null : (Date.now() - checkpointing.savedUnixMs) / 1e3,
          checkpointFailures: checkpointing?.failure ? checkpointing.failures : 0,
          warning: this.#warning,
        },
        display.columns,
      ),
    );
  }

  /** Saves when it is time to: by the clock, by episodes, or again after a failure. */
  #keepSaved(): void {
    const { checkpointing } = this.#options;
    if (checkpointing === null || this.#saving || performance.now() < this.#nextSaveMs) return;
    this.#saving = true;
    void this.#save(checkpointing).then((saved) => {
      this.#saving = false;
      this.#nextSaveMs = performance.now() + (saved ? this.#savePeriodMs : Math.min(RETRY_MS, this.#savePeriodMs));
    });
  }

  async #save(checkpointing: Checkpointing): Promise<boolean> {
    try {
      const simulator = this.#port.simulator!;
      const progress = this.#progress(chainWorldHash(this.#options.progress.worldHash, simulator));
      return await checkpointing.save(splitSnapshot(await this.controller.snapshot(), this.#policyBytes), progress);
    } catch (error) {
      checkpointing.fail(error);
      return false;
    }
  }
}

async function within(promise: Promise<boolean>, boundMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, boundMs, false);
  });
  try {
    return await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}
