/** The node among others: two in namespaces of their own, one whose names are all others, and a robot that is restarted. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { MessageType } from '../../src/io/ros2/names.js';
import { describeRos, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { type Command, ODOMETRY, PATIENT, stands } from './sensed-robot.js';

// Several processes are started, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const START_MS = 120_000;
/** Topics that are one for all nodes of a system. */
const SHARED = ['/tf', '/tf_static', '/diagnostics', '/rosout', '/parameter_events', '/clock'];

const SCAN = {
  header: { frame_id: 'base_link' },
  angle_min: -Math.PI,
  angle_increment: Math.PI / 36,
  range_min: 0.05,
  range_max: 10,
  ranges: new Array(72).fill(6),
};

interface Answer {
  readonly success: boolean;
}
const drives = ({ twist: { linear } }: Command) => linear.x > 0.05;

/** One controller, by the names of its topics. */
interface Names {
  readonly node: string;
  readonly odom: string;
  readonly scan: string;
  readonly goal: string;
  readonly command: string;
  readonly enable: string;
  readonly stop: string;
}

const inNamespace = (space: string): Names => ({
  node: `${space}/rfsn_controller`,
  odom: `${space}/odom`,
  scan: `${space}/scan`,
  goal: `${space}/goal_pose`,
  command: `${space}/cmd_vel`,
  enable: `${space}/rfsn_controller/enable`,
  stop: `${space}/rfsn_controller/stop`,
});
const ONE = inNamespace('/robot1');
const OTHER = inNamespace('/fleet/robot2');
const RENAMED: Names = {
  node: '/driver',
  odom: '/wheels/odometry',
  scan: '/front/laser',
  goal: '/mission/goal',
  command: '/base/cmd_vel',
  enable: '/operator/enable',
  stop: '/operator/stop',
};

