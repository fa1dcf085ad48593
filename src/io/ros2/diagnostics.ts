/**
 * `/diagnostics`, once a second: how the cycle keeps its time, what its inputs bring, what safety does, what is learned,
 * and what memory it takes. A level says what it means for the robot: OK, WARN where somebody should look, ERROR where
 * the robot stands or cannot be relied on because of it, STALE where nothing has come yet or nothing is expected.
 *
 * Main thread. @realtime unsafe (walks histograms)
 */
import { hostname } from 'node:os';
import type { ParameterValues } from '../../parameters/schema.js';
import { CdrWriter } from './cdr/write-cdr.js';
import { type DiagnosticStatus, Level, type LevelCode, writeDiagnostics } from './cdr/write-diagnostics.js';
import type { EntityScope } from './entity-scope.js';
import type { InputFigures } from './input-figures.js';
import { InputTopic, MessageType, OutputTopic } from './names.js';
import type { RclPublisher } from './rcl.js';
import type { StampSource } from './ros-time.js';
import type { StateReport } from './telemetry-output.js';

const PERIOD_MS = 1000;
/** A rate below this share of what is configured is told. */
const LEAST_RATE_SHARE = 0.9;
/** A heap that is so full is told: what it takes to collect it grows from there. */
const FULL_HEAP_SHARE = 0.85;
/** A checkpoint that is older than so many of its periods is told. */
const OLD_CHECKPOINT_PERIODS = 3;
/** Reasons for which the robot stands although it was to drive. */
const STANDING_REASONS: readonly string[] = [
  'stale_odometry',
  'stale_ranges',
  'stale_contacts',
  'heartbeat_lost',
  'fault',
];
/** What may become of a reward that is none the cycle can learn from, by the names of `DiagnosticFigures.feedback`. */
const UNUSED_REWARDS = ['unknown', 'late', 'duplicate', 'refused', 'dropped'] as const;
/** In words, for people; the others' names are words. */
const REWARD_WORDS: Readonly<Record<string, string>> = {
  joined: 'found their decision',
  ignored: 'of decisions that are not learned from',
  expired: 'decisions that expired without one',
  overwritten: 'decisions that expired because too many waited',
  duplicate: 'of decisions that had theirs',
  late: 'of decisions that had expired',
  unknown: 'of unknown decisions',
  refused: 'out of range',
  dropped: 'too many at once',
};

/** Times by their quantiles [ns]; NaN where there are none. `Histogram` and `HistogramWindow` in src/loop are some. */
export interface Quantiles {
  quantile(q: number): number;
  readonly max: number;
}

export interface CheckpointFigures {
  /** When the newest was taken [ms since 1970]; NaN where there is none. */
  readonly savedUnixMs: number;
  readonly failures: number;
  /** Why the last save failed; empty where it did not. */
  readonly failure: string;
}

/** All of a second. Numbers that are not known are NaN, and are shown as such. */
export interface DiagnosticFigures {
  /** Of the managed node: `active`. */
  readonly lifecycle: string;
  readonly state: StateReport;
  /** Cycles per second of late; NaN before that is known, and where cycles go by simulated time [Hz]. */
  readonly rateHz: number;
  /** Of late. */
  readonly lateness: Quantiles;
  readonly compute: Quantiles;
  /** Reason of the newest command, as telemetry names it. */
  readonly reason: string;
  /** Cycles by reason since the start, those that occurred. */
  readonly interventions: Readonly<Record<string, number>>;
  /**
   * What became in the cycle of rewards from outside, those that occurred: `joined`, `ignored`, `duplicate`, `late`,
   * `unknown`, `refused`, `dropped`; and of decisions that waited for them: `expired`, `overwritten`.
   */
  readonly feedback: Readonly<Record<string, number>>;
  readonly policy: string;
  /** Null where nothing is saved. */
  readonly checkpoint: CheckpointFigures | null;
  /** Fixed before the first cycle [bytes]. */
  readonly arenaBytes: number;
  /** The control thread's heap, where it has told it [bytes]. */
  readonly controlHeapBytes: number;
  readonly controlHeapLimitBytes: number;
  /** Its longest pause for a collection [ns]. */
  readonly gcLongestNs: number;
  /** Messages that the flight log lost; 0 where there is none. */
  readonly logMessagesLost: number;
}

