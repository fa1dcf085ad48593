/**
 * What pages see of a flight log: each has its own place in it, plays it at the log's pace or another, and goes where it
 * likes. Main thread; nothing runs while nobody looks.
 *
 * A place in the log is a cursor that goes through its messages; to seek is to begin another one some seconds earlier, so
 * that the scan that a decision rests on and the figures of the last seconds are there as if it had been played.
 */
import { ACTION_COUNT, DecisionField, EXPLAINED, RangesField } from '../memory/layout.js';
import { isIntervention, REASON_LABELS } from '../memory/reason.js';
import {
  decisionAt,
  decisionIn,
  decisionOf,
  explanationOf,
  type LoggedDecision,
  stampNsOf,
} from '../telemetry/flight-log/log-decisions.js';
import type { DecodedMessage } from '../telemetry/flight-log/log-messages.js';
import type { FlightLogReader, LogMessage } from '../telemetry/flight-log/log-reader.js';
import { EPISODE_OUTCOMES, ReadingInput, TOPICS, Topic } from '../telemetry/flight-log/topics.js';
import type { View, Viewer, ViewSource } from './view-source.js';
import type {
  EpisodeWords,
  ExplanationWords,
  Frame,
  FrameScan,
  Order,
  RobotWords,
  Status,
  TrailWords,
} from './wire.js';

/** From one look at what has become due to the next, while it plays [ms]. */
const TICK_MS = 25;
/** A seek begins so much earlier, for the scan and the figures of the last seconds [s]. */
const LEAD_S = 5;
/** What is due within one tick and takes longer than this to pass is jumped over [s of the log]. */
const JUMP_S = 10;
/** Seconds of the log a second. */
const SPEED_MIN = 0.05;
const SPEED_MAX = 1000;
/** Decisions that the figures of the last seconds are of, at most. */
const WINDOW_DECISIONS = 2048;
/** Scans that wait for the decision that rests on them: on a virtual clock some hundred come before it. */
const SCANS_KEPT = 1024;
/** Episodes that success is a share of. */
const RECENT_EPISODES = 50;
/** A path is of so many seconds and so many points at most. */
const TRAIL_SECONDS_MAX = 600;
const TRAIL_POINTS_MAX = 1500;
/** One farther than a robot drives between two points is a new path [m]. */
const TRAIL_JUMP_M = 0.5;
/** Seconds since 1970 as a double are less exact than the log: who goes to a decision's time means that decision. */
const SECONDS_ROUNDED_NS = 1000n;
/** Edges of the histogram that the page draws [s]. */
const LATENESS_EDGES_S = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2];

const NAME = Object.fromEntries(Object.entries(Topic).map(([key, index]) => [key, TOPICS[index].name])) as Record<
  keyof typeof Topic,
  string
>;
const CURSOR_TOPICS = [NAME.decision, NAME.scan, NAME.reading, NAME.state, NAME.checkpoint];

export interface RecordedSourceOptions {
  /** As it is called among others. */
  readonly name: string;
  /** `kind` and `paced` are set here. */
  readonly robot: RobotWords;
  /**
   * What each feature added to each direction's value in a decision that the log has no explanation of, as `FlightRepeat`
   * gives it; null where that cannot be had. May take its time.
   */
  readonly explain?: (cycle: number) => Promise<Float64Array | null>;
}

export class RecordedSource implements ViewSource {
  readonly name: string;
  readonly robot: RobotWords;
  readonly extent: { readonly startS: number; readonly endS: number };
  /** Those that have been found. */
  readonly episodes: EpisodeWords[] = [];
  /** Settles when all have been, or the source was closed. */
  readonly complete: Promise<void>;
  readonly #log: FlightLogReader;
  readonly #options: RecordedSourceOptions;
  readonly #views = new Set<RecordedView>();
  #closed = false;

  /**
   * Episodes are looked for in the whole log, which takes seconds where it is long: those that are found are told of as they
   * are, in order.
   *
   * @param log read here for as long as the source is; whoever opened it closes it, after `close`
   * @throws FlightLogError where it cannot be read
   */
  constructor(log: FlightLogReader, options: RecordedSourceOptions) {
    this.#log = log;
    this.#options = options;
    this.name = options.name;
    this.robot = { ...options.robot, kind: 'recording', paced: true, saves: false };
    this.extent = { startS: secondsOf(log.startNs), endS: secondsOf(log.endNs) };
    this.complete = this.#findEpisodes();
  }

