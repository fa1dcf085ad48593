/**
 * Round things that move: people's legs, carts, other robots. Each scan is cut where neighbouring points part; a short
 * run of points that lies on a circle (Kåsa 1976) is followed from scan to scan by an α-β filter. What is seen often
 * enough, keeps its size and moves is an obstacle with a velocity; all else stays what it is, points that stand.
 *
 * Control thread. `track` runs when a scan lands, `place` every cycle; owns its arrays,
 * allocates nothing after construction.
 */

import type { Observation } from '../memory/observation.js';
import { inWatchedArc } from './watched-arc.js';

/** Tracks that are kept; further runs of points are not followed. */
const CAPACITY = 32;
/** Neighbouring points farther apart belong to different things [m]. */
const PART = 0.15;
/** Runs of fewer points say nothing about a circle. */
const MIN_POINTS = 6;
/** Things farther away are left alone [m]. */
const REACH = 6;
/** Radii of what can be a mover [m]. */
const MIN_RADIUS = 0.08;
const MAX_RADIUS = 0.6;
/** Points lie on the circle this well, root mean square [m]. */
const MAX_RESIDUAL = 0.025;
/** A circle this far from where a track expects it is another thing [m], and so is one this much larger. */
const GATE = 0.35;
const RADIUS_GATE = 0.12;
/** Gains of the filter: place, velocity (per scan), radius. */
const ALPHA = 0.3;
const BETA = 0.05;
/** Seen this often, a track is believed … */
const MIN_SIGHTINGS = 12;
/** … if it moves at least this fast [m/s] and no faster than anyone walks. */
const MIN_SPEED = 0.15;
const MAX_SPEED = 2;
/** Out of sight a track goes on as it went for this long [ns], in sight it has to be seen again within this. */
const HIDDEN_NS = 1.5e9;
const MISSING_NS = 0.3e9;

export class MovingObstacles {
  /** Centres in `base_link` [m], velocities over ground in its axes [m/s], radii [m]; `count` of them, after `place`. */
  readonly x = new Float64Array(CAPACITY);
  readonly y = new Float64Array(CAPACITY);
  readonly vx = new Float64Array(CAPACITY);
  readonly vy = new Float64Array(CAPACITY);
  readonly radius = new Float64Array(CAPACITY);
  count = 0;
  /** Tracks, in `odom`. */
  readonly #x = new Float64Array(CAPACITY);
  readonly #y = new Float64Array(CAPACITY);
  readonly #vx = new Float64Array(CAPACITY);
  readonly #vy = new Float64Array(CAPACITY);
  readonly #radius = new Float64Array(CAPACITY);
  readonly #seenNs = new Float64Array(CAPACITY);
  readonly #atNs = new Float64Array(CAPACITY);
  readonly #sightings = new Int32Array(CAPACITY);
  #tracks = 0;
  /** The circle that `#fit` found, in the scan's frame [m]. */
  #fitX = 0;
  #fitY = 0;
  #fitRadius = 0;

  /** @realtime safe */
  clear(): void {
    this.#tracks = 0;
    this.count = 0;
  }

