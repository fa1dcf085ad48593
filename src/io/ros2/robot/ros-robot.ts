/**
 * A robot as ROS knows one: what it senses goes out on the usual topics, and it drives as `cmd_vel` says. Whoever is the
 * robot, such as a simulator, hands its readings to the sink and reads its commands from the source, and knows nothing of
 * ROS.
 *
 * Main thread. @realtime unsafe
 */
import {
  type CommandSource,
  type MotionCommand,
  type ObservationSink,
  type RangeScan,
  Rejection,
  type RejectionCode,
} from '../../port.js';
import { CdrReader } from '../cdr/cdr-reader.js';
import { readTwist } from '../cdr/twist.js';
import type { EntityScope } from '../entity-scope.js';
import { InputTopic, MessageType, OutputTopic } from '../names.js';
import type { RclPublisher } from '../rcl.js';
import {
  ClockMessage,
  OdometryMessage,
  PoseMessage,
  ScanMessage,
  type Stamp,
  TransformMessage,
  WrenchMessage,
} from './robot-messages.js';
import { type Obstacle, worldMarkers } from './world-markers.js';

/** What a simulated robot publishes besides. */
export const RobotTopic = { groundTruth: '~/ground_truth', world: '~/world' } as const;

export interface RosRobotOptions {
  /** Of the robot's own; whoever made it closes it. */
  readonly scope: EntityScope;
  /** Whether `cmd_vel` is a TwistStamped. */
  readonly stamped: boolean;
  readonly odomFrame: string;
  readonly baseFrame: string;
  readonly laserFrame: string;
  /** From scan to scan [s]. */
  readonly scanPeriodS: number;
  /** ROS time of a moment on the robot's own clock; the object may be the callee's. */
  readonly stampOf: (robotNs: number) => Stamp;
  /** Whether the robot's clock is ROS's: it is published then. */
  readonly clock: boolean;
  /** Whether its world is published for RViz, which takes visualization_msgs. */
  readonly shown: boolean;
  /** Whether it says itself where it is to go. */
  readonly goals: boolean;
}

const NONE: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };

export class RosRobot implements ObservationSink, CommandSource {
  /** Messages on `cmd_vel`, and those among them that held no velocity. */
  commands = 0;
  commandsMalformed = 0;
  /** Messages of odometry. */
  odometries = 0;
  readonly #options: RosRobotOptions;
  readonly #odometry: RclPublisher;
  readonly #scan: RclPublisher;
  /** Front, left, back, right. */
  readonly #contacts: readonly RclPublisher[];
  readonly #transforms: RclPublisher;
  readonly #staticTransforms: RclPublisher;
  readonly #truth: RclPublisher;
  /** Null where no such message is installed: it is only looked at. */
  readonly #world: RclPublisher | null;
  readonly #goal: RclPublisher | null;
  readonly #clock: RclPublisher | null;

  readonly #odometryMessage: OdometryMessage;
  readonly #transformMessage: TransformMessage;
  readonly #mountMessage: TransformMessage;
  readonly #wrenchMessage: WrenchMessage;
  readonly #poseMessage: PoseMessage;
  /** Of no frame: no goal. */
  readonly #noPoseMessage = new PoseMessage('');
  readonly #clockMessage = new ClockMessage();
  /** Laid out with the first scan, which has the geometry of all. */
  #scanMessage: ScanMessage | null = null;

  readonly #reader = new CdrReader();
  readonly #newest: MotionCommand = { ...NONE };
  #read = true;
  /** In the odometry's frame [m]. */
  #goalX = 0;
  #goalY = 0;

