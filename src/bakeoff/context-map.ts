/**
 * From a row's features to the context that a policy sees.
 *
 * - `linear`: the features themselves.
 * - `curved`: these, their products by twos hashed with signs, and random Fourier features: what lies on a plane, what
 *   needs two features together, and what is a smooth bump, each in memory that does not grow with the file. Measured on
 *   eleven problems, the three together are the robust choice: products fail on rings, bumps fail where most columns are
 *   noise.
 *
 * Each group has about the length 1 whatever the file: features are divided by √columns, and so are products, by that
 * twice. One ridge and one step size then serve all files.
 */
import { hashSeed, murmur3String } from '../core/hash.js';
import { QuadraticInteractions } from '../features/interactions.js';
import { RandomFourierFeatures } from '../features/random-fourier.js';

export type MapKind = 'linear' | 'curved';

/** More features than this are hashed with signs into as many, before they are shown or multiplied. */
export const MAX_LINEAR = 512;
/** Products go into 2 to this places. */
const PRODUCT_BITS = 7;
/** Random Fourier features. */
const FOURIER = 128;
/** Their length scale, in units of √columns: the distance of a typical row from the mean one. */
const LENGTH_SCALE = 1;

const PLACE_SEED = 0x6c696e65;
const SIGN_SEED = 0x7369676e;
const FOURIER_STREAM = 0x666f7572;

export class ContextMap {
  /** Features of a row. */
  readonly inputCount: number;
  /** Length of a context. */
  readonly outputCount: number;
  /** Features after folding, scaled. */
  readonly #linear: Float64Array;
  /** Place of each feature in `#linear` and its sign; null where there is no folding. */
  readonly #places: Int32Array | null;
  readonly #signs: Float64Array;
  readonly #products: QuadraticInteractions | null;
  /** What the products write: the linear features first. */
  readonly #expanded: Float64Array;
  readonly #fourier: RandomFourierFeatures | null;
  readonly #scale: Float64Array;

  /**
   * @param names of the features of a row
   * @param columns that they come from
   * @param seed of the random features
   * @realtime unsafe
   */
  constructor(kind: MapKind, names: readonly string[], columns: number, seed: number) {
    this.inputCount = names.length;
    const linearCount = Math.min(names.length, MAX_LINEAR);
    const folded = names.length > MAX_LINEAR;
    this.#linear = new Float64Array(linearCount);
    this.#places = folded ? Int32Array.from(names, (name) => murmur3String(name, PLACE_SEED) % MAX_LINEAR) : null;
    this.#signs = Float64Array.from(names, (name) => ((murmur3String(name, SIGN_SEED) & 1) === 0 ? 1 : -1));
    this.#scale = Float64Array.of(1 / Math.sqrt(columns));
    if (kind === 'linear') {
      this.#products = null;
      this.#expanded = this.#linear;
      this.#fourier = null;
      this.outputCount = linearCount;
      return;
    }
    const linearNames = folded ? Array.from({ length: linearCount }, (_, k) => `h${k}`) : names;
    this.#products = new QuadraticInteractions(linearNames, PRODUCT_BITS);
    this.#expanded = new Float64Array(this.#products.outputCount);
    this.#fourier = new RandomFourierFeatures(
      names.length,
      FOURIER,
      LENGTH_SCALE * Math.sqrt(columns),
      hashSeed(seed, FOURIER_STREAM),
    );
    this.outputCount = this.#expanded.length + FOURIER;
  }

  /**
   * @param features `inputCount` numbers of the order of 1
   * @param context `outputCount` numbers, the caller's
   * @realtime safe
   */
  expand(features: Float64Array, context: Float64Array): void {
    if (features.length !== this.inputCount || context.length !== this.outputCount) {
      throw new RangeError('features or context have another length than the map');
    }
    const linear = this.#linear;
    const places = this.#places;
    const scale = this.#scale[0];
    if (places === null) {
      for (let i = 0; i < linear.length; i++) linear[i] = scale * features[i];
    } else {
      linear.fill(0);
      const signs = this.#signs;
      for (let i = 0; i < features.length; i++) {
        if (features[i] !== 0) linear[places[i]] += signs[i] * scale * features[i];
      }
    }
    const expanded = this.#expanded;
    if (this.#products !== null) this.#products.expand(linear, expanded);
    for (let i = 0; i < expanded.length; i++) context[i] = expanded[i];
    if (this.#fourier !== null) this.#fourier.expand(features, context, expanded.length);
  }
}
