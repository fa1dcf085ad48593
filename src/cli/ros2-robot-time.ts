/** The time of a simulated robot on ROS: how simulated time goes with the clock, and what ROS calls it. */
import type { Clock } from '../core/clock.js';
import type { Stamp } from '../io/ros2/robot/robot-messages.js';

/** After a longer stall of this thread simulated time runs late instead of racing [ns]. */
const CATCH_UP_NS = 50e6;
/** The calendar's clock was set where it differs by more from the monotonic one than before [ns]. */
const CLOCK_SET_NS = 100e6;
const MS = 1e6;

export interface RobotTimeOptions {
  readonly clock: Clock;
  /** The calendar's time [ms]. */
  readonly unixMs: () => number;
  /** Whether stamps are simulated time, which ROS is told as its own; else they are the calendar's. */
  readonly simulated: boolean;
  /** Simulated seconds a second. */
  readonly speed: number;
}

export class RobotTime {
  readonly #options: RobotTimeOptions;
  readonly #stamp: Stamp = { seconds: 0, nanoseconds: 0 };
  /** One moment on both [ns]. */
  #anchorClockNs = 0;
  #anchorNs = 0;
  /** The calendar's time when the clock showed 0: milliseconds, since a double holds no more of it exactly. */
  #unixOriginMs = 0;

  constructor(options: RobotTimeOptions) {
    this.#options = options;
    this.#setCalendar();
  }

  /** Simulated time goes on from here, now. */
  anchor(simulatedNs: number): void {
    this.#anchorClockNs = this.#options.clock.nowNs();
    this.#anchorNs = simulatedNs;
    this.#setCalendar();
  }

  /** How far simulated time should be by now [ns]. @param reachedNs how far it is */
  due(reachedNs: number): number {
    const { clock, speed } = this.#options;
    const dueNs = this.#anchorNs + (clock.nowNs() - this.#anchorClockNs) * speed;
    const behindNs = dueNs - reachedNs - CATCH_UP_NS;
    if (behindNs <= 0) return dueNs;
    this.#anchorClockNs += behindNs / speed;
    return dueNs - behindNs;
  }

  /** Until simulated time reaches that [ms], whole, at least 1. */
  waitMs(simulatedNs: number): number {
    const { clock, speed } = this.#options;
    const waitNs = this.#anchorClockNs + (simulatedNs - this.#anchorNs) / speed - clock.nowNs();
    return Math.max(1, Math.ceil(waitNs / MS));
  }

  /** ROS time of a moment of simulated time; the object is this one's, valid until the next call. */
  stampOf(simulatedNs: number): Stamp {
    const stamp = this.#stamp;
    if (this.#options.simulated) {
      stamp.seconds = Math.floor(simulatedNs / 1e9);
      stamp.nanoseconds = simulatedNs - stamp.seconds * 1e9;
      return stamp;
    }
    const clockNs = this.#anchorClockNs + (simulatedNs - this.#anchorNs) / this.#options.speed;
    const clockMs = Math.floor(clockNs / MS);
    const unixMs = this.#unixOriginMs + clockMs;
    stamp.seconds = Math.floor(unixMs / 1000);
    stamp.nanoseconds = (unixMs - stamp.seconds * 1000) * MS + Math.floor(clockNs - clockMs * MS);
    return stamp;
  }

  /** Follows the calendar's clock where somebody has set it. To be called now and then. */
  #setCalendar(): void {
    const { clock, unixMs } = this.#options;
    const originMs = Math.round(unixMs() - clock.nowNs() / MS);
    if (Math.abs(originMs - this.#unixOriginMs) * MS > CLOCK_SET_NS) this.#unixOriginMs = originMs;
  }
}
