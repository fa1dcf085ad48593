/** A robot that follows its commands exactly, in a world of points, driven by the safety stage alone. */
import { wrapAngle } from '../../../src/core/angles.js';
import { safetyOptionsOf } from '../../../src/loop/configuration.js';
import { ACTION_COUNT } from '../../../src/memory/layout.js';
import { Observation } from '../../../src/memory/observation.js';
import { Reason } from '../../../src/memory/reason.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { CoveredGround } from '../../../src/safety/covered-ground.js';
import { distanceToOutline } from '../../../src/safety/footprint.js';
import { MovingObstacles } from '../../../src/safety/moving-obstacles.js';
import { NearbyPoints } from '../../../src/safety/nearby-points.js';
import { Safety, type SafetyOptions } from '../../../src/safety/safety.js';
import { StoppingSweep, type Surroundings } from '../../../src/safety/stopping-sweep.js';
import { TwistLimiter } from '../../../src/safety/twist-limiter.js';

export type Point = readonly [x: number, y: number];
export type Drive = 'differential' | 'omnidirectional';

export const MAX_BEAMS = 512;
/** Of a test's range sensor [m]. */
export const RANGE_MAX = 10;

/** The default robot's safety options, with other parameters where a test wants them. */
export function optionsOf(overrides: Parameters<typeof loadParameters>[1] = {}): SafetyOptions {
  return safetyOptionsOf(loadParameters([], overrides));
}

/** Fresh odometry and nothing else: at a pose, with no ranges, no contact and no goal. */
export function observationAt(x = 0, y = 0, yaw = 0, maxBeams = MAX_BEAMS): Observation {
  const o = new Observation(maxBeams);
  o.x = x;
  o.y = y;
  o.yaw = yaw;
  o.odometryAgeNs = 0;
  o.rangeMax = RANGE_MAX;
  o.sectorRange.fill(RANGE_MAX);
  return o;
}

/** Puts a scan into the observation, taken where it stands: the points of `odom` that lie in an arc ahead. */
export function scan(o: Observation, points: readonly Point[], fieldOfView = 2 * Math.PI): void {
  const cos = Math.cos(o.yaw);
  const sin = Math.sin(o.yaw);
  const seen: [bearing: number, x: number, y: number][] = [];
  for (const [px, py] of points) {
    const dx = px - o.x;
    const dy = py - o.y;
    const x = dx * cos + dy * sin;
    const y = dy * cos - dx * sin;
    const bearing = Math.atan2(y, x);
    if (Math.hypot(x, y) < RANGE_MAX && Math.abs(bearing) <= fieldOfView / 2) seen.push([bearing, x, y]);
  }
  seen.sort((a, b) => a[0] - b[0]);
  o.pointCount = seen.length;
  o.sectorRange.fill(RANGE_MAX);
  seen.forEach(([bearing, x, y], i) => {
    o.pointX[i] = x;
    o.pointY[i] = y;
    o.pointBearing[i] = bearing;
    const sector = (Math.round(bearing / (Math.PI / 4)) + 8) % 8;
    o.sectorRange[sector] = Math.min(o.sectorRange[sector], Math.hypot(x, y));
  });
  o.sectorValid = 255;
  o.arcStart = wrapAngle(-fieldOfView / 2);
  o.arcLength = fieldOfView;
  o.scanX = o.x;
  o.scanY = o.y;
  o.scanYaw = o.yaw;
  o.rangesAgeNs = 0;
  o.scanCount++;
  o.newScan = true;
}

/** Puts the goal into the observation, seen from its pose; in `odom` [m]. */
export function placeGoal(o: Observation, x: number, y: number, tolerance = 0.25): void {
  o.hasGoal = true;
  o.goalX = x;
  o.goalY = y;
  o.goalTolerance = tolerance;
  const dx = x - o.x;
  const dy = y - o.y;
  o.goalForward = dx * Math.cos(o.yaw) + dy * Math.sin(o.yaw);
  o.goalLeft = dy * Math.cos(o.yaw) - dx * Math.sin(o.yaw);
  o.goalDistance = Math.hypot(dx, dy);
  o.goalBearing = Math.atan2(o.goalLeft, o.goalForward);
}

