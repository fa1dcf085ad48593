/** What `sim` and `train` are asked for on the command line, and what it amounts to. */
import { type Command, Option } from 'commander';
import {
  builders,
  defaultFaults,
  type FaultSettings,
  noFaults,
  type RobotModel,
  robots,
  type Scenario,
  scenarioOf,
} from '../../sim/index.js';
import { ParameterError } from '../parameters/parameter-error.js';
import { type PresetName, presetNames, presetPath } from '../parameters/presets.js';
import type { ParameterValues } from '../parameters/schema.js';
import type { RewardProgram } from '../reward/expression-reward.js';
import { compileReward } from '../reward/reward-compiler.js';
import { type BesideOptions, besideArguments, besideParameters } from './beside-options.js';
import type { RobotGeometry } from './beside-run.js';
import { policyNotes, policyOption } from './policy-option.js';
import { addParameterOptions, type ParameterOptions, readParameters, seedArgument, UsageError } from './usage.js';

/** What every command is asked for that has a controller drive. */
export interface ControlOptions extends ParameterOptions, BesideOptions {
  preset?: PresetName;
  policy?: string;
  seed?: number;
  model?: string;
  json?: boolean;
}

export interface RunOptions extends ControlOptions {
  scenario: string;
  robot?: string;
  faults?: boolean;
  headless?: boolean;
}

/** A controller as the options describe it, everything checked. */
export interface Control {
  parameters: ParameterValues;
  /** `reward.expression`, compiled; null where it is empty. */
  rewardProgram: RewardProgram | null;
  /** What the user should know and did not ask; each one sentence. */
  notes: string[];
}

/** A run in the simulator as the options describe it, everything checked. */
export interface Run extends Control {
  scenario: Scenario;
  /** As given: `clutter`, `barn:FILE#3`. */
  scenarioName: string;
  isBarn: boolean;
  robot: RobotModel;
  faults: FaultSettings;
  seed: number;
}

/** Time in which the acceleration reaches its limit, for robots whose jerk nobody states [s]. */
const JERK_TIME_S = 0.05;
const YAW_JERK_TIME_S = 0.03125;

/** Adds the options that `sim` and `train` share. @returns the same command */
export function addRunOptions(command: Command): Command {
  const scenarios = [...builders.keys(), 'barn:FILE', 'barn:FILE#INDEX'].join(', ');
  command
    .option('--scenario <name>', `worlds to drive in: ${scenarios}`, 'clutter')
    .addOption(
      new Option('--robot <name>', 'simulated robot; its parameters follow (default: by robot.drive)').choices([
        ...robots.keys(),
      ]),
    );
  return addControlOptions(command, 'seed of the worlds and of all that is drawn (default: random_seed)').option(
    '--faults',
    'switch on noise, slip, delays and losses',
  );
}

/** Adds the options that every command has in which a controller drives. @returns the same command */
export function addControlOptions(command: Command, seedDescription: string): Command {
  command.addOption(new Option('--preset <name>', 'parameters to begin with, before --params').choices(presetNames));
  return addParameterOptions(command)
    .addOption(policyOption())
    .option('--seed <k>', seedDescription, seedArgument)
    .option('--model <dir>', 'where checkpoints are read and written (default: model_dir)')
    .option('--json', 'end with one line of JSON on standard output; everything else goes to standard error');
}

/**
 * Reads and checks what makes a controller.
 *
 * @param robot its parameters come before those that are set
 * @throws UsageError, ParameterError, RewardExpressionError: exit 2. Error where a file cannot be read: exit 1
 * @realtime unsafe
 */
export function readControl(options: ControlOptions, robot?: RobotModel): Control {
  const files = [...(options.preset === undefined ? [] : [presetPath(options.preset)]), ...(options.params ?? [])];
  const given = new Set<string>();
  const asked = { params: files, set: { ...(robot && robotParameters(robot)), ...options.set } };
  const flags = { random_seed: options.seed, model_dir: options.model, policy: options.policy };
  // A bare --page is served where the parameters say, so they are read first.
  const listen = options.page === true ? readParameters(asked, flags)['dashboard.listen'] : '';
  const parameters = readParameters(asked, { ...flags, ...besideParameters(options, listen) }, given);
  const expression = parameters['reward.expression'];
  return {
    parameters,
    rewardProgram: expression === '' ? null : compileReward(expression),
    notes: policyNotes(parameters, given),
  };
}

/**
 * The arguments with which another `rfsn` reads the same controller.
 *
 * @realtime unsafe
 */
export function controlArguments(options: RunOptions): string[] {
  const robot = askedRobot(options);
  const { preset, policy, seed, model } = options;
  const given: [string, string | number | undefined][] = [
    ['preset', preset],
    ...(options.params ?? []).map((file): [string, string] => ['params', file]),
    ...Object.entries({ ...(robot && robotParameters(robot)), ...options.set }).map(
      ([name, value]): [string, string] => ['set', `${name}=${value}`],
    ),
    ['policy', policy],
    ['seed', seed],
    ['model', model],
  ];
  const args = given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
  return [...args, ...besideArguments(options)];
}

