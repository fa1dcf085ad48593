import { assert } from '../core/assert.js';

/** Two cache lines [bytes]: no two writers share one, nor does the adjacent-line prefetcher make them [Aeron, Agrona]. */
export const LINE_PAIR_BYTES = 128;

/** One named piece of an arena. */
export interface Region {
  readonly name: string;
  /** The one thread that writes it. */
  readonly writer: 'main' | 'control';
  readonly byteOffset: number;
  readonly bytes: number;
}

/**
 * Hands out the pieces of one block whose size is known before it exists: plan first, allocate once, seal. The plan is
 * plain data, so that another thread builds the same views on the same block.
 */
export class ArenaPlan {
  readonly #regions: Region[] = [];
  #bytes = 0;
  #sealed = false;

  /**
   * Reserves `bytes`, starting on a line pair of its own.
   *
   * @returns the byte offset
   * @realtime unsafe
   */
  reserve(name: string, writer: Region['writer'], bytes: number): number {
    assert(!this.#sealed, 'an arena hands out nothing once it is sealed');
    assert(Number.isInteger(bytes) && bytes >= 0, 'a region has a whole number of bytes');
    const byteOffset = this.#bytes;
    this.#regions.push({ name, writer, byteOffset, bytes });
    this.#bytes = Math.ceil((byteOffset + bytes) / LINE_PAIR_BYTES) * LINE_PAIR_BYTES;
    return byteOffset;
  }

  /** Ends the planning. @returns the size of the whole block [bytes] */
  seal(): number {
    this.#sealed = true;
    return this.#bytes;
  }

  get regions(): readonly Region[] {
    return this.#regions;
  }
}
