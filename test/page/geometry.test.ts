import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Camera, reach, roundLength, scanPoints, twistArc, wrapAngle } from '../../src/dashboard/page/geometry.js';

const metres = fc.double({ min: -1000, max: 1000, noNaN: true });

function camera(x: number, y: number, scale: number, up: number): Camera {
  return Object.assign(new Camera(), { x, y, scale, up, width: 800, height: 600 });
}

describe('the camera', () => {
  it('finds a place again from where it lies on the screen', () => {
    const scale = fc.double({ min: Camera.farthest, max: Camera.closest, noNaN: true });
    const angle = fc.double({ min: -7, max: 7, noNaN: true });
    fc.assert(
      fc.property(metres, metres, scale, angle, metres, metres, (x, y, pixels, up, px, py) => {
        const seen = camera(x, y, pixels, up);
        const [sx, sy] = [seen.screenX(px, py), seen.screenY(px, py)];
        expect(seen.worldX(sx, sy)).toBeCloseTo(px, 6);
        expect(seen.worldY(sx, sy)).toBeCloseTo(py, 6);
      }),
    );
  });

  it('has north up, and what is ahead of the robot up when it turns with it', () => {
    const north = camera(0, 0, 100, Math.PI / 2);
    expect([north.screenX(1, 0), north.screenY(1, 0)]).toEqual([500, expect.closeTo(300, 9)]);
    expect([north.screenX(0, 1), north.screenY(0, 1)]).toEqual([expect.closeTo(400, 9), 200]);
    const yaw = 2.1;
    const turned = camera(3, 4, 100, yaw);
    expect(turned.screenX(3 + Math.cos(yaw), 4 + Math.sin(yaw))).toBeCloseTo(400, 9);
    expect(turned.screenY(3 + Math.cos(yaw), 4 + Math.sin(yaw))).toBeCloseTo(200, 9);
  });

  it('keeps what is under the pointer there while it zooms, and moves it with the hand while it pans', () => {
    const seen = camera(1, 2, 60, 1.2);
    const [x, y] = [seen.worldX(700, 90), seen.worldY(700, 90)];
    seen.zoom(1.7, 700, 90);
    expect(seen.scale).toBeCloseTo(102, 9);
    expect(seen.screenX(x, y)).toBeCloseTo(700, 6);
    expect(seen.screenY(x, y)).toBeCloseTo(90, 6);
    seen.pan(-30, 45);
    expect(seen.screenX(x, y)).toBeCloseTo(670, 6);
    expect(seen.screenY(x, y)).toBeCloseTo(135, 6);
    for (let i = 0; i < 50; i++) seen.zoom(2, 0, 0);
    expect(seen.scale).toBe(Camera.closest);
  });
});

describe('what a twist does', () => {
  it('is what small steps of it add up to', () => {
    const speed = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(speed, speed, fc.double({ min: -4, max: 4, noNaN: true }), (vx, vy, turn) => {
        const out = new Float64Array(2 * 11);
        expect(twistArc(vx, vy, turn, 1.5, 10, out)).toBe(11);
        let [x, y] = [0, 0];
        const n = 4000;
        for (let i = 0; i < n; i++) {
          const yaw = (turn * 1.5 * (i + 0.5)) / n;
          x += ((vx * Math.cos(yaw) - vy * Math.sin(yaw)) * 1.5) / n;
          y += ((vx * Math.sin(yaw) + vy * Math.cos(yaw)) * 1.5) / n;
        }
        expect(out[20]).toBeCloseTo(x, 4);
        expect(out[21]).toBeCloseTo(y, 4);
      }),
    );
  });
});

describe('a scan', () => {
  it('is points in front of its mount; what failed or hit nothing is none', () => {
    const ranges = Float32Array.of(1, Number.NaN, 30, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY);
    const scan = { angleMin: 0, angleIncrement: Math.PI / 8, rangeMax: 30, mountX: 0.5, mountY: 0, mountYaw: 0 };
    const out = new Float64Array(12);
    expect(scanPoints(ranges, scan, out)).toBe(2);
    expect([...out.slice(0, 4)].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([1.5, 0, 0.5, 2]);
  });
});

it('a scale bar is 1, 2 or 5 times a power of ten, as long as fits', () => {
  expect([100, 60, 33, 4].map((scale) => roundLength(scale, 140))).toEqual([1, 2, 2, 20]);
  fc.assert(
    fc.property(fc.double({ min: 4, max: 800, noNaN: true }), (scale) => {
      const pixels = roundLength(scale, 140) * scale;
      expect(pixels).toBeLessThanOrEqual(140.000001);
      expect(pixels).toBeGreaterThan(140 / 2.6);
    }),
  );
});

it('angles are wrapped, and a footprint reaches as far as its farthest corner', () => {
  expect(wrapAngle(3 * Math.PI + 0.5)).toBeCloseTo(0.5 - Math.PI, 9);
  expect(wrapAngle(-3.5)).toBeCloseTo(2 * Math.PI - 3.5, 9);
  expect(reach([0.3, 0.4, -0.1, 0.2])).toBeCloseTo(0.5, 12);
});
