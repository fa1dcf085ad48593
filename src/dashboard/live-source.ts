/**
 * What pages see of a controller at work. Main thread, beside the run: each decision costs a copy of its record whether
 * anybody looks or not, so that who opens the page sees the last minute; explanations are made only while somebody does.
 *
 * All that is kept is of a fixed size. What a source needs of the controller comes in through `LiveRobot`.
 */
import { DECISION_DOUBLES, DecisionField, EXPLANATION_DOUBLES, RangesField } from '../memory/layout.js';
import { EpisodeAccount } from '../telemetry/episode-account.js';
import type { View, Viewer, ViewSource } from './view-source.js';
import type {
  EpisodeWords,
  ExplanationWords,
  Frame,
  FrameScan,
  Notice,
  Order,
  RobotWords,
  Status,
  TrailWords,
} from './wire.js';

/** Of decisions, so that one can be opened a minute after it was made [s]. */
const KEPT_S = 60;
const KEPT_MIN = 256;
const KEPT_MAX = 6000;
/** Episodes that are told to a page when it opens. */
const EPISODES_KEPT = 2000;
/** Of those, the newest that success is a share of. */
const RECENT_EPISODES = 50;
/** Notices that are told to a page when it opens. */
const NOTICES_KEPT = 30;
/** Scans kept to find the one that a decision rests on: the newest may have come after it. */
const SCANS_KEPT = 16;
/** A frame follows the one before after this at the least: what a display can show [ms]. */
const FRAME_GAP_MS = 20;
/** Points of the path driven. */
const TRAIL_POINTS = 4096;
/** A point this far from the one before is kept [m]; one farther than a robot drives between two is a new path [m]. */
const TRAIL_STEP_M = 0.02;
const TRAIL_JUMP_M = 0.5;
/** Status is made so often at most: pages that ask within that time are told the same [ms]. */
const STATUS_AGE_MS = 100;

/** What the source itself knows; the rest of `Status` is the robot's to say. */
type OwnFigures = 'kind' | 'skippedFrames' | 'atS' | 'ageS' | 'success' | 'episode';
export type LiveFigures = Omit<Status, OwnFigures>;

/** A reading as it went into its slot: views, valid during the call. `input` as in the sense stage: 1 is a scan. */
export type ReadingListener = (input: number, doubles: Float64Array, beams: Float32Array | null) => void;

/** One controller, as a page needs it. */
export interface LiveRobot {
  readonly name: string;
  readonly words: RobotWords;
  /** Number of the episode under way at the start; 0 where there are none. */
  readonly firstEpisode: number;
  onDecision(listener: (record: Float64Array) => void): () => void;
  onReading(listener: ReadingListener): () => void;
  onExplanation(listener: (record: Float64Array) => void): () => void;
  /** Counted: decisions are explained while anybody wants them to be. */
  explain(on: boolean): void;
  /** Seconds since 1970 of a time on the clock that decisions are scheduled by. */
  unixS(clockNs: number): number;
  /** The same clock's time now [ns]. */
  nowNs(): number;
  figures(): LiveFigures;
  /** Carries out an order. @throws Error with a sentence that says why not */
  carryOut(order: Order): Promise<{ text: string; result?: unknown }>;
}

/** How an episode ended; the rest of `EpisodeWords` is counted here. */
export type EpisodeEnd = Pick<EpisodeWords, 'episode' | 'outcome' | 'timeS'>;

