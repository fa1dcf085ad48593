/**
 * One file of a flight log as bytes: what stands at its start, a chunk, and the index at its end. Touches no file; who
 * writes the bytes says when they are on the disk.
 *
 * Made of @mcap/core's record builders and not by its `McapWriter`, which closes a chunk by size alone, while this log
 * must put what it has on the disk each second; and which must be waited for after each message.
 */
import { crc32 } from 'node:zlib';
import { McapChunkBuilder, McapRecordBuilder, type McapTypes, Opcode } from '@mcap/core';
import { definitionOf, MESSAGE_ENCODING, PROFILE, SCHEMA_ENCODING, TOPICS, type TopicIndex } from './topics.js';

/** A message as it is kept to be repeated in the next part. Replaced, never changed. */
export interface KeptMessage {
  readonly topic: TopicIndex;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** Messages that go to the disk together. */
export interface SealedChunk {
  readonly records: Uint8Array;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly indices: readonly McapTypes.MessageIndex[];
  readonly messages: number;
  /** What was in force when the chunk began. */
  readonly kept: readonly KeptMessage[];
  /** The first decision that may be in it. */
  readonly firstCycle: number;
}

/** Collects messages; its memory is that of one chunk, used again for the next. */
export class ChunkBuilder {
  readonly #builder = new McapChunkBuilder({ useMessageIndex: true });

  get messages(): number {
    return this.#builder.numMessages;
  }

  get bytes(): number {
    return this.#builder.byteLength;
  }

  /** Copies the message in. @param publishNs when it came about, at most `logNs` */
  add(topic: TopicIndex, sequence: number, logNs: bigint, publishNs: bigint, data: Uint8Array): void {
    this.#builder.addMessage({ channelId: topic, sequence, logTime: logNs, publishTime: publishNs, data });
  }

  /** Takes out what was added; the caller owns it. */
  seal(kept: readonly KeptMessage[], firstCycle: number): SealedChunk {
    const builder = this.#builder;
    const chunk: SealedChunk = {
      records: builder.buffer,
      startNs: builder.messageStartTime,
      endNs: builder.messageEndTime,
      indices: [...builder.indices],
      messages: builder.numMessages,
      kept,
      firstCycle,
    };
    builder.reset();
    return chunk;
  }
}

export interface PartAttachment {
  readonly name: string;
  readonly data: Uint8Array;
}

/** A chunk as bytes, and what the index will say of it. */
export interface EncodedChunk {
  readonly bytes: Uint8Array;
  readonly index: McapTypes.ChunkIndex;
  readonly chunk: SealedChunk;
}

interface Registration {
  readonly schemas: readonly McapTypes.Schema[];
  readonly channels: readonly McapTypes.Channel[];
}

const FOOTER_CRC_BYTES = 4;
const FOOTER_RECORD_BYTES = 1 + 8 + 8 + 8 + FOOTER_CRC_BYTES;
const MEDIA_TYPE = 'application/octet-stream';
/** Of a chunk's index entry: its fields, and two of them for each channel [bytes]. */
const INDEX_ENTRY_BYTES = 96 + 10 * TOPICS.length;

let registration: Registration | null = null;

/** Schemas and channels of every log; ids are the places of types and topics. Read from the package once. */
function registered(): Registration {
  if (registration !== null) return registration;
  const types = [...new Set(TOPICS.map(({ type }) => type))];
  const utf8 = new TextEncoder();
  registration = {
    schemas: types.map((name, i) => ({
      id: i + 1,
      name,
      encoding: SCHEMA_ENCODING,
      data: utf8.encode(definitionOf(name)),
    })),
    channels: TOPICS.map(({ name, type }, id) => ({
      id,
      schemaId: types.indexOf(type) + 1,
      topic: name,
      messageEncoding: MESSAGE_ENCODING,
      metadata: new Map(),
    })),
  };
  return registration;
}

export class PartFormat {
  /** Bytes that are on the disk. */
  #position = 0;
  #crc = 0;
  readonly #builder = new McapRecordBuilder();
  readonly #chunks: McapTypes.ChunkIndex[] = [];
  readonly #metadata: McapTypes.MetadataIndex[] = [];
  readonly #attachments: McapTypes.AttachmentIndex[] = [];
  readonly #counts = new Map<number, bigint>();
  #messageCount = 0n;
  #startNs = 0n;
  #endNs = 0n;

  /** Bytes so far, of what was written. */
  get position(): number {
    return this.#position;
  }

  /** What `end` will take at most [bytes]. */
  get endBytes(): number {
    return registeredBytes() + 1024 + INDEX_ENTRY_BYTES * this.#chunks.length;
  }

