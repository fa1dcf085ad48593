/**
 * Running mean and scale of groups of like features, for features that stand for the same thing seen from several
 * directions: what shares a mean and a scale can change places without changing its value, so that scaling commutes with
 * turning.
 *
 * Thread: control. `update` and `transform` cost one pass over the features each; all memory is the caller's or set aside
 * by the constructor.
 */
import type { FeatureGroup } from './direction-frames.js';
import { Scaler, type ScalerKind, type ScalerMemory, type ScalerOptions, ScalerStateError } from './scaler.js';

/** Numbers beyond ± this count as this, so that squares and sums stay finite. Imported, it slows `update` down. */
const RAW_LIMIT = 1e15;

/** Its states begin with the characters RFSG. */
const KIND: ScalerKind = { name: 'grouped scaler', unit: 'group', magic: 0x47534652 };

/**
 * Scales rows of features group by group: to mean 0 and variance 1 where a group is centred, to mean square 1 where it is
 * not. Every row of every observation counts alike. Before the first observation it only clips.
 */
export class GroupedScaler extends Scaler {
  readonly rows: number;
  readonly rowLength: number;
  readonly #first: Int32Array;
  readonly #count: Int32Array;
  /** 1 where a group is; the mean of any other stays 0, and its spread is from there. */
  readonly #centred: Uint8Array;

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
    super(KIND, groups.length, rowLength, options, memory);
    if (!(Number.isInteger(rows) && rows >= 1)) throw new RangeError(`rows is ${rows}, allowed: an integer from 1`);
    const uses = new Uint8Array(rowLength);
    for (const { first, count } of groups) for (let i = first; i < first + count; i++) uses[i]++;
    const odd = uses.findIndex((count) => count !== 1);
    if (odd >= 0) throw new RangeError(`feature ${odd} belongs to ${uses[odd]} groups, expected 1`);
    this.rows = rows;
    this.rowLength = rowLength;
    this.#first = Int32Array.from(groups, (group) => group.first);
    this.#count = Int32Array.from(groups, (group) => group.count);
    this.#centred = Uint8Array.from(groups, (group) => (group.centred ? 1 : 0));
  }

  /** @param group its index @returns what its features are divided by @realtime safe */
  scaleOf(group: number): number {
    return 1 / this.inverse[group];
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
    if (this.frozen || (this.freezeAfter > 0 && this.seen[0] >= this.freezeAfter)) return false;
    const { rows, rowLength } = this;
    if (raw.length !== rows * rowLength) throw new RangeError('raw features have another length than the scaler');
    for (let i = 0; i < raw.length; i++) if (raw[i] - raw[i] !== 0) return false;
    const before = this.seen[0];
    this.seen[0] = before + 1;
    for (let g = 0; g < this.mean.length; g++) {
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
      const apart = mean - this.mean[g];
      this.mean[g] += apart / (before + 1);
      this.spread[g] += spread + (apart * apart * size * before) / (before + 1);
      this.inverse[g] = 1 / Math.sqrt(Math.max(this.spread[g] / (size * (before + 1)), this.limits[1]));
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
    const clip = this.limits[0];
    for (let g = 0; g < this.mean.length; g++) {
      const mean = this.mean[g];
      const inverse = this.inverse[g];
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

  protected checkShape(groups: number, rowLength: number): void {
    if (groups !== this.mean.length || rowLength !== this.rowLength) {
      throw new ScalerStateError(
        `grouped scaler state has ${groups} groups of ${rowLength} features, this scaler ${this.mean.length} of ${this.rowLength}`,
      );
    }
  }

  protected meanFits(group: number, mean: number): boolean {
    return this.#centred[group] !== 0 ? Math.abs(mean) <= 2 * RAW_LIMIT : mean === 0;
  }

  protected sizeOf(group: number, observations: number): number {
    return this.rows * this.#count[group] * observations;
  }
}

function limited(value: number): number {
  return value > RAW_LIMIT ? RAW_LIMIT : value < -RAW_LIMIT ? -RAW_LIMIT : value;
}
