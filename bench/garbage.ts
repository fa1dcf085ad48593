/** A main thread that is busy on purpose: it allocates without end, and its collector works hard. */

/** Arrays held at any time: enough that the old generation is collected, too. */
const HELD = 20_000;
/** How long it works before the event loop turns [ms]. */
const BURST_MS = 4;

export class Garbage {
  readonly #held: unknown[] = [];
  #next = 0;
  #running = false;

  /** Begins; `between` is called between two bursts. */
  start(between: () => void): void {
    this.#running = true;
    const turn = (): void => {
      if (!this.#running) return;
      this.#burst();
      between();
      setImmediate(turn);
    };
    turn();
  }

  stop(): void {
    this.#running = false;
    this.#held.length = 0;
  }

  #burst(): void {
    const end = performance.now() + BURST_MS;
    while (performance.now() < end) {
      for (let i = 0; i < 200; i++) {
        this.#next = (this.#next + 1) % HELD;
        this.#held[this.#next] = { name: `garbage ${this.#next}`, numbers: new Array(64).fill(this.#next / 3) };
      }
    }
  }
}
