import { MonotonicClock } from '../../src/core/clock.js';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { layoutSizesOf, scheduleOptionsOf } from '../../src/loop/configuration.js';
import { ControlLoop } from '../../src/loop/control-loop.js';
import { Controller } from '../../src/loop/controller.js';
import { Order, Progress } from '../../src/memory/layout.js';
import type { ParameterValues } from '../../src/parameters/schema.js';

/** The controller of a session, each step of which is one cycle in this thread, on a clock that the test holds. */
export function loopedController(
  parameters: ParameterValues,
  nowNs: () => number,
): { controller: SessionController; loop: ControlLoop; host: Controller } {
  class HeldClock extends MonotonicClock {
    override nowNs(): number {
      return nowNs();
    }
  }
  const clock = new HeldClock();
  const host = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: scheduleOptionsOf(parameters),
    parameters,
    watchdogTimeoutNs: 1e9,
    heartbeatTimeoutNs: 1e9,
    onStall: () => undefined,
    clock,
  });
  const { orders, progress } = host.memory;
  const loop = new ControlLoop(host.memory, parameters, clock);
  const controller: SessionController = {
    observations: host.observations,
    commands: host.commands,
    nowNs,
    begin: async () => ({ policy: parameters.policy, updates: 0 }),
    end: async () => undefined,
    arm: () => host.arm(),
    disarm: () => host.disarm(),
    lockstep: (on) => host.lockstep(on),
    step: (atNs) => host.step(atNs),
    answered: (step) => host.answered(step),
    awaitAnswer: (step) => {
      Atomics.add(orders, Order.heartbeat, 1);
      progress[Progress.stepTaken] = step;
      loop.run(nowNs());
      return host.answered(step);
    },
    onCommand: () => () => undefined,
  };
  return { controller, loop, host };
}
