import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { barnPlace } from '../../../sim/gazebo/barn-world.js';
import { inDialect } from '../../../sim/gazebo/dialect.js';
import { type LaunchChoice, launchFiles } from '../../../sim/gazebo/launch-files.js';
import { readRobotModel } from '../../../sim/gazebo/robot-model.js';
import { parseGazeboWorld } from '../../../sim/gazebo-world.js';
import { describeWith, ROOT } from '../../support/languages.js';

const assets = join(ROOT, 'sim/gazebo');
const robot = join(assets, 'rfsn_robot/model.sdf');
const HARMONIC = 8;
const FORTRESS = 6;

let folder = '';
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-gazebo-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const choice = (changes: Partial<LaunchChoice> = {}): LaunchChoice => ({
  assets,
  world: 'course',
  barnDir: '',
  robot: '',
  name: '',
  bridge: '',
  x: '',
  y: '',
  yaw: '',
  major: HARMONIC,
  ...changes,
});

/** BARN's worlds 5 and 7 as JSON lines, and 5 as the benchmark's Gazebo file. */
const lines =
  '{"world":5,"radius_m":0.075,"path_length_m":12.5,"obstacles_xy_m":[[-1,5],[-3.12345,6.5]]}\n' +
  '{"world":7,"radius_m":0.075,"path_length_m":12.5,"obstacles_xy_m":[[-1,7]]}\n';
const cylinder = (name: string, x: number, y: number) =>
  `<model name='${name}'><static>1</static><pose>${x} ${y} 0 0 0 0</pose><link name='link'><collision name='c'>` +
  '<geometry><cylinder><radius>0.075</radius><length>1</length></cylinder></geometry></collision></link></model>';
const published =
  `<sdf version='1.6'><world name='default'>${cylinder('a', -1, 5)}${cylinder('b', -3.12345, 6.5)}` +
  "<model name='wall'><pose>1 2 0 0 0 0.5</pose><link name='link'><collision name='c'><geometry>" +
  '<box><size>2 0.5 1</size></box></geometry></collision></link></model></world></sdf>';

describe('the names of a Gazebo', () => {
  const text =
    '<plugin filename="gz-sim-diff-drive-system" name="gz::sim::systems::DiffDrive"/>' +
    '<gz_frame_id>laser</gz_frame_id> gz.msgs.Odometry /gz-sim/topic';

  it('are the sources’ own for Harmonic and later', () => {
    for (const major of [8, 9, 10]) expect(inDialect(text, major)).toBe(text);
  });

  it('are Ignition’s for Fortress, in plugins, message types and the frame of a sensor, and nowhere else', () => {
    expect(inDialect(text, FORTRESS)).toBe(
      '<plugin filename="ignition-gazebo-diff-drive-system" name="ignition::gazebo::systems::DiffDrive"/>' +
        '<ignition_frame_id>laser</ignition_frame_id> ignition.msgs.Odometry /gz-sim/topic',
    );
  });

  it('are not known for what came before, nor for what is no version', () => {
    expect(() => inDialect(text, 5)).toThrow('Gazebo Sim 5: Fortress (6) and later are supported');
    expect(() => inDialect(text, Number.NaN)).toThrow('Fortress (6) and later');
  });
});

