/**
 * Where the robot was a moment ago: the poses of the last odometry readings, so that a scan is placed where it was
 * taken. Control thread; allocates nothing after construction.
 */
import { wrapAngle } from '../core/angles.js';

/** A power of two; 0.6 s of odometry at 100 Hz. */
const CAPACITY = 64;
/** A scan stamped farther from all odometry than this has another clock, and the newest pose is the best guess [ns]. */
const COMPARABLE_NS = 1e9;

export class PoseHistory {
  readonly #stampNs = new Float64Array(CAPACITY);
  readonly #x = new Float64Array(CAPACITY);
  readonly #y = new Float64Array(CAPACITY);
  readonly #yaw = new Float64Array(CAPACITY);
  #count = 0;
  #newest = CAPACITY - 1;
  /** The pose that `at` found [m, m, rad]. */
  x = 0;
  y = 0;
  yaw = 0;

  clear(): void {
    this.#count = 0;
  }

  /** @realtime safe */
  push(stampNs: number, x: number, y: number, yaw: number): void {
    const i = (this.#newest + 1) & (CAPACITY - 1);
    this.#stampNs[i] = stampNs;
    this.#x[i] = x;
    this.#y[i] = y;
    this.#yaw[i] = yaw;
    this.#newest = i;
    if (this.#count < CAPACITY) this.#count++;
  }

  /**
   * Finds the pose at a stamp into `x`, `y`, `yaw`: interpolated between readings, carried on by the velocity given
   * beyond the newest.
   *
   * @param vx newest velocity in the body frame [m/s]; also `vy`, `yawRate` [rad/s]
   * @returns whether there was any reading
   * @realtime safe
   */
  at(stampNs: number, vx: number, vy: number, yawRate: number): boolean {
    if (this.#count === 0) return false;
    const mask = CAPACITY - 1;
    let later = this.#newest;
    const ahead = stampNs - this.#stampNs[later];
    this.x = this.#x[later];
    this.y = this.#y[later];
    this.yaw = this.#yaw[later];
    if (ahead === 0 || Math.abs(ahead) > COMPARABLE_NS) return true;
    if (ahead > 0) {
      const seconds = ahead * 1e-9;
      const cos = Math.cos(this.yaw + 0.5 * yawRate * seconds);
      const sin = Math.sin(this.yaw + 0.5 * yawRate * seconds);
      this.x += (vx * cos - vy * sin) * seconds;
      this.y += (vx * sin + vy * cos) * seconds;
      this.yaw = wrapAngle(this.yaw + yawRate * seconds);
      return true;
    }
    for (let back = 1; back < this.#count; back++) {
      const earlier = (this.#newest - back) & mask;
      if (this.#stampNs[earlier] <= stampNs) {
        const span = this.#stampNs[later] - this.#stampNs[earlier];
        const share = span > 0 ? (stampNs - this.#stampNs[earlier]) / span : 0;
        this.x = this.#x[earlier] + share * (this.#x[later] - this.#x[earlier]);
        this.y = this.#y[earlier] + share * (this.#y[later] - this.#y[earlier]);
        this.yaw = wrapAngle(this.#yaw[earlier] + share * wrapAngle(this.#yaw[later] - this.#yaw[earlier]));
        return true;
      }
      later = earlier;
    }
    this.x = this.#x[later];
    this.y = this.#y[later];
    this.yaw = this.#yaw[later];
    return true;
  }
}
