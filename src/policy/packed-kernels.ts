/**
 * The inner loops of ridge regression over packed symmetric matrices, and the memory they work in: WebAssembly with two
 * doubles at a time where there is SIMD, else plain functions. Both give the same bits.
 *
 * Thread: any; every thread has a workspace of its own, which the policies that compute on it use by turns (`owner`). The
 * module is compiled when this file is loaded, and its memory grows only where a policy is constructed. A WebAssembly
 * memory reserves some 10 GB of addresses, whatever its size, so that there is not one for every policy.
 *
 * **Packing.** A symmetric matrix of `size` rows is its upper triangle, row by row, with rows by pairs: rows 2k and 2k + 1
 * both start at column 2k and are filled up with zeros to an even number of columns, an odd row's first element is 0 instead
 * of a second copy of what stands above the diagonal. For 5 rows:
 *
 * ```
 *   00 01 02 03 04  0
 *    0 11 12 13 14  0
 *         22 23 24  0
 *          0 33 34  0
 *               44  0
 *                0  0
 * ```
 *
 * Every pair of columns then is one vector of two doubles, no row has a remainder, and the number of doubles is a multiple
 * of 4. Vectors are filled up with zeros to a multiple of 4.
 */
import { PACKED_KERNELS_CODE } from './packed-kernels-code.js';

/** Doubles of a packed matrix. @realtime safe */
export function packedDoubles(size: number): number {
  const pairs = Math.ceil(size / 2);
  return 2 * pairs * (pairs + 1);
}

/** Doubles of a vector that goes with it. @realtime safe */
export function vectorDoubles(size: number): number {
  return 4 * Math.ceil(size / 4);
}

/** Squares of covariances may pass the product of their variances by this: rounding alone stays far below. */
export const SLACK = 1.000000001;

/** The loops. Positions and lengths are in doubles, `pairs` is half the number of rows, rounded up. All are @realtime safe. */
export interface PackedKernels {
  /** out[packed] = xᵢxⱼ of a vector, twice that off the diagonal, as those elements stand for two. */
  products(x: number, pairs: number, out: number): void;

  /**
   * out[r] = row r · x, for each of `count` rows. With s₀ … s₃ the sums of every fourth product it is (s₀ + s₂) + (s₁ + s₃).
   *
   * @param length of x and of a row, a multiple of 4 and not 0
   */
  dots(row: number, count: number, stride: number, length: number, x: number, out: number): void;

  /** out = Px of a packed matrix. */
  times(matrix: number, pairs: number, x: number, out: number): void;

  /**
   * P ← P - suᵀ off the diagonal, and the given variances on it. No covariance may pass its bound, the root of the product of
   * its variances, by more than `SLACK`.
   *
   * @returns 1 where one was brought back to its bound, else 0
   */
  downdate(matrix: number, pairs: number, scales: number, u: number, variances: number): number;
}

/** The memory of kernels, of which one policy has the use at a time. */
export interface PackedWorkspace {
  readonly kernels: PackedKernels;
  /** Whose numbers lie in it: a policy's `ticket`, or 0. Whoever finds another's there brings its own, and its ticket. */
  owner: number;
  /** All of it. Another array after `reserve`. */
  words: Float64Array;
  /** Grows to at least so many doubles, which leaves it without an owner. @returns whether it could @realtime unsafe */
  reserve(doubles: number): boolean;
}

let tickets = 0;

/** A number that no other policy of this thread has. @realtime unsafe */
export function nextTicket(): number {
  return ++tickets;
}

/** The loops in JavaScript, each in a shape that V8 compiles well. */
class PlainKernels implements PackedKernels {
  words = new Float64Array(0);

  products(x: number, pairs: number, out: number): void {
    const words = this.words;
    let at = out;
    for (let length = 2 * pairs; length > 0; length -= 2, x += 2) {
      const first = words[x];
      const second = words[x + 1];
      const below = at + length;
      words[at] = first * first;
      words[at + 1] = 2 * first * second;
      words[below] = 0;
      words[below + 1] = second * second;
      for (let j = 2; j < length; j++) {
        words[at + j] = 2 * first * words[x + j];
        words[below + j] = 2 * second * words[x + j];
      }
      at = below + length;
    }
  }

