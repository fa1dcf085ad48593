import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RANGES_DOUBLES, RangesField } from '../../../src/memory/layout.js';
import { Observation } from '../../../src/memory/observation.js';
import { RangeReduction, sectorOf } from '../../../src/sense/range-reduction.js';

const HOLE_RANGE = 0.4;
const DEGREE = Math.PI / 180;

interface Sensor {
  count: number;
  angleMin: number;
  angleIncrement: number;
  rangeMin: number;
  rangeMax: number;
  mountX: number;
  mountY: number;
  mountYaw: number;
}

const AHEAD: Sensor = {
  count: 360,
  angleMin: -Math.PI,
  angleIncrement: DEGREE,
  rangeMin: 0.1,
  rangeMax: 10,
  mountX: 0,
  mountY: 0,
  mountYaw: 0,
};

function slotOf(sensor: Sensor): Float64Array {
  const doubles = new Float64Array(RANGES_DOUBLES);
  for (const [name, value] of Object.entries(sensor)) doubles[RangesField[name as keyof Sensor]] = value;
  return doubles;
}

function reduce(ranges: readonly number[], sensor: Sensor, reduction = new RangeReduction(2048, HOLE_RANGE)) {
  const o = new Observation(2048);
  reduction.reduce(Float32Array.from(ranges), slotOf(sensor), o);
  return o;
}

function sectorByAngle(x: number, y: number): number {
  return (Math.round(Math.atan2(y, x) / (Math.PI / 4)) + 8) % 8;
}

/** How far a bearing is from the nearest border between two sectors [rad]. */
function fromBorder(angle: number): number {
  const eighths = (angle - Math.PI / 8) / (Math.PI / 4);
  return Math.abs(eighths - Math.round(eighths)) * (Math.PI / 4);
}

const sensors: fc.Arbitrary<Sensor> = fc
  .record({
    count: fc.integer({ min: 1, max: 900 }),
    fieldOfView: fc.double({ min: 0.05, max: 2 * Math.PI, noNaN: true }),
    sign: fc.constantFrom(1, -1),
    centre: fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }),
    centred: fc.boolean(),
    mountX: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
    mountY: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
    mountYaw: fc.double({ min: -4, max: 4, noNaN: true }),
  })
  .map(({ count, fieldOfView, sign, centre, centred, mountX, mountY, mountYaw }) => ({
    count,
    angleIncrement: (sign * fieldOfView) / count,
    angleMin: centre - (sign * fieldOfView * (count - 1)) / (2 * count),
    rangeMin: 0.1,
    rangeMax: 8,
    mountX: centred ? 0 : mountX,
    mountY: centred ? 0 : mountY,
    mountYaw,
  }));

/** A reading as the validating sink leaves it: in range, beyond, infinite, too near, or failed. */
const reading = fc.oneof(
  { arbitrary: fc.double({ min: 0.1, max: 8, noNaN: true }), weight: 12 },
  { arbitrary: fc.constantFrom(8, 9.5, Number.POSITIVE_INFINITY), weight: 2 },
  { arbitrary: fc.constant(Number.NEGATIVE_INFINITY), weight: 1 },
  { arbitrary: fc.constant(Number.NaN), weight: 2 },
);

