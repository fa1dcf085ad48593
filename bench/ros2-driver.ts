/**
 * The robot's side of the comparison over ROS: the same for every node that is measured. It publishes odometry, scans and
 * a goal, and times the command that answers an odometry. Everything goes as bytes that were laid out before, so that as
 * little as can be of what is measured is its own.
 */
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { wrapAngle } from '../src/core/angles.js';
import type { MotionCommand, RangeScan } from '../src/io/port.js';
import { CdrReader } from '../src/io/ros2/cdr/cdr-reader.js';
import { skipHeader } from '../src/io/ros2/cdr/stamped.js';
import { readTwist } from '../src/io/ros2/cdr/twist.js';
import { MotionMessage } from '../src/io/ros2/cdr/write-motion.js';
import { InputTopic, MessageType, OutputTopic } from '../src/io/ros2/names.js';
import type { RclPublisher } from '../src/io/ros2/rcl.js';
import { PlainNode } from '../src/io/ros2/robot/plain-node.js';
import {
  OdometryMessage,
  PoseMessage,
  ScanMessage,
  type Stamp,
  WrenchMessage,
} from '../src/io/ros2/robot/robot-messages.js';
import { timer } from './measure.js';

/** All that is measured speaks in it, so that no robot of somebody's is driven by a benchmark. */
export const NAMESPACE = '/rfsn_bench';
export const BEAMS = 720;
/** Of the robot's frame, so that no transform is needed. */
const BASE = 'base_link';
/** What the robot sees all around [m]: a wide room. */
const RANGE = 8;
/** How far ahead it is to go [m]. */
const GOAL_M = 5;
/** How long a node may take until it is there, and its graph is known [ms]. */
const THERE_BOUND_MS = 60_000;
/** An answer that takes longer is none [ns]. */
const ANSWER_BOUND_NS = 60e6;
/** Where more odometries than so many for each that counts have gone out, this machine is too busy to measure on. */
const SENT_BOUND = 20;
const NS_PER_MS = 1e6;

export interface Exchanges {
  /** From an odometry to the next command [ns]. */
  times: Float64Array;
  /** Odometries that nothing answered. */
  unanswered: number;
}

/** What comes at which rate. */
export interface LoadRates {
  readonly odometryHz: number;
  readonly scanHz: number;
  /** Of `contact/front`; 0 for none. */
  readonly contactHz: number;
}

/** Sent so far. */
export interface Sent {
  odometries: number;
  scans: number;
  contacts: number;
}

export class RosDriver {
  /** Commands received. */
  commands = 0;
  readonly #node: PlainNode;
  readonly #odometry: RclPublisher;
  readonly #scan: RclPublisher;
  readonly #goal: RclPublisher;
  readonly #contact: RclPublisher;
  readonly #odometryMessage = new OdometryMessage('odom', BASE);
  readonly #scanMessage: ScanMessage;
  readonly #goalMessage = new PoseMessage('odom');
  readonly #contactMessage = new WrenchMessage(BASE);
  readonly #ranges = new Float32Array(BEAMS).fill(RANGE);
  readonly #stamp: Stamp = { seconds: 0, nanoseconds: 0 };
  /** The robot goes as it is told, at once: x, y, yaw, and when that was so. */
  readonly #command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
  #x = 0;
  #y = 0;
  #yaw = 0;
  #poseNs = Number.NaN;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  #sentNs = Number.NaN;
  #answer: (() => void) | null = null;
  #answerNs = Number.NaN;

  static async open(): Promise<RosDriver> {
    let failure: unknown = null;
    const node = await PlainNode.open({
      name: 'driver',
      rosArguments: ['--ros-args', '-r', `__ns:=${NAMESPACE}`],
      failed: (_where, error) => {
        failure ??= error;
      },
    });
    const driver = new RosDriver(node);
    node.spin();
    if (failure !== null) throw failure;
    return driver;
  }

