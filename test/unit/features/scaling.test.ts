import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScalerStateError } from '../../../src/features/scaler.js';
import { RunningScaler } from '../../../src/features/scaling.js';

const numbers = fc.array(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 2 }), {
  minLength: 1,
  maxLength: 40,
});

describe('the running scaler', () => {
  it('has the mean and population variance of what it saw', () => {
    fc.assert(
      fc.property(numbers, (rows) => {
        const scaler = new RunningScaler(2);
        for (const row of rows) expect(scaler.update(Float64Array.from(row))).toBe(true);
        for (const i of [0, 1]) {
          const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
          const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / rows.length;
          expect(scaler.meanOf(i)).toBeCloseTo(mean, 7);
          expect(Math.abs(scaler.varianceOf(i) - variance)).toBeLessThan(1e-6 * (1 + variance));
        }
        expect(scaler.observations).toBe(rows.length);
      }),
    );
  });

  it('scales by them, within the floor and the clip', () => {
    const scaler = new RunningScaler(2, { varianceFloor: 0.25, clip: 3 });
    const out = new Float64Array(2);
    scaler.transform(Float64Array.of(2, -7), out);
    expect([...out]).toEqual([2, -3]);
    for (const x of [10, 14]) scaler.update(Float64Array.of(x, 5));
    // Feature 0: mean 12, deviation 2. Feature 1: no variance, so the floor's deviation of 0.5.
    scaler.transform(Float64Array.of(15, 5.75), out);
    expect([...out]).toEqual([1.5, 1.5]);
    scaler.transform(Float64Array.of(1000, -1000), out);
    expect([...out]).toEqual([3, -3]);
    const inPlace = Float64Array.of(15, 5.75);
    scaler.transform(inPlace, inPlace);
    expect([...inPlace]).toEqual([1.5, 1.5]);
  });

  it('leaves out an observation that is not finite, and takes such a number for the mean', () => {
    const scaler = new RunningScaler(2);
    scaler.update(Float64Array.of(1, 2));
    const before = scaler.exportState();
    expect(scaler.update(Float64Array.of(5, Number.NaN))).toBe(false);
    expect(scaler.update(Float64Array.of(-Infinity, 5))).toBe(false);
    expect(scaler.exportState()).toEqual(before);
    const out = new Float64Array(2).fill(9);
    scaler.transform(Float64Array.of(Number.NaN, Infinity), out);
    expect([...out]).toEqual([0, 0]);
  });

  it('stays finite with any finite numbers', () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(any, fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 0)), { maxLength: 30 }),
        any,
        (seen, asked) => {
          const scaler = new RunningScaler(1);
          for (const x of seen) scaler.update(Float64Array.of(x));
          const out = new Float64Array(1);
          scaler.transform(Float64Array.of(asked), out);
          expect(Math.abs(out[0])).toBeLessThanOrEqual(5);
          expect(() => new RunningScaler(1).importState(scaler.exportState())).not.toThrow();
        },
      ),
    );
  });

  it('stands still while frozen, and by itself after as many observations as it was told', () => {
    const scaler = new RunningScaler(1, { freezeAfter: 3 });
    scaler.frozen = true;
    expect(scaler.update(Float64Array.of(1))).toBe(false);
    expect(scaler.observations).toBe(0);
    scaler.frozen = false;
    const taken = [1, 2, 3, 4, 5].map((x) => scaler.update(Float64Array.of(x)));
    expect(taken).toEqual([true, true, true, false, false]);
    expect(scaler.meanOf(0)).toBeCloseTo(2, 12);
  });

  it('goes on with the same bits after a save and load, in memory of the caller’s', () => {
    const one = new RunningScaler(3);
    for (let i = 0; i < 20; i++) one.update(Float64Array.of(i, i * i, Math.sin(i)));
    const buffer = new SharedArrayBuffer(RunningScaler.bytes(3) + 16);
    new Uint8Array(buffer).fill(0xff);
    const two = new RunningScaler(3, {}, { buffer, byteOffset: 8 });
    const state = new Uint8Array(one.stateBytes + 3);
    expect(one.exportInto(state.subarray(3))).toBe(one.stateBytes);
    two.importState(state.subarray(3));
    two.importState(Buffer.from([0, ...one.exportState()]).subarray(1));
    const outOne = new Float64Array(3);
    const outTwo = new Float64Array(3);
    for (let i = 0; i < 20; i++) {
      const raw = Float64Array.of(i * 2, -i, Math.cos(i));
      one.transform(raw, outOne);
      two.transform(raw, outTwo);
      expect(outTwo).toEqual(outOne);
      one.update(raw);
      two.update(raw);
    }
    expect(two.exportState()).toEqual(one.exportState());
    const outside = [...new Uint8Array(buffer, 0, 8), ...new Uint8Array(buffer, 8 + RunningScaler.bytes(3))];
    expect(outside.every((byte) => byte === 0xff)).toBe(true);
    two.reset();
    expect(two.exportState()).toEqual(new RunningScaler(3).exportState());
  });

  it('refuses a state that is foreign, of another shape or damaged, and keeps its own', () => {
    const scaler = new RunningScaler(2);
    scaler.update(Float64Array.of(1, 2));
    const state = scaler.exportState();
    const broken = (at: number, value: number): Uint8Array => {
      const copy = state.slice();
      new DataView(copy.buffer).setFloat64(at, value, true);
      return copy;
    };
    const version = state.slice();
    version[4] = 9;
    const cases = [
      new Uint8Array(state.length),
      state.slice(0, 5),
      state.slice(0, -8),
      new RunningScaler(3).exportState(),
      version,
      broken(16, -1),
      broken(16, 0.5),
      broken(24, Number.NaN),
      broken(40, -1),
      broken(40, Infinity),
    ];
    for (const bytes of cases) {
      expect(() => scaler.importState(bytes)).toThrow(ScalerStateError);
      expect(scaler.exportState()).toEqual(state);
    }
  });

  it('refuses senseless options, memory and lengths', () => {
    expect(() => new RunningScaler(0)).toThrow('count');
    expect(() => new RunningScaler(1, { varianceFloor: 0 })).toThrow('varianceFloor');
    expect(() => new RunningScaler(1, { clip: 0 })).toThrow('clip');
    expect(() => new RunningScaler(1, { freezeAfter: -1 })).toThrow('freezeAfter');
    expect(() => new RunningScaler(9, {}, { buffer: new ArrayBuffer(64) })).toThrow('too small');
    expect(() => new RunningScaler(2).update(new Float64Array(3))).toThrow(RangeError);
    expect(() => new RunningScaler(2).transform(new Float64Array(2), new Float64Array(1))).toThrow(RangeError);
    expect(() => new RunningScaler(2).exportInto(new Uint8Array(4))).toThrow(RangeError);
  });
});
