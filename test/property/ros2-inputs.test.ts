/**
 * The readers of ROS messages against another implementation's writer, and the inputs as a whole under bytes that are cut
 * and spoilt: whatever comes, nothing throws, and what reaches the sink's slots is finite.
 */

import { CdrWriter, EncapsulationKind } from '@foxglove/cdr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CdrReader } from '../../src/io/ros2/cdr/cdr-reader.js';
import { GazeboContactsMessage } from '../../src/io/ros2/cdr/gazebo-contacts.js';
import { HazardsMessage } from '../../src/io/ros2/cdr/hazards.js';
import { LaserScanMessage } from '../../src/io/ros2/cdr/laser-scan.js';
import { OdometryMessage } from '../../src/io/ros2/cdr/odometry.js';
import { PathMessage } from '../../src/io/ros2/cdr/path.js';
import { PoseStampedMessage } from '../../src/io/ros2/cdr/pose-stamped.js';
import { TransformsMessage } from '../../src/io/ros2/cdr/transforms-message.js';
import { WrenchStampedMessage } from '../../src/io/ros2/cdr/wrench-stamped.js';
import { InputTopic, MessageType } from '../../src/io/ros2/names.js';
import { FrameTable } from '../../src/io/ros2/transforms.js';
import { InputRig, written } from '../unit/io/ros2/input-rig.js';

/** As they are in messages: not finite in places, and zero of either sign. */
const double = fc.double();
const finite = fc.double({ noNaN: true, min: -1e3, max: 1e3 });
const name = fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\0', ''));
const vector = fc.record({ x: double, y: double, z: double });
const rotation = fc.record({ x: finite, y: finite, z: finite, w: finite });
const header = fc.record({
  stamp: fc.record({
    sec: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    nanosec: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  frame_id: name,
});
const pose = fc.record({ position: vector, orientation: rotation });
const covariance = fc.constant(new Array<number>(36).fill(0));
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 5 });
const wrench = fc.record({ force: vector, torque: vector });
const entity = fc.record({ id: fc.constant(7n), name, type: fc.nat(255) });

const odometry = fc.record({
  header,
  child_frame_id: name,
  pose: fc.record({ pose, covariance }),
  twist: fc.record({ twist: fc.record({ linear: vector, angular: vector }), covariance }),
});
const scan = fc.record({
  header,
  angle_min: fc.float(),
  angle_max: fc.float(),
  angle_increment: fc.float(),
  time_increment: fc.float(),
  scan_time: fc.float(),
  range_min: fc.float(),
  range_max: fc.float(),
  ranges: fc.float32Array({ maxLength: 64 }),
  intensities: fc.float32Array({ maxLength: 8 }),
});
const poseStamped = fc.record({ header, pose });
const path = fc.record({ header, poses: list(poseStamped) });
const transforms = fc.record({
  transforms: list(
    fc.record({ header, child_frame_id: name, transform: fc.record({ translation: vector, rotation }) }),
  ),
});
const wrenchStamped = fc.record({ header, wrench });
const hazards = fc.record({ header, detections: list(fc.record({ header, type: fc.nat(255) })) });
const contacts = fc.record({
  header,
  contacts: list(
    fc.record({
      collision1: entity,
      collision2: entity,
      positions: list(vector),
      normals: list(vector),
      depths: list(double),
      wrenches: list(
        fc.record({
          header,
          body_1_name: fc.record({ data: name }),
          body_1_id: fc.record({ data: fc.nat() }),
          body_2_name: fc.record({ data: name }),
          body_2_id: fc.record({ data: fc.nat() }),
          body_1_wrench: wrench,
          body_2_wrench: wrench,
        }),
      ),
    }),
  ),
});