/** `RosTime` where it follows `/clock`. */
export interface SimulatedTime {
  readonly known: boolean;
  readonly standing: boolean;
  /** Simulated seconds for each of this machine's; NaN while unknown. */
  readonly pace: number;
  readonly resets: number;
}

export interface DiagnosticsOptions {
  readonly scope: EntityScope;
  readonly parameters: Pick<
    ParameterValues,
    | 'controller_frequency'
    | 'trigger'
    | 'odometry_timeout_s'
    | 'ranges_timeout_s'
    | 'contacts_timeout_s'
    | 'checkpoint_period_s'
  >;
  readonly stamps: StampSource;
  readonly figures: () => DiagnosticFigures;
  /** Odometry, ranges and contacts by the names `odometry`, `scan` and `contacts`; others come when they come. */
  readonly inputs: () => readonly InputFigures[];
  /** The time that dates readings [ns]: `ReadingTime.nowNs`. */
  readonly nowNs: () => number;
  /** Null where time is not simulated. */
  readonly simulated: SimulatedTime | null;
  /** `MotionOutput`. */
  readonly motion: { readonly topic: string; readonly mismatch: string; readonly failures: number };
  /** The robot's; this machine's name where absent. */
  readonly hardwareId?: string;
  /** Told, in a sentence, what a person must see. */
  readonly notice: (text: string) => void;
}

type Values = [key: string, value: string][];

export class Diagnostics {
  readonly #options: DiagnosticsOptions;
  readonly #publisher: RclPublisher;
  readonly #timer: NodeJS.Timeout;
  readonly #prefix: string;
  readonly #hardwareId: string;
  readonly #writer = new CdrWriter();
  readonly #stamp = new Int32Array(2);
  /** As of the last message, for what has happened since. */
  #last: DiagnosticFigures | null = null;
  readonly #lastRefused = new Map<string, number>();
  #failures = 0;

  /** Makes the publisher, and tells once a second from now on. */
  constructor(options: DiagnosticsOptions) {
    const { scope } = options;
    this.#options = options;
    this.#publisher = scope.publisher(MessageType.diagnostics, OutputTopic.diagnostics, 'stream');
    this.#prefix = `${scope.node.getFullyQualifiedName()}: `;
    this.#hardwareId = options.hardwareId ?? hostname();
    this.#timer = setInterval(() => this.tell(), PERIOD_MS);
  }

  /** Messages that could not be made or sent. */
  get failures(): number {
    return this.#failures;
  }

