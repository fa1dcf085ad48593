import { describe, expect, it } from 'vitest';
import { Reason } from '../../../src/memory/reason.js';
import { Verdict } from '../../../src/safety/stopping-sweep.js';
import { type Drive, type Point, SafetyRig, wall } from './safety-rig.js';

const DRIVES: Drive[] = ['differential', 'omnidirectional'];
const FRONT = 0;
const LEFT = 1;
const BACK = 2;
const RIGHT = 3;

/** Contact on one side of the robot, in every cycle. */
const touched =
  (side: number, force = 20) =>
  (o: SafetyRig['o']) => {
    o.contact.fill(0);
    o.contact[side] = force;
    o.contactsAgeNs = 0;
  };

describe('in the open', () => {
  it.each(DRIVES)('a robot with %s drive goes where its action points, in all eight directions', (drive) => {
    for (let action = 0; action < 8; action++) {
      const bearing = action * (Math.PI / 4);
      const rig = new SafetyRig([], [20 * Math.cos(bearing), 20 * Math.sin(bearing)], { 'robot.drive': drive });
      for (let i = 0; i < 120; i++) {
        // Once the robot has turned, the goal lies ahead of it.
        const sector = (Math.round(rig.o.goalBearing / (Math.PI / 4)) + 8) % 8;
        rig.cycle(i === 0 ? action : sector);
        expect([rig.reason, rig.allowed]).toEqual([Reason.none, 8]);
      }
      expect(Math.cos(Math.atan2(rig.o.y, rig.o.x) - bearing)).toBeGreaterThan(0.9);
      expect(Math.hypot(rig.o.x, rig.o.y)).toBeGreaterThan(1.5);
    }
  });

  it('a differential robot never moves sideways, an omnidirectional one does at once', () => {
    const sideways = (drive: Drive) => {
      const rig = new SafetyRig([], [0, 20], { 'robot.drive': drive });
      for (let i = 0; i < 10; i++) rig.cycle(2);
      return rig.trace.map(({ vy }) => Math.abs(vy));
    };
    expect(Math.max(...sideways('differential'))).toBe(0);
    expect(Math.max(...sideways('omnidirectional'))).toBeGreaterThan(0.5);
  });

  it('stops at its goal', () => {
    const rig = new SafetyRig([], [2, 0]);
    for (let i = 0; i < 200; i++) rig.cycle('rule');
    expect(rig.reason).toBe(Reason.arrived);
    expect(rig.resting).toBe(true);
    expect(Math.hypot(rig.o.x - 2, rig.o.y)).toBeLessThan(0.25);
  });
});

describe('in front of a wall', () => {
  const ahead = wall(2, -6, 2, 6);

  it('a robot that is sent into it stops short of it, and is slowed before', () => {
    const rig = new SafetyRig(ahead, [10, 0]);
    const reasons = new Set<number>();
    for (let i = 0; i < 200; i++) {
      rig.cycle(0);
      reasons.add(rig.reason);
    }
    expect(rig.leastClearance).toBeGreaterThan(0.02);
    expect(rig.o.x).toBeGreaterThan(0.5);
  });

  it('an action that leads into it is not offered while others are', () => {
    const rig = new SafetyRig(wall(0.6, -6, 0.6, 6), [10, 0]);
    rig.cycle('rule');
    expect([...rig.mask]).toEqual([0, expect.anything(), 1, 1, 1, 1, 1, expect.anything()]);
    expect(rig.safety.allowedBits & 1).toBe(0);
    expect(rig.allowed).toBe([...rig.mask].reduce((sum, open) => sum + open));
  });

  it('something that appears in its way stops it', () => {
    const rig = new SafetyRig([], [20, 0]);
    for (let i = 0; i < 60; i++) rig.cycle(0);
    const speed = rig.trace[rig.trace.length - 1].vx;
    expect(speed).toBeGreaterThan(1);
    // Nearer than it could stop from, were it to go on for long.
    const stop = rig.o.x + rig.options.footprint.length / 2 + 0.5;
    rig.points = wall(stop, -3, stop, 3);
    rig.leastClearance = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 60; i++) rig.cycle(0);
    expect(rig.leastClearance).toBeGreaterThan(0.01);
    expect(rig.trace.slice(60, 70).some(({ vx }) => vx < speed)).toBe(true);
  });
});

