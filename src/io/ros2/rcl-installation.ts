/**
 * Whether a ROS 2 is sourced and rclnodejs built for it, found out without touching either: importing rclnodejs in a shell
 * without ROS deletes the build that it has, and importing one that is not built compiles for minutes without a word.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/** ROS, or a part of it, is not there. The message says what is missing and what to do. Commands exit 2 on it. */
export class RosMissingError extends Error {
  override readonly name = 'RosMissingError';
}

/** Where rclnodejs is, and what of it to load. */
export interface RclnodejsInstallation {
  readonly folder: string;
  /** Its binaries for this ROS, in the order in which it tries them itself; at least one. */
  readonly binaries: readonly string[];
  /** What to do where none of them loads. */
  readonly rebuild: string;
}

/** What else than the environment is looked at; tests look at folders of their own. */
export interface Surroundings {
  /** Where ROS distributions are installed by their packages. */
  readonly rosRoot?: string;
  readonly osRelease?: string;
  /** The module from which rclnodejs is looked for. */
  readonly from?: string;
}

/**
 * @param env of the shell
 * @throws RosMissingError
 * @realtime unsafe
 */
export function findRclnodejs(env: NodeJS.ProcessEnv, surroundings: Surroundings = {}): RclnodejsInstallation {
  const distribution = env['ROS_DISTRO'] ?? '';
  const prefixes = (env['AMENT_PREFIX_PATH'] ?? '').split(delimiter).filter((prefix) => prefix !== '');
  if (distribution === '' || prefixes.length === 0) {
    throw new RosMissingError(`no ROS 2 is sourced in this shell: ${howToSource(surroundings.rosRoot ?? '/opt/ros')}`);
  }
  if (!(env['PATH'] ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, 'ros2')))) {
    throw new RosMissingError(
      `ROS_DISTRO is ${distribution}, and the command ros2 is not on the PATH: install ros-${distribution}-ros2cli, or source its setup.bash again`,
    );
  }
  if (env['RCLNODEJS_FORCE_BUILD'] === '1') {
    throw new RosMissingError('RCLNODEJS_FORCE_BUILD is 1: rclnodejs would be compiled at each start; unset it');
  }
  const folder = packageFolder(surroundings.from ?? import.meta.url);
  if (folder === '') {
    throw new RosMissingError(
      'rclnodejs is not installed, as where no ROS 2 was sourced at installation: with it sourced, run npm install again',
    );
  }
  const rebuild = `with ROS 2 sourced, run npm rebuild rclnodejs --foreground-scripts in ${dirname(dirname(folder))} (it takes some minutes, a C++ compiler and python3)`;
  const codename = ubuntuCodename(surroundings.osRelease ?? '/etc/os-release');
  const binaries = [
    join(
      folder,
      'prebuilds',
      `${process.platform}-${process.arch}`,
      `${distribution}-${codename}-${process.arch}-node-rclnodejs.node`,
    ),
    join(folder, 'build', 'Release', 'rclnodejs.node'),
  ].filter((path) => existsSync(path));
  if (binaries.length === 0) {
    throw new RosMissingError(
      `rclnodejs is not built for ROS 2 ${distribution} on ${codename === '' ? process.platform : codename}, ${process.arch}: ${rebuild}`,
    );
  }
  return { folder, binaries, rebuild };
}

/**
 * The folder under which an interface package of that name is installed, or empty.
 *
 * @param name `nav_msgs`
 * @realtime unsafe
 */
export function prefixOfInterfaces(name: string, env: NodeJS.ProcessEnv): string {
  for (const prefix of (env['AMENT_PREFIX_PATH'] ?? '').split(delimiter)) {
    if (prefix !== '' && existsSync(interfaceIndex(prefix, name))) return prefix;
  }
  return '';
}

/** The file that lists a package's interfaces, one a line: `msg/Odometry.msg`. */
export function interfaceIndex(prefix: string, name: string): string {
  return join(prefix, 'share', 'ament_index', 'resource_index', 'rosidl_interfaces', name);
}

/**
 * What to do about a message whose package is not installed.
 *
 * @param type `ros_gz_interfaces/msg/Contacts`
 */
export function notInstalled(type: string, env: NodeJS.ProcessEnv): RosMissingError {
  const name = type.slice(0, type.indexOf('/'));
  if (name === 'rfsn_controller') {
    return new RosMissingError(
      `the interfaces of rfsn_controller (${type}) are not in this shell: build the package with colcon build, and source install/setup.bash`,
    );
  }
  const binaryPackage = `ros-${env['ROS_DISTRO'] ?? 'jazzy'}-${name.replaceAll('_', '-')}`;
  return new RosMissingError(`${name} is not installed, and ${type} is of it: sudo apt install ${binaryPackage}`);
}

function howToSource(rosRoot: string): string {
  let distributions: string[] = [];
  try {
    distributions = readdirSync(rosRoot).filter((name) => existsSync(join(rosRoot, name, 'setup.bash')));
  } catch {
    // None is installed by packages.
  }
  if (distributions.length === 0) {
    return 'run source /opt/ros/jazzy/setup.bash, or the setup.bash of the workspace it was built in; docs.ros.org says how it is installed';
  }
  const files = distributions.map((name) => `source ${join(rosRoot, name, 'setup.bash')}`);
  return `run ${files.join(' or ')}, and the install/setup.bash of your workspace`;
}

function packageFolder(from: string): string {
  try {
    return dirname(createRequire(from).resolve('rclnodejs/package.json'));
  } catch {
    return '';
  }
}

/** As rclnodejs reads it, also where the system is none of Ubuntu's. */
function ubuntuCodename(osRelease: string): string {
  try {
    return /^VERSION_CODENAME=(.*)$/m.exec(readFileSync(osRelease, 'utf8'))?.[1]?.trim() ?? '';
  } catch {
    return '';
  }
}
