/** The simulator's worlds as a robot on ROS drives in them. */
import { Outcome, type Scenario, type Simulator, type World } from '../../sim/index.js';
import { BOX_STRIDE, CIRCLE_STRIDE, MOVER_STRIDE, moverPosition } from '../../sim/world.js';
import type { Obstacle } from '../io/ros2/robot/world-markers.js';

/** Worlds that nothing ends: goals are people's, and reaching the one that belongs to a world is nothing to it. */
export function endless(scenario: Scenario): Scenario {
  return adapted(scenario, { goalTolerance: -1, timeLimitS: Number.POSITIVE_INFINITY });
}

/** Worlds whose goals are reached where the controller says so: no message tells it another distance [m]. */
export function reachedWithin(scenario: Scenario, goalTolerance: number): Scenario {
  return adapted(scenario, { goalTolerance });
}

function adapted(scenario: Scenario, change: Partial<Pick<World, 'goalTolerance' | 'timeLimitS'>>): Scenario {
  return {
    name: scenario.name,
    worldCount: scenario.worldCount,
    build: (seed, episode, robot) => ({ ...scenario.build(seed, episode, robot), ...change }),
  };
}

/** A pose in the frame in which the robot's odometry began: at the world's start [m, m, rad]. */
export interface StartPose {
  x: number;
  y: number;
  yaw: number;
}

/** Where the robot is in truth, into `out`. */
export function trueFromStart(simulator: Simulator, out: StartPose): void {
  fromStart(simulator.world, simulator.x, simulator.y, simulator.yaw, out);
}

/** All that the world has in the robot's way, movers where they are at that time of the episode. */
export function obstaclesFromStart(world: World, episodeTimeS: number): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const pose: StartPose = { x: 0, y: 0, yaw: 0 };
  const { circles, boxes, movers } = world;
  for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
    fromStart(world, circles[i], circles[i + 1], 0, pose);
    obstacles.push({ ...pose, ...disc(circles[i + 2]), moving: false });
  }
  for (let i = 0; i < boxes.length; i += BOX_STRIDE) {
    fromStart(world, boxes[i], boxes[i + 1], Math.atan2(boxes[i + 5], boxes[i + 4]), pose);
    obstacles.push({ ...pose, length: 2 * boxes[i + 2], width: 2 * boxes[i + 3], round: false, moving: false });
  }
  const at = new Float64Array(2);
  for (let i = 0; i < movers.length; i += MOVER_STRIDE) {
    moverPosition(movers, i, episodeTimeS, at);
    fromStart(world, at[0], at[1], 0, pose);
    obstacles.push({ ...pose, ...disc(movers[i + 4]), moving: true });
  }
  return obstacles;
}

/** How an episode is going, in a word. */
export function runs(simulator: Simulator): boolean {
  return simulator.outcome === Outcome.running;
}

function disc(radius: number): { length: number; width: number; round: true } {
  return { length: 2 * radius, width: 2 * radius, round: true };
}

function fromStart({ startX, startY, startYaw }: World, x: number, y: number, yaw: number, out: StartPose): void {
  const cos = Math.cos(startYaw);
  const sin = Math.sin(startYaw);
  const dx = x - startX;
  const dy = y - startY;
  out.x = cos * dx + sin * dy;
  out.y = cos * dy - sin * dx;
  out.yaw = yaw - startYaw;
}
