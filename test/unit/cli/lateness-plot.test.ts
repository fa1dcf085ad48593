import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LatenessPanel, latenessSvg, logHistogram, quantile, timeText } from '../../../src/cli/lateness-plot.js';

const panel: LatenessPanel = {
  title: 'a<b',
  lateness: [10e-6, 12e-6, 80e-6, 15e-3],
  command: [300e-6, 310e-6, 400e-6, 16e-3],
  deadlineS: 0.01,
  missedLate: 1,
  missedLong: 0,
};

/** The x of every bar of a class. */
const bars = (svg: string, kind: string) =>
  [...svg.matchAll(new RegExp(`<rect class="${kind}" x="([\\d.]+)" y="[\\d.]+" width="([\\d.]+)"`, 'g'))].map(
    ([, x, width]) => [Number(x), Number(width)] as const,
  );

describe('a histogram over decades', () => {
  it('puts every value into the bin between whose edges it lies, and loses none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (values, decades) => {
          const { edges, counts } = logHistogram(values, decades);
          expect(edges).toHaveLength(counts.length + 1);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
          const expected = new Array(counts.length).fill(0);
          for (const value of values) {
            let k = 0;
            while (k < counts.length - 1 && value >= edges[k + 1] * (1 - 1e-10)) k++;
            expected[k]++;
          }
          expect(counts).toEqual(expected);
        },
      ),
    );
  });

  it('takes the smallest value that a share of all does not exceed', () => {
    expect([0, 0.5, 0.75, 0.76, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([1, 2, 3, 4, 4]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('writes times in the unit that suits them', () => {
    expect([0, 4.2e-7, 312e-6, 1e-3, 0.0123456, 1, 12].map(timeText)).toEqual([
      ...['0 µs', '0.42 µs', '312 µs', '1 ms', '12.3 ms', '1 s', '12 s'],
    ]);
    expect(timeText(Number.NaN)).toBe('-');
  });
});

describe('the picture of lateness', () => {
  const svg = latenessSvg([panel]);

  it('says how many cycles there were, what was missed and why, and by when', () => {
    expect(svg).toContain('>a&lt;b</text>');
    expect(svg).toContain('4 cycles, 1 missed: 1 woken late, 0 computed long');
    expect(svg).toContain('deadline 10 ms');
    expect(svg).toContain('began: p50 12 µs, p99 15 ms, longest 15 ms; command: p50 310 µs, p99 16 ms, longest 16 ms');
    expect(latenessSvg([{ ...panel, missedLate: 0 }])).toContain('4 cycles, none missed');
  });

  it('draws what began after the deadline in another colour, beyond its line', () => {
    const deadline = Number(/class="deadline" x1="([\d.]+)"/.exec(svg)?.[1]);
    // The last of each is the legend's.
    const [late, inTime] = [bars(svg, 'missed').slice(0, -1), bars(svg, 'bar').slice(0, -1)];
    expect(svg).toContain('>began past the deadline</text>');
    expect(latenessSvg([{ ...panel, deadlineS: 1 }])).not.toContain('past the deadline');
    expect(late).toHaveLength(1);
    // 10 and 12 µs share a bin.
    expect(inTime).toHaveLength(2);
    for (const [x] of late) expect(x).toBeGreaterThanOrEqual(deadline - 0.1);
    for (const [x, width] of inTime) expect(x + width).toBeLessThan(deadline);
  });

  it('gives each run a panel on one axis, and needs a cycle in each', () => {
    const two = latenessSvg([panel, { ...panel, lateness: [1e-6], command: [2] }]);
    const lines = [...two.matchAll(/class="deadline" x1="([\d.]+)"/g)].map(([, x]) => x);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(lines[1]);
    expect(() => latenessSvg([])).toThrow(RangeError);
    expect(() => latenessSvg([{ ...panel, lateness: [] }])).toThrow('at least one cycle');
  });
});
