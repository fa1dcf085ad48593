import { afterEach, describe, expect, it } from 'vitest';
import { jackal, noFaults, SimPort, scenarioOf } from '../../sim/index.js';
import { VirtualSession } from '../../src/cli/virtual-session.js';
import { layoutSizesOf, periodNsOf, robotPolicy } from '../../src/loop/configuration.js';
import { Controller } from '../../src/loop/controller.js';
import { DecisionField, OrderBit } from '../../src/memory/layout.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import type { ParameterValues } from '../../src/parameters/schema.js';
import { CycleLog } from '../support/cycle-log.js';

let controller: Controller | null = null;
afterEach(async () => {
  await controller?.stop();
  controller = null;
});

function control(parameters: ParameterValues, patienceNs = 0): Controller {
  controller = new Controller({
    sizes: layoutSizesOf(parameters),
    schedule: { periodNs: periodNsOf(parameters), trigger: 'time', overrunPolicy: 'skip', spinMarginNs: 0, patienceNs },
    parameters,
    extras: {},
    watchdogTimeoutNs: 10e9,
    heartbeatTimeoutNs: 10e9,
    onStall: () => undefined,
  });
  return controller;
}

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));

describe('a cycle’s record', () => {
  it('is all it takes to run it again to the bit, whatever was ordered, tuned, restored and explained meanwhile', async () => {
    // 30 Hz: the schedule's times are no whole numbers of nanoseconds.
    const parameters = loadParameters([], { controller_frequency: 30, epsilon: 0.2, random_seed: 11 });
    const live = control(parameters);
    const log = new CycleLog(live);
    const port = new SimPort({
      scenario: scenarioOf('clutter'),
      robot: jackal,
      seed: 4,
      faults: noFaults,
      clock: live.clock,
      episodes: null,
    });
    await live.start();
    await port.start(live.observations, live.commands);
    const reach = async (count: number) => {
      while (log.records.length < count) await seconds(0.02);
    };
    await reach(4);
    live.arm();
    live.explain(true);
    await reach(50);
    const learned = await live.snapshot(20_000);
    live.tune('robot.max_speed', 0.4);
    live.tune('epsilon', 0.6);
    await reach(75);
    live.freeze(true);
    await reach(85);
    live.freeze(false);
    const cut = robotPolicy(parameters).stateBytes;
    await live.restore({ policy: learned.subarray(0, cut), scaler: learned.subarray(cut) }, 20_000);
    live.explain(false);
    live.disarm();
    await reach(100);
    live.arm();
    live.tune('robot.max_speed', 0.5);
    await reach(130);
    const { snapshot } = await live.stop({ snapshot: true, boundMs: 20_000 });
    await port.stop();

    const loop = log.repeat(parameters);
    expect(Buffer.concat([loop.policy.exportState(), loop.exportScaler()]).equals(snapshot as Uint8Array)).toBe(true);
    const last = log.records[log.records.length - 1];
    expect(last[DecisionField.updates]).toBeGreaterThan(30);
    expect([last[DecisionField.tunings], last[DecisionField.restores]]).toEqual([3, 1]);
    expect([last[DecisionField.maxSpeed], last[DecisionField.epsilon]]).toEqual([0.5, 0.6]);
    expect(new Set(log.records.map((record) => record[DecisionField.orders]))).toEqual(
      new Set([0, OrderBit.armed, OrderBit.armed | OrderBit.frozen].map((bits) => bits | OrderBit.scheduled)),
    );
  });

  it('holds the time that steps bear, silences, stretches and rewards from outside', async () => {
    const parameters = loadParameters([], {
      controller_frequency: 100,
      epsilon: 0.3,
      'reward.source': 'feedback',
      odometry_timeout_s: 0.05,
    });
    const live = control(parameters, 30e6);
    const log = new CycleLog(live);
    const sink = live.observations;
    live.arm();
    live.lockstep(true);
    await live.start();
    const scan = {
      angleMin: -3,
      angleIncrement: 0.1,
      rangeMin: 0.1,
      rangeMax: 10,
      count: 60,
      ranges: new Float32Array(60).fill(4),
      mountX: 0,
      mountY: 0,
      mountYaw: 0,
    };
    let stampNs = 0;
    /** One step, dated where `atNs` is given. */
    const step = (receivedNs: number, atNs?: number): void => {
      stampNs += 1e7;
      scan.ranges[30] = 3 + (stampNs % 7e7) * 1e-8;
      sink.odometry(stampNs, receivedNs, stampNs * 1e-10, 0, 0, 0.1, 0, 0);
      sink.ranges(stampNs, receivedNs, scan);
      if (stampNs % 2e7 === 0) sink.contacts(stampNs, receivedNs, 0, 0, 0, 0);
      expect(live.awaitAnswer(live.step(atNs), 20_000)).toBe(true);
      sink.feedback(live.cycles - 1, Math.sin(stampNs), stampNs);
    };
    for (let stretch = 0; stretch < 2; stretch++) {
      // Ahead of the clock, so that it falls back at the stretch's end.
      let atNs = live.clock.nowNs() + 3600e9;
      const ahead = (count: number): void => {
        for (let i = 0; i < count; i++) {
          step(atNs, atNs + 20e6);
          atNs += 20e6;
        }
      };
      sink.goal(stampNs, atNs, 40, 3, 0.3);
      ahead(40);
      await seconds(0.15);
      ahead(10);
      sink.newFrame();
      ahead(10);
      // Steps that bear no time are on the clock's.
      for (let i = 0; i < 10; i++) step(live.clock.nowNs());
      sink.cancelGoal(stampNs, live.clock.nowNs());
      live.lockstep(false);
      await seconds(0.05);
      live.lockstep(true);
    }
    await live.stop();

    const loop = log.repeat(parameters);
    expect(loop.policy.stats().updates).toBeGreaterThan(50);
    const columns = (field: number) => new Set(log.records.map((record) => record[field]));
    expect(columns(DecisionField.stretch)).toEqual(new Set([0, 1, 2]));
    expect(columns(DecisionField.silenceNs).size).toBeGreaterThan(3);
    expect(columns(DecisionField.contactsSequence).size).toBeGreaterThan(20);
    expect(Math.max(...columns(DecisionField.feedbackTaken))).toBeGreaterThan(100);
    expect(log.records.some((record) => record[DecisionField.reason] === Reason.staleOdometry)).toBe(true);
  });
});

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
