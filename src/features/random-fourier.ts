import { Prng } from '../core/prng.js';

/**
 * Random Fourier features (Rahimi & Recht 2007): z_k(x) = √(2/D) cos(ω_k·x + b_k) with ω drawn from N(0, I/ℓ²) and b
 * uniform in [0, 2π), so that z(x)·z(y) is about exp(-|x - y|² / 2ℓ²), the Gaussian kernel of length scale ℓ. A model
 * that is linear in them is one of smooth functions of x, in memory fixed beforehand.
 *
 * Thread: any one at a time. Memory: (inputs + 1) × outputs doubles, set aside by the constructor and only read after it.
 */
export class RandomFourierFeatures {
  /** Features that come in. */
  readonly inputCount: number;
  /** Features that go out, D. */
  readonly outputCount: number;
  /** Names of what goes out: `r` and a number. */
  readonly names: readonly string[];
  /** ω, one input after another: the frequencies of input 0 for each output, then those of input 1. */
  readonly #frequencies: Float64Array;
  /** b [rad]. */
  readonly #phases: Float64Array;
  /** √(2/D); in an array, since a double in a field is boxed. */
  readonly #amplitude: Float64Array;

  /**
   * @param inputCount features that come in, ≥ 1
   * @param outputCount features that go out, ≥ 1
   * @param lengthScale ℓ, in the units of the features: points closer than this look alike; above 0
   * @param seed of ω and b: the same one gives the same features
   * @throws RangeError naming a bad argument
   * @realtime unsafe
   */
  constructor(inputCount: number, outputCount: number, lengthScale: number, seed: number) {
    for (const [name, value] of Object.entries({ inputCount, outputCount })) {
      if (!(Number.isInteger(value) && value >= 1)) {
        throw new RangeError(`${name} is ${value}, allowed: an integer from 1`);
      }
    }
    if (!(lengthScale >= 1e-9 && lengthScale <= 1e9)) {
      throw new RangeError(`lengthScale is ${lengthScale}, allowed: [1e-9, 1e9]`);
    }
    this.inputCount = inputCount;
    this.outputCount = outputCount;
    this.names = Object.freeze(Array.from({ length: outputCount }, (_, k) => `r${k}`));
    this.#frequencies = new Float64Array(inputCount * outputCount);
    this.#phases = new Float64Array(outputCount);
    this.#amplitude = Float64Array.of(Math.sqrt(2 / outputCount));
    const prng = Prng.seeded(seed);
    // Output by output, so that more outputs of one seed begin with the same ones.
    for (let k = 0; k < outputCount; k++) {
      for (let i = 0; i < inputCount; i++) this.#frequencies[i * outputCount + k] = prng.nextNormal() / lengthScale;
      this.#phases[k] = prng.nextRange(0, 2 * Math.PI);
    }
  }

  /**
   * @param features `inputCount` numbers
   * @param out at least `offset + outputCount` numbers, the caller's; not `features`
   * @param offset of the first to write
   * @realtime safe
   */
  expand(features: Float64Array, out: Float64Array, offset: number): void {
    const inputs = this.inputCount;
    const outputs = this.outputCount;
    if (features.length !== inputs || !(offset >= 0 && offset + outputs <= out.length)) {
      throw new RangeError('features or out have another length than the random features');
    }
    const frequencies = this.#frequencies;
    const phases = this.#phases;
    const amplitude = this.#amplitude[0];
    for (let k = 0; k < outputs; k++) out[offset + k] = phases[k];
    for (let i = 0; i < inputs; i++) {
      const feature = features[i];
      // Most of a one-hot context is 0.
      if (feature === 0) continue;
      const row = i * outputs;
      for (let k = 0; k < outputs; k++) out[offset + k] += frequencies[row + k] * feature;
    }
    for (let k = 0; k < outputs; k++) out[offset + k] = amplitude * Math.cos(out[offset + k]);
  }
}
