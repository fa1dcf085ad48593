import { afterEach, describe, expect, it, vi } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { ContextBuilder } from '../../src/features/context.js';
import { contextOptionsOf, layoutSizesOf, robotPolicy, scheduleOptionsOf } from '../../src/loop/configuration.js';
import { Controller, type LearnedParts } from '../../src/loop/controller.js';
import type { ScheduleOptions } from '../../src/loop/schedule.js';
import { Progress } from '../../src/memory/layout.js';
import type { MotionCommand, RangeScan } from '../../src/memory/observation-sink.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';

const LIVENESS = { timeout: 20_000, interval: 5 };
/** Longer than any test may take: what waits for it has waited for nothing else. */
const NEVER_NS = 600e9;
const BOUND_MS = 20_000;
const BEAMS = 360;

const controllers: Controller[] = [];
afterEach(async () => {
  for (const controller of controllers.splice(0)) await controller.stop({ boundMs: BOUND_MS });
});

/** The real cycle at 100 Hz, on a robot that never grows stale. */
async function running(
  options: {
    schedule?: Partial<ScheduleOptions>;
    overrides?: Parameters<typeof loadParameters>[1];
    watchdogTimeoutNs?: number;
  } = {},
) {
  const parameters = loadParameters([], {
    controller_frequency: 100,
    max_beams: BEAMS,
    // Only what is asked of the schedule counts here, not how long this machine takes.
    deadline_fraction: 1,
    odometry_timeout_s: 60,
    ranges_timeout_s: 60,
    ...options.overrides,
  });
  const onStall = vi.fn();
  const controller = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: { ...scheduleOptionsOf(parameters), patienceNs: NEVER_NS, ...options.schedule },
    parameters,
    extras: {},
    watchdogTimeoutNs: options.watchdogTimeoutNs ?? NEVER_NS,
    heartbeatTimeoutNs: NEVER_NS,
    onStall,
  });
  controllers.push(controller);
  await controller.start();
  return { controller, parameters, onStall, robot: new Robot(controller) };
}

/** An ideal robot in the open, that does what it is told for a hundredth of a second at a time. */
class Robot {
  readonly command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: -1, reason: -1, stampNs: -1 };
  stampNs = 1e9;
  x = 0;
  yaw = 0;
  readonly #controller: Controller;
  readonly #scan: RangeScan = {
    angleMin: -Math.PI,
    angleIncrement: (2 * Math.PI) / BEAMS,
    rangeMin: 0.1,
    rangeMax: 30,
    count: BEAMS,
    ranges: new Float32Array(BEAMS).fill(Number.POSITIVE_INFINITY),
    mountX: 0,
    mountY: 0,
    mountYaw: 0,
  };

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  sense(): void {
    const { observations, clock } = this.#controller;
    const { vx, yawRate } = this.command;
    this.stampNs += 1e7;
    this.x += vx * Math.cos(this.yaw) * 0.01;
    this.yaw += yawRate * 0.01;
    observations.ranges(this.stampNs, clock.nowNs(), this.#scan);
    observations.odometry(this.stampNs, clock.nowNs(), this.x, 0, this.yaw, vx, 0, yawRate);
  }

  /** Hands over readings and takes the command that answers them. */
  step(): MotionCommand {
    const controller = this.#controller;
    this.sense();
    const step = controller.step();
    if (!controller.awaitAnswer(step, BOUND_MS)) throw new Error(`step ${step} was not answered`);
    controller.commands.read(this.command);
    return this.command;
  }
}