  /** Tells now. */
  tell(): void {
    try {
      const statuses = this.statuses();
      this.#options.stamps.rosNowInto(this.#stamp);
      this.#publisher.publish(writeDiagnostics(this.#writer, this.#stamp, this.#hardwareId, statuses));
    } catch (error) {
      if (this.#failures++ > 0) return;
      this.#options.notice(`diagnostics could not be sent: ${error instanceof Error ? error.message : error}`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** What there is to tell; what "has happened since" refers to is the last call. */
  statuses(): DiagnosticStatus[] {
    const figures = this.#options.figures();
    const last = this.#last ?? figures;
    this.#last = figures;
    const statuses = [
      this.#cycle(figures, last),
      this.#safety(figures),
      this.#policy(figures, last),
      this.#memory(figures, last),
      this.#command(figures),
    ];
    const { simulated } = this.#options;
    if (simulated !== null) statuses.push(this.#clock(simulated, figures));
    for (const input of this.#options.inputs()) {
      if (input.topics.length === 0) continue;
      const status = this.#input(input, figures);
      statuses.push(input.name === 'feedback' ? withRewards(status, figures.feedback, last.feedback) : status);
    }
    return statuses;
  }

  #cycle(figures: DiagnosticFigures, last: DiagnosticFigures): DiagnosticStatus {
    const { state, lifecycle, rateHz, lateness, compute } = figures;
    const { controller_frequency: frequency, trigger } = this.#options.parameters;
    const late = state.missesLate - last.state.missesLate;
    const long = state.missesLong - last.state.missesLong;
    let level: LevelCode = Level.ok;
    let message = Number.isNaN(rateHz) ? 'runs' : `${rateHz.toFixed(1)} Hz`;
    if (state.state === 'stalled' || state.state === 'latched' || state.state === 'dead') {
      level = Level.error;
      message = `the control thread is ${state.state}${state.fault && `: ${state.fault}`}`;
    } else if (state.state !== 'running') {
      level = Level.stale;
      message = `the controller is ${state.state}`;
    } else if (late + long > 0) {
      level = Level.warn;
      message = `deadlines missed in the last second: ${late} woken late, ${long} computed long`;
    } else if (trigger === 'time' && rateHz < LEAST_RATE_SHARE * frequency) {
      level = Level.warn;
      message = `${rateHz.toFixed(1)} Hz instead of ${frequency}`;
    }
    return this.#status('cycle', level, message, [
      ['lifecycle', lifecycle],
      ['state', state.state],
      ['fault', state.fault],
      ['armed', String(state.armed)],
      ['halted by operator', String(state.halted)],
      ['frequency [Hz]', String(frequency)],
      ['rate [Hz]', decimals(rateHz, 1)],
      ...timesOf('lateness', lateness),
      ...timesOf('compute time', compute),
      ['cycles', String(state.cycles)],
      ['deadlines missed: woken late', String(state.missesLate)],
      ['deadlines missed: computed long', String(state.missesLong)],
    ]);
  }

  #safety({ state, lifecycle, reason, interventions }: DiagnosticFigures): DiagnosticStatus {
    let level: LevelCode = Level.ok;
    let message = reason === 'none' ? 'the policy’s command passes' : reason.replaceAll('_', ' ');
    if (STANDING_REASONS.includes(reason)) {
      // Who is not to drive may stand for want of a reading, too.
      const expected = lifecycle === 'active' || !reason.startsWith('stale_');
      level = expected ? Level.error : Level.stale;
      message = `${message}: the robot stands`;
    } else if (state.breakerOpen) {
      level = Level.warn;
      message = 'the breaker is open after missed deadlines: a rule drives, and nothing is learned';
    }
    const values: Values = [
      ['reason', reason],
      ['breaker', state.breakerOpen ? 'open' : 'closed'],
      ['breaker openings', String(state.breakerOpenings)],
      ['interventions', String(state.interventions)],
    ];
    for (const [name, count] of Object.entries(interventions)) values.push([`cycles: ${name}`, String(count)]);
    return this.#status('safety', level, message, values);
  }

