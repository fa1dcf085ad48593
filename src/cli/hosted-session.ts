/** A controller of the program as the link's sessions see it: what a robot's coming and going means for it. */
import { join } from 'node:path';
import type { CommandSource, ObservationSink } from '../io/port.js';
import type { SessionController } from '../io/zeromq/session-controller.js';
import { learns } from '../loop/configuration.js';
import { Checkpointing, NO_PROGRESS, type RunProgress } from './checkpointing.js';
import { ControllerHost, type ControllerHostOptions, type OperatorOrders } from './controller-host.js';

/** Where the run is told apart from those in the simulator's worlds, in a checkpoint. */
const SCENARIO = 'zeromq';
/** Robots whose operator's orders are remembered; the one heard of longest ago is forgotten first. */
const MAX_REMEMBERED = 1024;

/** What an operator ordered, by robot: it outlasts the robot's sessions. */
export class OrdersByRobot {
  readonly #orders = new Map<string, OperatorOrders>();

  of(robot: string): OperatorOrders | null {
    return this.#orders.get(robot) ?? null;
  }

  remember(robot: string, orders: OperatorOrders): void {
    this.#orders.delete(robot);
    this.#orders.set(robot, orders);
    if (this.#orders.size > MAX_REMEMBERED) this.#orders.delete(this.#orders.keys().next().value as string);
  }
}

export interface HostedSessionOptions extends Omit<ControllerHostOptions, 'progress' | 'learned' | 'checkpointing'> {
  /**
   * With one controller for all robots the folder is `model_dir`, and what is learned goes on from robot to robot. With
   * several each robot has a folder of its name in it.
   */
  folderByRobot: boolean;
  orders: OrdersByRobot;
}

export class HostedSession implements SessionController {
  readonly host: ControllerHost;
  readonly observations: ObservationSink;
  readonly commands: CommandSource;
  /** The program is ending: it saves by itself. */
  ending = false;
  readonly #options: HostedSessionOptions;
  #robot = '';
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
    this.host = new ControllerHost({ ...options, checkpointing, learned, progress: () => this.progress });
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

  async begin(name: string): Promise<{ policy: string; updates: number }> {
    const { host } = this;
    if (this.#options.folderByRobot) await this.#change(name);
    host.begin();
    return { policy: host.parameters.policy, updates: host.updates };
  }

  async end(): Promise<void> {
    const { host } = this;
    host.disarm();
    if (this.#options.folderByRobot) this.#options.orders.remember(this.#robot, host.orders);
    // The program's end takes what was learned once more, later.
    if (this.ending || host.checkpointing === null) return;
    if (await host.save()) this.#options.tell(`saved ${host.checkpointing.savedPath}`);
    // The next robot has a folder of its own.
    if (this.#options.folderByRobot) host.checkpointing = null;
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

  /** Puts what this robot has learned, and what was ordered for it, in the place of the last one's. */
  async #change(name: string): Promise<void> {
    const { host } = this;
    const { control, frozen, tell, orders } = this.#options;
    if (learns(control.parameters)) {
      const checkpointing = checkpointingOf(this.#options, join(control.parameters.model_dir, name));
      const resumed = await checkpointing.load();
      if (resumed !== null) tell(resumed.message);
      await host.restore(resumed?.learned ?? checkpointing.untrained(), resumed?.updates ?? 0);
      host.checkpointing = frozen ? null : checkpointing;
      this.#before = resumed?.progress ?? NO_PROGRESS;
      this.#cyclesBefore = host.controller.cycles;
    }
    host.follow(orders.of(name));
    this.#robot = name;
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
