/**
 * The flight log beside a run: `--log`. One for each robot, from its coming to its going; what it holds is in
 * `src/telemetry/flight-log`, this joins it to a run. Main thread.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import type { EpisodeReport } from '../../sim/index.js';
import { CHECKPOINT_FORMAT_VERSION } from '../checkpoint/format.js';
import { Counter } from '../loop/statistics.js';
import { DecisionField, TUNING_DOUBLES } from '../memory/layout.js';
import type { ParameterValues } from '../parameters/schema.js';
import { EpisodeAccount } from '../telemetry/episode-account.js';
import { FlightLog } from '../telemetry/flight-log/flight-log.js';
import { makeFolder } from '../telemetry/flight-log/part-folder.js';
import { type EpisodeOutcome, STATE_NAMES } from '../telemetry/flight-log/topics.js';
import type { BesideRun, RobotFollower, RunUnderWay, SavedCheckpoint } from './beside-run.js';
import { OUTCOME_NAMES } from './episode-tally.js';
import { WAITED_KEY } from './flight-repeat.js';

/** The state is logged so often, and when it changes [ns]. */
const STATE_NS = 1e9;
/** How often it is looked at where no decision comes [ms]. */
const LOOK_MS = 250;
/** For so long a run that has not begun waits for the first file [ms]. */
const OPEN_BOUND_MS = 30_000;
/** A robot that waits to be welcomed waits for so long; its log then begins without a file [ms]. */
const WELCOME_BOUND_MS = 1000;

export interface RunLogOptions {
  /** `log.dir` is not empty. */
  readonly parameters: ParameterValues;
  /** A robot's log begins; null: it has ended. */
  shown?(robot: string, log: FlightLog | null): void;
  /** Tells of a disk that fails, one line; absent: the run's `tell` does. */
  warn?(text: string): void;
}

