/** Writes small ROS 2 recordings as recorders write them, for the tests of their reader. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@foxglove/rosmsg';
import { MessageWriter } from '@foxglove/rosmsg2-serialization';
import { McapWriter } from '@mcap/core';
import { afterAll } from 'vitest';

const RULE = '='.repeat(80);

export const HEADER_DEFINITION = `${RULE}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
`;

const POSE_AND_TWIST = `${RULE}
MSG: geometry_msgs/PoseWithCovariance
geometry_msgs/Pose pose
float64[36] covariance
${RULE}
MSG: geometry_msgs/Pose
geometry_msgs/Point position
geometry_msgs/Quaternion orientation
${RULE}
MSG: geometry_msgs/Point
float64 x
float64 y
float64 z
${RULE}
MSG: geometry_msgs/Quaternion
float64 x 0
float64 y 0
float64 z 0
float64 w 1
${RULE}
MSG: geometry_msgs/TwistWithCovariance
geometry_msgs/Twist twist
float64[36] covariance
${RULE}
MSG: geometry_msgs/Twist
geometry_msgs/Vector3 linear
geometry_msgs/Vector3 angular
${RULE}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
`;

export const ODOMETRY_DEFINITION = `std_msgs/Header header
string child_frame_id
geometry_msgs/PoseWithCovariance pose
geometry_msgs/TwistWithCovariance twist
${HEADER_DEFINITION}${POSE_AND_TWIST}`;

export const SCAN_DEFINITION = `# a single planar sweep
std_msgs/Header header
float32 angle_min
float32 angle_max
float32 angle_increment
float32 time_increment
float32 scan_time
float32 range_min
float32 range_max
float32[] ranges
float32[] intensities
${HEADER_DEFINITION}`;

const odometryWriter = new MessageWriter(parse(ODOMETRY_DEFINITION, { ros2: true }));
const scanWriter = new MessageWriter(parse(SCAN_DEFINITION, { ros2: true }));

export interface Odometry {
  stampNs?: number | bigint;
  x?: number;
  y?: number;
  yaw?: number;
  vx?: number;
  vy?: number;
  yawRate?: number;
}

/** CDR bytes of a nav_msgs/msg/Odometry. */
export function odometryBytes({ stampNs = 0, x = 0, y = 0, yaw = 0, vx = 0, vy = 0, yawRate = 0 }: Odometry) {
  return odometryWriter.writeMessage({
    header: headerOf(stampNs, 'odom'),
    child_frame_id: 'base_link',
    pose: {
      pose: {
        position: { x, y, z: 0 },
        orientation: { x: 0, y: 0, z: Math.sin(yaw / 2), w: Math.cos(yaw / 2) },
      },
      covariance: new Array(36).fill(0),
    },
    twist: {
      twist: { linear: { x: vx, y: vy, z: 0 }, angular: { x: 0, y: 0, z: yawRate } },
      covariance: new Array(36).fill(0),
    },
  });
}

/** CDR bytes of a sensor_msgs/msg/LaserScan over the half circle ahead. */
export function scanBytes({ stampNs = 0, ranges = [1, 2, 3] }: { stampNs?: number; ranges?: number[] }) {
  return scanWriter.writeMessage({
    header: headerOf(stampNs, 'laser'),
    angle_min: -Math.PI / 2,
    angle_max: Math.PI / 2,
    angle_increment: Math.PI / Math.max(1, ranges.length - 1),
    time_increment: 0,
    scan_time: 0,
    range_min: 0.1,
    range_max: 10,
    ranges,
    intensities: [],
  });
}

function headerOf(stampNs: number | bigint, frame: string) {
  const ns = BigInt(stampNs);
  return { stamp: { sec: Number(ns / 1_000_000_000n), nanosec: Number(ns % 1_000_000_000n) }, frame_id: frame };
}

export interface Channel {
  topic: string;
  type: string;
  definition?: string;
  schemaEncoding?: string;
  messageEncoding?: string;
}

export const ODOM: Channel = { topic: '/odom', type: 'nav_msgs/msg/Odometry', definition: ODOMETRY_DEFINITION };
export const SCAN: Channel = { topic: '/scan', type: 'sensor_msgs/msg/LaserScan', definition: SCAN_DEFINITION };
export const CHATTER: Channel = { topic: '/chatter', type: 'std_msgs/msg/String', definition: 'string data\n' };

export interface Entry {
  channel: Channel;
  logTimeNs: number | bigint;
  data: Uint8Array;
}

