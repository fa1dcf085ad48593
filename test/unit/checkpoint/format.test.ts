import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CheckpointError, type CheckpointErrorReason } from '../../../src/checkpoint/checkpoint-error.js';
import { decodeCheckpoint, encodeCheckpoint, MAX_SECTIONS } from '../../../src/checkpoint/format.js';
import { canonicalJson, checkpointSchema, type JsonObject } from '../../../src/checkpoint/schema.js';
import { SMALL_SCHEMA, smallContent } from './content.js';

const SECTION_TABLE = 96;
const CHECKSUM_BYTES = 32;

function refusal(action: () => unknown): CheckpointError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return error as CheckpointError;
  }
  throw new Error('nothing was refused');
}

function refusedAs(bytes: Uint8Array, reason: CheckpointErrorReason, sentence: RegExp): void {
  const error = refusal(() => decodeCheckpoint(bytes));
  expect(error.reason).toBe(reason);
  expect(error.message).toMatch(sentence);
}

/** The bytes after `forge`, with a checksum that holds: what a faulty or hostile writer could make. */
function forged(forge: (bytes: Uint8Array, view: DataView) => void, content = smallContent()): Uint8Array {
  const bytes = encodeCheckpoint(content);
  forge(bytes, new DataView(bytes.buffer));
  const end = bytes.length - CHECKSUM_BYTES;
  bytes.set(createHash('sha256').update(bytes.subarray(0, end)).digest(), end);
  return bytes;
}

