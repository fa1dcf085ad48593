/**
 * One file of a flight log: where its chunks lie, which channels they hold, its metadata and attachments. From the summary
 * at its end, or, where that is missing or forged (a process that was killed, a file cut anywhere), from the headers of its
 * records, without decompressing chunks; only what defines a channel that no other place defines, and a last chunk whose
 * indexes are gone, are looked into.
 *
 * Every length and count that a file states is held against the file's size and against limits before anything is
 * allocated for it.
 */

import { crc32 } from 'node:zlib';
import { MCAP_MAGIC, McapStreamReader, type McapTypes, Opcode } from '@mcap/core';
import { decompressHandlers } from '../../io/replay/chunk-decompression.js';
import { LogBytes } from './log-bytes.js';
import { ChunkMessages } from './log-chunk.js';
import { FlightLogError } from './log-error.js';

/** The longest record and the largest chunk, uncompressed, that is read [bytes]. */
const RECORD_BYTES_MAX = 128 * 1024 * 1024;
/** Of all metadata records of a file together [bytes]. */
const METADATA_BYTES_MAX = 16 * 1024 * 1024;
/** The longest definition of a message [bytes]; with topic and type it makes the record. */
const DEFINITION_BYTES_MAX = 256 * 1024;
const CHANNELS_MAX = 1024;
const CHUNKS_MAX = 1_000_000;
/** Channels of all chunks together. */
const CHUNK_CHANNELS_MAX = 16_000_000;
const ATTACHMENTS_MAX = 4096;

const RECORD_HEADER_BYTES = 9;
/** Footer, its header included, and the magic behind it. */
const TAIL_BYTES = RECORD_HEADER_BYTES + 20 + MCAP_MAGIC.length;
/** Start, end, uncompressed size, CRC, length of the compression's name. */
const CHUNK_FIXED_BYTES = 8 + 8 + 8 + 4 + 4;
const COMPRESSION_NAME_MAX = 16;
/** Channel and length of the entries; each entry is 16 bytes. */
const MESSAGE_INDEX_FIXED_BYTES = 2 + 4;
const MESSAGE_INDEX_ENTRY_BYTES = 16;
/** Read at once while record headers are looked at: between two chunks lie indexes of about this size [bytes]. */
const SCAN_BYTES = 64 * 1024;

export interface LogChunk {
  /** Of its record in the file, and how long that is, header included [bytes]. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** Log times of its messages [Unix ns]. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Ids of the channels with messages in it; null where only reading it can say. */
  readonly channels: readonly number[] | null;
}

export interface LogChannel {
  readonly id: number;
  readonly topic: string;
  /** Name of the message's type and its definition; empty for a channel without. */
  readonly type: string;
  readonly definition: string;
  readonly schemaEncoding: string;
  readonly messageEncoding: string;
}

export interface LogAttachment {
  readonly name: string;
  readonly mediaType: string;
  readonly logTimeNs: bigint;
  readonly dataBytes: number;
}

interface AttachmentPlace extends LogAttachment {
  readonly offset: number;
  readonly lengthBytes: number;
}

export class LogPart {
  readonly path: string;
  readonly sizeBytes: number;
  /** In file order. */
  readonly chunks: LogChunk[] = [];
  readonly channels = new Map<number, LogChannel>();
  readonly metadata = new Map<string, ReadonlyMap<string, string>>();
  /** Messages by channel, as stated by the summary or by the chunks' indexes. */
  readonly counts = new Map<number, number>();
  /** Whether it has a summary, and so was ended in order. */
  readonly complete: boolean;
  /** Chunks that could not be read so far, and what was wrong with the first. */
  damagedChunks = 0;
  damage = '';
  /** Where what can be read ends, for a file that was not ended in order; else empty. */
  readonly cut: string = '';
  readonly #bytes: LogBytes;
  readonly #attachments: AttachmentPlace[] = [];
  readonly #schemas = new Map<number, McapTypes.Schema>();
  readonly #decompress = decompressHandlers(RECORD_BYTES_MAX);
  readonly #damaged = new Set<LogChunk>();
  #chunkChannels = 0;
  #metadataBytes = 0;

