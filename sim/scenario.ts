import { hashSeed } from '../src/core/hash.js';
import { Prng } from '../src/core/prng.js';
import { passageExists } from './passage.js';
import { circumscribedRadius, type RobotModel } from './robots.js';
import type { World } from './world.js';

/** Draws one world, or null where the draw came to nothing (the robot must be able to pass; see `generated`). */
export type ScenarioBuilder = (random: Prng, robot: RobotModel) => World | null;

/** A family of worlds. */
export interface Scenario {
  name: string;
  /** How many worlds there are; null where each episode draws a new one. */
  worldCount: number | null;
  /** The world of an episode; the same arguments give the same world. */
  build(seed: number, episode: number, robot: RobotModel): World;
}

/** Draws before a builder is taken to be broken: the scenarios here need fewer than ten in all but rare cases. */
const ATTEMPTS_MAX = 200;

/**
 * A scenario that draws until a robot can get through: the grid search inflates obstacles by the robot's circumscribed
 * radius and by `margin` [m].
 */
export function generated(name: string, builder: ScenarioBuilder, margin: number): Scenario {
  return {
    name,
    worldCount: null,
    build(seed, episode, robot) {
      const random = Prng.seeded(hashSeed(seed, episode));
      const radius = circumscribedRadius(robot) + margin;
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        const world = builder(random, robot);
        if (world !== null && passageExists(world, radius)) return world;
      }
      throw new Error(
        `scenario ${name}: no passable world in ${ATTEMPTS_MAX} draws (seed ${seed}, episode ${episode})`,
      );
    },
  };
}
