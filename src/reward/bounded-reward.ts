import type { Reward } from './reward.js';

/**
 * A reward kept within bounds: what is beyond them counts as the bound. A policy that was told a range refuses rewards
 * outside of it, and a robot must not stop in the middle of its way for that.
 */
export class BoundedReward implements Reward {
  readonly #inner: Reward;
  readonly #bounds: Float64Array;
  readonly #result = new Float64Array(1);

  /** @param min less than `max` @throws RangeError @realtime unsafe */
  constructor(inner: Reward, min: number, max: number) {
    if (!(min < max)) throw new RangeError(`reward_min is ${min}, allowed: less than reward_max, ${max}`);
    this.#inner = inner;
    this.#bounds = Float64Array.of(min, max);
  }

  get nonFinite(): number {
    return this.#inner.nonFinite;
  }

  evaluate(inputs: Float64Array): number {
    this.evaluateInto(inputs, this.#result);
    return this.#result[0];
  }

  evaluateInto(inputs: Float64Array, out: Float64Array): void {
    this.#inner.evaluateInto(inputs, out);
    if (out[0] < this.#bounds[0]) out[0] = this.#bounds[0];
    else if (out[0] > this.#bounds[1]) out[0] = this.#bounds[1];
  }
}
