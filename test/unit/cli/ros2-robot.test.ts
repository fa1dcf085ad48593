import { describe, expect, it } from 'vitest';
import { jackal, Outcome, Simulator, STEP_NS, scenarioOf } from '../../../sim/index.js';
import { run } from '../../../src/cli/program.js';
import { RobotTime } from '../../../src/cli/ros2-robot-time.js';
import {
  endless,
  obstaclesFromStart,
  reachedWithin,
  type StartPose,
  trueFromStart,
} from '../../../src/cli/ros2-robot-worlds.js';
import { ExitCode } from '../../../src/cli/usage.js';
import { VirtualClock } from '../../../src/core/clock.js';
import { Rejection } from '../../../src/io/port.js';
import { captureOutput } from '../../support/command-line.js';

const written = captureOutput();
const UNIX_MS = 1_700_000_000_123;

/** Takes everything, and remembers goal and odometry. */
class Taken {
  goal_: number[] = [];
  pose: number[] = [];
  readonly newFrame = (): void => undefined;
  readonly ranges = () => Rejection.accepted;
  readonly contacts = () => Rejection.accepted;
  readonly cancelGoal = (): void => undefined;
  readonly feedback = () => Rejection.accepted;
  goal(_stampNs: number, _receivedNs: number, x: number, y: number) {
    this.goal_ = [x, y];
    return Rejection.accepted;
  }
  odometry(_stampNs: number, _receivedNs: number, x: number, y: number, yaw: number) {
    this.pose = [x, y, yaw];
    return Rejection.accepted;
  }
}

/** Full speed ahead. */
const ahead = {
  read(out: { vx: number }): boolean {
    out.vx = 1;
    return true;
  },
};

describe('the time of a simulated robot on ROS', () => {
  it('is the calendar’s to the nanosecond, and goes on by the machine’s clock', () => {
    const clock = new VirtualClock(5e9);
    const time = new RobotTime({ clock, unixMs: () => UNIX_MS, simulated: false, speed: 1 });
    time.anchor(2 * STEP_NS);
    expect({ ...time.stampOf(2 * STEP_NS) }).toEqual({ seconds: 1_700_000_000, nanoseconds: 123_000_000 });
    expect({ ...time.stampOf(2 * STEP_NS + 890_000_001) }).toEqual({ seconds: 1_700_000_001, nanoseconds: 13_000_001 });
  });

  it('is its own where the simulator’s clock is ROS’s, at whatever speed', () => {
    const clock = new VirtualClock(7e9);
    const time = new RobotTime({ clock, unixMs: () => UNIX_MS, simulated: true, speed: 4 });
    time.anchor(0);
    expect({ ...time.stampOf(12_340_000_000) }).toEqual({ seconds: 12, nanoseconds: 340_000_000 });
    clock.timeNs += 10e6;
    expect(time.due(0)).toBe(40e6);
    expect(time.waitMs(60e6)).toBe(5);
  });

  it('runs late after a stall instead of racing', () => {
    const clock = new VirtualClock(0);
    const time = new RobotTime({ clock, unixMs: () => UNIX_MS, simulated: false, speed: 1 });
    time.anchor(0);
    clock.timeNs = 3e9;
    expect(time.due(0)).toBe(50e6);
    clock.timeNs += 10e6;
    expect(time.due(50e6)).toBe(60e6);
    // What is sensed then is stamped with the time at which it is.
    expect(time.stampOf(60e6).seconds).toBe(Math.floor((UNIX_MS + 3010) / 1000));
  });

  it('follows a calendar that was set, when it is asked anew, and no jitter of it', () => {
    const clock = new VirtualClock(0);
    let unixMs = UNIX_MS;
    const time = new RobotTime({ clock, unixMs: () => unixMs, simulated: false, speed: 1 });
    unixMs += 40;
    time.anchor(0);
    expect(time.stampOf(0).nanoseconds).toBe(123_000_000);
    unixMs += 3_600_000;
    time.anchor(0);
    expect(time.stampOf(0).seconds).toBe(1_700_003_600);
  });
});

