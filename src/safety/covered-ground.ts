/**
 * Ground that the robot's own outline covered a moment ago: it was free then, so the robot may back onto it unseen.
 *
 * Control thread; allocates nothing after construction.
 */

import type { Observation } from '../memory/observation.js';
import { distanceToOutline, type Footprint } from './footprint.js';

/** A power of two of poses. */
const CAPACITY = 64;
/** A pose is kept for every such step of the way [m]: the trail is 1.3 m long. */
const STEP = 0.02;
/** … or turn [rad]. */
const TURN_STEP = 0.05;
/** Ground covered longer ago may have been walked onto since [ns]. */
const VALID_NS = 15e9;
/** The outline is taken this much larger, so that ground between two poses counts [m]. */
const SLACK = 0.015;

export class CoveredGround {
  readonly #halfLength: number;
  readonly #halfWidth: number;
  readonly #x = new Float64Array(CAPACITY);
  readonly #y = new Float64Array(CAPACITY);
  readonly #cos = new Float64Array(CAPACITY);
  readonly #sin = new Float64Array(CAPACITY);
  readonly #atNs = new Float64Array(CAPACITY);
  #yaw = 0;
  #count = 0;
  #newest = CAPACITY - 1;

  constructor(footprint: Footprint) {
    this.#halfLength = footprint.length / 2 + SLACK;
    this.#halfWidth = footprint.width / 2 + SLACK;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Notes where the robot stands. @realtime safe */
  cover(o: Observation): void {
    const nowNs = o.nowNs;
    const newest = this.#newest;
    if (this.#count > 0) {
      const dx = o.x - this.#x[newest];
      const dy = o.y - this.#y[newest];
      if (dx * dx + dy * dy < STEP * STEP && Math.abs(o.yaw - this.#yaw) < TURN_STEP) {
        this.#atNs[newest] = nowNs;
        return;
      }
    }
    const i = (newest + 1) & (CAPACITY - 1);
    this.#x[i] = o.x;
    this.#y[i] = o.y;
    this.#cos[i] = Math.cos(o.yaw);
    this.#sin[i] = Math.sin(o.yaw);
    this.#atNs[i] = nowNs;
    this.#yaw = o.yaw;
    this.#newest = i;
    if (this.#count < CAPACITY) this.#count++;
  }

  /** Whether the outline covered a point of `odom` [m] a moment ago. @realtime safe */
  covers(o: Observation, x: number, y: number): boolean {
    for (let back = 0; back < this.#count; back++) {
      const i = (this.#newest - back) & (CAPACITY - 1);
      if (o.nowNs - this.#atNs[i] > VALID_NS) return false;
      const dx = x - this.#x[i];
      const dy = y - this.#y[i];
      const forward = dx * this.#cos[i] + dy * this.#sin[i];
      const left = dy * this.#cos[i] - dx * this.#sin[i];
      if (distanceToOutline(forward, left, this.#halfLength, this.#halfWidth) <= 0) return true;
    }
    return false;
  }
}
