import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoveredGround } from '../../../src/safety/covered-ground.js';
import { circumscribedRadius, distanceToOutline } from '../../../src/safety/footprint.js';
import { NearbyPoints } from '../../../src/safety/nearby-points.js';
import { Verdict } from '../../../src/safety/stopping-sweep.js';
import { VisitedGround } from '../../../src/safety/visited-ground.js';
import {
  drivenAt,
  MAX_BEAMS,
  observationAt,
  optionsOf,
  type Point,
  scan,
  stoppingSweepOf,
  surroundingsOf,
} from './safety-rig.js';

const LASER = 1.5 * Math.PI;
const OPTIONS = optionsOf();

describe('the outline', () => {
  it('is as far from a point as the nearest of its border, negative inside', () => {
    const coordinate = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(coordinate, coordinate, (x, y) => {
        const d = distanceToOutline(x, y, 0.5, 0.3);
        const outside = Math.hypot(Math.max(0, Math.abs(x) - 0.5), Math.max(0, Math.abs(y) - 0.3));
        if (outside > 0) expect(d).toBeCloseTo(outside, 12);
        else expect(d).toBeCloseTo(-Math.min(0.5 - Math.abs(x), 0.3 - Math.abs(y)), 12);
      }),
    );
    expect(circumscribedRadius({ length: 0.6, width: 0.8 })).toBeCloseTo(0.5, 12);
  });
});

describe('the points nearby', () => {
  const rig = () => ({ o: observationAt(), points: new NearbyPoints(MAX_BEAMS, 2) });
  /** Where they lie in `odom`, as they are placed now. */
  const placed = (o: ReturnType<typeof observationAt>, points: NearbyPoints): Point[] => {
    points.place(o);
    return Array.from({ length: points.count }, (_, i): Point => {
      const [x, y] = [points.x[i], points.y[i]];
      const [cos, sin] = [Math.cos(o.yaw), Math.sin(o.yaw)];
      return [o.x + x * cos - y * sin, o.y + x * sin + y * cos];
    });
  };
  const near = ([x, y]: Point): Point => [expect.closeTo(x, 9), expect.closeTo(y, 9)];

  it('stay where they are while the robot moves on from its scan', () => {
    const pose = fc.double({ min: -0.4, max: 0.4, noNaN: true });
    fc.assert(
      fc.property(pose, pose, fc.double({ min: -3, max: 3, noNaN: true }), (x, y, yaw) => {
        const { o, points } = rig();
        Object.assign(o, { x: 5, y: -3, yaw: 2 });
        scan(o, [
          [6, -3],
          [5, -2.5],
        ]);
        points.absorb(o);
        Object.assign(o, { x: 5 + x, y: -3 + y, yaw });
        expect(placed(o, points).sort((a, b) => a[0] - b[0])).toEqual([near([5, -2.5]), near([6, -3])]);
      }),
    );
  });

  it('leave out what is too far to matter', () => {
    const { o, points } = rig();
    scan(o, [
      [1.9, 0],
      [2.1, 0],
    ]);
    points.absorb(o);
    expect(placed(o, points)).toEqual([near([1.9, 0])]);
  });

  it('remember what passes out of sight behind the robot, and forget it when it is seen again', () => {
    const { o, points } = rig();
    const post: Point = [-0.3, 0.8];
    const turn = (yaw: number, world: readonly Point[]) => {
      o.nowNs += 1e8;
      o.yaw = yaw;
      scan(o, world, LASER);
      points.absorb(o);
    };
    turn(0, [post]);
    expect(points.hiddenCount).toBe(0);
    turn(-0.3, [post]);
    turn(-0.6, [post]);
    expect(o.pointCount).toBe(0);
    expect(placed(o, points)).toEqual([near(post)]);
    // In the scan's frame, for the sweep of headings.
    expect([points.hiddenCount, Math.hypot(points.hiddenX[0], points.hiddenY[0])]).toEqual([
      1,
      expect.closeTo(Math.hypot(...post), 9),
    ]);
    // It looks again, and the post has gone.
    turn(0.5, []);
    expect(placed(o, points)).toEqual([]);
    expect(points.hiddenCount).toBe(0);
  });

  it('believe what is out of sight for a while only', () => {
    const { o, points } = rig();
    const post: Point = [-0.3, 0.8];
    for (const yaw of [0, -0.3, -0.6]) {
      o.nowNs += 1e8;
      o.yaw = yaw;
      scan(o, [post], LASER);
      points.absorb(o);
    }
    expect(placed(o, points)).toHaveLength(1);
    o.nowNs += 60e9;
    scan(o, [], LASER);
    points.absorb(o);
    expect(placed(o, points)).toEqual([]);
  });

  it('take a contact for a point that no beam saw, until the place is in sight', () => {
    const { o, points } = rig();
    Object.assign(o, { x: 1, y: 1, yaw: Math.PI / 2 });
    scan(o, [], LASER);
    points.absorb(o);
    points.remember(o, -0.3, 0);
    expect(placed(o, points)).toEqual([near([1, 0.7])]);
    points.remember(o, -0.31, 0);
    expect(placed(o, points)).toHaveLength(1);
    o.yaw = -Math.PI / 2;
    scan(o, [], LASER);
    points.absorb(o);
    expect(placed(o, points)).toEqual([]);
  });

  it('give the oldest up where there are too many to remember', () => {
    const { o, points } = rig();
    scan(o, [], LASER);
    points.absorb(o);
    for (let i = 0; i < 300; i++) {
      o.nowNs = i * 1e6;
      points.remember(o, -0.5 - 0.04 * (i % 20), -0.4 + 0.04 * Math.floor(i / 20));
    }
    const all = placed(o, points);
    expect(all).toHaveLength(256);
    // The last one is among them, the first is not.
    expect(all.some(([x, y]) => Math.abs(x + 1.26) < 1e-9 && Math.abs(y - 0.16) < 1e-9)).toBe(true);
    expect(all.some(([x, y]) => Math.abs(x + 0.5) < 1e-9 && Math.abs(y + 0.4) < 1e-9)).toBe(false);
  });

  it('are gone when they are cleared', () => {
    const { o, points } = rig();
    scan(o, [[1, 0]], LASER);
    points.absorb(o);
    points.remember(o, -0.5, 0);
    points.clear();
    expect(placed(o, points)).toEqual([]);
  });
});

