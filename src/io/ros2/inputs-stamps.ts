/** Tells a source that began anew from one that repeats itself. */

/** A reading that is so much older than the last is of another run of its source, or of another source [ns]. */
const RESTART_NS = 0.5e9;
/** So many in a row must be, with stamps that rise: one reading with a broken stamp is no restart. */
const RESTART_READINGS = 5;

export class StampWatch {
  #lastNs = Number.NEGATIVE_INFINITY;
  #behindNs = Number.NEGATIVE_INFINITY;
  #behind = 0;

  /**
   * A reading with that stamp was accepted.
   *
   * @returns whether it is of a new run all the same: somebody else told the sink of a new frame, as simulated time that
   *   begins anew does
   * @realtime safe
   */
  accepted(stampNs: number): boolean {
    const restarted = this.#lastNs - stampNs >= RESTART_NS;
    this.#lastNs = stampNs;
    this.#behind = 0;
    return restarted;
  }

  /**
   * A reading was refused because its stamp goes back.
   *
   * @returns whether the source began anew: what comes from here on is to be believed
   * @realtime safe
   */
  restarted(stampNs: number): boolean {
    if (this.#lastNs - stampNs < RESTART_NS) this.#behind = 0;
    else if (this.#behind > 0 && stampNs > this.#behindNs) this.#behind++;
    else this.#behind = 1;
    this.#behindNs = stampNs;
    return this.#behind >= RESTART_READINGS;
  }
}
