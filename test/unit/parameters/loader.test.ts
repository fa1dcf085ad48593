import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';
import { applyParameterText, loadParameters } from '../../../src/parameters/loader.js';
import { ParameterError } from '../../../src/parameters/parameter-error.js';
import { packageRoot, presetNames, presetPath } from '../../../src/parameters/presets.js';
import { defaultParameters, findParameter, type ParameterValues } from '../../../src/parameters/schema.js';
import { BANDIT_PRESETS } from '../../../src/policy/contextual-bandit-config.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-parameters-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(content: string): ParameterValues {
  const values = defaultParameters();
  applyParameterText(values, content, 'robot.yaml');
  return values;
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const ours = (body: string) => `/**:\n  ros__parameters:\n${body.replace(/^/gm, '    ')}\n`;

describe('a ROS 2 parameter file', () => {
  it('flattens nested maps with dots and leaves the rest at the defaults', () => {
    const values = read(
      ours('controller_frequency: 100.0\nrobot:\n  max_speed: 1.25\n  drive: omnidirectional\nsafety.margin: 0.1'),
    );
    expect(values).toEqual({
      ...defaultParameters(),
      controller_frequency: 100,
      'robot.max_speed': 1.25,
      'robot.drive': 'omnidirectional',
      'safety.margin': 0.1,
    });
  });

  it.each(['/**', '"*"', 'rfsn_controller', '/rfsn_controller', '/robot1/rfsn_controller', '/**/rfsn_controller'])(
    'applies the section %s',
    (section) => {
      expect(read(`${section}:\n  ros__parameters:\n    epsilon: 0.5\n`).epsilon).toBe(0.5);
    },
  );

  it('passes by what ROS itself reads from it, flat and nested, and nothing that looks like it', () => {
    const given = new Set<string>();
    const values = defaultParameters();
    const content = ours(
      'use_sim_time: true\nstart_type_description_service: false\nqos_overrides:\n  /odom:\n    subscription:\n      depth: 3\nqos_overrides./scan.subscription.reliability: reliable\nepsilon: 0.5',
    );
    applyParameterText(values, content, 'robot.yaml', given);
    expect(values).toEqual({ ...defaultParameters(), epsilon: 0.5 });
    expect([...given]).toEqual(['epsilon']);
    expect(() => read(ours('use_sim_time: true\nuse_sim_time: false'))).toThrow(ParameterError);
    for (const name of ['use_sim_times', 'qos_overrides', 'my.use_sim_time']) {
      expect(() => read(ours(`${name}: true`))).toThrow(`${name}: no such parameter`);
    }
  });

  it('finds the node inside a namespace', () => {
    expect(read('robot1:\n  rfsn_controller:\n    ros__parameters:\n      epsilon: 0.5\n').epsilon).toBe(0.5);
  });

  it('passes over the sections of other nodes, and lets a later section of ours win', () => {
    const values = read(
      'slam:\n  ros__parameters:\n    epsilon: 0.9\n/**:\n  ros__parameters:\n    epsilon: 0.2\n    bits: 10\nrfsn_controller:\n  ros__parameters:\n    epsilon: 0.3\n',
    );
    expect(values.epsilon).toBe(0.3);
    expect(values.bits).toBe(10);
  });

  it('changes nothing when it is empty', () => {
    for (const empty of ['', '# nothing\n', '/**:\n  ros__parameters:\n', '/**:\n  ros__parameters: {}\n']) {
      expect(read(empty)).toEqual(defaultParameters());
    }
  });

  it.each([
    ['an unknown name', ours('epsilom: 0.5'), 'robot.yaml:3:14: epsilom: no such parameter; did you mean epsilon?'],
    [
      'a value out of range',
      ours('epsilon: 1.5'),
      'robot.yaml:3:14: epsilon: 1.5 is not allowed; allowed: a number from 0 to 1',
    ],
    [
      'text for a number',
      ours('robot:\n  width: wide'),
      'robot.yaml:4:14: robot.width: "wide" is not allowed; allowed: a number from 0.05 to 10 m',
    ],
    [
      'a fraction for an integer',
      ours('bits: 18.5'),
      'bits: 18.5 is not allowed; allowed: an integer from 6 to 24 bits',
    ],
    [
      'a wrong choice',
      ours('robot.drive: tracked'),
      'robot.drive: "tracked" is not allowed; allowed: differential, omnidirectional',
    ],
    ['a number that is none', ours('epsilon: .nan'), 'epsilon: NaN is not allowed'],
    ['an infinite number', ours('epsilon: .inf'), 'epsilon: Infinity is not allowed'],
    ['nothing', ours('epsilon:'), 'epsilon: null is not allowed'],
    ['a list', ours('epsilon: [0.1, 0.2]'), 'epsilon: ["0.1","0.2"] is not allowed'],
    ['a list for text', ours('model_dir: [a]'), 'model_dir: ["a"] is not allowed'],
    ['a map below a parameter', ours('epsilon:\n  value: 0.1'), 'robot.yaml:4:14: epsilon.value: no such parameter'],
    ['a name given twice', ours('epsilon: 0.1\nepsilon: 0.2'), 'robot.yaml:4:5: Map keys must be unique'],
    [
      'a name given twice in two spellings',
      ours('robot:\n  width: 0.3\nrobot.width: 0.4'),
      'robot.yaml:5:18: robot.width: given twice',
    ],
    ['an alias', ours('epsilon: &e 0.1\nlearning_rate: *e'), 'learning_rate: aliases are not supported'],
    ['an anchored map', ours('robot: &r\n  width: 0.3'), 'anchors are not supported'],
    ['a key that is no name', ours('1: 0.3'), 'every key must be a name'],
    ['broken YAML', '/**:\n  ros__parameters: {epsilon: 0.1\n', 'robot.yaml:'],
    [
      'parameters outside ros__parameters',
      'rfsn_controller:\n  epsilon: 0.1\n',
      'epsilon stands outside a node’s ros__parameters',
    ],
    [
      'only other nodes',
      'rfsn_controler:\n  ros__parameters:\n    epsilon: 0.1\n',
      'holds parameters for /rfsn_controler only; this node is rfsn_controller',
    ],
    ['parameters of no node', 'ros__parameters:\n  epsilon: 0.1\n', 'holds parameters for (no node) only'],
    ['a scalar for the section', '/**:\n  ros__parameters: 5\n', 'ros__parameters must hold names and values'],
    ['a list at the top', '- 1\n- 2\n', 'not a parameter file'],
    ['something that is no YAML map', 'hello', 'not a parameter file'],
    ['two documents', `${ours('epsilon: 0.1')}---\n${ours('epsilon: 0.2')}`, 'robot.yaml:'],
  ])('refuses %s', (_what, content, message) => {
    expect(() => read(content)).toThrow(ParameterError);
    expect(() => read(content)).toThrow(message);
  });
});

