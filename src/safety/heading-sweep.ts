/**
 * How far the robot could drive straight along each of 72 headings, 5° apart, were it turned that way: its own outline
 * swept through the raw ranges.
 *
 * Control thread; `sweep` runs when a scan lands (about 10 µs for 720 beams), `place` every cycle. Reads the
 * observation, owns the table. Allocates nothing after construction.
 */

import type { Observation } from '../memory/observation.js';
import type { Footprint } from './footprint.js';
import { inWatchedArc } from './watched-arc.js';

export const HEADING_COUNT = 72;
/** [rad] */
export const HEADING_STEP = (2 * Math.PI) / HEADING_COUNT;
/** Entries of the arc-sine table, which rounds up. */
const ARC_SINE_STEPS = 256;

export class HeadingSweep {
  /** Free way along heading h · 5° of today's `base_link` [m], valid after `place`. */
  readonly ahead = new Float64Array(HEADING_COUNT);
  /** Free way by heading in the scan's own frame [m], at most `lookahead`. */
  readonly #free = new Float64Array(HEADING_COUNT);
  readonly #cos = new Float64Array(HEADING_COUNT);
  readonly #sin = new Float64Array(HEADING_COUNT);
  readonly #arcSine = new Float64Array(ARC_SINE_STEPS + 1);
  readonly #halfWidth: number;
  readonly #front: number;
  /** Beyond this nothing is looked at [m]. */
  readonly lookahead: number;

  /** @param margin kept on each side and ahead [m]; @param lookahead [m] */
  constructor(footprint: Footprint, margin: number, lookahead: number) {
    this.#halfWidth = footprint.width / 2 + margin;
    this.#front = footprint.length / 2 + margin;
    this.lookahead = lookahead;
    for (let h = 0; h < HEADING_COUNT; h++) {
      this.#cos[h] = Math.cos(h * HEADING_STEP);
      this.#sin[h] = Math.sin(h * HEADING_STEP);
    }
    for (let i = 0; i <= ARC_SINE_STEPS; i++) this.#arcSine[i] = Math.asin(Math.min(1, (i + 1) / ARC_SINE_STEPS));
  }

  /** Sweeps the observation's newest scan. Headings that the sensor does not watch are blocked. @realtime safe */
  sweep(o: Observation): void {
    const free = this.#free;
    const cos = this.#cos;
    const sin = this.#sin;
    const front = this.#front;
    const halfWidth = this.#halfWidth;
    const pointX = o.pointX;
    const pointY = o.pointY;
    const bearing = o.pointBearing;
    const reach = this.lookahead + front;
    const reachSquared = reach * reach + halfWidth * halfWidth;
    free.fill(this.lookahead);
    for (let i = 0; i < o.pointCount; i++) {
      const x = pointX[i];
      const y = pointY[i];
      const squared = x * x + y * y;
      if (squared > reachSquared) continue;
      const sine = halfWidth / Math.sqrt(squared);
      const spread = sine >= 1 ? Math.PI / 2 : this.#arcSine[(sine * ARC_SINE_STEPS) | 0];
      const last = Math.floor((bearing[i] + spread) / HEADING_STEP);
      for (let h = Math.ceil((bearing[i] - spread) / HEADING_STEP); h <= last; h++) {
        const slot = h < 0 ? h + HEADING_COUNT : h >= HEADING_COUNT ? h - HEADING_COUNT : h;
        const way = x * cos[slot] + y * sin[slot] - front;
        if (way < free[slot]) free[slot] = Math.max(0, way);
      }
    }
    if (o.arcLength < 2 * Math.PI - HEADING_STEP) this.#blockUnwatched(o);
  }

  #blockUnwatched(o: Observation): void {
    for (let h = 0; h < HEADING_COUNT; h++) {
      if (!inWatchedArc(o, o.mountX + this.#cos[h], o.mountY + this.#sin[h], 0)) this.#free[h] = 0;
    }
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
