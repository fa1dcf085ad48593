/** What a simulated robot says, read by another library from ROS 2's own definitions, and what it is told. */
import { parse } from '@foxglove/rosmsg';
import { MessageReader, MessageWriter } from '@foxglove/rosmsg2-serialization';
import { describe, expect, it } from 'vitest';
import { CdrReader } from '../../../../../src/io/ros2/cdr/cdr-reader.js';
import { readTwist } from '../../../../../src/io/ros2/cdr/twist.js';
import { MotionMessage } from '../../../../../src/io/ros2/cdr/write-motion.js';
import {
  ClockMessage,
  OdometryMessage,
  PoseMessage,
  ScanMessage,
  TransformMessage,
  WrenchMessage,
} from '../../../../../src/io/ros2/robot/robot-messages.js';
import { type Obstacle, worldMarkers } from '../../../../../src/io/ros2/robot/world-markers.js';
import { definitionOf } from '../../../../../src/telemetry/flight-log/topics.js';

const STAMP = { seconds: 1_790_000_000, nanoseconds: 123_456_789 };
const TIME = { sec: 1_790_000_000, nanosec: 123_456_789 };
const COVARIANCE = new Float64Array(36);

/** Its contents by the definition, having seen that the other writer makes the same bytes of them. */
function reread(type: string, bytes: Buffer): Record<string, unknown> {
  const definition = parse(definitionOf(type), { ros2: true });
  const contents = new MessageReader(definition).readMessage(bytes) as Record<string, unknown>;
  const again = new MessageWriter(definition).writeMessage(contents);
  expect(bytes.toString('hex')).toBe(Buffer.from(again).toString('hex'));
  return contents;
}

function facing(yaw: number): object {
  return { x: 0, y: 0, z: Math.sin(yaw / 2), w: Math.cos(yaw / 2) };
}

describe('a robot on ROS', () => {
  it.each(['base', 'base_link', 'robot 7/base'])('tells its odometry with the child frame "%s"', (child) => {
    const message = new OdometryMessage('odom', child);
    message.write({ seconds: -1, nanoseconds: 999_999_999 }, 9, 9, 3, 9, 9, 9);
    expect(reread('nav_msgs/msg/Odometry', message.write(STAMP, 1, 2, 0.5, 0.25, -0.5, 1.5))).toEqual({
      ...{ header: { stamp: TIME, frame_id: 'odom' }, child_frame_id: child },
      pose: { pose: { position: { x: 1, y: 2, z: 0 }, orientation: facing(0.5) }, covariance: COVARIANCE },
      twist: {
        twist: { linear: { x: 0.25, y: -0.5, z: 0 }, angular: { x: 0, y: 0, z: 1.5 } },
        covariance: COVARIANCE,
      },
    });
  });

  it('tells a transform', () => {
    expect(reread('tf2_msgs/msg/TFMessage', new TransformMessage('odom', 'base').write(STAMP, 1, 2, -1))).toEqual({
      transforms: [
        {
          ...{ header: { stamp: TIME, frame_id: 'odom' }, child_frame_id: 'base' },
          transform: { translation: { x: 1, y: 2, z: 0 }, rotation: facing(-1) },
        },
      ],
    });
  });

  it('tells a scan, of what was not seen as +Infinity', () => {
    const ranges = Float32Array.of(1, 30, 31);
    const scan = { angleMin: -1, angleIncrement: 1, rangeMin: 0.25, rangeMax: 30, count: 3, ranges };
    const message = new ScanMessage('laser', { ...scan, mountX: 0, mountY: 0, mountYaw: 0 }, 0.5);
    expect(reread('sensor_msgs/msg/LaserScan', message.write(STAMP, ranges, 30))).toEqual({
      header: { stamp: TIME, frame_id: 'laser' },
      ...{ angle_min: -1, angle_max: 1, angle_increment: 1, time_increment: 0, scan_time: 0.5 },
      ...{ range_min: 0.25, range_max: 30 },
      ranges: Float32Array.of(1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
      intensities: new Float32Array(0),
    });
  });

  it('tells a force, a pose and the time', () => {
    expect(reread('geometry_msgs/msg/WrenchStamped', new WrenchMessage('base').write(STAMP, -3, 4))).toEqual({
      header: { stamp: TIME, frame_id: 'base' },
      wrench: { force: { x: -3, y: 4, z: 0 }, torque: { x: 0, y: 0, z: 0 } },
    });
    expect(reread('geometry_msgs/msg/PoseStamped', new PoseMessage('').write(STAMP, 1, 2, 3))).toEqual({
      header: { stamp: TIME, frame_id: '' },
      pose: { position: { x: 1, y: 2, z: 0 }, orientation: facing(3) },
    });
    expect(reread('rosgraph_msgs/msg/Clock', new ClockMessage().write(STAMP))).toEqual({ clock: TIME });
  });

  it('shows its world in place of the one before', () => {
    const wall: Obstacle = { x: 1, y: 2, yaw: 0.5, length: 3, width: 0.25, round: false, moving: false };
    const walker: Obstacle = { x: 4, y: 5, yaw: 0, length: 0.5, width: 0.5, round: true, moving: true };
    const { markers } = reread('visualization_msgs/msg/MarkerArray', worldMarkers(STAMP, 'odom', [wall, walker])) as {
      markers: Record<string, unknown>[];
    };
    expect(markers.map(({ action, type, id }) => [action, type, id])).toEqual([
      [3, 1, 0],
      [0, 1, 1],
      [0, 3, 2],
    ]);
    expect(markers[1]).toMatchObject({
      ...{ ns: 'world', lifetime: { sec: 0, nanosec: 0 }, scale: { x: 3, y: 0.25, z: 0.5 } },
      pose: { position: { x: 1, y: 2, z: 0.25 }, orientation: facing(0.5) },
    });
    expect(markers[1]['color']).not.toEqual(markers[2]['color']);
  });
});

describe('a velocity', () => {
  const command = { vx: 7, vy: 7, yawRate: 7, cycle: 3, reason: 1, stampNs: 5 };

  it.each([
    [true, 'base_link'],
    [true, ''],
    [false, ''],
  ])('is read as it was written (stamped: %s, frame "%s")', (stamped, frame) => {
    const message = new MotionMessage(stamped, frame);
    message.set(Int32Array.of(1, 2), 0.5, -0.25, 1.5);
    const read = { ...command };
    expect(readTwist(new CdrReader(), message.bytes, stamped, read)).toBe(true);
    expect(read).toEqual({ ...command, vx: 0.5, vy: -0.25, yawRate: 1.5 });
  });

  it('is none wherever it is cut off, and leaves the one before', () => {
    const { bytes } = new MotionMessage(true, 'base_link');
    const reader = new CdrReader();
    const read = { ...command };
    for (let length = 0; length < bytes.length; length++) {
      expect(readTwist(reader, bytes.subarray(0, length), true, read), `${length} bytes`).toBe(false);
    }
    expect(read).toEqual(command);
  });
});
