/**
 * Casts all beams of a planar laser at once. A call per beam into a physics library costs about a microsecond; here
 * each obstacle touches only the beams of the angle that it covers, which comes to a few thousand multiplications for
 * a scan of 720 beams among 250 discs.
 *
 * Main or training thread; allocates in the constructor and in `setWorld`, nothing in `cast`.
 */
import { beamIncrement, firstBeamAngle, type LaserModel } from './robots.js';
import { BOX_STRIDE, CIRCLE_STRIDE, MOVER_STRIDE, type World } from './world.js';

/** Widens every covered angle [rad]; twenty times the error of `roughAtan2`. Beams in it are tested and miss. */
const ANGLE_MARGIN = 1e-3;
/** Numbers of one edge: from (x, y), to (x, y) [m], counter-clockwise around its box. */
const EDGE_STRIDE = 4;
const HALF_PI = Math.PI / 2;

export class Raycaster {
  readonly #beams: number;
  readonly #first: number;
  readonly #perRadian: number;
  /** Beams of a full turn; the step by which a covered interval repeats. */
  readonly #turn: number;
  readonly #rangeMax: number;
  readonly #rangeMin: number;
  /** Direction of each beam in the sensor frame. */
  readonly #ux: Float64Array;
  readonly #uy: Float64Array;
  /** Nearest hit of each beam so far [m]. */
  readonly #nearest: Float64Array;
  #circles = new Float64Array(0);
  #moversFrom = 0;
  #edges = new Float64Array(0);

  constructor(laser: LaserModel) {
    const increment = beamIncrement(laser);
    this.#beams = laser.beams;
    this.#first = firstBeamAngle(laser);
    this.#perRadian = 1 / increment;
    this.#turn = (2 * Math.PI) / increment;
    this.#rangeMin = laser.rangeMin;
    this.#rangeMax = laser.rangeMax;
    this.#ux = new Float64Array(laser.beams);
    this.#uy = new Float64Array(laser.beams);
    this.#nearest = new Float64Array(laser.beams);
    for (let i = 0; i < laser.beams; i++) {
      this.#ux[i] = Math.cos(this.#first + i * increment);
      this.#uy[i] = Math.sin(this.#first + i * increment);
    }
  }

  /** Takes a world's obstacles; movers stand at their end a until `placeMover`. @realtime unsafe (allocates) */
  setWorld(world: World): void {
    const fixed = world.circles.length;
    const movers = world.movers.length / MOVER_STRIDE;
    this.#moversFrom = fixed;
    this.#circles = new Float64Array(fixed + movers * CIRCLE_STRIDE);
    this.#circles.set(world.circles);
    for (let i = 0; i < movers; i++) {
      this.#circles[fixed + i * CIRCLE_STRIDE] = world.movers[i * MOVER_STRIDE];
      this.#circles[fixed + i * CIRCLE_STRIDE + 1] = world.movers[i * MOVER_STRIDE + 1];
      this.#circles[fixed + i * CIRCLE_STRIDE + 2] = world.movers[i * MOVER_STRIDE + 4];
    }
    const { boxes } = world;
    const count = boxes.length / BOX_STRIDE;
    this.#edges = new Float64Array(count * 4 * EDGE_STRIDE);
    for (let i = 0; i < count; i++) {
      for (let side = 0; side < 4; side++) {
        const at = (i * 4 + side) * EDGE_STRIDE;
        writeCorner(boxes, i * BOX_STRIDE, side, this.#edges, at);
        writeCorner(boxes, i * BOX_STRIDE, (side + 1) & 3, this.#edges, at + 2);
      }
    }
  }

  /** [m] @realtime safe */
  placeMover(index: number, x: number, y: number): void {
    const at = this.#moversFrom + index * CIRCLE_STRIDE;
    this.#circles[at] = x;
    this.#circles[at + 1] = y;
  }

  /**
   * Ranges seen from the sensor at (x, y, yaw) in the world frame [m, m, rad], into `out[0..beams-1]` [m]: +Infinity
   * at and beyond the sensor's reach, -Infinity below its least range (REP-117).
   *
   * @realtime safe
   */
  cast(x: number, y: number, yaw: number, out: Float32Array): void {
    const nearest = this.#nearest;
    const beams = this.#beams;
    const rangeMax = this.#rangeMax;
    nearest.fill(rangeMax);
    this.#castEdges(x, y, Math.cos(yaw), Math.sin(yaw));
    this.#castCircles(x, y, Math.cos(yaw), Math.sin(yaw));
    const rangeMin = this.#rangeMin;
    for (let i = 0; i < beams; i++) {
      const range = nearest[i];
      out[i] = range >= rangeMax ? Number.POSITIVE_INFINITY : range < rangeMin ? Number.NEGATIVE_INFINITY : range;
    }
  }

  #castCircles(x: number, y: number, cos: number, sin: number): void {
    const circles = this.#circles;
    const first = this.#first;
    const perRadian = this.#perRadian;
    const turn = this.#turn;
    const rangeMax = this.#rangeMax;
    const last = this.#beams - 1;
    for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
      const dx = circles[i] - x;
      const dy = circles[i + 1] - y;
      const radius = circles[i + 2];
      const squared = dx * dx + dy * dy;
      const distance = Math.sqrt(squared);
      const near = distance - radius;
      if (near >= rangeMax) continue;
      if (near <= 0) {
        this.#nearest.fill(0);
        return;
      }
      const px = cos * dx + sin * dy;
      const py = cos * dy - sin * dx;
      // asin(s) ≤ s + (π/2 - 1)·s³ on [0, 1]: all of its series' further coefficients add up to π/2 - 1.
      const ratio = radius / distance;
      const half = ratio + 0.57079633 * ratio * ratio * ratio + ANGLE_MARGIN;
      const middle = roughAtan2(py, px) - first;
      const low = Math.ceil((middle - half) * perRadian);
      const high = Math.floor((middle + half) * perRadian);
      const k = radius * radius - squared;
      this.#fillCircle(low, high, px, py, k, near);
      if (low < 0) this.#fillCircle(Math.floor(low + turn), Math.ceil(high + turn), px, py, k, near);
      if (high > last) this.#fillCircle(Math.floor(low - turn), Math.ceil(high - turn), px, py, k, near);
    }
  }

