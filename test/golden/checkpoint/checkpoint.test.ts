/**
 * Bytes that version 1 of the format wrote, beside what they mean. A change of either is a change of the format, which
 * needs a new version number. `REGENERATE_GOLDEN=1 npx vitest run test/golden/checkpoint` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../../src/checkpoint/format.js';
import { smallContent } from '../../unit/checkpoint/content.js';

const BINARY = new URL('./version-1.rfsn', import.meta.url);
const JSON_FILE = new URL('./version-1.json', import.meta.url);

function inWords(checkpoint: Checkpoint) {
  return {
    formatVersion: checkpoint.formatVersion,
    fileSize: checkpoint.fileSize,
    schemaHash: checkpoint.schema.hash,
    schemaText: checkpoint.schema.text,
    counters: checkpoint.counters,
    generatorState: Buffer.from(checkpoint.generatorState.buffer).toString('hex'),
    createdUnixMs: checkpoint.createdUnixMs,
    metadata: checkpoint.metadata,
    sections: Object.fromEntries(
      [...checkpoint.sections].map(([name, body]) => [name, Buffer.from(body).toString('hex')]),
    ),
  };
}

if (process.env['REGENERATE_GOLDEN'] === '1') {
  const bytes = encodeCheckpoint(smallContent());
  writeFileSync(BINARY, bytes);
  writeFileSync(JSON_FILE, `${JSON.stringify(inWords(decodeCheckpoint(bytes)), null, 2)}\n`);
}

describe('a checkpoint written by format version 1', () => {
  it('still means what it meant', () => {
    expect(inWords(decodeCheckpoint(readFileSync(BINARY)))).toEqual(JSON.parse(readFileSync(JSON_FILE, 'utf8')));
  });

  it('is still written with the same bytes', () => {
    expect(Buffer.from(encodeCheckpoint(smallContent())).toString('hex')).toBe(readFileSync(BINARY).toString('hex'));
  });
});
