/**
 * The control thread's histograms as Prometheus has them: few cumulative buckets out of the many log-linear ones. Every
 * edge is the end of a log-linear bucket, so that counts at edges are exact and nothing is interpolated. Times are whole
 * nanoseconds; `le` is the longest one that lies within.
 */

import { RisingWords } from './metrics-counting.js';
import type { HistogramSource } from './metrics-source.js';

/** Edges of lateness and computing time lie between these, two for each doubling [ns]: 4 µs … 4.3 s. */
const FIRST_EDGE_NS = 2 ** 12;
const LAST_EDGE_NS = 2 ** 32;
/** Edges of the period, as shares of what it is to be: what matters is how far it strays. */
const PERIOD_SHARES = [0.1, 0.5, 0.75, 0.9, 0.95, 0.975, 1.025, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 50];

/** The number of the log-linear bucket that begins nearest to `ns`; the last one is open, and so its end is no edge. */
function nearestBucket(ns: number, bucketStartNs: (index: number) => number, buckets: number): number {
  let low = 0;
  let high = buckets;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bucketStartNs(middle) < ns) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && ns - bucketStartNs(low - 1) < bucketStartNs(low) - ns) low--;
  return Math.min(Math.max(low, 1), buckets - 1);
}

/** Edges that suit times from microseconds to seconds [ns]. */
export function delayEdgesNs(): number[] {
  const edges: number[] = [];
  for (let edge = FIRST_EDGE_NS; edge < LAST_EDGE_NS; edge *= 2) edges.push(edge, edge * 1.5);
  return [...edges, LAST_EDGE_NS];
}

/** Edges about the configured period [ns]. */
export function periodEdgesNs(periodNs: number): number[] {
  return PERIOD_SHARES.map((share) => share * periodNs);
}

/** One histogram of the control thread's, as sums that do not wrap. */
export class BucketedHistogram {
  /** `le` of each bucket [s], ascending, without +Inf. */
  readonly edgesS: readonly number[];
  /** Times up to each edge, and behind them all: as of the last `advance`. */
  readonly cumulative: Float64Array;
  /** [s] */
  sumS = 0;
  readonly #source: HistogramSource;
  readonly #words: RisingWords;
  readonly #ends: readonly number[];
  readonly #sumBefore: number;

  /**
   * @param edgesNs wished for, ascending; each is moved to the nearest end of a log-linear bucket
   * @param fromNow what was counted already does not count
   */
  constructor(
    source: HistogramSource,
    edgesNs: readonly number[],
    bucketStartNs: (index: number) => number,
    fromNow: boolean,
  ) {
    this.#source = source;
    this.#words = new RisingWords(source.counts, fromNow);
    this.#sumBefore = fromNow ? source.sum : 0;
    const ends = edgesNs.map((edge) => nearestBucket(edge, bucketStartNs, source.counts.length));
    this.#ends = [...new Set(ends)];
    this.edgesS = this.#ends.map((end) => (bucketStartNs(end) - 1) / 1e9);
    this.cumulative = new Float64Array(this.#ends.length + 1);
  }

  advance(): void {
    this.#words.advance();
    const { totals } = this.#words;
    const { cumulative } = this;
    let count = 0;
    let bucket = 0;
    for (let i = 0; i < this.#ends.length; i++) {
      for (; bucket < this.#ends[i]; bucket++) count += totals[bucket];
      cumulative[i] = count;
    }
    for (; bucket < totals.length; bucket++) count += totals[bucket];
    cumulative[this.#ends.length] = count;
    this.sumS = (this.#source.sum - this.#sumBefore) / 1e9;
  }

  /** Times in all. */
  get count(): number {
    return this.cumulative[this.#ends.length];
  }
}
