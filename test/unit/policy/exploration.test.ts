import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import {
  distribute,
  distributeByGap,
  drawAction,
  EXPLORATION_FIELDS,
  Exploration,
  ExplorationField,
} from '../../../src/policy/exploration.js';

function fieldsOf(values: { tau?: number; gamma?: number; epsilon?: number }): Float64Array {
  const fields = new Float64Array(EXPLORATION_FIELDS);
  if (values.tau !== undefined) fields[ExplorationField.tau] = values.tau;
  if (values.gamma !== undefined) fields[ExplorationField.gamma] = values.gamma;
  if (values.epsilon !== undefined) fields[ExplorationField.epsilon] = values.epsilon;
  return fields;
}

const sum = (shares: Float64Array): number => shares.reduce((total, share) => total + share, 0);

describe('distribute', () => {
  it('gives the best what is not uniform, and several that are best the same', () => {
    const out = new Float64Array(4);
    expect(distribute(Float64Array.of(1, 3, 3, 2), null, Exploration.epsilon, fieldsOf({ epsilon: 0.2 }), out)).toBe(4);
    expect([...out]).toEqual([0.05, 0.45, 0.45, 0.05]);
    expect(distribute(Float64Array.of(1, 3, 3, 2), null, Exploration.epsilon, fieldsOf({}), out)).toBe(2);
    expect([...out]).toEqual([0, 0.5, 0.5, 0]);
  });

  it('takes an infinite value for the best', () => {
    const out = new Float64Array(3);
    const values = Float64Array.of(Infinity, 1, Infinity);
    expect(distribute(values, Uint8Array.of(0, 1, 1), Exploration.epsilon, fieldsOf({}), out)).toBe(1);
    expect([...out]).toEqual([0, 0, 1]);
  });

  it('weighs by exp(value / tau) among the allowed', () => {
    const out = new Float64Array(3);
    distribute(
      Float64Array.of(0, 900, Math.log(3)),
      Uint8Array.of(1, 0, 1),
      Exploration.boltzmann,
      fieldsOf({ tau: 1 }),
      out,
    );
    expect(out[0]).toBeCloseTo(0.25, 12);
    expect(out[1]).toBe(0);
    expect(out[2]).toBeCloseTo(0.75, 12);
  });
});

describe('distributeByGap', () => {
  it('gives an action 1 / (K + gamma gap), and the best the rest, wherever it stands', () => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const values = Float64Array.from(order, (i) => [0.9, 0.4, 0.7][i]);
      const out = new Float64Array(3);
      expect(distributeByGap(values, null, fieldsOf({ gamma: 10 }), out)).toBe(3);
      const [best, far, near] = [0, 1, 2].map((i) => out[order.indexOf(i)]);
      expect(far).toBeCloseTo(1 / 8, 15);
      expect(near).toBeCloseTo(1 / 5, 15);
      expect(best).toBeCloseTo(1 - 1 / 8 - 1 / 5, 15);
    }
  });

  it('counts and compares allowed actions only', () => {
    const out = new Float64Array(4);
    const allowed = Uint8Array.of(1, 0, 1, 0);
    expect(distributeByGap(Float64Array.of(0.5, 9, 0.25, 0), allowed, fieldsOf({ gamma: 8 }), out)).toBe(2);
    expect([...out]).toEqual([0.75, 0, 0.25, 0]);
    expect(distributeByGap(Float64Array.of(0.5, 9, 0.25, 0), new Uint8Array(4), fieldsOf({ gamma: 8 }), out)).toBe(0);
    expect([...out]).toEqual([0, 0, 0, 0]);
  });

  it('lets several that are best share what the others leave', () => {
    const out = new Float64Array(3);
    distributeByGap(Float64Array.of(1, 0, 1), null, fieldsOf({ gamma: 7 }), out);
    expect([...out]).toEqual([0.45, 0.1, 0.45]);
  });

  it('is uniform while gamma is 0, and greedy but for epsilon when it has grown', () => {
    const out = new Float64Array(4);
    const values = Float64Array.of(0.1, 0.4, 0.2, 0.3);
    distributeByGap(values, null, fieldsOf({}), out);
    expect([...out]).toEqual([0.25, 0.25, 0.25, 0.25]);
    distributeByGap(values, null, fieldsOf({ gamma: 1e30, epsilon: 0.2 }), out);
    for (const a of [0, 2, 3]) expect(out[a]).toBeCloseTo(0.05, 12);
    expect(out[1]).toBeCloseTo(0.85, 12);
    expect(sum(out)).toBeCloseTo(1, 14);
  });

  it('stays a distribution for the widest gaps there are', () => {
    const out = new Float64Array(3);
    distributeByGap(Float64Array.of(-1e300, 1e300, 0), null, fieldsOf({ gamma: 1e30 }), out);
    expect([...out]).toEqual([0, 1, 0]);
  });
});

describe('drawAction', () => {
  it('draws in proportion', () => {
    const counts = new Float64Array(3);
    const prng = Prng.seeded(3);
    for (let i = 0; i < 20_000; i++) counts[drawAction(Float64Array.of(0.2, 0, 0.8), 2, prng)]++;
    expect(counts[1]).toBe(0);
    // Five standard deviations.
    expect(Math.abs(counts[0] - 4000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.16));
  });

  it('falls to the last action with a share where rounding left the sum short, and to none where none has', () => {
    const prng = { nextFloat: () => 1 - 2 ** -53 } as Prng;
    expect(drawAction(Float64Array.of(0.5, 0.4999, 0), 2, prng)).toBe(1);
    expect(drawAction(new Float64Array(2), 0, prng)).toBe(-1);
  });

  it('leaves the generator alone where there is one to draw', () => {
    const prng = Prng.seeded(1);
    const untouched = Prng.seeded(1).nextUint32();
    expect(drawAction(Float64Array.of(0, 1), 1, prng)).toBe(1);
    expect(prng.nextUint32()).toBe(untouched);
  });
});