const reader = new CdrReader();
const bare = (frame: string) => frame.replace(/^\//, '');

/** Reads with names of their own, so that their numbers stay few. */
function check<T>(
  arbitrary: fc.Arbitrary<T>,
  type: string,
  look: (message: T, bytes: Buffer, names: FrameTable) => void,
) {
  fc.assert(fc.property(arbitrary, (message) => look(message, written(type, message as object), new FrameTable())));
}

const stampOf = (
  { header: h }: { header: { seconds: number; nanoseconds: number; frame: number } },
  names: FrameTable,
) => ({
  stamp: { sec: h.seconds, nanosec: h.nanoseconds },
  frame_id: names.name(h.frame),
});
const expected = ({ stamp, frame_id }: { stamp: object; frame_id: string }) => ({ stamp, frame_id: bare(frame_id) });

describe('what another implementation wrote is read', () => {
  it('as odometry', () => {
    const m = new OdometryMessage();
    check(odometry, MessageType.odometry, (message, bytes, names) => {
      expect(m.read(reader, bytes, names)).toBe(true);
      const { position, orientation: q } = message.pose.pose;
      const { linear, angular } = message.twist.twist;
      expect(stampOf(m, names)).toEqual(expected(message.header));
      expect(names.name(m.childFrame)).toBe(bare(message.child_frame_id));
      expect([m.x, m.y, m.vx, m.vy, m.yawRate]).toEqual([position.x, position.y, linear.x, linear.y, angular.z]);
      const squares = q.x ** 2 + q.y ** 2 + q.z ** 2 + q.w ** 2;
      if (squares > 1e-3) {
        const yaw = Math.atan2((2 * (q.w * q.z + q.x * q.y)) / squares, 1 - (2 * (q.y * q.y + q.z * q.z)) / squares);
        // Where the vertical axis lies flat there is no yaw, and rounding decides.
        const flat = Math.hypot(q.w * q.z + q.x * q.y, q.w ** 2 + q.x ** 2 - q.y ** 2 - q.z ** 2) / squares;
        if (flat > 1e-6) expect(Math.cos(m.yaw - yaw)).toBeCloseTo(1, 9);
      }
    });
  });

  it('as scans', () => {
    const m = new LaserScanMessage();
    check(scan, MessageType.scan, (message, bytes, names) => {
      expect(m.read(reader, bytes, names)).toBe(true);
      expect(stampOf(m, names)).toEqual(expected(message.header));
      expect([m.angleMin, m.angleIncrement, m.rangeMin, m.rangeMax]).toEqual([
        message.angle_min,
        message.angle_increment,
        message.range_min,
        message.range_max,
      ]);
      expect([m.count, m.ranges]).toEqual([message.ranges.length, message.ranges]);
    });
  });

  it('as scans wherever in a buffer they begin', () => {
    const m = new LaserScanMessage();
    fc.assert(
      fc.property(scan, fc.nat(7), fc.boolean(), (message, offset, buffer) => {
        const bytes = written(MessageType.scan, message);
        const room = new Uint8Array(bytes.length + offset + 3);
        const at = buffer
          ? Buffer.from(room.buffer, offset, bytes.length)
          : room.subarray(offset, offset + bytes.length);
        at.set(bytes);
        expect(m.read(reader, at, new FrameTable())).toBe(true);
        expect(m.ranges).toEqual(message.ranges);
      }),
    );
  });

  it('as scans in the other byte order', () => {
    const m = new LaserScanMessage();
    fc.assert(
      fc.property(scan, (message) => {
        const writer = new CdrWriter({ kind: EncapsulationKind.CDR_BE });
        writer.int32(message.header.stamp.sec).uint32(message.header.stamp.nanosec).string(message.header.frame_id);
        writer.float32(message.angle_min).float32(message.angle_max).float32(message.angle_increment);
        writer.float32(0).float32(0).float32(message.range_min).float32(message.range_max);
        writer.sequenceLength(message.ranges.length);
        for (const range of message.ranges) writer.float32(range);
        writer.sequenceLength(0);
        const names = new FrameTable();
        expect(m.read(reader, writer.data, names)).toBe(true);
        expect(stampOf(m, names)).toEqual(expected(message.header));
        expect(m.ranges).toEqual(message.ranges);
        expect([m.angleMin, m.rangeMax]).toEqual([message.angle_min, message.range_max]);
      }),
    );
  });

  it('as goals', () => {
    const m = new PoseStampedMessage();
    check(poseStamped, MessageType.poseStamped, (message, bytes, names) => {
      expect(m.read(reader, bytes, names)).toBe(true);
      expect(stampOf(m, names)).toEqual(expected(message.header));
      expect(m.nowhere).toBe(message.header.frame_id === '');
      const { x, y, z } = message.pose.position;
      if (Number.isFinite(x + y + z)) expect([m.x, m.y, m.z]).toEqual([x, y, z]);
      else expect(Number.isFinite(m.x + m.y + m.z)).toBe(false);
    });
  });

  it('as plans', () => {
    const m = new PathMessage();
    check(path, MessageType.path, (message, bytes, names) => {
      expect(m.begin(reader, bytes, names)).toBe(true);
      expect(stampOf(m, names)).toEqual(expected(message.header));
      const points: object[] = [];
      for (let i = 0; i < m.count; i++) {
        expect(m.next(reader)).toBe(true);
        points.push({ x: m.x, y: m.y, z: m.z });
      }
      expect(points).toEqual(message.poses.map((each) => each.pose.position));
    });
  });

  it('as transforms', () => {
    const m = new TransformsMessage();
    check(transforms, MessageType.transforms, (message, bytes, names) => {
      expect(m.begin(reader, bytes)).toBe(true);
      const read: object[] = [];
      for (let i = 0; i < m.count; i++) {
        expect(m.next(reader, names)).toBe(true);
        const { x, y, z, qx, qy, qz, qw } = m;
        const transform = { translation: { x, y, z }, rotation: { x: qx, y: qy, z: qz, w: qw } };
        read.push({ header: stampOf(m, names), child_frame_id: names.name(m.childFrame), transform });
      }
      const told = message.transforms.map((each) => ({
        ...each,
        header: expected(each.header),
        child_frame_id: bare(each.child_frame_id),
      }));
      expect(read).toEqual(told);
    });
  });

  it('as wrenches', () => {
    const m = new WrenchStampedMessage();
    check(wrenchStamped, MessageType.wrench, (message, bytes, names) => {
      expect(m.read(reader, bytes, names)).toBe(true);
      expect(stampOf(m, names)).toEqual(expected(message.header));
      expect({ x: m.forceX, y: m.forceY, z: m.forceZ }).toEqual(message.wrench.force);
    });
  });

  it('as hazards', () => {
    const m = new HazardsMessage();
    check(hazards, MessageType.hazards, (message, bytes, names) => {
      expect(m.begin(reader, bytes, names)).toBe(true);
      const read: object[] = [];
      for (let i = 0; i < m.count; i++) {
        expect(m.next(reader, names)).toBe(true);
        read.push({ header: stampOf({ header: m.detectionHeader }, names), type: m.type });
      }
      expect(read).toEqual(message.detections.map(({ header: of, type }) => ({ header: expected(of), type })));
    });
  });

  it('as contacts of Gazebo', () => {
    const m = new GazeboContactsMessage();
    check(contacts, MessageType.gazeboContacts, (message, bytes, names) => {
      expect(m.begin(reader, bytes, names)).toBe(true);
      expect(m.count).toBe(message.contacts.length);
      for (const { positions, wrenches } of message.contacts) {
        expect(m.next(reader)).toBe(true);
        let [x, y, force] = [0, 0, 0];
        for (const position of positions) {
          x += position.x;
          y += position.y;
        }
        for (const { body_1_wrench: of } of wrenches) {
          force += Math.sqrt(of.force.x ** 2 + of.force.y ** 2 + of.force.z ** 2);
        }
        expect([m.x, m.y, m.force]).toEqual([x / positions.length, y / positions.length, force]);
      }
    });
  });
});

const INPUTS = [
  [InputTopic.odometry, MessageType.odometry, odometry],
  [InputTopic.scan, MessageType.scan, scan],
  [InputTopic.goal, MessageType.poseStamped, poseStamped],
  [InputTopic.plan, MessageType.path, path],
  [InputTopic.transforms, MessageType.transforms, transforms],
  [InputTopic.staticTransforms, MessageType.transforms, transforms],
  [InputTopic.enable, MessageType.bool, fc.record({ data: fc.boolean() })],
] as const;
const CONTACTS = [
  ['wrench', MessageType.wrench, wrenchStamped],
  ['hazards', MessageType.hazards, hazards],
  ['contacts', MessageType.gazeboContacts, contacts],
] as const;

/** A message's bytes, cut or with some of them changed; often with none. */
function spoilt(type: string, arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(), to: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0xff), fc.nat(255)) });
  return fc
    .tuple(arbitrary, fc.array(change, { maxLength: 4 }), fc.option(fc.nat(), { freq: 3 }))
    .map(([message, changes, length]) => {
      const bytes = written(type, message as object);
      for (const { at, to } of changes) bytes[at % bytes.length] = to;
      return length === null ? bytes : bytes.subarray(0, length % (bytes.length + 1));
    });
}

