/**
 * Safety: writes the mask of what may be chosen, and has the last word on what is sent. Reads raw observations only;
 * knows nothing of features, values or policies.
 *
 * `observe` → `allow` → (selection) → `pursue` | `fallback` → `constrain` → `commit`, once a cycle each, in the control thread.
 * Owns all of its working memory; allocates nothing after construction.
 */

import { assert } from '../core/assert.js';
import { ACTION_COUNT } from '../memory/layout.js';
import type { Observation } from '../memory/observation.js';
import { Reason } from '../memory/reason.js';
import { CoveredGround } from './covered-ground.js';
import { circumscribedRadius, type Footprint } from './footprint.js';
import { HEADING_COUNT, HeadingSweep } from './heading-sweep.js';
import { MovingObstacles } from './moving-obstacles.js';
import { NearbyPoints } from './nearby-points.js';
import { Steering, type SteeringOptions } from './steering.js';
import { StoppingSweep, type Surroundings, Verdict } from './stopping-sweep.js';
import { type MotionLimits, SLOWER_STEPS, TwistLimiter } from './twist-limiter.js';
import { VisitedGround } from './visited-ground.js';

export interface SafetyOptions {
  footprint: Footprint;
  limits: MotionLimits;
  steering: SteeringOptions;
  /** The cycle's period [s]. */
  stepS: number;
  /** Kept free on every side [m]. */
  margin: number;
  /** Kept free beside the way that is planned, beyond `margin` [m]. */
  planningMargin: number;
  /** How far ahead ways are looked at [m]. */
  lookahead: number;
  /** From a reading's arrival to the brakes taking hold [s]. */
  reactionS: number;
  /** A force above this is a contact [N]. */
  contactThreshold: number;
  /** [ns] */
  odometryTimeoutNs: number;
  rangesTimeoutNs: number;
  contactsTimeoutNs: number;
  /** Whether silence of the contact sensors stops the robot. */
  contactsRequired: boolean;
}

/** Sides of a contact, as in `Observation.contact`. */
const FRONT = 0;
const BACK = 2;
/** Slower than this the robot stands [m/s]; after so long it has stalled [s], until it is so far away [m]. */
const STANDING_SPEED = 0.1;
const STALL_S = 0.5;
const STALL_DISTANCE = 2;
/** A robot that has crept for so long [s] since it was last nearer to its goal, by so much [m], creeps the other way first. */
const CREEP_S = 2.5;
const PROGRESS_DISTANCE = 0.1;
/** Ways are planned around what moves as if driven at this share of the highest speed, this far ahead in time [s]. */
const AVOID_SHARE = 0.6;
const AVOID_HORIZON_S = 1.5;
/** The robot keeps backing off this long after a contact has gone [ns]. */
const ESCAPE_NS = 0.5e9;
/** Shares of the yaw rate wanted that are tried on the spot. */
const SPOT_TURN = new Float64Array([1, 0.5, 0.25, 0.1]);

export class Safety {
  /** The twist to send, valid after `constrain` [m/s, m/s, rad/s], and why it is what it is. */
  vx = 0;
  vy = 0;
  yawRate = 0;
  reason: number = Reason.none;
  /** Bit k: action k may be chosen; valid after `allow`. */
  allowedBits = 0;
  readonly steering: Steering;
  readonly #options: SafetyOptions;
  readonly #builtSpeed: number;
  readonly #builtYawRate: number;
  readonly #sweep: HeadingSweep;
  readonly #points: NearbyPoints;
  /** Points, movers and ground together, as the stopping sweep takes them. */
  readonly #near: Surroundings;
  readonly #covered: CoveredGround;
  readonly #moving = new MovingObstacles();
  /** Kept between `base_link` and the edge of what moves [m]. */
  readonly #avoidReach: number;
  readonly #visited: VisitedGround;
  readonly #stopping: StoppingSweep;
  readonly #limiter: TwistLimiter;
  /** The side of the contact backed off from, and until when; -1 for none. */
  #contactSide = -1;
  #escapeUntilNs = 0;
  /** The way the robot turns while it is enclosed: 1 left, -1 right, 0 not decided. */
  #searchDirection = 0;
  #stalled = false;
  #standingS = 0;
  #stallX = 0;
  #stallY = 0;
  /** The nearest that it has been to its goal [m], and for how long it has crept since then, or since it last turned round. */
  #nearest = Number.POSITIVE_INFINITY;
  #creptS = 0;
  /** The way it crept in the last cycle to get free: 1 forward, -1 backward, 0 not. */
  #creepDirection = 0;
  /** The way it tries first: backward, until that has led nowhere. */
  #creepFirst = -1;