/** The same reduction, beam by beam and sector by sector, with nothing tabulated. */
function naive(ranges: Float32Array, s: Sensor) {
  const points: [x: number, y: number][] = [];
  const sectorRange = new Array<number>(8).fill(s.rangeMax);
  const holeBeams = (from: number) => {
    let to = from;
    while (to < s.count && Number.isNaN(ranges[to])) to++;
    return to;
  };
  const at = (i: number, range: number): [number, number] => {
    const angle = s.mountYaw + s.angleMin + i * s.angleIncrement;
    return [s.mountX + range * Math.cos(angle), s.mountY + range * Math.sin(angle)];
  };
  const wide = (beams: number) => beams * Math.abs(s.angleIncrement) > 3 * DEGREE;
  for (let i = 0; i < s.count; i++) {
    if (Number.isNaN(ranges[i])) {
      const to = holeBeams(i);
      if (wide(to - i)) {
        for (let k = i; k < to; k++) points.push(at(k, HOLE_RANGE));
      }
      i = to - 1;
      continue;
    }
    const range = ranges[i] === Number.NEGATIVE_INFINITY ? s.rangeMin : ranges[i];
    if (range >= s.rangeMax) continue;
    const [x, y] = at(i, range);
    points.push([x, y]);
    const sector = sectorByAngle(x, y);
    sectorRange[sector] = Math.min(sectorRange[sector], Math.hypot(x, y));
  }
  // Two narrow holes that meet at the seam of a full circle are one.
  const closed = Math.abs(s.angleIncrement) * (s.count + 1) >= 2 * Math.PI;
  const leading = holeBeams(0);
  let from = s.count;
  while (from > 0 && Number.isNaN(ranges[from - 1])) from--;
  if (closed && from < s.count && leading > 0 && leading < s.count) {
    if (!wide(leading) && !wide(s.count - from) && wide(leading + s.count - from)) {
      for (let k = from; k < s.count + leading; k++) points.push(at(k % s.count, HOLE_RANGE));
    }
  }
  return { points, sectorRange };
}

