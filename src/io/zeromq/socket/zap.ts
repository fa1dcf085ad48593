/**
 * Who is let in: a handler of ZAP (RFC 27/ZAP of rfc.zeromq.org). libzmq asks it at each handshake of a socket that has a
 * ZAP domain, with NULL too, and the handler says yes or no by the domain's rule.
 *
 * It also keeps count of connections, since zeromq.js tells of no peer. A socket's monitor tells when a connection is
 * accepted, when its handshake fails and when it ends, but not which one it is; `PeerCount` works out from that how many
 * have shaken hands.
 */
import type { Reply, Socket } from 'zeromq';
import { encodeZ85 } from './certificates.js';

/** Whoever has not shaken hands by then is cut off [ms]; the sockets are told the same. */
export const HANDSHAKE_LIMIT_MS = 1000;
/** After so long no connection can be half-open any more, and what is open has shaken hands [ms]. */
const SETTLED_MS = HANDSHAKE_LIMIT_MS + 1000;

/** How many of a socket's connections have shaken hands. */
export class PeerCount {
  /** Connections that are open, those that have not shaken hands yet among them. */
  open = 0;
  /** Handshakes that went wrong, whatever the reason; for people. */
  failed = 0;
  #peers = 0;
  /** Handshakes that failed and whose end is still to be told. */
  #failing = 0;
  /** When a connection last came, or shook hands. */
  #newestMs = Number.NEGATIVE_INFINITY;
  #generation = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Connections that have shaken hands. A burst of garbage may make this too small, until it has been quiet for a moment. */
  get peers(): number {
    this.#settle();
    return this.#peers;
  }

  /** ZAP said yes. That may come before the monitor tells of the connection. */
  admitted(): void {
    this.#settle();
    this.#peers++;
    this.#newestMs = this.#nowMs();
  }

  accepted(): void {
    this.open++;
    this.#newestMs = this.#nowMs();
  }

  handshakeFailed(): void {
    this.failed++;
    this.#failing++;
  }

  disconnected(): void {
    if (this.open > 0) this.open--;
    if (this.#failing > 0) this.#failing--;
    else if (this.#peers > 0) this.#peers--;
    this.#settle();
  }

  /** The socket was closed, with all that hung on it; what its monitor still tells counts no more. */
  reset(): void {
    this.open = 0;
    this.#peers = 0;
    this.#failing = 0;
    this.#generation++;
  }

  /** Follows a socket's monitor until the next `reset`. */
  follow(socket: Pick<Socket, 'events'>): void {
    const { events } = socket;
    const generation = this.#generation;
    const whileItLasts = (count: () => void) => () => {
      if (generation === this.#generation) count();
    };
    events.on(
      'accept',
      whileItLasts(() => this.accepted()),
    );
    events.on(
      'disconnect',
      whileItLasts(() => this.disconnected()),
    );
    const failed = whileItLasts(() => this.handshakeFailed());
    events.on('handshake:error:auth', failed);
    events.on('handshake:error:protocol', failed);
    events.on('handshake:error:other', failed);
  }

  #settle(): void {
    if (this.#nowMs() - this.#newestMs < SETTLED_MS) return;
    this.#peers = this.open;
    this.#failing = 0;
  }
}

/** Why a handshake was refused; the names under which refusals are counted. */
export const ZAP_REFUSALS = ['key', 'peers', 'mechanism', 'domain', 'request'] as const;
export type ZapRefusal = (typeof ZAP_REFUSALS)[number];

/** The list of keys is about to be read again: whoever asks once more will be told. */
export const LATER = Symbol('later');

/** A domain's rule. */
export interface ZapDomain {
  /** `CURVE`: only keys that are allowed. `NULL`: whoever can reach the socket. */
  readonly mechanism: 'CURVE' | 'NULL';
  /** @returns the name that the key is allowed under; null: it is not; LATER: perhaps in a moment */
  allow(key: Uint8Array): string | null | typeof LATER;
  readonly count: PeerCount;
  readonly maxPeers: number;
}

export interface ZapVerdict {
  /**
   * 200 yes; 300 not now, and libzmq's peers try again by themselves; 400 no, and they do not; 500 the request makes no
   * sense.
   */
  readonly status: '200' | '300' | '400' | '500';
  readonly text: string;
  readonly user: string;
}

/** Answers libzmq's questions. One for each ZeroMQ context. */
export class ZapHandler {
  /** Handshakes let in, by domain. */
  readonly admitted: Record<string, number> = {};
  /** Handshakes refused, by reason. */
  readonly refused: Record<ZapRefusal, number> = { key: 0, peers: 0, mechanism: 0, domain: 0, request: 0 };
  readonly #domains = new Map<string, ZapDomain>();
  readonly #onNotice: (text: string) => void;
  /** What was said last, so that a peer that tries ten times a second does not fill the screen. */
  #told = '';

  constructor(onNotice: (text: string) => void) {
    this.#onNotice = onNotice;
  }

  domain(name: string, rule: ZapDomain): void {
    this.#domains.set(name, rule);
    this.admitted[name] ??= 0;
  }

  /**
   * The verdict on one request, and its count.
   *
   * @param frames version, request id, domain, address, identity, mechanism, credentials
   * @realtime unsafe
   */
  judge(frames: readonly Uint8Array[]): ZapVerdict {
    if (frames.length < 6 || text(frames[0]) !== '1.0') return this.#refuse('request', '500', 'no request of ZAP 1.0');
    const name = text(frames[2]);
    const address = text(frames[3]);
    const mechanism = text(frames[5]);
    const rule = this.#domains.get(name);
    if (rule === undefined) return this.#refuse('domain', '400', `no domain ${JSON.stringify(name)}`);
    if (mechanism !== rule.mechanism) {
      return this.#refuse('mechanism', '400', `${name} needs ${rule.mechanism}, not ${mechanism}`);
    }
    let user = '';
    if (mechanism === 'CURVE') {
      const key = frames[6];
      if (frames.length !== 7 || key.length !== 32) return this.#refuse('request', '500', 'a CURVE key has 32 bytes');
      const allowed = rule.allow(key);
      if (allowed === LATER) return { status: '300', text: 'not now', user: '' };
      if (allowed === null) {
        const shown = encodeZ85(key);
        return this.#refuse('key', '400', `key not allowed to ${name}`, `${address} with the key ${shown}`);
      }
      user = allowed;
    }
    if (rule.count.peers >= rule.maxPeers) {
      return this.#refuse('peers', '300', `${name} has its ${rule.maxPeers} peers (zeromq.max_peers)`, address);
    }
    rule.count.admitted();
    this.admitted[name]++;
    return { status: '200', text: 'OK', user };
  }

  #refuse(reason: ZapRefusal, status: ZapVerdict['status'], why: string, who = ''): ZapVerdict {
    this.refused[reason]++;
    const notice = `refused a connection${who === '' ? '' : ` from ${who}`}: ${why}`;
    if (notice !== this.#told) this.#onNotice(notice);
    this.#told = notice;
    return { status, text: why, user: '' };
  }

  /**
   * Answers until the socket is closed.
   *
   * @param socket bound to inproc://zeromq.zap.01 in the context of the sockets that it speaks for
   * @realtime unsafe
   */
  async serve(socket: Reply): Promise<void> {
    for await (const frames of socket) {
      const { status, text: reason, user } = this.judge(frames);
      await socket.send(['1.0', frames[1] ?? '', status, reason, user, '']);
    }
  }
}

function text(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('latin1');
}