  constructor(options: SafetyOptions, maxBeams: number) {
    const { footprint } = options;
    // A copy, because they may be changed.
    const limits = { ...options.limits };
    this.#options = { ...options, limits };
    this.#builtSpeed = limits.maxSpeed;
    this.#builtYawRate = limits.maxYawRate;
    const radius = circumscribedRadius(footprint);
    this.#sweep = new HeadingSweep(footprint, options.margin + options.planningMargin, options.lookahead);
    this.#stopping = new StoppingSweep(footprint, limits, options.margin, options.stepS, options.reactionS);
    // What the robot can reach before the next scan must come, and then stop short of.
    const { maxSpeed, maxYawRate } = limits;
    const drive = maxSpeed * (options.rangesTimeoutNs * 1e-9) + this.#stopping.longestWay(maxSpeed, maxYawRate);
    this.#points = new NearbyPoints(maxBeams, radius + options.margin + drive);
    this.#avoidReach = radius + options.margin + options.planningMargin;
    this.#covered = new CoveredGround(footprint);
    this.#near = { points: this.#points, moving: this.#moving, covered: this.#covered };
    this.#visited = new VisitedGround(options.stepS, HEADING_COUNT);
    this.#limiter = new TwistLimiter(limits, options.stepS);
    this.steering = new Steering(this.#sweep, this.#visited, limits, options.steering);
  }

  /**
   * Changes the highest speed [m/s] and yaw rate [rad/s]. A robot that is faster is slowed to them as its acceleration
   * allows, beginning with the next command.
   *
   * @param maxSpeed above 0 and no higher than what it was built with: how far it looks follows from that. Likewise
   *   `maxYawRate`
   * @realtime safe
   */
  limitSpeed(maxSpeed: number, maxYawRate: number): void {
    assert(maxSpeed > 0 && maxSpeed <= this.#builtSpeed, 'the highest speed is not raised above what safety looks for');
    assert(maxYawRate > 0 && maxYawRate <= this.#builtYawRate, 'the highest yaw rate is not raised above its first');
    // The stages that keep to them share this object.
    const { limits } = this.#options;
    limits.maxSpeed = maxSpeed;
    limits.maxYawRate = maxYawRate;
  }

  /** Takes in what the newest readings mean for the next command. @realtime safe */
  observe(o: Observation): void {
    if (o.jumped) {
      this.#forgetPlace();
      // Put down somewhere else, it stands. In a new frame alone it drives on, and so does what was sent.
      if (Math.abs(o.vx) + Math.abs(o.vy) + Math.abs(o.yawRate) < STANDING_SPEED) this.#limiter.reset();
    }
    if (o.newScan) {
      this.#points.absorb(o);
      this.#sweep.sweep(o, this.#points);
      this.#moving.track(o);
    }
    this.#covered.cover(o);
    if (o.newGoal) {
      this.#visited.clear();
      this.steering.clear();
    }
    this.#visited.visit(o);
    this.#noticeContact(o);
    this.#sweep.place(o);
    this.#points.place(o);
    this.#moving.place(o);
    if (this.#moving.count > 0) {
      this.#sweep.avoid(this.#moving, AVOID_SHARE * this.#options.limits.maxSpeed, this.#avoidReach, AVOID_HORIZON_S);
    }
    this.steering.survey(o);
  }

  /**
   * Why the robot has to stand, whatever is chosen: input missing, or nowhere to go. `Reason.none` where it may drive.
   *
   * @realtime safe
   */
  standReason(o: Observation): number {
    const options = this.#options;
    if (o.odometryAgeNs > options.odometryTimeoutNs) return Reason.staleOdometry;
    if (o.rangesAgeNs > options.rangesTimeoutNs) return Reason.staleRanges;
    // A sensor that has spoken once must not fall silent; one that never spoke may not be there.
    const contactsExpected = options.contactsRequired || Number.isFinite(o.contactsAgeNs);
    if (contactsExpected && o.contactsAgeNs > options.contactsTimeoutNs) return Reason.staleContacts;
    if (!o.hasGoal) return Reason.noGoal;
    if (o.goalDistance <= o.goalTolerance) return Reason.arrived;
    return Reason.none;
  }

  /**
   * Writes which actions may be chosen: those whose sector has a passable heading, or, where none has, those with any
   * way to go.
   *
   * @param mask `ACTION_COUNT` flags, owned by the caller
   * @returns how many
   * @realtime safe
   */
  allow(o: Observation, mask: Uint8Array): number {
    const { passableDistance, blockedDistance } = this.#options.steering;
    const passable = this.#offer(Math.min(passableDistance, o.goalDistance), mask);
    return passable > 0 ? passable : this.#offer(Math.min(blockedDistance, o.goalDistance), mask);
  }

  #offer(distance: number, mask: Uint8Array): number {
    let count = 0;
    let bits = 0;
    for (let action = 0; action < ACTION_COUNT; action++) {
      const open = this.steering.offers(action, distance);
      mask[action] = open ? 1 : 0;
      if (!open) continue;
      bits |= 1 << action;
      count++;
    }
    this.allowedBits = bits;
    return count;
  }

  /** Steers toward a chosen action's sector. @realtime safe */
  pursue(o: Observation, action: number): void {
    this.#searchDirection = 0;
    this.steering.toward(o, action);
  }

  /**
   * Steers by rule: along the passable heading nearest the goal; where there is none, it turns on the spot until one
   * opens.
   *
   * @returns the action that comes nearest to what it does, or -1 while it looks for a way out
   * @realtime safe
   */
  fallback(o: Observation): number {
    const action = this.steering.towardGoal(o);
    if (action >= 0) {
      this.#searchDirection = 0;
      return action;
    }
    if (this.#searchDirection === 0) this.#searchDirection = o.goalBearing >= 0 ? 1 : -1;
    this.steering.turn(this.#searchDirection);
    return -1;
  }

  /**
   * The last stage: the twist wanted by `pursue` or `fallback`, made safe, into `vx`, `vy`, `yawRate` and `reason`. It
   * counts as sent only after `commit`.
   *
   * @param standReason a reason to stand still, or `Reason.none`
   * @param passReason the reason given where nothing has to be changed
   * @realtime safe
   */
  constrain(o: Observation, standReason: number, passReason: number): void {
    this.#noticeStall(o, standReason);
    this.#noticeProgress(o);
    if (standReason !== Reason.none) {
      this.slowDown(standReason);
      return;
    }
    if (this.#contactSide >= 0) {
      this.#backOff(o);
      return;
    }
    const s = this.steering;
    let refused: number = Reason.obstacle;
    for (let i = 0; i < SLOWER_STEPS; i++) {
      this.#limiter.previewSlower(s, i);
      const verdict = this.#stopping.judge(o, this.#near, this.#limiter);
      if (verdict === Verdict.clear) {
        this.#creepDirection = 0;
        this.#propose(i > 0 ? Reason.slowed : passReason);
        return;
      }
      if (i === 0 && verdict === Verdict.unseenGround) refused = Reason.unseenGround;
    }
    for (let i = 0; i < SPOT_TURN.length; i++) {
      if (this.#try(o, 0, 0, s.yawRate * SPOT_TURN[i]) !== Verdict.clear) continue;
      this.#creepDirection = 0;
      this.#propose(refused);
      return;
    }
    if (this.#creep(o)) this.#propose(refused);
    else this.slowDown(refused);
  }

  /** The twist that was made safe last is what goes out. @realtime safe */
  commit(): void {
    this.#limiter.accept();
  }

  /**
   * What was sent last, slowed at the deceleration limit toward zero; takes the place of what `constrain` found.
   *
   * @realtime safe
   */
  slowDown(reason: number): void {
    this.#limiter.previewBrake();
    this.#propose(reason);
  }

  /**
   * Forgets what was sent: for a robot that has been sent nothing for so long that it has stopped by itself, or was told to
   * past this thread. What goes out from here on begins at a standstill.
   *
   * @realtime safe
   */
  beginFromRest(): void {
    this.#limiter.reset();
  }

  /** Stands still at once and forgets what was sent: for a robot that something else has stopped. @realtime safe */
  halt(reason: number): void {
    this.beginFromRest();
    this.vx = 0;
    this.vy = 0;
    this.yawRate = 0;
    this.reason = reason;
  }

  /** Judges the next step toward a twist. @returns a `Verdict` */
  #try(o: Observation, vx: number, vy: number, yawRate: number): number {
    const l = this.#limiter;
    l.preview(vx, vy, yawRate);
    return this.#stopping.judge(o, this.#near, l);
  }

  /** Proposes what was previewed last. */
  #propose(reason: number): void {
    const l = this.#limiter;
    this.vx = l.vx;
    this.vy = l.vy;
    this.yawRate = l.yawRate;
    this.reason = reason;
  }

  /**
   * A robot that can neither go nor turn moves a little along its own axis to get its corners free; it keeps to one way
   * as long as it can. Backing off frees a nose from a corner, and takes a robot whose side is at something round around
   * that, for ever: where one way leads nowhere the other is tried first. @returns whether there is such a way; it is previewed then
   */
  #creep(o: Observation): boolean {
    const { steering, stepS } = this.#options;
    const speed = steering.creepSpeed;
    this.#creptS += stepS;
    if (this.#creptS > CREEP_S) {
      this.#creptS = 0;
      this.#creepFirst = -this.#creepFirst;
    }
    const first = this.#creepDirection === 0 ? this.#creepFirst : this.#creepDirection;
    if (this.#try(o, first * speed, 0, 0) === Verdict.clear) {
      this.#creepDirection = first;
      return true;
    }
    if (this.#try(o, -first * speed, 0, 0) === Verdict.clear) {
      this.#creepDirection = -first;
      return true;
    }
    this.#creepDirection = 0;
    return false;
  }

  /** Whether the robot has got nowhere for a while, whoever drove: until it is away from there, the rule drives. */
  get stalled(): boolean {
    return this.#stalled;
  }

  #noticeStall(o: Observation, standReason: number): void {
    const driving = o.vx * o.vx + o.vy * o.vy > STANDING_SPEED * STANDING_SPEED;
    if (driving || o.newGoal || standReason !== Reason.none) this.#standingS = 0;
    else this.#standingS += this.#options.stepS;
    if (this.#standingS > STALL_S) {
      this.#stalled = true;
      this.#stallX = o.x;
      this.#stallY = o.y;
    }
    const dx = o.x - this.#stallX;
    const dy = o.y - this.#stallY;
    if (o.newGoal || dx * dx + dy * dy > STALL_DISTANCE * STALL_DISTANCE) this.#stalled = false;
  }

  /** Which way it creeps first counts until it is nearer to its goal than ever before. */
  #noticeProgress(o: Observation): void {
    const nearer = o.goalDistance < this.#nearest - PROGRESS_DISTANCE;
    if (nearer || o.newGoal) {
      this.#nearest = o.goalDistance;
      this.#creptS = 0;
      this.#creepFirst = -1;
    }
  }

  #noticeContact(o: Observation): void {
    if (o.contactsAgeNs <= this.#options.contactsTimeoutNs) {
      let side = -1;
      let force = this.#options.contactThreshold;
      for (let i = 0; i < o.contact.length; i++) {
        if (o.contact[i] > force) {
          force = o.contact[i];
          side = i;
        }
      }
      if (side >= 0) {
        this.#contactSide = side;
        this.#escapeUntilNs = o.nowNs + ESCAPE_NS;
        this.#rememberContact(o, side);
      }
    }
    if (this.#contactSide >= 0 && o.nowNs > this.#escapeUntilNs) this.#contactSide = -1;
  }

  /** What was touched may be too low or too clear for the ranges: it stands in the memory as three points. */
  #rememberContact(o: Observation, side: number): void {
    const { length, width } = this.#options.footprint;
    for (let i = -1; i <= 1; i++) {
      if (side === FRONT || side === BACK) {
        this.#points.remember(o, side === FRONT ? length / 2 : -length / 2, (i * width) / 2);
      } else this.#points.remember(o, (i * length) / 2, side === 1 ? width / 2 : -width / 2);
    }
  }