/** What a stopping sweep takes as the surroundings of an observation whose scan has just landed. */
export function surroundingsOf(o: Observation, options: SafetyOptions, radius = 20): Surroundings {
  const points = new NearbyPoints(o.pointX.length, radius);
  points.absorb(o);
  points.place(o);
  return { points, moving: new MovingObstacles(), covered: new CoveredGround(options.footprint) };
}

/** The stopping sweep of a robot with such options. */
export function stoppingSweepOf({ footprint, limits, margin, stepS, reactionS }: SafetyOptions): StoppingSweep {
  return new StoppingSweep(footprint, limits, margin, stepS, reactionS);
}

/** The limiter of a robot that has gone on with a twist for long, and whose next one is the same; within its limits. */
export function drivenAt({ limits, stepS }: SafetyOptions, vx: number, vy: number, yawRate: number): TwistLimiter {
  const limiter = new TwistLimiter(limits, stepS);
  for (let changed = 1; changed > 1e-9; ) {
    const { vx: x, vy: y, yawRate: turn } = limiter;
    limiter.preview(vx, vy, yawRate);
    changed = Math.abs(limiter.vx - x) + Math.abs(limiter.vy - y) + Math.abs(limiter.yawRate - turn);
    limiter.accept();
  }
  limiter.preview(vx, vy, yawRate);
  return limiter;
}

/** Nearest of the points to the outline of a robot at a pose [m]; negative inside. */
export function clearanceAt(
  points: readonly Point[],
  { length, width }: { length: number; width: number },
  x: number,
  y: number,
  yaw: number,
): number {
  let nearest = Number.POSITIVE_INFINITY;
  const cos = Math.cos(yaw);
  const sin = Math.sin(yaw);
  for (const [px, py] of points) {
    const dx = px - x;
    const dy = py - y;
    const d = distanceToOutline(dx * cos + dy * sin, dy * cos - dx * sin, length / 2, width / 2);
    if (d < nearest) nearest = d;
  }
  return nearest;
}

/** What drives in one cycle: an action, the rule, or the first allowed of a preference. */
export type Choice = number | 'rule';

export class SafetyRig {
  readonly options: SafetyOptions;
  readonly safety: Safety;
  readonly o: Observation;
  readonly mask = new Uint8Array(ACTION_COUNT);
  points: Point[];
  fieldOfView = 2 * Math.PI;
  /** Cycles from one scan to the next. */
  scanEvery = 1;
  /** No new scan lands while set; the last one grows old. */
  blind = false;
  /** Least distance of the outline to any point so far, between the cycles too [m]. */
  leastClearance = Number.POSITIVE_INFINITY;
  reason: number = Reason.none;
  action = -1;
  allowed = 0;
  goal: Point | null;
  #goalIsNew = false;
  cycles = 0;
  readonly #trace: { vx: number; vy: number; yawRate: number }[] = [{ vx: 0, vy: 0, yawRate: 0 }];

  constructor(points: readonly Point[], goal: Point | null, overrides: Parameters<typeof loadParameters>[1] = {}) {
    this.options = optionsOf(overrides);
    this.points = [...points];
    this.goal = goal;
    this.#goalIsNew = goal !== null;
    this.safety = new Safety(this.options, MAX_BEAMS);
    this.o = observationAt();
  }

  /** Every command sent so far, after a standstill. */
  get trace(): readonly { readonly vx: number; readonly vy: number; readonly yawRate: number }[] {
    return this.#trace;
  }

  setGoal(goal: Point | null): void {
    this.goal = goal;
    this.#goalIsNew = goal !== null;
    if (goal === null) this.o.hasGoal = false;
  }

