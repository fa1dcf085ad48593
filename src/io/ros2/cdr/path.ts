/** nav_msgs/Path. Poses are taken to be in the path's own frame: what their headers say is passed over. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header, skipHeader } from './stamped.js';

/** A header with an empty name, and seven doubles. */
const POSE_BYTES_MIN = 12 + 56;

export class PathMessage {
  readonly header = new Header();
  nowhere = false;
  /** Poses that follow. */
  count = 0;
  /** Of the pose read last [m]; not finite where its position is not. */
  x = 0;
  y = 0;
  z = 0;

  /** Reads what is before the poses. @returns whether it is such a message so far */
  begin(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.nowhere = reader.stringStart === reader.stringEnd;
    this.count = reader.sequence(POSE_BYTES_MIN);
    return !reader.failed;
  }

  /** Reads the next pose; to be called `count` times. @returns whether there was one */
  next(reader: CdrReader): boolean {
    skipHeader(reader);
    this.x = reader.float64();
    this.y = reader.float64();
    this.z = reader.float64();
    reader.skip(4, 8);
    return !reader.failed;
  }
}
