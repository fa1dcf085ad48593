/**
 * The readers of messages against what a real middleware delivers, sent by another client library and decoded beside them
 * by rclnodejs' own codec: both must have read the same.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CdrReader } from '../../src/io/ros2/cdr/cdr-reader.js';
import { GazeboContactsMessage } from '../../src/io/ros2/cdr/gazebo-contacts.js';
import { HazardsMessage } from '../../src/io/ros2/cdr/hazards.js';
import { LaserScanMessage } from '../../src/io/ros2/cdr/laser-scan.js';
import { OdometryMessage } from '../../src/io/ros2/cdr/odometry.js';
import { PathMessage } from '../../src/io/ros2/cdr/path.js';
import { PoseStampedMessage } from '../../src/io/ros2/cdr/pose-stamped.js';
import type { Header } from '../../src/io/ros2/cdr/stamped.js';
import { TransformsMessage } from '../../src/io/ros2/cdr/transforms-message.js';
import { WrenchStampedMessage } from '../../src/io/ros2/cdr/wrench-stamped.js';
import type { EntityScope } from '../../src/io/ros2/entity-scope.js';
import { ManagedNode } from '../../src/io/ros2/managed-node.js';
import { MessageType } from '../../src/io/ros2/names.js';
import { loadRcl } from '../../src/io/ros2/rcl.js';
import { FrameTable } from '../../src/io/ros2/transforms.js';
import { defaultParameters } from '../../src/parameters/schema.js';
import { describeRos, hasInterfaces, type RosPeer, RosProcesses, until } from './ros-processes.js';

interface Stamped {
  header: { stamp: { sec: number; nanosec: number }; frame_id: string };
}
interface Vector {
  x: number;
  y: number;
  z: number;
}
type Pose = { position: Vector; orientation: Vector & { w: number } };

/** Why a test is skipped, for its title. */
const unless = (pack: string): string => (hasInterfaces(pack) ? '' : ` (skipped: ${pack} is not in this shell)`);

const names = new FrameTable();
const reader = new CdrReader();
const header = (frame: string, sec = 7) => ({ stamp: { sec, nanosec: 123_456_789 }, frame_id: frame });
const vector = (x: number) => ({ x, y: -x / 3, z: x * 1e5 });
const quaternion = { x: 0, y: 0, z: 0.6, w: 0.8 };
/** As our reader has a header, in the words of the message. */
const plain = (read: Header) => ({
  stamp: { sec: read.seconds, nanosec: read.nanoseconds },
  frame_id: names.name(read.frame),
});