describe('contact', () => {
  it.each([
    ['differential', FRONT, [-1, 0]],
    ['differential', BACK, [1, 0]],
    ['differential', LEFT, [1, 0]],
    ['differential', RIGHT, [1, 0]],
    ['omnidirectional', FRONT, [-1, 0]],
    ['omnidirectional', BACK, [1, 0]],
    ['omnidirectional', LEFT, [0, -1]],
    ['omnidirectional', RIGHT, [0, 1]],
  ] as const)('a %s robot touched on side %s backs off along %j', (drive, side, [x, y]) => {
    const rig = new SafetyRig([], [20, 0], { 'robot.drive': drive });
    for (let i = 0; i < 20; i++) rig.cycle('rule', Reason.none, touched(side));
    expect(rig.reason).toBe(Reason.contactEscape);
    const { vx, vy, yawRate } = rig.trace[rig.trace.length - 1];
    const speed = rig.options.steering.creepSpeed;
    expect([vx, vy, yawRate]).toEqual([
      expect.closeTo(x * speed, 6),
      expect.closeTo(y * speed, 6),
      expect.closeTo(0, 6),
    ]);
  });

  it('too light to matter is none; sensors that have fallen silent stop the robot', () => {
    const rig = new SafetyRig([], [20, 0]);
    rig.cycle('rule', Reason.none, touched(FRONT, rig.options.contactThreshold));
    expect(rig.reason).toBe(Reason.none);
    rig.cycle('rule', Reason.none, (o) => {
      touched(FRONT)(o);
      o.contactsAgeNs = rig.options.contactsTimeoutNs + 1;
    });
    expect(rig.reason).toBe(Reason.staleContacts);
  });

  it('goes on to be backed off from for a moment, then the robot drives around what it touched', () => {
    const rig = new SafetyRig([], [20, 0]);
    for (let i = 0; i < 5; i++) rig.cycle('rule', Reason.none, touched(FRONT));
    const reasons: number[] = [];
    for (let i = 0; i < 150; i++) {
      rig.cycle('rule', Reason.none, (o) => o.contact.fill(0));
      reasons.push(rig.reason);
    }
    expect(reasons.slice(0, 10)).toEqual(new Array(10).fill(Reason.contactEscape));
    expect(reasons.slice(60)).not.toContain(Reason.contactEscape);
  });

  it('stops a robot that has no way to back off', () => {
    const close = 0.508 / 2 + 0.02;
    const rig = new SafetyRig(wall(-close, -0.3, -close, 0.3), [20, 0]);
    for (let i = 0; i < 10; i++) rig.cycle('rule', Reason.none, touched(FRONT));
    expect(rig.reason).toBe(Reason.contact);
    expect(rig.resting).toBe(true);
  });

  it('of several sides is taken where it is hardest', () => {
    const rig = new SafetyRig([], [20, 0]);
    for (let i = 0; i < 10; i++) {
      rig.cycle('rule', Reason.none, (o) => {
        touched(FRONT, 5)(o);
        o.contact[BACK] = 9;
      });
    }
    expect(rig.trace[rig.trace.length - 1].vx).toBeGreaterThan(0);
  });
});

describe('a robot that cannot see behind', () => {
  it('does not back onto ground that it has not seen', () => {
    const rig = new SafetyRig([], [20, 0]);
    rig.fieldOfView = 1.5 * Math.PI;
    // A contact ahead asks for the way back, which nobody has looked at.
    for (let i = 0; i < 40; i++) rig.cycle('rule', Reason.none, touched(FRONT));
    expect(rig.reason).toBe(Reason.contact);
    expect(rig.o.x).toBeGreaterThan(-0.1);
    expect(rig.resting).toBe(true);
  });

  it('backs over the ground that it has just driven on', () => {
    const rig = new SafetyRig([], [20, 0]);
    rig.fieldOfView = 1.5 * Math.PI;
    for (let i = 0; i < 30; i++) rig.cycle('rule');
    const front = rig.o.x;
    expect(front).toBeGreaterThan(0.3);
    for (let i = 0; i < 20; i++) rig.cycle('rule', Reason.none, touched(FRONT));
    expect(rig.reason).toBe(Reason.contactEscape);
    expect(rig.trace[rig.trace.length - 1].vx).toBeLessThan(0);
  });
});

