import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../../src/core/prng.js';
import { decompressBeginning, decompressHandlers } from '../../../../src/io/replay/chunk-decompression.js';
import { decodeLz4Frames } from '../../../../src/io/replay/lz4-frame.js';
import { decodeZstdFrames } from '../../../../src/io/replay/zstd-frame.js';
import { storedLz4, storedZstd } from './recorder.js';

/**
 * Bytes that compress as sensor data does: runs, near repeats at many distances, and noise. Longer than one block of
 * either format, so that later blocks reach back into earlier ones.
 */
function payload(): Uint8Array {
  const prng = Prng.seeded(20250817);
  const bytes = new Uint8Array(300_000);
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(1 + prng.nextBelow(2000), bytes.length - at);
    const kind = prng.nextBelow(40);
    if (kind < 14 || at === 0) bytes.fill(prng.nextBelow(256), at, at + length);
    else if (kind < 39) {
      const from = at - 1 - prng.nextBelow(Math.min(at, 200_000));
      for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i];
    } else for (let i = 0; i < Math.min(length, 60); i++) bytes[at + i] = prng.nextBelow(16);
    at += length;
  }
  return bytes;
}

/** The reference encoders, whose output is kept in golden/; `REGENERATE=1` with `lz4` and `zstd` at hand writes it anew. */
const FRAMES: [string, string, string[]][] = [
  ['fast.lz4', 'lz4', ['-1', '-BI']],
  ['linked-sized.lz4', 'lz4', ['-9', '-BD', '-B4', '--content-size']],
  ['checked.lz4', 'lz4', ['-1', '-BX', '-B4']],
  ['fast.zst', 'zstd', ['-1', '--stream-size=300000']],
  ['unsized.zst', 'zstd', ['-3']],
  ['strong.zst', 'zstd', ['-19', '--no-check', '--stream-size=300000']],
];

const golden = (name: string) => join(import.meta.dirname, 'golden', name);

if (process.env['REGENERATE'] === '1') {
  for (const [name, command, flags] of FRAMES) {
    writeFileSync(golden(name), execFileSync(command, [...flags, '-c'], { input: payload() }));
  }
}

const decoderOf = (name: string) => (name.endsWith('.lz4') ? decodeLz4Frames : decodeZstdFrames);