export class LiveSource implements ViewSource {
  readonly name: string;
  readonly robot: RobotWords;
  readonly extent = null;
  readonly #robot: LiveRobot;
  readonly #viewers = new Set<Viewer>();
  readonly #unsubscribe: (() => void)[];
  readonly #kept: number;
  /** Record of cycle `n` at `n % kept`; its own first double says whose it is. */
  readonly #records: Float64Array;
  #explanations: Float64Array | null = null;
  #newest: Float64Array | null = null;
  readonly #scans: { sequence: number; scan: FrameScan }[] = [];
  #nextScan = 0;
  readonly #trail = new Float64Array(3 * TRAIL_POINTS);
  #trailCount = 0;
  readonly #episodes: EpisodeWords[] = [];
  /** Oldest first. */
  readonly #notices: Notice[] = [];
  #breakerOpen = false;
  #episode: number;
  /** Of the episode under way. */
  readonly #account = new EpisodeAccount();
  /** Of the newest decision; NaN before the first, whose controller may have driven another robot. */
  #driftAlarms = Number.NaN;
  #frameTimer: NodeJS.Timeout | null = null;
  #framedMs = Number.NEGATIVE_INFINITY;
  #status: Omit<Status, 'kind' | 'skippedFrames'> | null = null;
  #statusMs = Number.NEGATIVE_INFINITY;
  readonly #onFrameTimer = (): void => this.#giveFrame();

