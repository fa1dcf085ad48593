/** The simulated robot as the link knows it: what it says of itself, and what it senses. */
import { beamIncrement, firstBeamAngle, type RobotModel } from '../../sim/index.js';
import { type ObservationSink, type RangeScan, Rejection, type RejectionCode } from '../io/port.js';
import type { ClockKind, Mode } from '../io/zeromq/protocol/protocol.js';
import type { RobotDescription, RobotReading } from '../io/zeromq/robot/robot-dialogue.js';
import type { RobotLink } from '../io/zeromq/robot/robot-link.js';

/** @param rateHz senses a second */
export function describeRobot(robot: RobotModel, mode: Mode, clock: ClockKind, rateHz: number): RobotDescription {
  const { laser } = robot;
  return {
    name: robot.name,
    mode,
    clock,
    drive: robot.drive,
    size: [robot.length, robot.width],
    max: [robot.maxSpeed, robot.maxYawRate, robot.maxAcceleration, robot.maxYawAcceleration],
    rate: rateHz,
    scan: {
      n: laser.beams,
      a0: firstBeamAngle(laser),
      da: beamIncrement(laser),
      rmin: laser.rangeMin,
      rmax: laser.rangeMax,
      x: laser.mountX,
      y: laser.mountY,
      yaw: laser.mountYaw,
    },
    contacts: true,
  };
}

/**
 * Gathers what the simulator senses at one moment into one reading. Whoever asks takes it (lockstep); where nobody does,
 * it is handed on once the moment has passed (free mode).
 */
export class SensingSink implements ObservationSink {
  readonly #link: RobotLink;
  /** The robot's clock when the simulator's showed 0 [ns]. */
  readonly #originNs: () => number;
  readonly #onReading: ((reading: RobotReading) => void) | null;
  #reading: RobotReading = {};
  #stampNs = Number.NaN;
  #lastS = Number.NEGATIVE_INFINITY;
  #handingOn = false;

  /** @param onReading null: readings are taken with `take` */
  constructor(link: RobotLink, originNs: () => number, onReading: ((reading: RobotReading) => void) | null) {
    this.#link = link;
    this.#originNs = originNs;
    this.#onReading = onReading;
  }

  /** What was sensed since the last call; its stamp is that of the newest. */
  take(): RobotReading {
    const reading = this.#reading;
    // Readings that a fault delayed come after newer ones; one sense has one stamp, and stamps rise.
    this.#lastS = Math.max(this.#lastS + 1e-6, (this.#originNs() + this.#stampNs) / 1e9);
    if (!Number.isNaN(this.#lastS)) reading.t = this.#lastS;
    this.#reading = {};
    return reading;
  }

  odometry(
    stampNs: number,
    _receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode {
    this.#at(stampNs);
    this.#reading.odom = [x, y, yaw, vx, vy, yawRate];
    return Rejection.accepted;
  }

  ranges(stampNs: number, _receivedNs: number, scan: RangeScan): RejectionCode {
    this.#at(stampNs);
    this.#reading.ranges = scan.ranges.slice(0, scan.count);
    return Rejection.accepted;
  }

  contacts(
    stampNs: number,
    _receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode {
    this.#at(stampNs);
    this.#reading.contacts = [front, left, back, right];
    return Rejection.accepted;
  }

  newFrame(): void {
    this.#handOn();
    this.#link.newFrame();
  }

  goal(_stampNs: number, _receivedNs: number, x: number, y: number, tolerance: number): RejectionCode {
    this.#link.goal([x, y, tolerance]);
    return Rejection.accepted;
  }

  cancelGoal(): void {
    this.#link.goal(null);
  }

  feedback(decisionId: number, reward: number): RejectionCode {
    this.#link.feedback(decisionId, reward);
    return Rejection.accepted;
  }

  #at(stampNs: number): void {
    if (stampNs !== this.#stampNs) this.#handOn();
    this.#stampNs = stampNs;
    if (this.#onReading === null || this.#handingOn) return;
    this.#handingOn = true;
    // The simulator's step ends before this runs.
    queueMicrotask(() => {
      this.#handingOn = false;
      this.#handOn();
    });
  }

  #handOn(): void {
    if (this.#onReading === null || Object.keys(this.#reading).length === 0) return;
    this.#onReading(this.take());
  }
}
