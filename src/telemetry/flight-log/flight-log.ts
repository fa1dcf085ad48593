/**
 * The flight log of one run: readings, decisions and what became of the controller, as MCAP files with ROS 2 messages.
 * `docs/flight-log.md` describes what is in them.
 *
 * Main thread. What is logged is encoded at once, into a chunk in memory; a chunk that is full or a second old waits in a
 * queue of bounded size and is written by the thread pool. Nothing here throws into the run: what the disk does not take
 * is counted, told once, and tried again each second in a new part.
 *
 * A killed process loses the chunk that it was filling and what was queued: with a disk that keeps up, a second. Data are
 * given to the operating system with each chunk, and to the disk itself when a part ends: a cut in power may cost what the
 * system had not written out by itself, half a minute on Linux.
 */
import { randomUUID } from 'node:crypto';
import {
  ContactsField,
  DecisionField,
  ExplanationField,
  GoalField,
  OdometryField,
  RangesField,
} from '../../memory/layout.js';
import { type CheckpointRecord, type EpisodeRecord, MessageEncoder, type StateRecord } from './messages.js';
import { codeOf, DISK, type LogFile, type LogFileSystem, PartFolder, runNameOf } from './part-folder.js';
import { ChunkBuilder, type KeptMessage, type PartAttachment, PartFormat, type SealedChunk } from './part-format.js';
import {
  FORMAT_VERSION,
  LEARNED_STATE_NAME,
  METADATA,
  METADATA_NAME,
  ReadingInput,
  TOPICS,
  Topic,
  type TopicIndex,
} from './topics.js';

export const DEFAULT_MAX_FILE_BYTES = 2 ** 28;
export const DEFAULT_MAX_FILES = 20;
export const DEFAULT_QUEUE_BYTES = 2 ** 25;
/** Of messages before they are written; a second of a robot with a scanner of 720 beams fills a third of it [bytes]. */
export const DEFAULT_CHUNK_BYTES = 2 ** 20;
/** After which a chunk is written however small it is [ms]. */
const CHUNK_MS = 1000;
/** Between two tries on a disk that takes nothing [ms]. */
const RETRY_MS = 1000;
/** For so long the end of a run waits for a disk that does not answer at all, as a network's may [ms]. */
const CLOSE_BOUND_MS = 5000;

/** The run's time: `RunClock` of a run. */
export interface LogClock {
  /** On the controller's clock. */
  nowNs(): number;
  /** Unix time of a moment on that clock; never goes back. */
  unixNs(clockNs: number): bigint;
}

export interface FlightLogOptions {
  /** In the names of the files: what runs, and which robot. */
  readonly what: string;
  readonly clock: LogClock;
  /** That writes the log, in words: `rfsn-controller 0.1.0`. */
  readonly library: string;
  /** As parameter `policy` names it. */
  readonly policy: string;
  /** Of the run: version, seed, scenario, robot, parameters as JSON … Keys of `METADATA` are the log's own. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What the policy begins with, attached to the first part, and the file that it came from; null: nothing learned. */
  readonly learned: { readonly data: Uint8Array; readonly file: string } | null;
  /** The run's first decision, where it is not 0. */
  readonly firstCycle?: number;
  readonly maxFileBytes?: number;
  readonly maxFiles?: number;
  readonly chunkBytes?: number;
  readonly queueBytes?: number;
  /** Told in one line when the disk takes nothing, and when it takes something again. */
  readonly tell: (text: string) => void;
  /** For so long `open` waits for the first file [ms]; absent, for as long as that takes. */
  readonly openBoundMs?: number;
  /** Where that is not enough, the log goes on without a file until there is one; else `open` gives up. */
  readonly mayBeginLate?: boolean;
  /** For tests of failing disks. */
  readonly fs?: LogFileSystem;
}

