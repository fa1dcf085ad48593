/**
 * What the node writes, read by @foxglove/rosmsg2-serialization from ROS 2's own definitions, and by its writer made of
 * the same contents again: the bytes must be the same.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from '@foxglove/rosmsg';
import { MessageReader, MessageWriter } from '@foxglove/rosmsg2-serialization';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../../src/io/ros2/cdr/read-checkpoint.js';
import { CdrWriter } from '../../../../src/io/ros2/cdr/write-cdr.js';
import { Level, writeDiagnostics } from '../../../../src/io/ros2/cdr/write-diagnostics.js';
import { type Marker, MarkerType, writeMarkers } from '../../../../src/io/ros2/cdr/write-markers.js';
import { MotionMessage } from '../../../../src/io/ros2/cdr/write-motion.js';
import { writeCheckpoint, writePose } from '../../../../src/io/ros2/cdr/write-telemetry.js';
import { definitionOf } from '../../../../src/telemetry/flight-log/topics.js';

const STAMP = Int32Array.of(1_790_000_000, 123_456_789);
const HEADER = { stamp: { sec: 1_790_000_000, nanosec: 123_456_789 }, frame_id: 'robot 7/base_link' };

function read(type: string, bytes: Uint8Array): unknown {
  return new MessageReader(parse(definitionOf(type), { ros2: true })).readMessage(bytes);
}

/** Its contents by the definition, having seen that the other writer makes the same bytes of them. */
function reread(type: string, bytes: Buffer): Record<string, unknown> {
  const contents = read(type, bytes) as Record<string, unknown>;
  const again = new MessageWriter(parse(definitionOf(type), { ros2: true })).writeMessage(contents);
  expect(bytes.toString('hex')).toBe(Buffer.from(again).toString('hex'));
  return contents;
}

describe('a motion command', () => {
  it('is a TwistStamped of its stamp, its frame and its velocity', () => {
    const message = new MotionMessage(true, 'robot 7/base_link');
    message.set(STAMP, 0.5, -0.25, 1.5);
    expect(reread('geometry_msgs/msg/TwistStamped', message.bytes)).toEqual({
      header: HEADER,
      twist: { linear: { x: 0.5, y: -0.25, z: 0 }, angular: { x: 0, y: 0, z: 1.5 } },
    });
  });

  it.each(['', 'b', 'base_link', 'a/longer/frame'])('leaves nothing of the one before it, in frame "%s"', (frame) => {
    const message = new MotionMessage(true, frame);
    message.set(Int32Array.of(-1, 999_999_999), Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE);
    message.set(STAMP, 0, 0, 0);
    expect(reread('geometry_msgs/msg/TwistStamped', message.bytes)).toEqual({
      header: { ...HEADER, frame_id: frame },
      twist: { linear: { x: 0, y: 0, z: 0 }, angular: { x: 0, y: 0, z: 0 } },
    });
  });

  it('is a Twist where no stamp is wanted, of 52 bytes', () => {
    const message = new MotionMessage(false, 'base_link');
    message.set(STAMP, 0.5, -0.25, 1.5);
    expect(message.bytes).toHaveLength(52);
    expect(reread('geometry_msgs/msg/Twist', message.bytes)).toEqual({
      linear: { x: 0.5, y: -0.25, z: 0 },
      angular: { x: 0, y: 0, z: 1.5 },
    });
  });
});

