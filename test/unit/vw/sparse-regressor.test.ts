import { describe, expect, it } from 'vitest';
import { SparseFeatures } from '../../../src/vw/hashing.js';
import { REGRESSOR_DEFAULTS, type RegressorSettings, SparseRegressor } from '../../../src/vw/sparse-regressor.js';

const settings = (change: Partial<RegressorSettings> = {}): RegressorSettings => {
  return { ...REGRESSOR_DEFAULTS, bits: 8, ...change };
};

function features(...pairs: readonly (readonly [number, number])[]): SparseFeatures {
  const sparse = new SparseFeatures();
  for (const [hash, value] of pairs) sparse.push(hash, value);
  return sparse;
}

describe('the sparse regressor', () => {
  it('allocates 2^bits weights of 16 bytes', () => {
    expect(new SparseRegressor(settings({ bits: 18 })).bytes).toBe(2 ** 22);
  });

  it('learns a line', () => {
    const regressor = new SparseRegressor(settings());
    for (let i = 0; i < 3000; i++) {
      const x = ((i * 7) % 13) / 6 - 1;
      regressor.learn(features([1, x], [2, 1]), 3 * x - 0.5, 1);
    }
    expect(regressor.predict(features([1, 0.5], [2, 1]))).toBeCloseTo(1, 2);
  });

  it('predicts within the labels it has seen, and ranks by what lies beyond', () => {
    const regressor = new SparseRegressor(settings());
    regressor.learn(features([1, 1]), 2, 1);
    expect(regressor.predict(features([1, 1000]))).toBe(2);
    expect(regressor.unclipped).toBeGreaterThan(2);
    expect(regressor.predict(features([1, -1000]))).toBe(0);
  });

  it('starts from the base it is given, and learns what is left', () => {
    const regressor = new SparseRegressor(settings());
    regressor.learn(features([1, 1]), 2, 1, 0, 2);
    expect(regressor.weight(1)).toBe(0);
    expect(regressor.predict(features([1, 1]), 0, 1.5)).toBe(1.5);
  });

  it('learns nothing from an importance of 0, and the whole error from a great one, never more', () => {
    const regressor = new SparseRegressor(settings());
    regressor.learn(features([1, 1]), 1, 0);
    expect(regressor.weight(1)).toBe(0);
    regressor.learn(features([1, 1]), 1, 1e9);
    expect(regressor.weight(1)).toBeCloseTo(1, 6);
  });

  it('does not mind the unit of a feature', () => {
    const [metres, millimetres] = [1, 1000].map((unit) => {
      const regressor = new SparseRegressor(settings());
      for (let i = 0; i < 50; i++) regressor.learn(features([1, unit * Math.sin(i)], [2, 1]), Math.sin(i) + 1, 1);
      return regressor.predict(features([1, unit * 0.5], [2, 1]));
    });
    expect(millimetres).toBeCloseTo(metres, 4);
  });

  it('keeps two weight vectors apart', () => {
    const regressor = new SparseRegressor(settings(), 2);
    regressor.learn(features([1, 1]), 1, 1, 1);
    expect(regressor.weight(1, 0)).toBe(0);
    expect(regressor.weight(1, 1)).toBeGreaterThan(0);
  });

  it('shrinks weights by L1 and L2, through the point where they are worked in', () => {
    const weightAfter = (change: Partial<RegressorSettings>) => {
      const regressor = new SparseRegressor(settings(change));
      for (let i = 0; i < 200; i++) regressor.learn(features([1, 1], [2, i % 3]), 1 + (i % 2), 1);
      return Math.abs(regressor.weight(1));
    };
    expect(weightAfter({ l1: 0.01 })).toBeLessThan(weightAfter({}));
    expect(weightAfter({ l2: 0.1 })).toBeLessThan(weightAfter({}));
    expect(weightAfter({ l1: 1e6 })).toBe(0);
    expect(weightAfter({ l2: 1e6 })).toBeLessThan(2);
  });

  it.each([0.5, 0.3])('keeps every weight finite whatever finite numbers come, with power_t %d', (powerT) => {
    const regressor = new SparseRegressor(settings({ powerT, bits: 3, l1: 1e-6, l2: 1e-6 }));
    const extremes = [3.4e38, -3.4e38, 1e-45, -1e-45, 1e19, 1e-19, 1, -1, 0.1];
    for (let i = 0; i < 20_000; i++) {
      const x = features([i % 5, extremes[i % 9]], [(i * 3) % 7, extremes[(i * 5) % 8]]);
      regressor.learn(x, extremes[(i * 7) % 9], [1, 1e-30, 1e30, 0.5][i % 4]);
      expect(Number.isFinite(regressor.predict(x))).toBe(true);
    }
    for (let hash = 0; hash < 8; hash++) expect(Number.isFinite(regressor.weight(hash))).toBe(true);
  });
});
