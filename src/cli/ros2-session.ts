/**
 * What the transitions of the managed node do: `Ros2Controller` comes and goes with them. Main thread.
 *
 * A fault (the control thread died, latched or stays stalled; a callback threw) stops the robot at once, and takes the
 * node through error processing, where everything is let go of and what can still be had of what was learned is saved. A
 * node that started itself then ends with an exit code other than 0, for its launch file's `respawn` to begin anew; one
 * that is managed from outside is `unconfigured` again, for its manager to configure.
 */
import { type ManagedBehaviour, type ManagedNode, Refusal } from '../io/ros2/managed-node.js';
import type { ParameterValue, ParameterValues } from '../parameters/schema.js';
import type { BesideRuns } from './beside-run.js';
import { Ros2Controller } from './ros2-controller.js';
import { RosTotals } from './ros2-figures.js';
import type { Control } from './run-options.js';

/** What both links and pages take for a robot's name: see `NAME_PATTERN` of the ZeroMQ protocol. */
const MAX_NAME = 64;

export interface Ros2SessionOptions {
  readonly managed: ManagedNode;
  /** As the parameters stand now. */
  readonly control: () => Control;
  readonly frozen: boolean;
  readonly beside: BesideRuns;
  /** Messages that the flight log lost; 0 where there is none. */
  readonly logMessagesLost: () => number;
  /** As `ros2 param set` has it. @throws Error with the reason why it is refused */
  readonly setParameter: (name: string, value: ParameterValue) => void;
  /** The robot has been stopped because of it, and everything let go of. */
  readonly onFault: (detail: string) => void;
}

export class Ros2Session implements ManagedBehaviour {
  readonly totals = new RosTotals();
  readonly #options: Ros2SessionOptions;
  #controller: Ros2Controller | null = null;
  /** The one that is being let go of: it brakes the robot. */
  #leaving: Ros2Controller | null = null;
  /** Why it cannot go on; empty where it can. */
  #fault = '';
  #saved = true;
  #underWay = 0;

  constructor(options: Ros2SessionOptions) {
    this.#options = options;
  }

  /** Null where the node is not configured. */
  get controller(): Ros2Controller | null {
    return this.#controller;
  }

  /** Whether what was learned is on the disk, where it was to be saved. */
  get saved(): boolean {
    return this.#saved;
  }

  /** Saves that the end did not wait for. */
  get underWay(): number {
    return this.#underWay;
  }

  async configure(): Promise<void> {
    const { managed, control, frozen, beside, logMessagesLost, setParameter } = this.#options;
    this.#fault = '';
    const asked = control();
    let configured: Ros2Controller;
    try {
      configured = await Ros2Controller.configure({
        ...{ managed, frozen, beside, logMessagesLost, setParameter },
        control: asked,
        robot: robotNameOf(managed.node.getFullyQualifiedName()),
        totals: this.totals,
        onFault: (detail) => this.fail(detail),
      });
    } catch (error) {
      // All of it has been let go of: the node may be configured again as soon as what is told has been mended.
      throw new Refusal(error instanceof Error ? error.message : String(error));
    }
    this.#controller = configured;
    this.#catchUp(configured, asked.parameters, control().parameters);
    this.#mustBeWell();
  }

  async activate(): Promise<void> {
    this.#mustBeWell();
    const controller = this.#configured();
    const { state } = controller.host.controller;
    if (state !== 'running') throw new Refusal(`not activated: the control thread is ${state}`);
    controller.activate();
  }

  async deactivate(): Promise<void> {
    this.#mustBeWell();
    await this.#configured().deactivate();
    this.#mustBeWell();
    this.#options.managed.logger.info('inactive: the robot stands, its goal is void, and no commands are sent');
  }

  async cleanup(): Promise<void> {
    this.#mustBeWell();
    await this.#release();
    this.#options.managed.logger.info(
      this.#saved ? 'unconfigured: everything is let go of' : 'unconfigured: what was learned could not all be saved',
    );
  }

  async shutdown(): Promise<void> {
    await this.#release();
  }

  async error(): Promise<boolean> {
    this.#controller?.halt();
    await this.#release();
    return true;
  }

  /**
   * The controller cannot go on: the robot stops now, and the node goes through error processing. The first fault is told,
   * and what follows from it is not.
   */
  fail(detail: string): void {
    if (this.#fault !== '') return;
    this.#fault = detail;
    const { managed, onFault } = this.#options;
    managed.logger.error(detail);
    this.#controller?.halt();
    this.#controller?.tellFault(detail);
    this.#toError()
      .catch((error) => managed.logger.fatal(`no error processing: ${error instanceof Error ? error.message : error}`))
      .finally(() => onFault(detail));
  }

  /** A callback of the node's threw: nothing is known of what it left undone. */
  failed(where: string, error: unknown): void {
    this.fail(`${where}: ${error instanceof Error ? error.message : error}`);
  }

  /** The process ends this instant, whatever is under way: zero velocity goes out before this returns. */
  stopNow(): void {
    this.#controller?.halt();
    this.#leaving?.halt();
  }

  /** A parameter was changed from outside. @throws ParameterError: refused */
  set(name: string, value: ParameterValue): void {
    this.#controller?.tune(name, value);
  }

  /** Error processing is entered from a transition only: the one that the state has finds the fault, and throws it. */
  async #toError(): Promise<void> {
    const { managed } = this.#options;
    // The one under way may be about to fail of it, too.
    if (managed.state === 'active') await managed.transition('deactivate');
    else if (managed.state === 'inactive') await managed.transition('cleanup');
    if (managed.state === 'active' || managed.state === 'inactive') await managed.transition('shutdown');
  }

  /** What was set while a controller was made, and answered with success, has reached the node's values alone. */
  #catchUp(controller: Ros2Controller, made: ParameterValues, now: ParameterValues): void {
    for (const [name, value] of Object.entries(now)) {
      if (value === made[name as keyof ParameterValues]) continue;
      try {
        controller.tune(name, value);
      } catch (error) {
        // It is none that a running controller takes.
        this.#options.managed.logger.warn(
          `${error instanceof Error ? error.message : error}; it counts when the node is configured anew`,
        );
      }
    }
  }

  #mustBeWell(): void {
    if (this.#fault !== '') throw new Error(this.#fault);
  }

  #configured(): Ros2Controller {
    if (this.#controller === null) throw new Refusal('the node is not configured');
    return this.#controller;
  }

  async #release(): Promise<void> {
    const controller = this.#controller;
    this.#controller = null;
    if (controller === null) return;
    this.#leaving = controller;
    await controller.release();
    this.#leaving = null;
    this.#saved = controller.saved;
    this.#underWay += controller.underWay;
  }
}

/**
 * A name for pages and links, which take no slashes: `/robot1/rfsn_controller` is `robot1-rfsn_controller`. No two nodes
 * have the same, because ROS's own names have no dashes.
 */
export function robotNameOf(qualifiedName: string): string {
  const name = qualifiedName.replace(/^\/+/, '').replaceAll('/', '-').slice(-MAX_NAME);
  return name.replace(/^[^A-Za-z0-9]+/, '') || 'robot';
}
