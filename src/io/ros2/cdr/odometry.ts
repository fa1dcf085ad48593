/** nav_msgs/Odometry: pose in `header.frame_id`, twist in `child_frame_id`. */
import type { CdrReader } from './cdr-reader.js';
import { type FrameNames, Header, yawOf } from './stamped.js';

const COVARIANCE = 36;

export class OdometryMessage {
  readonly header = new Header();
  childFrame = -1;
  /** [m, m, rad] */
  x = 0;
  y = 0;
  yaw = 0;
  /** [m/s, m/s, rad/s] */
  vx = 0;
  vy = 0;
  yawRate = 0;

  /** @returns whether it is such a message; if not, the fields are worth nothing. @realtime safe */
  read(reader: CdrReader, bytes: Uint8Array, names: FrameNames): boolean {
    if (!reader.open(bytes)) return false;
    this.header.read(reader, names);
    reader.string();
    this.childFrame = names.intern(reader.bytes, reader.stringStart, reader.stringEnd);
    this.x = reader.float64();
    this.y = reader.float64();
    reader.float64();
    const qx = reader.float64();
    const qy = reader.float64();
    const qz = reader.float64();
    const qw = reader.float64();
    this.yaw = yawOf(qx, qy, qz, qw);
    reader.skip(COVARIANCE, 8);
    this.vx = reader.float64();
    this.vy = reader.float64();
    reader.skip(3, 8);
    this.yawRate = reader.float64();
    reader.skip(COVARIANCE, 8);
    return !reader.failed;
  }
}
