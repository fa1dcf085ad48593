/**
 * The way in. Runs on the main thread, where the ports are: every reading is checked, counted, and published to its
 * slot or refused, so that nothing invalid ever reaches the shared memory. A refused reading leaves the last good one
 * in place to grow old, and the robot stops when it is too old.
 */

import {
  ContactsField,
  type ControlMemory,
  FeedbackField,
  GoalField,
  INTAKE_REASONS,
  OdometryField,
  Order,
  RangesField,
} from '../memory/layout.js';
import { type ObservationSink, type RangeScan, Rejection, type RejectionCode } from '../memory/observation-sink.js';

/** Rows of the intake counters. */
export const Input = { odometry: 0, ranges: 1, contacts: 2, goal: 3, feedback: 4 } as const;
export type InputIndex = (typeof Input)[keyof typeof Input];
export const INPUT_NAMES = ['odometry', 'ranges', 'contacts', 'goal', 'feedback'] as const;
/** Columns of the intake counters: the codes of `Rejection`, then the beams of accepted scans that had failed. */
export const REASON_NAMES = ['accepted', 'not_finite', 'out_of_range', 'wrong_length', 'stamp_back', 'stamp_still'];
export const FAILED_BEAMS = 7;

/** A robot that is farther from its odometry's origin is not believed [m]. */
const POSITION_LIMIT = 1e6;
/** Nor one that drives faster [m/s] or turns faster [rad/s]. */
const VELOCITY_LIMIT = 100;
/** Nor a contact that presses harder [N]. */
const FORCE_LIMIT = 1e6;
/** No decision earns more, or less. */
const REWARD_LIMIT = 1e15;
/** A sweep may close the circle and overlap by no more than this [rad]. */
const SWEEP_LIMIT = 2 * Math.PI + 0.2;

/**
 * Is shown every reading as it went into its slot, just after it did. Both arrays are the slot's own: valid during the
 * call, and not to be written. It must not throw: the port's call would.
 *
 * Contacts that a new frame voids are shown too, with stamps of -Infinity, and so is a goal's withdrawal.
 *
 * @param doubles as the input's field table in `layout.ts` names them
 * @param beams of ranges, as many as the scan has; null with the other inputs
 */
export type ReadingTap = (input: InputIndex, doubles: Float64Array, beams: Float32Array | null) => void;

/** Publishes to the slots and the feedback ring of `memory`, whose writer it is; for each memory there may be one sink. */
export class ValidatingSink implements ObservationSink {
  readonly #memory: ControlMemory;
  readonly #lastStampNs = new Float64Array(INPUT_NAMES.length).fill(Number.NEGATIVE_INFINITY);
  /** What each input has published. */
  readonly #published = new Float64Array(INPUT_NAMES.length);
  readonly #tap: ReadingTap | null;
  #goalCount = 0;
  #frame = 0;

  /** @param tap is shown what is accepted */
  constructor(memory: ControlMemory, tap: ReadingTap | null = null) {
    this.#memory = memory;
    this.#tap = tap;
  }

