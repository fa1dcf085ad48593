/**
 * What running scalers have in common: where they keep what they saw, how it is saved and taken over again, and their
 * options.
 *
 * Thread: control. All memory is the caller's or set aside by the constructor.
 */

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

/** How a kind of scaler is told from others. */
export interface ScalerKind {
  /** In messages. */
  readonly name: string;
  /** What has a mean and a scale of its own, in messages. */
  readonly unit: string;
  /** The first word of its states. */
  readonly magic: number;
}

/** A mean and a spread for each of some units, each a feature or a group of them, and the options. */
export abstract class Scaler {
  readonly varianceFloor: number;
  readonly clip: number;
  /** Means and scales stand still. Not part of the state. */
  frozen = false;
  readonly stateBytes: number;

  protected readonly freezeAfter: number;
  /** How many observations were taken in. */
  protected readonly seen: Float64Array;
  protected readonly mean: Float64Array;
  /** Sum of squared deviations from the mean. */
  protected readonly spread: Float64Array;
  /** 1 / scale; follows from the state. */
  protected readonly inverse: Float64Array;
  /** Clip and variance floor, as doubles whatever their values: a whole number in a field is not one, and gets boxed. */
  protected readonly limits: Float64Array;
  readonly #kind: ScalerKind;
  /** The state as it is exported: header, observations, means, spreads. */
  readonly #state: Uint8Array;

  /** Memory for so many units [bytes], a multiple of 8. */
  static bytes(units: number): number {
    return HEADER_BYTES + 8 + units * 3 * 8;
  }

  /**
   * @param units ≥ 1
   * @param shape another number that goes into the header
   * @param memory at least `Scaler.bytes(units)`; overwritten; its own where absent
   * @throws RangeError naming a bad option
   * @realtime unsafe
   */
  protected constructor(
    kind: ScalerKind,
    units: number,
    shape: number,
    options: ScalerOptions,
    memory: ScalerMemory | undefined,
  ) {
    const { varianceFloor = 1e-4, clip = 5, freezeAfter = 0 } = options;
    if (!(varianceFloor >= 1e-12 && varianceFloor <= 1e12)) {
      throw new RangeError(`varianceFloor is ${varianceFloor}, allowed: [1e-12, 1e12]`);
    }
    if (!(clip > 0 && clip <= 1e6)) throw new RangeError(`clip is ${clip}, allowed: (0, 1e6]`);
    if (!(freezeAfter >= 0)) throw new RangeError(`freezeAfter is ${freezeAfter}, allowed: 0 or more`);
    const buffer = memory?.buffer ?? new ArrayBuffer(Scaler.bytes(units));
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + Scaler.bytes(units) > buffer.byteLength) {
      throw new RangeError(`memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8`);
    }
    this.#kind = kind;
    this.varianceFloor = varianceFloor;
    this.clip = clip;
    this.freezeAfter = freezeAfter;
    this.limits = Float64Array.of(clip, varianceFloor);
    this.stateBytes = HEADER_BYTES + 8 + units * 2 * 8;
    const numbers = start + HEADER_BYTES;
    this.#state = new Uint8Array(buffer, start, this.stateBytes);
    this.seen = new Float64Array(buffer, numbers, 1);
    this.mean = new Float64Array(buffer, numbers + 8, units);
    this.spread = new Float64Array(buffer, numbers + 8 + units * 8, units);
    this.inverse = new Float64Array(buffer, numbers + 8 + units * 16, units);
    const header = new Uint32Array(buffer, start, HEADER_WORDS);
    header[0] = kind.magic;
    header[1] = STATE_VERSION;
    header[2] = units;
    header[3] = shape;
    this.reset();
  }

  /** @throws ScalerStateError where a state of these words of the header is not of this scaler's shape */
  protected abstract checkShape(units: number, shape: number): void;

  /** Whether a state may hold this mean. */
  protected abstract meanFits(unit: number, mean: number): boolean;

  /** Numbers that a unit's spread is made of after so many observations. */
  protected abstract sizeOf(unit: number, observations: number): number;

  /** Forgets every observation. @realtime safe */
  reset(): void {
    this.seen[0] = 0;
    this.mean.fill(0);
    this.spread.fill(0);
    this.inverse.fill(1);
  }

  /** Observations that means and scales are made of. */
  get observations(): number {
    return this.seen[0];
  }

  /** @param unit its index @returns its mean; 0 where it is not centred @realtime safe */
  meanOf(unit: number): number {
    return this.mean[unit];
  }

  /** Writes the state from `out[at]` on. @param out with room for `stateBytes` @returns the bytes written @realtime safe */
  exportInto(out: Uint8Array, at = 0): number {
    if (out.length < at + this.stateBytes) throw new RangeError('a scaler state needs more room');
    out.set(this.#state, at);
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
    const { name, unit, magic } = this.#kind;
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    if (copy.length < HEADER_BYTES) throw new ScalerStateError(`${name} state is cut off`);
    const [found, version, units, shape] = new Uint32Array(copy.buffer, 0, HEADER_WORDS);
    if (found !== magic) throw new ScalerStateError(`these bytes are not a ${name} state`);
    if (version !== STATE_VERSION) {
      throw new ScalerStateError(`${name} state has version ${version}, this program reads ${STATE_VERSION}`);
    }
    this.checkShape(units, shape);
    if (copy.length !== this.stateBytes) {
      throw new ScalerStateError(`${name} state has ${copy.length} bytes, expected ${this.stateBytes}`);
    }
    const numbers = new Float64Array(copy.buffer, HEADER_BYTES);
    const observations = numbers[0];
    if (!(observations >= 0 && Number.isInteger(observations))) {
      throw new ScalerStateError(`${name} state is damaged: it counts ${observations} observations`);
    }
    for (let i = 0; i < units; i++) {
      const mean = numbers[1 + i];
      const spread = numbers[1 + units + i];
      if (!this.meanFits(i, mean) || !(spread >= 0 && spread < Infinity)) {
        throw new ScalerStateError(`${name} state is damaged: ${unit} ${i} has mean ${mean} and spread ${spread}`);
      }
    }
    this.#state.set(copy);
    for (let i = 0; i < units; i++) {
      const variance = Math.max(this.spread[i] / this.sizeOf(i, observations), this.varianceFloor);
      this.inverse[i] = observations > 0 ? 1 / Math.sqrt(variance) : 1;
    }
  }
}
