import type { ScenarioBuilder } from '../scenario.js';
import { WorldDraft } from '../world.js';

const WALL = 0.2;

/**
 * A hall with three to four cross walls, each with a door 1.0 to 1.5 m wide; the doors do not line up, so that the way
 * bends from one to the next. Start before the first wall, goal behind the last.
 */
export const corridor: ScenarioBuilder = (random) => {
  const draft = new WorldDraft();
  const half = random.nextRange(1.5, 2.4);
  const walls = 3 + random.nextBelow(2);
  let x = 2.4;
  for (let i = 0; i < walls; i++) {
    const doorHalf = random.nextRange(0.5, 0.75);
    const middle = random.nextRange(-half + doorHalf + 0.1, half - doorHalf - 0.1);
    draft.block(x, -half, x + WALL, middle - doorHalf);
    draft.block(x, middle + doorHalf, x + WALL, half);
    x += WALL + random.nextRange(1.9, 2.8);
  }
  const end = x + 0.4;
  draft.room(0, -half, end, half, WALL);
  return draft.finish({
    startX: 0.9,
    startY: random.nextRange(-half + 0.8, half - 0.8),
    startYaw: random.nextRange(-0.8, 0.8),
    goalX: end - 1,
    goalY: random.nextRange(-half + 0.8, half - 0.8),
    goalTolerance: 0.3,
    timeLimitS: 60,
  });
};
