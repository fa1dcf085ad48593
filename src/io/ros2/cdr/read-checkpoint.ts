/**
 * Reads an `rfsn_controller/Checkpoint` from its bytes, which come from another process and may be anything.
 *
 * Main thread. @realtime unsafe
 */
import { CdrReader } from './cdr-reader.js';
import { skipHeader } from './stamped.js';

export interface ReceivedCheckpoint {
  readonly policyId: string;
  readonly updates: number;
  /** SHA-256 of `data` as the sender has it, hex digits. */
  readonly checksum: string;
  /** The file; the caller's own. */
  readonly data: Uint8Array;
}

/** @throws Error that says what is wrong with the bytes */
export function readCheckpoint(bytes: Uint8Array): ReceivedCheckpoint {
  // One of its own: a checkpoint is large, and comes seldom.
  const reader = new CdrReader();
  if (!reader.open(bytes)) throw new Error('it is not plain CDR');
  skipHeader(reader);
  const policyId = reader.text();
  // Format and schema the file itself says better.
  reader.skip(1, 4);
  reader.string();
  const updates = reader.uint64();
  reader.skip(1, 8);
  reader.skip(1, 4);
  const checksum = reader.text();
  const data = reader.uint8s();
  if (reader.failed) throw new Error('it ends too early');
  if (data.length === 0) throw new Error('it holds no data');
  return { policyId, updates, checksum, data };
}