describe('the reduction of a scan', () => {
  it('finds the points and the nearest of each sector, for any sensor and any mount', () => {
    fc.assert(
      fc.property(sensors, fc.infiniteStream(reading), (sensor, stream) => {
        const ranges = Float32Array.from({ length: sensor.count }, () => stream.next().value as number);
        const expected = naive(ranges, sensor);
        // A point on the border of two sectors belongs to either.
        fc.pre(expected.points.every(([x, y]) => fromBorder(Math.atan2(y, x)) > 1e-9));
        const o = reduce([...ranges], sensor);
        expect(o.pointCount).toBe(expected.points.length);
        let farthest = 0;
        for (const [i, [x, y]] of expected.points.entries()) {
          farthest = Math.max(farthest, Math.hypot(o.pointX[i] - x, o.pointY[i] - y));
          const apart = o.pointBearing[i] - Math.atan2(y, x);
          farthest = Math.max(farthest, Math.abs(Math.sin(apart / 2)) * Math.hypot(x, y));
          expect(Math.abs(o.pointBearing[i])).toBeLessThanOrEqual(Math.PI);
        }
        expect(farthest).toBeLessThan(1e-6);
        for (let k = 0; k < 8; k++) expect(o.sectorRange[k]).toBeCloseTo(expected.sectorRange[k], 5);
        expect([o.rangeMax, o.mountX, o.mountY]).toEqual([8, sensor.mountX, sensor.mountY]);
      }),
      { numRuns: 200 },
    );
  });

  it('says which arc is watched, whichever way the sensor sweeps', () => {
    fc.assert(
      fc.property(sensors, (sensor) => {
        const o = reduce(new Array(sensor.count).fill(1), sensor);
        const first = sensor.mountYaw + sensor.angleMin;
        const last = first + sensor.angleIncrement * (sensor.count - 1);
        expect(Math.cos(o.arcStart - Math.min(first, last))).toBeCloseTo(1, 9);
        expect(o.arcLength).toBeCloseTo(Math.abs(sensor.angleIncrement) * sensor.count, 9);
        expect(o.arcLength).toBeLessThanOrEqual(2 * Math.PI);
      }),
    );
  });

  it('takes a new geometry at once, scan by scan', () => {
    const reduction = new RangeReduction(2048, HOLE_RANGE);
    const ranges = [1, 2, 3, 4];
    const changes: Partial<Sensor>[] = [
      {},
      { angleMin: 0 },
      { angleIncrement: -0.2 },
      { mountYaw: 1 },
      { mountX: 0.1 },
      { count: 3 },
    ];
    let sensor: Sensor = { ...AHEAD, count: 4, angleMin: 0.3, angleIncrement: 0.2 };
    for (const change of changes) {
      sensor = { ...sensor, ...change };
      const again = reduce(ranges, sensor, reduction);
      const anew = reduce(ranges, sensor);
      expect([...again.pointX.subarray(0, 4)]).toEqual([...anew.pointX.subarray(0, 4)]);
      expect([...again.pointBearing.subarray(0, 4)]).toEqual([...anew.pointBearing.subarray(0, 4)]);
      expect(again.pointCount).toBe(sensor.count);
    }
  });

  it('calls a sector blind that too few working beams watch', () => {
    // 270° ahead: the rear sector is not watched, its neighbours are by half.
    const laser = { ...AHEAD, count: 270, angleMin: -135 * DEGREE + 0.5 * DEGREE };
    expect(reduce(new Array(270).fill(2), laser).sectorValid).toBe(0b11101111);
    // The beams of the sector ahead fail: 45° of them, of which 40 % is 18°.
    const fail = (failed: number) =>
      reduce(
        Array.from({ length: 360 }, (_, i) => (Math.abs(i - 179.5) < failed / 2 ? Number.NaN : 2)),
        { ...AHEAD, angleMin: -179.5 * DEGREE },
      ).sectorValid;
    expect(fail(20)).toBe(0b11111111);
    expect(fail(32)).toBe(0b11111110);
    expect(reduce(new Array(360).fill(Number.NaN), AHEAD).sectorValid).toBe(0);
  });

  it('sees the sensor’s limit where nothing is, and watches nonetheless', () => {
    for (const nothing of [10, 12, Number.POSITIVE_INFINITY]) {
      const o = reduce(new Array(360).fill(nothing), AHEAD);
      expect([...o.sectorRange]).toEqual(new Array(8).fill(10));
      expect([o.pointCount, o.sectorValid]).toEqual([0, 255]);
    }
  });

  it('takes -Infinity for something as near as the sensor can see', () => {
    const o = reduce([Number.NEGATIVE_INFINITY], { ...AHEAD, count: 1, angleMin: 0 });
    expect([o.pointCount, o.pointX[0], o.sectorRange[0]]).toEqual([1, 0.1, 0.1]);
  });

  it('bridges a narrow hole and puts an obstacle into a wide one, wherever in the scan it lies', () => {
    const holed = (from: number, width: number) =>
      reduce(
        Array.from({ length: 360 }, (_, i) => (i >= from && i < from + width ? Number.NaN : Number.POSITIVE_INFINITY)),
        AHEAD,
      );
    for (const from of [0, 100, 355]) {
      expect(holed(from, 2).pointCount).toBe(0);
      const o = holed(from, 5);
      expect(o.pointCount).toBe(5);
      for (let i = 0; i < 5; i++) expect(Math.hypot(o.pointX[i], o.pointY[i])).toBeCloseTo(HOLE_RANGE, 9);
      // A hole is nothing that was measured.
      expect([...o.sectorRange]).toEqual(new Array(8).fill(10));
    }
  });

  it('takes two narrow holes that meet at the seam of a full circle for one', () => {
    const ranges = Array.from({ length: 360 }, (_, i) => (i < 2 || i >= 358 ? Number.NaN : 20));
    const o = reduce(ranges, AHEAD);
    expect(o.pointCount).toBe(4);
    for (let i = 0; i < 4; i++) expect(Math.hypot(o.pointX[i], o.pointY[i])).toBeCloseTo(HOLE_RANGE, 9);
    // Half a circle has no seam.
    expect(reduce(ranges, { ...AHEAD, angleIncrement: 0.5 * DEGREE }).pointCount).toBe(0);
  });
});

describe('the sector of a point', () => {
  it('is that of its bearing', () => {
    const coordinate = fc.double({ min: -100, max: 100, noNaN: true });
    fc.assert(
      fc.property(coordinate, coordinate, (x, y) => {
        fc.pre(Math.hypot(x, y) > 1e-9 && fromBorder(Math.atan2(y, x)) > 1e-9);
        expect(sectorOf(x, y)).toBe(sectorByAngle(x, y));
      }),
      { numRuns: 2000 },
    );
  });

  it('is 0 ahead and goes up counter-clockwise', () => {
    for (let k = 0; k < 8; k++) expect(sectorOf(Math.cos(k * 45 * DEGREE), Math.sin(k * 45 * DEGREE))).toBe(k);
  });
});