  /**
   * @param headOnly looks no further than the first message or chunk where there is no summary
   * @throws FlightLogError where the file is none that can be read, with a sentence
   */
  constructor(path: string, headOnly = false) {
    this.path = path;
    this.#bytes = new LogBytes(path);
    this.sizeBytes = this.#bytes.sizeBytes;
    try {
      this.#expectMagic();
      this.complete = this.#readSummary();
      if (!this.complete) {
        this.#clear();
        this.cut = this.#scan(headOnly);
      }
    } catch (error) {
      this.#bytes.close();
      if (error instanceof FlightLogError) throw error;
      throw new FlightLogError(`${path} cannot be read: ${(error as Error).message}`);
    }
  }

  /** Log time of the first and the last message [Unix ns]; null where there is none. */
  get extent(): { readonly startNs: bigint; readonly endNs: bigint } | null {
    let startNs: bigint | null = null;
    let endNs = 0n;
    for (const chunk of this.chunks) {
      if (startNs === null || chunk.startNs < startNs) startNs = chunk.startNs;
      if (chunk.endNs > endNs) endNs = chunk.endNs;
    }
    return startNs === null ? null : { startNs, endNs };
  }

  get attachments(): readonly LogAttachment[] {
    return this.#attachments;
  }

  /**
   * What an attachment holds; of several with the name the first.
   *
   * @returns bytes of the caller's own; null where there is none of that name
   * @throws FlightLogError where it is damaged
   * @realtime unsafe
   */
  attachment(name: string): Uint8Array | null {
    const place = this.#attachments.find((attachment) => attachment.name === name);
    if (place === undefined) return null;
    const [record] = recordsIn(this.#bytes.read(place.offset, place.lengthBytes), `the attachment ${name}`, this.path);
    if (record?.type !== 'Attachment' || record.name !== name) {
      throw new FlightLogError(`${this.path} has no attachment ${name} where its index says`);
    }
    return record.data;
  }

  /**
   * The messages of a chunk; none of one that is damaged, which is counted.
   *
   * @throws FlightLogError where the file cannot be read any more
   * @realtime unsafe
   */
  open(chunk: LogChunk): ChunkMessages {
    try {
      const messages = this.#open(chunk);
      this.#takeChannels(messages);
      return messages;
    } catch (error) {
      if (error instanceof FlightLogError) throw error;
      if (!this.#damaged.has(chunk)) {
        this.#damaged.add(chunk);
        this.damagedChunks++;
        if (this.damage === '') this.damage = `the chunk at byte ${chunk.offset}: ${(error as Error).message}`;
      }
      return ChunkMessages.none;
    }
  }

  close(): void {
    this.#bytes.close();
  }

  #open(chunk: LogChunk): ChunkMessages {
    const record = this.#bytes.read(chunk.offset, chunk.lengthBytes);
    const view = new DataView(record.buffer);
    if (record[0] !== Opcode.CHUNK) throw new Error('there is no chunk where the index says');
    let at = RECORD_HEADER_BYTES + 16;
    const uncompressedSize = view.getBigUint64(at, true);
    const crc = view.getUint32(at + 8, true);
    const nameBytes = view.getUint32(at + 12, true);
    at += 16;
    if (nameBytes > COMPRESSION_NAME_MAX) throw new Error('it names no compression that is known');
    const compression = new TextDecoder().decode(record.subarray(at, at + nameBytes));
    at += nameBytes;
    const size = view.getBigUint64(at, true);
    at += 8;
    if (size > BigInt(record.length - at)) throw new Error('it is shorter than it says');
    const stored = record.subarray(at, at + Number(size));
    let bytes = stored;
    if (compression !== '') {
      const handler = this.#decompress[compression];
      if (handler === undefined) throw new Error(`its compression ${JSON.stringify(compression)} is not known`);
      bytes = handler(stored, uncompressedSize);
    }
    if (crc !== 0 && crc32(bytes) >>> 0 !== crc)
      throw new Error('its checksum is not the one that it was written with');
    return new ChunkMessages(bytes);
  }

