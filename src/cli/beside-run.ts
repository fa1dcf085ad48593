/**
 * What goes on beside a run and must not cost it anything: the flight log, the page with its metrics, watchers over a link.
 * A run has a list of them. They are opened before anything moves, are shown each robot before it is armed, told what
 * becomes of it, and closed last, after its checkpoint has been written.
 *
 * Main thread. One that fails ends no run: it is told once and left out from there on. Only what was asked for by name and
 * cannot begin ends the run, before anything moves.
 */
import type { EpisodeReport, SimPort } from '../../sim/index.js';
import type { MonotonicClock } from '../core/clock.js';
import type { LearnedParts } from '../loop/controller.js';
import type { ControlStatistics } from '../loop/statistics.js';
import type { ControlMemory } from '../memory/layout.js';
import type { ReadingTap } from '../sense/validating-sink.js';
import type { LearnedState } from './checkpointing.js';
import type { ControllerHost, OperatorOrder } from './controller-host.js';
import type { Control } from './run-options.js';

/** What can be listened to of a controller; `Controller` is one, and so is a session on a virtual clock. */
export interface RunTaps {
  readonly memory: ControlMemory;
  readonly statistics: ControlStatistics;
  /** Every reading that is accepted, as it goes into its slot: views, valid during the call. @returns ends the calls */
  onReading(listener: ReadingTap): () => void;
  /** Every decision, in order; the record is reused. @returns ends the calls */
  onDecision(listener: (record: Float64Array) => void): () => void;
  /** Every explanation, in order; the record is reused. @returns ends the calls */
  onExplanation(listener: (record: Float64Array) => void): () => void;
  /** Every learned state that is taken over, with `DecisionField.restores` of the decisions made on it. @returns as above */
  onRestore(listener: (restores: number, learned: LearnedParts) => void): () => void;
  /** Counted: decisions are explained while anybody wants them to be. */
  explain(on: boolean): void;
}

/** The run's time, and what it was by the calendar. */
export interface RunClock {
  /** On the clock that decisions are scheduled by, `DecisionField.scheduledNs`. Virtual sessions: simulated time. */
  nowNs(): number;
  /** Since 1970: the wall clock at the start, and what has passed since then on this clock. Never goes back. */
  unixNs(clockNs: number): bigint;
}

/** The time of a run that goes by this machine's clocks. */
export function runClockOf(clock: MonotonicClock): RunClock {
  const originNs = BigInt(Date.now()) * 1_000_000n - BigInt(clock.nowNs());
  return { nowNs: () => clock.nowNs(), unixNs: (clockNs) => originNs + BigInt(Math.round(clockNs)) };
}

/** What is driven. */
export interface RobotGeometry {
  /** `jackal`; empty where nobody says. */
  readonly model: string;
  readonly drive: 'differential' | 'omnidirectional';
  /** Rectangle centred on `base_link` [m]. */
  readonly length: number;
  readonly width: number;
}

/** One robot, from its coming to its going, and all that somebody beside it may want to know. */
export interface RunUnderWay {
  /** `sim`, `train` or `run`. */
  readonly command: string;
  /** By which links and pages know it; no two at a time have the same. */
  readonly robot: string;
  readonly geometry: RobotGeometry;
  /** As given: `clutter`, `barn:FILE#3`; empty where the robot is in no world of ours. */
  readonly scenario: string;
  readonly seed: number;
  readonly version: string;
  readonly control: Control;
  /** No learning, no exploration. */
  readonly frozen: boolean;
  /** What the policy begins with; null: nothing learned yet. */
  readonly learned: LearnedState | null;
  /** File that it came from; empty where there is none. */
  readonly checkpoint: string;
  /** Updates that it was learned from. */
  readonly updates: number;
  /** The controller has run before the robot came, so that what it remembers is not on this record. */
  readonly continued: boolean;
  /** Where it is `continued`: it has only waited until now, for no reading has ever reached it. */
  readonly waited: boolean;
  readonly clock: RunClock;
  readonly taps: RunTaps;
  /** The controller and its operator's orders; null on a virtual clock. */
  readonly host: ControllerHost | null;
  /** Carries out an operator's order as the run has it done; throws where it cannot be, on a virtual clock always. */
  order(order: OperatorOrder): void;
  /** Why what was learned can be neither saved nor changed at this moment; empty where it can. */
  busy(): string;
  /** The simulator's time and goals; null where the robot is in another's world, or on a virtual clock. */
  readonly simulator: SimPort | null;
  /** Episodes before the first of this run. */
  readonly firstEpisode: number;
  /** Tells the user something, one line. */
  tell(text: string): void;
}

/** A checkpoint that is on the disk. */
export interface SavedCheckpoint {
  readonly path: string;
  readonly cycles: number;
  readonly updates: number;
  readonly episodes: number;
}

/** One that follows a robot, until the robot goes. What it is told of it may ignore. */
export interface RobotFollower {
  saved?(checkpoint: SavedCheckpoint): void;
  episode?(report: EpisodeReport): void;
  /** The controller cannot go on. */
  fault?(detail: string): void;
  /** The robot is about to brake: orders have no place any more. */
  ending?(): void;
  /** A run on a virtual clock, which can wait, waits for it now and then: nothing need be left out. */
  caughtUp?(): Promise<void>;
  end(): Promise<void>;
}

