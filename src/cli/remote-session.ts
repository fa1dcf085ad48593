/**
 * `rfsn sim --port zeromq`: the embedded simulator as a robot that a controller in another process drives. The simulator
 * runs here, on the main thread; everything it says and is told goes over the link.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type EpisodeReport, Outcome, SimPort, Simulator } from '../../sim/index.js';
import { MonotonicClock } from '../core/clock.js';
import type { Mode, Refused, Welcome } from '../io/zeromq/protocol/protocol.js';
import { type CurveKeys, RobotLink } from '../io/zeromq/robot/robot-link.js';
import { periodNsOf } from '../loop/configuration.js';
import { isIntervention, REASON_COUNT } from '../memory/reason.js';
import { chainWorldHash } from './checkpointing.js';
import { ControllerProcess, somethingListens } from './controller-process.js';
import { EpisodeTally, episodeFigures, episodeLine, interventionsByReason, type RunFigures } from './episode-tally.js';
import { fitted } from './link-line.js';
import { compact, type LiveDisplay, percent, rate } from './live-line.js';
import { describeRobot, SensingSink } from './remote-sensing.js';
import type { Run } from './run-options.js';
import type { StopRequest } from './stop-request.js';

/** A controller that does not answer for so long is not there [ms]. */
const ANSWER_BOUND_MS = 1000;
/** How often the live line is painted anew on a terminal, and written elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 5000;
/** In lockstep in real time simulated time may run so far ahead: less than a timer can tell. And behind. [ns] */
const PACE_NS = 1e6;
const LATE_NS = 50e6;

export interface RemoteSessionOptions {
  run: Run;
  mode: Mode;
  /** Lockstep on the simulator's clock, as fast as it goes. */
  headless: boolean;
  /** Null: until told to stop. */
  episodes: number | null;
  /** For the controller's process, where there is none yet. */
  controllerArguments: readonly string[];
  /** What was asked for of the controller that one which is there already is not told: flags, as text. */
  ofController?: string;
  curve: CurveKeys | null;
  display: LiveDisplay;
  stop: StopRequest;
}

export interface RemoteResult {
  figures: RunFigures;
  /** Why the run could not go on; empty where it could. */
  fault: string;
}

export class RemoteSession {
  readonly #options: RemoteSessionOptions;
  readonly #tally = new EpisodeTally();
  readonly #clock = new MonotonicClock();
  /** Commands by reason. */
  readonly #reasons = new Uint32Array(REASON_COUNT);
  #link: RobotLink | null = null;
  #controller: ControllerProcess | null = null;
  #simulator: Simulator | null = null;
  /** The robot's clock when the simulator's showed 0, in lockstep [ns]. */
  #originNs = 0;
  #worldHash = 0;
  #fault = '';
  #ending = false;
  #paintedMs = 0;
  #paintedCommands = 0;
  #commandRate = Number.NaN;

  constructor(options: RemoteSessionOptions) {
    this.#options = options;
  }

