import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { SPEED_MAX, SPEED_MIN } from '../../sim/sim-port.js';
import type { Mode } from '../io/zeromq/protocol/protocol.js';
import type { CurveKeys } from '../io/zeromq/robot/robot-link.js';
import { readPublicCertificate, readSecretCertificate } from '../io/zeromq/socket/certificates.js';
import { learns } from '../loop/configuration.js';
import { addLogOption, addPageOptions, besideArguments } from './beside-options.js';
import { type BesideRun, BesideRuns, type RobotFollowers } from './beside-run.js';
import { besidesOf } from './besides.js';
import {
  Checkpointing,
  type LearnedState,
  NO_PROGRESS,
  type Resumed,
  type RunProgress,
  stateHash,
} from './checkpointing.js';
import { EpisodeTally, type RunFigures, runFigures, runSummary } from './episode-tally.js';
import { FolderClaim } from './folder-claim.js';
import { followHeadless, runHeadless } from './headless-run.js';
import { LiveDisplay, memoryLine, progressLine } from './live-line.js';
import { LiveSession } from './live-session.js';
import { addRunOptions, controlArguments, type Run, type RunOptions, readRun } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { ExitCode, integerArgument, numberArgument, printJson, UsageError } from './usage.js';
import { VirtualSession } from './virtual-session.js';

interface SimCommandOptions extends RunOptions {
  episodes?: number;
  frozen?: boolean;
  port?: 'zeromq' | 'ros2';
  mode?: Mode;
  key?: string;
  watch?: 'zeromq';
  goals?: boolean;
  clock?: boolean;
  speed?: number;
}

/** How often a headless run says how far it is, on a terminal and elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 10_000;

/** `rfsn sim`: the controller drives a robot in the embedded simulator. */
export function registerSimCommand(program: Command, rosArguments: readonly string[] = []): void {
  const command = program.command('sim').description('drive a robot in the embedded simulator, and learn');
  addPageOptions(addLogOption(addRunOptions(command)))
    .option(
      '--episodes <n>',
      'how many; without it until Ctrl-C, and a BARN file once through its worlds',
      integerArgument(1, 1_000_000_000),
    )
    .option('--frozen', 'no learning, no exploration, nothing saved; episodes are numbered from 0')
    .option('--headless', 'on a virtual clock, as fast as it can; without it, in real time')
    .addOption(
      new Option(
        '--port <name>',
        'have a controller in another process drive it: over ZeroMQ (one is started if none is there), or a ROS 2 node',
      ).choices(['zeromq', 'ros2']),
    )
    .addOption(
      new Option(
        '--mode <name>',
        'with --port zeromq: commands at the controller’s own rate, or one for each sense (default: free, headless lockstep)',
      ).choices(['free', 'lockstep']),
    )
    .option('--key <file>', 'with --port zeromq, where the controller has keys: the robot’s NAME.key_secret')
    .addOption(new Option('--watch <name>', 'let peers watch and administer meanwhile').choices(['zeromq']))
    .option('--goals', 'with --port ros2: give it goals, world after world; without it, people do, in one world')
    .option('--clock', 'with --port ros2: publish /clock and stamp with its time, for nodes with use_sim_time')
    .option('--speed <factor>', 'with --clock: simulated seconds a second', numberArgument(SPEED_MIN, SPEED_MAX))
    .addHelpText(
      'after',
      '\nA folder with checkpoints is resumed whatever the seed, and its episodes are counted on. The policies random' +
        '\nand fallback learn nothing and leave the folder alone. Ctrl-C stops the robot, saves and ends; a second one ends at once.' +
        '\nWith --port the robot speaks to zeromq.drive_endpoint; episodes are numbered from 0, and the other process learns and saves.' +
        '\nWith --port ros2 it is the node rfsn_simulator, with contacts as wrenches (contact_type:=wrench); ROS’s own arguments' +
        '\ncome last, after --ros-args. --episodes plays so many of --goals.' +
        '\n--log: `rfsn view`, `rfsn replay`, `rfsn explain`, `rfsn plot` and Foxglove open DIR/latest.mcap. --page says where it is.',
    )
    .action((options: SimCommandOptions) => sim(options, rosArguments));
}

/** One run of `sim`, whichever clock it is on. */
interface Job {
  run: Run;
  frozen: boolean;
  display: LiveDisplay;
  stop: StopRequest;
  tally: EpisodeTally;
  learned: LearnedState | null;
  progress: RunProgress;
  firstEpisode: number;
  episodes: number | null;
  /** Null where nothing is saved. */
  checkpointing: Checkpointing | null;
  /** File that `learned` came from, and the updates that it was learned from. */
  checkpoint: string;
  updates: number;
  beside: readonly BesideRun[];
}

interface JobResult {
  figures: RunFigures;
  /** Why the run could not go on; empty where it could. */
  fault: string;
  /** Whether what was to be saved is on the disk. */
  saved: boolean;
}