  /**
   * The start of the file: header, schemas, channels, metadata and attachments. Taken for written.
   *
   * @param library that writes it, in words
   */
  begin(
    library: string,
    metadata: { name: string; values: ReadonlyMap<string, string> },
    attachments: readonly PartAttachment[],
    timeNs: bigint,
  ): Uint8Array {
    const builder = new McapRecordBuilder();
    const { schemas, channels } = registered();
    builder.writeMagic();
    builder.writeHeader({ profile: PROFILE, library });
    for (const schema of schemas) builder.writeSchema(schema);
    for (const channel of channels) builder.writeChannel(channel);
    const offset = BigInt(builder.length);
    const length = builder.writeMetadata({ name: metadata.name, metadata: new Map(metadata.values) });
    this.#metadata.push({ name: metadata.name, offset, length });
    for (const { name, data } of attachments) {
      const at = BigInt(builder.length);
      const record = { name, mediaType: MEDIA_TYPE, logTime: timeNs, createTime: timeNs, data };
      const bytes = builder.writeAttachment(record);
      this.#attachments.push({
        name,
        mediaType: MEDIA_TYPE,
        logTime: timeNs,
        createTime: timeNs,
        offset: at,
        length: bytes,
        dataSize: BigInt(data.length),
      });
    }
    return this.#written(builder.buffer);
  }

  /** A chunk and its message indexes at the place where the file ends now. Changes nothing until `commit`. */
  encode(chunk: SealedChunk): EncodedChunk {
    const builder = this.#builder;
    builder.reset();
    const { records, startNs, endNs } = chunk;
    const size = BigInt(records.length);
    const chunkLength = builder.writeChunk({
      messageStartTime: startNs,
      messageEndTime: endNs,
      uncompressedSize: size,
      uncompressedCrc: crc32(records),
      compression: '',
      records,
    });
    const indexesAt = builder.length;
    const messageIndexOffsets = new Map<number, bigint>();
    for (const index of chunk.indices) {
      messageIndexOffsets.set(index.channelId, BigInt(this.#position + builder.length));
      builder.writeMessageIndex(index);
    }
    const index: McapTypes.ChunkIndex = {
      messageStartTime: startNs,
      messageEndTime: endNs,
      chunkStartOffset: BigInt(this.#position),
      chunkLength,
      messageIndexOffsets,
      messageIndexLength: BigInt(builder.length - indexesAt),
      compression: '',
      compressedSize: size,
      uncompressedSize: size,
    };
    return { bytes: builder.buffer, index, chunk };
  }

  /** The chunk is on the disk. */
  commit({ bytes, index, chunk }: EncodedChunk): void {
    if (this.#messageCount === 0n || chunk.startNs < this.#startNs) this.#startNs = chunk.startNs;
    if (this.#messageCount === 0n || chunk.endNs > this.#endNs) this.#endNs = chunk.endNs;
    this.#messageCount += BigInt(chunk.messages);
    for (const { channelId, records } of chunk.indices) {
      this.#counts.set(channelId, (this.#counts.get(channelId) ?? 0n) + BigInt(records.length));
    }
    this.#chunks.push(index);
    this.#written(bytes);
  }

  /** The end of the file: summary, offsets, footer. */
  end(): Uint8Array {
    const data = new McapRecordBuilder();
    data.writeDataEnd({ dataSectionCrc: this.#crc });
    const dataEnd = data.buffer;

    const summaryAt = this.#position + dataEnd.length;
    const builder = new McapRecordBuilder();
    const { schemas, channels } = registered();
    const offsets: McapTypes.SummaryOffset[] = [];
    const group = (groupOpcode: number, write: () => void): void => {
      const start = builder.length;
      write();
      if (builder.length === start) return;
      const groupStart = BigInt(summaryAt + start);
      offsets.push({ groupOpcode, groupStart, groupLength: BigInt(builder.length - start) });
    };
    group(Opcode.SCHEMA, () => {
      for (const schema of schemas) builder.writeSchema(schema);
    });
    group(Opcode.CHANNEL, () => {
      for (const channel of channels) builder.writeChannel(channel);
    });
    group(Opcode.STATISTICS, () => {
      builder.writeStatistics({
        messageCount: this.#messageCount,
        schemaCount: schemas.length,
        channelCount: channels.length,
        attachmentCount: this.#attachments.length,
        metadataCount: this.#metadata.length,
        chunkCount: this.#chunks.length,
        messageStartTime: this.#startNs,
        messageEndTime: this.#endNs,
        channelMessageCounts: this.#counts,
      });
    });
    group(Opcode.METADATA_INDEX, () => {
      for (const index of this.#metadata) builder.writeMetadataIndex(index);
    });
    group(Opcode.ATTACHMENT_INDEX, () => {
      for (const index of this.#attachments) builder.writeAttachmentIndex(index);
    });
    group(Opcode.CHUNK_INDEX, () => {
      for (const index of this.#chunks) builder.writeChunkIndex(index);
    });
    const summaryOffsetAt = summaryAt + builder.length;
    for (const offset of offsets) builder.writeSummaryOffset(offset);

    // The checksum covers the summary and the footer up to itself.
    const footer = { summaryStart: BigInt(summaryAt), summaryOffsetStart: BigInt(summaryOffsetAt) };
    const draft = new McapRecordBuilder();
    draft.writeFooter({ ...footer, summaryCrc: 0 });
    const covered = draft.buffer.subarray(0, FOOTER_RECORD_BYTES - FOOTER_CRC_BYTES);
    builder.writeFooter({ ...footer, summaryCrc: crc32(covered, crc32(builder.buffer)) });
    builder.writeMagic();
    return Buffer.concat([dataEnd, builder.buffer]);
  }

  #written(bytes: Uint8Array): Uint8Array {
    this.#position += bytes.length;
    this.#crc = crc32(bytes, this.#crc);
    return bytes;
  }
}

function registeredBytes(): number {
  const { schemas, channels } = registered();
  const ofSchemas = schemas.reduce((sum, { data, name }) => sum + data.length + name.length + 64, 0);
  return ofSchemas + channels.length * 128;
}
