import type { ScenarioBuilder } from '../scenario.js';
import { length, WorldDraft } from '../world.js';

/** Half the side of the room [m]. */
const HALF = 6;

/** A walled room of 12 × 12 m with discs and boxes strewn about; start and goal at least 6 m apart. */
export const clutter: ScenarioBuilder = (random) => {
  const draft = new WorldDraft();
  const startX = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const startY = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const goalX = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const goalY = random.nextRange(-HALF + 0.9, HALF - 0.9);
  const startYaw = random.nextRange(-Math.PI, Math.PI);
  if (length(goalX - startX, goalY - startY) < 6) return null;
  draft.room(-HALF, -HALF, HALF, HALF);

  const discs = 8 + random.nextBelow(7);
  const boxes = 4 + random.nextBelow(4);
  for (let i = 0; i < discs + boxes; i++) {
    const x = random.nextRange(-HALF, HALF);
    const y = random.nextRange(-HALF, HALF);
    const halfLength = random.nextRange(0.15, 0.5);
    const halfWidth = random.nextRange(0.15, 0.5);
    const yaw = random.nextRange(-Math.PI, Math.PI);
    const reach = i < discs ? halfLength : length(halfLength, halfWidth);
    if (length(x - startX, y - startY) < reach + 0.8 || length(x - goalX, y - goalY) < reach + 0.8) continue;
    if (i < discs) draft.circle(x, y, halfLength);
    else draft.box(x, y, halfLength, halfWidth, yaw);
  }
  return draft.finish({ startX, startY, startYaw, goalX, goalY, goalTolerance: 0.3, timeLimitS: 60 });
};
