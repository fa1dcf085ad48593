import { describe, expect, it } from 'vitest';
import { Clearance } from '../../sim/clearance.js';
import { passageExists } from '../../sim/passage.js';
import { circumscribedRadius, jackal, omni } from '../../sim/robots.js';
import { generated } from '../../sim/scenario.js';
import { builders, scenarioOf } from '../../sim/scenarios/index.js';
import { MOVER_STRIDE, moverPosition, type World, WorldDraft } from '../../sim/world.js';

const names = [...builders.keys()];

const bytes = (world: World) =>
  JSON.stringify({ ...world, circles: [...world.circles], boxes: [...world.boxes], movers: [...world.movers] });

describe('scenarios', () => {
  it('are the ones the command line promises', () => {
    expect(names).toEqual(['open', 'clutter', 'corridor', 'moving', 'caves']);
    expect(() => scenarioOf('maze')).toThrow(
      'scenario maze: not one of open, clutter, corridor, moving, caves, barn:FILE, barn:FILE#INDEX',
    );
  });

  for (const name of names) {
    describe(name, () => {
      const scenario = scenarioOf(name);

      it('gives the same world for the same seed and episode', () => {
        for (let episode = 0; episode < 5; episode++) {
          expect(bytes(scenario.build(9, episode, jackal))).toBe(bytes(scenario.build(9, episode, jackal)));
        }
      });

      it('shares no world between seeds or episodes', () => {
        const seen = new Set<string>();
        for (let seed = 0; seed < 10; seed++) {
          for (let episode = 0; episode < 10; episode++) seen.add(bytes(scenario.build(seed, episode, jackal)));
        }
        expect(seen.size).toBe(100);
      });

      it('lets either robot through, starts it clear of everything and outside the goal', () => {
        for (const robot of [jackal, omni]) {
          const clearance = new Clearance(robot);
          for (let episode = 0; episode < 40; episode++) {
            const world = scenario.build(3, episode, robot);
            expect(passageExists(world, circumscribedRadius(robot))).toBe(true);
            clearance.setWorld(world);
            for (let i = 0; i < world.movers.length; i += MOVER_STRIDE) {
              const at = new Float64Array(2);
              moverPosition(world.movers, i, 0, at);
              clearance.placeMover(i / MOVER_STRIDE, at[0], at[1]);
            }
            const cos = Math.cos(world.startYaw);
            const sin = Math.sin(world.startYaw);
            expect(clearance.measure(world.startX, world.startY, cos, sin)).toBeGreaterThan(0.3);
            const distance = Math.hypot(world.goalX - world.startX, world.goalY - world.startY);
            expect(distance).toBeGreaterThanOrEqual(name === 'corridor' ? 4 : 6);
            expect(distance).toBeGreaterThan(world.goalTolerance);
          }
        }
      });
    });
  }

  it('caves: puts the goal 10 m straight ahead behind a field of posts', () => {
    const world = scenarioOf('caves').build(1, 0, jackal);
    expect([world.goalX - world.startX, world.goalY - world.startY, world.startYaw]).toEqual([10, 0, 0]);
    expect(world.circles.length / 3).toBeGreaterThan(20);
    for (let i = 0; i < world.circles.length; i += 3) expect(world.circles[i + 2]).toBe(0.075);
  });

  it('moving: keeps every mover clear of walls and fixed discs on its whole way', () => {
    const at = new Float64Array(2);
    for (let episode = 0; episode < 20; episode++) {
      const { circles, movers } = scenarioOf('moving').build(1, episode, jackal);
      expect(movers.length).toBeGreaterThan(0);
      for (let i = 0; i < movers.length; i += MOVER_STRIDE) {
        expect(movers[i + 5]).toBeGreaterThanOrEqual(0.2);
        expect(movers[i + 5]).toBeLessThanOrEqual(0.8);
        for (let t = 0; t < 60; t += 0.25) {
          moverPosition(movers, i, t, at);
          expect(Math.max(Math.abs(at[0]), Math.abs(at[1]))).toBeLessThan(6 - movers[i + 4] - 0.8);
          for (let k = 0; k < circles.length; k += 3) {
            const gap = Math.hypot(circles[k] - at[0], circles[k + 1] - at[1]) - circles[k + 2] - movers[i + 4];
            expect(gap).toBeGreaterThan(0);
          }
        }
      }
    }
  });

  it('gives up on a builder that never yields a passable world', () => {
    const walled = generated(
      'walled',
      () => {
        const draft = new WorldDraft();
        draft.room(-1, -1, 1, 1);
        return draft.finish({
          startX: 0,
          startY: 0,
          startYaw: 0,
          goalX: 5,
          goalY: 0,
          goalTolerance: 0.3,
          timeLimitS: 60,
        });
      },
      0.05,
    );
    expect(() => walled.build(1, 2, jackal)).toThrow(/scenario walled: no passable world .* \(seed 1, episode 2\)/);
  });
});

describe('passageExists', () => {
  const gap = (width: number) => {
    const draft = new WorldDraft();
    draft.room(-3, -3, 3, 3);
    draft.block(-0.1, -3, 0.1, -width / 2);
    draft.block(-0.1, width / 2, 0.1, 3);
    return draft.finish({
      startX: -2,
      startY: 1,
      startYaw: 0,
      goalX: 2,
      goalY: -1,
      goalTolerance: 0.3,
      timeLimitS: 60,
    });
  };

  it('finds a gap that is wider than the disc by more than a cell, and no narrower one', () => {
    expect(passageExists(gap(0.95), 0.4)).toBe(true);
    expect(passageExists(gap(0.75), 0.4)).toBe(false);
    expect(passageExists(gap(0), 0.1)).toBe(false);
  });

  it('refuses a start or a goal inside an obstacle', () => {
    const draft = new WorldDraft();
    draft.circle(0, 0, 0.5);
    const task = { startY: 0, startYaw: 0, goalY: 0, goalTolerance: 0.3, timeLimitS: 60 };
    expect(passageExists(draft.finish({ ...task, startX: 0.6, goalX: 4 }), 0.3)).toBe(false);
    expect(passageExists(draft.finish({ ...task, startX: 4, goalX: 0.6 }), 0.3)).toBe(false);
    expect(passageExists(draft.finish({ ...task, startX: 4, goalX: -4 }), 0.3)).toBe(true);
  });
});

describe('moverPosition', () => {
  it('goes to and fro at the stated speed', () => {
    const draft = new WorldDraft();
    draft.mover(1, 2, 4, 6, 0.2, 0.5, 1);
    const { movers } = draft.finish({
      startX: 0,
      startY: 0,
      startYaw: 0,
      goalX: 9,
      goalY: 0,
      goalTolerance: 1,
      timeLimitS: 9,
    });
    const at = new Float64Array(2);
    const where = (t: number) => {
      moverPosition(movers, 0, t, at);
      return [...at].map((value) => Number(value.toFixed(12)));
    };
    expect(where(0)).toEqual([1.6, 2.8]);
    expect(where(8)).toEqual([4, 6]);
    expect(where(10)).toEqual([3.4, 5.2]);
    expect(where(18)).toEqual([1, 2]);
    expect(where(20)).toEqual([1.6, 2.8]);
  });
});
