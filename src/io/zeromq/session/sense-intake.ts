/**
 * A robot's readings and goals on their way into the controller's sink: what of them it took, which place they are of, and
 * whether both inputs have come from there, without which nothing may move. Main thread.
 */
import { endianness } from 'node:os';
import { type ObservationSink, type RangeScan, Rejection, type RejectionCode } from '../../port.js';
import type { GoalTuple, Hello, Sense } from '../protocol/protocol.js';
import { StampMemory } from './stamp-memory.js';

const BYTES_PER_BEAM = 4;
const BIG_ENDIAN = endianness() === 'BE';

export class SenseIntake {
  /** Of the senses with odometry of this place. */
  readonly stamps = new StampMemory();
  /** Inputs that the sink took, and the first that it did not, of the sense in hand. */
  taken = 0;
  refusal: RejectionCode = Rejection.accepted;
  refusedInput = '';
  /** No reading of it was taken, and some for their stamps, which lie before the last. */
  allBack = false;
  readonly #sink: ObservationSink;
  #hello: Hello;
  #beams: Float32Array;
  #beamBytes: Uint8Array;
  #scan: RangeScan;
  #odometryCame = false;
  #rangesCame = false;
  #frame = Number.NaN;
  #goal: GoalTuple | null = null;
  /** In whose coordinates. */
  #goalFrame = Number.NaN;

  /** Nothing of the robot before is left in the sink. */
  constructor(sink: ObservationSink, hello: Hello, nowNs: number) {
    this.#sink = sink;
    this.#hello = hello;
    this.#beams = new Float32Array(hello.scan.n);
    this.#beamBytes = new Uint8Array(this.#beams.buffer);
    this.#scan = scanOf(hello, this.#beams);
    sink.newFrame();
    sink.cancelGoal(nowNs, nowNs);
  }

  /** Whether odometry and ranges of this place have come. */
  get ready(): boolean {
    return this.#odometryCame && this.#rangesCame;
  }

  /** The robot came back, and may sense with something else. @returns whether it does, or has another outline */
  use(hello: Hello): boolean {
    const before = this.#hello;
    this.#hello = hello;
    const { scan, size, contacts } = hello;
    const same = sameScan(hello, before);
    if (!same) {
      if (scan.n !== this.#beams.length) {
        this.#beams = new Float32Array(scan.n);
        this.#beamBytes = new Uint8Array(this.#beams.buffer);
      }
      this.#scan = scanOf(hello, this.#beams);
    }
    return !same || contacts !== before.contacts || size[0] !== before.size[0] || size[1] !== before.size[1];
  }

  /** The robot stands in another place, or its readings are of another time: both inputs must come anew. */
  voidPlace(): void {
    this.#sink.newFrame();
    this.#odometryCame = false;
    this.#rangesCame = false;
    this.stamps.clear();
  }

  /** What is wrong with the number of beams; null where it is as the hello said. */
  misfit({ ranges }: Sense): string | null {
    const { count } = this.#scan;
    if (ranges === undefined || ranges.length === count * BYTES_PER_BEAM) return null;
    return `ranges must be ${count} beams of ${BYTES_PER_BEAM} bytes, as the hello said, got ${ranges.length} bytes`;
  }

  /** Whether that is another frame than the last. */
  isOther(frame: number): boolean {
    return frame !== this.#frame;
  }

