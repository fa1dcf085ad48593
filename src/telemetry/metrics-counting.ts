/**
 * Counters that are wide enough, out of shared words that are not. The control thread counts in 32 bits and wraps; what
 * Prometheus reads must only rise. Main thread.
 */

const HALF_WORD = 0x80000000;

/** 32-bit counters of another writer as sums that do not wrap, brought up to date by `advance`. */
export class RisingWords {
  /** As of the last `advance`, one double for each word. */
  readonly totals: Float64Array;
  readonly #words: Uint32Array | Int32Array;
  readonly #seen: Uint32Array;

  /** @param fromNow what the words hold already does not count */
  constructor(words: Uint32Array | Int32Array, fromNow: boolean) {
    this.#words = words;
    this.totals = new Float64Array(words.length);
    this.#seen = fromNow ? Uint32Array.from(words, (word) => word >>> 0) : new Uint32Array(words.length);
  }

  /** To be called at least once in 2³¹ counts. A word that has fallen begins anew and counts for nothing. */
  advance(): void {
    const words = this.#words;
    const seen = this.#seen;
    for (let i = 0; i < words.length; i++) {
      const now = words[i] >>> 0;
      const rise = (now - seen[i]) >>> 0;
      if (rise < HALF_WORD) this.totals[i] += rise;
      seen[i] = now;
    }
  }
}

/** A number of another's that rises while its owner is the same one, as a sum over all owners. */
export class RisingFigure {
  total = 0;
  #owner: object | null = null;
  #seen = 0;

  /** What the first owner has counted already does not count. @param owner null: there is none */
  constructor(owner: object | null, value: number) {
    this.#owner = owner;
    this.#seen = value;
  }

  /** Takes in what `owner` has counted; of one that is new, all that it has. */
  advance(owner: object | null, value: number): void {
    const before = owner === this.#owner ? this.#seen : 0;
    if (owner !== null && value > before) this.total += value - before;
    this.#owner = owner;
    this.#seen = value;
  }
}
