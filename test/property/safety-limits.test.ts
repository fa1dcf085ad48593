import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AxisLimiter } from '../../src/safety/axis-limiter.js';
import { type MotionLimits, TwistLimiter } from '../../src/safety/twist-limiter.js';

/** Rounding of a sum of a few thousand steps, relative to the limit. */
const ROUNDING = 1e-9;

/** Limits of robots from a crawling cart to the Jackal, at 20 to 200 cycles a second. */
const limitsOf = (omnidirectional: boolean) =>
  fc.record({
    stepS: fc.constantFrom(0.05, 0.02, 0.01, 0.005),
    maxSpeed: fc.double({ min: 0.1, max: 3, noNaN: true }),
    maxYawRate: fc.double({ min: 0.1, max: 6, noNaN: true }),
    maxAcceleration: fc.double({ min: 0.3, max: 20, noNaN: true }),
    maxYawAcceleration: fc.double({ min: 0.3, max: 25, noNaN: true }),
    // Full acceleration is there after 10 ms to 0.3 s.
    rampS: fc.double({ min: 0.01, max: 0.3, noNaN: true }),
    omnidirectional: fc.constant(omnidirectional),
  });

/** What is asked of the limiter in one stretch of cycles: a twist, far beyond the limits too, or the brakes. */
const stretches = fc.array(
  fc.record({
    cycles: fc.integer({ min: 1, max: 25 }),
    brake: fc.boolean(),
    vx: fc.double({ min: -5, max: 5, noNaN: true }),
    vy: fc.double({ min: -5, max: 5, noNaN: true }),
    yawRate: fc.double({ min: -9, max: 9, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

describe.each([
  ['differential', false],
  ['omnidirectional', true],
])('the twist limiter of a robot with %s drive', (_, omnidirectional) => {
  it('never exceeds speed, acceleration or jerk, whatever is asked and whenever it is braked', () => {
    fc.assert(
      fc.property(limitsOf(omnidirectional), stretches, ({ stepS, rampS, ...rest }, asked) => {
        const limits: MotionLimits = {
          ...rest,
          maxJerk: rest.maxAcceleration / rampS,
          maxYawJerk: rest.maxYawAcceleration / rampS,
        };
        const limiter = new TwistLimiter(limits, stepS);
        let before = { vx: 0, vy: 0, yawRate: 0, ax: 0, ay: 0, alpha: 0 };
        for (const { cycles, brake, vx, vy, yawRate } of asked) {
          for (let i = 0; i < cycles; i++) {
            if (brake) limiter.previewBrake();
            else limiter.preview(vx, vy, yawRate);
            // Nothing is sent until it is accepted.
            expect([limiter.sentVx, limiter.sentVy, limiter.sentYawRate]).toEqual([
              before.vx,
              before.vy,
              before.yawRate,
            ]);
            limiter.accept();
            const now = {
              vx: limiter.sentVx,
              vy: limiter.sentVy,
              yawRate: limiter.sentYawRate,
              ax: (limiter.sentVx - before.vx) / stepS,
              ay: (limiter.sentVy - before.vy) / stepS,
              alpha: (limiter.sentYawRate - before.yawRate) / stepS,
            };
            if (!omnidirectional) expect(Math.abs(now.vy)).toBe(0);
            const within = (value: number, limit: number, name: string) =>
              expect(value, name).toBeLessThanOrEqual(limit * (1 + ROUNDING) + ROUNDING / stepS ** 2);
            within(Math.hypot(now.vx, now.vy), limits.maxSpeed, 'speed');
            within(Math.abs(now.yawRate), limits.maxYawRate, 'yaw rate');
            within(Math.hypot(now.ax, now.ay), limits.maxAcceleration, 'acceleration');
            within(Math.abs(now.alpha), limits.maxYawAcceleration, 'yaw acceleration');
            within(Math.hypot(now.ax - before.ax, now.ay - before.ay) / stepS, limits.maxJerk, 'jerk');
            within(Math.abs(now.alpha - before.alpha) / stepS, limits.maxYawJerk, 'yaw jerk');
            before = now;
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is slowed to lower limits within acceleration and jerk, and keeps to them from then on', () => {
    const shares = fc.record({
      speed: fc.double({ min: 0.02, max: 1, noNaN: true }),
      yawRate: fc.double({ min: 0.02, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(limitsOf(omnidirectional), stretches, shares, ({ stepS, rampS, ...rest }, asked, share) => {
        const limits = { ...rest, maxJerk: rest.maxAcceleration / rampS, maxYawJerk: rest.maxYawAcceleration / rampS };
        const limiter = new TwistLimiter(limits, stepS);
        for (const { cycles, vx, vy, yawRate } of asked) {
          for (let i = 0; i < cycles; i++) {
            limiter.preview(vx, vy, yawRate);
            limiter.accept();
          }
        }
        const beforeSpeed = rest.maxSpeed;
        limits.maxSpeed *= share.speed;
        limits.maxYawRate *= share.yawRate;
        // From the old limit to the new one, with acceleration still rising, on an axis with 1/√2 of the brakes.
        const settleS =
          4 * (beforeSpeed / rest.maxAcceleration + rest.maxYawRate / rest.maxYawAcceleration + 3 * rampS);
        const settled = settleS / stepS + 10;
        const { vx, vy, yawRate } = asked[0];
        let before = { vx: limiter.sentVx, vy: limiter.sentVy, yawRate: limiter.sentYawRate };
        for (let i = 0; i < settled + 20; i++) {
          limiter.preview(vx, vy, yawRate);
          limiter.accept();
          const now = { vx: limiter.sentVx, vy: limiter.sentVy, yawRate: limiter.sentYawRate };
          const within = (value: number, limit: number, name: string) =>
            expect(value, name).toBeLessThanOrEqual(limit * (1 + ROUNDING) + ROUNDING);
          within(Math.hypot(now.vx - before.vx, now.vy - before.vy), limits.maxAcceleration * stepS, 'acceleration');
          within(Math.abs(now.yawRate - before.yawRate), limits.maxYawAcceleration * stepS, 'yaw acceleration');
          if (i > settled) {
            within(Math.hypot(now.vx, now.vy), limits.maxSpeed + 1e-6, 'speed');
            within(Math.abs(now.yawRate), limits.maxYawRate + 1e-6, 'yaw rate');
          }
          before = now;
        }
      }),
      { numRuns: 150 },
    );
  });

  it('comes to rest when it is braked, and stays there', () => {
    fc.assert(
      fc.property(limitsOf(omnidirectional), stretches, ({ stepS, rampS, ...rest }, asked) => {
        const limits = { ...rest, maxJerk: rest.maxAcceleration / rampS, maxYawJerk: rest.maxYawAcceleration / rampS };
        const limiter = new TwistLimiter(limits, stepS);
        for (const { cycles, vx, vy, yawRate } of asked) {
          for (let i = 0; i < cycles; i++) {
            limiter.preview(vx, vy, yawRate);
            limiter.accept();
          }
        }
        // From the top, with acceleration still rising, on an axis with 1/√2 of the brakes, at a share of 1/2 and more.
        const linear = rest.maxSpeed / rest.maxAcceleration;
        const angular = rest.maxYawRate / rest.maxYawAcceleration;
        const longestS = 4 * (linear + angular + 3 * rampS);
        for (let i = 0; i <= longestS / stepS + 10; i++) {
          limiter.previewBrake();
          limiter.accept();
        }
        for (let i = 0; i < 3; i++) {
          expect(Math.hypot(limiter.sentVx, limiter.sentVy)).toBeLessThan(1e-6 * limits.maxSpeed);
          expect(Math.abs(limiter.sentYawRate)).toBeLessThan(1e-6 * limits.maxYawRate);
          limiter.previewBrake();
          limiter.accept();
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('braking all components in proportion', () => {
  it('keeps the robot on the arc that was judged', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 2, noNaN: true }),
        fc.double({ min: -3.5, max: 3.5, noNaN: true }),
        (vx, yawRate) => {
          const stepS = 0.02;
          const limits = {
            omnidirectional: false,
            maxSpeed: 2,
            maxYawRate: 4,
            maxAcceleration: 20,
            maxYawAcceleration: 25,
            maxJerk: 400,
            maxYawJerk: 800,
          };
          const limiter = new TwistLimiter(limits, stepS);
          for (let i = 0; i < 200; i++) {
            limiter.preview(vx, 0, yawRate);
            limiter.accept();
          }
          expect(limiter.sentVx).toBeCloseTo(vx, 9);
          expect(limiter.sentYawRate).toBeCloseTo(yawRate, 9);
          let x = 0;
          let y = 0;
          let yaw = 0;
          let farthest = 0;
          for (let i = 0; i < 60; i++) {
            limiter.previewBrake();
            limiter.accept();
            const heading = yaw + 0.5 * limiter.sentYawRate * stepS;
            x += limiter.sentVx * stepS * Math.cos(heading);
            y += limiter.sentVx * stepS * Math.sin(heading);
            yaw += limiter.sentYawRate * stepS;
            // Off the circle of radius v/ω through the origin, or off the line.
            const curvature = yawRate / vx;
            const off = 2 * y - curvature * (x * x + y * y);
            farthest = Math.max(farthest, Math.abs(off) / 2);
          }
          // A thirtieth of the margin that safety keeps by default.
          expect(farthest).toBeLessThan(0.006);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the axis limiter', () => {
  const axis = fc.record({
    stepS: fc.constantFrom(0.05, 0.02, 0.01),
    maxAcceleration: fc.double({ min: 0.3, max: 20, noNaN: true }),
    rampS: fc.double({ min: 0.01, max: 0.5, noNaN: true }),
  });

  it('meets a target without overshoot, beyond what its acceleration makes unavoidable', () => {
    fc.assert(
      fc.property(
        axis,
        fc.array(fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.integer({ min: 1, max: 60 })), {
          minLength: 1,
          maxLength: 8,
        }),
        ({ stepS, maxAcceleration, rampS }, targets) => {
          const limiter = new AxisLimiter(stepS, maxAcceleration, maxAcceleration / rampS);
          for (const [target, cycles] of targets) {
            const low = Math.min(target, limiter.velocity, limiter.unavoidable) - 1e-9;
            const high = Math.max(target, limiter.velocity, limiter.unavoidable) + 1e-9;
            for (let i = 0; i < cycles; i++) {
              limiter.preview(target);
              limiter.accept();
              expect(limiter.velocity).toBeGreaterThanOrEqual(low);
              expect(limiter.velocity).toBeLessThanOrEqual(high);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('does not overshoot either where its ramps take hundreds of cycles', () => {
    // The default robot at 2 kHz takes 100, a gentle one at 1 kHz a thousand.
    for (const [frequency, maxAcceleration, maxJerk] of [
      [2000, 20, 400],
      [200, 2, 5],
      [1000, 1, 1],
    ]) {
      const limiter = new AxisLimiter(1 / frequency, maxAcceleration, maxJerk);
      for (const target of [2, -1, 0]) {
        const from = limiter.velocity;
        let low = from;
        let high = from;
        for (let i = 0; i < 8 * frequency; i++) {
          limiter.preview(target);
          limiter.accept();
          low = Math.min(low, limiter.velocity);
          high = Math.max(high, limiter.velocity);
        }
        expect(low).toBeGreaterThanOrEqual(Math.min(from, target) - 1e-9);
        expect(high).toBeLessThanOrEqual(Math.max(from, target) + 1e-9);
        expect(limiter.velocity).toBeCloseTo(target, 9);
      }
    }
  });

  it('reaches its target exactly and rests on it', () => {
    fc.assert(
      fc.property(axis, fc.double({ min: -3, max: 3, noNaN: true }), ({ stepS, maxAcceleration, rampS }, target) => {
        const limiter = new AxisLimiter(stepS, maxAcceleration, maxAcceleration / rampS);
        const cycles = (2 * Math.abs(target)) / maxAcceleration / stepS + (4 * rampS) / stepS + 20;
        for (let i = 0; i < cycles; i++) {
          limiter.preview(target);
          limiter.accept();
        }
        expect(limiter.velocity).toBeCloseTo(target, 9);
        expect(limiter.acceleration).toBeCloseTo(0, 6);
      }),
      { numRuns: 150 },
    );
  });

  it('knows the velocity that it cannot help reaching', () => {
    fc.assert(
      fc.property(axis, fc.integer({ min: 1, max: 40 }), ({ stepS, maxAcceleration, rampS }, cycles) => {
        const limiter = new AxisLimiter(stepS, maxAcceleration, maxAcceleration / rampS);
        for (let i = 0; i < cycles; i++) {
          limiter.preview(1000);
          limiter.accept();
        }
        limiter.preview(1000);
        limiter.foreseePeak();
        const foreseen = limiter.nextPeak;
        limiter.accept();
        expect(limiter.unavoidable).toBe(foreseen);
        let highest = limiter.velocity;
        for (let i = 0; i < 500; i++) {
          limiter.preview(-1000);
          limiter.accept();
          highest = Math.max(highest, limiter.velocity);
        }
        expect(highest).toBeCloseTo(foreseen, 9);
      }),
      { numRuns: 150 },
    );
  });
});
