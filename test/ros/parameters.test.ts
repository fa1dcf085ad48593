/** The schema's parameters as those of a real ROS node: declared, overridden, set, refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeAllowed, parameterTable } from '../../src/parameters/schema.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';

// Each starts several processes, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

const NODE = '/rfsn_controller';

interface Value {
  type: number;
  double_value: number;
  integer_value: number;
  string_value: string;
  bool_value: boolean;
}
interface Descriptor {
  name: string;
  type: number;
  description: string;
  additional_constraints: string;
  read_only: boolean;
  floating_point_range: { from_value: number; to_value: number; step: number }[];
  integer_range: { from_value: number; to_value: number; step: number }[];
}
interface Result {
  successful: boolean;
  reason: string;
}

const double = (value: number) => ({ type: 3, double_value: value });
const integer = (value: number) => ({ type: 2, integer_value: value });
const text = (value: string) => ({ type: 4, string_value: value });

describeRos('the parameters of a node', () => {
  let processes: RosProcesses;
  let peer: RosPeer;
  let node: RosProcess;

  beforeEach(() => {
    processes = new RosProcesses();
  });
  afterEach(() => processes.close());

  async function started(...args: string[]): Promise<void> {
    node = processes.module('test/ros/managed-node-process.ts', '--ros-args', ...args);
    peer = await processes.peer();
    await node.wrote(/"open"/);
  }
  /** What a node says that is not to start. */
  async function refusal(...args: string[]): Promise<string> {
    node = processes.module('test/ros/managed-node-process.ts', '--ros-args', ...args);
    expect(await node.ended).toBe(2);
    return (JSON.parse(/^\{"refused".*$/m.exec(node.output)![0]) as { refused: string }).refused;
  }
  /** The node's own values at its start. */
  const values = () =>
    (JSON.parse(/^\{"open".*$/m.exec(node.output)![0]) as { values: Record<string, unknown> }).values;
  const call = <T>(what: string, type: string, request: Record<string, unknown>) =>
    peer.call<T>(`${NODE}/${what}`, `rcl_interfaces/srv/${type}`, request);
  const got = async (...names: string[]) =>
    (await call<{ values: Value[] }>('get_parameters', 'GetParameters', { names })).values;
  const set = async (parameters: Record<string, unknown>) =>
    (
      await call<{ results: Result[] }>('set_parameters', 'SetParameters', {
        parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })),
      })
    ).results;
  function file(content: string): string {
    const path = join(processes.folder, 'parameters.yaml');
    writeFileSync(path, content);
    return path;
  }

  it('are all of the schema’s, with description, range and read-only flag', async () => {
    await started();
    const names = parameterTable.map(({ name }) => name);
    const { result } = await call<{ result: { names: string[] } }>('list_parameters', 'ListParameters', {});
    expect(result.names).toEqual(expect.arrayContaining(names));
    const { descriptors } = await call<{ descriptors: Descriptor[] }>('describe_parameters', 'DescribeParameters', {
      names,
    });
    const now = await got(...names);
    for (const [i, entry] of parameterTable.entries()) {
      const descriptor = descriptors[i];
      expect(descriptor.name).toBe(entry.name);
      expect(descriptor.description).toContain(entry.description);
      expect(descriptor.description).toContain(entry.unit);
      expect(descriptor.read_only).toBe(entry.readOnly);
      expect(now[i].type).toBe(descriptor.type);
      switch (entry.type) {
        case 'number':
          expect(descriptor.floating_point_range).toEqual([{ from_value: entry.min, to_value: entry.max, step: 0 }]);
          expect(now[i].double_value).toBe(entry.default);
          break;
        case 'integer':
          expect(descriptor.integer_range).toEqual([{ from_value: entry.min, to_value: entry.max, step: 1 }]);
          expect(now[i].integer_value).toBe(entry.default);
          break;
        case 'boolean':
          expect(now[i].bool_value).toBe(entry.default);
          break;
        default:
          expect(descriptor.additional_constraints).toContain(describeAllowed(entry));
          expect(now[i].string_value).toBe(entry.default);
      }
    }
  });

  it('are overridden on the command line and in files, whole numbers for doubles too', async () => {
    const path = file(
      [
        '/**:',
        '  ros__parameters:',
        '    use_sim_time: true',
        '    epsilon: 0.25',
        '    robot: {max_speed: 1}',
        'rfsn_controller:',
        '  ros__parameters:',
        '    policy: linucb',
        '    qos_overrides: {/odom: {subscription: {depth: 7}}}',
        'another_node:',
        '  ros__parameters:',
        '    epsilon: 12.0',
        '    whatever: true',
      ].join('\n'),
    );
    await started('--params-file', path, '-p', 'controller_frequency:=100', '-p', 'rfsn_controller:goal_tolerance:=1');
    expect(values()).toMatchObject({
      epsilon: 0.25,
      'robot.max_speed': 1,
      policy: 'linucb',
      controller_frequency: 100,
      goal_tolerance: 1,
    });
    expect(node.output).toContain('"simTime":true');
    const [frequency, policy, simulated] = await got('controller_frequency', 'policy', 'use_sim_time');
    expect([frequency.type, frequency.double_value]).toEqual([3, 100]);
    expect(policy.string_value).toBe('linucb');
    expect(simulated.bool_value).toBe(true);
  });

  it('are overridden by sections for a node in its namespace, and by no others', async () => {
    const path = file(
      [
        '/fleet/one/rfsn_controller:',
        '  ros__parameters: {epsilon: 0.5}',
        '/fleet/two/rfsn_controller:',
        '  ros__parameters: {epsilon: 0.6}',
        'rfsn_controller:',
        '  ros__parameters: {alpha: 7.0}',
        '/fleet/*/rfsn_controller:',
        '  ros__parameters: {goal_tolerance: 0.5}',
        '/**/rfsn_controller:',
        '  ros__parameters: {contact_force: 33}',
      ].join('\n'),
    );
    await started('--params-file', path, '-r', '__ns:=/fleet/one');
    expect(values()).toMatchObject({ epsilon: 0.5, alpha: 1, goal_tolerance: 0.5, contact_force: 33 });
  });

  it('are told to have been meant for nobody here, where a file has no section for the node in its namespace', async () => {
    const path = file('rfsn_controller:\n  ros__parameters: {epsilon: 0.5}');
    await started('--params-file', path, '-r', '__ns:=/robot1');
    const has = 'its sections are rfsn_controller; the section must be called /robot1/rfsn_controller, or /\\*\\*';
    await node.wrote(new RegExp(`WARN.*${path} holds no parameters for this node: ${has}`));
    expect(values()).toMatchObject({ epsilon: 0.1 });
  });

  it('are refused at start for a file that is not there', async () => {
    const path = join(processes.folder, 'nobody.yaml');
    expect(await refusal('--params-file', path)).toMatch(`${path}: cannot read the parameter file: ENOENT`);
  });

  it.each([
    [
      'a value that is not allowed',
      'controller_frequency:=0',
      'controller_frequency: 0 is not allowed; allowed: a number from 1 to 2000 Hz',
    ],
    ['a value of another type', 'autostart:=maybe', 'autostart: "maybe" is not allowed; allowed: true or false'],
    ['a fraction for an integer', 'max_beams:=3.5', 'max_beams: 3.5 is not allowed'],
    ['a name that is none, but close', 'controler_frequency:=100.0', 'did you mean controller_frequency?'],
    ['a name that is none, for this node', 'rfsn_controller:xyzzy:=1', 'xyzzy: no such parameter'],
    ['what ROS cannot read', 'epsilon', "ROS 2 does not start: Couldn't parse parameter override rule: '-p epsilon'"],
    ['values that do not go together', 'safety.reaction_time_s:=0.001', 'safety.reaction_time_s: 0.001 is not allowed'],
  ])('are refused at start for %s', async (_, override, complaint) => {
    expect(await refusal('-p', override)).toContain(complaint);
  });

  it('are left out, with a word, where they are none of ours in a section for all nodes', async () => {
    await started('-p', 'some_other_nodes_thing:=1');
    await node.wrote(/some_other_nodes_thing: no such parameter/);
  });

  it('are set on the running node where they may change, and otherwise refused with the reason', async () => {
    await started();
    expect(await set({ epsilon: double(0.5) })).toEqual([{ successful: true, reason: '' }]);
    await node.wrote(/\{"set":"epsilon","value":0.5\}/);
    // `ros2 param set … 1` is an integer.
    expect(await set({ epsilon: integer(1), 'robot.max_speed': double(0.5) })).toEqual([
      { successful: true, reason: '' },
      { successful: true, reason: '' },
    ]);
    const [epsilon] = await got('epsilon');
    expect([epsilon.type, epsilon.double_value]).toEqual([3, 1]);
    const results = await set({
      'robot.max_yaw_rate': double(1e9),
      epsilon: double(0.75),
      controller_frequency: double(100),
      epsilom: double(0.1),
      use_sim_time: { type: 1, bool_value: true },
      'robot.max_speed': { type: 0 },
      policy: text('random'),
    });
    expect(results.map(({ reason }) => reason)).toEqual([
      'robot.max_yaw_rate: 1000000000 is not allowed; allowed: a number from 0.01 to 50 rad/s',
      'epsilon: 0.75 is not liked here',
      'controller_frequency: is read once, at start; start the node anew to change it',
      'epsilom: no such parameter; did you mean epsilon?',
      'use_sim_time: is read once, at start; start the node anew to change it',
      'robot.max_speed: cannot be removed',
      'policy: is read once, at start; start the node anew to change it',
    ]);
    expect(results.every(({ successful }) => !successful)).toBe(true);
    expect((await got('epsilon', 'robot.max_speed')).map(({ double_value }) => double_value)).toEqual([1, 0.5]);
    expect((await got('use_sim_time'))[0].bool_value).toBe(false);
  });

  it('are set together or not at all, where that is asked', async () => {
    await started();
    const together = (a: number, b: number) =>
      call<{ result: Result }>('set_parameters_atomically', 'SetParametersAtomically', {
        parameters: [
          { name: 'robot.max_speed', value: double(a) },
          { name: 'epsilon', value: double(b) },
        ],
      });
    expect((await together(1.5, 0.3)).result.successful).toBe(true);
    const { result } = await together(1, 0.75);
    expect(result).toEqual({ successful: false, reason: 'epsilon: 0.75 is not liked here' });
    expect((await got('robot.max_speed', 'epsilon')).map(({ double_value }) => double_value)).toEqual([1.5, 0.3]);
    // What had taken effect was taken back.
    const sets = [...node.output.matchAll(/\{"set":"robot.max_speed","value":(\S+)\}/g)].map(([, value]) => value);
    expect(sets).toEqual(['1.5', '1', '1.5']);
  });

  it('hold what qos_overrides ask of the inputs, and refuse what there is not', async () => {
    const quality = 'qos_overrides./odom.subscription';
    await started('-p', `${quality}.reliability:=reliable`, '-p', `${quality}.depth:=7`);
    const configure = { transition: { id: 1, label: '' } };
    await peer.call(`${NODE}/change_state`, 'lifecycle_msgs/srv/ChangeState', configure);
    const { subscriptions } = await peer.graph('/odom');
    expect(subscriptions.map(({ reliability }) => reliability)).toEqual(['RELIABLE']);
    const [depth, reliability, durability] = await got(
      `${quality}.depth`,
      `${quality}.reliability`,
      `${quality}.durability`,
    );
    expect(depth.integer_value).toBe(7);
    expect(reliability.string_value).toBe('reliable');
    expect(durability.string_value).toBe('volatile');
    expect((await set({ [`${quality}.depth`]: integer(3) }))[0].successful).toBe(false);
    await node.kill();

    await started('-p', `${quality}.reliability:=utmost`);
    const answer = await peer.call<{ success: boolean }>(
      `${NODE}/change_state`,
      'lifecycle_msgs/srv/ChangeState',
      configure,
    );
    expect(answer.success).toBe(false);
    await node.wrote(/qos_overrides of odom: Unknown QoS policy value: "utmost"/);
    expect(node.output).toContain('stays unconfigured');
  });

  it('are told of when they change, dated by a /clock that promises nothing', async () => {
    await started('-p', 'use_sim_time:=true');
    await peer.subscribe('/parameter_events', 'rcl_interfaces/msg/ParameterEvent');
    await peer.repeat('/clock', 'rosgraph_msgs/msg/Clock', { clock: { sec: 1234, nanosec: 5 } }, 50, 'sensor', false);
    await until(async () => {
      await set({ epsilon: double(0.5) });
      return peer
        .heard<{ stamp: { sec: number; nanosec: number } }>('/parameter_events')
        .some(({ message: { stamp } }) => stamp.sec === 1234 && stamp.nanosec === 5);
    }, 'an event of simulated time');
  });

  it('are shown and set by ros2 param', async () => {
    await started();
    await until(
      async () => (await processes.ros2('param', 'get', NODE, 'epsilon', '--no-daemon')).output.includes('0.1'),
      'ros2 param',
    );
    const set = await processes.ros2('param', 'set', NODE, 'epsilon', '3.0', '--no-daemon');
    expect(set.output).toContain('epsilon: 3 is not allowed; allowed: a number from 0 to 1');
    const described = await processes.ros2('param', 'describe', NODE, 'epsilon', '--no-daemon');
    expect(described.output).toMatch(/Min value: 0\.0\s+Max value: 1\.0/);
    const dumped = await processes.ros2('param', 'dump', NODE, '--no-daemon');
    expect(dumped.output).toContain('controller_frequency: 50.0');
  });
});
