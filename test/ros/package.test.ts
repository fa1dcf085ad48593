/** What makes this repository a ROS package: held against the code where there is no ROS, and asked of `ros2` where it is installed. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputTopic, MessageType, OutputTopic, ServiceName, ServiceType } from '../../src/io/ros2/names.js';
import { prefixOfInterfaces } from '../../src/io/ros2/rcl-installation.js';
import { packageRoot } from '../../src/parameters/presets.js';
import { describeRos, RosProcesses } from './ros-processes.js';

const NAME = 'rfsn_controller';
/** Spoken where they are installed, and not asked for: a robot needs no Gazebo, and seldom has iRobot's bumpers. */
const OPTIONAL = ['ros_gz_interfaces', 'irobot_create_msgs'];

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');
const npm = JSON.parse(read('package.json')) as { version: string; license: string; engines: { node: string } };

interface Manifest {
  readonly '@_format': string;
  readonly name: string;
  readonly version: string;
  readonly license: { readonly '#text': string };
  readonly depend: readonly string[];
  readonly member_of_group: string;
}

function manifest(): Manifest {
  const isArray = (name: string) => name === 'depend';
  const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, isArray });
  return (parser.parse(read('package.xml')) as { package: Manifest }).package;
}

describe('the ROS package', () => {
  it('is of the version and the license of the npm package', () => {
    const { version, license } = manifest();
    expect(version).toBe(npm.version);
    expect(license['#text']).toBe(npm.license);
  });

  it('is of format 3, and one of interfaces', () => {
    const { name, '@_format': format, member_of_group: group } = manifest();
    expect({ name, format, group }).toEqual({ name: NAME, format: '3', group: 'rosidl_interface_packages' });
  });

  it('asks for every message package that the node speaks, but for what only some robots have', () => {
    const spoken = [...Object.values(MessageType), ...Object.values(ServiceType)].map((type) => type.split('/')[0]);
    const wanted = [...new Set(spoken)].filter((name) => name !== NAME && !OPTIONAL.includes(name));
    expect(wanted.length).toBeGreaterThan(5);
    expect(manifest().depend).toEqual(expect.arrayContaining(wanted));
  });

  it('is documented with every topic, every service and every type of theirs', () => {
    const told = new Set([...read('docs/ros2.md').matchAll(/`([^`\n]+)`/g)].map((match) => match[1]));
    const names = [InputTopic, OutputTopic, ServiceName, MessageType, ServiceType].flatMap((table) =>
      Object.values(table),
    );
    expect(names.filter((name) => !told.has(name))).toEqual([]);
  });

  it('is documented with every executable and every argument of the robot’s launch file', () => {
    const told = read('docs/ros2.md');
    const executables = [...read('CMakeLists.txt').matchAll(/^rfsn_executable\((\w+)/gm)].map(([, name]) => name);
    expect(executables).toHaveLength(3);
    for (const name of executables) expect(told).toContain(`ros2 run ${NAME} ${name}`);
    const names = [...read('launch/robot.launch.py').matchAll(/^ {8}argument\('(\w+)'/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(told).toContain(`\n| \`${name}\` |`);
  });

  it('is built with no older Node than the npm package asks for', () => {
    const [, minimum] = /set\(RFSN_NODE_MINIMUM (\S+)\)/.exec(read('CMakeLists.txt')) ?? [];
    expect(`>=${minimum}`).toBe(npm.engines.node);
  });

  it('has the changelog of the npm package in the form that ROS reads', () => {
    const script = join(packageRoot(), 'scripts/changelog-rst.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describeRos('the installed ROS package', () => {
  let ros: RosProcesses;
  beforeAll(() => {
    ros = new RosProcesses();
  });
  afterAll(() => ros.close());

  const share = join(prefixOfInterfaces(NAME, process.env), 'share', NAME);

  it('has three executables, and nothing else that ros2 run would offer', async () => {
    const { code, output } = await ros.ros2('pkg', 'executables', NAME);
    expect(code).toBe(0);
    expect(output.trim().split('\n')).toEqual([`${NAME} controller`, `${NAME} rfsn`, `${NAME} simulator`]);
  });

  it('shows its messages with the comments of their definitions', async () => {
    const { code, output } = await ros.ros2('interface', 'show', `${NAME}/msg/Checkpoint`);
    expect(code).toBe(0);
    expect(output).toContain(read('msg/Checkpoint.msg').split('\n').at(-2));
  });

  it('brings the JavaScript of each of its messages, so that no start has to make it', () => {
    const messages = readdirSync(join(packageRoot(), 'msg')).map((file) => file.replace('.msg', ''));
    const made = readdirSync(join(share, 'node_modules', 'rclnodejs', 'generated', NAME));
    expect(made).toEqual(expect.arrayContaining(messages.map((name) => `${NAME}__msg__${name}.js`)));
  });

  it('brings no npm packages of development', () => {
    const packages = readdirSync(join(share, 'node_modules'));
    expect(packages).toContain('rclnodejs');
    for (const name of ['vitest', 'typescript', 'fast-check']) expect(packages).not.toContain(name);
  });

  it('has the command with all that it can do, of which doctor finds this installation whole', async () => {
    const { code, output } = await ros.ros2('run', NAME, 'rfsn', 'doctor', '--json');
    expect(code).toBe(0);
    const findings = JSON.parse(output) as Record<string, { state: string }>;
    expect(findings).toMatchObject({ ok: true, rclnodejs: { state: 'ok' }, ros_messages: { state: 'ok' } });
    for (const name of ['view', 'explain', 'replay', 'plot']) {
      const told = await ros.ros2('run', NAME, 'rfsn', name, '--help');
      expect(told.output).toContain(`Usage: rfsn ${name}`);
    }
  });

  it('says what it does not know, with exit code 2, as the command does', async () => {
    const { code, output } = await ros.ros2('run', NAME, 'controller', '--no-such-option');
    expect(output).toContain("unknown option '--no-such-option'");
    expect(code).toBe(2);
  });
}, [NAME]);
