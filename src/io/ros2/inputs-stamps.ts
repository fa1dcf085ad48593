/** Stamps of a source: what tells one that began anew from one that repeats itself, and what is said of them. */
import type { Header } from './cdr/stamped.js';

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

/** Of a reading with the stamp of the one before. */
export function stillWords(header: Header): string {
  return `its stamp stands still at ${timeOf(header)}: does its source set header.stamp?`;
}

/** Of a reading with a stamp before that of the last. */
export function backWords(header: Header): string {
  return `its stamp goes back, to ${timeOf(header)}: is there more than one publisher?`;
}

function timeOf({ seconds, nanoseconds }: Header): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')} s`;
}
