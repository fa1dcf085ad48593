/**
 * Who has a say in whether a ROS robot moves, and how their words go together: the node's lifecycle, the operator's
 * `~/enable`, and those who tell it to stand (`~/stop`, the page, an administrator over a link). It moves only while all of
 * them let it. Main thread.
 */
import type { OperatorOrder } from './controller-host.js';

/** What of a controller's host is ordered; `ControllerHost` is one. */
export interface OrderedHost {
  arm(): void;
  disarm(): void;
  readonly halted: boolean;
  halt(halted: boolean): void;
  obey(order: OperatorOrder): void;
}

/** Of one configured node. Everything else about the host may be ordered past it but arming. */
export class MotionOrders {
  readonly #host: OrderedHost;
  #active = false;
  #enabled = true;

  constructor(host: OrderedHost) {
    this.#host = host;
  }

  /** The node is active. */
  get active(): boolean {
    return this.#active;
  }

  /** As `~/enable` has it; true where nothing was said. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** The node is active from now on: the robot moves, unless it is disabled, or was told to stand since it was configured or deactivated. */
  activate(): void {
    this.#active = true;
    this.#apply();
  }

  /** The node is no longer active. With that an order to stand is carried out: the next activation lets the robot move. */
  deactivate(): void {
    this.#active = false;
    this.#apply();
    this.#host.halt(false);
  }

  /**
   * A message on `~/enable`. `true` after `false` also lets a robot move again that was told to stand. `true` after `true` orders
   * nothing: it may be a publisher that repeats itself, or one that latches and was found again.
   *
   * @returns what has changed, in words; empty where nothing has
   */
  enable(on: boolean): string {
    const changed = on !== this.#enabled;
    this.#enabled = on;
    const released = on && changed && this.#host.halted;
    if (released) this.#host.halt(false);
    this.#apply();
    if (!changed) return '';
    if (!on) return 'disabled: the robot stands and nothing is learned';
    return released ? 'enabled: the robot need no longer stand' : 'enabled';
  }

  /** The robot stands, until `~/enable` goes from `false` to `true`, somebody says that it may go on, or it is activated anew. */
  stop(): void {
    this.#host.halt(true);
  }

  /** An order of the page's or of an administrator's. @throws ParameterError */
  obey(order: OperatorOrder): void {
    this.#host.obey(order);
    // Going on is going on only while the others let it.
    this.#apply();
  }

  /** Why the robot may not move, for people; empty where it may. */
  get standing(): string {
    if (!this.#active) return 'the node is not active';
    if (!this.#enabled) return 'it is disabled on ~/enable';
    return this.#host.halted ? 'it was told to stand' : '';
  }

  #apply(): void {
    if (this.#active && this.#enabled) this.#host.arm();
    else this.#host.disarm();
  }
}
