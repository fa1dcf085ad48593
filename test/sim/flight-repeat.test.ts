import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { jackal, noFaults, SimPort, scenarioOf } from '../../sim/index.js';
import { runClockOf } from '../../src/cli/beside-run.js';
import { splitSnapshot } from '../../src/cli/checkpointing.js';
import { FlightRepeat } from '../../src/cli/flight-repeat.js';
import { Prng } from '../../src/core/prng.js';
import { layoutSizesOf, scheduleOptionsOf, snapshotShapeOf } from '../../src/loop/configuration.js';
import { ControlLoop } from '../../src/loop/control-loop.js';
import { Controller } from '../../src/loop/controller.js';
import {
  ControlMemory,
  DECISION_DOUBLES,
  DecisionField,
  Driver,
  OdometryField,
  Order,
  OrderBit,
  planControlLayout,
  RangesField,
} from '../../src/memory/layout.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import type { ParameterValues } from '../../src/parameters/schema.js';
import { POLICY_NAMES } from '../../src/policy/create-policy.js';
import { Input, ValidatingSink } from '../../src/sense/validating-sink.js';
import { FlightLog } from '../../src/telemetry/flight-log/flight-log.js';
import { DECISION_TOPIC, decisionIn } from '../../src/telemetry/flight-log/log-decisions.js';
import { FlightLogReader } from '../../src/telemetry/flight-log/log-reader.js';
import { logHeadlessRun, logOf } from '../support/flight-recorder.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-repeat-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;
const freshFolder = () => join(folder, String(runs++));

const faults = { ...noFaults, laserNoise: 0.02, packetLoss: 0.05, sensorLatencyMaxS: 0.03 };

describe('repeating a run on the virtual clock', () => {
  it.each([...POLICY_NAMES, 'fallback'])('finds every decision the same, policy %s', async (policy) => {
    const parameters = loadParameters([], { policy, random_seed: 7, controller_frequency: 30 });
    const path = await logHeadlessRun(freshFolder(), { parameters, faults, episodes: 2, scenario: 'moving' });
    const log = new FlightLogReader(path);
    const repeat = new FlightRepeat(log);
    const end = repeat.run();
    log.close();
    expect(end).toEqual({ state: 'same', difference: null, detail: '' });
    expect(log.notes).toEqual([]);
    expect(repeat.repeated).toBe(log.counts.get('/rfsn/decision'));
    expect(repeat.repeated).toBeGreaterThan(60);
  });
});

describe('repeating a run of a control thread', () => {
  let controller: Controller | null = null;
  afterEach(async () => {
    await controller?.stop();
    controller = null;
  });

  /** Every decision of a log. */
  const recordsIn = (log: FlightLogReader) =>
    [...log.messages({ topics: [DECISION_TOPIC] })].map((message) => decisionIn(message).record);

  it('finds every decision the same, with faults, orders, tunings, a restore, rewards from outside and steps', async () => {
    const parameters = loadParameters([], {
      controller_frequency: 100,
      random_seed: 11,
      epsilon: 0.2,
      'reward.source': 'feedback',
    });
    const live = new Controller({
      sizes: layoutSizesOf(parameters),
      schedule: { ...scheduleOptionsOf(parameters), spinMarginNs: 0 },
      parameters,
      extras: {},
      watchdogTimeoutNs: 30e9,
      heartbeatTimeoutNs: 30e9,
      onStall: () => undefined,
    });
    controller = live;
    const clock = runClockOf(live.clock);
    const log = await logOf(freshFolder(), live, { parameters, clock });
    let decisions = 0;
    live.onDecision((record) => {
      decisions++;
      // Some decisions are paid, and some of those late.
      if (decisions % 3 === 0) {
        live.observations.feedback(Math.max(0, record[DecisionField.cycle] - (decisions % 7)), 0.5, 0);
      }
    });
    const port = new SimPort({
      scenario: scenarioOf('clutter'),
      robot: jackal,
      seed: 4,
      faults,
      clock: live.clock,
      episodes: null,
    });
    const passed = async (more: number) => {
      for (const until = decisions + more; decisions < until; ) await sleep(5);
    };
    await live.start();
    await port.start(live.observations, live.commands);
    await passed(10);
    live.arm();
    await passed(60);
    live.tune('robot.max_speed', 0.3);
    live.tune('epsilon', 0.4);
    await passed(20);
    const learned = splitSnapshot(await live.snapshot(), snapshotShapeOf(parameters).policyBytes);
    live.freeze(true);
    await passed(20);
    live.freeze(false);
    live.disarm();
    await passed(10);
    live.arm();
    await live.restore(learned);
    live.explain(true);
    await passed(40);
    live.explain(false);
    // A time of its own, with silence in it, then the clock's again.
    await port.stop();
    live.lockstep(true);
    let atNs = live.clock.nowNs();
    for (let step = 0; step < 30; step++) {
      atNs += 1.7e7;
      live.observations.odometry(atNs - 1e6, atNs - 5e5, 0.001 * step, 0, 0, 0.1, 0, 0);
      live.awaitAnswer(live.step(atNs), 5000);
      if (step === 15) await sleep(400);
    }
    live.lockstep(false);
    await passed(10);
    await live.stop();
    controller = null;
    const { file } = log;
    await log.close();

    const read = new FlightLogReader(file);
    const records = recordsIn(read);
    const has = (what: (record: Float64Array) => boolean) => records.some(what);
    expect(has((r) => r[DecisionField.stretch] > 0 && r[DecisionField.silenceNs] > 0)).toBe(true);
    expect(has((r) => (r[DecisionField.orders] & OrderBit.frozen) !== 0)).toBe(true);
    expect(has((r) => r[DecisionField.reason] === Reason.disarmed)).toBe(true);
    expect(has((r) => r[DecisionField.tunings] === 2)).toBe(true);
    expect(has((r) => r[DecisionField.restores] === 1)).toBe(true);
    expect(has((r) => r[DecisionField.feedbackTaken] > 10)).toBe(true);
    expect(has((r) => r[DecisionField.driver] === Driver.policy)).toBe(true);
    expect(has((r) => r[DecisionField.rewardCount] > 0)).toBe(true);

    const repeat = new FlightRepeat(read);
    const end = repeat.run();
    read.close();
    expect(end).toEqual({ state: 'same', difference: null, detail: '' });
    expect(repeat.repeated).toBe(records.length);
    expect(read.notes).toEqual([]);
  });
});

