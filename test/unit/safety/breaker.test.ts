import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../src/safety/breaker.js';

describe('the breaker', () => {
  it('opens at the last of N misses in a row and closes at the last of M clean cycles', () => {
    const breaker = new Breaker(3, 2);
    expect([true, true, true, true, false, false, false].map((missed) => breaker.update(missed))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(breaker.openings).toBe(1);
  });

  it('starts counting anew after a cycle of the other kind', () => {
    const breaker = new Breaker(2, 2);
    for (let i = 0; i < 10; i++) expect(breaker.update(i % 2 === 0)).toBe(false);
    breaker.update(true);
    breaker.update(true);
    for (let i = 0; i < 10; i++) expect(breaker.update(i % 2 === 1)).toBe(true);
    expect(breaker.openings).toBe(1);
  });

  it('agrees with a search through the whole history', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 200, size: 'max' }),
        (openMisses, closeCycles, history) => {
          const breaker = new Breaker(openMisses, closeCycles);
          let open = false;
          let openings = 0;
          let since = 0;
          for (let i = 0; i < history.length; i++) {
            const wanted = history.slice(Math.max(since, i + 1 - (open ? closeCycles : openMisses)), i + 1);
            const enough = wanted.length === (open ? closeCycles : openMisses);
            if (enough && wanted.every((missed) => missed !== open)) {
              open = !open;
              if (open) openings++;
              since = i + 1;
            }
            expect(breaker.update(history[i])).toBe(open);
          }
          expect(breaker.openings).toBe(openings);
        },
      ),
    );
  });
});
