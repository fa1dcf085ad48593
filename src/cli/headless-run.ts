/**
 * Episodes on the virtual clock, one after another: `train`, and `sim --headless`. What is kept of a run is its state
 * between two episodes: an episode that a signal cut short is as if it had never begun, so that an interrupted run that
 * is resumed ends with the same bits as one that was not.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { EpisodeReport } from '../../sim/index.js';
import { LOCAL_ROBOT } from '../io/zeromq/protocol/protocol.js';
import { Counter } from '../loop/statistics.js';
import type { BesideRuns, RobotFollowers } from './beside-run.js';
import { chainWorldHash, type LearnedState } from './checkpointing.js';
import type { EpisodeTally } from './episode-tally.js';
import { packageVersion } from './package-version.js';
import { geometryOf, type Run } from './run-options.js';
import type { StopRequest } from './stop-request.js';
import type { VirtualSession } from './virtual-session.js';

/** Cycles between two looks at signals: some 50 ms; less than the decision ring holds, which is read as often. */
const CYCLES_AT_ONCE = 500;

/** A run between two episodes. */
export interface Boundary {
  readonly learned: LearnedState;
  /** Cycles of this run. */
  readonly cycles: number;
  /** The number of the next episode. */
  readonly episode: number;
  readonly worldHash: number;
}

export interface HeadlessRun {
  session: VirtualSession;
  tally: EpisodeTally;
  stop: StopRequest;
  firstEpisode: number;
  /** Null: until told to stop. */
  episodes: number | null;
  /** Where the hash over the simulator's states begins: 0, or that of a resumed run. */
  worldHash: number;
  /** What goes on beside it. */
  followers?: RobotFollowers;
  beforeEpisode?: (episode: number) => void;
  /** Called with the tally brought up to date. @param rewardMean of a decision in the episode; NaN where there is none */
  afterEpisode?: (report: EpisodeReport, boundary: Boundary, rewardMean: number) => Promise<void>;
}

/** A run on the virtual clock, and how those beside it are to know it. */
export interface HeadlessBeside {
  command: string;
  run: Run;
  frozen: boolean;
  learned: LearnedState | null;
  /** File that it came from, and the updates that it was learned from. */
  checkpoint: string;
  updates: number;
  firstEpisode: number;
  session: VirtualSession;
  beside: BesideRuns;
  tell: (text: string) => void;
}

/** Opens what goes on beside a run on the virtual clock, and shows it the robot. @throws what one needs that was asked for */
export async function followHeadless(of: HeadlessBeside): Promise<RobotFollowers> {
  const { command, run, frozen, learned, checkpoint, updates, firstEpisode, session, beside, tell } = of;
  await beside.open();
  return beside.follow({
    ...{ command, frozen, learned, checkpoint, updates, firstEpisode, tell },
    robot: LOCAL_ROBOT,
    geometry: geometryOf(run.parameters, run.robot.name),
    scenario: run.scenarioName,
    seed: run.seed,
    version: packageVersion(),
    control: run,
    continued: false,
    waited: false,
    clock: session.clock,
    taps: session,
    host: null,
    order: () => {
      throw new Error('a run on a virtual clock takes no orders');
    },
    busy: () => 'a run on a virtual clock takes no orders',
    simulator: null,
  });
}

/** @returns the state after the last whole episode */
export async function runHeadless(run: HeadlessRun): Promise<Boundary> {
  const endDecisions = run.session.onDecision((record) => run.tally.decision(record));
  try {
    return await drive(run);
  } finally {
    endDecisions();
  }
}

async function drive(run: HeadlessRun): Promise<Boundary> {
  const { session, tally, stop, followers } = run;
  let boundary = boundaryOf(session, run.firstEpisode, run.worldHash);
  for (let i = 0; (run.episodes === null || i < run.episodes) && !stop.requested; i++) {
    const episode = run.firstEpisode + i;
    await session.renew();
    run.beforeEpisode?.(episode);
    session.startEpisode(episode);
    for (let running = true; running; ) {
      running = session.advance(CYCLES_AT_ONCE);
      await turn();
      await followers?.caughtUp();
      if (running && stop.requested) return boundary;
    }
    const report = session.simulator.report();
    const rewardMean = tally.episodeRewardSum / tally.episodeRewardCount;
    tally.episode(report);
    followers?.episode(report);
    boundary = boundaryOf(session, episode + 1, chainWorldHash(boundary.worldHash, session.simulator));
    await run.afterEpisode?.(report, boundary, rewardMean);
  }
  return boundary;
}

function boundaryOf(session: VirtualSession, episode: number, worldHash: number): Boundary {
  const { loop } = session;
  return {
    learned: { policy: loop.policy.exportState(), scaler: loop.exportScaler() },
    cycles: loop.statistics.counters[Counter.cycles],
    episode,
    worldHash,
  };
}
