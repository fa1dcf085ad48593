import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatestValueSlot } from '../../src/memory/latest-value-slot.js';
import { RecordRing } from '../../src/memory/record-ring.js';

const POISON = -1;

describe('a latest-value slot', () => {
  it('behaves as a variable that the reader learns of at most once per value', () => {
    const steps = fc.array(fc.constantFrom('write', 'publish', 'take', 'poison', 'attach'), {
      maxLength: 200,
      size: 'max',
    });
    fc.assert(
      fc.property(steps, (script) => {
        const buffer = new SharedArrayBuffer(LatestValueSlot.bytes(3, 5));
        const writer = new LatestValueSlot(buffer, 0, 3, 5);
        const reader = new LatestValueSlot(buffer, 0, 3, 5);
        let written = 0;
        let published = 0;
        let held = 0;
        for (const step of script) {
          if (step === 'write' || step === 'publish') {
            written++;
            writer.doubles[writer.writeIndex].fill(written);
            writer.singles[writer.writeIndex].fill(written);
            // A value that is written and not published is nobody's.
            if (step === 'publish') {
              writer.publish();
              published = written;
            }
          } else if (step === 'poison') {
            // The writer's buffer is the writer's alone.
            writer.doubles[writer.writeIndex].fill(POISON);
          } else if (step === 'attach') {
            // A view that joins later must not disturb the two that are at work.
            new LatestValueSlot(buffer, 0, 3, 5);
          } else {
            expect(reader.take()).toBe(published > held);
            held = published;
          }
          if (held > 0) {
            expect(reader.doubles[reader.readIndex].every((value) => value === held)).toBe(true);
            expect(reader.singles[reader.readIndex].every((value) => value === held)).toBe(true);
          }
        }
      }),
    );
  });
});

describe('a record ring', () => {
  it('behaves as a list that loses its oldest records when there are too many, and says how many', () => {
    const script = fc.array(fc.record({ writes: fc.nat(12), reads: fc.nat(12) }), { maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(fc.constantFrom(2, 4, 8), fc.integer({ min: 1, max: 5 }), script, (capacity, doubles, steps) => {
        const buffer = new SharedArrayBuffer(RecordRing.bytes(capacity, doubles));
        const writer = new RecordRing(buffer, 0, capacity, doubles);
        const reader = new RecordRing(buffer, 0, capacity, doubles);
        const out = new Float64Array(doubles);
        const list: number[] = [];
        let written = 0;
        let dropped = 0;
        for (const { writes, reads } of steps) {
          for (let i = 0; i < writes; i++) {
            writer.record.fill(++written);
            writer.commit();
            list.push(written);
          }
          while (list.length > capacity) {
            list.shift();
            dropped++;
          }
          for (let i = 0; i < reads; i++) {
            out.fill(POISON);
            const expected = list.shift();
            expect(reader.read(out)).toBe(expected !== undefined);
            expect(out.every((value) => value === (expected ?? POISON))).toBe(true);
            // Drops are noticed when the reader looks.
            expect(reader.droppedCount).toBe(dropped);
          }
        }
      }),
    );
  });
});
