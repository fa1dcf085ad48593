import { afterEach, describe, expect, it, vi } from 'vitest';
import { Controller } from '../../src/loop/controller.js';
import { STATISTICS_BYTES } from '../../src/loop/statistics.js';
import { GC_KINDS, GcKind, Order, Progress, VitalsField } from '../../src/memory/layout.js';
import type { CountingLoopParameters } from '../support/counting-loop.js';

const LIVENESS = { timeout: 20_000, interval: 5 };
const loopModule = new URL('../support/counting-loop.ts', import.meta.url);

const controllers: Controller[] = [];
afterEach(async () => {
  for (const controller of controllers.splice(0)) await controller.stop();
});

function control(parameters: CountingLoopParameters = {}): Controller {
  const controller = new Controller({
    sizes: {
      maxBeams: 8,
      decisionRecords: 64,
      policyBytes: 0,
      scalerBytes: 0,
      snapshotBytes: 64,
      statisticsBytes: STATISTICS_BYTES,
    },
    schedule: { periodNs: 2e6, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 },
    parameters,
    watchdogTimeoutNs: 1000e9,
    heartbeatTimeoutNs: 0.1e9,
    onStall: vi.fn(),
    loopModule,
  });
  controllers.push(controller);
  return controller;
}

function collections(vitals: Float64Array): number {
  return GC_KINDS.reduce((sum, _, kind) => sum + vitals[VitalsField.gcCount + kind], 0);
}

describe('the vitals of the control thread', () => {
  it('are told when asked for, and not before', async () => {
    const controller = control();
    await controller.start();
    await vi.waitFor(() => expect(controller.cycles).toBeGreaterThan(5), LIVENESS);
    expect([...controller.memory.vitals].every((value) => value === 0)).toBe(true);
    expect(Atomics.load(controller.memory.progress, Progress.vitalsDone)).toBe(0);
    const vitals = await controller.vitals(20_000);
    expect(vitals[VitalsField.heapUsedBytes]).toBeGreaterThan(1e6);
    expect(vitals[VitalsField.heapTotalBytes]).toBeGreaterThanOrEqual(vitals[VitalsField.heapUsedBytes]);
    expect(vitals[VitalsField.heapLimitBytes]).toBeGreaterThan(vitals[VitalsField.heapTotalBytes]);
    expect(collections(vitals)).toBe(0);
    // The array is the caller's own.
    vitals.fill(-1);
    expect(controller.memory.vitals[VitalsField.heapUsedBytes]).toBeGreaterThan(0);
  });

  it('answer all who ask at once by one request', async () => {
    const controller = control();
    await controller.start();
    const answers = await Promise.all([
      controller.vitals(20_000),
      controller.vitals(20_000),
      controller.vitals(20_000),
    ]);
    expect(Atomics.load(controller.memory.orders, Order.vitalsRequest)).toBe(1);
    expect(answers[0]).toEqual(answers[2]);
    await controller.vitals(20_000);
    expect(Atomics.load(controller.memory.orders, Order.vitalsRequest)).toBe(2);
  });

  it('count the collections of a cycle that leaves garbage, with their pauses, and never fall', async () => {
    const controller = control({ garbageBytes: 100_000 });
    await controller.start();
    let before = await controller.vitals(20_000);
    for (let i = 0; i < 3; i++) {
      const seen = controller.cycles;
      // A hundred cycles leave 10 MB: more than the youngest generation takes.
      await vi.waitFor(() => expect(controller.cycles - seen).toBeGreaterThan(300), LIVENESS);
      const now = await controller.vitals(20_000);
      expect(now[VitalsField.gcCount + GcKind.minor]).toBeGreaterThan(before[VitalsField.gcCount + GcKind.minor]);
      expect(now[VitalsField.gcPauseNs + GcKind.minor]).toBeGreaterThan(before[VitalsField.gcPauseNs + GcKind.minor]);
      const longest = now[VitalsField.gcLongestNs];
      expect(longest).toBeGreaterThan(0);
      expect(longest).toBeLessThanOrEqual(
        GC_KINDS.reduce((sum, _, kind) => sum + now[VitalsField.gcPauseNs + kind], 0),
      );
      before = now;
    }
  });

  it('are refused by a controller that no longer runs', async () => {
    const controller = control();
    await controller.start();
    await controller.stop();
    await expect(controller.vitals()).rejects.toThrow('no vitals: the controller is stopped');
  });
});
