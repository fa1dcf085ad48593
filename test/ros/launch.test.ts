/**
 * Launch files, launched. Where the command line of the controller is looked at, `prefix` is `echo`: launch then starts what
 * writes it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/parameters/presets.js';
import { describeRos, RosProcesses } from './ros-processes.js';

const robot = join(packageRoot(), 'launch/robot.launch.py');
const embedded = join(packageRoot(), 'launch/embedded_sim.launch.py');
const gazebo = join(packageRoot(), 'launch/sim.launch.py');

const COMMON = ['namespace', 'use_sim_time', 'params_file', 'preset', 'model_dir', 'page', 'log', 'contact_type'];
const PROCESS = ['autostart', 'respawn', 'required', 'log_level', 'prefix'];
const TOPICS = ['cmd_vel', 'odom', 'scan', 'goal_pose', 'plan'];
const YES_OR_NO = "'true', 'True', '1', 'yes', 'false', 'False', '0', 'no'";

describeRos('launch files', () => {
  let ros: RosProcesses;
  beforeAll(() => {
    ros = new RosProcesses();
  });
  afterAll(() => ros.close());

  /** The controller's command line, and the parameters in the files that launch wrote for it. */
  async function controllerOf(...args: string[]): Promise<{ line: string; given: Record<string, unknown> }> {
    const { code, output } = await ros.ros2('launch', robot, 'prefix:=echo', ...args);
    expect(code).toBe(0);
    const line = /^\[controller-1\] (.*)$/m.exec(output)?.[1] ?? '';
    const files = [...line.matchAll(/--params-file (\S+)/g)].map((match) => match[1]);
    const given = files.map((file) => {
      const [named] = Object.values(parse(readFileSync(file, 'utf8')) as Record<string, { ros__parameters: object }>);
      return named.ros__parameters;
    });
    return { line, given: Object.assign({}, ...given) };
  }

  it.each([robot, embedded])('%s can be printed, and tells its arguments', async (file) => {
    const printed = await ros.ros2('launch', '--print', file);
    expect(printed.code).toBe(0);
    expect(printed.output).not.toContain('Traceback');
    const told = await ros.ros2('launch', '--show-args', file);
    expect(told.code).toBe(0);
    const names = [...told.output.matchAll(/^ {4}'(\w+)':/gm)].map((match) => match[1]);
    expect(names).toEqual(expect.arrayContaining([...COMMON, ...PROCESS, ...TOPICS]));
  });

  it.each([
    [robot, ['use_sim_time', 'autostart', 'respawn', 'required']],
    [embedded, ['use_sim_time', 'autostart', 'respawn', 'required', 'goals']],
    [gazebo, ['use_sim_time', 'required', 'gui', 'headless_rendering', 'rviz', 'controller']],
  ])('%s tells what may be said of what is true or false', async (file, names) => {
    const { output } = await ros.ros2('launch', '--show-args', file);
    const told = new Map(
      [...output.matchAll(/^ {4}'(\w+)':\n(?: {8}(.*)\n)?/gm)].map(([, name, text]) => [name, text]),
    );
    for (const name of names) expect(`${name}: ${told.get(name)}`).toContain(YES_OR_NO);
  });

  it('starts the controller, with a preset and nothing else that was not asked for', async () => {
    const { line, given } = await controllerOf();
    expect(line).toMatch(/lib\/rfsn_controller\/controller --preset staging --ros-args --log-level info/);
    expect(line).toContain('-r __node:=rfsn_controller');
    expect(line).not.toContain('cmd_vel');
    expect(given).toEqual({});
  });

  it('hands on what it is given, texts as texts', async () => {
    const { line, given } = await controllerOf(
      ...['namespace:=r1', 'use_sim_time:=yes', 'autostart:=0', 'page:=8700', 'model_dir:=12', 'log:=/tmp/yes'],
      ...['contact_type:=wrench', 'log_level:=warn', 'preset:=none', 'cmd_vel:=cmd_vel_nav', 'scan:=/front/scan'],
    );
    expect(line).toMatch(/controller --ros-args --log-level warn /);
    for (const rule of ['__ns:=/r1', 'cmd_vel:=cmd_vel_nav', 'scan:=/front/scan']) expect(line).toContain(`-r ${rule}`);
    expect(given).toEqual({
      use_sim_time: true,
      autostart: false,
      'dashboard.listen': '127.0.0.1:8700',
      model_dir: '12',
      'log.dir': '/tmp/yes',
      contact_type: 'wrench',
    });
  });

  it('lets an argument win over the parameter file, and the file over what was left empty', async () => {
    const file = join(ros.folder, 'robot.yaml');
    const parameters = 'dashboard.listen: "127.0.0.1:9000"\n    use_sim_time: true\n    model_dir: kept';
    writeFileSync(file, `/**:\n  ros__parameters:\n    ${parameters}\n`);
    const { line, given } = await controllerOf(`params_file:=${file}`, 'page:=off');
    expect(line.indexOf(file)).toBeGreaterThan(line.indexOf('--ros-args'));
    expect(given).toEqual({ 'dashboard.listen': '', use_sim_time: true, model_dir: 'kept' });
  });

  it.each([
    [robot, 'preset:=bold', '"preset" provided value "bold" is not valid'],
    [robot, 'autostart:=perhaps', '"autostart" provided value "perhaps" is not valid'],
    [robot, 'params_file:=/nowhere/robot.yaml', 'params_file: /nowhere/robot.yaml is not a file'],
    [robot, 'prefix:=no-such-command -f', 'prefix: there is no command no-such-command'],
    [embedded, 'autostart:=perhaps', '"autostart" provided value "perhaps" is not valid'],
    [embedded, 'goals:=often', '"goals" provided value "often" is not valid'],
    [embedded, 'params_file:=/nowhere/robot.yaml', 'params_file: /nowhere/robot.yaml is not a file'],
    [embedded, 'speed:=2', 'speed:=2 wants use_sim_time:=true'],
  ])('%s refuses %s before anything starts', async (file, argument, complaint) => {
    const { code, output } = await ros.ros2('launch', file, argument);
    expect(code).toBe(1);
    expect(output).toContain(complaint);
    expect(output).not.toContain('Traceback');
    expect(output).not.toContain('process started');
  });

  it('drives the embedded simulator to a goal, and ends both in order', async () => {
    const launched = ros.start('ros2', [
      ...['launch', embedded, 'scenario:=open', 'seed:=1', 'goals:=true', 'page:=off'],
      `model_dir:=${join(ros.folder, 'models')}`,
    ]);
    await launched.wrote(/\[controller-1\].*arrived at/, 90_000);
    launched.signal('SIGINT');
    await launched.ended;
    expect(launched.output).toMatch(/\[simulator-2\]: process has finished cleanly/);
    expect(launched.output).toMatch(/\[controller-1\]: process has finished cleanly/);
    expect(launched.output).toMatch(/goals reached +[1-9]/);
  }, 150_000);

  it('ends the simulator when the controller refuses its parameters', async () => {
    const { output } = await ros.ros2('launch', embedded, 'scenario:=open', 'contact_type:=smell');
    expect(output).toMatch(/\[controller-1\].*contact_type/);
    expect(output).toMatch(/\[controller-1\]: process has died .*exit code 2/);
    // Where it has not yet begun to look after signals, SIGINT ends it as any process.
    expect(output).toMatch(/\[simulator-2\]: process has (finished cleanly|died .*exit code -2)/);
  });
}, ['rfsn_controller']);
