/**
 * How ROS's time and the controller's go together. Stamps of messages count from 1970 or from a simulation's start, more
 * nanoseconds than a double holds exactly: here they count from a base that is set once.
 */

/** What arrives is dated by it; inputs know no more of time than this. */
export interface ReadingTime {
  /** When something that arrives now was received, on the controller's clock or on that of dated steps [ns]. */
  nowNs(): number;
  /** A message's stamp as the sink takes it: from the base, exact to the nanosecond [ns]. */
  stampNs(seconds: number, nanoseconds: number): number;
  /**
   * When a reading with that stamp (of `stampNs`) counts as received [ns]: at most as long ago as its stamp says, where
   * stamps are of this machine's time, and never in the future; now, where they are not.
   */
  receivedNs(stampNs: number): number;
}

/** For stamps of what is published. */
export interface StampSource {
  /** ROS time now, of `/clock` where that is followed. @param out seconds, nanoseconds */
  rosNowInto(out: Int32Array): void;
  /** The ROS time of a moment on the controller's clock. */
  rosTimeInto(controllerNs: number, out: Int32Array): void;
}
