import { describe, expect, it } from 'vitest';
import { ContextMap, MAX_LINEAR } from '../../../src/bakeoff/context-map.js';
import { Prng } from '../../../src/core/prng.js';

const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);

function expanded(map: ContextMap, features: Float64Array): Float64Array {
  const out = new Float64Array(map.outputCount).fill(Number.NaN);
  map.expand(features, out);
  return out;
}

const squared = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);

describe('the context that a policy sees', () => {
  it('is, linear, the features over the root of the columns', () => {
    const map = new ContextMap('linear', names(4), 4, 1);
    expect([...expanded(map, Float64Array.of(1, 2, -3, 0))]).toEqual([0.5, 1, -1.5, 0]);
  });

  it('has, curved, products and bumps beside these, each group about as long as the features are', () => {
    const map = new ContextMap('curved', names(20), 20, 1);
    const prng = Prng.seeded(3);
    let linear = 0;
    let products = 0;
    let bumps = 0;
    for (let k = 0; k < 200; k++) {
      const out = expanded(
        map,
        Float64Array.from({ length: 20 }, () => prng.nextNormal()),
      );
      linear += squared(out.slice(0, 20)) / 200;
      products += squared(out.slice(20, -128)) / 200;
      bumps += squared(out.slice(-128)) / 200;
    }
    expect(linear).toBeGreaterThan(0.9);
    expect(linear).toBeLessThan(1.1);
    expect(products).toBeGreaterThan(0.3);
    expect(products).toBeLessThan(1.2);
    expect(bumps).toBeGreaterThan(0.9);
    expect(bumps).toBeLessThan(1.1);
  });

  it('does not grow with the file beyond a limit: features are folded with signs', () => {
    const count = 2 * MAX_LINEAR;
    const linear = new ContextMap('linear', names(count), 4, 1);
    expect(linear.outputCount).toBe(MAX_LINEAR);
    const features = new Float64Array(count);
    features[7] = 2;
    const out = expanded(linear, features);
    expect(squared(out)).toBeCloseTo(1, 12);
    expect(new ContextMap('curved', names(count), 4, 1).outputCount).toBe(MAX_LINEAR + 128 + 128);
  });

  it('is the same for the same seed and another for another', () => {
    const features = Float64Array.of(1, 2, 3);
    const context = (seed: number) => [...expanded(new ContextMap('curved', names(3), 3, seed), features)];
    expect(context(5)).toEqual(context(5));
    expect(context(5)).not.toEqual(context(6));
  });

  it('refuses arrays of another length', () => {
    const map = new ContextMap('linear', names(3), 3, 1);
    expect(() => map.expand(new Float64Array(2), new Float64Array(3))).toThrow(RangeError);
    expect(() => map.expand(new Float64Array(3), new Float64Array(4))).toThrow(RangeError);
  });
});
