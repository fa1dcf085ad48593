/**
 * How far the robot could drive straight along each of 72 headings, 5° apart, were it turned that way: its own outline
 * swept through the raw ranges.
 *
 * Control thread; `sweep` runs when a scan lands (the dearest part of a cycle with a scan), `place` every cycle. Reads the
 * observation, owns the table. Allocates nothing after construction.
 */

import type { Observation } from '../memory/observation.js';
import type { Footprint } from './footprint.js';
import type { MovingObstacles } from './moving-obstacles.js';
import type { NearbyPoints } from './nearby-points.js';
import { inWatchedArc } from './watched-arc.js';

export const HEADING_COUNT = 72;
/** [rad] */
export const HEADING_STEP = (2 * Math.PI) / HEADING_COUNT;
const STEPS_PER_RADIAN = 1 / HEADING_STEP;
/** Entries of the arc-sine table, which rounds up. */
const ARC_SINE_STEPS = 256;
/** What was seen of a heading counts for so long after the robot has turned away from it [ns] … */
const KEEP_NS = 3e9;
/** … and as long as it is no farther from where it saw it [m]. */
const KEEP_DISTANCE = 0.3;
/** Headings this close to the border of the sight are swept in part only [rad]. */
const BORDER = 0.35;

export class HeadingSweep {
  /** Free way along heading h · 5° of today's `base_link` [m], valid after `place`. */
  readonly ahead = new Float64Array(HEADING_COUNT);
  /** Free way by heading in the scan's own frame [m], at most `lookahead`. */
  readonly #free = new Float64Array(HEADING_COUNT);
  readonly #cos = new Float64Array(HEADING_COUNT);
  readonly #sin = new Float64Array(HEADING_COUNT);
  readonly #arcSine = new Float64Array(ARC_SINE_STEPS + 1);
  /** What was last seen by heading in `odom` [m], from where [m] and when [ns]. */
  readonly #seen = new Float64Array(HEADING_COUNT);
  readonly #seenX = new Float64Array(HEADING_COUNT);
  readonly #seenY = new Float64Array(HEADING_COUNT);
  readonly #seenNs = new Float64Array(HEADING_COUNT).fill(Number.NEGATIVE_INFINITY);
  readonly #halfWidth: number;
  readonly #front: number;
  readonly #reachSquared: number;
  /** Beyond this nothing is looked at [m]. */
  readonly lookahead: number;

  /** @param margin kept on each side and ahead [m]; @param lookahead [m] */
  constructor(footprint: Footprint, margin: number, lookahead: number) {
    this.#halfWidth = footprint.width / 2 + margin;
    this.#front = footprint.length / 2 + margin;
    this.lookahead = lookahead;
    const reach = lookahead + this.#front;
    this.#reachSquared = reach * reach + this.#halfWidth * this.#halfWidth;
    for (let h = 0; h < HEADING_COUNT; h++) {
      this.#cos[h] = Math.cos(h * HEADING_STEP);
      this.#sin[h] = Math.sin(h * HEADING_STEP);
    }
    for (let i = 0; i <= ARC_SINE_STEPS; i++) this.#arcSine[i] = Math.asin(Math.min(1, (i + 1) / ARC_SINE_STEPS));
  }

  /**
   * Sweeps the observation's newest scan. A heading that the sensor does not watch keeps what was seen of it, if that
   * was a moment ago and near here; otherwise it is blocked. Nobody drives there on it: the robot turns, and looks.
   *
   * @param points for what has passed out of sight
   * @realtime safe
   */
  sweep(o: Observation, points: NearbyPoints): void {
    const xs = o.pointX;
    const ys = o.pointY;
    const bearing = o.pointBearing;
    const free = this.#free;
    const cos = this.#cos;
    const sin = this.#sin;
    const arcSine = this.#arcSine;
    const front = this.#front;
    const halfWidth = this.#halfWidth;
    const reachSquared = this.#reachSquared;
    free.fill(this.lookahead);
    for (let i = 0; i < o.pointCount; i++) {
      const x = xs[i];
      const y = ys[i];
      const squared = x * x + y * y;
      if (squared > reachSquared) continue;
      const sine = halfWidth / Math.sqrt(squared);
      const spread = sine >= 1 ? Math.PI / 2 : arcSine[(sine * ARC_SINE_STEPS) | 0];
      // Truncation of what is made positive first rounds down, and of what is made negative first rounds up.
      const last = (((bearing[i] + spread) * STEPS_PER_RADIAN + 2 * HEADING_COUNT) | 0) - 2 * HEADING_COUNT;
      const first = 2 * HEADING_COUNT - ((2 * HEADING_COUNT - (bearing[i] - spread) * STEPS_PER_RADIAN) | 0);
      for (let h = first; h <= last; h++) {
        const slot = h < 0 ? h + HEADING_COUNT : h >= HEADING_COUNT ? h - HEADING_COUNT : h;
        const way = x * cos[slot] + y * sin[slot] - front;
        if (way < free[slot]) free[slot] = way > 0 ? way : 0;
      }
    }
    for (let i = 0; i < points.hiddenCount; i++) {
      const hiddenX = points.hiddenX[i];
      const hiddenY = points.hiddenY[i];
      this.#block(hiddenX, hiddenY, Math.atan2(hiddenY, hiddenX));
    }
    if (o.arcLength < 2 * Math.PI - HEADING_STEP) this.#fillUnwatched(o);
  }

