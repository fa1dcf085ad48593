import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { packageRoot } from '../parameters/presets.js';
import { diagnose, type Finding, type Host, type RclnodejsState, type State } from './diagnosis.js';
import { printJson } from './usage.js';

/** How long rclnodejs may take to load before it counts as broken; on a Raspberry Pi it takes some seconds [ms]. */
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
  const ros = findings.every(({ check, state }) => (check !== 'ros' && check !== 'rclnodejs') || state === 'ok');
  if (!isUsable(findings)) lines.push('', 'The controller cannot run here.');
  else if (ros) lines.push('', 'The controller runs here, in its simulator and on a ROS 2 robot.');
  else lines.push('', 'The controller runs here in its simulator; for a ROS 2 robot, see ros and rclnodejs above.');
  return `${lines.join('\n')}\n`;
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
 * Loads rclnodejs, where ROS is sourced, in a process of its own: it maps ROS's libraries, and a mismatch may end the
 * process that tries.
 *
 * @param root folder whose package looks for rclnodejs
 * @realtime unsafe
 */
export function rclnodejsState(root: string, env: NodeJS.ProcessEnv): RclnodejsState {
  const state: RclnodejsState = { installed: false, version: '', loads: undefined, complaint: '' };
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('rclnodejs/package.json');
    state.version = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
    state.installed = true;
  } catch {
    return state;
  }
  if (!env['ROS_DISTRO']) return state;
  const child = spawnSync(process.execPath, ['-e', "require('rclnodejs')"], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: LOAD_TIMEOUT_MS,
  });
  state.loads = child.status === 0;
  if (!state.loads) {
    const line = child.stderr?.split('\n').find((candidate) => /^\w*Error\b/.test(candidate));
    state.complaint = line?.trim() ?? child.error?.message ?? `ended with ${child.signal ?? child.status}`;
  }
  return state;
}
