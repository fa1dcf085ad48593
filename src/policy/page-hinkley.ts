/**
 * The Page–Hinkley test (Page 1954) on a stream of losses: it fires when their mean has risen.
 *
 * Losses are measured in standard deviations of what came before, so that one threshold serves rewards of any scale. The
 * sum Σ (z − δ) of standardised losses falls while nothing changes; how far it stands above its lowest value is the
 * evidence of a rise, and beyond the threshold it is an alarm. After one it starts afresh.
 *
 * Thread: that of the policy it watches. Five doubles of the caller's memory, so that it is saved with the policy.
 */

/** Doubles of the test's state. */
export const PAGE_HINKLEY_WORDS = 5;

const COUNT = 0;
const MEAN = 1;
/** Sum of squared deviations from the mean (Welford 1962). */
const SPREAD = 2;
/** How far the sum stands above its lowest value; never below 0. */
const EVIDENCE = 3;
/** Alarms so far; survives a restart of the test. */
const ALARMS = 4;

/** Indexes into the settings that the test is built with. */
export interface PageHinkleySettings {
  /** Rise of the mean that is let pass [standard deviations]. */
  readonly delta: number;
  /** Evidence that is an alarm [standard deviations]. */
  readonly threshold: number;
  /** Losses seen before the first alarm is possible, since the start and since each alarm. */
  readonly minimum: number;
}

export class PageHinkley {
  readonly #words: Float64Array;
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
   * @returns whether it fired
   * @realtime safe
   */
  observe(losses: Float64Array, index: number): boolean {
    const words = this.#words;
    const settings = this.#settings;
    const loss = losses[index];
    const count = words[COUNT];
    if (count >= settings[2]) {
      // Against the mean and spread before this loss: it is to be explained by them, not to explain itself.
      const deviation = Math.sqrt(words[SPREAD] / count);
      const standardised = deviation > 0 ? (loss - words[MEAN]) / deviation : 0;
      const evidence = words[EVIDENCE] + standardised - settings[0];
      if (evidence > settings[1]) {
        words[COUNT] = 0;
        words[MEAN] = 0;
        words[SPREAD] = 0;
        words[EVIDENCE] = 0;
        words[ALARMS]++;
        return true;
      }
      words[EVIDENCE] = evidence > 0 ? evidence : 0;
    }
    const before = loss - words[MEAN];
    words[COUNT] = count + 1;
    words[MEAN] += before / (count + 1);
    words[SPREAD] += before * (loss - words[MEAN]);
    return false;
  }
}