describe('the rule', () => {
  it('takes the gap on the side where the goal is', () => {
    // A wall ahead with a gap to the left and a gap to the right.
    const world = [...wall(2, -1, 2, 1), ...wall(2, 2.2, 2, 6), ...wall(2, -6, 2, -2.2)];
    for (const side of [1, -1]) {
      const rig = new SafetyRig(world, [5, 3 * side]);
      for (let i = 0; i < 600 && rig.reason !== Reason.arrived; i++) rig.cycle('rule');
      expect([side, rig.reason]).toEqual([side, Reason.arrived]);
      expect(rig.leastClearance).toBeGreaterThan(0);
    }
  });

  it('names the action that comes nearest to what it does', () => {
    const rig = new SafetyRig([], [0, 20], { 'robot.drive': 'omnidirectional' });
    rig.cycle('rule');
    expect(rig.action).toBe(2);
    expect(rig.safety.steering.heading).toBeCloseTo(Math.PI / 2, 1);
  });

  it('turns toward the goal, one way, where every direction is blocked', () => {
    const close = 0.5;
    const box = [
      ...wall(close, -close, close, close),
      ...wall(-close, -close, -close, close),
      ...wall(-close, close, close, close),
      ...wall(-close, -close, close, -close),
    ];
    for (const side of [1, -1]) {
      const rig = new SafetyRig(box, [0, 20 * side]);
      const turned: number[] = [];
      for (let i = 0; i < 20; i++) {
        rig.cycle('rule');
        turned.push(rig.trace[rig.trace.length - 1].yawRate * side);
        expect([rig.action, rig.allowed]).toEqual([-1, 0]);
      }
      expect(Math.min(...turned)).toBeGreaterThan(0);
      expect(rig.leastClearance).toBeGreaterThan(0.02);
    }
  });
});

describe('beside a round obstacle', () => {
  const pillar = (gap: number): Point[] =>
    Array.from({ length: 90 }, (_, i) => [
      0.25 * Math.cos((i * Math.PI) / 45),
      0.25 * Math.sin((i * Math.PI) / 45) - gap,
    ]);

  it.each([0.48, 0.49, 0.5])('a robot whose side is at it, its centre %f m off, gets away to any goal', (gap) => {
    for (let bearing = 0; bearing < 2 * Math.PI; bearing += Math.PI / 4) {
      const goal: Point = [1.8 * Math.cos(bearing), 1.8 * Math.sin(bearing)];
      const rig = new SafetyRig(pillar(gap), goal);
      while (rig.reason !== Reason.arrived && rig.cycles < 1500) rig.cycle('rule');
      expect([bearing, rig.reason]).toEqual([bearing, Reason.arrived]);
      expect(rig.leastClearance).toBeGreaterThan(0);
    }
  });
});

describe('a stall', () => {
  /** A robot that wants ahead while something light, such as its own cable, holds it where it is. */
  function held(rig: SafetyRig, cycles: number): boolean[] {
    const stalled: boolean[] = [];
    for (let i = 0; i < cycles; i++) {
      rig.cycle(0, Reason.none, (o) => Object.assign(o, { x: 0, y: 0, vx: 0, vy: 0 }));
      stalled.push(rig.safety.stalled);
    }
    return stalled;
  }

  it('is noticed after a while, and over when the robot is away from there', () => {
    const rig = new SafetyRig([], [30, 0]);
    const stalled = held(rig, 200);
    expect(stalled.indexOf(true)).toBeGreaterThan(10);
    expect(stalled[199]).toBe(true);
    for (let i = 0; i < 10; i++) rig.cycle('rule');
    expect(rig.safety.stalled).toBe(true);
    for (let i = 0; i < 400; i++) rig.cycle('rule');
    expect(rig.safety.stalled).toBe(false);
  });

  it('is forgotten with a new goal', () => {
    const rig = new SafetyRig([], [30, 0]);
    held(rig, 200);
    rig.setGoal([0, 30]);
    rig.cycle(2);
    expect(rig.safety.stalled).toBe(false);
  });

  it('is none where the robot was told to stand', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 200; i++) rig.cycle(0, Reason.disarmed);
    expect(rig.safety.stalled).toBe(false);
  });
});

