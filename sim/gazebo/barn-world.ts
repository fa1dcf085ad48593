import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BarnWorld, barnScenario, parseBarnGazebo, parseBarnLines } from '../barn.js';
import { jackal } from '../robots.js';

/** A world of the benchmark as Gazebo is given it: obstacles as a model, and where the robot starts and goes. */
export interface BarnPlace {
  world: number;
  /** A static model in SDF. */
  model: string;
  /** [m, m, rad] */
  start: readonly [number, number, number];
  /** [m, m] */
  goal: readonly [number, number];
}

/** Height of every obstacle [m]; the benchmark's own is higher than any laser that drives through it as well. */
const HEIGHT = 1;
/** Obstacles are written to a tenth of a millimetre. */
const DIGITS = 4;

/**
 * World `number` of the BARN benchmark (Perille et al. 2020).
 *
 * @param place the benchmark's folder of `world_<number>.world` files, one such file, or a file of JSON lines or a
 *   folder that holds one, as `rfsn sim barn:FILE` reads them
 * @throws an Error that says what was looked for, or what is wrong with the file
 */
export function barnPlace(place: string, number: number): BarnPlace {
  const file = barnFile(place, number);
  const text = readFileSync(file, 'utf8');
  const source = /\.(world|sdf)$/i.test(file)
    ? parseBarnGazebo(text, basename(file))
    : parseBarnLines(text, basename(file)).find((world) => world.world === number);
  if (source === undefined || source.world !== number) throw new Error(`${file} does not hold BARN's world ${number}`);
  const task = barnScenario(`${file}#${number}`).build(0, 0, jackal);
  return {
    world: number,
    model: obstacleModel(source),
    start: [task.startX, task.startY, task.startYaw],
    goal: [task.goalX, task.goalY],
  };
}

function barnFile(place: string, number: number): string {
  if (place === '') {
    throw new Error(
      "BARN's worlds are not part of this package: download them (https://cs.gmu.edu/~xiao/Research/BARN/BARN.html) " +
        'and say where they are with barn_dir:=FOLDER',
    );
  }
  if (!existsSync(place)) throw new Error(`barn_dir: there is no ${place}`);
  if (!statSync(place).isDirectory()) return place;
  const world = join(place, `world_${number}.world`);
  if (existsSync(world)) return world;
  const lines = readdirSync(place)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
  if (lines.length === 1) return join(place, lines[0]);
  throw new Error(`barn_dir: ${place} holds neither world_${number}.world nor one file of JSON lines`);
}

/**
 * All obstacles in one link: physics never tests the parts of a link against each other, whereas BARN's cylinders touch
 * their neighbours and as models of their own would all be pairs to test, on every step.
 */
function obstacleModel({ world, circles, boxes }: BarnWorld): string {
  const parts: string[] = [];
  for (let i = 0; i < circles.length; i += 3) {
    const radius = fixed(circles[i + 2]);
    parts.push(
      part(
        `cylinder_${i / 3}`,
        `${fixed(circles[i])} ${fixed(circles[i + 1])} ${HEIGHT / 2} 0 0 0`,
        `<cylinder><radius>${radius}</radius><length>${HEIGHT}</length></cylinder>`,
      ),
    );
  }
  for (let i = 0; i < boxes.length; i += 5) {
    const size = `${fixed(2 * boxes[i + 2])} ${fixed(2 * boxes[i + 3])} ${HEIGHT}`;
    parts.push(
      part(
        `box_${i / 5}`,
        `${fixed(boxes[i])} ${fixed(boxes[i + 1])} ${HEIGHT / 2} 0 0 ${fixed(boxes[i + 4])}`,
        `<box><size>${size}</size></box>`,
      ),
    );
  }
  return `    <model name="barn_${world}">
      <static>true</static>
      <link name="link">
${parts.join('')}      </link>
    </model>
`;
}

function part(name: string, pose: string, geometry: string): string {
  return `        <collision name="${name}">
          <pose>${pose}</pose>
          <geometry>${geometry}</geometry>
        </collision>
        <visual name="${name}_visual">
          <pose>${pose}</pose>
          <geometry>${geometry}</geometry>
          <material><ambient>0.5 0.3 0.2 1</ambient><diffuse>0.6 0.4 0.3 1</diffuse></material>
        </visual>
`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(DIGITS)));
}
