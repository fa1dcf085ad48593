import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { RandomFourierFeatures } from '../../../src/features/random-fourier.js';

function expanded(map: RandomFourierFeatures, features: number[]): Float64Array {
  const out = new Float64Array(map.outputCount);
  map.expand(Float64Array.from(features), out, 0);
  return out;
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

describe('random Fourier features', () => {
  it('have the Gaussian kernel as their scalar product', () => {
    const map = new RandomFourierFeatures(3, 20_000, 2, 7);
    const prng = Prng.seeded(1);
    for (let k = 0; k < 20; k++) {
      const a = [prng.nextNormal(), prng.nextNormal(), prng.nextNormal()];
      const b = [prng.nextNormal(), prng.nextNormal(), prng.nextNormal()];
      const distance = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
      // The error of a mean of 20,000 products of spread below 1 is below 0.007; four of these.
      expect(Math.abs(dot(expanded(map, a), expanded(map, b)) - Math.exp(-distance / 8))).toBeLessThan(0.028);
    }
  });

  it('are the same for the same seed, and begin alike whatever their number', () => {
    const few = expanded(new RandomFourierFeatures(2, 4, 1, 9), [0.3, -1]);
    const again = expanded(new RandomFourierFeatures(2, 4, 1, 9), [0.3, -1]);
    const many = expanded(new RandomFourierFeatures(2, 16, 1, 9), [0.3, -1]);
    expect(few).toEqual(again);
    for (let k = 0; k < 4; k++) expect(many[k] * 2).toBeCloseTo(few[k], 12);
    expect(expanded(new RandomFourierFeatures(2, 4, 1, 10), [0.3, -1])).not.toEqual(few);
  });

  it('are written where told to, and nowhere else', () => {
    const map = new RandomFourierFeatures(1, 3, 1, 1);
    const out = new Float64Array(6).fill(0.25);
    map.expand(Float64Array.of(2), out, 2);
    expect(out.slice(2, 5)).toEqual(expanded(map, [2]));
    expect([out[0], out[1], out[5]]).toEqual([0.25, 0.25, 0.25]);
    expect(map.names).toEqual(['r0', 'r1', 'r2']);
  });

  it.each([
    [0, 4, 1, 'inputCount is 0'],
    [2, 1.5, 1, 'outputCount is 1.5'],
    [2, 4, 0, 'lengthScale is 0'],
    [2, 4, Number.NaN, 'lengthScale is NaN'],
  ])('refuse %d inputs, %d outputs and length scale %d', (inputs, outputs, lengthScale, message) => {
    expect(() => new RandomFourierFeatures(inputs, outputs, lengthScale, 1)).toThrow(message);
  });

  it('refuse arrays of another length', () => {
    const map = new RandomFourierFeatures(2, 3, 1, 1);
    expect(() => map.expand(new Float64Array(3), new Float64Array(3), 0)).toThrow(RangeError);
    expect(() => map.expand(new Float64Array(2), new Float64Array(3), 1)).toThrow(RangeError);
  });
});
