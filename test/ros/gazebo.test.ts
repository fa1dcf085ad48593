import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/parameters/presets.js';
import { describeRos, RosProcesses } from './ros-processes.js';

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
