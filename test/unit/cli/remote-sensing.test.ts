import { describe, expect, it } from 'vitest';
import { jackal, noFaults, omni, Simulator, STEP_NS, scenarioOf } from '../../../sim/index.js';
import { describeRobot, SensingSink } from '../../../src/cli/remote-sensing.js';
import { readControl } from '../../../src/cli/run-options.js';
import type { RobotReading } from '../../../src/io/zeromq/robot/robot-dialogue.js';
import type { RobotLink } from '../../../src/io/zeromq/robot/robot-link.js';
import { expectationOf, misfit } from '../../../src/io/zeromq/session/expectation.js';

/** What a robot tells its link besides readings. */
class Told {
  frames = 0;
  goals: unknown[] = [];
  newFrame(): void {
    this.frames++;
  }
  goal(goal: unknown): void {
    this.goals.push(goal);
  }
}

async function simulated(sink: SensingSink): Promise<Simulator> {
  const commands = { read: () => false };
  return Simulator.create({ scenario: scenarioOf('open'), robot: jackal, seed: 1, faults: noFaults, sink, commands });
}

describe('the simulated robot as a remote one', () => {
  it.each([
    ['jackal', jackal, 'free', 50],
    ['omni', omni, 'lockstep', 50],
  ] as const)('is one that the parameters of a %s admit', (_name, robot, mode, rateHz) => {
    const { parameters } = readControl({}, robot);
    const hello = { m: 'hello', v: [1], t: 0, ...describeRobot(robot, mode, 'real', rateHz) } as const;
    const limits = { inputTimeoutS: 0.5, maxMessageBytes: 131_072 };
    expect(misfit(hello, expectationOf(parameters), limits)).toBeNull();
  });

  it('hands on one reading for each moment that it senses, with stamps that rise on its own clock', async () => {
    const told = new Told();
    const readings: RobotReading[] = [];
    const sink = new SensingSink(
      told as unknown as RobotLink,
      () => 7e9,
      (reading) => readings.push(reading),
    );
    const simulator = await simulated(sink);
    simulator.startEpisode(0);
    simulator.advanceTo(20 * STEP_NS);
    await Promise.resolve();
    expect(told.frames).toBe(1);
    expect(told.goals).toEqual([[expect.any(Number), expect.any(Number), expect.any(Number)]]);
    // 50 Hz, and the readings before it set out.
    expect(readings.length).toBeGreaterThanOrEqual(10);
    for (const { odom, ranges, contacts } of readings) {
      expect([odom?.length, ranges?.length, contacts?.length]).toEqual([6, jackal.laser.beams, 4]);
    }
    const stamps = readings.map(({ t }) => t as number);
    expect(stamps[0]).toBeCloseTo(7.01, 4);
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
    expect(new Set(stamps).size).toBe(stamps.length);
    simulator.startEpisode(1);
    expect(told.frames).toBe(2);
    simulator.close();
  });

  it('gives the newest of each input to whoever asks, once', async () => {
    const sink = new SensingSink(new Told() as unknown as RobotLink, () => 0, null);
    const simulator = await simulated(sink);
    simulator.startEpisode(0);
    simulator.advanceTo(5 * STEP_NS);
    const { t, odom, ranges } = sink.take();
    expect(t).toBeCloseTo(0.05, 4);
    expect([odom?.length, ranges?.length]).toEqual([6, jackal.laser.beams]);
    const empty = sink.take();
    expect([empty.odom, empty.ranges, empty.contacts]).toEqual([undefined, undefined, undefined]);
    expect(empty.t).toBeGreaterThan(t as number);
    simulator.close();
  });
});
