import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseGazeboWorld } from './gazebo-world.js';
import type { Scenario } from './scenario.js';
import { type World, WorldDraft } from './world.js';

/** BARN's task (Perille et al. 2020; the BARN challenge's run.py): 10 m straight ahead, arrival within 1 m. */
const START_X = -2.25;
const START_Y = 3;
const START_YAW = Math.PI / 2;
const GOAL_X = -2.25;
const GOAL_Y = 13;
const GOAL_TOLERANCE = 1;
const TIME_LIMIT_S = 100;
/** The speed that the benchmark's optimal time OT assumes [m/s]. */
const OPTIMAL_SPEED = 2;

/** One world of the benchmark as its file states it. */
export interface BarnWorld {
  /** Index in the benchmark. */
  world: number;
  /** Start → reference path → goal [m]; null where the file does not state it. */
  pathLength: number | null;
  /** Cylinders: x, y, radius [m] each. */
  circles: number[];
  /** Boxes, which only a `.world` file can hold: x, y, half length, half width [m], yaw [rad] each. */
  boxes: number[];
}

/**
 * BARN's score of one run: success × OT / clip(AT, 2·OT, 8·OT) with OT = pathLength / 2 m/s; 0.5 is the most.
 *
 * @param timeS AT, from the moment the robot is 0.1 m from its start [s]
 */
export function barnScore(success: boolean, pathLength: number, timeS: number): number {
  if (!success) return 0;
  const optimal = pathLength / OPTIMAL_SPEED;
  return optimal / Math.min(Math.max(timeS, 2 * optimal), 8 * optimal);
}

/**
 * The worlds of `FILE` or the one of `FILE#INDEX`, INDEX being the world's number in the benchmark.
 *
 * @throws an Error that names the file, and the line where one is damaged
 */
export function barnScenario(spec: string): Scenario {
  const { path, index } = splitSpec(spec);
  const worlds = readBarn(path);
  const chosen = index === null ? worlds : worlds.filter((world) => world.world === index);
  if (chosen.length === 0) {
    const known = worlds.map((world) => world.world);
    const some = known.length > 12 ? `${known.slice(0, 12).join(', ')}, …` : known.join(', ');
    throw new Error(`${path}: no world #${index}; the file holds ${known.length}: ${some}`);
  }
  return {
    name: `barn:${spec}`,
    worldCount: chosen.length,
    build: (_seed, episode) => barnWorld(chosen[episode % chosen.length]),
  };
}

function splitSpec(spec: string): { path: string; index: number | null } {
  const at = spec.lastIndexOf('#');
  if (at < 0) return { path: spec, index: null };
  const text = spec.slice(at + 1);
  if (!/^\d+$/.test(text)) throw new Error(`barn:${spec}: after # stands the world's number, not "${text}"`);
  return { path: spec.slice(0, at), index: Number(text) };
}

function readBarn(path: string): BarnWorld[] {
  if (path === '') throw new Error('barn: a file is missing; write barn:FILE or barn:FILE#INDEX');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const file = basename(path);
  return /\.(world|sdf)$/i.test(file) ? [parseBarnGazebo(text, file)] : parseBarnLines(text, file);
}

/**
 * A world as the benchmark publishes it. Its number is the last one in the file's name (`world_12.world`), 0 where
 * there is none; the path length is in another file of the benchmark, hence unknown.
 *
 * @throws an Error that names the file and what is wrong with it
 */
export function parseBarnGazebo(text: string, file: string): BarnWorld {
  const number = /(\d+)\D*$/.exec(file.replace(/\.[^.]*$/, ''));
  try {
    return { world: number === null ? 0 : Number(number[1]), pathLength: null, ...parseGazeboWorld(text) };
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

/** @throws an Error with the number of the damaged line */
export function parseBarnLines(text: string, file: string): BarnWorld[] {
  const worlds: BarnWorld[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    if (lines[i].trim() === '') continue;
    try {
      worlds.push(parseBarnLine(lines[i]));
    } catch (error) {
      throw new Error(`${file}, line ${i + 1}: ${(error as Error).message}`);
    }
  }
  if (worlds.length === 0) throw new Error(`${file}: holds no world`);
  return worlds;
}

function parseBarnLine(line: string): BarnWorld {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null) throw new Error('not a JSON object');
  const record = value as Record<string, unknown>;
  const world = record['world'];
  if (typeof world !== 'number' || !Number.isInteger(world) || world < 0) throw new Error('"world" is no index');
  const radius = record['radius_m'];
  if (!isPositive(radius)) throw new Error('"radius_m" is no positive number');
  const pathLength = record['path_length_m'] ?? null;
  if (pathLength !== null && !isPositive(pathLength)) throw new Error('"path_length_m" is no positive number');
  const points = record['obstacles_xy_m'];
  if (!Array.isArray(points)) throw new Error('"obstacles_xy_m" is no list');
  const circles: number[] = [];
  for (let i = 0; i < points.length; i++) {
    const point: unknown = points[i];
    if (!Array.isArray(point) || point.length !== 2 || !Number.isFinite(point[0]) || !Number.isFinite(point[1])) {
      throw new Error(`obstacle ${i} is no pair of numbers`);
    }
    circles.push(point[0], point[1], radius);
  }
  return { world, pathLength, circles, boxes: [] };
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function barnWorld(source: BarnWorld): World {
  const draft = new WorldDraft();
  const { circles, boxes } = source;
  for (let i = 0; i < circles.length; i += 3) draft.circle(circles[i], circles[i + 1], circles[i + 2]);
  for (let i = 0; i < boxes.length; i += 5) {
    draft.box(boxes[i], boxes[i + 1], boxes[i + 2], boxes[i + 3], boxes[i + 4]);
  }
  return draft.finish(
    {
      startX: START_X,
      startY: START_Y,
      startYaw: START_YAW,
      goalX: GOAL_X,
      goalY: GOAL_Y,
      goalTolerance: GOAL_TOLERANCE,
      timeLimitS: TIME_LIMIT_S,
    },
    { world: source.world, pathLength: source.pathLength },
  );
}
