import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ControllerHost } from '../../src/cli/controller-host.js';
import { layoutSizesOf, scheduleOptionsOf } from '../../src/loop/configuration.js';
import { Controller, type ControllerOptions } from '../../src/loop/controller.js';
import { Order } from '../../src/memory/layout.js';
import { loadParameters } from '../../src/parameters/loader.js';
import type { CountingLoopParameters } from '../support/counting-loop.js';
import { MetricsRig, type RunPart } from '../support/metrics-rig.js';

const LIVENESS = { timeout: 20_000, interval: 5 };
const countingLoop = new URL('../support/counting-loop.ts', import.meta.url);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A controller with a thread of its own, and its metrics. */
function control(loop: CountingLoopParameters | null = {}, options: Partial<ControllerOptions> = {}) {
  const parameters = loadParameters([], { bits: 8, controller_frequency: 200 });
  const controller = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: scheduleOptionsOf(parameters),
    parameters: loop ?? parameters,
    watchdogTimeoutNs: 1000e9,
    heartbeatTimeoutNs: 100e9,
    onStall: () => undefined,
    ...(loop === null ? {} : { loopModule: countingLoop }),
    ...options,
  });
  const rig = new MetricsRig();
  ends.push(
    () => rig.metrics.close(),
    () => controller.stop(),
  );
  const part = {
    taps: controller,
    clock: controller.clock,
    control: { parameters },
    host: { controller, checkpointing: null, updates: 0 } as unknown as ControllerHost,
  };
  rig.follow(part as unknown as RunPart);
  return { controller, rig, live: () => rig.metrics.live(), ready: () => rig.metrics.ready() };
}

describe('metrics of a control thread at work', () => {
  it('agree with its own statistics', async () => {
    const { controller, rig } = control(null);
    await controller.start();
    await vi.waitFor(() => expect(controller.cycles).toBeGreaterThan(40), LIVENESS);
    await controller.stop();
    const scraped = await rig.scrape();
    const { statistics } = controller;
    expect(scraped.robot('rfsn_cycles_total')).toBe(controller.cycles);
    for (const name of ['lateness', 'compute', 'period'] as const) {
      expect(scraped.robot(`rfsn_cycle_${name}_seconds_count`)).toBe(statistics[name].count);
      expect(scraped.robot(`rfsn_cycle_${name}_seconds_sum`)).toBe(statistics[name].sum / 1e9);
    }
    expect(scraped.robot('rfsn_cycle_longest_lateness_seconds')).toBe(statistics.lateness.max / 1e9);
    // The last command is the zero of the end.
    expect(scraped.robot('rfsn_commands_total')).toBe(controller.cycles + 1);
    expect(scraped.robot('rfsn_decisions_total', { driver: 'stop' })).toBe(controller.cycles);
    expect(scraped.robot('rfsn_controller_state', { state: 'stopped' })).toBe(1);
  });

  it('show its own heap, and the collections that its garbage brings about', async () => {
    const { controller, rig } = control({ garbageBytes: 200_000 });
    expect((await rig.scrape()).samples('rfsn_control_heap_used_bytes')).toBe(0);
    await controller.start();
    const first = await vi.waitFor(async () => {
      const scraped = await rig.scrape();
      expect(scraped.samples('rfsn_control_heap_used_bytes')).toBe(1);
      return scraped;
    }, LIVENESS);
    const used = first.robot('rfsn_control_heap_used_bytes');
    expect(used).toBeGreaterThan(1e6);
    expect(first.robot('rfsn_control_heap_total_bytes')).toBeGreaterThanOrEqual(used);
    const collected = await vi.waitFor(async () => {
      const scraped = await rig.scrape();
      expect(scraped.robot('rfsn_control_gc_pauses_total', { kind: 'minor' })).toBeGreaterThan(2);
      return scraped;
    }, LIVENESS);
    const pauseS = collected.robot('rfsn_control_gc_pause_seconds_total', { kind: 'minor' });
    expect(pauseS).toBeGreaterThan(0);
    expect(collected.robot('rfsn_control_gc_longest_pause_seconds')).toBeGreaterThan(0);
    expect(collected.robot('rfsn_control_gc_pauses_total', { kind: 'major' })).toBeGreaterThanOrEqual(0);
  });

  it('ask the thread once a second at the most, however many scrape', async () => {
    const { controller, rig } = control();
    await controller.start();
    await Promise.all(Array.from({ length: 20 }, () => rig.scrape()));
    const asked = Atomics.load(controller.memory.orders, Order.vitalsRequest);
    await rig.scrape();
    expect(asked).toBe(1);
    // The second may have passed on a machine that is busy; twenty have not.
    expect(Atomics.load(controller.memory.orders, Order.vitalsRequest)).toBeLessThan(5);
  });

  it('are there while the thread hangs, and count that it did not answer', async () => {
    const { controller, rig, live, ready } = control({ blockAtCycle: 20, blockMs: 3000 }, { watchdogTimeoutNs: 0.1e9 });
    await controller.start();
    expect(live()).toEqual({ ok: true, detail: 'alive' });
    await vi.waitFor(() => expect(controller.state).toBe('stalled'), LIVENESS);
    expect(live()).toEqual({ ok: false, detail: 'r1: the control thread’s cycle counter stands still' });
    expect(ready().ok).toBe(false);
    const scraped = await rig.scrape();
    expect(scraped.robot('rfsn_controller_state', { state: 'stalled' })).toBe(1);
    expect(scraped.robot('rfsn_ready')).toBe(0);
    await vi.waitFor(() => expect(live().ok).toBe(true), LIVENESS);
    await vi.waitFor(async () => {
      expect((await rig.scrape()).robot('rfsn_control_unanswered_total')).toBeGreaterThan(0);
    }, LIVENESS);
  });

  it('say that a thread which died lives no more', async () => {
    const { controller, rig, live } = control({ exitAtCycle: 20 });
    await controller.start();
    await vi.waitFor(() => expect(live()).toEqual({ ok: false, detail: 'r1: the control thread is dead' }), LIVENESS);
    expect((await rig.scrape()).robot('rfsn_controller_state', { state: 'dead' })).toBe(1);
  });

  it('say that a thread which refuses to drive lives, and is not ready', async () => {
    const { controller, live, ready } = control({ throwAtCycle: 5 });
    await controller.start();
    await vi.waitFor(() => expect(controller.state).toBe('latched'), LIVENESS);
    expect(live().ok).toBe(true);
    expect(ready().detail).toMatch(/^r1: the controller is latched/);
  });
});
