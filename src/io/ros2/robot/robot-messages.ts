/**
 * What a robot publishes, as CDR, little-endian. A message is laid out once, with all that never changes (frames,
 * covariances, array lengths); then only the fields that do are written over. One publication of an odometry costs what
 * the middleware takes for it, and a hundredth of what building it from an object does.
 *
 * Each `write` returns the message's own buffer, valid until the next one. Main thread. @realtime unsafe
 */
import type { RangeScan } from '../../port.js';
import { CdrWriter } from '../cdr/write-cdr.js';

/** ROS time of a message. */
export interface Stamp {
  seconds: number;
  nanoseconds: number;
}

const NO_STAMP = new Int32Array(2);
const COVARIANCE = 36;

abstract class LaidOutMessage {
  readonly bytes: Buffer;
  protected readonly view: DataView;

  protected constructor(writer: CdrWriter) {
    this.bytes = Buffer.from(writer.end());
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  protected stampAt(offset: number, { seconds, nanoseconds }: Stamp): void {
    this.view.setInt32(offset, seconds, true);
    this.view.setUint32(offset + 4, nanoseconds, true);
  }

  /** A turn about z as a quaternion, whose x and y stay 0. @param offset of its x */
  protected turnAt(offset: number, yaw: number): void {
    this.view.setFloat64(offset + 16, Math.sin(yaw / 2), true);
    this.view.setFloat64(offset + 24, Math.cos(yaw / 2), true);
  }
}

/** Where the stamp lies in a message that begins with a header: behind the encapsulation. */
const HEADER_STAMP = 4;

/** A header of which the stamp is still to come. */
function beginWithHeader(frame: string): CdrWriter {
  return new CdrWriter().begin().header(NO_STAMP, frame);
}

/** @returns where the first of them lies */
function float64s(writer: CdrWriter, count: number): number {
  writer.float64(0);
  const first = writer.size - 8;
  for (let i = 1; i < count; i++) writer.float64(0);
  return first;
}

/** nav_msgs/Odometry. Covariances are zero: unknown. */
export class OdometryMessage extends LaidOutMessage {
  readonly #pose: number;
  readonly #twist: number;

  constructor(odomFrame: string, baseFrame: string) {
    const writer = beginWithHeader(odomFrame).text(baseFrame);
    const pose = float64s(writer, 7);
    float64s(writer, COVARIANCE);
    const twist = float64s(writer, 6);
    float64s(writer, COVARIANCE);
    super(writer);
    this.#pose = pose;
    this.#twist = twist;
  }

  /** Pose in the odometry's frame [m, m, rad], velocity in the robot's [m/s, m/s, rad/s]. */
  write(stamp: Stamp, x: number, y: number, yaw: number, vx: number, vy: number, yawRate: number): Buffer {
    this.stampAt(HEADER_STAMP, stamp);
    const { view } = this;
    view.setFloat64(this.#pose, x, true);
    view.setFloat64(this.#pose + 8, y, true);
    this.turnAt(this.#pose + 24, yaw);
    view.setFloat64(this.#twist, vx, true);
    view.setFloat64(this.#twist + 8, vy, true);
    view.setFloat64(this.#twist + 40, yawRate, true);
    return this.bytes;
  }
}

/** tf2_msgs/TFMessage with one transform. */
export class TransformMessage extends LaidOutMessage {
  readonly #stamp: number;
  readonly #transform: number;

  constructor(parent: string, child: string) {
    const writer = new CdrWriter().begin().uint32(1);
    const stamp = writer.size;
    writer.header(NO_STAMP, parent).text(child);
    const transform = float64s(writer, 7);
    super(writer);
    this.#stamp = stamp;
    this.#transform = transform;
  }

  /** The child's pose in its parent's frame [m, m, rad]. */
  write(stamp: Stamp, x: number, y: number, yaw: number): Buffer {
    this.stampAt(this.#stamp, stamp);
    this.view.setFloat64(this.#transform, x, true);
    this.view.setFloat64(this.#transform + 8, y, true);
    this.turnAt(this.#transform + 24, yaw);
    return this.bytes;
  }
}

/** sensor_msgs/LaserScan, of as many beams as the first one has. */
export class ScanMessage extends LaidOutMessage {
  readonly beams: number;
  readonly #ranges: number;

  /** @param periodS from scan to scan [s]; all beams of one are taken at once */
  constructor(frame: string, scan: RangeScan, periodS: number) {
    const { count, angleMin, angleIncrement, rangeMin, rangeMax } = scan;
    const writer = beginWithHeader(frame);
    writer.float32(angleMin).float32(angleMin + (count - 1) * angleIncrement);
    writer.float32(angleIncrement).float32(0).float32(periodS).float32(rangeMin).float32(rangeMax);
    writer.uint32(count);
    const ranges = writer.size;
    for (let i = 0; i < count; i++) writer.float32(0);
    writer.uint32(0);
    super(writer);
    this.beams = count;
    this.#ranges = ranges;
  }

  /** @param ranges [m]; what is not nearer than `rangeMax` was not seen, which REP-117 has as +Infinity */
  write(stamp: Stamp, ranges: Float32Array, rangeMax: number): Buffer {
    this.stampAt(HEADER_STAMP, stamp);
    const { view } = this;
    for (let i = 0, at = this.#ranges; i < this.beams; i++, at += 4) {
      const range = ranges[i];
      view.setFloat32(at, range >= rangeMax ? Number.POSITIVE_INFINITY : range, true);
    }
    return this.bytes;
  }
}

/** geometry_msgs/WrenchStamped: a force without torque. */
export class WrenchMessage extends LaidOutMessage {
  readonly #force: number;

  constructor(frame: string) {
    const writer = beginWithHeader(frame);
    const force = float64s(writer, 6);
    super(writer);
    this.#force = force;
  }

  /** What acts on the robot [N]. */
  write(stamp: Stamp, x: number, y: number): Buffer {
    this.stampAt(HEADER_STAMP, stamp);
    this.view.setFloat64(this.#force, x, true);
    this.view.setFloat64(this.#force + 8, y, true);
    return this.bytes;
  }
}

/** geometry_msgs/PoseStamped. */
export class PoseMessage extends LaidOutMessage {
  readonly #pose: number;

  constructor(frame: string) {
    const writer = beginWithHeader(frame);
    const pose = float64s(writer, 7);
    super(writer);
    this.#pose = pose;
  }

  /** [m, m, rad] */
  write(stamp: Stamp, x: number, y: number, yaw: number): Buffer {
    this.stampAt(HEADER_STAMP, stamp);
    this.view.setFloat64(this.#pose, x, true);
    this.view.setFloat64(this.#pose + 8, y, true);
    this.turnAt(this.#pose + 24, yaw);
    return this.bytes;
  }
}

/** rosgraph_msgs/Clock. */
export class ClockMessage extends LaidOutMessage {
  constructor() {
    super(new CdrWriter().begin().int32(0).uint32(0));
  }

  write(stamp: Stamp): Buffer {
    this.stampAt(4, stamp);
    return this.bytes;
  }
}