describe('a robot that is put down elsewhere', () => {
  it('starts from a standstill and knows nothing of the old place', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 60; i++) rig.cycle('rule');
    expect(rig.trace[rig.trace.length - 1].vx).toBeGreaterThan(1);
    rig.cycle('rule', Reason.none, (o) => Object.assign(o, { jumped: true, vx: 0, vy: 0, yawRate: 0 }));
    const { vx } = rig.trace[rig.trace.length - 1];
    // One step of jerk from rest.
    expect(vx).toBeLessThanOrEqual(rig.options.limits.maxJerk * rig.options.stepS ** 2 * (1 + 1e-9));
  });

  it('brakes and speeds up within its limits where only the frame is new', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 60; i++) rig.cycle('rule');
    const before = rig.trace[rig.trace.length - 1].vx;
    rig.cycle('rule', Reason.none, (o) => Object.assign(o, { jumped: true, vx: before }));
    const { vx } = rig.trace[rig.trace.length - 1];
    expect(Math.abs(vx - before)).toBeLessThanOrEqual(
      rig.options.limits.maxAcceleration * rig.options.stepS * (1 + 1e-9),
    );
  });

  it('is not held by a contact of the old place', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 5; i++) rig.cycle('rule', Reason.none, touched(FRONT));
    expect(rig.reason).toBe(Reason.contactEscape);
    rig.cycle('rule', Reason.none, (o) => {
      o.contact.fill(0);
      o.jumped = true;
    });
    expect(rig.reason).toBe(Reason.none);
  });
});

describe('the last word', () => {
  it('halts at once, and forgets what was sent', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 60; i++) rig.cycle('rule');
    const { safety } = rig;
    safety.halt(Reason.stopping);
    safety.commit();
    expect([safety.vx, safety.vy, safety.yawRate, safety.reason]).toEqual([0, 0, 0, Reason.stopping]);
    safety.slowDown(Reason.disarmed);
    expect(Math.abs(safety.vx)).toBe(0);
  });

  it('slows what was sent last, not what was wanted since', () => {
    const rig = new SafetyRig([], [30, 0]);
    for (let i = 0; i < 60; i++) rig.cycle('rule');
    const { safety } = rig;
    const sent = safety.vx;
    safety.pursue(rig.o, 4);
    safety.constrain(rig.o, Reason.none, Reason.none);
    safety.slowDown(Reason.deadlineMissed);
    expect(safety.vx).toBeLessThan(sent);
    expect(safety.vx).toBeGreaterThan(0.8 * sent);
    expect(Math.abs(safety.yawRate)).toBeLessThan(1e-6);
  });

  it('gives the reason it was told where nothing has to be changed', () => {
    const rig = new SafetyRig([], [30, 0]);
    rig.cycle('rule');
    rig.safety.constrain(rig.o, Reason.none, Reason.breakerOpen);
    expect(rig.safety.reason).toBe(Reason.breakerOpen);
    expect(Verdict.clear).toBe(0);
  });
});

describe('a robot in a tight place', () => {
  it('creeps free along its own axis where it can neither go nor turn', () => {
    // Walls close beside it over all of its length: no heading is open, and turning would touch.
    const side = 0.43 / 2 + 0.031;
    const world: Point[] = [
      ...wall(-0.6, side, 0.6, side),
      ...wall(-0.6, -side, 0.6, -side),
      ...wall(0.75, -0.3, 0.75, 0.3),
    ];
    const rig = new SafetyRig(world, [20, 0]);
    for (let i = 0; i < 250; i++) rig.cycle('rule');
    expect(rig.o.x).toBeLessThan(-0.05);
    expect(rig.leastClearance).toBeGreaterThan(0);
  });
});
