/**
 * Running mean and variance of each feature (Welford 1962), and the scaled features made of them.
 *
 * Thread: control. `update` and `transform` cost one pass over the features each; all memory is the caller's or set
 * aside by the constructor.
 */

/** Numbers beyond ± this count as this, so that squares and sums stay finite. */
const RAW_LIMIT = 1e15;

/** The characters RFSC. */
const STATE_MAGIC = 0x43534652;
const STATE_VERSION = 1;
const HEADER_WORDS = 4;
const HEADER_BYTES = HEADER_WORDS * 4;

export interface ScalerOptions {
  /** Variances below count as this, so that a feature that hardly moved is not blown up; 1e-4. */
  varianceFloor?: number;
  /** Scaled features are clipped to ± this [standard deviations]; 5. */
  clip?: number;
  /** Observations after which mean and variance stand still; 0, the default, never. */
  freezeAfter?: number;
}

export interface ScalerMemory {
  buffer: ArrayBuffer | SharedArrayBuffer;
  /** A multiple of 8; 0 where absent. */
  byteOffset?: number;
}

/** A scaler's state cannot be taken over, with the reason. */
export class ScalerStateError extends Error {
  override readonly name = 'ScalerStateError';
}

/**
 * Scales `count` features to mean 0 and variance 1 over what it has seen. Before the first observation it only clips.
 */
export class RunningScaler {
  readonly count: number;
  readonly varianceFloor: number;
  readonly clip: number;
  /** Mean and variance stand still. Not part of the state. */
  frozen = false;
  readonly stateBytes: number;

  readonly #freezeAfter: number;
  /** The state as it is exported: header, observations, means, sums of squared deviations. */
  readonly #state: Uint8Array;
  readonly #observations: Float64Array;
  readonly #mean: Float64Array;
  /** Sum of squared deviations from the mean. */
  readonly #spread: Float64Array;
  /** Clip and variance floor, as doubles whatever their values: a whole number in a field is not one, and gets boxed. */
  readonly #limits: Float64Array;
  /** 1 / standard deviation; follows from the state. */
  readonly #inverse: Float64Array;

  /** Memory for `count` features [bytes], a multiple of 8. */
  static bytes(count: number): number {
    return HEADER_BYTES + 8 + count * 3 * 8;
  }

