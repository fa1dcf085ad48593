/**
 * What metrics are made of, as interfaces: `src/cli` fills them with the controller, the link, the page and the flight log.
 * All of it is read on the main thread, when somebody scrapes.
 */
import type { ControlMemory } from '../memory/layout.js';
import type { ParameterValues } from '../parameters/schema.js';

/** A histogram that the control thread writes: 32-bit counts of log-linear buckets, which wrap. */
export interface HistogramSource {
  readonly counts: Uint32Array;
  /** Of the times above 0 [ns]. */
  readonly sum: number;
  /** [ns] */
  readonly max: number;
}

/** `ControlStatistics` in src/loop. */
export interface StatisticsSource {
  readonly lateness: HistogramSource;
  readonly compute: HistogramSource;
  readonly period: HistogramSource;
  /** Index with `RobotSource.counterIndex`. */
  readonly counters: Uint32Array;
  /** Cycles by reason code. */
  readonly interventions: Uint32Array;
}

/** Places in `StatisticsSource.counters`. */
export interface CounterIndex {
  readonly cycles: number;
  readonly missesWokenLate: number;
  readonly missesComputedLong: number;
  readonly learned: number;
  readonly breakerOpenings: number;
  readonly catchUps: number;
  readonly skips: number;
  readonly staleCycles: number;
  readonly breakerOpen: number;
  readonly goals: number;
  readonly arrivals: number;
  readonly earlyStarts: number;
  readonly heartbeatLosses: number;
  readonly driftAlarms: number;
  readonly feedbackDropped: number;
  readonly feedback: number;
  readonly waiting: number;
}

/** The control thread as its controller sees it. */
export interface ThreadSource {
  /** `Controller.state`. */
  state(): string;
  /** `Controller.vitals`: index with `VitalsField`. Rejects where the thread does not answer. */
  vitals(): Promise<Float64Array>;
}

export interface CheckpointSource {
  /** Saves that failed; rises while it is the same object. */
  readonly failures: number;
  /** When the newest was taken [ms since 1970]; NaN where there is none. */
  readonly savedUnixMs: number;
}

/** One robot, from its coming to its going. */
export interface RobotSource {
  /** The label `robot`; no two at a time have the same. */
  readonly robot: string;
  /** The controller ran before the robot came: what was counted until then is not this robot's. */
  readonly continued: boolean;
  readonly parameters: ParameterValues;
  readonly memory: ControlMemory;
  readonly statistics: StatisticsSource;
  readonly counterIndex: CounterIndex;
  /** The first time that belongs to a bucket of the histograms [ns]; with the number of buckets, where the last one ends. */
  bucketStartNs(index: number): number;
  /** Rows of `memory.intake`, its columns from that of accepted readings on, and the column of failed beams. */
  readonly inputs: readonly string[];
  readonly rejections: readonly string[];
  readonly failedBeams: number;
  /** What becomes of rewards from outside, from `CounterIndex.feedback` on. */
  readonly feedback: readonly string[];
  /** On the clock of `DecisionField.scheduledNs`. */
  nowNs(): number;
  /** Null on a virtual clock. */
  readonly thread: ThreadSource | null;
  /** Updates that the policy was learned from, of all runs. */
  updates(): number;
  /** Null where nothing is saved. */
  checkpoint(): CheckpointSource | null;
}

/** Numbers by name. */
export type Counts = Readonly<Record<string, number>>;

/** The sockets of a ZeroMQ link and, where robots drive through it, what became of their frames. */
export interface LinkSource {
  /** Null where no robots drive through it. */
  readonly counters: {
    readonly frames: number;
    readonly accepted: Counts;
    readonly rejected: Counts;
    readonly refused: Counts;
    readonly sent: Counts;
    /** All others, by name. */
    readonly events: Counts;
  } | null;
  /** By socket. */
  readonly peers: Counts;
  readonly failedHandshakes: Counts;
  /** By reason. */
  readonly refusedHandshakes: Counts;
  /** Messages that libzmq would not take. */
  readonly unsent: number;
  /** Times that a folder of keys could not be read. */
  readonly failedKeyReadings: number;
  /** Times that something of the link's own threw that runs by a timer. */
  readonly faults: number;
  /** Sockets that were opened and listen no more. */
  readonly deaf: readonly string[];
  /** By outcome; null where there is no administration. */
  readonly requests: Counts | null;
}

/** `PageServer` in src/dashboard, over all pages since the start. */
export interface PageSource {
  /** Pages that are open. */
  readonly clients: number;
  readonly framesSent: number;
  /** Frames that were left out because a page did not take them in time. */
  readonly skippedFrames: number;
  /** Pages and requests that were refused or let go, by reason. */
  readonly refused: Counts;
}

/** `FlightLog`, of one robot. */
export interface FlightLogSource {
  readonly counters: {
    /** Messages that were written. */
    readonly written: number;
    /** Messages that were not: too much waited for the disk; it took nothing; somebody removed the file. */
    readonly lostQueue: number;
    readonly lostDisk: number;
    readonly lostRemoved: number;
    /** In all files. */
    readonly bytes: number;
    /** Files begun. */
    readonly parts: number;
  };
}
