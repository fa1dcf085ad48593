/** Script time of the page's own frames, over the last few seconds. */
const KEPT = 300;

export interface FrameFigures {
  /** Pictures drawn since the page was loaded. */
  readonly frames: number;
  /** Drawn a second, over those kept. */
  readonly perSecond: number;
  /** Script time of a picture, what was received for it included [ms]. */
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly longestMs: number;
}

export class FrameTimer {
  readonly #spentMs = new Float64Array(KEPT);
  readonly #atMs = new Float64Array(KEPT);
  #frames = 0;
  #receivingMs = 0;

  /** Script time that the next picture is to bear: a message that was taken in. */
  received(ms: number): void {
    this.#receivingMs += ms;
  }

  drawn(nowMs: number, spentMs: number): void {
    const slot = this.#frames % KEPT;
    this.#spentMs[slot] = spentMs + this.#receivingMs;
    this.#atMs[slot] = nowMs;
    this.#receivingMs = 0;
    this.#frames++;
  }

  figures(): FrameFigures {
    const kept = Math.min(KEPT, this.#frames);
    const sorted = this.#spentMs.slice(0, kept).sort();
    const newest = this.#atMs[(this.#frames - 1 + KEPT) % KEPT];
    const oldest = this.#atMs[this.#frames > KEPT ? this.#frames % KEPT : 0];
    return {
      frames: this.#frames,
      perSecond: kept < 2 ? 0 : ((kept - 1) * 1000) / (newest - oldest),
      medianMs: kept === 0 ? 0 : sorted[kept >> 1],
      p95Ms: kept === 0 ? 0 : sorted[Math.min(kept - 1, Math.floor(kept * 0.95))],
      longestMs: kept === 0 ? 0 : sorted[kept - 1],
    };
  }
}
