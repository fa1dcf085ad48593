import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEGREE, wrapAngle } from '../../../src/core/angles.js';

describe('wrapAngle', () => {
  it('leaves the bounds where they belong: -π stays, π becomes -π', () => {
    expect(wrapAngle(-Math.PI)).toBe(-Math.PI);
    expect(wrapAngle(Math.PI)).toBe(-Math.PI);
    expect(wrapAngle(270 * DEGREE)).toBeCloseTo(-90 * DEGREE, 12);
  });

  it('gives the same direction in [-π, π) for every finite angle', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (angle) => {
        const wrapped = wrapAngle(angle);
        expect(wrapped).toBeGreaterThanOrEqual(-Math.PI);
        expect(wrapped).toBeLessThan(Math.PI);
        // The sine and cosine of an angle of 1e6 carry 1e6 × 2^-53 of error.
        expect(Math.cos(wrapped)).toBeCloseTo(Math.cos(angle), 8);
        expect(Math.sin(wrapped)).toBeCloseTo(Math.sin(angle), 8);
      }),
    );
  });

  it('stays in its interval one rounding step around odd multiples of π', () => {
    for (const turns of [-5, -3, -1, 1, 3, 5]) {
      for (const step of [-1, 0, 1]) {
        const angle = turns * Math.PI * (1 + step * Number.EPSILON);
        const wrapped = wrapAngle(angle);
        expect(wrapped >= -Math.PI && wrapped < Math.PI).toBe(true);
      }
    }
  });
});