  constructor(options: RosRobotOptions) {
    const { scope, stamped, odomFrame, baseFrame } = options;
    this.#options = options;
    // Reliable, which every subscriber takes, whatever it asks for.
    this.#odometry = scope.publisher(MessageType.odometry, InputTopic.odometry, 'stream');
    this.#scan = scope.publisher(MessageType.scan, InputTopic.scan, 'stream');
    this.#contacts = [
      InputTopic.contactFront,
      InputTopic.contactLeft,
      InputTopic.contactBack,
      InputTopic.contactRight,
    ].map((topic) => scope.publisher(MessageType.wrench, topic, 'stream'));
    this.#transforms = scope.publisher(MessageType.transforms, InputTopic.transforms, 'stream');
    this.#staticTransforms = scope.publisher(MessageType.transforms, InputTopic.staticTransforms, 'static-transforms');
    this.#truth = scope.publisher(MessageType.poseStamped, RobotTopic.groundTruth, 'stream');
    this.#world = options.shown ? scope.publisher(MessageType.markers, RobotTopic.world, 'latched') : null;
    this.#goal = options.goals ? scope.publisher(MessageType.poseStamped, InputTopic.goal, 'reliable') : null;
    this.#clock = options.clock ? scope.publisher(MessageType.clock, InputTopic.clock, 'stream') : null;
    this.#odometryMessage = new OdometryMessage(odomFrame, baseFrame);
    this.#transformMessage = new TransformMessage(odomFrame, baseFrame);
    this.#mountMessage = new TransformMessage(baseFrame, options.laserFrame);
    this.#wrenchMessage = new WrenchMessage(baseFrame);
    this.#poseMessage = new PoseMessage(odomFrame);
    scope.raw(stamped ? MessageType.twistStamped : MessageType.twist, OutputTopic.command, 'sensor', (bytes) => {
      this.commands++;
      if (readTwist(this.#reader, bytes, stamped, this.#newest)) this.#read = false;
      else this.commandsMalformed++;
    });
  }

  read(out: MotionCommand): boolean {
    const newest = this.#newest;
    out.vx = newest.vx;
    out.vy = newest.vy;
    out.yawRate = newest.yawRate;
    out.cycle = newest.cycle;
    out.reason = newest.reason;
    out.stampNs = newest.stampNs;
    const fresh = !this.#read;
    this.#read = true;
    return fresh;
  }

  odometry(
    stampNs: number,
    _receivedNs: number,
    x: number,
    y: number,
    yaw: number,
    vx: number,
    vy: number,
    yawRate: number,
  ): RejectionCode {
    const stamp = this.#options.stampOf(stampNs);
    this.#transforms.publish(this.#transformMessage.write(stamp, x, y, yaw));
    this.#odometry.publish(this.#odometryMessage.write(stamp, x, y, yaw, vx, vy, yawRate));
    this.odometries++;
    return Rejection.accepted;
  }

  ranges(stampNs: number, _receivedNs: number, scan: RangeScan): RejectionCode {
    const stamp = this.#options.stampOf(stampNs);
    if (this.#scanMessage === null) {
      this.#scanMessage = new ScanMessage(this.#options.laserFrame, scan, this.#options.scanPeriodS);
      this.#staticTransforms.publish(this.#mountMessage.write(stamp, scan.mountX, scan.mountY, scan.mountYaw));
    }
    this.#scan.publish(this.#scanMessage.write(stamp, scan.ranges, scan.rangeMax));
    return Rejection.accepted;
  }

  /** Forces act on the robot, so that one in front pushes it back. */
  contacts(
    stampNs: number,
    _receivedNs: number,
    front: number,
    left: number,
    back: number,
    right: number,
  ): RejectionCode {
    const stamp = this.#options.stampOf(stampNs);
    const message = this.#wrenchMessage;
    this.#contacts[0].publish(message.write(stamp, 0 - front, 0));
    this.#contacts[1].publish(message.write(stamp, 0, 0 - left));
    this.#contacts[2].publish(message.write(stamp, back, 0));
    this.#contacts[3].publish(message.write(stamp, 0, right));
    return Rejection.accepted;
  }

  /** ROS has no word for it: the odometry jumps, as that of a base does which was switched off and on. */
  newFrame(): void {}

  /** Keeps it; `sendGoal` says it. The distance at which it counts as reached is the controller's own parameter. */
  goal(_stampNs: number, _receivedNs: number, x: number, y: number): RejectionCode {
    this.#goalX = x;
    this.#goalY = y;
    return Rejection.accepted;
  }

  /** @param robotNs now, on the robot's clock; likewise below */
  sendGoal(robotNs: number): void {
    this.#goal?.publish(this.#poseMessage.write(this.#options.stampOf(robotNs), this.#goalX, this.#goalY, 0));
  }

  /** How many nodes would hear of a goal. */
  goalListeners(): number {
    return this.#goal === null ? 0 : this.#options.scope.node.countSubscribers(this.#goal.topic);
  }

  /** A goal in no frame is none. */
  cancelGoal(robotNs: number): void {
    this.#goal?.publish(this.#noPoseMessage.write(this.#options.stampOf(robotNs), 0, 0, 0));
  }

  /** What decisions earned is reckoned by the controller itself. */
  feedback(): RejectionCode {
    return Rejection.accepted;
  }

  /** Says what time it is, where the robot's clock is ROS's. */
  tick(robotNs: number): void {
    this.#clock?.publish(this.#clockMessage.write(this.#options.stampOf(robotNs)));
  }

  /** Where the robot is in truth, in the frame in which its odometry began [m, m, rad]. */
  groundTruth(robotNs: number, x: number, y: number, yaw: number): void {
    this.#truth.publish(this.#poseMessage.write(this.#options.stampOf(robotNs), x, y, yaw));
  }

  /** What there is around it, in the same frame. */
  world(robotNs: number, obstacles: readonly Obstacle[]): void {
    const { stampOf, odomFrame } = this.#options;
    this.#world?.publish(worldMarkers(stampOf(robotNs), odomFrame, obstacles));
  }
}
