import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';

import { Recording } from '../io/replay/recording.js';
import { RecordingError } from '../io/replay/recording-error.js';
import { type InputCounts, ReplayPort } from '../io/replay/replay-port.js';
import { learns } from '../loop/configuration.js';
import { Driver } from '../memory/layout.js';
import { isIntervention, REASON_LABELS, Reason } from '../memory/reason.js';
import type { ParameterValues } from '../parameters/schema.js';
import { compileReward } from '../reward/reward-compiler.js';
import { isFlightLog } from '../telemetry/flight-log/log-reader.js';
import { Checkpointing, type LearnedState } from './checkpointing.js';
import { replayFlightLog } from './flight-replay.js';
import { logFileOf } from './log-folder.js';
import { policyNotes, policyOption } from './policy-option.js';
import { ShadowSession } from './shadow-session.js';
import {
  addParameterOptions,
  ExitCode,
  numberArgument,
  type ParameterOptions,
  printJson,
  readParameters,
  seedArgument,
  UsageError,
} from './usage.js';

interface ReplayCommandOptions extends ParameterOptions {
  odom?: string;
  scan?: string;
  mountX: number;
  mountY: number;
  mountYaw: number;
  policy?: string;
  model?: string;
  seed?: number;
  shadow?: boolean;
  json?: boolean;
}

/** Cycles from one look at the progress bar to the next. */
const PROGRESS_CYCLES = 2000;
/** Share of cycles with stale input from which on the report says what to do about it. */
const STALE_SHARE = 0.1;

/** `rfsn replay FILE.mcap`: a flight log again, to the bit; or what the controller would have done on a recorded robot. */
export function registerReplayCommand(program: Command): void {
  const command = program
    .command('replay')
    .description('repeat a flight log to the bit, or run a recorded ROS 2 log through the controller')
    .argument('<file>', 'an MCAP recording; or a folder of flight logs, for its newest');
  addParameterOptions(command)
    .option('--odom <topic>', 'nav_msgs/msg/Odometry to use (default: the first there is)')
    .option('--scan <topic>', 'sensor_msgs/msg/LaserScan to use (default: the first there is)')
    .option('--mount-x <m>', 'where the scanner is in base_link', numberArgument(-10, 10), 0)
    .option('--mount-y <m>', 'the same, to the left', numberArgument(-10, 10), 0)
    .option('--mount-yaw <rad>', 'where it looks, counter-clockwise from ahead', numberArgument(-7, 7), 0)
    .addOption(policyOption())
    .option('--model <dir>', 'checkpoints to start from; untrained where there are none')
    .option('--frozen', 'no learning, no exploration: always so in a replay')
    .option('--seed <k>', 'seed of all that is drawn', seedArgument)
    .option('--shadow', 'take a flight log for any recording: what would have been done, instead of what was')
    .option('--json', 'end with one line of JSON')
    .addHelpText(
      'after',
      '\nA flight log, written by --log, is repeated: each decision again on its own readings and times, as it was set up and' +
        '\nwith what it had learned (or what --model has), and compared to the bit. Of the other options only --json means' +
        '\nanything then.' +
        '\nIn any other recording the goal is the pose that the robot reached 5 s later, and nothing is learned: the robot did' +
        '\nsomething else.',
    )
    .action(replay);
}

