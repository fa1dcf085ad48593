import { SingleBar } from 'cli-progress';
import { type Command, Option } from 'commander';
import type { EpisodeReport } from '../../sim/index.js';
import { learns } from '../loop/configuration.js';
import { Counter } from '../loop/statistics.js';
import type { Policy } from '../policy/policy.js';
import { addLogOption } from './beside-options.js';
import { BesideRuns, type RobotFollowers } from './beside-run.js';
import { besidesOf } from './besides.js';
import { Checkpointing, type EpisodePlan, NO_PROGRESS, type Resumed, stateHash } from './checkpointing.js';
import { EpisodeTally, OUTCOME_NAMES, runFigures, runSummary } from './episode-tally.js';
import { FolderClaim } from './folder-claim.js';
import { type Boundary, followHeadless, runHeadless } from './headless-run.js';
import { HistoryFile } from './history-file.js';
import { LiveDisplay, memoryLine, progressLine, recentText } from './live-line.js';
import { RateSchedule, SCHEDULE_KINDS, type ScheduleKind } from './rate-schedule.js';
import { addRunOptions, type Run, type RunOptions, readRun } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { ExitCode, integerArgument, numberArgument, printJson, UsageError } from './usage.js';
import { VirtualSession } from './virtual-session.js';

interface TrainCommandOptions extends RunOptions {
  episodes?: number;
  learningRateSchedule: ScheduleKind;
  learningRateEnd?: number;
  epsilonSchedule: ScheduleKind;
  epsilonEnd?: number;
  history?: string;
}

const DEFAULT_EPISODES = 300;
/** Without a terminal, how often a line says how far it is [ms]. */
const WRITE_MS = 10_000;

/** `rfsn train`: episodes on the virtual clock until the policy has had as many as asked for. */
export function registerTrainCommand(program: Command): void {
  const command = program.command('train').description('train the policy in the simulator, as fast as the machine can');
  addLogOption(addRunOptions(command))
    .option(
      '--episodes <n>',
      `how many more (default: ${DEFAULT_EPISODES}, or what an interrupted training left)`,
      integerArgument(1, 1_000_000_000),
    )
    .addOption(
      new Option(
        '--learning-rate-schedule <kind>',
        'how the rate of gradient descent (--policy bandit) goes from learning_rate to its end',
      )
        .choices(SCHEDULE_KINDS)
        .default('constant'),
    )
    .option('--learning-rate-end <eta>', 'where it ends (default: a tenth of the start)', numberArgument(0, 10))
    .addOption(
      new Option('--epsilon-schedule <kind>', 'how exploration goes from epsilon to its end')
        .choices(SCHEDULE_KINDS)
        .default('constant'),
    )
    .option('--epsilon-end <share>', 'where it ends (default: a tenth of the start)', numberArgument(0, 1))
    .option('--history <file>', 'write one line of JSON for each episode')
    .option('--headless', 'always so in training')
    .addHelpText(
      'after',
      '\nCtrl-C saves the state after the last whole episode and ends. The same command then goes on where that was and' +
        '\nends with the same bits as a training that was never interrupted.',
    )
    .action(train);
}