  #expectMagic(): void {
    const magic = new Uint8Array(MCAP_MAGIC.length);
    const read = this.#bytes.readInto(magic, 0);
    if (read === 0) throw new FlightLogError(`${this.path} is empty`);
    if (!isMagic(magic)) throw new FlightLogError(`${this.path} is not an MCAP file`);
  }

  /** @returns whether there is one to be believed */
  #readSummary(): boolean {
    if (this.sizeBytes < MCAP_MAGIC.length + TAIL_BYTES) return false;
    const tail = this.#bytes.read(this.sizeBytes - TAIL_BYTES, TAIL_BYTES);
    if (tail[0] !== Opcode.FOOTER || !isMagic(tail.subarray(TAIL_BYTES - MCAP_MAGIC.length))) return false;
    const start = new DataView(tail.buffer).getBigUint64(RECORD_HEADER_BYTES, true);
    const end = this.sizeBytes - TAIL_BYTES;
    if (start < BigInt(MCAP_MAGIC.length) || start > BigInt(end)) return false;
    if (end - Number(start) > RECORD_BYTES_MAX) return false;
    try {
      let stated: McapTypes.Statistics | null = null;
      for (const record of recordsIn(this.#bytes.read(Number(start), end - Number(start)), 'the summary', this.path)) {
        switch (record.type) {
          case 'Schema':
            this.#takeSchema(record);
            break;
          case 'Channel':
            this.#takeChannel(record);
            break;
          case 'ChunkIndex':
            this.#takeChunkIndex(record);
            break;
          case 'AttachmentIndex':
            this.#takeAttachment({
              name: record.name,
              mediaType: record.mediaType,
              logTimeNs: record.logTime,
              dataBytes: Number(record.dataSize),
              offset: Number(record.offset),
              lengthBytes: Number(record.length),
            });
            break;
          case 'MetadataIndex':
            this.#readMetadata(Number(record.offset), Number(record.length));
            break;
          case 'Statistics':
            stated = record;
            break;
        }
      }
      // A summary that lacks what it says it has would hide messages.
      if (stated === null || stated.chunkCount !== this.chunks.length) return false;
      if (stated.channelCount !== this.channels.size || stated.metadataCount > this.metadata.size) return false;
      for (const [id, count] of stated.channelMessageCounts) this.counts.set(id, Number(count));
      return true;
    } catch {
      return false;
    }
  }

  #clear(): void {
    this.chunks.length = 0;
    this.channels.clear();
    this.metadata.clear();
    this.counts.clear();
    this.#attachments.length = 0;
    this.#schemas.clear();
    this.#chunkChannels = 0;
    this.#metadataBytes = 0;
  }

  /**
   * Goes through the records of the data section by their headers.
   *
   * @returns where what can be read ends, as a sentence's part
   */
  #scan(headOnly: boolean): string {
    const headers = new HeaderWindow(this.#bytes);
    let at = MCAP_MAGIC.length;
    let open: {
      offset: number;
      lengthBytes: number;
      startNs: bigint;
      endNs: bigint;
      counts: Map<number, number>;
    } | null;
    open = null;
    const closeChunk = () => {
      if (open !== null) this.#takeScanned(open);
      open = null;
    };
    for (;;) {
      const header = headers.at(at, RECORD_HEADER_BYTES);
      if (header === null) {
        closeChunk();
        return `it ends at byte ${this.sizeBytes}, without its summary`;
      }
      const opcode = header.getUint8(0);
      const length = header.getBigUint64(1, true);
      const next = BigInt(at + RECORD_HEADER_BYTES) + length;
      const whole = next <= BigInt(this.sizeBytes);
      if (!whole || opcode === 0) {
        closeChunk();
        return whole ? `byte ${at} begins no record` : `it is cut off in the record that begins at byte ${at}`;
      }
      const body = Number(length);
      const lengthBytes = RECORD_HEADER_BYTES + body;
      if (opcode !== Opcode.MESSAGE_INDEX) closeChunk();
      if (headOnly && (opcode === Opcode.CHUNK || opcode === Opcode.MESSAGE)) return 'only its beginning was looked at';
      switch (opcode) {
        case Opcode.CHUNK: {
          const fields = body < CHUNK_FIXED_BYTES ? null : headers.at(at + RECORD_HEADER_BYTES, CHUNK_FIXED_BYTES);
          if (fields === null || lengthBytes > RECORD_BYTES_MAX) {
            this.#note(`the chunk at byte ${at} is ${body} bytes long`);
            break;
          }
          const startNs = fields.getBigUint64(0, true);
          open = { offset: at, lengthBytes, startNs, endNs: fields.getBigUint64(8, true), counts: new Map() };
          break;
        }
        case Opcode.MESSAGE_INDEX: {
          if (open === null || body < MESSAGE_INDEX_FIXED_BYTES) break;
          const fields = headers.at(at + RECORD_HEADER_BYTES, MESSAGE_INDEX_FIXED_BYTES);
          if (fields === null) break;
          const entries = Math.floor((body - MESSAGE_INDEX_FIXED_BYTES) / MESSAGE_INDEX_ENTRY_BYTES);
          if (entries > 0) open.counts.set(fields.getUint16(0, true), entries);
          break;
        }
        case Opcode.METADATA:
          this.#readMetadata(at, lengthBytes);
          break;
        case Opcode.ATTACHMENT:
          this.#scanAttachment(at, lengthBytes);
          break;
        case Opcode.SCHEMA:
        case Opcode.CHANNEL: {
          if (lengthBytes > 2 * DEFINITION_BYTES_MAX) break;
          const [record] = recordsIn(this.#bytes.read(at, lengthBytes), `the record at byte ${at}`, this.path);
          if (record?.type === 'Schema') this.#takeSchema(record);
          else if (record?.type === 'Channel') this.#takeChannel(record);
          break;
        }
        case Opcode.DATA_END:
          return 'its summary is damaged';
      }
      at += lengthBytes;
    }
  }

  /** A chunk and the indexes that followed it. */
  #takeScanned(found: {
    offset: number;
    lengthBytes: number;
    startNs: bigint;
    endNs: bigint;
    counts: Map<number, number>;
  }): void {
    const { offset, lengthBytes, startNs, endNs, counts } = found;
    // Cut before its indexes, or between two of them: which of the two only the chunk itself can say.
    const last = offset + lengthBytes + SCAN_BYTES >= this.sizeBytes || counts.size === 0;
    let unknown = last;
    for (const id of counts.keys()) if (!this.channels.has(id)) unknown = true;
    let channels: readonly number[] = [...counts.keys()];
    if (unknown) {
      const chunk = { offset, lengthBytes, startNs, endNs, channels: null };
      const messages = this.open(chunk);
      if (messages === ChunkMessages.none && counts.size === 0) return;
      if (last) {
        counts.clear();
        for (let i = 0; i < messages.count; i++) {
          const id = messages.channelId(i);
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        channels = [...counts.keys()];
      }
      if (this.#damaged.delete(chunk)) {
        this.damagedChunks--;
        channels = [];
      }
    }
    this.#takeChunk({ offset, lengthBytes, startNs, endNs, channels });
    for (const [id, count] of counts) this.counts.set(id, (this.counts.get(id) ?? 0) + count);
  }

  #takeChunkIndex(record: McapTypes.ChunkIndex): void {
    const { chunkStartOffset, chunkLength, messageIndexOffsets } = record;
    if (chunkStartOffset + chunkLength > BigInt(this.sizeBytes)) throw new Error('a chunk lies outside the file');
    if (chunkLength > BigInt(RECORD_BYTES_MAX)) throw new Error('a chunk is too long');
    if (chunkLength < BigInt(RECORD_HEADER_BYTES + CHUNK_FIXED_BYTES)) throw new Error('a chunk is too short');
    this.#takeChunk({
      offset: Number(chunkStartOffset),
      lengthBytes: Number(chunkLength),
      startNs: record.messageStartTime,
      endNs: record.messageEndTime,
      channels: messageIndexOffsets.size === 0 ? null : [...messageIndexOffsets.keys()],
    });
  }

  #takeChunk(chunk: LogChunk): void {
    this.#chunkChannels += chunk.channels?.length ?? 0;
    if (this.chunks.length >= CHUNKS_MAX || this.#chunkChannels > CHUNK_CHANNELS_MAX) {
      throw new FlightLogError(`${this.path} has more than the ${CHUNKS_MAX} chunks that are read`);
    }
    this.chunks.push(chunk);
  }

  #takeSchema(schema: McapTypes.Schema): void {
    if (schema.data.length > DEFINITION_BYTES_MAX) throw new Error(`the definition of ${schema.name} is too long`);
    if (this.#schemas.size < CHANNELS_MAX) this.#schemas.set(schema.id, schema);
  }

  #takeChannel(channel: McapTypes.Channel): void {
    if (this.channels.has(channel.id)) return;
    if (this.channels.size >= CHANNELS_MAX) {
      throw new FlightLogError(`${this.path} has more than the ${CHANNELS_MAX} channels that are read`);
    }
    const schema = this.#schemas.get(channel.schemaId);
    this.channels.set(channel.id, {
      id: channel.id,
      topic: channel.topic,
      type: schema?.name ?? '',
      definition: schema === undefined ? '' : new TextDecoder().decode(schema.data),
      schemaEncoding: schema?.encoding ?? '',
      messageEncoding: channel.messageEncoding,
    });
  }

  #takeChannels(messages: ChunkMessages): void {
    for (const record of messages.definitions) {
      const [parsed] = recordsIn(record, 'a definition', this.path);
      if (parsed?.type === 'Schema') this.#takeSchema(parsed);
      else if (parsed?.type === 'Channel') this.#takeChannel(parsed);
    }
  }

  #takeAttachment(place: AttachmentPlace): void {
    const { offset, lengthBytes } = place;
    if (!(offset >= MCAP_MAGIC.length && lengthBytes > 0 && offset + lengthBytes <= this.sizeBytes)) {
      throw new Error('an attachment lies outside the file');
    }
    if (lengthBytes > RECORD_BYTES_MAX || this.#attachments.length >= ATTACHMENTS_MAX) {
      this.#note(`the attachment at byte ${offset} is ${lengthBytes} bytes long`);
      return;
    }
    this.#attachments.push(place);
  }

  /** Of an attachment only what stands before its data is read. */
  #scanAttachment(at: number, lengthBytes: number): void {
    const head = this.#bytes.read(at, Math.min(lengthBytes, 4096));
    const view = new DataView(head.buffer);
    try {
      const logTimeNs = view.getBigUint64(RECORD_HEADER_BYTES, true);
      let offset = RECORD_HEADER_BYTES + 16;
      const text = () => {
        const bytes = view.getUint32(offset, true);
        if (bytes > head.length) throw new Error('a name is too long');
        offset += 4 + bytes;
        return new TextDecoder().decode(head.subarray(offset - bytes, offset));
      };
      const name = text();
      const mediaType = text();
      const dataBytes = Number(view.getBigUint64(offset, true));
      this.#takeAttachment({ name, mediaType, logTimeNs, dataBytes, offset: at, lengthBytes });
    } catch (error) {
      this.#note(`the attachment at byte ${at}: ${(error as Error).message}`);
    }
  }

  #readMetadata(offset: number, lengthBytes: number): void {
    if (!(offset >= 0 && lengthBytes > RECORD_HEADER_BYTES && offset + lengthBytes <= this.sizeBytes)) {
      throw new Error('metadata lies outside the file');
    }
    // An index may name one record a million times, each to be read.
    this.#metadataBytes += lengthBytes;
    if (this.#metadataBytes > METADATA_BYTES_MAX) return;
    const [record] = recordsIn(this.#bytes.read(offset, lengthBytes), `the metadata at byte ${offset}`, this.path);
    if (record?.type !== 'Metadata') throw new Error('there is no metadata where the index says');
    // The first of a name counts.
    if (!this.metadata.has(record.name)) this.metadata.set(record.name, record.metadata);
  }

  #note(detail: string): void {
    this.damagedChunks++;
    if (this.damage === '') this.damage = detail;
  }
}

