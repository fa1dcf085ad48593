/** What the controller's node is told, by a node of another client library: each input, what is wrong with it, and its silence. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { InputTopic, MessageType } from '../../src/io/ros2/names.js';
import { Reason } from '../../src/memory/reason.js';
import { defaultParameters } from '../../src/parameters/schema.js';
import { header, odometryOf, scanOf, written } from '../unit/io/ros2/input-rig.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { PATIENT, poseAt, SensedRobot, stands } from './sensed-robot.js';

const ENABLE = '/rfsn_controller/enable';
const DECISION = '/rfsn_controller/decision';
const MAP = {
  header: { frame_id: 'map' },
  child_frame_id: 'odom',
  transform: { translation: { x: -2 }, rotation: { w: 1 } },
};
const touching = (force: number) => ({ header: { frame_id: 'base_link' }, wrench: { force: { x: -force } } });

describeRos('the inputs of the node', () => {
  let processes: RosProcesses;
  let robot: RosPeer;
  let sensed: SensedRobot;
  let controller: RosProcess;
  /** How much of the controller's output earlier tests have read. */
  let read = 0;

  const presses = (force: number) =>
    robot.repeat(InputTopic.contactFront, MessageType.wrench, touching(force), 20, 'sensor');
  const localise = () => robot.repeat(InputTopic.transforms, MessageType.transforms, { transforms: [MAP] }, 20);

  /** What the controller says from the test's beginning on. */
  const says = (text: string) => until(() => controller.output.slice(read).includes(text), text);

  beforeAll(async () => {
    processes = new RosProcesses();
    robot = await processes.peer('robot');
    sensed = await SensedRobot.begin(robot);
    await presses(0);
    const ros = ['--ros-args', '-p', 'contact_type:=wrench', '-p', 'plan_lookahead:=1.5'];
    controller = processes.rfsn(
      'run',
      '--port',
      'ros2',
      '--model',
      join(processes.folder, 'model'),
      ...PATIENT,
      ...ros,
    );
    await controller.wrote(/active: the robot drives/);
    await sensed.found(InputTopic.goal, MessageType.poseStamped);
    await sensed.found(InputTopic.plan, MessageType.path);
  });
  afterAll(() => processes?.close());
  beforeEach(() => {
    read = controller.output.length;
  });

  it('a goal in odom is driven to, by scans whose frame a latched transform placed', async () => {
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it.each(['odometry', 'scan', 'contacts'] as const)(
    '%s that falls silent stops the robot, from the cycle on in which it is too old, until it is back',
    async (name) => {
      const topic = { odometry: InputTopic.odometry, scan: InputTopic.scan, contacts: InputTopic.contactFront }[name];
      const { odometry_timeout_s, ranges_timeout_s, contacts_timeout_s } = defaultParameters();
      const [age, timeoutS, stale] = {
        odometry: ['odometry_age_ns', odometry_timeout_s, Reason.staleOdometry],
        scan: ['ranges_age_ns', ranges_timeout_s, Reason.staleRanges],
        contacts: ['contacts_age_ns', contacts_timeout_s, Reason.staleContacts],
      }[name] as [string, number, number];
      await robot.subscribe(DECISION, MessageType.decision);
      await sensed.drives();
      await robot.hears(DECISION);
      robot.forget(DECISION);
      await robot.silence(topic);
      await sensed.standsStill();
      const decisions = robot.heard<Record<string, number>>(DECISION).map(({ message }) => message);
      const old = decisions.filter((decision) => decision[age] > timeoutS * 1e9);
      expect(old.length).toBeGreaterThan(0);
      // A machine that is held up may let the others grow too old as well.
      const standing: number[] = [Reason.staleOdometry, Reason.staleRanges, Reason.staleContacts];
      expect(old.filter(({ reason }) => !standing.includes(reason))).toEqual([]);
      expect(decisions.filter((decision) => decision['reason'] === stale && !old.includes(decision))).toEqual([]);
      expect(old.some(({ reason }) => reason === stale)).toBe(true);
      // It brakes from there on, and does not drive on a little.
      for (let i = 1; i < old.length; i++) {
        expect(Math.abs(old[i]['command_vx'])).toBeLessThanOrEqual(Math.abs(old[i - 1]['command_vx']));
      }
      await robot.unsubscribe(DECISION);
      await { odometry: () => sensed.odometry(), scan: () => sensed.scan(), contacts: () => presses(0) }[name]();
      await sensed.goTo(8, 0);
      await sensed.drives();
    },
  );

  it('a contact stops the robot’s way into it', async () => {
    await presses(50);
    await sensed.commands(({ twist }) => twist.linear.x <= 0);
    await presses(0);
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it('odometry that is not a number is refused, and said, and stops the robot as silence does', async () => {
    await robot.silence(InputTopic.odometry);
    const bytes = written(MessageType.odometry, odometryOf({ x: Number.NaN, y: 0, yaw: 0, seconds: 2e9 }));
    await robot.publishRaw(InputTopic.odometry, MessageType.odometry, bytes, 'sensor');
    await says('odometry: it holds numbers that are not finite');
    await sensed.standsStill();
    await sensed.odometry();
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it('odometry of a source that began anew is believed as a new one, and the goal in its frame is void', async () => {
    await robot.silence(InputTopic.odometry);
    for (let i = 0; i < 8; i++) {
      const bytes = written(MessageType.odometry, odometryOf({ x: 0, y: 0, yaw: 0, seconds: 100 + i / 50 }));
      await robot.publishRaw(InputTopic.odometry, MessageType.odometry, bytes, 'sensor');
      await delay(20);
    }
    await says('odometry: its stamps began anew: the source was restarted, is believed as a new one');
    await sensed.odometry();
    await sensed.standsStill();
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it('a scan of nothing but failed beams, and one of more than there is memory for, are refused', async () => {
    const failed = { ...scanOf([Number.NaN, Number.NaN]), header: header('laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, failed), 'sensor');
    await says('scan: all its beams have failed');
    const long = { ...scanOf(new Array<number>(10_000).fill(3)), header: header('laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, long), 'sensor');
    await says('scan: it has 10000 beams, and max_beams is ');
    await sensed.drives();
  });

  it('a scan in a frame that nobody placed is refused with its name', async () => {
    const strange = { ...scanOf(), header: header('another_laser', 2e9) };
    await robot.publishRaw(InputTopic.scan, MessageType.scan, written(MessageType.scan, strange), 'sensor');
    await says("scan: no way from its frame 'another_laser' to 'base_link' is known from /tf_static");
    await sensed.drives();
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
    await sensed.drives();
    expect(controller.over).toBe(false);
  });

  it('a goal without a frame cancels the one before', async () => {
    await sensed.goTo(0, 0, '');
    await sensed.standsStill();
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it('a goal in a frame that nobody knows is refused with its name, and stops the robot', async () => {
    await sensed.goTo(5, 0, 'mars');
    await says("goal: no way from its frame 'mars' to 'odom' is known");
    await sensed.standsStill();
  });

  it('a goal in the map is driven to where the map is in odom, waits while the map is silent, and goes on', async () => {
    await localise();
    await sensed.found(InputTopic.transforms, MessageType.transforms);
    // The way to the map may come after the goal.
    await until(async () => {
      await sensed.goTo(-8, 0, 'map');
      return await Promise.race([drivesBack().then(() => true), delay(1000, false)]);
    }, 'the way back');
    await robot.silence(InputTopic.transforms);
    await says("goal: nothing has been heard of its frame 'map' for 1 s: the robot waits");
    await sensed.standsStill();
    await localise();
    await says("goal: its frame 'map' is heard again: the robot goes on");
    await drivesBack();
    await robot.silence(InputTopic.transforms);
  });

  /** Where that is in odom, the robot turns to, or drives backwards. */
  async function drivesBack(): Promise<void> {
    await sensed.commands(({ twist }) => twist.linear.x < -0.05 || Math.abs(twist.angular.z) > 0.1);
  }

  it('a plan is driven along, and an empty one cancels it', async () => {
    const poses = Array.from({ length: 50 }, (_, i) => poseAt(i * 0.1, 0, ''));
    await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'odom' }, poses });
    await sensed.drives();
    await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'odom' }, poses: [] });
    await sensed.standsStill();
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it('a plan in the map is driven along where the map is in odom, and one in a frame that nobody knows is refused', async () => {
    await localise();
    await sensed.found(InputTopic.transforms, MessageType.transforms);
    // In the map the robot is at -2: all of it lies behind.
    const poses = Array.from({ length: 50 }, (_, i) => poseAt(-2 - i * 0.1, 0, ''));
    await until(async () => {
      await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'map' }, poses });
      return await Promise.race([drivesBack().then(() => true), delay(1000, false)]);
    }, 'the way back');
    await robot.silence(InputTopic.transforms);
    await robot.publish(InputTopic.plan, MessageType.path, { header: { frame_id: 'mars' }, poses });
    await says("plan: no way from its frame 'mars' to 'odom' is known");
    await sensed.standsStill();
    await sensed.goTo(8, 0);
    await sensed.drives();
  });

  it.each(['latched', 'reliable'] as const)('~/enable is heard from a publisher that is %s', async (quality) => {
    await sensed.goTo(8, 0);
    const operator = await processes.peer('operator');
    await operator.advertise(ENABLE, MessageType.bool, quality);
    while ((await operator.graph(ENABLE)).subscriptions.length === 0) await delay(20);
    await until(async () => {
      await operator.publish(ENABLE, MessageType.bool, { data: false }, quality);
      await delay(200);
      return stands(await sensed.commands(() => true));
    }, 'a robot that stands');
    await sensed.standsStill();
    await operator.publish(ENABLE, MessageType.bool, { data: true }, quality);
    await sensed.drives();
    await operator.kill();
  });
}, ['rfsn_controller']);
