import type { ScenarioBuilder } from '../scenario.js';
import { WorldDraft } from '../world.js';

/** Nothing but four walls 20 m away; the goal 6 to 12 m off in any direction. */
export const open: ScenarioBuilder = (random) => {
  const draft = new WorldDraft();
  draft.room(-20, -20, 20, 20);
  const distance = random.nextRange(6, 12);
  const bearing = random.nextRange(-Math.PI, Math.PI);
  return draft.finish({
    startX: 0,
    startY: 0,
    startYaw: random.nextRange(-Math.PI, Math.PI),
    goalX: distance * Math.cos(bearing),
    goalY: distance * Math.sin(bearing),
    goalTolerance: 0.3,
    timeLimitS: 60,
  });
};
