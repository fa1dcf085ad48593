/** Taps of a real control thread: readings before the decisions that rest on them, explanations after theirs. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { layoutSizesOf, periodNsOf } from '../../src/loop/configuration.js';
import { Controller } from '../../src/loop/controller.js';
import {
  ACTION_COUNT,
  DecisionField,
  Driver,
  EXPLAINED,
  ExplanationField,
  OdometryField,
  Order,
} from '../../src/memory/layout.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { Input } from '../../src/sense/validating-sink.js';

const LIVENESS = { timeout: 20_000, interval: 5 };

let controller: Controller | null = null;
let feeding: NodeJS.Timeout | null = null;
afterEach(async () => {
  if (feeding !== null) clearInterval(feeding);
  feeding = null;
  await controller?.stop();
  controller = null;
});

/** A controller that drives toward a goal in the open. */
async function driving(): Promise<Controller> {
  const parameters = loadParameters([], {
    controller_frequency: 100,
    decision_ring_records: 4096,
    // On a busy machine cycles come late; the policy is to drive all the same.
    breaker_open_misses: 1000,
  });
  const made = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: { periodNs: periodNsOf(parameters), trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 },
    parameters,
    extras: {},
    watchdogTimeoutNs: 1000e9,
    heartbeatTimeoutNs: 1000e9,
    onStall: () => undefined,
  });
  controller = made;
  const scan = {
    angleMin: -Math.PI,
    angleIncrement: Math.PI / 60,
    rangeMin: 0.1,
    rangeMax: 10,
    count: 120,
    ranges: new Float32Array(120).fill(8),
    mountX: 0,
    mountY: 0,
    mountYaw: 0,
  };
  const feed = () => {
    const nowNs = made.clock.nowNs();
    made.observations.odometry(nowNs, nowNs, nowNs * 5e-10, 0, 0, 0.5, 0, 0);
    made.observations.ranges(nowNs, nowNs, scan);
  };
  made.observations.goal(1, made.clock.nowNs(), 500, 3, 0.3);
  await made.start();
  feed();
  feeding = setInterval(feed, 4);
  made.arm();
  return made;
}

describe('a control thread that is asked to explain', () => {
  it('gives an explanation after each decision of its policy, and stops when the last who asked is done', async () => {
    const made = await driving();
    const values = new Map<number, number[]>();
    let explained = 0;
    let unpaired = 0;
    let apart = 0;
    made.onDecision((record) => {
      if (record[DecisionField.driver] !== Driver.policy) return;
      values.set(record[DecisionField.cycle], [
        ...record.subarray(DecisionField.values, DecisionField.values + ACTION_COUNT),
      ]);
    });
    const end = made.onExplanation((record) => {
      explained++;
      const own = values.get(record[ExplanationField.cycle]);
      if (own === undefined) unpaired++;
      for (let a = 0; a < ACTION_COUNT && own !== undefined; a++) {
        let sum = 0;
        for (let f = 0; f < EXPLAINED; f++) sum += record[ExplanationField.contributions + a * EXPLAINED + f];
        apart = Math.max(apart, Math.abs(sum - own[a]));
      }
    });
    await vi.waitFor(() => expect(values.size).toBeGreaterThan(20), LIVENESS);
    expect(explained).toBe(0);
    made.explain(true);
    made.explain(true);
    await vi.waitFor(() => expect(explained).toBeGreaterThan(100), LIVENESS);
    made.explain(false);
    const before = explained;
    await vi.waitFor(() => expect(explained).toBeGreaterThan(before + 50), LIVENESS);
    made.explain(false);
    expect(Atomics.load(made.memory.orders, Order.explain)).toBe(0);
    // Once too often asks nobody else's away.
    made.explain(false);
    made.explain(true);
    expect(Atomics.load(made.memory.orders, Order.explain)).toBe(1);
    end();
    await made.stop();
    expect(made.memory.explanations.droppedCount).toBe(0);
    expect([unpaired, made.fault]).toEqual([0, '']);
    expect(apart).toBeLessThan(1e-9);
  });

  it('shows readings before the decisions that rest on them', async () => {
    const sequences: number[] = [];
    let shown = 0;
    let early = 0;
    const made = await driving();
    const end = made.onReading((input, doubles) => {
      if (input === Input.odometry) shown = doubles[OdometryField.sequence];
    });
    await vi.waitFor(() => expect(shown).toBeGreaterThan(0), LIVENESS);
    made.onDecision((record) => {
      sequences.push(record[DecisionField.odometrySequence]);
      if (record[DecisionField.odometrySequence] > shown) early++;
    });
    await vi.waitFor(() => expect(sequences.length).toBeGreaterThan(200), LIVENESS);
    expect(early).toBe(0);
    end();
    const last = shown;
    await vi.waitFor(() => expect(sequences[sequences.length - 1]).toBeGreaterThan(last), LIVENESS);
    expect(shown).toBe(last);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });
});