  /** Away from the side that was touched, slowly; a differential robot touched at its side leaves along its axis. */
  #backOff(o: Observation): void {
    const speed = this.#options.steering.creepSpeed;
    const side = this.#contactSide;
    let vx = side === FRONT ? -speed : side === BACK ? speed : 0;
    let vy = 0;
    if (vx === 0) {
      if (this.#options.limits.omnidirectional) vy = side === 1 ? -speed : speed;
      else vx = speed;
    }
    if (this.#try(o, vx, vy, 0) === Verdict.clear) this.#propose(Reason.contactEscape);
    else if (side !== FRONT && side !== BACK && this.#try(o, -vx, -vy, 0) === Verdict.clear) {
      this.#propose(Reason.contactEscape);
    } else this.slowDown(Reason.contact);
  }

  #forgetPlace(): void {
    this.#points.clear();
    this.#moving.clear();
    this.#sweep.clear();
    this.#visited.clear();
    this.#covered.clear();
    this.steering.clear();
    this.#contactSide = -1;
    this.#stalled = false;
    this.#standingS = 0;
    this.#nearest = Number.POSITIVE_INFINITY;
    this.#creptS = 0;
    this.#creepFirst = -1;
    this.#searchDirection = 0;
    this.#creepDirection = 0;
  }
}
