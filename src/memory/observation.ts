/**
 * What the control thread holds of the robot's newest readings: raw, validated, in SI units, dated. `sense` is its one
 * writer; features, reward and safety read it. Allocated once; the scan's arrays hold `maxBeams` points.
 */

/** Sectors of 45° around the robot; sector 0 is centred on +x, counter-clockwise. As many as there are actions. */
export const SECTOR_COUNT = 8;
/** Sides a contact force is known by: front, left, back, right. */
export const SIDE_COUNT = 4;

export class Observation {
  /**
   * The cycle's time [ns]: when it started, or what the step that it runs on bears. Everything is dated by it, and it
   * falls only where all that was dated is void (`jumped`).
   */
  nowNs = 0;
  /**
   * Where `nowNs` is that of the last step, how long ago that was asked for, on the controller's clock [ns]; 0 in the
   * step's own cycle. A robot's time does not go on while nothing is heard of it, but its readings age.
   */
  silenceNs = 0;
  /** Pose in `odom` [m, m, rad in [-π, π)]. */
  x = 0;
  y = 0;
  yaw = 0;
  /** Velocity in `base_link` [m/s, m/s, rad/s]. */
  vx = 0;
  vy = 0;
  yawRate = 0;
  odometryStampNs = 0;
  odometryAgeNs = Number.POSITIVE_INFINITY;
  /** Which of its input's readings it was, from 1; 0 before the first. Likewise for the others. */
  odometrySequence = 0;
  /** The robot stands elsewhere than it can have driven: what was remembered of the place is void. */
  jumped = false;

  rangesStampNs = 0;
  rangesAgeNs = Number.POSITIVE_INFINITY;
  rangesSequence = 0;
  /** A scan landed in this cycle. */
  newScan = false;
  /** Scans taken since the start. */
  scanCount = 0;
  /** The robot's pose in `odom` when the scan was taken [m, m, rad]. */
  scanX = 0;
  scanY = 0;
  scanYaw = 0;
  /** Beams that hit something, in `base_link` as it was at the scan [m]. */
  readonly pointX: Float64Array;
  readonly pointY: Float64Array;
  /** Their bearing from `base_link`'s origin [rad, in [-π, π]]. */
  readonly pointBearing: Float64Array;
  pointCount = 0;
  /** Nearest obstacle by sector from `base_link`'s origin [m]; the sensor's limit where nothing is seen. */
  readonly sectorRange = new Float64Array(SECTOR_COUNT);
  /** Bit k: sector k is watched, by beams that work. A cleared bit is a blind sector. */
  sectorValid = 0;
  /** The watched arc, from its clockwise end counter-clockwise [rad, in `base_link`]; 2π where it closes. */
  arcStart = 0;
  arcLength = 0;
  /** Where the sensor is in `base_link` [m]. */
  mountX = 0;
  mountY = 0;
  /** [m] */
  rangeMax = 0;

  /** Contact force by side: front, left, back, right [N]. */
  readonly contact = new Float64Array(SIDE_COUNT);
  contactsAgeNs = Number.POSITIVE_INFINITY;
  contactsSequence = 0;

  hasGoal = false;
  /** Rises with each goal accepted. */
  goalCount = 0;
  goalSequence = 0;
  /** A goal was accepted in this cycle. */
  newGoal = false;
  /** In `odom` [m]. */
  goalX = 0;
  goalY = 0;
  /** [m] */
  goalTolerance = 0;
  /** Where the robot was when the goal was accepted, in `odom` [m]. */
  goalOriginX = 0;
  goalOriginY = 0;
  /** The goal in `base_link` [m, m], its distance [m] and bearing [rad]. */
  goalForward = 0;
  goalLeft = 0;
  goalDistance = 0;
  goalBearing = 0;

  constructor(maxBeams: number) {
    this.pointX = new Float64Array(maxBeams);
    this.pointY = new Float64Array(maxBeams);
    this.pointBearing = new Float64Array(maxBeams);
  }
}
