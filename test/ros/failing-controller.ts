/**
 * `rfsn run --port ros2` that fails once it drives, in the way that its first argument says: `callback` throws in one of
 * ROS's callbacks, at the next message on ~/enable; `latch` makes a cycle of the control thread throw; `die` ends that
 * thread; `uncaught` throws in a timer. All but the first wait for a line on standard input.
 */
import { createInterface } from 'node:readline';
import type { Worker } from 'node:worker_threads';
import { ControllerHost } from '../../src/cli/controller-host.js';
import { run } from '../../src/cli/program.js';
import { MotionOrders } from '../../src/cli/ros2-orders.js';
import { Order } from '../../src/memory/layout.js';

const [how, ...args] = process.argv.slice(2);
let host: ControllerHost | null = null;
let thread: Worker | null = null;

process.on('worker', (worker) => {
  thread = worker;
});
const begin = ControllerHost.prototype.begin;
ControllerHost.prototype.begin = function (this: ControllerHost): void {
  host = this;
  begin.call(this);
};
if (how === 'callback') {
  MotionOrders.prototype.enable = () => {
    throw new Error('this callback is broken');
  };
}

const input = createInterface({ input: process.stdin });
input.on('line', () => {
  if (how === 'die') void thread?.terminate();
  else if (how === 'latch' && host !== null) {
    const { tuning, orders } = host.controller.memory;
    // Past everything that would refuse it.
    tuning[0] = -1;
    Atomics.add(orders, Order.tuneRequest, 1);
  } else if (how === 'uncaught') {
    setTimeout(() => {
      throw new Error('this timer is broken');
    });
  }
});

process.exitCode = await run(args);
input.close();
process.stdin.destroy();