  private constructor(node: PlainNode) {
    this.#node = node;
    const { scope } = node;
    this.#odometry = scope.publisher(MessageType.odometry, InputTopic.odometry, 'sensor');
    this.#scan = scope.publisher(MessageType.scan, InputTopic.scan, 'sensor');
    this.#goal = scope.publisher(MessageType.poseStamped, InputTopic.goal, 'reliable');
    this.#contact = scope.publisher(MessageType.wrench, InputTopic.contactFront, 'sensor');
    this.#scanMessage = new ScanMessage(BASE, SCAN, 0.05);
    scope.raw(MessageType.twistStamped, OutputTopic.command, 'reliable', (bytes) => {
      this.commands++;
      readTwist(reader, bytes, true, this.#command);
      if (Number.isNaN(this.#sentNs)) return;
      this.#answerNs = timer.nowNs() - this.#sentNs;
      this.#sentNs = Number.NaN;
      this.#answer?.();
    });
  }

  /** Until a node listens to odometry and answers it, or until none does. @throws Error where that takes too long */
  async awaitNode(there: boolean): Promise<void> {
    const { node } = this.#node;
    const boundMs = performance.now() + THERE_BOUND_MS;
    for (;;) {
      const listens = node.countSubscribers(this.#odometry.topic) > 0;
      const answers = node.countPublishers(`${NAMESPACE}/${OutputTopic.command}`) > 0;
      if (there ? listens && answers : !listens && !answers) break;
      if (performance.now() > boundMs) throw new Error(`the node ${there ? 'does not come' : 'stays'}`);
      await pause(20);
    }
    if (!there) return;
    this.tellGoal();
    this.#publishScan();
    // Until one odometry has been answered, and so everything is connected.
    for (;;) {
      this.#publishOdometry();
      if (await this.#answered()) break;
      if (performance.now() > boundMs) throw new Error('the node does not answer');
    }
  }

  /** A place ahead, ever again, so that it is never reached. */
  tellGoal(): void {
    const x = this.#x + GOAL_M * Math.cos(this.#yaw);
    const y = this.#y + GOAL_M * Math.sin(this.#yaw);
    this.#goal.publish(this.#goalMessage.write(this.#now(), x, y, 0));
  }

  /**
   * Odometries at a rate, each with the time until the command that answers it. A scan comes now and then, and the two
   * odometries after it are not counted: where a scan starts a cycle, it is that which they wait for. Nor are those that
   * this driver sends more than a third of a period late or early.
   *
   * @param count of those that are counted
   * @throws Error where the node does not answer, or hardly any odometry goes out when it should
   */
  async exchange(count: number, rateHz: number, scanEvery: number): Promise<Exchanges> {
    const times = new Float64Array(count);
    const periodNs = 1e9 / rateHz;
    let unanswered = 0;
    let measured = 0;
    let lastNs = Number.NEGATIVE_INFINITY;
    let dueNs = timer.nowNs();
    for (let i = 0, since = 0; measured < count; i++, since++) {
      if (i > SENT_BOUND * (count + scanEvery)) throw new Error('this machine is too busy: odometries go out too late');
      if (i % scanEvery === 0) {
        this.tellGoal();
        this.#publishScan();
        since = 0;
        dueNs += periodNs;
      }
      dueNs += periodNs;
      const waitNs = dueNs - timer.nowNs();
      if (waitNs <= 0) dueNs -= waitNs;
      // A timer is as coarse as a millisecond; where the period is not long beside that, this thread sleeps.
      else if (periodNs > 5 * NS_PER_MS) await pause(Math.max(1, Math.round(waitNs / NS_PER_MS)));
      else {
        Atomics.wait(this.#sleep, 0, 0, waitNs / NS_PER_MS);
        // What came meanwhile answers nothing that is still to be sent.
        await immediate();
        await immediate();
      }
      const apart = (timer.nowNs() - lastNs) / periodNs;
      lastNs = timer.nowNs();
      this.#publishOdometry();
      const answered = await this.#answered();
      if (since < 3 || apart < 2 / 3 || apart > 4 / 3) continue;
      if (answered) times[measured++] = this.#answerNs;
      else if (++unanswered > count) throw new Error('the node does not answer any more');
    }
    return { times, unanswered };
  }

  /** Publishes what a robot does, at fixed rates. */
  async load(rates: LoadRates, seconds: number): Promise<Sent> {
    const sent: Sent = { odometries: 0, scans: 0, contacts: 0 };
    const startNs = timer.nowNs();
    let goals = 0;
    for (;;) {
      const s = (timer.nowNs() - startNs) / 1e9;
      if (s >= seconds) return sent;
      if (goals < s) {
        this.tellGoal();
        goals++;
      }
      while (sent.scans < s * rates.scanHz) {
        this.#publishScan();
        sent.scans++;
      }
      while (sent.contacts < s * rates.contactHz) {
        this.#contact.publish(this.#contactMessage.write(this.#now(), 0, 0));
        sent.contacts++;
      }
      while (sent.odometries < s * rates.odometryHz) {
        this.#publishOdometry();
        sent.odometries++;
      }
      await pause(2);
    }
  }

  /** What the driver itself takes: from a publication to the callback of its own subscription [ns]. */
  async loopback(count: number, rateHz: number): Promise<Float64Array> {
    const times = new Float64Array(count);
    let arrived: () => void = () => undefined;
    const { scope } = this.#node;
    scope.raw(MessageType.twistStamped, 'loopback', 'reliable', () => arrived());
    const publisher = scope.publisher(MessageType.twistStamped, 'loopback', 'reliable');
    const { bytes } = new MotionMessage(true, BASE);
    while (this.#node.node.countSubscribers(publisher.topic) === 0) await pause(20);
    for (let i = 0; i < count; ) {
      await pause(1e3 / rateHz);
      const sentNs = timer.nowNs();
      const answer = new Promise<boolean>((resolve) => {
        const bound = setTimeout(resolve, ANSWER_BOUND_NS / NS_PER_MS, false);
        arrived = () => {
          times[i] = timer.nowNs() - sentNs;
          clearTimeout(bound);
          resolve(true);
        };
      });
      publisher.publish(bytes);
      if (await answer) i++;
    }
    return times;
  }

  /**
   * @param listener is given how late each decision's cycle began [ns]
   * @returns ends it
   */
  followLateness(listener: (latenessNs: number) => void): () => void {
    const { node, scope } = this.#node;
    const topic = `${NAMESPACE}/rfsn_controller/decision`;
    const subscription = scope.raw(MessageType.decision, topic, 'stream', (bytes) => listener(latenessOf(bytes)));
    return () => node.destroySubscription(subscription);
  }

  close(): Promise<void> {
    return this.#node.close();
  }

  #publishOdometry(): void {
    const { vx, vy, yawRate } = this.#command;
    const nowNs = timer.nowNs();
    const stepS = Number.isNaN(this.#poseNs) ? 0 : (nowNs - this.#poseNs) / 1e9;
    this.#poseNs = nowNs;
    const cos = Math.cos(this.#yaw);
    const sin = Math.sin(this.#yaw);
    this.#x += (cos * vx - sin * vy) * stepS;
    this.#y += (sin * vx + cos * vy) * stepS;
    this.#yaw = wrapAngle(this.#yaw + yawRate * stepS);
    const bytes = this.#odometryMessage.write(this.#now(), this.#x, this.#y, this.#yaw, vx, vy, yawRate);
    this.#answerNs = Number.NaN;
    this.#sentNs = timer.nowNs();
    this.#odometry.publish(bytes);
  }

  #publishScan(): void {
    this.#scan.publish(this.#scanMessage.write(this.#now(), this.#ranges, SCAN.rangeMax));
  }

  /** @returns false where no command came in time */
  #answered(): Promise<boolean> {
    return new Promise((resolve) => {
      const bound = setTimeout(() => {
        this.#answer = null;
        this.#sentNs = Number.NaN;
        resolve(false);
      }, ANSWER_BOUND_NS / NS_PER_MS);
      this.#answer = () => {
        clearTimeout(bound);
        this.#answer = null;
        resolve(true);
      };
    });
  }

  #now(): Stamp {
    const unixMs = performance.timeOrigin + performance.now();
    this.#stamp.seconds = Math.floor(unixMs / 1000);
    this.#stamp.nanoseconds = Math.floor((unixMs - this.#stamp.seconds * 1000) * NS_PER_MS);
    return this.#stamp;
  }
}

const SCAN: RangeScan = {
  angleMin: -Math.PI,
  angleIncrement: (2 * Math.PI) / BEAMS,
  rangeMin: 0.1,
  rangeMax: 30,
  count: BEAMS,
  ranges: new Float32Array(BEAMS),
  mountX: 0,
  mountY: 0,
  mountYaw: 0,
};

const reader = new CdrReader();

/** Of a rfsn_controller/Decision: how late its cycle began [ns]. */
function latenessOf(bytes: Uint8Array): number {
  reader.open(bytes);
  skipHeader(reader);
  reader.string();
  reader.uint64();
  reader.skip(7, 1);
  // Probability, values, distribution, raw, scaled; pose and goal.
  reader.skip(1 + 8 + 8 + 24 + 24 + 5, 8);
  reader.skip(5, 4);
  // Ages and stamps, command, rewards.
  reader.skip(5 + 3 + 3, 8);
  reader.uint32();
  reader.uint64();
  reader.uint32();
  reader.skip(2, 8);
  return reader.float64();
}
