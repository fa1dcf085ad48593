import { describe, expect, it } from 'vitest';
import {
  extentOf,
  interventionCounts,
  type MapPicture,
  type MapTrajectory,
  type MapWorld,
  mapSvg,
  sheetSvg,
  wayPath,
} from '../../../src/cli/map-plot.js';
import { REASON_LABELS, Reason } from '../../../src/memory/reason.js';

const world: MapWorld = {
  circles: [2, 1, 0.5],
  // Turned by a right angle: 1 m along y, 0.2 m along x.
  boxes: [-3, 0, 1, 0.2, 0, 1],
  movers: [0, 3, 2, 3, 0.25, 0.5, 0],
  points: [],
  goal: [4, 0],
  goalTolerance: 0.3,
};

function way(changes: Partial<MapTrajectory> = {}): MapTrajectory {
  const x = changes.x ?? [0, 1, 2, 3];
  const zeros = Array.from(x, () => 0);
  return { outcome: 'success', x, y: zeros, yaw: zeros, reason: zeros, jumped: zeros, goal: null, ...changes };
}

const picture: MapPicture = {
  ...{ title: 'one & only', notes: ['a <note>'], world, trajectories: [way()], names: [], length: 0.5, width: 0.4 },
};
const count = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].length;

describe('the extent of a map', () => {
  it('holds things as far as they reach, goals and ways', () => {
    const { x0, y0, x1, y1 } = extentOf(world, []);
    expect([x0, y0, x1, y1].map((value) => Number(value.toFixed(6)))).toEqual([-3.4, -1.2, 4.5, 3.45]);
    expect(extentOf(world, [way({ x: [0, 9], y: [0, -7], goal: [0, 12] })])).toMatchObject({
      ...{ x1: expect.closeTo(9.6), y0: expect.closeTo(-7.6), y1: expect.closeTo(12.5) },
    });
  });

  it('is something where there is nothing', () => {
    const nothing = { circles: [], boxes: [], movers: [], points: [], goal: null, goalTolerance: 1 };
    expect(extentOf(nothing, [])).toEqual({ x0: -1, y0: -1, x1: 1, y1: 1 });
  });
});

describe('the line of a way', () => {
  const frame = { extent: { x0: 0, y0: 0, x1: 10, y1: 10 }, scale: 10, left: 100, bottom: 200 };

  it('goes up the page with y, leaves out what cannot be seen, and breaks where the robot was put elsewhere', () => {
    const x = [0, 0.001, 0.002, 1, 5, 6];
    const y = [0, 0, 0, 1, 5, 5];
    expect(wayPath(way({ x, y, jumped: [0, 0, 0, 0, 1, 0] }), frame)).toBe(
      'M100.0,200.0L110.0,190.0M150.0,150.0L160.0,150.0',
    );
    expect(wayPath(way({ x: [], y: [] }), frame)).toBe('');
  });

  it('keeps its last point, however near', () => {
    expect(wayPath(way({ x: [0, 0.01], y: [0, 0] }), frame)).toBe('M100.0,200.0L100.1,200.0');
  });
});

