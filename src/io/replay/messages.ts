/** Reads the two ROS 2 messages that a replay needs from their CDR bytes. */
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { RecordingError } from './recording-error.js';

export const ODOMETRY_TYPE = 'nav_msgs/msg/Odometry';
export const SCAN_TYPE = 'sensor_msgs/msg/LaserScan';

/** One message of the odometry topic. */
export interface RecordedOdometry {
  kind: 'odometry';
  /** When the recorder received it [ns]. */
  logTimeNs: bigint;
  /** The header's stamp [ns]. */
  stampNs: bigint;
  /** Pose in `odom` [m, m, rad]. */
  x: number;
  y: number;
  yaw: number;
  /** Velocity in `base_link` [m/s, m/s, rad/s]. */
  vx: number;
  vy: number;
  yawRate: number;
}

/** One message of the scan topic; `ranges` is the reader's to keep. */
export interface RecordedScan {
  kind: 'scan';
  logTimeNs: bigint;
  stampNs: bigint;
  angleMin: number;
  angleIncrement: number;
  rangeMin: number;
  rangeMax: number;
  /** [m] */
  ranges: Float32Array;
}

export type RecordedMessage = RecordedOdometry | RecordedScan;

interface Header {
  stamp: { sec: number; nanosec: number };
}

interface Vector3 {
  x: number;
  y: number;
  z: number;
}

interface OdometryMessage {
  header: Header;
  pose: { pose: { position: Vector3; orientation: Vector3 & { w: number } } };
  twist: { twist: { linear: Vector3; angular: Vector3 } };
}

interface LaserScanMessage {
  header: Header;
  angle_min: number;
  angle_increment: number;
  range_min: number;
  range_max: number;
  ranges: Float32Array;
}

const HEADER_FIELDS = 'header.stamp:time header.frame_id:string';

/** Every field of each message in order, as nav_msgs and sensor_msgs have had them in all releases of ROS 2. */
const FIELDS: Record<string, string> = {
  [ODOMETRY_TYPE]:
    `${HEADER_FIELDS} child_frame_id:string ` +
    'pose.pose.position.x:float64 pose.pose.position.y:float64 pose.pose.position.z:float64 ' +
    'pose.pose.orientation.x:float64 pose.pose.orientation.y:float64 pose.pose.orientation.z:float64 ' +
    'pose.pose.orientation.w:float64 pose.covariance:float64[36] ' +
    'twist.twist.linear.x:float64 twist.twist.linear.y:float64 twist.twist.linear.z:float64 ' +
    'twist.twist.angular.x:float64 twist.twist.angular.y:float64 twist.twist.angular.z:float64 ' +
    'twist.covariance:float64[36]',
  [SCAN_TYPE]:
    `${HEADER_FIELDS} angle_min:float32 angle_max:float32 angle_increment:float32 time_increment:float32 ` +
    'scan_time:float32 range_min:float32 range_max:float32 ranges:float32[] intensities:float32[]',
};

/** Longer than any definition of these messages with its comments [bytes]. */
const SCHEMA_BYTES_MAX = 256 * 1024;
/** Deeper than the five levels of an odometry; a definition that contains itself stops here. */
const NESTING_MAX = 16;
/** Little-endian plain CDR, which is what ROS 2 writes on every machine it supports. */
const CDR_LITTLE_ENDIAN = 1;

export type Decoder = (data: Uint8Array, logTimeNs: bigint) => RecordedMessage;

/**
 * A decoder for one channel, made from the definition that the recording carries.
 *
 * The definition must be the known one, field by field. That is more than a check of compatibility: with the fields
 * known, the only lengths a message chooses are those of strings and of `float32[]`, which the library reads as views
 * of the message's own bytes, so that no forged length allocates anything.
 *
 * @throws RecordingError `schema` where the definition is another one; the decoder throws Error where bytes are missing
 * @realtime unsafe
 */
