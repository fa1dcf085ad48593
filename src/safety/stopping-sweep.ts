/**
 * Would this twist, braked to a standstill, keep the outline and its margin clear of everything nearby? The question of the
 * stopping distance, asked of the way that the robot would really take (`stopping-path.ts`): braked with the next cycle, and
 * as well when the reaction time is over.
 *
 * A point that is inside the margin already must only not come closer: the robot may always leave.
 *
 * Control thread, once a cycle where the way is free, a dozen times where it is not; its cost goes with the points nearby. Allocates
 * nothing.
 */

import type { Observation } from '../memory/observation.js';
import type { CoveredGround } from './covered-ground.js';
import { circumscribedRadius, distanceToOutline, type Footprint } from './footprint.js';
import type { MovingObstacles } from './moving-obstacles.js';
import type { NearbyPoints } from './nearby-points.js';
import { StoppingPath } from './stopping-path.js';
import type { MotionLimits } from './twist-limiter.js';
import { inWatchedArc } from './watched-arc.js';

/** Rounding is no approach [m]. */
const TOLERANCE = 1e-4;

/** What `judge` answers. */
export const Verdict = { clear: 0, obstacle: 1, unseenGround: 2 } as const;

/** What is around the robot, placed in today's `base_link`. */
export interface Surroundings {
  readonly points: NearbyPoints;
  readonly moving: MovingObstacles;
  readonly covered: CoveredGround;
}

/** A twist that may be sent, and how the robot would stop after it. */
export interface StoppableTwist {
  /** As far as it cannot help rising before it is braked [m/s, m/s, rad/s]. */
  readonly peakVx: number;
  readonly peakVy: number;
  readonly peakYawRate: number;
  /** Writes the way to a standstill where it is held for the path's `holdS` first. */
  writeStopping(path: StoppingPath): void;
}

export class StoppingSweep {
  readonly #halfLength: number;
  readonly #halfWidth: number;
  readonly #radius: number;
  readonly #margin: number;
  /** What a braking axis is sure to have [m/s²], and the time in which it comes up [s]. */
  readonly #acceleration: number;
  readonly #rampS: number;
  readonly #stepS: number;
  readonly #reactionS: number;
  readonly #limits: MotionLimits;
  readonly #path: StoppingPath;

  /**
   * @param stepS the cycle's period [s]: braking begins with the next cycle at the soonest
   * @param reactionS … and after so long at the latest [s]
   */
  constructor(footprint: Footprint, limits: MotionLimits, margin: number, stepS: number, reactionS: number) {
    this.#halfLength = footprint.length / 2;
    this.#halfWidth = footprint.width / 2;
    this.#radius = circumscribedRadius(footprint);
    this.#margin = margin;
    this.#acceleration = limits.maxAcceleration * (limits.omnidirectional ? Math.SQRT1_2 : 1);
    this.#rampS = limits.maxAcceleration / limits.maxJerk;
    this.#stepS = stepS;
    this.#reactionS = reactionS;
    this.#limits = limits;
    this.#path = new StoppingPath(this.#radius);
  }