describe('loading parameters', () => {
  it('takes defaults, then files in their order, then overrides', () => {
    const first = file('first.yaml', ours('epsilon: 0.4\nbits: 12\nrobot.width: 0.3'));
    const second = file('second.yaml', ours('epsilon: 0.6\nbits: 13'));
    const values = loadParameters([first, second], { bits: 14 });
    expect([values.epsilon, values.bits, values['robot.width'], values.learning_rate]).toEqual([0.6, 14, 0.3, 0.1]);
    expect(loadParameters()).toEqual(defaultParameters());
  });

  it('reads overrides given as text in the type of the parameter', () => {
    const values = loadParameters([], {
      epsilon: '5e-1',
      bits: '20',
      contacts_required: 'true',
      trigger: 'observation',
      model_dir: '42',
      'reward.time': '+.5',
    });
    expect(values).toMatchObject({
      epsilon: 0.5,
      bits: 20,
      contacts_required: true,
      trigger: 'observation',
      model_dir: '42',
      'reward.time': 0.5,
    });
    expect(loadParameters([], { contacts_required: 'false' }).contacts_required).toBe(false);
  });

  it.each([
    [{ epsilon: '' }, 'epsilon: "" is not allowed'],
    [{ epsilon: '0x1' }, 'epsilon: "0x1" is not allowed'],
    [{ epsilon: 'Infinity' }, 'epsilon: "Infinity" is not allowed'],
    [{ bits: '1e1.5' }, 'bits: "1e1.5" is not allowed'],
    [{ contacts_required: 'yes' }, 'contacts_required: "yes" is not allowed; allowed: true or false'],
    [{ nonsense_name_far_off: '1' }, 'no such parameter'],
    [{ controller_frequency: 5 }, 'watchdog_timeout_s: 0.25 is not allowed'],
  ])('refuses the overrides %j', (overrides, message) => {
    expect(() => loadParameters([], overrides as Record<string, string>)).toThrow(ParameterError);
    expect(() => loadParameters([], overrides as Record<string, string>)).toThrow(message);
  });

  it('says which file it could not read', () => {
    const missing = join(folder, 'missing.yaml');
    expect(() => loadParameters([missing])).toThrow(ParameterError);
    expect(() => loadParameters([missing])).toThrow(`${missing}: cannot read the parameter file: ENOENT`);
    expect(() => loadParameters([folder])).toThrow('EISDIR');
  });
});

describe('the files under config/', () => {
  const config = join(packageRoot(), 'config');
  const files = readdirSync(config).filter((name) => name.endsWith('.yaml'));

  it('hold the three presets as specified', () => {
    const pick = (name: (typeof presetNames)[number]) => {
      const values = loadParameters([presetPath(name)]);
      return [values.learning_rate, values.epsilon, values.bits, values.l2_regularization, values.save_frequency];
    };
    expect(pick('development')).toEqual([0.1, 0.2, 18, 1e-5, 10]);
    expect(pick('staging')).toEqual([0.08, 0.1, 19, 1e-5, 100]);
    expect(pick('production')).toEqual([0.05, 0.05, 20, 1e-4, 1000]);
  });

  it('hold the presets of the policy as a library', () => {
    for (const name of presetNames) expect(loadParameters([presetPath(name)])).toMatchObject(BANDIT_PRESETS[name]);
  });

  it('give the Jackal the figures that are the defaults', () => {
    const jackal = loadParameters([join(config, 'jackal.yaml')]);
    expect({ ...jackal, max_beams: 2048 }).toEqual(defaultParameters());
    expect(loadParameters([join(config, 'omni.yaml')])['robot.drive']).toBe('omnidirectional');
  });

  it.each(files)('%s loads, and writes numbers as ROS reads them: with a point where the type is number', (name) => {
    const path = join(config, name);
    loadParameters([path]);
    let checked = 0;
    const walk = (map: YAMLMap, prefix: string): void => {
      for (const pair of map.items) {
        const key = prefix + String(pair.key);
        if (isMap(pair.value)) walk(pair.value, `${key}.`);
        else if (isScalar(pair.value)) {
          const type = findParameter(key)?.type;
          if (type === 'number') expect(pair.value.source, key).toMatch(/^-?\d+\.\d+(e[+-]?\d+)?$/);
          if (type === 'integer') expect(pair.value.source, key).toMatch(/^-?\d+$/);
          checked++;
        }
      }
    };
    const parameters = parseDocument(readFileSync(path, 'utf8')).getIn(['/**', 'ros__parameters']);
    walk(parameters as YAMLMap, '');
    expect(checked).toBeGreaterThan(0);
  });
});
