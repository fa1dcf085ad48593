import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/checkpoint/checkpoint-error.js';
import { type CheckpointContent, decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/format.js';
import { checkpointSchema, type JsonObject } from '../../src/checkpoint/schema.js';
import { smallContent } from '../unit/checkpoint/content.js';

/** Decodes and returns the error; anything but a CheckpointError fails the test. */
function refusal(bytes: Uint8Array): CheckpointError | null {
  try {
    decodeCheckpoint(bytes);
    return null;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error;
  }
}

const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const jsonObject = fc.dictionary(
  fc.string(),
  fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
);
const content: fc.Arbitrary<CheckpointContent> = fc.record({
  schema: jsonObject.map((description) => checkpointSchema(description as JsonObject)),
  counters: fc.record({ cycles: counter, decisions: counter, updates: counter, episodes: counter }),
  generatorState: fc.uint32Array({ minLength: 4, maxLength: 4 }),
  createdUnixMs: counter,
  metadata: jsonObject as fc.Arbitrary<JsonObject>,
  sections: fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^x[a-z0-9_-]{0,15}$/), fc.uint8Array({ maxLength: 100 })), {
      selector: ([name]) => name,
      maxLength: 10,
    })
    .map((entries) => new Map(entries)),
});

describe('checkpoint format, whatever it is given', () => {
  it('decodes what was encoded and encodes it to the same bytes again', () => {
    fc.assert(
      fc.property(content, (original) => {
        const bytes = encodeCheckpoint(original);
        const decoded = decodeCheckpoint(bytes, original.schema);
        expect(decoded.counters).toEqual(original.counters);
        expect([...decoded.sections.keys()]).toEqual([...original.sections.keys()]);
        expect(Buffer.compare(encodeCheckpoint(decoded), bytes)).toBe(0);
      }),
    );
  });

  it('refuses a file cut off at any byte as truncated', () => {
    const bytes = encodeCheckpoint(smallContent());
    for (let size = 0; size < bytes.length; size++) {
      expect(refusal(bytes.subarray(0, size))?.reason, `cut to ${size} bytes`).toBe('truncated');
    }
  });

  it('refuses every file with a single bit flipped', () => {
    const bytes = encodeCheckpoint(smallContent());
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(refusal(bytes), `bit ${bit}`).not.toBeNull();
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
    expect(refusal(bytes)).toBeNull();
  });

  it('refuses random bytes, also behind a genuine beginning', () => {
    const genuine = encodeCheckpoint(smallContent());
    fc.assert(
      fc.property(
        fc.nat({ max: genuine.length - 1 }),
        fc.uint8Array({ minLength: 1, maxLength: 600 }),
        (kept, random) => {
          const bytes = Uint8Array.from([...genuine.subarray(0, kept), ...random]);
          fc.pre(Buffer.compare(bytes, genuine) !== 0);
          expect(refusal(bytes)).not.toBeNull();
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses a block of one checkpoint in the place of another one’s', () => {
    const a = encodeCheckpoint(smallContent());
    const b = encodeCheckpoint(smallContent({ sections: new Map([...smallContent().sections].reverse()) }));
    const size = Math.min(a.length, b.length);
    fc.assert(
      fc.property(fc.nat({ max: size }), fc.nat({ max: size }), (x, y) => {
        const mixed = a.slice();
        mixed.set(b.subarray(Math.min(x, y), Math.max(x, y)), Math.min(x, y));
        const isWhole = Buffer.compare(mixed, a) === 0 || Buffer.compare(mixed, b) === 0;
        expect(refusal(mixed) === null).toBe(isWhole);
      }),
    );
  });
});
