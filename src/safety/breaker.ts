import { assert } from '../core/assert.js';

/**
 * Takes the learned policy off the robot when its cycles keep missing their deadlines, and gives it back when they keep
 * them: opens after `openMisses` misses in a row, closes after `closeCycles` clean cycles in a row. Allocates nothing.
 */
export class Breaker {
  /** While open, the fallback drives and nothing is learned. */
  open = false;
  /** Times it opened. */
  openings = 0;
  readonly #openMisses: number;
  readonly #closeCycles: number;
  /** Misses in a row while closed, clean cycles in a row while open. */
  #run = 0;

  /** @param openMisses ≥ 1; @param closeCycles ≥ 1 */
  constructor(openMisses: number, closeCycles: number) {
    assert(openMisses >= 1 && closeCycles >= 1, 'a breaker counts at least one cycle');
    this.#openMisses = openMisses;
    this.#closeCycles = closeCycles;
  }

  /**
   * Counts one cycle.
   *
   * @returns whether the breaker is open for the next one
   * @realtime safe
   */
  update(missed: boolean): boolean {
    // Either way a run is broken by the other kind of cycle.
    if (missed === this.open) {
      this.#run = 0;
      return this.open;
    }
    this.#run++;
    if (this.#run >= (this.open ? this.#closeCycles : this.#openMisses)) {
      this.open = !this.open;
      this.#run = 0;
      if (this.open) this.openings++;
    }
    return this.open;
  }
}