describeRos('what a real middleware delivers', () => {
  let processes: RosProcesses;
  let peer: RosPeer;
  let node: ManagedNode;
  let scope: EntityScope;
  let topics = 0;

  beforeAll(async () => {
    processes = new RosProcesses();
    Object.assign(process.env, processes.env);
    peer = await processes.peer();
    node = await ManagedNode.open({
      rosArguments: [],
      parameters: defaultParameters(),
      onFailure: (where, error) => {
        throw new Error(`${where}: ${error}`);
      },
      onSet: () => undefined,
    });
    const nothing = async (): Promise<void> => undefined;
    const error = async (): Promise<boolean> => false;
    node.manage({
      ...{ configure: nothing, activate: nothing, deactivate: nothing, cleanup: nothing, shutdown: nothing, error },
    });
    scope = node.scope();
  });
  afterAll(async () => {
    await node?.close();
    await processes?.close();
  });

  /** One message, as bytes and as rclnodejs reads it. */
  async function delivered<T>(type: string, message: object): Promise<{ bytes: Buffer; object: T }> {
    const topic = `/read${topics++}`;
    let bytes: Buffer | null = null;
    let object: T | null = null;
    scope.raw(type, topic, 'latched', (heard) => {
      bytes = heard;
    });
    // Keep the last, one of them, reliable, transient local.
    const qos = new (await loadRcl()).QoS(1, 1, 1, 1);
    scope.node.createSubscription(type, topic, { qos }, (heard: T) => {
      object = heard;
    });
    await peer.publish(topic, type, message as Readonly<Record<string, unknown>>, 'latched');
    await until(() => bytes !== null && object !== null, `${type} on ${topic}`);
    return { bytes: bytes as unknown as Buffer, object: object as unknown as T };
  }

  it.each(['base_link', 'b', 'ba', 'bas', ''])('odometry of the child frame "%s" is read', async (child) => {
    const covariance = Array.from({ length: 36 }, (_, i) => i / 7);
    const { bytes, object } = await delivered<
      Stamped & { child_frame_id: string; pose: { pose: Pose }; twist: { twist: { linear: Vector; angular: Vector } } }
    >(MessageType.odometry, {
      header: header('odom'),
      child_frame_id: child,
      pose: { pose: { position: vector(1.25), orientation: quaternion }, covariance },
      twist: { twist: { linear: vector(0.5), angular: vector(-0.25) }, covariance },
    });
    const m = new OdometryMessage();
    expect(m.read(reader, bytes, names)).toBe(true);
    const { position } = object.pose.pose;
    const { linear, angular } = object.twist.twist;
    expect(plain(m.header)).toEqual(object.header);
    expect(names.name(m.childFrame)).toBe(object.child_frame_id);
    expect([m.x, m.y, m.vx, m.vy, m.yawRate]).toEqual([position.x, position.y, linear.x, linear.y, angular.z]);
    expect(m.yaw).toBeCloseTo(2 * Math.asin(0.6), 12);
  });

  it.each([0, 1, 360])('a scan of %i beams is read', async (count) => {
    const { bytes, object } = await delivered<
      Stamped & {
        angle_min: number;
        angle_increment: number;
        range_min: number;
        range_max: number;
        ranges: Float32Array;
      }
    >(MessageType.scan, {
      header: header('laser'),
      angle_min: -1.5,
      angle_max: 1.5,
      angle_increment: 0.01,
      time_increment: 1e-4,
      scan_time: 0.05,
      range_min: 0.05,
      range_max: 12.5,
      ranges: Array.from({ length: count }, (_, i) => i / 3),
      intensities: Array.from({ length: count }, () => 99),
    });
    const m = new LaserScanMessage();
    expect(m.read(reader, bytes, names)).toBe(true);
    expect(plain(m.header)).toEqual(object.header);
    expect([m.angleMin, m.angleIncrement, m.rangeMin, m.rangeMax]).toEqual([
      object.angle_min,
      object.angle_increment,
      object.range_min,
      object.range_max,
    ]);
    expect([...m.ranges]).toEqual([...object.ranges]);
    expect(m.count).toBe(count);
  });

  it('a goal is read', async () => {
    const pose = { position: vector(3), orientation: quaternion };
    const { bytes, object } = await delivered<Stamped & { pose: Pose }>(MessageType.poseStamped, {
      header: header('map'),
      pose,
    });
    const m = new PoseStampedMessage();
    expect(m.read(reader, bytes, names)).toBe(true);
    expect(plain(m.header)).toEqual(object.header);
    expect({ x: m.x, y: m.y, z: m.z }).toEqual(object.pose.position);
  });

  it('a plan is read', async () => {
    const poses = ['', 'a', 'map', 'frame'].map((frame, i) => ({
      header: header(frame, i),
      pose: { position: vector(i), orientation: quaternion },
    }));
    const { bytes, object } = await delivered<Stamped & { poses: { pose: Pose }[] }>(MessageType.path, {
      header: header('map'),
      poses,
    });
    const m = new PathMessage();
    expect(m.begin(reader, bytes, names)).toBe(true);
    const read: Vector[] = [];
    for (let i = 0; i < m.count && m.next(reader); i++) read.push({ x: m.x, y: m.y, z: m.z });
    expect(read).toEqual(object.poses.map(({ pose }) => pose.position));
  });

  it('transforms are read', async () => {
    const told = ['laser', 'x', 'bumper_front'].map((child, i) => ({
      header: header('base_link', i),
      child_frame_id: child,
      transform: { translation: vector(i), rotation: quaternion },
    }));
    const { bytes, object } = await delivered<{ transforms: typeof told }>(MessageType.transforms, {
      transforms: told,
    });
    const m = new TransformsMessage();
    expect(m.begin(reader, bytes)).toBe(true);
    const read: object[] = [];
    for (let i = 0; i < m.count && m.next(reader, names); i++) {
      const { x, y, z, qx, qy, qz, qw } = m;
      const transform = { translation: { x, y, z }, rotation: { x: qx, y: qy, z: qz, w: qw } };
      read.push({ header: plain(m.header), child_frame_id: names.name(m.childFrame), transform });
    }
    expect(read).toEqual(object.transforms);
  });

  it('a wrench is read', async () => {
    const { bytes, object } = await delivered<Stamped & { wrench: { force: Vector } }>(MessageType.wrench, {
      header: header('bumper'),
      wrench: { force: vector(4), torque: vector(5) },
    });
    const m = new WrenchStampedMessage();
    expect(m.read(reader, bytes, names)).toBe(true);
    expect(plain(m.header)).toEqual(object.header);
    expect({ x: m.forceX, y: m.forceY, z: m.forceZ }).toEqual(object.wrench.force);
  });

  it.skipIf(!hasInterfaces('irobot_create_msgs'))(`hazards are read${unless('irobot_create_msgs')}`, async () => {
    const detections = ['bump_left', '', 'cliff_front_right'].map((frame, type) => ({ header: header(frame), type }));
    const { bytes, object } = await delivered<Stamped & { detections: typeof detections }>(MessageType.hazards, {
      header: header('base_link'),
      detections,
    });
    const m = new HazardsMessage();
    expect(m.begin(reader, bytes, names)).toBe(true);
    const read: object[] = [];
    for (let i = 0; i < m.count && m.next(reader, names); i++) {
      read.push({ header: plain(m.detectionHeader), type: m.type });
    }
    expect(read).toEqual(object.detections);
  });

  it.skipIf(!hasInterfaces('ros_gz_interfaces'))(
    `contacts of Gazebo are read${unless('ros_gz_interfaces')}`,
    async () => {
      const wrench = { force: { x: 3, y: 0, z: 4 }, torque: vector(1) };
      const contacts = [0, 1, 3].map((count) => ({
        collision1: { id: 5, name: 'x'.repeat(count), type: 5 },
        collision2: { id: 6, name: 'wall', type: 2 },
        positions: Array.from({ length: count }, (_, i) => vector(i)),
        normals: Array.from({ length: count }, () => vector(1)),
        depths: Array.from({ length: count }, () => 0.5),
        wrenches: Array.from({ length: count }, () => ({
          header: header('world'),
          body_1_name: { data: 'robot' },
          body_2_name: { data: 'wall' },
          body_1_wrench: wrench,
          body_2_wrench: wrench,
        })),
      }));
      const { bytes, object } = await delivered<Stamped & { contacts: typeof contacts }>(MessageType.gazeboContacts, {
        header: header('bumper'),
        contacts,
      });
      const m = new GazeboContactsMessage();
      expect(m.begin(reader, bytes, names)).toBe(true);
      expect(m.count).toBe(object.contacts.length);
      for (const { positions, wrenches } of object.contacts) {
        expect(m.next(reader)).toBe(true);
        const mean = positions.reduce((sum, { x }) => sum + x, 0) / positions.length;
        expect([m.x, m.force]).toEqual([mean, 5 * wrenches.length]);
      }
    },
  );
});
