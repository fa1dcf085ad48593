/** Being told to end: Ctrl-C, SIGTERM, or a terminal that went away. */
import { ExitCode } from './usage.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The same signal within this long is the echo of one key press [ms]. */
const SAME_PRESS_MS = 500;

/**
 * The first signal asks for an orderly end, the second ends the process at once. Handlers are in place from construction
 * to `dispose`.
 */
export class StopRequest {
  /** Settles at the first signal, or at `ask`. */
  readonly asked: Promise<void>;
  /** The signal's name, or whatever `ask` was given; empty while nobody asked. */
  reason = '';
  #askedMs = 0;
  #resolve: () => void = () => undefined;
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.requested) {
      // npm hands on the Ctrl-C that the terminal has sent already: one key press is not asking twice.
      if (signal === this.reason && performance.now() - this.#askedMs < SAME_PRESS_MS) return;
      // Whoever asks twice does not want to wait for a checkpoint.
      process.exit(ExitCode.failed);
    }
    this.ask(signal);
  };

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  get requested(): boolean {
    return this.reason !== '';
  }

  /** Asks for the end without a signal. */
  ask(reason: string): void {
    if (this.requested) return;
    this.reason = reason;
    this.#askedMs = performance.now();
    this.#resolve();
  }

  /** Gives the signals back to Node. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}