describe('covered ground', () => {
  const { length, width } = OPTIONS.footprint;

  it('is what the outline stood on, on the whole way', () => {
    const covered = new CoveredGround(OPTIONS.footprint);
    const o = observationAt();
    expect(covered.covers(o, 0, 0)).toBe(false);
    for (let i = 0; i <= 50; i++) {
      o.x = 0.01 * i;
      o.nowNs += 2e7;
      covered.cover(o);
    }
    for (let x = -length / 2; x <= 0.5 + length / 2; x += 0.01) {
      expect(covered.covers(o, x, width / 2)).toBe(true);
      expect(covered.covers(o, x, -width / 2 - 0.05)).toBe(false);
    }
    expect(covered.covers(o, -length / 2 - 0.05, 0)).toBe(false);
    expect(covered.covers(o, 0.5 + length / 2 + 0.05, 0)).toBe(false);
  });

  it('follows the robot’s turning', () => {
    const covered = new CoveredGround(OPTIONS.footprint);
    const o = observationAt(0, 0, Math.PI / 2);
    covered.cover(o);
    expect(covered.covers(o, 0, length / 2)).toBe(true);
    expect(covered.covers(o, length / 2, 0)).toBe(false);
    o.yaw = 0;
    covered.cover(o);
    expect(covered.covers(o, length / 2, 0)).toBe(true);
  });

  it('is not believed for long, except where the robot stands', () => {
    const covered = new CoveredGround(OPTIONS.footprint);
    const o = observationAt();
    covered.cover(o);
    o.x = 1;
    for (let i = 0; i < 100; i++) {
      o.nowNs += 1e9;
      covered.cover(o);
      if (i === 2) expect(covered.covers(o, 0, 0)).toBe(true);
    }
    expect(covered.covers(o, 0, 0)).toBe(false);
    expect(covered.covers(o, 1, 0)).toBe(true);
    covered.clear();
    expect(covered.covers(o, 1, 0)).toBe(false);
  });
});

