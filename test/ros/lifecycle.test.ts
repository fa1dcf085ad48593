/** A managed node through every transition, over a real ROS: how it answers, and what it tells. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';

// Each starts several processes, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

const NODE = '/rfsn_controller';

interface Answer {
  success: boolean;
}

describeRos('a managed node', () => {
  let processes: RosProcesses;
  let peer: RosPeer;
  let node: RosProcess;

  beforeEach(() => {
    processes = new RosProcesses();
  });
  afterEach(() => processes.close());

  async function started(...args: string[]): Promise<void> {
    node = processes.module('test/ros/managed-node-process.ts', ...args);
    peer = await processes.peer();
    await node.wrote(/"open"/);
  }

  const change = (label: string, id = 0, name = NODE) =>
    peer.call<Answer>(`${name}/change_state`, 'lifecycle_msgs/srv/ChangeState', { transition: { id, label } });
  const asked = async (label: string, id = 0, name = NODE) => (await change(label, id, name)).success;
  const state = async (name = NODE) =>
    (await peer.call<{ current_state: { label: string } }>(`${name}/get_state`, 'lifecycle_msgs/srv/GetState'))
      .current_state.label;
  /** What the node told, of one kind. */
  const told = (kind: string) =>
    node.output
      .split('\n')
      .filter((line) => line.startsWith(`{"${kind}"`))
      .map((line) => (JSON.parse(line) as Record<string, unknown>)[kind]);

  it('goes through every transition that is asked for, by label or by number, and tells of each', async () => {
    await started();
    await peer.subscribe(`${NODE}/transition_event`, 'lifecycle_msgs/msg/TransitionEvent');
    await until(async () => (await peer.graph(`${NODE}/transition_event`)).publishers.length === 1, 'the topic');
    expect(await state()).toBe('unconfigured');
    for (const [label, id, after] of [
      ['configure', 0, 'inactive'],
      ['', 3, 'active'],
      ['deactivate', 0, 'inactive'],
      ['activate', 0, 'active'],
      ['', 4, 'inactive'],
      ['', 2, 'unconfigured'],
      ['', 1, 'inactive'],
      ['shutdown', 0, 'finalized'],
    ] as const) {
      expect(await asked(label, id)).toBe(true);
      expect(await state()).toBe(after);
    }
    expect(told('begun')).toEqual([
      'configure',
      'activate',
      'deactivate',
      'activate',
      'deactivate',
      'cleanup',
      'configure',
      'shutdown',
    ]);
    const goals = () =>
      peer
        .heard<{ goal_state: { label: string } }>(`${NODE}/transition_event`)
        .map(({ message }) => message.goal_state.label);
    await until(() => goals().at(-1) === 'finalized', 'the last transition event');
    expect(goals().slice(0, 4)).toEqual(['configuring', 'inactive', 'activating', 'active']);
    expect(told('state')).toEqual(goals());
  });

  it('tells whoever comes late in which state it is, and everybody of the next', async () => {
    await started();
    expect(await asked('configure')).toBe(true);
    const topic = `${NODE}/lifecycle_state`;
    await peer.subscribe(topic, 'lifecycle_msgs/msg/State', 'latched');
    const labels = () => peer.heard<{ id: number; label: string }>(topic).map(({ message }) => message.label);
    await until(() => labels().length > 0, 'the state that it is in');
    expect(labels()).toEqual(['inactive']);
    expect(await asked('activate')).toBe(true);
    await until(() => labels().at(-1) === 'active', 'the state after it');
  });

  it('answers a request that its state does not know with success: false, and stays as it is', async () => {
    await started();
    expect(await asked('activate')).toBe(false);
    expect(await asked('', 99)).toBe(false);
    expect(await asked('nonsense')).toBe(false);
    // A transition within another, which nobody may ask for from outside, is one of the state machine's all the same.
    expect(await asked('transition_success')).toBe(false);
    expect(await state()).toBe('unconfigured');
    expect(told('begun')).toEqual([]);
    expect(await asked('configure')).toBe(true);
  });

  it.each([
    ['trigger', 'std_srvs/srv/Trigger', {}],
    ['get_state', 'lifecycle_msgs/srv/GetState', {}],
    ['change_state', 'lifecycle_msgs/srv/ChangeState', { transition: { label: 'cleanup' } }],
  ])('is not stopped by a client that cannot hear the answer of %s', async (name, type, request) => {
    await started();
    expect(await asked('configure')).toBe(true);
    expect(await asked('activate')).toBe(true);
    await peer.callDeaf(`${NODE}/${name}`, type, request);
    await node.wrote(/the answer of \S+.* could not be sent/);
    await peer.silence(`${NODE}/${name}`);
    expect(await state()).toBe('active');
    expect(told('failure')).toEqual([]);
    node.signal('SIGINT');
    expect(await node.ended).toBe(0);
  });

  it('answers everything while a transition takes its time, and refuses a second one', async () => {
    await started('hold');
    const configured = change('configure');
    await node.wrote(/"begun":"configure"/);
    expect(await state()).toBe('configuring');
    expect(await asked('configure')).toBe(false);
    expect(await asked('shutdown')).toBe(false);
    expect(await asked('transition_success')).toBe(false);
    const states = await peer.call<{ available_states: unknown[] }>(
      `${NODE}/get_available_states`,
      'lifecycle_msgs/srv/GetAvailableStates',
    );
    expect(states.available_states.length).toBeGreaterThan(8);
    expect(await state()).toBe('configuring');
    node.stdin.write('succeed\n');
    expect((await configured).success).toBe(true);
    expect(await state()).toBe('inactive');
  });

  it('stays where it was when a transition is refused, with the reason in its log', async () => {
    await started('refuse', 'succeed', 'refuse');
    await peer.subscribe('/rosout', 'rcl_interfaces/msg/Log');
    expect(await asked('configure')).toBe(false);
    expect(await state()).toBe('unconfigured');
    await peer.hears<{ msg: string }>('/rosout', ({ msg }) => msg.includes('not today'));
    expect(await asked('configure')).toBe(true);
    expect(await asked('activate')).toBe(false);
    expect(await state()).toBe('inactive');
  });

  it('lets go of everything after an error, and may be configured anew', async () => {
    await started('fail');
    expect(await asked('configure')).toBe(false);
    expect(await state()).toBe('unconfigured');
    expect(told('begun')).toEqual(['configure', 'error']);
    expect(told('state')).toEqual(['configuring', 'errorprocessing', 'unconfigured']);
    expect(await asked('configure')).toBe(true);
  });

  it('is finalized where it cannot let go', async () => {
    await started('fail', 'give up');
    expect(await asked('configure')).toBe(false);
    expect(await state()).toBe('finalized');
    expect(await asked('configure')).toBe(false);
  });

  it('has the name and the namespace that it was started with', async () => {
    await started('--ros-args', '-r', '__ns:=/robots/one', '-r', '__node:=left', '-r', 'odom:=wheels');
    expect(told('open')).toEqual(['/robots/one/left']);
    expect(await asked('configure', 0, '/robots/one/left')).toBe(true);
    const { nodes, topics } = await peer.names();
    expect(nodes).toContain('/robots/one/left');
    expect(Object.keys(topics)).toContain('/robots/one/wheels');
    expect(Object.keys(topics)).not.toContain('/robots/one/odom');
  });

  it('goes on after a callback that throws, and whoever it belongs to is told', async () => {
    await started();
    await asked('configure');
    await peer.advertise('odom', 'std_msgs/msg/Bool', 'sensor');
    await until(async () => (await peer.graph('odom')).subscriptions.length === 1, 'the subscription');
    await peer.repeat('odom', 'std_msgs/msg/Bool', { data: false }, 50, 'sensor', false);
    await node.wrote(/"failure":"odom","error":"Error: a callback that throws"/);
    await peer.repeat('odom', 'std_msgs/msg/Bool', { data: true }, 50, 'sensor', false);
    await node.wrote(/"heard":true/);
    expect(await asked('cleanup')).toBe(true);
    const after = node.output.length;
    expect(await state()).toBe('unconfigured');
    expect(await asked('configure')).toBe(true);
    await until(() => node.output.slice(after).includes('"heard":true'), 'messages after it was configured anew');
  });

  it('answers a request that cannot be read, and goes on', async () => {
    await started();
    const { results } = await peer.call<{ results: unknown[] }>(
      `${NODE}/set_parameters`,
      'rcl_interfaces/srv/SetParameters',
      { parameters: [{ name: '', value: { type: 3, double_value: 1 } }] },
    );
    expect(results).toEqual([]);
    expect(told('failure')).toEqual([]);
    expect(await state()).toBe('unconfigured');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends in order on %s, after the transition that is under way',
    async (signal) => {
      await started('succeed', 'hold');
      expect(await asked('configure')).toBe(true);
      const activated = change('activate');
      await node.wrote(/"begun":"activate"/);
      node.signal(signal);
      node.stdin.write('succeed\n');
      expect((await activated).success).toBe(true);
      expect(await node.ended).toBe(0);
      expect(told('begun')).toEqual(['configure', 'activate', 'shutdown']);
      expect(told('closed')).toEqual([true]);
    },
  );

  it('closes everything else where some of it cannot be closed, and ends as it should', async () => {
    await started('stuck');
    expect(await asked('configure')).toBe(true);
    node.signal('SIGINT');
    expect(await node.ended).toBe(0);
    expect(node.output).toContain('while the node is closed: stuck');
    expect(told('closed')).toEqual([true]);
  });

  it('is one whose transitions ros2 lifecycle makes', async ({ skip }) => {
    await started();
    const help = await processes.ros2('lifecycle', '--help');
    // It is a package of its own, which a small installation leaves out.
    if (help.code !== 0) return skip('ros2 lifecycle is not installed');
    expect((await processes.ros2('lifecycle', 'set', NODE, 'configure', '--no-daemon')).output).toContain('successful');
    expect((await processes.ros2('lifecycle', 'get', NODE, '--no-daemon')).output).toContain('inactive [2]');
    expect((await processes.ros2('lifecycle', 'set', NODE, 'configure', '--no-daemon')).output).toContain(
      'Unknown transition',
    );
  });
});
