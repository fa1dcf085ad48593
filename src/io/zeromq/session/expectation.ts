/**
 * A hello held against the robot that the parameters describe. Safety reckons with what the parameters say, so a robot
 * that is larger, slower to stop or less sighted than that is refused, with the setting that would fit it.
 */
import { findParameter, type ParameterName, type ParameterValues } from '../../../parameters/schema.js';
import type { Hello, RefusalCode } from '../protocol/protocol.js';
import type { RobotExpectation } from './session-controller.js';

/** The two clocks of lockstep may differ by so much. */
const RATE_TOLERANCE = 0.01;
/** Lengths and limits that differ by less are the same: a float on the way. */
const TOLERANCE = 1e-6;
/** A sweep may close the circle and overlap by no more than this, as for every scan [rad]. */
const SWEEP_LIMIT = 2 * Math.PI + 0.2;
/** Of a sense, all but its ranges [bytes]. */
const SENSE_OVERHEAD_BYTES = 512;
const BYTES_PER_BEAM = 4;

/** What else a hello is held against. */
interface HelloLimits {
  /** Readings older than this stop the robot [s]. */
  inputTimeoutS: number;
  maxMessageBytes: number;
}

export interface Refusal {
  code: RefusalCode;
  /** A sentence or two for a person. */
  reason: string;
}

/** What the controller with these parameters expects of a robot. */
export function expectationOf(p: ParameterValues): RobotExpectation {
  return {
    drive: p['robot.drive'],
    size: [p['robot.length'], p['robot.width']],
    max: [p['robot.max_speed'], p['robot.max_yaw_rate'], p['robot.max_acceleration'], p['robot.max_yaw_acceleration']],
    maxBeams: p.max_beams,
    periodS: 1 / p.controller_frequency,
    contactsRequired: p.contacts_required,
  };
}

/**
 * @param hello its fields are of their kinds; what they say is judged here
 * @returns null where the robot can be driven
 */
export function misfit(hello: Hello, expected: RobotExpectation, limits: HelloLimits): Refusal | null {
  if (hello.drive !== expected.drive) {
    return {
      code: 'drive',
      reason: `the drive is ${hello.drive}, and robot.drive is ${expected.drive}: ${advice([['robot.drive', hello.drive]])}`,
    };
  }
  return (
    misfitOfSize(hello, expected) ??
    misfitOfLimits(hello, expected) ??
    misfitOfScan(hello, expected, limits) ??
    misfitOfContacts(hello, expected) ??
    misfitOfRate(hello, expected, limits)
  );
}

function misfitOfSize(hello: Hello, expected: RobotExpectation): Refusal | null {
  const names = ['robot.length', 'robot.width'] as const;
  const larger: Setting[] = [];
  for (let i = 0; i < names.length; i++) {
    if (!(hello.size[i] > 0)) {
      return { code: 'footprint', reason: `size must be two lengths above 0 m, and is ${hello.size.join(' × ')} m` };
    }
    if (hello.size[i] > expected.size[i] + TOLERANCE) larger.push([names[i], hello.size[i]]);
  }
  if (larger.length === 0) return null;
  return {
    code: 'footprint',
    reason: `the footprint is ${hello.size.join(' × ')} m, and safety reckons with robot.length × robot.width = ${expected.size.join(' × ')} m: ${advice(larger)}`,
  };
}

function misfitOfLimits(hello: Hello, expected: RobotExpectation): Refusal | null {
  const limits = [
    ['robot.max_speed', 'm/s'],
    ['robot.max_yaw_rate', 'rad/s'],
    ['robot.max_acceleration', 'm/s²'],
    ['robot.max_yaw_acceleration', 'rad/s²'],
  ] as const;
  const told: string[] = [];
  const lower: Setting[] = [];
  for (let i = 0; i < limits.length; i++) {
    const [name, unit] = limits[i];
    if (hello.max[i] >= expected.max[i] - TOLERANCE) continue;
    told.push(`${hello.max[i]} ${unit} where ${name} is ${expected.max[i]}`);
    lower.push([name, hello.max[i]]);
  }
  if (lower.length === 0) return null;
  return { code: 'limits', reason: `the base can do ${told.join(', ')}: ${advice(lower)}` };
}

