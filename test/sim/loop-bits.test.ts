import { afterEach, describe, expect, it } from 'vitest';
import { jackal, noFaults, SimPort, scenarioOf } from '../../sim/index.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import type { Clock } from '../../src/core/clock.js';
import { layoutSizesOf } from '../../src/loop/configuration.js';
import { ControlLoop } from '../../src/loop/control-loop.js';
import { Controller } from '../../src/loop/controller.js';
import { ControlMemory, DecisionField, Order, planControlLayout } from '../../src/memory/layout.js';
import type { ObservationSink, RangeScan } from '../../src/memory/observation-sink.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { ValidatingSink } from '../../src/sense/validating-sink.js';

type Call = { at: number; write: (sink: ObservationSink) => void };

/** Passes on what a port hands over and keeps it, input by input, to be handed over again. */
class TapSink implements ObservationSink {
  readonly odometryCalls: Call[] = [];
  readonly rangesCalls: Call[] = [];
  readonly contactCalls: Call[] = [];
  readonly goalCalls: Call[] = [];
  #newFrame = false;

  constructor(readonly sink: ObservationSink) {}

  odometry(...reading: Parameters<ObservationSink['odometry']>) {
    const jumped = this.#newFrame;
    this.#newFrame = false;
    this.odometryCalls.push({
      at: reading[0],
      write: (sink) => {
        if (jumped) sink.newFrame();
        sink.odometry(...reading);
      },
    });
    return this.sink.odometry(...reading);
  }

  ranges(stampNs: number, receivedNs: number, scan: RangeScan) {
    const copy = { ...scan, ranges: scan.ranges.slice() };
    this.rangesCalls.push({ at: stampNs, write: (sink) => sink.ranges(stampNs, receivedNs, copy) });
    return this.sink.ranges(stampNs, receivedNs, scan);
  }

  contacts(...reading: Parameters<ObservationSink['contacts']>) {
    this.contactCalls.push({ at: reading[0], write: (sink) => sink.contacts(...reading) });
    return this.sink.contacts(...reading);
  }

  goal(...goal: Parameters<ObservationSink['goal']>) {
    this.goalCalls.push({ at: this.goalCalls.length + 1, write: (sink) => sink.goal(...goal) });
    return this.sink.goal(...goal);
  }

  newFrame() {
    this.#newFrame = true;
    this.sink.newFrame();
  }

  cancelGoal(...stamps: [number, number]) {
    this.sink.cancelGoal(...stamps);
  }

  feedback(...feedback: Parameters<ObservationSink['feedback']>) {
    return this.sink.feedback(...feedback);
  }
}

/** Says the times that a recorded cycle read off its clock: at its start, and at its command. */
class ScriptedClock implements Clock {
  startNs = 0;
  commandNs = 0;
  #reads = 0;

  set(startNs: number, computeNs: number): void {
    this.startNs = startNs;
    this.commandNs = startNs + computeNs;
    this.#reads = 0;
  }

  nowNs(): number {
    return this.#reads++ === 0 ? this.startNs : this.commandNs;
  }
}

let controller: Controller | null = null;
afterEach(async () => {
  await controller?.stop();
  controller = null;
});