describe('a map', () => {
  it('shows things, start, goal and way, and words as text', () => {
    const svg = mapSvg(picture, REASON_LABELS);
    expect(svg).toContain('>one &amp; only</text>');
    expect(svg).toContain('>a &lt;note&gt;</text>');
    expect(count(svg, /<circle class="thing"/g)).toBe(1);
    expect(count(svg, /<polygon class="thing"/g)).toBe(1);
    expect(svg).toContain('>reached the goal</text>');
    expect(svg).not.toContain('Safety acted');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('marks where safety acted, slowing apart from the rest, and counts cycles by reason', () => {
    const reason = [Reason.none, Reason.slowed, Reason.obstacle, Reason.arrived];
    const svg = mapSvg({ ...picture, trajectories: [way({ reason })] }, REASON_LABELS);
    // One on the way and one in the legend, each.
    expect(count(svg, /<circle class="slowed"/g)).toBe(2);
    expect(count(svg, /<circle class="overridden"/g)).toBe(2);
    expect(svg).toContain('>obstacle: 1 cycle</text>');
    expect(svg).not.toContain('arrived');
    const two = [Reason.none, Reason.contact, Reason.obstacle, Reason.arrived];
    const marked = mapSvg({ ...picture, trajectories: [way({ reason: two })] }, REASON_LABELS);
    expect(count(marked, /<circle class="overridden"/g)).toBe(2);
    expect(count(marked, /<path class="overridden"/g)).toBe(2);
    expect(interventionCounts([way({ reason }), way({ reason: [Reason.slowed, Reason.slowed, 0, 0] })])).toEqual([
      { reason: Reason.slowed, cycles: 3 },
      { reason: Reason.obstacle, cycles: 1 },
    ]);
  });

  it('draws many circles alike as one line of dots, each as wide as it is', () => {
    const posts = Array.from({ length: 50 }, (_, i) => [i / 5, 1, 0.1]).flat();
    const svg = mapSvg({ ...picture, world: { ...world, circles: [...posts, 2, 2, 0.4] } }, REASON_LABELS);
    const [, width, d] = /<path class="heap" stroke-width="([\d.]+)" d="([^"]*)"/.exec(svg) ?? [];
    const places = [...d.matchAll(/M([\d.]+),/g)].map(([, x]) => Number(x));
    expect(places).toHaveLength(50);
    // They touch: a diameter from one to the next.
    expect((places[49] - places[0]) / 49 / Number(width)).toBeCloseTo(1, 1);
    expect(count(svg, /<circle class="thing"/g)).toBe(1);
  });

  it('crosses the place of a collision, and counts ways where there are several', () => {
    const trajectories = [way(), way(), way({ outcome: 'collision' }), way({ outcome: 'timeout' })];
    const svg = mapSvg({ ...picture, trajectories }, REASON_LABELS);
    expect(svg).toContain('>2 reached the goal</text>');
    expect(svg).toContain('>1 collided</text>');
    expect(count(svg, /<path class="crash"/g)).toBe(2);
    expect(count(svg, /<path class="way timeout"/g)).toBe(2);
    expect(mapSvg(picture, REASON_LABELS)).not.toContain('class="crash"');
  });

  it('gives each of several runs a colour, and says what became of it', () => {
    const trajectories = [way({ series: 0 }), way({ series: 1 }), way({ series: 1, outcome: 'timeout' })];
    const svg = mapSvg({ ...picture, trajectories, names: ['a<b', 'other', 'absent'] }, REASON_LABELS);
    expect(svg).toContain('>a&lt;b: arrived</text>');
    expect(svg).toContain('>other: 1 of 2 arrived</text>');
    expect(svg).not.toContain('absent');
    // Two ways and the legend's line.
    expect(count(svg, /<path class="way series1"/g)).toBe(3);
    expect(count(svg, /<path class="way success"/g)).toBe(0);
  });

  it('shows what scans hit where the world is not known', () => {
    const known = { ...world, circles: [], boxes: [], movers: [], points: [0, 1, 2, 1], goal: null };
    const svg = mapSvg({ ...picture, world: known, trajectories: [way({ goal: [1, 1] })] }, REASON_LABELS);
    expect(/<path class="point" d="([^"]*)"/.exec(svg)?.[1].match(/M/g)).toHaveLength(2);
    expect(svg).toContain('>goal</text>');
  });
});

describe('a sheet of worlds', () => {
  const cell = { title: 'world 3', result: 'score 0.42', world, trajectory: way() };

  it('has a cell for each, on one scale, within the page', () => {
    const small = { ...world, circles: [1, 0, 0.2], boxes: [], movers: [], goal: [1.5, 0] as const };
    const cells = [
      cell,
      { ...cell, title: 'world 6', world: small, trajectory: way({ x: [0, 1], outcome: 'collision' }) },
    ];
    const svg = sheetSvg({ title: 'BARN', subtitle: 'two', cells: Array.from({ length: 9 }, (_, i) => cells[i % 2]) });
    expect(count(svg, />world 3<\/text>/g)).toBe(5);
    expect(count(svg, /class="r-collision"/g)).toBe(4);
    const radii = [...svg.matchAll(/<circle class="thing"[^>]* r="([\d.]+)"/g)].map(([, r]) => Number(r));
    expect(radii[1] / radii[0]).toBeCloseTo(0.4, 1);
    for (const [, x, width] of svg.matchAll(/<rect class="ground" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(20);
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(840.1);
    }
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(() => sheetSvg({ title: '', subtitle: '', cells: [] })).toThrow(RangeError);
  });
});