  constructor(robot: LiveRobot) {
    this.#robot = robot;
    this.name = robot.name;
    this.robot = robot.words;
    this.#episode = robot.firstEpisode;
    const { periodS } = robot.words;
    this.#kept = Math.round(Math.min(KEPT_MAX, Math.max(KEPT_MIN, KEPT_S / periodS)));
    this.#records = new Float64Array(this.#kept * DECISION_DOUBLES).fill(Number.NaN);
    this.#unsubscribe = [
      robot.onDecision((record) => this.#onDecision(record)),
      robot.onReading((_input, doubles, beams) => {
        if (beams !== null) this.#onScan(doubles, beams);
      }),
      robot.onExplanation((record) => this.#onExplanation(record)),
    ];
  }

  /** Oldest first. */
  get episodes(): readonly EpisodeWords[] {
    return this.#episodes;
  }

  view(viewer: Viewer): View {
    if (this.#viewers.size === 0) this.#robot.explain(true);
    this.#explanations ??= new Float64Array(this.#kept * EXPLANATION_DOUBLES).fill(Number.NaN);
    this.#viewers.add(viewer);
    const frame = this.#frame();
    if (frame !== null) viewer.frame(frame);
    for (const notice of this.#notices) viewer.notice(notice);
    return {
      status: () => this.#currentStatus(),
      ask: async (order) => this.#ask(order),
      end: () => {
        if (this.#viewers.delete(viewer) && this.#viewers.size === 0) this.#robot.explain(false);
      },
    };
  }

  async control(order: Order): Promise<{ text: string; result?: unknown }> {
    const done = await this.#robot.carryOut(order);
    this.#statusMs = Number.NEGATIVE_INFINITY;
    if (order.do !== 'checkpoints') this.notice('info', order.do === 'stop' ? `STOP: ${done.text}` : done.text);
    return done;
  }

  /** Tells every page something, also those that open later. */
  notice(level: Notice['level'], text: string): void {
    const notice: Notice = { kind: 'notice', atS: this.#nowS, level, text };
    this.#notices.push(notice);
    if (this.#notices.length > NOTICES_KEPT) this.#notices.shift();
    for (const viewer of this.#viewers) viewer.notice(notice);
  }

  /**
   * An episode has ended. Decisions that are still on their way count for the next: they are a tick's worth.
   *
   * @param told whether pages are told: of one that an operator sent elsewhere they are not, since its outcome is not the
   *   task's
   */
  endEpisode(end: EpisodeEnd, told = true): void {
    const { reward, loss, exploration, driftAlarms, interventions } = this.#account.endEpisode();
    const episode: EpisodeWords = {
      ...end,
      atS: this.#nowS,
      reward: finite(reward),
      loss: finite(loss),
      exploration: finite(exploration),
      driftAlarms,
      interventions,
    };
    this.#episode = end.episode + 1;
    if (!told) return;
    this.#episodes.push(episode);
    if (this.#episodes.length > EPISODES_KEPT) this.#episodes.shift();
    for (const viewer of this.#viewers) viewer.episode(episode);
  }

  /** Lets go of the controller. Views remain, and show what was there last. */
  close(): void {
    for (const end of this.#unsubscribe.splice(0)) end();
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
  }

  #onDecision(record: Float64Array): void {
    const cycle = record[DecisionField.cycle];
    const kept = this.#place(cycle);
    kept.set(record);
    this.#newest = kept;
    this.#account.decision(record);
    const driftAlarms = record[DecisionField.driftAlarms];
    if (driftAlarms > this.#driftAlarms) {
      this.notice('warning', 'drift alarm: what the policy expects and what it earns have parted');
    }
    this.#driftAlarms = driftAlarms;
    this.#follow(record);
    if (this.#viewers.size === 0 || this.#frameTimer !== null) return;
    // The decisions of a tick come one after the other: a page is shown the last of them.
    const waitMs = FRAME_GAP_MS - (performance.now() - this.#framedMs);
    this.#frameTimer = setTimeout(this.#onFrameTimer, Math.max(0, waitMs));
    this.#frameTimer.unref();
  }

  #onScan(doubles: Float64Array, beams: Float32Array): void {
    const count = doubles[RangesField.count];
    let kept = this.#scans[this.#nextScan];
    if (kept === undefined || kept.scan.ranges.length !== count) {
      kept = { sequence: 0, scan: { ...NO_SCAN, ranges: new Float32Array(count) } };
      this.#scans[this.#nextScan] = kept;
    }
    this.#nextScan = (this.#nextScan + 1) % SCANS_KEPT;
    kept.sequence = doubles[RangesField.sequence];
    const { ranges } = kept.scan;
    for (let i = 0; i < count; i++) ranges[i] = beams[i];
    kept.scan = {
      angleMin: doubles[RangesField.angleMin],
      angleIncrement: doubles[RangesField.angleIncrement],
      rangeMax: doubles[RangesField.rangeMax],
      mountX: doubles[RangesField.mountX],
      mountY: doubles[RangesField.mountY],
      mountYaw: doubles[RangesField.mountYaw],
      ranges,
    };
  }

  #onExplanation(record: Float64Array): void {
    if (this.#explanations === null) return;
    this.#explanations.set(record, (record[0] % this.#kept) * EXPLANATION_DOUBLES);
  }

  /** Adds the robot's place to the path driven. */
  #follow(record: Float64Array): void {
    const x = record[DecisionField.poseX];
    const y = record[DecisionField.poseY];
    if (!Number.isFinite(x + y)) return;
    const trail = this.#trail;
    const last = ((this.#trailCount - 1) % TRAIL_POINTS) * 3;
    const moved =
      this.#trailCount === 0 ? Number.POSITIVE_INFINITY : Math.hypot(x - trail[last + 1], y - trail[last + 2]);
    if (moved < TRAIL_STEP_M) return;
    if (moved > TRAIL_JUMP_M) this.#trailCount = 0;
    const at = (this.#trailCount % TRAIL_POINTS) * 3;
    trail[at] = this.#beganS(record);
    trail[at + 1] = x;
    trail[at + 2] = y;
    this.#trailCount++;
  }

  /** The place of a cycle's record, whosoever is there. */
  #place(cycle: number): Float64Array {
    const at = (cycle % this.#kept) * DECISION_DOUBLES;
    return this.#records.subarray(at, at + DECISION_DOUBLES);
  }

  /** Null where it is not kept. */
  #recordOf(cycle: number): Float64Array | null {
    // A cycle that is no whole number has no place.
    if (!(Number.isInteger(cycle) && cycle >= 0)) return null;
    const record = this.#place(cycle);
    return record[DecisionField.cycle] === cycle ? record : null;
  }

  #giveFrame(): void {
    this.#frameTimer = null;
    this.#framedMs = performance.now();
    const frame = this.#frame();
    if (frame === null) return;
    for (const viewer of this.#viewers) viewer.frame(frame);
  }

  #frame(): Frame | null {
    const record = this.#newest;
    if (record === null) return null;
    const sequence = record[DecisionField.rangesSequence];
    const kept = this.#scans.find((candidate) => candidate.sequence === sequence);
    return { atS: this.#beganS(record), record, scan: kept?.scan ?? null };
  }

  #beganS(record: Float64Array): number {
    return this.#robot.unixS(record[DecisionField.startNs]);
  }

  get #nowS(): number {
    return this.#robot.unixS(this.#robot.nowNs());
  }

  #currentStatus(): Omit<Status, 'kind' | 'skippedFrames'> {
    const nowMs = performance.now();
    if (this.#status !== null && nowMs - this.#statusMs < STATUS_AGE_MS) return this.#status;
    const recent = this.#episodes.slice(-RECENT_EPISODES);
    const successes = recent.filter(({ outcome }) => outcome === 'success').length;
    const figures = this.#robot.figures();
    if (figures.breakerOpen !== this.#breakerOpen) {
      this.#breakerOpen = figures.breakerOpen;
      if (figures.breakerOpen) this.notice('warning', 'breaker opened: the rule drives');
      else this.notice('info', 'breaker closed: the policy drives again');
    }
    this.#status = {
      ...figures,
      atS: this.#nowS,
      ageS: this.#ages(figures.paused),
      success: recent.length === 0 ? null : successes / recent.length,
      episode: this.#episode,
    };
    this.#statusMs = nowMs;
    return this.#status;
  }

  /** Those of the newest decision, and what has passed since; where time stands still nothing has. */
  #ages(paused: boolean): Status['ageS'] {
    const record = this.#newest;
    if (record === null) return { odometry: null, ranges: null, contacts: null };
    const sinceS = paused ? 0 : Math.max(0, this.#nowS - this.#beganS(record));
    const age = (field: number) => (Number.isFinite(record[field]) ? record[field] / 1e9 + sinceS : null);
    return {
      odometry: age(DecisionField.odometryAgeNs),
      ranges: age(DecisionField.rangesAgeNs),
      contacts: age(DecisionField.contactsAgeNs),
    };
  }

  #ask(order: Order): ExplanationWords | TrailWords | null {
    if (order.do === 'explain') return this.#explain(order.cycle);
    if (order.do === 'trail') return this.#path(order.atS, order.seconds);
    throw new Error('a robot at work cannot be shown at another time than now');
  }

  #explain(cycle: number): ExplanationWords {
    const record = this.#recordOf(cycle);
    if (record === null) {
      throw new Error(
        `cycle ${cycle} is not kept: the last ${this.#kept} decisions are, and the flight log has them all`,
      );
    }
    const at = (cycle % this.#kept) * EXPLANATION_DOUBLES;
    const explained = this.#explanations?.[at] === cycle;
    return {
      cycle,
      atS: this.#beganS(record),
      record: Array.from(record, (value) => (Number.isFinite(value) ? value : null)),
      contributions: explained
        ? Array.from((this.#explanations as Float64Array).subarray(at + 1, at + EXPLANATION_DOUBLES))
        : null,
    };
  }

  #path(atS: number, seconds: number): TrailWords {
    const points: number[] = [];
    const trail = this.#trail;
    for (let i = Math.max(0, this.#trailCount - TRAIL_POINTS); i < this.#trailCount; i++) {
      const at = (i % TRAIL_POINTS) * 3;
      if (trail[at] <= atS && trail[at] >= atS - seconds) points.push(trail[at + 1], trail[at + 2]);
    }
    return { points };
  }
}

const NO_SCAN = { angleMin: 0, angleIncrement: 0, rangeMax: 0, mountX: 0, mountY: 0, mountYaw: 0 };

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
