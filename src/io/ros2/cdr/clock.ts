/** rosgraph_msgs/Clock, which may come a thousand times a second: without a reader. */

const SECONDS_AT = 4;
const NANOSECONDS_AT = 8;
const BYTES = 12;

/**
 * @param out seconds, nanoseconds
 * @returns whether it is such a message; if not, `out` is as it was. @realtime safe
 */
export function readClock(bytes: Buffer, out: Int32Array): boolean {
  if (bytes.length < BYTES) return false;
  const little = bytes[1] === 1;
  out[0] = little ? bytes.readInt32LE(SECONDS_AT) : bytes.readInt32BE(SECONDS_AT);
  out[1] = little ? bytes.readUInt32LE(NANOSECONDS_AT) : bytes.readUInt32BE(NANOSECONDS_AT);
  return true;
}