/**
 * Reads and checks everything that can be wrong before anything moves in the simulator.
 *
 * @throws UsageError, ParameterError, RewardExpressionError: exit 2. Error where a file cannot be read: exit 1
 * @realtime unsafe
 */
export function readRun(options: RunOptions): Run {
  const asked = askedRobot(options);
  const { parameters, rewardProgram, notes } = readControl(options, asked);
  const robot = asked ?? robotByDrive(parameters);
  if (parameters['robot.drive'] !== robot.drive) {
    throw new ParameterError(
      'robot.drive',
      `${parameters['robot.drive']} is not allowed; allowed: ${robot.drive}, which the robot ${robot.name} has`,
    );
  }
  if (parameters.max_beams < robot.laser.beams) {
    throw new ParameterError(
      'max_beams',
      `${parameters.max_beams} is not allowed; allowed: at least ${robot.laser.beams}, the beams of ${robot.name}`,
    );
  }
  return {
    parameters,
    scenario: readScenario(options.scenario),
    scenarioName: options.scenario,
    isBarn: options.scenario.startsWith('barn:'),
    robot,
    faults: options.faults === true ? defaultFaults : noFaults,
    seed: parameters.random_seed,
    rewardProgram,
    notes: [...robotNotes(parameters, robot), ...notes, ...rewardNotes(parameters)],
  };
}

/** The robot as its parameters describe it. @param model its name, where one is known */
export function geometryOf(parameters: ParameterValues, model: string): RobotGeometry {
  const { 'robot.drive': drive, 'robot.length': length, 'robot.width': width } = parameters;
  return { model, drive, length, width };
}

function askedRobot(options: RunOptions): RobotModel | undefined {
  return options.robot === undefined ? undefined : robots.get(options.robot);
}

function robotByDrive(parameters: ParameterValues): RobotModel {
  for (const robot of robots.values()) if (robot.drive === parameters['robot.drive']) return robot;
  throw new ParameterError('robot.drive', `no simulated robot is ${parameters['robot.drive']}`);
}

/** The parameters that describe a simulated robot, as text, the way `--set` would have them. */
function robotParameters(robot: RobotModel): Record<string, string> {
  return {
    'robot.drive': robot.drive,
    'robot.length': String(robot.length),
    'robot.width': String(robot.width),
    'robot.max_speed': String(robot.maxSpeed),
    'robot.max_yaw_rate': String(robot.maxYawRate),
    'robot.max_acceleration': String(robot.maxAcceleration),
    'robot.max_yaw_acceleration': String(robot.maxYawAcceleration),
    'robot.max_jerk': String(robot.maxAcceleration / JERK_TIME_S),
    'robot.max_yaw_jerk': String(robot.maxYawAcceleration / YAW_JERK_TIME_S),
  };
}

/** Where the parameters promise more than the simulated robot can do, safety computes with what is not so. */
function robotNotes(p: ParameterValues, robot: RobotModel): string[] {
  const notes: string[] = [];
  if (p['robot.max_acceleration'] > robot.maxAcceleration) {
    notes.push(
      `robot.max_acceleration is ${p['robot.max_acceleration']} m/s², and the simulated ${robot.name} brakes with ${robot.maxAcceleration}: it stops later than safety reckons`,
    );
  }
  if (p['robot.length'] < robot.length || p['robot.width'] < robot.width) {
    notes.push(
      `robot.length or robot.width is less than the simulated ${robot.name} has: it is larger than safety knows`,
    );
  }
  return notes;
}

/** The simulator knows no better than the cycle what a decision was worth, and gives no feedback. */
function rewardNotes(p: ParameterValues): string[] {
  if (p['reward.source'] === 'cycle') return [];
  const learned = p['feedback.expired'] === 'default' ? 'only feedback.expired_reward' : 'nothing';
  return [`reward.source is feedback, and the simulator gives none: ${learned} is learned`];
}

function readScenario(spec: string): Scenario {
  if (!spec.startsWith('barn:')) {
    if (builders.has(spec)) return scenarioOf(spec);
    const allowed = [...builders.keys(), 'barn:FILE', 'barn:FILE#INDEX'].join(', ');
    throw new UsageError(`--scenario ${spec} is unknown; allowed: ${allowed}`);
  }
  const at = spec.lastIndexOf('#');
  const file = at < 0 ? spec : spec.slice(0, at);
  if (file === 'barn:')
    throw new UsageError(`--scenario ${spec}: a file is missing; write barn:FILE or barn:FILE#INDEX`);
  const whole = scenarioOf(file);
  if (at < 0) return whole;
  try {
    return scenarioOf(spec);
  } catch (error) {
    // The file is in order, so what was asked for is not in it.
    throw new UsageError(`--scenario ${spec}: ${(error as Error).message}`);
  }
}
