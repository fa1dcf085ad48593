import { describe, expect, it } from 'vitest';
import { StoppingPath } from '../../../src/safety/stopping-path.js';
import { Verdict } from '../../../src/safety/stopping-sweep.js';
import { drivenAt, observationAt, optionsOf, scan, stoppingSweepOf, surroundingsOf } from './safety-rig.js';

const RADIUS = 0.3;

function go(path: StoppingPath, vx: number, vy: number, yawRate: number, pieceS: number): void {
  Object.assign(path, { vx, vy, yawRate, pieceS });
  path.go();
}

/** Where a way ends, and the largest that a corner may have moved between two of its places. */
function followed(path: StoppingPath) {
  let x = 0;
  let y = 0;
  let yaw = 0;
  let seconds = 0;
  let widest = 0;
  for (let k = 0; k < path.count; k++) {
    const turn = Math.atan2(path.sin[k], path.cos[k]);
    x += path.x[k] * Math.cos(yaw) - path.y[k] * Math.sin(yaw);
    y += path.x[k] * Math.sin(yaw) + path.y[k] * Math.cos(yaw);
    yaw += turn;
    seconds += path.seconds[k];
    widest = Math.max(widest, Math.hypot(path.x[k], path.y[k]) + RADIUS * Math.abs(turn));
  }
  return { x, y, yaw, seconds, widest };
}

describe('a stopping path', () => {
  it('holds the places of all that was driven, 3 cm apart at most', () => {
    const path = new StoppingPath(RADIUS);
    path.begin();
    go(path, 2, 0, 0, 0.1);
    go(path, 1, 0, Math.PI, 0.5);
    go(path, 0, -0.4, 0, 0.5);
    for (let i = 0; i < 100; i++) go(path, 0.1, 0, 0, 0.01);
    path.end();
    // 0.2 m straight on, a quarter of a circle of radius 1/π, 0.2 m to the right and 0.1 m ahead, seen after the turn.
    const { x, y, yaw, seconds, widest } = followed(path);
    expect([x, y, yaw]).toEqual([
      expect.closeTo(0.2 + 1 / Math.PI + 0.2, 9),
      expect.closeTo(1 / Math.PI + 0.1, 9),
      expect.closeTo(Math.PI / 2, 9),
    ]);
    expect(seconds).toBeCloseTo(2.1, 9);
    expect(widest).toBeLessThan(0.03 + 1e-9);
    expect(path.length).toBeCloseTo(1, 9);
    // Slow pieces share a place.
    expect(path.count).toBeLessThan(1.5 * ((1 + (RADIUS * Math.PI) / 2) / 0.03));
  });

  it('has no places where the robot stands, and counts the wait before it goes', () => {
    const path = new StoppingPath(RADIUS);
    path.begin();
    go(path, 0, 0, 0, 0.5);
    path.end();
    expect(path.count).toBe(0);
    path.begin();
    go(path, 0, 0, 0, 0.5);
    go(path, 0, 0, 1, 0.1);
    path.end();
    expect(followed(path)).toMatchObject({ yaw: expect.closeTo(0.1, 9), seconds: expect.closeTo(0.6, 9) });
  });

  it('that is longer than its places reach says so, and begins anew', () => {
    const path = new StoppingPath(RADIUS);
    path.begin();
    go(path, 2, 0, 0, 5);
    go(path, 2, 0, 0, 0.01);
    path.end();
    expect([path.tooLong, path.count]).toEqual([true, 0]);
    path.begin();
    go(path, 2, 0, 0, 0.01);
    path.end();
    expect([path.tooLong, path.count]).toEqual([false, 1]);
  });
});

describe('the stopping sweep', () => {
  it('calls no motion clear whose way to a standstill is too long to be judged, unless there is nothing to be met', () => {
    const options = optionsOf({ 'robot.max_acceleration': 0.2 });
    const sweep = stoppingSweepOf(options);
    const fast = drivenAt(options, 2, 0, 0);
    const slow = drivenAt(options, 0.5, 0, 0);
    const o = observationAt();
    scan(o, [[8, 5]]);
    expect(sweep.judge(o, surroundingsOf(o, options), fast)).toBe(Verdict.obstacle);
    expect(sweep.judge(o, surroundingsOf(o, options), slow)).toBe(Verdict.clear);
    scan(o, []);
    expect(sweep.judge(o, surroundingsOf(o, options), fast)).toBe(Verdict.clear);
  });
});
