import { describe, expect, it } from 'vitest';
import {
  countFeatures,
  FeatureHasher,
  hashName,
  hashNamespace,
  hashProduct,
  parseInteraction,
  SparseFeatures,
  VW_CONSTANT,
} from '../../../src/vw/hashing.js';
import { parseSimple } from '../../../src/vw/text-format.js';

/** Indices in a table of 2^18 and values, in order. */
function hashed(text: string, pairs: readonly string[] = [], bits = 18, constant = true): [number, number][] {
  const interactions = pairs.map((pair) => parseInteraction(pair)!);
  const features = new SparseFeatures();
  new FeatureHasher({ interactions, constant }).hash(parseSimple(text).namespaces, [], features);
  return Array.from({ length: features.count }, (_, i) => [features.hashes[i] & (2 ** bits - 1), features.values[i]]);
}

const LINE = '1 2 0.5 tagged|a x:2 3 y |b:0.5 x:2 7:4 :0.25 :3 |ab z w:text | anon 5 |é ü:1.5 |12 q ';

describe('features hash as vw --audit says', () => {
  it('names, whole numbers, values alone, texts, namespaces with one first letter, and the constant', () => {
    // vw 9.11.9: -d FILE --audit
    expect(hashed(LINE)).toEqual([
      ...[
        [55432, 2],
        [92597, 1],
        [42847, 1],
        [34065, 1],
        [121208, 1],
      ],
      ...[
        [143313, 1],
        [163338, 2],
        [163331, 0.125],
        [163332, 1.5],
      ],
      ...[
        [145737, 1],
        [5, 1],
        [179273, 1.5],
        [237333, 1],
        [116060, 1],
      ],
    ]);
  });

  it('interactions of two namespaces, the first of a pair first', () => {
    // vw 9.11.9: -q ba -q ab -b 10 keeps the first of the two.
    const theirs = [457, 18, 27, 28, 62, 485, 492, 491, 348, 135, 142, 137, 530, 969, 960, 967, 57, 482, 491, 492];
    const ours = hashed(LINE, ['ab', 'ba'], 10).slice(14);
    expect(ours.map(([index]) => index)).toEqual(theirs);
    expect(ours.slice(0, 4).map(([, value]) => value)).toEqual([2, 4, 0.25, 3]);
  });

  it('interactions of a namespace with itself, each pair once', () => {
    // vw 9.11.9: -q aa
    const theirs = [1680, 112557, 31047, 23305, 67424, 3674, 114864, 123646, 48791, 253394, 262044, 173045, 130258];
    expect(
      hashed(LINE, ['aa'])
        .slice(14)
        .map(([index]) => index),
    ).toEqual([...theirs, 41147, 36496]);
  });

  it('interactions with any namespace in ASCII, by first letter in order', () => {
    // vw 9.11.9: -q ::, of | anon 5 |12 q |a …: each with itself and with those after it.
    const ours = hashed(LINE, ['::']).slice(14);
    expect(ours.slice(0, 5).map(([index]) => index)).toEqual([136354, 11758, 2010, 242430, 235722]);
    // 2 + 1 + 5 + 4 features: 12 · 13 / 2 pairs; é is not in it.
    expect(ours).toHaveLength(78);
    const some = hashed('|a x |b y', ['a:']).slice(3);
    expect(some).toEqual([...hashed('|a x |b y', ['aa']).slice(3), ...hashed('|a x |b y', ['ab']).slice(3)]);
  });

  it('the shared features after the own ones, and the constant between them where the namespace is new', () => {
    const [own, shared] = ['|a x', '|u k |a y'].map((text) => parseSimple(text).namespaces);
    const features = new SparseFeatures();
    const hasher = new FeatureHasher({ interactions: [parseInteraction('ua')!], constant: true });
    hasher.hash(own, shared, features);
    expect(features.count).toBe(3 + 1 + 2);
    const linear = ['x', 'y'].map((name) => hashName(name, hashNamespace('a')));
    const k = hashName('k', hashNamespace('u'));
    expect([...features.hashes.subarray(0, 6)]).toEqual([
      ...linear,
      ...[k, VW_CONSTANT],
      ...linear.map((hash) => hashProduct(k, hash)),
    ]);
  });
});

