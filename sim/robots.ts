import { DEGREE } from '../src/core/angles.js';

/** A planar laser and where it sits. */
export interface LaserModel {
  beams: number;
  /** Centred on the sensor's x axis [rad]; 2π and more is a full turn, in which no two beams coincide. */
  fieldOfView: number;
  /** [m] */
  rangeMin: number;
  /** [m] */
  rangeMax: number;
  rateHz: number;
  /** Pose in `base_link` [m, m, rad]. */
  mountX: number;
  mountY: number;
  mountYaw: number;
}

/** What the simulator needs to know of a robot: a rectangle centred on `base_link`, its drive and its sensors. */
export interface RobotModel {
  name: string;
  drive: 'differential' | 'omnidirectional';
  /** Along x [m]. */
  length: number;
  /** Along y [m]. */
  width: number;
  /** [kg] */
  mass: number;
  /** [m/s] */
  maxSpeed: number;
  /** [rad/s] */
  maxYawRate: number;
  /** [m/s²] */
  maxAcceleration: number;
  /** [rad/s²] */
  maxYawAcceleration: number;
  laser: LaserModel;
  odometryRateHz: number;
  contactRateHz: number;
  /** The base stops by itself when no new command came for this long [s]. */
  commandTimeoutS: number;
}

/**
 * Clearpath Jackal as the BARN benchmark drives it: base size and limits from jackal_description and jackal_control,
 * mass from its data sheet, laser as in the benchmark's README.
 */
export const jackal: RobotModel = {
  name: 'jackal',
  drive: 'differential',
  length: 0.508,
  width: 0.43,
  mass: 17,
  maxSpeed: 2,
  maxYawRate: 4,
  maxAcceleration: 20,
  maxYawAcceleration: 25,
  laser: {
    beams: 720,
    fieldOfView: 270 * DEGREE,
    rangeMin: 0.1,
    rangeMax: 30,
    rateHz: 50,
    mountX: 0,
    mountY: 0,
    mountYaw: 0,
  },
  odometryRateHz: 50,
  contactRateHz: 50,
  commandTimeoutS: 0.5,
};

/** A square holonomic base of about the same size, which sees all round. */
export const omni: RobotModel = {
  name: 'omni',
  drive: 'omnidirectional',
  length: 0.45,
  width: 0.45,
  mass: 20,
  maxSpeed: 1.5,
  maxYawRate: 3,
  maxAcceleration: 5,
  maxYawAcceleration: 10,
  laser: {
    beams: 720,
    fieldOfView: 360 * DEGREE,
    rangeMin: 0.1,
    rangeMax: 30,
    rateHz: 50,
    mountX: 0,
    mountY: 0,
    mountYaw: 0,
  },
  odometryRateHz: 50,
  contactRateHz: 50,
  commandTimeoutS: 0.5,
};

export const robots: ReadonlyMap<string, RobotModel> = new Map([
  [jackal.name, jackal],
  [omni.name, omni],
]);

/** Distance from `base_link` to the footprint's corners [m]. */
export function circumscribedRadius(robot: RobotModel): number {
  return Math.sqrt(robot.length * robot.length + robot.width * robot.width) / 2;
}

/** Angle from one beam to the next [rad]. A full turn has one gap more than a sector, which ends on a beam. */
export function beamIncrement(laser: LaserModel): number {
  const full = laser.fieldOfView >= 2 * Math.PI;
  return full ? (2 * Math.PI) / laser.beams : laser.fieldOfView / (laser.beams - 1);
}

/** Angle of beam 0 in the sensor frame [rad]. */
export function firstBeamAngle(laser: LaserModel): number {
  return laser.fieldOfView >= 2 * Math.PI ? -Math.PI : -laser.fieldOfView / 2;
}
