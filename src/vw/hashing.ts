/**
 * Vowpal Wabbit's hashing: which weight a feature, or the product of two, belongs to. The indices are VW's own, so
 * that a weight found there is the weight found here (`--hash strings`, `--hash_seed 0`).
 *
 * Facts: vowpalwabbit/text_parser/src/parse_example_text.cc, core/hashstring.h, core/interactions_predict.h of
 * https://github.com/VowpalWabbit/vowpal_wabbit, and the indices that `vw --audit` prints, which the tests hold.
 */
import { murmur3 } from '../core/hash.js';
import { VwTextError } from './text-error.js';
import type { VwNamespace } from './text-format.js';

/** The feature that every example has, unless `--noconstant`. */
export const VW_CONSTANT = 11_650_396;
/** FNV's 32-bit prime, which VW mixes interactions with. */
const FNV_PRIME = 16_777_619;

/** A line of a few thousand features has millions of products; more than this is refused. */
const MAX_FEATURES = 2 ** 22;
/** Names whose hash is remembered; past that the memory starts anew. */
const MAX_REMEMBERED = 2 ** 16;

const ZERO = 48;
const NINE = 57;
const encoder = new TextEncoder();

/**
 * VW's hash of a name: of one that is all digits the number itself, of any other MurmurHash3, each added to or seeded
 * with `seed`. Control characters and spaces around the name do not count.
 *
 * @returns an unsigned 32-bit integer
 * @realtime unsafe
 */
export function hashName(name: string, seed: number): number {
  const bytes = encoder.encode(name);
  let from = 0;
  let to = bytes.length;
  while (from < to && bytes[from] <= 0x20) from++;
  while (to > from && bytes[to - 1] <= 0x20) to--;
  let integer = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i];
    if (digit < ZERO || digit > NINE) return murmur3(bytes.subarray(from, to), seed);
    integer = (Math.imul(integer, 10) + digit - ZERO) >>> 0;
  }
  return (integer + seed) >>> 0;
}

/** @returns an unsigned 32-bit integer; 0 for the namespace without a name @realtime unsafe */
export function hashNamespace(name: string): number {
  return hashName(name, 0);
}

/** Hash of `first*second`: not that of `second*first`. @realtime safe */
export function hashProduct(first: number, second: number): number {
  return (Math.imul(FNV_PRIME, first) ^ second) >>> 0;
}

/** Features of one example as a learner wants them. Owned by whoever made it, overwritten by each `FeatureHasher.hash`. */
export class SparseFeatures {
  /** Unsigned 32-bit hashes; a learner masks them. The first `count` are set. */
  hashes = new Uint32Array(64);
  /** 32-bit floats, as VW's. */
  values = new Float32Array(64);
  count = 0;

  /** @throws VwTextError where there are too many @realtime unsafe: may grow */
  push(hash: number, value: number): void {
    if (this.count === this.hashes.length) this.#grow();
    this.hashes[this.count] = hash;
    this.values[this.count] = value;
    this.count++;
  }

  #grow(): void {
    if (this.count >= MAX_FEATURES) throw new VwTextError(0, `more than ${MAX_FEATURES} features with interactions`);
    const hashes = new Uint32Array(2 * this.count);
    const values = new Float32Array(2 * this.count);
    hashes.set(this.hashes);
    values.set(this.values);
    this.hashes = hashes;
    this.values = values;
  }
}

/** The features of all namespaces that begin with the same byte: VW keeps one list for each. */
class Group {
  readonly hashes: number[] = [];
  readonly values: number[] = [];

  constructor(readonly index: number) {}
}

/** One `-q`: two characters, each a namespace's first, or `:` for any. */
export interface Interaction {
  readonly first: number;
  readonly second: number;
}

const ANY = 58;
/** What `:` stands for: printable ASCII. */
const FIRST_NAMESPACE = 32;
const LAST_NAMESPACE = 126;

/**
 * @param text as after `-q`: `UA`, `U:`, `::`
 * @returns undefined where it is not two printable characters of ASCII
 * @realtime unsafe
 */
export function parseInteraction(text: string): Interaction | undefined {
  if (!/^[ -~]{2}$/.test(text) || text.includes('|')) return undefined;
  return { first: text.charCodeAt(0), second: text.charCodeAt(1) };
}

export interface HashingSettings {
  /** Of `ab` and `ba` only the first counts, as with VW. */
  readonly interactions: readonly Interaction[];
  /** Whether each example has the constant feature. */
  readonly constant: boolean;
}

/** Turns namespaces into hashed features, the constant and the interactions included. */
export class FeatureHasher {
  readonly #settings: HashingSettings;
  readonly #groups: Group[] = [];
  readonly #namespaceHashes = new Map<string, number>();
  /** By the namespace's hash, then by the feature's name. */
  readonly #featureHashes = new Map<number, Map<string, number>>();
  #remembered = 0;
  readonly #done = new Set<number>();
  #constant = VW_CONSTANT;

  constructor(settings: HashingSettings) {
    this.#settings = settings;
  }

