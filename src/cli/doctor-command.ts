import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { outdatedPackages } from '../io/ros2/generated-messages.js';
import { findRclnodejs, prefixOfInterfaces } from '../io/ros2/rcl-installation.js';
import { NODE_NAME } from '../parameters/loader.js';
import { packageRoot } from '../parameters/presets.js';
import {
  diagnose,
  type Finding,
  type Host,
  optionalParts,
  type RclnodejsState,
  type SharpState,
  type State,
  type ZeromqState,
} from './diagnosis.js';
import { printJson } from './usage.js';

/** How long a library may take to load before it counts as broken; on a Raspberry Pi it takes some seconds [ms]. */
const LOAD_TIMEOUT_MS = 30_000;

const marks: Record<State, string> = { ok: 'ok', warning: 'warning', bad: 'BAD', missing: '-', unknown: '?' };

/** `rfsn doctor`: exits 0 whatever it finds; `ok` in `--json` is false where the controller cannot run. */
export function registerDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('say what this machine offers a control loop, and what is missing')
    .option('--json', 'print the findings as one JSON object')
    .action((options: { json?: boolean }) => {
      const findings = diagnose(thisHost());
      if (options.json === true) printJson(diagnosisJson(findings));
      else process.stdout.write(diagnosisText(findings));
    });
}

/** The findings by check, and whether the controller can run. @realtime unsafe */
export function diagnosisJson(findings: readonly Finding[]): Record<string, unknown> {
  const byCheck = findings.map(({ check, state, found, advice }) => [check, { state, found, advice }]);
  return { ok: isUsable(findings), ...Object.fromEntries(byCheck) };
}

/** One line a finding, its advice below it, and a verdict. @realtime unsafe */
export function diagnosisText(findings: readonly Finding[]): string {
  const lines: string[] = [];
  for (const { check, state, found, advice } of findings) {
    lines.push(`${marks[state].padEnd(8)} ${check.padEnd(18)} ${found}`);
    if (advice !== '') lines.push(`${' '.repeat(28)}${advice}`);
  }
  lines.push('', isUsable(findings) ? verdict(findings) : 'The controller cannot run here.');
  return `${lines.join('\n')}\n`;
}

function verdict(findings: readonly Finding[]): string {
  const parts = optionalParts(findings).map(({ part, missing }) =>
    missing.length === 0 ? `${part} yes` : `${part} no (see ${missing.join(' and ')})`,
  );
  return `The controller runs here in its simulator, with its page in any browser. Optional: ${parts.join(', ')}.`;
}

function isUsable(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== 'bad');
}

/** The machine this runs on. @realtime unsafe */
export function thisHost(): Host {
  const root = packageRoot();
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    nodeRequired: engines.node,
    kernelRelease: os.release(),
    kernelVersion: os.version(),
    usableCores: os.availableParallelism(),
    cores: os.cpus().length || os.availableParallelism(),
    env: process.env,
    read: (path) => {
      try {
        return readFileSync(path, 'utf8').trim();
      } catch {
        return undefined;
      }
    },
    list: (path) => {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    hasCommand: (name) => isOnPath(name, process.env['PATH'] ?? ''),
    rclnodejs: () => rclnodejsState(root, process.env),
    zeromq: () => zeromqState(root),
    sharp: () => sharpState(root),
  };
}

function isOnPath(name: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Loads rclnodejs in a process of its own, since it maps ROS's libraries, and a mismatch may end the process that tries.
 * Only where ROS is sourced and it is built: what is not built would be built at once, and in a shell without ROS what is
 * built would be deleted first.
 *
 * @param root folder whose package looks for rclnodejs
 * @realtime unsafe
 */
export function rclnodejsState(root: string, env: NodeJS.ProcessEnv): RclnodejsState {
  const folder = installedFolder(root, 'rclnodejs');
  const state: RclnodejsState = {
    installed: folder !== '',
    version: installedVersion(root, 'rclnodejs'),
    loads: undefined,
    complaint: '',
    messages: messagesState(folder, env),
  };
  if (folder === '' || !env['ROS_DISTRO'] || !env['AMENT_PREFIX_PATH']) return state;
  try {
    findRclnodejs(env, { from: join(root, 'package.json') });
  } catch (error) {
    return { ...state, loads: false, complaint: (error as Error).message };
  }
  const { complaint } = runApart(root, "require('rclnodejs')", env);
  return { ...state, loads: complaint === '', complaint };
}

function messagesState(folder: string, env: NodeJS.ProcessEnv): RclnodejsState['messages'] {
  if (prefixOfInterfaces(NODE_NAME, env) === '') return 'unsourced';
  return folder === '' || outdatedPackages(folder, env).includes(NODE_NAME) ? 'outdated' : 'ready';
}

/**
 * Loads zeromq in a process of its own, since it is a native library too.
 *
 * @param root folder whose package looks for it
 * @realtime unsafe
 */
export function zeromqState(root: string): ZeromqState {
  const version = installedVersion(root, 'zeromq');
  const state: ZeromqState = { loads: false, version, libzmq: '', curve: false, complaint: '' };
  if (version === '') return state;
  const script = "const z = require('zeromq'); console.log(JSON.stringify([z.version, z.capability.curve === true]))";
  const { output, complaint } = runApart(root, script, process.env);
  if (complaint !== '') return { ...state, complaint };
  const [libzmq, curve] = JSON.parse(output) as [string, boolean];
  return { ...state, loads: true, libzmq, curve };
}

/** The same for sharp. @realtime unsafe */
export function sharpState(root: string): SharpState {
  const version = installedVersion(root, 'sharp');
  if (version === '') return { loads: false, version, complaint: '' };
  const { complaint } = runApart(root, "require('sharp')", process.env);
  return { loads: complaint === '', version, complaint };
}

/** Empty where it is not installed. What a package exports need not include its manifest, so folders are looked through. */
function installedFolder(root: string, name: string): string {
  const folders = createRequire(join(root, 'package.json')).resolve.paths(name) ?? [];
  const found = folders.find((folder) => existsSync(join(folder, name, 'package.json')));
  return found === undefined ? '' : join(found, name);
}

/** Empty where it is not installed, or does not say. */
function installedVersion(root: string, name: string): string {
  const folder = installedFolder(root, name);
  if (folder === '') return '';
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return '';
  }
}

/** @returns what the script wrote, and why it failed in one line; empty where it did not */
function runApart(root: string, script: string, env: NodeJS.ProcessEnv): { output: string; complaint: string } {
  const child = spawnSync(process.execPath, ['-e', script], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: LOAD_TIMEOUT_MS,
  });
  if (child.status === 0) return { output: child.stdout, complaint: '' };
  const line = child.stderr?.split('\n').find((candidate) => /^\w*Error\b/.test(candidate));
  return {
    output: '',
    complaint: line?.trim() ?? child.error?.message ?? `ended with ${child.signal ?? child.status}`,
  };
}
