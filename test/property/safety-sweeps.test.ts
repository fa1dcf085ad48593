import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { circumscribedRadius, distanceToOutline } from '../../src/safety/footprint.js';
import { HEADING_COUNT, HEADING_STEP, HeadingSweep } from '../../src/safety/heading-sweep.js';
import { NearbyPoints } from '../../src/safety/nearby-points.js';
import { StoppingPath } from '../../src/safety/stopping-path.js';
import { type StoppingSweep, Verdict } from '../../src/safety/stopping-sweep.js';
import { type MotionLimits, type Twist, TwistLimiter } from '../../src/safety/twist-limiter.js';
import { inWatchedArc } from '../../src/safety/watched-arc.js';
import {
  drivenAt,
  observationAt,
  optionsOf,
  type Point,
  scan,
  stoppingSweepOf,
  surroundingsOf,
} from '../unit/safety/safety-rig.js';

const JACKAL = optionsOf();
const OMNI = optionsOf({ 'robot.drive': 'omnidirectional' });
const REACTION_S = JACKAL.reactionS;

/**
 * The way of a robot that holds a twist for the reaction time and then brakes all of it in proportion, within the
 * acceleration and jerk of the axis that needs longest: in steps of 2 ms, the outline set down at each.
 *
 * @returns how much closer to a point the robot comes than it was and than the margin, the largest over all points [m];
 * 0 where it keeps clear
 */
function intrusion(
  points: readonly Point[],
  limits: MotionLimits,
  { length, width }: { length: number; width: number },
  margin: number,
  reactionS: number,
  { vx, vy, yawRate }: Twist,
): number {
  const profile = (value: number, acceleration: number, jerk: number) => {
    const ramp = Math.min(acceleration / jerk, Math.sqrt(value / jerk));
    return value === 0 ? 0 : ramp === acceleration / jerk ? value / acceleration + ramp : 2 * ramp;
  };
  const brakingS = Math.max(
    profile(Math.hypot(vx, vy), limits.maxAcceleration, limits.maxJerk),
    profile(Math.abs(yawRate), limits.maxYawAcceleration, limits.maxYawJerk),
  );
  const dt = 2e-3;
  const before = points.map(([x, y]) => distanceToOutline(x, y, length / 2, width / 2));
  let x = 0;
  let y = 0;
  let yaw = 0;
  let worst = 0;
  for (let t = 0.5 * dt; t < reactionS + brakingS; t += dt) {
    // A smooth fall from 1 to 0 that takes half its duration's worth of way, as any symmetric one does.
    const s = Math.max(0, (t - reactionS) / brakingS);
    const share = s <= 0 ? 1 : 1 - s * s * (3 - 2 * s);
    const heading = yaw + 0.5 * yawRate * share * dt;
    x += (vx * Math.cos(heading) - vy * Math.sin(heading)) * share * dt;
    y += (vx * Math.sin(heading) + vy * Math.cos(heading)) * share * dt;
    yaw += yawRate * share * dt;
    const cos = Math.cos(yaw);
    const sin = Math.sin(yaw);
    for (const [i, [px, py]] of points.entries()) {
      const d = distanceToOutline(
        (px - x) * cos + (py - y) * sin,
        (py - y) * cos - (px - x) * sin,
        length / 2,
        width / 2,
      );
      worst = Math.max(worst, Math.min(margin, before[i]) - d);
    }
  }
  return worst;
}

function judge(sweep: StoppingSweep, points: readonly Point[], driven: TwistLimiter): number {
  const o = observationAt();
  scan(o, points);
  return sweep.judge(o, surroundingsOf(o, JACKAL), driven);
}

/** Spread evenly, which `fc.double` is not: most of its numbers are next to zero. */
const between = (min: number, max: number) => fc.integer({ min: min * 1e4, max: max * 1e4 }).map((n) => n / 1e4);
const obstacles = fc.array(
  fc
    .tuple(between(-1.2, 1.2), between(-1.2, 1.2))
    // Whatever lies outside of the robot, within its margin or not.
    .filter(([x, y]) => distanceToOutline(x, y, JACKAL.footprint.length / 2, JACKAL.footprint.width / 2) > 0),
  { minLength: 1, maxLength: 25, size: 'max' },
);
const twist = (omnidirectional: boolean) =>
  fc.tuple(between(-2, 2), omnidirectional ? between(-2, 2) : fc.constant(0), between(-4, 4));