  /** The sense in hand is of this frame. @returns whether the robot was in another before, so that the place is void */
  enter(frame: number): boolean {
    const first = Number.isNaN(this.#frame);
    if (first) this.#goalFrame = frame;
    const entered = !first && frame !== this.#frame;
    this.#frame = frame;
    return entered;
  }

  /** Hands the readings to the sink; the fields tell what became of them. */
  feed(sense: Sense, stampNs: number, datedNs: number): void {
    const sink = this.#sink;
    const { odom, ranges, contacts, goal, q, t } = sense;
    this.taken = 0;
    this.refusal = Rejection.accepted;
    let back = 0;
    if (odom !== undefined) {
      const code = sink.odometry(stampNs, datedNs, odom[0], odom[1], odom[2], odom[3], odom[4], odom[5]);
      if (this.#note('odom', code)) {
        this.#odometryCame = true;
        this.stamps.remember(stampNs, q, t);
      }
      if (code === Rejection.stampBack) back++;
    }
    if (ranges !== undefined) {
      // A view into the message, aligned to nothing.
      this.#beamBytes.set(ranges);
      if (BIG_ENDIAN) Buffer.from(this.#beams.buffer).swap32();
      const code = sink.ranges(stampNs, datedNs, this.#scan);
      if (this.#note('ranges', code)) this.#rangesCame = true;
      if (code === Rejection.stampBack) back++;
    }
    if (contacts !== undefined) {
      const code = sink.contacts(stampNs, datedNs, contacts[0], contacts[1], contacts[2], contacts[3]);
      this.#note('contacts', code);
      if (code === Rejection.stampBack) back++;
    }
    this.allBack = back > 0 && this.taken === 0;
    if (goal !== undefined) {
      const code = this.setGoal(goal, stampNs, datedNs);
      if (code !== Rejection.accepted && this.refusal === Rejection.accepted) {
        this.refusal = code;
        this.refusedInput = 'goal';
      }
    }
  }

  /**
   * The same goal again is no new one: the controller measures progress from where a goal was accepted. In another frame
   * the same coordinates are another place.
   */
  setGoal(goal: GoalTuple | null, stampNs: number, datedNs: number): RejectionCode {
    const old = this.#goal;
    const sink = this.#sink;
    if (goal === null) {
      if (old !== null) sink.cancelGoal(stampNs, datedNs);
      this.#goal = null;
      return Rejection.accepted;
    }
    const same = old !== null && old[0] === goal[0] && old[1] === goal[1] && old[2] === goal[2];
    if (same && this.#goalFrame === this.#frame) return Rejection.accepted;
    const code = sink.goal(stampNs, datedNs, goal[0], goal[1], goal[2]);
    if (code === Rejection.accepted) {
      this.#goal = goal;
      this.#goalFrame = this.#frame;
    }
    return code;
  }

  /** @returns whether the reading was taken */
  #note(input: string, code: RejectionCode): boolean {
    if (code === Rejection.accepted) {
      this.taken++;
      return true;
    }
    if (this.refusal === Rejection.accepted) {
      this.refusal = code;
      this.refusedInput = input;
    }
    return false;
  }
}

/** Why the sink refused a reading, for the robot's people. */
export function describeRejection(code: RejectionCode): string {
  switch (code) {
    case Rejection.notFinite:
      return 'not a finite number, or no beam that worked';
    case Rejection.outOfRange:
      return 'out of all bounds';
    case Rejection.wrongLength:
      return 'of the wrong length';
    case Rejection.stampBack:
      return 't is before that of the last';
    case Rejection.stampStill:
      return 't is that of the last';
    default:
      return 'accepted';
  }
}

function scanOf({ scan }: Hello, ranges: Float32Array): RangeScan {
  return {
    angleMin: scan.a0,
    angleIncrement: scan.da,
    rangeMin: scan.rmin,
    rangeMax: scan.rmax,
    count: scan.n,
    ranges,
    mountX: scan.x ?? 0,
    mountY: scan.y ?? 0,
    mountYaw: scan.yaw ?? 0,
  };
}

function sameScan({ scan: a }: Hello, { scan: b }: Hello): boolean {
  return (
    a.n === b.n &&
    a.a0 === b.a0 &&
    a.da === b.da &&
    a.rmin === b.rmin &&
    a.rmax === b.rmax &&
    (a.x ?? 0) === (b.x ?? 0) &&
    (a.y ?? 0) === (b.y ?? 0) &&
    (a.yaw ?? 0) === (b.yaw ?? 0)
  );
}