describe('checkpoint format', () => {
  it('gives back everything that was put in', () => {
    const content = smallContent();
    const decoded = decodeCheckpoint(encodeCheckpoint(content), SMALL_SCHEMA);
    expect(decoded.formatVersion).toBe(1);
    expect(decoded.schema).toEqual(content.schema);
    expect(decoded.counters).toEqual(content.counters);
    expect(decoded.generatorState).toEqual(content.generatorState);
    expect(decoded.createdUnixMs).toBe(content.createdUnixMs);
    expect(decoded.metadata).toEqual(content.metadata);
    expect([...decoded.sections.keys()]).toEqual(['policy', 'scaler', 'empty']);
    for (const [name, body] of content.sections) expect(new Uint8Array(decoded.sections.get(name)!)).toEqual(body);
  });

  it('reads a checkpoint that lies at an odd offset of a larger buffer', () => {
    const bytes = encodeCheckpoint(smallContent());
    const larger = new Uint8Array(bytes.length + 64).fill(0xff);
    larger.set(bytes, 13);
    const decoded = decodeCheckpoint(larger.subarray(13, 13 + bytes.length));
    expect(decoded.counters.episodes).toBe(42);
    expect([...decoded.sections.get('policy')!]).toEqual([1, 2, 3, 4, 5]);
  });

  it('gives plain arrays also for a Buffer, so that a slice of a section is a copy', () => {
    const section = decodeCheckpoint(Buffer.from(encodeCheckpoint(smallContent()))).sections.get('policy')!;
    expect(Buffer.isBuffer(section)).toBe(false);
    expect(section.slice().buffer.byteLength).toBe(5);
  });

  it('copies sections that lie in shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
    const bytes = encodeCheckpoint(smallContent({ sections: new Map([['policy', shared]]) }));
    shared.fill(0xff);
    expect([...decodeCheckpoint(bytes).sections.get('policy')!]).toEqual([7, 7, 7, 7, 7, 7, 7, 7]);
  });

  it('puts every section at a multiple of 8 bytes, so that doubles can be viewed in place', () => {
    const decoded = decodeCheckpoint(encodeCheckpoint(smallContent()));
    for (const body of decoded.sections.values()) expect(body.byteOffset % 8).toBe(0);
  });

  it('does not know the order in which a schema was described', () => {
    const a = checkpointSchema({ policy: { bits: 18, n_actions: 8 }, features: ['x', 'y'] });
    const b = checkpointSchema({ features: ['x', 'y'], policy: { n_actions: 8, bits: 18 } });
    expect(a).toEqual(b);
    expect(a.hash).toMatch(/^[0-9a-f]{32}$/);
    expect(checkpointSchema({ features: ['y', 'x'], policy: { n_actions: 8, bits: 18 } }).hash).not.toBe(a.hash);
  });

  it('refuses another schema and says what differs', () => {
    const bytes = encodeCheckpoint(smallContent());
    const other = checkpointSchema({
      features: ['position_x', 'position_y'],
      interactions: 'none',
      policy: { name: 'contextual-bandit', n_actions: 8, bits: 5 },
    });
    const error = refusal(() => decodeCheckpoint(bytes, other));
    expect(error.reason).toBe('schemaMismatch');
    expect(error.message).toContain('policy.bits is 4 in the file and 5 here');
    expect(error.message).toContain('features[2] is "goal_distance" in the file and absent here');
  });

  it('names the policies first where they differ, then what both have', () => {
    const other = checkpointSchema({
      features: ['position_x', 'position_y', 'goal_distance', 'a', 'b', 'c', 'd'],
      policy: { name: 'lints', n_actions: 9, bits: 4 },
    });
    const { message } = refusal(() => decodeCheckpoint(encodeCheckpoint(smallContent()), other));
    expect(message.indexOf('policy.name')).toBeGreaterThan(0);
    expect(message.indexOf('policy.name')).toBeLessThan(message.indexOf('policy.n_actions'));
    expect(message.indexOf('policy.n_actions')).toBeLessThan(message.indexOf('features['));
  });

  it('names only a few of many differences', () => {
    const features = (prefix: string) => checkpointSchema({ features: [1, 2, 3, 4, 5, 6].map((i) => `${prefix}${i}`) });
    const bytes = encodeCheckpoint(smallContent({ schema: features('a') }));
    expect(refusal(() => decodeCheckpoint(bytes, features('b'))).message).toContain('and 2 more');
  });

  it('tells a foreign file, a text copy, a cut-off file and a longer one from one another', () => {
    const bytes = encodeCheckpoint(smallContent());
    refusedAs(new TextEncoder().encode('{"weights": [1, 2, 3]}'), 'notACheckpoint', /not a checkpoint/);
    const textCopy = Uint8Array.from([...bytes].filter((byte) => byte !== 0x0d));
    refusedAs(textCopy, 'notACheckpoint', /not a checkpoint/);
    refusedAs(new Uint8Array(0), 'truncated', /ends after 0 bytes/);
    refusedAs(bytes.subarray(0, 50), 'truncated', /ends after 50 bytes, within its header/);
    refusedAs(bytes.subarray(0, bytes.length - 1), 'truncated', new RegExp(`of its ${bytes.length} bytes`));
    refusedAs(Uint8Array.from([...bytes, 0]), 'trailingBytes', /header says/);
  });

  it('refuses a later version before it looks for a checksum', () => {
    const bytes = encodeCheckpoint(smallContent());
    new DataView(bytes.buffer).setUint32(8, 2, true);
    refusedAs(bytes, 'futureVersion', /version 2 was written by a newer rfsn; this one reads up to 1/);
    refusedAs(
      forged((_, view) => view.setUint32(8, 0, true)),
      'malformed',
      /version 0/,
    );
  });

  it('refuses a flipped bit by its checksum', () => {
    const bytes = encodeCheckpoint(smallContent());
    bytes[SECTION_TABLE + 3] ^= 0x10;
    refusedAs(bytes, 'checksum', /damaged after it was written/);
  });

  it('refuses forged lengths, whatever they are, with a checksum that holds', () => {
    const entrySize = (entry: number) => SECTION_TABLE + 32 * entry + 24;
    const huge = [2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n, 100_000n];
    for (const size of huge) {
      refusedAs(
        forged((_, view) => view.setBigUint64(entrySize(1), size, true)),
        'malformed',
        /section "metadata"/,
      );
      refusedAs(
        forged((_, view) => view.setBigUint64(entrySize(1) - 8, size, true)),
        'malformed',
        /section "metadata"/,
      );
    }
    refusedAs(
      forged((_, view) => view.setUint32(12, 0xffffffff, true)),
      'malformed',
      /cannot hold the 4294967295 sections/,
    );
    refusedAs(
      forged((_, view) => view.setUint32(12, 4, true)),
      'malformed',
      /does not lie where it must/,
    );
    // A section that ends a word early leaves a gap before the next.
    refusedAs(
      forged((_, view) => view.setBigUint64(entrySize(3), 8n, true)),
      'malformed',
      /does not lie where it must/,
    );
    refusedAs(
      forged((_, view) => view.setBigUint64(40, 2n ** 53n, true)),
      'malformed',
      /cycle counter/,
    );
  });

  it('refuses bytes that belong to no section', () => {
    const sections = new Map([['policy', new Uint8Array(16)]]);
    const bytes = forged((_, view) => view.setBigUint64(SECTION_TABLE + 64 + 24, 8n, true), smallContent({ sections }));
    refusedAs(bytes, 'malformed', /belong to no section/);
  });

  it('refuses section names that are unusable, doubled or missing', () => {
    const nameAt = (entry: number) => SECTION_TABLE + 32 * entry;
    const rename = (entry: number, name: string) =>
      forged((bytes) => bytes.fill(0, nameAt(entry), nameAt(entry) + 16).set(Buffer.from(name), nameAt(entry)));
    refusedAs(rename(3, ''), 'malformed', /unusable name/);
    refusedAs(rename(3, '../etc'), 'malformed', /unusable name/);
    refusedAs(rename(3, 'policy'), 'malformed', /unusable name "policy"/);
    refusedAs(rename(0, 'schemb'), 'malformed', /"schema" is missing/);
    refusedAs(rename(1, 'metadatb'), 'malformed', /"metadata" is missing/);
  });

  it('refuses metadata that is not UTF-8, not JSON or not an object', () => {
    const replaceMetadata = (text: Uint8Array) =>
      forged(
        (bytes, view) => {
          const offset = Number(view.getBigUint64(SECTION_TABLE + 32 + 16, true));
          bytes.set(text, offset);
        },
        smallContent({ metadata: { n: 123456 } }),
      );
    const encoder = new TextEncoder();
    refusedAs(replaceMetadata(Uint8Array.of(0xff)), 'malformed', /not UTF-8/);
    refusedAs(replaceMetadata(encoder.encode('[')), 'malformed', /not JSON/);
    refusedAs(replaceMetadata(encoder.encode('["n", 12345]'.slice(0, 12))), 'malformed', /not a JSON object/);
  });

  it('refuses a header whose hash is not that of its schema', () => {
    refusedAs(
      forged((bytes) => {
        bytes[24] ^= 1;
      }),
      'malformed',
      /does not belong to the schema/,
    );
  });

  it('compares with a schema nested deeper than any stack', () => {
    const depth = 200_000;
    const text = `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`;
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
    const bytes = encodeCheckpoint(smallContent({ schema: { text, hash } }));
    const error = refusal(() => decodeCheckpoint(bytes, SMALL_SCHEMA));
    expect(['schemaMismatch', 'malformed']).toContain(error.reason);
  });

  it.each<[string, Partial<ReturnType<typeof smallContent>>, RegExp]>([
    ['a fraction', { createdUnixMs: 1.5 }, /creation time must be an integer.*1\.5/],
    ['a negative counter', { counters: { cycles: -1, decisions: 0, updates: 0, episodes: 0 } }, /cycle counter/],
    ['a NaN', { counters: { cycles: 0, decisions: 0, updates: Number.NaN, episodes: 0 } }, /update counter.*NaN/],
    ['generator words', { generatorState: new Uint32Array(3) }, /3 words/],
    ['a long name', { sections: new Map([['a-section-name-of-21', new Uint8Array(1)]]) }, /section named/],
    ['a name of its own', { sections: new Map([['schema', new Uint8Array(1)]]) }, /the format itself/],
    ['an infinity', { metadata: { rate: Number.POSITIVE_INFINITY } }, /cannot carry the number Infinity/],
    ['a foreign hash', { schema: { text: '{}', hash: SMALL_SCHEMA.hash } }, /does not belong/],
    [
      'too many sections',
      { sections: new Map(Array.from({ length: MAX_SECTIONS }, (_, i) => [`s${i}`, new Uint8Array(1)])) },
      /66 sections/,
    ],
  ])('does not write %s', (_, changes, sentence) => {
    const error = refusal(() => encodeCheckpoint(smallContent(changes)));
    expect(error.reason).toBe('badContent');
    expect(error.message).toMatch(sentence);
  });

  it('refuses to describe what JSON would lose without a word', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(/NaN/);
    expect(() => canonicalJson({ a: undefined } as unknown as JsonObject)).toThrow(/undefined/);
    expect(canonicalJson({ b: [true, null, 'é'], a: -0.5 })).toBe('{"a":-0.5,"b":[true,null,"é"]}');
  });
});
