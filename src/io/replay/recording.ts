/**
 * A ROS 2 recording (MCAP with CDR messages) as a sequence of odometry and scans, in file order. Needs no ROS: the
 * recording carries the definitions of its messages.
 */
import { MCAP_MAGIC, McapStreamReader, type McapTypes, Opcode } from '@mcap/core';
import { FileWindow } from './file-window.js';
import { type Decoder, decoderFor, ODOMETRY_TYPE, type RecordedMessage, SCAN_TYPE } from './messages.js';
import { RECORD_BYTES_MAX, type RecordingEnd, RecordStream } from './record-stream.js';
import { RecordingError } from './recording-error.js';

export interface RecordingOptions {
  /** Default: the first topic in the file that carries `nav_msgs/msg/Odometry`. */
  odometryTopic?: string | undefined;
  /** Default: the first topic in the file that carries `sensor_msgs/msg/LaserScan`, or none. */
  scanTopic?: string | undefined;
  /** Longest record and largest uncompressed chunk that is read [bytes]. */
  recordBytesMax?: number | undefined;
}

/** One topic of a recording. */
export interface RecordedTopic {
  topic: string;
  type: string;
  /** Of the messages: `cdr` in ROS 2. */
  encoding: string;
  /** Messages in the file, as its summary has it or as counted where there is no summary. */
  messageCount: number;
}

/** Messages read so far. */
export interface RecordingCounts {
  /** Of every topic, also those that a replay does not use. */
  messages: number;
  odometry: number;
  scans: number;
  /** Of the topics in use: messages whose bytes do not hold what their type needs. They are left out. */
  undecodable: number;
}

/** Footer record, its header included, and the magic that follows it [bytes]. */
const TAIL_BYTES = 9 + 20 + MCAP_MAGIC.length;

export class Recording {
  readonly path: string;
  /** Everything the file has, by order of appearance. */
  readonly topics: readonly RecordedTopic[];
  readonly odometryTopic: string;
  /** null where the recording has no scans: every sector is blind then. */
  readonly scanTopic: string | null;
  readonly counts: RecordingCounts = { messages: 0, odometry: 0, scans: 0, undecodable: 0 };

  readonly #file: FileWindow;
  readonly #stream: RecordStream;
  readonly #schemas: Map<number, McapTypes.Schema>;
  readonly #decoders = new Map<number, Decoder>();

  /**
   * Opens a recording and finds its topics, from its summary or, where that is missing, by reading the file once.
   *
   * @throws RecordingError
   * @realtime unsafe
   */
  constructor(path: string, options: RecordingOptions = {}) {
    this.path = path;
    this.#file = new FileWindow(path);
    try {
      const recordBytesMax = options.recordBytesMax ?? RECORD_BYTES_MAX;
      this.#stream = new RecordStream(this.#file, recordBytesMax);
      const contents = contentsOfSummary(this.#file, recordBytesMax) ?? contentsOfData(this.#file, recordBytesMax);
      this.#schemas = contents.schemas;
      this.topics = topicsOf(contents);
      this.odometryTopic = this.#choose(ODOMETRY_TYPE, options.odometryTopic) ?? this.#noOdometry();
      this.scanTopic = this.#choose(SCAN_TYPE, options.scanTopic);
      for (const channel of contents.channels.values()) this.#useChannel(channel);
      this.#file.seek(MCAP_MAGIC.length);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** How the file ends; `reading` until `next` has returned null. */
  get end(): RecordingEnd {
    return this.#stream.end;
  }

  /** Share of the file read [0, 1]. */
  get progress(): number {
    return this.#file.offset / this.#file.sizeBytes;
  }

  /**
   * The next message of the two topics in file order; null at the end of what can be read, for which see `end`.
   *
   * @throws RecordingError `unreadable`, or `schema` for a channel that appears with another definition later
   * @realtime unsafe
   */
  next(): RecordedMessage | null {
    for (;;) {
      const record = this.#stream.next();
      if (record === null) return null;
      if (record.type === 'Schema') {
        this.#schemas.set(record.id, record);
      } else if (record.type === 'Channel') {
        if (!this.#decoders.has(record.id)) this.#useChannel(record);
      } else {
        this.counts.messages++;
        const message = this.#decoded(record);
        if (message === null) continue;
        if (message.kind === 'odometry') this.counts.odometry++;
        else this.counts.scans++;
        return message;
      }
    }
  }

  close(): void {
    this.#file.close();
  }

  #decoded(record: McapTypes.Message): RecordedMessage | null {
    const decode = this.#decoders.get(record.channelId);
    if (decode === undefined) return null;
    try {
      return decode(record.data, record.logTime);
    } catch {
      this.counts.undecodable++;
      return null;
    }
  }

  #useChannel(channel: McapTypes.Channel): void {
    const schema = this.#schemas.get(channel.schemaId);
    if (schema === undefined || channel.messageEncoding !== 'cdr') return;
    const wanted =
      (channel.topic === this.odometryTopic && schema.name === ODOMETRY_TYPE) ||
      (channel.topic === this.scanTopic && schema.name === SCAN_TYPE);
    if (wanted) this.#decoders.set(channel.id, decoderFor(schema.name, schema.encoding, schema.data));
  }

  #choose(type: string, asked: string | undefined): string | null {
    const fits = (topic: RecordedTopic) => topic.type === type && topic.encoding === 'cdr';
    if (asked === undefined) return this.topics.find(fits)?.topic ?? null;
    const named = this.topics.filter((topic) => topic.topic === asked);
    if (named.length === 0) {
      throw new RecordingError('unknown-topic', `the recording has no topic ${asked}; ${this.#listTopics()}`);
    }
    if (!named.some(fits)) {
      throw new RecordingError(
        'wrong-type',
        `${asked} carries ${named[0].type} (${named[0].encoding}), not ${type} (cdr); ${this.#listTopics()}`,
      );
    }
    return asked;
  }

  #noOdometry(): never {
    throw new RecordingError('no-odometry', `the recording has no ${ODOMETRY_TYPE}; ${this.#listTopics()}`);
  }

