import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../../../src/io/replay/messages.js';
import { yawOfQuaternion } from '../../../../src/io/replay/messages.js';
import type { RecordingOptions } from '../../../../src/io/replay/recording.js';
import { Recording } from '../../../../src/io/replay/recording.js';
import { RecordingError } from '../../../../src/io/replay/recording-error.js';
import {
  CHATTER,
  type Channel,
  type Entry,
  fileOf,
  ODOM,
  ODOMETRY_DEFINITION,
  odometryBytes,
  record,
  SCAN,
  scanBytes,
  storedLz4,
  storedZstd,
  straightDrive,
} from './recorder.js';

function readAll(bytes: Uint8Array, options: RecordingOptions = {}) {
  const recording = new Recording(fileOf(bytes), options);
  const messages: RecordedMessage[] = [];
  for (let message = recording.next(); message !== null; message = recording.next()) messages.push(message);
  recording.close();
  return { recording, messages, end: recording.end };
}

function faultOf(bytes: Uint8Array, options: RecordingOptions = {}): RecordingError {
  try {
    readAll(bytes, options);
  } catch (error) {
    if (error instanceof RecordingError) return error;
    throw error;
  }
  throw new Error('the recording was taken');
}

/** Offsets and lengths of the top-level records. */
function recordsOf(bytes: Uint8Array): { opcode: number; start: number; end: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records = [];
  for (let at = 8; at + 9 <= bytes.length - 8; ) {
    const end = at + 9 + Number(view.getBigUint64(at + 1, true));
    records.push({ opcode: bytes[at], start: at, end });
    at = end;
  }
  return records;
}

const chunksOf = (bytes: Uint8Array) => recordsOf(bytes).filter(({ opcode }) => opcode === 6);

