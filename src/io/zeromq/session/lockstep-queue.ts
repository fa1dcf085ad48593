/**
 * Lockstep: each sense has one answer, a command or an error that names its `q`. Senses that come while a step runs wait.
 * The newest answer is kept, so that the same sense again, whose answer was lost, gets it again and makes no step. Main
 * thread; of bounded size.
 */
import type { Sense } from '../protocol/protocol.js';

/** Senses that may wait for their step. */
export const QUEUE_SENSES = 8;

export class LockstepQueue {
  /** The sense whose step runs, or ran last: its number, its stamp [s], and since when [ns]. */
  q = Number.NaN;
  t = Number.NaN;
  sinceNs = 0;
  /** The sense that was answered last; NaN before, and where its answer is not kept any more. */
  answeredQ = Number.NaN;
  answeredT = Number.NaN;
  readonly #waiting: Sense[] = [];
  #stepping = false;
  /** Any 32-bit word. */
  #step = 0;
  #answer: Uint8Array | null = null;
  /** The sense whose turn was last: the one whose step runs, or that has been answered. */
  #newest: Sense | null = null;

  get stepping(): boolean {
    return this.#stepping;
  }
  /** The number of the step that runs. */
  get step(): number {
    return this.#step;
  }
  /** Senses that wait for their turn. */
  get length(): number {
    return this.#waiting.length;
  }

  /** @returns whether there was room */
  push(sense: Sense): boolean {
    if (this.#waiting.length >= QUEUE_SENSES) return false;
    this.#waiting.push(sense);
    return true;
  }

  /** The sense whose turn it is: `undefined` while a step runs, or where none waits. */
  next(): Sense | undefined {
    return this.#stepping ? undefined : this.#waiting.shift();
  }

  /** Whether a sense of this number waits, or its step runs. */
  has(q: number): boolean {
    if (this.#stepping && q === this.q) return true;
    for (let i = 0; i < this.#waiting.length; i++) if (this.#waiting[i].q === q) return true;
    return false;
  }

  /** Nobody waits any more. @returns how many did */
  drop(): number {
    const dropped = this.#waiting.length;
    this.#waiting.length = 0;
    return dropped;
  }

  /** A sense's turn has come. Kept until the next one's. */
  turn(sense: Sense): void {
    this.#newest = sense;
  }

  begin(step: number, q: number, t: number, nowNs: number): void {
    this.#stepping = true;
    this.#step = step;
    this.q = q;
    this.t = t;
    this.sinceNs = nowNs;
  }

  /** The step that runs, if any, is over. @returns whether one ran */
  end(): boolean {
    const stepped = this.#stepping;
    this.#stepping = false;
    return stepped;
  }

  /** @param answer to this sense, as it was sent; stays as it is */
  keep(answer: Uint8Array, q: number, t: number): void {
    this.#answer = answer;
    this.answeredQ = q;
    this.answeredT = t;
  }

  /** What was answered to this sense; null where it was not the last. */
  kept(q: number, t: number): Uint8Array | null {
    return q === this.answeredQ && t === this.answeredT ? this.#answer : null;
  }

  forget(): void {
    this.#answer = null;
    this.answeredQ = Number.NaN;
  }

  /**
   * Whether the first sense after a hello only seems to be the last one again: a simulation that was started anew with its
   * key has counted to the same number and stamp, and its readings are others. What was asked and answered in the run
   * before is no answer then.
   */
  isOfNewRun(sense: Sense): boolean {
    const { q, t } = sense;
    const asked = this.#stepping && q === this.q && t === this.t;
    const answered = q === this.answeredQ && t === this.answeredT;
    return (asked || answered) && this.#newest !== null && !sameReadings(sense, this.#newest);
  }
}

function sameReadings(a: Sense, b: Sense): boolean {
  const { ranges } = a;
  const sameRanges =
    ranges === undefined || b.ranges === undefined ? ranges === b.ranges : Buffer.compare(ranges, b.ranges) === 0;
  return sameRanges && sameNumbers(a.odom, b.odom) && sameNumbers(a.contacts, b.contacts);
}

function sameNumbers(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