  odometry(
    stampNs: number,
    receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode {
    let code = this.#checkStamp(Input.odometry, stampNs, receivedNs);
    if (code === Rejection.accepted) {
      if (!Number.isFinite(x + y + yaw + vx + vy + yawRate)) code = Rejection.notFinite;
      else if (Math.abs(x) > POSITION_LIMIT || Math.abs(y) > POSITION_LIMIT) code = Rejection.outOfRange;
      else if (Math.max(Math.abs(vx), Math.abs(vy), Math.abs(yawRate)) > VELOCITY_LIMIT) code = Rejection.outOfRange;
    }
    if (this.#count(Input.odometry, code)) return code;
    this.#lastStampNs[Input.odometry] = stampNs;
    const slot = this.#memory.odometry;
    const d = slot.doubles[slot.writeIndex];
    d[OdometryField.stampNs] = stampNs;
    d[OdometryField.receivedNs] = receivedNs;
    d[OdometryField.x] = x;
    d[OdometryField.y] = y;
    d[OdometryField.yaw] = yaw;
    d[OdometryField.vx] = vx;
    d[OdometryField.vy] = vy;
    d[OdometryField.yawRate] = yawRate;
    d[OdometryField.frame] = this.#frame;
    d[OdometryField.sequence] = ++this.#published[Input.odometry];
    slot.publish();
    this.#wake();
    if (this.#tap !== null) this.#tap(Input.odometry, d, null);
    return code;
  }

  ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode {
    let code = this.#checkStamp(Input.ranges, stampNs, receivedNs);
    if (code === Rejection.accepted) code = this.#checkScan(scan);
    const slot = this.#memory.ranges;
    const d = slot.doubles[slot.writeIndex];
    const beams = slot.singles[slot.writeIndex];
    let failed = 0;
    if (code === Rejection.accepted) {
      const { ranges, count } = scan;
      for (let i = 0; i < count; i++) {
        const range = ranges[i];
        // NaN fails every comparison; -Infinity is an obstacle too near to measure (REP-117) and stays.
        if (range >= scan.rangeMin || range === Number.NEGATIVE_INFINITY) beams[i] = range;
        else {
          beams[i] = Number.NaN;
          failed++;
        }
      }
      if (failed === count) code = Rejection.notFinite;
    }
    if (this.#count(Input.ranges, code)) return code;
    if (failed > 0) Atomics.add(this.#memory.intake, Input.ranges * INTAKE_REASONS + FAILED_BEAMS, failed);
    this.#lastStampNs[Input.ranges] = stampNs;
    d[RangesField.stampNs] = stampNs;
    d[RangesField.receivedNs] = receivedNs;
    d[RangesField.count] = scan.count;
    d[RangesField.angleMin] = scan.angleMin;
    d[RangesField.angleIncrement] = scan.angleIncrement;
    d[RangesField.rangeMin] = scan.rangeMin;
    d[RangesField.rangeMax] = scan.rangeMax;
    d[RangesField.mountX] = scan.mountX;
    d[RangesField.mountY] = scan.mountY;
    d[RangesField.mountYaw] = scan.mountYaw;
    d[RangesField.sequence] = ++this.#published[Input.ranges];
    slot.publish();
    this.#wake();
    if (this.#tap !== null) this.#tap(Input.ranges, d, beams.subarray(0, scan.count));
    return code;
  }

  contacts(
    stampNs: number,
    receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode {
    let code = this.#checkStamp(Input.contacts, stampNs, receivedNs);
    if (code === Rejection.accepted) {
      if (!Number.isFinite(front + left + back + right)) code = Rejection.notFinite;
      else if (Math.min(front, left, back, right) < 0) code = Rejection.outOfRange;
      else if (Math.max(front, left, back, right) > FORCE_LIMIT) code = Rejection.outOfRange;
    }
    if (this.#count(Input.contacts, code)) return code;
    this.#lastStampNs[Input.contacts] = stampNs;
    const slot = this.#memory.contacts;
    const d = slot.doubles[slot.writeIndex];
    d[ContactsField.stampNs] = stampNs;
    d[ContactsField.receivedNs] = receivedNs;
    d[ContactsField.front] = front;
    d[ContactsField.left] = left;
    d[ContactsField.back] = back;
    d[ContactsField.right] = right;
    d[ContactsField.sequence] = ++this.#published[Input.contacts];
    slot.publish();
    this.#wake();
    if (this.#tap !== null) this.#tap(Input.contacts, d, null);
    return code;
  }

  newFrame(): void {
    this.#frame++;
    if (this.#lastStampNs[Input.contacts] !== Number.NEGATIVE_INFINITY) this.#voidContacts();
    this.#lastStampNs.fill(Number.NEGATIVE_INFINITY);
  }

  /**
   * What was touched was touched elsewhere, and whoever drives on may have no contact sensors to say otherwise. Odometry
   * tells by its frame that ranges are void; contacts may come without either.
   */
  #voidContacts(): void {
    const slot = this.#memory.contacts;
    const d = slot.doubles[slot.writeIndex];
    d.fill(0);
    d[ContactsField.stampNs] = Number.NEGATIVE_INFINITY;
    d[ContactsField.receivedNs] = Number.NEGATIVE_INFINITY;
    d[ContactsField.sequence] = ++this.#published[Input.contacts];
    slot.publish();
    if (this.#tap !== null) this.#tap(Input.contacts, d, null);
  }

  goal(stampNs: number, receivedNs: number, x: number, y: number, tolerance: number): RejectionCode {
    let code: RejectionCode = Rejection.accepted;
    if (!Number.isFinite(stampNs + receivedNs + x + y + tolerance)) code = Rejection.notFinite;
    else if (Math.abs(x) > POSITION_LIMIT || Math.abs(y) > POSITION_LIMIT) code = Rejection.outOfRange;
    else if (tolerance <= 0) code = Rejection.outOfRange;
    if (this.#count(Input.goal, code)) return code;
    this.#goalCount++;
    this.#publishGoal(stampNs, receivedNs, 1, x, y, tolerance);
    return code;
  }

  cancelGoal(stampNs: number, receivedNs: number): void {
    this.#publishGoal(stampNs, receivedNs, 0, 0, 0, 0);
  }

  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode {
    let code: RejectionCode = Rejection.accepted;
    if (!Number.isFinite(decisionId) || !Number.isFinite(reward) || !Number.isFinite(stampNs)) {
      code = Rejection.notFinite;
    } else if (!Number.isSafeInteger(decisionId) || decisionId < 0) code = Rejection.outOfRange;
    else if (Math.abs(reward) > REWARD_LIMIT) code = Rejection.outOfRange;
    if (this.#count(Input.feedback, code)) return code;
    // No wake: the cycle that comes takes it in, and a reward is nothing to act on.
    const ring = this.#memory.feedback;
    ring.record[FeedbackField.decisionId] = decisionId;
    ring.record[FeedbackField.reward] = reward;
    ring.record[FeedbackField.stampNs] = stampNs;
    ring.commit();
    if (this.#tap !== null) this.#tap(Input.feedback, ring.record, null);
    return code;
  }

  #publishGoal(stampNs: number, receivedNs: number, active: number, x: number, y: number, tolerance: number): void {
    const slot = this.#memory.goal;
    const d = slot.doubles[slot.writeIndex];
    d[GoalField.stampNs] = stampNs;
    d[GoalField.receivedNs] = receivedNs;
    d[GoalField.active] = active;
    d[GoalField.count] = this.#goalCount;
    d[GoalField.x] = x;
    d[GoalField.y] = y;
    d[GoalField.tolerance] = tolerance;
    d[GoalField.sequence] = ++this.#published[Input.goal];
    slot.publish();
    this.#wake();
    if (this.#tap !== null) this.#tap(Input.goal, d, null);
  }

  #checkStamp(input: InputIndex, stampNs: number, receivedNs: number): RejectionCode {
    if (!Number.isFinite(stampNs) || !Number.isFinite(receivedNs)) return Rejection.notFinite;
    const last = this.#lastStampNs[input];
    if (stampNs < last) return Rejection.stampBack;
    return stampNs === last ? Rejection.stampStill : Rejection.accepted;
  }

  #checkScan(scan: RangeScan): RejectionCode {
    const { count, angleIncrement, rangeMin, rangeMax } = scan;
    if (!Number.isInteger(count) || count < 1) return Rejection.wrongLength;
    if (count > this.#memory.layout.sizes.maxBeams || count > scan.ranges.length) return Rejection.wrongLength;
    const geometry = scan.angleMin + angleIncrement + scan.mountX + scan.mountY + scan.mountYaw;
    if (!Number.isFinite(geometry + rangeMin + rangeMax)) return Rejection.notFinite;
    if (angleIncrement === 0 || Math.abs(angleIncrement) * (count - 1) > SWEEP_LIMIT) return Rejection.outOfRange;
    if (rangeMin < 0 || rangeMax <= rangeMin) return Rejection.outOfRange;
    return Rejection.accepted;
  }

  /** @returns whether the reading is refused */
  #count(input: InputIndex, code: RejectionCode): boolean {
    Atomics.add(this.#memory.intake, input * INTAKE_REASONS + code, 1);
    return code !== Rejection.accepted;
  }

  #wake(): void {
    Atomics.add(this.#memory.orders, Order.wake, 1);
    Atomics.notify(this.#memory.orders, Order.wake);
  }
}