  /**
   * Drives until the episodes are done or a stop is asked for.
   *
   * @throws what kept it from having a controller; nothing was driven then
   */
  async drive(): Promise<RemoteResult> {
    const { display, mode } = this.#options;
    const timers: NodeJS.Timeout[] = [];
    let link: RobotLink | null;
    try {
      link = await this.#connect();
    } catch (error) {
      this.#ending = true;
      display.close();
      this.#link?.close();
      await this.#controller?.end();
      throw error;
    }
    try {
      if (link !== null) {
        timers.push(setInterval(() => this.#paint(), display.isTerminal ? PAINT_MS : WRITE_MS));
        await (mode === 'free' ? this.#free(link) : this.#lockstep(link));
        this.#paint();
      }
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
    }
    for (const timer of timers) clearInterval(timer);
    this.#ending = true;
    display.close();
    this.#link?.close('the simulation has ended');
    if (this.#controller !== null) {
      const how = await this.#controller.end();
      if (how !== 0) this.#end(`the controller's process ended with ${how}`);
    }
    return { figures: this.#figures(), fault: this.#fault };
  }

  /** @returns the link with a session on it; null where a stop was asked for meanwhile */
  async #connect(): Promise<RobotLink | null> {
    const { run, display, stop, controllerArguments, curve } = this.#options;
    const endpoint = run.parameters['zeromq.drive_endpoint'];
    // A port that is left open, nobody can be at.
    if (!endpoint.endsWith(':*') && !endpoint.endsWith(':0')) {
      const link = await this.#open(endpoint);
      const answered = await within(link.welcomed(), ANSWER_BOUND_MS, stop.asked);
      if (answered !== null || link.connected || stop.requested) {
        const { ofController = '' } = this.#options;
        const untold =
          ofController === '' ? '' : `; it was there already, so ${ofController} is for \`rfsn run\` to be told`;
        if (!stop.requested) display.message(`the controller at ${endpoint} drives${untold}`);
        return this.#welcomed(link);
      }
      link.close();
      this.#link = null;
      if (await somethingListens(endpoint)) {
        const remedy =
          curve === null
            ? 'if it has keys, give --key FILE and --set zeromq.keys_dir=DIR'
            : 'is the key of --key among its drive/*.key, and zeromq.keys_dir the folder with its server.key?';
        throw new Error(`something listens at ${endpoint} and does not answer: ${remedy}`);
      }
    }
    display.message(`nobody answers at ${endpoint}: a controller of its own is started`);
    const controller = await ControllerProcess.start(controllerArguments, (line) =>
      display.message(`controller: ${line}`),
    );
    this.#controller = controller;
    void controller.ended.then((how) => {
      if (!this.#ending) this.#end(`the controller's process ended (${how})`);
    });
    return this.#welcomed(await this.#open(controller.drive));
  }

  async #welcomed(link: RobotLink): Promise<RobotLink | null> {
    const { stop } = this.#options;
    await Promise.race([link.welcomed(), stop.asked]);
    return stop.requested ? null : link;
  }

  async #open(endpoint: string): Promise<RobotLink> {
    const { run, mode, headless, curve, display } = this.#options;
    const rateHz = mode === 'free' ? run.robot.odometryRateHz : run.parameters.controller_frequency;
    this.#link = await RobotLink.open({
      endpoint,
      robot: describeRobot(run.robot, mode, headless ? 'simulated' : 'real', rateHz),
      nowS: () => (headless ? this.#originNs + (this.#simulator?.nowNs ?? 0) : this.#clock.nowNs()) / 1e9,
      ...(curve === null ? {} : { curve }),
      onWelcome: (welcome) => display.message(welcomeLine(welcome)),
      onRefused: (refused) => this.#onRefused(refused),
      onLost: (reason) => display.message(`session lost, the robot stands: ${reason}`),
      onError: ({ code, reason }) => display.message(`the controller complains (${code}): ${reason}`),
      onCommand: ({ why }) => this.#reasons[why < REASON_COUNT ? why : 0]++,
    });
    return this.#link;
  }

  #onRefused({ reason, retry }: Refused): void {
    if (retry > 0) this.#options.display.message(`refused, will try again: ${reason}`);
    else this.#end(`the controller refused the robot: ${reason}`);
  }

  /** In real time, whatever the controller does. */
  async #free(link: RobotLink): Promise<void> {
    const { run, episodes, stop } = this.#options;
    const port = new SimPort({
      scenario: run.scenario,
      robot: run.robot,
      seed: run.seed,
      faults: run.faults,
      clock: this.#clock,
      episodes,
      onEpisodeEnd: (report) => this.#onEpisodeEnd(report),
      onDone: () => {
        const health = port.health();
        if (health.ok) stop.ask('done');
        else this.#end(health.detail);
      },
    });
    const sink = new SensingSink(
      link,
      () => port.originNs,
      (reading) => link.sense(reading),
    );
    await port.start(sink, link.commands);
    this.#simulator = port.simulator;
    await stop.asked;
    await port.stop();
    if (this.#simulator !== null) this.#worldHash = chainWorldHash(0, this.#simulator);
  }

