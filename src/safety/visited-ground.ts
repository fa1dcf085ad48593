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
/** Dwelling for less is passing through [s]: at 0.5 m/s a cell's neighbourhood takes 1.5 s. */
export const PASSING_S = 1.5;

export class VisitedGround {
  /** Somewhere the robot has dwelt longer than `PASSING_S` since `clear`. */
  active = false;
  readonly #seconds = new Float64Array(SIDE * SIDE);
  readonly #lastNs = new Float64Array(SIDE * SIDE);
  readonly #column = new Int32Array(SIDE * SIDE);
  readonly #row = new Int32Array(SIDE * SIDE);

  /** @realtime safe, though it walks the grid: call it for a new goal, not in every cycle */
  clear(): void {
    this.#seconds.fill(0);
    this.active = false;
  }

  /** Counts a stay of `stepS` [s] at the robot's pose, and half of it on the cells around. @realtime safe */
  visit(o: Observation, stepS: number, nowNs: number): void {
    const column = Math.floor(o.x / CELL);
    const row = Math.floor(o.y / CELL);
    for (let i = -1; i <= 1; i++) {
      for (let j = -1; j <= 1; j++) this.#add(column + i, row + j, i === 0 && j === 0 ? stepS : 0.5 * stepS, nowNs);
    }
  }

  /** Time dwelt around a point of `odom` beyond passing through, fading with its age [s]. @realtime safe */
  dwelt(x: number, y: number, nowNs: number): number {
    const column = Math.floor(x / CELL);
    const row = Math.floor(y / CELL);
    const at = cellOf(column, row);
    if (this.#column[at] !== column || this.#row[at] !== row) return 0;
    const fresh = 1 - (nowNs - this.#lastNs[at]) / MEMORY_NS;
    return fresh > 0 ? Math.max(0, this.#seconds[at] * fresh - PASSING_S) : 0;
  }

  #add(column: number, row: number, seconds: number, nowNs: number): void {
    const at = cellOf(column, row);
    if (this.#column[at] !== column || this.#row[at] !== row) {
      this.#column[at] = column;
      this.#row[at] = row;
      this.#seconds[at] = 0;
    }
    this.#seconds[at] += seconds;
    this.#lastNs[at] = nowNs;
    if (this.#seconds[at] > PASSING_S) this.active = true;
  }
}

function cellOf(column: number, row: number): number {
  return (column & (SIDE - 1)) * SIDE + (row & (SIDE - 1));
}
