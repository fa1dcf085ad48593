/**
 * sense: takes the newest readings from their slots into the `Observation` that the other stages read.
 *
 * Control thread, every cycle. Reads the slots, writes the observation. Allocates
 * nothing after construction.
 */

import { wrapAngle } from '../core/angles.js';
import { ContactsField, type ControlMemory, GoalField, OdometryField, RangesField } from '../memory/layout.js';
import { type Observation, SIDE_COUNT } from '../memory/observation.js';
import { PoseHistory } from './pose-history.js';
import { RangeReduction } from './range-reduction.js';

/** Between two readings the robot drives no farther than this, whatever their stamps [m]. */
const JUMP_DISTANCE = 0.5;
/** Nor faster than this [m/s]. */
const JUMP_SPEED = 10;

export class Observer {
  readonly #memory: ControlMemory;
  readonly #observation: Observation;
  readonly #history = new PoseHistory();
  readonly #reduction: RangeReduction;
  #frame = 0;
  #odometryReceivedNs = Number.NEGATIVE_INFINITY;
  #rangesReceivedNs = Number.NEGATIVE_INFINITY;
  #contactsReceivedNs = Number.NEGATIVE_INFINITY;
  #forgotten = false;

  /**
   * @param observation written here and nowhere else
   * @param holeRange see `RangeReduction` [m]
   */
  constructor(memory: ControlMemory, observation: Observation, holeRange: number) {
    this.#memory = memory;
    this.#observation = observation;
    this.#reduction = new RangeReduction(memory.layout.sizes.maxBeams, holeRange);
  }

  /**
   * Time begins anew: whatever was dated is void. The readings so far count as never received, and the next `read` tells
   * of a jump. @realtime safe
   */
  forget(): void {
    this.#odometryReceivedNs = Number.NEGATIVE_INFINITY;
    this.#rangesReceivedNs = Number.NEGATIVE_INFINITY;
    this.#contactsReceivedNs = Number.NEGATIVE_INFINITY;
    this.#history.clear();
    this.#forgotten = true;
  }

  /** Brings the observation up to its own `nowNs`. @realtime safe */
  read(): void {
    const o = this.#observation;
    const nowNs = o.nowNs + o.silenceNs;
    o.jumped = this.#forgotten;
    this.#forgotten = false;
    if (this.#memory.odometry.take()) this.#takeOdometry();
    o.newScan = this.#memory.ranges.take();
    if (o.newScan) this.#takeRanges();
    // A scan of the place it left says nothing of the one it stands in.
    if (o.jumped && !o.newScan) this.#rangesReceivedNs = Number.NEGATIVE_INFINITY;
    if (this.#memory.contacts.take()) this.#takeContacts();
    o.newGoal = false;
    if (this.#memory.goal.take()) this.#takeGoal();
    o.odometryAgeNs = nowNs - this.#odometryReceivedNs;
    o.rangesAgeNs = nowNs - this.#rangesReceivedNs;
    o.contactsAgeNs = nowNs - this.#contactsReceivedNs;
    if (o.hasGoal) this.#placeGoal();
  }

  #takeOdometry(): void {
    const o = this.#observation;
    const slot = this.#memory.odometry;
    const d = slot.doubles[slot.readIndex];
    const stampNs = d[OdometryField.stampNs];
    const x = d[OdometryField.x];
    const y = d[OdometryField.y];
    const reach = JUMP_DISTANCE + JUMP_SPEED * (stampNs - o.odometryStampNs) * 1e-9;
    const moved = Math.abs(x - o.x) + Math.abs(y - o.y);
    if (moved > reach || d[OdometryField.frame] !== this.#frame) {
      this.#frame = d[OdometryField.frame];
      o.jumped = true;
      this.#history.clear();
    }
    o.x = x;
    o.y = y;
    o.yaw = wrapAngle(d[OdometryField.yaw]);
    o.vx = d[OdometryField.vx];
    o.vy = d[OdometryField.vy];
    o.yawRate = d[OdometryField.yawRate];
    o.odometryStampNs = stampNs;
    o.odometrySequence = d[OdometryField.sequence];
    this.#odometryReceivedNs = d[OdometryField.receivedNs];
    this.#history.push(o);
  }

  #takeRanges(): void {
    const o = this.#observation;
    const slot = this.#memory.ranges;
    const d = slot.doubles[slot.readIndex];
    this.#reduction.reduce(slot.singles[slot.readIndex], d, o);
    o.rangesStampNs = d[RangesField.stampNs];
    o.rangesSequence = d[RangesField.sequence];
    o.scanCount++;
    this.#rangesReceivedNs = d[RangesField.receivedNs];
    this.#history.at(o);
    o.scanX = this.#history.x;
    o.scanY = this.#history.y;
    o.scanYaw = this.#history.yaw;
  }

  #takeContacts(): void {
    const o = this.#observation;
    const slot = this.#memory.contacts;
    const d = slot.doubles[slot.readIndex];
    for (let side = 0; side < SIDE_COUNT; side++) o.contact[side] = d[ContactsField.front + side];
    o.contactsSequence = d[ContactsField.sequence];
    this.#contactsReceivedNs = d[ContactsField.receivedNs];
  }

  #takeGoal(): void {
    const o = this.#observation;
    const slot = this.#memory.goal;
    const d = slot.doubles[slot.readIndex];
    o.hasGoal = d[GoalField.active] === 1;
    o.newGoal = o.hasGoal;
    o.goalCount = d[GoalField.count];
    o.goalSequence = d[GoalField.sequence];
    o.goalX = d[GoalField.x];
    o.goalY = d[GoalField.y];
    o.goalTolerance = d[GoalField.tolerance];
    o.goalOriginX = o.x;
    o.goalOriginY = o.y;
  }

  #placeGoal(): void {
    const o = this.#observation;
    const dx = o.goalX - o.x;
    const dy = o.goalY - o.y;
    const cos = Math.cos(o.yaw);
    const sin = Math.sin(o.yaw);
    o.goalForward = dx * cos + dy * sin;
    o.goalLeft = dy * cos - dx * sin;
    o.goalDistance = Math.sqrt(dx * dx + dy * dy);
    o.goalBearing = Math.atan2(o.goalLeft, o.goalForward);
  }
}
