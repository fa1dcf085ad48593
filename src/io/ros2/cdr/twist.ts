/** geometry_msgs/Twist and TwistStamped: the velocity in the robot's plane. */
import type { MotionCommand } from '../../../memory/observation-sink.js';
import type { CdrReader } from './cdr-reader.js';
import { skipHeader } from './stamped.js';

/**
 * @param stamped whether a header comes first
 * @param out its other fields stay as they are
 * @returns whether it is such a message; if not, `out` is as it was. @realtime safe
 */
export function readTwist(reader: CdrReader, bytes: Uint8Array, stamped: boolean, out: MotionCommand): boolean {
  if (!reader.open(bytes)) return false;
  if (stamped) skipHeader(reader);
  const vx = reader.float64();
  const vy = reader.float64();
  reader.skip(3, 8);
  const yawRate = reader.float64();
  if (reader.failed) return false;
  out.vx = vx;
  out.vy = vy;
  out.yawRate = yawRate;
  return true;
}