function misfitOfScan(hello: Hello, expected: RobotExpectation, limits: HelloLimits): Refusal | null {
  const { n, a0, da, rmin, rmax } = hello.scan;
  const refuse = (reason: string): Refusal => ({ code: 'scan', reason });
  if (!Number.isInteger(n) || n < 1) return refuse(`scan.n must be a whole number above 0, and is ${n}`);
  if (n > expected.maxBeams) {
    return refuse(`a scan has ${n} beams, and max_beams is ${expected.maxBeams}: ${advice([['max_beams', n]])}`);
  }
  const bytes = n * BYTES_PER_BEAM + SENSE_OVERHEAD_BYTES;
  if (bytes > limits.maxMessageBytes) {
    return refuse(
      `a sense with ${n} beams has up to ${bytes} bytes, and zeromq.max_message_bytes is ${limits.maxMessageBytes}: ${advice([['zeromq.max_message_bytes', bytes]])}`,
    );
  }
  if (!Number.isFinite(a0) || !(Math.abs(da) > 0) || !(Math.abs(da) * (n - 1) <= SWEEP_LIMIT)) {
    return refuse(`scan.da must not be 0, nor the sweep more than a circle: ${n} beams, ${da} rad apart`);
  }
  if (!(rmin >= 0) || !(rmax > rmin) || !Number.isFinite(rmax)) {
    return refuse(`scan.rmin and scan.rmax must be 0 m ≤ rmin < rmax, and are ${rmin} m and ${rmax} m`);
  }
  return null;
}

function misfitOfContacts(hello: Hello, expected: RobotExpectation): Refusal | null {
  if (hello.contacts || !expected.contactsRequired) return null;
  return {
    code: 'hello',
    reason: `the robot has no contact sensors, and contacts_required is true: ${advice([['contacts_required', false]])}`,
  };
}

function misfitOfRate(hello: Hello, expected: RobotExpectation, limits: HelloLimits): Refusal | null {
  const { rate } = hello;
  const frequency = 1 / expected.periodS;
  if (hello.mode === 'lockstep') {
    if (Math.abs(rate * expected.periodS - 1) <= RATE_TOLERANCE) return null;
    return {
      code: 'rate',
      reason: `in lockstep each sense is a period of the controller: rate is ${rate} Hz, and controller_frequency ${round(frequency)}: ${advice([['controller_frequency', rate]])}`,
    };
  }
  if (rate * limits.inputTimeoutS >= 1) return null;
  const timeoutS = rate > 0 ? round(2 / rate) : Number.POSITIVE_INFINITY;
  return {
    code: 'rate',
    reason: `at ${rate} Hz readings are stale (odometry_timeout_s, ranges_timeout_s) before the next come: send at least ${round(1 / limits.inputTimeoutS)} Hz, or ${advice(
      [
        ['odometry_timeout_s', timeoutS],
        ['ranges_timeout_s', timeoutS],
      ],
    )}`,
  };
}

type Setting = readonly [name: ParameterName, value: number | boolean | string];

/** How the controller is to be started for this robot, or that it cannot be. */
function advice(settings: readonly Setting[]): string {
  for (const [name, value] of settings) {
    const definition = findParameter(name);
    if (definition === undefined || typeof value !== 'number' || !('min' in definition)) continue;
    if (!(value >= definition.min && value <= definition.max)) {
      return `${name} can be ${definition.min} … ${definition.max} ${definition.unit}, so this robot cannot be driven`;
    }
  }
  return `start the controller with ${settings.map(([name, value]) => `--set ${name}=${value}`).join(' ')}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