/** What has become of what was to be logged. Messages, but for `bytes` and `parts`. */
export interface FlightLogCounters {
  readonly taken: number;
  /** Falls where `lostRemoved` rises. */
  readonly written: number;
  /** Left out because too much waited for the disk. */
  readonly lostQueue: number;
  /** Not taken by the disk before the run ended. */
  readonly lostDisk: number;
  /** Written to a file that somebody removed meanwhile. */
  readonly lostRemoved: number;
  /** In all parts, what is between messages included; rises, as does `parts`. */
  readonly bytes: number;
  readonly parts: number;
}

/** The file being written. */
interface OpenPart {
  readonly format: PartFormat;
  readonly file: LogFile;
  readonly path: string;
  readonly name: string;
  /** The file's identity, to see whether the path still leads to it. */
  readonly inode: number;
  /** Of the run's that are in it, without what is repeated from the part before. */
  messages: number;
  /** It stays, and is among the counters; one that the disk has no room for a chunk in is taken away again. */
  counted: boolean;
}

export class FlightLog {
  readonly folder: string;
  readonly #options: FlightLogOptions;
  readonly #clock: LogClock;
  readonly #encoder: MessageEncoder;
  readonly #fs: LogFileSystem;
  readonly #parts: PartFolder;
  readonly #startNs: bigint;
  readonly #runId = randomUUID();
  readonly #maxFileBytes: number;
  readonly #chunkBytes: number;
  readonly #queueBytes: number;

  readonly #chunk = new ChunkBuilder();
  /** In force when the chunk under way began. */
  #chunkKept: readonly KeptMessage[] = [];
  #chunkFirstCycle = 0;
  #chunkTimer: NodeJS.Timeout | null = null;
  #kept: readonly KeptMessage[] = [];
  #nextCycle: number;
  #lastNs = 0n;
  readonly #sequences = new Uint32Array(TOPICS.length);
  #mount = '';
  #closing = false;
  /** Closed without waiting for the disk any more. */
  #abandoned = false;

  readonly #queue: SealedChunk[] = [];
  #queued = 0;
  #writing: Promise<void> | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #part: OpenPart | null = null;
  #partNumber = 0;
  #run: string;
  #waiting: (() => void)[] = [];

  #failure = '';
  #failureTold = false;
  #recoveryTold = false;
  #taken = 0;
  #written = 0;
  #lostQueue = 0;
  #lostDisk = 0;
  #lostRemoved = 0;
  #bytes = 0;
  #partCount = 0;

