/** geometry_msgs/PoseStamped. Of the orientation only that it is one: a goal is a place. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header } from './stamped.js';

export class PoseStampedMessage {
  readonly header = new Header();
  /** The frame's name is empty. */
  nowhere = false;
  /** [m]; not finite where anything of the pose is not. */
  x = 0;
  y = 0;
  z = 0;

  /** @returns whether it is such a message; if not, the fields are worth nothing */
  read(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.nowhere = reader.stringStart === reader.stringEnd;
    this.x = reader.float64();
    this.y = reader.float64();
    this.z = reader.float64();
    const rest = this.z + reader.float64() + reader.float64() + reader.float64() + reader.float64();
    if (!Number.isFinite(rest)) this.x = Number.NaN;
    return !reader.failed;
  }
}