describe.each([
  ['differential', JACKAL],
  ['omnidirectional', OMNI],
])('the stopping sweep of a robot with %s drive', (_, options) => {
  const { limits, footprint, margin } = options;
  const sweep = stoppingSweepOf(options);

  it('never calls a motion clear that comes into the margin, beyond what lies between two of its places', () => {
    let clear = 0;
    let blocked = 0;
    fc.assert(
      fc.property(obstacles, twist(limits.omnidirectional), (points, motion) => {
        const driven = drivenAt(options, ...motion);
        const depth = intrusion(points, limits, footprint, margin, REACTION_S, driven);
        if (judge(sweep, points, driven) === Verdict.clear) {
          clear++;
          // A corner that passes diagonally between two places 3 cm apart goes in by half of that.
          expect(depth).toBeLessThan(0.016);
        } else blocked++;
      }),
      { numRuns: 500 },
    );
    expect(Math.min(clear, blocked)).toBeGreaterThan(20);
  });

  it('does not call a motion blocked that keeps well clear', () => {
    fc.assert(
      fc.property(obstacles, twist(limits.omnidirectional), (points, motion) => {
        // With a wider margin, and from farther away to begin with. An omnidirectional robot's axes have a smaller share of
        // the brakes each.
        const spare = 0.02;
        const driven = drivenAt(options, ...motion);
        const brakes = limits.omnidirectional
          ? {
              ...limits,
              maxAcceleration: limits.maxAcceleration * Math.SQRT1_2,
              maxJerk: limits.maxJerk * Math.SQRT1_2,
            }
          : limits;
        fc.pre(points.every(([x, y]) => distanceToOutline(x, y, footprint.length / 2, footprint.width / 2) > 0.07));
        const depth = intrusion(points, brakes, footprint, margin + spare, REACTION_S, driven);
        if (depth === 0) expect(judge(sweep, points, driven)).toBe(Verdict.clear);
      }),
      { numRuns: 500 },
    );
  });

  it('lets the robot leave what is inside its margin, and not come closer', () => {
    const close: Point[] = [[footprint.length / 2 + 0.5 * margin, 0]];
    expect(judge(sweep, close, drivenAt(options, 0.1, 0, 0))).toBe(Verdict.obstacle);
    expect(judge(sweep, close, drivenAt(options, -0.5, 0, 0))).toBe(Verdict.clear);
    if (limits.omnidirectional) expect(judge(sweep, close, drivenAt(options, 0, 0.5, 0))).toBe(Verdict.clear);
  });

  it('finds a standstill clear, whatever is around', () => {
    expect(judge(sweep, [[0.01, 0]], drivenAt(options, 0, 0, 0))).toBe(Verdict.clear);
  });
});

/** A pose in the frame in which the robot was told to brake. */
interface Pose {
  x: number;
  y: number;
  yaw: number;
}

/** Where the robot is after so long with a twist. */
function after({ x, y, yaw }: Pose, { vx, vy, yawRate }: Twist, seconds: number): Pose {
  const parts = 20;
  const pose = { x, y, yaw };
  for (let i = 0; i < parts; i++) {
    const heading = pose.yaw + (0.5 * yawRate * seconds) / parts;
    pose.x += ((vx * Math.cos(heading) - vy * Math.sin(heading)) * seconds) / parts;
    pose.y += ((vx * Math.sin(heading) + vy * Math.cos(heading)) * seconds) / parts;
    pose.yaw += (yawRate * seconds) / parts;
  }
  return pose;
}

