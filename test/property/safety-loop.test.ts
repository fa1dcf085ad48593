import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { Reason, type ReasonCode } from '../../src/memory/reason.js';
import { type Choice, clearanceAt, type Drive, optionsOf, type Point, SafetyRig } from '../unit/safety/safety-rig.js';

/** Rounding of a difference quotient of the second order. */
const ROUNDING = 1e-9;

/** A robot among points of which none is nearer than its margin, on its way to anywhere. */
function rigOf(seed: number, drive: Drive, shape: readonly [number, number] = [0.508, 0.43]): [SafetyRig, Prng] {
  const prng = Prng.seeded(seed);
  const overrides = { 'robot.drive': drive, 'robot.length': shape[0], 'robot.width': shape[1] };
  const { footprint, margin } = optionsOf(overrides);
  const points: Point[] = [];
  const count = 5 + prng.nextBelow(60);
  while (points.length < count) {
    const point: Point = [prng.nextRange(-4, 4), prng.nextRange(-4, 4)];
    if (clearanceAt([point], footprint, 0, 0, 0) > margin) points.push(point);
  }
  return [new SafetyRig(points, [prng.nextRange(-8, 8), prng.nextRange(-8, 8)], overrides), prng];
}

/** Drives at random: a direction or the rule for some cycles each, now and then a missed deadline. */
function driveAtRandom(rig: SafetyRig, prng: Prng, cycles: number): void {
  let choice: Choice = 'rule';
  for (let i = 0; i < cycles; i++) {
    if (i % 10 === 0) choice = prng.nextBelow(8) === 0 ? 'rule' : prng.nextBelow(8);
    rig.cycle(choice, prng.nextBelow(60) === 0 ? Reason.deadlineMissed : Reason.none);
  }
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('a robot that follows its commands', () => {
  it.each([
    ['differential', [0.508, 0.43], 1],
    ['differential', [0.9, 0.4], 3],
    ['differential', [0.3, 0.5], 2],
    ['omnidirectional', [0.508, 0.43], 1],
    ['omnidirectional', [0.9, 0.4], 3],
  ] as const)(
    'with %s drive and outline %s never touches what it was shown, with a scan every %s cycles',
    (drive, shape, every) => {
      let moved = 0;
      let stopped = 0;
      fc.assert(
        fc.property(seeds, (seed) => {
          const [rig, prng] = rigOf(seed, drive, shape);
          rig.scanEvery = every;
          driveAtRandom(rig, prng, 250);
          // The margin is 30 mm. A corner may pass a point between two of the places that are judged, which costs some of it.
          expect(rig.leastClearance).toBeGreaterThan(0.02);
          moved += Math.hypot(rig.o.x, rig.o.y);
          // The margin, and as much again.
          if (rig.leastClearance < 0.06) stopped++;
        }),
        { numRuns: 60 },
      );
      // It did drive, and up to obstacles.
      expect(moved).toBeGreaterThan(30);
      expect(stopped).toBeGreaterThan(5);
    },
  );

  it.each(['differential', 'omnidirectional'] as const)('with %s drive never exceeds a limit', (drive) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [rig, prng] = rigOf(seed, drive);
        driveAtRandom(rig, prng, 250);
        expect(rig.largestShareOfLimits()).toBeLessThanOrEqual(1 + ROUNDING);
      }),
      { numRuns: 60 },
    );
  });

  const causes: [string, ReasonCode, (rig: SafetyRig) => Parameters<SafetyRig['cycle']>][] = [
    ['it is disarmed', Reason.disarmed, () => [0, Reason.disarmed]],
    ['the main thread is lost', Reason.heartbeatLost, () => [0, Reason.heartbeatLost]],
    [
      'odometry goes stale',
      Reason.staleOdometry,
      (rig) => [0, Reason.none, (o) => Object.assign(o, { odometryAgeNs: rig.options.odometryTimeoutNs + 1 })],
    ],
    [
      'the ranges go stale',
      Reason.staleRanges,
      (rig) => [0, Reason.none, (o) => Object.assign(o, { rangesAgeNs: rig.options.rangesTimeoutNs + 1 })],
    ],
    ['the goal is withdrawn', Reason.noGoal, () => [0, Reason.none, (o) => Object.assign(o, { hasGoal: false })]],
    ['it arrives', Reason.arrived, () => [0, Reason.none, (o) => Object.assign(o, { goalTolerance: 1e3 })]],
  ];
  it.each(causes)('comes to rest within its limits, clear of everything, when %s', (_, reason, args) => {
    fc.assert(
      fc.property(seeds, fc.constantFrom<Drive>('differential', 'omnidirectional'), (seed, drive) => {
        const [rig, prng] = rigOf(seed, drive);
        driveAtRandom(rig, prng, 20 + prng.nextBelow(60));
        const before = rig.o.x;
        for (let i = 0; i < 60; i++) {
          rig.cycle(...args(rig));
          expect(rig.reason).toBe(reason);
        }
        expect(rig.resting).toBe(true);
        expect(rig.largestShareOfLimits()).toBeLessThanOrEqual(1 + ROUNDING);
        expect(rig.leastClearance).toBeGreaterThan(0);
        expect(Math.abs(rig.o.x - before)).toBeLessThan(0.5);
      }),
      { numRuns: 40 },
    );
  });

  it('stops on contact or backs off from it, slowly, and says which', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 3 }), fc.boolean(), (seed, side, omnidirectional) => {
        const [rig, prng] = rigOf(seed, omnidirectional ? 'omnidirectional' : 'differential');
        driveAtRandom(rig, prng, 20 + prng.nextBelow(60));
        rig.setGoal([50, 50]);
        for (let i = 0; i < 60; i++) {
          rig.cycle(0, Reason.none, (o) => {
            o.contact.fill(0);
            o.contact[side] = 20;
            o.contactsAgeNs = 0;
          });
          expect([Reason.contact, Reason.contactEscape]).toContain(rig.reason);
        }
        const { vx, vy, yawRate } = rig.trace[rig.trace.length - 1];
        expect(Math.hypot(vx, vy)).toBeLessThanOrEqual(rig.options.steering.creepSpeed + 1e-6);
        expect(Math.abs(yawRate)).toBeLessThan(1e-6);
        expect(rig.largestShareOfLimits()).toBeLessThanOrEqual(1 + ROUNDING);
      }),
      { numRuns: 60 },
    );
  });
});
