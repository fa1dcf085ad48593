/**
 * Keeps a twist within the robot's speed, acceleration and jerk. Its state is what was last sent, as in a velocity
 * smoother without feedback: the limits are a promise about the commands.
 *
 * An omnidirectional robot's limits hold for the length of the vector. Each of its two axes gets 1/√2 of acceleration
 * and jerk, and may rise only into the speed that the other one leaves.
 *
 * Control thread; allocates nothing.
 */
import { AxisLimiter } from './axis-limiter.js';

export interface MotionLimits {
  omnidirectional: boolean;
  /** [m/s] */
  maxSpeed: number;
  /** [rad/s] */
  maxYawRate: number;
  /** [m/s²] */
  maxAcceleration: number;
  /** [rad/s²] */
  maxYawAcceleration: number;
  /** [m/s³] */
  maxJerk: number;
  /** [rad/s³] */
  maxYawJerk: number;
}

/** Velocity in `base_link` [m/s, m/s, rad/s]. */
export interface Twist {
  readonly vx: number;
  readonly vy: number;
  readonly yawRate: number;
}

/**
 * Shares of the speed and of the yaw rate wanted, in the order they are tried when the twist itself is not safe. Both
 * alike is the same way, slower; less speed alone is a tighter turn.
 */
const SLOWER_SPEED = new Float64Array([1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.1]);
const SLOWER_TURN = new Float64Array([1, 1, 0.75, 1, 0.5, 1, 0.25, 0.1]);
export const SLOWER_STEPS = 8;

export class TwistLimiter {
  readonly #limits: MotionLimits;
  readonly #forward: AxisLimiter;
  readonly #left: AxisLimiter;
  readonly #yaw: AxisLimiter;
  /** The result of `preview` [m/s, m/s, rad/s]. */
  vx = 0;
  vy = 0;
  yawRate = 0;

  /** @param stepS the cycle's period [s] */
  constructor(limits: MotionLimits, stepS: number) {
    const share = limits.omnidirectional ? Math.SQRT1_2 : 1;
    this.#limits = limits;
    this.#forward = new AxisLimiter(stepS, limits.maxAcceleration * share, limits.maxJerk * share);
    this.#left = new AxisLimiter(stepS, limits.maxAcceleration * share, limits.maxJerk * share);
    this.#yaw = new AxisLimiter(stepS, limits.maxYawAcceleration, limits.maxYawJerk);
  }

  /** What was last sent [m/s, m/s, rad/s]. */
  get sentVx(): number {
    return this.#forward.velocity;
  }
  get sentVy(): number {
    return this.#left.velocity;
  }
  get sentYawRate(): number {
    return this.#yaw.velocity;
  }

  /** @realtime safe */
  reset(): void {
    this.#forward.reset();
    this.#left.reset();
    this.#yaw.reset();
  }

  /** The next twist on the way to the one asked for, into `vx`, `vy`, `yawRate`. Not taken yet. @realtime safe */
  preview(vx: number, vy: number, yawRate: number): void {
    const { maxSpeed, maxYawRate, omnidirectional } = this.#limits;
    let x = vx;
    let y = omnidirectional ? vy : 0;
    const speed = Math.sqrt(x * x + y * y);
    if (speed > maxSpeed) {
      x *= maxSpeed / speed;
      y *= maxSpeed / speed;
    }
    if (omnidirectional) {
      x = within(x, maxSpeed, this.#left.unavoidable, this.#left.velocity);
      y = within(y, maxSpeed, this.#forward.unavoidable, this.#forward.velocity);
    }
    this.#forward.preview(x);
    this.#left.preview(y);
    this.#yaw.preview(Math.max(-maxYawRate, Math.min(maxYawRate, yawRate)));
    this.#read();
  }

  /**
   * `preview` of the `step`-th slower version of a twist: 0 is the twist itself, `SLOWER_STEPS - 1` the slowest.
   *
   * @realtime safe
   */
  previewSlower(wanted: Twist, step: number): void {
    const share = SLOWER_SPEED[step];
    this.preview(wanted.vx * share, wanted.vy * share, wanted.yawRate * SLOWER_TURN[step]);
  }

  /**
   * The next twist on the way to a standstill, all components in proportion: the robot stays on the arc it is on, which
   * is the one that was judged. Not taken yet.
   *
   * @realtime safe
   */
  previewBrake(): void {
    const time = Math.max(this.#forward.brakingTime, this.#left.brakingTime, this.#yaw.brakingTime);
    const rate = time > 0 ? 1 / time : 0;
    this.#forward.previewBrake(Math.abs(this.#forward.velocity) * rate);
    this.#left.previewBrake(Math.abs(this.#left.velocity) * rate);
    this.#yaw.previewBrake(Math.abs(this.#yaw.velocity) * rate);
    this.#read();
  }

  /** The twist that follows from the previewed one even if it is braked from then on [m/s, m/s, rad/s]. */
  get peakVx(): number {
    return larger(this.vx, this.#forward.nextUnavoidable);
  }
  get peakVy(): number {
    return larger(this.vy, this.#left.nextUnavoidable);
  }
  get peakYawRate(): number {
    return larger(this.yawRate, this.#yaw.nextUnavoidable);
  }

  #read(): void {
    this.vx = this.#forward.nextVelocity;
    this.vy = this.#left.nextVelocity;
    this.yawRate = this.#yaw.nextVelocity;
  }

  /** Takes the twist that `preview` computed: it is what is sent. @realtime safe */
  accept(): void {
    this.#forward.accept();
    this.#left.accept();
    this.#yaw.accept();
  }
}

/** The one of two values that is farther from zero. */
function larger(a: number, b: number): number {
  return Math.abs(b) > Math.abs(a) ? b : a;
}

/** Clips `target` to the speed that the other axis leaves, now and at the peak it cannot avoid. */
function within(target: number, maxSpeed: number, otherPeak: number, otherNow: number): number {
  const other = Math.max(Math.abs(otherPeak), Math.abs(otherNow));
  const room = other >= maxSpeed ? 0 : Math.sqrt(maxSpeed * maxSpeed - other * other);
  return Math.max(-room, Math.min(room, target));
}