async function sim(options: SimCommandOptions, rosArguments: readonly string[]): Promise<void> {
  checkLinkOptions(options);
  checkRosOptions(options, rosArguments);
  const run = readRun(options);
  if (options.port === 'ros2') return simRobot(options, run, rosArguments);
  if (options.port !== undefined) return simRemote(options, run);
  const frozen = options.frozen === true;
  const display = LiveDisplay.beside(options.json === true);
  const stop = new StopRequest();
  let claim: FolderClaim | null = null;
  try {
    for (const note of run.notes) display.message(`note: ${note}`);
    const { list: beside } = await besidesOf({
      control: run,
      asked: options,
      watch: options.watch !== undefined,
      virtual: options.headless === true,
      tell: (text) => display.message(text),
    });
    if (display.isTerminal && options.headless !== true && options.page !== false) {
      if (run.parameters['dashboard.listen'] === '') display.message('no page (--page shows one)');
    }
    const checkpointing = learns(run.parameters) ? Checkpointing.of(run, (text) => display.message(text)) : null;
    const resumed = (await checkpointing?.load()) ?? null;
    if (resumed !== null) display.message(resumed.message);
    if (resumed !== null && frozen) warnOfKnownWorlds(run, resumed, display);
    const learning = checkpointing !== null && !frozen;
    if (learning) claim = new FolderClaim(run.parameters.model_dir, (text) => display.message(text));
    const progress = resumed !== null && learning ? resumed.progress : NO_PROGRESS;
    const job: Job = {
      run,
      frozen,
      display,
      stop,
      tally: new EpisodeTally(),
      learned: resumed?.learned ?? null,
      progress,
      firstEpisode: progress.episodes,
      episodes: options.episodes ?? run.scenario.worldCount,
      checkpointing: learning ? checkpointing : null,
      checkpoint: resumed?.path ?? '',
      updates: resumed?.updates ?? 0,
      beside,
    };
    const { figures, fault, saved } = await (options.headless === true ? simHeadless(job) : simLive(job));
    if (fault !== '') process.stderr.write(`rfsn: ${fault}\n`);
    if (fault !== '' || !saved) process.exitCode = ExitCode.failed;
    if (options.json === true) printJson(figures);
    else process.stdout.write(runSummary(figures));
    // A disk that does not answer must not hold up the end: whoever asked for it was promised seconds.
    if (checkpointing !== null && checkpointing.underWay > 0) process.exit(ExitCode.failed);
  } finally {
    claim?.release();
    stop.dispose();
  }
}

function checkLinkOptions({ port, mode, key, watch, headless, page }: SimCommandOptions): void {
  if (port === undefined && mode !== undefined) throw new UsageError(`--mode ${mode} needs --port zeromq`);
  if (port === undefined && key !== undefined) throw new UsageError('--key needs --port zeromq');
  if (port !== undefined && watch !== undefined) {
    throw new UsageError(`--watch zeromq: the controller that --port ${port} drives by has its watchers; leave it out`);
  }
  if (typeof page === 'string' || page === true) {
    if (headless === true && port === undefined)
      throw new UsageError('--page needs real time, not --headless: nobody could follow it');
  }
  if (watch !== undefined && headless === true) throw new UsageError('--watch zeromq needs real time, not --headless');
  if (mode === 'free' && headless === true) throw new UsageError('--headless is lockstep: --mode free needs real time');
}

/** The controller is another process, told by its own parameters: what is for a controller alone is no use here. */
function checkRosOptions(options: SimCommandOptions, rosArguments: readonly string[]): void {
  if (options.port !== 'ros2') {
    if (rosArguments.length > 0) throw new UsageError('--ros-args is for --port ros2');
    if (options.goals === true) throw new UsageError('--goals needs --port ros2: elsewhere there always are');
    if (options.clock === true) throw new UsageError('--clock needs --port ros2');
    if (options.speed !== undefined) throw new UsageError('--speed needs --port ros2 --clock');
    return;
  }
  if (options.mode !== undefined || options.key !== undefined) {
    throw new UsageError('--mode and --key are for --port zeromq');
  }
  if (options.speed !== undefined && options.clock !== true) {
    throw new UsageError('--speed needs --clock: on the clock of the machine there is one speed');
  }
  if (options.headless === true) throw new UsageError('--headless: with --port ros2 time is paced by --clock --speed');
  const forController = besideArguments(options);
  if (options.frozen === true) forController.push('--frozen');
  if (forController.length > 0) {
    throw new UsageError(`${forController[0]} is for the controller’s node to be told, not for its robot`);
  }
}

/** The simulator as a robot on ROS topics. */
async function simRobot(options: SimCommandOptions, run: Run, rosArguments: readonly string[]): Promise<void> {
  const stop = new StopRequest();
  try {
    const { Ros2RobotSession, ros2RobotSummary } = await import('./ros2-robot-session.js');
    const goals = options.goals === true || options.episodes !== undefined;
    const session = new Ros2RobotSession({
      run,
      goals,
      episodes: goals ? (options.episodes ?? run.scenario.worldCount) : null,
      clock: options.clock === true,
      speed: options.speed ?? 1,
      rosArguments,
      stop,
    });
    const { figures, fault } = await session.drive();
    if (fault !== '') {
      process.stderr.write(`rfsn: ${fault}\n`);
      process.exitCode = ExitCode.failed;
    }
    if (options.json === true) printJson(figures);
    else process.stdout.write(ros2RobotSummary(figures));
  } finally {
    stop.dispose();
  }
}

