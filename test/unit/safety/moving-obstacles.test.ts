import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { HeadingSweep } from '../../../src/safety/heading-sweep.js';
import { MovingObstacles } from '../../../src/safety/moving-obstacles.js';
import { NearbyPoints } from '../../../src/safety/nearby-points.js';
import { Verdict } from '../../../src/safety/stopping-sweep.js';
import {
  drivenAt,
  observationAt,
  optionsOf,
  type Point,
  SafetyRig,
  scan,
  stoppingSweepOf,
  surroundingsOf,
  wall,
} from './safety-rig.js';

const PERIOD_NS = 2e7;
const OPTIONS = optionsOf();

interface Round {
  x: number;
  y: number;
  vx: number;
  vy: number;
  radius: number;
}

/** The points of a round thing that a laser of half a degree at the origin sees, in order of bearing. */
function sight({ x, y, radius }: Round, noise: () => number = () => 0): Point[] {
  const distance = Math.hypot(x, y);
  const bearing = Math.atan2(y, x);
  const half = Math.asin(radius / distance);
  const points: Point[] = [];
  for (let angle = -half + 1e-3; angle < half; angle += 0.5 * (Math.PI / 180)) {
    const b = distance * Math.cos(angle);
    const range = b - Math.sqrt(Math.max(0, b * b - distance * distance + radius * radius)) + noise();
    points.push([range * Math.cos(bearing + angle), range * Math.sin(bearing + angle)]);
  }
  return points;
}

/** Whether a thing hides a point that lies behind it. */
function hides({ x, y, radius }: Round, [px, py]: Point): boolean {
  const apart = Math.atan2(y, x) - Math.atan2(py, px);
  const distance = Math.hypot(x, y);
  return Math.hypot(px, py) > distance && Math.abs(apart) < Math.asin(radius / distance) + 5e-3;
}

function rig(things: Round[], world: readonly Point[] = [], noise?: () => number) {
  const o = observationAt();
  const moving = new MovingObstacles();
  const watch = (seconds: number, hidden = false) => {
    for (let i = 0; i < seconds / (PERIOD_NS * 1e-9); i++) {
      o.nowNs += PERIOD_NS;
      for (const thing of things) {
        thing.x += thing.vx * PERIOD_NS * 1e-9;
        thing.y += thing.vy * PERIOD_NS * 1e-9;
      }
      const behind = world.filter((point) => !things.some((thing) => hides(thing, point)));
      scan(o, hidden ? world : [...behind, ...things.flatMap((thing) => sight(thing, noise))]);
      moving.track(o);
      moving.place(o);
    }
  };
  return { o, moving, watch };
}

describe('what moves', () => {
  it('is found with its place, its size and its velocity', () => {
    const walker = { x: 3, y: -1.2, vx: 0, vy: 0.8, radius: 0.25 };
    const { moving, watch } = rig([walker], wall(4, -4, 4, 4));
    watch(2);
    expect(moving.count).toBe(1);
    expect(Math.hypot(moving.x[0] - walker.x, moving.y[0] - walker.y)).toBeLessThan(0.08);
    expect(Math.hypot(moving.vx[0] - walker.vx, moving.vy[0] - walker.vy)).toBeLessThan(0.15);
    expect(moving.radius[0]).toBeCloseTo(walker.radius, 1);
  });

  it('is found through the noise of a sensor too', () => {
    const prng = Prng.seeded(3);
    const walker = { x: 2.5, y: 1, vx: 0, vy: -0.7, radius: 0.25 };
    const { moving, watch } = rig([walker], [], () => 0.005 * prng.nextNormal());
    watch(2);
    expect(moving.count).toBe(1);
    expect(moving.vy[0]).toBeLessThan(-0.4);
  });

  it('is told from what stands, and from walls', () => {
    const { moving, watch } = rig([{ x: 2, y: 0.5, vx: 0, vy: 0, radius: 0.25 }], wall(3, -3, 3, 3));
    watch(3);
    expect(moving.count).toBe(0);
  });

  it('is not believed at first sight', () => {
    const { moving, watch } = rig([{ x: 2, y: -0.5, vx: 0, vy: 0.8, radius: 0.25 }]);
    watch(0.1);
    expect(moving.count).toBe(0);
  });

  it('is forgotten when it should be seen and is not, or when the robot is put down elsewhere', () => {
    const walker = { x: 3, y: -1.2, vx: 0, vy: 0.8, radius: 0.25 };
    const { o, moving, watch } = rig([walker]);
    watch(1.5);
    expect(moving.count).toBe(1);
    watch(1, true);
    expect(moving.count).toBe(0);
    watch(1.5);
    expect(moving.count).toBe(1);
    moving.clear();
    moving.place(o);
    expect(moving.count).toBe(0);
  });

  it('goes on as it went while nobody looks, in the frame of the robot that turns', () => {
    const walker = { x: 3, y: -0.8, vx: 0, vy: 0.8, radius: 0.25 };
    const { o, moving, watch } = rig([walker]);
    watch(1.5);
    const y = moving.y[0];
    o.nowNs += 5e8;
    moving.place(o);
    expect(moving.y[0]).toBeCloseTo(y + 0.5 * moving.vy[0], 6);
    const [x, then] = [moving.x[0], moving.y[0]];
    const speed = Math.hypot(moving.vx[0], moving.vy[0]);
    o.yaw = Math.PI / 2;
    moving.place(o);
    expect([moving.x[0], moving.y[0]]).toEqual([expect.closeTo(then, 9), expect.closeTo(-x, 9)]);
    expect(Math.hypot(moving.vx[0], moving.vy[0])).toBeCloseTo(speed, 9);
  });

  it('keeps its place among more things than can be followed', () => {
    const things = Array.from({ length: 40 }, (_, i): Round => {
      const angle = (2 * Math.PI * i) / 40;
      return { x: 3 * Math.cos(angle), y: 3 * Math.sin(angle), vx: 0, vy: 0, radius: 0.12 };
    });
    const { moving, watch } = rig(things);
    watch(0.5);
    expect(moving.count).toBe(0);
    expect(moving.x).toHaveLength(32);
  });
});