describe('the simulator’s worlds for a robot on ROS', () => {
  async function simulated(scenario: ReturnType<typeof scenarioOf>, sink: Taken): Promise<Simulator> {
    const simulator = await Simulator.create({ scenario, robot: jackal, seed: 3, sink, commands: ahead });
    simulator.startEpisode(0);
    return simulator;
  }

  it('do not end where goals are people’s: neither at the world’s own goal nor after its time', async () => {
    const world = scenarioOf('open').build(3, 0, jackal);
    const short = { ...scenarioOf('open'), build: () => ({ ...world, timeLimitS: 0.5 }) };
    for (const [scenario, outcome] of [
      [short, Outcome.timeout],
      [endless(short), Outcome.running],
    ] as const) {
      const simulator = await simulated(scenario, new Taken());
      simulator.advanceTo(100 * STEP_NS);
      expect(simulator.outcome).toBe(outcome);
      simulator.close();
    }
    expect(endless(short).build(3, 0, jackal).goalTolerance).toBeLessThan(0);
    expect(reachedWithin(short, 0.25).build(3, 0, jackal)).toEqual({ ...world, timeLimitS: 0.5, goalTolerance: 0.25 });
  });

  it('are told from the robot’s start, where its odometry begins', async () => {
    const taken = new Taken();
    const simulator = await simulated(scenarioOf('clutter'), taken);
    // To an odometry.
    simulator.advanceTo(101 * STEP_NS);
    const truth: StartPose = { x: 0, y: 0, yaw: 0 };
    trueFromStart(simulator, truth);
    expect(Math.hypot(truth.x, truth.y)).toBeGreaterThan(0.1);
    // Without faults odometry is the truth.
    expect([truth.x, truth.y]).toEqual([expect.closeTo(taken.pose[0], 6), expect.closeTo(taken.pose[1], 6)]);
    expect(Math.sin(truth.yaw - taken.pose[2])).toBeCloseTo(0, 6);
    simulator.close();
  });

  it('have their obstacles where they stand beside the goal, movers where they are by then', async () => {
    const world = { ...scenarioOf('moving').build(3, 0, jackal), startX: 1, startY: 2, startYaw: Math.PI / 2 };
    world.circles = Float64Array.of(1, 5, 0.5);
    world.boxes = Float64Array.of(3, 2, 0.25, 2, 1, 0);
    world.movers = Float64Array.of(0, 2, 10, 2, 0.3, 1, 0);
    const [disc, box, mover] = obstaclesFromStart(world, 3);
    // Ahead of the robot is +y of the world.
    expect(disc).toMatchObject({ x: expect.closeTo(3), y: expect.closeTo(0), length: 1, width: 1, round: true });
    expect(box).toMatchObject({ x: expect.closeTo(0), y: expect.closeTo(-2), yaw: expect.closeTo(-Math.PI / 2) });
    expect(box).toMatchObject({ length: 0.5, width: 4, round: false, moving: false });
    expect(mover).toMatchObject({ x: expect.closeTo(0), y: expect.closeTo(-2), length: 0.6, moving: true });
  });
});

describe('rfsn sim --port ros2', () => {
  it.each([
    [['sim', '--goals'], '--goals needs --port ros2'],
    [['sim', '--clock'], '--clock needs --port ros2'],
    [['sim', '--port', 'zeromq', '--speed', '2'], '--speed needs --port ros2'],
    [['sim', '--ros-args', '-r', 'odom:=o'], '--ros-args'],
    [['sim', '--port', 'ros2', '--speed', '2'], '--speed needs --clock'],
    [['sim', '--port', 'ros2', '--clock', '--speed', '200'], 'Allowed'],
    [['sim', '--port', 'ros2', '--headless'], '--headless'],
    [['sim', '--port', 'ros2', '--frozen'], '--frozen is for the controller'],
    [['sim', '--port', 'ros2', '--log', 'd'], '--log is for the controller'],
    [['sim', '--port', 'ros2', '--mode', 'free'], '--port zeromq'],
    [['sim', '--port', 'ros2', '--watch', 'zeromq'], 'leave it out'],
  ])('exits 2 on %j and says why', async (args, message) => {
    expect(await run(args)).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
  });
});