  /**
   * @param count features, ≥ 1
   * @param memory at least `RunningScaler.bytes(count)`; overwritten; its own where absent
   * @throws RangeError naming a bad option
   * @realtime unsafe
   */
  constructor(count: number, options: ScalerOptions = {}, memory?: ScalerMemory) {
    const { varianceFloor = 1e-4, clip = 5, freezeAfter = 0 } = options;
    if (!(Number.isInteger(count) && count >= 1)) throw new RangeError(`count is ${count}, allowed: an integer from 1`);
    if (!(varianceFloor >= 1e-12 && varianceFloor <= 1e12)) {
      throw new RangeError(`varianceFloor is ${varianceFloor}, allowed: [1e-12, 1e12]`);
    }
    if (!(clip > 0 && clip <= 1e6)) throw new RangeError(`clip is ${clip}, allowed: (0, 1e6]`);
    if (!(freezeAfter >= 0)) throw new RangeError(`freezeAfter is ${freezeAfter}, allowed: 0 or more`);
    const buffer = memory?.buffer ?? new ArrayBuffer(RunningScaler.bytes(count));
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + RunningScaler.bytes(count) > buffer.byteLength) {
      throw new RangeError(`memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8`);
    }
    this.count = count;
    this.varianceFloor = varianceFloor;
    this.clip = clip;
    this.#freezeAfter = freezeAfter;
    this.#limits = Float64Array.of(clip, varianceFloor);
    this.stateBytes = HEADER_BYTES + 8 + count * 2 * 8;
    const numbers = start + HEADER_BYTES;
    this.#state = new Uint8Array(buffer, start, this.stateBytes);
    this.#observations = new Float64Array(buffer, numbers, 1);
    this.#mean = new Float64Array(buffer, numbers + 8, count);
    this.#spread = new Float64Array(buffer, numbers + 8 + count * 8, count);
    this.#inverse = new Float64Array(buffer, numbers + 8 + count * 16, count);
    const header = new Uint32Array(buffer, start, HEADER_WORDS);
    header[0] = STATE_MAGIC;
    header[1] = STATE_VERSION;
    header[2] = count;
    header[3] = 0;
    this.reset();
  }

  /** Forgets every observation. @realtime safe */
  reset(): void {
    this.#observations[0] = 0;
    this.#mean.fill(0);
    this.#spread.fill(0);
    this.#inverse.fill(1);
  }

  /** Observations that mean and variance are made of. */
  get observations(): number {
    return this.#observations[0];
  }

  /** @param index of a feature @returns its mean, in its own unit @realtime safe */
  meanOf(index: number): number {
    return this.#mean[index];
  }

  /** @param index of a feature @returns its population variance, before the floor @realtime safe */
  varianceOf(index: number): number {
    const observations = this.#observations[0];
    return observations > 0 ? this.#spread[index] / observations : 0;
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
    if (this.frozen || (this.#freezeAfter > 0 && this.#observations[0] >= this.#freezeAfter)) return false;
    if (raw.length !== count) throw new RangeError('raw features have another length than the scaler');
    for (let i = 0; i < count; i++) if (raw[i] - raw[i] !== 0) return false;
    const observations = this.#observations[0] + 1;
    this.#observations[0] = observations;
    const mean = this.#mean;
    const spread = this.#spread;
    const inverse = this.#inverse;
    const floor = this.#limits[1];
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
    const mean = this.#mean;
    const inverse = this.#inverse;
    const clip = this.#limits[0];
    for (let i = 0; i < count; i++) {
      const value = raw[i];
      if (value - value !== 0) {
        out[i] = 0;
        continue;
      }
      out[i] = Math.min(Math.max((value - mean[i]) * inverse[i], -clip), clip);
    }
  }

  /** Writes the state. @param out at least `stateBytes` @returns the bytes written @realtime safe */
  exportInto(out: Uint8Array): number {
    if (out.length < this.stateBytes) throw new RangeError('a scaler state needs more room');
    out.set(this.#state);
    return this.stateBytes;
  }

  /** The state in a new array. @realtime unsafe */
  exportState(): Uint8Array {
    const out = new Uint8Array(this.stateBytes);
    this.exportInto(out);
    return out;
  }

  /**
   * Takes over a state; the scaler then continues with the same bits.
   *
   * @throws ScalerStateError with the reason, this scaler unchanged
   * @realtime unsafe
   */
  importState(state: Uint8Array): void {
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    if (copy.length < HEADER_BYTES) throw new ScalerStateError('scaler state is cut off');
    const [magic, version, count] = new Uint32Array(copy.buffer, 0, HEADER_WORDS);
    if (magic !== STATE_MAGIC) throw new ScalerStateError('these bytes are not a scaler state');
    if (version !== STATE_VERSION)
      throw new ScalerStateError(`scaler state has version ${version}, this program reads ${STATE_VERSION}`);
    if (count !== this.count)
      throw new ScalerStateError(`scaler state has ${count} features, this scaler ${this.count}`);
    if (copy.length !== this.stateBytes)
      throw new ScalerStateError(`scaler state has ${copy.length} bytes, expected ${this.stateBytes}`);
    const numbers = new Float64Array(copy.buffer, HEADER_BYTES);
    const observations = numbers[0];
    if (!(observations >= 0 && Number.isInteger(observations))) {
      throw new ScalerStateError(`scaler state is damaged: it counts ${observations} observations`);
    }
    for (let i = 0; i < this.count; i++) {
      const mean = numbers[1 + i];
      const spread = numbers[1 + this.count + i];
      if (!(Math.abs(mean) <= 2 * RAW_LIMIT) || !(spread >= 0 && spread < Infinity)) {
        throw new ScalerStateError(`scaler state is damaged: feature ${i} has mean ${mean} and spread ${spread}`);
      }
    }
    this.#state.set(copy);
    for (let i = 0; i < this.count; i++) {
      const variance = Math.max(this.#spread[i] / observations, this.varianceFloor);
      this.#inverse[i] = observations > 0 ? 1 / Math.sqrt(variance) : 1;
    }
  }
}
