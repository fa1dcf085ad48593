import { assert } from '../core/assert.js';

/** Why a cycle missed its deadline. */
export const Miss = {
  none: 0,
  /** It would have made it, had it started on time. */
  wokenLate: 1,
  /** The computing alone took longer than the deadline. */
  computedLong: 2,
} as const;
export type MissCause = (typeof Miss)[keyof typeof Miss];

/**
 * Judges a cycle by the time of its command against the time it was *scheduled*, so that a stall counts in every cycle
 * it delayed. Allocates nothing.
 */
export class Deadline {
  /** [ns] */
  readonly periodNs: number;
  /** From the scheduled start to the latest good command [ns]. */
  readonly limitNs: number;

  /** @param periodNs above 0; @param fraction of the period that a cycle may take, above 0 */
  constructor(periodNs: number, fraction: number) {
    assert(periodNs > 0 && fraction > 0, 'a deadline lies after the start of its cycle');
    this.periodNs = periodNs;
    this.limitNs = Math.round(periodNs * fraction);
  }

  /**
   * @param latenessNs from the scheduled to the actual start
   * @param computeNs from the actual start to the moment of judging, just before the command is emitted
   * @returns `Miss.none` or the cause; a time that is no number is a miss
   * @realtime safe
   */
  judge(latenessNs: number, computeNs: number): MissCause {
    if (latenessNs + computeNs <= this.limitNs) return Miss.none;
    return computeNs > this.limitNs ? Miss.computedLong : Miss.wokenLate;
  }
}