  #listTopics(): string {
    if (this.topics.length === 0) return 'it has no topics at all';
    return `it has ${this.topics.map((topic) => `${topic.topic} (${topic.type})`).join(', ')}`;
  }
}

interface Contents {
  schemas: Map<number, McapTypes.Schema>;
  channels: Map<number, McapTypes.Channel>;
  messageCounts: Map<number, number>;
}

/** What the summary at the end of a complete file says; null where there is none that names every channel. */
function contentsOfSummary(file: FileWindow, bytesMax: number): Contents | null {
  const tailAt = file.sizeBytes - TAIL_BYTES;
  if (tailAt < MCAP_MAGIC.length) return null;
  file.seek(tailAt);
  const tail = file.peek(TAIL_BYTES);
  if (tail[0] !== Opcode.FOOTER) return null;
  const summaryAt = new DataView(tail.buffer, tail.byteOffset).getBigUint64(9, true);
  if (summaryAt < BigInt(MCAP_MAGIC.length) || summaryAt >= BigInt(tailAt)) return null;
  const summaryBytes = tailAt - Number(summaryAt);
  if (summaryBytes > bytesMax) return null;

  const contents: Contents = { schemas: new Map(), channels: new Map(), messageCounts: new Map() };
  let channelCount = -1;
  try {
    file.seek(Number(summaryAt));
    const reader = new McapStreamReader({ noMagicPrefix: true, decompressHandlers: {} });
    reader.append(file.peek(summaryBytes));
    for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
      if (record.type === 'Schema') contents.schemas.set(record.id, record);
      else if (record.type === 'Channel') contents.channels.set(record.id, record);
      else if (record.type === 'Statistics') {
        channelCount = record.channelCount;
        for (const [id, count] of record.channelMessageCounts) contents.messageCounts.set(id, Number(count));
      }
    }
  } catch {
    return null;
  }
  const known = [...contents.channels.values()].every(
    ({ schemaId }) => schemaId === 0 || contents.schemas.has(schemaId),
  );
  return known && channelCount === contents.channels.size ? contents : null;
}

/** The same, by reading everything. */
function contentsOfData(file: FileWindow, bytesMax: number): Contents {
  const contents: Contents = { schemas: new Map(), channels: new Map(), messageCounts: new Map() };
  const stream = new RecordStream(file, bytesMax);
  for (let record = stream.next(); record !== null; record = stream.next()) {
    if (record.type === 'Schema') contents.schemas.set(record.id, record);
    else if (record.type === 'Channel') contents.channels.set(record.id, record);
    else contents.messageCounts.set(record.channelId, (contents.messageCounts.get(record.channelId) ?? 0) + 1);
  }
  return contents;
}

function topicsOf(contents: Contents): RecordedTopic[] {
  const topics: RecordedTopic[] = [];
  for (const channel of contents.channels.values()) {
    const type = contents.schemas.get(channel.schemaId)?.name ?? '';
    const messageCount = contents.messageCounts.get(channel.id) ?? 0;
    const known = topics.find((topic) => topic.topic === channel.topic && topic.type === type);
    if (known !== undefined) known.messageCount += messageCount;
    else topics.push({ topic: channel.topic, type, encoding: channel.messageEncoding, messageCount });
  }
  return topics;
}