  #fillCircle(low: number, high: number, px: number, py: number, k: number, near: number): void {
    const nearest = this.#nearest;
    const ux = this.#ux;
    const uy = this.#uy;
    const end = high < this.#beams ? high : this.#beams - 1;
    for (let i = Math.max(low, 0); i <= end; i++) {
      if (nearest[i] <= near) continue;
      const along = px * ux[i] + py * uy[i];
      const inside = along * along + k;
      if (inside < 0 || along < 0) continue;
      const range = along - Math.sqrt(inside);
      if (range < nearest[i]) nearest[i] = range;
    }
  }

  #castEdges(x: number, y: number, cos: number, sin: number): void {
    const edges = this.#edges;
    const first = this.#first;
    const perRadian = this.#perRadian;
    const turn = this.#turn;
    const last = this.#beams - 1;
    for (let i = 0; i < edges.length; i += EDGE_STRIDE) {
      const dax = edges[i] - x;
      const day = edges[i + 1] - y;
      const dbx = edges[i + 2] - x;
      const dby = edges[i + 3] - y;
      // Edges run counter-clockwise around their box, so one seen from outside has its end clockwise of its start.
      if (dax * dby - day * dbx >= 0) continue;
      const ax = cos * dax + sin * day;
      const ay = cos * day - sin * dax;
      const bx = cos * dbx + sin * dby;
      const by = cos * dby - sin * dbx;
      const start = roughAtan2(by, bx);
      let stop = roughAtan2(ay, ax);
      if (stop < start) stop += 2 * Math.PI;
      const low = Math.ceil((start - ANGLE_MARGIN - first) * perRadian);
      const high = Math.floor((stop + ANGLE_MARGIN - first) * perRadian);
      this.#fillEdge(low, high, ax, ay, bx, by);
      if (low < 0) this.#fillEdge(Math.floor(low + turn), Math.ceil(high + turn), ax, ay, bx, by);
      if (high > last) this.#fillEdge(Math.floor(low - turn), Math.ceil(high - turn), ax, ay, bx, by);
    }
  }

  #fillEdge(low: number, high: number, ax: number, ay: number, bx: number, by: number): void {
    const nearest = this.#nearest;
    const ux = this.#ux;
    const uy = this.#uy;
    const nx = by - ay;
    const ny = ax - bx;
    const offset = nx * ax + ny * ay;
    const end = high < this.#beams ? high : this.#beams - 1;
    for (let i = Math.max(low, 0); i <= end; i++) {
      const x = ux[i];
      const y = uy[i];
      // The beam meets the edge where it has b on its right hand and a on its left, or passes through one of them.
      if (x * ay - y * ax < 0 || x * by - y * bx > 0) continue;
      const range = offset / (nx * x + ny * y);
      if (range >= 0 && range < nearest[i]) nearest[i] = range;
    }
  }
}

/** Corner `side` of a box, counter-clockwise from the one at (+length, -width). */
function writeCorner(boxes: Float64Array, offset: number, side: number, out: Float64Array, at: number): void {
  const hx = side === 0 || side === 1 ? boxes[offset + 2] : -boxes[offset + 2];
  const hy = side === 1 || side === 2 ? boxes[offset + 3] : -boxes[offset + 3];
  const cos = boxes[offset + 4];
  const sin = boxes[offset + 5];
  out[at] = boxes[offset] + cos * hx - sin * hy;
  out[at + 1] = boxes[offset + 1] + sin * hx + cos * hy;
}

/**
 * atan2 to within 5e-5 rad by Abramowitz and Stegun's polynomial 4.4.49 of the smaller side over the larger: exact
 * enough to choose beams, several times faster than Math.atan2, and plain arithmetic, hence the same on every machine.
 *
 * @realtime safe
 */
export function roughAtan2(y: number, x: number): number {
  const absX = x < 0 ? -x : x;
  const absY = y < 0 ? -y : y;
  const flip = absY > absX;
  const large = flip ? absY : absX;
  if (large === 0) return 0;
  const t = (flip ? absX : absY) / large;
  const q = t * t;
  let angle = t * (0.999866 + q * (-0.3302995 + q * (0.180141 + q * (-0.085133 + q * 0.0208351))));
  if (flip) angle = HALF_PI - angle;
  if (x < 0) angle = Math.PI - angle;
  return y < 0 ? -angle : angle;
}
