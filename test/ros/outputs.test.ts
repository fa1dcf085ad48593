/** What the controller's node sends, as a node of another client library receives it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeRos, hasInterfaces, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';
import { ODOMETRY } from './sensed-robot.js';

const NODE = '/fleet/rfsn_controller';
const TWIST = 'geometry_msgs/msg/Twist';
const STAMPED = 'geometry_msgs/msg/TwistStamped';

interface Header {
  readonly stamp: { readonly sec: number; readonly nanosec: number };
  readonly frame_id: string;
}
interface Twist {
  readonly linear: { readonly x: number; readonly y: number; readonly z: number };
  readonly angular: { readonly x: number; readonly y: number; readonly z: number };
}
interface Stamped {
  readonly header: Header;
  readonly twist: Twist;
}

const SCAN = {
  header: { frame_id: 'base_link' },
  angle_min: -Math.PI,
  angle_max: Math.PI,
  angle_increment: Math.PI / 180,
  range_min: 0.05,
  range_max: 10.0,
  ranges: Array.from({ length: 361 }, () => 5),
};
const goal = (x: number, y: number) => ({
  header: { frame_id: 'odom' },
  pose: { position: { x, y }, orientation: { w: 1.0 } },
});
const stands = ({ linear, angular }: Twist) => linear.x === 0 && linear.y === 0 && angular.z === 0;

describeRos('the outputs of the node', () => {
  let processes: RosProcesses;
  let peer: RosPeer;
  let controller: RosProcess;

  /** What is published before it has found the one who listens is lost. */
  async function send(namespace: string, x: number, y: number): Promise<void> {
    const topic = `/${namespace}/goal_pose`;
    const type = 'geometry_msgs/msg/PoseStamped';
    await peer.advertise(topic, type);
    while ((await peer.graph(topic)).subscriptions.length === 0) await delay(20);
    await peer.publish(topic, type, goal(x, y));
  }

  /** A robot that stands at the origin of a wide room. */
  async function sense(namespace: string): Promise<void> {
    await peer.repeat(`/${namespace}/odom`, 'nav_msgs/msg/Odometry', ODOMETRY, 50, 'sensor');
    await peer.repeat(`/${namespace}/scan`, 'sensor_msgs/msg/LaserScan', SCAN, 20, 'sensor');
  }

  function start(namespace: string, ...args: string[]): RosProcess {
    const model = join(processes.folder, namespace);
    const robot = ['--model', model, '--ros-args', '-r', `__ns:=/${namespace}`];
    return processes.rfsn('run', '--port', 'ros2', ...robot, ...args);
  }

  beforeAll(async () => {
    processes = new RosProcesses();
    peer = await processes.peer();
    await sense('fleet');
    await peer.subscribe('/fleet/cmd_vel', STAMPED);
    controller = start('fleet');
    await controller.wrote(/active/);
  });
  afterAll(() => processes.close());

  it('cmd_vel drives to a goal, stamped with the time in the robot’s frame', async () => {
    const before = Date.now() / 1e3;
    await send('fleet', 3, 0);
    const { header, twist } = await peer.hears<Stamped>('/fleet/cmd_vel', (message) => message.twist.linear.x > 0.1);
    expect(header.frame_id).toBe('base_link');
    // What the machine's clock says in two processes; nothing is timed.
    expect(header.stamp.sec).toBeGreaterThanOrEqual(Math.floor(before) - 1);
    expect(header.stamp.sec).toBeLessThanOrEqual(Math.ceil(Date.now() / 1e3) + 1);
    expect([twist.linear.z, twist.angular.x, twist.angular.y]).toEqual([0, 0, 0]);
  });

  it('cmd_vel goes on, with zeros, when odometry falls silent', async () => {
    await peer.silence('/fleet/odom');
    await peer.forget('/fleet/cmd_vel');
    await peer.hears<Stamped>('/fleet/cmd_vel', ({ twist }) => stands(twist));
    peer.forget('/fleet/cmd_vel');
    await until(() => peer.heard('/fleet/cmd_vel').length >= 50, 'fifty more');
    expect(peer.heard<Stamped>('/fleet/cmd_vel').every(({ message }) => stands(message.twist))).toBe(true);
    await controller.wrote(
      /odometry: nothing has come for [\d.]+ s on \/fleet\/odom, although somebody publishes there/,
    );
    await sense('fleet');
    await controller.wrote(/odometry: it comes on \/fleet\/odom/);
    await peer.hears<Stamped>('/fleet/cmd_vel', (message) => message.twist.linear.x > 0.1);
  });

  it('~/decision is every decision from when somebody listens on, whole', async () => {
    const topic = `${NODE}/decision`;
    await peer.subscribe(topic, 'rfsn_controller/msg/Decision');
    interface Decision {
      readonly header: Header;
      readonly policy_id: string;
      readonly cycle: number;
      readonly raw: number[];
      readonly distribution: number[];
      readonly allowed: number;
      readonly goal_x: number;
      readonly driver: number;
    }
    // This robot never moves: half a second after a goal it has stalled, and the policy decides nothing until the next.
    const byPolicy = () => peer.heard<Decision>(topic).some(({ message }) => message.driver === 1);
    for (let y = 1; !byPolicy(); y++) {
      await send('fleet', 3, y / 100);
      await delay(200);
    }
    await until(() => peer.heard(topic).length >= 100, 'a hundred decisions');
    const decisions = peer.heard<Decision>(topic).map(({ message }) => message);
    const [first] = decisions;
    expect(decisions.map(({ cycle }) => cycle - first.cycle)).toEqual(decisions.map((_, i) => i));
    // Where the machine is busy, deadlines are missed and the rule drives.
    const chosen = decisions.find(({ driver }) => driver === 1);
    expect(chosen).toMatchObject({ policy_id: 'squarecb', goal_x: 3, allowed: 255 });
    expect(chosen?.header.frame_id).toBe('base_link');
    expect(chosen?.raw).toHaveLength(24);
    expect(chosen?.raw.slice(4, 12).every((distance) => distance > 4.9 && distance < 5.1)).toBe(true);
    expect(chosen?.distribution.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
    await peer.unsubscribe(topic);
  });

  it('~/state is latched: who comes late is told how the controller is', async () => {
    await peer.subscribe(`${NODE}/state`, 'rfsn_controller/msg/ControllerState', 'latched');
    const state = await peer.hears<Record<string, unknown>>(`${NODE}/state`);
    expect(state).toMatchObject({ state: 2, fault: '', armed: true, halted: false, frozen: false });
    expect(state['cycles']).toBeGreaterThan(100);
  });

  it('~/checkpoint is latched: who comes late is given the newest file, byte for byte', async () => {
    const answer = await peer.call<{ success: boolean }>(`${NODE}/save_checkpoint`, 'std_srvs/srv/Trigger');
    expect(answer.success).toBe(true);
    const late = await processes.peer('late');
    await late.subscribe(`${NODE}/checkpoint`, 'rfsn_controller/msg/Checkpoint', 'latched');
    interface Checkpoint {
      readonly policy_id: string;
      readonly checksum: string;
      readonly schema_hash: string;
      readonly format_version: number;
      readonly data: number[];
    }
    const folder = join(processes.folder, 'fleet');
    const message = await late.hears<Checkpoint>(`${NODE}/checkpoint`);
    const data = Buffer.from(message.data);
    expect(message).toMatchObject({ policy_id: 'squarecb', format_version: 1 });
    expect(message.checksum).toBe(createHash('sha256').update(data).digest('hex'));
    expect(message.schema_hash).toBe(data.subarray(24, 40).toString('hex'));
    const files = readdirSync(folder).filter((name) => name.endsWith('.rfsn'));
    expect(files.some((name) => readFileSync(join(folder, name)).equals(data))).toBe(true);
    await late.kill();
  });

  it('~/goal_reached is told once for each goal that is reached', async () => {
    const topic = `${NODE}/goal_reached`;
    await peer.subscribe(topic, 'geometry_msgs/msg/PoseStamped');
    while ((await peer.graph(topic)).publishers.length === 0) await delay(20);
    await send('fleet', 0.1, 0.05);
    await peer.hears(topic);
    await send('fleet', -0.1, 0.05);
    interface Pose {
      readonly header: Header;
      readonly pose: { readonly position: { readonly x: number; readonly y: number } };
    }
    await peer.hears<Pose>(topic, ({ pose }) => pose.position.x < 0);
    await delay(300);
    expect(peer.heard<Pose>(topic).map(({ message }) => message.pose.position)).toEqual([
      { x: 0.1, y: 0.05, z: 0 },
      { x: -0.1, y: 0.05, z: 0 },
    ]);
    expect(peer.heard<Pose>(topic)[0].message.header.frame_id).toBe('odom');
  });

  it('/diagnostics say of each part how it does, under the node’s full name', async () => {
    interface Status {
      readonly name: string;
      readonly level: string;
      readonly message: string;
      readonly hardware_id: string;
      readonly values: { readonly key: string; readonly value: string }[];
    }
    await peer.subscribe('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
    await until(() => peer.heard('/diagnostics').length >= 2, 'two of them');
    const { status } = peer.heard<{ status: Status[] }>('/diagnostics')[1].message;
    const names = ['cycle', 'safety', 'policy', 'memory', 'cmd_vel', 'input odometry', 'input scan', 'input goal'];
    expect(status.map(({ name }) => name)).toEqual(expect.arrayContaining(names.map((name) => `${NODE}: ${name}`)));
    const odometry = status.find(({ name }) => name === `${NODE}: input odometry`);
    expect(odometry?.level).toBe('\u0000');
    expect(odometry?.values).toContainEqual({ key: 'topics', value: '/fleet/odom' });
    expect(status.every(({ hardware_id: id }) => id !== '')).toBe(true);
    await peer.silence('/fleet/scan');
    await peer.hears<{ status: Status[] }>('/diagnostics', (message) =>
      message.status.some(({ name, level, message: text }) => {
        return name === `${NODE}: input scan` && level === '\u0002' && text.includes('the robot stands');
      }),
    );
    await sense('fleet');
  });

  it.skipIf(!hasInterfaces('visualization_msgs'))('~/markers show sectors, values and the goal', async () => {
    await send('fleet', 3, 1);
    interface Marker {
      readonly header: Header;
      readonly ns: string;
      readonly points: unknown[];
      readonly colors: unknown[];
      readonly pose: { readonly position: { readonly x: number; readonly y: number } };
    }
    await peer.subscribe(`${NODE}/markers`, 'visualization_msgs/msg/MarkerArray');
    const { markers } = await peer.hears<{ markers: Marker[] }>(`${NODE}/markers`, (message) =>
      message.markers.some(({ ns }) => ns === 'direction'),
    );
    expect(markers.filter(({ ns }) => ns === 'values')).toHaveLength(8);
    const sectors = markers.find(({ ns }) => ns === 'sectors');
    expect(sectors?.header.frame_id).toBe('base_link');
    expect(sectors?.points).toHaveLength(96);
    expect(sectors?.colors).toHaveLength(96);
    const shown = markers.find(({ ns }) => ns === 'goal');
    expect(shown?.header.frame_id).toBe('odom');
    expect(shown?.pose.position).toMatchObject({ x: 3, y: 1 });
  });

  it('cmd_vel ends with zero and is silent while the node is inactive', async () => {
    await peer.hears<Stamped>('/fleet/cmd_vel', (message) => message.twist.linear.x > 0.1);
    const change = (id: number) =>
      peer.call<{ success: boolean }>(`${NODE}/change_state`, 'lifecycle_msgs/srv/ChangeState', {
        transition: { id },
      });
    expect(await change(4)).toMatchObject({ success: true });
    // While it is active there are fifty a second.
    for (let heard = -1; heard !== peer.heard('/fleet/cmd_vel').length; await delay(1000)) {
      heard = peer.heard('/fleet/cmd_vel').length;
    }
    expect(
      peer
        .heard<Stamped>('/fleet/cmd_vel')
        .slice(-3)
        .every(({ message }) => stands(message.twist)),
    ).toBe(true);
    peer.forget('/fleet/cmd_vel');
    expect(await change(3)).toMatchObject({ success: true });
    await peer.hears('/fleet/cmd_vel');
  });

  it('a subscriber that expects the other type is named, with the parameter to set', async () => {
    const old = await processes.peer('old_base');
    await old.subscribe('/fleet/cmd_vel', TWIST);
    await controller.wrote(
      /\/old_base subscribes to \/fleet\/cmd_vel as geometry_msgs\/msg\/Twist,.*Set enable_stamped_cmd_vel to false/,
    );
    await peer.hears<{ status: { name: string; level: string; message: string }[] }>('/diagnostics', ({ status }) =>
      status.some(({ name, level, message }) => {
        return name === `${NODE}: cmd_vel` && level === '\u0002' && message.includes('/old_base');
      }),
    );
    await old.kill();
  });

  it('cmd_vel is a Twist where that is asked for, under the name that it is remapped to', async () => {
    await sense('bare');
    await peer.subscribe('/base/velocity', TWIST);
    await peer.subscribe('/bare/cmd_vel', STAMPED);
    const other = await processes.peer('new_base');
    await other.subscribe('/base/velocity', STAMPED);
    const bare = start('bare', '-r', 'cmd_vel:=/base/velocity', '-p', 'enable_stamped_cmd_vel:=false');
    await bare.wrote(/\/new_base subscribes to \/base\/velocity as .*Set enable_stamped_cmd_vel to true/);
    await send('bare', 3, 0);
    const { angular } = await peer.hears<Twist>('/base/velocity', ({ linear }) => linear.x > 0.1);
    expect([angular.x, angular.y]).toEqual([0, 0]);
    expect(peer.heard('/bare/cmd_vel')).toEqual([]);
    bare.signal('SIGTERM');
    expect(await bare.ended).toBe(0);
    expect(stands(peer.heard<Twist>('/base/velocity').at(-1)?.message as Twist)).toBe(true);
  });

  it('cmd_vel is as reliable as qos_overrides asks for', async () => {
    const gentle = start('gentle', '-p', 'qos_overrides./gentle/cmd_vel.publisher.reliability:=best_effort');
    await gentle.wrote(/active: the robot drives/);
    const { publishers } = await peer.graph('/gentle/cmd_vel');
    expect(publishers.map(({ reliability }) => reliability)).toEqual(['BEST_EFFORT']);
    gentle.signal('SIGTERM');
    expect(await gentle.ended).toBe(0);
  });
}, ['rfsn_controller']);
