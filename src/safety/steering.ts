/**
 * The command stage: turns a movement direction into the twist that drives there. A direction names a 45° sector; within
 * it the robot is steered along the passable heading nearest the goal.
 *
 * Control thread, every cycle. Reads the observation and the sweep; allocates nothing.
 */

import { wrapAngle } from '../core/angles.js';
import { type Observation, SECTOR_COUNT } from '../memory/observation.js';
import { HEADING_COUNT, HEADING_STEP, type HeadingSweep } from './heading-sweep.js';
import type { MotionLimits } from './twist-limiter.js';
import type { VisitedGround } from './visited-ground.js';

/** Headings of a sector. */
const SECTOR_HEADINGS = HEADING_COUNT / SECTOR_COUNT;
/** How far along a heading the ground is asked for how long it was dwelt on [m]. */
const DWELL_REACH = 0.75;
/** What a second of dwelling costs beside the angle to the goal [rad/s], and the most it costs [rad]. */
const DWELL_COST = 0.5;
const DWELL_COST_LIMIT = 6;
/** A direction whose ground was dwelt on longer than this is not offered while there is another [s]. */
const EXHAUSTED_S = 2;

export interface SteeringOptions {
  /** A heading with this much free way is passable [m]. */
  passableDistance: number;
  /** A sector without a heading of this much free way is blocked [m]. */
  blockedDistance: number;
  /** Yaw rate per heading error [1/s]. */
  turnGain: number;
  /** From this heading error on, a differential robot turns on the spot [rad]. */
  turnInPlaceAngle: number;
  /** Deceleration that the cruising speed counts on: well below what the robot can do [m/s²]. */
  cruiseDeceleration: number;
  /** What a change of heading costs beside the angle to the goal. */
  headingInertia: number;
  /** Backwards and out of tight places [m/s]. */
  creepSpeed: number;
}

export class Steering {
  readonly #sweep: HeadingSweep;
  readonly #visited: VisitedGround;
  readonly #limits: MotionLimits;
  readonly #options: SteeringOptions;
  /** The twist wanted [m/s, m/s, rad/s]. */
  vx = 0;
  vy = 0;
  yawRate = 0;
  /** The heading steered along [rad]. */
  heading = 0;
  /** Time dwelt on what each heading leads to [s], and the least of those that are free. */
  readonly #dwelt = new Float64Array(HEADING_COUNT);
  #leastDwelt = 0;
  #surveyed = false;
  /** The last heading in `odom`, which the next one is held against [rad]. */
  #lastHeading = 0;
  #hasLast = false;

  constructor(sweep: HeadingSweep, visited: VisitedGround, limits: MotionLimits, options: SteeringOptions) {
    this.#sweep = sweep;
    this.#visited = visited;
    this.#limits = limits;
    this.#options = options;
  }

  /** Forgets the last heading. @realtime safe */
  clear(): void {
    this.#hasLast = false;
  }