describe('a controller in lockstep', () => {
  it('answers ten thousand steps by one cycle each, on the readings that were there when it was asked', async () => {
    const { controller, robot } = await running();
    controller.lockstep(true);
    const first = robot.step().cycle;
    for (let i = 1; i <= 10_000; i++) {
      const { cycle, stampNs } = robot.step();
      if (cycle !== first + i) throw new Error(`step ${i} was answered by cycle ${cycle - first}`);
      if (stampNs !== robot.stampNs) throw new Error(`step ${i} was answered on older odometry`);
      // Lets the main thread's own timers and listeners have a turn in between.
      if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(controller.cycles).toBe(first + 10_001);
  }, 60_000);

  it('loses no step while readings come at any time and the pace changes at random moments', async () => {
    const { controller, robot } = await running({ schedule: { spinMarginNs: 50e3 } });
    const prng = new Prng(Uint32Array.of(1, 2, 3, 4));
    let lastCycle = -1;
    for (let i = 0; i < 2000; i++) {
      if (prng.nextBelow(4) === 0) controller.lockstep(prng.nextBelow(2) === 0);
      robot.sense();
      if (prng.nextBelow(8) === 0) controller.lockstep(prng.nextBelow(4) > 0);
      const step = controller.step();
      if (prng.nextBelow(8) === 0) controller.lockstep(prng.nextBelow(8) > 0);
      // Some are waited for asleep, some by looking, some by the event loop.
      if (prng.nextBelow(50) === 0) {
        while (!controller.answered(step)) await new Promise((resolve) => setTimeout(resolve, 1));
      } else if (!controller.awaitAnswer(step, BOUND_MS)) throw new Error(`step ${i} was not answered`);
      controller.commands.read(robot.command);
      if (robot.command.stampNs !== robot.stampNs) throw new Error(`step ${i} was answered on older odometry`);
      if (robot.command.cycle <= lastCycle) throw new Error(`step ${i} was answered by an older command`);
      lastCycle = robot.command.cycle;
    }
  }, 60_000);

  it('answers all steps that were asked for at once, and tells whoever waits for commands', async () => {
    const { controller, robot } = await running();
    controller.lockstep(true);
    const seen: number[] = [];
    controller.onCommand(() => {
      if (controller.commands.read(robot.command)) seen.push(robot.command.stampNs);
    });
    for (let round = 0; round < 20; round++) {
      let step = 0;
      for (let i = 0; i < 10; i++) {
        robot.sense();
        step = controller.step();
      }
      await vi.waitFor(() => expect(controller.answered(step)).toBe(true), LIVENESS);
      await vi.waitFor(() => expect(seen.at(-1)).toBe(robot.stampNs), LIVENESS);
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('is found alive by the watchdog though it runs no cycle, and serves requests meanwhile', async () => {
    const { controller, robot, onStall } = await running({ watchdogTimeoutNs: 0.5e9 });
    controller.lockstep(true);
    robot.step();
    const cycles = controller.cycles;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const snapshot = await controller.snapshot(BOUND_MS);
    expect(snapshot.some((byte) => byte !== 0)).toBe(true);
    expect(controller.cycles).toBe(cycles);
    expect(onStall).not.toHaveBeenCalled();
  });

  it('stops a robot whose readings have become too old, though nobody asks for a cycle', async () => {
    const { controller, robot } = await running({
      overrides: { odometry_timeout_s: 0.1, ranges_timeout_s: 0.15 },
      schedule: { patienceNs: 0.1e9 },
    });
    controller.observations.goal(1, controller.clock.nowNs(), 50, 0, 0.25);
    controller.arm();
    controller.lockstep(true);
    for (let i = 0; i < 20; i++) robot.step();
    await vi.waitFor(() => {
      controller.commands.read(robot.command);
      expect(robot.command).toMatchObject({ vx: 0, vy: 0, yawRate: 0, reason: Reason.staleOdometry });
    }, LIVENESS);
    expect(robot.command.stampNs).toBe(robot.stampNs);
  });

  it('stops in order although nobody asks for the cycles that brake it', async () => {
    const { controller, robot } = await running({ overrides: { policy: 'fallback' } });
    controller.observations.goal(1, controller.clock.nowNs(), 50, 0, 0.25);
    controller.arm();
    controller.lockstep(true);
    for (let i = 0; i < 50; i++) robot.step();
    expect(robot.command.vx).toBeGreaterThan(0.5);
    expect((await controller.stop({ boundMs: BOUND_MS })).orderly).toBe(true);
    controller.commands.read(robot.command);
    expect(robot.command).toMatchObject({ vx: 0, vy: 0, yawRate: 0, reason: Reason.stopping });
  });

  it('says at once that a step is not answered where no control thread runs', async () => {
    const { controller } = await running();
    await controller.stop({ boundMs: BOUND_MS });
    expect(controller.awaitAnswer(controller.step(), NEVER_NS)).toBe(false);
  });

  it('tells answered steps from others across the wrap of their number', async () => {
    const { controller } = await running();
    const { progress } = controller.memory;
    Atomics.store(progress, Progress.stepDone, -0x80000000);
    expect([0x7fffffff, -0x80000000].map((step) => controller.answered(step))).toEqual([true, true]);
    expect(controller.answered(-0x7fffffff)).toBe(false);
  });
});

describe('a learned state given to a running controller', () => {
  /** What was learned of `updates` rewards at random; the same for the same seed. */
  function learn(parameters: ReturnType<typeof loadParameters>, seed: number): LearnedParts {
    const scaler = new ContextBuilder(contextOptionsOf(parameters));
    const policy = robotPolicy(parameters, scaler);
    const prng = new Prng(Uint32Array.of(seed, 2, 3, 4));
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < scaler.raw.length; j++) scaler.raw[j] = prng.nextFloat();
      scaler.build();
      const action = policy.select(scaler.context, null);
      policy.update(scaler.context, action, prng.nextFloat(), policy.lastProbability);
      scaler.update();
    }
    return { policy: policy.exportState(), scaler: scaler.exportState() };
  }

  it.each(['squarecb', 'bandit', 'lints'])('is what it goes on with, to the bit (%s)', async (policy) => {
    const { controller, parameters } = await running({ overrides: { policy } });
    const untrained = await controller.snapshot(BOUND_MS);
    const [a, b] = [learn(parameters, 1), learn(parameters, 2)];
    const states = await Promise.all([
      controller.restore(a, BOUND_MS),
      controller.snapshot(BOUND_MS),
      controller.restore(b, BOUND_MS),
      controller.snapshot(BOUND_MS),
    ]);
    expect(states[1]).toEqual(Uint8Array.of(...a.policy, ...a.scaler));
    expect(states[3]).toEqual(Uint8Array.of(...b.policy, ...b.scaler));
    expect(states[1]).not.toEqual(untrained);
    // In lockstep too, where no cycle comes to take it over.
    controller.lockstep(true);
    await controller.restore(a, BOUND_MS);
    expect(await controller.snapshot(BOUND_MS)).toEqual(states[1]);
  });

  it('changes nothing where it cannot be used, whichever part is at fault', async () => {
    const { controller, parameters } = await running();
    const [good, other] = [learn(parameters, 1), learn(parameters, 2)];
    await controller.restore(good, BOUND_MS);
    const before = await controller.snapshot(BOUND_MS);
    const broken = (state: Uint8Array) => state.slice().fill(0xff);
    await expect(controller.restore({ ...other, policy: broken(other.policy) }, BOUND_MS)).rejects.toThrow(
      'no restore: the control thread cannot use the policy’s state, and goes on with what it had',
    );
    await expect(controller.restore({ ...other, scaler: broken(other.scaler) }, BOUND_MS)).rejects.toThrow(
      'no restore: the control thread cannot use the state of the scales, and goes on with what it had',
    );
    // Together as long as a state, and cut in the wrong place.
    const whole = Uint8Array.of(...other.scaler, ...other.policy);
    const cut = other.scaler.length;
    await expect(
      controller.restore({ policy: whole.subarray(0, cut), scaler: whole.subarray(cut) }, BOUND_MS),
    ).rejects.toThrow('no restore');
    await expect(controller.restore({ ...other, policy: other.policy.subarray(1) }, BOUND_MS)).rejects.toThrow(
      'a learned state has the size of a snapshot',
    );
    expect(await controller.snapshot(BOUND_MS)).toEqual(before);
    expect(controller.state).toBe('running');
  });

  it('is refused where no control thread runs', async () => {
    const { controller, parameters } = await running();
    await controller.stop({ boundMs: BOUND_MS });
    await expect(controller.restore(learn(parameters, 1))).rejects.toThrow('no restore: the controller is stopped');
  });
});

describe('limits changed on a running controller', () => {
  it('slow the robot to them within its acceleration, and let it go again', async () => {
    const { controller, robot, parameters } = await running({ overrides: { policy: 'fallback' } });
    controller.observations.goal(1, controller.clock.nowNs(), 1000, 0, 0.25);
    controller.arm();
    controller.lockstep(true);
    let before = 0;
    const drive = (steps: number) => {
      for (let i = 0; i < steps; i++) {
        const { vx } = robot.step();
        expect(Math.abs(vx - before)).toBeLessThanOrEqual(parameters['robot.max_acceleration'] * 0.01 * (1 + 1e-9));
        before = vx;
      }
      return before;
    };
    expect(drive(200)).toBeGreaterThan(1.9);
    controller.tune('robot.max_speed', 0.4);
    expect(controller.tuned['robot.max_speed']).toBe(0.4);
    // The next cycle may have begun before; from full speed the brakes need a fraction of a second.
    expect(drive(60)).toBeLessThanOrEqual(0.4 + 1e-9);
    controller.tune('robot.max_speed', 2);
    expect(drive(200)).toBeGreaterThan(1.9);
  });

  it('are refused by name where they may not be changed', async () => {
    const { controller } = await running({ overrides: { 'robot.max_speed': 1.5 } });
    expect(controller.tunable).toEqual(['robot.max_speed', 'robot.max_yaw_rate', 'epsilon']);
    expect(() => controller.tune('robot.max_speed', 1.6)).toThrow(/^robot\.max_speed: 1\.6 is not allowed/);
    expect(() => controller.tune('safety.margin', 0.1)).toThrow(/^safety\.margin: cannot be changed while running/);
    expect(controller.tuned).toEqual({ 'robot.max_speed': 1.5, 'robot.max_yaw_rate': 4, epsilon: 0.1 });
  });
});
