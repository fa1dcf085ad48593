/**
 * What each peer of a socket may cost: messages a second, and replies to what it should not have sent. Main thread; a
 * map of bounded size, one look-up and a few additions a frame.
 *
 * Rates are held by token buckets: a bucket holds one second's worth, fills at the rate allowed, and a message takes one
 * token. So a burst may be as long as a second's messages, and a peer that stays above its rate runs dry.
 *
 * A connection costs a flooder nothing, and a session can be had only by a robot that fits. So a peer behind which a session
 * stands has a rate of its own, and all the others have one between them, beside their own: a hundred connections of one
 * flooder get no more looked at than one.
 */
import { TokenBucket } from '../../../core/token-bucket.js';

/** How long a peer that ran dry is not listened to [s]. */
export const MUTE_S = 10;
/** Replies to garbage that one peer is sent a second, at most. */
export const REPLIES_PER_S = 10;
/** A second's worth is at least so many, so that a hello, its heartbeats and a stop pass at any rate. */
const BURST_MIN = 20;
/** A peer's place in the order of age is renewed so often at most, so that most frames move nothing [ns]. */
const RENEWAL_NS = 1e9;
/** So many of the longest idle are looked at for one that is not muted. */
const FORGET_SEARCH = 8;
const NS_PER_S = 1e9;

/** One sender, as its routing id names it. Owned by the table; fields are for it alone. */
export interface Peer {
  /** The routing id as text, a character a byte. */
  readonly key: string;
  /** A copy. */
  readonly id: Buffer;
  messageTokens: number;
  replyTokens: number;
  filledNs: number;
  renewedNs: number;
  mutedUntilNs: number;
}

export const Admission = { admitted: 0, muted: 1, cutOff: 2 } as const;
export type AdmissionCode = (typeof Admission)[keyof typeof Admission];

export interface PeerLimitsOptions {
  /** Peers that are remembered. */
  maxPeers: number;
  /** Messages a second of one peer. */
  ratePerS: number;
}

export class PeerLimits {
  /** Peers forgotten to make room. */
  forgotten = 0;
  /** Messages that were not looked at since those without a session had sent too many between them. */
  crowdedOut = 0;
  readonly #maxPeers: number;
  readonly #ratePerS: number;
  readonly #burst: number;
  /** Of all peers without a session. */
  readonly #strangers: TokenBucket;
  /** In the order of `renewedNs`: the longest idle first. */
  readonly #peers = new Map<string, Peer>();

  constructor(options: PeerLimitsOptions) {
    this.#maxPeers = options.maxPeers;
    this.#ratePerS = options.ratePerS;
    this.#burst = Math.max(BURST_MIN, options.ratePerS);
    this.#strangers = new TokenBucket(options.ratePerS, this.#burst);
  }

  /** Peers remembered. */
  get size(): number {
    return this.#peers.size;
  }

  /** The sender of a frame: known, or new with full buckets. @param id copied */
  meet(id: Uint8Array, nowNs: number): Peer {
    const key = peerKey(id);
    const known = this.#peers.get(key);
    if (known !== undefined) {
      if (nowNs - known.renewedNs > RENEWAL_NS) {
        known.renewedNs = nowNs;
        this.#peers.delete(key);
        this.#peers.set(key, known);
      }
      return known;
    }
    if (this.#peers.size >= this.#maxPeers) this.#forgetOne(nowNs);
    const peer: Peer = {
      key,
      id: Buffer.from(id),
      messageTokens: this.#burst,
      replyTokens: REPLIES_PER_S,
      filledNs: nowNs,
      renewedNs: nowNs,
      mutedUntilNs: Number.NEGATIVE_INFINITY,
    };
    this.#peers.set(key, peer);
    return peer;
  }

  /**
   * Takes the token of one message.
   *
   * @param hasSession whether a living session stands behind the peer; one that has none takes a token of the strangers' too
   * @returns `cutOff` for the message that ran the peer's bucket dry, `muted` for those of the ten seconds that follow, and
   *   for one that found the strangers' bucket empty, which the next may find full again
   */
  admit(peer: Peer, nowNs: number, hasSession: boolean): AdmissionCode {
    if (nowNs < peer.mutedUntilNs) return Admission.muted;
    this.#fill(peer, nowNs);
    if (peer.messageTokens >= 1) {
      // Taken whatever becomes of the message: a flooder runs dry, and then leaves the strangers' bucket to others.
      peer.messageTokens--;
      if (hasSession || this.#strangers.take(nowNs)) return Admission.admitted;
      this.crowdedOut++;
      return Admission.muted;
    }
    peer.mutedUntilNs = nowNs + MUTE_S * NS_PER_S;
    return Admission.cutOff;
  }

  /** Takes the token of one reply to what the peer should not have sent. @returns whether it may be sent */
  mayReply(peer: Peer, nowNs: number): boolean {
    this.#fill(peer, nowNs);
    if (peer.replyTokens < 1) return false;
    peer.replyTokens--;
    return true;
  }

  #fill(peer: Peer, nowNs: number): void {
    const elapsedS = (nowNs - peer.filledNs) / NS_PER_S;
    if (!(elapsedS > 0)) return;
    peer.filledNs = nowNs;
    peer.messageTokens = Math.min(this.#burst, peer.messageTokens + elapsedS * this.#ratePerS);
    peer.replyTokens = Math.min(REPLIES_PER_S, peer.replyTokens + elapsedS * REPLIES_PER_S);
  }

  /** One that is cut off is kept if another of the longest idle can go: it would come back with full buckets. */
  #forgetOne(nowNs: number): void {
    let oldest: string | null = null;
    let looked = 0;
    for (const [key, peer] of this.#peers) {
      oldest ??= key;
      if (nowNs >= peer.mutedUntilNs) {
        oldest = key;
        break;
      }
      if (++looked === FORGET_SEARCH) break;
    }
    if (oldest === null) return;
    this.#peers.delete(oldest);
    this.forgotten++;
  }
}

/** A routing id as text, a character a byte: a key for maps. */
export function peerKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}
