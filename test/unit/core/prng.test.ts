import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';

const DRAWS = 100_000;

describe('the generator', () => {
  it('gives the reference sequence of xoshiro128** from the state 1, 2, 3, 4', () => {
    const prng = new Prng(Uint32Array.of(1, 2, 3, 4));
    const drawn = Array.from({ length: 10 }, () => prng.nextUint32());
    expect(drawn).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('continues with the same numbers from a copied state', () => {
    const state = new Uint32Array(4);
    const first = new Prng(state);
    first.seed(42);
    for (let i = 0; i < 100; i++) first.nextNormal();
    const second = new Prng(state.slice());
    for (let i = 0; i < 100; i++) expect(second.nextNormal()).toBe(first.nextNormal());
  });

  it('gives one sequence for one seed and others for others', () => {
    const sequence = (seed: number) => Array.from({ length: 4 }, Prng.prototype.nextUint32, Prng.seeded(seed));
    expect(sequence(7)).toEqual(sequence(7));
    expect(sequence(7)).not.toEqual(sequence(8));
  });

  it('draws floats evenly from [0, 1)', () => {
    const prng = Prng.seeded(1);
    const cells = new Uint32Array(100);
    for (let i = 0; i < DRAWS; i++) {
      const value = prng.nextFloat();
      expect(value >= 0 && value < 1).toBe(true);
      cells[Math.floor(value * 100)]++;
    }
    let chiSquared = 0;
    for (const count of cells) chiSquared += (count - DRAWS / 100) ** 2 / (DRAWS / 100);
    // The 99.99 % point of χ² with 99 degrees of freedom is 160.
    expect(chiSquared).toBeLessThan(160);
  });

  it('draws integers below a bound evenly and never the bound', () => {
    const prng = Prng.seeded(2);
    const counts = new Uint32Array(7);
    for (let i = 0; i < DRAWS; i++) counts[prng.nextBelow(7)]++;
    expect(counts.reduce((sum, count) => sum + count)).toBe(DRAWS);
    // Five standard deviations of a binomial count.
    for (const count of counts) expect(Math.abs(count - DRAWS / 7)).toBeLessThan(5 * Math.sqrt((DRAWS * 6) / 49));
  });

  it('draws standard normals', () => {
    const prng = Prng.seeded(3);
    let sum = 0;
    let squares = 0;
    let beyondTwo = 0;
    for (let i = 0; i < DRAWS; i++) {
      const value = prng.nextNormal();
      sum += value;
      squares += value * value;
      if (Math.abs(value) > 2) beyondTwo++;
    }
    expect(Math.abs(sum / DRAWS)).toBeLessThan(5 / Math.sqrt(DRAWS));
    expect(Math.abs(squares / DRAWS - 1)).toBeLessThan(5 * Math.sqrt(2 / DRAWS));
    expect(beyondTwo / DRAWS).toBeCloseTo(0.0455, 2);
  });

  it('leaves the same floats in an array as it returns', () => {
    const one = Prng.seeded(4);
    const two = Prng.seeded(4);
    const out = new Float64Array(2);
    for (let i = 0; i < 1000; i++) {
      two.nextFloatInto(out, 1);
      expect(out[1]).toBe(one.nextFloat());
      expect(two.nextUint32()).toBe(one.nextUint32());
    }
    expect(out[0]).toBe(0);
  });
});
