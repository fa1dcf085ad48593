import { describe, expect, it } from 'vitest';
import type { ContestResult } from '../../../src/bakeoff/contest.js';
import { type BakeoffPanel, bakeoffSvg, errorTicks, spreadLabels } from '../../../src/cli/bakeoff-plot.js';

function result(policy: string, mean: number[], standardError = mean.map(() => 0.01)): ContestResult {
  return {
    policy,
    errorRate: mean.at(-1) as number,
    standardError: 0.01,
    perSecond: 1,
    bytes: 1,
    contextDim: 1,
    driftAlarms: 0,
    curve: { examples: mean.map((_, k) => 25 * (k + 1)), mean, standardError },
  };
}

const panel: BakeoffPanel = {
  title: 'a<b>&c.data',
  rows: 100,
  results: [result('one', [0.8, 0.4, 0.3, 0.2]), result('other', [0.9, 0.5, 0.25, 0.1])],
  constantError: 0.6,
  driftAt: null,
};

/** Points of the nth polyline of a class, as numbers. */
function points(svg: string, kind: string, n = 0): number[][] {
  const all = [...svg.matchAll(new RegExp(`class="${kind}[^"]*" points="([^"]+)"`, 'g'))];
  return all[n][1].split(' ').map((pair) => pair.split(',').map(Number));
}

describe('the plot of progressive error', () => {
  const svg = bakeoffSvg({ shuffles: 3, seed: 7, panels: [panel], emphasised: 'other' });

  it('names the file as text, the seed, and every policy with its error', () => {
    expect(svg).toContain('>a&lt;b&gt;&amp;c.data</text>');
    expect(svg).toContain('mean of 3 orders, with its standard error, from seed 7');
    expect(svg).toContain('>one 20.0 %</text>');
    expect(svg).toContain('font-weight="600">other 10.0 %</text>');
    expect(svg).toContain('>best single class 60.0 %</text>');
    expect(svg).not.toContain('labels rotate');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('draws each curve over the whole axis, lower on the page for a lower error, ratios alike', () => {
    const curve = points(svg, 'curve', 1);
    expect(curve.map(([x]) => x)).toEqual([201, 336, 471, 606]);
    const heights = curve.map(([, y]) => y);
    expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    const one = points(svg, 'curve', 0).map(([, y]) => y);
    // From 0.4 to 0.2 is as far as from 0.5 to 0.25.
    expect(one[3] - one[1]).toBeCloseTo(heights[2] - heights[1], 0);
  });

  it('draws the standard error as a band around it', () => {
    const band = points(svg, 'band', 1);
    const curve = points(svg, 'curve', 1);
    expect(band).toHaveLength(8);
    // The last point lies on the axis's end, where the band is cut off.
    for (let k = 0; k < 3; k++) {
      expect(band[k][1]).toBeLessThan(curve[k][1]);
      expect(band[7 - k][1]).toBeGreaterThan(curve[k][1]);
    }
  });

  it('marks where the labels rotate', () => {
    const drifted = bakeoffSvg({ shuffles: 1, seed: 7, panels: [{ ...panel, driftAt: 50 }], emphasised: 'other' });
    expect(drifted).toContain('class="drift" x1="336.0" x2="336.0"');
    expect(drifted).toContain('Progressive error: one order from seed 7');
  });

  it('keeps within the axis where nothing was wrong, and where a band goes beyond 1', () => {
    const extreme = bakeoffSvg({
      shuffles: 2,
      seed: 7,
      panels: [{ ...panel, results: [result('one', [0, 0], [0, 0]), result('other', [0.95, 0.9], [0.2, 0.3])] }],
      emphasised: 'other',
    });
    const all = [...points(extreme, 'band', 0), ...points(extreme, 'band', 1), ...points(extreme, 'curve', 0)];
    for (const [, y] of all) {
      expect(y).toBeGreaterThanOrEqual(82);
      expect(y).toBeLessThanOrEqual(352);
    }
  });
});

describe('the axis of errors', () => {
  it('has powers of ten, and twice and five times them, down to the first at or below the least', () => {
    expect(errorTicks(0.03)).toEqual([0.02, 0.05, 0.1, 0.2, 0.5, 1]);
    expect(errorTicks(0.2)).toEqual([0.2, 0.5, 1]);
    expect(errorTicks(0.001)).toEqual([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  });

  it('has two ticks at least', () => {
    expect(errorTicks(1)).toEqual([0.5, 1]);
  });
});

describe('labels beside their lines', () => {
  it('stay where they are while they do not touch', () => {
    expect(spreadLabels([100, 50, 150], 16, 0, 200)).toEqual([100, 50, 150]);
  });

  it('move apart in their order, and up again at the foot', () => {
    expect(spreadLabels([100, 100, 104], 16, 0, 200)).toEqual([100, 116, 132]);
    expect(spreadLabels([198, 199, 190], 16, 0, 200)).toEqual([184, 200, 168]);
  });
});
