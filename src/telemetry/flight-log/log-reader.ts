/**
 * A flight log as one run, however many files it is in: what it says of itself, and its messages in the order in which they
 * were written. Main thread.
 *
 * Holds the indexes of all files and a few chunks; what it reads beyond those is the caller's. A file that ends early or is
 * damaged gives what it has, and `notes` says what it lacks.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ChunkMessages } from './log-chunk.js';
import { FlightLogError } from './log-error.js';
import { type DecodedMessage, type MessageDecoder, messageDecoderOf } from './log-messages.js';
import { type LogAttachment, type LogChannel, type LogChunk, LogPart } from './log-part.js';
import { METADATA, METADATA_NAME } from './topics.js';

/** `<what>-NNN.mcap` */
const PART_NAME = /^(.+)-(\d{3,9})\.mcap$/;
/** Each holds a file open. */
const PARTS_MAX = 512;
/** Chunks kept after they were read, so that what lies near is not decompressed again. */
const CHUNKS_KEPT = 4;
const CHUNK_BYTES_KEPT = 64 * 1024 * 1024;

export interface LogMessage {
  readonly topic: string;
  readonly sequence: number;
  /** [Unix ns] */
  readonly logTimeNs: bigint;
  /** When what it tells of came about: a decision is written some time after it was made [Unix ns]. */
  readonly publishTimeNs: bigint;
  /** CDR; a view that keeps its chunk in memory as long as it lives. */
  readonly data: Uint8Array;
  /** @throws FlightLogError where bytes or the definition are missing */
  decode(): DecodedMessage;
}

export interface LogQuery {
  /** Only messages at this log time or later, and at that or earlier [Unix ns]. */
  readonly fromNs?: bigint | undefined;
  readonly toNs?: bigint | undefined;
  /** Absent: all. */
  readonly topics?: readonly string[] | undefined;
}

interface Kept {
  readonly chunk: LogChunk;
  readonly messages: ChunkMessages;
}

/** The messages of one topic in one chunk, made when asked for: a chunk may hold millions of empty ones. */
interface TopicMessages {
  readonly count: number;
  message(k: number): LogMessage;
}

const NONE: TopicMessages = {
  count: 0,
  message: () => {
    throw new RangeError('there is none');
  },
};

export class FlightLogReader {
  /** The file that was asked for. */
  readonly path: string;
  readonly parts: readonly LogPart[];
  /** Of the first part. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Log times of the first and the last message [Unix ns]; both 0 where there is none. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly #notes: readonly string[];
  readonly #decoders = new Map<LogPart, Map<number, MessageDecoder>>();
  #kept: Kept[] = [];

  /**
   * Opens a file and those that the same run wrote beside it.
   *
   * @param path of any part, or of a link to one
   * @throws FlightLogError where it cannot be read or is no flight log
   * @realtime unsafe
   */
  constructor(path: string) {
    this.path = path;
    const notes: string[] = [];
    this.parts = openParts(path, notes);
    const metadata = this.parts[0].metadata.get(METADATA_NAME);
    if (metadata === undefined) throw new FlightLogError(`${path} is not a flight log`);
    this.metadata = metadata;
    const extents = this.parts.map((part) => part.extent).filter((extent) => extent !== null);
    this.startNs = extents.reduce(
      (least, { startNs }) => (startNs < least ? startNs : least),
      extents[0]?.startNs ?? 0n,
    );
    this.endNs = extents.reduce((most, { endNs }) => (endNs > most ? endNs : most), 0n);
    const first = Number(metadata.get(METADATA.part) ?? '1');
    if (first > 1) notes.push(`it begins with part ${first}: what came before has been removed`);
    for (let i = 1; i < this.parts.length; i++) {
      const before = numberOfPart(this.parts[i - 1]);
      const missing = numberOfPart(this.parts[i]) - before - 1;
      if (missing > 0) notes.push(`${missing} part${missing === 1 ? '' : 's'} after part ${before} are not there`);
    }
    this.#notes = notes;
  }

