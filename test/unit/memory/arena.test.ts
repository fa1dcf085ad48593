import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../src/core/assert.js';
import { ArenaPlan, LINE_PAIR_BYTES } from '../../../src/memory/arena.js';

describe('an arena plan', () => {
  it('gives every region line pairs of its own, inside the block', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 20 }), (sizes) => {
        const plan = new ArenaPlan();
        let endOfLast = 0;
        for (const bytes of sizes) {
          const offset = plan.reserve('region', 'main', bytes);
          expect(offset % LINE_PAIR_BYTES).toBe(0);
          expect(offset).toBeGreaterThanOrEqual(endOfLast);
          endOfLast = offset + bytes;
        }
        const total = plan.seal();
        expect(total % LINE_PAIR_BYTES).toBe(0);
        expect(total).toBeGreaterThanOrEqual(endOfLast);
        expect(total - endOfLast).toBeLessThan(LINE_PAIR_BYTES);
        expect(plan.regions.map((region) => region.bytes)).toEqual(sizes);
      }),
    );
  });

  it('hands out nothing once it is sealed', () => {
    const plan = new ArenaPlan();
    plan.reserve('first', 'main', 8);
    plan.seal();
    expect(() => plan.reserve('second', 'main', 8)).toThrow(AssertionError);
  });

  it.each([-1, 0.5, Number.NaN])('refuses a size of %d bytes', (bytes) => {
    expect(() => new ArenaPlan().reserve('region', 'main', bytes)).toThrow(AssertionError);
  });
});
