/** How a rate changes over a training. */
import { UsageError } from './usage.js';

export const SCHEDULE_KINDS = ['constant', 'linear', 'exponential'] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** Where a schedule ends that was not told where: at this share of its start. */
const DEFAULT_END_SHARE = 0.1;

export class RateSchedule {
  readonly kind: ScheduleKind;
  readonly start: number;
  readonly end: number;

  /**
   * @param flag for messages: `--epsilon`
   * @param end undefined: a tenth of the start
   * @throws UsageError
   */
  constructor(flag: string, kind: ScheduleKind, start: number, end: number | undefined) {
    if (kind === 'constant' && end !== undefined) {
      throw new UsageError(`${flag}-end ${end} needs ${flag}-schedule linear or exponential`);
    }
    this.kind = kind;
    this.start = start;
    this.end = kind === 'constant' ? start : (end ?? start * DEFAULT_END_SHARE);
    if (kind === 'exponential' && !(this.start > 0 && this.end > 0)) {
      throw new UsageError(
        `${flag}-schedule exponential goes from ${this.start} to ${this.end}; allowed: two values above 0`,
      );
    }
  }

  /** The value for episode `index` of `count`: the start in the first, the end in the last. */
  at(index: number, count: number): number {
    if (this.kind === 'constant' || count < 2) return this.start;
    const share = Math.min(1, Math.max(0, index / (count - 1)));
    if (share === 1) return this.end;
    return this.kind === 'linear'
      ? this.start + (this.end - this.start) * share
      : this.start * (this.end / this.start) ** share;
  }
}
