/**
 * The newest value from one writing thread to one reading thread.
 *
 * Three buffers change hands by one atomic exchange: the writer owns one, the reader owns one, and the third lies
 * between them. Neither ever waits, and neither can see a buffer that the other holds, so a torn read is impossible
 * rather than detected. Values between two reads are overwritten: the newest wins.
 *
 * Allocates nothing after construction.
 */
import { LINE_PAIR_BYTES } from './arena.js';

const BUFFERS = 3;
const INDEX_MASK = 3;
const FRESH = 4;
/** Tells a slot in use from zero-filled memory, so that views built later leave it as it is. */
const IN_USE = 8;
/** The buffer that lies between the two owners at the start; the writer begins with 0, the reader with 2. */
const INITIAL_MIDDLE = 1;

export class LatestValueSlot {
  /** The three payloads as doubles; index with `writeIndex` or `readIndex`, whichever side owns it. */
  readonly doubles: readonly [Float64Array, Float64Array, Float64Array];
  /** The same payloads as singles, behind the doubles. */
  readonly singles: readonly [Float32Array, Float32Array, Float32Array];
  /** The buffer that the writer may fill now. Writer's side only. */
  writeIndex = 0;
  /** The buffer that the reader may read now. Reader's side only. */
  readIndex = 2;
  readonly #state: Int32Array;

  /** Bytes a slot takes with `doubleCount` doubles and `singleCount` singles a payload. */
  static bytes(doubleCount: number, singleCount = 0): number {
    return LINE_PAIR_BYTES + BUFFERS * payloadBytes(doubleCount, singleCount);
  }

  /**
   * Each side of a slot belongs to one object for as long as the memory lives: the buffer it owns is known to it alone.
   *
   * @param buffer the block both threads share, zero-filled; this object keeps views on it
   * @param byteOffset where the slot starts, a multiple of 8
   */
  constructor(buffer: ArrayBufferLike, byteOffset: number, doubleCount: number, singleCount = 0) {
    this.#state = new Int32Array(buffer, byteOffset, 1);
    Atomics.compareExchange(this.#state, 0, 0, INITIAL_MIDDLE | IN_USE);
    const stride = payloadBytes(doubleCount, singleCount);
    const first = byteOffset + LINE_PAIR_BYTES;
    const doublesAt = (i: number) => new Float64Array(buffer, first + i * stride, doubleCount);
    const singlesAt = (i: number) => new Float32Array(buffer, first + i * stride + doubleCount * 8, singleCount);
    this.doubles = [doublesAt(0), doublesAt(1), doublesAt(2)];
    this.singles = [singlesAt(0), singlesAt(1), singlesAt(2)];
  }

  /** Hands the buffer at `writeIndex` over and takes another. Writer's side only. @realtime safe */
  publish(): void {
    this.writeIndex = Atomics.exchange(this.#state, 0, this.writeIndex | FRESH | IN_USE) & INDEX_MASK;
  }

  /**
   * Takes the newest value, if there is one that was not taken before; it lies at `readIndex` until the next call.
   * Reader's side only.
   *
   * @returns whether `readIndex` now holds a newer value
   * @realtime safe
   */
  take(): boolean {
    if ((Atomics.load(this.#state, 0) & FRESH) === 0) return false;
    this.readIndex = Atomics.exchange(this.#state, 0, this.readIndex | IN_USE) & INDEX_MASK;
    return true;
  }
}

function payloadBytes(doubleCount: number, singleCount: number): number {
  return Math.ceil((doubleCount * 8 + singleCount * 4) / LINE_PAIR_BYTES) * LINE_PAIR_BYTES;
}
