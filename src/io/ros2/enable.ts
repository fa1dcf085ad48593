/**
 * std_msgs/Bool on `~/enable`: an operator's switch. Main thread.
 *
 * Two readers hear it, one of what is latched and one of what is not, and most messages come by both. While a publisher is
 * being discovered the copies of one reader may be late: a `true` that was followed by `false` may come after it. A `true`
 * that a reader has not itself heard a `false` before therefore waits, where the other has just heard one: for whether
 * `false` follows. A `false` never waits.
 */
import type { CdrReader } from './cdr/cdr-reader.js';
import type { InputFigures } from './input-figures.js';
import type { ReadingTime } from './ros-time.js';

/** The readers. */
export const EnableReader = { latched: 0, live: 1 } as const;
export type EnableReaderIndex = (typeof EnableReader)[keyof typeof EnableReader];

/** So much later than the other reader's a copy may come [ns]. */
const LATE_NS = 1e9;

export interface EnableInputOptions {
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly figures: InputFigures;
  /** Called with each message, also when it says the same again. */
  readonly onEnable: (enabled: boolean) => void;
}

export class EnableInput {
  /** True where nothing was said. */
  enabled = true;
  readonly #options: EnableInputOptions;
  /** By reader, what it heard last, and when it last heard `false` [ns]. */
  readonly #last: (boolean | null)[] = [null, null];
  readonly #falseNs = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  /** Since when a `true` waits [ns]; NaN where none does. */
  #waitsNs = Number.NaN;

  constructor(options: EnableInputOptions) {
    this.#options = options;
  }

  receive(by: EnableReaderIndex, bytes: Uint8Array): void {
    const { figures, time, reader } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    const enabled = reader.open(bytes) && reader.uint8() === 1;
    if (reader.failed) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    figures.accept(nowNs);
    const before = this.#last[by];
    this.#last[by] = enabled;
    if (!enabled) this.#falseNs[by] = nowNs;
    // Simulated time may have begun anew.
    const sinceNs = Math.abs(nowNs - this.#falseNs[1 - by]);
    if (enabled && before !== false && this.#last[1 - by] === false && sinceNs < LATE_NS) this.#waitsNs = nowNs;
    else this.#say(enabled);
  }

  /** Called at least ten times a second. */
  tick(): void {
    if (Math.abs(this.#options.time.nowNs() - this.#waitsNs) >= LATE_NS) this.#say(true);
  }

  #say(enabled: boolean): void {
    this.#waitsNs = Number.NaN;
    this.enabled = enabled;
    this.#options.onEnable(enabled);
  }
}