export function decoderFor(type: string, schemaEncoding: string, schema: Uint8Array): Decoder {
  if (schemaEncoding !== 'ros2msg') {
    throw new RecordingError('schema', `${type} is defined in '${schemaEncoding}', not in 'ros2msg'`);
  }
  if (schema.length > SCHEMA_BYTES_MAX) {
    throw new RecordingError('schema', `the definition of ${type} is ${schema.length} bytes long`);
  }
  let definitions: ReturnType<typeof parse>;
  try {
    definitions = parse(new TextDecoder().decode(schema), { ros2: true });
  } catch (error) {
    throw new RecordingError('schema', `the definition of ${type} cannot be parsed: ${(error as Error).message}`);
  }
  const expected = FIELDS[type].split(' ');
  const found = fieldsOf(definitions);
  for (let i = 0; i < Math.max(expected.length, found.length); i++) {
    if (found[i] === expected[i]) continue;
    const instead = found[i] === undefined ? 'nothing' : found[i];
    throw new RecordingError(
      'schema',
      `the recording's ${type} is not the one known here: ${instead} instead of ${expected[i] ?? 'its end'}`,
    );
  }
  const reader = new MessageReader(definitions);
  return type === ODOMETRY_TYPE
    ? (data, logTimeNs) => odometryFrom(reader.readMessage<OdometryMessage>(plainCdr(data)), logTimeNs)
    : (data, logTimeNs) => scanFrom(reader.readMessage<LaserScanMessage>(plainCdr(data)), logTimeNs);
}

type Definitions = ReturnType<typeof parse>;

function fieldsOf(definitions: Definitions): string[] {
  const out: string[] = [];
  const root = definitions.find((definition) => definition.definitions.some((field) => field.isConstant !== true));
  if (root !== undefined) appendFields(definitions, root, '', NESTING_MAX, out);
  return out;
}

function appendFields(
  definitions: Definitions,
  definition: Definitions[number],
  prefix: string,
  levels: number,
  out: string[],
): void {
  for (const field of definition.definitions) {
    if (field.isConstant === true) continue;
    const array = field.isArray === true ? `[${field.arrayLength ?? ''}]` : '';
    const nested = definitions.find((candidate) => candidate.name === field.type);
    if (field.isComplex === true && array === '' && nested !== undefined && levels > 0 && out.length < 256) {
      appendFields(definitions, nested, `${prefix}${field.name}.`, levels - 1, out);
    } else {
      out.push(`${prefix}${field.name}:${field.type}${array}`);
    }
  }
}

/** The same bytes where they are plain little-endian CDR, copied if `float32` would not lie aligned in them. */
function plainCdr(data: Uint8Array): Uint8Array {
  if (data.length < 4 || data[0] !== 0 || data[1] !== CDR_LITTLE_ENDIAN) {
    throw new Error('message is not plain little-endian CDR');
  }
  return data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
}

function odometryFrom(message: OdometryMessage, logTimeNs: bigint): RecordedOdometry {
  const { position, orientation } = message.pose.pose;
  const { linear, angular } = message.twist.twist;
  return {
    kind: 'odometry',
    logTimeNs,
    stampNs: stampOf(message.header),
    x: position.x,
    y: position.y,
    yaw: yawOfQuaternion(orientation.x, orientation.y, orientation.z, orientation.w),
    vx: linear.x,
    vy: linear.y,
    yawRate: angular.z,
  };
}

function scanFrom(message: LaserScanMessage, logTimeNs: bigint): RecordedScan {
  return {
    kind: 'scan',
    logTimeNs,
    stampNs: stampOf(message.header),
    angleMin: message.angle_min,
    angleIncrement: message.angle_increment,
    rangeMin: message.range_min,
    rangeMax: message.range_max,
    ranges: message.ranges,
  };
}

function stampOf(header: Header): bigint {
  return BigInt(header.stamp.sec) * 1_000_000_000n + BigInt(header.stamp.nanosec);
}

/**
 * The rotation about z of a quaternion, which need not be of unit length.
 *
 * @returns [rad] in [-π, π]; NaN for a quaternion of length 0, which is what a message nobody filled in holds, so that
 *   it is refused and not taken for a robot that faces +x
 * @realtime safe
 */
export function yawOfQuaternion(x: number, y: number, z: number, w: number): number {
  const squared = x * x + y * y + z * z + w * w;
  if (!(squared > 1e-12)) return Number.NaN;
  return Math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z);
}
