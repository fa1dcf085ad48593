/**
 * The robot in the simulator in real time: the control thread decides, the simulator and everything that may take its
 * time run here on the main thread.
 *
 * It ends in an order that is the same whatever the cause: the robot stops, what was learned is taken, the port lets go,
 * the checkpoint is written.
 */
import { type EpisodeReport, SimPort } from '../../sim/index.js';
import { LOCAL_ROBOT } from '../io/zeromq/protocol/protocol.js';
import { periodNsOf } from '../loop/configuration.js';
import type { Controller } from '../loop/controller.js';
import { Counter } from '../loop/statistics.js';
import { type BesideRun, BesideRuns, type RobotFollowers, type RunUnderWay, runClockOf } from './beside-run.js';
import { type Checkpointing, chainWorldHash, type LearnedState, type RunProgress } from './checkpointing.js';
import { ControllerHost } from './controller-host.js';
import { type EpisodeTally, episodeLine, feedbackFigures, interventionsByReason } from './episode-tally.js';
import { type LiveDisplay, liveLine, memoryLine, stateWords } from './live-line.js';
import { packageVersion } from './package-version.js';
import { geometryOf, type Run } from './run-options.js';
import type { StopRequest } from './stop-request.js';

/** How often the live line is painted anew on a terminal, and written elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 5000;
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
  /** File that `learned` came from, and the updates that it was learned from. */
  checkpoint?: string;
  updates?: number;
  /** What goes on beside the run. */
  beside?: readonly BesideRun[];
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
  readonly host: ControllerHost;
  readonly #options: LiveSessionOptions;
  readonly #port: SimPort;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #beside: BesideRuns;
  #followers: RobotFollowers | null = null;
  #episodesEnded = 0;
  #fault = '';

  constructor(options: LiveSessionOptions) {
    const { run, learned, frozen, display } = options;
    this.#options = options;
    this.host = new ControllerHost({
      control: run,
      frozen,
      learned,
      checkpointing: options.checkpointing,
      progress: () => this.#progress(this.#worldHash()),
      tell: (text) => display.message(text),
      onFault: (detail) => this.#end(detail),
      onSaved: () => this.#onSaved(),
      timeStands: () => this.#port.paused,
    });
    this.#beside = new BesideRuns(options.beside ?? [], (text) => display.message(text));
    this.#port = new SimPort({
      scenario: run.scenario,
      robot: run.robot,
      seed: run.seed,
      faults: run.faults,
      clock: this.controller.clock,
      stepped: { controller: this.controller, periodNs: periodNsOf(run.parameters) },
      episodes: options.episodes,
      firstEpisode: options.firstEpisode,
      onEpisodeEnd: (report) => this.#onEpisodeEnd(report),
      onDone: () => this.#onDone(),
    });
  }

  get controller(): Controller {
    return this.host.controller;
  }

  /**
   * Drives until the episodes are done or a stop is asked for, then stops, saves and lets go of everything.
   *
   * @throws what keeps something from beginning beside it that was asked for by name; nothing was driven, and nothing is
   *   saved then
   */
  async drive(): Promise<LiveResult> {
    const { controller, host } = this;
    const { tally, stop, display } = this.#options;
    display.message(memoryLine(controller.memory.layout, display.isTerminal));
    await this.#beside.open();
    try {
      // Before the first cycle, so that none is missed.
      this.#followers = await this.#beside.follow(this.#underWay());
    } catch (error) {
      await this.#beside.close();
      throw error;
    }
    const onUncaught = (error: unknown) => this.#end(error instanceof Error ? error.message : String(error));
    process.on('uncaughtException', onUncaught);
    try {
      controller.onDecision((record) => tally.decision(record));
      await host.start();
      await this.#port.start(controller.observations, controller.commands);
      host.begin();
      this.#every(display.isTerminal ? PAINT_MS : WRITE_MS, () => this.#paint());
      this.#every(PAINT_MS, () => host.keepSaved());
      host.arm();
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
    const { host } = this;
    const { display } = this.#options;
    for (const timer of this.#timers) clearInterval(timer);
    this.#followers?.ending();
    // A world that stands still brakes nobody.
    this.#port.toRealTime();
    // The robot first: disarmed, it brakes, and zero velocity is the last that the port is given.
    const stopped = await host.stop();
    const worldHash = this.#worldHash();
    await this.#port.stop();
    this.#paint();
    display.close();
    display.message(stopped.orderly ? 'robot stopped' : 'the control thread was ended by force; the robot is stopped');
    const learned = host.learnedOf(stopped);
    const saved = await host.saveLast(learned, this.#progress(worldHash));
    if (saved) this.#onSaved();
    await this.#followers?.end();
    await this.#beside.close();
    return { learned, worldHash, fault: this.#fault, saved };
  }

  /** What those beside the run are given of it. */
  #underWay(): RunUnderWay {
    const { run, frozen, learned, updates = 0, firstEpisode, display } = this.#options;
    const { host, controller } = this;
    return {
      command: 'sim',
      robot: LOCAL_ROBOT,
      geometry: geometryOf(run.parameters, run.robot.name),
      scenario: run.scenarioName,
      seed: run.seed,
      version: packageVersion(),
      control: run,
      ...{ frozen, learned, updates, firstEpisode },
      checkpoint: this.#options.checkpoint ?? '',
      continued: false,
      waited: false,
      clock: runClockOf(controller.clock),
      taps: controller,
      host,
      order: (order) => host.obey(order),
      busy: () => '',
      simulator: this.#port,
      tell: (text) => display.message(text),
    };
  }

  #onSaved(): void {
    const { checkpointing } = this.host;
    if (checkpointing === null || checkpointing.savedPath === '') return;
    this.#followers?.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
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

  #worldHash(): number {
    const { worldHash } = this.#options.progress;
    const { simulator } = this.#port;
    return simulator === null ? worldHash : chainWorldHash(worldHash, simulator);
  }

  #onEpisodeEnd(report: EpisodeReport): void {
    const { tally, display, run } = this.#options;
    // The decisions that are still on their way count for the next episode; they are a tick's worth.
    tally.episode(report);
    this.#followers?.episode(report);
    this.#episodesEnded++;
    if (this.#episodesEnded % run.parameters.save_frequency === 0) this.host.saveSoon();
    if (!display.isTerminal) display.message(episodeLine(report));
  }

  #onDone(): void {
    const health = this.#port.health();
    if (health.ok) this.#options.stop.ask('done');
    else this.#end(health.detail);
  }

  /** Ends the run because it cannot go on. */
  #end(fault: string): void {
    if (this.#fault === '') {
      this.#fault = fault;
      this.#followers?.fault(fault);
    }
    this.#options.stop.ask('fault');
  }

  #every(milliseconds: number, call: () => void): void {
    this.#timers.push(setInterval(call, milliseconds));
  }

  #paint(): void {
    const { display, tally, checkpointing, firstEpisode } = this.#options;
    const { host } = this;
    const { statistics } = this.controller;
    host.advanceWindow();
    display.paint(
      liveLine(
        {
          cycleRate: host.cycleRate,
          latenessP99Ns: host.latenessP99Ns,
          deadlineMisses: statistics.misses,
          episode: firstEpisode + this.#episodesEnded,
          successRate: tally.recentSuccessRate,
          meanReward: tally.recentMeanReward,
          interventions: interventionsByReason(statistics.interventions),
          driftAlarms: statistics.counters[Counter.driftAlarms],
          feedback: feedbackFigures(statistics),
          checkpointAgeS: checkpointing === null ? null : (Date.now() - checkpointing.savedUnixMs) / 1e3,
          checkpointFailures: checkpointing?.failure ? checkpointing.failures : 0,
          state: stateWords(this.#port.paused, host),
          warning: host.warning,
        },
        display.columns,
      ),
    );
  }
}
