/**
 * Where the robot was a moment ago: the poses of the last odometry readings, so that a scan is placed where it was
 * taken. Control thread; allocates nothing after construction.
 */
import { wrapAngle } from '../core/angles.js';
import type { Observation } from '../memory/observation.js';

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

  /** Notes the observation's pose. @realtime safe */
  push(o: Observation): void {
    const i = (this.#newest + 1) & (CAPACITY - 1);
    this.#stampNs[i] = o.odometryStampNs;
    this.#x[i] = o.x;
    this.#y[i] = o.y;
    this.#yaw[i] = o.yaw;
    this.#newest = i;
    if (this.#count < CAPACITY) this.#count++;
  }

  /**
   * Finds the pose at the scan's stamp into `x`, `y`, `yaw`: interpolated between readings, carried on by the newest
   * velocity beyond them.
   *
   * @returns whether there was any reading
   * @realtime safe
   */
  at(o: Observation): boolean {
    const stampNs = o.rangesStampNs;
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
      const cos = Math.cos(this.yaw + 0.5 * o.yawRate * seconds);
      const sin = Math.sin(this.yaw + 0.5 * o.yawRate * seconds);
      this.x += (o.vx * cos - o.vy * sin) * seconds;
      this.y += (o.vx * sin + o.vy * cos) * seconds;
      this.yaw = wrapAngle(this.yaw + o.yawRate * seconds);
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
