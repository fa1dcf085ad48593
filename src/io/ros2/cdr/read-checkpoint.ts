/**
 * Reads an `rfsn_controller/Checkpoint` from its bytes. It comes from another process and may be anything: no length in it
 * is believed before it was held against the bytes that are there.
 *
 * Main thread. @realtime unsafe
 */

const HEADER_BYTES = 4;
const BIG_ENDIAN = 0;
const LITTLE_ENDIAN = 1;

export interface ReceivedCheckpoint {
  readonly policyId: string;
  readonly updates: bigint;
  /** SHA-256 of `data` as the sender has it, hex digits. */
  readonly checksum: string;
  /** The file; a copy of the caller's own. */
  readonly data: Uint8Array;
}

/** @throws Error that says what is wrong with the bytes */
export function readCheckpoint(bytes: Uint8Array): ReceivedCheckpoint {
  const cursor = new Cursor(bytes);
  // The header's stamp and frame, then what the file itself says better: its format and its schema.
  cursor.skip(4, 8);
  cursor.text();
  const policyId = cursor.text();
  cursor.skip(4, 4);
  cursor.text();
  const updates = cursor.uint64();
  cursor.uint64();
  cursor.skip(4, 4);
  const checksum = cursor.text();
  const data = cursor.bytes();
  if (data.length === 0) throw new Error('it holds no data');
  return { policyId, updates, checksum, data };
}

class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    if (bytes.length < HEADER_BYTES || bytes[0] !== 0 || (bytes[1] !== BIG_ENDIAN && bytes[1] !== LITTLE_ENDIAN)) {
      throw new Error('it is not plain CDR');
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = bytes[1] === LITTLE_ENDIAN;
  }

  /** @returns where what is skipped began, aligned behind the encapsulation */
  skip(alignment: number, count: number): number {
    const at = HEADER_BYTES + Math.ceil((this.#at - HEADER_BYTES) / alignment) * alignment;
    if (count > this.#bytes.length - at) throw new Error('it ends too early');
    this.#at = at + count;
    return at;
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.skip(8, 8), this.#little);
  }

  /** With a closing zero that is not part of it. */
  text(): string {
    const count = this.#view.getUint32(this.skip(4, 4), this.#little);
    const at = this.skip(1, count);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, Math.max(0, count - 1)).toString('utf8');
  }

  bytes(): Uint8Array {
    const count = this.#view.getUint32(this.skip(4, 4), this.#little);
    const at = this.skip(1, count);
    return new Uint8Array(this.#bytes.slice(at, at + count));
  }
}