async function train(options: TrainCommandOptions): Promise<void> {
  const run = readRun(options);
  if (!learns(run.parameters)) throw new UsageError(`--policy ${run.parameters.policy} learns nothing`);
  const schedules = readSchedules(run, options);
  const display = LiveDisplay.beside(options.json === true);
  const stop = new StopRequest();
  const claim = new FolderClaim(run.parameters.model_dir, (text) => display.message(text));
  try {
    for (const note of run.notes) display.message(`note: ${note}`);
    const tell = (text: string) => display.message(text);
    const { list: besides } = await besidesOf({ control: run, asked: options, virtual: true, tell });
    const checkpointing = Checkpointing.of(run, (text) => display.message(text));
    const resumed = await checkpointing.load();
    if (resumed !== null) display.message(resumed.message);
    const progress = resumed?.progress ?? NO_PROGRESS;
    const plan = planOf(run, options.episodes, resumed);
    const firstEpisode = progress.episodes;
    const episodes = plan.firstEpisode + plan.episodes - firstEpisode;
    if (episodes < plan.episodes) {
      display.message(`goes on with a training of ${plan.episodes} episodes, of which ${episodes} are left`);
    }
    const history = options.history === undefined ? null : new HistoryFile(options.history, firstEpisode);
    const session = await VirtualSession.create({
      ...run,
      learned: resumed?.learned ?? null,
      frozen: false,
    });
    const beside = new BesideRuns(besides, tell);
    const policy = session.loop.policy;
    const setRates = rateSetter(policy, schedules);
    display.message(memoryLine(session.memory.layout, display.isTerminal));

    let followers: RobotFollowers;
    try {
      followers = await followHeadless({
        ...{ command: 'train', run, frozen: false, firstEpisode, session, beside, tell },
        learned: resumed?.learned ?? null,
        checkpoint: resumed?.path ?? '',
        updates: resumed?.updates ?? 0,
      });
    } catch (error) {
      session.close();
      throw error;
    }
    if (beside.any && (schedules.learningRate.kind !== 'constant' || schedules.epsilon.kind !== 'constant')) {
      display.message('note: rates that follow a schedule are in no record: `rfsn replay` cannot repeat this log');
    }

    const tally = new EpisodeTally();
    const bar = process.stderr.isTTY
      ? new SingleBar({
          format: 'train {bar} {value}/{total} | {recent} | {eta_formatted} left',
          barsize: 20,
          stream: process.stderr,
          hideCursor: true,
          // Signals are the run's: the bar would end the process without saving.
          gracefulExit: false,
        })
      : null;
    bar?.start(episodes, 0, { recent: recentText(tally) });
    const started = performance.now();
    let written = started;
    let savedEpisode = -1;
    let historyFailure = '';
    let cyclesBefore = 0;
    let interventionsBefore = 0;
    const save = async (now: Boundary) => {
      const done = { cycles: progress.cycles + now.cycles, episodes: now.episode, worldHash: now.worldHash, plan };
      if (!(await checkpointing.save(now.learned, done))) return;
      savedEpisode = now.episode;
      followers.saved({ path: checkpointing.savedPath, ...checkpointing.savedProgress });
    };

    const afterEpisode = async (report: EpisodeReport, now: Boundary, rewardMean: number) => {
      const { statistics } = session.loop;
      const cycles = statistics.counters[Counter.cycles];
      const interventions = statistics.interventionCount;
      const stats = policy.stats();
      try {
        history?.append({
          episode: report.episode,
          outcome: OUTCOME_NAMES[report.outcome],
          at_fault: report.atFault,
          time_s: report.episodeTimeS,
          time_to_goal_s: report.timeToGoalS,
          reward: Number.isNaN(rewardMean) ? null : rewardMean,
          minimum_clearance_m: report.minimumClearance,
          cycles: cycles - cyclesBefore,
          safety_interventions: interventions - interventionsBefore,
          epsilon: stats.epsilon,
          learning_rate: stats.learningRate,
          updates: stats.updates,
          drift_alarms: stats.driftAlarms,
          ...(run.isBarn ? { barn_world: report.barnWorld, barn_score: report.barnScore } : {}),
        });
      } catch (error) {
        if (historyFailure === '') display.message(`history failed: ${(error as Error).message}`);
        historyFailure = (error as Error).message;
      }
      cyclesBefore = cycles;
      interventionsBefore = interventions;
      const nowMs = performance.now();
      if (bar !== null) bar.update(tally.episodes, { recent: recentText(tally) });
      else if (nowMs - written > WRITE_MS) {
        written = nowMs;
        display.message(progressLine(tally, report.episode, episodes, session.nowNs / (nowMs - started) / 1e6));
      }
      const due = tally.episodes % run.parameters.save_frequency === 0 || checkpointing.failure !== '';
      if (due) await save(now);
    };

    let boundary: Boundary;
    try {
      boundary = await runHeadless({
        session,
        followers,
        tally,
        stop,
        firstEpisode,
        episodes,
        worldHash: progress.worldHash,
        beforeEpisode: (episode) => {
          setRates(episode - plan.firstEpisode, plan.episodes);
        },
        afterEpisode,
      });
      bar?.stop();
      if (savedEpisode !== boundary.episode) await save(boundary);
    } finally {
      bar?.stop();
      await followers.end();
      await beside.close();
      session.close();
    }
    if (stop.requested) {
      const left = episodes - tally.episodes;
      display.message(`${stop.reason}: interrupted, episodes left: ${left}; the same command goes on with them`);
    }
    if (savedEpisode === boundary.episode) display.message(`saved ${checkpointing.savedPath}`);
    if (savedEpisode !== boundary.episode || historyFailure !== '') process.exitCode = ExitCode.failed;
    const hash = stateHash(boundary.worldHash, boundary.learned);
    const figures = {
      ...runFigures(tally, session.loop.statistics, hash, run.isBarn),
      episodes_total: boundary.episode,
    };
    if (options.json === true) printJson(figures);
    else process.stdout.write(runSummary(figures));
  } finally {
    claim.release();
    stop.dispose();
  }
}

