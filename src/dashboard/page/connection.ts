/**
 * The page's end of the WebSocket: connects, connects again when it is lost, numbers questions and finds their answers.
 * A token is kept by the tab and goes out as a subprotocol, never in an address.
 */
import {
  type Answer,
  decodeFrame,
  type EpisodeWords,
  type Frame,
  type Hello,
  type Notice,
  type Order,
  type ServerMessage,
  type Status,
  WIRE_PATH,
  WIRE_PROTOCOL,
  WIRE_VERSION,
  WireClose,
} from '../wire.js';

/** Between attempts: doubled from the first to the longest [ms]. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** A connection of which nothing is heard for so long is given up: status alone comes three times a second [ms]. */
const SILENCE_MS = 5000;
/** After which a question counts as unanswered [ms]. */
const ANSWER_MS = 15_000;
const TOKEN_KEY = 'rfsn.token';
const RELOAD_KEY = 'rfsn.reloaded';

export type Link =
  | { readonly kind: 'open' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'lost'; readonly why: string; readonly retryAtMs: number }
  | { readonly kind: 'refused'; readonly hadToken: boolean }
  | { readonly kind: 'outdated'; readonly theirs: number };

export interface ConnectionListener {
  hello(hello: Hello): void;
  frame(frame: Frame): void;
  status(status: Status): void;
  episode(episode: EpisodeWords): void;
  notice(notice: Notice): void;
  link(link: Link): void;
}

/** Why a connection ended, where the server says so. */
const closeWords: Readonly<Record<number, string>> = {
  [WireClose.goingAway]: 'it has ended',
  [WireClose.misused]: 'this page asked too much of it',
  [WireClose.nothing]: 'there is no robot to show',
  [WireClose.full]: 'as many pages are open as may be',
};

/** The answer was no. */
export class Refusal extends Error {}

interface Question {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  timer: number;
}

export class Connection {
  readonly #listener: ConnectionListener;
  readonly #questions = new Map<number, Question>();
  #socket: WebSocket | null = null;
  #link: Link = { kind: 'connecting' };
  #waitMs = FIRST_WAIT_MS;
  #retryTimer = 0;
  #heardMs = 0;
  #nextId = 1;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
    setInterval(() => this.#watchSilence(), 1000);
    window.addEventListener('online', () => this.#retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#retryNow();
    });
  }

  get link(): Link {
    return this.#link;
  }

  /** When anything was heard last, on `performance.now()` [ms]; 0 before. */
  get heardMs(): number {
    return this.#heardMs;
  }

  open(): void {
    clearTimeout(this.#retryTimer);
    const url = new URL(WIRE_PATH, window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const token = sessionStorage.getItem(TOKEN_KEY);
    const socket = new WebSocket(url, token === null ? [WIRE_PROTOCOL] : [WIRE_PROTOCOL, `token.${base64url(token)}`]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heardMs = performance.now();
    this.#set({ kind: 'connecting' });
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket === this.#socket) this.#onMessage(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket === this.#socket) this.#onClose(code, token !== null);
    });
  }

  /** Tries with another token at once; it is kept until the tab is closed. */
  useToken(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token);
    this.#drop();
    this.open();
  }

  /**
   * Asks, and waits for the answer.
   *
   * @param to the robot that an order is for, by name; absent, for one that changes no robot
   * @throws Refusal with the server's sentence; Error where the connection is not there or is lost before the answer
   */
  ask(order: Order, to?: string): Promise<Answer> {
    const socket = this.#socket;
    if (socket === null || this.#link.kind !== 'open') return Promise.reject(new Error('not connected'));
    const id = this.#nextId++;
    socket.send(JSON.stringify({ ...order, id, to }));
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.#questions.delete(id);
        reject(new Error('no answer'));
      }, ANSWER_MS);
      this.#questions.set(id, { resolve, reject, timer });
    });
  }

  #onMessage(data: string | ArrayBuffer): void {
    this.#heardMs = performance.now();
    if (typeof data !== 'string') {
      if (this.#link.kind === 'open') this.#listener.frame(decodeFrame(data));
      return;
    }
    const message = JSON.parse(data) as ServerMessage;
    if (message.kind === 'hello') {
      if (message.wire !== WIRE_VERSION) this.#outdated(message.wire);
      else {
        this.#waitMs = FIRST_WAIT_MS;
        this.#listener.hello(message);
        this.#set({ kind: 'open' });
      }
    } else if (message.kind === 'status') this.#listener.status(message);
    else if (message.kind === 'episode') this.#listener.episode(message.episode);
    else if (message.kind === 'notice') this.#listener.notice(message);
    else this.#onAnswer(message);
  }

  #onAnswer(answer: Answer): void {
    const question = this.#questions.get(answer.re);
    if (question === undefined) return;
    this.#questions.delete(answer.re);
    clearTimeout(question.timer);
    if (answer.ok) question.resolve(answer);
    else question.reject(new Refusal(answer.text));
  }

  #onClose(code: number, hadToken: boolean): void {
    this.#drop();
    if (code === WireClose.refused) {
      sessionStorage.removeItem(TOKEN_KEY);
      this.#set({ kind: 'refused', hadToken });
      return;
    }
    const why = closeWords[code] ?? 'it does not answer';
    this.#set({ kind: 'lost', why, retryAtMs: performance.now() + this.#waitMs });
    this.#retryTimer = window.setTimeout(() => this.open(), this.#waitMs);
    this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const { reject, timer } of this.#questions.values()) {
      clearTimeout(timer);
      reject(new Error('the connection was lost before the answer'));
    }
    this.#questions.clear();
  }

  #watchSilence(): void {
    if (this.#socket === null || performance.now() - this.#heardMs < SILENCE_MS) return;
    this.#onClose(0, false);
  }

  #retryNow(): void {
    if (this.#link.kind !== 'lost') return;
    this.#waitMs = FIRST_WAIT_MS;
    this.open();
  }

  /** Another version's page knows more; once loaded anew in vain, it says so instead of trying for ever. */
  #outdated(theirs: number): void {
    this.#drop();
    this.#set({ kind: 'outdated', theirs });
    const now = Date.now();
    if (now - Number(sessionStorage.getItem(RELOAD_KEY) ?? 0) < 30_000) return;
    sessionStorage.setItem(RELOAD_KEY, String(now));
    window.location.reload();
  }

  #set(link: Link): void {
    this.#link = link;
    this.#listener.link(link);
  }
}

function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