export interface BesideRun {
  /** In a message: `the flight log`. */
  readonly name: string;
  /** It was asked for by name: a run that cannot have it does not begin. */
  readonly required: boolean;
  /** Before anything moves. @throws Error with a sentence that says what keeps it from beginning */
  open(): Promise<void>;
  /**
   * A robot is there and not armed yet. Its control thread has not begun, unless the run says that it is `continued`: no
   * decision is missed.
   *
   * @throws as `open`
   */
  follow(run: RunUnderWay): Promise<RobotFollower>;
  /** Called last, also where `open` failed. */
  close(): Promise<void>;
}

/** All that goes on beside one run, in the order in which it is told. */
export class BesideRuns {
  readonly #tell: (text: string) => void;
  #opened: BesideRun[];

  constructor(list: readonly BesideRun[], tell: (text: string) => void) {
    this.#opened = [...list];
    this.#tell = tell;
  }

  /** Whether anything is there to be told. */
  get any(): boolean {
    return this.#opened.length > 0;
  }

  /** @throws what keeps one from beginning that was asked for by name; all of them have been closed then */
  async open(): Promise<void> {
    for (const beside of [...this.#opened]) {
      try {
        await beside.open();
      } catch (error) {
        if (beside.required) {
          await this.close();
          throw error;
        }
        this.#failed(beside.name, error);
        this.#opened = this.#opened.filter((other) => other !== beside);
        await this.#guarded(beside.name, () => beside.close());
      }
    }
  }

  /**
   * Shows a robot to all of them.
   *
   * @throws what keeps one from following it that was asked for by name, where the run has not begun yet
   */
  async follow(run: RunUnderWay, begun = false): Promise<RobotFollowers> {
    const followers: { name: string; follower: RobotFollower }[] = [];
    const told = new Set<string>();
    for (const beside of this.#opened) {
      try {
        const taps = new GuardedTaps(run.taps, (error) => tellOnce(beside.name, error, told, this.#tell));
        followers.push({ name: beside.name, follower: await beside.follow({ ...run, taps }) });
      } catch (error) {
        if (beside.required && !begun) {
          await new RobotFollowers(followers, told, this.#tell).end();
          throw error;
        }
        this.#failed(beside.name, error);
      }
    }
    return new RobotFollowers(followers, told, this.#tell);
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = [];
    for (const beside of opened) await this.#guarded(beside.name, () => beside.close());
  }

  async #guarded(name: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #failed(name: string, error: unknown): void {
    this.#tell(`${name}: ${messageOf(error)}; the run goes on without it`);
  }
}

/** Taps whose listeners may throw: the run that calls them does not hear of it. */
class GuardedTaps implements RunTaps {
  readonly memory: ControlMemory;
  readonly statistics: ControlStatistics;
  readonly #taps: RunTaps;
  readonly #failed: (error: unknown) => void;

  constructor(taps: RunTaps, failed: (error: unknown) => void) {
    this.memory = taps.memory;
    this.statistics = taps.statistics;
    this.#taps = taps;
    this.#failed = failed;
  }

  onReading(listener: ReadingTap): () => void {
    return this.#taps.onReading((input, doubles, beams) => {
      try {
        listener(input, doubles, beams);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  onDecision(listener: (record: Float64Array) => void): () => void {
    return this.#taps.onDecision(this.#guarded(listener));
  }

  onExplanation(listener: (record: Float64Array) => void): () => void {
    return this.#taps.onExplanation(this.#guarded(listener));
  }

  onRestore(listener: (restores: number, learned: LearnedParts) => void): () => void {
    return this.#taps.onRestore((restores, learned) => {
      try {
        listener(restores, learned);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  explain(on: boolean): void {
    this.#taps.explain(on);
  }

  #guarded(listener: (record: Float64Array) => void): (record: Float64Array) => void {
    return (record) => {
      try {
        listener(record);
      } catch (error) {
        this.#failed(error);
      }
    };
  }
}

/** All that follow one robot. Nothing here throws. */
export class RobotFollowers {
  readonly #followers: readonly { readonly name: string; readonly follower: RobotFollower }[];
  readonly #tell: (text: string) => void;
  readonly #told: Set<string>;
  #ended = false;

  /** @param told names of those that have failed once, and whose failures are told no more */
  constructor(
    followers: readonly { readonly name: string; readonly follower: RobotFollower }[],
    told: Set<string>,
    tell: (text: string) => void,
  ) {
    this.#followers = followers;
    this.#told = told;
    this.#tell = tell;
  }

  saved(checkpoint: SavedCheckpoint): void {
    this.#each((follower) => follower.saved?.(checkpoint));
  }

  episode(report: EpisodeReport): void {
    this.#each((follower) => follower.episode?.(report));
  }

  fault(detail: string): void {
    this.#each((follower) => follower.fault?.(detail));
  }

  ending(): void {
    this.#each((follower) => follower.ending?.());
  }

  async caughtUp(): Promise<void> {
    for (const { name, follower } of this.#followers) await this.#guarded(name, () => follower.caughtUp?.());
  }

  /** Once; later calls do nothing. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const { name, follower } of this.#followers) await this.#guarded(name, () => follower.end());
  }

  async #guarded(name: string, body: () => Promise<void> | undefined): Promise<void> {
    try {
      await body();
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #each(call: (follower: RobotFollower) => void): void {
    if (this.#ended) return;
    for (const { name, follower } of this.#followers) {
      try {
        call(follower);
      } catch (error) {
        this.#failed(name, error);
      }
    }
  }

  #failed(name: string, error: unknown): void {
    tellOnce(name, error, this.#told, this.#tell);
  }
}

function tellOnce(name: string, error: unknown, told: Set<string>, tell: (text: string) => void): void {
  if (told.has(name)) return;
  told.add(name);
  tell(`${name}: ${messageOf(error)}; the run goes on, and this is told once`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
