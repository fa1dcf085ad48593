/** The least that a node on rclnodejs can do: it answers each odometry's bytes with those of one command, decoding none. */

import { MotionMessage } from '../src/io/ros2/cdr/write-motion.js';
import { InputTopic, MessageType, OutputTopic } from '../src/io/ros2/names.js';
import { PlainNode } from '../src/io/ros2/robot/plain-node.js';

const node = await PlainNode.open({
  name: 'rclnodejs_echo',
  rosArguments: process.argv.slice(2),
  failed: (where, error) => {
    process.stderr.write(`${where}: ${error}\n`);
    process.exit(1);
  },
});
const command = node.scope.publisher(MessageType.twistStamped, OutputTopic.command, 'reliable');
const { bytes } = new MotionMessage(true, 'base_link');
node.scope.raw(MessageType.odometry, InputTopic.odometry, 'sensor', () => command.publish(bytes));
node.scope.raw(MessageType.scan, InputTopic.scan, 'sensor', () => undefined);
node.spin();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await node.close();
    process.exit();
  });
}
