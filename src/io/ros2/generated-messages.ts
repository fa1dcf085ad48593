/**
 * The JavaScript that rclnodejs makes of ROS's interface files, beside its own: once for all packages, and once more for
 * a package that came later or was built anew. rclnodejs itself would do the first at its first start without a word, leave
 * the second to the first use, and take files that a killed process left half made for whole.
 *
 * Main thread. @realtime unsafe
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, parse } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { MessageType, ServiceType } from './names.js';
import { interfaceIndex, prefixOfInterfaces, RosMissingError } from './rcl-installation.js';

/** What rclnodejs itself speaks. */
const OF_THE_CLIENT = ['builtin_interfaces', 'lifecycle_msgs', 'rcl_interfaces', 'rosgraph_msgs', 'service_msgs'];
/** Packages whose interfaces this node may speak, installed or not. */
export const SPOKEN_PACKAGES: readonly string[] = [
  ...new Set([
    ...OF_THE_CLIENT,
    ...[...Object.values(MessageType), ...Object.values(ServiceType)].map((type) => type.slice(0, type.indexOf('/'))),
  ]),
];

const LOCK = '.rfsn-making-messages';
/** Another process makes them: it is waited for, and after this it has been killed [s]. */
const LOCK_STALE_S = 300;
const LOCK_POLL_MS = 250;

/** The part of rclnodejs' generator that is used. */
interface Generator {
  version(): string;
  generateAll(forced: boolean): Promise<void>;
}
interface PackageFinder {
  findPackagesInDirectory(prefix: string): Promise<Map<string, unknown>>;
}
type PackageGenerator = (packageInfo: unknown, generatedRoot: string) => Promise<void>;

/**
 * Makes what is missing, says so, and does nothing where nothing is.
 *
 * @param folder of rclnodejs
 * @throws RosMissingError where the folder cannot be written to, or making fails
 */
export async function prepareMessages(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
): Promise<void> {
  if (isCurrent(folder, env)) return;
  const release = await claim(folder, say);
  try {
    // The process that was waited for may have made them.
    if (isCurrent(folder, env)) return;
    await make(folder, env, say);
  } catch (error) {
    if (error instanceof RosMissingError) throw error;
    throw new RosMissingError(`the JavaScript of ROS's messages could not be made: ${(error as Error).message}`);
  } finally {
    release();
  }
}

function isCurrent(folder: string, env: NodeJS.ProcessEnv): boolean {
  return !isFromScratch(folder) && outdatedPackages(folder, env).length === 0;
}

/** Whether there is nothing, or what an older generator made, which rclnodejs would replace. */
function isFromScratch(folder: string): boolean {
  const made = versionIn(join(folder, 'generated', 'generator.json'));
  return made === '' || made !== versionIn(join(folder, 'rosidl_gen', 'generator.json'));
}

function versionIn(path: string): string {
  try {
    return String((JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown }).version ?? '');
  } catch {
    return '';
  }
}

/**
 * Packages of `SPOKEN_PACKAGES` that are installed, and whose JavaScript is missing, in part or altogether, or older than
 * their interface files.
 */
export function outdatedPackages(folder: string, env: NodeJS.ProcessEnv): string[] {
  return SPOKEN_PACKAGES.filter((name) => {
    const prefix = prefixOfInterfaces(name, env);
    return prefix !== '' && isOutdated(folder, prefix, name);
  });
}

function isOutdated(folder: string, prefix: string, name: string): boolean {
  for (const line of readFileSync(interfaceIndex(prefix, name), 'utf8').split('\n')) {
    // Of each interface there is its source and an .idl made of it.
    const { dir: kind, name: interfaceName, ext } = parse(line.trim());
    if (ext !== '.msg' && ext !== '.srv') continue;
    if (ext.slice(1) !== kind) continue;
    const made = statSync(join(folder, 'generated', name, `${name}__${kind}__${interfaceName}.js`), {
      throwIfNoEntry: false,
    });
    const source = statSync(join(prefix, 'share', name, line.trim()), { throwIfNoEntry: false });
    if (source !== undefined && (made === undefined || made.mtimeMs < source.mtimeMs)) return true;
  }
  return false;
}

async function make(folder: string, env: NodeJS.ProcessEnv, say: (text: string) => void): Promise<void> {
  const load = createRequire(pathToFileURL(join(folder, 'package.json')));
  const root = join(folder, 'generated');
  if (isFromScratch(folder)) {
    say(`making the JavaScript of ROS's messages in ${root}; this happens once and takes up to a minute`);
    await (load('./rosidl_gen/index.cjs') as Generator).generateAll(true);
    return;
  }
  const names = outdatedPackages(folder, env);
  say(`making the JavaScript of the messages of ${names.join(', ')} in ${root}; this happens once`);
  const finder = load('./rosidl_gen/packages.cjs') as PackageFinder;
  const generate = load('./rosidl_gen/idl_generator.cjs') as PackageGenerator;
  for (const name of names) {
    const info = (await finder.findPackagesInDirectory(prefixOfInterfaces(name, env))).get(name);
    if (info !== undefined) await generate(info, root);
  }
}

/** One process at a time. @returns what gives it up */
async function claim(folder: string, say: (text: string) => void): Promise<() => void> {
  mustBeWritable(folder);
  const lock = join(folder, LOCK);
  let told = false;
  for (;;) {
    try {
      mkdirSync(lock);
      return () => giveUp(lock);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const since = statSync(lock, { throwIfNoEntry: false });
    if (since !== undefined && Date.now() - since.mtimeMs > LOCK_STALE_S * 1e3) {
      // Another that waits may have been first.
      rmSync(lock, { recursive: true, force: true });
      continue;
    }
    if (!told) say(`another process makes the JavaScript of ROS's messages in ${folder}: waiting for it`);
    told = true;
    await delay(LOCK_POLL_MS);
  }
}

/** One that cannot be removed is stale some day; what the making threw is what matters. */
function giveUp(lock: string): void {
  try {
    rmdirSync(lock);
  } catch {}
}

function mustBeWritable(folder: string): void {
  const generated = join(folder, 'generated');
  try {
    accessSync(folder, constants.W_OK);
    if (existsSync(generated)) accessSync(generated, constants.W_OK);
  } catch {
    throw new RosMissingError(
      `the JavaScript of ROS's messages is missing or out of date, and ${folder} cannot be written to: start the node once as the user who owns it, with ROS 2 and your workspace sourced`,
    );
  }
}
