import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuadraticInteractions } from '../../../src/features/interactions.js';

const names = Array.from({ length: 24 }, (_, i) => `f${i}`);

describe('quadratic interactions', () => {
  it('put the product of every two features in exactly one place, with a sign', () => {
    const interactions = new QuadraticInteractions(names, 12);
    const places = new Set<number>();
    let positive = 0;
    for (let i = 0; i < 24; i++) {
      for (let j = i; j < 24; j++) {
        const products = [...pairOf(interactions, i, j).subarray(24)];
        const reached = products.flatMap((x, place) => (x === 0 ? [] : [place]));
        expect(reached).toHaveLength(1);
        expect(Math.abs(products[reached[0]])).toBe(1);
        places.add(reached[0]);
        if (products[reached[0]] > 0) positive++;
      }
    }
    expect(places.size).toBe(interactions.outputCount - 24);
    // Half of 300, within five standard deviations.
    expect(Math.abs(positive - 150)).toBeLessThan(5 * Math.sqrt(75));
  });

  it('add up with their signs where they share a place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 5, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        (numbers, bits) => {
          const interactions = new QuadraticInteractions(names.slice(0, 5), bits);
          const out = new Float64Array(interactions.outputCount);
          const features = Float64Array.from(numbers);
          interactions.expand(features, out);
          // Bilinear: the products of a sum of unit vectors, found one pair at a time.
          const expected = new Float64Array(interactions.outputCount);
          for (let i = 0; i < 5; i++) {
            for (let j = i; j < 5; j++) {
              const pair = pairOf(interactions, i, j);
              for (let k = 5; k < expected.length; k++) expected[k] += pair[k] * numbers[i] * numbers[j];
            }
          }
          expect([...out.subarray(5)].map((x) => x + 0)).toEqual([...expected.subarray(5)].map((x) => x + 0));
          expect(interactions.outputCount).toBeLessThanOrEqual(5 + Math.min(15, 2 ** bits));
        },
      ),
    );
  });

  it('go by the names of the features and not by their order', () => {
    const forward = new QuadraticInteractions(['a', 'b', 'c'], 10);
    const backward = new QuadraticInteractions(['c', 'b', 'a'], 10);
    expect(backward.names.slice(3)).toEqual(forward.names.slice(3));
    const one = new Float64Array(forward.outputCount);
    const two = new Float64Array(backward.outputCount);
    forward.expand(Float64Array.of(2, 3, 5), one);
    backward.expand(Float64Array.of(5, 3, 2), two);
    expect([...two.subarray(3)]).toEqual([...one.subarray(3)]);
  });

  it('leave out places that no product reaches, and overwrite what was there', () => {
    const interactions = new QuadraticInteractions(names, 12);
    expect(interactions.outputCount).toBeLessThanOrEqual(24 + 300);
    expect(interactions.outputCount).toBeGreaterThan(24 + 260);
    expect(interactions.names).toHaveLength(interactions.outputCount);
    expect(new Set(interactions.names).size).toBe(interactions.outputCount);
    const out = new Float64Array(interactions.outputCount).fill(Number.NaN);
    interactions.expand(new Float64Array(24).fill(1), out);
    for (const value of out) expect(Number.isInteger(value)).toBe(true);
  });

  it('refuse senseless sizes', () => {
    expect(() => new QuadraticInteractions([], 4)).toThrow('at least one');
    expect(() => new QuadraticInteractions(['a'], 0)).toThrow('hash_bits');
    expect(() => new QuadraticInteractions(['a'], 25)).toThrow('hash_bits');
    const interactions = new QuadraticInteractions(['a'], 4);
    expect(() => interactions.expand(new Float64Array(2), new Float64Array(2))).toThrow(RangeError);
    expect(() => interactions.expand(new Float64Array(1), new Float64Array(1))).toThrow(RangeError);
  });
});

/** Where and with which sign the product of two features goes, by subtracting the squares from the whole. */
function pairOf(interactions: QuadraticInteractions, i: number, j: number): Float64Array {
  const square = (k: number): Float64Array => {
    const features = new Float64Array(interactions.inputCount);
    features[k] = 1;
    const out = new Float64Array(interactions.outputCount);
    interactions.expand(features, out);
    return out;
  };
  if (i === j) return square(i);
  const features = new Float64Array(interactions.inputCount);
  features[i] = 1;
  features[j] = 1;
  const out = new Float64Array(interactions.outputCount);
  interactions.expand(features, out);
  const first = square(i);
  const second = square(j);
  return out.map((x, k) => x - first[k] - second[k]);
}
