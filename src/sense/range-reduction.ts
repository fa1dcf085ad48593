/**
 * One pass over a scan: beams become points in `base_link` and the nearest obstacle of each 45° sector.
 *
 * Control thread; runs when a scan lands; some microseconds for 720 beams; writes the scan part of `Observation`.
 * Allocates nothing after construction.
 */

import { wrapAngle } from '../core/angles.js';
import { RangesField } from '../memory/layout.js';
import { type Observation, SECTOR_COUNT } from '../memory/observation.js';

const TWO_PI = 2 * Math.PI;
const SECTOR_ARC = TWO_PI / SECTOR_COUNT;
/** A sector of which less than this is watched by working beams is blind. A 270° sensor watches half of two sectors. */
const WATCHED_FRACTION = 0.4;
/**
 * Failed beams side by side over more than this are a hole in the sight, and stand as an obstacle [rad]. Narrower ones
 * are bridged: at 3 m a hole of 3° hides nothing wider than a hand.
 */
const HOLE_ARC = (3 * Math.PI) / 180;

export class RangeReduction {
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #angle: Float64Array;
  readonly #sector: Uint8Array;
  /** Beams by sector, and of them those that worked. */
  readonly #beams = new Float64Array(SECTOR_COUNT);
  readonly #watched = new Float64Array(SECTOR_COUNT);
  readonly #holeRange: number;
  #count = 0;
  #angleMin = Number.NaN;
  #angleIncrement = Number.NaN;
  #mountYaw = Number.NaN;

  /** @param holeRange where a hole in the sight stands as an obstacle, from the sensor [m] */
  constructor(maxBeams: number, holeRange: number) {
    this.#cos = new Float64Array(maxBeams);
    this.#sin = new Float64Array(maxBeams);
    this.#angle = new Float64Array(maxBeams);
    this.#sector = new Uint8Array(maxBeams);
    this.#holeRange = holeRange;
  }

  /**
   * @param beams readings [m]; NaN failed, -Infinity too near
   * @param scan the slot's doubles, by `RangesField`
   * @param out its scan part is overwritten, dates and pose excepted
   * @realtime safe
   */
  reduce(beams: Float32Array, scan: Float64Array, out: Observation): void {
    const count = scan[RangesField.count];
    const angleMin = scan[RangesField.angleMin];
    const angleIncrement = scan[RangesField.angleIncrement];
    const rangeMin = scan[RangesField.rangeMin];
    const rangeMax = scan[RangesField.rangeMax];
    const mountX = scan[RangesField.mountX];
    const mountY = scan[RangesField.mountY];
    const mountYaw = scan[RangesField.mountYaw];
    if (
      count !== this.#count ||
      angleMin !== this.#angleMin ||
      angleIncrement !== this.#angleIncrement ||
      mountYaw !== this.#mountYaw
    ) {
      this.#tabulate(count, angleMin, angleIncrement, mountYaw);
    }
    const cos = this.#cos;
    const sin = this.#sin;
    const angles = this.#angle;
    const sectors = this.#sector;
    const watched = this.#watched;
    const sectorRange = out.sectorRange;
    const pointX = out.pointX;
    const pointY = out.pointY;
    const pointBearing = out.pointBearing;
    out.mountX = mountX;
    out.mountY = mountY;
    const centred = mountX === 0 && mountY === 0;
    for (let k = 0; k < SECTOR_COUNT; k++) watched[k] = this.#beams[k];
    sectorRange.fill(rangeMax);
    let points = 0;
    let holeStart = -1;
    /** Beams that failed at the very start: in a full circle they border on those at the end. */
    let leadingHole = 0;
    for (let i = 0; i < count; i++) {
      let range = beams[i];
      if (!(range >= rangeMin)) {
        if (range === Number.NEGATIVE_INFINITY) range = rangeMin;
        else {
          if (holeStart < 0) holeStart = i;
          watched[sectors[i]]--;
          continue;
        }
      }
      if (holeStart >= 0) {
        if (holeStart === 0) leadingHole = i;
        points = this.#fillHole(holeStart, i, out, points);
        holeStart = -1;
      }
      if (range >= rangeMax) continue;
      const x = mountX + range * cos[i];
      const y = mountY + range * sin[i];
      pointX[points] = x;
      pointY[points] = y;
      if (centred) {
        pointBearing[points] = angles[i];
        const sector = sectors[i];
        if (range < sectorRange[sector]) sectorRange[sector] = range;
      } else {
        pointBearing[points] = Math.atan2(y, x);
        const sector = sectorOf(x, y);
        const distance = Math.sqrt(x * x + y * y);
        if (distance < sectorRange[sector]) sectorRange[sector] = distance;
      }
      points++;
    }
    if (holeStart >= 0) points = this.#fillHole(holeStart, count, out, points);
    if (holeStart > 0 && leadingHole > 0 && Math.abs(angleIncrement) * (count + 1) >= TWO_PI) {
      points = this.#fillSeam(holeStart, leadingHole, out, points);
    }
    const step = Math.abs(angleIncrement);
    let valid = 0;
    for (let k = 0; k < SECTOR_COUNT; k++) {
      if (watched[k] * step >= WATCHED_FRACTION * SECTOR_ARC) valid |= 1 << k;
    }
    out.pointCount = points;
    out.sectorValid = valid;
    out.rangeMax = rangeMax;
    out.arcStart = wrapAngle(mountYaw + (angleIncrement > 0 ? angleMin : angleMin + angleIncrement * (count - 1)));
    out.arcLength = Math.min(TWO_PI, step * count);
  }

