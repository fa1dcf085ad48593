/**
 * What the control thread measures of itself, in shared memory: three histograms, counters and a few levels. The control
 * thread is the one writer; any thread may read at any time, without a lock, and sees each word whole though not all of
 * one cycle at once. Counters are 32 bit and wrap: readers compare by difference.
 *
 * Recording a cycle touches about a dozen words. Allocates nothing after construction.
 */
import { LINE_PAIR_BYTES } from '../memory/arena.js';
import type { ControlLayout } from '../memory/layout.js';
import { isIntervention } from '../memory/reason.js';
import { Miss } from './deadline.js';

/** Buckets per doubling, as a power of two: a bucket is at most 1/32 of its value wide. */
const SUB_BUCKET_BITS = 5;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** Times from 2^40 ns (18 minutes) on share the last bucket. */
const TOP_EXPONENT = 40;
/** 32 buckets of 1 ns, then 32 for each doubling up to the top. */
export const HISTOGRAM_BUCKETS = SUB_BUCKETS * (1 + TOP_EXPONENT - SUB_BUCKET_BITS);
const TOP_NS = 2 ** TOP_EXPONENT;
const WORD = 4294967296;

/** The middle of the widest bucket is off by half of 1/32 of the value. */
export const HISTOGRAM_RELATIVE_ERROR = 1 / (2 * SUB_BUCKETS);

/** The bucket of a time [ns]; what is negative or no number goes to bucket 0. @realtime safe */
function bucketOf(ns: number): number {
  if (!(ns >= SUB_BUCKETS)) return ns > 0 ? Math.floor(ns) : 0;
  if (ns >= TOP_NS) return HISTOGRAM_BUCKETS - 1;
  // The quotient by the bucket's width is 32 … 63.
  if (ns < WORD) {
    const shift = 31 - SUB_BUCKET_BITS - Math.clz32(ns);
    return shift * SUB_BUCKETS + (ns >>> shift);
  }
  const shift = 63 - SUB_BUCKET_BITS - Math.clz32(ns / WORD);
  return shift * SUB_BUCKETS + Math.floor(ns / 2 ** shift);
}

/** The first time that belongs to a bucket [ns]; with the number of buckets, where the last one ends. */
export function bucketStartNs(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  return (index - shift * SUB_BUCKETS) * 2 ** shift;
}

function bucketMiddleNs(index: number): number {
  const start = bucketStartNs(index);
  const width = bucketStartNs(index + 1) - start;
  return start + (width - 1) / 2;
}

/** The value at a quantile of bucket counts, as the middle of its bucket; NaN where there is none. */
function quantileOf(counts: Uint32Array, q: number): number {
  let total = 0;
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) total += counts[i];
  if (total === 0) return Number.NaN;
  const rank = Math.min(total, Math.max(1, Math.ceil(q * total)));
  let seen = 0;
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += counts[i];
    if (seen >= rank) return bucketMiddleNs(i);
  }
  return Number.NaN;
}

const MAX = 0;
const SUM = 1;
const EXTREMES_BYTES = 16;

/**
 * Times by log-linear buckets, as HdrHistogram has them: exact below 32 ns, then 32 buckets for each doubling, so that a
 * quantile is within 1.6 % of the true one up to 18 minutes.
 */
export class Histogram {
  static readonly bytes = EXTREMES_BYTES + HISTOGRAM_BUCKETS * 4;

  readonly counts: Uint32Array;
  /** Aligned doubles are written in one piece by every 64-bit processor Node runs on, though the language allows a tear;
   * they are for reading by people, and nothing is decided by them. */
  readonly #extremes: Float64Array;

  /** @param byteOffset a multiple of 8 */
  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    this.#extremes = new Float64Array(buffer, byteOffset, 2);
    this.counts = new Uint32Array(buffer, byteOffset + EXTREMES_BYTES, HISTOGRAM_BUCKETS);
  }

  /** Counts one time [ns]. Writer's side only. @realtime safe */
  record(ns: number): void {
    this.counts[bucketOf(ns)]++;
    if (ns > this.#extremes[MAX]) this.#extremes[MAX] = ns;
    if (ns > 0) this.#extremes[SUM] += ns;
  }

  /** Times recorded. @realtime unsafe (walks the buckets) */
  get count(): number {
    let total = 0;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) total += this.counts[i];
    return total;
  }

  /** The longest time, exact [ns]; 0 where there is none. */
  get max(): number {
    return this.#extremes[MAX];
  }

  /** Of the times above 0 [ns]. */
  get sum(): number {
    return this.#extremes[SUM];
  }

  /** [ns]; NaN where there is none. */
  get mean(): number {
    return this.#extremes[SUM] / this.count;
  }

  /** @param q 0 … 1. @returns [ns], within `HISTOGRAM_RELATIVE_ERROR`; NaN where there is none */
  quantile(q: number): number {
    return Math.min(quantileOf(this.counts, q), this.max);
  }
}