  /**
   * Shortens the headings of `ahead` on which the robot, at `speed` [m/s], would meet something that moves.
   *
   * @param reach distance between the centres at which they meet, beyond the mover's radius [m]
   * @param horizonS meetings later than this do not count [s]
   * @realtime safe
   */
  avoid(moving: MovingObstacles, speed: number, reach: number, horizonS: number): void {
    for (let i = 0; i < moving.count; i++) {
      const x = moving.x[i];
      const y = moving.y[i];
      const near = moving.radius[i] + reach;
      const c = x * x + y * y - near * near;
      for (let h = 0; h < HEADING_COUNT; h++) {
        const ux = moving.vx[i] - speed * this.#cos[h];
        const uy = moving.vy[i] - speed * this.#sin[h];
        const b = x * ux + y * uy;
        if (b >= 0) continue;
        const a = ux * ux + uy * uy;
        const root = b * b - a * c;
        if (root <= 0) continue;
        const seconds = c <= 0 ? 0 : (-b - Math.sqrt(root)) / a;
        if (seconds < horizonS) this.ahead[h] = Math.min(this.ahead[h], (this.lookahead * seconds) / horizonS);
      }
    }
  }

  /** One point out of sight shortens the headings whose swept outline it lies in, as those in sight do. */
  #block(x: number, y: number, bearing: number): void {
    const squared = x * x + y * y;
    if (squared > this.#reachSquared) return;
    const free = this.#free;
    const sine = this.#halfWidth / Math.sqrt(squared);
    const spread = sine >= 1 ? Math.PI / 2 : this.#arcSine[(sine * ARC_SINE_STEPS) | 0];
    const last = Math.floor((bearing + spread) / HEADING_STEP);
    for (let h = Math.ceil((bearing - spread) / HEADING_STEP); h <= last; h++) {
      const slot = h < 0 ? h + HEADING_COUNT : h >= HEADING_COUNT ? h - HEADING_COUNT : h;
      const way = x * this.#cos[slot] + y * this.#sin[slot] - this.#front;
      if (way < free[slot]) free[slot] = Math.max(0, way);
    }
  }

  #fillUnwatched(o: Observation): void {
    const yaw = Math.round(o.scanYaw / HEADING_STEP);
    for (let h = 0; h < HEADING_COUNT; h++) {
      const absolute = (h + yaw + 2 * HEADING_COUNT) % HEADING_COUNT;
      if (inWatchedArc(o, o.mountX + this.#cos[h], o.mountY + this.#sin[h], BORDER)) {
        this.#seen[absolute] = this.#free[h];
        this.#seenX[absolute] = o.scanX;
        this.#seenY[absolute] = o.scanY;
        this.#seenNs[absolute] = o.nowNs;
        continue;
      }
      const dx = o.scanX - this.#seenX[absolute];
      const dy = o.scanY - this.#seenY[absolute];
      const near = dx * dx + dy * dy < KEEP_DISTANCE * KEEP_DISTANCE;
      const kept = near && o.nowNs - this.#seenNs[absolute] < KEEP_NS ? this.#seen[absolute] : 0;
      this.#free[h] = Math.min(this.#free[h], kept);
    }
  }

  /** Forgets what was seen. @realtime safe */
  clear(): void {
    this.#seenNs.fill(Number.NEGATIVE_INFINITY);
  }

  /** Turns the table into today's `base_link`, into `ahead`. @realtime safe */
  place(o: Observation): void {
    let offset = Math.round((o.yaw - o.scanYaw) / HEADING_STEP);
    if (offset < 0) offset += HEADING_COUNT;
    const cosYaw = Math.cos(o.yaw);
    const sinYaw = Math.sin(o.yaw);
    const dx = o.x - o.scanX;
    const dy = o.y - o.scanY;
    const forward = dx * cosYaw + dy * sinYaw;
    const left = dy * cosYaw - dx * sinYaw;
    const cos = this.#cos;
    const sin = this.#sin;
    for (let h = 0; h < HEADING_COUNT; h++) {
      let slot = h + offset;
      if (slot >= HEADING_COUNT) slot -= HEADING_COUNT;
      this.ahead[h] = Math.max(0, this.#free[slot] - forward * cos[h] - left * sin[h]);
    }
  }
}