describe('bytes that were cut or spoilt', () => {
  it.each(CONTACTS)(
    'with contacts of type %s never throw, and bring nothing past the sink that is not finite',
    (kind, type, arbitrary) => {
      const rig = new InputRig({ contact_type: kind });
      let taken = 0;
      const topics = [InputTopic.contacts, InputTopic.contactFront, InputTopic.contactRight];
      const any = fc.oneof(
        ...INPUTS.map(([topic, of, message]) =>
          spoilt(of, message).map((bytes) => ({ topic: topic as string, bytes })),
        ),
        ...topics.map((topic) => spoilt(type, arbitrary).map((bytes) => ({ topic: topic as string, bytes }))),
        fc.record({
          topic: fc.constantFrom<string>(...INPUTS.map(([topic]) => topic), ...topics),
          bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        }),
      );
      fc.assert(
        fc.property(any, fc.nat(1e8), ({ topic, bytes }, passedNs) => {
          rig.time.now += passedNs;
          rig.raw(topic, bytes);
          rig.inputs.tick();
          for (const { input, values, receivedNs } of rig.sink.calls) {
            if (input !== 'ranges') expect(values.every(Number.isFinite)).toBe(true);
            expect(receivedNs).toBeLessThanOrEqual(rig.time.now);
            taken++;
          }
          for (const { angleMin, angleIncrement, mountX, mountY, mountYaw, count, ranges } of rig.sink.scans) {
            expect(Number.isFinite(angleMin + angleIncrement + mountX + mountY + mountYaw)).toBe(true);
            expect(ranges.length).toBe(count);
          }
          rig.sink.calls.length = 0;
          rig.sink.scans.length = 0;
        }),
        { numRuns: 3000 },
      );
      rig.close();
      const { figures } = rig.inputs;
      // Not a test of nothing: of each there was something to refuse, and something came through.
      for (const each of [figures.odometry, figures.scan, figures.goal, figures.plan, figures.transforms]) {
        expect(each.refusals()['malformed'], each.name).toBeGreaterThan(0);
      }
      expect(figures.contacts.accepted).toBeGreaterThan(0);
      expect(taken).toBeGreaterThan(0);
    },
  );
});
