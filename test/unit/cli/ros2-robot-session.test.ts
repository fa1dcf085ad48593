/** The end of a simulated robot on ROS whose messages the middleware takes no more. What a ROS 2 makes of it is in test/ros. */
import { Command } from 'commander';
import { expect, it, vi } from 'vitest';
import { Ros2RobotSession } from '../../../src/cli/ros2-robot-session.js';
import { addRunOptions, type RunOptions, readRun } from '../../../src/cli/run-options.js';
import { StopRequest } from '../../../src/cli/stop-request.js';
import { PlainNode } from '../../../src/io/ros2/robot/plain-node.js';
import { RecordingScope } from '../../support/recording-scope.js';

it('closes its node, and tells why, also where its goal cannot be withdrawn', async () => {
  const scope = new RecordingScope();
  const close = vi.fn(() => Promise.resolve());
  // Once it drives.
  const spin = () =>
    queueMicrotask(() => {
      scope.unsent = new Error('no network');
    });
  const node = { scope, logger: { info: () => undefined }, spin, close };
  vi.spyOn(PlainNode, 'open').mockResolvedValue(node as unknown as PlainNode);
  const run = readRun(addRunOptions(new Command()).parse([], { from: 'user' }).opts<RunOptions>());
  const stop = new StopRequest();
  stop.ask('test');
  const common = { goals: true, episodes: null, clock: false, speed: 1, rosArguments: [] };
  const { fault } = await new Ros2RobotSession({ run, stop, ...common }).drive();
  stop.dispose();
  expect(fault).toBe('no network');
  expect(close).toHaveBeenCalledOnce();
});
