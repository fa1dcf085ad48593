/** diagnostic_msgs/DiagnosticArray as CDR. Main thread. */
import type { CdrWriter } from './write-cdr.js';

/** `DiagnosticStatus.level`. */
export const Level = { ok: 0, warn: 1, error: 2, stale: 3 } as const;
export type LevelCode = (typeof Level)[keyof typeof Level];

export interface DiagnosticStatus {
  readonly level: LevelCode;
  readonly name: string;
  /** One sentence for a person. */
  readonly message: string;
  readonly values: readonly (readonly [key: string, value: string])[];
}

/** @param stamp seconds, nanoseconds. @returns a view of the writer's buffer, valid until its next use */
export function writeDiagnostics(
  w: CdrWriter,
  stamp: Int32Array,
  hardwareId: string,
  statuses: readonly DiagnosticStatus[],
): Buffer {
  w.begin().header(stamp, '').uint32(statuses.length);
  for (const { level, name, message, values } of statuses) {
    w.uint8(level).text(name).text(message).text(hardwareId).uint32(values.length);
    for (const [key, value] of values) w.text(key).text(value);
  }
  return w.end();
}