describe('a checkpoint', () => {
  const file = {
    policyId: 'lin-ts',
    formatVersion: 1,
    schemaHash: '00112233445566778899aabbccddeeff',
    updates: 2 ** 40,
    cycles: 2 ** 41,
    episodes: 12,
    data: Uint8Array.from({ length: 70_001 }, (_, i) => i % 251),
  };

  it('is its file whole, with what the file says of itself', () => {
    const bytes = writeCheckpoint(new CdrWriter(), STAMP, HEADER.frame_id, file, 'ab'.repeat(32));
    expect(reread('rfsn_controller/msg/Checkpoint', bytes)).toEqual({
      header: HEADER,
      policy_id: 'lin-ts',
      format_version: 1,
      schema_hash: file.schemaHash,
      update_count: 2n ** 40n,
      cycles: 2n ** 41n,
      episodes: 12,
      checksum: 'ab'.repeat(32),
      data: file.data,
    });
  });

  it('is read as it was written, whatever the lengths of its texts', () => {
    for (const policyId of ['', 'a', 'ab', 'abc', 'abcd', 'naïve']) {
      const bytes = writeCheckpoint(new CdrWriter(), STAMP, 'base_link', { ...file, policyId }, 'cd'.repeat(32));
      const { data, checksum, updates, ...rest } = readCheckpoint(bytes);
      expect(rest.policyId).toBe(policyId);
      expect(updates).toBe(2 ** 40);
      expect(checksum).toBe('cd'.repeat(32));
      expect(Buffer.from(data).equals(file.data)).toBe(true);
    }
  });

  it('is read where it is big-endian', () => {
    const contents = { ...file, header: HEADER, policy_id: 'p', checksum: 'c' };
    const little = writeCheckpoint(new CdrWriter(), STAMP, 'f', { ...file, policyId: 'p' }, 'c');
    // No writer at hand makes one: each number of the message is turned, text and bytes are left.
    const big = Buffer.from(little);
    big[1] = 0;
    const turn = (at: number, bytes: number) => big.subarray(at, at + bytes).reverse();
    turn(4, 4);
    turn(8, 4);
    let at = 12;
    const text = (length: number) => {
      turn(at, 4);
      at += 4 + length + 1;
    };
    const align = (bytes: number) => {
      at = 4 + Math.ceil((at - 4) / bytes) * bytes;
    };
    text(1);
    align(4);
    text(1);
    align(4);
    turn(at, 4);
    at += 4;
    text(contents.schemaHash.length);
    align(8);
    turn(at, 8);
    turn(at + 8, 8);
    turn(at + 16, 4);
    at += 20;
    text(1);
    align(4);
    turn(at, 4);
    const { updates, data, checksum } = readCheckpoint(big);
    expect([updates, checksum]).toEqual([2 ** 40, 'c']);
    expect(Buffer.from(data).equals(file.data)).toBe(true);
  });

  it('is refused with a sentence wherever it is cut off', () => {
    const bytes = writeCheckpoint(new CdrWriter(), STAMP, 'base_link', { ...file, data: Uint8Array.of(1, 2) }, 'ef');
    for (let end = 0; end < bytes.length; end++) {
      expect(() => readCheckpoint(bytes.subarray(0, end)), String(end)).toThrow(/not plain CDR|ends too early/);
    }
  });

  it('is read or refused with a sentence, whatever its bytes are', () => {
    const small = { ...file, data: Uint8Array.of(1, 2, 3, 4, 5) };
    const bytes = writeCheckpoint(new CdrWriter(), STAMP, 'base_link', small, 'ef');
    const spoilt = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    let read = 0;
    fc.assert(
      fc.property(spoilt, (changes) => {
        const other = Buffer.from(bytes);
        for (const [at, byte] of changes) other[at] = byte;
        try {
          const { data } = readCheckpoint(other);
          expect(data.length).toBeLessThanOrEqual(other.length);
          read++;
        } catch (error) {
          expect((error as Error).message).toMatch(/^it (is not plain CDR|ends too early|holds no data)$/);
        }
      }),
    );
    expect(read).toBeGreaterThan(0);
  });

  it('is refused where a length in it is forged or it holds nothing', () => {
    const bytes = Buffer.from(writeCheckpoint(new CdrWriter(), STAMP, 'base_link', file, 'ef'));
    bytes.writeUInt32LE(0xffffffff, bytes.length - file.data.length - 4);
    expect(() => readCheckpoint(bytes)).toThrow('ends too early');
    const empty = writeCheckpoint(new CdrWriter(), STAMP, 'base_link', { ...file, data: new Uint8Array(0) }, 'ef');
    expect(() => readCheckpoint(empty)).toThrow('no data');
  });
});

it('a goal that was reached is a pose without a heading', () => {
  expect(reread('geometry_msgs/msg/PoseStamped', writePose(new CdrWriter(), STAMP, 'odom', 3.5, -2))).toEqual({
    header: { ...HEADER, frame_id: 'odom' },
    pose: { position: { x: 3.5, y: -2, z: 0 }, orientation: { x: 0, y: 0, z: 0, w: 1 } },
  });
});

