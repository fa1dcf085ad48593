/**
 * The messages of a flight log as bytes, beside what they say: a change of either is a change of the format, of which
 * older logs know nothing. `REGENERATE_GOLDEN=1 npx vitest run test/golden/flight-log` writes them anew; then
 * `npm run fix:format` lays them out.
 *
 * What they say is read by @foxglove/rosmsg2-serialization from the definitions under msg/ and those of ROS 2, and its
 * writer must make the same bytes of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from '@foxglove/rosmsg';
import { MessageReader, MessageWriter } from '@foxglove/rosmsg2-serialization';
import { describe, expect, it } from 'vitest';
import { DECISION_DOUBLES, EXPLANATION_DOUBLES } from '../../../src/memory/layout.js';
import { MessageEncoder } from '../../../src/telemetry/flight-log/messages.js';
import { decisionRecordFrom, definitionOf } from '../../../src/telemetry/flight-log/topics.js';
import { decisionInto, RUNNING, START_UNIX_NS } from '../../support/logged-run.js';

const FILE = new URL('./messages.json', import.meta.url);
const STAMP = START_UNIX_NS + 123_456_789n;

const encoder = new MessageEncoder('lin-ts');
const odometry = Float64Array.of(5e9, 6e9, 1.5, -2.25, 0.5, 0.75, -0.125, 0.25, 2, 41);
const ranges = Float64Array.of(5e9, 6e9, 5, -1.5, 0.75, 0.125, 10, 0.25, -0.5, 0.5, 17);
const beams = Float32Array.of(1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 9.75);
const contacts = Float64Array.of(5e9, 6e9, 1, 2, 3, 4, 9);
const goal = Float64Array.of(5e9, 6e9, 1, 3, 4.5, -1.5, 0.25, 5);
const decision = new Float64Array(DECISION_DOUBLES);
decisionInto(decision, 1234);
const explanation = Float64Array.from({ length: EXPLANATION_DOUBLES }, (_, i) => (i === 0 ? 1234 : i / 8));

const messages: Record<string, { type: string; bytes: () => Uint8Array }> = {
  odometry: { type: 'nav_msgs/msg/Odometry', bytes: () => encoder.odometry(STAMP, odometry) },
  transform: { type: 'tf2_msgs/msg/TFMessage', bytes: () => encoder.transform(STAMP, odometry) },
  mount: { type: 'tf2_msgs/msg/TFMessage', bytes: () => encoder.mount(STAMP, ranges) },
  scan: { type: 'sensor_msgs/msg/LaserScan', bytes: () => encoder.scan(STAMP, ranges, beams) },
  contacts: { type: 'rfsn_controller/msg/Contacts', bytes: () => encoder.contacts(STAMP, contacts) },
  goal: { type: 'geometry_msgs/msg/PoseStamped', bytes: () => encoder.goal(STAMP, goal) },
  reading: { type: 'rfsn_controller/msg/Reading', bytes: () => encoder.reading(STAMP, 1, 17, ranges) },
  command: { type: 'geometry_msgs/msg/TwistStamped', bytes: () => encoder.command(STAMP, decision) },
  decision: { type: 'rfsn_controller/msg/Decision', bytes: () => encoder.decision(STAMP, decision) },
  explanation: { type: 'rfsn_controller/msg/Explanation', bytes: () => encoder.explanation(STAMP, explanation) },
  tuning: {
    type: 'rfsn_controller/msg/Tuning',
    bytes: () => encoder.tuning(STAMP, 3, Float64Array.of(1.5, 2.5, 0.05)),
  },
  restore: {
    type: 'rfsn_controller/msg/Restore',
    bytes: () => encoder.restore(STAMP, 2, 'm.rfsn', Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)),
  },
  state: {
    type: 'rfsn_controller/msg/ControllerState',
    bytes: () =>
      encoder.state(
        STAMP,
        { ...RUNNING, state: 'latched', fault: 'a fault', frozen: true, cycles: 2 ** 40, missesLate: 3 },
        77,
      ),
  },
  checkpoint: {
    type: 'rfsn_controller/msg/CheckpointReference',
    bytes: () =>
      encoder.checkpoint(STAMP, {
        event: 'restored',
        file: 'models/checkpoint-000000007.rfsn',
        schemaHash: 'ab12',
        checksum: 'cd34',
        formatVersion: 1,
        updates: 1000,
        cycles: 2000,
        episodes: 12,
        sizeBytes: 4096,
      }),
  },
  episode: {
    type: 'rfsn_controller/msg/Episode',
    bytes: () =>
      encoder.episode(STAMP, {
        episode: 7,
        outcome: 'collision',
        atFault: true,
        timeS: 12.5,
        reward: -0.25,
        loss: Number.NaN,
        exploration: 0.125,
        driftAlarms: 1,
        interventions: 20,
        barnScore: Number.NaN,
        redirected: true,
      }),
  },
};

/** What a message says, in JSON: numbers that JSON has no words for, and those of 64 bits, as text. */
function inWords(type: string, bytes: Uint8Array): unknown {
  const reader = new MessageReader(parse(definitionOf(type), { ros2: true }));
  const text = JSON.stringify(reader.readMessage(new Uint8Array(bytes)), (_, value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return ArrayBuffer.isView(value)
      ? Array.from(value as Float64Array, (x) => (Number.isFinite(x) ? x : `${x}`))
      : value;
  });
  return JSON.parse(text);
}

