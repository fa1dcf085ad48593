/**
 * The inputs of a ROS node on a clock that a test sets, fed with the bytes of messages as another implementation writes
 * them. What a ROS 2 makes of it is in test/ros.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from '@foxglove/rosmsg';
import { MessageWriter } from '@foxglove/rosmsg2-serialization';
import type { EntityScope } from '../../../../src/io/ros2/entity-scope.js';
import { RobotInputs } from '../../../../src/io/ros2/inputs.js';
import { InputTopic, MessageType } from '../../../../src/io/ros2/names.js';
import type { ReadingTime } from '../../../../src/io/ros2/ros-time.js';
import { ControlMemory, planControlLayout } from '../../../../src/memory/layout.js';
import { type RangeScan, Rejection, type RejectionCode } from '../../../../src/memory/observation-sink.js';
import { loadParameters } from '../../../../src/parameters/loader.js';
import { ValidatingSink } from '../../../../src/sense/validating-sink.js';
import { definitionOf } from '../../../../src/telemetry/flight-log/topics.js';

const HEADER = `MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id`;
const RULE = '================================================================================';

/** Of packages that ROS itself does not come with. */
const OTHERS: Record<string, string> = {
  [MessageType.hazards]: `std_msgs/Header header
irobot_create_msgs/HazardDetection[] detections
${RULE}
MSG: irobot_create_msgs/HazardDetection
std_msgs/Header header
uint8 type
${RULE}
${HEADER}`,
  [MessageType.gazeboContacts]: `std_msgs/Header header
ros_gz_interfaces/Contact[] contacts
${RULE}
MSG: ros_gz_interfaces/Contact
ros_gz_interfaces/Entity collision1
ros_gz_interfaces/Entity collision2
geometry_msgs/Vector3[] positions
geometry_msgs/Vector3[] normals
float64[] depths
ros_gz_interfaces/JointWrench[] wrenches
${RULE}
MSG: ros_gz_interfaces/Entity
uint64 id
string name
uint8 type
${RULE}
MSG: ros_gz_interfaces/JointWrench
std_msgs/Header header
std_msgs/String body_1_name
std_msgs/UInt32 body_1_id
std_msgs/String body_2_name
std_msgs/UInt32 body_2_id
geometry_msgs/Wrench body_1_wrench
geometry_msgs/Wrench body_2_wrench
${RULE}
MSG: std_msgs/String
string data
${RULE}
MSG: std_msgs/UInt32
uint32 data
${RULE}
MSG: geometry_msgs/Wrench
geometry_msgs/Vector3 force
geometry_msgs/Vector3 torque
${RULE}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
${RULE}
${HEADER}`,
};

const DEFINITIONS = join(
  dirname(createRequire(import.meta.url).resolve('@foxglove/rosmsg-msgs-common/package.json')),
  'msgdefs/ros2jazzy',
);
const writers = new Map<string, MessageWriter>();