describe('backing off', () => {
  const sweep = stoppingSweepOf(OPTIONS);
  const backwards = drivenAt(OPTIONS, -0.2, 0, 0);
  const onTheSpot = drivenAt(OPTIONS, 0, 0, 1);

  it('onto ground that nobody has seen is refused, and allowed onto what was just driven on', () => {
    const o = observationAt();
    scan(o, [], LASER);
    const near = surroundingsOf(o, OPTIONS);
    expect(sweep.judge(o, near, backwards)).toBe(Verdict.unseenGround);
    expect(sweep.judge(o, near, onTheSpot)).toBe(Verdict.clear);
    for (let i = 0; i <= 15; i++) {
      o.x = 0.01 * i;
      near.covered.cover(o);
    }
    scan(o, [], LASER);
    expect(sweep.judge(o, near, backwards)).toBe(Verdict.clear);
    // Not farther than that, however.
    expect(sweep.judge(o, near, drivenAt(OPTIONS, -2, 0, 0))).toBe(Verdict.unseenGround);
  });

  it('needs nothing remembered where the sensor looks all around', () => {
    const o = observationAt();
    scan(o, []);
    expect(sweep.judge(o, surroundingsOf(o, OPTIONS), backwards)).toBe(Verdict.clear);
  });

  it('stops for what moved onto the covered ground, where that was seen', () => {
    const o = observationAt();
    scan(o, [[-OPTIONS.footprint.length / 2 - 0.04, 0]]);
    const near = surroundingsOf(o, OPTIONS);
    for (let i = 0; i < 5; i++) {
      o.x = 0;
      near.covered.cover(o);
    }
    expect(sweep.judge(o, near, backwards)).toBe(Verdict.obstacle);
  });
});

describe('visited ground', () => {
  const STEP_S = 0.02;
  const ahead = new Float64Array(8).fill(5);
  const dwelt = new Float64Array(8);

  function rig() {
    const visited = new VisitedGround(STEP_S, 8);
    const o = observationAt();
    const stay = (seconds: number) => {
      for (let i = 0; i < seconds / STEP_S; i++) {
        o.nowNs += STEP_S * 1e9;
        visited.visit(o);
      }
    };
    const survey = () => {
      visited.survey(o, ahead, 0.75, dwelt);
      return [...dwelt];
    };
    return { visited, o, stay, survey };
  }

  it('leaves no trace of passing through', () => {
    const { visited, o, stay, survey } = rig();
    for (let i = 0; i < 200; i++) {
      o.x = 0.02 * i;
      stay(STEP_S);
    }
    expect(visited.active).toBe(false);
    expect(survey()).toEqual(new Array(8).fill(0));
  });

  it('gets dearer the longer the robot has dwelt there, seen from anywhere', () => {
    const { visited, o, stay, survey } = rig();
    stay(10);
    expect(visited.active).toBe(true);
    // From 0.75 m ahead of the place, which then lies behind.
    o.x = 0.85;
    o.y = 0.1;
    const short = survey();
    expect(short[4]).toBeGreaterThan(3);
    expect(short[0]).toBe(0);
    Object.assign(o, { x: 0, y: 0 });
    stay(10);
    Object.assign(o, { x: 0.85, y: 0.1 });
    expect(survey()[4]).toBeGreaterThan(short[4]);
    // Facing the other way it lies ahead.
    o.yaw = Math.PI;
    expect(survey()[0]).toBeGreaterThan(short[4]);
  });

  it('fades with time, and is gone for a new goal', () => {
    const { visited, o, stay, survey } = rig();
    stay(10);
    Object.assign(o, { x: 0.85, y: 0.1 });
    const fresh = survey()[4];
    o.nowNs += 20e9;
    const old = survey()[4];
    expect(old).toBeLessThan(fresh);
    o.nowNs += 600e9;
    expect(survey()[4]).toBe(0);
    o.nowNs -= 620e9;
    visited.clear();
    expect([visited.active, survey()[4]]).toEqual([false, 0]);
  });

  it('does not take one place for another a grid’s length away', () => {
    const { o, stay, survey } = rig();
    stay(10);
    // The grid wraps after 16 m.
    Object.assign(o, { x: 16.85, y: 0.1 });
    expect(survey()).toEqual(new Array(8).fill(0));
  });

  it('makes coming back to a place dearer than passing it', () => {
    const passes = (count: number) => {
      const { o, stay, survey } = rig();
      for (let pass = 0; pass < count; pass++) {
        for (const x of [-1.4, -1, -0.5, 0, 0.5, 1, 1.4]) {
          o.x = pass % 2 === 0 ? x : -x;
          stay(0.3);
        }
        stay(4);
      }
      Object.assign(o, { x: 0.85, y: 0.1 });
      return survey()[4];
    };
    expect(passes(1)).toBe(0);
    expect(passes(4)).toBeGreaterThan(1);
  });
});
