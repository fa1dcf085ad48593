/**
 * What is close to the robot, in today's `base_link`: the near points of the newest scan, and those seen a moment ago
 * that have passed out of sight behind it. A sensor with a blind side would otherwise forget the post it is about to
 * turn its corner into.
 *
 * Control thread. `absorb` runs when a scan lands, `place` every cycle; owns its arrays, allocates nothing after
 * construction.
 */

import type { Observation } from '../memory/observation.js';
import { inWatchedArc } from './watched-arc.js';

/** Points remembered out of sight; the oldest give way. */
const MEMORY_CAPACITY = 256;
/** Two points nearer than this are one [m]. */
const SAME_POINT = 0.03;
/** What is out of sight is believed for this long [ns]: the robot crosses its own length many times over. */
const MEMORY_NS = 20e9;
/** Points this close to the border of the watched arc are still remembered: the robot turns between two scans [rad]. */
const BORDER = 0.05;

export class NearbyPoints {
  /** In `base_link` [m]; `count` of them, valid after `place`. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  count = 0;
  /** Those out of sight of the newest scan, in its frame [m]; `hiddenCount` of them, valid after `absorb`. */
  readonly hiddenX = new Float64Array(MEMORY_CAPACITY);
  readonly hiddenY = new Float64Array(MEMORY_CAPACITY);
  hiddenCount = 0;
  readonly #radius: number;
  readonly #scanX: Float64Array;
  readonly #scanY: Float64Array;
  #scanCount = 0;
  /** Remembered points in `odom` [m] and when each was seen [ns]. */
  readonly #rememberedX = new Float64Array(MEMORY_CAPACITY);
  readonly #rememberedY = new Float64Array(MEMORY_CAPACITY);
  readonly #seenNs = new Float64Array(MEMORY_CAPACITY);
  #rememberedCount = 0;

  /** @param radius points farther than this from `base_link` play no part [m] */
  constructor(maxBeams: number, radius: number) {
    this.#radius = radius;
    this.#scanX = new Float64Array(maxBeams);
    this.#scanY = new Float64Array(maxBeams);
    this.x = new Float64Array(maxBeams + MEMORY_CAPACITY);
    this.y = new Float64Array(maxBeams + MEMORY_CAPACITY);
  }

  /** Forgets everything: the robot was put down somewhere else. @realtime safe */
  clear(): void {
    this.#scanCount = 0;
    this.#rememberedCount = 0;
    this.hiddenCount = 0;
    this.count = 0;
  }

  /** Takes the near points of the observation's newest scan. @realtime safe */
  absorb(o: Observation): void {
    const limit = this.#radius * this.#radius;
    let n = 0;
    for (let i = 0; i < o.pointCount; i++) {
      const x = o.pointX[i];
      const y = o.pointY[i];
      if (x * x + y * y > limit) continue;
      this.#scanX[n] = x;
      this.#scanY[n] = y;
      n++;
    }
    this.#scanCount = n;
    const blindSide = o.arcLength < 2 * Math.PI - 2 * BORDER;
    if (blindSide || this.#rememberedCount > 0) this.#forget(o);
    this.#hide(o);
    if (blindSide) this.#rememberBorder(o);
  }

  /** Remembers one point that no range sensor saw, such as a contact; in `base_link` [m]. @realtime safe */
  remember(o: Observation, x: number, y: number): void {
    const cos = Math.cos(o.yaw);
    const sin = Math.sin(o.yaw);
    this.#store(o, o.x + x * cos - y * sin, o.y + x * sin + y * cos);
  }

  /** Places all points in today's `base_link`, into `x`, `y`, `count`. @realtime safe */
  place(o: Observation): void {
    const cos = Math.cos(o.yaw);
    const sin = Math.sin(o.yaw);
    // From the scan's frame: turned by the difference of the headings, moved by that of the places.
    const turn = o.scanYaw - o.yaw;
    const cosTurn = Math.cos(turn);
    const sinTurn = Math.sin(turn);
    const dx = o.scanX - o.x;
    const dy = o.scanY - o.y;
    const forward = dx * cos + dy * sin;
    const left = dy * cos - dx * sin;
    let n = 0;
    for (let i = 0; i < this.#scanCount; i++) {
      const x = this.#scanX[i];
      const y = this.#scanY[i];
      this.x[n] = forward + x * cosTurn - y * sinTurn;
      this.y[n] = left + x * sinTurn + y * cosTurn;
      n++;
    }
    const limit = this.#radius * this.#radius;
    for (let i = 0; i < this.#rememberedCount; i++) {
      const rx = this.#rememberedX[i] - o.x;
      const ry = this.#rememberedY[i] - o.y;
      if (rx * rx + ry * ry > limit) continue;
      this.x[n] = rx * cos + ry * sin;
      this.y[n] = ry * cos - rx * sin;
      n++;
    }
    this.count = n;
  }

  /** Drops what is too old, too far, or in sight again: of that the new scan knows better. */
  #forget(o: Observation): void {
    const limit = 4 * this.#radius * this.#radius;
    const cos = Math.cos(o.scanYaw);
    const sin = Math.sin(o.scanYaw);
    let kept = 0;
    for (let i = 0; i < this.#rememberedCount; i++) {
      const rx = this.#rememberedX[i] - o.scanX;
      const ry = this.#rememberedY[i] - o.scanY;
      if (o.nowNs - this.#seenNs[i] > MEMORY_NS || rx * rx + ry * ry > limit) continue;
      if (inWatchedArc(o, rx * cos + ry * sin, ry * cos - rx * sin, BORDER)) continue;
      this.#rememberedX[kept] = this.#rememberedX[i];
      this.#rememberedY[kept] = this.#rememberedY[i];
      this.#seenNs[kept] = this.#seenNs[i];
      kept++;
    }
    this.#rememberedCount = kept;
  }

  #hide(o: Observation): void {
    const cos = Math.cos(o.scanYaw);
    const sin = Math.sin(o.scanYaw);
    for (let i = 0; i < this.#rememberedCount; i++) {
      const rx = this.#rememberedX[i] - o.scanX;
      const ry = this.#rememberedY[i] - o.scanY;
      this.hiddenX[i] = rx * cos + ry * sin;
      this.hiddenY[i] = ry * cos - rx * sin;
    }
    this.hiddenCount = this.#rememberedCount;
  }

  /** Every near point of the scan may be out of sight in the next one: those that are, `#forget` keeps. */
  #rememberBorder(o: Observation): void {
    const cos = Math.cos(o.scanYaw);
    const sin = Math.sin(o.scanYaw);
    for (let i = 0; i < this.#scanCount; i++) {
      const x = this.#scanX[i];
      const y = this.#scanY[i];
      if (inWatchedArc(o, x, y, 4 * BORDER)) continue;
      this.#store(o, o.scanX + x * cos - y * sin, o.scanY + x * sin + y * cos);
    }
  }

  #store(o: Observation, x: number, y: number): void {
    let oldest = 0;
    for (let i = 0; i < this.#rememberedCount; i++) {
      if (Math.abs(this.#rememberedX[i] - x) < SAME_POINT && Math.abs(this.#rememberedY[i] - y) < SAME_POINT) {
        this.#seenNs[i] = o.nowNs;
        return;
      }
      if (this.#seenNs[i] < this.#seenNs[oldest]) oldest = i;
    }
    const at = this.#rememberedCount < MEMORY_CAPACITY ? this.#rememberedCount++ : oldest;
    this.#rememberedX[at] = x;
    this.#rememberedY[at] = y;
    this.#seenNs[at] = o.nowNs;
  }
}
