import { describe, expect, it } from 'vitest';
import { hashSeed, mix32, murmur3, murmur3String } from '../../../src/core/hash.js';

describe('murmur3', () => {
  // The vectors that implementations of MurmurHash3_x86_32 are commonly checked by.
  it.each([
    [[], 0, 0],
    [[], 1, 0x514e28b7],
    [[], 0xffffffff, 0x81f16f39],
    [[0xff, 0xff, 0xff, 0xff], 0, 0x76293b50],
    [[0x21, 0x43, 0x65, 0x87], 0, 0xf55b516b],
    [[0x21, 0x43, 0x65, 0x87], 0x5082edee, 0x2362f9de],
    [[0x21, 0x43, 0x65], 0, 0x7e4a8634],
    [[0x21, 0x43], 0, 0xa0f7b07a],
    [[0x21], 0, 0x72661cf4],
    [[0, 0, 0, 0], 0, 0x2362f9de],
    [[0, 0, 0], 0, 0x85f0b427],
    [[0, 0], 0, 0x30f4c306],
    [[0], 0, 0x514e28b7],
  ])('gives the published hash of the bytes %j with seed %i', (bytes, seed, expected) => {
    expect(murmur3(Uint8Array.from(bytes), seed)).toBe(expected);
  });

  it.each([
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    // Three characters beyond ASCII: seven bytes, so that blocks and tail meet UTF-8.
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('gives the published hash of %j with seed %i', (text, seed, expected) => {
    expect(murmur3String(text, seed)).toBe(expected);
  });
});

describe('mix32', () => {
  it('loses nothing: 100,000 neighbours keep 100,000 different hashes', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) seen.add(mix32(i));
    expect(seen.size).toBe(100_000);
  });

  it('flips half of the output bits when one input bit flips, within 2 of 16 on average', () => {
    for (let bit = 0; bit < 32; bit++) {
      let flipped = 0;
      for (let i = 0; i < 1000; i++) {
        let difference = mix32(i * 2654435761) ^ mix32((i * 2654435761) ^ (1 << bit));
        for (; difference !== 0; difference &= difference - 1) flipped++;
      }
      expect(Math.abs(flipped / 1000 - 16)).toBeLessThan(2);
    }
  });
});

describe('hashSeed', () => {
  it('keeps the streams of neighbouring seeds apart', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 30; seed++) for (let index = 0; index < 300; index++) seen.add(hashSeed(seed, index));
    // 9000 draws of 2^32 collide 0.009 times on average.
    expect(seen.size).toBe(9000);
  });
});
