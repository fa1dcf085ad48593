/** rfsn_controller/Feedback. */
import type { CdrReader } from './cdr-reader.js';
import { skipHeader } from './stamped.js';

export class FeedbackMessage {
  /** The decision that it is of. */
  cycle = 0;
  reward = 0;

  /** @returns whether it is such a message; if not, the fields are worth nothing. @realtime safe */
  read(reader: CdrReader, bytes: Uint8Array): boolean {
    if (!reader.open(bytes)) return false;
    skipHeader(reader);
    this.cycle = reader.uint64();
    this.reward = reader.float64();
    return !reader.failed;
  }
}
