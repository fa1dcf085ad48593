import type { ScenarioBuilder } from '../scenario.js';
import { length, WorldDraft } from '../world.js';

/** Half the side of the room [m]. */
const HALF = 6;
/** Movers turn round this far from the walls, so that a robot beside one is not crushed [m]. */
const WALL_GAP = 1.2;
const MOVER_TRIES = 200;

/**
 * A walled room of 12 × 12 m with a few fixed discs and three to five that walk to and fro at 0.2 to 0.8 m/s, clear of
 * the fixed ones and heedless of the robot and of each other. Start and goal at least 6 m apart; none of them begins
 * within 2 m of the start.
 */
export const moving: ScenarioBuilder = (random) => {
  const draft = new WorldDraft();
  const startX = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const startY = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const goalX = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const goalY = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const startYaw = random.nextRange(-Math.PI, Math.PI);
  if (length(goalX - startX, goalY - startY) < 6) return null;
  draft.room(-HALF, -HALF, HALF, HALF);

  const discs = 3 + random.nextBelow(4);
  for (let i = 0; i < discs; i++) {
    const x = random.nextRange(-HALF, HALF);
    const y = random.nextRange(-HALF, HALF);
    const radius = random.nextRange(0.15, 0.45);
    if (length(x - startX, y - startY) < radius + 0.8 || length(x - goalX, y - goalY) < radius + 0.8) continue;
    draft.circle(x, y, radius);
  }

  let missing = 3 + random.nextBelow(3);
  const reach = HALF - WALL_GAP;
  for (let i = 0; i < MOVER_TRIES && missing > 0; i++) {
    const ax = random.nextRange(-reach, reach);
    const ay = random.nextRange(-reach, reach);
    const bx = random.nextRange(-reach, reach);
    const by = random.nextRange(-reach, reach);
    const radius = random.nextRange(0.15, 0.3);
    const speed = random.nextRange(0.2, 0.8);
    const way = length(bx - ax, by - ay);
    const done = random.nextRange(0, way);
    const x = ax + ((bx - ax) * done) / way;
    const y = ay + ((by - ay) * done) / way;
    if (way < 3 || length(x - startX, y - startY) < 2) continue;
    if (!wayIsClear(draft, ax, ay, bx, by, radius + 0.1)) continue;
    draft.mover(ax, ay, bx, by, radius, speed, done);
    missing--;
  }
  if (missing > 0) return null;
  return draft.finish({ startX, startY, startYaw, goalX, goalY, goalTolerance: 0.3, timeLimitS: 60 });
};

function wayIsClear(draft: WorldDraft, ax: number, ay: number, bx: number, by: number, radius: number): boolean {
  const samples = 60;
  for (let i = 0; i <= samples; i++) {
    const share = i / samples;
    if (draft.clearance(ax + (bx - ax) * share, ay + (by - ay) * share) < radius) return false;
  }
  return true;
}
