/** Velocity commands out of serialized messages: geometry_msgs/Twist and TwistStamped, of either byte order. */
import type { MotionCommand } from '../../port.js';

/** Second byte of the encapsulation: plain CDR, big- and little-endian. */
const BIG_ENDIAN = 0;
const LITTLE_ENDIAN = 1;
/** Where alignment counts from: behind the encapsulation [bytes]. */
const BODY = 4;
/** Stamp of a header [bytes]. */
const STAMP = 8;
const TWIST = 48;

/**
 * Reads the velocity in the robot's plane; the command's other fields stay as they are.
 *
 * @param stamped whether a header comes first
 * @returns false where the message is cut short or no such message, with `out` as it was
 */
export function readTwist(bytes: Buffer, stamped: boolean, out: MotionCommand): boolean {
  if (bytes.length < BODY || bytes[0] !== 0 || (bytes[1] !== BIG_ENDIAN && bytes[1] !== LITTLE_ENDIAN)) return false;
  const little = bytes[1] === LITTLE_ENDIAN;
  let at = BODY;
  if (stamped) {
    const length = BODY + STAMP;
    if (bytes.length < length + 4) return false;
    at = length + 4 + (little ? bytes.readUInt32LE(length) : bytes.readUInt32BE(length));
    at += (8 - ((at - BODY) & 7)) & 7;
  }
  if (bytes.length < at + TWIST) return false;
  out.vx = little ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at);
  out.vy = little ? bytes.readDoubleLE(at + 8) : bytes.readDoubleBE(at + 8);
  out.yawRate = little ? bytes.readDoubleLE(at + 40) : bytes.readDoubleBE(at + 40);
  return true;
}
