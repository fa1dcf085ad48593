/**
 * Writes MessagePack with the types that the protocol names: a float stays a float where it has no fraction, an integer
 * stays an integer above 2^32. (msgpackr writes 1.0 as an integer and 2^40 as a float, because JavaScript does not tell
 * them apart; clients in typed languages do.) Main thread.
 */

const START_BYTES = 4096;
/** Memory of a large message is not kept. */
const KEPT_BYTES = 1 << 20;

export class MessageWriter {
  #bytes = Buffer.allocUnsafeSlow(START_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Forgets what was written. */
  begin(): void {
    this.#at = 0;
  }

  /** A copy of what was written; the caller owns it. */
  finish(): Buffer {
    const message = Buffer.from(this.#bytes.subarray(0, this.#at));
    if (this.#bytes.length > KEPT_BYTES) {
      this.#bytes = Buffer.allocUnsafeSlow(START_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#at = 0;
    return message;
  }

  nil(): void {
    this.#byte(0xc0);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  /** A float; nil where it is none, or infinite. */
  finite(value: number): void {
    if (Number.isFinite(value)) this.float(value);
    else this.nil();
  }

  /** @param value a safe integer */
  integer(value: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const view = this.#view;
    const at = this.#at;
    if (value >= 0) {
      if (value < 0x80) {
        bytes[at] = value;
        this.#at = at + 1;
      } else if (value < 0x100) {
        bytes[at] = 0xcc;
        bytes[at + 1] = value;
        this.#at = at + 2;
      } else if (value < 0x10000) {
        bytes[at] = 0xcd;
        view.setUint16(at + 1, value);
        this.#at = at + 3;
      } else if (value < 0x100000000) {
        bytes[at] = 0xce;
        view.setUint32(at + 1, value);
        this.#at = at + 5;
      } else {
        bytes[at] = 0xcf;
        view.setUint32(at + 1, Math.floor(value / 0x100000000));
        view.setUint32(at + 5, value % 0x100000000);
        this.#at = at + 9;
      }
    } else if (value >= -0x20) {
      bytes[at] = 0x100 + value;
      this.#at = at + 1;
    } else if (value >= -0x80) {
      bytes[at] = 0xd0;
      view.setInt8(at + 1, value);
      this.#at = at + 2;
    } else if (value >= -0x8000) {
      bytes[at] = 0xd1;
      view.setInt16(at + 1, value);
      this.#at = at + 3;
    } else if (value >= -0x80000000) {
      bytes[at] = 0xd2;
      view.setInt32(at + 1, value);
      this.#at = at + 5;
    } else {
      bytes[at] = 0xd3;
      view.setBigInt64(at + 1, BigInt(value));
      this.#at = at + 9;
    }
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length + 5);
    if (length < 0x20) this.#bytes[this.#at++] = 0xa0 | length;
    else this.#length(length, 0xd9);
    this.#at += this.#bytes.write(value, this.#at);
  }

  binary(value: Uint8Array): void {
    this.#reserve(value.length + 5);
    this.#length(value.length, 0xc4);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** @param count elements that follow */
  array(count: number): void {
    this.#reserve(5);
    if (count < 0x10) this.#bytes[this.#at++] = 0x90 | count;
    else this.#count(count, 0xdc);
  }

  /** @param count keys that follow, each with its value */
  map(count: number): void {
    this.#reserve(5);
    if (count < 0x10) this.#bytes[this.#at++] = 0x80 | count;
    else this.#count(count, 0xde);
  }

  /** A key or another string that was encoded before, header and all. */
  encoded(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const out = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i];
    this.#at = at + bytes.length;
  }

  /**
   * Anything plain: nil, booleans, finite and other numbers (integers as such where they have no fraction), strings,
   * bytes, arrays, and objects as maps without the keys that are undefined.
   *
   * @throws TypeError for anything else
   */
  value(value: unknown): void {
    if (value === null) this.nil();
    else if (typeof value === 'boolean') this.boolean(value);
    else if (typeof value === 'number') {
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.integer(value);
      else this.float(value);
    } else if (typeof value === 'string') this.text(value);
    else if (value instanceof Uint8Array) this.binary(value);
    else if (Array.isArray(value)) {
      this.array(value.length);
      for (const element of value) this.value(element);
    } else if (isPlain(value)) {
      const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
      this.map(entries.length);
      for (const [key, entry] of entries) {
        this.text(key);
        this.value(entry);
      }
    } else throw new TypeError(`a message cannot carry ${Object.prototype.toString.call(value)}`);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** @param token of the form with one byte of length; those with two and four follow it */
  #length(length: number, token: number): void {
    const bytes = this.#bytes;
    if (length < 0x100) {
      bytes[this.#at] = token;
      bytes[this.#at + 1] = length;
      this.#at += 2;
    } else this.#count(length, token + 1);
  }

  /** @param token of the form with two bytes of length; that with four follows it */
  #count(count: number, token: number): void {
    if (count < 0x10000) {
      this.#bytes[this.#at] = token;
      this.#view.setUint16(this.#at + 1, count);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = token + 1;
      this.#view.setUint32(this.#at + 1, count);
      this.#at += 5;
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