/** A histogram's values since the last reading. Reader's side; allocates at construction only. */
export class HistogramWindow {
  readonly #histogram: Histogram;
  readonly #seen: Uint32Array;
  readonly #recent: Uint32Array;

  /** Begins with what the histogram holds now: nothing of it is in the first window. */
  constructor(histogram: Histogram) {
    this.#histogram = histogram;
    this.#seen = Uint32Array.from(histogram.counts);
    this.#recent = new Uint32Array(HISTOGRAM_BUCKETS);
  }

  /** Moves on: the figures below now are of the time between the last call and this one. */
  advance(): void {
    const counts = this.#histogram.counts;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
      const now = counts[i];
      // A typed array's store wraps as the counter does.
      this.#recent[i] = now - this.#seen[i];
      this.#seen[i] = now;
    }
  }

  get count(): number {
    let total = 0;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) total += this.#recent[i];
    return total;
  }

  /** [ns]; NaN where the window is empty. */
  quantile(q: number): number {
    return Math.min(quantileOf(this.#recent, q), this.#histogram.max);
  }

  /** The window's longest time, within `HISTOGRAM_RELATIVE_ERROR` [ns]; NaN where the window is empty. */
  get max(): number {
    return this.quantile(1);
  }
}

/** Indexes of the counters and whole-number levels. */
export const Counter = {
  cycles: 0,
  missesWokenLate: 1,
  missesComputedLong: 2,
  /** Decisions that the policy learned from. */
  learned: 3,
  breakerOpenings: 4,
  /** Late starts that ran back to back. */
  catchUps: 5,
  /** Starts that were left out because their time had passed. */
  skips: 6,
  /** Cycles in which an input was too old to drive by. */
  staleCycles: 7,
  /** Rewards in `Level.rewardSum`. */
  rewards: 8,
  /** Level: 1 while the breaker is open. */
  breakerOpen: 9,
  goals: 10,
  arrivals: 11,
  /** Cycles started by an observation before they were due. */
  earlyStarts: 12,
  /** Cycles in which the main thread's heartbeat was too old. */
  heartbeatLosses: 13,
  /** Alarms of the policy's watch for drift. */
  driftAlarms: 14,
  /** Rewards from outside that were overwritten before a cycle took them in. */
  feedbackDropped: 15,
  /** From here on what became of the others: `PENDING_COUNTS` words, indexed with `PendingCount`. */
  feedback: 16,
  /** Level: decisions that wait for their reward. */
  waiting: 24,
} as const;
const COUNTER_WORDS = 32;

/** Indexes of the levels that are doubles. */
export const Level = { rewardSum: 0 } as const;
const LEVEL_DOUBLES = 8;

/** Room for reason codes: those of memory/reason.ts, and those to come. */
const REASON_SLOTS = 64;

function padded(bytes: number): number {
  return Math.ceil(bytes / LINE_PAIR_BYTES) * LINE_PAIR_BYTES;
}

const COUNTERS_AT = 0;
const INTERVENTIONS_AT = COUNTERS_AT + padded(COUNTER_WORDS * 4);
const LEVELS_AT = INTERVENTIONS_AT + padded(REASON_SLOTS * 4);
const LATENESS_AT = LEVELS_AT + padded(LEVEL_DOUBLES * 8);
const COMPUTE_AT = LATENESS_AT + padded(Histogram.bytes);
const PERIOD_AT = COMPUTE_AT + padded(Histogram.bytes);
/** Size of the statistics region [bytes]: `LayoutSizes.statisticsBytes`. */
export const STATISTICS_BYTES = PERIOD_AT + padded(Histogram.bytes);

export class ControlStatistics {
  static readonly bytes = STATISTICS_BYTES;

  /** From the scheduled to the actual start of a cycle. */
  readonly lateness: Histogram;
  /** From a cycle's start to its command. */
  readonly compute: Histogram;
  /** From one start to the next. */
  readonly period: Histogram;
  /** Index with `Counter`. */
  readonly counters: Uint32Array;
  /** Cycles by reason code; `isIntervention` tells interventions from mere states. */
  readonly interventions: Uint32Array;
  /** Index with `Level`. */
  readonly levels: Float64Array;

  /** @param byteOffset `ControlLayout.statistics` */
  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    this.counters = new Uint32Array(buffer, byteOffset + COUNTERS_AT, COUNTER_WORDS);
    this.interventions = new Uint32Array(buffer, byteOffset + INTERVENTIONS_AT, REASON_SLOTS);
    this.levels = new Float64Array(buffer, byteOffset + LEVELS_AT, LEVEL_DOUBLES);
    this.lateness = new Histogram(buffer, byteOffset + LATENESS_AT);
    this.compute = new Histogram(buffer, byteOffset + COMPUTE_AT);
    this.period = new Histogram(buffer, byteOffset + PERIOD_AT);
  }

  /**
   * Accounts one cycle. Writer's side only.
   *
   * @param periodNs since the last cycle's start; 0 or less in the first cycle, which has none
   * @param miss of `Deadline.judge`
   * @param reason of the command, 0 where it is the one its driver asked for
   * @realtime safe
   */
  recordCycle(latenessNs: number, computeNs: number, periodNs: number, miss: number, reason: number): void {
    const counters = this.counters;
    counters[Counter.cycles]++;
    this.lateness.record(latenessNs);
    this.compute.record(computeNs);
    if (periodNs > 0) this.period.record(periodNs);
    if (miss === Miss.wokenLate) counters[Counter.missesWokenLate]++;
    else if (miss === Miss.computedLong) counters[Counter.missesComputedLong]++;
    if (reason > 0 && reason < REASON_SLOTS) this.interventions[reason]++;
  }

  /** Accounts rewards that were learned from, by their sum. Writer's side only. @realtime safe */
  recordReward(sum: number, count = 1): void {
    this.counters[Counter.learned] += count;
    this.counters[Counter.rewards] += count;
    this.levels[Level.rewardSum] += sum;
  }

  /** Deadlines missed, of either cause. */
  get misses(): number {
    return this.counters[Counter.missesWokenLate] + this.counters[Counter.missesComputedLong];
  }

  /** Cycles in which safety acted, for any reason. */
  get interventionCount(): number {
    let total = 0;
    for (let i = 1; i < REASON_SLOTS; i++) if (isIntervention(i)) total += this.interventions[i];
    return total;
  }
}

