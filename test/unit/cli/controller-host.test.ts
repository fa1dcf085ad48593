import { afterEach, describe, expect, it } from 'vitest';
import { NO_PROGRESS } from '../../../src/cli/checkpointing.js';
import { ControllerHost } from '../../../src/cli/controller-host.js';
import { Order } from '../../../src/memory/layout.js';
import { loadParameters } from '../../../src/parameters/loader.js';

let host: ControllerHost | null = null;
const told: string[] = [];
const warned: string[] = [];
afterEach(async () => {
  await host?.stop();
  host = null;
  told.length = 0;
  warned.length = 0;
});

function hosted(): ControllerHost {
  host = new ControllerHost({
    control: { parameters: loadParameters([], { deadline_fraction: 1 }), rewardProgram: null, notes: [] },
    ...{ frozen: false, learned: null, checkpointing: null },
    progress: () => NO_PROGRESS,
    tell: (text) => told.push(text),
    warn: (text) => warned.push(text),
    onFault: () => undefined,
  });
  return host;
}

describe('a robot that is to rest while its controller goes on', () => {
  it('rests once a cycle that knows of it has commanded zero, and may be armed again', async () => {
    const host = hosted();
    await host.start();
    host.arm();
    expect(host.armed).toBe(true);
    const { cycles } = host.controller;
    expect(await host.rest(30_000)).toBe(true);
    expect(host.armed).toBe(false);
    expect(host.controller.cycles).toBeGreaterThanOrEqual(cycles + 2);
    expect(host.controller.state).toBe('running');
    host.arm();
    expect(host.armed).toBe(true);
  });

  it('is disarmed and not waited for where no control thread runs', async () => {
    const host = hosted();
    host.arm();
    expect(await host.rest(30_000)).toBe(false);
    expect(host.armed).toBe(false);
    await host.start();
  });
});

describe('what a host tells', () => {
  it('warns of a control thread that makes no more cycles', async () => {
    const host = hosted();
    await host.start();
    // The word that the thread ends by, without a stop that was asked for of this side.
    Atomics.store(host.controller.memory.orders, Order.stop, 1);
    Atomics.add(host.controller.memory.orders, Order.rouse, 1);
    Atomics.notify(host.controller.memory.orders, Order.rouse);
    while (warned.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(warned[0]).toMatch(/control thread has begun no cycle for/);
    expect(told).toEqual([]);
  });
});
