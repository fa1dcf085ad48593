/** Folders as ROS and rclnodejs have them; neither is needed, and neither is loaded. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { outdatedPackages, prepareMessages, SPOKEN_PACKAGES } from '../../../../src/io/ros2/generated-messages.js';
import { findRclnodejs, notInstalled, prefixOfInterfaces } from '../../../../src/io/ros2/rcl-installation.js';
import { temporaryFolder } from '../../../support/command-line.js';

const at = temporaryFolder();

function write(path: string, content = ''): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
/** A module from whose place rclnodejs is found, or not. */
const from = () => pathToFileURL(at('project/main.js')).href;
const rclnodejs = (...path: string[]) => join(at('project/node_modules/rclnodejs'), ...path);
/** An installed ROS 2. */
function ros(): NodeJS.ProcessEnv {
  write(at('ros/jazzy/setup.bash'));
  write(at('ros/jazzy/bin/ros2'));
  return {
    ROS_DISTRO: 'jazzy',
    AMENT_PREFIX_PATH: at('ros/jazzy'),
    PATH: ['/usr/bin', at('ros/jazzy/bin')].join(delimiter),
  };
}
function osRelease(): string {
  return write(at('os-release'), 'NAME="Ubuntu"\nVERSION_CODENAME=noble\n');
}
const find = (env: NodeJS.ProcessEnv) =>
  findRclnodejs(env, { rosRoot: at('ros'), osRelease: at('os-release'), from: from() });

describe('a shell', () => {
  it('without ROS is told what to source: what is installed, if anything is', () => {
    expect(() => find({ PATH: '/usr/bin' })).toThrow(/no ROS 2 is sourced in this shell: .*docs\.ros\.org/);
    ros();
    expect(() => find({ PATH: '/usr/bin' })).toThrow(`run source ${at('ros/jazzy/setup.bash')}, and`);
    expect(() => find({ ...ros(), AMENT_PREFIX_PATH: '' })).toThrow('no ROS 2 is sourced');
  });

  it('with half of it is told which half', () => {
    expect(() => find({ ...ros(), PATH: '/usr/bin' })).toThrow('ros2 is not on the PATH: install ros-jazzy-ros2cli');
  });

  it('without rclnodejs, or one that is not built for this ROS, is told what to run', () => {
    osRelease();
    expect(() => find(ros())).toThrow('rclnodejs is not installed');
    write(rclnodejs('package.json'), '{"name":"rclnodejs"}');
    expect(() => find(ros())).toThrow(
      `rclnodejs is not built for ROS 2 jazzy on noble, ${process.arch}: with ROS 2 sourced, run npm rebuild rclnodejs`,
    );
    write(rclnodejs('prebuilds', `linux-${process.arch}`, `humble-jammy-${process.arch}-node-rclnodejs.node`));
    expect(() => find(ros())).toThrow('is not built for');
  });

  it('finds a binary that was shipped for it before one that was built, as rclnodejs does', () => {
    osRelease();
    write(rclnodejs('package.json'), '{"name":"rclnodejs"}');
    const built = write(rclnodejs('build/Release/rclnodejs.node'));
    expect(find(ros()).binaries).toEqual([built]);
    const name = `jazzy-noble-${process.arch}-node-rclnodejs.node`;
    const shipped = write(rclnodejs('prebuilds', `${process.platform}-${process.arch}`, name));
    expect(find(ros())).toMatchObject({ folder: rclnodejs(), binaries: [shipped, built] });
  });

  it('that asks for a build at each start is refused', () => {
    expect(() => find({ ...ros(), RCLNODEJS_FORCE_BUILD: '1' })).toThrow('unset it');
  });
});

describe('an interface package', () => {
  it('that is not installed is named, with the package to install', () => {
    expect(notInstalled('ros_gz_interfaces/msg/Contacts', { ROS_DISTRO: 'jazzy' }).message).toBe(
      'ros_gz_interfaces is not installed, and ros_gz_interfaces/msg/Contacts is of it: sudo apt install ros-jazzy-ros-gz-interfaces',
    );
    expect(notInstalled('rfsn_controller/msg/State', {}).message).toContain('colcon build');
  });
});