  /** How far the robot moves from here to a standstill, on a straight way [m]. @realtime safe */
  stoppingDistance(speed: number): number {
    return speed * (this.#reactionS + this.#brakingSpan(speed, 0));
  }

  /**
   * What no way to a standstill is longer than [m]: all that comes round is counted as if it came after the reaction time.
   *
   * @param speed the highest on it [m/s]; `yawRate` likewise [rad/s]
   * @realtime safe
   */
  longestWay(speed: number, yawRate: number): number {
    return speed * (this.#reactionS + this.#rampS + 2 * this.#brakingSpan(speed, yawRate));
  }

  /** How long a twist would go on at full strength to cover its braking [s]; `speed` [m/s], `yawRate` [rad/s]. */
  #brakingSpan(speed: number, yawRate: number): number {
    const l = this.#limits;
    const straight = speed / this.#acceleration + this.#rampS;
    const turning = Math.abs(yawRate) / l.maxYawAcceleration + l.maxYawAcceleration / l.maxYawJerk;
    return 0.5 * Math.max(speed > 0 ? straight : 0, yawRate !== 0 ? turning : 0);
  }

  /**
   * @returns a `Verdict`
   * @realtime safe
   */
  judge(o: Observation, near: Surroundings, twist: StoppableTwist): number {
    const { peakVx: vx, peakVy: vy, peakYawRate: yawRate } = twist;
    const speed = Math.sqrt(vx * vx + vy * vy);
    if (speed === 0 && yawRate === 0) return Verdict.clear;
    const unseen = this.#leavesSight(o, vx, vy);
    if (!unseen && !this.#anyWithin(near, speed, yawRate)) return Verdict.clear;
    const path = this.#path;
    path.holdS = this.#reactionS;
    twist.writeStopping(path);
    const late = this.#follow(o, near, unseen);
    if (late !== Verdict.clear || this.#stepS >= this.#reactionS) return late;
    path.holdS = this.#stepS;
    twist.writeStopping(path);
    return this.#follow(o, near, unseen);
  }

  /** @returns the `Verdict` on the way that was written last; `unseen`: it begins where no beam looks */
  #follow(o: Observation, near: Surroundings, unseen: boolean): number {
    if (!this.#keepsClear(this.#path, near)) return Verdict.obstacle;
    if (unseen && !this.#onCoveredGround(o, near.covered, this.#path)) return Verdict.unseenGround;
    return Verdict.clear;
  }

  /** Whether anything is so near that the way to a standstill may meet it. */
  #anyWithin({ points, moving }: Surroundings, speed: number, yawRate: number): boolean {
    if (moving.count > 0) return true;
    const reach = this.longestWay(speed, yawRate) + this.#radius + this.#margin;
    const reachSquared = reach * reach;
    const { x, y, count } = points;
    for (let i = 0; i < count; i++) if (x[i] * x[i] + y[i] * y[i] <= reachSquared) return true;
    return false;
  }

  /** Whether the outline and its margin meet nothing on a way. A way that is too long to be judged is not clear. */
  #keepsClear(path: StoppingPath, { points, moving }: Surroundings): boolean {
    if (path.tooLong) return false;
    const { count: places, x: stepX, y: stepY, cos, sin, seconds } = path;
    const halfLength = this.#halfLength;
    const halfWidth = this.#halfWidth;
    const margin = this.#margin;
    const outerLength = halfLength + margin;
    const outerWidth = halfWidth + margin;
    const reach = path.length + this.#radius + margin;
    const reachSquared = reach * reach;
    const xs = points.x;
    const ys = points.y;
    for (let i = 0; i < points.count; i++) {
      let x = xs[i];
      let y = ys[i];
      if (x * x + y * y > reachSquared) continue;
      const allowed = Math.min(margin, distanceToOutline(x, y, halfLength, halfWidth)) - TOLERANCE;
      for (let k = 0; k < places; k++) {
        // The robot moves by a step: the point moves by its inverse.
        const dx = x - stepX[k];
        const dy = y - stepY[k];
        x = dx * cos[k] + dy * sin[k];
        y = dy * cos[k] - dx * sin[k];
        if (x > outerLength || x < -outerLength || y > outerWidth || y < -outerWidth) continue;
        if (distanceToOutline(x, y, halfLength, halfWidth) < allowed) return false;
      }
    }
    for (let i = 0; i < moving.count; i++) {
      let x = moving.x[i];
      let y = moving.y[i];
      let ux = moving.vx[i];
      let uy = moving.vy[i];
      const near = margin + moving.radius[i];
      const allowed = Math.min(near, distanceToOutline(x, y, halfLength, halfWidth)) - TOLERANCE;
      for (let k = 0; k < places; k++) {
        const dx = x + ux * seconds[k] - stepX[k];
        const dy = y + uy * seconds[k] - stepY[k];
        x = dx * cos[k] + dy * sin[k];
        y = dy * cos[k] - dx * sin[k];
        const turned = ux * cos[k] + uy * sin[k];
        uy = uy * cos[k] - ux * sin[k];
        ux = turned;
        if (distanceToOutline(x, y, halfLength, halfWidth) < allowed) return false;
      }
    }
    return true;
  }

  /** Whether the motion goes where no beam looks. Turning alone never does: it is judged by the points nearby. */
  #leavesSight(o: Observation, vx: number, vy: number): boolean {
    if (o.arcLength >= 2 * Math.PI - 0.1 || (vx === 0 && vy === 0)) return false;
    return !inWatchedArc(o, o.mountX + vx, o.mountY + vy, 0);
  }

  /** Whether the outline comes to stand on ground that is in sight or that it has just stood on. */
  #onCoveredGround(o: Observation, covered: CoveredGround, path: StoppingPath): boolean {
    const cosNow = Math.cos(o.yaw);
    const sinNow = Math.sin(o.yaw);
    let x = o.x;
    let y = o.y;
    let cos = cosNow;
    let sin = sinNow;
    for (let k = 0; k < path.count; k++) {
      x += path.x[k] * cos - path.y[k] * sin;
      y += path.x[k] * sin + path.y[k] * cos;
      const turned = cos * path.cos[k] - sin * path.sin[k];
      sin = sin * path.cos[k] + cos * path.sin[k];
      cos = turned;
    }
    // Where it comes to stand is enough: the ground between lies under the outline at both ends.
    for (let row = -1; row <= 1; row++) {
      for (let column = -1; column <= 1; column++) {
        const forward = row * this.#halfLength;
        const left = column * this.#halfWidth;
        const atX = x + forward * cos - left * sin;
        const atY = y + forward * sin + left * cos;
        const dx = atX - o.x;
        const dy = atY - o.y;
        if (inWatchedArc(o, dx * cosNow + dy * sinNow, dy * cosNow - dx * sinNow, 0)) continue;
        if (!covered.covers(o, atX, atY)) return false;
      }
    }
    return true;
  }
}
