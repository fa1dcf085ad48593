import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, type Frame } from '../../src/dashboard/wire.js';

const doubles = fc.float64Array({ maxLength: 200 });
const scan = fc.record({
  angleMin: fc.double(),
  angleIncrement: fc.double(),
  rangeMax: fc.double(),
  mountX: fc.double(),
  mountY: fc.double(),
  mountYaw: fc.double(),
  ranges: fc.float32Array({ maxLength: 1000 }),
});
const frames: fc.Arbitrary<Frame> = fc.record({ atS: fc.double(), record: doubles, scan: fc.option(scan) });

describe('a frame on the wire', () => {
  it('comes back bit for bit, NaN, zeros of either sign and an absent scan among it', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const decoded = decodeFrame(encodeFrame(frame).buffer);
        // Object.is, element by element: toEqual takes -0 for 0 in typed arrays of either.
        expect(Object.is(decoded.atS, frame.atS)).toBe(true);
        expect([...decoded.record].map((value, i) => Object.is(value, frame.record[i]))).toEqual(
          [...frame.record].map(() => true),
        );
        expect(decoded.scan === null).toBe(frame.scan === null);
        if (frame.scan === null) return;
        const { ranges, ...pose } = frame.scan;
        expect(decoded.scan).toMatchObject(pose);
        expect([...(decoded.scan?.ranges ?? [])]).toEqual([...ranges]);
      }),
    );
  });

  it('tells a scan without beams from no scan', () => {
    const none = { angleMin: 0, angleIncrement: 0, rangeMax: 0, mountX: 0, mountY: 0, mountYaw: 0 };
    const frame = { atS: 1, record: new Float64Array(3), scan: { ...none, ranges: new Float32Array(0) } };
    expect(decodeFrame(encodeFrame(frame).buffer).scan?.ranges).toHaveLength(0);
    expect(decodeFrame(encodeFrame({ ...frame, scan: null }).buffer).scan).toBeNull();
  });

  it('of another length is refused, whatever its bytes are', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: -400, max: 400 }), (frame, change) => {
        const bytes = encodeFrame(frame);
        const length = Math.max(0, bytes.length + change);
        if (length === bytes.length) return;
        const foreign = new Uint8Array(length);
        foreign.set(bytes.subarray(0, length));
        expect(() => decodeFrame(foreign.buffer)).toThrow(RangeError);
      }),
    );
  });

  it('of any bytes at all is a frame or refused with a RangeError, and never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          const { record, scan } = decodeFrame(bytes.slice().buffer);
          expect(72 + record.byteLength + (scan?.ranges.byteLength ?? 0)).toBe(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