async function replay(path: string, options: ReplayCommandOptions, command: Command): Promise<void> {
  const file = logFileOf(path);
  if (options.shadow !== true && isFlightLog(file)) {
    const meant = ['params', 'set', 'odom', 'scan', 'mountX', 'mountY', 'mountYaw', 'policy', 'frozen', 'seed'].find(
      (name) => command.getOptionValueSource(name) === 'cli',
    );
    if (meant !== undefined) {
      const flag = `--${meant.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw new UsageError(`${flag}: a flight log is repeated as it was; with --shadow it is taken for any recording`);
    }
    return replayFlightLog(file, options);
  }
  const given = new Set<string>();
  const flags = { random_seed: options.seed, model_dir: options.model, policy: options.policy };
  const parameters = readParameters(options, flags, given);
  for (const note of policyNotes(parameters, given)) process.stderr.write(`note: ${note}\n`);
  const expression = parameters['reward.expression'];
  const rewardProgram = expression === '' ? null : compileReward(expression);
  const learned = options.model === undefined || !learns(parameters) ? null : await learnedIn(parameters);
  const recording = open(file, options);
  const port = new ReplayPort(recording, options);
  const session = new ShadowSession(port, parameters, { learned, rewardProgram });

  const bar = process.stderr.isTTY
    ? new SingleBar({ format: 'replay {bar} {percentage} %', clearOnComplete: true, stream: process.stderr })
    : null;
  bar?.start(1, 0);
  let cycles = 0;
  try {
    await session.run(() => {
      if (++cycles % PROGRESS_CYCLES === 0) bar?.update(recording.progress);
    });
  } finally {
    bar?.stop();
    await port.stop();
  }

  const figures = figuresOf(recording, session);
  if (options.json !== true) process.stdout.write(reportText(file, recording, session));
  const { state, detail } = recording.end;
  if (state !== 'complete') {
    process.stderr.write(`rfsn: ${file}: ${detail}; what could be read is reported\n`);
    process.exitCode = ExitCode.failed;
  }
  if (options.json === true) printJson(figures);
}

function open(file: string, options: ReplayCommandOptions): Recording {
  try {
    return new Recording(file, { odometryTopic: options.odom, scanTopic: options.scan });
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    // A topic that is not there was asked for on the command line; everything else is the file's fault.
    const asked = error.fault === 'unknown-topic' || error.fault === 'wrong-type';
    throw asked ? new UsageError(error.message) : error;
  }
}

/** The learned state in the folder `model_dir`; null where there is none. @throws CheckpointError */
async function learnedIn(parameters: ParameterValues): Promise<LearnedState | null> {
  const checkpoints = new Checkpointing({
    parameters,
    scenario: 'replay',
    seed: parameters.random_seed,
    faults: false,
    tell: (text) => process.stderr.write(`${text}\n`),
  });
  const resumed = await checkpoints.load();
  return resumed === null ? null : resumed.learned;
}

function figuresOf(recording: Recording, session: ShadowSession): Record<string, unknown> {
  const { port, comparison } = session;
  const { odometry, scans } = port;
  return {
    odometry: odometry.messages,
    scans: scans.messages,
    out_of_order: odometry.stampsBack,
    repeated: odometry.stampsRepeated,
    out_of_order_scans: scans.stampsBack,
    repeated_scans: scans.stampsRepeated,
    rejected: rejectedOf(odometry) + rejectedOf(scans),
    rejected_odometry: snakeCase(odometry.rejected),
    rejected_scans: snakeCase(scans.rejected),
    messages: recording.counts.messages,
    undecodable: recording.counts.undecodable,
    topics: recording.topics.map(({ topic, type, messageCount }) => ({ topic, type, messages: messageCount })),
    odometry_topic: recording.odometryTopic,
    scan_topic: recording.scanTopic,
    recording: recording.end.state,
    duration_s: port.clockNs * 1e-9,
    pauses: session.pauses,
    goals: port.goals,
    cycles: session.cycles,
    deadline_misses: session.deadlineMisses,
    decisions: session.drivers[Driver.policy],
    decisions_by_action: [...session.actions],
    fallback_cycles: session.drivers[Driver.fallback],
    standing_cycles: session.drivers[Driver.stop],
    interventions: session.interventions,
    interventions_by_reason: reasonsOf(session, true),
    standing_by_reason: reasonsOf(session, false),
    features: Object.fromEntries(session.features.map(({ name, min, max }) => [name, { min, max }])),
    compared: comparison.count,
    same_sector: comparison.sameSector / comparison.count,
    adjacent_sector: comparison.adjacentSector / comparison.count,
    robot_speed: comparison.robotSpeedSum / comparison.count,
    command_speed: comparison.commandSpeedSum / comparison.count,
  };
}

function rejectedOf(counts: InputCounts): number {
  return counts.messages - counts.accepted;
}

function snakeCase(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      count,
    ]),
  );
}

/** Cycles by reason: those in which safety stepped in, or those in which there was nothing to do. */
function reasonsOf(session: ShadowSession, intervened: boolean): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let reason = 1; reason < session.reasons.length; reason++) {
    if (session.reasons[reason] > 0 && isIntervention(reason) === intervened) {
      counts[REASON_LABELS[reason]] = session.reasons[reason];
    }
  }
  return counts;
}

/** What to set where the log is slower than a robot's sensors, so that safety would stand still for most of it. */
function staleNotes(session: ShadowSession): string[] {
  const { port, reasons, cycles } = session;
  const notes: string[] = [];
  const look = (input: string, counts: InputCounts, reason: number, parameter: string) => {
    if (reasons[reason] < STALE_SHARE * cycles || counts.accepted === 0) return;
    const seconds = (port.clockNs * 1e-9) / counts.accepted;
    notes.push(`${input} comes every ${seconds.toFixed(2)} s on average: --set ${parameter}=… makes it last longer`);
  };
  look('odometry', port.odometry, Reason.staleOdometry, 'odometry_timeout_s');
  look('a scan', port.scans, Reason.staleRanges, 'ranges_timeout_s');
  return notes;
}

function reportText(file: string, recording: Recording, session: ShadowSession): string {
  const { port, comparison, cycles } = session;
  const lines: string[] = [];
  const row = (name: string, value: string) => lines.push(`${name.padEnd(22)}${value}`);
  const share = (count: number, of: number) => (of === 0 ? '-' : `${((100 * count) / of).toFixed(1)} %`);
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count} (${share(count, cycles)})`)
      .join(', ') || 'none';

  row('recording', `${file}, ${(port.clockNs * 1e-9).toFixed(1)} s, ${recording.end.state}`);
  for (const { topic, type, messageCount } of recording.topics) {
    const used = topic === recording.odometryTopic || topic === recording.scanTopic ? '' : ', not used';
    row('topic', `${topic} (${type}), ${messageCount} messages${used}`);
  }
  inputRows('odometry', port.odometry);
  inputRows('scans', port.scans);
  if (recording.counts.undecodable > 0) row('undecodable', `${recording.counts.undecodable} messages`);
  row('cycles', `${cycles}, ${session.deadlineMisses} deadline misses, ${port.goals} goals, ${session.pauses} pauses`);
  row(
    'decisions',
    `${session.drivers[Driver.policy]} of the policy (${share(session.drivers[Driver.policy], cycles)})`,
  );
  row('  by direction', [...session.actions].map((count, action) => `${action * 45}°: ${count}`).join('  '));
  row('  of the rule', String(session.drivers[Driver.fallback]));
  row('interventions', `${session.interventions} (${share(session.interventions, cycles)})`);
  row('  by reason', list(reasonsOf(session, true)));
  for (const note of staleNotes(session)) row('  note', note);
  row('standing', list(reasonsOf(session, false)));
  row('compared', `${comparison.count} decisions with the robot's way in the second after`);
  row('  same direction', `${share(comparison.sameSector, comparison.count)}`);
  row('  or the one beside', `${share(comparison.adjacentSector, comparison.count)}`);
  if (comparison.count > 0) {
    const robot = comparison.robotSpeedSum / comparison.count;
    const command = comparison.commandSpeedSum / comparison.count;
    row('  mean speed', `robot ${robot.toFixed(3)} m/s, command ${command.toFixed(3)} m/s`);
  }
  lines.push('features');
  for (const { name, unit, min, max } of session.features) {
    row(`  ${name}`, min > max ? 'never measured' : `${min.toFixed(3)} … ${max.toFixed(3)} ${unit}`.trimEnd());
  }
  // A foreign file's topics must not reach the terminal as control sequences.
  return `${lines.map((line) => line.replace(/\p{Cc}/gu, '?')).join('\n')}\n`;

  function inputRows(name: string, counts: InputCounts): void {
    const { messages, accepted, stampsBack, stampsRepeated } = counts;
    row(name, `${messages} read, ${accepted} accepted; stamps: ${stampsBack} go back, ${stampsRepeated} repeat`);
    const refused = Object.entries(snakeCase(counts.rejected)).filter(([, count]) => count > 0);
    if (refused.length > 0) row('  rejected', refused.map(([reason, count]) => `${reason} ${count}`).join(', '));
  }
}
