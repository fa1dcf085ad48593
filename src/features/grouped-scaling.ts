/**
 * Running mean and scale of groups of like features, for features that stand for the same thing seen from several
 * directions: what shares a mean and a scale can change places without changing its value, so that scaling commutes with
 * turning.
 *
 * Thread: control. `update` and `transform` cost one pass over the features each; all memory is the caller's or set aside
 * by the constructor.
 */
import type { FeatureGroup } from './direction-frames.js';
import { type ScalerMemory, type ScalerOptions, ScalerStateError } from './scaling.js';

/** Numbers beyond ± this count as this, so that squares and sums stay finite. */
const RAW_LIMIT = 1e15;

/** The characters RFSG. */
const STATE_MAGIC = 0x47534652;
const STATE_VERSION = 1;
const HEADER_WORDS = 4;
const HEADER_BYTES = HEADER_WORDS * 4;

/**
 * Scales rows of features group by group: to mean 0 and variance 1 where a group is centred, to mean square 1 where it is
 * not. Every row of every observation counts alike. Before the first observation it only clips.
 */
export class GroupedScaler {
  readonly rows: number;
  readonly rowLength: number;
  readonly varianceFloor: number;
  readonly clip: number;
  /** Means and scales stand still. Not part of the state. */
  frozen = false;
  readonly stateBytes: number;

  readonly #freezeAfter: number;
  readonly #groups: number;
  /** The state as it is exported: header, observations, means, sums of squared deviations. */
  readonly #state: Uint8Array;
  readonly #observations: Float64Array;
  readonly #mean: Float64Array;
  /** Sum of squared deviations from the mean; from 0 in a group that is not centred. */
  readonly #spread: Float64Array;
  /** 1 / scale; follows from the state. */
  readonly #inverse: Float64Array;
  /** Clip and variance floor, as doubles whatever their values. */
  readonly #limits: Float64Array;
  readonly #first: Int32Array;
  readonly #count: Int32Array;
  readonly #centred: Uint8Array;

  /** Memory for so many groups [bytes], a multiple of 8. */
  static bytes(groups: number): number {
    return HEADER_BYTES + 8 + groups * 3 * 8;
  }

  /**
   * @param groups which features of a row belong together; each belongs to one
   * @param rowLength features of a row
   * @param rows of one observation
   * @param memory at least `GroupedScaler.bytes(groups.length)`; overwritten; its own where absent
   * @throws RangeError naming a bad option, or a feature that belongs to no group or to two
   * @realtime unsafe
   */
  constructor(
    groups: readonly FeatureGroup[],
    rowLength: number,
    rows: number,
    options: ScalerOptions = {},
    memory?: ScalerMemory,
  ) {
    const { varianceFloor = 1e-4, clip = 5, freezeAfter = 0 } = options;
    if (!(varianceFloor >= 1e-12 && varianceFloor <= 1e12)) {
      throw new RangeError(`varianceFloor is ${varianceFloor}, allowed: [1e-12, 1e12]`);
    }
    if (!(clip > 0 && clip <= 1e6)) throw new RangeError(`clip is ${clip}, allowed: (0, 1e6]`);
    if (!(freezeAfter >= 0)) throw new RangeError(`freezeAfter is ${freezeAfter}, allowed: 0 or more`);
    if (!(Number.isInteger(rows) && rows >= 1)) throw new RangeError(`rows is ${rows}, allowed: an integer from 1`);
    const uses = new Uint8Array(rowLength);
    for (const { first, count } of groups) for (let i = first; i < first + count; i++) uses[i]++;
    const odd = uses.findIndex((count) => count !== 1);
    if (odd >= 0) throw new RangeError(`feature ${odd} belongs to ${uses[odd]} groups, expected 1`);
    const count = groups.length;
    const buffer = memory?.buffer ?? new ArrayBuffer(GroupedScaler.bytes(count));
    const start = memory?.byteOffset ?? 0;
    if (start % 8 !== 0 || start < 0 || start + GroupedScaler.bytes(count) > buffer.byteLength) {
      throw new RangeError(`memory of ${buffer.byteLength} bytes from byte ${start} is too small or not aligned to 8`);
    }
    this.rows = rows;
    this.rowLength = rowLength;
    this.varianceFloor = varianceFloor;
    this.clip = clip;
    this.#freezeAfter = freezeAfter;
    this.#groups = count;
    this.#limits = Float64Array.of(clip, varianceFloor);
    this.#first = Int32Array.from(groups, (group) => group.first);
    this.#count = Int32Array.from(groups, (group) => group.count);
    this.#centred = Uint8Array.from(groups, (group) => (group.centred ? 1 : 0));
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
    header[3] = rowLength;
    this.reset();
  }

  /** Forgets every observation. @realtime safe */
  reset(): void {
    this.#observations[0] = 0;
    this.#mean.fill(0);
    this.#spread.fill(0);
    this.#inverse.fill(1);
  }

  /** Observations that means and scales are made of. */
  get observations(): number {
    return this.#observations[0];
  }

  /** @param group its index @returns its mean; 0 where it is not centred @realtime safe */
  meanOf(group: number): number {
    return this.#mean[group];
  }

