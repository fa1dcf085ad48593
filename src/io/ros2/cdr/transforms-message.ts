/** tf2_msgs/TFMessage, one transform after the other. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header } from './stamped.js';

/** A header and a child's name, both empty, and seven doubles. */
const TRANSFORM_BYTES_MIN = 12 + 4 + 56;

export class TransformsMessage {
  readonly header = new Header();
  /** Transforms that follow. */
  count = 0;
  childFrame = -1;
  /** Pose of the child in the header's frame: translation [m], rotation as a quaternion. */
  x = 0;
  y = 0;
  z = 0;
  qx = 0;
  qy = 0;
  qz = 0;
  qw = 1;

  /** @returns whether it is such a message so far */
  begin(reader: CdrReader, bytes: Uint8Array): boolean {
    if (!reader.open(bytes)) return false;
    this.count = reader.sequence(TRANSFORM_BYTES_MIN);
    return !reader.failed;
  }

  /** Reads the next; to be called `count` times. @returns whether there was one */
  next(reader: CdrReader, names: FrameNames): boolean {
    this.header.read(reader, names);
    reader.string();
    this.childFrame = names.intern(reader.bytes, reader.stringStart, reader.stringEnd);
    this.x = reader.float64();
    this.y = reader.float64();
    this.z = reader.float64();
    this.qx = reader.float64();
    this.qy = reader.float64();
    this.qz = reader.float64();
    this.qw = reader.float64();
    return !reader.failed;
  }
}
