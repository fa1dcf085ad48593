/** Against a robot in a process of its own, written with another client library, over a real ROS 2. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { MonotonicClock } from '../../src/core/clock.js';
import { ManagedNode } from '../../src/io/ros2/managed-node.js';
import { InputTopic, MessageType, OutputTopic } from '../../src/io/ros2/names.js';
import { RosTime } from '../../src/io/ros2/ros-time.js';
import { Ros2Port } from '../../src/io/ros2/ros2-port.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { describeRos, type RosPeer, RosProcesses, until } from '../ros/ros-processes.js';
import { ODOMETRY } from '../ros/sensed-robot.js';
import { describePort } from './port-contract.js';

const SCAN = {
  header: { frame_id: 'base_link' },
  angle_min: -1.5,
  angle_max: 1.5,
  angle_increment: 0.1,
  range_min: 0.05,
  range_max: 10,
  ranges: new Array(31).fill(5),
};
const CONTACT = { header: { frame_id: 'base_link' }, wrench: { force: { x: -0.5 } } };
const GOAL = { header: { frame_id: 'odom' }, pose: { position: { x: 4, y: 1 }, orientation: { w: 1 } } };

describeRos('over a real ROS 2', () => {
  const clock = new MonotonicClock();
  let processes: RosProcesses;
  let robot: RosPeer;
  let node: ManagedNode;

  beforeAll(async () => {
    processes = new RosProcesses();
    Object.assign(process.env, processes.env);
    robot = await processes.peer('robot');
    await robot.repeat(InputTopic.odometry, MessageType.odometry, ODOMETRY, 50, 'sensor');
    await robot.repeat(InputTopic.scan, MessageType.scan, SCAN, 20, 'sensor');
    await robot.repeat(InputTopic.contactFront, MessageType.wrench, CONTACT, 20, 'sensor');
    await robot.repeat(InputTopic.goal, MessageType.poseStamped, GOAL, 5);
    await robot.subscribe(OutputTopic.command, MessageType.twistStamped);
    node = await ManagedNode.open({
      rosArguments: [],
      // A reading's age by its stamp has a test of its own; here arrivals are dated.
      parameters: loadParameters([], { contact_type: 'wrench', trust_stamps: false }),
      onFailure: (where, error) => {
        throw new Error(`${where}: ${error}`);
      },
      onSet: () => undefined,
    });
    const nothing = async (): Promise<void> => undefined;
    const error = async (): Promise<boolean> => false;
    // What its states mean is the session's; here it only spins.
    node.manage({
      ...{ configure: nothing, activate: nothing, deactivate: nothing, cleanup: nothing, shutdown: nothing, error },
    });
  });
  afterAll(async () => {
    await node?.close();
    await processes?.close();
  });

  describePort({
    name: 'ros2',
    async make() {
      const time = new RosTime({
        clock,
        simulated: false,
        periodNs: 20e6,
        trustStamps: false,
        steps: { lockstep: () => undefined, step: () => 0 },
        sink: { newFrame: () => undefined },
        notice: () => undefined,
      });
      robot.forget(OutputTopic.command);
      const port = new Ros2Port({
        scope: node.scope(),
        parameters: node.values,
        time,
        stamps: time,
        // The port looks by itself.
        onCommand: () => () => undefined,
        notice: () => undefined,
      });
      let found = false;
      return {
        port,
        async pass(seconds) {
          // It counts from when the two have found each other.
          if (!found && port.inputs !== null) {
            const { odometry, scan, goal } = port.inputs.figures;
            await until(() => odometry.accepted > 0 && scan.accepted > 0 && goal.accepted > 0, 'the robot’s readings');
            await until(() => robot.heard(OutputTopic.command).length > 0, 'the first command');
            found = true;
          }
          await sleep(seconds * 1000);
        },
        nowNs: () => clock.nowNs(),
        speed: () => {
          const last = robot.heard<{ twist: { linear: { x: number } } }>(OutputTopic.command).at(-1);
          return last?.message.twist.linear.x ?? 0;
        },
      };
    },
  });
});