  /** What the log lacks, a sentence's part each; of chunks, as far as they have been read. */
  get notes(): readonly string[] {
    const notes = [...this.#notes];
    for (const { path, cut, damage, damagedChunks } of this.parts) {
      if (cut !== '') notes.push(`${basename(path)}: ${cut}`);
      if (damagedChunks > 0)
        notes.push(`${basename(path)}: ${damagedChunks} damaged and left out, the first ${damage}`);
    }
    return notes;
  }

  /** Whether every part was ended in order, and nothing is damaged as far as it was read. */
  get whole(): boolean {
    return this.notes.length === 0;
  }

  /** Messages by topic, as the files' indexes state them. */
  get counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const part of this.parts) {
      for (const [id, count] of part.counts) {
        const topic = part.channels.get(id)?.topic;
        if (topic !== undefined) counts.set(topic, (counts.get(topic) ?? 0) + count);
      }
    }
    return counts;
  }

  get attachments(): readonly LogAttachment[] {
    return this.parts.flatMap((part) => part.attachments);
  }

  /** The first attachment of that name; bytes of the caller's own, null where there is none. @throws FlightLogError */
  attachment(name: string): Uint8Array | null {
    for (const part of this.parts) {
      const data = part.attachment(name);
      if (data !== null) return data;
    }
    return null;
  }

  /**
   * Messages in the order in which they were written.
   *
   * @throws FlightLogError where a file cannot be read any more
   * @realtime unsafe
   */
  *messages(query: LogQuery = {}): Generator<LogMessage, void, void> {
    const { fromNs = null, toNs = null, topics } = query;
    for (const part of this.parts) {
      // By chunk: a chunk may define a channel first.
      for (const chunk of part.chunks) {
        if ((fromNs !== null && chunk.endNs < fromNs) || (toNs !== null && chunk.startNs > toNs)) continue;
        const wanted = topics === undefined ? null : channelsOf(part, topics);
        if (wanted !== null && !mayHold(part, chunk, wanted)) continue;
        const messages = this.#open(part, chunk);
        const ids = topics === undefined ? null : channelsOf(part, topics);
        for (let i = 0; i < messages.count; i++) {
          const id = messages.channelId(i);
          if (ids !== null && !ids.has(id)) continue;
          const logTimeNs = messages.logTimeNs(i);
          if ((fromNs !== null && logTimeNs < fromNs) || (toNs !== null && logTimeNs > toNs)) continue;
          const message = this.#message(part, messages, i);
          if (message !== null) yield message;
        }
      }
    }
  }

  /**
   * The newest message of each topic at a time: what somebody saw who looked then.
   *
   * @param timeNs [Unix ns]
   * @returns those that there are, by topic
   * @throws FlightLogError
   * @realtime unsafe
   */
  latestBefore(timeNs: bigint, topics: readonly string[]): Map<string, LogMessage> {
    const found = new Map<string, LogMessage>();
    for (let p = this.parts.length - 1; p >= 0 && found.size < topics.length; p--) {
      const part = this.parts[p];
      for (let c = part.chunks.length - 1; c >= 0 && found.size < topics.length; c--) {
        const chunk = part.chunks[c];
        if (chunk.startNs > timeNs) continue;
        const missing = topics.filter((topic) => !found.has(topic));
        if (!mayHold(part, chunk, channelsOf(part, missing))) continue;
        const messages = this.#open(part, chunk);
        const wanted = channelsOf(part, missing);
        for (let i = messages.count - 1; i >= 0 && wanted.size > 0; i--) {
          const id = messages.channelId(i);
          if (!wanted.has(id) || messages.logTimeNs(i) > timeNs) continue;
          const message = this.#message(part, messages, i);
          if (message === null) continue;
          found.set(message.topic, message);
          wanted.delete(id);
        }
      }
    }
    return found;
  }

  /**
   * The first message of a topic that has been reached, where what is before has not been and what is after has: found by
   * halving, over chunks and then within one.
   *
   * @param reached false for all messages up to some place, true for all from there on
   * @returns null where none has
   * @throws FlightLogError, and what `reached` throws
   * @realtime unsafe
   */
  firstFrom(topic: string, reached: (message: LogMessage) => boolean): LogMessage | null {
    const places: { part: LogPart; chunk: LogChunk }[] = [];
    for (const part of this.parts) {
      const wanted = channelsOf(part, [topic]);
      for (const chunk of part.chunks) if (mayHold(part, chunk, wanted)) places.push({ part, chunk });
    }
    // In places before `low` nothing has been reached; the first in which something has is `low`, or after empty ones.
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      let at = middle;
      let found = NONE;
      // One without the topic, or damaged, says nothing: the next does.
      for (; at < high && found.count === 0; at++) found = this.#ofTopic(places[at].part, places[at].chunk, topic);
      if (found.count === 0 || reached(found.message(found.count - 1))) high = middle;
      else low = at;
    }
    for (; low < places.length; low++) {
      const first = firstReached(this.#ofTopic(places[low].part, places[low].chunk, topic), reached);
      if (first !== null) return first;
    }
    return null;
  }

  #ofTopic(part: LogPart, chunk: LogChunk, topic: string): TopicMessages {
    const messages = this.#open(part, chunk);
    const ids = channelsOf(part, [topic]);
    const places: number[] = [];
    for (let i = 0; i < messages.count; i++) {
      if (ids.has(messages.channelId(i))) places.push(i);
    }
    return { count: places.length, message: (k) => this.#message(part, messages, places[k]) as LogMessage };
  }

  close(): void {
    this.#kept = [];
    for (const part of this.parts) part.close();
  }

  #message(part: LogPart, messages: ChunkMessages, i: number): LogMessage | null {
    const channel = part.channels.get(messages.channelId(i));
    if (channel === undefined) return null;
    const data = messages.data(i);
    return {
      topic: channel.topic,
      sequence: messages.sequence(i),
      logTimeNs: messages.logTimeNs(i),
      publishTimeNs: messages.publishTimeNs(i),
      data,
      decode: () => {
        const decoder = this.#decoderOf(part, channel);
        try {
          return decoder(data);
        } catch (error) {
          throw new FlightLogError(`a message of ${channel.topic} cannot be decoded: ${(error as Error).message}`);
        }
      },
    };
  }

  #decoderOf(part: LogPart, channel: LogChannel): MessageDecoder {
    const decoders = this.#decoders.get(part) ?? new Map<number, MessageDecoder>();
    this.#decoders.set(part, decoders);
    const decoder = decoders.get(channel.id) ?? messageDecoderOf(channel);
    decoders.set(channel.id, decoder);
    return decoder;
  }

  #open(part: LogPart, chunk: LogChunk): ChunkMessages {
    const at = this.#kept.findIndex((kept) => kept.chunk === chunk);
    if (at >= 0) {
      const [kept] = this.#kept.splice(at, 1);
      this.#kept.unshift(kept);
      return kept.messages;
    }
    const messages = part.open(chunk);
    this.#kept.unshift({ chunk, messages });
    let bytes = 0;
    this.#kept = this.#kept.filter((kept, i) => {
      bytes += kept.messages.byteLength;
      return i === 0 || (i < CHUNKS_KEPT && bytes <= CHUNK_BYTES_KEPT);
    });
    return messages;
  }
}

