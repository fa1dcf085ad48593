import type { RobotModel } from './robots.js';
import { BOX_STRIDE, boxDistance, CIRCLE_STRIDE, MOVER_STRIDE, type World } from './world.js';

/**
 * Exact distance from the robot's footprint to the nearest obstacle. The physics engine knows contacts only within its
 * prediction distance and in single precision; the benchmark's clearance figures and the collision verdict want the
 * distance itself. Allocates in the constructor and in `setWorld`, nothing in `measure`.
 */
export class Clearance {
  readonly #halfLength: number;
  readonly #halfWidth: number;
  readonly #circumscribed: number;
  /** The footprint as a box record, for corner-to-box distances the other way round. */
  readonly #footprint = new Float64Array(BOX_STRIDE);
  #circles = new Float64Array(0);
  #moversFrom = 0;
  #boxes = new Float64Array(0);

  constructor(robot: RobotModel) {
    this.#halfLength = robot.length / 2;
    this.#halfWidth = robot.width / 2;
    this.#circumscribed = Math.sqrt(this.#halfLength ** 2 + this.#halfWidth ** 2);
    this.#footprint[2] = this.#halfLength;
    this.#footprint[3] = this.#halfWidth;
  }

  /** @realtime unsafe (allocates) */
  setWorld(world: World): void {
    const movers = world.movers.length / MOVER_STRIDE;
    this.#moversFrom = world.circles.length;
    this.#circles = new Float64Array(world.circles.length + movers * CIRCLE_STRIDE);
    this.#circles.set(world.circles);
    for (let i = 0; i < movers; i++) {
      this.#circles[this.#moversFrom + i * CIRCLE_STRIDE + 2] = world.movers[i * MOVER_STRIDE + 4];
    }
    this.#boxes = world.boxes.slice();
  }

  /** [m] @realtime safe */
  placeMover(index: number, x: number, y: number): void {
    const at = this.#moversFrom + index * CIRCLE_STRIDE;
    this.#circles[at] = x;
    this.#circles[at + 1] = y;
  }

  /**
   * Distance from the footprint at (x, y) with heading (cos, sin) to the nearest obstacle; 0 where they overlap [m].
   *
   * @realtime safe
   */
  measure(x: number, y: number, cos: number, sin: number): number {
    const circles = this.#circles;
    const halfLength = this.#halfLength;
    const halfWidth = this.#halfWidth;
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
      const dx = circles[i] - x;
      const dy = circles[i + 1] - y;
      let outX = cos * dx + sin * dy;
      let outY = cos * dy - sin * dx;
      outX = (outX < 0 ? -outX : outX) - halfLength;
      outY = (outY < 0 ? -outY : outY) - halfWidth;
      if (outX < 0) outX = 0;
      if (outY < 0) outY = 0;
      const reach = nearest + circles[i + 2];
      const squared = outX * outX + outY * outY;
      if (squared < reach * reach) nearest = Math.sqrt(squared) - circles[i + 2];
    }
    const boxes = this.#boxes;
    for (let i = 0; i < boxes.length; i += BOX_STRIDE) {
      if (boxDistance(boxes, i, x, y) - this.#circumscribed >= nearest) continue;
      const gap = this.#boxGap(i, x, y, cos, sin);
      if (gap < nearest) nearest = gap;
    }
    return Math.max(nearest, 0);
  }

  /** Two boxes that do not overlap are nearest at a corner of one of them. @realtime safe */
  #boxGap(offset: number, x: number, y: number, cos: number, sin: number): number {
    const boxes = this.#boxes;
    const footprint = this.#footprint;
    footprint[0] = x;
    footprint[1] = y;
    footprint[4] = cos;
    footprint[5] = sin;
    let gap = Number.POSITIVE_INFINITY;
    for (let corner = 0; corner < 4; corner++) {
      const signX = corner === 0 || corner === 1 ? 1 : -1;
      const signY = corner === 1 || corner === 2 ? 1 : -1;
      const ownX = signX * this.#halfLength;
      const ownY = signY * this.#halfWidth;
      const own = boxDistance(boxes, offset, x + cos * ownX - sin * ownY, y + sin * ownX + cos * ownY);
      if (own < gap) gap = own;
      const itsX = signX * boxes[offset + 2];
      const itsY = signY * boxes[offset + 3];
      const itsCos = boxes[offset + 4];
      const itsSin = boxes[offset + 5];
      const cornerX = boxes[offset] + itsCos * itsX - itsSin * itsY;
      const cornerY = boxes[offset + 1] + itsSin * itsX + itsCos * itsY;
      const its = boxDistance(footprint, 0, cornerX, cornerY);
      if (its < gap) gap = its;
    }
    return gap;
  }
}
