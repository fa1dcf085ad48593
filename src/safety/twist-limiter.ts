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
import type { StoppingPath } from './stopping-path.js';

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

/** Braking is foreseen cycle by cycle, or in steps of several in which the acceleration that takes longest changes by so much. */
const FORESEEN_CHANGE = 1 / 32;
/** So many steps at most, until all components brake in proportion: more than take an acceleration from end to end. */
const FORESEEN_STEPS_MAX = 100;
/** Of the rest, along which the component that takes longest may change. */
const REST_SLICES = 4;

/** The components of a twist. */
class Axes {
  readonly forward: AxisLimiter;
  readonly left: AxisLimiter;
  readonly yaw: AxisLimiter;

  constructor(limits: MotionLimits, stepS: number) {
    const share = limits.omnidirectional ? Math.SQRT1_2 : 1;
    this.forward = new AxisLimiter(stepS, limits.maxAcceleration * share, limits.maxJerk * share);
    this.left = new AxisLimiter(stepS, limits.maxAcceleration * share, limits.maxJerk * share);
    this.yaw = new AxisLimiter(stepS, limits.maxYawAcceleration, limits.maxYawJerk);
  }

  reset(): void {
    this.forward.reset();
    this.left.reset();
    this.yaw.reset();
  }

  accept(): void {
    this.forward.accept();
    this.left.accept();
    this.yaw.accept();
  }

  /** About how long it takes to rest, of the component that takes longest [s]. */
  get brakingTime(): number {
    return Math.max(this.forward.brakingTime, this.left.brakingTime, this.yaw.brakingTime);
  }

  /** The next step of braking, all components in proportion as far as jerk lets them. */
  previewBrake(): void {
    const time = this.brakingTime;
    const rate = time > 0 ? 1 / time : 0;
    this.forward.deceleration = Math.abs(this.forward.velocity) * rate;
    this.left.deceleration = Math.abs(this.left.velocity) * rate;
    this.yaw.deceleration = Math.abs(this.yaw.velocity) * rate;
    this.forward.previewBrake();
    this.left.previewBrake();
    this.yaw.previewBrake();
  }

  /** Whether all components brake in proportion from the next step on: the rest of the way is one arc. */
  get inProportion(): boolean {
    const time = this.brakingTime;
    const rate = time > 0 ? 1 / time : 0;
    return this.forward.brakesAt(rate) && this.left.brakesAt(rate) && this.yaw.brakesAt(rate);
  }

  /**
   * Writes the rest of the way, where all components brake in proportion: one arc. A share of the velocity is lost at the
   * rate of the component that takes longest, which may be another one when they have become slow; so the way at full
   * strength is that longest time, averaged over the shares.
   */
  writeRest(path: StoppingPath): void {
    const { forward, left, yaw } = this;
    path.vx = forward.velocity;
    path.vy = left.velocity;
    path.yawRate = yaw.velocity;
    let seconds = 0;
    for (let i = 0; i <= REST_SLICES; i++) {
      const remaining = i / REST_SLICES;
      const longest = Math.max(
        forward.rampS + remaining * forward.slopeS,
        left.rampS + remaining * left.slopeS,
        yaw.rampS + remaining * yaw.slopeS,
      );
      // The largest of straight lines bends upward: trapezoids under its corners are never too small.
      seconds += i === 0 || i === REST_SLICES ? 0.5 * longest : longest;
    }
    path.pieceS = seconds / REST_SLICES;
    path.go();
  }

  /** Corrects the step that was previewed where it stands for several cycles. */
  spread(share: number): void {
    this.forward.spread(share);
    this.left.spread(share);
    this.yaw.spread(share);
  }

  /** Goes on from what another previewed. */
  follow(other: Axes): void {
    this.forward.follow(other.forward);
    this.left.follow(other.left);
    this.yaw.follow(other.yaw);
  }
}

export class TwistLimiter {
  readonly #limits: MotionLimits;
  readonly #axes: Axes;
  /** The same while it is foreseen how they brake. */
  readonly #foreseen: Axes;
  readonly #foreseenStepS: number;
  /** Of the change of velocity in a foreseen step, what counts for its way: the cycles in it change it bit by bit. */
  readonly #foreseenShare: number;
  /** The result of `preview` [m/s, m/s, rad/s]. */
  vx = 0;
  vy = 0;
  yawRate = 0;
  /** The twist that follows from the previewed one even if it is braked from then on [m/s, m/s, rad/s]. */
  peakVx = 0;
  peakVy = 0;
  peakYawRate = 0;

