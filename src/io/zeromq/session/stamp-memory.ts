/**
 * Which sense brought odometry of a stamp: in free mode a command names by its stamp the odometry that its cycle used.
 * Main thread; of bounded size, allocates when it is made.
 */

/** Senses that are remembered: a quarter of a second at 1 kHz. A power of two. */
const REMEMBERED_SENSES = 256;
const MASK = REMEMBERED_SENSES - 1;

export class StampMemory {
  /** What `find` found: number and stamp [s] of the sense. */
  q = Number.NaN;
  t = Number.NaN;
  readonly #stamps = new Float64Array(REMEMBERED_SENSES).fill(Number.NaN);
  readonly #q = new Float64Array(REMEMBERED_SENSES);
  readonly #t = new Float64Array(REMEMBERED_SENSES);
  #next = 0;

  /** @param stampNs above that of the last one since `clear`. @realtime safe */
  remember(stampNs: number, q: number, t: number): void {
    const i = this.#next;
    this.#stamps[i] = stampNs;
    this.#q[i] = q;
    this.#t[i] = t;
    this.#next = (i + 1) & MASK;
  }

  /** @returns whether a sense of this stamp is remembered; then `q` and `t` are its own. @realtime safe */
  find(stampNs: number): boolean {
    const stamps = this.#stamps;
    for (let back = 1; back <= REMEMBERED_SENSES; back++) {
      const i = (this.#next - back) & MASK;
      // Stamps fall from the newest to the oldest.
      if (stamps[i] > stampNs) continue;
      if (stamps[i] !== stampNs) return false;
      this.q = this.#q[i];
      this.t = this.#t[i];
      return true;
    }
    return false;
  }

  /** Stamps begin anew. */
  clear(): void {
    this.#stamps.fill(Number.NaN);
  }
}
