import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Command } from '../../src/io/zeromq/protocol/protocol.js';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { layoutSizesOf } from '../../src/loop/configuration.js';
import { Controller } from '../../src/loop/controller.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { type RigRobot, SessionRig } from '../support/session-rig.js';

const LIVENESS = { timeout: 20_000, interval: 5 };
// On a busy machine any thread may rest for a while; and here only silence is to make readings stale.
const parameters = loadParameters([], { deadline_fraction: 1, odometry_timeout_s: 2, ranges_timeout_s: 2 });

function controllerOf(): Controller {
  return new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: { periodNs: 2e7, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0, patienceNs: 3e9 },
    parameters,
    extras: { policy: 'bandit' },
    watchdogTimeoutNs: 1000e9,
    heartbeatTimeoutNs: 1000e9,
    onStall: () => undefined,
  });
}

/** A controller as a session sees it, with nothing loaded or saved. */
function sessionOf(controller: Controller): SessionController {
  return {
    observations: controller.observations,
    commands: controller.commands,
    nowNs: () => controller.clock.nowNs(),
    begin: async () => ({ policy: 'test', updates: 0 }),
    end: async () => controller.disarm(),
    arm: () => controller.arm(),
    disarm: () => controller.disarm(),
    lockstep: (on) => controller.lockstep(on),
    step: (atNs) => controller.step(atNs),
    answered: (step) => controller.answered(step),
    awaitAnswer: (step, boundMs) => controller.awaitAnswer(step, boundMs),
    onCommand: (listener) => controller.onCommand(listener),
  };
}

const controllers: Controller[] = [];
let ticker: NodeJS.Timeout | undefined;
afterEach(async () => {
  clearInterval(ticker);
  for (const controller of controllers.splice(0)) await controller.stop();
});

/** Real controllers behind a table of sessions, with their own time, and with the turns of the real event loop. */
async function started(names: readonly string[] = ['ada']) {
  controllers.push(...names.map(controllerOf));
  const [{ clock }] = controllers;
  let made = 0;
  const rig = new SessionRig<SessionController>({
    parameters,
    seats: names.length,
    make: () => sessionOf(controllers[made++]),
  });
  Object.defineProperty(rig, 'nowNs', { get: () => clock.nowNs(), set: () => undefined });
  rig.turnsEnd = false;
  let turns = 0;
  let asked = false;
  const endTurn = () => {
    turns++;
    asked = false;
    rig.endTurn();
  };
  Object.defineProperty(rig, 'turnAsked', {
    set: (ask) => {
      if (ask && !asked) setImmediate(endTurn);
      asked ||= ask;
    },
  });
  for (const controller of controllers) await controller.start();
  ticker = setInterval(() => rig.table.tick(), 10);
  const robots = names.map((name) => rig.robot(name));
  return { rig, robots, robot: robots[0], turns: () => turns };
}

/** The next commands, once there are so many. */
async function awaitCommands(robot: RigRobot, count: number): Promise<Command[]> {
  const commands: Command[] = [];
  await vi.waitFor(() => {
    commands.push(...robot.commands());
    expect(commands.length).toBeGreaterThanOrEqual(count);
  }, LIVENESS);
  return commands;
}

describe('a session with a real controller', () => {
  it('in lockstep answers each sense with one command of a cycle that used it, and the robot drives to its goal', async () => {
    const { rig, robot } = await started();
    await robot.hello();
    let x = 0;
    let v = 0;
    let lastCycle = -1;
    for (let step = 1; step <= 200; step++) {
      robot.sense({ t: step * 0.02, odom: [x, 0, 0, v, 0, 0], goal: [5, 0, 0.3] });
      const [command, ...more] = await awaitCommands(robot, 1);
      expect(more).toEqual([]);
      expect(command.q).toBe(step);
      expect(command.n).toBeGreaterThan(lastCycle);
      lastCycle = command.n;
      v = command.twist[0];
      x += v * 0.02;
    }
    expect(x).toBeGreaterThan(0.2);
    expect(rig.table.counters.accepted.sense).toBe(200);
    expect(rig.table.counters.settled).toBe(rig.table.counters.frames);
  });

  it('in lockstep answers a handful of senses at once in their order', async () => {
    const { robot } = await started();
    await robot.hello();
    for (let i = 0; i < 8; i++) robot.sense({ t: 1 + i * 0.02 });
    expect((await awaitCommands(robot, 8)).map(({ q }) => q)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('in lockstep answers the senses of several robots in their order, and lets the event loop sleep where none comes', async () => {
    const { rig, robots, turns } = await started(['ada', 'bob', 'cid', 'dan']);
    for (const robot of robots) await robot.hello();
    const rounds = 25;
    for (let round = 0; round < rounds; round++) {
      const expected = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => 8 * round + i);
      for (const i of expected) for (const robot of robots) robot.sense({ t: i * 0.02 });
      for (const robot of robots) expect((await awaitCommands(robot, 8)).map(({ q }) => q)).toEqual(expected);
    }
    const { counters } = rig.table;
    expect(counters.accepted.sense).toBe(8 * rounds * robots.length);
    expect(counters.settled).toBe(counters.frames);
    expect(turns()).toBeLessThanOrEqual(counters.accepted.sense);
    expect(rig.faults).toEqual([]);
    // The last command may have come while the end of a turn was already asked for.
    await new Promise((resolve) => setImmediate(resolve));
    const before = turns();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(turns()).toBe(before);
  });

  it('in lockstep lets the event loop sleep while a control thread stands still', async () => {
    const { rig, robots, turns } = await started(['ada', 'bob']);
    for (const robot of robots) await robot.hello();
    for (const controller of controllers) {
      // Nothing that is asked of the thread reaches it.
      const { step } = controller;
      vi.spyOn(controller, 'step').mockImplementation((atNs) => (step.call(controller, atNs) + 100) | 0);
    }
    for (const robot of robots) robot.sense();
    const before = turns();
    await vi.waitFor(() => expect(rig.table.counters.unanswered).toBe(2), LIVENESS);
    expect(turns() - before).toBeLessThanOrEqual(2);
    for (const robot of robots) expect(robot.errors()).toMatchObject([{ code: 'failed', q: 1 }]);
    for (const controller of controllers) vi.mocked(controller.step).mockRestore();
    for (const robot of robots) robot.sense();
    for (const robot of robots) expect((await awaitCommands(robot, 1)).map(({ q }) => q)).toEqual([2]);
  });

  it('free names a sense that was sent, never one older than before, and stops a robot that falls silent', async () => {
    const { robot } = await started();
    await robot.hello({ mode: 'free' });
    const sender = setInterval(() => robot.sense({ goal: [5, 0, 0.3] }), 10);
    const driving = await awaitCommands(robot, 30);
    clearInterval(sender);
    const qs = driving.map(({ q }) => q);
    expect(qs).toEqual([...qs].sort((a, b) => a - b));
    expect(qs.at(-1)).toBeLessThanOrEqual(robot.q);
    expect(driving.some(({ twist }) => twist.some((value) => value !== 0))).toBe(true);
    const beat = setInterval(() => robot.send({ m: 'heartbeat', s: robot.session, t: robot.t }), 200);
    try {
      await vi.waitFor(() => {
        const last = robot.commands().at(-1);
        expect([Reason.staleOdometry, Reason.staleRanges]).toContain(last?.why);
        expect(last?.twist).toEqual([0, 0, 0]);
      }, LIVENESS);
    } finally {
      clearInterval(beat);
    }
  });
});
