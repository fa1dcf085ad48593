import '../seed.js';
import RAPIER from '@dimforge/rapier2d-deterministic-compat';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Raycaster, roughAtan2 } from '../../sim/raycaster.js';
import { beamIncrement, firstBeamAngle, jackal, type LaserModel, omni } from '../../sim/robots.js';
import { BOX_STRIDE, CIRCLE_STRIDE, type World, WorldDraft } from '../../sim/world.js';
import { Prng } from '../../src/core/prng.js';

const task = { startX: 0, startY: 0, startYaw: 0, goalX: 1, goalY: 0, goalTolerance: 1, timeLimitS: 1 };

/** Discs and boxes around the origin, none of them over it. */
function randomWorld(seed: number): World {
  const random = Prng.seeded(seed);
  const draft = new WorldDraft();
  const count = 1 + random.nextBelow(40);
  for (let i = 0; i < count; i++) {
    const x = random.nextRange(-8, 8);
    const y = random.nextRange(-8, 8);
    const a = random.nextRange(0.03, 1.5);
    const b = random.nextRange(0.03, 1.5);
    if (Math.hypot(x, y) < Math.hypot(a, b) + 0.15) continue;
    if (random.nextFloat() < 0.5) draft.circle(x, y, a);
    else draft.box(x, y, a, b, random.nextRange(-Math.PI, Math.PI));
  }
  return draft.finish(task);
}

/** One beam against every obstacle: the quadratic for discs, the slab method in the box's own frame for boxes. */
function slowRange(world: World, x: number, y: number, angle: number): number {
  const ux = Math.cos(angle);
  const uy = Math.sin(angle);
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < world.circles.length; i += CIRCLE_STRIDE) {
    const dx = world.circles[i] - x;
    const dy = world.circles[i + 1] - y;
    const along = dx * ux + dy * uy;
    const aside = dx * uy - dy * ux;
    const root = world.circles[i + 2] ** 2 - aside ** 2;
    if (root >= 0 && along > 0) nearest = Math.min(nearest, along - Math.sqrt(root));
  }
  for (let i = 0; i < world.boxes.length; i += BOX_STRIDE) {
    const [bx, by, hx, hy, cos, sin] = world.boxes.subarray(i, i + BOX_STRIDE);
    const ox = cos * (x - bx) + sin * (y - by);
    const oy = cos * (y - by) - sin * (x - bx);
    const vx = cos * ux + sin * uy;
    const vy = cos * uy - sin * ux;
    const x1 = (-hx - ox) / vx;
    const x2 = (hx - ox) / vx;
    const y1 = (-hy - oy) / vy;
    const y2 = (hy - oy) / vy;
    const enter = Math.max(Math.min(x1, x2), Math.min(y1, y2));
    const leave = Math.min(Math.max(x1, x2), Math.max(y1, y2));
    if (enter <= leave && enter > 0) nearest = Math.min(nearest, enter);
  }
  return nearest;
}

const lasers: LaserModel[] = [jackal.laser, omni.laser, { ...jackal.laser, beams: 37, fieldOfView: 1.1 }];

