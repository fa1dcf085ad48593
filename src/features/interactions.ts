import { murmur3String } from '../core/hash.js';

/** Seeds of the two hashes of a pair: its place and its sign, which must not depend on each other. */
const PLACE_SEED = 0x71756164;
const SIGN_SEED = 0x7369676e;

/**
 * Products of every two features (i ≤ j), hashed with a sign into 2^`hash_bits` places (Weinberger et al. 2009: with a
 * random sign, products that share a place cancel in the mean instead of adding up). For 24 features these are 300
 * products. Places that no product reaches are left out of the result, since they would always be 0: with 12 bits, a
 * context has 24 + about 290 features and not 24 + 4096.
 *
 * Pairs are found by the features' names, so the same two meet in the same place whatever their positions.
 */
export class QuadraticInteractions {
  /** Features that come in. */
  readonly inputCount: number;
  /** Features that go out: those that came in, then the places that are reached, in ascending order. */
  readonly outputCount: number;
  /** Names of what goes out: the given ones, then `q` and the place's number. */
  readonly names: readonly string[];
  /** Place of each product, pairs in the order (0,0), (0,1), …, (1,1), …, as an index into the output. */
  readonly #places: Int32Array;
  /** +1 or -1 for each product. */
  readonly #signs: Float64Array;

  /**
   * @param names of the features that come in
   * @param hashBits 1 to 24
   * @throws RangeError
   * @realtime unsafe
   */
  constructor(names: readonly string[], hashBits: number) {
    if (names.length < 1) throw new RangeError('interactions need at least one feature');
    if (!(Number.isInteger(hashBits) && hashBits >= 1 && hashBits <= 24)) {
      throw new RangeError(`hash_bits is ${hashBits}, allowed: an integer in [1, 24]`);
    }
    const count = names.length;
    const pairs = (count * (count + 1)) / 2;
    const mask = 2 ** hashBits - 1;
    const hashed = new Int32Array(pairs);
    this.#places = new Int32Array(pairs);
    this.#signs = new Float64Array(pairs);
    let pair = 0;
    for (let i = 0; i < count; i++) {
      for (let j = i; j < count; j++) {
        const name = names[i] < names[j] ? `${names[i]}*${names[j]}` : `${names[j]}*${names[i]}`;
        hashed[pair] = murmur3String(name, PLACE_SEED) & mask;
        this.#signs[pair] = (murmur3String(name, SIGN_SEED) & 1) === 0 ? 1 : -1;
        pair++;
      }
    }
    const reached = [...new Set(hashed)].sort((a, b) => a - b);
    const position = new Map(reached.map((place, k) => [place, count + k]));
    for (let k = 0; k < pairs; k++) this.#places[k] = position.get(hashed[k]) as number;
    this.inputCount = count;
    this.outputCount = count + reached.length;
    this.names = Object.freeze([...names, ...reached.map((place) => `q${place}`)]);
  }

  /**
   * @param features `inputCount` numbers
   * @param out `outputCount` numbers; not `features`
   * @realtime safe
   */
  expand(features: Float64Array, out: Float64Array): void {
    const count = this.inputCount;
    if (features.length !== count || out.length !== this.outputCount) {
      throw new RangeError('features have another length than the interactions');
    }
    const places = this.#places;
    const signs = this.#signs;
    for (let i = 0; i < count; i++) out[i] = features[i];
    for (let k = count; k < out.length; k++) out[k] = 0;
    let pair = 0;
    for (let i = 0; i < count; i++) {
      const first = features[i];
      for (let j = i; j < count; j++) {
        out[places[pair]] += signs[pair] * first * features[j];
        pair++;
      }
    }
  }
}
