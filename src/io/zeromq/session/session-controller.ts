/**
 * What the link needs of a controller, and nothing of how it is made: `src/cli` joins the two. Everything is called on
 * the main thread.
 */
import type { CommandSource, ObservationSink } from '../../port.js';
import type { LimitsTuple } from '../protocol/protocol.js';

/** The controller behind one session. Its memory is laid out, and its control thread runs, before any robot comes. */
export interface SessionController {
  readonly observations: ObservationSink;
  readonly commands: CommandSource;
  /** The controller's monotonic clock [ns]. */
  nowNs(): number;
  /**
   * A robot takes the session: what `name` has learned is loaded, and nothing of the robot before is left.
   *
   * @returns what the welcome says; `max` where it is not what the parameters say at the start
   * @throws Error whose message becomes the reason of a `refused`
   */
  begin(name: string): Promise<{ policy: string; updates: number; max?: LimitsTuple }>;
  /** Updates that the policy has learned from by now; where absent, a session that goes on is told those of `begin`. */
  updates?(): number;
  /** The session is over: the robot is disarmed, what was learned is saved. Never rejects. */
  end(): Promise<void>;
  arm(): void;
  disarm(): void;
  /**
   * `true`: a cycle for each `step`, and none otherwise while readings are fresh. `false`: cycles as configured. Time is
   * the controller's again; where it was not, readings and what is remembered of the place are void.
   */
  lockstep(on: boolean): void;
  /**
   * Asks for one cycle on what the sink has been given.
   *
   * @param atNs the cycle's time, where the robot's dates readings; see `Controller.step`. `lockstep` ends it
   * @returns its number, for `answered`
   */
  step(atNs?: number): number;
  /** Whether the command of that step is out. */
  answered(step: number): boolean;
  /** Blocks the main thread until the command of that step is out, at most so long [ms]. @returns whether it is */
  awaitAnswer(step: number, boundMs: number): boolean;
  /** Calls `listener` as soon as `commands` has something new. @returns ends the calls */
  onCommand(listener: () => void): () => void;
}

/** What the controller expects of a robot, from its parameters; a hello is held against it. */
export interface RobotExpectation {
  readonly drive: 'differential' | 'omnidirectional';
  /** Footprint that safety reckons with [m, m]. */
  readonly size: readonly [number, number];
  /** Highest that will ever be commanded. */
  readonly max: LimitsTuple;
  readonly maxBeams: number;
  /** [s] */
  readonly periodS: number;
  readonly contactsRequired: boolean;
}

/** The result of a request, or an Error whose message is the reason that the administrator is told. */
export interface Administration {
  /** Names of the robots that have a session, or `local`. */
  robots(): readonly string[];
  status(robot: string): Readonly<Record<string, unknown>>;
  save(robot: string): Promise<Readonly<Record<string, unknown>>>;
  checkpoints(robot: string): Promise<Readonly<Record<string, unknown>>>;
  /** @param file a bare name within the folder; null: the newest good one */
  restore(robot: string, file: string | null): Promise<Readonly<Record<string, unknown>>>;
  reset(robot: string): Promise<Readonly<Record<string, unknown>>>;
  freeze(robot: string, frozen: boolean): Readonly<Record<string, unknown>>;
  stop(robot: string): Readonly<Record<string, unknown>>;
  go(robot: string): Readonly<Record<string, unknown>>;
  parameters(robot: string): Readonly<Record<string, unknown>>;
  set(robot: string, name: string, value: number | boolean | string): Readonly<Record<string, unknown>>;
}
