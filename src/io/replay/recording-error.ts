/** What kept a recording from being replayed at all. A recording that stops half-way is no error: see `RecordingEnd`. */
export type RecordingFault =
  /** The file cannot be opened or read. */
  | 'unreadable'
  /** It does not begin with MCAP's magic. */
  | 'not-mcap'
  /** No channel carries `nav_msgs/msg/Odometry` as CDR. */
  | 'no-odometry'
  /** A topic was asked for that the recording does not have. */
  | 'unknown-topic'
  /** A topic was asked for that carries something else. */
  | 'wrong-type'
  /** The recording's own definition of a message is not the one this version reads. */
  | 'schema';

/** The message is one sentence for a person; `fault` is for programs. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly fault: RecordingFault;

  constructor(fault: RecordingFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
