/** irobot_create_msgs/HazardDetectionVector: what the bumpers, cliff sensors and wheels of a Create 3 have noticed. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header } from './stamped.js';

/** Types of irobot_create_msgs/HazardDetection. */
export const Hazard = {
  backupLimit: 0,
  bump: 1,
  cliff: 2,
  stall: 3,
  wheelDrop: 4,
  objectProximity: 5,
} as const;

/** A header with an empty name, and a type. */
const DETECTION_BYTES_MIN = 12 + 1;

export class HazardsMessage {
  /** Of the vector. */
  readonly header = new Header();
  /** Detections that follow. */
  count = 0;
  /** Of the detection read last: where its sensor is, and one of `Hazard`. */
  readonly detectionHeader = new Header();
  type = 0;

  /** @returns whether it is such a message so far */
  begin(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    this.count = reader.sequence(DETECTION_BYTES_MIN);
    return !reader.failed;
  }

  /** Reads the next; to be called `count` times. @returns whether there was one */
  next(reader: CdrReader, names: FrameNames): boolean {
    this.detectionHeader.read(reader, names);
    this.type = reader.uint8();
    return !reader.failed;
  }
}
