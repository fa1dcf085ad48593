/**
 * One page that is open: what it is sent, as fast as it takes it and no faster, and what it asks, as often as it may.
 *
 * How far it has come is told by its answers to pings, which browsers give in the order of what they were sent: the
 * sockets' buffers alone would hold many seconds of frames before anybody noticed. A page that lags is given the newest
 * frame when it can take one, and those between are counted.
 */
import type { WebSocket } from '@fastify/websocket';
import { TokenBucket } from '../core/token-bucket.js';
import { DecisionField } from '../memory/layout.js';
import { parseRequest } from './page-request.js';
import type { View, Viewer, ViewSource } from './view-source.js';
import {
  type Answer,
  type EpisodeWords,
  type Frame,
  type Notice,
  type Request,
  type Role,
  type ServerMessage,
  type Status,
  WireClose,
} from './wire.js';

/** Frames that one page is sent a second, and how many of them may come at once. */
const FRAMES_PER_S = 50;
const FRAME_BURST = 4;
/** One that came too early is sent after this [ms]. */
const FRAME_RETRY_MS = 20;
/** Frames under way to a page, at most: those between two pings, and half a second on the way there and back. */
const MAX_UNDER_WAY = 42;
/** A page has taken its time when so many bytes wait in this process. */
const SLOW_BYTES = 65_536;
/** A page that takes nothing at all is let go when so many do: a few thousand words, and no frames. */
const STUCK_BYTES = 8_388_608;
/** A page that answers no ping for so long has gone [ms]. */
const SILENCE_MS = 20_000;
/** What a ping carries: how many frames were sent before it, a double. */
const MARK_BYTES = 8;
/** Requests of one page a second; a slider that is dragged sends one a displayed frame. */
export const REQUESTS_PER_S = 60;
/**
 * Those that show another robot or its path, together, a second, and how many may come at once: they are answered with
 * thousands of numbers, or with a log that is searched, where others are answered with a sentence.
 */
export const LONG_ANSWERS_PER_S = 4;
export const LONG_ANSWER_BURST = 8;
/** Requests that wait for their answer; a stop waits for none of them. */
const MAX_ASKED = 32;

/** Makes bytes of frames once for all who want the same. */
export interface FrameEncoder {
  encode(frame: Frame, withScan: boolean): Uint8Array;
}

/** What pages have cost, and what was refused them. */
export interface PageCounts {
  /** Closed because it sent more than it may. */
  tooMany: number;
  /** Closed because what it sent was no request, or too long for one. */
  garbage: number;
  /** Let go because it took nothing or answered nothing any more. */
  lost: number;
  /** Frames left out because a page did not take them in time. */
  skippedFrames: number;
  framesSent: number;
  /** Ended because something failed that should not. */
  faults: number;
}

export interface PageClientOptions {
  readonly socket: WebSocket;
  readonly role: Role;
  readonly encoder: FrameEncoder;
  readonly counts: PageCounts;
  /** Shows it another source. @throws Error where there is none of that name */
  show(client: PageClient, robot: string): void;
  /** @throws Error where there is none of that name */
  sourceOf(robot: string): ViewSource;
  closed(client: PageClient): void;
  failed(error: unknown): void;
}

export class PageClient implements Viewer {
  readonly role: Role;
  skippedFrames = 0;
  readonly #options: PageClientOptions;
  readonly #socket: WebSocket;
  readonly #frames = new TokenBucket(FRAMES_PER_S, FRAME_BURST);
  readonly #requests = new TokenBucket(REQUESTS_PER_S);
  readonly #longAnswers = new TokenBucket(LONG_ANSWERS_PER_S, LONG_ANSWER_BURST);
  #source: ViewSource | null = null;
  #view: View | null = null;
  /** Sequence of the scan that it was sent last. */
  #scan = Number.NaN;
  /** The newest frame, which it could not take yet; its scan's sequence where it carries one. */
  #owed: { bytes: Uint8Array; scan: number } | null = null;
  #retry: NodeJS.Timeout | null = null;
  #sent = 0;
  #taken = 0;
  #heardMs = performance.now();
  #asked = 0;

  constructor(options: PageClientOptions) {
    const { socket, role } = options;
    this.#options = options;
    this.#socket = socket;
    this.role = role;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    socket.on('pong', (data) => this.#onPong(data));
    socket.on('close', () => this.#onClose());
  }

  get source(): ViewSource | null {
    return this.#source;
  }

  /** Shows it that source from here on; the hello comes first. */
  show(source: ViewSource, hello: string): void {
    this.#leave();
    this.#source = source;
    this.sendText(hello);
    this.#view = source.view(this);
  }

  frame(frame: Frame): void {
    this.#safely(() => this.#take(frame));
  }

  episode(episode: EpisodeWords): void {
    this.#safely(() => this.#say({ kind: 'episode', episode }));
  }

  notice(notice: Notice): void {
    this.#safely(() => this.#say(notice));
  }

  /** Some times a second: how things stand, and whether it is still there. @param words makes JSON of a status, once */
  tick(nowMs: number, words: (status: Omit<Status, 'kind' | 'skippedFrames'>) => string): void {
    this.#safely(() => this.#tick(nowMs, words));
  }

  sendText(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  /** @param reason at most 123 bytes, as RFC 6455 has it */
  close(code: number, reason: string): void {
    this.#leave();
    this.#socket.close(code, reason);
  }

  /** Without waiting for it. */
  terminate(): void {
    this.#socket.terminate();
  }

  get #slow(): boolean {
    return this.#sent - this.#taken >= MAX_UNDER_WAY || this.#socket.bufferedAmount >= SLOW_BYTES;
  }

  /** What goes wrong with one page costs that page, and neither the others nor the run. */
  #safely(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#options.counts.faults++;
      this.#options.failed(error);
      this.#socket.terminate();
    }
  }