  /**
   * One cycle, and the motion that its command makes until the next.
   *
   * @param standReason of the loop's own, such as being disarmed
   */
  cycle(choice: Choice, standReason: number = Reason.none, before?: (o: Observation) => void): void {
    const { o, safety, options } = this;
    const stepNs = options.stepS * 1e9;
    o.nowNs = this.cycles * stepNs;
    o.newScan = false;
    o.rangesAgeNs += stepNs;
    if (!this.blind && this.cycles % this.scanEvery === 0) scan(o, this.points, this.fieldOfView);
    if (this.goal !== null) placeGoal(o, this.goal[0], this.goal[1]);
    o.newGoal = this.#goalIsNew;
    this.#goalIsNew = false;
    before?.(o);
    safety.observe(o);
    let reason = standReason;
    if (reason === Reason.none) reason = safety.standReason(o);
    this.action = -1;
    this.allowed = 0;
    if (reason === Reason.none) {
      this.allowed = safety.allow(o, this.mask);
      if (choice === 'rule' || this.allowed === 0) this.action = safety.fallback(o);
      else {
        this.action = choice;
        safety.pursue(o, choice);
      }
    }
    safety.constrain(o, reason, Reason.none);
    safety.commit();
    this.reason = safety.reason;
    this.#trace.push({ vx: safety.vx, vy: safety.vy, yawRate: safety.yawRate });
    this.#move();
    o.jumped = false;
    this.cycles++;
  }

  /** Drives the command for one period, in small steps. */
  #move(): void {
    const { o, options, safety } = this;
    const parts = 8;
    const dt = options.stepS / parts;
    for (let i = 0; i < parts; i++) {
      const heading = o.yaw + 0.5 * safety.yawRate * dt;
      o.x += (safety.vx * Math.cos(heading) - safety.vy * Math.sin(heading)) * dt;
      o.y += (safety.vx * Math.sin(heading) + safety.vy * Math.cos(heading)) * dt;
      o.yaw = wrapAngle(o.yaw + safety.yawRate * dt);
      this.leastClearance = Math.min(this.leastClearance, clearanceAt(this.points, options.footprint, o.x, o.y, o.yaw));
    }
    o.vx = safety.vx;
    o.vy = safety.vy;
    o.yawRate = safety.yawRate;
  }

  /** The largest share of a limit that any of the commands took up: speed, acceleration and jerk of both kinds. */
  largestShareOfLimits(): number {
    const { limits, stepS } = this.options;
    const trace = this.#trace;
    let share = 0;
    let ax = 0;
    let ay = 0;
    let alpha = 0;
    for (let i = 1; i < trace.length; i++) {
      const { vx, vy, yawRate } = trace[i];
      const nextAx = (vx - trace[i - 1].vx) / stepS;
      const nextAy = (vy - trace[i - 1].vy) / stepS;
      const nextAlpha = (yawRate - trace[i - 1].yawRate) / stepS;
      share = Math.max(
        share,
        Math.hypot(vx, vy) / limits.maxSpeed,
        Math.abs(yawRate) / limits.maxYawRate,
        Math.hypot(nextAx, nextAy) / limits.maxAcceleration,
        Math.abs(nextAlpha) / limits.maxYawAcceleration,
        Math.hypot(nextAx - ax, nextAy - ay) / stepS / limits.maxJerk,
        Math.abs(nextAlpha - alpha) / stepS / limits.maxYawJerk,
      );
      ax = nextAx;
      ay = nextAy;
      alpha = nextAlpha;
    }
    return share;
  }

  /** Whether the command sent last is a standstill. */
  get resting(): boolean {
    const { vx, vy, yawRate } = this.#trace[this.#trace.length - 1];
    return Math.hypot(vx, vy) < 1e-6 && Math.abs(yawRate) < 1e-6;
  }
}

/** Points of a wall from one place to another, every 2 cm. */
export function wall(x0: number, y0: number, x1: number, y1: number): Point[] {
  const count = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 0.02) + 1;
  return Array.from({ length: count }, (_, i): Point => {
    const share = count === 1 ? 0 : i / (count - 1);
    return [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
  });
}
