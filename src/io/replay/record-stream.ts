/**
 * The schemas, channels and messages of an MCAP file (mcap.dev/spec) from its first byte to its last, in the order in
 * which they lie in the file: chunk after chunk, and within a chunk record after record. That is the order in which the
 * recorder got them; nothing is sorted by time, because what came late on the robot should come late here.
 *
 * `@mcap/core` parses; this file hands it one top-level record at a time. So a forged length is compared with the file
 * before anything is allocated for it, a damaged chunk costs itself and no other, and of a chunk that the end of the
 * file cuts through the whole records in front of the cut are read.
 */
import { MCAP_MAGIC, McapRecordBuilder, McapStreamReader, type McapTypes, Opcode } from '@mcap/core';
import { decompressBeginning, decompressHandlers } from './chunk-decompression.js';
import type { FileWindow } from './file-window.js';
import { RecordingError } from './recording-error.js';

/** The longest record and the largest chunk, uncompressed, that is read; recorders write chunks of 1 to 8 MiB [bytes]. */
export const RECORD_BYTES_MAX = 128 * 1024 * 1024;
/** Opcode and length. */
const RECORD_HEADER_BYTES = 9;
/** A record this long cannot be, whatever the file's size. */
const LENGTH_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** How the reading ended. */
export interface RecordingEnd {
  state: 'reading' | 'complete' | 'cut-off' | 'damaged';
  /** One sentence for a person; empty while reading and where the file is complete. */
  detail: string;
}

type Records = McapTypes.TypedMcapRecords;
export type StreamRecord = Records['Schema'] | Records['Channel'] | Records['Message'];

export class RecordStream {
  readonly #file: FileWindow;
  readonly #recordBytesMax: number;
  readonly #channels = new Map<number, McapTypes.Channel>();
  #reader: McapStreamReader;
  #dataEnded = false;
  /** Nothing more will be taken from the file. */
  #drained = false;
  #cutOff = '';
  #damage = '';
  /** Chunks and top-level records that could not be read and were left out. */
  damagedRecords = 0;

  /** @throws RecordingError `not-mcap` */
  constructor(file: FileWindow, recordBytesMax = RECORD_BYTES_MAX) {
    this.#file = file;
    this.#recordBytesMax = recordBytesMax;
    file.seek(0);
    const magic = file.peek(MCAP_MAGIC.length);
    if (!isMagic(magic)) {
      const found = file.sizeBytes === 0 ? 'it is empty' : `it begins with ${hex(magic)}`;
      throw new RecordingError('not-mcap', `the file is not an MCAP recording: ${found}`);
    }
    file.skip(MCAP_MAGIC.length);
    this.#reader = this.#newReader();
  }

  get end(): RecordingEnd {
    if (!this.#drained) return { state: 'reading', detail: '' };
    if (this.#damage !== '') {
      const more = this.#cutOff === '' ? '' : `; ${this.#cutOff}`;
      const left = this.damagedRecords === 1 ? '1 record is' : `${this.damagedRecords} records are`;
      return { state: 'damaged', detail: `${left} damaged and left out, the first ${this.#damage}${more}` };
    }
    return this.#cutOff === '' ? { state: 'complete', detail: '' } : { state: 'cut-off', detail: this.#cutOff };
  }

  /**
   * The next schema, channel or message; null at the end, for which see `end`.
   *
   * @returns a record of its own, the caller's to keep
   * @throws RecordingError `unreadable`
   * @realtime unsafe
   */
  next(): StreamRecord | null {
    for (;;) {
      const record = this.#parsed();
      if (record === undefined) {
        if (this.#drained) return null;
        this.#takeRecord();
      } else if (record.type === 'Channel') {
        this.#channels.set(record.id, record);
        return record;
      } else if (record.type === 'Schema' || record.type === 'Message') {
        return record;
      } else if (record.type === 'Unknown' && record.opcode === 0) {
        this.#damaged(this.#file.offset, 'has a record of opcode 0 in it');
      }
    }
  }

  #parsed(): McapTypes.TypedMcapRecord | undefined {
    try {
      return this.#reader.nextRecord();
    } catch (error) {
      this.#damaged(this.#file.offset, (error as Error).message);
      return undefined;
    }
  }

  /** Hands the parser the file's next record of interest, or finds the end. */
  #takeRecord(): void {
    const file = this.#file;
    const start = file.offset;
    const header = file.peek(RECORD_HEADER_BYTES);
    if (header.length < RECORD_HEADER_BYTES) {
      this.#endsAt('without its footer');
      return;
    }
    const opcode = header[0];
    const length64 = new DataView(header.buffer, header.byteOffset).getBigUint64(1, true);
    const length = length64 > LENGTH_MAX ? Number.MAX_SAFE_INTEGER : Number(length64);
    if (length > file.remainingBytes - RECORD_HEADER_BYTES) {
      this.#takeBeginning(opcode);
      this.#endsAt(`in the record that begins at byte ${start} and says it is ${length64} bytes long`);
      return;
    }
    if (this.#dataEnded) {
      file.skip(RECORD_HEADER_BYTES + length);
      if (opcode === Opcode.FOOTER) this.#expectMagic();
      return;
    }
    switch (opcode) {
      case Opcode.SCHEMA:
      case Opcode.CHANNEL:
      case Opcode.MESSAGE:
      case Opcode.CHUNK:
        if (length > this.#recordBytesMax) {
          this.#damaged(start, `is ${length} bytes long, more than the ${this.#recordBytesMax} this reader takes`);
        } else {
          this.#reader.append(file.peek(RECORD_HEADER_BYTES + length));
        }
        break;
      case 0:
        this.#damaged(start, 'has opcode 0');
        break;
      case Opcode.DATA_END:
        this.#dataEnded = true;
        break;
      case Opcode.FOOTER:
        file.skip(RECORD_HEADER_BYTES + length);
        this.#expectMagic();
        return;
    }
    file.skip(RECORD_HEADER_BYTES + length);
  }