/** The simulator as a robot of another process's. */
async function simRemote(options: SimCommandOptions, run: Run): Promise<void> {
  const curve = readRobotKeys(options.key, run.parameters['zeromq.keys_dir']);
  const display = LiveDisplay.beside(options.json === true);
  const stop = new StopRequest();
  const headless = options.headless === true;
  try {
    for (const note of run.notes) display.message(`note: ${note}`);
    const { RemoteSession } = await import('./remote-session.js');
    const session = new RemoteSession({
      run,
      mode: options.mode ?? (headless ? 'lockstep' : 'free'),
      headless,
      episodes: options.episodes ?? run.scenario.worldCount,
      controllerArguments: [...controlArguments(options), ...(options.frozen === true ? ['--frozen'] : [])],
      ofController: besideArguments(options).join(' '),
      curve,
      display,
      stop,
    });
    const { figures, fault } = await session.drive();
    if (fault !== '') {
      process.stderr.write(`rfsn: ${fault}\n`);
      process.exitCode = ExitCode.failed;
    }
    if (options.json === true) printJson(figures);
    else process.stdout.write(runSummary(figures));
  } finally {
    stop.dispose();
  }
}

/** @returns null where no keys are used. @throws UsageError, CertificateError */
function readRobotKeys(file: string | undefined, keysDir: string): CurveKeys | null {
  if (file === undefined) {
    if (keysDir === '') return null;
    throw new UsageError('zeromq.keys_dir: a controller with keys admits no robot without: give --key NAME.key_secret');
  }
  if (keysDir === '') throw new UsageError('--key needs the controller’s public key: --set zeromq.keys_dir=DIR');
  const { publicKey, secretKey } = readSecretCertificate(file);
  return { serverKey: readPublicCertificate(join(keysDir, 'server.key')), publicKey, secretKey };
}

/** What was learned by heart proves nothing. */
function warnOfKnownWorlds(run: Run, resumed: Resumed, display: LiveDisplay): void {
  if (run.isBarn || resumed.scenario !== run.scenarioName || resumed.seed !== run.seed) return;
  display.message(`note: it was trained with seed ${run.seed} too; another --seed gives worlds that it never saw`);
}

async function simLive(job: Job): Promise<JobResult> {
  const session = new LiveSession(job);
  const { learned, worldHash, fault, saved } = await session.drive();
  const hash = learned === null ? '' : stateHash(worldHash, learned);
  return { figures: runFigures(job.tally, session.controller.statistics, hash, job.run.isBarn), fault, saved };
}

async function simHeadless(job: Job): Promise<JobResult> {
  const { run, display, stop, tally, progress, firstEpisode, checkpointing } = job;
  const session = await VirtualSession.create({ ...job, ...run });
  const tell = (text: string) => display.message(text);
  const beside = new BesideRuns(job.beside, tell);
  let followers: RobotFollowers | null = null;
  try {
    display.message(memoryLine(session.memory.layout, display.isTerminal));
    followers = await followHeadless({ ...job, command: 'sim', session, beside, tell });
    const told = followers;
    const started = performance.now();
    let painted = started;
    let savedEpisode = firstEpisode === 0 ? -1 : firstEpisode;
    const boundary = await runHeadless({
      ...job,
      session,
      followers: told,
      worldHash: progress.worldHash,
      afterEpisode: async (report, now) => {
        const since = performance.now() - painted;
        if (since > (display.isTerminal ? PAINT_MS : WRITE_MS)) {
          painted = performance.now();
          display.paint(progressLine(tally, report.episode, job.episodes, session.nowNs / (painted - started) / 1e6));
        }
        const due = tally.episodes % run.parameters.save_frequency === 0 || checkpointing?.failure !== '';
        if (checkpointing === null || !due) return;
        if (await checkpointing.save(now.learned, progressAt(progress, now))) {
          savedEpisode = now.episode;
          told.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
        }
      },
    });
    display.close();
    if (stop.requested) display.message(`${stop.reason}: ended, episodes driven: ${tally.episodes}`);
    let saved = true;
    if (checkpointing !== null && savedEpisode !== boundary.episode) {
      saved = await checkpointing.save(boundary.learned, progressAt(progress, boundary));
      if (saved) told.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
    }
    if (checkpointing !== null && saved) display.message(`saved ${checkpointing.savedPath}`);
    const hash = stateHash(boundary.worldHash, boundary.learned);
    return { figures: runFigures(tally, session.loop.statistics, hash, run.isBarn), fault: '', saved };
  } finally {
    await followers?.end();
    await beside.close();
    session.close();
  }
}

function progressAt(before: RunProgress, now: { cycles: number; episode: number; worldHash: number }): RunProgress {
  return { cycles: before.cycles + now.cycles, episodes: now.episode, worldHash: now.worldHash, plan: null };
}
