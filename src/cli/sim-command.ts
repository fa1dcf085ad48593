import type { Command } from 'commander';
import { learns } from '../loop/configuration.js';
import {
  Checkpointing,
  type LearnedState,
  NO_PROGRESS,
  type Resumed,
  type RunProgress,
  stateHash,
} from './checkpointing.js';
import { EpisodeTally, type RunFigures, runFigures, runSummary } from './episode-tally.js';
import { runHeadless } from './headless-run.js';
import { LiveDisplay, memoryLine, progressLine } from './live-line.js';
import { LiveSession } from './live-session.js';
import { addRunOptions, type Run, type RunOptions, readRun } from './run-options.js';
import { StopRequest } from './stop-request.js';
import { ExitCode, integerArgument, printJson } from './usage.js';
import { VirtualSession } from './virtual-session.js';

interface SimCommandOptions extends RunOptions {
  episodes?: number;
  frozen?: boolean;
}

/** How often a headless run says how far it is, on a terminal and elsewhere [ms]. */
const PAINT_MS = 250;
const WRITE_MS = 10_000;

/** `rfsn sim`: the controller drives a robot in the embedded simulator. */
export function registerSimCommand(program: Command): void {
  const command = program.command('sim').description('drive a robot in the embedded simulator, and learn');
  addRunOptions(command)
    .option(
      '--episodes <n>',
      'how many; without it until Ctrl-C, and a BARN file once through its worlds',
      integerArgument(1, 1_000_000_000),
    )
    .option('--frozen', 'no learning, no exploration, nothing saved; episodes are numbered from 0')
    .option('--headless', 'on a virtual clock, as fast as it can; without it, in real time')
    .addHelpText(
      'after',
      '\nA folder with checkpoints is resumed whatever the seed, and its episodes are counted on. The policies random' +
        '\nand fallback learn nothing and leave the folder alone. Ctrl-C stops the robot, saves and ends; a second one ends at once.',
    )
    .action(sim);
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
}

interface JobResult {
  figures: RunFigures;
  /** Why the run could not go on; empty where it could. */
  fault: string;
  /** Whether what was to be saved is on the disk. */
  saved: boolean;
}

async function sim(options: SimCommandOptions): Promise<void> {
  const run = readRun(options);
  const frozen = options.frozen === true;
  const display = LiveDisplay.beside(options.json === true);
  const stop = new StopRequest();
  try {
    for (const note of run.notes) display.message(`note: ${note}`);
    const checkpointing = learns(run.parameters) ? Checkpointing.of(run, (text) => display.message(text)) : null;
    const resumed = (await checkpointing?.load()) ?? null;
    if (resumed !== null) display.message(resumed.message);
    if (resumed !== null && frozen) warnOfKnownWorlds(run, resumed, display);
    const learning = checkpointing !== null && !frozen;
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
    };
    const { figures, fault, saved } = await (options.headless === true ? simHeadless(job) : simLive(job));
    if (fault !== '') process.stderr.write(`rfsn: ${fault}\n`);
    if (fault !== '' || !saved) process.exitCode = ExitCode.failed;
    if (options.json === true) printJson(figures);
    else process.stdout.write(runSummary(figures));
    // A disk that does not answer must not hold up the end: whoever asked for it was promised seconds.
    if (checkpointing !== null && checkpointing.underWay > 0) process.exit(ExitCode.failed);
  } finally {
    stop.dispose();
  }
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
  try {
    display.message(memoryLine(session.memory.layout));
    const started = performance.now();
    let painted = started;
    let savedEpisode = firstEpisode === 0 ? -1 : firstEpisode;
    const boundary = await runHeadless({
      ...job,
      session,
      worldHash: progress.worldHash,
      afterEpisode: async (report, now) => {
        const since = performance.now() - painted;
        if (since > (display.isTerminal ? PAINT_MS : WRITE_MS)) {
          painted = performance.now();
          display.paint(progressLine(tally, report.episode, job.episodes, session.nowNs / (painted - started) / 1e6));
        }
        const due = tally.episodes % run.parameters.save_frequency === 0 || checkpointing?.failure !== '';
        if (checkpointing === null || !due) return;
        if (await checkpointing.save(now.learned, progressAt(progress, now))) savedEpisode = now.episode;
      },
    });
    display.close();
    if (stop.requested) display.message(`${stop.reason}: ended, episodes driven: ${tally.episodes}`);
    let saved = true;
    if (checkpointing !== null && savedEpisode !== boundary.episode) {
      saved = await checkpointing.save(boundary.learned, progressAt(progress, boundary));
    }
    if (checkpointing !== null && saved) display.message(`saved ${checkpointing.savedPath}`);
    const hash = stateHash(boundary.worldHash, boundary.learned);
    return { figures: runFigures(tally, session.loop.statistics, hash, run.isBarn), fault: '', saved };
  } finally {
    session.close();
  }
}

function progressAt(before: RunProgress, now: { cycles: number; episode: number; worldHash: number }): RunProgress {
  return { cycles: before.cycles + now.cycles, episodes: now.episode, worldHash: now.worldHash, plan: null };
}
