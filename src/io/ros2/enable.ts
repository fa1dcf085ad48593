/** std_msgs/Bool on `~/enable`: an operator's switch. Main thread. */
import type { CdrReader } from './cdr/cdr-reader.js';
import type { InputFigures } from './input-figures.js';
import type { ReadingTime } from './ros-time.js';

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

  constructor(options: EnableInputOptions) {
    this.#options = options;
  }

  receive(bytes: Uint8Array): void {
    const { figures, time, reader, onEnable } = this.#options;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    const enabled = reader.open(bytes) && reader.uint8() === 1;
    if (reader.failed) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    figures.accept(nowNs);
    this.enabled = enabled;
    onEnable(enabled);
  }
}