  /** Begins at the log's start, playing. */
  view(viewer: Viewer): View {
    const view = new RecordedView(this, this.#log, viewer, () => this.#views.delete(view));
    this.#views.add(view);
    return view;
  }

  /** A recording takes no orders. */
  control(_order: Order): Promise<{ text: string; result?: unknown }> {
    return Promise.reject(new Error('this is a recording: what was done is done'));
  }

  /** Stops what plays, and the search for episodes. */
  close(): void {
    this.#closed = true;
    for (const view of [...this.#views]) view.end();
  }

  async explain(cycle: number): Promise<ExplanationWords> {
    const decision = Number.isSafeInteger(cycle) && cycle >= 0 ? decisionOf(this.#log, cycle) : null;
    if (decision === null) throw new Error(`the recording has no cycle ${cycle}`);
    const { record } = decision;
    const chose = !Number.isNaN(record[DecisionField.values]);
    let contributions = chose ? explanationOf(this.#log, cycle) : null;
    if (contributions === null && chose) contributions = (await this.#options.explain?.(cycle)) ?? null;
    if (contributions !== null && contributions.length !== ACTION_COUNT * EXPLAINED) contributions = null;
    return {
      cycle,
      atS: secondsOf(decision.beganNs),
      record: Array.from(record, (value) => (Number.isFinite(value) ? value : null)),
      contributions: contributions === null ? null : Array.from(contributions),
    };
  }

  /** The rest of the process has its turn after each. */
  async #findEpisodes(): Promise<void> {
    // A page that is opened meanwhile is shown what is there first.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const found = this.#closed ? [] : episodesIn(this.#log);
      for (const episode of found) {
        this.episodes.push(episode);
        for (const view of this.#views) view.tell(episode);
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#closed) return;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const view of this.#views)
        view.warn(`episodes after the ${this.episodes.length}th are not shown: ${reason}`, this.extent.endS);
    }
  }

  /** The path driven up to a moment, from where the robot was put down last. */
  trail(atS: number, seconds: number): TrailWords {
    if (!Number.isFinite(atS) || !(seconds >= 0)) throw new Error('a path is of a time and of some seconds before it');
    const span = Math.min(seconds, TRAIL_SECONDS_MAX);
    const stepNs = nanosecondsOf(span / TRAIL_POINTS_MAX);
    let points: number[] = [];
    let nextNs = 0n;
    let at: [number, number] | null = null;
    const fromNs = nanosecondsOf(atS - span);
    const toNs = nanosecondsOf(atS) + SECONDS_ROUNDED_NS;
    for (const message of this.#log.messages({ fromNs, topics: [NAME.decision] })) {
      // Some are written a good while after they were made.
      if (message.publishTimeNs > toNs) break;
      if (message.publishTimeNs < fromNs || message.publishTimeNs < nextNs) continue;
      nextNs = message.publishTimeNs + stepNs;
      const { record } = decisionIn(message);
      const x = record[DecisionField.poseX];
      const y = record[DecisionField.poseY];
      if (!Number.isFinite(x + y)) continue;
      // A robot that is fast covers more in a longer step.
      const jump = TRAIL_JUMP_M + this.robot.maxSpeed * 2 * Number(stepNs) * 1e-9;
      if (at !== null && Math.hypot(x - at[0], y - at[1]) > jump) points = [];
      points.push(x, y);
      at = [x, y];
    }
    return { points };
  }
}

/** Two messages that make a scan. */
interface LoggedScan {
  readonly scan: LogMessage;
  /** Its geometry, as the controller took it in; null until it has come. */
  reading: DecodedMessage | null;
}

/** One page's place in the log. */
class RecordedView implements View {
  readonly #source: RecordedSource;
  readonly #log: FlightLogReader;
  readonly #viewer: Viewer;
  readonly #onEnd: () => void;
  #cursor: Generator<LogMessage, void, void>;
  /** The newest decision that has been reached, and the one after it. */
  #current: LoggedDecision | null = null;
  #next: LoggedDecision | null = null;
  #scans = new Map<number, LoggedScan>();
  #shownScan: { readonly sequence: number; readonly scan: FrameScan } | null = null;
  #window: LoggedDecision[] = [];
  #state: DecodedMessage | null = null;
  #checkpoint: DecodedMessage | null = null;
  /** Seconds since 1970. */
  #atS: number;
  #paused = false;
  #speed = 1;
  #timer: NodeJS.Timeout | null = null;
  #tickedMs = 0;
  #ended = false;

  constructor(source: RecordedSource, log: FlightLogReader, viewer: Viewer, onEnd: () => void) {
    this.#source = source;
    this.#log = log;
    this.#viewer = viewer;
    this.#onEnd = onEnd;
    this.#atS = source.extent.startS;
    this.#cursor = log.messages({ topics: [] });
    this.#seek(this.#atS);
    this.#run();
  }

  /** An episode was found. */
  tell(episode: EpisodeWords): void {
    this.#viewer.episode(episode);
  }

  warn(text: string, atS: number): void {
    this.#viewer.notice({ kind: 'notice', atS, level: 'warning', text });
  }

  async ask(order: Order): Promise<ExplanationWords | TrailWords | null> {
    switch (order.do) {
      case 'explain':
        return this.#source.explain(order.cycle);
      case 'trail':
        return this.#source.trail(order.atS, order.seconds);
      case 'seek':
        if (!Number.isFinite(order.atS)) throw new Error('a place in a recording is a time');
        this.#seek(order.atS);
        this.#run();
        return null;
      case 'pause':
        this.#paused = order.paused;
        // At the end there is nothing to play: it begins again.
        if (!order.paused && this.#atS >= this.#source.extent.endS) this.#seek(this.#source.extent.startS);
        this.#run();
        return null;
      case 'step':
        this.#paused = true;
        this.#run();
        if (this.#next === null) throw new Error('this is the last decision of the recording');
        this.#advance(secondsOf(this.#next.beganNs), this.#next.beganNs);
        this.#show();
        return null;
      case 'speed':
        if (!(order.speed >= SPEED_MIN && order.speed <= SPEED_MAX)) {
          throw new Error(`a recording is played at ${SPEED_MIN} to ${SPEED_MAX} times its own pace`);
        }
        this.#speed = order.speed;
        return null;
      default:
        throw new Error('this is a recording: what was done is done');
    }
  }

  end(): void {
    this.#ended = true;
    this.#run();
    this.#onEnd();
  }

  status(): Omit<Status, 'kind' | 'skippedFrames'> {
    const { episodes } = this.#source;
    const record = this.#current?.record ?? null;
    const field = (name: keyof typeof DecisionField) => record?.[DecisionField[name]] ?? Number.NaN;
    const past = episodes.filter(({ atS }) => atS <= this.#atS);
    const recent = past.slice(-RECENT_EPISODES);
    const state = (name: string) => this.#state?.[name];
    const lateness = this.#window.map((decision) => decision.record[DecisionField.latenessNs] * 1e-9);
    const compute = this.#window.map((decision) => decision.record[DecisionField.computeNs] * 1e-9);
    return {
      atS: this.#atS,
      state: 'recording',
      warning: typeof state('fault') === 'string' ? String(state('fault')) : '',
      armed: (field('orders') & 1) !== 0,
      halted: state('halted') === true,
      frozen: (field('orders') & 2) !== 0,
      paused: this.#paused,
      speed: this.#speed,
      rateHz: this.#rateHz(),
      cycles: record === null ? 0 : field('cycle') + 1,
      updates: countOf(state('updates')),
      lateness: quantilesOf(lateness),
      compute: quantilesOf(compute),
      latenessHistogram: histogramOf(lateness),
      misses: { late: countOf(state('misses_late')), long: countOf(state('misses_long')) },
      breakerOpen: state('breaker_open') === true,
      breakerOpenings: countOf(state('breaker_openings')),
      ageS: {
        odometry: ageOf(field('odometryAgeNs')),
        ranges: ageOf(field('rangesAgeNs')),
        contacts: ageOf(field('contactsAgeNs')),
      },
      interventions: this.#interventions(),
      refused: {},
      driftAlarms: record === null ? 0 : field('driftAlarms'),
      lostDecisions: countOf(state('decisions_lost')),
      checkpoint: this.#checkpointWords(),
      log: this.#log.path,
      success:
        recent.length === 0 ? null : recent.filter(({ outcome }) => outcome === 'success').length / recent.length,
      episode: episodes[past.length]?.episode ?? (past.length === 0 ? 0 : past[past.length - 1].episode + 1),
    };
  }

  /** Plays while somebody looks and it is not paused. */
  #run(): void {
    const playing = !this.#ended && !this.#paused && this.#atS < this.#source.extent.endS;
    if (playing === (this.#timer !== null)) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = playing ? setInterval(() => this.#tick(), TICK_MS) : null;
    this.#tickedMs = performance.now();
  }

  #tick(): void {
    const nowMs = performance.now();
    const passedS = ((nowMs - this.#tickedMs) / 1e3) * this.#speed;
    this.#tickedMs = nowMs;
    const toS = Math.min(this.#atS + passedS, this.#source.extent.endS);
    try {
      if (passedS > JUMP_S) this.#seek(toS);
      else if (this.#advance(toS)) this.#show();
    } catch (error) {
      this.#viewer.notice({ kind: 'notice', atS: this.#atS, level: 'warning', text: (error as Error).message });
      this.#paused = true;
    }
    if (this.#atS >= this.#source.extent.endS) this.#paused = true;
    this.#run();
  }

  #seek(atS: number): void {
    const { startS, endS } = this.#source.extent;
    const toS = Math.min(Math.max(atS, startS), endS);
    const fromNs = nanosecondsOf(toS - LEAD_S);
    this.#cursor = this.#log.messages({ fromNs, topics: CURSOR_TOPICS });
    this.#current = null;
    this.#next = null;
    this.#scans.clear();
    this.#window = [];
    const before = this.#log.latestBefore(fromNs, [NAME.state, NAME.checkpoint]);
    this.#state = before.get(NAME.state)?.decode() ?? null;
    this.#checkpoint = before.get(NAME.checkpoint)?.decode() ?? null;
    this.#next = this.#pull();
    this.#advance(toS);
    // Within a gap the last decision before it stands; before the first, the first.
    if (this.#current === null) {
      this.#current = decisionAt(this.#log, nanosecondsOf(toS));
      const cycle = this.#current?.record[DecisionField.cycle];
      if (this.#next?.record[DecisionField.cycle] === cycle) this.#next = this.#pull();
    }
    this.#show();
  }

  /** @returns whether there is another decision to show */
  #advance(toS: number, toNs = nanosecondsOf(toS) + SECONDS_ROUNDED_NS): boolean {
    this.#atS = toS;
    let moved = false;
    while (this.#next !== null && this.#next.beganNs <= toNs) {
      this.#current = this.#next;
      this.#window.push(this.#next);
      this.#next = this.#pull();
      moved = true;
    }
    if (moved) this.#trim();
    return moved;
  }

  /** The next decision, with all that was logged before it taken in. */
  #pull(): LoggedDecision | null {
    for (;;) {
      const { value: message } = this.#cursor.next();
      if (!message) return null;
      switch (message.topic) {
        case NAME.decision:
          return decisionIn(message);
        case NAME.scan:
          this.#scans.set(message.sequence, { scan: message, reading: null });
          break;
        case NAME.reading: {
          const scan = this.#scans.get(message.sequence);
          if (scan === undefined || scan.reading !== null) break;
          const reading = message.decode();
          if (reading['input'] === ReadingInput.ranges) scan.reading = reading;
          break;
        }
        case NAME.state:
          this.#state = message.decode();
          break;
        case NAME.checkpoint:
          this.#checkpoint = message.decode();
          break;
      }
    }
  }

  /** Lets go of what is behind. */
  #trim(): void {
    const oldestNs = nanosecondsOf(this.#atS - LEAD_S);
    let kept = this.#window.findIndex(({ beganNs }) => beganNs >= oldestNs);
    if (kept < 0) kept = this.#window.length;
    kept = Math.max(kept, this.#window.length - WINDOW_DECISIONS);
    if (kept > 0) this.#window.splice(0, kept);
    const used = this.#current?.record[DecisionField.rangesSequence] ?? 0;
    for (const sequence of this.#scans.keys()) {
      if (sequence >= used && this.#scans.size <= SCANS_KEPT) break;
      this.#scans.delete(sequence);
    }
  }

  #show(): void {
    const decision = this.#current;
    if (decision === null || this.#ended) return;
    const frame: Frame = {
      atS: secondsOf(decision.beganNs),
      record: decision.record,
      scan: this.#scanOf(decision.record[DecisionField.rangesSequence]),
    };
    this.#viewer.frame(frame);
  }

  #scanOf(sequence: number): FrameScan | null {
    if (this.#shownScan?.sequence === sequence) return this.#shownScan.scan;
    const logged = this.#scans.get(sequence);
    const ranges = logged?.scan.decode()['ranges'];
    const values = logged?.reading?.['values'];
    if (!(ranges instanceof Float32Array && values instanceof Float64Array)) return null;
    const scan: FrameScan = {
      angleMin: values[RangesField.angleMin],
      angleIncrement: values[RangesField.angleIncrement],
      rangeMax: values[RangesField.rangeMax],
      mountX: values[RangesField.mountX],
      mountY: values[RangesField.mountY],
      mountYaw: values[RangesField.mountYaw],
      ranges,
    };
    this.#shownScan = { sequence, scan };
    return scan;
  }

  #rateHz(): number | null {
    const count = this.#window.length;
    if (count < 2) return null;
    const seconds = secondsOf(this.#window[count - 1].beganNs - this.#window[0].beganNs);
    return seconds > 0 ? (count - 1) / seconds : null;
  }

  /** Cycles of the last seconds by the reason that safety stepped in for. */
  #interventions(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { record } of this.#window) {
      const reason = record[DecisionField.reason];
      if (!isIntervention(reason)) continue;
      const name = REASON_LABELS[reason] ?? String(reason);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  #checkpointWords(): Status['checkpoint'] {
    const file = this.#checkpoint?.['file'];
    if (this.#checkpoint === null || typeof file !== 'string' || file === '') return null;
    return { file, ageS: Math.max(0, this.#atS - secondsOf(stampNsOf(this.#checkpoint))) };
  }
}

/** Every episode of a log whose outcome is its task's, in order. */
function* episodesIn(log: FlightLogReader): Generator<EpisodeWords, void, void> {
  for (const message of log.messages({ topics: [NAME.episode] })) {
    const decoded = message.decode();
    const outcome = EPISODE_OUTCOMES[Number(decoded['outcome'])];
    if (outcome !== 'success' && outcome !== 'collision' && outcome !== 'timeout') continue;
    if (decoded['redirected'] === true) continue;
    yield {
      atS: secondsOf(stampNsOf(decoded)),
      episode: countOf(decoded['episode']),
      outcome,
      timeS: Number(decoded['duration']),
      reward: figureOf(decoded['reward']),
      loss: figureOf(decoded['loss']),
      exploration: figureOf(decoded['exploration']),
      driftAlarms: countOf(decoded['drift_alarms']),
      interventions: countOf(decoded['interventions']),
    };
  }
}

function secondsOf(ns: bigint): number {
  return Number(ns) / 1e9;
}

/** Unix time as the log has it, from a time as the page has it; 0 for one before 1970. */
function nanosecondsOf(seconds: number): bigint {
  return seconds > 0 ? BigInt(Math.round(seconds * 1e6)) * 1000n : 0n;
}

function countOf(value: unknown): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}

function figureOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function ageOf(ns: number): number | null {
  return Number.isFinite(ns) ? ns * 1e-9 : null;
}

/** p50, p99 and the largest; null of none. */
function quantilesOf(values: readonly number[]): readonly number[] | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return [at(0.5), at(0.99), sorted[sorted.length - 1]];
}

/** Of the last seconds: a recording's beginning may be far, or gone. */
function histogramOf(latenessS: readonly number[]): Status['latenessHistogram'] {
  const counts = new Array<number>(LATENESS_EDGES_S.length + 1).fill(0);
  for (const value of latenessS) {
    const bucket = LATENESS_EDGES_S.findIndex((edge) => value <= edge);
    counts[bucket < 0 ? LATENESS_EDGES_S.length : bucket]++;
  }
  return { uptoS: LATENESS_EDGES_S, counts };
}
