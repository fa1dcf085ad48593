import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McapChunkBuilder, McapRecordBuilder, McapStreamReader, Opcode } from '@mcap/core';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../../src/cli/program.js';
import { ExitCode } from '../../../../src/cli/usage.js';
import { LogBytes } from '../../../../src/telemetry/flight-log/log-bytes.js';
import { ChunkMessages } from '../../../../src/telemetry/flight-log/log-chunk.js';
import { FlightLogReader } from '../../../../src/telemetry/flight-log/log-reader.js';
import { METADATA, METADATA_NAME } from '../../../../src/telemetry/flight-log/topics.js';
import { captureOutput } from '../../../support/command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'rfsn-hostile-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
});
const written = captureOutput();
const DECISION = { topic: '/rfsn/decision', id: 7 };

function metadata(junk = '') {
  const values = { [METADATA.format]: '1', [METADATA.run]: 'r', [METADATA.part]: '1', parameters: '{}', junk };
  return { name: METADATA_NAME, metadata: new Map(Object.entries(values)) };
}

/** A file that says it is a flight log. @param summary absent: it has none */
function hostile(
  name: string,
  data: (builder: McapRecordBuilder) => void,
  summary?: (builder: McapRecordBuilder) => void,
): string {
  const builder = new McapRecordBuilder();
  builder.writeMagic();
  builder.writeHeader({ profile: 'ros2', library: 'test' });
  data(builder);
  if (summary !== undefined) {
    builder.writeDataEnd({ dataSectionCrc: 0 });
    const summaryStart = BigInt(builder.length);
    summary(builder);
    builder.writeFooter({ summaryStart, summaryOffsetStart: 0n, summaryCrc: 0 });
    builder.writeMagic();
  }
  const file = join(folder, `${name}.mcap`);
  writeFileSync(file, builder.buffer);
  return file;
}

/** A channel with a definition of the attacker's, and one message of it. */
function decisionAs(builder: McapRecordBuilder, type: string, definition: string): void {
  const data = new TextEncoder().encode(definition);
  builder.writeSchema({ id: 1, name: type, encoding: 'ros2msg', data });
  builder.writeChannel({
    id: DECISION.id,
    schemaId: 1,
    topic: DECISION.topic,
    messageEncoding: 'cdr',
    metadata: new Map(),
  });
  const chunk = new McapChunkBuilder({ useMessageIndex: true });
  const message = { channelId: DECISION.id, sequence: 0, logTime: 1n, publishTime: 1n };
  chunk.addMessage({ ...message, data: Uint8Array.of(0, 1, 0, 0) });
  builder.writeChunk({
    messageStartTime: 1n,
    messageEndTime: 1n,
    uncompressedSize: BigInt(chunk.buffer.length),
    uncompressedCrc: 0,
    compression: '',
    records: chunk.buffer,
  });
}

/** Records of no bytes. */
function empty(opcode: number, count: number): Uint8Array {
  const bytes = new Uint8Array(9 * count);
  for (let i = 0; i < count; i++) bytes[9 * i] = opcode;
  return bytes;
}

describe('a flight log that somebody made to do harm', () => {
  it('has metadata read once, however often its index names it', () => {
    const place = { offset: 0n, length: 0n };
    const file = hostile(
      'indexes',
      (builder) => {
        place.offset = BigInt(builder.length);
        place.length = builder.writeMetadata(metadata('x'.repeat(1_000_000)));
      },
      (builder) => {
        for (let i = 0; i < 500; i++) builder.writeMetadataIndex({ name: METADATA_NAME, ...place });
      },
    );
    const read = vi.spyOn(LogBytes.prototype, 'read');
    new FlightLogReader(file).close();
    const bytes = read.mock.calls.reduce((sum, [, length]) => sum + length, 0);
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(bytes).toBeLessThan(40_000_000);
  });

  it('has the records of its summary looked at one by one, and not kept', () => {
    const outside = { messageStartTime: 0n, messageEndTime: 0n, chunkStartOffset: 2n ** 60n, chunkLength: 100n };
    const sizes = { messageIndexLength: 0n, compression: '', compressedSize: 1n, uncompressedSize: 1n };
    const file = hostile(
      'many',
      (builder) => builder.writeMetadata(metadata()),
      (builder) => {
        builder.writeChunkIndex({ ...outside, ...sizes, messageIndexOffsets: new Map() });
        for (let i = 0; i < 1000; i++) builder.writeMetadataIndex({ name: '', offset: 0n, length: 0n });
      },
    );
    const next = vi.spyOn(McapStreamReader.prototype, 'nextRecord');
    new FlightLogReader(file).close();
    expect(next).toHaveBeenCalled();
    expect(next.mock.calls.length).toBeLessThan(10);
  });

  it('defines no more in a chunk than a chunk has use for', () => {
    const { count, definitions } = new ChunkMessages(empty(Opcode.SCHEMA, 10_000));
    expect(count).toBe(0);
    expect(definitions.length).toBeGreaterThan(0);
    expect(definitions.length).toBeLessThan(5000);
  });

  it('sends no control sequences to the terminal, and no page of text', async () => {
    const file = hostile('escape', (builder) => {
      builder.writeMetadata(metadata());
      decisionAs(builder, 'x\u001b]0;type\u0007', `\u001b]0;line\u0007 ${'x'.repeat(5000)}`);
    });
    expect(await run(['explain', file, '--at', '0'])).toBe(ExitCode.failed);
    expect(written.err).toContain('x?]0;type? cannot be parsed');
    expect(written.err).not.toMatch(/[^\P{Cc}\n]/u);
    expect(written.err.length).toBeLessThan(500);
  });
});