  /** Follows what the newest scan shows. @realtime safe */
  track(o: Observation): void {
    this.#predict(o);
    const xs = o.pointX;
    const ys = o.pointY;
    let start = 0;
    for (let i = 1; i <= o.pointCount; i++) {
      if (i < o.pointCount) {
        const dx = xs[i] - xs[i - 1];
        const dy = ys[i] - ys[i - 1];
        if (dx * dx + dy * dy < PART * PART) continue;
      }
      if (i - start >= MIN_POINTS && this.#fit(o, start, i)) this.#associate(o);
      start = i;
    }
    this.#drop(o);
  }

  /** Where the believed tracks are now, in today's `base_link`. @realtime safe */
  place(o: Observation): void {
    const cos = Math.cos(o.yaw);
    const sin = Math.sin(o.yaw);
    let n = 0;
    for (let i = 0; i < this.#tracks; i++) {
      if (this.#sightings[i] < MIN_SIGHTINGS) continue;
      const speedSquared = this.#vx[i] * this.#vx[i] + this.#vy[i] * this.#vy[i];
      if (speedSquared < MIN_SPEED * MIN_SPEED || speedSquared > MAX_SPEED * MAX_SPEED) continue;
      const age = (o.nowNs - this.#atNs[i]) * 1e-9;
      const dx = this.#x[i] + this.#vx[i] * age - o.x;
      const dy = this.#y[i] + this.#vy[i] * age - o.y;
      this.x[n] = dx * cos + dy * sin;
      this.y[n] = dy * cos - dx * sin;
      this.vx[n] = this.#vx[i] * cos + this.#vy[i] * sin;
      this.vy[n] = this.#vy[i] * cos - this.#vx[i] * sin;
      this.radius[n] = this.#radius[i];
      n++;
    }
    this.count = n;
  }

  #predict(o: Observation): void {
    for (let i = 0; i < this.#tracks; i++) {
      const seconds = (o.nowNs - this.#atNs[i]) * 1e-9;
      this.#x[i] += this.#vx[i] * seconds;
      this.#y[i] += this.#vy[i] * seconds;
      this.#atNs[i] = o.nowNs;
    }
  }

  /** Fits a circle to points `start` … `end - 1`. @returns whether they lie on one of a mover's size */
  #fit(o: Observation, start: number, end: number): boolean {
    const xs = o.pointX;
    const ys = o.pointY;
    const first = xs[start] * xs[start] + ys[start] * ys[start];
    const chordX = xs[end - 1] - xs[start];
    const chordY = ys[end - 1] - ys[start];
    if (first > REACH * REACH) return false;
    if (chordX * chordX + chordY * chordY > 4 * MAX_RADIUS * MAX_RADIUS) return false;
    const n = end - start;
    let meanX = 0;
    let meanY = 0;
    for (let i = start; i < end; i++) {
      meanX += xs[i];
      meanY += ys[i];
    }
    meanX /= n;
    meanY /= n;
    let suu = 0;
    let suv = 0;
    let svv = 0;
    let su = 0;
    let sv = 0;
    for (let i = start; i < end; i++) {
      const u = xs[i] - meanX;
      const v = ys[i] - meanY;
      const q = u * u + v * v;
      suu += u * u;
      suv += u * v;
      svv += v * v;
      su += u * q;
      sv += v * q;
    }
    const determinant = suu * svv - suv * suv;
    if (determinant < 1e-12) return false;
    const u = (0.5 * (su * svv - sv * suv)) / determinant;
    const v = (0.5 * (sv * suu - su * suv)) / determinant;
    const radius = Math.sqrt(u * u + v * v + (suu + svv) / n);
    if (radius < MIN_RADIUS || radius > MAX_RADIUS) return false;
    const x = meanX + u;
    const y = meanY + v;
    // The sensor sees the near side: a hollow that is round is a corner of something else.
    if (x * x + y * y < meanX * meanX + meanY * meanY) return false;
    let residual = 0;
    for (let i = start; i < end; i++) {
      const dx = xs[i] - x;
      const dy = ys[i] - y;
      const off = Math.sqrt(dx * dx + dy * dy) - radius;
      residual += off * off;
    }
    if (residual > n * MAX_RESIDUAL * MAX_RESIDUAL) return false;
    this.#fitX = x;
    this.#fitY = y;
    this.#fitRadius = radius;
    return true;
  }

  /** Gives the circle found to the track it belongs to, or to a new one. */
  #associate(o: Observation): void {
    const cos = Math.cos(o.scanYaw);
    const sin = Math.sin(o.scanYaw);
    const x = o.scanX + this.#fitX * cos - this.#fitY * sin;
    const y = o.scanY + this.#fitX * sin + this.#fitY * cos;
    let best = -1;
    let bestSquared = GATE * GATE;
    for (let i = 0; i < this.#tracks; i++) {
      if (this.#seenNs[i] === o.nowNs) continue;
      if (Math.abs(this.#radius[i] - this.#fitRadius) > RADIUS_GATE) continue;
      const dx = x - this.#x[i];
      const dy = y - this.#y[i];
      if (dx * dx + dy * dy >= bestSquared) continue;
      bestSquared = dx * dx + dy * dy;
      best = i;
    }
    if (best < 0) {
      if (this.#tracks === CAPACITY) return;
      best = this.#tracks++;
      this.#x[best] = x;
      this.#y[best] = y;
      this.#vx[best] = 0;
      this.#vy[best] = 0;
      this.#radius[best] = this.#fitRadius;
      this.#sightings[best] = 1;
    } else {
      const seconds = Math.max(1e-3, (o.nowNs - this.#seenNs[best]) * 1e-9);
      const dx = x - this.#x[best];
      const dy = y - this.#y[best];
      this.#x[best] += ALPHA * dx;
      this.#y[best] += ALPHA * dy;
      this.#vx[best] += (BETA * dx) / seconds;
      this.#vy[best] += (BETA * dy) / seconds;
      this.#radius[best] += ALPHA * (this.#fitRadius - this.#radius[best]);
      this.#sightings[best]++;
    }
    this.#seenNs[best] = o.nowNs;
    this.#atNs[best] = o.nowNs;
  }

  /** Drops tracks that should have been seen, or have been out of sight too long. */
  #drop(o: Observation): void {
    const cos = Math.cos(o.scanYaw);
    const sin = Math.sin(o.scanYaw);
    let kept = 0;
    for (let i = 0; i < this.#tracks; i++) {
      const dx = this.#x[i] - o.scanX;
      const dy = this.#y[i] - o.scanY;
      const seen = inWatchedArc(o, dx * cos + dy * sin, dy * cos - dx * sin, 0.1);
      if (o.nowNs - this.#seenNs[i] > (seen ? MISSING_NS : HIDDEN_NS)) continue;
      this.#x[kept] = this.#x[i];
      this.#y[kept] = this.#y[i];
      this.#vx[kept] = this.#vx[i];
      this.#vy[kept] = this.#vy[i];
      this.#radius[kept] = this.#radius[i];
      this.#seenNs[kept] = this.#seenNs[i];
      this.#atNs[kept] = this.#atNs[i];
      this.#sightings[kept] = this.#sightings[i];
      kept++;
    }
    this.#tracks = kept;
  }
}
