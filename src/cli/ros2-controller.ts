/**
 * A configured ROS node: one controller with all that belongs to it, laid out and running, from `configure` to `cleanup`.
 * What the node's states mean for the robot is here; how transitions are asked for and answered is in src/io/ros2. Main
 * thread.
 *
 * It ends in the order in which every run ends: the robot stops, what was learned is taken, the port lets go, and the
 * checkpoint is written.
 */
import { readFile } from 'node:fs/promises';
import { CHECKPOINT_FORMAT_VERSION } from '../checkpoint/format.js';
import { assert } from '../core/assert.js';
import { Diagnostics } from '../io/ros2/diagnostics.js';
import type { EntityScope } from '../io/ros2/entity-scope.js';
import type { ManagedNode } from '../io/ros2/managed-node.js';
import { Markers } from '../io/ros2/markers.js';
import { serveOperations } from '../io/ros2/operations.js';
import { RosTime } from '../io/ros2/ros-time.js';
import { Ros2Port } from '../io/ros2/ros2-port.js';
import { SilenceWatch } from '../io/ros2/silence-watch.js';
import { TelemetryOutput } from '../io/ros2/telemetry-output.js';
import { learns, periodNsOf } from '../loop/configuration.js';
import type { Controller } from '../loop/controller.js';
import { DecisionField } from '../memory/layout.js';
import type { ParameterValue } from '../parameters/schema.js';
import { MessageEncoder } from '../telemetry/flight-log/messages.js';
import { type BesideRuns, type RobotFollowers, type RunUnderWay, runClockOf } from './beside-run.js';
import { Checkpointing, NO_PROGRESS, type Resumed, type RunProgress } from './checkpointing.js';
import { ControllerHost, type OperatorOrder } from './controller-host.js';
import { packageVersion } from './package-version.js';
import { diagnosticFigures, type RosTotals, rosState } from './ros2-figures.js';
import { Ros2Operations } from './ros2-operations.js';
import { MotionOrders } from './ros2-orders.js';
import { type Control, geometryOf } from './run-options.js';

/** Where the run is told apart from those in the simulator's worlds, in a checkpoint. */
const SCENARIO = 'ros2';
/** How often it is looked whether a save is due, and how the control thread does [ms]. */
const LOOK_MS = 250;
/** A control thread that has stalled for so long is not waited for any more [ms]. */
const STALLED_BOUND_MS = 5000;
/** How often the control thread is asked for its own figures [ms]. */
const VITALS_MS = 5000;
/** A robot that is deactivated has so long to brake [ms]; zero velocity is sent then all the same. */
const REST_BOUND_MS = 1500;

export interface Ros2ControllerOptions {
  readonly control: Control;
  /** No learning, no exploration, nothing saved. */
  readonly frozen: boolean;
  readonly managed: ManagedNode;
  /** By which pages and links know it. */
  readonly robot: string;
  readonly beside: BesideRuns;
  readonly totals: RosTotals;
  /** Messages that the flight log lost; 0 where there is none. */
  readonly logMessagesLost: () => number;
  /** As `ros2 param set` has it, which comes back by `tune`. @throws Error with the reason why it is refused */
  readonly setParameter: (name: string, value: ParameterValue) => void;
  /** The controller cannot go on. */
  readonly onFault: (detail: string) => void;
}

export class Ros2Controller {
  readonly host: ControllerHost;
  readonly orders: MotionOrders;
  readonly #options: Ros2ControllerOptions;
  /** Also with `--frozen`, where the host has none; null where nothing is learned. */
  readonly #checks: Checkpointing | null;
  readonly #resumed: Resumed | null;
  readonly #time: RosTime;
  readonly #port: Ros2Port;
  readonly #scope: EntityScope;
  readonly #timers: NodeJS.Timeout[] = [];
  #followers: RobotFollowers | null = null;
  #telemetry: TelemetryOutput | null = null;
  #markers: Markers | null = null;
  #diagnostics: Diagnostics | null = null;
  #silence: SilenceWatch | null = null;
  #vitals: Float64Array | null = null;
  #vitalsMs = Number.NEGATIVE_INFINITY;
  #stalledMs = Number.NaN;
  #reachedGoal = 0;
  #saved = true;
  #released: Promise<void> | null = null;

