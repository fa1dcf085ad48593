/** geometry_msgs/WrenchStamped: the force, not the torque. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header } from './stamped.js';

export class WrenchStampedMessage {
  readonly header = new Header();
  /** The frame's name is empty. */
  nowhere = false;
  /** [N], in the header's frame. */
  forceX = 0;
  forceY = 0;
  forceZ = 0;

  /** @returns whether it is such a message; if not, the fields are worth nothing. @realtime safe */
  read(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.nowhere = reader.stringStart === reader.stringEnd;
    this.forceX = reader.float64();
    this.forceY = reader.float64();
    this.forceZ = reader.float64();
    reader.skip(3, 8);
    return !reader.failed;
  }
}
