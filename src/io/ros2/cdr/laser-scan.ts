/** sensor_msgs/LaserScan. Intensities are not looked at: half of the bytes. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header } from './stamped.js';

export class LaserScanMessage {
  readonly header = new Header();
  /** [rad] */
  angleMin = 0;
  angleIncrement = 0;
  /** [m] */
  rangeMin = 0;
  rangeMax = 0;
  /** Beams that the message has. */
  count = 0;
  /** [m]; in the reader's memory, and gone with its next message. */
  ranges: Float32Array = new Float32Array(0);

  /** @returns whether it is such a message; if not, the fields are worth nothing. @realtime safe */
  read(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.angleMin = reader.float32();
    // The angle of the last beam follows from the first and the increment, which is what the beams are placed by.
    reader.skip(1, 4);
    this.angleIncrement = reader.float32();
    reader.skip(2, 4);
    this.rangeMin = reader.float32();
    this.rangeMax = reader.float32();
    this.count = reader.sequence(4);
    this.ranges = reader.float32s(this.count);
    return !reader.failed;
  }
}
