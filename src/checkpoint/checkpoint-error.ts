/**
 * Why a checkpoint was refused, or could not be written. One word for programs and telemetry; the error's message is the
 * sentence for a person.
 */
export type CheckpointErrorReason =
  /** The bytes do not begin as a checkpoint does. */
  | 'notACheckpoint'
  /** The file ends before its header says it does. */
  | 'truncated'
  /** The file goes on after its header says it ends. */
  | 'trailingBytes'
  /** Written by a newer version of this program. */
  | 'futureVersion'
  /** The bytes are not those that were written. */
  | 'checksum'
  /** The checksum holds and the content makes no sense: written by a faulty or hostile program. */
  | 'malformed'
  /** A good checkpoint of other features or another policy. */
  | 'schemaMismatch'
  /** More than `MAX_CHECKPOINT_BYTES`. */
  | 'tooLarge'
  /** The operating system would not let the file or folder be read; `code` says why. */
  | 'unreadable'
  /** The folder holds checkpoints and not one of them can be used. */
  | 'noneGood'
  /** What was to be written cannot be represented in a checkpoint. */
  | 'badContent'
  /** The disk or the quota is full. */
  | 'noSpace'
  /** The folder or its file system does not allow writing. */
  | 'notWritable'
  /** Any other failure while saving; `code` says which. */
  | 'saveFailed';

/** The only error that reading and writing checkpoints throws. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly reason: CheckpointErrorReason;
  /** The operating system's code (`ENOSPC`, `EACCES`, …) where there was one. */
  readonly code: string | undefined;

  constructor(reason: CheckpointErrorReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.code = systemCode(cause);
  }
}

/** The `code` of an error of the operating system, undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