describe('one cycle on two clocks', () => {
  it('decides and learns the same bits in the control thread and on a virtual clock, from the same readings', async () => {
    const parameters = loadParameters([], { controller_frequency: 100, epsilon: 0.2, random_seed: 11 });
    const sizes = layoutSizesOf(parameters);
    const live = new Controller({
      sizes,
      schedule: { periodNs: 1e7, trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0 },
      parameters,
      extras: {},
      watchdogTimeoutNs: 10e9,
      heartbeatTimeoutNs: 10e9,
      onStall: () => undefined,
    });
    controller = live;
    const records: Float64Array[] = [];
    live.onDecision((record) => records.push(record.slice()));
    const tap = new TapSink(new ValidatingSink(live.memory));
    const port = new SimPort({
      scenario: scenarioOf('clutter'),
      robot: jackal,
      seed: 4,
      faults: noFaults,
      clock: live.clock,
      episodes: null,
    });
    // Armed before it starts, so that every cycle is.
    live.arm();
    await live.start();
    await port.start(tap, live.commands);
    while (records.length < 150) await new Promise((resolve) => setTimeout(resolve, 20));
    // What comes after is braked, because the stop disarms first.
    const armed = records.length;
    const { snapshot } = await live.stop({ snapshot: false });
    expect(snapshot).toBeNull();
    await port.stop();

    // The same cycle again, on what each cycle of the control thread had read when it began.
    const memory = new ControlMemory(planControlLayout(sizes));
    const sink = new ValidatingSink(memory);
    const clock = new ScriptedClock();
    const loop = new ControlLoop(memory, parameters, clock);
    Atomics.store(memory.orders, Order.armed, 1);
    const next = { odometry: 0, ranges: 0, contacts: 0, goals: 0 };
    const replay = (calls: readonly Call[], from: number, upTo: number): number => {
      let i = from;
      for (; i < calls.length && calls[i].at <= upTo; i++) calls[i].write(sink);
      return i;
    };
    const again = new Float64Array(memory.decisions.recordDoubles);
    let driven = 0;
    for (const record of records.slice(0, armed)) {
      next.odometry = replay(tap.odometryCalls, next.odometry, record[DecisionField.odometryStampNs]);
      next.ranges = replay(tap.rangesCalls, next.ranges, record[DecisionField.rangesStampNs]);
      next.contacts = replay(tap.contactCalls, next.contacts, record[DecisionField.odometryStampNs]);
      next.goals = replay(tap.goalCalls, next.goals, record[DecisionField.goalCount]);
      const startNs = record[DecisionField.scheduledNs] + record[DecisionField.latenessNs];
      clock.set(startNs, record[DecisionField.computeNs]);
      Atomics.add(memory.orders, Order.heartbeat, 1);
      loop.run(record[DecisionField.scheduledNs]);
      expect(memory.decisions.read(again)).toBe(true);
      expect(Buffer.from(again.buffer).equals(Buffer.from(record.buffer)), firstDifference(again, record)).toBe(true);
      if (record[DecisionField.reward] !== 0 && !Number.isNaN(record[DecisionField.reward])) driven++;
    }
    expect(driven).toBeGreaterThan(30);
  });
});

function firstDifference(a: Float64Array, b: Float64Array): string {
  for (let i = 0; i < a.length; i++) {
    if (!Object.is(a[i], b[i])) return `cycle ${b[DecisionField.cycle]}: double ${i} is ${a[i]} and was ${b[i]}`;
  }
  return 'a NaN has other bits';
}

describe('episodes on the virtual clock', () => {
  const options = (learned: { policy: Uint8Array; scaler: Uint8Array } | null, faults: boolean) => ({
    parameters: loadParameters([], { controller_frequency: 30, 'safety.reaction_time_s': 0.07 }),
    scenario: scenarioOf('moving'),
    robot: jackal,
    seed: 3,
    faults: faults ? { ...noFaults, laserNoise: 0.02, packetLoss: 0.05, sensorLatencyMaxS: 0.03 } : noFaults,
    frozen: false,
    learned,
  });
  const stateOf = (session: VirtualSession) => ({
    policy: session.loop.policy.exportState(),
    scaler: session.loop.exportScaler(),
    world: session.simulator.stateHash(),
  });

  it.each([false, true])('depend on seed, number and learned state alone, faults: %s', async (faults) => {
    const whole = await VirtualSession.create(options(null, faults));
    let learned: ReturnType<typeof stateOf> | null = null;
    for (let episode = 0; episode < 3; episode++) {
      await whole.renew();
      whole.runEpisode(episode);
      const part = await VirtualSession.create(options(learned, faults));
      part.runEpisode(episode);
      expect(stateOf(part)).toEqual(stateOf(whole));
      learned = stateOf(part);
      part.close();
    }
    expect(whole.nowNs).toBeGreaterThan(3e9);
    whole.close();
  });
});