export interface RecorderOptions {
  chunkSize?: number;
  useChunks?: boolean;
  useSummary?: boolean;
  compressChunk?: (data: Uint8Array) => { compression: string; compressedData: Uint8Array };
}

/** The bytes of a recording that holds `entries` in their order. */
export async function record(entries: Entry[], options: RecorderOptions = {}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0n;
  const summary = options.useSummary ?? true;
  const writer = new McapWriter({
    writable: {
      position: () => size,
      write: async (data: Uint8Array) => {
        parts.push(data.slice());
        size += BigInt(data.length);
      },
    },
    useChunks: options.useChunks ?? true,
    chunkSize: options.chunkSize ?? 4096,
    repeatChannels: summary,
    repeatSchemas: summary,
    useStatistics: summary,
    ...(options.compressChunk === undefined ? {} : { compressChunk: options.compressChunk }),
  });
  await writer.start({ profile: 'ros2', library: 'test' });
  const ids = new Map<Channel, number>();
  const encoder = new TextEncoder();
  for (const [sequence, { channel, logTimeNs, data }] of entries.entries()) {
    let channelId = ids.get(channel);
    if (channelId === undefined) {
      const schemaId = await writer.registerSchema({
        name: channel.type,
        encoding: channel.schemaEncoding ?? 'ros2msg',
        data: encoder.encode(channel.definition ?? ''),
      });
      channelId = await writer.registerChannel({
        topic: channel.topic,
        schemaId,
        messageEncoding: channel.messageEncoding ?? 'cdr',
        metadata: new Map(),
      });
      ids.set(channel, channelId);
    }
    const logTime = BigInt(logTimeNs);
    await writer.addMessage({ channelId, sequence, logTime, publishTime: logTime, data });
  }
  await writer.end();
  return joined(parts);
}

/** A drive straight ahead at 1 m/s: odometry every 100 ms, a scan every 500 ms, and chatter of another topic. */
export function straightDrive(seconds: number): Entry[] {
  const entries: Entry[] = [];
  for (let tick = 0; tick <= seconds * 10; tick++) {
    const logTimeNs = 1e9 + tick * 1e8;
    const stampNs = logTimeNs - 1e6;
    entries.push({ channel: ODOM, logTimeNs, data: odometryBytes({ stampNs, x: tick / 10, vx: 1 }) });
    if (tick % 5 === 0) entries.push({ channel: SCAN, logTimeNs: logTimeNs + 1e6, data: scanBytes({ stampNs }) });
    if (tick % 7 === 0)
      entries.push({ channel: CHATTER, logTimeNs, data: new Uint8Array([0, 1, 0, 0, 1, 0, 0, 0, 0]) });
  }
  return entries;
}

/** LZ4 frame of stored blocks: valid, and made without an encoder. */
export function storedLz4(data: Uint8Array): { compression: string; compressedData: Uint8Array } {
  const parts: Uint8Array[] = [new Uint8Array([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])];
  for (let at = 0; at < data.length; at += 65536) {
    const block = data.subarray(at, at + 65536);
    parts.push(littleEndian((block.length | 0x80000000) >>> 0, 4), block);
  }
  parts.push(littleEndian(0, 4));
  return { compression: 'lz4', compressedData: joined(parts) };
}

/** Zstandard frame of raw blocks, with its size in the header unless `sized` is false. */
export function storedZstd(data: Uint8Array, sized = true): { compression: string; compressedData: Uint8Array } {
  // Single segment with a size of four bytes, or a window of 128 KiB and no size.
  const parts: Uint8Array[] = [littleEndian(0xfd2fb528, 4)];
  parts.push(sized ? Buffer.concat([new Uint8Array([0xa0]), littleEndian(data.length, 4)]) : new Uint8Array([0, 0x38]));
  for (let at = 0; at < data.length; at += 65536) {
    const block = data.subarray(at, at + 65536);
    const last = at + 65536 >= data.length ? 1 : 0;
    parts.push(littleEndian((block.length << 3) | last, 3), block);
  }
  return { compression: 'zstd', compressedData: joined(parts) };
}

/** Not a Buffer, whose `slice` would share its bytes. */
function joined(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function littleEndian(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = Math.floor(value / 2 ** (8 * i)) & 255;
  return out;
}

let folder: string | undefined;
let fileCount = 0;

/** Writes `bytes` to a file of their own, which goes when the test file is done. @returns its path */
export function fileOf(bytes: Uint8Array): string {
  folder ??= mkdtempSync(join(tmpdir(), 'rfsn-replay-'));
  const path = join(folder, `${fileCount++}.mcap`);
  writeFileSync(path, bytes);
  return path;
}

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true });
});
