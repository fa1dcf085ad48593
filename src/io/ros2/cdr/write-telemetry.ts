/** Messages that come seldom, as CDR. Each gives a view of the writer's buffer, valid until its next use. Main thread. */
import type { CheckpointFile } from '../telemetry-output.js';
import type { CdrWriter } from './write-cdr.js';

/** geometry_msgs/PoseStamped of a point that has no heading. @param stamp seconds, nanoseconds; likewise below */
export function writePose(w: CdrWriter, stamp: Int32Array, frame: string, x: number, y: number): Buffer {
  w.begin().header(stamp, frame);
  w.float64(x).float64(y).float64(0);
  w.float64(0).float64(0).float64(0).float64(1);
  return w.end();
}

/** rfsn_controller/Checkpoint. @param checksum SHA-256 of the data, hex digits */
export function writeCheckpoint(
  w: CdrWriter,
  stamp: Int32Array,
  frame: string,
  file: CheckpointFile,
  checksum: string,
): Buffer {
  w.begin().header(stamp, frame);
  w.text(file.policyId).uint32(file.formatVersion).text(file.schemaHash);
  w.uint64(file.updates).uint64(file.cycles).uint32(file.episodes);
  w.text(checksum).bytes(file.data);
  return w.end();
}