/**
 * Whether a file is a flight log of ours; of what cannot be read, no.
 *
 * @realtime unsafe
 */
export function isFlightLog(path: string): boolean {
  try {
    const part = new LogPart(path, true);
    part.close();
    return part.metadata.has(METADATA_NAME);
  } catch {
    return false;
  }
}

/** Null where none has. */
function firstReached(messages: TopicMessages, reached: (message: LogMessage) => boolean): LogMessage | null {
  let low = 0;
  let high = messages.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(messages.message(middle))) high = middle;
    else low = middle + 1;
  }
  return low < messages.count ? messages.message(low) : null;
}

/** The ids of a part's channels with these topics. */
function channelsOf(part: LogPart, topics: readonly string[]): Set<number> {
  const ids = new Set<number>();
  for (const { id, topic } of part.channels.values()) if (topics.includes(topic)) ids.add(id);
  return ids;
}

/** Whether a chunk has messages of one of the channels, or of one that nobody knows yet. */
function mayHold(part: LogPart, chunk: LogChunk, wanted: ReadonlySet<number>): boolean {
  return chunk.channels === null || chunk.channels.some((id) => wanted.has(id) || !part.channels.has(id));
}

function numberOfPart(part: LogPart): number {
  const stated = Number(part.metadata.get(METADATA_NAME)?.get(METADATA.part) ?? Number.NaN);
  return Number.isNaN(stated) ? Number(PART_NAME.exec(basename(part.path))?.[2] ?? 0) : stated;
}

/** @param notes takes in what is missing. @returns one at least, in order */
function openParts(path: string, notes: string[]): LogPart[] {
  let file = path;
  try {
    file = realpathSync(path);
  } catch {
    // Opening it says what is wrong.
  }
  const asked = new LogPart(file);
  const name = PART_NAME.exec(basename(file));
  const run = asked.metadata.get(METADATA_NAME)?.get(METADATA.run);
  if (name === null || run === undefined) return [asked];
  const parts = [asked];
  try {
    const siblings = readdirSync(dirname(file)).filter((other) => {
      return PART_NAME.exec(other)?.[1] === name[1] && other !== basename(file);
    });
    if (siblings.length >= PARTS_MAX) {
      throw new FlightLogError(`${path} has ${siblings.length} parts beside it, and at most ${PARTS_MAX} are read`);
    }
    for (const other of siblings) {
      let part: LogPart;
      try {
        part = new LogPart(join(dirname(file), other));
      } catch (error) {
        notes.push((error as Error).message);
        continue;
      }
      if (part.metadata.get(METADATA_NAME)?.get(METADATA.run) === run) parts.push(part);
      else part.close();
    }
    return parts.sort((a, b) => numberOfPart(a) - numberOfPart(b));
  } catch (error) {
    for (const part of parts) part.close();
    throw error;
  }
}
