import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { NormalMaximum, normalCdf } from '../../../src/policy/normal-maximum.js';
import { NO_ACTION } from '../../../src/policy/policy.js';

function probabilities(means: number[], deviations: number[], allowed: Uint8Array | null = null): Float64Array {
  const arms = means.length;
  const out = new Float64Array(arms).fill(Number.NaN);
  const scratch = new Float64Array(NormalMaximum.doubles(arms)).fill(Number.NaN);
  new NormalMaximum(arms, scratch).probabilities(Float64Array.from(means), Float64Array.from(deviations), allowed, out);
  return out;
}

/** All integrals by a rule of five nodes on pieces of at most half of any arm's deviation near its mean. */
function slowly(means: number[], deviations: number[]): Float64Array {
  const cuts: number[] = [];
  for (const [a, mean] of means.entries()) for (let k = -18; k <= 18; k++) cuts.push(mean + 0.5 * k * deviations[a]);
  cuts.sort((one, two) => one - two);
  const from = Math.max(...means.map((mean, a) => mean - 9 * deviations[a]));
  const inner = Math.sqrt(5 - 2 * Math.sqrt(10 / 7)) / 3;
  const outer = Math.sqrt(5 + 2 * Math.sqrt(10 / 7)) / 3;
  const root = 13 * Math.sqrt(70);
  const rule = [
    [0, 128 / 225],
    [inner, (322 + root) / 900],
    [-inner, (322 + root) / 900],
    [outer, (322 - root) / 900],
    [-outer, (322 - root) / 900],
  ];
  const sums = new Float64Array(means.length);
  for (let i = 1; i < cuts.length; i++) {
    const half = (cuts[i] - cuts[i - 1]) / 2;
    if (cuts[i] <= from || half === 0) continue;
    for (const [node, weight] of rule) {
      const z = (cuts[i] + cuts[i - 1]) / 2 + half * node;
      const below = means.map((mean, b) => normalCdf((z - mean) / deviations[b]));
      for (const [a, mean] of means.entries()) {
        const t = (z - mean) / deviations[a];
        let value = (half * weight * Math.exp(-0.5 * t * t)) / (Math.sqrt(2 * Math.PI) * deviations[a]);
        for (let b = 0; b < below.length; b++) if (b !== a) value *= below[b];
        sums[a] += value;
      }
    }
  }
  return sums;
}