  #policy({ state, policy, checkpoint }: DiagnosticFigures, last: DiagnosticFigures): DiagnosticStatus {
    const { checkpoint_period_s: periodS } = this.#options.parameters;
    const ageS = checkpoint === null ? Number.NaN : (Date.now() - checkpoint.savedUnixMs) / 1e3;
    const alarms = state.driftAlarms - last.state.driftAlarms;
    let level: LevelCode = Level.ok;
    let message = state.frozen ? `${policy}, frozen` : `${policy}, ${state.updates} updates`;
    if (checkpoint !== null && checkpoint.failure !== '') {
      level = Level.warn;
      message = `what is learned cannot be saved: ${checkpoint.failure}`;
    } else if (ageS > OLD_CHECKPOINT_PERIODS * periodS) {
      level = Level.warn;
      message = `the newest checkpoint is ${ageS.toFixed(0)} s old`;
    } else if (alarms > 0) {
      level = Level.warn;
      message = 'rewards are no longer what the policy expects: drift';
    }
    return this.#status('policy', level, message, [
      ['policy', policy],
      ['frozen', String(state.frozen)],
      ['updates', String(state.updates)],
      ['drift alarms', String(state.driftAlarms)],
      ['age of the newest checkpoint [s]', checkpoint === null ? 'nothing is saved' : decimals(ageS, 0)],
      ['saves that failed', checkpoint === null ? '0' : String(checkpoint.failures)],
      ['last failure', checkpoint?.failure ?? ''],
    ]);
  }

  #memory(figures: DiagnosticFigures, last: DiagnosticFigures): DiagnosticStatus {
    const { state, arenaBytes, controlHeapBytes, controlHeapLimitBytes, gcLongestNs, logMessagesLost } = figures;
    const main = process.memoryUsage();
    const lost = state.decisionsLost - last.state.decisionsLost;
    const lostByLog = logMessagesLost - last.logMessagesLost;
    let level: LevelCode = Level.ok;
    let message = `${megabytes(main.rss)} resident`;
    if (controlHeapBytes > FULL_HEAP_SHARE * controlHeapLimitBytes) {
      level = Level.warn;
      message = `the control thread’s heap is nearly full: ${megabytes(controlHeapBytes)}`;
    } else if (lost > 0) {
      level = Level.warn;
      message = `${lost} decisions were lost to telemetry in the last second: the main thread is behind`;
    } else if (lostByLog > 0) {
      level = Level.warn;
      message = `the flight log lost ${lostByLog} messages in the last second`;
    }
    return this.#status('memory', level, message, [
      ['arena', megabytes(arenaBytes)],
      ['heap of the main thread', megabytes(main.heapUsed)],
      ['heap of the control thread', megabytes(controlHeapBytes)],
      ['longest pause for collection [ms]', decimals(gcLongestNs / 1e6, 3)],
      ['resident', megabytes(main.rss)],
      ['decisions lost to telemetry', String(state.decisionsLost)],
      ['messages lost by the flight log', String(logMessagesLost)],
    ]);
  }

  #command({ lifecycle }: DiagnosticFigures): DiagnosticStatus {
    const { scope, motion } = this.#options;
    const listeners = scope.node.countSubscribers(motion.topic);
    let level: LevelCode = Level.ok;
    let message = `${listeners} ${listeners === 1 ? 'subscriber' : 'subscribers'}`;
    if (motion.mismatch !== '') {
      level = Level.error;
      message = motion.mismatch;
    } else if (motion.failures > 0) {
      level = Level.warn;
      message = `${motion.failures} messages were not taken by the middleware`;
    } else if (listeners === 0) {
      level = lifecycle === 'active' ? Level.warn : Level.stale;
      message = 'nobody subscribes';
    }
    return this.#status(OutputTopic.command, level, message, [
      ['topic', motion.topic],
      ['subscribers', String(listeners)],
      ['type mismatch', motion.mismatch],
      ['messages not taken', String(motion.failures)],
    ]);
  }

  /** The one that cycles and readings are dated by. */
  #clock({ known, standing, pace, resets }: SimulatedTime, { lifecycle }: DiagnosticFigures): DiagnosticStatus {
    const { scope, stamps } = this.#options;
    const publishers = scope.node.countPublishers(InputTopic.clock);
    stamps.rosNowInto(this.#stamp);
    const time = `${this.#stamp[0]}.${String(this.#stamp[1]).padStart(9, '0')}`;
    let level: LevelCode = Level.ok;
    let message = Number.isNaN(pace) ? 'goes on' : `goes on at a pace of ${pace.toFixed(2)}`;
    if (!known) {
      level = lifecycle === 'active' ? Level.error : Level.warn;
      const whose = publishers === 0 ? ', which nobody publishes' : '';
      message = `use_sim_time is true, and nothing has come yet on ${InputTopic.clock}${whose}: the robot stands`;
    } else if (standing) {
      level = Level.warn;
      message = `simulated time stands at ${time} s, and so does the robot`;
    }
    return this.#status('clock', level, message, [
      ['topic', InputTopic.clock],
      ['publishers', String(publishers)],
      ['time [s]', known ? time : 'unknown'],
      ['pace', standing ? '0.00' : decimals(pace, 2)],
      ['began anew', String(resets)],
    ]);
  }

  #input(input: InputFigures, { lifecycle }: DiagnosticFigures): DiagnosticStatus {
    const nowNs = this.#options.nowNs();
    const ageS = input.age(nowNs);
    const timeoutS = this.#timeoutS(input.name);
    const refusedNow = input.refused - (this.#lastRefused.get(input.name) ?? 0);
    this.#lastRefused.set(input.name, input.refused);
    const rateHz = input.rate(nowNs);
    let level: LevelCode = Level.ok;
    let message = Number.isFinite(timeoutS) ? `${rateHz.toFixed(1)} Hz` : `${input.accepted} taken`;
    if (input.refusedInRow > 0) {
      const stops = Number.isFinite(timeoutS) && !(ageS <= timeoutS);
      level = stops ? Level.error : Level.warn;
      message = input.complaint || `${input.refusedInRow} in a row are refused`;
    } else if (Number.isFinite(timeoutS) && input.accepted === 0) {
      level = Level.stale;
      message = `nothing yet on ${input.topics.join(', ')}`;
    } else if (!(ageS <= timeoutS)) {
      level = lifecycle === 'active' ? Level.error : Level.stale;
      message = `silent for ${ageS.toFixed(2)} s: the robot stands`;
    } else if (refusedNow > 0) {
      level = Level.warn;
      message = `${refusedNow} refused in the last second: ${input.complaint}`;
    }
    const values: Values = [
      ['topics', input.topics.join(', ')],
      ['rate [Hz]', decimals(rateHz, 1)],
      ['age [s]', input.accepted === 0 ? 'none yet' : decimals(ageS, 3)],
      ['timeout [s]', Number.isFinite(timeoutS) ? String(timeoutS) : 'none'],
      ['received', String(input.received)],
      ['accepted', String(input.accepted)],
      ['refused', String(input.refused)],
    ];
    for (const [name, count] of Object.entries(input.refusals())) values.push([`refused: ${name}`, String(count)]);
    values.push(['last complaint', input.complaint]);
    return this.#status(`input ${input.name}`, level, message, values);
  }

  /** After which age an input stops the robot [s]; infinite: it never does. */
  #timeoutS(name: string): number {
    const p = this.#options.parameters;
    if (name === 'odometry') return p.odometry_timeout_s;
    if (name === 'scan') return p.ranges_timeout_s;
    return name === 'contacts' ? p.contacts_timeout_s : Number.POSITIVE_INFINITY;
  }

  #status(name: string, level: LevelCode, message: string, values: Values): DiagnosticStatus {
    return { level, name: this.#prefix + name, message, values };
  }
}

