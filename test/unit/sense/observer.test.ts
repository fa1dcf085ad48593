import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlMemory, planControlLayout } from '../../../src/memory/layout.js';
import { Observation } from '../../../src/memory/observation.js';
import type { RangeScan } from '../../../src/memory/observation-sink.js';
import { Observer } from '../../../src/sense/observer.js';
import { PoseHistory } from '../../../src/sense/pose-history.js';
import { ValidatingSink } from '../../../src/sense/validating-sink.js';

const SCAN: RangeScan = {
  angleMin: -Math.PI,
  angleIncrement: Math.PI / 4,
  rangeMin: 0.1,
  rangeMax: 10,
  count: 8,
  ranges: new Float32Array(8).fill(3),
  mountX: 0,
  mountY: 0,
  mountYaw: 0,
};

/** An observer on slots of its own; `at` reads them at a time. */
function rig() {
  const memory = new ControlMemory(
    planControlLayout({
      maxBeams: 16,
      decisionRecords: 2,
      policyBytes: 0,
      scalerBytes: 0,
      snapshotBytes: 0,
      statisticsBytes: 0,
    }),
  );
  const o = new Observation(16);
  const observer = new Observer(memory, o, 0.4);
  const at = (nowNs: number) => {
    o.nowNs = nowNs;
    observer.read();
    return o;
  };
  return { sink: new ValidatingSink(memory), at };
}

describe('the observer', () => {
  it('knows nothing before the first readings, and says so by their age', () => {
    const o = rig().at(1e9);
    expect([o.odometryAgeNs, o.rangesAgeNs, o.contactsAgeNs]).toEqual(new Array(3).fill(Number.POSITIVE_INFINITY));
    expect([o.hasGoal, o.newGoal, o.newScan, o.jumped, o.scanCount]).toEqual([false, false, false, false, 0]);
  });

  it('dates each input by its own arrival, not by its stamp', () => {
    const { sink, at } = rig();
    sink.odometry(7e15, 1e9, 0, 0, 0, 0, 0, 0);
    sink.ranges(8e15, 2e9, SCAN);
    sink.contacts(9e15, 3e9, 0, 0, 0, 0);
    let o = at(4e9);
    expect([o.odometryAgeNs, o.rangesAgeNs, o.contactsAgeNs]).toEqual([3e9, 2e9, 1e9]);
    sink.ranges(8e15 + 1e6, 4.5e9, SCAN);
    o = at(5e9);
    expect([o.odometryAgeNs, o.rangesAgeNs, o.contactsAgeNs]).toEqual([4e9, 0.5e9, 2e9]);
    expect([o.odometryStampNs, o.rangesStampNs]).toEqual([7e15, 8e15 + 1e6]);
  });

  it('takes the newest of several readings, and each but once', () => {
    const { sink, at } = rig();
    for (let i = 1; i <= 3; i++) {
      sink.odometry(i * 1e7, i * 1e7, 0.1 * i, 0.2 * i, 0.3, 0.4, 0.5, 0.6);
      sink.ranges(i * 1e7, i * 1e7, SCAN);
      sink.contacts(i * 1e7, i * 1e7, i, 2 * i, 3 * i, 4 * i);
    }
    let o = at(4e7);
    expect([o.x, o.y, o.vx, o.vy, o.yaw, o.yawRate]).toEqual([0.1 * 3, 0.2 * 3, 0.4, 0.5, 0.3, 0.6]);
    expect([...o.contact]).toEqual([3, 6, 9, 12]);
    expect([o.newScan, o.scanCount]).toEqual([true, 1]);
    o = at(5e7);
    expect([o.newScan, o.scanCount, o.x]).toEqual([false, 1, 0.1 * 3]);
  });

  it('knows of no contact sensors in another frame, until they speak there', () => {
    const { sink, at } = rig();
    sink.contacts(1e9, 1e9, 1, 2, 3, 4);
    expect(at(1.1e9).contactsAgeNs).toBe(0.1e9);
    sink.newFrame();
    expect(at(1.2e9).contactsAgeNs).toBe(Number.POSITIVE_INFINITY);
    sink.contacts(0, 1.3e9, 0, 0, 0, 5);
    const o = at(1.4e9);
    expect(o.contactsAgeNs).toBe(0.1e9);
    expect([...o.contact]).toEqual([0, 0, 0, 5]);
  });

  it('places the goal in front of the robot, and anew as the robot moves', () => {
    const coordinate = fc.double({ min: -20, max: 20, noNaN: true });
    const angle = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(coordinate, coordinate, angle, coordinate, coordinate, (x, y, yaw, goalX, goalY) => {
        const { sink, at } = rig();
        sink.odometry(1e18, 0, x, y, yaw, 0, 0, 0);
        sink.goal(0, 0, goalX, goalY, 0.5);
        const o = at(0);
        expect(o.yaw).toBeGreaterThanOrEqual(-Math.PI);
        expect(o.yaw).toBeLessThan(Math.PI);
        // Back in `odom`, it lies where it was put.
        expect(o.x + o.goalForward * Math.cos(yaw) - o.goalLeft * Math.sin(yaw)).toBeCloseTo(goalX, 9);
        expect(o.y + o.goalForward * Math.sin(yaw) + o.goalLeft * Math.cos(yaw)).toBeCloseTo(goalY, 9);
        expect(o.goalDistance).toBeCloseTo(Math.hypot(goalX - x, goalY - y), 9);
        expect(o.goalDistance * Math.cos(o.goalBearing)).toBeCloseTo(o.goalForward, 9);
        expect(o.goalDistance * Math.sin(o.goalBearing)).toBeCloseTo(o.goalLeft, 9);
        expect([o.goalOriginX, o.goalOriginY, o.goalTolerance]).toEqual([x, y, 0.5]);
      }),
    );
  });

  it('counts goals, marks a new one for one cycle, and drops one that is withdrawn', () => {
    const { sink, at } = rig();
    sink.odometry(1e9, 0, 1, 2, 0, 0, 0, 0);
    sink.goal(0, 0, 4, 6, 0.25);
    let o = at(1);
    expect([o.hasGoal, o.newGoal, o.goalCount, o.goalDistance]).toEqual([true, true, 1, 5]);
    sink.odometry(2e9, 0, 2, 2, 0, 0, 0, 0);
    o = at(2);
    expect([o.hasGoal, o.newGoal, o.goalCount, o.goalForward, o.goalLeft]).toEqual([true, false, 1, 2, 4]);
    expect([o.goalOriginX, o.goalOriginY]).toEqual([1, 2]);
    sink.goal(0, 0, 4, 6, 0.25);
    o = at(3);
    expect([o.newGoal, o.goalCount, o.goalOriginX, o.goalOriginY]).toEqual([true, 2, 2, 2]);
    sink.cancelGoal(0, 0);
    o = at(4);
    expect([o.hasGoal, o.newGoal, o.goalCount]).toEqual([false, false, 2]);
  });

  it('notices a robot that was put down elsewhere, not one that drives fast', () => {
    const { sink, at } = rig();
    sink.odometry(1e9, 0, 0, 0, 0, 0, 0, 0);
    at(0);
    sink.odometry(1e9 + 2e7, 0, 0.04, 0, 0, 2, 0, 0);
    expect(at(1).jumped).toBe(false);
    // After two seconds without odometry it may have driven 2 m/s all the while.
    sink.odometry(3e9 + 2e7, 0, 4, 0, 0, 2, 0, 0);
    expect(at(2).jumped).toBe(false);
    sink.odometry(3e9 + 4e7, 0, 9, 0, 0, 2, 0, 0);
    expect(at(3).jumped).toBe(true);
    expect(at(4).jumped).toBe(false);
  });

  it('takes a new frame for a jump, even where the pose stays as it was', () => {
    const { sink, at } = rig();
    sink.odometry(5e9, 0, 0, 0, 0, 0, 0, 0);
    at(0);
    sink.newFrame();
    sink.odometry(1e7, 0, 0, 0, 0, 0, 0, 0);
    expect(at(1).jumped).toBe(true);
    sink.odometry(2e7, 0, 0, 0, 0, 0, 0, 0);
    expect(at(2).jumped).toBe(false);
  });

  it('puts a scan where the robot was when it was taken', () => {
    const { sink, at } = rig();
    sink.odometry(1e9, 0, 0, 0, 3.1, 1, 0, 0.5);
    at(0);
    sink.odometry(1.1e9, 0, 0.1, 0.2, -3.1, 1, 0, 0.5);
    at(0);
    // Between two readings: on the short way through ±π.
    sink.ranges(1.05e9, 0, SCAN);
    let o = at(0);
    expect([o.scanX, o.scanY]).toEqual([expect.closeTo(0.05, 12), expect.closeTo(0.1, 12)]);
    expect(Math.cos(o.scanYaw - Math.PI)).toBeCloseTo(1, 12);
    // After the last one: as it moved then.
    sink.ranges(1.2e9, 0, SCAN);
    o = at(0);
    expect(o.scanYaw).toBeCloseTo(-3.05, 12);
    expect(o.scanX).toBeCloseTo(0.1 + 0.1 * Math.cos(-3.075), 12);
    expect(o.scanY).toBeCloseTo(0.2 + 0.1 * Math.sin(-3.075), 12);
    // On another clock: the newest pose is the best guess.
    sink.ranges(9e9, 0, SCAN);
    o = at(0);
    expect([o.scanX, o.scanY, o.scanYaw]).toEqual([0.1, 0.2, -3.1]);
  });
});