describe('the largest of independent normals', () => {
  it('has Φ right to 1e-15, also far out', () => {
    // From Abramowitz & Stegun, table 26.1 and 26.2.
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1)).toBeCloseTo(0.841344746068543, 14);
    expect(normalCdf(-2)).toBeCloseTo(0.02275013194817921, 15);
    expect(normalCdf(3)).toBeCloseTo(0.99865010196837, 14);
    expect(normalCdf(-5) / 2.866515718791939e-7).toBeCloseTo(1, 12);
    expect(normalCdf(-10) / 7.619853024160527e-24).toBeCloseTo(1, 12);
    expect(normalCdf(-50)).toBe(0);
    expect(normalCdf(50)).toBe(1);
    for (let t = -6; t < 6; t += 0.01) expect(normalCdf(t) + normalCdf(-t)).toBeCloseTo(1, 14);
  });

  it('is known in closed form for two arms, whatever their deviations', () => {
    const prng = Prng.seeded(1);
    let worst = 0;
    for (let i = 0; i < 3000; i++) {
      const deviations = [Math.exp(prng.nextRange(-20, 20)), Math.exp(prng.nextRange(-20, 20))];
      const both = Math.hypot(deviations[0], deviations[1]);
      const means = [prng.nextNormal() * 3 * both, 0];
      const [one, two] = probabilities(means, deviations);
      worst = Math.max(worst, Math.abs(one - normalCdf(means[0] / both)), Math.abs(two - normalCdf(-means[0] / both)));
    }
    expect(worst).toBeLessThan(1e-9);
  });

  it('agrees with a far finer rule, within 1e-9', () => {
    const prng = Prng.seeded(2);
    let worst = 0;
    for (let i = 0; i < 24; i++) {
      const arms = [3, 8, 12][i % 3];
      const spread = [0, 1, 4, 9][i % 4];
      const means = Array.from({ length: arms }, () => prng.nextNormal());
      const deviations = Array.from({ length: arms }, () => Math.exp(prng.nextRange(-spread, 0)));
      const expected = slowly(means, deviations);
      for (const [a, probability] of probabilities(means, deviations).entries()) {
        worst = Math.max(worst, Math.abs(probability - expected[a]));
      }
    }
    expect(worst).toBeLessThan(1e-9);
  });

  it('is right for a thousand arms, of which all but one are alike', () => {
    // P(the one) = ∫ φ(t) Φ(t)^1023 dt = 1/1024 where it is like the others; moved up it has a closed-form neighbour:
    // the complement is shared equally.
    const means = new Array<number>(1024).fill(0);
    const deviations = new Array<number>(1024).fill(1);
    for (const probability of probabilities(means, deviations)) {
      expect(Math.abs(probability - 1 / 1024)).toBeLessThan(1e-12);
    }
    means[17] = 2.5;
    const shares = probabilities(means, deviations);
    let own = 0;
    for (let k = -9000; k < 9000; k++) {
      const t = (k + 0.5) / 1000;
      own += (Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI) / 1000) * normalCdf(t + 2.5) ** 1023;
    }
    expect(Math.abs(shares[17] - own)).toBeLessThan(1e-9);
    expect(Math.abs(shares[3] - (1 - own) / 1023)).toBeLessThan(1e-9);
  });

  it('adds up to 1 within 1e-12 and leaves out what is not allowed', () => {
    const prng = Prng.seeded(3);
    for (let i = 0; i < 300; i++) {
      const arms = 1 + (i % 9);
      const means = Array.from({ length: arms }, () => 1e3 * prng.nextNormal() ** 5);
      const deviations = means.map(() => (prng.nextFloat() < 0.2 ? 0 : Math.exp(prng.nextRange(-30, 10))));
      const allowed = Uint8Array.from(means, (_, a) => (a === i % arms || prng.nextFloat() < 0.6 ? 1 : 0));
      const shares = probabilities(means, deviations, allowed);
      const best = Math.max(...means.filter((_, a) => allowed[a] !== 0));
      expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-12);
      for (let a = 0; a < arms; a++) {
        if (allowed[a] === 0) expect(shares[a]).toBe(0);
        else if (deviations[a] > 1e-6 * (best - means[a])) expect(shares[a]).toBeGreaterThan(0);
      }
    }
    expect([...probabilities([1, 2], [1, 1], new Uint8Array(2))]).toEqual([0, 0]);
  });

  it('shares what arms without a deviation win, and lets one that varies pass them', () => {
    expect([...probabilities([1, 3, 3], [0, 0, 0])]).toEqual([0, 0.5, 0.5]);
    const [low, one, two, wide] = probabilities([1, 3, 3, 2], [0, 0, 0, 2]);
    expect(low).toBe(0);
    expect(one).toBe(two);
    expect(Math.abs(wide - normalCdf(-0.5))).toBeLessThan(1e-9);
    expect(Math.abs(one - normalCdf(0.5) / 2)).toBeLessThan(1e-9);
    // Far above, far below.
    expect(probabilities([0, 100], [0, 1])[1]).toBeCloseTo(1, 12);
    const below = probabilities([0, -100], [0, 1]);
    expect(below[0]).toBeCloseTo(1, 12);
    expect(below[1]).toBeGreaterThan(0);
    expect(below[1]).toBeLessThan(1e-12);
  });

  it('takes arms far apart for certain', () => {
    const shares = probabilities([0, 1000, -1000], [1, 1, 1]);
    expect(shares[1]).toBeCloseTo(1, 12);
    expect(shares[0]).toBeLessThan(1e-12);
    // Magnitudes at which a draw could not be told from its mean.
    expect(probabilities([1e20, 1e20 - 1e6], [1e-3, 1e-3])[0]).toBeCloseTo(1, 12);
    expect([...probabilities([-1e20, -1e20], [1e-30, 1e-30])]).toEqual([0.5, 0.5]);
    for (const share of probabilities([1e45, -1e45, 0], [1e30, 1e45, 1e-140])) {
      expect(share >= 0 && share <= 1).toBe(true);
    }
  });

  it('draws as often as it says', () => {
    const means = Float64Array.of(0, 0.5, -1, 0.2, 0.3);
    const deviations = Float64Array.of(1, 0.1, 2, 0, 0.4);
    const allowed = Uint8Array.of(1, 1, 1, 1, 0);
    const maximum = new NormalMaximum(5, new Float64Array(NormalMaximum.doubles(5)));
    const shares = new Float64Array(5);
    expect(maximum.probabilities(means, deviations, allowed, shares)).toBe(4);
    const prng = Prng.seeded(4);
    const counts = new Float64Array(5);
    const draws = 200_000;
    for (let i = 0; i < draws; i++) counts[maximum.draw(means, deviations, allowed, prng)]++;
    for (let a = 0; a < 5; a++) {
      const deviation = Math.sqrt((shares[a] * (1 - shares[a])) / draws);
      expect(Math.abs(counts[a] / draws - shares[a])).toBeLessThanOrEqual(5 * deviation);
    }
    expect(maximum.draw(means, deviations, new Uint8Array(5), prng)).toBe(NO_ACTION);
  });

  it('breaks ties evenly', () => {
    const maximum = new NormalMaximum(3, new Float64Array(NormalMaximum.doubles(3)));
    const prng = Prng.seeded(5);
    const counts = new Float64Array(3);
    for (let i = 0; i < 30_000; i++) counts[maximum.draw(Float64Array.of(1, 1, 1), new Float64Array(3), null, prng)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(450);
  });
});
