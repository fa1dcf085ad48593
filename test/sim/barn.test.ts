import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barnScenario, barnScore } from '../../sim/barn.js';
import { parseGazeboWorld } from '../../sim/gazebo-world.js';
import { jackal } from '../../sim/robots.js';
import { scenarioOf } from '../../sim/scenarios/index.js';
import { Outcome } from '../../sim/simulator.js';
import { rig } from './recording-sink.js';

const data = resolve(import.meta.dirname, '../../../shared/data/barn');
const haveData = existsSync(join(data, 'worlds.jsonl'));

const line = (world: number, extra = '') =>
  `{"world":${world},"radius_m":0.075,"path_length_m":12.5,"obstacles_xy_m":[[-1,5],[-3,${world}]]${extra}}`;

const gazebo = (models: string, rest = '') => `<sdf version='1.6'><world name='default'>${models}${rest}</world></sdf>`;
const model = (name: string, geometry: string, pose = '', linkPose = '', collisionPose = '') =>
  `<model name='${name}'>${pose}<link name='l'>${linkPose}<collision name='c'>${collisionPose}` +
  `<geometry>${geometry}</geometry></collision></link></model>`;
const cylinder = '<cylinder><radius>0.2</radius><length>1</length></cylinder>';

describe('BARN worlds', () => {
  let folder = '';
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rfsn-barn-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('of a file come in its order, with the benchmark’s task', () => {
    const scenario = scenarioOf(`barn:${file('a.jsonl', `${line(3)}\n${line(7)}\n\n`)}`);
    expect(scenario.worldCount).toBe(2);
    const numbers = [0, 1, 2].map((episode) => scenario.build(1, episode, jackal).barn);
    expect(numbers).toEqual([
      { world: 3, pathLength: 12.5 },
      { world: 7, pathLength: 12.5 },
      { world: 3, pathLength: 12.5 },
    ]);
    const world = scenario.build(1, 1, jackal);
    expect([...world.circles]).toEqual([-1, 5, 0.075, -3, 7, 0.075]);
    expect(world).toMatchObject({
      startX: -2.25,
      startY: 3,
      startYaw: Math.PI / 2,
      goalX: -2.25,
      goalY: 13,
      goalTolerance: 1,
      timeLimitS: 100,
    });
  });

  it('are chosen by their number in the benchmark, not by their line', () => {
    const path = file('b.jsonl', `${line(3)}\n${line(7)}\n`);
    expect(barnScenario(`${path}#7`).build(1, 0, jackal).barn?.world).toBe(7);
    expect(() => barnScenario(`${path}#1`)).toThrow(`${path}: no world #1; the file holds 2: 3, 7`);
    expect(() => barnScenario(`${path}#x`)).toThrow('after # stands the world\'s number, not "x"');
  });

  it('with damage are refused with file and line', () => {
    expect(() => barnScenario(join(folder, 'none.jsonl'))).toThrow(/none\.jsonl: cannot be read \(ENOENT\)/);
    expect(() => barnScenario('')).toThrow('a file is missing');
    const damaged: [string, string][] = [
      ['{"world":', 'damaged.jsonl, line 2: '],
      ['[]', 'damaged.jsonl, line 2: "world" is no index'],
      ['5', 'damaged.jsonl, line 2: not a JSON object'],
      ['{"world":1,"radius_m":0}', 'damaged.jsonl, line 2: "radius_m" is no positive number'],
      ['{"world":1,"radius_m":1}', 'damaged.jsonl, line 2: "obstacles_xy_m" is no list'],
      [
        '{"world":1,"radius_m":1,"obstacles_xy_m":[[1,2],[1,null]]}',
        'damaged.jsonl, line 2: obstacle 1 is no pair of numbers',
      ],
      [
        '{"world":1,"radius_m":1,"path_length_m":-4,"obstacles_xy_m":[]}',
        'damaged.jsonl, line 2: "path_length_m" is no positive number',
      ],
    ];
    for (const [text, message] of damaged) {
      expect(() => barnScenario(file('damaged.jsonl', `${line(1)}\n${text}\n`))).toThrow(message);
    }
    expect(() => barnScenario(file('empty.jsonl', '\n'))).toThrow('empty.jsonl: holds no world');
  });

  it('of a Gazebo file are numbered by its name and have no path length', () => {
    const scenario = barnScenario(file('world_12.world', gazebo(model('a', cylinder, '<pose>1 2 0 0 0 0</pose>'))));
    const world = scenario.build(1, 0, jackal);
    expect(world.barn).toEqual({ world: 12, pathLength: null });
    expect([...world.circles]).toEqual([1, 2, 0.2]);
    const broken = file('world_1.world', '<sdf><world>');
    expect(() => barnScenario(broken)).toThrow(/^world_1\.world: line 1: /);
  });

  it.skipIf(!haveData)('are the same in both published forms [needs ../shared/data/barn]', () => {
    for (const number of [0, 3]) {
      const gazeboWorld = scenarioOf(`barn:${join(data, `world_${number}.world`)}`).build(1, 0, jackal);
      const listed = scenarioOf(`barn:${join(data, 'worlds.jsonl')}#${number}`).build(1, 0, jackal);
      expect([...gazeboWorld.circles]).toEqual([...listed.circles]);
    }
  });

  it.skipIf(!haveData)('of the published file are a hundred [needs ../shared/data/barn]', () => {
    const scenario = scenarioOf(`barn:${join(data, 'worlds.jsonl')}`);
    expect(scenario.worldCount).toBe(100);
    expect(scenario.build(1, 99, jackal).barn?.world).toBe(297);
  });

  it('put the goal at (10, 0) in odom and score by the time since departure', async () => {
    const scenario = barnScenario(file('c.jsonl', line(3)));
    const { simulator, sink, commands, run } = await rig(scenario);
    expect(sink.goals[0].x).toBeCloseTo(10, 9);
    expect(sink.goals[0].y).toBeCloseTo(0, 9);
    expect(simulator.barnScore).toBe(null);
    run(5);
    commands.send(1);
    run(20);
    expect(simulator.outcome).toBe(Outcome.success);
    // 5 s waiting, then 9 m at 1 m/s: the wait counts in the episode's time and not in the score's.
    expect(simulator.timeToGoalS).toBeCloseTo(14.03, 1);
    expect(simulator.barnScore).toBeCloseTo(0.5, 9);
    simulator.startEpisode(1);
    commands.send(0.3);
    run(40);
    expect(simulator.barnScore).toBeCloseTo(6.25 / (8.9 / 0.3), 2);
  });

  it('score nothing on failure and null without a path length', async () => {
    const blocked = file('d.jsonl', line(3).replace('[-1,5]', '[-2.25,5]'));
    const hit = await rig(barnScenario(blocked));
    hit.commands.send(1);
    hit.run(10);
    expect(hit.simulator.report()).toMatchObject({ outcome: Outcome.collision, barnScore: 0, timeToGoalS: 100 });
    const unknown = await rig(barnScenario(file('world_2.world', gazebo(model('a', cylinder)))));
    unknown.commands.send(1);
    unknown.run(20);
    expect(unknown.simulator.report()).toMatchObject({ outcome: Outcome.success, barnWorld: 2, barnScore: null });
  });
});

