// What CMake calls to make the JavaScript of this package, in the build folder and never in the source tree:
//
//   <build>/development   a copy of the sources, all npm packages, dist/: what is compiled and tested
//   <build>/interfaces    the messages of msg/, as rclnodejs finds them before they are installed
//   <build>/runtime       what runs: npm packages without those of development, rclnodejs for the sourced ROS, and the
//                         JavaScript of every message package that was there, this one's included
//
// Each step leaves a key of what it was made from beside its result, and does nothing while that is the same. Packages that
// npm has in its cache are taken from there, so that a second workspace needs no network.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const PACKAGE = 'rfsn_controller';

const { values } = parseArgs({
  options: { source: { type: 'string' }, build: { type: 'string' }, npm: { type: 'string', default: 'npm' } },
});
const { source, build, npm } = values;
if (source === undefined || build === undefined) throw new Error('--source DIR and --build DIR are needed');

const development = join(build, 'development');
const interfaces = join(build, 'interfaces');
const runtime = join(build, 'runtime');
const rclnodejs = join(runtime, 'node_modules', 'rclnodejs');
const manifests = ['package.json', 'package-lock.json', '.npmrc'];

/** Not part of the sources, at the top of their tree. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'dist', 'coverage', 'models', 'runs', 'build', 'install', 'log']);
/** What compiles to dist/. */
const COMPILED = /^(src|sim|bench)\/|^tsconfig\.json$|^scripts\/after-build\.mjs$/;

