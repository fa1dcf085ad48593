/** The numbers of a session's senses: which is news, and which has been passed. Main thread. */

/** So many senses for so long, all of them overtaken, are a mistake of the robot's, and it is told [ns]. */
const LATE_NS = 1e9;
const LATE_SENSES = 3;

export class SenseNumbers {
  #newest = Number.NaN;
  /** After a hello the robot may count from anywhere. */
  #any = true;
  /** Senses that were overtaken since the last that was not. */
  #late = 0;
  #lateSinceNs = 0;

  /** NaN before the first. */
  get newest(): number {
    return this.#newest;
  }
  /** No sense has come since the hello. */
  get begins(): boolean {
    return this.#any;
  }

  /** The robot has said hello. */
  beginAnew(): void {
    this.#any = true;
  }

  /** Whether this number is not above the newest. */
  hasPassed(q: number): boolean {
    return !this.#any && q <= this.#newest;
  }

  /** Whether a newer sense has come already; it may have come by another connection. */
  isOvertaken(q: number): boolean {
    return !this.#any && q < this.#newest;
  }

  advance(q: number): void {
    this.#any = false;
    this.#newest = q;
    this.#late = 0;
  }

  /**
   * One more came that was overtaken, which is no news.
   *
   * @returns whether nothing else has come for a second: the robot counts anew and has not said hello
   */
  countsAnew(nowNs: number): boolean {
    if (this.#late === 0) this.#lateSinceNs = nowNs;
    this.#late++;
    if (this.#late < LATE_SENSES || nowNs - this.#lateSinceNs < LATE_NS) return false;
    this.#late = 0;
    return true;
  }
}