/** A message's bytes. @param message what is absent is zero */
export function written(type: string, message: object): Buffer {
  let writer = writers.get(type);
  if (writer === undefined) {
    const text = OTHERS[type] ?? definitionFor(type);
    writer = new MessageWriter(parse(text, { ros2: true }));
    writers.set(type, writer);
  }
  const bytes = writer.writeMessage(message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function definitionFor(type: string): string {
  if (type.startsWith('rfsn_controller/')) return definitionOf(type);
  return readFileSync(join(DEFINITIONS, `${type}.msg`), 'utf8');
}

export function header(frame: string, seconds = 0): object {
  const sec = Math.floor(seconds);
  return { stamp: { sec, nanosec: Math.round((seconds - sec) * 1e9) }, frame_id: frame };
}

export interface Rotation {
  x: number;
  y: number;
  z: number;
  w: number;
}

export const turned = (yaw: number): Rotation => ({ x: 0, y: 0, z: Math.sin(yaw / 2), w: Math.cos(yaw / 2) });
export const rolled = (roll: number): Rotation => ({ x: Math.sin(roll / 2), y: 0, z: 0, w: Math.cos(roll / 2) });

/** What the sink was handed, and what it said: by the checks of the real one. */
export class HeardSink extends ValidatingSink {
  readonly calls: { input: string; values: number[]; stampNs: number; receivedNs: number }[] = [];
  readonly scans: RangeScan[] = [];
  readonly codes: RejectionCode[] = [];

  constructor(beams: number) {
    const sizes = { maxBeams: beams, decisionRecords: 2, policyBytes: 0, scalerBytes: 0 };
    super(new ControlMemory(planControlLayout({ ...sizes, snapshotBytes: 0, statisticsBytes: 0 })));
  }

  override odometry(...[stampNs, receivedNs, ...values]: Parameters<ValidatingSink['odometry']>): RejectionCode {
    return this.#heard('odometry', stampNs, receivedNs, values, super.odometry(stampNs, receivedNs, ...values));
  }
  override ranges(stampNs: number, receivedNs: number, scan: RangeScan): RejectionCode {
    const code = super.ranges(stampNs, receivedNs, scan);
    if (code === Rejection.accepted) this.scans.push({ ...scan, ranges: scan.ranges.slice(0, scan.count) });
    return this.#heard('ranges', stampNs, receivedNs, [], code);
  }
  override contacts(...[stampNs, receivedNs, ...values]: Parameters<ValidatingSink['contacts']>): RejectionCode {
    return this.#heard('contacts', stampNs, receivedNs, values, super.contacts(stampNs, receivedNs, ...values));
  }
  override goal(...[stampNs, receivedNs, ...values]: Parameters<ValidatingSink['goal']>): RejectionCode {
    return this.#heard('goal', stampNs, receivedNs, values, super.goal(stampNs, receivedNs, ...values));
  }
  override feedback(decision: number, reward: number, stampNs: number): RejectionCode {
    const code = super.feedback(decision, reward, stampNs);
    return this.#heard('feedback', stampNs, stampNs, [decision, reward], code);
  }
  override cancelGoal(stampNs: number, receivedNs: number): void {
    super.cancelGoal(stampNs, receivedNs);
    this.#heard('cancelGoal', stampNs, receivedNs, [], Rejection.accepted);
  }
  override newFrame(): void {
    super.newFrame();
    this.#heard('newFrame', 0, 0, [], Rejection.accepted);
  }

  of(input: string): number[][] {
    return this.calls.filter((call) => call.input === input).map(({ values }) => values);
  }

  #heard(input: string, stampNs: number, receivedNs: number, values: number[], code: RejectionCode): RejectionCode {
    this.codes.push(code);
    if (code === Rejection.accepted) this.calls.push({ input, values, stampNs, receivedNs });
    return code;
  }
}

/** Readings are as old as their stamps say, which count from 0 as the clock does. */
class StampTime implements ReadingTime {
  now = 0;
  trusted = true;
  known = true;
  nowNs(): number {
    return this.now;
  }
  stampNs(seconds: number, nanoseconds: number): number {
    return seconds * 1e9 + nanoseconds;
  }
  receivedNs(stampNs: number): number {
    return this.trusted ? Math.min(stampNs, this.now) : this.now;
  }
}

export class InputRig {
  readonly time = new StampTime();
  readonly notices: string[] = [];
  readonly enabled: boolean[] = [];
  readonly sink: HeardSink;
  readonly inputs: RobotInputs;
  /** Resolved topics that somebody publishes. */
  readonly published = new Set<string>();
  readonly qualities = new Map<string, string[]>();
  readonly #callbacks = new Map<string, ((bytes: Buffer) => void)[]>();
  readonly #types = new Map<string, string>();

  /** @param change of parameters */
  constructor(change: Record<string, unknown> = {}, unmade: (type: string) => Error | null = () => null) {
    const parameters = loadParameters([], { max_beams: 64, contact_type: 'none', ...change });
    this.sink = new HeardSink(parameters.max_beams);
    const scope = {
      node: { countPublishers: (topic: string) => (this.published.has(topic) ? 1 : 0) },
      raw: (type: string, topic: string, quality: string, callback: (bytes: Buffer) => void) => {
        const error = unmade(type);
        if (error !== null) throw error;
        this.#types.set(topic, type);
        this.qualities.set(topic, [...(this.qualities.get(topic) ?? []), quality]);
        this.#callbacks.set(topic, [...(this.#callbacks.get(topic) ?? []), callback]);
        return { topic: resolved(topic) };
      },
    };
    this.inputs = new RobotInputs({
      scope: scope as unknown as EntityScope,
      parameters,
      sink: this.sink,
      time: this.time,
      notice: (text) => this.notices.push(text),
      onEnable: (enabled) => this.enabled.push(enabled),
    });
  }

  get topics(): string[] {
    return [...this.#callbacks.keys()];
  }

  /** [s] */
  get seconds(): number {
    return this.time.now * 1e-9;
  }

  /** Time passes, and what is looked for at times is looked for [s]. */
  pass(seconds: number): void {
    const end = this.time.now + seconds * 1e9;
    while (this.time.now < end - 1) {
      this.time.now = Math.min(end, this.time.now + 0.05e9);
      this.inputs.tick();
    }
  }

  raw(topic: string, bytes: Uint8Array): void {
    const callbacks = this.#callbacks.get(topic);
    if (callbacks === undefined) throw new Error(`nobody subscribes to ${topic}`);
    for (const callback of callbacks) callback(Buffer.from(bytes));
  }

  /** By one of a topic's readers alone, in the order in which they were made. */
  sendBy(reader: number, topic: string, message: object): void {
    this.#callbacks.get(topic)?.[reader](Buffer.from(written(this.#types.get(topic) ?? '', message)));
  }

  send(topic: string, message: object): void {
    this.raw(topic, written(this.#types.get(topic) ?? '', message));
  }

  odometry(x = 0, y = 0, yaw = 0, seconds = this.seconds): void {
    this.send(InputTopic.odometry, odometryOf({ x, y, yaw, seconds }));
  }

  scan(change: object = {}, frame = 'base_link'): void {
    this.send(InputTopic.scan, { ...scanOf(), header: header(frame, this.seconds), ...change });
  }

  /** A transform of `/tf_static` or `/tf`. */
  transform(parent: string, child: string, x: number, y: number, rotation = turned(0), fixed = true): void {
    const transform = { translation: { x, y, z: 0 }, rotation };
    this.send(fixed ? InputTopic.staticTransforms : InputTopic.transforms, {
      transforms: [{ header: header(parent, this.seconds), child_frame_id: child, transform }],
    });
  }

  goal(x: number, y: number, frame = 'odom'): void {
    this.send(InputTopic.goal, { header: header(frame), pose: { position: { x, y, z: 0 }, orientation: turned(0) } });
  }

  plan(points: readonly (readonly [number, number])[], frame = 'odom'): void {
    const poses = points.map(([x, y]) => ({
      header: header(''),
      pose: { position: { x, y, z: 0 }, orientation: turned(0) },
    }));
    this.send(InputTopic.plan, { header: header(frame), poses });
  }

  close(): void {
    this.inputs.close();
  }
}

export const resolved = (topic: string): string =>
  topic.startsWith('~') ? `/node${topic.slice(1)}` : topic.startsWith('/') ? topic : `/${topic}`;

export interface OdometryFigures {
  x: number;
  y: number;
  yaw: number;
  seconds: number;
  vx?: number;
  vy?: number;
  yawRate?: number;
  frame?: string;
  child?: string;
  rotation?: Rotation;
}

export function odometryOf(of: OdometryFigures): object {
  const { x, y, yaw, seconds, vx = 0, vy = 0, yawRate = 0, frame = 'odom', child = 'base_link' } = of;
  return {
    header: header(frame, seconds),
    child_frame_id: child,
    pose: { pose: { position: { x, y, z: 0 }, orientation: of.rotation ?? turned(yaw) }, covariance: zeros(36) },
    twist: {
      twist: { linear: { x: vx, y: vy, z: 0 }, angular: { x: 0, y: 0, z: yawRate } },
      covariance: zeros(36),
    },
  };
}

export function scanOf(ranges: readonly number[] = [1, 2, 3, 4]): object {
  return {
    header: header('base_link'),
    angle_min: -1,
    angle_max: 1,
    angle_increment: 0.5,
    time_increment: 0,
    scan_time: 0.05,
    range_min: 0.125,
    range_max: 10,
    ranges: Float32Array.from(ranges),
    intensities: new Float32Array(ranges.length),
  };
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