describe('Raycaster', () => {
  beforeAll(() => RAPIER.init());

  it('gives each beam the range that casting it alone gives', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom(...lasers),
        fc.double({ min: -7, max: 7, noNaN: true }),
        (seed, laser, yaw) => {
          const world = randomWorld(seed);
          const caster = new Raycaster(laser);
          caster.setWorld(world);
          const out = new Float32Array(laser.beams);
          caster.cast(0.03, -0.02, yaw, out);
          for (let i = 0; i < laser.beams; i++) {
            const angle = yaw + firstBeamAngle(laser) + i * beamIncrement(laser);
            // A beam within rounding of a tangent or a corner may go either way; the two beside it must agree then.
            const beside = [0, -1e-7, 1e-7].map((turn) => slowRange(world, 0.03, -0.02, angle + turn));
            const expected = beside.map((range) => (range >= laser.rangeMax ? Number.POSITIVE_INFINITY : range));
            const right = expected.some((range) => range === out[i] || Math.abs(range - out[i]) < 1e-5);
            if (!right) throw new Error(`beam ${i}: ${out[i]}, alone ${beside[0]}`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('agrees with the physics engine on where obstacles are', () => {
    for (let seed = 0; seed < 5; seed++) {
      const world = randomWorld(seed);
      const physics = new RAPIER.World({ x: 0, y: 0 });
      for (let i = 0; i < world.circles.length; i += CIRCLE_STRIDE) {
        const [x, y, radius] = world.circles.subarray(i, i + CIRCLE_STRIDE);
        physics.createCollider(RAPIER.ColliderDesc.ball(radius).setTranslation(x, y));
      }
      for (let i = 0; i < world.boxes.length; i += BOX_STRIDE) {
        const [x, y, hx, hy, cos, sin] = world.boxes.subarray(i, i + BOX_STRIDE);
        physics.createCollider(
          RAPIER.ColliderDesc.cuboid(hx, hy).setTranslation(x, y).setRotation(Math.atan2(sin, cos)),
        );
      }
      physics.step();
      const caster = new Raycaster(jackal.laser);
      caster.setWorld(world);
      const out = new Float32Array(jackal.laser.beams);
      caster.cast(0, 0, 0.4, out);
      let apart = 0;
      for (let i = 0; i < out.length; i++) {
        const angle = 0.4 + firstBeamAngle(jackal.laser) + i * beamIncrement(jackal.laser);
        const ray = new RAPIER.Ray({ x: 0, y: 0 }, { x: Math.cos(angle), y: Math.sin(angle) });
        const range = physics.castRay(ray, 30, true)?.timeOfImpact ?? Number.POSITIVE_INFINITY;
        if (range !== out[i] && Math.abs(range - out[i]) > 1e-4) apart++;
      }
      physics.free();
      // Single precision lets a beam that grazes a disc or a corner slip past it: one per silhouette edge at most.
      expect(apart).toBeLessThanOrEqual(2);
    }
  });

  it('says +Infinity beyond its reach and -Infinity below it', () => {
    const draft = new WorldDraft();
    draft.circle(0.4, 0, 0.35);
    draft.circle(0, 40, 1);
    const caster = new Raycaster(omni.laser);
    caster.setWorld(draft.finish(task));
    const out = new Float32Array(omni.laser.beams);
    caster.cast(0, 0, 0, out);
    expect(out[360]).toBe(Number.NEGATIVE_INFINITY);
    expect(out[540]).toBe(Number.POSITIVE_INFINITY);
    expect(out[0]).toBe(Number.POSITIVE_INFINITY);
  });

  it('sees a mover where it was last placed', () => {
    const draft = new WorldDraft();
    draft.circle(0, 5, 1);
    draft.mover(3, 0, 3, 4, 0.5, 1, 0);
    const caster = new Raycaster(omni.laser);
    caster.setWorld(draft.finish(task));
    const out = new Float32Array(omni.laser.beams);
    caster.cast(0, 0, 0, out);
    expect(out[360]).toBeCloseTo(2.5, 6);
    caster.placeMover(0, -4, 0);
    caster.cast(0, 0, 0, out);
    expect(out[360]).toBe(Number.POSITIVE_INFINITY);
    expect(out[0]).toBeCloseTo(3.5, 6);
    expect(out[540]).toBeCloseTo(4, 6);
  });
});

describe('roughAtan2', () => {
  it('is within 5e-5 rad of the exact angle in every direction', () => {
    let worst = 0;
    for (let i = 0; i < 20000; i++) {
      const angle = -Math.PI + (2 * Math.PI * (i + 0.5)) / 20000;
      const reach = 0.001 * (i + 1);
      worst = Math.max(worst, Math.abs(roughAtan2(reach * Math.sin(angle), reach * Math.cos(angle)) - angle));
    }
    expect(worst).toBeLessThan(5e-5);
    expect(roughAtan2(0, 0)).toBe(0);
  });
});
