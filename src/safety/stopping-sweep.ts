/**
 * Would this twist, held for the reaction time and then braked to a standstill, keep the outline and its margin clear
 * of everything nearby? The question of the stopping distance, asked of the path that the robot would really take.
 *
 * All components are braked in proportion, so the path is one arc of constant curvature; the outline is set down along
 * it every few centimetres. A point that is inside the margin already must only not come closer: the robot may always
 * leave.
 *
 * Control thread, once a cycle where the way is free, a dozen times where it is not; its cost goes with the points nearby. Allocates
 * nothing.
 */

import type { Observation } from '../memory/observation.js';
import type { CoveredGround } from './covered-ground.js';
import { circumscribedRadius, distanceToOutline, type Footprint } from './footprint.js';
import type { MovingObstacles } from './moving-obstacles.js';
import type { NearbyPoints } from './nearby-points.js';
import type { MotionLimits } from './twist-limiter.js';
import { inWatchedArc } from './watched-arc.js';

/** From one place of the outline to the next, no corner moves farther than this [m]. */
const PLACE_STEP = 0.03;
const MAX_PLACES = 256;
/**
 * An omnidirectional robot's two axes do not always brake in step: one may still be gaining speed. That takes it this
 * far off the arc that is judged [m]. With it the nearest of 8,000 drives at random among points stayed 21 mm clear.
 */
const UNEVEN_BRAKING = 0.025;
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

/** A twist as far as it cannot help rising before it is braked [m/s, m/s, rad/s]. */
export interface BoundedTwist {
  readonly peakVx: number;
  readonly peakVy: number;
  readonly peakYawRate: number;
}

export class StoppingSweep {
  readonly #halfLength: number;
  readonly #halfWidth: number;
  readonly #radius: number;
  readonly #margin: number;
  /** What a braking axis is sure to have [m/s²], and the time in which it comes up [s]. */
  readonly #acceleration: number;
  readonly #rampS: number;
  readonly #reactionS: number;
  readonly #limits: MotionLimits;

  constructor(footprint: Footprint, limits: MotionLimits, margin: number, reactionS: number) {
    this.#halfLength = footprint.length / 2;
    this.#halfWidth = footprint.width / 2;
    this.#radius = circumscribedRadius(footprint);
    this.#margin = limits.omnidirectional ? margin + UNEVEN_BRAKING : margin;
    this.#acceleration = limits.maxAcceleration * (limits.omnidirectional ? Math.SQRT1_2 : 1);
    this.#rampS = limits.maxAcceleration / limits.maxJerk;
    this.#reactionS = reactionS;
    this.#limits = limits;
  }

  /**
   * How long the twist would go on at full strength to cover its stopping path [s]: the reaction time, half the time
   * of braking, and half the time in which acceleration builds up.
   *
   * @param speed [m/s]; `yawRate` [rad/s]
   * @realtime safe
   */
  stoppingTime(speed: number, yawRate: number): number {
    const l = this.#limits;
    const straight = speed / this.#acceleration + this.#rampS;
    const turning = Math.abs(yawRate) / l.maxYawAcceleration + l.maxYawAcceleration / l.maxYawJerk;
    return this.#reactionS + 0.5 * Math.max(speed > 0 ? straight : 0, yawRate !== 0 ? turning : 0);
  }

  /** How far the robot moves from here to a standstill [m]. @realtime safe */
  stoppingDistance(speed: number): number {
    return speed * this.stoppingTime(speed, 0);
  }

