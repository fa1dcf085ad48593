/** rfsn_controller/Feedback on `~/feedback`: what decisions earned, where the cycle does not say so itself. Main thread. */
import { type ObservationSink, Rejection } from '../../memory/observation-sink.js';
import type { CdrReader } from './cdr/cdr-reader.js';
import { FeedbackMessage } from './cdr/feedback-message.js';
import type { InputFigures } from './input-figures.js';
import type { ReadingTime } from './ros-time.js';

export interface FeedbackInputOptions {
  readonly sink: ObservationSink;
  readonly time: ReadingTime;
  readonly reader: CdrReader;
  readonly figures: InputFigures;
}

export class FeedbackInput {
  readonly #options: FeedbackInputOptions;
  readonly #message = new FeedbackMessage();

  constructor(options: FeedbackInputOptions) {
    this.#options = options;
  }

  receive(bytes: Uint8Array): void {
    const { figures, sink, time, reader } = this.#options;
    const message = this.#message;
    const nowNs = time.nowNs();
    figures.take(nowNs);
    if (!message.read(reader, bytes)) {
      figures.malformed(bytes.length, nowNs);
      return;
    }
    const code = sink.feedback(message.cycle, message.reward, nowNs);
    if (code === Rejection.accepted) {
      figures.accept(nowNs);
    } else if (figures.refuse(code, nowNs)) {
      figures.complain(`a reward of ${message.reward} for decision ${message.cycle} is none`, nowNs);
    }
  }
}