describe('the pose history', () => {
  function historyOf(count: number) {
    const history = new PoseHistory();
    const o = new Observation(1);
    for (let i = 0; i < count; i++) {
      o.odometryStampNs = i * 1e7;
      o.x = i;
      o.y = -i;
      o.yaw = 0.01 * i;
      history.push(o);
    }
    const at = (stampNs: number) => {
      o.rangesStampNs = stampNs;
      return { found: history.at(o), x: history.x, y: history.y, yaw: history.yaw };
    };
    return { history, at };
  }

  it('interpolates linearly between any two readings it holds', () => {
    const { at } = historyOf(50);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 49, noNaN: true }), (i) => {
        expect(at(i * 1e7)).toEqual({
          found: true,
          x: expect.closeTo(i, 6),
          y: expect.closeTo(-i, 6),
          yaw: expect.closeTo(0.01 * i, 6),
        });
      }),
    );
  });

  it('answers with its oldest pose for what lies before it, also after its ring has gone round', () => {
    expect(historyOf(3).at(-1e7)).toEqual({ found: true, x: 0, y: -0, yaw: 0 });
    const { at } = historyOf(200);
    expect(at(150 * 1e7)).toMatchObject({ x: expect.closeTo(150, 6) });
    expect(at(120 * 1e7)).toMatchObject({ x: 136 });
  });

  it('has nothing to say before the first reading and after it was cleared', () => {
    expect(historyOf(0).at(0).found).toBe(false);
    const { history, at } = historyOf(5);
    history.clear();
    expect(at(2e7).found).toBe(false);
  });
});
