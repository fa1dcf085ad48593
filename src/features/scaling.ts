/**
 * Running mean and variance of each feature (Welford 1962), and the scaled features made of them.
 *
 * Thread: control. `update` and `transform` cost one pass over the features each; all memory is the caller's or set
 * aside by the constructor.
 */

import { Scaler, type ScalerKind, type ScalerMemory, type ScalerOptions, ScalerStateError } from './scaler.js';

/** Numbers beyond ± this count as this, so that squares and sums stay finite. Imported, it slows `update` down. */
const RAW_LIMIT = 1e15;

/** Its states begin with the characters RFSC. */
const KIND: ScalerKind = { name: 'scaler', unit: 'feature', magic: 0x43534652 };

/**
 * Scales `count` features to mean 0 and variance 1 over what it has seen. Before the first observation it only clips.
 */
export class RunningScaler extends Scaler {
  readonly count: number;

  /**
   * @param count features, ≥ 1
   * @param memory at least `RunningScaler.bytes(count)`; overwritten; its own where absent
   * @throws RangeError naming a bad option
   * @realtime unsafe
   */
  constructor(count: number, options: ScalerOptions = {}, memory?: ScalerMemory) {
    if (!(Number.isInteger(count) && count >= 1)) throw new RangeError(`count is ${count}, allowed: an integer from 1`);
    super(KIND, count, 0, options, memory);
    this.count = count;
  }

  /** @param index of a feature @returns its population variance, before the floor @realtime safe */
  varianceOf(index: number): number {
    const observations = this.seen[0];
    return observations > 0 ? this.spread[index] / observations : 0;
  }

  /**
   * Takes in one observation, unless frozen.
   *
   * @param raw `count` numbers; one that is not finite spoils the whole observation, which is then left out
   * @returns whether it was taken in
   * @realtime safe
   */
  update(raw: Float64Array): boolean {
    const count = this.count;
    if (this.frozen || (this.freezeAfter > 0 && this.seen[0] >= this.freezeAfter)) return false;
    if (raw.length !== count) throw new RangeError('raw features have another length than the scaler');
    for (let i = 0; i < count; i++) if (raw[i] - raw[i] !== 0) return false;
    const observations = this.seen[0] + 1;
    this.seen[0] = observations;
    const mean = this.mean;
    const spread = this.spread;
    const inverse = this.inverse;
    const floor = this.limits[1];
    for (let i = 0; i < count; i++) {
      const value = Math.min(Math.max(raw[i], -RAW_LIMIT), RAW_LIMIT);
      const before = value - mean[i];
      const after = mean[i] + before / observations;
      mean[i] = after;
      const sum = spread[i] + before * (value - after);
      spread[i] = sum;
      inverse[i] = 1 / Math.sqrt(Math.max(sum / observations, floor));
    }
    return true;
  }

  /**
   * Writes (raw - mean) / standard deviation, clipped to ±`clip`; 0, the mean, where a number is not finite.
   *
   * @param raw `count` numbers
   * @param out `count` numbers; may be `raw`
   * @realtime safe
   */
  transform(raw: Float64Array, out: Float64Array): void {
    const count = this.count;
    if (raw.length !== count || out.length < count)
      throw new RangeError('features have another length than the scaler');
    const mean = this.mean;
    const inverse = this.inverse;
    const clip = this.limits[0];
    for (let i = 0; i < count; i++) {
      const value = raw[i];
      if (value - value !== 0) {
        out[i] = 0;
        continue;
      }
      out[i] = Math.min(Math.max((value - mean[i]) * inverse[i], -clip), clip);
    }
  }

  protected checkShape(count: number): void {
    if (count !== this.count) {
      throw new ScalerStateError(`scaler state has ${count} features, this scaler ${this.count}`);
    }
  }

  protected meanFits(_index: number, mean: number): boolean {
    return Math.abs(mean) <= 2 * RAW_LIMIT;
  }

  protected sizeOf(_index: number, observations: number): number {
    return observations;
  }
}
