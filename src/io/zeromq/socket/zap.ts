/**
 * Who is let in: a handler of ZAP (RFC 27/ZAP of rfc.zeromq.org). libzmq asks it at each handshake of a socket that has a
 * ZAP domain, with NULL too, and the handler says yes or no by the domain's rule.
 *
 * It also keeps count of connections, since zeromq.js tells of no peer. A socket's monitor tells when a connection is
 * accepted, when its handshake fails and when it ends, but not which one it is; `PeerCount` works out from that how many
 * have shaken hands, and how many of them one key has for certain.
 */
import type { Reply, Socket } from 'zeromq';
import { encodeZ85 } from './certificates.js';
import type { Role } from './endpoint.js';

/** Whoever has not shaken hands by then is cut off [ms]; the sockets are told the same. */
export const HANDSHAKE_LIMIT_MS = 1000;
/** After so long no connection can be half-open any more, and what is open has shaken hands [ms]. */
const SETTLED_MS = HANDSHAKE_LIMIT_MS + 1000;

/** What each key may have of a socket in any case; of the watch socket a quarter, where that is more. */
const LEAST_SHARE = 4;

/** @returns connections that one key may have once more than half of the socket's are taken */
export function shareOfKey(role: Role, maxPeers: number): number {
  return role === 'watch' ? Math.max(LEAST_SHARE, Math.floor(maxPeers / 4)) : LEAST_SHARE;
}

/**
 * How many of a socket's connections have shaken hands.
 *
 * Whose connection ended is not told, so what a key has is known within bounds only, and it is the lower bound that counts:
 * an admission raises the key's by one, and each end that may be its own lowers every key's by one. So nobody is ever taken
 * for more than is really there, and no key can be locked out by what others do. The price is paid on the other side: with
 * each end of another's connection a greedy key may take one more.
 */
export class PeerCount {
  /** Connections that are open, those that have not shaken hands yet among them. */
  open = 0;
  /** Handshakes that went wrong, whatever the reason; for people. */
  failed = 0;
  #peers = 0;
  /** Handshakes that failed and whose end is still to be told. */
  #failing = 0;
  /** Those of them that ZAP refused. Of the others some may have been let in, and failed then. */
  #failingRefused = 0;
  /** Ends of connections that may have been let in. */
  #ends = 0;
  /** By key: what it has for certain, plus the ends there had been when it last came; at most one entry a key allowed. */
  readonly #held = new Map<string, number>();
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

  /** @param key as text. @returns connections that it has for certain; it may have more, never less */
  heldBy(key: string): number {
    return Math.max(0, (this.#held.get(key) ?? 0) - this.#ends);
  }

  /** ZAP said yes. That may come before the monitor tells of the connection. @param key as text; absent: there are none */
  admitted(key?: string): void {
    this.#settle();
    this.#peers++;
    if (key !== undefined) this.#held.set(key, this.#ends + this.heldBy(key) + 1);
    this.#newestMs = this.#nowMs();
  }

  accepted(): void {
    this.open++;
    this.#newestMs = this.#nowMs();
  }

  /** @param refused by ZAP */
  handshakeFailed(refused = false): void {
    this.failed++;
    this.#failing++;
    if (refused) this.#failingRefused++;
  }

  disconnected(): void {
    if (this.open > 0) this.open--;
    if (this.#failingRefused > 0) this.#failingRefused--;
    else this.#ends++;
    if (this.#failing > 0) this.#failing--;
    else if (this.#peers > 0) this.#peers--;
    this.#settle();
  }

  /** The socket was closed, with all that hung on it; what its monitor still tells counts no more. */
  reset(): void {
    this.open = 0;
    this.#peers = 0;
    this.#failing = 0;
    this.#failingRefused = 0;
    this.#ends = 0;
    this.#held.clear();
    this.#generation++;
  }

  /**
   * Follows a socket's monitor until the next `reset`.
   *
   * @param onFailed told at a handshake that failed before ZAP had a say; may be called for each retry
   */
  follow(socket: Pick<Socket, 'events'>, onFailed: () => void = () => {}): void {
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
    const failed = whileItLasts(() => {
      this.handshakeFailed();
      onFailed();
    });
    events.on(
      'handshake:error:auth',
      whileItLasts(() => this.handshakeFailed(true)),
    );
    events.on('handshake:error:protocol', failed);
    events.on('handshake:error:other', failed);
  }

  #settle(): void {
    if (this.#nowMs() - this.#newestMs < SETTLED_MS) return;
    this.#peers = this.open;
    this.#failing = 0;
    this.#failingRefused = 0;
  }
}

/** Why a handshake was refused; the names under which refusals are counted. */
const ZAP_REFUSALS = ['key', 'peers', 'mechanism', 'domain', 'request'] as const;
type ZapRefusal = (typeof ZAP_REFUSALS)[number];

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
  /** Connections that one key may have once more than half of `maxPeers` are taken; of no matter with NULL. */
  readonly share: number;
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
    let holder: string | undefined;
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
      holder = Buffer.from(key).toString('hex');
    }
    if (rule.count.peers >= rule.maxPeers) {
      return this.#refuse('peers', '300', `${name} has its ${rule.maxPeers} peers (zeromq.max_peers)`, address);
    }
    if (holder !== undefined && rule.count.peers * 2 > rule.maxPeers && rule.count.heldBy(holder) >= rule.share) {
      const why = `${user} has its ${rule.share} connections to ${name}, of which more than half are taken`;
      return this.#refuse('peers', '300', `${why} (zeromq.max_peers)`, address);
    }
    rule.count.admitted(holder);
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