describe('barnScore', () => {
  it('clips the time between two and eight times the optimal one', () => {
    expect(barnScore(true, 12, 1)).toBe(0.5);
    expect(barnScore(true, 12, 12)).toBe(0.5);
    expect(barnScore(true, 12, 24)).toBe(0.25);
    expect(barnScore(true, 12, 90)).toBe(0.125);
    expect(barnScore(false, 12, 1)).toBe(0);
  });
});

describe('parseGazeboWorld', () => {
  it('multiplies model, link and collision poses', () => {
    const turned = '<pose>1 2 0 0 -0 1.5707963267948966</pose>';
    const { circles } = parseGazeboWorld(
      gazebo(model('a', cylinder, turned, '<pose frame="">1 0 0 0 0 0</pose>', '<pose>0 0.5 0 0 0 0</pose>')),
    );
    expect(circles[0]).toBeCloseTo(0.5, 12);
    expect(circles[1]).toBeCloseTo(3, 12);
    expect(circles[2]).toBe(0.2);
  });

  it('reads boxes and passes over the ground', () => {
    const box = model('b', '<box><size>2 1 3</size></box>', '<pose>4 5 0 0 0 0.3</pose>');
    const ground = model('g', '<plane><normal>0 0 1</normal></plane>');
    expect(parseGazeboWorld(gazebo(ground + box))).toEqual({ circles: [], boxes: [4, 5, 1, 0.5, 0.3] });
  });

  it('prefers the pose that a saved state gives a model', () => {
    const state = "<state world_name='default'><model name='a'><pose>7 8 0 0 0 0</pose></model></state>";
    expect(parseGazeboWorld(gazebo(model('a', cylinder, '<pose>1 2 0 0 0 0</pose>'), state)).circles).toEqual([
      7, 8, 0.2,
    ]);
  });

  it('refuses what it cannot see from above', () => {
    const refused: [string, string][] = [
      [gazebo(model('a', cylinder, '<pose>0 0 0 0.5 0 0</pose>')), 'model a is tilted'],
      [gazebo(model('a', '<mesh><uri>x</uri></mesh>')), 'model a: its shape is mesh'],
      [gazebo(model('a', cylinder, '<pose>0 0 0</pose>')), 'pose of model a: "0 0 0" is not 6 numbers'],
      [gazebo(model('a', cylinder, '<pose relative_to="b">0 0 0 0 0 0</pose>')), 'relative to "b"'],
      [gazebo(model('a', '<cylinder><radius>x</radius></cylinder>')), 'radius of model a: "x" is not 1 number'],
      [gazebo(model('a', '<cylinder><radius>-1</radius></cylinder>')), 'radius of model a: -1 is not positive'],
      [gazebo(model('a', '<box><size>0 1 1</size></box>')), 'size of model a is not positive'],
      [gazebo('<include><uri>model://x</uri></include>'), 'an <include> cannot be followed'],
      ['<html></html>', 'holds no <sdf> with a <world>'],
    ];
    for (const [text, message] of refused) expect(() => parseGazeboWorld(text)).toThrow(message);
  });
});