/** The feedback's status with what the cycle made of what was handed on, and of decisions that waited. */
function withRewards(
  status: DiagnosticStatus,
  rewards: DiagnosticFigures['feedback'],
  last: DiagnosticFigures['feedback'],
): DiagnosticStatus {
  const values = [...status.values];
  for (const [name, count] of Object.entries(rewards)) {
    values.push([`rewards: ${REWARD_WORDS[name] ?? name}`, String(count)]);
  }
  const unused: string[] = [];
  for (const name of UNUSED_REWARDS) {
    const count = (rewards[name] ?? 0) - (last[name] ?? 0);
    if (count > 0) unused.push(`${count} ${REWARD_WORDS[name]}`);
  }
  if (unused.length === 0 || status.level !== Level.ok) return { ...status, values };
  const message = `rewards of no use in the last second: ${unused.join(', ')}`;
  return { ...status, level: Level.warn, message, values };
}

function timesOf(name: string, times: Quantiles): Values {
  return [
    [`${name} p50 [us]`, decimals(times.quantile(0.5) / 1e3, 1)],
    [`${name} p99 [us]`, decimals(times.quantile(0.99) / 1e3, 1)],
    [`${name} max [us]`, decimals(times.max / 1e3, 1)],
  ];
}

function decimals(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : 'unknown';
}

function megabytes(bytes: number): string {
  return Number.isFinite(bytes) ? `${(bytes / 1e6).toFixed(1)} MB` : 'unknown';
}
