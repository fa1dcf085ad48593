import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../src/core/assert.js';
import { RecordRing } from '../../../src/memory/record-ring.js';

function ring(capacity: number, recordDoubles = 1): RecordRing {
  return new RecordRing(new SharedArrayBuffer(RecordRing.bytes(capacity, recordDoubles)), 0, capacity, recordDoubles);
}

describe('a record ring', () => {
  it('holds a power of two of records', () => {
    for (const capacity of [0, 1, 3, 6]) expect(() => ring(capacity)).toThrow(AssertionError);
  });

  it('is empty at first and leaves the reader’s array alone', () => {
    const out = Float64Array.of(9);
    expect(ring(2).read(out)).toBe(false);
    expect(out[0]).toBe(9);
  });

  it('counts on when its counters pass 2^31', () => {
    const buffer = new SharedArrayBuffer(RecordRing.bytes(4, 1));
    const writer = new RecordRing(buffer, 0, 4, 1);
    const reader = new RecordRing(buffer, 0, 4, 1);
    const counters = new Int32Array(buffer, 0, 2);
    counters.fill(0x7ffffffe);
    const out = new Float64Array(1);
    // Two billion records behind: the reader finds the four that are left.
    for (let i = 0; i < 4; i++) expect(reader.read(out)).toBe(true);
    expect(reader.read(out)).toBe(false);
    expect(reader.droppedCount).toBe(0x7ffffffe - 4);
    for (let value = 1; value <= 3; value++) {
      writer.record[0] = value;
      writer.commit();
    }
    expect(counters[0]).toBeLessThan(0);
    for (let value = 1; value <= 3; value++) {
      expect(reader.read(out)).toBe(true);
      expect(out[0]).toBe(value);
    }
    for (let value = 1; value <= 6; value++) {
      writer.record[0] = value;
      writer.commit();
    }
    expect(reader.read(out)).toBe(true);
    expect(out[0]).toBe(3);
    expect(reader.droppedCount).toBe(0x7ffffffe - 4 + 2);
  });
});