  /**
   * @param own the line's namespaces
   * @param shared those of the decision's shared line, whose features follow the line's own
   * @param out overwritten
   * @throws VwTextError where the interactions are too many
   * @realtime unsafe
   */
  hash(own: readonly VwNamespace[], shared: readonly VwNamespace[], out: SparseFeatures): void {
    this.#groups.length = 0;
    for (let i = 0; i < own.length; i++) this.#gather(own[i]);
    for (let i = 0; i < shared.length; i++) this.#gather(shared[i]);
    this.#constant = VW_CONSTANT;
    this.#emit(out);
  }

  /**
   * The same features for each of several actions, as VW turns `cb` into `cb_adf`: the low bits of every hash, as many
   * as the number of actions has, become the action; interactions come after that.
   *
   * @param count actions
   * @param out the first `count` are overwritten
   * @throws VwTextError where the interactions are too many
   * @realtime unsafe
   */
  hashForEach(namespaces: readonly VwNamespace[], count: number, out: readonly SparseFeatures[]): void {
    this.#groups.length = 0;
    for (let i = 0; i < namespaces.length; i++) this.#gather(namespaces[i]);
    const high = -(2 ** (32 - Math.clz32(count)));
    for (const { hashes } of this.#groups) {
      for (let i = 0; i < hashes.length; i++) hashes[i] = (hashes[i] & high) >>> 0;
    }
    this.#constant = (VW_CONSTANT & high) >>> 0;
    for (let action = 0; action < count; action++) {
      this.#emit(out[action]);
      this.#constant++;
      for (const { hashes } of this.#groups) for (let i = 0; i < hashes.length; i++) hashes[i]++;
    }
  }

  #emit(out: SparseFeatures): void {
    out.count = 0;
    for (const { hashes, values } of this.#groups) {
      for (let i = 0; i < hashes.length; i++) out.push(hashes[i], values[i]);
    }
    if (this.#settings.constant) out.push(this.#constant, 1);
    this.#interact(out);
  }

  #gather({ name, scale, features }: VwNamespace): void {
    if (features.length === 0) return;
    const seed = this.#namespaceHash(name);
    const group = this.#group(firstByte(name));
    let nameless = 0;
    for (let i = 0; i < features.length; i++) {
      const { name: feature, value, text } = features[i];
      let hash: number;
      if (text !== undefined) hash = hashName(text, hashName(feature, seed));
      else if (feature !== '') hash = this.#featureHash(feature, seed);
      else hash = (seed + nameless++) >>> 0;
      // VW leaves a categorical value at 1, whatever the namespace's scale.
      const scaled = text === undefined ? Math.fround(scale * value) : 1;
      if (scaled === 0 || !Number.isFinite(scaled)) continue;
      group.hashes.push(hash);
      group.values.push(scaled);
    }
  }

  #group(index: number): Group {
    for (const group of this.#groups) if (group.index === index) return group;
    const group = new Group(index);
    this.#groups.push(group);
    return group;
  }

  #namespaceHash(name: string): number {
    let hash = this.#namespaceHashes.get(name);
    if (hash === undefined) {
      hash = hashNamespace(name);
      this.#remember();
      this.#namespaceHashes.set(name, hash);
    }
    return hash;
  }

  #featureHash(name: string, seed: number): number {
    let known = this.#featureHashes.get(seed);
    let hash = known?.get(name);
    if (hash === undefined) {
      hash = hashName(name, seed);
      this.#remember();
      known = this.#featureHashes.get(seed) ?? new Map();
      this.#featureHashes.set(seed, known.set(name, hash));
    }
    return hash;
  }

  #remember(): void {
    if (++this.#remembered <= MAX_REMEMBERED) return;
    this.#namespaceHashes.clear();
    this.#featureHashes.clear();
    this.#remembered = 1;
  }

  #interact(out: SparseFeatures): void {
    const { interactions } = this.#settings;
    if (interactions.length === 0) return;
    this.#done.clear();
    const present = this.#groups
      .filter(({ index, hashes }) => hashes.length > 0 && index >= FIRST_NAMESPACE && index <= LAST_NAMESPACE)
      .sort((a, b) => a.index - b.index);
    for (const { first, second } of interactions) {
      for (const a of present) {
        if (first !== ANY && first !== a.index) continue;
        for (const b of present) {
          if (second !== ANY && second !== b.index) continue;
          this.#multiply(a, b, out);
        }
      }
    }
  }

  /** The products of two groups; of a group with itself each pair once, squares included. */
  #multiply(a: Group, b: Group, out: SparseFeatures): void {
    const pair = a.index < b.index ? (a.index << 8) | b.index : (b.index << 8) | a.index;
    if (this.#done.has(pair)) return;
    this.#done.add(pair);
    for (let i = 0; i < a.hashes.length; i++) {
      for (let j = a === b ? i : 0; j < b.hashes.length; j++) {
        out.push(hashProduct(a.hashes[i], b.hashes[j]), a.values[i] * b.values[j]);
      }
    }
  }
}

/** Features that count: those whose scaled value is not 0. @realtime unsafe */
export function countFeatures(namespaces: readonly VwNamespace[]): number {
  let count = 0;
  for (const { scale, features } of namespaces) {
    for (const { value, text } of features) if (text !== undefined || Math.fround(scale * value) !== 0) count++;
  }
  return count;
}

/** First byte of a name in UTF-8; a space's where there is no name. */
function firstByte(name: string): number {
  if (name === '') return FIRST_NAMESPACE;
  const code = name.charCodeAt(0);
  return code < 0x80 ? code : encoder.encode(name)[0];
}
