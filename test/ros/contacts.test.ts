/** Contacts of each kind that a robot's sensors tell, through the whole controller. */
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { InputTopic, MessageType } from '../../src/io/ros2/names.js';
import { describeRos, hasInterfaces, RosProcesses } from './ros-processes.js';
import { PATIENT, SensedRobot } from './sensed-robot.js';

const BUMP = 1;
/** Of each kind: on which topic, and a message of a contact at the robot's front, and one of none. */
const KINDS = [
  {
    kind: 'wrench',
    type: MessageType.wrench,
    touched: { header: { frame_id: 'base_link' }, wrench: { force: { x: -50 } } },
    free: { header: { frame_id: 'base_link' } },
    needs: [],
  },
  {
    kind: 'hazards',
    type: MessageType.hazards,
    touched: {
      header: { frame_id: 'base_link' },
      detections: [{ header: { frame_id: 'bump_front_center' }, type: BUMP }],
    },
    free: { header: { frame_id: 'base_link' } },
    needs: ['irobot_create_msgs'],
  },
  {
    kind: 'contacts',
    type: MessageType.gazeboContacts,
    touched: { header: { frame_id: 'base_link' }, contacts: [{ positions: [{ x: 0.26, y: 0.02, z: 0.1 }] }] },
    free: { header: { frame_id: 'base_link' } },
    needs: ['ros_gz_interfaces'],
  },
];

for (const { kind, type, touched, free, needs } of KINDS) {
  describeRos(`contacts told as ${kind}`, () => {
    const processes = new RosProcesses();
    afterAll(() => processes.close());

    it('stop the robot’s way into them, and let it go on when they are over', async () => {
      const peer = await processes.peer('robot');
      const robot = await SensedRobot.begin(peer);
      const tell = (message: Readonly<Record<string, unknown>>) =>
        peer.repeat(InputTopic.contacts, type, message, 20, 'sensor');
      await tell(free);
      const model = join(processes.folder, 'model');
      const ros = ['--ros-args', '-p', `contact_type:=${kind}`];
      const controller = processes.rfsn('run', '--port', 'ros2', '--model', model, ...PATIENT, ...ros);
      await controller.wrote(/active: the robot drives/);
      await robot.found(InputTopic.goal, MessageType.poseStamped);
      await robot.goTo(8, 0);
      await robot.drives();
      await tell(touched);
      await robot.commands(({ twist }) => twist.linear.x <= 0);
      await tell(free);
      await robot.goTo(8, 0);
      await robot.drives();
      // A sensor that falls silent is no sensor that feels nothing; Gazebo's say nothing where nothing touches.
      await peer.silence(InputTopic.contacts);
      if (kind === 'contacts') {
        await robot.drives();
        await peer.withdraw(InputTopic.contacts);
      }
      await robot.standsStill();
      expect(controller.output).not.toMatch(/refused|no message/);
    });
  }, ['rfsn_controller', ...needs]);
}

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
