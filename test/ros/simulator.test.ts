/** `rfsn sim --port ros2`: the embedded simulator as a robot on real topics, driven by an rclpy node or by the controller. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeRos, hasInterfaces, type RosPeer, type RosProcess, RosProcesses, until } from './ros-processes.js';

// Each starts several processes, which take their time on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

const NODE = '/rfsn_simulator';
const TWIST_STAMPED = 'geometry_msgs/msg/TwistStamped';
const START_MS = 120_000;

interface Stamped {
  header: { stamp: { sec: number; nanosec: number }; frame_id: string };
}
interface Odometry extends Stamped {
  child_frame_id: string;
  pose: { pose: { position: { x: number; y: number } } };
  twist: { twist: { linear: { x: number }; angular: { z: number } } };
}
interface Pose extends Stamped {
  pose: { position: { x: number; y: number } };
}
interface Transforms {
  transforms: (Stamped & { child_frame_id: string })[];
}
interface Wrench extends Stamped {
  wrench: { force: { x: number; y: number } };
}
interface Clock {
  clock: { sec: number; nanosec: number };
}
interface Answer {
  success: boolean;
  message: string;
}

const seconds = ({ sec, nanosec }: { sec: number; nanosec: number }): number => sec + nanosec / 1e9;
const ahead = (x: number) => ({ twist: { linear: { x, y: 0, z: 0 }, angular: { x: 0, y: 0, z: 0 } } });

describeRos('rfsn sim --port ros2', () => {
  let processes: RosProcesses;
  let peer: RosPeer;
  let robot: RosProcess;

  beforeEach(() => {
    processes = new RosProcesses();
  });
  afterEach(() => processes.close());

  async function simulated(...args: string[]): Promise<void> {
    peer = await processes.peer();
    await peer.subscribe('odom', 'nav_msgs/msg/Odometry', 'sensor');
    robot = processes.rfsn('sim', '--port', 'ros2', '--scenario', 'open', ...args);
    await robot.wrote(/jackal in world 0/, START_MS);
    await peer.hears('odom');
  }

  const last = () => peer.heard<Odometry>('odom').at(-1)!.message;
  const speed = () => last().twist.twist.linear.x;
  const trigger = (name: string) => peer.call<Answer>(`${NODE}/${name}`, 'std_srvs/srv/Trigger');

  it('senses as a robot does: odometry, scans, contacts and transforms, in its frames, with stamps that rise', async () => {
    await simulated();
    await peer.subscribe('scan', 'sensor_msgs/msg/LaserScan', 'sensor');
    await peer.subscribe('/tf', 'tf2_msgs/msg/TFMessage', 'reliable');
    await peer.subscribe('/tf_static', 'tf2_msgs/msg/TFMessage', 'latched');
    for (const side of ['front', 'left', 'back', 'right']) {
      await peer.subscribe(`contact/${side}`, 'geometry_msgs/msg/WrenchStamped', 'sensor');
    }
    const scan = await peer.hears<Stamped & { ranges: number[]; angle_min: number; range_max: number }>('scan');
    expect(scan.header.frame_id).toBe('laser');
    expect(scan.ranges).toHaveLength(720);
    expect(scan.angle_min).toBeCloseTo(-0.75 * Math.PI, 5);
    const mount = await peer.hears<Transforms>('/tf_static');
    expect(mount.transforms).toMatchObject([{ header: { frame_id: 'base_link' }, child_frame_id: 'laser' }]);
    const moving = await peer.hears<Transforms>('/tf');
    expect(moving.transforms).toMatchObject([{ header: { frame_id: 'odom' }, child_frame_id: 'base_link' }]);
    for (const side of ['front', 'left', 'back', 'right']) {
      expect((await peer.hears<Wrench>(`contact/${side}`)).wrench.force).toMatchObject({ x: 0, y: 0 });
    }
    await until(() => peer.heard('odom').length > 50, 'a second of odometry');
    expect(last()).toMatchObject({ header: { frame_id: 'odom' }, child_frame_id: 'base_link' });
    const stamps = peer.heard<Odometry>('odom').map(({ message }) => seconds(message.header.stamp));
    expect(stamps).toEqual([...new Set(stamps)].sort((a, b) => a - b));
    // Of the calendar, which the peer's clock is, too.
    expect(Math.abs(stamps[0] - Date.now() / 1e3)).toBeLessThan(600);
    const ends = await peer.graph('cmd_vel');
    expect(ends.subscriptions).toMatchObject([{ node: 'rfsn_simulator', type: TWIST_STAMPED }]);
    if (hasInterfaces('visualization_msgs')) {
      await peer.subscribe(`${NODE}/world`, 'visualization_msgs/msg/MarkerArray', 'latched');
      const { markers } = await peer.hears<{ markers: unknown[] }>(`${NODE}/world`);
      expect(markers.length).toBeGreaterThan(4);
    }
  });

  it('drives as it is told, and brakes to rest by itself when nobody tells it any more', async () => {
    await simulated();
    await peer.subscribe(`${NODE}/ground_truth`, 'geometry_msgs/msg/PoseStamped', 'sensor');
    await peer.repeat('cmd_vel', TWIST_STAMPED, ahead(0.4), 20);
    await until(() => Math.abs(speed() - 0.4) < 0.02, 'the speed that was asked for');
    expect(robot.over).toBe(false);
    await peer.silence('cmd_vel');
    await until(() => speed() === 0, 'rest');
    const { x } = last().pose.pose.position;
    expect(x).toBeGreaterThan(0.1);
    await until(
      () => Math.abs((peer.heard<Pose>(`${NODE}/ground_truth`).at(-1)?.message.pose.position.x ?? 0) - x) < 1e-6,
      'the truth, which odometry without faults is',
    );
    robot.signal('SIGTERM');
    expect(await robot.ended).toBe(0);
    expect(robot.output).toMatch(/odometries, [\d,]+ commands/);
  });

  it('takes Twist where it is asked to, and nothing that is none', async () => {
    await simulated('--set', 'enable_stamped_cmd_vel=false', '--ros-args', '-r', 'cmd_vel:=base/cmd_vel');
    await peer.publishRaw('base/cmd_vel', 'geometry_msgs/msg/Twist', Uint8Array.of(0, 1, 0, 0, 1, 2, 3, 4));
    await peer.repeat('base/cmd_vel', 'geometry_msgs/msg/Twist', ahead(0.3).twist, 20, 'reliable', false);
    await until(() => Math.abs(speed() - 0.3) < 0.02, 'the speed that was asked for');
    robot.signal('SIGINT');
    expect(await robot.ended).toBe(0);
  });

  it('feels a wall that it drives into, in front, and stays in its world', async () => {
    await simulated();
    await peer.subscribe('contact/front', 'geometry_msgs/msg/WrenchStamped', 'sensor');
    await peer.repeat('cmd_vel', TWIST_STAMPED, ahead(1.5), 20);
    const { wrench } = await peer.hears<Wrench>('contact/front', (message) => message.wrench.force.x !== 0, 60_000);
    expect(wrench.force.x).toBeLessThan(0);
    expect(robot.output).not.toMatch(/world 1/);
  });

  it('stands still with its time while it is paused, and begins the next world when it is reset', async () => {
    await simulated('--clock');
    await peer.subscribe('/clock', 'rosgraph_msgs/msg/Clock', 'reliable');
    await peer.repeat('cmd_vel', TWIST_STAMPED, ahead(0.4), 20);
    await until(() => speed() > 0.3, 'a robot that drives');
    expect(await trigger('pause')).toMatchObject({ success: true });
    const now = () => seconds(peer.heard<Clock>('/clock').at(-1)!.message.clock);
    const { x } = last().pose.pose.position;
    // What was under way when it was asked for has come by the time that the standing clock is told again.
    const paused = await until(() => {
      const [before, after] = peer.heard<Clock>('/clock').slice(-2);
      return seconds(before.message.clock) === seconds(after.message.clock) ? now() : null;
    }, 'a clock that stands');
    const count = peer.heard('odom').length;
    await trigger('pause');
    expect(now()).toBe(paused);
    expect(peer.heard('odom')).toHaveLength(count);
    expect(last().pose.pose.position.x - x).toBeLessThan(0.2);
    expect(await trigger('resume')).toMatchObject({ success: true });
    await until(() => now() > paused + 0.1, 'time that goes on');
    expect(await trigger('reset')).toMatchObject({ success: true, message: expect.stringContaining('world 1') });
    await peer.silence('cmd_vel');
    await until(() => Math.hypot(last().pose.pose.position.x, last().pose.pose.position.y) < 0.3, 'the start');
    expect(seconds(last().header.stamp)).toBeGreaterThan(paused);
    // Stamps are on the clock that is told.
    expect(Math.abs(seconds(last().header.stamp) - now())).toBeLessThan(1);
  });

  it('plays episodes for a controller that learns over ROS: a goal in each world, and the figures at the end', async () => {
    peer = await processes.peer();
    await peer.subscribe('goal_pose', 'geometry_msgs/msg/PoseStamped');
    await peer.subscribe('odom', 'nav_msgs/msg/Odometry', 'sensor');
    const patient = ['deadline_fraction=1', 'breaker_open_misses=1000', 'watchdog_timeout_s=1'];
    const driver = processes.rfsn(
      ...['run', '--port', 'ros2'],
      ...['--model', `${processes.folder}/model`, '--json', '--params', 'config/jackal.yaml'],
      ...patient.flatMap((set) => ['--set', set]),
      ...['--set', 'contact_type=wrench'],
    );
    await driver.wrote(/active: the robot drives/, START_MS);
    robot = processes.rfsn('sim', '--port', 'ros2', '--scenario', 'open', '--episodes', '2', '--json');
    expect(await robot.ended).toBe(0);
    const figures = JSON.parse(robot.output.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    expect(figures).toMatchObject({ episodes: 2, success_rate: 1, commands_malformed: 0, commands_refused: 0 });
    // One in each world; between them the old one is withdrawn.
    const goals = peer.heard<Pose>('goal_pose').map(({ message }) => message.header.frame_id);
    expect(goals.filter((frame) => frame === 'odom').length).toBeGreaterThanOrEqual(2);
    expect(goals).toContain('');
    driver.signal('SIGINT');
    expect(await driver.ended).toBe(0);
    const own = JSON.parse(driver.output.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    expect(own.goals_reached).toBe(2);
    expect(own.updates).toBeGreaterThan(10);
  });
});
