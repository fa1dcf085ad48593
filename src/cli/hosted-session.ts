/** A controller of the program as the link's sessions see it: what a robot's coming and going means for it. */
import { join } from 'node:path';
import type { CommandSource, ObservationSink } from '../io/port.js';
import type { LimitsTuple } from '../io/zeromq/protocol/protocol.js';
import type { SessionController } from '../io/zeromq/session/session-controller.js';
import { learns } from '../loop/configuration.js';
import { type RobotFollowers, type RunClock, type RunUnderWay, runClockOf } from './beside-run.js';
import { Checkpointing, NO_PROGRESS, type RunProgress } from './checkpointing.js';
import {
  ControllerHost,
  type ControllerHostOptions,
  type OperatorOrder,
  type OperatorOrders,
} from './controller-host.js';
import { packageVersion } from './package-version.js';
import { geometryOf } from './run-options.js';

/** Where the run is told apart from those in the simulator's worlds, in a checkpoint. */
const SCENARIO = 'zeromq';
/** Robots that may stand under orders. Only administrators give any, and what is as it was at the start takes no place. */
const MAX_ORDERED = 1024;

/**
 * What operators ordered, by robot, whichever controller drives it: it outlasts the robot's sessions, and is forgotten
 * only by being ordered away. A robot that comes and goes under many names cannot make room for itself.
 */
export class OrdersByRobot {
  readonly #orders = new Map<string, OperatorOrders>();

  of(robot: string): OperatorOrders | null {
    return this.#orders.get(robot) ?? null;
  }

  /** @param orders null: none any more. @throws Error where no more can be remembered; what was stands */
  remember(robot: string, orders: OperatorOrders | null): void {
    if (orders === null) {
      this.#orders.delete(robot);
      return;
    }
    if (this.#orders.size >= MAX_ORDERED && !this.#orders.has(robot)) {
      throw new Error(`${MAX_ORDERED} robots stand under orders, and no more can be remembered: undo some first`);
    }
    this.#orders.set(robot, orders);
  }
}

const Phase = { free: 0, beginning: 1, driving: 2, ending: 3 } as const;

export interface HostedSessionOptions extends Omit<ControllerHostOptions, 'progress' | 'learned' | 'checkpointing'> {
  /**
   * With one controller for all robots the folder is `model_dir`, and what is learned goes on from robot to robot. With
   * several each robot has a folder of its name in it.
   */
  folderByRobot: boolean;
  orders: OrdersByRobot;
  /** Shows a robot that has come to what goes on beside the run; absent where nothing does. Never rejects. */
  follow?: (run: RunUnderWay) => Promise<RobotFollowers>;
}

export class HostedSession implements SessionController {
  readonly host: ControllerHost;
  readonly observations: ObservationSink;
  readonly commands: CommandSource;
  /** The program is ending: it saves by itself. */
  ending = false;
  readonly #options: HostedSessionOptions;
  /** Of the robot that is here. */
  #followers: RobotFollowers | null = null;
  readonly #clock: RunClock;
  #robot = '';
  #phase: (typeof Phase)[keyof typeof Phase] = Phase.free;
  #before: RunProgress = NO_PROGRESS;
  #cyclesBefore = 0;

  /**
   * With one folder for all robots loads what is in it.
   *
   * @throws what `Checkpointing.load` does
   */
  static async create(options: HostedSessionOptions): Promise<HostedSession> {
    const { folderByRobot, frozen, control, tell } = options;
    if (folderByRobot || !learns(control.parameters)) return new HostedSession(options, null, null);
    const checkpointing = checkpointingOf(options, control.parameters.model_dir);
    const resumed = await checkpointing.load();
    if (resumed !== null) tell(resumed.message);
    const session = new HostedSession(options, frozen ? null : checkpointing, resumed?.learned ?? null);
    if (resumed !== null) {
      session.host.updatesBefore = resumed.updates;
      session.#before = resumed.progress;
    }
    return session;
  }

  private constructor(
    options: HostedSessionOptions,
    checkpointing: Checkpointing | null,
    learned: ControllerHostOptions['learned'],
  ) {
    this.#options = options;
    this.host = new ControllerHost({
      ...options,
      checkpointing,
      learned,
      progress: () => this.progress,
      onSaved: () => {
        this.tellSaved();
        options.onSaved?.();
      },
      onFault: (detail) => {
        this.#followers?.fault(detail);
        options.onFault(detail);
      },
    });
    this.#clock = runClockOf(this.host.controller.clock);
    this.observations = this.host.controller.observations;
    this.commands = this.host.controller.commands;
  }

