import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { barnPlace } from './barn-world.js';
import { inDialect } from './dialect.js';
import { type LaserMount, readRobotModel } from './robot-model.js';

/** What is launched. Empty strings are what a launch argument is that nobody gave. */
export interface LaunchChoice {
  /** Folder with `worlds/`, `rfsn_robot/` and `bridge.yaml`. */
  assets: string;
  /** `course` or another file of `worlds/`, `barn:NUMBER`, or the path of an SDF file. */
  world: string;
  /** Where BARN's worlds are. */
  barnDir: string;
  /** Path of a model's SDF file; empty is the robot that comes with the package. */
  robot: string;
  /** What the model is called in the world; empty leaves it its own name. */
  name: string;
  /** Path of the bridge's configuration; empty is the package's. */
  bridge: string;
  /** Where the robot starts [m, m, rad], each empty for the world's own. */
  x: string;
  y: string;
  yaw: string;
  /** Major version of Gazebo Sim. */
  major: number;
}

/** What is written for one launch, and what the launch says further of it. */
export interface LaunchFiles {
  /** SDF: the world with the robot in it. */
  world: string;
  /** YAML for `parameter_bridge`. */
  bridge: string;
  /** The model's name in the world. */
  name: string;
  /** [m, m, rad] */
  start: readonly [number, number, number];
  /** Where the world's task is to go [m, m]; null where it has none. */
  goal: readonly [number, number] | null;
  lasers: LaserMount[];
}

/**
 * One world file with the robot in it, and the bridge's configuration, both in the names of the installed Gazebo.
 *
 * The robot is part of the world from the first step: nothing has to be spawned into a world that is loading, and what
 * is started is one file that can be kept and started again.
 *
 * @throws an Error that names the argument or the file that is wrong
 */
export function launchFiles(choice: LaunchChoice): LaunchFiles {
  const barn = /^barn:(.*)$/.exec(choice.world);
  const place = barn === null ? null : barnPlace(choice.barnDir, barnNumber(barn[1]));
  const worldFile = barn === null ? worldPath(choice) : join(choice.assets, 'worlds', 'empty.sdf');
  const robotFile = choice.robot === '' ? join(choice.assets, 'rfsn_robot', 'model.sdf') : choice.robot;
  const robotText = read('robot', robotFile);
  const model = within(robotFile, () => readRobotModel(robotText));
  const name = choice.name === '' ? model.name : choice.name;
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) throw new Error(`name: "${name}" is no name of a model`);
  const start = place?.start ?? [0, 0, 0];
  const pose = [
    number('x', choice.x, start[0]),
    number('y', choice.y, start[1]),
    number('yaw', choice.yaw, start[2]),
  ] as const;

  const robot = named(placed(modelElement(robotText, robotFile), pose, robotFile), model.name, name);
  const world = inserted(read('world', worldFile), `${place?.model ?? ''}${robot}`, worldFile);
  const bridge = named(
    read('bridge', choice.bridge === '' ? join(choice.assets, 'bridge.yaml') : choice.bridge),
    model.name,
    name,
  );
  return {
    world: inDialect(world, choice.major),
    bridge: inDialect(bridge, choice.major),
    name,
    start: pose,
    goal: place?.goal ?? null,
    lasers: model.lasers,
  };
}

function worldPath({ assets, world }: LaunchChoice): string {
  const shipped = join(assets, 'worlds', `${world}.sdf`);
  return /^[\w-]+$/.test(world) && existsSync(shipped) ? shipped : world;
}

function barnNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`world: after barn: stands the world's number, not "${text}"`);
  return Number(text);
}

function number(argument: string, text: string, otherwise: number): number {
  if (text === '') return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`${argument}: "${text}" is no number`);
  return value;
}

function read(argument: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${argument}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function within<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

/** The text of the model's element, without the declaration and the `<sdf>` around it. */
function modelElement(text: string, path: string): string {
  const from = text.search(/<model[\s>]/);
  const to = text.lastIndexOf('</model>');
  if (from < 0 || to < from) throw new Error(`${path}: holds no model`);
  return text.slice(from, to + '</model>'.length);
}

/** The model with a pose in the world. One of its own, directly after the model's tag, would be a second one. */
function placed(model: string, [x, y, yaw]: readonly [number, number, number], path: string): string {
  const tagEnd = model.indexOf('>') + 1;
  if (/^\s*<pose\b/.test(model.slice(tagEnd))) throw new Error(`${path}: the model has a pose; x, y and yaw give it`);
  return `    ${model.slice(0, tagEnd)}\n      <pose>${x} ${y} 0 0 0 ${yaw}</pose>${model.slice(tagEnd)}\n`;
}

/** Model and topics under another name. */
function named(text: string, from: string, to: string): string {
  return text.replaceAll(`/model/${from}/`, `/model/${to}/`).replaceAll(`<model name="${from}"`, `<model name="${to}"`);
}

function inserted(world: string, models: string, path: string): string {
  const at = world.lastIndexOf('</world>');
  if (at < 0) throw new Error(`${path}: holds no <world>`);
  const line = world.lastIndexOf('\n', at) + 1;
  const cut = world.slice(line, at).trim() === '' ? line : at;
  return `${world.slice(0, cut)}\n${models}${world.slice(cut)}`;
}
