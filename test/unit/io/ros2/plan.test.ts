import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Plan } from '../../../../src/io/ros2/plan.js';

type Point = readonly [number, number];

function planOf(points: readonly Point[]): Plan {
  const plan = new Plan();
  plan.clear();
  for (const [x, y] of points) plan.add(x, y);
  plan.finish();
  return plan;
}

function sought(plan: Plan, x: number, y: number, lookahead = 1): Point {
  plan.seek(x, y, lookahead);
  return [plan.x, plan.y];
}

describe('a plan', () => {
  it('of one point is that point', () => {
    const plan = planOf([[2, 3]]);
    expect(sought(plan, 0, 0)).toEqual([2, 3]);
    expect(plan.final).toBe(true);
  });

  it('is followed between points that are far apart', () => {
    const plan = planOf([
      [0, 0],
      [10, 0],
      [10, 10],
    ]);
    expect(sought(plan, 4, 0.3)).toEqual([5, 0]);
    expect(sought(plan, 9.5, 0)).toEqual([10, 0.5]);
    expect(sought(plan, 10, 8)).toEqual([10, 9]);
    expect(plan.final).toBe(false);
    expect(sought(plan, 10, 9.5)).toEqual([10, 10]);
    expect(plan.final).toBe(true);
  });

  it('that ends where it begins is followed all the way round', () => {
    const plan = planOf([
      [0, 0],
      [4, 0],
      [4, 4],
      [0, 4],
      [0, 0],
    ]);
    expect(sought(plan, 0, 0)).toEqual([1, 0]);
    expect(plan.final).toBe(false);
    let turns = 0;
    let [x, y] = [0, 0];
    while (!plan.final && turns++ < 100) [x, y] = sought(plan, x, y, 0.5);
    expect([x, y]).toEqual([0, 0]);
    expect(turns).toBeGreaterThan(25);
  });

  it('that crosses itself is followed straight over the crossing', () => {
    const plan = planOf([
      [-3, 0],
      [3, 0],
      [3, 3],
      [0, 3],
      [0, -3],
    ]);
    const way: Point[] = [];
    let at: Point = [-3, 0];
    for (let i = 0; i < 100 && !plan.final; i++) {
      at = sought(plan, at[0], at[1], 0.25);
      way.push(at);
    }
    expect(way.some(([x, y]) => x === 3 && y > 1)).toBe(true);
    expect(way.at(-1)).toEqual([0, -3]);
  });

  it('begins at the nearest point of it, not at its own beginning', () => {
    const plan = planOf(Array.from({ length: 101 }, (_, i) => [i * 0.1, 0] as const));
    const [x] = sought(plan, 6, 1);
    expect(x).toBeCloseTo(7, 9);
  });

  it('is never sought backwards, wherever the robot is pushed', () => {
    const plan = planOf(Array.from({ length: 101 }, (_, i) => [i * 0.1, 0] as const));
    let last = 0;
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (dx, dy) => {
          const [x] = sought(plan, last + dx - 1, dy);
          expect(x).toBeGreaterThanOrEqual(last - 0.101);
          last = Math.max(last, x);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('keeps its end, whatever it leaves out', () => {
    const points = fc.array(
      fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(points, (list) => {
        const plan = planOf(list);
        const end = list[list.length - 1];
        expect([plan.endX, plan.endY]).toEqual(end);
        plan.seek(end[0], end[1], 1e6);
        expect([plan.x, plan.y]).toEqual(end);
        expect(plan.final).toBe(true);
      }),
    );
  });

  it('that is longer than there is room for is kept more coarsely, to its end', () => {
    const plan = planOf(Array.from({ length: 50_000 }, (_, i) => [i * 0.06, 0] as const));
    expect(plan.count).toBeLessThanOrEqual(4096);
    expect(plan.endX).toBeCloseTo(49_999 * 0.06, 9);
    expect(sought(plan, 1000, 0.2)[0]).toBeCloseTo(1001, 6);
  });

  it('is empty once it is cleared', () => {
    const plan = planOf([[1, 1]]);
    plan.clear();
    plan.finish();
    plan.seek(0, 0, 1);
    expect([plan.count, plan.final]).toEqual([0, false]);
  });
});