/** The places of a way, and between each two of them a few more. */
function posesOf(path: StoppingPath): Pose[] {
  const poses: Pose[] = [{ x: 0, y: 0, yaw: 0 }];
  for (let k = 0; k < path.count; k++) {
    const { x, y, yaw } = poses[poses.length - 1];
    const turn = Math.atan2(path.sin[k], path.cos[k]);
    for (let i = 1; i <= 10; i++) {
      const share = i / 10;
      // Along the arc between them, whose chord bends by half of the turn.
      const bend = 0.5 * turn * (share - 1);
      const dx = share * (path.x[k] * Math.cos(bend) - path.y[k] * Math.sin(bend));
      const dy = share * (path.x[k] * Math.sin(bend) + path.y[k] * Math.cos(bend));
      poses.push({
        x: x + dx * Math.cos(yaw) - dy * Math.sin(yaw),
        y: y + dx * Math.sin(yaw) + dy * Math.cos(yaw),
        yaw: yaw + turn * share,
      });
    }
  }
  return poses;
}

/** Robots that take long to change their acceleration, alike in driving and turning, and not. */
const SOFT = { maxAcceleration: 2, maxJerk: 2, maxYawAcceleration: 4, maxYawJerk: 8 };
const SOFTER_TO_TURN = { maxAcceleration: 2, maxJerk: 40, maxYawAcceleration: 4, maxYawJerk: 8 };

describe.each([
  ['differential', 0.02, {}],
  ['omnidirectional', 0.02, {}],
  ['differential', 0.002, {}],
  ['omnidirectional', 0.001, {}],
  ['differential', 0.005, SOFT],
  ['omnidirectional', 0.02, SOFT],
  ['differential', 0.02, SOFTER_TO_TURN],
] as const)(
  'the way to a standstill that is foreseen, with %s drive and a period of %s s, %j',
  (drive, stepS, other) => {
    const standard = optionsOf({ 'robot.drive': drive });
    const options = { ...standard, stepS, limits: { ...standard.limits, ...other } };
    const { limits, footprint } = options;
    const radius = circumscribedRadius(footprint);
    const stopping = stoppingSweepOf(options);
    const share = () => between(-1, 1);
    // Hundredths of a second: as long as it takes to full acceleration and a little speed.
    const longestWish = 12 + Math.ceil(100 * (limits.maxAcceleration / limits.maxJerk));

    it('is the one that is driven, whatever the robot was about', () => {
      let longest = 0;
      fc.assert(
        fc.property(
          fc.array(fc.tuple(share(), share(), share(), fc.integer({ min: 1, max: longestWish })), {
            minLength: 1,
            maxLength: 6,
          }),
          (wishes) => {
            const limiter = new TwistLimiter(limits, stepS);
            const wish = ([vx, vy, yawRate]: readonly number[]) =>
              limiter.preview(vx * limits.maxSpeed, vy * limits.maxSpeed, yawRate * limits.maxYawRate);
            // Mostly in the middle of gaining or losing speed.
            for (const [vx, vy, yawRate, hundredths] of wishes) {
              for (let i = 0; i < (hundredths * 0.01) / stepS; i++) {
                wish([vx, vy, yawRate]);
                limiter.accept();
              }
            }
            wish(wishes[0] as unknown as number[]);
            const path = new StoppingPath(radius);
            path.holdS = stepS;
            const foreseenFrom = { peakVx: limiter.peakVx, peakVy: limiter.peakVy, peakYawRate: limiter.peakYawRate };
            limiter.writeStopping(path);
            expect(path.tooLong).toBe(false);
            const foreseen = posesOf(path);
            let pose: Pose = { x: 0, y: 0, yaw: 0 };
            let off = 0;
            let driven = 0;
            let swept = 0;
            for (let still = 0; still < 3; ) {
              limiter.accept();
              still = limiter.vx === 0 && limiter.vy === 0 && limiter.yawRate === 0 ? still + 1 : 0;
              pose = after(pose, limiter, stepS);
              driven += Math.hypot(limiter.vx, limiter.vy) * stepS;
              swept += (Math.hypot(limiter.vx, limiter.vy) + radius * Math.abs(limiter.yawRate)) * stepS;
              let nearest = Number.POSITIVE_INFINITY;
              for (const { x, y, yaw } of foreseen) {
                nearest = Math.min(nearest, Math.hypot(x - pose.x, y - pose.y) + radius * Math.abs(yaw - pose.yaw));
              }
              off = Math.max(off, nearest);
              limiter.previewBrake();
            }
            longest = Math.max(longest, Math.hypot(pose.x, pose.y));
            // A third of the margin, half of what lies between two of the poses that are compared in it; and somewhat more of a
            // way of meters.
            expect(off).toBeLessThan(0.01 + 0.03 * swept);
            expect(path.length).toBeGreaterThan(0.99 * driven - 0.01);
            const { peakVx, peakVy, peakYawRate } = foreseenFrom;
            expect(path.length).toBeLessThan(stopping.longestWay(Math.hypot(peakVx, peakVy), peakYawRate) + 1e-3);
          },
        ),
        { numRuns: 200 },
      );
      expect(longest).toBeGreaterThan(0.2);
    });
  },
);