describe('the way of what moves', () => {
  /** A believed mover, in front of a robot at the origin. */
  function crossing(x: number, y: number, vx: number, vy: number): MovingObstacles {
    const moving = new MovingObstacles();
    Object.assign(moving, { count: 1 });
    [moving.x[0], moving.y[0], moving.vx[0], moving.vy[0], moving.radius[0]] = [x, y, vx, vy, 0.25];
    return moving;
  }

  it('shortens the headings on which the robot would meet it, and no others', () => {
    const o = observationAt();
    scan(o, []);
    const sweep = new HeadingSweep(OPTIONS.footprint, 0.05, 3);
    sweep.sweep(o, new NearbyPoints(o.pointX.length, 5));
    sweep.place(o);
    // It comes toward the robot.
    sweep.avoid(crossing(1.5, 0, -0.5, 0), 1, 0.4, 1.5);
    expect(sweep.ahead[0]).toBeLessThan(2);
    expect(sweep.ahead[36]).toBe(3);
    sweep.place(o);
    // It has passed, and goes away faster than the robot comes.
    sweep.avoid(crossing(1.5, 0, 1.5, 0), 1, 0.4, 1.5);
    expect([...sweep.ahead].every((way) => way === 3)).toBe(true);
  });

  it('stops a motion that would meet it, and lets one pass that would not', () => {
    const o = observationAt();
    scan(o, []);
    const sweep = stoppingSweepOf(OPTIONS);
    const near = surroundingsOf(o, OPTIONS);
    const ahead = drivenAt(OPTIONS, 1.5, 0, 0);
    const judge = (moving: MovingObstacles) => sweep.judge(o, { ...near, moving }, ahead);
    expect(judge(crossing(0.65, 0, -1, 0))).toBe(Verdict.obstacle);
    expect(judge(crossing(0.65, 0, 1.8, 0))).toBe(Verdict.clear);
    expect(judge(crossing(3, 0, -1, 0))).toBe(Verdict.clear);
  });

  it('is kept out of by a robot whose goal lies across it', () => {
    const walker: Round = { x: 3, y: -2.2, vx: 0, vy: 0.7, radius: 0.25 };
    const robot = new SafetyRig([], [6, 0]);
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 400; i++) {
      walker.y += walker.vy * robot.options.stepS;
      const { o } = robot;
      const seen = sight({ ...walker, x: walker.x - o.x, y: walker.y - o.y });
      robot.points = seen.map(([x, y]): Point => [x + o.x, y + o.y]);
      robot.cycle('rule');
      if (Math.hypot(robot.safety.vx, robot.safety.yawRate) > 0.05) nearest = Math.min(nearest, robot.leastClearance);
    }
    expect(nearest).toBeGreaterThan(0);
    expect(robot.o.x).toBeGreaterThan(5);
  });
});