  /** After the footer: the magic once more, and nothing else. */
  #expectMagic(): void {
    const magic = this.#file.peek(MCAP_MAGIC.length + 1);
    if (magic.length === MCAP_MAGIC.length && isMagic(magic)) this.#drained = true;
    else if (magic.length < MCAP_MAGIC.length) this.#endsAt('in its last magic');
    else {
      this.#damaged(this.#file.offset, 'is the end of the file: after the footer comes something else');
      this.#drained = true;
    }
  }

  #endsAt(where: string): void {
    this.#drained = true;
    this.#cutOff = `the file is cut off at byte ${this.#file.sizeBytes}, ${where}`;
  }

  /** Feeds the whole records at the beginning of a chunk that the end of the file, or a forged length, cuts through. */
  #takeBeginning(opcode: number): void {
    if (opcode !== Opcode.CHUNK || this.#dataEnded) return;
    const bytes = this.#file.peek(Math.min(this.#file.remainingBytes, this.#recordBytesMax));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Start time, end time, uncompressed size, CRC, then the compression's name and the records, each after its length.
    const sizeAt = RECORD_HEADER_BYTES + 8 + 8;
    const nameAt = sizeAt + 8 + 4;
    if (bytes.length < nameAt + 4) return;
    const nameBytes = view.getUint32(nameAt, true);
    const recordsAt = nameAt + 4 + nameBytes + 8;
    if (nameBytes > 16 || bytes.length < recordsAt) return;
    const compression = new TextDecoder().decode(bytes.subarray(nameAt + 4, nameAt + 4 + nameBytes));
    const size = view.getBigUint64(sizeAt, true);
    const records = decompressBeginning(compression, bytes.subarray(recordsAt), size, this.#recordBytesMax);
    this.#reader.append(records.subarray(0, wholeRecordBytes(records)));
  }

  /** Notes the damage and goes on with a parser that knows the channels seen so far. */
  #damaged(offset: number, detail: string): void {
    if (this.#damage === '') this.#damage = `before byte ${offset}: ${detail}`;
    this.damagedRecords++;
    this.#reader = this.#newReader();
    const builder = new McapRecordBuilder();
    for (const channel of this.#channels.values()) builder.writeChannel(channel);
    this.#reader.append(builder.buffer);
  }

  #newReader(): McapStreamReader {
    return new McapStreamReader({
      decompressHandlers: decompressHandlers(this.#recordBytesMax),
      noMagicPrefix: true,
    });
  }
}

/** Bytes of the whole schema, channel and message records that `records` begins with. */
function wholeRecordBytes(records: Uint8Array): number {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= records.length) {
    const opcode = records[at];
    if (opcode !== Opcode.SCHEMA && opcode !== Opcode.CHANNEL && opcode !== Opcode.MESSAGE) break;
    const length = view.getBigUint64(at + 1, true);
    if (length > BigInt(records.length - at - RECORD_HEADER_BYTES)) break;
    at += RECORD_HEADER_BYTES + Number(length);
  }
  return at;
}

function isMagic(bytes: Uint8Array): boolean {
  for (let i = 0; i < MCAP_MAGIC.length; i++) {
    if (bytes[i] !== MCAP_MAGIC[i]) return false;
  }
  return true;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
