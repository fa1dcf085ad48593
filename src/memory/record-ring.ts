/**
 * A ring of records of equal size from one writing thread to one reading thread, which never makes the writer wait: a
 * reader that falls behind loses the oldest records and is told how many.
 *
 * The writer announces the record it is about to overwrite (`intent`), writes it, then commits (`head`). The reader
 * copies a record out and only then checks that the writer had not announced it meanwhile, as Agrona's broadcast
 * buffer does; a copy that may be torn is thrown away and counted.
 *
 * On processors that reorder (ARM), a sequentially consistent store followed by such a load is the fence that keeps
 * the announcement before the writing, and the copying before the check; the records themselves are plain memory.
 *
 * Counters are 32 bit and wrap: they are compared by difference. Allocates nothing after construction.
 */
import { assert } from '../core/assert.js';
import { LINE_PAIR_BYTES } from './arena.js';

const HEAD = 0;
const INTENT = 1;
/** Written by the reader only, to order its loads. */
const READER_FENCE = LINE_PAIR_BYTES / 4;

const COUNTER_BYTES = 2 * LINE_PAIR_BYTES;

export class RecordRing {
  /** Doubles in a record. */
  readonly recordDoubles: number;
  /** Records that the ring holds, a power of two. */
  readonly capacity: number;
  /** The record that the writer fills before `commit`; writer's side only. Its content is copied by `commit`. */
  readonly record: Float64Array;
  readonly #mask: number;
  readonly #counters: Int32Array;
  readonly #records: Float64Array;
  #tail = 0;
  #droppedCount = 0;

  static bytes(capacity: number, recordDoubles: number): number {
    return COUNTER_BYTES + capacity * recordDoubles * 8;
  }

  /** @param buffer the block both threads share, zero-filled; @param capacity a power of two */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number, recordDoubles: number) {
    assert(capacity >= 2 && (capacity & (capacity - 1)) === 0, 'a ring holds a power of two of records');
    this.capacity = capacity;
    this.recordDoubles = recordDoubles;
    this.#mask = capacity - 1;
    this.#counters = new Int32Array(buffer, byteOffset, COUNTER_BYTES / 4);
    this.#records = new Float64Array(buffer, byteOffset + COUNTER_BYTES, capacity * recordDoubles);
    this.record = new Float64Array(recordDoubles);
  }

  /** Appends `record`. Writer's side only. @realtime safe */
  commit(): void {
    const head = Atomics.load(this.#counters, HEAD);
    Atomics.store(this.#counters, INTENT, (head + 1) | 0);
    Atomics.load(this.#counters, INTENT);
    const base = (head & this.#mask) * this.recordDoubles;
    const records = this.#records;
    const record = this.record;
    for (let i = 0; i < record.length; i++) records[base + i] = record[i];
    Atomics.store(this.#counters, HEAD, (head + 1) | 0);
  }

  /**
   * Copies the oldest unread record into `out` (`recordDoubles` doubles, owned by the caller). Reader's side only.
   *
   * @returns whether there was one
   * @realtime safe
   */
  read(out: Float64Array): boolean {
    for (;;) {
      const head = Atomics.load(this.#counters, HEAD);
      const unread = (head - this.#tail) | 0;
      if (unread === 0) return false;
      if (unread > this.capacity) this.#skipTo((head - this.capacity) | 0);
      const base = (this.#tail & this.#mask) * this.recordDoubles;
      for (let i = 0; i < this.recordDoubles; i++) out[i] = this.#records[base + i];
      Atomics.store(this.#counters, READER_FENCE, 0);
      const ahead = (Atomics.load(this.#counters, INTENT) - this.#tail) | 0;
      if (ahead <= this.capacity) {
        this.#tail = (this.#tail + 1) | 0;
        return true;
      }
      this.#skipTo((this.#tail + (ahead - this.capacity)) | 0);
    }
  }

  /** Records lost because the reader fell behind. Reader's side only. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Records that are behind the reader, read or lost; wraps at 2³². Reader's side only. @realtime safe */
  get takenCount(): number {
    return this.#tail >>> 0;
  }

  #skipTo(tail: number): void {
    this.#droppedCount += (tail - this.#tail) | 0;
    this.#tail = tail;
  }
}