  /**
   * Looks at what the headings lead to: how long the robot has dwelt there already. Once a cycle, before the others.
   *
   * @realtime safe
   */
  survey(o: Observation): void {
    const dwelt = this.#dwelt;
    this.#leastDwelt = 0;
    if (!this.#visited.active) {
      if (this.#surveyed) dwelt.fill(0);
      this.#surveyed = false;
      return;
    }
    this.#surveyed = true;
    const ahead = this.#sweep.ahead;
    const blocked = this.#options.blockedDistance;
    this.#visited.survey(o, ahead, DWELL_REACH, dwelt);
    let least = Number.POSITIVE_INFINITY;
    for (let h = 0; h < HEADING_COUNT; h++) {
      if (ahead[h] >= blocked && dwelt[h] < least) least = dwelt[h];
    }
    this.#leastDwelt = least;
  }

  /**
   * Whether a sector has a heading with this much free way [m] that has not been tried in vain while others have not.
   *
   * @realtime safe
   */
  offers(sector: number, distance: number): boolean {
    const ahead = this.#sweep.ahead;
    const limit = Math.max(EXHAUSTED_S, 2 * this.#leastDwelt);
    for (let i = 0; i < SECTOR_HEADINGS; i++) {
      const h = headingOf(sector, i);
      if (ahead[h] >= distance && this.#dwelt[h] <= limit) return true;
    }
    return false;
  }

  /** Steers into one sector. @realtime safe */
  toward(o: Observation, sector: number): void {
    const best = this.#choose(o, sector * SECTOR_HEADINGS - (SECTOR_HEADINGS >> 1), SECTOR_HEADINGS);
    this.#along(o, wrapAngle(best * HEADING_STEP), this.#sweep.ahead[best]);
  }

  /**
   * Steers along the passable heading nearest the goal, whichever sector it lies in: the rule that drives when the
   * policy may not.
   *
   * @returns the sector, or -1 where every heading is blocked
   * @realtime safe
   */
  towardGoal(o: Observation): number {
    const best = this.#choose(o, 0, HEADING_COUNT);
    if (this.#sweep.ahead[best] < Math.min(this.#options.blockedDistance, o.goalDistance)) return -1;
    this.#along(o, wrapAngle(best * HEADING_STEP), this.#sweep.ahead[best]);
    return sectorOfHeading(best);
  }

  /** On the spot. @param direction 1 left, -1 right. @realtime safe */
  turn(direction: number): void {
    this.vx = 0;
    this.vy = 0;
    this.yawRate = 0.25 * direction * this.#limits.maxYawRate;
    this.heading = 0;
  }

  #choose(o: Observation, from: number, count: number): number {
    const ahead = this.#sweep.ahead;
    const bearing = o.goalBearing;
    const inertia = this.#hasLast ? this.#options.headingInertia : 0;
    const last = this.#lastHeading - o.yaw;
    const passable = Math.min(this.#options.passableDistance, o.goalDistance);
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    let widest = 0;
    let widestWay = -1;
    for (let i = 0; i < count; i++) {
      let h = from + i;
      if (h < 0) h += HEADING_COUNT;
      const way = ahead[h];
      if (way > widestWay) {
        widestWay = way;
        widest = h;
      }
      if (way < passable) continue;
      const heading = h * HEADING_STEP;
      let cost = Math.abs(wrapAngle(heading - bearing));
      if (this.#surveyed) cost += Math.min(DWELL_COST_LIMIT, DWELL_COST * this.#dwelt[h]);
      if (inertia > 0) cost += inertia * Math.abs(wrapAngle(heading - last));
      if (cost < bestCost) {
        bestCost = cost;
        best = h;
      }
    }
    return best >= 0 ? best : widest;
  }

  #along(o: Observation, heading: number, free: number): void {
    const l = this.#limits;
    const options = this.#options;
    this.heading = heading;
    this.#lastHeading = o.yaw + heading;
    this.#hasLast = true;
    const stop = Math.min(free, Math.max(0, o.goalDistance));
    const cruise = Math.min(l.maxSpeed, Math.sqrt(2 * options.cruiseDeceleration * stop));
    if (l.omnidirectional) {
      this.vx = cruise * Math.cos(heading);
      this.vy = cruise * Math.sin(heading);
      // The front follows the way, so that it meets what comes.
      this.yawRate = Math.max(-l.maxYawRate, Math.min(l.maxYawRate, 0.5 * options.turnGain * heading));
      return;
    }
    const error = Math.abs(heading);
    const straight = error >= options.turnInPlaceAngle ? 0 : 1 - error / options.turnInPlaceAngle;
    this.vx = cruise * straight;
    this.vy = 0;
    this.yawRate = Math.max(-l.maxYawRate, Math.min(l.maxYawRate, options.turnGain * heading));
  }
}

/** Heading `i` of a sector, as an index of the sweep. */
function headingOf(sector: number, i: number): number {
  const h = sector * SECTOR_HEADINGS - (SECTOR_HEADINGS >> 1) + i;
  return h < 0 ? h + HEADING_COUNT : h;
}

/** The sector that a heading lies in. */
function sectorOfHeading(h: number): number {
  return Math.floor((h + (SECTOR_HEADINGS >> 1)) / SECTOR_HEADINGS) % SECTOR_COUNT;
}
