/** What each feature added to a value, of the decisions of a flight log that was written without: by repeating it. */
import type { FlightLogReader } from '../telemetry/flight-log/log-reader.js';
import { FlightRepeat } from './flight-repeat.js';

/** Decisions that are repeated between two turns of the event loop: a few milliseconds. */
const DECISIONS_AT_ONCE = 200;

/**
 * Explains one decision after the other. It goes on from where it is for a later one and begins anew for an earlier one,
 * and lets others have their turn meanwhile. Main thread.
 */
export class LogExplainer {
  readonly #log: FlightLogReader;
  #repeat: FlightRepeat | null = null;
  /** The newest decision that was repeated. */
  #cycle = -1;
  #asked: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(log: FlightLogReader) {
    this.#log = log;
  }

  /**
   * @returns direction after direction, `EXPLAINED` numbers each; null where the log cannot be repeated so far
   * @throws FlightLogError where the log cannot be read
   */
  explain(cycle: number): Promise<Float64Array | null> {
    const explained = this.#asked.then(() => this.#explain(cycle));
    this.#asked = explained.catch(() => undefined);
    return explained;
  }

  /** Ends what is under way, before the log is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#asked;
  }

  async #explain(cycle: number): Promise<Float64Array | null> {
    if (this.#repeat === null || this.#cycle >= cycle) {
      this.#cycle = -1;
      this.#repeat = new FlightRepeat(this.#log);
      this.#repeat.explain();
    }
    while (this.#cycle < cycle) {
      if (this.#closed) return null;
      const until = Math.min(cycle, this.#cycle + DECISIONS_AT_ONCE);
      const { state } = this.#repeat.run(until);
      if (state !== 'asked') {
        // Where it ended once it ends again.
        this.#repeat = null;
        return null;
      }
      this.#cycle = until;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#repeat.explanation()?.slice(1) ?? null;
  }
}
