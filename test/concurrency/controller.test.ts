import { afterEach, describe, expect, it, vi } from 'vitest';
import { layoutSizesOf } from '../../src/loop/configuration.js';
import { Controller, type ControllerOptions } from '../../src/loop/controller.js';
import { STATISTICS_BYTES } from '../../src/loop/statistics.js';
import { locateWorker } from '../../src/loop/worker-location.js';
import { DecisionField, Order, Pace } from '../../src/memory/layout.js';
import type { MotionCommand } from '../../src/memory/observation-sink.js';
import { Reason } from '../../src/memory/reason.js';
import { defaultParameters } from '../../src/parameters/schema.js';
import type { CountingLoopParameters } from '../support/counting-loop.js';

const SECOND_NS = 1e9;
const LIVENESS = { timeout: 20_000, interval: 5 };
const loopModule = new URL('../support/counting-loop.ts', import.meta.url);
const sizes = {
  maxBeams: 8,
  decisionRecords: 4096,
  policyBytes: 0,
  scalerBytes: 0,
  snapshotBytes: 64,
  statisticsBytes: STATISTICS_BYTES,
};

const controllers: Controller[] = [];
afterEach(async () => {
  for (const controller of controllers.splice(0)) await controller.stop();
});

function control(parameters: CountingLoopParameters = {}, options: Partial<ControllerOptions> = {}) {
  const onStall = vi.fn();
  const onRecovery = vi.fn();
  const onLatch = vi.fn();
  const controller = new Controller({
    sizes,
    schedule: { periodNs: 2e6, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 },
    parameters,
    // Only the tests of the watchdog let it bite: on a busy machine any thread may rest for a while.
    watchdogTimeoutNs: 1000 * SECOND_NS,
    heartbeatTimeoutNs: 0.1 * SECOND_NS,
    onStall,
    onRecovery,
    onLatch,
    loopModule,
    ...options,
  });
  controllers.push(controller);
  return { controller, onStall, onRecovery, onLatch };
}

function poisoned(): MotionCommand {
  return { vx: 9, vy: 9, yawRate: 9, cycle: -1, reason: -1, stampNs: -1 };
}

