import { Opcode } from '@mcap/core';

const RECORD_HEADER_BYTES = 9;
/** A chunk has no use for more; as views a hundred million bytes of empty ones would take gigabytes. */
const DEFINITIONS_MAX = 4096;
/** Channel, sequence, log time, publish time. */
const MESSAGE_FIXED_BYTES = 2 + 4 + 8 + 8;

/**
 * The messages of one chunk, found by one walk over its records and read where they lie. A walk that comes upon a record
 * that cannot be ends there: what is before it counts.
 */
export class ChunkMessages {
  static readonly none = new ChunkMessages(new Uint8Array(0));

  /** Messages. */
  readonly count: number;
  /** Schema and channel records as they stand, headers included; views of the chunk. */
  readonly definitions: readonly Uint8Array[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where each message's body begins, and how long it is. */
  readonly #starts: Uint32Array;
  readonly #lengths: Uint32Array;

  /** @param bytes the chunk's records, uncompressed; kept, not changed */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const definitions: Uint8Array[] = [];
    let starts = new Uint32Array(64);
    let lengths = new Uint32Array(64);
    let count = 0;
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= bytes.length) {
      const opcode = bytes[at];
      const high = this.#view.getUint32(at + 5, true);
      const length = this.#view.getUint32(at + 1, true);
      const body = at + RECORD_HEADER_BYTES;
      if (high !== 0 || length > bytes.length - body) break;
      if (opcode === Opcode.MESSAGE && length >= MESSAGE_FIXED_BYTES) {
        if (count === starts.length) {
          starts = grown(starts);
          lengths = grown(lengths);
        }
        starts[count] = body;
        lengths[count++] = length;
      } else if (opcode === Opcode.SCHEMA || opcode === Opcode.CHANNEL) {
        if (definitions.length === DEFINITIONS_MAX) break;
        definitions.push(bytes.subarray(at, body + length));
      }
      at = body + length;
    }
    this.count = count;
    this.definitions = definitions;
    this.#starts = starts;
    this.#lengths = lengths;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  channelId(i: number): number {
    return this.#view.getUint16(this.#starts[i], true);
  }

  sequence(i: number): number {
    return this.#view.getUint32(this.#starts[i] + 2, true);
  }

  /** [Unix ns] */
  logTimeNs(i: number): bigint {
    return this.#view.getBigUint64(this.#starts[i] + 6, true);
  }

  /** When what it tells of came about, which may be before it was written [Unix ns]. */
  publishTimeNs(i: number): bigint {
    return this.#view.getBigUint64(this.#starts[i] + 14, true);
  }

  /** A view of the chunk, which lives as long as it does. */
  data(i: number): Uint8Array {
    const start = this.#starts[i] + MESSAGE_FIXED_BYTES;
    return this.#bytes.subarray(start, start + this.#lengths[i] - MESSAGE_FIXED_BYTES);
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