describe('frames of the reference encoders', () => {
  const expected = payload();
  for (const [name] of FRAMES) {
    const frame = new Uint8Array(readFileSync(golden(name)));
    const decode = decoderOf(name);

    it(`${name} decodes to what was encoded`, () => {
      const out = new Uint8Array(expected.length);
      expect(decode(frame, out)).toBe(expected.length);
      expect(Buffer.compare(out, expected)).toBe(0);
    });

    it(`${name} decodes twice in a row, as two frames`, () => {
      const out = new Uint8Array(2 * expected.length).fill(0xff);
      expect(decode(Buffer.concat([frame, frame]), out)).toBe(out.length);
      expect(Buffer.compare(out.subarray(expected.length), expected)).toBe(0);
    });

    it(`${name}, cut off, is refused, and gives its beginning where that is asked for`, () => {
      for (let length = 1; length < frame.length; length += 97) {
        const cut = frame.subarray(0, length);
        const out = new Uint8Array(expected.length);
        // A whole frame whose checksum alone is missing holds everything.
        if (length < frame.length - 8) expect(() => decode(cut, out)).toThrow(/cut off/);
        const written = decode(cut, out.fill(0), true);
        expect(Buffer.compare(out.subarray(0, written), expected.subarray(0, written))).toBe(0);
      }
      const out = new Uint8Array(expected.length);
      expect(decode(frame.subarray(0, frame.length - 9), out, true)).toBeGreaterThan(expected.length / 3);
    });

    it(`${name} never writes past the output, whatever its bytes`, () => {
      const prng = Prng.seeded(7);
      for (let run = 0; run < 100; run++) {
        const damaged = frame.slice();
        for (let k = 0; k < 3; k++) damaged[prng.nextBelow(damaged.length)] = prng.nextBelow(256);
        const memory = new Uint8Array(expected.length + 64).fill(0xff);
        let written = 0;
        try {
          written = decode(damaged, memory.subarray(0, expected.length), run % 2 === 0);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(written).toBeLessThanOrEqual(expected.length);
        expect(memory.subarray(expected.length).every((byte) => byte === 0xff)).toBe(true);
      }
    });
  }
});

describe('decompressHandlers', () => {
  const data = payload().subarray(0, 100_000);
  for (const store of [storedLz4, storedZstd, (bytes: Uint8Array) => storedZstd(bytes, false)]) {
    const { compression, compressedData } = store(data);
    const decompress = decompressHandlers(200_000)[compression];

    it(`${compression} returns exactly the bytes of the chunk`, () => {
      expect(Buffer.compare(decompress(compressedData, 100_000n), data)).toBe(0);
    });

    it(`${compression} refuses a chunk that holds less or more than it says, or says too much`, () => {
      expect(() => decompress(compressedData, 100_001n)).toThrow(/holds 100000 bytes and says 100001/);
      expect(() => decompress(compressedData, 99_999n)).toThrow(/holds more than its chunk says/);
      expect(() => decompress(compressedData, 2n ** 60n)).toThrow(/more than the 200000 this reader takes/);
      expect(() => decompress(data, 100_000n)).toThrow(/not an? /);
    });

    it(`${compression} is sound again after a damaged chunk`, () => {
      const damaged = compressedData.slice();
      damaged[0] ^= 1;
      expect(() => decompress(damaged, 100_000n)).toThrow();
      expect(Buffer.compare(decompress(compressedData, 100_000n), data)).toBe(0);
    });
  }

  it('lz4 reads past a size in the header, a skippable frame, and refuses dictionaries and other versions', () => {
    const { compressedData } = storedLz4(data);
    const decompress = decompressHandlers(200_000)['lz4'];
    const sized = new Uint8Array(compressedData.length + 8);
    sized.set(compressedData.subarray(0, 6));
    sized.set(compressedData.subarray(6), 14);
    sized[4] |= 0x08;
    const skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    expect(Buffer.compare(decompress(new Uint8Array([...skippable, ...sized]), 100_000n), data)).toBe(0);
    sized[4] = 0x61;
    expect(() => decompress(sized, 100_000n)).toThrow(/dictionary/);
    sized[4] = 0x80;
    expect(() => decompress(sized, 100_000n)).toThrow(/version 2/);
  });

  it('zstd reads past a skippable frame', () => {
    const { compressedData } = storedZstd(data);
    const skippable = [0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9];
    const decompress = decompressHandlers(200_000)['zstd'];
    expect(Buffer.compare(decompress(new Uint8Array([...skippable, ...compressedData]), 100_000n), data)).toBe(0);
  });

  it('zstd refuses a window of gigabytes before it allocates it', () => {
    const { compressedData } = storedZstd(data, false);
    compressedData[5] = 0xff;
    expect(() => decompressHandlers(200_000)['zstd'](compressedData, 100_000n)).toThrow(/asks for a window/);
  });
});

describe('decompressBeginning', () => {
  it('gives nothing where the compression is unknown, the frame is none, or too much is asked for', () => {
    const { compressedData } = storedLz4(new Uint8Array(100));
    expect(decompressBeginning('lz4', compressedData, 100n, 1000)).toHaveLength(100);
    expect(decompressBeginning('brotli', compressedData, 100n, 1000)).toHaveLength(0);
    expect(decompressBeginning('zstd', compressedData, 100n, 1000)).toHaveLength(0);
    expect(decompressBeginning('lz4', compressedData, 1001n, 1000)).toHaveLength(0);
  });
});