describe('Recording', () => {
  it('reads every field of an odometry and of a scan', async () => {
    const { messages } = readAll(
      await record([
        {
          channel: ODOM,
          logTimeNs: 7_000_000_001,
          data: odometryBytes({ stampNs: 6_999_999_999, x: 1, y: -2, yaw: -2.5, vx: 0.5, vy: 0.25, yawRate: -0.125 }),
        },
        { channel: SCAN, logTimeNs: 8, data: scanBytes({ stampNs: 9, ranges: [0.5, Number.NaN, Infinity] }) },
      ]),
    );
    expect(messages).toEqual([
      {
        kind: 'odometry',
        logTimeNs: 7_000_000_001n,
        stampNs: 6_999_999_999n,
        x: 1,
        y: -2,
        yaw: expect.closeTo(-2.5, 12),
        vx: 0.5,
        vy: 0.25,
        yawRate: -0.125,
      },
      {
        kind: 'scan',
        logTimeNs: 8n,
        stampNs: 9n,
        angleMin: Math.fround(-Math.PI / 2),
        angleIncrement: Math.fround(Math.PI / 2),
        rangeMin: Math.fround(0.1),
        rangeMax: 10,
        ranges: new Float32Array([0.5, Number.NaN, Infinity]),
      },
    ]);
  });

  const ways: [string, Parameters<typeof record>[1]][] = [
    ['without chunks', { useChunks: false }],
    ['without a summary', { useSummary: false }],
    ['in plain chunks', {}],
    ['in lz4 chunks', { compressChunk: storedLz4 }],
    ['in zstd chunks', { compressChunk: (data) => storedZstd(data) }],
    ['in zstd chunks that do not state their size', { compressChunk: (data) => storedZstd(data, false) }],
  ];
  for (const [name, options] of ways) {
    it(`reads the same messages ${name}`, async () => {
      const entries = straightDrive(20);
      const { recording, messages, end } = readAll(await record(entries, options));
      const expected = entries.filter(({ channel }) => channel !== CHATTER);
      expect(messages.map((message) => [message.kind, message.logTimeNs])).toEqual(
        expected.map(({ channel, logTimeNs }) => [channel === ODOM ? 'odometry' : 'scan', BigInt(logTimeNs)]),
      );
      expect(end).toEqual({ state: 'complete', detail: '' });
      expect(recording.counts).toEqual({ messages: entries.length, odometry: 201, scans: 41, undecodable: 0 });
      expect(recording.topics.map(({ topic, messageCount }) => [topic, messageCount])).toEqual([
        ['/odom', 201],
        ['/scan', 41],
        ['/chatter', entries.length - 242],
      ]);
    });
  }

  it('keeps the order of the file where log times go back, also from chunk to chunk', async () => {
    const times = [5, 3, 9, 1, 1, 8, 2];
    const entries = times.map((logTimeNs) => ({ channel: ODOM, logTimeNs, data: odometryBytes({}) }));
    const bytes = await record(entries, { chunkSize: 1000 });
    expect(chunksOf(bytes).length).toBeGreaterThan(2);
    expect(readAll(bytes).messages.map(({ logTimeNs }) => Number(logTimeNs))).toEqual(times);
  });

  it('reads the topics it is told to', async () => {
    const fused: Channel = { ...ODOM, topic: '/odometry/filtered' };
    const rear: Channel = { ...SCAN, topic: '/rear/scan' };
    const bytes = await record([
      { channel: ODOM, logTimeNs: 1, data: odometryBytes({ x: 1 }) },
      { channel: fused, logTimeNs: 2, data: odometryBytes({ x: 2 }) },
      { channel: SCAN, logTimeNs: 3, data: scanBytes({}) },
      { channel: rear, logTimeNs: 4, data: scanBytes({}) },
    ]);
    const found = readAll(bytes);
    expect([found.recording.odometryTopic, found.recording.scanTopic]).toEqual(['/odom', '/scan']);
    expect(found.messages.map(({ logTimeNs }) => logTimeNs)).toEqual([1n, 3n]);
    const told = readAll(bytes, { odometryTopic: '/odometry/filtered', scanTopic: '/rear/scan' });
    expect(told.messages.map(({ logTimeNs }) => logTimeNs)).toEqual([2n, 4n]);
  });

  it('does without scans', async () => {
    const { recording, messages } = readAll(await record([{ channel: ODOM, logTimeNs: 1, data: odometryBytes({}) }]));
    expect(recording.scanTopic).toBeNull();
    expect(messages).toHaveLength(1);
  });

  describe('refuses', () => {
    it('a file that is not there, and a folder', () => {
      expect(() => new Recording('/nowhere/at/all.mcap')).toThrow(/cannot be opened.*ENOENT/);
      const folder = join(tmpdir(), `rfsn-replay-folder-${process.pid}`);
      mkdirSync(folder, { recursive: true });
      expect(() => new Recording(folder)).toThrow(expect.objectContaining({ fault: 'unreadable' }));
    });

    it('what is not MCAP, and says what it begins with', () => {
      expect(faultOf(new Uint8Array(0))).toMatchObject({ fault: 'not-mcap', message: /empty/ });
      expect(faultOf(new TextEncoder().encode('#ROSBAG V2.0\n'))).toMatchObject({
        fault: 'not-mcap',
        message: expect.stringMatching(/begins with 23 52 4f 53/),
      });
      expect(faultOf(new Uint8Array([0x89, 0x4d]))).toMatchObject({ fault: 'not-mcap' });
    });

    it('a recording without odometry, and lists what it has', async () => {
      const scan = { channel: SCAN, logTimeNs: 1, data: scanBytes({}) };
      const error = faultOf(await record([scan, { channel: CHATTER, logTimeNs: 1, data: new Uint8Array(4) }]));
      expect(error.fault).toBe('no-odometry');
      expect(error.message).toContain('/scan (sensor_msgs/msg/LaserScan), /chatter (std_msgs/msg/String)');
      expect(faultOf(await record([]))).toMatchObject({ fault: 'no-odometry', message: /no topics at all/ });
    });

    it('an unknown topic and one of another type, and lists what it has', async () => {
      const bytes = await record(straightDrive(1));
      for (const options of [{ odometryTopic: '/odo' }, { scanTopic: '/odo' }]) {
        const error = faultOf(bytes, options);
        expect(error.fault).toBe('unknown-topic');
        expect(error.message).toContain('no topic /odo; it has /odom (nav_msgs/msg/Odometry), /scan');
      }
      expect(faultOf(bytes, { scanTopic: '/odom' })).toMatchObject({ fault: 'wrong-type' });
    });

    it('messages that are not CDR', async () => {
      const json: Channel = { ...ODOM, messageEncoding: 'json' };
      const bytes = await record([{ channel: json, logTimeNs: 1, data: new TextEncoder().encode('{}') }]);
      expect(faultOf(bytes)).toMatchObject({ fault: 'no-odometry' });
      expect(faultOf(bytes, { odometryTopic: '/odom' })).toMatchObject({ fault: 'wrong-type' });
    });

    it('a definition of the odometry that is another one', async () => {
      const definitions = [
        '',
        'this is no definition %%',
        'Odometry odometry\n',
        ODOMETRY_DEFINITION.replace('float64 z', 'float32 z'),
        ODOMETRY_DEFINITION.replace('float64[36]', 'float64[4000000000]'),
        ODOMETRY_DEFINITION.replace('string child_frame_id\n', ''),
        `${ODOMETRY_DEFINITION.replace('string child_frame_id', 'Loop child_frame_id')}${'='.repeat(80)}
MSG: nav_msgs/Loop
nav_msgs/Loop again
`,
      ];
      for (const definition of definitions) {
        const channel = { ...ODOM, definition };
        const bytes = await record([{ channel, logTimeNs: 1, data: odometryBytes({}) }]);
        expect(faultOf(bytes), definition).toMatchObject({ fault: 'schema' });
      }
      const idl: Channel = { ...ODOM, schemaEncoding: 'ros2idl' };
      const bytes = await record([{ channel: idl, logTimeNs: 1, data: odometryBytes({}) }]);
      expect(faultOf(bytes).message).toContain("'ros2idl'");
    });
  });

  describe('of a file that is cut off', () => {
    const entries = straightDrive(4);
    const ways: [string, Parameters<typeof record>[1]][] = [
      ['plain', { chunkSize: 3000 }],
      ['lz4', { chunkSize: 3000, compressChunk: storedLz4 }],
      ['zstd', { chunkSize: 3000, compressChunk: (data) => storedZstd(data) }],
      ['unchunked', { useChunks: false }],
    ];
    for (const [name, options] of ways) {
      it(`reads what is there, wherever it is cut (${name})`, async () => {
        const bytes = await record(entries, options);
        const whole = readAll(bytes).messages;
        let longest = 0;
        for (let length = 8; length < bytes.length; length += 61) {
          let read: ReturnType<typeof readAll>;
          try {
            read = readAll(bytes.subarray(0, length));
          } catch (error) {
            // Before the odometry's channel is whole, there is none.
            expect(error).toMatchObject({ fault: 'no-odometry' });
            expect(longest).toBe(0);
            continue;
          }
          expect(read.end).toMatchObject({ state: 'cut-off', detail: expect.stringContaining(`byte ${length}`) });
          expect(read.messages).toEqual(whole.slice(0, read.messages.length));
          expect(read.messages.length).toBeGreaterThanOrEqual(longest);
          longest = read.messages.length;
        }
        expect(longest).toBe(whole.length);
      });
    }

    it('reads the whole messages of a plain chunk up to the cut', async () => {
      const bytes = await record(entries, { chunkSize: 1e6 });
      const [chunk] = chunksOf(bytes);
      const { messages, end } = readAll(bytes.subarray(0, chunk.start + ((chunk.end - chunk.start) >> 1)));
      expect(end.state).toBe('cut-off');
      expect(messages.length).toBeGreaterThan(15);
      expect(messages.length).toBeLessThan(40);
    });

    it('takes bytes after the end as damage', async () => {
      const bytes = await record(entries);
      const { messages, end } = readAll(new Uint8Array([...bytes, 0, 1, 2]));
      expect(end).toMatchObject({ state: 'damaged', detail: expect.stringContaining('after the footer') });
      expect(messages).toEqual(readAll(bytes).messages);
    });

    it('tells a missing footer from a complete file', async () => {
      const bytes = await record(entries);
      const states = [0, 1, 8, 9, 37, 38].map(
        (missing) => readAll(bytes.subarray(0, bytes.length - missing)).end.state,
      );
      expect(states).toEqual(['complete', 'cut-off', 'cut-off', 'cut-off', 'cut-off', 'cut-off']);
    });
  });

  describe('of a file that is damaged', () => {
    it('leaves out a chunk whose checksum is wrong and reads the others', async () => {
      const compressors = [undefined, storedLz4, (data: Uint8Array) => storedZstd(data)];
      for (const compressChunk of compressors) {
        const bytes = await record(straightDrive(10), {
          chunkSize: 3000,
          ...(compressChunk === undefined ? {} : { compressChunk }),
        });
        const chunks = chunksOf(bytes);
        const whole = readAll(bytes).messages.length;
        bytes[chunks[2].end - 20] ^= 1;
        const { messages, end } = readAll(bytes);
        expect(end.state).toBe('damaged');
        expect(end.detail).toMatch(/^1 record is damaged .*CRC/);
        expect(messages.length).toBeLessThan(whole);
        expect(messages.length).toBeGreaterThan(whole - 20);
      }
    });

    it('takes a record that says it is longer than the file as the end, and reads what lies in it', async () => {
      const bytes = await record(straightDrive(10), { chunkSize: 3000 });
      const chunks = chunksOf(bytes);
      const beginning = readAll(bytes.subarray(0, chunks[1].end)).messages;
      expect(beginning.length).toBeGreaterThan(5);
      for (const forged of [2 ** 31, 2 ** 40, 2 ** 62]) {
        new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(chunks[1].start + 1, BigInt(forged), true);
        const { messages, end } = readAll(bytes);
        expect(end).toMatchObject({ state: 'cut-off', detail: expect.stringContaining(String(BigInt(forged))) });
        expect(messages).toEqual(beginning);
      }
    });

    it('allocates nothing for a chunk that says it holds more than a reader takes', async () => {
      const options = { chunkSize: 3000, compressChunk: storedLz4 };
      const bytes = await record(straightDrive(10), options);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setBigUint64(chunksOf(bytes)[1].start + 9 + 16, 2n ** 45n, true);
      const { messages, end } = readAll(bytes);
      expect(end.detail).toContain('35184372088832 bytes');
      expect(messages.length).toBeGreaterThan(60);
      const small = readAll(await record(straightDrive(10), { chunkSize: 30_000 }), { recordBytesMax: 5000 });
      expect(small.end.state).toBe('damaged');
    });

    it('leaves out what says it is a record of opcode 0, in a chunk and outside of one', async () => {
      const bytes = await record(straightDrive(10), { useChunks: false });
      const messages = recordsOf(bytes).filter(({ opcode }) => opcode === 5);
      bytes[messages[3].start] = 0;
      expect(readAll(bytes).end).toMatchObject({ state: 'damaged', detail: expect.stringContaining('opcode 0') });
      const padded = await record(straightDrive(10), {
        chunkSize: 3000,
        compressChunk: (data) => storedZstd(new Uint8Array([...data, ...new Uint8Array(18)])),
      });
      const view = new DataView(padded.buffer, padded.byteOffset);
      for (const { start } of chunksOf(padded)) {
        // The chunk owns up to its padding, and its checksum, which would give it away, is left out.
        view.setBigUint64(start + 9 + 16, view.getBigUint64(start + 9 + 16, true) + 18n, true);
        view.setUint32(start + 9 + 24, 0);
      }
      expect(readAll(padded).end.detail).toMatch(/opcode 0/);
      expect(readAll(bytes).messages.length).toBe(readAll(await record(straightDrive(10))).messages.length - 1);
    });

    it('leaves out messages whose bytes do not hold what their type needs', async () => {
      const cut = odometryBytes({}).subarray(0, 300);
      const bigEndian = scanBytes({});
      bigEndian[1] = 0;
      const forged = scanBytes({ ranges: [1, 2, 3, 4] });
      // The last words are the ranges' count, four ranges and the intensities' count.
      new DataView(forged.buffer, forged.byteOffset).setUint32(forged.length - 24, 0xffffffff, true);
      const { recording, messages, end } = readAll(
        await record([
          { channel: ODOM, logTimeNs: 1, data: cut },
          { channel: ODOM, logTimeNs: 2, data: new Uint8Array(0) },
          { channel: SCAN, logTimeNs: 3, data: bigEndian },
          { channel: SCAN, logTimeNs: 4, data: forged },
          { channel: ODOM, logTimeNs: 5, data: odometryBytes({}) },
        ]),
      );
      expect(messages.map(({ logTimeNs }) => logTimeNs)).toEqual([5n]);
      expect(recording.counts).toMatchObject({ messages: 5, undecodable: 4 });
      expect(end.state).toBe('complete');
    });

    it('never throws anything but its own error, whatever bits are flipped', async () => {
      const entries: Entry[] = straightDrive(2);
      const files = [
        await record(entries, { chunkSize: 2000 }),
        await record(entries, { chunkSize: 2000, compressChunk: storedLz4 }),
        await record(entries, { chunkSize: 2000, compressChunk: (data) => storedZstd(data) }),
        await record(entries, { useChunks: false }),
      ];
      fc.assert(
        fc.property(
          fc.nat(files.length - 1),
          fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
            minLength: 1,
            maxLength: 4,
          }),
          (index, changes) => {
            const bytes = files[index].slice();
            for (const [share, value] of changes) bytes[Math.floor(share * bytes.length)] = value;
            try {
              const { messages } = readAll(bytes);
              expect(messages.length).toBeLessThanOrEqual(entries.length);
            } catch (error) {
              expect(error).toBeInstanceOf(RecordingError);
            }
          },
        ),
        { numRuns: 500 },
      );
    });
  });
});

describe('yawOfQuaternion', () => {
  it('is the rotation about z, whatever the length', () => {
    for (const yaw of [-3, -1.5, 0, 0.1, 2, 3.1]) {
      for (const length of [0.5, 1, 3]) {
        const z = length * Math.sin(yaw / 2);
        const w = length * Math.cos(yaw / 2);
        expect(yawOfQuaternion(0, 0, z, w)).toBeCloseTo(yaw, 12);
      }
    }
  });

  it('is NaN where there is no rotation at all', () => {
    expect(yawOfQuaternion(0, 0, 0, 0)).toBeNaN();
    expect(yawOfQuaternion(0, 0, Number.NaN, 1)).toBeNaN();
  });
});
