import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { jackal, omni } from '../../sim/robots.js';
import { builders, scenarioOf } from '../../sim/scenarios/index.js';
import { Outcome, STEP_NS } from '../../sim/simulator.js';
import { Prng } from '../../src/core/prng.js';
import { handmade, rig } from './recording-sink.js';

const empty = handmade(() => {});

/** Drives some episodes by random commands and gives the hash over all that happened. */
async function wander(name: string, seed: number): Promise<number> {
  const { simulator, commands, run } = await rig(scenarioOf(name), { seed });
  const random = Prng.seeded(seed);
  for (let episode = 1; episode < 4; episode++) {
    for (let i = 0; i < 40 && simulator.outcome === Outcome.running; i++) {
      commands.send(random.nextRange(0, 2), 0, random.nextRange(-3, 3));
      run(0.1);
    }
    simulator.startEpisode(episode);
  }
  return simulator.stateHash();
}

/** What other tests have let go of must not count. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('Simulator', () => {
  it('gives the same bits twice, and other bits for another seed', async () => {
    const hashes = new Set<number>();
    for (const name of builders.keys()) {
      const hash = await wander(name, 5);
      expect(await wander(name, 5), name).toBe(hash);
      hashes.add(hash).add(await wander(name, 6));
    }
    expect(hashes.size).toBe(2 * builders.size);
  });

  it('gives the same bits whether time advances in steps or in one go', async () => {
    const hash = async (slices: number) => {
      const { simulator, commands, run } = await rig(scenarioOf('moving'), { seed: 1 });
      commands.send(0.3, 0, 0.5);
      for (let i = 0; i < slices; i++) run(2 / slices);
      return simulator.stateHash();
    };
    expect(await hash(200)).toBe(await hash(1));
  });

  it('begins an episode with a new frame, one reading of everything and the goal', async () => {
    const scenario = handmade(() => {}, { startX: 2, startY: 1, startYaw: Math.PI / 2, goalX: 2, goalY: 5 });
    const { sink, simulator } = await rig(scenario);
    expect(sink.calls).toEqual(['newFrame', 'odometry', 'contacts', 'ranges', 'goal']);
    expect(sink.odometries[0]).toMatchObject({ stampNs: STEP_NS, receivedNs: STEP_NS, yawRate: 0 });
    expect(Math.hypot(sink.odometries[0].vx, sink.odometries[0].vy)).toBe(0);
    expect(sink.odometries[0].x).toBeCloseTo(0, 6);
    expect(sink.odometries[0].yaw).toBeCloseTo(0, 6);
    expect(sink.goals[0].x).toBeCloseTo(4, 9);
    expect(sink.goals[0].y).toBeCloseTo(0, 9);
    expect(simulator.goalDistance).toBeCloseTo(4, 6);
    expect(simulator.outcome).toBe(Outcome.running);
  });

  it('reports at each sensor’s own rate, with stamps that rise over episodes', async () => {
    const robot = { ...jackal, odometryRateHz: 30, contactRateHz: 100, laser: { ...jackal.laser, rateHz: 10 } };
    const { sink, simulator, run } = await rig(empty, { robot });
    run(2);
    expect(sink.odometries).toHaveLength(61);
    expect(sink.contactReadings).toHaveLength(201);
    expect(sink.scans).toHaveLength(21);
    simulator.startEpisode(1);
    run(1);
    for (const readings of [sink.odometries, sink.contactReadings, sink.scans, sink.goals]) {
      for (let i = 1; i < readings.length; i++) {
        expect(readings[i].stampNs).toBeGreaterThan(readings[i - 1].stampNs);
        expect(readings[i].receivedNs).toBe(readings[i].stampNs);
      }
    }
  });

  it('follows the commanded velocity within the acceleration limits', async () => {
    const { commands, sink, run } = await rig(empty, { robot: { ...jackal, odometryRateHz: 100 } });
    commands.send(2, 0, 4);
    run(1);
    const { odometries } = sink;
    for (let i = 1; i < odometries.length; i++) {
      expect(odometries[i].vx - odometries[i - 1].vx).toBeLessThan(0.2 + 1e-5);
      expect(odometries[i].yawRate - odometries[i - 1].yawRate).toBeLessThan(0.25 + 1e-5);
      expect(Math.abs(odometries[i].vy)).toBeLessThan(1e-5);
    }
    const last = odometries[odometries.length - 1];
    expect(last.vx).toBeCloseTo(2, 4);
    expect(last.yawRate).toBeCloseTo(4, 4);
    // A circle of radius v/ω about (0, r), entered a little late because speed had to build up.
    expect(Math.hypot(last.x, last.y - 0.5)).toBeLessThan(0.6);
  });

  it('holds commands beyond the robot’s limits to those limits, and takes what is no number for zero', async () => {
    const { commands, simulator, run } = await rig(empty);
    commands.send(9, 0, -50);
    run(1);
    expect(simulator.vx).toBeCloseTo(2, 4);
    expect(simulator.yawRate).toBeCloseTo(-4, 4);
    commands.send(Number.NaN);
    run(1);
    expect(simulator.commandsRefused).toBeGreaterThan(0);
    expect(simulator.vx).toBeCloseTo(0, 6);
    expect(simulator.yawRate).toBeCloseTo(0, 6);
  });

  it('moves sideways with an omnidirectional base and only with one', async () => {
    for (const [robot, y] of [
      [omni, 1],
      [jackal, 0],
    ] as const) {
      const { commands, simulator, run } = await rig(empty, { robot });
      commands.send(0, 1);
      run(1.1);
      expect(simulator.y).toBeCloseTo(y, 1);
      expect(simulator.x).toBeCloseTo(0, 6);
    }
    const { commands, simulator, run } = await rig(empty, { robot: omni });
    commands.send(3, 4);
    run(1);
    expect(simulator.vx).toBeCloseTo(0.9, 4);
    expect(simulator.vy).toBeCloseTo(1.2, 4);
  });

  it('stops when no new command came for the base’s own timeout', async () => {
    const { commands, simulator, run } = await rig(empty);
    commands.repeat = false;
    commands.send(1);
    run(0.5);
    expect(simulator.vx).toBeCloseTo(1, 4);
    run(0.1);
    expect(simulator.vx).toBeCloseTo(0, 6);
    commands.send(1);
    run(0.1);
    expect(simulator.vx).toBeCloseTo(1, 4);
  });

  it('forgets commands that were given before the episode', async () => {
    const { commands, simulator, run } = await rig(empty);
    commands.repeat = false;
    commands.send(1);
    simulator.startEpisode(1);
    run(0.2);
    expect(simulator.vx).toBe(0);
  });

  it('succeeds within the tolerance of the goal and then stands still', async () => {
    const { commands, simulator, sink, run } = await rig(handmade(() => {}, { goalX: 2, goalTolerance: 0.5 }));
    commands.send(1);
    run(5);
    expect(simulator.outcome).toBe(Outcome.success);
    expect(simulator.goalDistance).toBeLessThanOrEqual(0.5);
    expect(simulator.goalDistance).toBeGreaterThan(0.48);
    expect(simulator.timeToGoalS).toBeCloseTo(1.53, 1);
    // The step that ended it was reported, and nothing after it, though time went on.
    const endNs = STEP_NS * (1 + Math.round(simulator.episodeTimeS * 100));
    for (const readings of [sink.odometries, sink.contactReadings, sink.scans]) {
      expect(readings[readings.length - 1].stampNs).toBe(endNs);
    }
    expect(simulator.nowNs).toBe(5 * 1e9 + STEP_NS);
  });

  it('times out at the limit', async () => {
    const { simulator, run } = await rig(handmade(() => {}, { timeLimitS: 3 }));
    run(2.99);
    expect(simulator.outcome).toBe(Outcome.running);
    run(1);
    expect(simulator.report()).toEqual({
      episode: 0,
      outcome: Outcome.timeout,
      touched: false,
      atFault: false,
      episodeTimeS: expect.closeTo(3, 9),
      timeToGoalS: 3,
      minimumClearance: Number.POSITIVE_INFINITY,
      barnWorld: null,
      barnScore: null,
      redirected: false,
    });
  });

  it('measures the smallest clearance from footprint to obstacle', async () => {
    const beside = handmade((draft) => {
      draft.circle(1, 0.6, 0.1);
      draft.box(1.5, -1, 0.1, 0.1, 0.3);
    });
    const { commands, simulator, run } = await rig(beside);
    commands.send(1);
    run(3);
    expect(simulator.minimumClearance).toBeCloseTo(0.6 - 0.1 - 0.215, 5);
    const corner = Math.hypot(0.1, 0.1) * Math.sin(Math.PI / 4 + 0.3);
    const turned = await rig(handmade((draft) => draft.box(1.5, -1, 0.1, 0.1, 0.3)));
    turned.commands.send(1);
    turned.run(3);
    expect(turned.simulator.minimumClearance).toBeCloseTo(1 - corner - 0.215, 5);
  });

  it('survives hundreds of episodes on one world’s memory', async () => {
    const { simulator, run } = await rig(scenarioOf('caves'));
    const start = async (first: number, last: number) => {
      for (let episode = first; episode < last; episode++) {
        simulator.startEpisode(episode);
        run(0.05);
      }
      // The bytes of dead arrays are given back by a thread of the collector's, some time after it ran.
      let least = Infinity;
      for (let pause = 0; pause < 5; pause++) {
        collectGarbage();
        await new Promise((resolve) => setTimeout(resolve, 20));
        least = Math.min(least, process.memoryUsage().external);
      }
      return least;
    };
    const early = await start(1, 60);
    // Rapier's heap is a WebAssembly memory, which only ever grows: a leaked world of a hundred bodies would show.
    expect((await start(60, 400)) - early).toBeLessThan(4e6);
    simulator.close();
    expect(() => simulator.world).toThrow('an episode was started');
  });
});

describe('contact', () => {
  const walls = {
    front: { draw: [1, -3, 2, 3], command: [1, 0] },
    left: { draw: [-3, 1, 3, 2], command: [0, 1] },
    back: { draw: [-2, -3, -1, 3], command: [-1, 0] },
    right: { draw: [-3, -2, 3, -1], command: [0, -1] },
  } as const;

  for (const side of ['front', 'left', 'back', 'right'] as const) {
    it(`is felt at the ${side}, at a force of mass times deceleration`, async () => {
      const [x0, y0, x1, y1] = walls[side].draw;
      const { commands, simulator, sink, run } = await rig(
        handmade((draft) => draft.block(x0, y0, x1, y1)),
        { robot: omni },
      );
      commands.send(walls[side].command[0], walls[side].command[1]);
      run(3);
      expect(simulator.outcome).toBe(Outcome.collision);
      expect(simulator.atFault).toBe(true);
      expect(simulator.minimumClearance).toBeLessThan(0.002);
      const last = sink.contactReadings[sink.contactReadings.length - 1];
      // 20 kg stopped from 1 m/s in one step; some of the speed goes before the verdict, none is added.
      expect(last[side]).toBeGreaterThan(200);
      expect(last[side]).toBeLessThanOrEqual((20 * 1) / 0.01 + 1);
      for (const other of ['front', 'left', 'back', 'right'] as const) {
        if (other !== side) expect(last[other]).toBeLessThan(0.02 * last[side]);
      }
      for (const reading of sink.contactReadings.slice(0, -1)) {
        expect([reading.front, reading.left, reading.back, reading.right]).toEqual([0, 0, 0, 0]);
      }
    });
  }

  it('follows the robot’s heading: ahead is front whichever way it faces', async () => {
    const facing = handmade((draft) => draft.block(-3, 1, 3, 2), { startYaw: Math.PI / 2, goalX: 0, goalY: -9 });
    const { commands, simulator, sink, run } = await rig(facing);
    commands.send(1);
    run(3);
    expect(simulator.outcome).toBe(Outcome.collision);
    expect(sink.contactReadings[sink.contactReadings.length - 1].front).toBeGreaterThan(100);
  });

  it('is not the robot’s fault where it stood still, and is where it drove', async () => {
    const crossing = handmade((draft) => draft.mover(-3, 0, 9, 0, 0.3, 0.5, 0), { goalX: 0, goalY: 9 });
    const standing = await rig(crossing);
    standing.run(10);
    expect(standing.simulator.outcome).toBe(Outcome.collision);
    expect(standing.simulator.atFault).toBe(false);
    expect(standing.sink.contactReadings[standing.sink.contactReadings.length - 1].back).toBeGreaterThan(0);

    const backing = await rig(crossing);
    backing.commands.send(-0.5);
    backing.run(10);
    expect(backing.simulator.outcome).toBe(Outcome.collision);
    expect(backing.simulator.atFault).toBe(true);

    const fleeing = await rig(crossing);
    fleeing.commands.send(0.3);
    fleeing.run(20);
    expect(fleeing.simulator.outcome).toBe(Outcome.collision);
    expect(fleeing.simulator.atFault).toBe(false);
  });

  it('by turning alone is the robot’s fault', async () => {
    const tight = handmade((draft) => draft.block(-3, 0.25, 3, 1));
    const { commands, simulator, run } = await rig(tight);
    commands.send(0, 0, 1);
    run(2);
    expect(simulator.outcome).toBe(Outcome.collision);
    expect(simulator.atFault).toBe(true);
  });

  it('does not happen in passing by, however near', async () => {
    const slit = handmade((draft) => {
      draft.block(1, 0.22, 3, 1);
      draft.block(1, -1, 3, -0.22);
    });
    const { commands, simulator, sink, run } = await rig(slit);
    commands.send(2);
    run(4);
    expect(simulator.touched).toBe(false);
    expect(simulator.x).toBeGreaterThan(6);
    expect(simulator.minimumClearance).toBeCloseTo(0.005, 4);
    expect(sink.contactReadings.every((reading) => reading.front + reading.left + reading.right === 0)).toBe(true);
  });

  it('need not end the episode', async () => {
    const wall = handmade((draft) => draft.block(1, -3, 2, 3), { timeLimitS: 4 });
    const { commands, simulator, sink, run } = await rig(wall, { endOnCollision: false });
    commands.send(1);
    run(3);
    expect(simulator.outcome).toBe(Outcome.running);
    expect(simulator.touched).toBe(true);
    expect(simulator.x).toBeLessThan(0.75);
    // Pressing on, it pushes with all that its acceleration limit lets it: 17 kg × 20 m/s².
    expect(sink.contactReadings[sink.contactReadings.length - 1].front).toBeCloseTo(340, 0);
    run(2);
    expect(simulator.outcome).toBe(Outcome.timeout);
    expect(simulator.atFault).toBe(true);
  });
});