function digest(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

/** Paths of all files under a folder, relative to it, in an order that does not depend on the disk. */
function filesOf(folder, leftOut = new Set()) {
  const found = [];
  const walk = (below) => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (leftOut.has(path)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  walk('');
  return found.sort();
}

/** Makes `to` what `from` is: copies what differs in size or time, takes away what is no longer there. */
function mirror(from, to, files, leftOut) {
  mkdirSync(to, { recursive: true });
  const wanted = new Set(files);
  for (const path of filesOf(to, leftOut)) if (!wanted.has(path)) rmSync(join(to, path));
  for (const path of files) {
    const { size, mtime, mtimeMs } = statSync(join(from, path));
    const there = statSync(join(to, path), { throwIfNoEntry: false });
    if (there !== undefined && there.size === size && Math.abs(there.mtimeMs - mtimeMs) < 1) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
    utimesSync(join(to, path), mtime, mtime);
  }
}

/** Does a step unless its result was made from the same. @returns the key */
function step(name, key, body) {
  const stamp = join(build, `${name}.key`);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return key;
  rmSync(stamp, { force: true });
  console.log(`-- ${PACKAGE}: ${name}`);
  body();
  writeFileSync(stamp, key);
  return key;
}

class BuildError extends Error {}

function run(folder, command, args, env = {}, advice = '') {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw new BuildError(`${command}: ${error.message}`);
  if (status !== 0) throw new BuildError(`${[command, ...args].join(' ')} failed with ${status}${advice}`);
}

/**
 * Without the packages' own install scripts: those with native code bring it compiled, except rclnodejs, whose script asks
 * the network for tools that it has at hand.
 *
 * @param optional packages that npm may leave out without a word
 */
function install(folder, optional, ...flags) {
  const env = { npm_config_update_notifier: 'false' };
  // Not `npm ci`: it refuses a lock file that names optional packages of only some platforms.
  const args = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...flags];
  const modules = join(folder, 'node_modules');
  // At first without patience: where there is no network, each optional package of another platform would be waited for.
  for (const patience of [['--fetch-retries=0'], []]) {
    rmSync(modules, { recursive: true, force: true });
    const hasty = patience.length > 0;
    try {
      const advice = '. npm takes its packages from its cache and else from the network: is there one?';
      run(folder, npm, [...args, ...patience], env, advice);
      if (!hasty || optional.every((name) => existsSync(join(modules, name)))) return;
    } catch (error) {
      if (!hasty || !(error instanceof BuildError)) throw error;
    }
  }
}

/** Compiles rclnodejs for the ROS that is sourced, unless it comes compiled for it. */
function buildRclnodejs() {
  const ask = "process.exit(require('./scripts/install.cjs').checkPrebuiltBinary() ? 0 : 3)";
  if (
    spawnSync(process.execPath, ['--eval', ask], { cwd: rclnodejs, stdio: ['ignore', 'inherit', 'inherit'] }).status ===
    0
  )
    return;
  const gyp = join(runtime, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  // Where Node's headers came with it, they need not be fetched.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  const advice = '. It needs a C++ compiler, make, Python and, where there are none, Node’s headers from the network.';
  const args = [gyp, 'rebuild', `-j${availableParallelism()}`, ...headers];
  // The make that called this has flags for makes of its own.
  run(rclnodejs, process.execPath, args, { MAKEFLAGS: undefined }, advice);
  rmSync(join(rclnodejs, 'build', 'Release', 'obj.target'), { recursive: true, force: true });
}

/** Makes the JavaScript of all message packages that are sourced, and of this one's before it is installed. */
function generateMessages(messages) {
  // Its own first: it wins over an installation of this package that is sourced.
  const env = { AMENT_PREFIX_PATH: [interfaces, process.env.AMENT_PREFIX_PATH].join(delimiter) };
  run(runtime, process.execPath, [join(rclnodejs, 'scripts', 'generate_messages.cjs')], env);
  const folder = join(rclnodejs, 'generated', PACKAGE);
  for (const path of messages) {
    const name = path.replace(/^msg\/(.*)\.msg$/, '$1');
    if (existsSync(join(folder, `${PACKAGE}__msg__${name}.js`))) continue;
    throw new BuildError(`rclnodejs made no JavaScript of ${path}: what it said is above`);
  }
  run(runtime, process.execPath, ['--input-type=module', '--eval', "await import('rclnodejs')"]);
}

/** Message packages of all prefixes, by path. */
function messagePackages() {
  return (process.env.AMENT_PREFIX_PATH ?? '').split(delimiter).flatMap((prefix) => {
    const index = join(prefix, 'share', 'ament_index', 'resource_index', 'rosidl_interfaces');
    if (!existsSync(index)) return [];
    // Of this one, what is in msg/ counts.
    return readdirSync(index)
      .filter((name) => name !== PACKAGE)
      .sort()
      .map((name) => join(index, name));
  });
}

function main() {
  const files = filesOf(source, LEFT_OUT);
  const content = new Map(files.map((path) => [path, readFileSync(join(source, path))]));
  const messages = files.filter((path) => /^msg\/.*\.msg$/.test(path));
  mirror(source, development, files, LEFT_OUT);
  mirror(
    join(source, 'msg'),
    join(interfaces, PACKAGE, 'msg'),
    messages.map((path) => path.slice('msg/'.length)),
  );

  const packages = digest(process.version, process.arch, ...manifests.map((name) => content.get(name) ?? ''));
  const tools = step('development packages', packages, () => install(development, []));
  const compiled = step(
    'compilation',
    digest(tools, ...files.filter((path) => COMPILED.test(path)).flatMap((path) => [path, content.get(path)])),
    () => run(development, npm, ['run', 'build']),
  );

  const running = step('run-time packages', digest(packages, process.env.ROS_DISTRO ?? ''), () => {
    mkdirSync(runtime, { recursive: true });
    for (const name of manifests) if (content.has(name)) writeFileSync(join(runtime, name), content.get(name));
    const { optionalDependencies = {} } = JSON.parse(content.get('package.json').toString('utf8'));
    install(runtime, Object.keys(optionalDependencies), '--omit=dev');
    if (!existsSync(rclnodejs)) throw new BuildError('npm left the optional rclnodejs out: what it said is above');
    buildRclnodejs();
  });
  const told = step(
    'JavaScript of messages',
    digest(
      running,
      // A message that is newer than its JavaScript is made anew at the next start, which an installation that cannot be
      // written to must be spared: so their times count, too.
      ...messagePackages().flatMap((path) => [path, String(statSync(path).mtimeMs)]),
      ...messages.flatMap((path) => [path, String(statSync(join(source, path)).mtimeMs)]),
    ),
    () => generateMessages(messages),
  );

  // Tests run from development/, with the rclnodejs that is installed.
  const tested = join(development, 'node_modules', 'rclnodejs');
  if (!lstatSync(tested, { throwIfNoEntry: false })?.isSymbolicLink()) {
    rmSync(tested, { recursive: true, force: true });
    symlinkSync(rclnodejs, tested);
  }
  const tree = join(build, 'tree.key');
  const key = digest(compiled, running, told);
  if (!existsSync(tree) || readFileSync(tree, 'utf8') !== key) writeFileSync(tree, key);
}

try {
  main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`${PACKAGE}: ${error.message}`);
  process.exitCode = 1;
}
