import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupedScaler } from '../../../src/features/grouped-scaling.js';
import { ScalerStateError } from '../../../src/features/scaler.js';

const groups = [
  { first: 0, count: 2, centred: true },
  { first: 2, count: 1, centred: false },
];
const make = (options = {}) => new GroupedScaler(groups, 3, 2, options);
const observations = fc.array(
  fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 6, maxLength: 6 }),
  { minLength: 1, maxLength: 30 },
);
const train = (scaler: GroupedScaler, rows: readonly (readonly number[])[]) => {
  for (const row of rows) expect(scaler.update(Float64Array.from(row))).toBe(true);
  return scaler;
};

describe('the grouped scaler', () => {
  it('has the mean and deviation of a group over all rows, and the root mean square where it is not centred', () => {
    fc.assert(
      fc.property(observations, (seen) => {
        const scaler = train(make(), seen);
        const first = seen.flatMap((o) => [o[0], o[1], o[3], o[4]]);
        const second = seen.flatMap((o) => [o[2], o[5]]);
        const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
        const centre = mean(first);
        const deviation = Math.sqrt(Math.max(mean(first.map((v) => (v - centre) ** 2)), 1e-4));
        expect(scaler.meanOf(0)).toBeCloseTo(centre, 8);
        expect(scaler.scaleOf(0) / deviation).toBeCloseTo(1, 6);
        expect(scaler.meanOf(1)).toBe(0);
        expect(scaler.scaleOf(1)).toBeCloseTo(Math.sqrt(Math.max(mean(second.map((v) => v * v)), 1e-4)), 6);
        expect(scaler.observations).toBe(seen.length);
      }),
    );
  });

  it('only clips before the first observation, and gives the mean for what is not finite', () => {
    const scaler = make();
    const out = new Float64Array(6);
    scaler.transform(Float64Array.of(1, -9, 9, Number.NaN, Infinity, 2), out);
    expect(Array.from(out)).toEqual([1, -5, 5, 0, 0, 2]);
    expect(scaler.update(Float64Array.of(1, 2, 3, 4, Number.NaN, 6))).toBe(false);
    expect(scaler.observations).toBe(0);
  });

  it('stays finite with the largest numbers there are', () => {
    const scaler = make();
    const huge = Float64Array.of(1e308, -1e308, 1e308, 1e308, -1e308, -1e308);
    for (let i = 0; i < 100; i++) scaler.update(huge);
    scaler.transform(huge, huge);
    expect(huge.every((value) => Math.abs(value) <= 5)).toBe(true);
    expect(() => make().importState(scaler.exportState())).not.toThrow();
  });

  it('stands still while frozen, and after so many observations', () => {
    const scaler = make({ freezeAfter: 2 });
    const row = (k: number) => Float64Array.of(k, k, k, -k, -k, k);
    scaler.update(row(1));
    scaler.frozen = true;
    expect(scaler.update(row(5))).toBe(false);
    scaler.frozen = false;
    scaler.update(row(2));
    const state = scaler.exportState();
    expect(scaler.update(row(7))).toBe(false);
    expect(scaler.exportState()).toEqual(state);
  });

  it('goes on with the same bits from a state, in memory that is not its own', () => {
    fc.assert(
      fc.property(observations, observations, (before, after) => {
        const one = train(make(), before);
        const memory = { buffer: new SharedArrayBuffer(8 + GroupedScaler.bytes(2)), byteOffset: 8 };
        const other = new GroupedScaler(groups, 3, 2, {}, memory);
        other.importState(one.exportState());
        expect(train(other, after).exportState()).toEqual(train(one, after).exportState());
      }),
    );
  });

  it('refuses a state that is not its own, and stays as it was', () => {
    const scaler = train(make(), [[1, 2, 3, 4, 5, 6]]);
    const state = scaler.exportState();
    const changed = (byte: number, value: number) => {
      const copy = state.slice();
      copy[byte] = value;
      return copy;
    };
    const numbers = (index: number, value: number) => {
      const copy = state.slice();
      new Float64Array(copy.buffer, 16)[index] = value;
      return copy;
    };
    for (const [bad, text] of [
      [state.slice(0, 9), 'cut off'],
      [changed(0, 0), 'not a grouped scaler state'],
      [changed(4, 9), 'has version 9'],
      [changed(8, 3), '3 groups of 3 features, this scaler 2 of 3'],
      [changed(12, 4), '2 groups of 4 features'],
      [state.slice(0, -8), 'bytes, expected'],
      [numbers(0, 0.5), 'counts 0.5 observations'],
      [numbers(1, Number.NaN), 'group 0 has mean NaN'],
      [numbers(2, 1), 'group 1 has mean 1'],
      [numbers(3, -1), 'spread -1'],
    ] as const) {
      expect(() => scaler.importState(bad)).toThrow(ScalerStateError);
      expect(() => scaler.importState(bad)).toThrow(text);
    }
    expect(scaler.exportState()).toEqual(state);
  });

  it('refuses options and arrays that do not fit', () => {
    expect(() => make({ clip: 0 })).toThrow('clip is 0');
    expect(() => make({ varianceFloor: 0 })).toThrow('varianceFloor is 0');
    expect(() => make({ freezeAfter: -1 })).toThrow('freezeAfter is -1');
    expect(() => new GroupedScaler(groups, 3, 0)).toThrow('rows is 0');
    expect(() => new GroupedScaler(groups, 4, 2)).toThrow('feature 3 belongs to 0 groups');
    expect(() => new GroupedScaler([...groups, groups[1]], 3, 2)).toThrow('feature 2 belongs to 2 groups');
    expect(() => new GroupedScaler(groups, 3, 2, {}, { buffer: new ArrayBuffer(8) })).toThrow('too small');
    expect(() => make().update(new Float64Array(5))).toThrow('another length');
    expect(() => make().transform(new Float64Array(6), new Float64Array(5))).toThrow('another length');
    expect(() => make().exportInto(new Uint8Array(8))).toThrow('more room');
  });
});