  /** @param group its index @returns what its features are divided by @realtime safe */
  scaleOf(group: number): number {
    return 1 / this.#inverse[group];
  }

  /**
   * Takes in one observation, unless frozen: a group's mean and spread over all rows first, then both into what came
   * before (Chan, Golub & LeVeque 1979).
   *
   * @param raw `rows` × `rowLength` numbers; one that is not finite spoils the whole observation, which is then left out
   * @returns whether it was taken in
   * @realtime safe
   */
  update(raw: Float64Array): boolean {
    if (this.frozen || (this.#freezeAfter > 0 && this.#observations[0] >= this.#freezeAfter)) return false;
    const { rows, rowLength } = this;
    if (raw.length !== rows * rowLength) throw new RangeError('raw features have another length than the scaler');
    for (let i = 0; i < raw.length; i++) if (raw[i] - raw[i] !== 0) return false;
    const before = this.#observations[0];
    this.#observations[0] = before + 1;
    for (let g = 0; g < this.#groups; g++) {
      const first = this.#first[g];
      const end = first + this.#count[g];
      const size = rows * this.#count[g];
      let mean = 0;
      if (this.#centred[g] !== 0) {
        for (let r = 0; r < rows; r++) {
          for (let i = first; i < end; i++) mean += limited(raw[r * rowLength + i]);
        }
        mean /= size;
      }
      let spread = 0;
      for (let r = 0; r < rows; r++) {
        for (let i = first; i < end; i++) {
          const deviation = limited(raw[r * rowLength + i]) - mean;
          spread += deviation * deviation;
        }
      }
      const apart = mean - this.#mean[g];
      this.#mean[g] += apart / (before + 1);
      this.#spread[g] += spread + (apart * apart * size * before) / (before + 1);
      this.#inverse[g] = 1 / Math.sqrt(Math.max(this.#spread[g] / (size * (before + 1)), this.#limits[1]));
    }
    return true;
  }

  /**
   * Writes (raw - mean) / scale, clipped to ±`clip`; 0, the mean, where a number is not finite.
   *
   * @param raw `rows` × `rowLength` numbers
   * @param out as many; may be `raw`
   * @realtime safe
   */
  transform(raw: Float64Array, out: Float64Array): void {
    const { rows, rowLength } = this;
    if (raw.length !== rows * rowLength || out.length !== raw.length) {
      throw new RangeError('features have another length than the scaler');
    }
    const clip = this.#limits[0];
    for (let g = 0; g < this.#groups; g++) {
      const mean = this.#mean[g];
      const inverse = this.#inverse[g];
      const first = this.#first[g];
      const end = first + this.#count[g];
      for (let r = 0; r < rows; r++) {
        for (let i = r * rowLength + first; i < r * rowLength + end; i++) {
          const value = raw[i];
          out[i] = value - value !== 0 ? 0 : Math.min(Math.max((value - mean) * inverse, -clip), clip);
        }
      }
    }
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
    // For alignment; and not slice(), which a Buffer does not copy.
    const copy = new Uint8Array(state);
    if (copy.length < HEADER_BYTES) throw new ScalerStateError('grouped scaler state is cut off');
    const [magic, version, groups, rowLength] = new Uint32Array(copy.buffer, 0, HEADER_WORDS);
    if (magic !== STATE_MAGIC) throw new ScalerStateError('these bytes are not a grouped scaler state');
    if (version !== STATE_VERSION) {
      throw new ScalerStateError(`grouped scaler state has version ${version}, this program reads ${STATE_VERSION}`);
    }
    if (groups !== this.#groups || rowLength !== this.rowLength) {
      throw new ScalerStateError(
        `grouped scaler state has ${groups} groups of ${rowLength} features, this scaler ${this.#groups} of ${this.rowLength}`,
      );
    }
    if (copy.length !== this.stateBytes) {
      throw new ScalerStateError(`grouped scaler state has ${copy.length} bytes, expected ${this.stateBytes}`);
    }
    const numbers = new Float64Array(copy.buffer, HEADER_BYTES);
    const observations = numbers[0];
    if (!(observations >= 0 && Number.isInteger(observations))) {
      throw new ScalerStateError(`grouped scaler state is damaged: it counts ${observations} observations`);
    }
    for (let g = 0; g < groups; g++) {
      const mean = numbers[1 + g];
      const spread = numbers[1 + groups + g];
      const fits = this.#centred[g] !== 0 ? Math.abs(mean) <= 2 * RAW_LIMIT : mean === 0;
      if (!fits || !(spread >= 0 && spread < Infinity)) {
        throw new ScalerStateError(`grouped scaler state is damaged: group ${g} has mean ${mean} and spread ${spread}`);
      }
    }
    this.#state.set(copy);
    for (let g = 0; g < groups; g++) {
      const size = this.rows * this.#count[g] * observations;
      this.#inverse[g] = observations > 0 ? 1 / Math.sqrt(Math.max(this.#spread[g] / size, this.#limits[1])) : 1;
    }
  }
}

function limited(value: number): number {
  return value > RAW_LIMIT ? RAW_LIMIT : value < -RAW_LIMIT ? -RAW_LIMIT : value;
}