  /**
   * Loads what is to be driven with, starts the control thread, disarmed, and subscribes and advertises.
   *
   * @throws what keeps it from being configured; everything has been let go of then
   */
  static async configure(options: Ros2ControllerOptions): Promise<Ros2Controller> {
    const { control, managed } = options;
    const { parameters } = control;
    const tell = (text: string) => managed.logger.info(text);
    // It tells what goes wrong with files, and when that is over.
    const warn = (text: string) => managed.logger.warn(text);
    const checks = learns(parameters)
      ? new Checkpointing({ parameters, scenario: SCENARIO, seed: parameters.random_seed, faults: false, tell: warn })
      : null;
    const resumed = (await checks?.load()) ?? null;
    if (resumed !== null) tell(resumed.message);
    const configured = new Ros2Controller(options, checks, resumed);
    try {
      await configured.#begin();
    } catch (error) {
      await configured.release();
      throw error;
    }
    return configured;
  }

  private constructor(options: Ros2ControllerOptions, checks: Checkpointing | null, resumed: Resumed | null) {
    const { control, managed, frozen } = options;
    const { parameters } = control;
    const notice = (text: string) => managed.logger.warn(text);
    this.#options = options;
    this.#checks = checks;
    this.#resumed = resumed;
    this.host = new ControllerHost({
      control,
      frozen,
      learned: resumed?.learned ?? null,
      checkpointing: frozen ? null : checks,
      progress: () => this.#progress,
      tell: (text) => managed.logger.info(text),
      warn: notice,
      onFault: options.onFault,
      onSaved: () => void this.#tellSaved(),
    });
    this.host.updatesBefore = resumed?.updates ?? 0;
    this.orders = new MotionOrders(this.host);
    const { controller } = this.host;
    this.#time = new RosTime({
      clock: controller.clock,
      simulated: managed.simTime,
      periodNs: periodNsOf(parameters),
      trustStamps: parameters.trust_stamps,
      steps: controller,
      sink: controller.observations,
      notice,
    });
    this.#scope = managed.scope();
    this.#port = new Ros2Port({
      scope: managed.scope(),
      parameters,
      time: this.#time,
      stamps: this.#time,
      onCommand: (listener) => controller.onCommand(listener),
      driving: false,
      notice,
    });
    this.#port.onEnable((enabled) => this.#enable(enabled));
  }

  get #controller(): Controller {
    return this.host.controller;
  }

  /** Whether what was learned is on the disk, where it was to be saved; of use once it is released. */
  get saved(): boolean {
    return this.#saved;
  }

  /** Saves under way: a disk that hangs keeps the process from ending by itself. */
  get underWay(): number {
    return this.host.checkpointing?.underWay ?? 0;
  }

  /** The robot may move, and commands flow. */
  activate(): void {
    const { logger } = this.#options.managed;
    this.#port.drive(true);
    this.orders.activate();
    this.#options.totals.activated();
    const { standing } = this.orders;
    logger.info(
      standing === '' ? 'active: the robot drives to its goals' : `active, and the robot stands: ${standing}`,
    );
    this.#telemetry?.changed();
  }

  /**
   * Brakes the robot, sends zero velocity, and sends nothing from then on. Its goal is void: who activates it again, perhaps
   * much later and elsewhere, need not know of it.
   */
  async deactivate(): Promise<void> {
    const { logger } = this.#options.managed;
    this.orders.deactivate();
    const rests = await this.host.rest(REST_BOUND_MS);
    await this.#port.drive(false);
    this.#port.cancelGoal();
    if (!rests) logger.warn(`the robot was not braked to rest within ${REST_BOUND_MS} ms; it is sent zero velocity`);
    this.#telemetry?.changed();
  }

  /** The robot is to stand at once, whatever follows. */
  halt(): void {
    this.orders.deactivate();
    void this.#port.drive(false);
    this.#telemetry?.changed();
  }

  /** @throws ParameterError with the reason */
  tune(name: string, value: ParameterValue): void {
    this.orders.obey({ tune: name, value });
    this.#telemetry?.changed();
  }

  /** Those beside the run hear what it fails of. */
  tellFault(detail: string): void {
    this.#followers?.fault(detail);
  }

  /** Stops the robot, saves, and lets go of everything; once, whoever asks. Never rejects. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #begin(): Promise<void> {
    const { host } = this;
    const { managed, control, beside, robot } = this.#options;
    const { parameters } = control;
    const notice = (text: string) => managed.logger.warn(text);
    // Before the first cycle, so that none is missed.
    if (beside.any) this.#followers = await beside.follow(this.#underWay());
    this.#controller.onDecision((record) => this.#onDecision(record));
    await host.start();
    this.#time.begin();
    await this.#port.start(this.#controller.observations, this.#controller.commands);
    // After the inputs: of what arrives together, rclnodejs hands on first what was subscribed to first, and a step of
    // simulated time rests on the readings that have come by then.
    this.#time.start(this.#scope);
    const { motion, inputs } = this.#port;
    assert(motion !== null && inputs !== null, 'a port that has started has its motion and its inputs');
    this.#silence = new SilenceWatch({
      ...{ parameters, notice },
      node: managed.node,
      figures: inputs.figures,
      time: this.#time,
      driving: () => this.orders.active && this.orders.enabled,
      tell: (text) => managed.logger.info(text),
    });
    const scope = this.#scope;
    const stamps = this.#time;
    this.#telemetry = new TelemetryOutput({
      ...{ scope, parameters, stamps, notice },
      encoder: new MessageEncoder(parameters.policy, parameters.base_frame),
      state: () => rosState(host),
      logMessagesLost: this.#options.logMessagesLost,
      goalIsFinal: () => this.#goalIsFinal,
    });
    this.#markers = new Markers({ scope, parameters, stamps, notice });
    this.#diagnostics = new Diagnostics({
      ...{ scope, parameters, stamps, notice },
      figures: () =>
        diagnosticFigures(host, {
          lifecycle: managed.state,
          simulated: managed.simTime,
          vitals: this.#vitals,
          logMessagesLost: this.#options.logMessagesLost(),
        }),
      inputs: () => (this.#port.inputs === null ? [] : Object.values(this.#port.inputs.figures)),
      nowNs: () => this.#time.nowNs(),
      simulated: managed.simTime ? this.#time : null,
      motion,
    });
    serveOperations(
      scope,
      new Ros2Operations({
        ...{ robot, host },
        orders: this.orders,
        checks: this.#checks,
        tell: (text) => managed.logger.info(text),
        changed: () => this.#telemetry?.changed(),
      }),
      { done: (text) => managed.logger.info(text), refused: notice },
    );
    host.begin();
    if (this.#resumed !== null) void this.#publishCheckpoint(this.#resumed.path, this.#resumed);
    this.#timers.push(setInterval(() => this.#look(), LOOK_MS));
  }

  async #release(): Promise<void> {
    const { host } = this;
    const { managed, totals } = this.#options;
    const { logger } = managed;
    for (const timer of this.#timers) clearInterval(timer);
    this.orders.deactivate();
    try {
      this.#followers?.ending();
      const started = this.#controller.state !== 'idle';
      // The robot first: disarmed, it brakes, and zero velocity is the last that it is sent.
      const stopped = started ? await host.stop() : null;
      await this.#port.drive(false);
      totals.add(host, this.#port.motion?.published ?? 0, Object.values(this.#port.inputs?.figures ?? {}));
      await this.#port.stop();
      this.#time.stop();
      if (stopped !== null && !stopped.orderly)
        logger.warn('the control thread was ended by force; the robot is stopped');
      if (stopped !== null && host.unsaved) {
        this.#saved = await host.saveLast(host.learnedOf(stopped), this.#progress);
        if (this.#saved) this.#followSaved();
      }
    } catch (error) {
      this.#saved = false;
      logger.error(`not all was let go of: ${error instanceof Error ? error.message : error}`);
    } finally {
      // Whatever failed: zero velocity is the last that the robot is sent.
      await this.#port.stop().catch(() => undefined);
      this.#diagnostics?.close();
      this.#telemetry?.close();
      await this.#followers?.end();
      this.#scope.close();
    }
  }

  /** What those beside the run are given of it. */
  #underWay(): RunUnderWay {
    const { host } = this;
    const { control, frozen, robot, managed } = this.#options;
    return {
      command: 'run',
      robot,
      geometry: geometryOf(control.parameters, ''),
      scenario: '',
      seed: control.parameters.random_seed,
      version: packageVersion(),
      control,
      frozen,
      learned: this.#resumed?.learned ?? null,
      checkpoint: this.#resumed?.path ?? '',
      updates: host.updates,
      continued: false,
      waited: false,
      clock: runClockOf(this.#controller.clock),
      taps: this.#controller,
      host,
      order: (order) => this.#order(order),
      busy: () => (this.#released === null ? '' : 'the node is cleaned up'),
      simulator: null,
      firstEpisode: 0,
      tell: (text) => managed.logger.info(text),
    };
  }

  /** From the page or a link. A parameter is changed as ROS would have it changed, so that ROS knows of it. */
  #order(order: OperatorOrder): void {
    if ('tune' in order) this.#options.setParameter(order.tune, order.value);
    else this.orders.obey(order);
    this.#telemetry?.changed();
  }

  #enable(enabled: boolean): void {
    const text = this.orders.enable(enabled);
    if (text === '') return;
    this.#options.managed.logger.info(text);
    this.#telemetry?.changed();
  }

  get #progress(): RunProgress {
    const before = this.#resumed?.progress ?? NO_PROGRESS;
    return { ...before, cycles: before.cycles + this.#controller.cycles };
  }

  get #goalIsFinal(): boolean {
    return this.#port.inputs?.goal.final !== false;
  }

  #onDecision(record: Float64Array): void {
    this.#telemetry?.decision(record);
    this.#markers?.decision(record);
    if (record[DecisionField.arrived] !== 1 || record[DecisionField.goalCount] === this.#reachedGoal) return;
    this.#reachedGoal = record[DecisionField.goalCount];
    // A point on the way along a plan is nothing to arrive at.
    if (!this.#goalIsFinal) return;
    this.#options.totals.goalReached();
    const x = record[DecisionField.goalX].toFixed(2);
    const y = record[DecisionField.goalY].toFixed(2);
    this.#options.managed.logger.info(`arrived at ${x}, ${y} m`);
  }

  #look(): void {
    const { host } = this;
    const { onFault } = this.#options;
    host.advanceWindow();
    if (host.unsaved) host.keepSaved();
    const nowMs = performance.now();
    this.#silence?.look(nowMs);
    if (this.#controller.state !== 'stalled') this.#stalledMs = Number.NaN;
    else if (Number.isNaN(this.#stalledMs)) this.#stalledMs = nowMs;
    else if (nowMs - this.#stalledMs > STALLED_BOUND_MS) onFault(`the control thread is stalled: ${host.warning}`);
    if (nowMs - this.#vitalsMs < VITALS_MS) return;
    this.#vitalsMs = nowMs;
    // A control thread that does not answer is the watchdogs’ to judge.
    this.#controller.vitals().then(
      (vitals) => {
        this.#vitals = vitals;
      },
      () => undefined,
    );
  }

  async #tellSaved(): Promise<void> {
    this.#followSaved();
    const { checkpointing } = this.host;
    if (checkpointing === null || checkpointing.savedPath === '') return;
    const { savedPath, savedProgress } = checkpointing;
    await this.#publishCheckpoint(savedPath, { progress: savedProgress, updates: savedProgress.updates });
  }

  #followSaved(): void {
    const { checkpointing } = this.host;
    if (checkpointing === null || checkpointing.savedPath === '') return;
    this.#followers?.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
  }

  /** Never rejects. */
  async #publishCheckpoint(
    path: string,
    { updates, progress }: { updates: number; progress: { cycles: number; episodes: number } },
  ): Promise<void> {
    const { control, managed } = this.#options;
    try {
      const data = await readFile(path);
      if (this.#released !== null) return;
      this.#telemetry?.checkpoint({
        policyId: control.parameters.policy,
        formatVersion: CHECKPOINT_FORMAT_VERSION,
        schemaHash: this.#checks?.schemaHash ?? '',
        ...{ updates, data },
        cycles: progress.cycles,
        episodes: progress.episodes,
      });
    } catch (error) {
      managed.logger.warn(`${path} was not published: ${error instanceof Error ? error.message : error}`);
    }
  }
}
