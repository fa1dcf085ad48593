/**
 * One velocity that follows a target within acceleration and jerk, in fixed steps, without overshoot: before each step
 * it keeps enough room to bring the acceleration back to zero by the time the target is met.
 *
 * Control thread, a few times a cycle; allocates nothing.
 */

/** Slower than this is standing still [unit of the axis]. */
const AT_REST = 1e-3;

export class AxisLimiter {
  readonly #stepS: number;
  readonly #maxAcceleration: number;
  /** What acceleration may change by in one step [1/s² of the axis' unit]. */
  readonly #accelerationStep: number;
  velocity = 0;
  acceleration = 0;
  /** The result of `preview`. */
  nextVelocity = 0;
  nextAcceleration = 0;
  /** The velocity farthest from zero that it has from the next step on, even if it is braked then; valid after `foreseePeak`. */
  nextPeak = 0;
  /** What `previewBrake` brakes with at most, jerk permitting [unit/s²]. */
  deceleration = 0;

  /**
   * @param stepS time between two calls [s]
   * @param maxAcceleration [unit/s²]
   * @param maxJerk [unit/s³]
   */
  constructor(stepS: number, maxAcceleration: number, maxJerk: number) {
    this.#stepS = stepS;
    this.#maxAcceleration = maxAcceleration;
    this.#accelerationStep = maxJerk * stepS;
  }

  /** Stands still. For a robot that was put down somewhere else. @realtime safe */
  reset(): void {
    this.velocity = 0;
    this.acceleration = 0;
    this.nextVelocity = 0;
    this.nextAcceleration = 0;
  }

  /** Computes the next step toward `target` without taking it. @realtime safe */
  preview(target: number): void {
    const step = this.#stepS;
    const sign = target >= this.velocity ? 1 : -1;
    const gap = (sign * (target - this.velocity)) / step;
    const acceleration = sign * this.acceleration;
    const change = this.#accelerationStep;
    // The largest a for which a + (a - change) + (a - 2 change) + … ≤ gap: n of the terms beyond the first are positive.
    const n = Math.floor((Math.sqrt(1 + (8 * gap) / change) - 1) / 2);
    let wanted = (gap + (change * n * (n + 1)) / 2) / (n + 1);
    if (wanted > this.#maxAcceleration) wanted = this.#maxAcceleration;
    if (wanted > acceleration + change) wanted = acceleration + change;
    if (wanted < acceleration - change) wanted = acceleration - change;
    if (wanted < -this.#maxAcceleration) wanted = -this.#maxAcceleration;
    this.nextAcceleration = sign * wanted;
    this.nextVelocity = this.velocity + sign * wanted * step;
  }

  /**
   * Computes the next step of braking to zero with no more than `deceleration`, so that several axes can come to rest
   * together.
   *
   * @realtime safe
   */
  previewBrake(): void {
    this.preview(0);
    // Braking in proportion to what is left would take for ever to end: the last trace goes in one step, if jerk lets it.
    const last = -this.velocity / this.#stepS;
    const change = this.#accelerationStep;
    if (Math.abs(this.velocity) < AT_REST && Math.abs(last) <= change && Math.abs(last - this.acceleration) <= change) {
      this.nextVelocity = 0;
      this.nextAcceleration = last;
      return;
    }
    const limit = Math.max(this.deceleration, Math.abs(this.acceleration) - this.#accelerationStep);
    if (Math.abs(this.nextAcceleration) <= limit) return;
    this.nextAcceleration = Math.sign(this.nextAcceleration) * limit;
    this.nextVelocity = this.velocity + this.nextAcceleration * this.#stepS;
  }

  /** About how long it takes from the velocity it has to rest [s]. @realtime safe */
  get brakingTime(): number {
    return this.slopeS + this.rampS;
  }

  /** What the time of braking is made up of: in proportion to the velocity, and for building up the acceleration [s]. */
  get slopeS(): number {
    return Math.abs(this.velocity) / this.#maxAcceleration;
  }
  get rampS(): number {
    return this.velocity === 0 ? 0 : (0.5 * this.#maxAcceleration * this.#stepS) / this.#accelerationStep;
  }

  /**
   * Whether jerk lets the next step brake by a share of the velocity.
   *
   * @param rate that share [1/s]
   * @realtime safe
   */
  brakesAt(rate: number): boolean {
    return Math.abs(this.acceleration + this.velocity * rate) <= this.#accelerationStep;
  }

  /** Goes on from what another limiter previewed, of the same axis and with steps of another length. @realtime safe */
  follow(other: AxisLimiter): void {
    this.velocity = other.nextVelocity;
    this.acceleration = other.nextAcceleration;
  }

  /**
   * Corrects the step that `previewBrake` computed where it stands for several shorter ones, whose acceleration changes bit by
   * bit.
   *
   * @param share of the change of acceleration that counts, on average over them
   * @realtime safe
   */
  spread(share: number): void {
    if (share === 1) return;
    const mean = this.acceleration + share * (this.nextAcceleration - this.acceleration);
    this.nextVelocity = this.velocity + mean * this.#stepS;
  }

  /** Takes the step that `preview` computed. @realtime safe */
  accept(): void {
    this.velocity = this.nextVelocity;
    this.acceleration = this.nextAcceleration;
  }

  /** The velocity it cannot help reaching before acceleration is back at zero. @realtime safe */
  get unavoidable(): number {
    const change = this.#accelerationStep;
    const magnitude = Math.abs(this.acceleration);
    const n = Math.floor(magnitude / change);
    const rest = (n * magnitude - (change * n * (n + 1)) / 2) * this.#stepS;
    return this.acceleration > 0 ? this.velocity + rest : this.velocity - rest;
  }

  /** Computes `nextPeak` from what `preview` computed. @realtime safe */
  foreseePeak(): void {
    const change = this.#accelerationStep;
    const magnitude = Math.abs(this.nextAcceleration);
    const n = Math.floor(magnitude / change);
    const rest = (n * magnitude - (change * n * (n + 1)) / 2) * this.#stepS;
    const unavoidable = this.nextAcceleration > 0 ? this.nextVelocity + rest : this.nextVelocity - rest;
    this.nextPeak = Math.abs(unavoidable) > Math.abs(this.nextVelocity) ? unavoidable : this.nextVelocity;
  }
}