  /** How far things have come, of whoever is driven. */
  get progress(): RunProgress {
    const cycles = this.#before.cycles + this.host.controller.cycles - this.#cyclesBefore;
    return { ...this.#before, cycles };
  }

  nowNs(): number {
    return this.host.controller.clock.nowNs();
  }

  /**
   * From the first moment on the orders for the robot are followed, so that one which is given while its checkpoint is
   * still being loaded is not lost.
   */
  async begin(name: string): Promise<{ policy: string; updates: number; max: LimitsTuple }> {
    const { host } = this;
    host.tenancy++;
    this.#robot = name;
    this.#phase = Phase.beginning;
    host.follow(this.#options.orders.of(name));
    try {
      if (this.#options.folderByRobot) await this.#change(name);
      const { follow } = this.#options;
      if (follow !== undefined) this.#followers = await follow(await this.#underWay(name));
    } catch (error) {
      this.#leave();
      throw error;
    }
    this.#phase = Phase.driving;
    host.begin();
    return { policy: host.parameters.policy, updates: host.updates, max: this.#limits };
  }

  updates(): number {
    return this.host.updates;
  }

  async end(): Promise<void> {
    const { host } = this;
    const { checkpointing } = host;
    host.disarm();
    this.#phase = Phase.ending;
    this.#followers?.ending();
    // The program's end takes what was learned once more, later.
    if (this.ending) return;
    await host.settled();
    if (checkpointing !== null && host.unsaved && (await host.save())) {
      this.#options.tell(`saved ${checkpointing.savedPath}`);
    }
    this.#leave();
  }

  /**
   * Carries out an order for the robot that is here, and remembers it for when it comes again.
   *
   * @throws Error where no robot is here, or no more can be remembered: it stands nevertheless if it is told to, until its
   *   session ends. ParameterError
   */
  order(order: OperatorOrder): void {
    const { host } = this;
    if (this.#phase === Phase.free) throw new Error('no robot drives here: orders are a robot’s, by its name');
    const before = host.orders;
    host.obey(order);
    try {
      this.#options.orders.remember(this.#robot, host.orders);
    } catch (error) {
      if (!('halted' in order)) host.follow(before);
      throw error;
    }
  }

  /** Those beside the run hear of the newest checkpoint. */
  tellSaved(): void {
    const { checkpointing } = this.host;
    if (checkpointing === null || checkpointing.savedPath === '') return;
    this.#followers?.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
  }

  /** Those beside the run hear no more of the robot: the program has saved what it was taught. */
  async leaveFollowers(): Promise<void> {
    const followers = this.#followers;
    this.#followers = null;
    await followers?.end();
  }

  /** Why what was learned can be neither saved nor changed at this moment; empty where it can. */
  get busy(): string {
    if (this.#phase === Phase.beginning) return `the session of ${this.#robot} is beginning: its checkpoint is loaded`;
    if (this.#phase === Phase.ending) return `the session of ${this.#robot} is ending: what it learned is saved`;
    return '';
  }

  /** The same for the live line. */
  get between(): string {
    if (this.#phase === Phase.beginning) return 'begins';
    return this.#phase === Phase.ending ? 'is saved' : '';
  }

  arm(): void {
    this.host.arm();
  }

  disarm(): void {
    this.host.disarm();
  }

  lockstep(on: boolean): void {
    this.host.controller.lockstep(on);
  }

  step(atNs?: number): number {
    return this.host.controller.step(atNs);
  }

  answered(step: number): boolean {
    return this.host.controller.answered(step);
  }

  awaitAnswer(step: number, boundMs: number): boolean {
    return this.host.controller.awaitAnswer(step, boundMs);
  }

  onCommand(listener: () => void): () => void {
    return this.host.controller.onCommand(listener);
  }

  /** Highest that is commanded as things are ordered: speed, yaw rate, and their rates. */
  get #limits(): LimitsTuple {
    const limit = (name: string) => this.host.parameter(name) as number;
    return [
      limit('robot.max_speed'),
      limit('robot.max_yaw_rate'),
      limit('robot.max_acceleration'),
      limit('robot.max_yaw_acceleration'),
    ];
  }

  /** Puts what this robot has learned in the place of what the last one has. */
  async #change(name: string): Promise<void> {
    const { host } = this;
    const { control, frozen, tell } = this.#options;
    if (!learns(control.parameters)) return;
    const checkpointing = checkpointingOf(this.#options, join(control.parameters.model_dir, name));
    const resumed = await checkpointing.load();
    if (resumed !== null) tell(resumed.message);
    await host.restore(resumed?.learned ?? checkpointing.untrained(), resumed?.updates ?? 0, host.tenancy);
    host.isKept();
    host.checkpointing = frozen ? null : checkpointing;
    this.#before = resumed?.progress ?? NO_PROGRESS;
    this.#cyclesBefore = host.controller.cycles;
  }

  /** What those beside the run are given of a robot that has come. */
  async #underWay(name: string): Promise<RunUnderWay> {
    const { host } = this;
    const { control, frozen, tell } = this.#options;
    return {
      command: 'run',
      robot: name,
      geometry: geometryOf(control.parameters, ''),
      scenario: '',
      seed: control.parameters.random_seed,
      version: packageVersion(),
      control,
      frozen,
      // A control thread that does not answer is the watchdogs’ to judge.
      learned: await host.learned().catch(() => null),
      checkpoint: host.checkpointing?.savedPath ?? '',
      updates: host.updates,
      // It has run since the program's start, and there may have been robots before.
      continued: true,
      waited: host.tenancy === 1,
      clock: this.#clock,
      taps: host.controller,
      host,
      // Who looks after it may be slow to hear that it has gone, and another be here by then.
      order: (order) => {
        if (this.#robot !== name) throw new Error(`${name} has gone, and nothing was changed`);
        this.order(order);
      },
      busy: () => (this.#robot === name ? this.busy : `${name} has gone`),
      simulator: null,
      firstEpisode: 0,
      tell,
    };
  }

  /** The robot is gone, and with it what was ordered for it. */
  #leave(): void {
    const { host } = this;
    // Others need not wait for a disk: whoever ends the run does.
    void this.leaveFollowers();
    host.tenancy++;
    host.follow(null);
    // The next robot has a folder of its own.
    if (this.#options.folderByRobot) host.checkpointing = null;
    this.#robot = '';
    this.#phase = Phase.free;
  }
}

function checkpointingOf({ control, tell }: HostedSessionOptions, folder: string): Checkpointing {
  const { parameters } = control;
  return new Checkpointing({
    parameters: { ...parameters, model_dir: folder },
    scenario: SCENARIO,
    seed: parameters.random_seed,
    faults: false,
    tell,
  });
}