  #take(frame: Frame): void {
    const scan = frame.scan === null ? Number.NaN : frame.record[DecisionField.rangesSequence];
    // What comes without a number is sent with each frame.
    const withScan = frame.scan !== null && scan !== this.#scan;
    const bytes = this.#options.encoder.encode(frame, withScan);
    if (this.#owed !== null && this.#slow) {
      this.skippedFrames++;
      this.#options.counts.skippedFrames++;
    }
    this.#owed = { bytes, scan: withScan ? scan : Number.NaN };
    this.#giveOwed();
  }

  #tick(nowMs: number, words: (status: Omit<Status, 'kind' | 'skippedFrames'>) => string): void {
    if (nowMs - this.#heardMs > SILENCE_MS || this.#socket.bufferedAmount > STUCK_BYTES) {
      this.#options.counts.lost++;
      this.#socket.terminate();
      return;
    }
    if (this.#view !== null && this.#socket.bufferedAmount < SLOW_BYTES) {
      // What is this page's own is put to what all are told.
      this.sendText(`${words(this.#view.status()).slice(0, -1)},"skippedFrames":${this.skippedFrames}}`);
    }
    const mark = Buffer.alloc(MARK_BYTES);
    mark.writeDoubleLE(this.#sent);
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping(mark);
    this.#giveOwed();
  }

  #giveOwed(): void {
    if (this.#owed === null || this.#retry !== null || this.#slow) return;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#frames.take(performance.now() * 1e6)) {
      this.#retry = setTimeout(() => {
        this.#retry = null;
        this.#safely(() => this.#giveOwed());
      }, FRAME_RETRY_MS);
      return;
    }
    const { bytes, scan } = this.#owed;
    this.#owed = null;
    if (!Number.isNaN(scan)) this.#scan = scan;
    this.#sent++;
    this.#options.counts.framesSent++;
    this.#socket.send(bytes);
  }

  #onPong(data: Buffer): void {
    this.#heardMs = performance.now();
    if (data.length !== MARK_BYTES) return;
    const taken = data.readDoubleLE();
    // Nobody has taken what was not sent yet.
    if (taken <= this.#sent) this.#taken = Math.max(this.#taken, taken);
    this.#safely(() => this.#giveOwed());
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { counts } = this.#options;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#requests.take(performance.now() * 1e6)) {
      counts.tooMany++;
      this.close(WireClose.misused, `more than ${REQUESTS_PER_S} messages a second`);
      return;
    }
    const parsed = isBinary ? null : parseRequest(data.toString());
    if (parsed === null) {
      counts.garbage++;
      this.close(WireClose.misused, 'what was sent is no request');
    } else if ('complaint' in parsed) {
      this.#say({ kind: 'answer', re: parsed.id, ok: false, text: parsed.complaint, result: null });
    } else void this.#answer(parsed.request);
  }

  async #answer(request: Request): Promise<void> {
    let answer: Omit<Answer, 'kind' | 're'>;
    this.#asked++;
    try {
      answer = { ok: true, ...(await this.#carryOut(request)) };
    } catch (error) {
      answer = { ok: false, text: error instanceof Error ? error.message : String(error), result: null };
    }
    this.#asked--;
    this.#safely(() => this.#say({ kind: 'answer', re: request.id, ...answer }));
  }

  async #carryOut({ id: _, to, ...order }: Request): Promise<{ text: string; result: unknown }> {
    if (this.#asked > MAX_ASKED && order.do !== 'stop') throw new Error('too many requests wait for their answer');
    if ((order.do === 'show' || order.do === 'trail') && !this.#longAnswers.take(performance.now() * 1e6)) {
      throw new Error(
        `another robot or its path may be asked for ${LONG_ANSWERS_PER_S} times a second: again in a moment`,
      );
    }
    if (order.do === 'show') {
      this.#options.show(this, order.robot);
      return { text: '', result: null };
    }
    if (this.#source === null || this.#view === null) throw new Error('nothing is shown');
    const paced = order.do === 'pause' || order.do === 'step' || order.do === 'speed';
    const looks = order.do === 'explain' || order.do === 'trail' || order.do === 'seek';
    if (looks || (paced && this.#source.robot.kind === 'recording')) {
      return { text: '', result: await this.#view.ask(order) };
    }
    if (this.role !== 'control') throw new Error('this page may watch, and give no orders');
    const source = to === undefined ? this.#source : this.#options.sourceOf(to);
    const { text, result = null } = await source.control(order);
    return { text, result };
  }

  #say(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** Ends what it is shown. */
  #leave(): void {
    this.#view?.end();
    this.#view = null;
    this.#source = null;
    this.#owed = null;
    this.#scan = Number.NaN;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  #onClose(): void {
    this.#options.closed(this);
    this.#safely(() => this.#leave());
  }
}