describe('the JavaScript of messages', () => {
  const prefix = () => at('ros/jazzy');
  /** An installed interface package. */
  function interfaces(name: string, files: readonly string[], at: string = prefix()): void {
    for (const file of files) write(join(at, 'share', name, file), 'int32 x\n');
    const index = ['share/ament_index/resource_index/rosidl_interfaces', name];
    write(join(at, ...index), [...files, ...files.map((file) => file.replace(/\w+$/, 'idl'))].join('\n'));
  }
  /** Generators that write down what they were asked for. */
  function generator(): string {
    write(rclnodejs('package.json'), '{"name":"rclnodejs"}');
    write(rclnodejs('rosidl_gen/generator.json'), '{"version":"1.0.0"}');
    const asked = at('asked');
    const say = `const say = (text) => require('node:fs').appendFileSync(${JSON.stringify(asked)}, text + '\\n');`;
    write(
      rclnodejs('rosidl_gen/index.cjs'),
      `${say} exports.generateAll = async (forced) => {
        say('all ' + forced);
        if (process.env.RFSN_TEST_BROKEN) throw new Error('no such disk');
        const fs = require('node:fs');
        fs.mkdirSync(__dirname + '/../generated', { recursive: true });
        fs.copyFileSync(__dirname + '/generator.json', __dirname + '/../generated/generator.json');
      };`,
    );
    write(
      rclnodejs('rosidl_gen/packages.cjs'),
      `exports.findPackagesInDirectory = async (prefix) => new Map([
        ['std_msgs', prefix + ' std_msgs'], ['nav_msgs', prefix + ' nav_msgs'],
      ]);`,
    );
    write(
      rclnodejs('rosidl_gen/idl_generator.cjs'),
      `${say} module.exports = async (info, root) => say(info + ' ' + root);`,
    );
    return asked;
  }
  const made = (name: string, file: string) => write(rclnodejs('generated', name, file));
  const asked = () => (existsSync(at('asked')) ? readFileSync(at('asked'), 'utf8').trim().split('\n') : []);

  it('is made of all packages at first, and only then, which is said', async () => {
    generator();
    const said: string[] = [];
    await prepareMessages(rclnodejs(), ros(), (text) => said.push(text));
    await prepareMessages(rclnodejs(), ros(), (text) => said.push(text));
    expect(asked()).toEqual(['all true']);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('happens once');
    expect(existsSync(rclnodejs('.rfsn-making-messages'))).toBe(false);
  });

  it('is made anew after another version of rclnodejs', async () => {
    generator();
    write(rclnodejs('generated/generator.json'), '{"version":"0.9.0"}');
    await prepareMessages(rclnodejs(), ros(), () => undefined);
    expect(asked()).toEqual(['all true']);
  });

  it('is made of a package that came later, or was half made, and of that alone', async () => {
    generator();
    write(rclnodejs('generated/generator.json'), '{"version":"1.0.0"}');
    interfaces('std_msgs', ['msg/Bool.msg', 'msg/Empty.msg']);
    interfaces('nav_msgs', ['msg/Odometry.msg', 'srv/GetMap.srv', 'action/Go.action']);
    interfaces('nobody_speaks_them', ['msg/Any.msg']);
    made('std_msgs', 'std_msgs__msg__Bool.js');
    made('nav_msgs', 'nav_msgs__msg__Odometry.js');
    made('nav_msgs', 'nav_msgs__srv__GetMap.js');
    expect(outdatedPackages(rclnodejs(), ros())).toEqual(['std_msgs']);
    const said: string[] = [];
    await prepareMessages(rclnodejs(), ros(), (text) => said.push(text));
    expect(asked()).toEqual([`${prefix()} std_msgs ${rclnodejs('generated')}`]);
    expect(said).toEqual([expect.stringContaining('messages of std_msgs in')]);
  });

  it('is made anew of interfaces that are newer, as after a build of this package', () => {
    generator();
    write(rclnodejs('generated/generator.json'), '{"version":"1.0.0"}');
    interfaces('std_msgs', ['msg/Bool.msg']);
    const file = made('std_msgs', 'std_msgs__msg__Bool.js');
    expect(outdatedPackages(rclnodejs(), ros())).toEqual([]);
    utimesSync(file, 1000, 1000);
    expect(outdatedPackages(rclnodejs(), ros())).toEqual(['std_msgs']);
  });

  it('is of the first workspace that has the package', () => {
    const env = { ...ros(), AMENT_PREFIX_PATH: [at('ws'), prefix()].join(delimiter) };
    interfaces('std_msgs', ['msg/Bool.msg']);
    expect(prefixOfInterfaces('std_msgs', env)).toBe(prefix());
    interfaces('std_msgs', ['msg/Bool.msg'], at('ws'));
    expect(prefixOfInterfaces('std_msgs', env)).toBe(at('ws'));
    expect(prefixOfInterfaces('nav_msgs', env)).toBe('');
  });

  it('that another process makes is waited for, and taken as it made it', async () => {
    generator();
    mkdirSync(rclnodejs('.rfsn-making-messages'));
    const said: string[] = [];
    const ready = prepareMessages(rclnodejs(), ros(), (text) => {
      said.push(text);
      // It is done, and lets go.
      write(rclnodejs('generated/generator.json'), '{"version":"1.0.0"}');
      chmodSync(rclnodejs('.rfsn-making-messages'), 0o755);
      utimesSync(rclnodejs('.rfsn-making-messages'), 1000, 1000);
    });
    await ready;
    expect(said).toEqual([expect.stringContaining('another process makes')]);
    expect(asked()).toEqual([]);
  });

  it('that cannot be made is told of with the reason', async () => {
    generator();
    process.env['RFSN_TEST_BROKEN'] = '1';
    try {
      await expect(prepareMessages(rclnodejs(), ros(), () => undefined)).rejects.toThrow(
        'could not be made: no such disk',
      );
    } finally {
      delete process.env['RFSN_TEST_BROKEN'];
    }
    expect(existsSync(rclnodejs('.rfsn-making-messages'))).toBe(false);
  });

  it('that cannot be made is told of with the reason, also where another has taken the lock for a stale one', async () => {
    generator();
    write(rclnodejs('rosidl_gen/index.cjs'), "exports.generateAll = () => Promise.reject(new Error('no such disk'));");
    const release = () => rmdirSync(rclnodejs('.rfsn-making-messages'));
    await expect(prepareMessages(rclnodejs(), ros(), release)).rejects.toThrow('could not be made: no such disk');
  });

  it('cannot be made in a folder of another user', async ({ skip }) => {
    if (process.getuid?.() === 0) return skip('root may write anywhere');
    generator();
    chmodSync(rclnodejs(), 0o555);
    await expect(prepareMessages(rclnodejs(), ros(), () => undefined)).rejects.toThrow('cannot be written to');
    chmodSync(rclnodejs(), 0o755);
  });

  it('is of every package that the node may speak, and of those of rclnodejs itself', () => {
    expect(SPOKEN_PACKAGES).toEqual(
      expect.arrayContaining(['nav_msgs', 'rfsn_controller', 'lifecycle_msgs', 'std_srvs']),
    );
    expect(new Set(SPOKEN_PACKAGES).size).toBe(SPOKEN_PACKAGES.length);
  });
});
