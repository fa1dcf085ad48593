/**
 * How long the robot has dwelt where. A rule without memory circles in a dead end for ever; ground it has spent time on
 * without arriving gets dearer, until the way round is the cheaper one. Normal driving leaves no trace that counts.
 *
 * Control thread, every cycle; one visit writes nine cells. Allocates nothing after construction.
 */

import type { Observation } from '../memory/observation.js';

/** Side of a cell [m]. */
const CELL = 0.25;
/** Cells along a side, a power of two: 16 m, after which the grid wraps and the older place gives way. */
const SIDE = 64;
/** What was dwelt on longer ago than this is forgotten [ns]. */
const MEMORY_NS = 60e9;
/** Added before truncation, which then rounds down for every place within 250 km of the origin. */
const FLOOR_OFFSET = 1e6;
/** Dwelling for less is passing through [s]: at 0.5 m/s a cell's neighbourhood takes 1.5 s. */
const PASSING_S = 1.5;

/** Coming back to a cell after so long is a return [ns], which counts as dwelling for so long [s]. */
const RETURN_NS = 2e9;
const REVISIT_S = 4;

export class VisitedGround {
  /** Somewhere the robot has dwelt longer than it takes to pass through, since `clear`. */
  active = false;
  readonly #seconds = new Float64Array(SIDE * SIDE);
  readonly #lastNs = new Float64Array(SIDE * SIDE);
  /** When the robot itself last stood there [ns]; 0 for never. */
  readonly #stoodNs = new Float64Array(SIDE * SIDE);
  readonly #column = new Int32Array(SIDE * SIDE);
  readonly #row = new Int32Array(SIDE * SIDE);
  #here = -1;
  /** What one cycle adds to the robot's own cell and to those around it [s]. */
  readonly #stayS: number;
  readonly #besideS: number;

  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /** @param stepS the cycle's period [s]; @param headingCount headings that `survey` looks along */
  constructor(stepS: number, headingCount: number) {
    this.#cos = Float64Array.from({ length: headingCount }, (_, h) => Math.cos((2 * Math.PI * h) / headingCount));
    this.#sin = Float64Array.from({ length: headingCount }, (_, h) => Math.sin((2 * Math.PI * h) / headingCount));
    this.#stayS = stepS;
    this.#besideS = 0.5 * stepS;
  }

  /** @realtime safe, though it walks the grid: call it for a new goal, not in every cycle */
  clear(): void {
    this.#seconds.fill(0);
    this.#stoodNs.fill(0);
    this.active = false;
  }

  /** Counts one cycle's stay at the robot's pose, and half of it on the cells around. @realtime safe */
  visit(o: Observation): void {
    const column = Math.floor(o.x / CELL);
    const row = Math.floor(o.y / CELL);
    const here = cellOf(column, row);
    let stayS = this.#stayS;
    let besideS = this.#besideS;
    if (here !== this.#here) {
      this.#here = here;
      const known = this.#column[here] === column && this.#row[here] === row && this.#stoodNs[here] > 0;
      if (known && o.nowNs - this.#stoodNs[here] > RETURN_NS) {
        stayS = REVISIT_S;
        besideS = 0.5 * REVISIT_S;
      }
    }
    for (let i = -1; i <= 1; i++) {
      for (let j = -1; j <= 1; j++) {
        const at = cellOf(column + i, row + j);
        if (this.#column[at] !== column + i || this.#row[at] !== row + j) {
          this.#column[at] = column + i;
          this.#row[at] = row + j;
          this.#seconds[at] = 0;
          this.#stoodNs[at] = 0;
        }
        const seconds = this.#seconds[at] + (i === 0 && j === 0 ? stayS : besideS);
        this.#seconds[at] = seconds;
        this.#lastNs[at] = o.nowNs;
        if (seconds > PASSING_S) this.active = true;
      }
    }
    this.#stoodNs[here] = o.nowNs;
  }

  /**
   * Time dwelt around the points that the headings lead to, beyond passing through, fading with its age.
   *
   * @param ahead free way along each heading of `base_link`, evenly spaced from +x counter-clockwise [m]
   * @param reach how far along a heading to look, at most [m]
   * @param out as many numbers [s], owned by the caller
   * @realtime safe
   */
  survey(o: Observation, ahead: Float64Array, reach: number, out: Float64Array): void {
    const cosYaw = Math.cos(o.yaw) / CELL;
    const sinYaw = Math.sin(o.yaw) / CELL;
    const originX = o.x / CELL + FLOOR_OFFSET;
    const originY = o.y / CELL + FLOOR_OFFSET;
    const cos = this.#cos;
    const sin = this.#sin;
    for (let h = 0; h < ahead.length; h++) {
      const way = Math.min(ahead[h], reach);
      const column = ((originX + way * (cosYaw * cos[h] - sinYaw * sin[h])) | 0) - FLOOR_OFFSET;
      const row = ((originY + way * (sinYaw * cos[h] + cosYaw * sin[h])) | 0) - FLOOR_OFFSET;
      const at = cellOf(column, row);
      out[h] = 0;
      if (this.#column[at] !== column || this.#row[at] !== row) continue;
      const fresh = 1 - (o.nowNs - this.#lastNs[at]) / MEMORY_NS;
      if (fresh > 0) out[h] = Math.max(0, this.#seconds[at] * fresh - PASSING_S);
    }
  }
}

function cellOf(column: number, row: number): number {
  return (column & (SIDE - 1)) * SIDE + (row & (SIDE - 1));
}
