import { afterEach, describe, expect, it, vi } from 'vitest';
import { jackal, noFaults, SimPort, scenarioOf } from '../../sim/index.js';
import { layoutSizesOf } from '../../src/loop/configuration.js';
import { Controller } from '../../src/loop/controller.js';
import { Counter } from '../../src/loop/statistics.js';
import { DecisionField } from '../../src/memory/layout.js';
import { Rejection } from '../../src/memory/observation-sink.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { PENDING_COUNTS, PendingCount } from '../../src/policy/pending-rewards.js';

const LIVENESS = { timeout: 20_000, interval: 10 };
/** Rewards that the main thread writes in one go: more than the ring holds. */
const BURST = 3000;

let controller: Controller | null = null;
let port: SimPort | null = null;
afterEach(async () => {
  await controller?.stop();
  await port?.stop();
});

describe('feedback from a main thread that never rests', () => {
  it('is joined, told apart or counted as dropped, to the last reward, while the robot drives and learns', async () => {
    const parameters = loadParameters([], {
      controller_frequency: 100,
      deadline_fraction: 1,
      'reward.source': 'feedback',
    });
    const onStall = vi.fn();
    const onLatch = vi.fn();
    const live = new Controller({
      sizes: layoutSizesOf(parameters),
      schedule: { periodNs: 1e7, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 },
      parameters,
      extras: { policy: 'bandit' },
      // On a busy machine any thread may rest for a while.
      watchdogTimeoutNs: 1000e9,
      heartbeatTimeoutNs: 1000e9,
      onStall,
      onLatch,
    });
    controller = live;
    port = new SimPort({
      scenario: scenarioOf('clutter'),
      robot: jackal,
      seed: 4,
      faults: noFaults,
      clock: live.clock,
      episodes: null,
    });
    let sent = 0;
    const send = (id: number, reward: number) => {
      if (live.observations.feedback(id, reward, live.clock.nowNs()) === Rejection.accepted) sent++;
    };
    let decisions = 0;
    let silent = false;
    live.onDecision((record) => {
      decisions++;
      if (silent) return;
      const id = record[DecisionField.cycle];
      // Each decision, once too often, and with nonsense beside it.
      send(id, 0.5);
      send(id, 0.25);
      send(id + 1e9, 1);
      send(id, 1e14);
      send(id, Number.NaN);
      if (decisions % 50 === 0) for (let i = 0; i < BURST; i++) send(2e9 + i, 1);
    });
    await live.start();
    await port.start(live.observations, live.commands);
    live.arm();
    await vi.waitFor(() => expect(decisions).toBeGreaterThan(250), LIVENESS);
    silent = true;
    const { counters } = live.statistics;
    const count = (name: keyof typeof PendingCount) => counters[Counter.feedback + PendingCount[name]];
    const accounted = () =>
      count('joined') +
      count('ignored') +
      count('duplicate') +
      count('late') +
      count('unknown') +
      count('refused') +
      counters[Counter.feedbackDropped];
    // The ring holds 1024 of them, and a cycle takes in a few.
    await vi.waitFor(() => expect(accounted()).toBe(sent), LIVENESS);
    await live.stop();
    expect(accounted()).toBe(sent);
    expect(count('joined')).toBeGreaterThan(0);
    expect(count('joined') + count('ignored')).toBeGreaterThan(20);
    expect(counters[Counter.learned]).toBeGreaterThan(0);
    expect(counters[Counter.learned]).toBeLessThanOrEqual(count('joined'));
    expect(count('duplicate')).toBeGreaterThan(20);
    expect(count('unknown')).toBeGreaterThan(100);
    expect(count('refused')).toBeGreaterThan(20);
    expect(counters[Counter.feedbackDropped]).toBeGreaterThan(BURST);
    expect([onStall.mock.calls, onLatch.mock.calls]).toEqual([[], []]);
    expect(Object.keys(PendingCount)).toHaveLength(PENDING_COUNTS);
  });
});
