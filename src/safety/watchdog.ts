/**
 * Notices that another thread stopped living: its counter stands still for longer than a timeout. The main thread
 * watches the control thread's cycles by it, and the control thread the main thread's heartbeat. Allocates nothing.
 */
export class Watchdog {
  /** Since the counter was last seen to change [ns]; 0 before the first observation. */
  ageNs = 0;
  /** Whether the counter has stood still for longer than the timeout. */
  expired = false;
  readonly #timeoutNs: number;
  #count = 0;
  #changedNs = 0;
  #watching = false;

  /** @param timeoutNs how long the counter may stand still */
  constructor(timeoutNs: number) {
    this.#timeoutNs = timeoutNs;
  }

  /**
   * Takes note of the counter. The first call starts the time; the watched thread then has the whole timeout.
   *
   * @param nowNs of a clock that does not go back
   * @returns `expired`
   * @realtime safe
   */
  observe(count: number, nowNs: number): boolean {
    if (!this.#watching || count !== this.#count) {
      this.#watching = true;
      this.#count = count;
      this.#changedNs = nowNs;
    }
    this.ageNs = nowNs - this.#changedNs;
    this.expired = this.ageNs > this.#timeoutNs;
    return this.expired;
  }

  /** Forgets what it saw: the next call starts the time anew. @realtime safe */
  restart(): void {
    this.#watching = false;
    this.ageNs = 0;
    this.expired = false;
  }
}
