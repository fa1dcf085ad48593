/**
 * The bandit alone in a robot's loop: a point among round obstacles, 24 features, 8 directions, no ROS and no simulator.
 * The whole loop is the function `drive`: sense, select, move, reward, update.
 *
 *   npm install && node examples/robot-loop.mjs [episodes] [seed]
 */
import { ContextualBandit, RandomPolicy } from 'rfsn-controller';

const ACTIONS = 8;
const FEATURES = 24;
/** Features where each group starts; the rest of the 24 are as in the controller. */
const POSITION = 0;
const VELOCITY = 2;
const OBSTACLES = 4;
const GOAL = 12;
const PREVIOUS = 16;
const CONTACT = 20;

const STEP_M = 0.1;
const RANGE_M = 3;
const ARENA_M = 4;
const TOLERANCE_M = 0.25;
const MAX_STEPS = 300;

/** mulberry32 (Tommy Ettinger). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A world: the robot in the middle, a goal 2 to 3.5 m away, six obstacles on neither of them. */
function makeWorld(random) {
  const angle = 2 * Math.PI * random();
  const distance = 2 + 1.5 * random();
  const goal = { x: distance * Math.cos(angle), y: distance * Math.sin(angle) };
  const obstacles = [];
  while (obstacles.length < 6) {
    const x = ARENA_M * (2 * random() - 1);
    const y = ARENA_M * (2 * random() - 1);
    const radius = 0.2 + 0.2 * random();
    const free = Math.hypot(x, y) > radius + 0.4 && Math.hypot(x - goal.x, y - goal.y) > radius + 0.4;
    if (free) obstacles.push({ x, y, radius });
  }
  return { goal, obstacles };
}

/** Distance to the nearest obstacle from a point, from its surface [m]. */
function clearanceAt(world, x, y) {
  let nearest = Infinity;
  for (const obstacle of world.obstacles) {
    nearest = Math.min(nearest, Math.hypot(obstacle.x - x, obstacle.y - y) - obstacle.radius);
  }
  return nearest;
}

/** Writes the 24 features. Distances are shown as nearness, so that the linear model sees what is close. */
function sense(world, robot, out) {
  out[POSITION] = robot.x / ARENA_M;
  out[POSITION + 1] = robot.y / ARENA_M;
  out[VELOCITY] = robot.dx / STEP_M;
  out[VELOCITY + 1] = robot.dy / STEP_M;
  out.fill(0, OBSTACLES, OBSTACLES + 8);
  for (const obstacle of world.obstacles) {
    const dx = obstacle.x - robot.x;
    const dy = obstacle.y - robot.y;
    const sector = (Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) + ACTIONS) % ACTIONS;
    const nearness = 1 - Math.min(1, (Math.hypot(dx, dy) - obstacle.radius) / (RANGE_M / 4));
    out[OBSTACLES + sector] = Math.max(out[OBSTACLES + sector], nearness);
  }
  const dx = world.goal.x - robot.x;
  const dy = world.goal.y - robot.y;
  const distance = Math.hypot(dx, dy);
  // The direction of the goal as a unit vector: what a step toward it is worth is linear in that.
  out[GOAL] = dx / distance;
  out[GOAL + 1] = dy / distance;
  out[GOAL + 2] = distance / ARENA_M;
  out[GOAL + 3] = Math.atan2(dy, dx) / Math.PI;
  for (let i = 0; i < 4; i++) out[PREVIOUS + i] = (robot.previous[i] + 1) / ACTIONS;
  for (let i = 0; i < 4; i++) out[CONTACT + i] = robot.contact === i ? 1 : 0;
}

/** One episode. @returns whether the goal was reached */
function drive(policy, world) {
  const robot = { x: 0, y: 0, dx: 0, dy: 0, previous: [-1, -1, -1, -1], contact: -1 };
  const context = new Float64Array(FEATURES);
  for (let step = 0; step < MAX_STEPS; step++) {
    sense(world, robot, context);
    const action = policy.select(context, null);
    const probability = policy.lastProbability;

    const before = Math.hypot(world.goal.x - robot.x, world.goal.y - robot.y);
    robot.dx = STEP_M * Math.cos((action * Math.PI) / 4);
    robot.dy = STEP_M * Math.sin((action * Math.PI) / 4);
    const blocked = clearanceAt(world, robot.x + robot.dx, robot.y + robot.dy) < 0;
    robot.contact = blocked ? action >> 1 : -1;
    if (!blocked) {
      robot.x += robot.dx;
      robot.y += robot.dy;
    }
    robot.previous = [action, ...robot.previous.slice(0, 3)];

    const after = Math.hypot(world.goal.x - robot.x, world.goal.y - robot.y);
    const reward = (before - after) / STEP_M - (blocked ? 2 : 0);
    policy.update(context, action, reward, probability);
    if (after < TOLERANCE_M) return true;
  }
  return false;
}

/** Drives `episodes` worlds. @returns the share of the last half that reached the goal */
function train(policy, episodes, seed) {
  const random = randomNumbers(seed);
  let reached = 0;
  for (let n = 0; n < episodes; n++) {
    const arrived = drive(policy, makeWorld(random));
    if (arrived && n >= episodes / 2) reached++;
  }
  return reached / (episodes - Math.ceil(episodes / 2));
}

const episodes = Number(process.argv[2] ?? 300);
const seed = Number(process.argv[3] ?? 1);
if (!(Number.isInteger(episodes) && episodes >= 2 && Number.isInteger(seed) && seed >= 0)) {
  console.error('usage: node examples/robot-loop.mjs [episodes, at least 2] [seed, at least 0]');
  process.exit(2);
}

const shape = { n_actions: ACTIONS, context_dim: FEATURES, random_seed: seed };
const bandit = new ContextualBandit({
  ...shape,
  exploration_strategy: 'boltzmann',
  boltzmann_tau: 0.15,
  epsilon: 0.05,
});
const learned = train(bandit, episodes, seed);
const uniform = train(new RandomPolicy(shape), episodes, seed);
const { updates, meanSquaredError, bytes } = bandit.stats();

console.log(`${episodes} episodes, seed ${seed}; goals reached in the second half:`);
console.log(`uniform  ${(100 * uniform).toFixed(0)} %`);
console.log(
  `bandit   ${(100 * learned).toFixed(0)} %  (${updates} updates, mean squared error ${meanSquaredError.toFixed(3)}, ${bytes} bytes)`,
);
console.log(learned > uniform ? 'the bandit beats uniform choice' : 'the bandit does not beat uniform choice');
process.exitCode = learned > uniform ? 0 : 1;