/**
 * What gives a policy its rates before an episode; those that stay as the parameters say are left alone.
 *
 * @throws UsageError where a rate is to change that the policy does not have
 */
function rateSetter(policy: Policy, schedules: ReturnType<typeof readSchedules>): (index: number, of: number) => void {
  const rates = policy as Policy & { learningRate?: number; epsilon?: number };
  for (const [flag, name, kind] of [
    ['--learning-rate-schedule', 'learningRate', schedules.learningRate.kind],
    ['--epsilon-schedule', 'epsilon', schedules.epsilon.kind],
  ] as const) {
    if (kind !== 'constant' && rates[name] === undefined) {
      throw new UsageError(`${flag} ${kind}: the policy ${policy.name} has no such rate`);
    }
  }
  return (index, of) => {
    if (schedules.learningRate.kind !== 'constant') rates.learningRate = schedules.learningRate.at(index, of);
    if (schedules.epsilon.kind !== 'constant') rates.epsilon = schedules.epsilon.at(index, of);
  };
}

/** The rates over the training. @throws UsageError where two flags contradict each other */
function readSchedules(run: Run, options: TrainCommandOptions): { learningRate: RateSchedule; epsilon: RateSchedule } {
  const { learning_rate, epsilon, epsilon_decay_steps } = run.parameters;
  if (options.epsilonSchedule !== 'constant' && epsilon_decay_steps > 0) {
    throw new UsageError('--epsilon-schedule and epsilon_decay_steps both say where epsilon goes; give one of them');
  }
  return {
    learningRate: new RateSchedule(
      '--learning-rate',
      options.learningRateSchedule,
      learning_rate,
      options.learningRateEnd,
    ),
    epsilon: new RateSchedule('--epsilon', options.epsilonSchedule, epsilon, options.epsilonEnd),
  };
}

/**
 * The episodes that the rates' schedules span. A training that was interrupted goes on as planned when it is asked for
 * the same again, or for no number at all; otherwise a new plan begins with the next episode.
 */
function planOf(run: Run, episodes: number | undefined, resumed: Resumed | null): EpisodePlan {
  const done = resumed?.progress.episodes ?? 0;
  const plan = resumed?.progress.plan ?? null;
  const left = plan === null ? 0 : plan.firstEpisode + plan.episodes - done;
  const same =
    resumed !== null &&
    resumed.seed === run.seed &&
    resumed.scenario === run.scenarioName &&
    (episodes === undefined || episodes === plan?.episodes);
  if (plan !== null && left > 0 && same) return plan;
  return { firstEpisode: done, episodes: episodes ?? DEFAULT_EPISODES };
}
