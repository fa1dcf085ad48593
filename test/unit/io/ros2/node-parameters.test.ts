import { describe, expect, it } from 'vitest';
import { applyOverrides, overridesFor, ParameterGate } from '../../../../src/io/ros2/node-parameters.js';
import type { Rcl, RclParameter } from '../../../../src/io/ros2/rcl.js';
import { ParameterError } from '../../../../src/parameters/parameter-error.js';
import { defaultParameters, type ParameterValue } from '../../../../src/parameters/schema.js';

const section = (name: string, values: Record<string, unknown>) => ({
  name,
  parameters: Object.entries(values).map(([key, value]) => ({ name: key, type: 3, value })),
});
const found = (sections: ReturnType<typeof section>[], node: string) =>
  Object.fromEntries([...overridesFor(sections, node).values()].map(({ name, value }) => [name, value]));

describe('sections of parameter files', () => {
  it.each([
    ['/**', true],
    ['rfsn_controller', false],
    ['/one/rfsn_controller', true],
    ['one/rfsn_controller', true],
    ['/*/rfsn_controller', true],
    ['/**/rfsn_controller', true],
    ['/one/**', true],
    ['/one/*', true],
    ['/*/*', true],
    ['/*', false],
    ['/two/rfsn_controller', false],
    ['/one/rfsn_controller/more', false],
    ['/one/rfsn.controller', false],
  ])('%s is for /one/rfsn_controller: %s', (name, is) => {
    expect(found([section(name, { epsilon: 0.5 })], '/one/rfsn_controller')).toEqual(is ? { epsilon: 0.5 } : {});
  });

  it('without a slash are for a node of that name outside any namespace', () => {
    expect(found([section('rfsn_controller', { epsilon: 0.5 })], '/rfsn_controller')).toEqual({ epsilon: 0.5 });
    expect(found([section('/**/rfsn_controller', { epsilon: 0.5 })], '/rfsn_controller')).toEqual({ epsilon: 0.5 });
  });

  it('are overridden by those that come later', () => {
    const sections = [section('/**', { epsilon: 0.1, alpha: 2 }), section('left', { epsilon: 0.2 })];
    expect(found(sections, '/left')).toEqual({ epsilon: 0.2, alpha: 2 });
    expect(found(sections.reverse(), '/left')).toEqual({ epsilon: 0.1, alpha: 2 });
  });
});

describe('overrides', () => {
  function applied(values: Record<string, unknown>, name = '/**') {
    const parameters = defaultParameters();
    const notices: string[] = [];
    applyOverrides(parameters, overridesFor([section(name, values)], '/rfsn_controller').values(), (text) =>
      notices.push(text),
    );
    return { parameters, notices };
  }

  it('may be ROS’s integers, for doubles and integers alike', () => {
    const { parameters } = applied({ controller_frequency: 200n, max_beams: 720n });
    expect(parameters.controller_frequency).toBe(200);
    expect(parameters.max_beams).toBe(720);
  });

  it('that ROS itself reads are passed by', () => {
    const { parameters, notices } = applied({
      use_sim_time: true,
      start_type_description_service: false,
      'qos_overrides./odom.subscription.depth': 3n,
    });
    expect(parameters).toEqual(defaultParameters());
    expect(notices).toEqual([]);
  });

  it('are refused in the schema’s words, with the section that is for this node alone', () => {
    expect(() => applied({ epsilon: 3 })).toThrow('epsilon: 3 is not allowed; allowed: a number from 0 to 1');
    expect(() => applied({ epsilon: [1, 2] }, 'rfsn_controller')).toThrow(/^rfsn_controller: epsilon: \[1,2\] is not/);
    expect(() => applied({ watchdog_timeout_s: 0.01 })).toThrow('two periods of controller_frequency');
  });

  it('of unknown names are refused where a name is close or the section is this node’s, and told of otherwise', () => {
    expect(() => applied({ epsilom: 0.5 })).toThrow('did you mean epsilon?');
    expect(() => applied({ planner_plugins: 'x' }, 'rfsn_controller')).toThrow('planner_plugins: no such parameter');
    const { parameters, notices } = applied({ planner_plugins: 'x' });
    expect(parameters).toEqual(defaultParameters());
    expect(notices).toEqual([expect.stringContaining('planner_plugins: no such parameter')]);
  });
});

describe('what is set on a running node', () => {
  /** As rclnodejs' own holds them. */
  class Parameter implements RclParameter {
    readonly name: string;
    readonly type: number;
    readonly value: unknown;
    constructor(name: string, type: number, value: unknown) {
      this.name = name;
      this.type = type;
      this.value = value;
    }
  }

  function gated(onSet: (name: string, value: ParameterValue) => void = () => undefined) {
    const values = defaultParameters();
    const kept: RclParameter[][] = [];
    const gate = new ParameterGate({ Parameter } as unknown as Rcl, values, onSet);
    const set = (...parameters: [name: string, type: number, value: unknown][]) =>
      gate.set(
        parameters.map((parameter) => new Parameter(...parameter)),
        (changed) => {
          kept.push(changed);
          return { successful: true, reason: '' };
        },
      );
    return { values, kept, set };
  }

  it('takes effect first, and is kept as the type that was declared', () => {
    const sets: unknown[] = [];
    const { values, kept, set } = gated((...given) => sets.push(given));
    expect(set(['epsilon', 2, 1n])).toEqual({ successful: true, reason: '' });
    expect(sets).toEqual([['epsilon', 1]]);
    expect(values.epsilon).toBe(1);
    expect(kept).toEqual([[new Parameter('epsilon', 3, 1)]]);
  });

  it('leaves everything as it was where one of several is refused', () => {
    const sets: unknown[] = [];
    const { values, kept, set } = gated((name, value) => {
      if (name === 'epsilon') throw new ParameterError(name, 'not now');
      sets.push([name, value]);
    });
    const before = { ...values };
    expect(set(['robot.max_speed', 3, 1], ['robot.max_yaw_rate', 3, 1], ['epsilon', 3, 0.5])).toEqual({
      successful: false,
      reason: 'epsilon: not now',
    });
    expect(values).toEqual(before);
    expect(kept).toEqual([]);
    expect(sets).toEqual([
      ['robot.max_speed', 1],
      ['robot.max_yaw_rate', 1],
      ['robot.max_speed', before['robot.max_speed']],
      ['robot.max_yaw_rate', before['robot.max_yaw_rate']],
    ]);
  });

  it.each([
    ['epsilon', 3, Number.NaN, 'epsilon: NaN is not allowed'],
    ['epsilon', 4, '0.5', 'epsilon: "0.5" is not allowed'],
    ['epsilon', 0, undefined, 'epsilon: cannot be removed'],
    ['policy', 4, 'random', 'policy: is read once, at start'],
    ['policy', 4, 'randon', 'policy: "randon" is not allowed'],
    ['use_sim_time', 1, true, 'use_sim_time: is read once, at start'],
    ['epsilom', 3, 0.5, 'did you mean epsilon?'],
  ] as const)('%s of type %s as %s is refused', (name, type, value, reason) => {
    const { values, set } = gated(() => expect.unreachable());
    const answer = set([name, type, value]);
    expect(answer.successful).toBe(false);
    expect(answer.reason).toContain(reason);
    expect(values).toEqual(defaultParameters());
  });

  it('passes on what is no refusal', () => {
    const { set } = gated(() => {
      throw new Error('a mistake');
    });
    expect(() => set(['epsilon', 3, 0.5])).toThrow('a mistake');
  });
});