/** A loop whose times a test says, with what a run can be listened to by. */
class TimedLoop {
  readonly memory: ControlMemory;
  readonly loop: ControlLoop;
  readonly sink: ValidatingSink;
  readonly clock = {
    startNs: 0,
    computeNs: 0,
    reads: 0,
    nowNs(): number {
      return this.reads++ % 2 === 0 ? this.startNs : this.startNs + this.computeNs;
    },
  };
  readonly #record = new Float64Array(DECISION_DOUBLES);

  constructor(
    parameters: ParameterValues,
    readonly log: FlightLog,
  ) {
    this.memory = new ControlMemory(planControlLayout(layoutSizesOf(parameters)));
    this.sink = new ValidatingSink(this.memory, (input, doubles, beams) => log.reading(input, doubles, beams));
    this.loop = new ControlLoop(this.memory, parameters, this.clock);
  }

  run(scheduledNs: number, latenessNs: number, computeNs: number): Float64Array {
    this.clock.startNs = scheduledNs + latenessNs;
    this.clock.computeNs = computeNs;
    this.clock.reads = 0;
    this.loop.run(scheduledNs);
    this.memory.decisions.read(this.#record);
    this.log.decision(this.#record);
    return this.#record;
  }
}

describe('repeating what a clock makes hard', () => {
  it('finds missed deadlines, the breaker, a lost heartbeat and rewards that a ring dropped the same', async () => {
    const parameters = loadParameters([], {
      controller_frequency: 50,
      random_seed: 3,
      'reward.source': 'feedback',
      breaker_open_misses: 3,
      breaker_close_cycles: 4,
    });
    const log = await FlightLog.open(freshFolder(), {
      what: 'test',
      clock: { nowNs: () => 0, unixNs: (ns) => BigInt(Math.round(ns)) },
      library: 'test',
      policy: parameters.policy,
      metadata: { parameters: JSON.stringify(parameters) },
      learned: null,
      tell: () => undefined,
    });
    const timed = new TimedLoop(parameters, log);
    const { memory, sink } = timed;
    const random = Prng.seeded(9);
    const periodNs = 2e7;
    const ranges = new Float32Array(90).fill(4);
    let beat = 0;
    const seen = { misses: 0, breaker: 0, heartbeatLost: 0, dropped: 0, paid: 0 };
    Atomics.store(memory.orders, Order.armed, 1);
    for (let cycle = 0; cycle < 600; cycle++) {
      const atNs = cycle * periodNs;
      if (cycle % 2 === 0) sink.odometry(atNs, atNs, 0.01 * cycle, 0.001 * cycle, 0.002 * cycle, 0.4, 0, 0.1);
      if (cycle % 5 === 0) {
        sink.ranges(atNs, atNs, {
          count: 90,
          ranges,
          angleMin: -2,
          angleIncrement: 4 / 89,
          rangeMin: 0.1,
          rangeMax: 10,
          mountX: 0,
          mountY: 0,
          mountYaw: 0,
        });
      }
      if (cycle % 200 === 3) sink.goal(atNs, atNs, 20, 3, 0.3);
      if (cycle % 200 === 190) sink.cancelGoal(atNs, atNs);
      if (cycle === 300) sink.contacts(atNs, atNs, 1, 0, 0, 0);
      if (cycle === 303) sink.contacts(atNs, atNs, 0, 0, 0, 0);
      if (cycle === 400) sink.newFrame();
      if (cycle > 10) sink.feedback(cycle - 3, random.nextFloat(), atNs);
      // More than the ring holds, and far more than a cycle takes.
      if (cycle === 250) for (let i = 0; i < 1500; i++) sink.feedback(i % 250, 0.1, atNs);
      if (cycle < 420 || cycle > 520) Atomics.store(memory.orders, Order.heartbeat, ++beat);
      Atomics.store(memory.orders, Order.freeze, cycle > 350 && cycle < 370 ? 1 : 0);
      if (cycle === 100 || cycle === 130) {
        memory.tuning.set([0.3, 1, cycle / 500]);
        Atomics.add(memory.orders, Order.tuneRequest, 1);
      }
      const late = random.nextFloat() < 0.3 || (cycle > 150 && cycle < 160);
      const record = timed.run(atNs, late ? 12_345_678 : 1234, random.nextFloat() < 0.1 ? 15e6 : 321);
      if (record[DecisionField.miss] !== 0) seen.misses++;
      if (record[DecisionField.reason] === Reason.breakerOpen) seen.breaker++;
      if (record[DecisionField.reason] === Reason.heartbeatLost) seen.heartbeatLost++;
      if (record[DecisionField.rewardCount] > 0) seen.paid++;
      seen.dropped = record[DecisionField.feedbackDropped];
    }
    const { file } = log;
    await log.close();
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);

    const read = new FlightLogReader(file);
    const repeat = new FlightRepeat(read);
    expect(repeat.run()).toEqual({ state: 'same', difference: null, detail: '' });
    expect(repeat.repeated).toBe(600);
    read.close();
  });
});

describe('a log that is not what happened', () => {
  const parameters = loadParameters([], { policy: 'linucb', random_seed: 7, controller_frequency: 30, arms: 'tied' });
  /** How the repetition ends of a run whose records are changed on their way into the log. */
  const endOf = async (onWay: (record: Float64Array, input: number | 'decision') => boolean) => {
    const log = new FlightLogReader(
      await logHeadlessRun(freshFolder(), { parameters, faults: noFaults, episodes: 1, onWay }),
    );
    const repeat = new FlightRepeat(log);
    const end = repeat.run();
    log.close();
    return { ...end, repeated: repeat.repeated };
  };

  it('is found out at the cycle and in the field that differ, by the last bit', async () => {
    const bits = new Float64Array(1);
    const end = await endOf((record, input) => {
      if (input !== 'decision' || record[DecisionField.cycle] !== 40) return true;
      bits[0] = record[DecisionField.raw + 14];
      new BigUint64Array(bits.buffer)[0] ^= 1n;
      record[DecisionField.raw + 14] = bits[0];
      return true;
    });
    expect(end).toMatchObject({
      state: 'different',
      repeated: 40,
      difference: { cycle: 40, field: 'raw[14] goal_distance' },
    });
    expect(end.difference?.recorded).toBe(bits[0]);
    expect(end.difference?.repeated).not.toBe(bits[0]);
  });

  it('is found out where a reading is another', async () => {
    const end = await endOf((record, input) => {
      if (input === Input.odometry && record[OdometryField.sequence] === 30) record[OdometryField.vx] += 1e-9;
      return true;
    });
    expect(end).toMatchObject({ state: 'different', difference: { field: 'raw[2] velocity_x' } });
    expect(end.repeated).toBe(end.difference?.cycle);
  });

  it('is repeated up to where decisions or readings are missing, and says which', async () => {
    const lost = await endOf((record, input) => input !== 'decision' || Math.abs(record[DecisionField.cycle] - 51) > 1);
    expect(lost).toMatchObject({ state: 'gap', repeated: 50, detail: 'cycles 50 to 52 are not in the log' });
    const begun = await endOf((record, input) => input !== 'decision' || record[DecisionField.cycle] >= 5);
    expect(begun.state).toBe('gap');
    expect(begun.detail).toContain('the log begins at cycle 5');
    const blind = await endOf((record, input) => input !== Input.ranges || record[RangesField.sequence] !== 20);
    expect(blind.state).toBe('gap');
    expect(blind.detail).toMatch(/^the log lacks scan 20, on which cycle \d+ rests$/);
  });
});

describe('a run that began with something learned', () => {
  it('is repeated with what is attached, and found different without', async () => {
    const parameters = loadParameters([], { random_seed: 2, controller_frequency: 30 });
    const first = new FlightLogReader(
      await logHeadlessRun(freshFolder(), { parameters, faults: noFaults, episodes: 1 }),
    );
    const before = new FlightRepeat(first);
    expect(before.run().state).toBe('same');
    first.close();
    const learned = { policy: before.loop.policy.exportState(), scaler: before.loop.exportScaler() };
    const path = await logHeadlessRun(freshFolder(), { parameters, faults: noFaults, episodes: 1, learned });
    const log = new FlightLogReader(path);
    expect(new FlightRepeat(log).run().state).toBe('same');
    expect(new FlightRepeat(log, { learned: null }).run().state).toBe('different');
    expect(new FlightRepeat(log, { learned }).run().state).toBe('same');
    log.close();
  });
});
