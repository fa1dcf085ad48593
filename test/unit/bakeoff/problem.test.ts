import { describe, expect, it } from 'vitest';
import { BanditProblem, shuffled } from '../../../src/bakeoff/problem.js';
import { parseTable } from '../../../src/bakeoff/table.js';

const table = parseTable(Array.from({ length: 9 }, (_, i) => `${i} ${i % 3}`).join('\n'));

describe('a table as a bandit problem', () => {
  it('shows every row once, in an order that follows from seed and shuffle', () => {
    const order = (seed: number, shuffle: number) => [...new BanditProblem(table, 'none', seed, shuffle).order];
    expect(order(42, 0).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(order(42, 0)).toEqual(order(42, 0));
    expect(order(42, 1)).not.toEqual(order(42, 0));
    expect(order(43, 0)).not.toEqual(order(42, 0));
  });

  it('makes every order equally probable', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const key = shuffled(3, seed).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 1000 expected, standard deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it('keeps the labels where nothing drifts', () => {
    const problem = new BanditProblem(table, 'none', 1, 0);
    for (let i = 0; i < 9; i++) expect(problem.labelOf(i)).toBe(problem.order[i] % 3);
    expect([...problem.classCounts()]).toEqual([3, 3, 3]);
    expect(problem.constantError()).toBeCloseTo(2 / 3, 12);
  });

  it('rotates them by one class from the half-way example on', () => {
    const problem = new BanditProblem(table, 'rotate', 1, 0);
    expect(problem.driftAt).toBe(4);
    for (let i = 0; i < 9; i++) expect(problem.labelOf(i)).toBe((problem.order[i] + (i < 4 ? 0 : 1)) % 3);
  });

  it('shows the same order with drift as without', () => {
    expect(new BanditProblem(table, 'rotate', 1, 0).order).toEqual(new BanditProblem(table, 'none', 1, 0).order);
  });
});