  dots(row: number, count: number, stride: number, length: number, x: number, out: number): void {
    const words = this.words;
    let r = 0;
    for (; r + 2 <= count; r += 2) {
      let p = row + r * stride;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let i = x; i < x + length; i += 4, p += 4) {
        const q = p + stride;
        const x0 = words[i];
        const x1 = words[i + 1];
        const x2 = words[i + 2];
        const x3 = words[i + 3];
        a0 += words[p] * x0;
        a1 += words[p + 1] * x1;
        a2 += words[p + 2] * x2;
        a3 += words[p + 3] * x3;
        b0 += words[q] * x0;
        b1 += words[q + 1] * x1;
        b2 += words[q + 2] * x2;
        b3 += words[q + 3] * x3;
      }
      words[out + r] = a0 + a2 + (a1 + a3);
      words[out + r + 1] = b0 + b2 + (b1 + b3);
    }
    if (r < count) dotInto(words, row + r * stride, x, length, words, out + r);
  }

  times(matrix: number, pairs: number, x: number, out: number): void {
    const words = this.words;
    words.fill(0, out, out + 2 * pairs);
    let at = matrix;
    for (let length = 2 * pairs; length > 0; length -= 2, x += 2, out += 2) {
      const first = words[x];
      const second = words[x + 1];
      const below = at + length;
      let a0 = words[at] * first;
      let a1 = words[at + 1] * second;
      let b0 = words[below] * first;
      let b1 = words[below + 1] * second;
      const across = words[at + 1] * first;
      for (let j = 2; j < length; j += 2) {
        const p0 = words[at + j];
        const p1 = words[at + j + 1];
        const q0 = words[below + j];
        const q1 = words[below + j + 1];
        const x0 = words[x + j];
        const x1 = words[x + j + 1];
        a0 += p0 * x0;
        a1 += p1 * x1;
        b0 += q0 * x0;
        b1 += q1 * x1;
        words[out + j] = words[out + j] + p0 * first + q0 * second;
        words[out + j + 1] = words[out + j + 1] + p1 * first + q1 * second;
      }
      words[out] += a0 + a1;
      words[out + 1] = words[out + 1] + across + (b0 + b1);
      at = below + length;
    }
  }

  downdate(matrix: number, pairs: number, scales: number, u: number, variances: number): number {
    const words = this.words;
    const size = 2 * pairs;
    let rough = 0;
    let at = matrix;
    for (let i = 0; i < size; i++) {
      const scale = words[scales + i];
      const variance = words[variances + i];
      const bound = variance * SLACK;
      const odd = i & 1;
      if (odd === 1) words[at++] = 0;
      words[at++] = variance;
      for (let j = i + 1; j < size; j++, at++) {
        const covariance = words[at] - scale * words[u + j];
        words[at] = covariance;
        if (covariance * covariance > bound * words[variances + j]) {
          const most = Math.sqrt(variance * words[variances + j]);
          words[at] = covariance > 0 ? most : -most;
          rough = 1;
        }
      }
    }
    return rough;
  }
}

/** out[index] = row · x, in the order of `PackedKernels.dots`. @realtime safe */
export function dotInto(
  words: Float64Array,
  row: number,
  x: number,
  length: number,
  out: Float64Array,
  index: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < length; i += 4) {
    s0 += words[row + i] * words[x + i];
    s1 += words[row + i + 1] * words[x + i + 1];
    s2 += words[row + i + 2] * words[x + i + 2];
    s3 += words[row + i + 3] * words[x + i + 3];
  }
  out[index] = s0 + s2 + (s1 + s3);
}

/** A workspace in plain memory: for machines without SIMD, and what the other is tested against. */
export class PlainWorkspace implements PackedWorkspace {
  readonly kernels = new PlainKernels();
  owner = 0;
  words = new Float64Array(0);

  reserve(doubles: number): boolean {
    if (doubles <= this.words.length) return true;
    try {
      this.words = new Float64Array(doubles);
    } catch {
      return false;
    }
    this.kernels.words = this.words;
    this.owner = 0;
    return true;
  }
}

// What is used of WebAssembly: the language's own library has no types for it.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  validate(code: Uint8Array): boolean;
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const PAGE_BYTES = 65_536;
const MOST_PAGES = 65_536;

/** A workspace in the memory of a WebAssembly module. */
class SimdWorkspace implements PackedWorkspace {
  readonly kernels: PackedKernels;
  owner = 0;
  words: Float64Array;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });

  /** @realtime unsafe (compiles) */
  constructor(code: Uint8Array) {
    const module = new WebAssembly.Module(code);
    this.kernels = new WebAssembly.Instance(module, { workspace: { memory: this.#memory } }).exports as PackedKernels;
    this.words = new Float64Array(this.#memory.buffer);
    // V8 may compile each function when it is first called.
    this.kernels.products(0, 2, 4);
    this.kernels.dots(0, 5, 4, 4, 0, 20);
    this.kernels.times(0, 2, 12, 16);
    this.kernels.downdate(0, 2, 12, 16, 20);
  }

  reserve(doubles: number): boolean {
    const more = Math.ceil((8 * doubles - this.words.byteLength) / PAGE_BYTES);
    if (more <= 0) return true;
    if (more + this.words.byteLength / PAGE_BYTES > MOST_PAGES) return false;
    try {
      this.#memory.grow(more);
    } catch {
      return false;
    }
    this.words = new Float64Array(this.#memory.buffer);
    this.owner = 0;
    return true;
  }
}

function makeSimdWorkspace(): SimdWorkspace | null {
  const code = new Uint8Array(Buffer.from(PACKED_KERNELS_CODE, 'base64'));
  // Absent under --jitless.
  return typeof WebAssembly === 'object' && WebAssembly.validate(code) ? new SimdWorkspace(code) : null;
}

const SIMD = makeSimdWorkspace();
const PLAIN = new PlainWorkspace();

/**
 * The thread's workspace, with room for so many doubles: the faster one that has it. Where neither has, the plain one, whose
 * `reserve` says so.
 *
 * @realtime unsafe
 */
export function workspaceFor(doubles: number): PackedWorkspace {
  if (SIMD?.reserve(doubles)) return SIMD;
  PLAIN.reserve(doubles);
  return PLAIN;
}