describe('hashing', () => {
  it('ignores spaces and control characters around a name', () => {
    expect(hashName('\u0001 12 ', 5)).toBe(17);
    expect(hashName(' x\u0002', 9)).toBe(hashName('x', 9));
    expect(hashName('', 7)).toBe(7);
  });

  it('takes numbers modulo 2^32', () => {
    expect(hashName('4294967297', 0)).toBe(1);
    expect(hashName('99999999999999999999', 1)).toBe(Number((99999999999999999999n + 1n) % 2n ** 32n));
  });

  it('leaves out features of value 0 but counts the nameless among them', () => {
    const seed = hashNamespace('a');
    const features = new SparseFeatures();
    new FeatureHasher({ interactions: [], constant: false }).hash(
      parseSimple('|a :0 :2 x:0 y:1e-60').namespaces,
      [],
      features,
    );
    expect([...features.hashes.subarray(0, features.count)]).toEqual([seed + 1]);
    expect(countFeatures(parseSimple('|a :0 :2 x:0 c:red').namespaces)).toBe(2);
  });

  it('does not scale a text', () => {
    expect(hashed('|a:0.5 x:2 c:red', [], 18, false).map(([, value]) => value)).toEqual([1, 1]);
  });

  it('forgets the last example, and remembers no more names than its limit', () => {
    const hasher = new FeatureHasher({ interactions: [], constant: false });
    const features = new SparseFeatures();
    const names = Array.from({ length: 70_000 }, (_, i) => `f${i}`);
    hasher.hash(parseSimple(`|a ${names.join(' ')}`).namespaces, [], features);
    hasher.hash(parseSimple('|a f3 f69999').namespaces, [], features);
    const seed = hashNamespace('a');
    expect(features.count).toBe(2);
    expect([...features.hashes.subarray(0, 2)]).toEqual([hashName('f3', seed), hashName('f69999', seed)]);
  });

  it('refuses more products than it has room for', () => {
    const text = `|a ${Array.from({ length: 3000 }, (_, i) => i).join(' ')}`;
    expect(() => hashed(text, ['aa'])).toThrow('features with interactions');
  });

  it.each(['', 'a', 'abc', 'é', 'aé', 'a|', '\u0001a'])('knows no interaction %j', (text) => {
    expect(parseInteraction(text)).toBeUndefined();
  });
});

describe('features of actions that a cb line does not tell apart', () => {
  it('hash as vw --audit says, the action in the low bits, and interact after that', () => {
    const features = Array.from({ length: 5 }, () => new SparseFeatures());
    const hasher = new FeatureHasher({ interactions: [parseInteraction('ab')!], constant: true });
    hasher.hashForEach(parseSimple('|a x:2 7 |b c=d').namespaces, 5, features);
    const hashes = features.map(({ hashes, count }) => Array.from(hashes.subarray(0, count), (hash) => hash & 0x3ffff));
    // vw 9.11.9: --cb 5 -q ab --audit
    expect(hashes).toEqual([
      [55432, 92600, 205592, 116056, 261376, 151472],
      [55433, 92601, 205593, 116057, 261298, 150818],
      [55434, 92602, 205594, 116058, 246308, 150740],
      [55435, 92603, 205595, 116059, 246218, 152186],
      [55436, 92604, 205596, 116060, 247672, 152040],
    ]);
    for (const { values, count } of features) expect([...values.subarray(0, count)]).toEqual([2, 1, 1, 1, 2, 1]);
  });

  it('keep no features of the line before', () => {
    const hasher = new FeatureHasher({ interactions: [], constant: true });
    const features = [new SparseFeatures(), new SparseFeatures()];
    hasher.hashForEach(parseSimple('|a x y |b z').namespaces, 2, features);
    hasher.hashForEach([], 2, features);
    expect(features.map(({ count }) => count)).toEqual([1, 1]);
  });
});