export class RunLog implements BesideRun {
  readonly name = 'flight log';
  /** A folder is named for it and for nothing else. */
  readonly required = true;
  readonly #options: RunLogOptions;
  readonly #parameters: ParameterValues;
  readonly #logs = new Set<FlightLog>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: RunLogOptions) {
    this.#options = options;
    this.#parameters = options.parameters;
  }

  /** Where it is written: the file, or the folder where there are several or the disk takes none; empty while there is no robot. */
  get path(): string {
    const [log, ...others] = this.#logs;
    if (log === undefined) return '';
    return others.length === 0 && log.file !== '' ? log.file : log.folder;
  }

  /** Messages that the logs under way lost. */
  get lost(): number {
    let lost = 0;
    for (const log of this.#logs) lost += log.lost;
    return lost;
  }

  async open(): Promise<void> {
    const folder = this.#parameters['log.dir'];
    try {
      await makeFolder(folder);
      await access(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new Error(`no flight log can be written to ${folder}: ${(error as Error).message}`);
    }
  }

  async follow(run: RunUnderWay): Promise<RobotFollower> {
    const log = await this.#begin(run);
    this.#logs.add(log);
    this.#options.shown?.(run.robot, log);
    run.tell(`flight log   ${log.file || log.folder}`);
    const follower = new LogFollower(log, run, this.#parameters['log.explanations']);
    return {
      saved: (checkpoint) => follower.saved(checkpoint),
      episode: (report) => follower.episode(report),
      fault: () => follower.look(true),
      caughtUp: () => log.caughtUp(),
      end: () => {
        const path = log.file || log.folder;
        const ended = follower.end().finally(() => {
          this.#closing.delete(ended);
          this.#logs.delete(log);
          this.#options.shown?.(run.robot, null);
          run.tell(endLine(path, log));
        });
        this.#closing.add(ended);
        return ended;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing);
  }

  async #begin(run: RunUnderWay): Promise<FlightLog> {
    const folder = this.#parameters['log.dir'];
    const { parameters } = run.control;
    const { learned } = run;
    const what = run.command === 'run' ? `run-${run.robot}` : run.command;
    try {
      return await FlightLog.open(folder, {
        what,
        clock: run.clock,
        library: `rfsn-controller ${run.version}`,
        policy: parameters.policy,
        metadata: metadataOf(run),
        learned:
          learned === null ? null : { data: Buffer.concat([learned.policy, learned.scaler]), file: run.checkpoint },
        firstCycle: run.host?.controller.cycles ?? 0,
        maxFileBytes: parameters['log.max_file_bytes'],
        maxFiles: parameters['log.max_files'],
        queueBytes: parameters['log.queue_bytes'],
        openBoundMs: run.continued ? WELCOME_BOUND_MS : OPEN_BOUND_MS,
        mayBeginLate: run.continued,
        tell: this.#options.warn ?? ((text) => run.tell(text)),
      });
    } catch (error) {
      throw new Error(`no flight log can be written to ${folder}: ${(error as Error).message}`);
    }
  }
}

/** Hands on what a run tells of one robot. */
class LogFollower {
  readonly #log: FlightLog;
  readonly #run: RunUnderWay;
  readonly #explains: boolean;
  readonly #account = new EpisodeAccount();
  readonly #unsubscribe: (() => void)[];
  readonly #timer: NodeJS.Timeout | null;
  #tunings = Number.NaN;
  /** When the state was logged last, and what of it would be worth another. */
  #stateNs = Number.NEGATIVE_INFINITY;
  #stateKey = Number.NaN;

  constructor(log: FlightLog, run: RunUnderWay, explains: boolean) {
    const { taps, host } = run;
    this.#log = log;
    this.#run = run;
    this.#explains = explains;
    this.#unsubscribe = [
      taps.onReading((input, doubles, beams) => log.reading(input, doubles, beams)),
      taps.onDecision((record) => this.#decision(record)),
      taps.onExplanation((record) => log.explanation(record)),
      taps.onRestore((restores, learned) => log.restore(restores, host?.restoredFile ?? '', learned)),
    ];
    if (explains) taps.explain(true);
    // A thread that makes no decisions is worth a record too; on a virtual clock there is none.
    this.#timer = host === null ? null : setInterval(() => this.look(false), LOOK_MS);
    if (run.checkpoint !== '') {
      const { updates, firstEpisode } = run;
      const file = basename(run.checkpoint);
      log.checkpoint({
        event: 'resumed',
        ...{ file, updates, episodes: firstEpisode, cycles: 0, formatVersion: CHECKPOINT_FORMAT_VERSION },
      });
    }
    this.look(true);
  }

  saved({ path, updates, cycles, episodes }: SavedCheckpoint): void {
    const file = basename(path);
    this.#log.checkpoint({ event: 'saved', file, updates, cycles, episodes, formatVersion: CHECKPOINT_FORMAT_VERSION });
  }

  episode(report: EpisodeReport): void {
    const { episode, atFault, episodeTimeS, barnScore, redirected } = report;
    this.#log.episode({
      ...this.#account.endEpisode(),
      ...{ episode, atFault, redirected, timeS: episodeTimeS },
      outcome: OUTCOME_NAMES[report.outcome] as EpisodeOutcome,
      barnScore: barnScore ?? Number.NaN,
    });
  }

  /** Logs the state if it has changed, or a second has passed. @param anyway whether or not */
  look(anyway: boolean): void {
    const { host, taps, clock, updates } = this.#run;
    const { counters, interventionCount } = taps.statistics;
    const state = host?.controller.state ?? 'running';
    const fault = host?.controller.fault ?? '';
    const armed = host?.armed ?? true;
    const halted = host?.halted ?? false;
    const frozen = host?.frozen ?? this.#run.frozen;
    const breakerOpen = counters[Counter.breakerOpen] === 1;
    const key =
      (armed ? 1 : 0) + (halted ? 2 : 0) + (frozen ? 4 : 0) + (breakerOpen ? 8 : 0) + 16 * STATE_NAMES.indexOf(state);
    const nowNs = clock.nowNs();
    if (!anyway && key === this.#stateKey && nowNs >= this.#stateNs && nowNs - this.#stateNs < STATE_NS) return;
    this.#stateKey = key;
    this.#stateNs = nowNs;
    this.#log.state({
      ...{ state, fault, armed, halted, frozen, breakerOpen },
      breakerOpenings: counters[Counter.breakerOpenings],
      cycles: counters[Counter.cycles],
      updates: host?.updates ?? updates + counters[Counter.learned],
      missesLate: counters[Counter.missesWokenLate],
      missesLong: counters[Counter.missesComputedLong],
      interventions: interventionCount,
      driftAlarms: counters[Counter.driftAlarms],
      decisionsLost: taps.memory.decisions.droppedCount,
    });
  }

  async end(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#explains) this.#run.taps.explain(false);
    for (const end of this.#unsubscribe) end();
    this.look(true);
    await this.#log.close();
  }

  #decision(record: Float64Array): void {
    const tunings = record[DecisionField.tunings];
    if (tunings !== this.#tunings) {
      // What it began with is in the parameters, unless it has been changed before.
      if (tunings > 0)
        this.#log.tuning(tunings, record.slice(DecisionField.maxSpeed, DecisionField.maxSpeed + TUNING_DOUBLES));
      this.#tunings = tunings;
    }
    this.#log.decision(record);
    this.#account.decision(record);
    this.look(false);
  }
}

/** What a reader should know of a run, beside what the log says itself. */
function metadataOf(run: RunUnderWay): Record<string, string> {
  const { command, robot, geometry, scenario, seed, version, control, frozen, updates, firstEpisode } = run;
  return {
    node: 'rfsn_controller',
    ...{ version, command, robot, scenario },
    robot_model: geometry.model,
    seed: String(seed),
    frozen: String(frozen),
    updates: String(updates),
    first_episode: String(firstEpisode),
    [WAITED_KEY]: String(run.waited),
    parameters: JSON.stringify(control.parameters),
  };
}

function endLine(path: string, log: FlightLog): string {
  const { written, parts, bytes } = log.counters;
  const files = parts === 1 ? '' : `, the last of ${parts} files`;
  const lost = log.lost === 0 ? '' : `; ${log.lost} messages are missing`;
  return `flight log   ${path}${files}: ${written} messages, ${(bytes / 1e6).toFixed(1)} MB${lost}`;
}