describeRos('a node among others', () => {
  let processes: RosProcesses;
  let operator: RosPeer;
  let one: RosProcess;
  let other: RosProcess;
  let renamed: RosProcess;
  let base: RosPeer;

  const sense = async (robot: RosPeer, { odom, scan }: Names): Promise<void> => {
    await robot.repeat(odom, MessageType.odometry, ODOMETRY, 40, 'sensor');
    await robot.repeat(scan, MessageType.scan, SCAN, 15, 'sensor');
  };
  const goTo = ({ goal }: Names, x: number) =>
    operator.publish(goal, MessageType.poseStamped, {
      header: { frame_id: 'odom' },
      pose: { position: { x }, orientation: { w: 1 } },
    });
  async function comes({ command }: Names, wanted: (command: Command) => boolean, boundMs = 60_000): Promise<Command> {
    operator.forget(command);
    return await operator.hears<Command>(command, wanted, boundMs);
  }
  async function standsStill({ command }: Names): Promise<void> {
    operator.forget(command);
    await until(() => {
      const last = operator.heard<Command>(command).slice(-10);
      return last.length === 10 && last.every(({ message }) => stands(message));
    }, 'ten zeros in a row');
  }
  const order = ({ enable }: Names, data: boolean) => operator.publish(enable, MessageType.bool, { data }, 'latched');

  /** After `~/stop`: disabled, and enabled once that was heard. A latched topic keeps one, and would keep the second alone. */
  async function release(names: Names, node: RosProcess): Promise<void> {
    const disabled = () => node.output.split('disabled: the robot stands').length;
    const before = disabled();
    await order(names, false);
    await until(() => disabled() > before, 'the node to be disabled');
    await order(names, true);
  }

  beforeAll(async () => {
    processes = new RosProcesses();
    operator = await processes.peer('operator');
    const file = join(processes.folder, 'fleet.yaml');
    writeFileSync(
      file,
      [
        '/robot1/rfsn_controller: {ros__parameters: {robot.max_speed: 0.4}}',
        '/fleet/robot2/rfsn_controller: {ros__parameters: {robot.max_speed: 0.2}}',
      ].join('\n'),
    );
    const start = (name: string, ...ros: string[]) => {
      const own = ['run', '--port', 'ros2', '--model', join(processes.folder, name)];
      return processes.rfsn(...own, ...PATIENT, '--ros-args', ...ros);
    };
    // Before there is anybody to hear it.
    await order(OTHER, false);
    one = start('one', '-r', '__ns:=/robot1', '--params-file', file);
    other = start('other', '-r', '__ns:=/fleet/robot2', '--params-file', file);
    const names = ['odom', 'scan'].map((name) => `${name}:=${RENAMED[name as 'odom' | 'scan']}`);
    names.push(`__node:=driver`, `goal_pose:=${RENAMED.goal}`, `cmd_vel:=${RENAMED.command}`);
    names.push(`~/enable:=${RENAMED.enable}`, `~/stop:=${RENAMED.stop}`);
    renamed = start('renamed', ...names.flatMap((name) => ['-r', name]));
    for (const { command } of [ONE, OTHER, RENAMED]) await operator.subscribe(command, MessageType.twistStamped);
    await sense(operator, ONE);
    await sense(operator, OTHER);
    base = await processes.peer('base');
    await sense(base, RENAMED);
    await one.wrote(/active: the robot drives/, START_MS);
    await other.wrote(/active/, START_MS);
    await renamed.wrote(/active: the robot drives/, START_MS);
    for (const { goal } of [ONE, OTHER, RENAMED]) {
      await operator.advertise(goal, MessageType.poseStamped);
      while ((await operator.graph(goal)).subscriptions.length === 0) await delay(20);
    }
  });
  afterAll(() => processes?.close());

  it('has all names of its own in its namespace, and shares what is the system’s', async () => {
    const { nodes, topics, services } = await operator.names();
    expect(nodes).toEqual(expect.arrayContaining([ONE.node, OTHER.node, RENAMED.node]));
    const own = ['/base', '/wheels', '/front', '/mission', '/operator', '/driver', '/robot1', '/fleet/robot2'];
    const strange = Object.keys(topics).filter(
      (name) => !SHARED.includes(name) && !own.some((space) => name.startsWith(`${space}/`)),
    );
    // The renamed node is in no namespace: what of it was not renamed is where it would be anyway.
    expect(strange.sort()).toEqual(['/plan']);
    for (const space of ['/robot1', '/fleet/robot2']) {
      for (const name of ['odom', 'scan', 'goal_pose', 'plan', 'cmd_vel', 'rfsn_controller/state']) {
        expect(topics).toHaveProperty([`${space}/${name}`]);
      }
      expect(services).toHaveProperty([`${space}/rfsn_controller/save_checkpoint`]);
      expect(services).toHaveProperty([`${space}/rfsn_controller/change_state`]);
    }
    expect(topics).toHaveProperty([RENAMED.enable]);
    expect(services).toHaveProperty([RENAMED.stop]);
    expect(topics).not.toHaveProperty(['/driver/enable']);
  });

  it('drives to the goal that is meant for it, at its own speed, and the other stands', async () => {
    await goTo(ONE, 5);
    // Near its own bound, above the other's.
    await comes(ONE, ({ twist }) => twist.linear.x > 0.3);
    await standsStill(OTHER);
    await standsStill(RENAMED);
    expect(operator.heard<Command>(ONE.command).every(({ message }) => message.twist.linear.x <= 0.4 + 1e-9)).toBe(
      true,
    );
  });

  it('that was disabled before it came stands from its start until it is enabled', async () => {
    await goTo(OTHER, 5);
    await standsStill(OTHER);
    await other.wrote(/disabled: the robot stands|stands: it is disabled/);
    await order(OTHER, true);
    await comes(OTHER, drives);
    expect(operator.heard<Command>(OTHER.command).every(({ message }) => message.twist.linear.x <= 0.2 + 1e-9)).toBe(
      true,
    );
  });

  it('stops at its own service, and the other drives on', async () => {
    await comes(OTHER, drives);
    expect(await operator.call<Answer>(ONE.stop, 'std_srvs/srv/Trigger')).toMatchObject({ success: true });
    await standsStill(ONE);
    await comes(OTHER, drives);
    await release(ONE, one);
    await comes(ONE, drives);
  });

  it('tells its diagnostics under its own name, on the topic of all', async () => {
    await operator.subscribe('/diagnostics', MessageType.diagnostics);
    for (const { node } of [ONE, OTHER, RENAMED]) {
      await operator.hears<{ status: { name: string }[] }>('/diagnostics', ({ status }) =>
        status.some(({ name }) => name === `${node}: cycle`),
      );
    }
  });

  it('drives by names that are all others, switch and service among them', async () => {
    await goTo(RENAMED, 5);
    await comes(RENAMED, drives);
    await order(RENAMED, false);
    await standsStill(RENAMED);
    await order(RENAMED, true);
    await comes(RENAMED, drives);
    expect(await operator.call<Answer>(RENAMED.stop, 'std_srvs/srv/Trigger')).toMatchObject({ success: true });
    await standsStill(RENAMED);
    await release(RENAMED, renamed);
    await comes(RENAMED, drives);
  });

  it('stands while the robot’s process is dead, and goes on to its goal with the next, as often as that happens', async () => {
    for (let i = 0; i < 3; i++) {
      await comes(RENAMED, drives);
      base.signal('SIGKILL');
      expect(await base.ended).toBe('SIGKILL');
      await standsStill(RENAMED);
      base = await processes.peer('base');
      await sense(base, RENAMED);
      await comes(RENAMED, drives);
    }
    expect(renamed.over).toBe(false);
  });

  it('commands a robot that comes back, whatever became of who heard the commands', async () => {
    const listener = await processes.peer('wheels');
    await listener.subscribe(RENAMED.command, MessageType.twistStamped);
    await listener.hears<Command>(RENAMED.command, drives);
    await listener.kill();
    const next = await processes.peer('wheels');
    await next.subscribe(RENAMED.command, MessageType.twistStamped);
    await next.hears<Command>(RENAMED.command, drives);
  });

  it('names who publishes an input as another type, and who commands the robot too', async () => {
    await operator.advertise(RENAMED.scan, 'std_msgs/msg/String');
    await operator.advertise(RENAMED.command, MessageType.twist);
    const type = MessageType.scan;
    await renamed.wrote(
      new RegExp(`WARN.* scan: /operator publishes ${RENAMED.scan} as std_msgs/msg/String, and ${type} is read`),
    );
    await renamed.wrote(new RegExp(`WARN.* /operator publishes ${RENAMED.command} too`));
    expect(renamed.output).not.toMatch(/\/(base|driver) publishes/);
    expect(other.output).not.toContain(' publishes ');
  });

  it('says so when another node has its name', async () => {
    const twin = await processes.peer('driver');
    await renamed.wrote(/WARN.* another node is called \/driver too/, 120_000);
    expect(other.output).not.toContain('another node is called');
    await twin.kill();
  });

  it('ends, and the others do not', async () => {
    one.signal('SIGTERM');
    expect(await one.ended).toBe(0);
    await until(() => stands(operator.heard<Command>(ONE.command).at(-1)!.message), 'zero as the last command');
    await comes(OTHER, drives);
    await comes(RENAMED, drives);
    for (const each of [other, renamed]) {
      each.signal('SIGINT');
      expect(await each.ended).toBe(0);
    }
  });
}, ['rfsn_controller']);