describe('the stopping distance', () => {
  it('grows faster than speed, and holds the reaction time', () => {
    const sweep = stoppingSweepOf(JACKAL);
    // v·t + v²/2a + v·a/2j.
    expect(sweep.stoppingDistance(2)).toBeCloseTo(2 * REACTION_S + 4 / 40 + (2 * 20) / 800, 12);
    expect(sweep.stoppingDistance(0)).toBe(0);
    expect(sweep.stoppingDistance(2)).toBeGreaterThan(2 * sweep.stoppingDistance(1));
  });
});

describe('the heading sweep', () => {
  const planned = JACKAL.margin + JACKAL.planningMargin;
  const halfWidth = JACKAL.footprint.width / 2 + planned;
  const front = JACKAL.footprint.length / 2 + planned;
  const LOOKAHEAD = 3;

  /** How far the outline goes along a heading before the first point lies in it, with so much more or less width. */
  function freeWay(points: readonly Point[], heading: number, wider = 0): number {
    let free = LOOKAHEAD;
    for (const [x, y] of points) {
      const along = x * Math.cos(heading) + y * Math.sin(heading);
      const across = Math.abs(y * Math.cos(heading) - x * Math.sin(heading));
      // What lies exactly beside the robot counts in the wide sweep only.
      if (along > (wider > 0 ? -1e-9 : 1e-9) && across < halfWidth + wider)
        free = Math.min(free, Math.max(0, along - front));
    }
    return free;
  }

  function sweepOf(points: readonly Point[], fieldOfView = 2 * Math.PI) {
    const o = observationAt();
    scan(o, points, fieldOfView);
    const sweep = new HeadingSweep(JACKAL.footprint, planned, LOOKAHEAD);
    const nearby = new NearbyPoints(o.pointX.length, 20);
    nearby.absorb(o);
    sweep.sweep(o, nearby);
    sweep.place(o);
    return { o, sweep, nearby };
  }

  const cloud = fc.array(
    fc
      .tuple(fc.double({ min: -4, max: 4, noNaN: true }), fc.double({ min: -4, max: 4, noNaN: true }))
      .filter(([x, y]) => distanceToOutline(x, y, JACKAL.footprint.length / 2, JACKAL.footprint.width / 2) > 0),
    { maxLength: 40 },
  );

  it('never finds a way longer than it is, and hardly one shorter', () => {
    fc.assert(
      fc.property(cloud, (points) => {
        const { sweep } = sweepOf(points);
        let longer = 0;
        let shorter = 0;
        for (let h = 0; h < HEADING_COUNT; h++) {
          longer = Math.max(longer, sweep.ahead[h] - freeWay(points, h * HEADING_STEP, -1e-9));
          // The table of arc sines has 256 steps and rounds up: by a 256th of the distance, which is 3.3 m at most.
          shorter = Math.max(shorter, freeWay(points, h * HEADING_STEP, 3.35 / 256) - sweep.ahead[h]);
        }
        expect(longer).toBeLessThan(1e-9);
        expect(shorter).toBeLessThan(1e-9);
      }),
      { numRuns: 150 },
    );
  });

  it('turns and moves with the robot until the next scan', () => {
    fc.assert(
      fc.property(
        cloud,
        fc.integer({ min: -144, max: 144 }),
        fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        (points, turned, x, y) => {
          const { o, sweep } = sweepOf(points);
          const before = sweep.ahead.slice();
          o.yaw = Math.atan2(Math.sin(turned * HEADING_STEP), Math.cos(turned * HEADING_STEP));
          o.x = x;
          o.y = y;
          sweep.place(o);
          for (let h = 0; h < HEADING_COUNT; h++) {
            const then = (((h + turned) % HEADING_COUNT) + HEADING_COUNT) % HEADING_COUNT;
            const angle = then * HEADING_STEP;
            const driven = x * Math.cos(angle) + y * Math.sin(angle);
            expect(sweep.ahead[h]).toBeCloseTo(Math.max(0, before[then] - driven), 9);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('calls a heading that nobody watches blocked, until it has seen it', () => {
    const laser = 1.5 * Math.PI;
    const { o, sweep, nearby } = sweepOf([], laser);
    const behind = HEADING_COUNT / 2;
    expect([sweep.ahead[0], sweep.ahead[behind]]).toEqual([LOOKAHEAD, 0]);
    // It turns around on the spot, and looks; then it knows a while what now is behind it.
    for (const yaw of [1.5, 3, -2]) {
      o.nowNs += 2e8;
      o.yaw = yaw;
      scan(o, [], laser);
      nearby.absorb(o);
      sweep.sweep(o, nearby);
    }
    sweep.place(o);
    expect(sweep.ahead[behind]).toBe(LOOKAHEAD);
    o.nowNs += 10e9;
    scan(o, [], laser);
    sweep.sweep(o, nearby);
    sweep.place(o);
    expect(sweep.ahead[behind]).toBe(0);
  });

  it('forgets what it has seen when it is cleared', () => {
    const laser = 1.5 * Math.PI;
    const { o, sweep, nearby } = sweepOf([], laser);
    o.yaw = 3;
    scan(o, [], laser);
    sweep.clear();
    sweep.sweep(o, nearby);
    sweep.place(o);
    expect(sweep.ahead[HEADING_COUNT / 2]).toBe(0);
  });

  it('keeps what no beam sees in the way, though it has seen the place free a moment ago', () => {
    const laser = 1.5 * Math.PI;
    const { o, sweep, nearby } = sweepOf([], laser);
    const look = (yaw: number) => {
      o.nowNs += 2e8;
      o.yaw = yaw;
      scan(o, [], laser);
      nearby.absorb(o);
      sweep.sweep(o, nearby);
      sweep.place(o);
    };
    for (const yaw of [3, 0]) look(yaw);
    expect(sweep.ahead[HEADING_COUNT / 2]).toBe(LOOKAHEAD);
    // A bumper found something too low for the beams.
    nearby.remember(o, -0.8, 0);
    look(0);
    expect(sweep.ahead[HEADING_COUNT / 2]).toBeCloseTo(0.8 - front, 9);
    // Headings that pass it by are as free as they were.
    expect(sweep.ahead[HEADING_COUNT / 2 - 8]).toBe(LOOKAHEAD);
  });
});

describe('the watched arc', () => {
  it('holds the bearings between its ends, as seen from the sensor', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }),
        fc.double({ min: 0.1, max: 6, noNaN: true }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (arcStart, arcLength, share, range) => {
          const o = observationAt();
          Object.assign(o, { arcStart, arcLength, mountX: 0.2, mountY: -0.1 });
          const at = (angle: number, border = 0) =>
            inWatchedArc(o, 0.2 + range * Math.cos(angle), -0.1 + range * Math.sin(angle), border);
          expect(at(arcStart + share * arcLength)).toBe(true);
          expect(at(arcStart + arcLength + share * (2 * Math.PI - arcLength))).toBe(false);
          // A border narrows it at both ends.
          expect(at(arcStart + share * arcLength, 0.51 * arcLength)).toBe(false);
        },
      ),
    );
  });

  it('is all around where the sweep closes', () => {
    const o = observationAt();
    o.arcLength = 2 * Math.PI;
    expect(inWatchedArc(o, -1, 1e-9, 1)).toBe(true);
  });
});
