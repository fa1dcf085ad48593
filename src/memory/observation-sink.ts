/**
 * The shape of what a robot tells the controller, and of what it is told. Ports and stages meet here and know nothing of
 * one another.
 */

/** Why a reading was refused; `accepted` is 0. Counted per input and reason. */
export const Rejection = {
  accepted: 0,
  notFinite: 1,
  outOfRange: 2,
  wrongLength: 3,
  stampBack: 4,
  stampStill: 5,
} as const;
export type RejectionCode = (typeof Rejection)[keyof typeof Rejection];

/** One planar sweep of a range sensor, as sensor_msgs/LaserScan has it. The caller owns it; the sink copies. */
export interface RangeScan {
  /** Angle of beam 0 in the sensor frame, counter-clockwise [rad]. */
  angleMin: number;
  /** Angle from one beam to the next, may be negative [rad]. */
  angleIncrement: number;
  /** Readings below are too near to measure [m]. */
  rangeMin: number;
  /** Readings at or above, and +Infinity, mean that nothing was seen [m]. */
  rangeMax: number;
  /** Beams used of `ranges`. */
  count: number;
  /** [m]. NaN and negative values are beams that failed; -Infinity is something too near to measure (REP-117). */
  ranges: Float32Array;
  /** The sensor's pose in `base_link` [m, m, rad]. */
  mountX: number;
  mountY: number;
  mountYaw: number;
}

/**
 * Where a port writes what it senses. Stamps are the source's own clock and must rise; `receivedNs` is the
 * controller's monotonic clock, or the time that steps bear, and dates freshness. Each call validates, counts, and
 * publishes or refuses.
 */
export interface ObservationSink {
  /** Pose in `odom` [m, m, rad], velocity in `base_link` [m/s, m/s, rad/s]. */
  odometry(
    stampNs: number,
    receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode;
  ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode;
  /** Contact force by side [N], each ≥ 0. */
  contacts(
    stampNs: number,
    receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode;
  /**
   * From here on the odometry is in another frame, and the robot may stand elsewhere: a simulator's next episode, a
   * restarted base, the next robot. Stamps may begin anew; what the controller remembers of the place is void, and so are
   * contacts: whether there are any sensors of them is told by the next.
   */
  newFrame(): void;
  /** A new goal in `odom` [m, m] with the distance at which it counts as reached [m]; replaces the old one. */
  goal(stampNs: number, receivedNs: number, x: number, y: number, tolerance: number): RejectionCode;
  /** No goal: the robot stops. */
  cancelGoal(stampNs: number, receivedNs: number): void;
  /**
   * What a decision earned, where `reward.source` is `feedback`. In any order, at any rate, as late as
   * `feedback.timeout_s` allows; what becomes of it is counted by the cycle that takes it in.
   *
   * @param decisionId the cycle that made it, as commands (`MotionCommand.cycle`) and decision records name it; ids
   *   begin anew with every run
   * @param stampNs of the source's own clock; must be finite, need not rise
   */
  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode;
}

/** A motion command: velocity in `base_link` [m/s, m/s, rad/s]. */
export interface MotionCommand {
  vx: number;
  vy: number;
  yawRate: number;
  /** The cycle that made it: the decision's id, by which feedback names it. */
  cycle: number;
  /** Safety's reason code; 0 where it let the policy's command pass. */
  reason: number;
  /**
   * Of the odometry that the cycle used, on its source's clock [ns]: says which readings the command rests on. NaN where
   * it rests on none.
   */
  stampNs: number;
}

/** Where a port reads the newest command. */
export interface CommandSource {
  /** Copies the newest command into `out`. @returns whether it is newer than the last one read. @realtime safe */
  read(out: MotionCommand): boolean;
}
