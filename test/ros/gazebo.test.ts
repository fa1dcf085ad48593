import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/parameters/presets.js';
import { describeRos, hasInterfaces, type RosPeer, type RosProcess, RosProcesses } from './ros-processes.js';

const launchFile = join(packageRoot(), 'launch/sim.launch.py');

/** As the launch file finds it: a Gazebo that answers, by either of its commands. */
const haveGazebo = ['gz sim', 'ign gazebo'].some((command) =>
  /^\d+\.\d+/m.test(spawnSync(`${command} --versions`, { shell: true, encoding: 'utf8' }).stdout),
);

describeRos('the launch file for Gazebo', () => {
  let ros: RosProcesses;
  beforeAll(() => {
    ros = new RosProcesses();
  });
  afterAll(() => ros.close());

  it('is a description that can be printed, the robot’s launch file in it', async () => {
    const { code, output } = await ros.ros2('launch', '--print', launchFile);
    expect(code).toBe(0);
    expect(output).toContain('IncludeLaunchDescription');
    expect(output).not.toContain('Traceback');
  });

  it('tells its arguments, those of the robot’s launch file among them', async () => {
    const { code, output } = await ros.ros2('launch', '--show-args', launchFile);
    expect(code).toBe(0);
    const told = [...output.matchAll(/^ {4}'(\w+)':/gm)].map((match) => match[1]);
    const common = ['namespace', 'use_sim_time', 'params_file', 'log_level', 'prefix'];
    const own = ['world', 'barn_dir', 'robot', 'x', 'y', 'yaw', 'gui', 'headless_rendering', 'verbosity', 'gz_version'];
    expect(told).toEqual(expect.arrayContaining([...common, ...own, 'rviz', 'model_dir', 'page']));
    expect(output).toMatch(/'gui':\n.*\n\s+\(default: 'false'\)/);
    expect(output).toMatch(/'use_sim_time':\n.*\n\s+\(default: 'true'\)/);
  });

  it.skipIf(haveGazebo)('says that Gazebo is missing, where it is, and what else there is', async () => {
    const { code, output } = await ros.ros2('launch', launchFile);
    expect(code).toBe(1);
    expect(output).toContain('Gazebo is not installed: apt install ros-$ROS_DISTRO-ros-gz');
    expect(output).toContain('embedded_sim.launch.py needs no Gazebo');
  });

  it.each([
    ['gz_version:=harmonic', '"harmonic" is neither auto nor a major version'],
    ['gz_version:=99', 'Gazebo Sim 99 is not installed'],
  ])('refuses %s', async (argument, complaint) => {
    const { code, output } = await ros.ros2('launch', launchFile, argument);
    expect(code).toBe(1);
    expect(output).toContain(complaint);
  });
});

const reason = !haveGazebo
  ? 'Gazebo is not installed'
  : hasInterfaces('ros_gz_interfaces')
    ? ''
    : 'ros_gz is not in this shell';

interface Odometry {
  pose: { pose: { position: { x: number; y: number } } };
  twist: { twist: { linear: { x: number } } };
}
interface Contacts {
  contacts: { collision1: { name: string }; collision2: { name: string } }[];
}

/** Rendered in software, a simulated second takes some real ones on a small machine. */
const PATIENCE_MS = 240_000;

describe.skipIf(reason !== '')(`the robot in Gazebo${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  let ros: RosProcesses;
  let peer: RosPeer;
  let launch: RosProcess;

  beforeAll(async () => {
    ros = new RosProcesses();
    const partition = `rfsn-test-${process.pid}`;
    launch = ros.start('ros2', ['launch', launchFile, 'controller:=false', 'x:=-1'], {
      GZ_PARTITION: partition,
      IGN_PARTITION: partition,
    });
    await launch.wrote(/Creating ROS->GZ Bridge/, PATIENCE_MS);
    peer = await ros.peer();
    await peer.subscribe('/odom', 'nav_msgs/msg/Odometry', 'sensor');
    await peer.subscribe('/scan', 'sensor_msgs/msg/LaserScan', 'sensor');
    await peer.subscribe('/tf_static', 'tf2_msgs/msg/TFMessage', 'latched');
    for (const side of ['front', 'left', 'back', 'right']) {
      await peer.subscribe(`/contact/${side}`, 'ros_gz_interfaces/msg/Contacts', 'sensor');
    }
  }, PATIENCE_MS);
  afterAll(async () => {
    launch.signal('SIGINT');
    await launch.ended;
    await ros.close();
  }, PATIENCE_MS);

  const x = () => peer.heard<Odometry>('/odom').at(-1)?.message.pose.pose.position.x as number;

  it('is where it was put, sees all round, and says where its laser sits', { timeout: PATIENCE_MS }, async () => {
    await peer.hears<Odometry>('/odom', () => true, PATIENCE_MS);
    expect(x()).toBeCloseTo(-1, 1);
    const scan = await peer.hears<{ header: { frame_id: string }; ranges: number[]; angle_min: number }>(
      '/scan',
      () => true,
      PATIENCE_MS,
    );
    expect(scan.header.frame_id).toBe('laser');
    expect(scan.ranges).toHaveLength(360);
    // The laser is 0.1 m before the centre, the wall behind at -2.
    expect(scan.ranges[0]).toBeCloseTo(1.1, 1);
    const mounts = await peer.hears<{ transforms: { child_frame_id: string }[] }>(
      '/tf_static',
      () => true,
      PATIENCE_MS,
    );
    expect(mounts.transforms[0].child_frame_id).toBe('laser');
  });

  it('feels on its back the wall that it is driven against, and knows that it stands', {
    timeout: PATIENCE_MS,
  }, async () => {
    await peer.repeat('/cmd_vel', 'geometry_msgs/msg/Twist', { linear: { x: -0.5 } }, 20, 'reliable', false);
    const contact = await peer.hears<Contacts>('/contact/back', () => true, PATIENCE_MS);
    const names = [contact.contacts[0].collision1.name, contact.contacts[0].collision2.name];
    expect(names.join()).toContain('bumper_back');
    expect(names.join()).toContain('wall_west');
    await peer.hears<Odometry>('/odom', () => peer.heard('/contact/back').length > 100, PATIENCE_MS);
    // Half of its length from the wall, however long the wheels turn.
    expect(x()).toBeCloseTo(-2 + 0.254, 1);
    expect(peer.heard('/contact/front')).toEqual([]);
    await peer.publish('/cmd_vel', 'geometry_msgs/msg/Twist', {});
    await peer.silence('/cmd_vel');
    await peer.publish('/cmd_vel', 'geometry_msgs/msg/Twist', {});
  });

  it('is driven to a goal by the controller', { timeout: PATIENCE_MS }, async () => {
    const controller = ros.rfsn(
      ...['run', '--port', 'ros2', '--params', join(packageRoot(), 'config/gazebo.yaml'), '--no-page'],
      ...['--set', `model_dir=${join(ros.folder, 'models')}`, '--ros-args', '-p', 'use_sim_time:=true'],
    );
    await peer.subscribe('/rfsn_controller/goal_reached', 'geometry_msgs/msg/PoseStamped');
    await peer.repeat(
      '/goal_pose',
      'geometry_msgs/msg/PoseStamped',
      { header: { frame_id: 'odom' }, pose: { position: { x: 0, y: 0 }, orientation: { w: 1 } } },
      0.2,
    );
    await peer.hears('/rfsn_controller/goal_reached', () => true, PATIENCE_MS);
    expect(Math.abs(x())).toBeLessThan(0.5);
    controller.signal('SIGINT');
    expect(await controller.ended).toBe(0);
  });
});
