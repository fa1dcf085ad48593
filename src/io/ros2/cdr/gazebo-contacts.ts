/** ros_gz_interfaces/Contacts: of each contact where it is, and its force where there is one. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header, skipHeader } from './stamped.js';

/** Two entities with empty names, and four empty sequences. */
const CONTACT_BYTES_MIN = 2 * 13 + 4 * 4;
const VECTOR_BYTES = 24;
/** Headers and names, all empty, and two wrenches. */
const WRENCH_BYTES_MIN = 12 + 4 * 4 + 2 * 48;

export class GazeboContactsMessage {
  readonly header = new Header();
  /** The frame's name is empty. */
  nowhere = false;
  /** Contacts that follow. */
  count = 0;
  /** Of the contact read last: mean of its positions [m]; NaN where it has none. */
  x = 0;
  y = 0;
  /** Sum of the forces on the first body [N]; 0 where none is told, as in stock Gazebo. */
  force = 0;

  /** @returns whether it is such a message so far */
  begin(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.nowhere = reader.stringStart === reader.stringEnd;
    this.count = reader.sequence(CONTACT_BYTES_MIN);
    return !reader.failed;
  }

  /** Reads the next; to be called `count` times. @returns whether there was one */
  next(reader: CdrReader): boolean {
    skipEntity(reader);
    skipEntity(reader);
    const positions = reader.sequence(VECTOR_BYTES);
    let x = 0;
    let y = 0;
    for (let i = 0; i < positions; i++) {
      x += reader.float64();
      y += reader.float64();
      reader.skip(1, 8);
    }
    this.x = positions > 0 ? x / positions : Number.NaN;
    this.y = positions > 0 ? y / positions : Number.NaN;
    reader.skip(reader.sequence(VECTOR_BYTES) * 3, 8);
    reader.skip(reader.sequence(8), 8);
    const wrenches = reader.sequence(WRENCH_BYTES_MIN);
    this.force = 0;
    for (let i = 0; i < wrenches && !reader.failed; i++) this.force += readJointForce(reader);
    return !reader.failed;
  }
}

/** ros_gz_interfaces/Entity */
function skipEntity(reader: CdrReader): void {
  reader.skip(1, 8);
  reader.string();
  reader.skip(1, 1);
}

/** ros_gz_interfaces/JointWrench. @returns the size of the force on the first body [N] */
function readJointForce(reader: CdrReader): number {
  skipHeader(reader);
  reader.string();
  reader.skip(1, 4);
  reader.string();
  reader.skip(1, 4);
  const x = reader.float64();
  const y = reader.float64();
  const z = reader.float64();
  reader.skip(9, 8);
  return Math.sqrt(x * x + y * y + z * z);
}