/** Record headers one after another, with few reads. */
class HeaderWindow {
  readonly #bytes: LogBytes;
  readonly #buffer = new Uint8Array(SCAN_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #offset = 0;
  #filled = 0;

  constructor(bytes: LogBytes) {
    this.#bytes = bytes;
  }

  /** @param bytes less than the window. @returns a view good until the next call; null where the file has fewer */
  at(offset: number, bytes: number): DataView | null {
    if (offset < this.#offset || offset + bytes > this.#offset + this.#filled) {
      this.#offset = offset;
      this.#filled = this.#bytes.readInto(this.#buffer, offset);
      if (this.#filled < bytes) return null;
    }
    return new DataView(this.#view.buffer, offset - this.#offset, bytes);
  }
}

/**
 * The records that `bytes` holds, one after another: a summary may be millions of records that mean nothing, and as
 * objects they take twenty times their bytes.
 *
 * @throws FlightLogError where they are damaged
 */
function* recordsIn(bytes: Uint8Array, what: string, path: string): Generator<McapTypes.TypedMcapRecord, void, void> {
  const reader = new McapStreamReader({ noMagicPrefix: true });
  const next = () => {
    try {
      return reader.nextRecord();
    } catch (error) {
      throw new FlightLogError(`${path}: ${what} cannot be read: ${(error as Error).message}`);
    }
  };
  reader.append(bytes);
  for (let record = next(); record !== undefined; record = next()) yield record;
}

function isMagic(bytes: Uint8Array): boolean {
  for (let i = 0; i < MCAP_MAGIC.length; i++) {
    if (bytes[i] !== MCAP_MAGIC[i]) return false;
  }
  return true;
}
