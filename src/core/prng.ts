import { mix32 } from './hash.js';

/** 32-bit words of generator state. */
export const PRNG_STATE_WORDS = 4;

/**
 * xoshiro128** 1.1 (Blackman & Vigna 2018): period 2^128 - 1, the same bits on every machine. The state is four 32-bit
 * words in memory the caller owns, so that it can lie in an arena and travel in a checkpoint.
 */
export class Prng {
  readonly #state: Uint32Array;

  /** @param state `PRNG_STATE_WORDS` words, owned by the caller; used as it is until `seed` is called */
  constructor(state: Uint32Array = new Uint32Array(PRNG_STATE_WORDS)) {
    this.#state = state;
  }

  /** A generator with memory of its own, seeded. @realtime unsafe (allocates) */
  static seeded(seed: number): Prng {
    const prng = new Prng();
    prng.seed(seed);
    return prng;
  }

  /** Starts the sequence that belongs to a 32-bit seed. @realtime safe */
  seed(seed: number): void {
    const s = this.#state;
    let x = seed | 0;
    for (let i = 0; i < PRNG_STATE_WORDS; i++) {
      x = (x + 0x9e3779b9) | 0;
      s[i] = mix32(x);
    }
    // All zeros is the one state that never leaves itself.
    if ((s[0] | s[1] | s[2] | s[3]) === 0) s[0] = 1;
  }

  /** 32 uniform bits as an unsigned integer. @realtime safe */
  nextUint32(): number {
    const s = this.#state;
    const s1 = s[1];
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s[2] = s[2] ^ s[0];
    s[3] = s[3] ^ s1;
    s[1] = s1 ^ s[2];
    s[0] = s[0] ^ s[3];
    s[2] = s[2] ^ t;
    const s3 = s[3];
    s[3] = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. @realtime safe */
  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * `nextFloat`, left in `out[index]`: it calls nothing and returns nothing, so that no double is boxed where V8 does not
   * inline the call, as in a loop that draws many.
   *
   * @realtime safe
   */
  nextFloatInto(out: Float64Array, index: number): void {
    const s = this.#state;
    let high = 0;
    let low = 0;
    for (let word = 0; word < 2; word++) {
      const s1 = s[1];
      const product = Math.imul(s1, 5);
      const result = Math.imul((product << 7) | (product >>> 25), 9);
      const t = s1 << 9;
      s[2] = s[2] ^ s[0];
      s[3] = s[3] ^ s1;
      s[1] = s1 ^ s[2];
      s[0] = s[0] ^ s[3];
      s[2] = s[2] ^ t;
      const s3 = s[3];
      s[3] = (s3 << 11) | (s3 >>> 21);
      if (word === 0) high = result >>> 5;
      else low = result >>> 6;
    }
    out[index] = (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). @realtime safe */
  nextRange(low: number, high: number): number {
    return low + (high - low) * this.nextFloat();
  }

  /** Uniform in 0 … count - 1; `count` from 1 to 2^32. @realtime safe */
  nextBelow(count: number): number {
    return Math.floor(this.nextFloat() * count);
  }

  /**
   * Standard normal by the polar method (Marsaglia & Bray 1964); the second deviate is dropped, so that the state is
   * the four words and nothing else.
   *
   * @realtime safe
   */
  nextNormal(): number {
    for (;;) {
      const u = 2 * this.nextFloat() - 1;
      const v = 2 * this.nextFloat() - 1;
      const q = u * u + v * v;
      if (q > 0 && q < 1) return u * Math.sqrt((-2 * Math.log(q)) / q);
    }
  }
}