  /**
   * Begins the log of a run: creates the folder where there is none, and the first file in it.
   *
   * Where that takes longer than `openBoundMs` and the log may begin late, it takes everything from its start on all the
   * same: what there is waits in the queue, and is lost only where that is full.
   *
   * @throws Error as the file system says it, where that cannot be done within the bound; no file is left behind
   * @realtime unsafe
   */
  static async open(folder: string, options: FlightLogOptions): Promise<FlightLog> {
    const { openBoundMs, mayBeginLate = false } = options;
    const log = new FlightLog(folder, options);
    const beginning = log.#first();
    if (openBoundMs === undefined) {
      await beginning;
      return log;
    }
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, openBoundMs, false);
    });
    const begun = await Promise.race([beginning.then(() => true), bound]).finally(() => clearTimeout(timer));
    if (begun) return log;
    const reason = `its first file was not there after ${openBoundMs / 1000} s; the machine may be too busy`;
    if (!mayBeginLate) {
      log.#closing = true;
      // Nobody waits for it any more: what comes after all is taken away again.
      void beginning.then(() => (log.#part === null ? undefined : log.#discard(log.#part))).catch(() => {});
      throw new Error(reason);
    }
    log.#failure = reason;
    log.#failureTold = true;
    options.tell(`the flight log in ${folder}: ${reason}; messages wait for it in memory`);
    log.#writing = beginning
      .catch((error: unknown) => log.#abandon(error))
      .finally(() => {
        log.#writing = null;
        log.#write();
      });
    return log;
  }

  private constructor(folder: string, options: FlightLogOptions) {
    this.folder = folder;
    this.#options = options;
    this.#clock = options.clock;
    this.#encoder = new MessageEncoder(options.policy);
    this.#fs = options.fs ?? DISK;
    this.#parts = new PartFolder(folder, options.maxFiles ?? DEFAULT_MAX_FILES, this.#fs);
    this.#maxFileBytes = options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES;
    this.#chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
    this.#queueBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
    this.#nextCycle = options.firstCycle ?? 0;
    this.#startNs = this.#clock.unixNs(this.#clock.nowNs());
    this.#run = runNameOf(this.#startNs, options.what);
  }

  /** The file that is written; empty while the disk takes none, and once closed. */
  get file(): string {
    return this.#part?.path ?? '';
  }

  /** Why the disk takes nothing; empty while it does. */
  get failure(): string {
    return this.#failure;
  }

  get counters(): FlightLogCounters {
    return {
      taken: this.#taken,
      written: this.#written,
      lostQueue: this.#lostQueue,
      lostDisk: this.#lostDisk,
      lostRemoved: this.#lostRemoved,
      bytes: this.#bytes,
      parts: this.#partCount,
    };
  }

  /** Messages lost so far, for whatever cause. */
  get lost(): number {
    return this.#lostQueue + this.#lostDisk + this.#lostRemoved;
  }

  /** What waits for the disk [bytes]. */
  get backlogBytes(): number {
    return this.#queued;
  }

  /**
   * A reading that the controller has taken in: `Controller.onReading` calls it.
   *
   * @param input of `ReadingInput`
   * @param doubles as the input's table in `layout.ts` names them; read during the call, as are the beams
   */
  reading(input: number, doubles: Float64Array, beams: Float32Array | null): void {
    if (this.#closing) return;
    const now = this.#now();
    const encoder = this.#encoder;
    let sequence = 0;
    if (input === ReadingInput.odometry) {
      sequence = doubles[OdometryField.sequence];
      this.#add(Topic.odometry, sequence, now, now, encoder.odometry(now, doubles));
      this.#add(Topic.tf, this.#next(Topic.tf), now, now, encoder.transform(now, doubles));
    } else if (input === ReadingInput.ranges) {
      sequence = doubles[RangesField.sequence];
      this.#mounted(now, doubles);
      if (beams !== null) this.#add(Topic.scan, sequence, now, now, encoder.scan(now, doubles, beams));
    } else if (input === ReadingInput.contacts) {
      sequence = doubles[ContactsField.sequence];
      this.#add(Topic.contacts, sequence, now, now, encoder.contacts(now, doubles));
    } else if (input === ReadingInput.goal) {
      sequence = doubles[GoalField.sequence];
      if (doubles[GoalField.active] === 1) {
        this.#add(Topic.goal, sequence, now, now, encoder.goal(now, doubles));
      } else {
        this.#kept = this.#kept.filter(({ topic }) => topic !== Topic.goal);
      }
    }
    this.#add(Topic.reading, sequence, now, now, encoder.reading(now, input, sequence, doubles));
  }

  /** A decision, and the command that it sent. @param record of `DECISION_DOUBLES`, read during the call */
  decision(record: Float64Array): void {
    if (this.#closing) return;
    const now = this.#now();
    const made = earlier(this.#clock.unixNs(record[DecisionField.startNs]), now);
    const cycle = record[DecisionField.cycle];
    this.#add(Topic.decision, cycle, now, made, this.#encoder.decision(made, record));
    this.#nextCycle = cycle + 1;
    this.#add(Topic.command, cycle, now, made, this.#encoder.command(made, record));
  }

  /** @param record of `EXPLANATION_DOUBLES`, read during the call */
  explanation(record: Float64Array): void {
    if (this.#closing) return;
    const now = this.#now();
    const cycle = record[ExplanationField.cycle];
    this.#add(Topic.explanation, cycle, now, now, this.#encoder.explanation(now, record));
  }

  /** To be told when it changes, and once a second. */
  state(state: StateRecord): void {
    this.#addNext(Topic.state, (now) => this.#encoder.state(now, state, this.lost));
  }

  checkpoint(checkpoint: CheckpointRecord): void {
    this.#addNext(Topic.checkpoint, (now) => this.#encoder.checkpoint(now, checkpoint));
  }

  episode(episode: EpisodeRecord): void {
    this.#addNext(Topic.episode, (now) => this.#encoder.episode(now, episode));
  }

  /** @param number what `DecisionField.tunings` is from then on; @param values indexed with `TuningField` */
  tuning(number: number, values: Float64Array): void {
    this.#addNext(Topic.tuning, (now) => this.#encoder.tuning(now, number, values));
  }

  /**
   * @param number what `DecisionField.restores` is from then on
   * @param file that it came from; empty where there is none
   * @param learned the two parts, read during the call
   */
  restore(number: number, file: string, learned: { readonly policy: Uint8Array; readonly scaler: Uint8Array }): void {
    this.#addNext(Topic.restore, (now) => this.#encoder.restore(now, number, file, learned.policy, learned.scaler));
  }

  /**
   * Resolves when little waits for the disk, or when the disk takes nothing, which no waiting would change. For runs on a
   * virtual clock, which are faster than any disk; a robot does not wait.
   */
  caughtUp(): Promise<void> {
    if (this.#queued * 2 <= this.#queueBytes || this.#writing === null) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Writes what there is to a chunk of its own, and resolves when it is with the operating system, or cannot be. */
  async flush(): Promise<void> {
    this.#seal();
    this.#write();
    await this.#writing;
  }

  /**
   * Writes what there is, and the index of the last part. Later calls of anything do nothing.
   *
   * @param boundMs a disk that takes longer than that is left alone, and what it has not taken is counted as lost
   */
  async close(boundMs = CLOSE_BOUND_MS): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#cancelRetry();
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, boundMs, false);
    });
    const ended = await Promise.race([this.#finish().then(() => true), bound]);
    clearTimeout(timer);
    if (ended) return;
    this.#abandoned = true;
    this.#loseQueue();
    this.#tellFailure(`the disk has not answered for ${boundMs / 1000} s`);
  }

  async #finish(): Promise<void> {
    await this.flush();
    // A disk that has room again may take in the end what it refused a moment ago.
    if (this.#queue.length > 0) await this.flush();
    this.#loseQueue();
    // A file that came when nobody waited for it any more.
    if (this.#abandoned && this.#part?.messages === 0) await this.#discard(this.#part);
    else await this.#end();
  }

  #loseQueue(): void {
    for (const { messages } of this.#queue.splice(0)) this.#lostDisk += messages;
    this.#queued = 0;
  }

  #now(): bigint {
    const now = this.#clock.unixNs(this.#clock.nowNs());
    if (now > this.#lastNs) this.#lastNs = now;
    return this.#lastNs;
  }

  #next(topic: TopicIndex): number {
    return ++this.#sequences[topic];
  }

  #addNext(topic: TopicIndex, encode: (now: bigint) => Uint8Array): void {
    if (this.#closing) return;
    const now = this.#now();
    this.#add(topic, this.#next(topic), now, now, encode(now));
  }

  #add(topic: TopicIndex, sequence: number, logNs: bigint, publishNs: bigint, data: Uint8Array): void {
    const chunk = this.#chunk;
    if (chunk.messages === 0) {
      this.#chunkKept = this.#kept;
      this.#chunkFirstCycle = this.#nextCycle;
      this.#chunkTimer ??= setTimeout(this.#onChunkTimer, CHUNK_MS).unref();
    }
    this.#taken++;
    chunk.add(topic, sequence, logNs, publishNs, data);
    if (TOPICS[topic].kept) {
      const others = this.#kept.filter((message) => message.topic !== topic);
      this.#kept = [...others, { topic, sequence, data: data.slice() }];
    }
    if (chunk.bytes >= this.#chunkBytes) {
      this.#seal();
      this.#write();
    }
  }

  /** Where the scanner sits, when it is first heard of and when it has been moved. */
  #mounted(now: bigint, doubles: Float64Array): void {
    const { mountX, mountY, mountYaw } = RangesField;
    const mount = `${doubles[mountX]} ${doubles[mountY]} ${doubles[mountYaw]}`;
    if (mount === this.#mount) return;
    this.#mount = mount;
    this.#add(Topic.tfStatic, this.#next(Topic.tfStatic), now, now, this.#encoder.mount(now, doubles));
  }

  readonly #onChunkTimer = (): void => {
    this.#chunkTimer = null;
    this.#seal();
    this.#write();
  };

  #seal(): void {
    if (this.#chunkTimer !== null) clearTimeout(this.#chunkTimer);
    this.#chunkTimer = null;
    const { messages, bytes } = this.#chunk;
    if (messages === 0) return;
    const sealed = this.#chunk.seal(this.#chunkKept, this.#chunkFirstCycle);
    if (this.#queued + bytes > this.#queueBytes && this.#queue.length > 0) {
      this.#lostQueue += messages;
      // Where the disk takes nothing at all, that is the reason.
      if (this.#failure === '') this.#tellFailure(`the disk is too slow, ${this.#queue.length} chunks wait for it`);
      return;
    }
    this.#queue.push(sealed);
    this.#queued += bytes;
  }

  /** Has the queue written, unless that is under way or the disk was found to take nothing a moment ago. */
  #write(): void {
    if (this.#writing !== null || this.#queue.length === 0 || this.#retryTimer !== null) return;
    this.#writing = this.#writeQueue().finally(() => {
      this.#writing = null;
      for (const resolve of this.#waiting.splice(0)) resolve();
      // What was sealed while the last write came to its end.
      this.#write();
    });
  }

  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const chunk = this.#queue[0];
      try {
        await this.#writeChunk(chunk);
      } catch (error) {
        await this.#abandon(error);
        return;
      }
      // Given up in the meantime.
      if (this.#queue[0] !== chunk) return;
      this.#queue.shift();
      this.#queued -= chunk.records.length;
      this.#written += chunk.messages;
      this.#recovered();
      if (this.#queued * 2 <= this.#queueBytes) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  async #writeChunk(chunk: SealedChunk): Promise<void> {
    const part = this.#part;
    if (part !== null) {
      const full = part.format.position + chunk.records.length + part.format.endBytes > this.#maxFileBytes;
      const removed = !(await this.#isThere(part));
      if (removed) {
        this.#lostRemoved += part.messages;
        this.#written -= part.messages;
        this.#tellFailure(`${part.path} was removed while it was written`);
      }
      if (removed || (full && part.messages > 0)) await this.#end();
    }
    if (this.#part === null) {
      await this.#begin(chunk.firstCycle);
      await this.#repeat(chunk);
    }
    await this.#append(chunk);
    const written = this.#part;
    if (written === null) return;
    written.messages += chunk.messages;
    if (!written.counted) this.#count(written);
    // Now it is worth leading to; the first part was from its start.
    if (written.messages === chunk.messages) await this.#parts.pointTo(written.name);
  }

  /** Opens the first part, and has `latest.mcap` lead to it while anybody waits for it. @throws as `#begin` */
  async #first(): Promise<void> {
    await this.#begin(this.#nextCycle);
    if (!this.#closing && this.#part !== null) await this.#parts.pointTo(this.#part.name);
  }

  /** Opens the next part. @throws as the file system does; there is no part then */
  async #begin(firstCycle: number): Promise<void> {
    const number = this.#partNumber + 1;
    const { learned, metadata, library, policy } = this.#options;
    const opened = await this.#parts.create(this.#run, number).catch((error: unknown) => {
      // A file of that name is there: another number will do.
      if (codeOf(error) === 'EEXIST') this.#partNumber = number;
      throw error;
    });
    const { file, path, name } = opened;
    try {
      const format = new PartFormat();
      const values = new Map(Object.entries(metadata));
      values.set(METADATA.format, String(FORMAT_VERSION));
      values.set(METADATA.run, this.#runId);
      values.set(METADATA.part, String(number));
      values.set(METADATA.firstCycle, String(firstCycle));
      values.set(METADATA.policy, policy);
      values.set(METADATA.learnedFrom, learned?.file ?? '');
      values.set(METADATA.startNs, String(this.#startNs));
      values.set(METADATA.start, new Date(Number(this.#startNs / 1_000_000n)).toISOString());
      const attachments: PartAttachment[] =
        number === 1 && learned !== null ? [{ name: LEARNED_STATE_NAME, data: learned.data }] : [];
      const bytes = format.begin(library, { name: METADATA_NAME, values }, attachments, this.#startNs);
      await writeAll(file, bytes, 0);
      const { ino } = await this.#fs.stat(path);
      this.#part = { format, file, path, name, inode: ino, messages: 0, counted: false };
      // The first stays, whatever comes of it.
      if (number === 1) this.#count(this.#part);
    } catch (error) {
      await file.close().catch(() => {});
      await this.#parts.discard(path);
      throw error;
    }
    this.#run = opened.run;
    this.#partNumber = number;
  }

  #count(part: OpenPart): void {
    part.counted = true;
    this.#partCount++;
    this.#bytes += part.format.position;
  }

  /** What was in force when the chunk began, as messages of that moment, so that the part stands alone. */
  async #repeat({ kept, startNs }: SealedChunk): Promise<void> {
    if (kept.length === 0) return;
    const builder = new ChunkBuilder();
    for (const { topic, sequence, data } of kept) builder.add(topic, sequence, startNs, startNs, data);
    await this.#append(builder.seal([], 0));
  }

  async #append(chunk: SealedChunk): Promise<void> {
    const part = this.#part;
    if (part === null) return;
    const encoded = part.format.encode(chunk);
    await writeAll(part.file, encoded.bytes, part.format.position);
    part.format.commit(encoded);
    if (part.counted) this.#bytes += encoded.bytes.length;
  }

  async #isThere(part: OpenPart): Promise<boolean> {
    try {
      return (await this.#fs.stat(part.path)).ino === part.inode;
    } catch (error) {
      // Of the path a part may be gone too, or have become a file.
      return codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR';
    }
  }

  /** The disk took no more: what is whole of the part gets its end if that can be written, and the next try is set. */
  async #abandon(error: unknown): Promise<void> {
    this.#tellFailure(error instanceof Error ? error.message : String(error));
    const part = this.#part;
    if (part !== null) {
      await part.file.truncate(part.format.position).catch(() => {});
      if (part.messages === 0 && this.#partNumber > 1) await this.#discard(part);
      else await this.#end();
    }
    if (this.#closing) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#write();
    }, RETRY_MS).unref();
  }

  /** Ends the part under way: index, footer, out to the disk. Without them a file is read from its start, up to the end. */
  async #end(): Promise<void> {
    const part = this.#part;
    if (part === null) return;
    this.#part = null;
    try {
      const bytes = part.format.end();
      await writeAll(part.file, bytes, part.format.position);
      this.#bytes += bytes.length;
      await part.file.datasync();
    } catch (error) {
      this.#tellFailure(error instanceof Error ? error.message : String(error));
    }
    await part.file.close().catch(() => {});
  }

  /** A part that the disk had room for, but not for what was to be in it: left alone, each try would add one. */
  async #discard(part: OpenPart): Promise<void> {
    this.#part = null;
    await part.file.close().catch(() => {});
    await this.#parts.discard(part.path);
    this.#partNumber--;
  }

  #cancelRetry(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #tellFailure(reason: string): void {
    this.#failure = reason;
    if (this.#failureTold) return;
    this.#failureTold = true;
    const what = this.#closing ? 'its end is missing' : 'tried again each second';
    this.#options.tell(`the flight log in ${this.folder} cannot be written: ${reason}; ${what}`);
  }

  #recovered(): void {
    if (this.#failure === '') return;
    this.#failure = '';
    if (this.#recoveryTold) return;
    this.#recoveryTold = true;
    const how = this.#partNumber === 1 ? 'has its file now' : 'is written again';
    this.#options.tell(`the flight log in ${this.folder} ${how}; ${this.lost} messages are missing`);
  }
}

/** @throws as the file system does, with part of the bytes written perhaps */
async function writeAll(file: LogFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    if (bytesWritten === 0) throw new Error('the disk takes nothing');
    at += bytesWritten;
  }
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
