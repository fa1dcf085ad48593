/** What the controller's node is told, by a node of another client library: each input, what is wrong with it, and its silence. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { InputTopic, MessageType, OutputTopic } from '../../src/io/ros2/names.js';
import { header, odometryOf, scanOf, written } from '../unit/io/ros2/input-rig.js';
import { describeRos, hasInterfaces, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';

const ENABLE = '/rfsn_controller/enable';
/** A machine that is busy with other tests misses deadlines: that is not what is looked at here. */
const PATIENT = ['deadline_fraction=1', 'breaker_open_misses=1000', 'watchdog_timeout_s=1', 'heartbeat_timeout_s=1'];

const ODOMETRY = {
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
const MAP = {
  header: { frame_id: 'map' },
  child_frame_id: 'odom',
  transform: { translation: { x: -2 }, rotation: { w: 1 } },
};
const touching = (force: number) => ({ header: { frame_id: 'base_link' }, wrench: { force: { x: -force } } });
const poseAt = (x: number, y: number, frame: string) => ({
  header: { frame_id: frame },
  pose: { position: { x, y }, orientation: { w: 1 } },
});

interface Command {
  readonly twist: { readonly linear: { x: number; y: number }; readonly angular: { z: number } };
}
const stands = ({ twist: { linear, angular } }: Command) => linear.x === 0 && linear.y === 0 && angular.z === 0;

describeRos('the inputs of the node', () => {
  let processes: RosProcesses;
  let robot: RosPeer;
  let controller: RosProcess;
  /** How much of the controller's output earlier tests have read. */
  let read = 0;

  const sense = {
    odometry: () => robot.repeat(InputTopic.odometry, MessageType.odometry, ODOMETRY, 50, 'sensor'),
    scan: () => robot.repeat(InputTopic.scan, MessageType.scan, SCAN, 20, 'sensor'),
    contacts: (force = 0) => robot.repeat(InputTopic.contactFront, MessageType.wrench, touching(force), 20, 'sensor'),
  };
  const goTo = (x: number, y: number, frame = 'odom') =>
    robot.publish(InputTopic.goal, MessageType.poseStamped, poseAt(x, y, frame));
  const localise = () => robot.repeat(InputTopic.transforms, MessageType.transforms, { transforms: [MAP] }, 20);

  /** The command that comes next, and is wanted. */
  async function commands(wanted: (command: Command) => boolean): Promise<Command> {
    robot.forget(OutputTopic.command);
    return await robot.hears<Command>(OutputTopic.command, wanted);
  }
  const drives = () => commands(({ twist }) => twist.linear.x > 0.1);
  /** Commands go on coming, and all of them are zero. */
  async function standsStill(): Promise<void> {
    robot.forget(OutputTopic.command);
    await until(() => {
      const last = robot.heard<Command>(OutputTopic.command).slice(-10);
      return last.length === 10 && last.every(({ message }) => stands(message));
    }, 'ten zeros in a row');
  }
  /** What the controller says from the test's beginning on. */
  const says = (text: string) => until(() => controller.output.slice(read).includes(text), text);

  /** What is published before it has found the one who listens is lost. */
  async function found(topic: string, type: string, quality: 'sensor' | 'reliable' | 'latched' = 'reliable') {
    await robot.advertise(topic, type, quality);
    while ((await robot.graph(topic)).subscriptions.length === 0) await delay(20);
  }

  beforeAll(async () => {
    processes = new RosProcesses();
    robot = await processes.peer('robot');
    // Before there is anybody to hear it: who comes late is told.
    await robot.publish(InputTopic.staticTransforms, MessageType.transforms, { transforms: [MAST] }, 'latched');
    await robot.subscribe(OutputTopic.command, MessageType.twistStamped);
    await sense.odometry();
    await sense.scan();
    await sense.contacts();
    const set = PATIENT.flatMap((each) => ['--set', each]);
    const ros = ['--ros-args', '-p', 'contact_type:=wrench', '-p', 'plan_lookahead:=1.5'];
    controller = processes.rfsn('run', '--port', 'ros2', '--model', join(processes.folder, 'model'), ...set, ...ros);
    await controller.wrote(/active: the robot drives/);
    await found(InputTopic.goal, MessageType.poseStamped);
    await found(InputTopic.plan, MessageType.path);
  });
  afterAll(() => processes?.close());
  beforeEach(() => {
    read = controller.output.length;
  });

  it('a goal in odom is driven to, by scans whose frame a latched transform placed', async () => {
    await goTo(8, 0);
    await drives();
  });

  it.each(['odometry', 'scan', 'contacts'] as const)(
    '%s that falls silent stops the robot until it is back',
    async (name) => {
      const topic = { odometry: InputTopic.odometry, scan: InputTopic.scan, contacts: InputTopic.contactFront }[name];
      await drives();
      await robot.silence(topic);
      await standsStill();
      await sense[name]();
      await goTo(8, 0);
      await drives();
    },
  );

  it('a contact stops the robot’s way into it', async () => {
    await sense.contacts(50);
    await commands(({ twist }) => twist.linear.x <= 0);
    await sense.contacts(0);
    await goTo(8, 0);
    await drives();
  });

  it('odometry that is not a number is refused, and said, and stops the robot as silence does', async () => {
    await robot.silence(InputTopic.odometry);
    const bytes = written(MessageType.odometry, odometryOf({ x: Number.NaN, y: 0, yaw: 0, seconds: 2e9 }));
    await robot.publishRaw(InputTopic.odometry, MessageType.odometry, bytes, 'sensor');
    await says('odometry: it holds numbers that are not finite');
    await standsStill();
    await sense.odometry();
    await goTo(8, 0);
    await drives();
  });

  it('odometry of a source that began anew is believed as a new one, and the goal in its frame is void', async () => {
    await robot.silence(InputTopic.odometry);
    for (let i = 0; i < 8; i++) {
      const bytes = written(MessageType.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds: 100 + i / 50 }));
      await robot.publishRaw(InputTopic.odometry, MessageType.odometry, bytes, 'sensor');
      await delay(20);
    }
    await says('odometry: its stamps began anew: the source was restarted, is believed as a new one');
    await sense.odometry();
    await standsStill();
    await goTo(8, 0);
    await drives();
  });

  it('a scan of nothing but failed beams, and one of more than there is memory for, are refused', async () => {
    const failed = { ...scanOf([Number.NaN, Number.NaN]), header: header('laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, failed), 'sensor');
    await says('scan: all its beams have failed');
    const long = { ...scanOf(new Array<number>(10_000).fill(3)), header: header('laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, long), 'sensor');
    await says('scan: it has 10000 beams, and max_beams is ');
    await drives();
  });

  it('a scan in a frame that nobody placed is refused with its name', async () => {
    const strange = { ...scanOf(), header: header('another_laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, strange), 'sensor');
    await says("scan: no way from its frame 'another_laser' to 'base_link' is known from /tf_static");
    await drives();
  });

  it('bytes that are no messages end nothing, and leave the goal as it is', async () => {
    for (const [topic, type, quality] of [
      [InputTopic.odometry, MessageType.odometry, 'sensor'],
      [InputTopic.scan, MessageType.scan, 'sensor'],
      [InputTopic.contactFront, MessageType.wrench, 'sensor'],
      [InputTopic.goal, MessageType.poseStamped, 'reliable'],
      [InputTopic.plan, MessageType.path, 'reliable'],
    ] as const) {
      await robot.publishRaw(topic, type, Buffer.from([0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), quality);
      await robot.publishRaw(topic, type, Buffer.from([0, 1, 0, 0, ...new Array<number>(400).fill(0xff)]), quality);
    }
    for (const name of ['odometry', 'scan', 'contacts', 'goal', 'plan']) {
      await until(() => new RegExp(`${name}: \\d+ bytes .*no message`).test(controller.output.slice(read)), name);
    }
    await drives();
    expect(controller.over).toBe(false);
  });

  it('a goal without a frame cancels the one before', async () => {
    await goTo(0, 0, '');
    await standsStill();
    await goTo(8, 0);
    await drives();
  });

  it('a goal in a frame that nobody knows is refused with its name, and stops the robot', async () => {
    await goTo(5, 0, 'mars');
    await says("goal: no way from its frame 'mars' to 'odom' is known");
    await standsStill();
  });

  it('a goal in the map is driven to where the map is in odom, waits while the map is silent, and goes on', async () => {
    await localise();
    await found(InputTopic.transforms, MessageType.transforms);
    // The way to the map may come after the goal.
    await until(async () => {
      await goTo(-8, 0, 'map');
      return await Promise.race([drivesBack().then(() => true), delay(1000, false)]);
    }, 'the way back');
    await robot.silence(InputTopic.transforms);
    await says("goal: nothing has been heard of its frame 'map' for 1 s: the robot waits");
    await standsStill();
    await localise();
    await says("goal: its frame 'map' is heard again: the robot goes on");
    await drivesBack();
    await robot.silence(InputTopic.transforms);
  });

  /** Where that is in odom, the robot turns to, or drives backwards. */
  async function drivesBack(): Promise<void> {
    await commands(({ twist }) => twist.linear.x < -0.05 || Math.abs(twist.angular.z) > 0.1);
  }

  it('a plan is driven along, and an empty one cancels it', async () => {
    const poses = Array.from({ length: 50 }, (_, i) => poseAt(i * 0.1, 0, ''));
    await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'odom' }, poses });
    await drives();
    await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'odom' }, poses: [] });
    await standsStill();
    await goTo(8, 0);
    await drives();
  });

  it.each(['latched', 'reliable'] as const)('~/enable is heard from a publisher that is %s', async (quality) => {
    const operator = await processes.peer('operator');
    await operator.advertise(ENABLE, MessageType.bool, quality);
    while ((await operator.graph(ENABLE)).subscriptions.length === 0) await delay(20);
    await until(async () => {
      await operator.publish(ENABLE, MessageType.bool, { data: false }, quality);
      await delay(200);
      return stands(await commands(() => true));
    }, 'a robot that stands');
    await standsStill();
    await operator.publish(ENABLE, MessageType.bool, { data: true }, quality);
    await drives();
    await operator.kill();
  });
}, ['rfsn_controller']);

describeRos('contact sensors whose messages are not installed', () => {
  it.skipIf(hasInterfaces('ros_gz_interfaces'))(
    `keep the node from being configured, with the name of their package${hasInterfaces('ros_gz_interfaces') ? ' (skipped: ros_gz_interfaces is installed here)' : ''}`,
    async () => {
      const processes = new RosProcesses();
      try {
        const model = ['--model', join(processes.folder, 'model')];
        const ros = ['--ros-args', '-p', 'contact_type:=contacts'];
        const controller = processes.rfsn('run', '--port', 'ros2', ...model, ...ros);
        await controller.wrote(/contact_type: 'contacts': ros_gz_interfaces is not installed/);
      } finally {
        await processes.close();
      }
    },
  );
}, ['rfsn_controller']);