describe('the files of a launch', () => {
  it('are the world with the robot where its start is, and the bridge', () => {
    const files = launchFiles(choice());
    expect(files).toMatchObject({ name: 'rfsn_robot', start: [0, 0, 0], goal: null });
    expect(files.world).toMatch(/<model name="rfsn_robot" canonical_link="base_link">\s*<pose>0 0 0 0 0 0<\/pose>/);
    expect(files.world.match(/<world /g)).toHaveLength(1);
    expect(files.world.match(/<sdf /g)).toHaveLength(1);
    expect(files.bridge).toBe(readFileSync(join(assets, 'bridge.yaml'), 'utf8'));
  });

  it('state where the laser sits as the model states it', () => {
    expect(launchFiles(choice()).lasers).toEqual([{ frame: 'laser', pose: [0.1, 0, 0.28, 0, 0, 0] }]);
  });

  it('have no name of Harmonic left where Gazebo is Fortress', () => {
    const { world, bridge } = launchFiles(choice({ major: FORTRESS }));
    expect(`${world}${bridge}`).not.toMatch(/gz-sim-|gz::|gz\.msgs\.|gz_frame_id/);
    expect(world.match(/ignition::gazebo::systems::/g)).toHaveLength(7);
    expect(world.match(/<\/?ignition_frame_id>/g)).toHaveLength(2);
    expect(parse(bridge)).toHaveLength(9);
  });

  it('call the robot and its topics in Gazebo as they are told to', () => {
    const { world, bridge, name } = launchFiles(choice({ name: 'r1' }));
    expect(name).toBe('r1');
    expect(`${world}${bridge}`).not.toContain('/model/rfsn_robot');
    expect(world).toContain('<model name="r1"');
    expect(bridge).toContain('gz_topic_name: /model/r1/scan');
    expect(() => launchFiles(choice({ name: 'a b' }))).toThrow('name: "a b" is no name of a model');
  });

  it('put the robot where the launch says', () => {
    const { world, start } = launchFiles(choice({ x: '-1.5', yaw: '0.7' }));
    expect(start).toEqual([-1.5, 0, 0.7]);
    expect(world).toContain('<pose>-1.5 0 0 0 0 0.7</pose>');
    expect(() => launchFiles(choice({ y: 'left' }))).toThrow('y: "left" is no number');
  });

  it('can be of a world and a robot of one’s own', () => {
    const world = file('own.sdf', '<sdf version="1.9"><world name="own"></world></sdf>');
    const model = file(
      'own-robot.sdf',
      '<sdf version="1.9"><model name="mine"><link name="l"><pose>1 0 0.1 0 0 1.5707963267948966</pose>' +
        '<sensor name="s" type="lidar"><pose>0.5 0 0.2 3.14 0 0.5</pose><gz_frame_id>eye</gz_frame_id></sensor>' +
        '<sensor name="imu" type="imu"><gz_frame_id>imu</gz_frame_id></sensor></link></model></sdf>',
    );
    const files = launchFiles(choice({ world, robot: model }));
    expect(files.name).toBe('mine');
    expect(files.world).toMatch(/<world name="own">\s*<model name="mine">\s*<pose>0 0 0 0 0 0<\/pose>/);
    expect(files.lasers).toHaveLength(1);
    const [x, y, z, roll, , yaw] = files.lasers[0].pose;
    expect(x).toBeCloseTo(1, 9);
    expect(y).toBeCloseTo(0.5, 9);
    expect(z).toBeCloseTo(0.3, 9);
    expect([roll, yaw]).toEqual([3.14, Math.PI / 2 + 0.5]);
  });

  it('are refused with the argument and the file that are wrong', () => {
    const posed = file('posed.sdf', '<sdf><model name="m"><pose>1 0 0 0 0 0</pose></model></sdf>');
    const none = file('none.sdf', '<sdf></sdf>');
    const tilted = '<sensor type="lidar"><gz_frame_id>eye</gz_frame_id></sensor>';
    expect(() => launchFiles(choice({ world: 'nowhere' }))).toThrow('world: nowhere cannot be read (ENOENT)');
    expect(() => launchFiles(choice({ world: none }))).toThrow(`${none}: holds no <world>`);
    expect(() => launchFiles(choice({ robot: join(folder, 'x') }))).toThrow(/^robot: .*x cannot be read/);
    expect(() => launchFiles(choice({ robot: none }))).toThrow(`${none}: holds 0 models`);
    expect(() => launchFiles(choice({ robot: posed }))).toThrow('the model has a pose');
    expect(() => launchFiles(choice({ bridge: join(folder, 'x') }))).toThrow(/^bridge: /);
    expect(() => launchFiles(choice({ world: 'barn:x' }))).toThrow('after barn: stands the world\'s number, not "x"');
    expect(() => readRobotModel('<sdf><model>')).toThrow(/line 1/);
    expect(() =>
      readRobotModel(`<sdf><model name="m"><link name="l"><pose>0 0 0 0.1 0 0</pose>${tilted}</link></model></sdf>`),
    ).toThrow('the link of eye is tilted');
    expect(() =>
      readRobotModel(`<sdf><model name="m"><link name="l"><pose>0 0</pose>${tilted}</link></model></sdf>`),
    ).toThrow('the pose of l is not six numbers');
  });
});