type Golden = Record<string, { type: string; hex: string; says: unknown }>;

if (process.env['REGENERATE_GOLDEN'] === '1') {
  const golden: Golden = {};
  for (const [name, { type, bytes }] of Object.entries(messages)) {
    const data = bytes();
    golden[name] = { type, hex: Buffer.from(data).toString('hex'), says: inWords(type, data) };
  }
  writeFileSync(FILE, `${JSON.stringify(golden, null, 2)}\n`);
}

const golden = JSON.parse(readFileSync(FILE, 'utf8')) as Golden;

describe('the messages of a flight log', () => {
  it('are all beside their bytes', () => {
    expect(Object.keys(golden)).toEqual(Object.keys(messages));
  });

  it.each(Object.entries(messages))('%s has the bytes it always had', (name, { type, bytes }) => {
    expect(type).toBe(golden[name].type);
    expect(Buffer.from(bytes()).toString('hex')).toBe(golden[name].hex);
  });

  it.each(Object.entries(messages))('%s says to another reader what it was made of', (name, { type, bytes }) => {
    expect(inWords(type, bytes())).toEqual(golden[name].says);
  });

  it.each(Object.entries(messages))('%s is what the general writer makes of the same words', (_, { type, bytes }) => {
    const definition = parse(definitionOf(type), { ros2: true });
    const data = new Uint8Array(bytes());
    const message = new MessageReader(definition).readMessage(data);
    const again = new MessageWriter(definition).writeMessage(message);
    expect(Buffer.from(again).toString('hex')).toBe(Buffer.from(data).toString('hex'));
  });

  it('a decision comes back with every double as it was', () => {
    const reader = new MessageReader<Record<string, number>>(
      parse(definitionOf('rfsn_controller/msg/Decision'), { ros2: true }),
    );
    const record = new Float64Array(DECISION_DOUBLES);
    const back = new Float64Array(DECISION_DOUBLES);
    for (let cycle = 0; cycle < 200; cycle++) {
      decisionInto(record, cycle);
      back.fill(-1);
      decisionRecordFrom(reader.readMessage(new Uint8Array(encoder.decision(STAMP, record))), back);
      expect(new Uint8Array(back.buffer)).toEqual(new Uint8Array(record.buffer));
    }
  });

  it('a text that is not ASCII comes back whole', () => {
    const reader = new MessageReader<{ file: string; policy: Uint8Array }>(
      parse(definitionOf('rfsn_controller/msg/Restore'), { ros2: true }),
    );
    const bytes = encoder.restore(STAMP, 1, 'Größe/模型.rfsn', Uint8Array.of(9), new Uint8Array(0));
    const { file, policy } = reader.readMessage(new Uint8Array(bytes));
    expect(file).toBe('Größe/模型.rfsn');
    expect([...policy]).toEqual([9]);
  });

  it('what is of the robot is in its frame, whatever that is called', () => {
    const own = new MessageEncoder('lin-ts', 'robot1/größe');
    const reader = (type: string) =>
      new MessageReader<{ header: { frame_id: string } }>(parse(definitionOf(type), { ros2: true }));
    const frameOf = (type: string, bytes: Uint8Array) =>
      reader(type).readMessage(new Uint8Array(bytes)).header.frame_id;
    expect(frameOf('rfsn_controller/msg/Decision', own.decision(STAMP, decision))).toBe('robot1/größe');
    expect(frameOf('rfsn_controller/msg/ControllerState', own.state(STAMP, RUNNING, 0))).toBe('robot1/größe');
    expect(frameOf('geometry_msgs/msg/PoseStamped', own.goal(STAMP, goal))).toBe('odom');
  });

  it('a scan of more beams than the buffer holds is written whole, and the next message is right', () => {
    const fresh = new MessageEncoder('lin-ts');
    const many = new Float32Array(100_000).map((_, i) => i);
    const reader = new MessageReader<{ ranges: Float32Array }>(
      parse(definitionOf('sensor_msgs/msg/LaserScan'), { ros2: true }),
    );
    for (let i = 0; i < 2; i++) {
      expect(reader.readMessage(new Uint8Array(fresh.scan(STAMP, ranges, many))).ranges).toEqual(many);
      expect(Buffer.from(fresh.contacts(STAMP, contacts)).toString('hex')).toBe(golden['contacts'].hex);
    }
  });
});
