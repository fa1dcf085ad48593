const NS_PER_S = 1e9;

/** Holds a rate: full at first, with one second's worth. */
export class TokenBucket {
  readonly #ratePerS: number;
  readonly #size: number;
  #tokens: number;
  #filledNs = Number.NEGATIVE_INFINITY;

  /** @param size tokens that it holds at most */
  constructor(ratePerS: number, size = ratePerS) {
    this.#ratePerS = ratePerS;
    this.#size = size;
    this.#tokens = size;
  }

  /** @param nowNs any monotonic clock. @returns whether there was a token to take */
  take(nowNs: number): boolean {
    const elapsedS = (nowNs - this.#filledNs) / NS_PER_S;
    if (elapsedS > 0) {
      this.#filledNs = nowNs;
      this.#tokens = Math.min(this.#size, this.#tokens + elapsedS * this.#ratePerS);
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