describe('diagnostics', () => {
  it('are all statuses with their values', () => {
    const values = [
      ['rate [Hz]', '50.0'],
      ['fault', ''],
    ] as const;
    const statuses = [
      { level: Level.ok, name: '/ns/controller: cycle', message: 'fifty', values },
      { level: Level.stale, name: '/ns/controller: input odometry', message: 'the policy’s — “nothing”', values: [] },
    ];
    const bytes = writeDiagnostics(new CdrWriter(), STAMP, 'robot7', statuses);
    // The other writer cuts strings short that are not ASCII: what it reads is compared, and not its bytes.
    expect(read('diagnostic_msgs/msg/DiagnosticArray', bytes)).toEqual({
      header: { ...HEADER, frame_id: '' },
      status: statuses.map(({ level, name, message, values: pairs }) => ({
        ...{ level, name, message, hardware_id: 'robot7' },
        values: pairs.map(([key, value]) => ({ key, value })),
      })),
    });
    const ascii = statuses.map((status) => ({ ...status, message: 'ascii' }));
    reread('diagnostic_msgs/msg/DiagnosticArray', writeDiagnostics(new CdrWriter(), STAMP, 'robot7', ascii));
  });
});

describe('markers', () => {
  const sectors: Marker = {
    ...{ frame: 'base_link', namespace: 'sectors', id: 1, type: MarkerType.triangles },
    ...{ x: 1, y: 2, z: 3, yaw: Math.PI, scale: [1, 2, 3], colour: [0.25, 0.5, 0.75, 1] },
    triangles: Float64Array.of(0, 0, 1, 0, 0, 1),
    colours: [[0, 0.25, 0.5, 1]],
  };

  it('are triangles and texts as they were given', () => {
    const { triangles, colours, ...rest } = sectors;
    const words = { ...rest, id: 2, type: MarkerType.text, text: '0.25' };
    const bytes = writeMarkers(new CdrWriter(), STAMP, 1_500_000_000, [sectors, words]);
    const { markers } = reread('visualization_msgs/msg/MarkerArray', bytes) as { markers: Record<string, unknown>[] };
    expect(markers).toHaveLength(2);
    const colour = { r: 0, g: 0.25, b: 0.5, a: 1 };
    expect(markers[0]).toMatchObject({
      header: { ...HEADER, frame_id: 'base_link' },
      ...{ ns: 'sectors', id: 1, type: 11, action: 0, frame_locked: true, text: '' },
      pose: { position: { x: 1, y: 2, z: 3 }, orientation: { z: 1, x: 0, y: 0 } },
      scale: { x: 1, y: 2, z: 3 },
      color: { r: 0.25, g: 0.5, b: 0.75, a: 1 },
      lifetime: { sec: 1, nanosec: 500_000_000 },
      points: [
        { x: 0, y: 0, z: 0 },
        { x: 1, y: 0, z: 0 },
        { x: 0, y: 1, z: 0 },
      ],
      colors: [colour, colour, colour],
    });
    expect(markers[1]).toMatchObject({ id: 2, type: 9, text: '0.25', points: [], colors: [] });
  });

  it.each(['ros2humble', 'ros2iron'])('have the same layout in %s', (distribution) => {
    const main = createRequire(import.meta.url).resolve('@foxglove/rosmsg-msgs-common');
    const file = join(dirname(dirname(main)), 'msgdefs', distribution, 'visualization_msgs/msg/MarkerArray.msg');
    const fieldsOf = (definition: string) =>
      parse(definition, { ros2: true })
        .map((message) => ({
          name: message.name,
          fields: message.definitions
            .filter((field) => field.isConstant !== true)
            .map(({ name, type, isArray, arrayLength }) => [name, type, isArray, arrayLength].join(' ')),
        }))
        .sort((a, b) => (a.name ?? '').localeCompare(b.name ?? ''));
    expect(fieldsOf(readFileSync(file, 'utf8'))).toEqual(fieldsOf(definitionOf('visualization_msgs/msg/MarkerArray')));
  });
});

describe('the writer', () => {
  it('gives its whole buffer to the next message, whose padding is clean', () => {
    const w = new CdrWriter();
    w.begin();
    for (let i = 0; i < 64; i++) w.uint8(0xff);
    w.end();
    const bytes = w.begin().uint8(1).float64(2).uint8(3).uint32(4).uint8(5).uint64(6).end();
    expect([...bytes.subarray(5, 12)]).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(bytes.readDoubleLE(12)).toBe(2);
    expect([...bytes.subarray(20, 24)]).toEqual([3, 0, 0, 0]);
    expect(bytes.readUInt32LE(24)).toBe(4);
    expect([...bytes.subarray(28, 36)]).toEqual([5, 0, 0, 0, 0, 0, 0, 0]);
    expect(bytes.readBigUInt64LE(36)).toBe(6n);
  });

  it('writes counts that are none as 0', () => {
    const w = new CdrWriter().begin();
    for (const count of [-1, Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53]) w.uint64(count);
    expect([...new Uint8Array(w.end().subarray(4))].every((byte) => byte === 0)).toBe(true);
  });
});
