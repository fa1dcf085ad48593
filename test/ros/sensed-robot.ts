/** A robot that stands at the origin, in rclpy: what it senses, and whether what it is sent drives it or has it stand. */
import { InputTopic, MessageType, OutputTopic } from '../../src/io/ros2/names.js';
import { type RosPeer, until } from './ros-processes.js';

/** Arguments of the controller: a machine that is busy with other tests misses deadlines, and that is not what is looked at. */
export const PATIENT = [
  'deadline_fraction=1',
  'breaker_open_misses=1000',
  'watchdog_timeout_s=1',
  'heartbeat_timeout_s=1',
].flatMap((each) => ['--set', each]);

/** Of a robot that stands at the origin. */
export const ODOMETRY = {
  header: { frame_id: 'odom' },
  child_frame_id: 'base_link',
  pose: { pose: { orientation: { w: 1 } } },
};
const SCAN = {
  header: { frame_id: 'laser' },
  angle_min: -Math.PI,
  angle_increment: Math.PI / 180,
  range_min: 0.05,
  range_max: 10,
  ranges: new Array(360).fill(6),
};
const MAST = {
  header: { frame_id: 'base_link' },
  child_frame_id: 'laser',
  transform: { translation: { x: 0.1 }, rotation: { w: 1 } },
};

export const poseAt = (x: number, y: number, frame: string) => ({
  header: { frame_id: frame },
  pose: { position: { x, y }, orientation: { w: 1 } },
});

export interface Command {
  readonly twist: { readonly linear: { x: number; y: number }; readonly angular: { z: number } };
}
export const stands = ({ twist: { linear, angular } }: Command) => linear.x === 0 && linear.y === 0 && angular.z === 0;

export class SensedRobot {
  readonly peer: RosPeer;

  /** Senses from here on, and hears commands. */
  static async begin(peer: RosPeer): Promise<SensedRobot> {
    const robot = new SensedRobot(peer);
    // Before there is anybody to hear it: who comes late is told.
    await peer.publish(InputTopic.staticTransforms, MessageType.transforms, { transforms: [MAST] }, 'latched');
    await peer.subscribe(OutputTopic.command, MessageType.twistStamped);
    await robot.odometry();
    await robot.scan();
    return robot;
  }

  private constructor(peer: RosPeer) {
    this.peer = peer;
  }

  odometry(): Promise<unknown> {
    return this.peer.repeat(InputTopic.odometry, MessageType.odometry, ODOMETRY, 50, 'sensor');
  }

  scan(): Promise<unknown> {
    return this.peer.repeat(InputTopic.scan, MessageType.scan, SCAN, 20, 'sensor');
  }

  goTo(x: number, y: number, frame = 'odom'): Promise<unknown> {
    return this.peer.publish(InputTopic.goal, MessageType.poseStamped, poseAt(x, y, frame));
  }

  /** The command that comes next, and is wanted. */
  async commands(wanted: (command: Command) => boolean): Promise<Command> {
    this.peer.forget(OutputTopic.command);
    return await this.peer.hears<Command>(OutputTopic.command, wanted);
  }

  drives(): Promise<Command> {
    return this.commands(({ twist }) => twist.linear.x > 0.1);
  }

  /** Commands go on coming, and all of them are zero. */
  async standsStill(): Promise<void> {
    this.peer.forget(OutputTopic.command);
    await until(() => {
      const last = this.peer.heard<Command>(OutputTopic.command).slice(-10);
      return last.length === 10 && last.every(({ message }) => stands(message));
    }, 'ten zeros in a row');
  }

  /** What is published before it has found the one who listens is lost. */
  async found(topic: string, type: string, quality: 'sensor' | 'reliable' | 'latched' = 'reliable'): Promise<void> {
    await this.peer.advertise(topic, type, quality);
    await until(async () => (await this.peer.graph(topic)).subscriptions.length > 0, `a subscriber of ${topic}`);
  }
}