  /**
   * @returns a `Verdict`
   * @realtime safe
   */
  judge(o: Observation, near: Surroundings, twist: BoundedTwist): number {
    const vx = twist.peakVx;
    const vy = twist.peakVy;
    const yawRate = twist.peakYawRate;
    const { points, moving, covered } = near;
    const speed = Math.sqrt(vx * vx + vy * vy);
    if (speed === 0 && yawRate === 0) return Verdict.clear;
    const time = this.stoppingTime(speed, yawRate);
    const reach = speed * time + this.#radius + this.#margin;
    const sweep = (speed + Math.abs(yawRate) * this.#radius) * time;
    const places = Math.max(1, Math.ceil(sweep / PLACE_STEP));
    // A path that is longer than can be judged is not clear: the robot has to be slower.
    if (places > MAX_PLACES) return Verdict.obstacle;
    const dt = time / places;
    // One step of the arc, in the frame at its start.
    const turn = yawRate * dt;
    const cosTurn = Math.cos(turn);
    const sinTurn = Math.sin(turn);
    const half = 0.5 * turn;
    const chord = Math.abs(half) < 1e-6 ? 1 : Math.sin(half) / half;
    const cosHalf = Math.cos(half);
    const sinHalf = Math.sin(half);
    const stepX = dt * chord * (vx * cosHalf - vy * sinHalf);
    const stepY = dt * chord * (vx * sinHalf + vy * cosHalf);
    const halfLength = this.#halfLength;
    const halfWidth = this.#halfWidth;
    const margin = this.#margin;
    const outerLength = halfLength + margin;
    const outerWidth = halfWidth + margin;
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
        const dx = x - stepX;
        const dy = y - stepY;
        x = dx * cosTurn + dy * sinTurn;
        y = dy * cosTurn - dx * sinTurn;
        if (x > outerLength || x < -outerLength || y > outerWidth || y < -outerWidth) continue;
        if (distanceToOutline(x, y, halfLength, halfWidth) < allowed) return Verdict.obstacle;
      }
    }
    for (let i = 0; i < moving.count; i++) {
      let x = moving.x[i];
      let y = moving.y[i];
      let ux = moving.vx[i] * dt;
      let uy = moving.vy[i] * dt;
      const near = margin + moving.radius[i];
      const allowed = Math.min(near, distanceToOutline(x, y, halfLength, halfWidth)) - TOLERANCE;
      for (let k = 0; k < places; k++) {
        const dx = x + ux - stepX;
        const dy = y + uy - stepY;
        x = dx * cosTurn + dy * sinTurn;
        y = dy * cosTurn - dx * sinTurn;
        const turned = ux * cosTurn + uy * sinTurn;
        uy = uy * cosTurn - ux * sinTurn;
        ux = turned;
        if (distanceToOutline(x, y, halfLength, halfWidth) < allowed) return Verdict.obstacle;
      }
    }
    if (this.#leavesSight(o, vx, vy)) {
      return this.#onCoveredGround(o, covered, places, stepX, stepY, turn) ? Verdict.clear : Verdict.unseenGround;
    }
    return Verdict.clear;
  }

  /** Whether the motion goes where no beam looks. Turning alone never does: it is judged by the points nearby. */
  #leavesSight(o: Observation, vx: number, vy: number): boolean {
    if (o.arcLength >= 2 * Math.PI - 0.1 || (vx === 0 && vy === 0)) return false;
    return !inWatchedArc(o, o.mountX + vx, o.mountY + vy, 0);
  }

  /** Whether the outline comes to stand on ground that is in sight or that it has just stood on. */
  #onCoveredGround(
    o: Observation,
    covered: CoveredGround,
    places: number,
    stepX: number,
    stepY: number,
    turn: number,
  ): boolean {
    let x = o.x;
    let y = o.y;
    let yaw = o.yaw;
    for (let k = 0; k < places; k++) {
      const cos = Math.cos(yaw);
      const sin = Math.sin(yaw);
      x += stepX * cos - stepY * sin;
      y += stepX * sin + stepY * cos;
      yaw += turn;
    }
    // Where it comes to stand is enough: the ground between lies under the outline at both ends.
    const cos = Math.cos(yaw);
    const sin = Math.sin(yaw);
    const cosNow = Math.cos(o.yaw);
    const sinNow = Math.sin(o.yaw);
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