/** The statistics since the last reading, for a live line or a scrape. Reader's side; allocates at construction only. */
export class StatisticsWindow {
  readonly lateness: HistogramWindow;
  readonly compute: HistogramWindow;
  readonly period: HistogramWindow;
  /** Index with `Counter`; levels are as they stand. */
  readonly counters = new Uint32Array(COUNTER_WORDS);
  readonly interventions = new Uint32Array(REASON_SLOTS);
  /** Mean of the rewards in the window; NaN where there are none. */
  meanReward = Number.NaN;
  readonly #statistics: ControlStatistics;
  readonly #seenCounters: Uint32Array;
  readonly #seenInterventions: Uint32Array;
  #seenRewardSum: number;

  constructor(statistics: ControlStatistics) {
    this.#statistics = statistics;
    this.lateness = new HistogramWindow(statistics.lateness);
    this.compute = new HistogramWindow(statistics.compute);
    this.period = new HistogramWindow(statistics.period);
    this.#seenCounters = Uint32Array.from(statistics.counters);
    this.#seenInterventions = Uint32Array.from(statistics.interventions);
    this.#seenRewardSum = statistics.levels[Level.rewardSum];
  }

  /** Moves on: everything here now is of the time between the last call and this one. */
  advance(): void {
    this.lateness.advance();
    this.compute.advance();
    this.period.advance();
    difference(this.#statistics.counters, this.#seenCounters, this.counters);
    this.counters[Counter.breakerOpen] = this.#statistics.counters[Counter.breakerOpen];
    this.counters[Counter.waiting] = this.#statistics.counters[Counter.waiting];
    difference(this.#statistics.interventions, this.#seenInterventions, this.interventions);
    const sum = this.#statistics.levels[Level.rewardSum];
    this.meanReward = (sum - this.#seenRewardSum) / this.counters[Counter.rewards];
    this.#seenRewardSum = sum;
  }
}

function difference(now: Uint32Array, seen: Uint32Array, out: Uint32Array): void {
  for (let i = 0; i < now.length; i++) {
    const value = now[i];
    out[i] = value - seen[i];
    seen[i] = value;
  }
}

export interface MemoryReport {
  /** Regions of the shared block, in their order. */
  regions: { name: string; writer: 'main' | 'control'; bytes: number }[];
  totalBytes: number;
}

/** What the start-up print says of the memory that is fixed from then on. */
export function memoryReport(layout: ControlLayout): MemoryReport {
  return {
    regions: layout.regions.map(({ name, writer, bytes }) => ({ name, writer, bytes })),
    totalBytes: layout.totalBytes,
  };
}