describe('BARN’s worlds for Gazebo', () => {
  const obstacles = (model: string) => parseGazeboWorld(`<sdf version="1.9"><world name="w">${model}</world></sdf>`);

  it('stand where the benchmark’s file has them, with its start and goal', () => {
    const place = barnPlace(file('worlds.jsonl', lines), 5);
    expect(place).toMatchObject({ world: 5, start: [-2.25, 3, Math.PI / 2], goal: [-2.25, 13] });
    // To a tenth of a millimetre.
    expect(obstacles(place.model)).toEqual({ circles: [-1, 5, 0.075, -3.1235, 6.5, 0.075], boxes: [] });
  });

  it('are the same from the benchmark’s own files, whose boxes are kept', () => {
    const place = barnPlace(file('world_5.world', published), 5);
    expect(obstacles(place.model)).toEqual({
      circles: [-1, 5, 0.075, -3.1235, 6.5, 0.075],
      boxes: [1, 2, 1, 0.25, 0.5],
    });
  });

  it('are one link, so that cylinders that touch are no contacts', () => {
    const { model } = barnPlace(file('worlds.jsonl', lines), 5);
    expect(model.match(/<link /g)).toHaveLength(1);
    expect(model.match(/<collision /g)).toHaveLength(2);
    expect(model).toContain('<static>true</static>');
  });

  it('are found by number in a folder: as files of their own, or in one file', () => {
    const both = mkdtempSync(join(folder, 'both-'));
    writeFileSync(join(both, 'worlds.jsonl'), lines);
    writeFileSync(join(both, 'world_5.world'), published);
    expect(barnPlace(both, 5).model).toContain('box_0');
    expect(barnPlace(both, 7).model).not.toContain('box_0');
    const empty = mkdtempSync(join(folder, 'empty-'));
    expect(() => barnPlace(empty, 5)).toThrow('holds neither world_5.world nor one file of JSON lines');
  });

  it('that are not there are told of, and that the package has none', () => {
    expect(() => barnPlace('', 5)).toThrow("BARN's worlds are not part of this package");
    expect(() => barnPlace(join(folder, 'x'), 5)).toThrow('barn_dir: there is no ');
    const path = file('worlds.jsonl', lines);
    expect(() => barnPlace(path, 6)).toThrow(`${path} does not hold BARN's world 6`);
    expect(() => barnPlace(file('world_5.world', published), 6)).toThrow("does not hold BARN's world 6");
  });

  it('have the robot at their start', () => {
    const { world, start, goal } = launchFiles(choice({ world: 'barn:7', barnDir: file('worlds.jsonl', lines) }));
    expect(start).toEqual([-2.25, 3, Math.PI / 2]);
    expect(goal).toEqual([-2.25, 13]);
    expect(world).toContain(`<pose>-2.25 3 0 0 0 ${Math.PI / 2}</pose>`);
    expect(world).toContain('<model name="barn_7">');
  });
});

describe('the program that a launch calls', () => {
  const hooks = pathToFileURL(join(ROOT, 'test/support/typescript-hooks.mjs')).href;
  const main = join(ROOT, 'sim/gazebo/main.ts');
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', hooks, main, ...args], { encoding: 'utf8' });

  it('writes both files and tells of them in one line', () => {
    const { status, stdout } = run('--assets', assets, '--out', folder, '--gazebo=6', '--x=-2');
    expect(status).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ name: 'rfsn_robot', start: [-2, 0, 0], goal: null, lasers: [{ frame: 'laser' }] });
    expect(readFileSync(told.world, 'utf8')).toContain('ignition-gazebo-physics-system');
    expect(readFileSync(told.bridge, 'utf8')).toContain('ignition.msgs.Clock');
  });

  it('says in one line what is wrong, and exits with 2', () => {
    expect(run('--assets', assets, '--out', folder, '--gazebo=8', '--world=barn:1')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^BARN's worlds are not part of this package.*\n$/),
    });
    expect(run('--gazebo=8')).toMatchObject({ status: 2, stderr: '--assets and --out are missing\n' });
  });
});

/** Gazebo's command that checks SDF, by either of its names; Debian's is `ign`. */
const sdfTool = ['gz', 'ign'].find((command) => /-k/.test(spawnSync(command, ['sdf', '--help']).stdout?.toString()));
const missing = sdfTool === undefined ? 'neither gz sdf nor ign sdf: apt install ignition-tools libsdformat-dev' : null;

describeWith('SDF’s own tool', missing, () => {
  const check = (path: string) => {
    const { status, stdout, stderr } = spawnSync(sdfTool as string, ['sdf', '-k', path], { encoding: 'utf8' });
    expect({ status, said: stdout.trim(), complaints: /^(Warning|Error).*/m.exec(stderr)?.[0] }).toEqual({
      status: 0,
      said: 'Valid.',
      complaints: undefined,
    });
  };

  it('finds the model and the worlds valid', () => {
    check(robot);
    const worlds = readdirSync(join(assets, 'worlds')).filter((name) => name.endsWith('.sdf'));
    expect(worlds.sort()).toEqual(['course.sdf', 'empty.sdf']);
    for (const name of worlds) check(join(assets, 'worlds', name));
  });

  it.each([FORTRESS, HARMONIC])('finds what is launched with Gazebo Sim %d valid', (major) => {
    check(file('course-out.sdf', launchFiles(choice({ major })).world));
    const barn = choice({ major, world: 'barn:5', barnDir: file('worlds.jsonl', lines), name: 'r2' });
    check(file('barn-out.sdf', launchFiles(barn).world));
  });

  it('finds two of one name, where there are', () => {
    const twice = '<link name="l"/>'.repeat(2);
    const path = file('twice.sdf', `<sdf version="1.9"><model name="m">${twice}</model></sdf>`);
    expect(spawnSync(sdfTool as string, ['sdf', '-k', path], { encoding: 'utf8' }).stdout).not.toContain('Valid.');
  });
});