  /**
   * Step by step: the world stands still until the command is there. Each episode has a simulator of its own, as where
   * no controller is asked over a link: where cycles fall between the simulator's steps does not depend on when the
   * episode before ended.
   */
  async #lockstep(link: RobotLink): Promise<void> {
    const { run, episodes, stop, headless } = this.#options;
    const periodNs = periodNsOf(run.parameters);
    this.#originNs = headless ? 0 : this.#clock.nowNs();
    const sink = new SensingSink(link, () => this.#originNs, null);
    for (let i = 0; (episodes === null || i < episodes) && !stop.requested; i++) {
      const simulator = await Simulator.create({
        scenario: run.scenario,
        robot: run.robot,
        seed: run.seed,
        faults: run.faults,
        sink,
        commands: link.commands,
      });
      this.#originNs += this.#simulator?.nowNs ?? 0;
      this.#simulator = simulator;
      try {
        simulator.startEpisode(i);
        let timeNs = Math.ceil(simulator.nowNs / periodNs) * periodNs;
        for (; !stop.requested; timeNs += periodNs) {
          simulator.advanceTo(timeNs);
          // Whoever wants to stop does not wait for a controller that is gone.
          await Promise.race([link.exchange(sink.take()), stop.asked]);
          if (simulator.outcome !== Outcome.running) break;
          if (headless) continue;
          const aheadNs = this.#originNs + timeNs - this.#clock.nowNs();
          // A wait for the controller is not made up for: the robot's time goes on from now.
          if (aheadNs < -LATE_NS) this.#originNs -= aheadNs;
          else if (aheadNs > PACE_NS) await pause(aheadNs / 1e6);
        }
        if (!stop.requested) this.#onEpisodeEnd(simulator.report());
        this.#worldHash = chainWorldHash(this.#worldHash, simulator);
      } finally {
        simulator.close();
      }
    }
  }

  #onEpisodeEnd(report: EpisodeReport): void {
    const { display } = this.#options;
    this.#tally.episode(report);
    if (!display.isTerminal) display.message(episodeLine(report));
  }

  /** Ends the run because it cannot go on. */
  #end(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
    this.#options.stop.ask('fault');
  }

  #figures(): RunFigures {
    const { run } = this.#options;
    const counters = this.#link?.counters;
    const byReason = interventionsByReason(this.#reasons);
    let interventions = 0;
    for (let reason = 0; reason < REASON_COUNT; reason++) {
      if (isIntervention(reason)) interventions += this.#reasons[reason];
    }
    return {
      ...episodeFigures(this.#tally),
      sessions: counters?.welcomes ?? 0,
      senses: counters?.senses ?? 0,
      senses_unsent: counters?.unsent ?? 0,
      senses_resent: counters?.resent ?? 0,
      commands: counters?.commands ?? 0,
      commands_expired: counters?.expired ?? 0,
      safety_interventions: interventions,
      interventions_by_reason: byReason,
      world_hash: this.#worldHash.toString(16).padStart(8, '0'),
      ...(run.isBarn ? { barn_score: this.#tally.barnScore } : {}),
    };
  }

  #paint(): void {
    const { display, run, mode } = this.#options;
    const link = this.#link;
    if (link === null) return;
    const nowMs = performance.now();
    if (nowMs - this.#paintedMs > 1000) {
      const { commands } = link.counters;
      if (this.#paintedMs > 0) {
        this.#commandRate = (1e3 * (commands - this.#paintedCommands)) / (nowMs - this.#paintedMs);
      }
      this.#paintedMs = nowMs;
      this.#paintedCommands = commands;
    }
    const reasons = Object.entries(interventionsByReason(this.#reasons)).slice(0, 4);
    const list = reasons.map(([name, count]) => `${name} ${compact(count)}`).join(' ');
    const { expired, unsent } = link.counters;
    display.paint(
      fitted(
        [
          {
            weight: 9,
            text: `${run.robot.name} ${link.state === 'driving' ? mode : `has no controller (${link.state})`}`,
          },
          { weight: 8, text: `${rate(this.#commandRate)} commands/s` },
          { weight: 7, text: `episode ${this.#tally.episodes}` },
          { weight: 8, text: `success ${percent(this.#tally.recentSuccessRate)}` },
          { weight: 3, text: list === '' ? 'safety quiet' : list },
          ...(expired > 0 ? [{ weight: 6, text: `expired ${compact(expired)}` }] : []),
          ...(unsent > 0 ? [{ weight: 4, text: `unsent ${compact(unsent)}` }] : []),
        ],
        display.columns,
      ),
    );
  }
}

function welcomeLine({ resumed, policy, updates }: Welcome): string {
  return `${resumed ? 'session resumed' : 'session begun'}: policy ${policy} after ${updates} updates`;
}

/** @returns null where it took longer, or `ended` came first */
async function within<T>(promise: Promise<T>, boundMs: number, ended: Promise<void>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, boundMs, null);
  });
  try {
    return await Promise.race([promise, bound, ended.then(() => null)]);
  } finally {
    clearTimeout(timer);
  }
}
