import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContextBuilder } from '../../src/features/context.js';
import { TURNED_COUNT, TURNED_DIM, Turned, turnFeatures } from '../../src/features/direction-frames.js';
import { FeatureExtractor } from '../../src/features/extraction.js';
import { CONTEXT_DIM } from '../../src/memory/layout.js';
import { Observation } from '../../src/memory/observation.js';

interface World {
  vx: number;
  vy: number;
  goalDistance: number;
  goalBearing: number;
  sectors: number[];
  actions: number[];
  /** Equal on all sides, or of a world that turns by quarters. */
  contact: number[];
}

const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const world = (contact: fc.Arbitrary<number[]>): fc.Arbitrary<World> =>
  fc.record({
    vx: real(-3, 3),
    vy: real(-3, 3),
    goalDistance: real(0.01, 50),
    goalBearing: real(-Math.PI, Math.PI),
    sectors: fc.array(real(0, 10), { minLength: 8, maxLength: 8 }),
    actions: fc.array(fc.integer({ min: -1, max: 7 }), { minLength: 4, maxLength: 4 }),
    contact,
  });
const evenForces = real(0, 20).map((force) => [force, force, force, force]);
const anyForces = fc.array(real(0, 20), { minLength: 4, maxLength: 4 });
const shifted = (values: number[], by: number) =>
  values.map((_, i) => values[(i - by + values.length) % values.length]);

/** The features of a robot around which everything stands turned by `eighths` · 45° counter-clockwise. */
function featuresOf(w: World, eighths = 0): Float64Array {
  const angle = (eighths * Math.PI) / 4;
  const o = new Observation(1);
  o.vx = w.vx * Math.cos(angle) - w.vy * Math.sin(angle);
  o.vy = w.vx * Math.sin(angle) + w.vy * Math.cos(angle);
  o.sectorRange.set(shifted(w.sectors, eighths));
  const bearing = w.goalBearing + angle;
  o.goalForward = w.goalDistance * Math.cos(bearing);
  o.goalLeft = w.goalDistance * Math.sin(bearing);
  o.goalDistance = w.goalDistance;
  o.goalBearing = Math.atan2(o.goalLeft, o.goalForward);
  o.contact.set(eighths % 2 === 0 ? shifted(w.contact, eighths / 2) : w.contact);
  const extractor = new FeatureExtractor();
  for (const action of w.actions) extractor.remember(action < 0 ? -1 : (action + eighths) % 8);
  const raw = new Float64Array(CONTEXT_DIM);
  extractor.extract(o, raw);
  return raw;
}

/** Near, an angle at the seam between -π and π excepted: it may fall to either side. */
function expectNear(one: number, other: number, isBearing: boolean, what: string): void {
  const apart = Math.abs(one - other);
  const near = Math.min(apart, isBearing ? Math.abs(apart - 2 * Math.PI) : apart);
  if (!(near <= 1e-9)) expect.fail(`${what}: ${one} and ${other}`);
}

function turnedOf(raw: Float64Array): Float64Array {
  const out = new Float64Array(TURNED_COUNT);
  turnFeatures(raw, out);
  return out;
}

describe('turning the whole world', () => {
  it.each([1, 3, 6])('by %d · 45° moves every direction’s features to the one turned so far', (eighths) => {
    fc.assert(
      fc.property(world(eighths % 2 === 0 ? anyForces : evenForces), (w) => {
        const before = turnedOf(featuresOf(w));
        const after = turnedOf(featuresOf(w, eighths));
        for (let k = 0; k < 8; k++) {
          for (let i = 0; i < TURNED_DIM; i++) {
            const was = before[k * TURNED_DIM + i];
            const is = after[((k + eighths) % 8) * TURNED_DIM + i];
            expectNear(is, was, i === Turned.goalBearing, `direction ${k}, feature ${i}`);
          }
        }
      }),
    );
  });

  it('leaves the sum of the forces, whatever the direction', () => {
    fc.assert(
      fc.property(world(anyForces), (w) => {
        const turned = turnedOf(featuresOf(w));
        const sum = w.contact.reduce((a, b) => a + b);
        for (let k = 0; k < 8; k++) {
          let seen = 0;
          for (let side = 0; side < 4; side++) seen += turned[k * TURNED_DIM + Turned.contact + side];
          expect(seen).toBeCloseTo(sum, 9);
        }
      }),
    );
  });

  it('commutes with scaling: worlds turned by anything teach the same scales, and scaled features change places', () => {
    const worlds = fc.array(fc.tuple(world(evenForces), fc.integer({ min: 0, max: 7 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(worlds, (seen) => {
        const plain = new ContextBuilder({ arms: 'tied', hashBits: null, freezeAfter: 0 });
        const turned = new ContextBuilder({ arms: 'tied', hashBits: null, freezeAfter: 0 });
        for (const [w, eighths] of seen) {
          for (const [builder, by] of [
            [plain, 0],
            [turned, eighths],
          ] as const) {
            builder.raw.set(featuresOf(w, by));
            builder.build();
            builder.update();
          }
        }
        const [w, eighths] = seen[0];
        plain.raw.set(featuresOf(w));
        turned.raw.set(featuresOf(w, eighths));
        plain.build();
        turned.build();
        const bearingScale = 2 * Math.PI;
        for (let k = 0; k < 8; k++) {
          for (let i = 0; i < TURNED_DIM; i++) {
            const was = plain.context[k * TURNED_DIM + i];
            const is = turned.context[((k + eighths) % 8) * TURNED_DIM + i];
            // At the seam the bearing may be either π or -π, which scaling keeps opposite.
            const apart = i === Turned.goalBearing ? Math.abs(Math.abs(is) - Math.abs(was)) : Math.abs(is - was);
            if (!(apart <= 1e-7 * bearingScale)) expect.fail(`direction ${k}, feature ${i}: ${is} and ${was}`);
          }
        }
      }),
    );
  });
});