  /** @param stepS the cycle's period [s] */
  constructor(limits: MotionLimits, stepS: number) {
    this.#limits = limits;
    this.#axes = new Axes(limits, stepS);
    const rampS = Math.max(limits.maxAcceleration / limits.maxJerk, limits.maxYawAcceleration / limits.maxYawJerk);
    const cycles = Math.max(1, Math.round((FORESEEN_CHANGE * rampS) / stepS));
    this.#foreseenStepS = stepS * cycles;
    this.#foreseenShare = (cycles + 1) / (2 * cycles);
    this.#foreseen = new Axes(limits, this.#foreseenStepS);
  }

  /** What was last sent [m/s, m/s, rad/s]. */
  get sentVx(): number {
    return this.#axes.forward.velocity;
  }
  get sentVy(): number {
    return this.#axes.left.velocity;
  }
  get sentYawRate(): number {
    return this.#axes.yaw.velocity;
  }

  /** @realtime safe */
  reset(): void {
    this.#axes.reset();
  }

  /** The next twist on the way to the one asked for, into `vx`, `vy`, `yawRate`. Not taken yet. @realtime safe */
  preview(vx: number, vy: number, yawRate: number): void {
    const { maxSpeed, maxYawRate, omnidirectional } = this.#limits;
    const { forward, left, yaw } = this.#axes;
    let x = vx;
    let y = omnidirectional ? vy : 0;
    const speed = Math.sqrt(x * x + y * y);
    if (speed > maxSpeed) {
      x *= maxSpeed / speed;
      y *= maxSpeed / speed;
    }
    if (omnidirectional) {
      x = within(x, maxSpeed, left.unavoidable, left.velocity);
      y = within(y, maxSpeed, forward.unavoidable, forward.velocity);
    }
    forward.preview(x);
    left.preview(y);
    yaw.preview(Math.max(-maxYawRate, Math.min(maxYawRate, yawRate)));
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
   * The next twist on the way to a standstill, all components in proportion as soon as jerk lets them: the way that
   * `writeStopping` foresaw. Not taken yet.
   *
   * @realtime safe
   */
  previewBrake(): void {
    this.#axes.previewBrake();
    this.#read();
  }

  /**
   * Writes the way of the robot if the previewed twist is held for the path's `holdS` and braked then: step by step while the
   * accelerations that it has come round, which makes it leave the arc that it is on, and as one arc from there on.
   *
   * @realtime safe
   */
  writeStopping(path: StoppingPath): void {
    const axes = this.#foreseen;
    const { forward, left, yaw } = axes;
    const share = this.#foreseenShare;
    axes.follow(this.#axes);
    path.begin();
    path.vx = forward.velocity;
    path.vy = left.velocity;
    path.yawRate = yaw.velocity;
    path.pieceS = path.holdS;
    path.go();
    path.pieceS = this.#foreseenStepS;
    for (let i = 0; i < FORESEEN_STEPS_MAX && !axes.inProportion; i++) {
      axes.previewBrake();
      axes.spread(share);
      path.vx = forward.velocity + share * (forward.nextVelocity - forward.velocity);
      path.vy = left.velocity + share * (left.nextVelocity - left.velocity);
      path.yawRate = yaw.velocity + share * (yaw.nextVelocity - yaw.velocity);
      path.go();
      axes.accept();
    }
    axes.writeRest(path);
    path.end();
  }

  #read(): void {
    const { forward, left, yaw } = this.#axes;
    this.vx = forward.nextVelocity;
    this.vy = left.nextVelocity;
    this.yawRate = yaw.nextVelocity;
    forward.foreseePeak();
    left.foreseePeak();
    yaw.foreseePeak();
    this.peakVx = forward.nextPeak;
    this.peakVy = left.nextPeak;
    this.peakYawRate = yaw.nextPeak;
  }

  /** Takes the twist that `preview` computed: it is what is sent. @realtime safe */
  accept(): void {
    this.#axes.accept();
  }
}

/** Clips `target` to the speed that the other axis leaves, now and at the peak it cannot avoid. */
function within(target: number, maxSpeed: number, otherPeak: number, otherNow: number): number {
  const other = Math.max(Math.abs(otherPeak), Math.abs(otherNow));
  const room = other >= maxSpeed ? 0 : Math.sqrt(maxSpeed * maxSpeed - other * other);
  return Math.max(-room, Math.min(room, target));
}