describe('a controller', () => {
  it('starts the control thread, arms it, sees its commands and decisions in order, and stops it with zero', async () => {
    const { controller, onStall } = control();
    const cycles: number[] = [];
    controller.onDecision((record) => cycles.push(record[DecisionField.cycle]));
    await controller.start();
    expect(controller.state).toBe('running');
    controller.arm();
    const command = poisoned();
    await vi.waitFor(() => {
      controller.commands.read(command);
      expect(command.vx).toBeGreaterThan(20);
    }, LIVENESS);
    expect(await controller.stop()).toEqual({ orderly: true, snapshot: null });
    expect(controller.state).toBe('stopped');
    expect(controller.commands.read(command)).toBe(true);
    expect(command.vx).toBe(0);
    expect(cycles.length).toBe(controller.cycles);
    expect(cycles).toEqual(cycles.map((_, i) => i + 1));
    expect(onStall).not.toHaveBeenCalled();
  });

  it('is armed by nobody, and left to nobody’s steps, once it is being stopped', async () => {
    const { controller } = control();
    await controller.start();
    controller.arm();
    expect(controller.armed).toBe(true);
    const stopped = controller.stop();
    controller.arm();
    controller.lockstep(true);
    expect(controller.armed).toBe(false);
    expect(Atomics.load(controller.memory.orders, Order.pace)).toBe(Pace.configured);
    expect(await stopped).toMatchObject({ orderly: true });
  });

  it('calls whoever waits for commands', async () => {
    const { controller } = control();
    const seen: number[] = [];
    const command = poisoned();
    controller.onCommand(() => {
      if (controller.commands.read(command)) seen.push(command.cycle);
    });
    await controller.start();
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(20), LIVENESS);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('answers each snapshot request with bytes of its own, also when asked for several at once', async () => {
    const { controller } = control();
    await controller.start();
    const [first, second] = await Promise.all([controller.snapshot(20_000), controller.snapshot(20_000)]);
    expect(first).toEqual(new Uint8Array(64).fill(1));
    expect(second).toEqual(new Uint8Array(64).fill(2));
    const last = await controller.stop({ snapshot: true, boundMs: 20_000 });
    expect(last).toEqual({ orderly: true, snapshot: new Uint8Array(64).fill(3) });
    await expect(controller.snapshot()).rejects.toThrow('the controller is stopped');
  });

  it('shows life as long as the main thread turns', async () => {
    const { controller } = control();
    await controller.start();
    const before = Atomics.load(controller.memory.orders, Order.heartbeat);
    await vi.waitFor(
      () => expect(Atomics.load(controller.memory.orders, Order.heartbeat)).toBeGreaterThan(before + 3),
      LIVENESS,
    );
  });

  it('lets the control thread know that it hangs', async () => {
    const { controller, onStall } = control({ heartbeatTimeoutNs: 0.2 * SECOND_NS });
    const reasons: number[] = [];
    controller.onDecision((record) => reasons.push(record[DecisionField.reason]));
    await controller.start();
    controller.arm();
    await vi.waitFor(() => expect(reasons.length).toBeGreaterThan(10), LIVENESS);
    // Nothing on the main thread runs meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    const command = poisoned();
    expect(controller.commands.read(command)).toBe(true);
    expect(command.vx).toBe(0);
    await vi.waitFor(() => {
      expect(reasons).toContain(Reason.heartbeatLost);
      expect(reasons[reasons.length - 1]).toBe(Reason.none);
    }, LIVENESS);
    // It was the main thread that hung, not the one it watches.
    expect(onStall).not.toHaveBeenCalled();
  });

  it('says why the control thread could not be built', async () => {
    const { controller, onStall } = control({ throwAtStart: true });
    await expect(controller.start()).rejects.toThrow('the loop cannot be built');
    expect(onStall).toHaveBeenCalledTimes(1);
    expect(controller.state).toBe('dead');
  });
});

describe('a control thread that blocks', () => {
  it('leads to zero velocity from the main thread until it lives again', async () => {
    const { controller, onStall, onRecovery } = control(
      { blockAtCycle: 20, blockMs: 1000 },
      { watchdogTimeoutNs: 0.1 * SECOND_NS },
    );
    await controller.start();
    controller.arm();
    await vi.waitFor(() => expect(onStall).toHaveBeenCalled(), LIVENESS);
    expect(onStall.mock.calls[0][0]).toBe('stalled');
    expect(controller.state).toBe('stalled');
    const command = poisoned();
    expect(controller.commands.read(command)).toBe(true);
    expect(command).toMatchObject({ vx: 0, vy: 0, yawRate: 0 });
    await vi.waitFor(() => expect(onRecovery).toHaveBeenCalled(), LIVENESS);
    await vi.waitFor(() => {
      expect(controller.state).toBe('running');
      controller.commands.read(command);
      expect(command.vx).toBeGreaterThan(20);
    }, LIVENESS);
  });

  it('and does not stop when asked is ended by force, after zero velocity', async () => {
    const { controller, onStall } = control({ blockAtCycle: 5 });
    await controller.start();
    await vi.waitFor(() => expect(controller.cycles).toBe(5), LIVENESS);
    expect(await controller.stop({ boundMs: 100 })).toEqual({ orderly: false, snapshot: null });
    expect(onStall.mock.calls.map((call) => call[0])).toEqual(['unstoppable']);
    const command = poisoned();
    expect(controller.commands.read(command)).toBe(true);
    expect(command.vx).toBe(0);
  });
});

describe('a control thread whose cycle throws', () => {
  it('latches, keeps living, and sends nothing but zero velocity', async () => {
    const { controller, onStall, onLatch } = control({ throwAtCycle: 20 });
    await controller.start();
    controller.arm();
    await vi.waitFor(() => expect(onLatch).toHaveBeenCalledTimes(1), LIVENESS);
    expect(onLatch.mock.calls[0][0]).toBe('the cycle failed');
    expect(controller.state).toBe('latched');
    const command = poisoned();
    controller.commands.read(command);
    for (let reads = 0; reads < 5; ) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (!controller.commands.read(command)) continue;
      reads++;
      expect(command).toMatchObject({ vx: 0, vy: 0, yawRate: 0 });
      expect(command.cycle).toBeGreaterThan(20);
    }
    await expect(controller.snapshot()).rejects.toThrow('the cycle failed');
    expect(await controller.stop()).toEqual({ orderly: true, snapshot: null });
    expect(onStall).not.toHaveBeenCalled();
  });
});

describe('a control thread that dies', () => {
  it('leads to zero velocity at once, without waiting for the watchdog', async () => {
    const { controller, onStall } = control({ exitAtCycle: 20 });
    await controller.start();
    controller.arm();
    await vi.waitFor(() => expect(onStall).toHaveBeenCalledTimes(1), LIVENESS);
    expect(onStall.mock.calls[0]).toEqual(['died', 'the control thread ended with code 3']);
    const command = poisoned();
    expect(controller.commands.read(command)).toBe(true);
    expect(command.vx).toBe(0);
    expect((await controller.stop()).orderly).toBe(false);
    // The last command in the slot was to drive; nobody gets to see it, new or not.
    const later = poisoned();
    controller.commands.read(later);
    expect(later.vx).toBe(0);
  });
});

describe('the control thread with its own cycle', () => {
  it('is found, stands while disarmed, gives its state, and stops', async () => {
    const parameters = defaultParameters();
    const { controller, onStall } = control(
      {},
      { loopModule: locateWorker().loop, sizes: layoutSizesOf(parameters), parameters },
    );
    await controller.start();
    await vi.waitFor(() => expect(controller.cycles).toBeGreaterThan(5), LIVENESS);
    const command = poisoned();
    expect(controller.commands.read(command)).toBe(true);
    expect(command).toMatchObject({ vx: 0, vy: 0, yawRate: 0, reason: Reason.disarmed });
    const { orderly, snapshot } = await controller.stop({ snapshot: true, boundMs: 20_000 });
    expect(orderly).toBe(true);
    expect(snapshot?.length).toBe(layoutSizesOf(parameters).snapshotBytes);
    expect(controller.commands.read(command)).toBe(true);
    expect(command).toMatchObject({ vx: 0, vy: 0, yawRate: 0, reason: Reason.stopping });
    expect(onStall).not.toHaveBeenCalled();
  });
});