  /** @returns the number of points after those that stand for the hole */
  #fillHole(from: number, to: number, out: Observation, points: number): number {
    if ((to - from) * Math.abs(this.#angleIncrement) <= HOLE_ARC) return points;
    let n = points;
    for (let i = from; i < to; i++) n = this.#standIn(i, out, n);
    return n;
  }

  /** A hole that lies across the seam of a full circle, of which neither half counted on its own. */
  #fillSeam(from: number, leading: number, out: Observation, points: number): number {
    const count = this.#count;
    const step = Math.abs(this.#angleIncrement);
    if ((count - from) * step > HOLE_ARC || leading * step > HOLE_ARC) return points;
    if ((count - from + leading) * step <= HOLE_ARC) return points;
    let n = points;
    for (let k = 0; k < count - from + leading; k++) n = this.#standIn((from + k) % count, out, n);
    return n;
  }

  /** An obstacle where a beam saw nothing. @returns the number of points after it */
  #standIn(beam: number, out: Observation, points: number): number {
    const x = out.mountX + this.#holeRange * this.#cos[beam];
    const y = out.mountY + this.#holeRange * this.#sin[beam];
    out.pointX[points] = x;
    out.pointY[points] = y;
    out.pointBearing[points] = Math.atan2(y, x);
    return points + 1;
  }

  /** Runs when the sensor's geometry changes: at the first scan, and never again for most sensors. */
  #tabulate(count: number, angleMin: number, angleIncrement: number, mountYaw: number): void {
    for (let i = 0; i < count; i++) {
      const angle = wrapAngle(mountYaw + angleMin + i * angleIncrement);
      this.#angle[i] = angle;
      this.#cos[i] = Math.cos(angle);
      this.#sin[i] = Math.sin(angle);
      this.#sector[i] = sectorOf(this.#cos[i], this.#sin[i]);
    }
    this.#beams.fill(0);
    for (let i = 0; i < count; i++) this.#beams[this.#sector[i]]++;
    this.#count = count;
    this.#angleMin = angleMin;
    this.#angleIncrement = angleIncrement;
    this.#mountYaw = mountYaw;
  }
}

const COS_HALF_SECTOR = Math.cos(SECTOR_ARC / 2);
const SIN_HALF_SECTOR = Math.sin(SECTOR_ARC / 2);

/** The 45° sector that a point of `base_link` lies in, without an arc tangent. @realtime safe */
export function sectorOf(x: number, y: number): number {
  // Turned by half a sector, the borders lie on the axes and the diagonals.
  const u = x * COS_HALF_SECTOR - y * SIN_HALF_SECTOR;
  const v = x * SIN_HALF_SECTOR + y * COS_HALF_SECTOR;
  if (v >= 0) {
    if (u > 0) return v < u ? 0 : 1;
    return v > -u ? 2 : 3;
  }
  if (u < 0) return v > u ? 4 : 5;
  return -v > u ? 6 : 7;
}
