/**
 * Requests of administrators, and their answers. Main thread. The channel sends by a function and knows no socket.
 *
 * What is done at once is answered at once. What takes a while, such as a save, has its turn robot by robot, one after
 * another, and holds up nothing else. Nothing that comes this way names a path, and every answer that is an error says why.
 */

import { TokenBucket } from '../../../core/token-bucket.js';
import { decodeRequest, encodeMessage } from '../protocol/codec.js';
import { type Answer, ERROR_CODES, type ErrorCode, type LinkError, type Request } from '../protocol/protocol.js';
import { ProtocolFault } from '../protocol/protocol-fault.js';
import { Admission, MUTE_S, PeerLimits } from '../session/peer-limits.js';
import type { Administration } from '../session/session-controller.js';

/** A file in the checkpoint folder, by its bare name. What starts with a dot is hidden, or leads out of the folder. */
export const BARE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;
/** Requests that take a while and have been taken on, of all robots together. */
const MAX_WAITING = 32;
/**
 * Requests a second of all administrators together. They are served on the thread that robots' messages go through, and a
 * peer's rate is each connection's: so many connections, so many times that rate.
 */
const REQUESTS_PER_S = 50;
/** Of a reason that comes from elsewhere. */
const MAX_REASON = 500;

export interface RequestChannelOptions {
  readonly administration: Administration;
  readonly maxPeers: number;
  /** Messages a second of one peer. */
  readonly ratePerS: number;
  readonly maxMessageBytes: number;
  /** Any monotonic clock [ns]. */
  readonly nowNs: () => number;
  /** @param frames not to be written to afterwards */
  readonly send: (peer: Buffer, frames: (Uint8Array | string)[]) => void;
}

export class RequestCounters {
  requests = 0;
  /** Done, and answered with `ok`. */
  done = 0;
  /** Not done, by code of the error. */
  readonly rejected = Object.fromEntries(ERROR_CODES.map((code) => [code, 0])) as Record<ErrorCode, number>;
  /** Not looked at: their sender is cut off. */
  muted = 0;
  cutOff = 0;
}

type Result = Readonly<Record<string, unknown>>;
/** To whom an answer goes, and how it is wrapped there. */
interface Sender {
  readonly peer: Buffer;
  /** REQ has an empty frame before the message. */
  readonly delimited: boolean;
}

export class RequestChannel {
  readonly counters = new RequestCounters();
  readonly #options: RequestChannelOptions;
  readonly #limits: PeerLimits;
  readonly #rate = new TokenBucket(REQUESTS_PER_S);
  /** What is under way for each robot, ending in the last that has been taken on. */
  readonly #turns = new Map<string, Promise<void>>();
  #waiting = 0;
  #closed = false;

  constructor(options: RequestChannelOptions) {
    this.#options = options;
    this.#limits = new PeerLimits({ maxPeers: options.maxPeers, ratePerS: options.ratePerS });
  }

  /**
   * One message of one peer.
   *
   * @param frames without the routing id: an empty frame and the request, as REQ sends it
   * @realtime unsafe
   */
  receive(peer: Buffer, frames: readonly Uint8Array[]): void {
    if (this.#closed) return;
    const { counters } = this;
    const nowNs = this.#options.nowNs();
    const met = this.#limits.meet(peer, nowNs);
    const to: Sender = { peer: met.id, delimited: frames.length > 0 && frames[0].length === 0 };
    counters.requests++;
    const admission = this.#limits.admit(met, nowNs, true);
    if (admission === Admission.muted) {
      counters.muted++;
      return;
    }
    let request: Request;
    try {
      if (admission === Admission.cutOff) {
        counters.cutOff++;
        throw new ProtocolFault(
          'rate',
          `more than ${this.#options.ratePerS} requests a second: nothing is read for ${MUTE_S} s`,
        );
      }
      request = this.#read(frames);
    } catch (error) {
      const fault = asFault(error);
      counters.rejected[fault.code]++;
      if (this.#limits.mayReply(met, nowNs)) this.#send(to, errorOf(fault));
      return;
    }
    if (request.m !== 'stop' && !this.#rate.take(nowNs)) {
      // Always answered: a REQ socket that gets no answer can ask no more, not even for a stop.
      this.#fail(request, to, tooMany);
      return;
    }
    this.#serve(request, to);
  }

  /** Takes nothing on any more, and waits for what was. What has not begun yet is answered with an error. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#turns.values());
  }

  #read(frames: readonly Uint8Array[]): Request {
    if (frames.length !== 2 || frames[0].length !== 0) {
      throw new ProtocolFault(
        'frames',
        `a request is an empty frame and one more, as a REQ socket sends it, got ${frames.length}`,
      );
    }
    const { maxMessageBytes } = this.#options;
    if (frames[1].length > maxMessageBytes) {
      throw new ProtocolFault('size', `a request may have ${maxMessageBytes} bytes, got ${frames[1].length}`);
    }
    const request = decodeRequest(frames[1]);
    const { file, id, m } = request;
    if (file !== undefined && !BARE_NAME.test(file)) {
      const wrong = 'file must be the bare name of a checkpoint, letters, digits, _, - and dots, none at its start';
      throw new ProtocolFault('field', wrong, { re: m, ...(id === undefined ? {} : { id }) });
    }
    return request;
  }

  #serve(request: Request, to: Sender): void {
    try {
      const robot = this.#robotOf(request);
      const done = this.#carryOut(request, robot);
      if (typeof done === 'function') this.#enqueue(request, robot, to, done);
      else this.#answer(request, to, done);
    } catch (error) {
      this.#fail(request, to, error);
    }
  }

  /** @returns what the request says, or how to find out where that takes a while */
  #carryOut(request: Request, robot: string): Result | (() => Promise<Result>) {
    const { administration } = this.#options;
    switch (request.m) {
      case 'status':
        return robot === '' ? { robots: [] } : administration.status(robot);
      case 'save':
        return () => administration.save(robot);
      case 'checkpoints':
        return () => administration.checkpoints(robot);
      case 'restore':
        return () => administration.restore(robot, request.file ?? null);
      case 'reset':
        return () => administration.reset(robot);
      case 'freeze':
        return administration.freeze(robot, true);
      case 'unfreeze':
        return administration.freeze(robot, false);
      case 'stop':
        return administration.stop(robot);
      case 'go':
        return administration.go(robot);
      case 'parameters':
        return administration.parameters(robot);
      case 'set':
        if (request.name === undefined)
          throw new ProtocolFault('field', 'name is missing: which parameter is to be set');
        if (request.value === undefined) throw new ProtocolFault('field', 'value is missing: what is it to be set to');
        return administration.set(robot, request.name, request.value);
    }
  }

  /** @returns the robot that is meant; empty where there is none and the request needs none */
  #robotOf(request: Request): string {
    const robots = this.#options.administration.robots();
    const { robot, m } = request;
    if (robot !== undefined) {
      if (robots.includes(robot)) return robot;
      const known = robots.length === 0 ? 'none has one now' : `those that have: ${robots.join(', ')}`;
      throw new ProtocolFault('failed', `no robot ${JSON.stringify(robot)} has a session; ${known}`);
    }
    if (robots.length === 1) return robots[0];
    if (robots.length > 1) {
      throw new ProtocolFault('field', `robot is missing: which of ${robots.join(', ')} is meant`);
    }
    if (m === 'status') return '';
    throw new ProtocolFault('failed', 'no robot has a session');
  }

  #enqueue(request: Request, robot: string, to: Sender, work: () => Promise<Result>): void {
    if (this.#waiting >= MAX_WAITING) {
      throw new ProtocolFault('failed', `${MAX_WAITING} requests wait already: try again when one of them is answered`);
    }
    this.#waiting++;
    const before = this.#turns.get(robot) ?? Promise.resolve();
    const turn = before
      .then(() => {
        if (this.#closed) throw new ProtocolFault('failed', 'the controller is ending');
        return work();
      })
      .then(
        (result) => this.#answer(request, to, result),
        (error: unknown) => this.#fail(request, to, error),
      )
      .finally(() => {
        this.#waiting--;
        if (this.#turns.get(robot) === turn) this.#turns.delete(robot);
      });
    this.#turns.set(robot, turn);
  }

  #answer(request: Request, to: Sender, result: Result): void {
    const answer: Answer = { m: 'ok', re: request.m, result, ...(request.id === undefined ? {} : { id: request.id }) };
    let bytes: Uint8Array;
    try {
      bytes = encodeMessage(answer);
    } catch (error) {
      this.#fail(request, to, error);
      return;
    }
    this.counters.done++;
    this.#wrap(to, bytes);
  }

  #fail(request: Request, to: Sender, error: unknown): void {
    const fault = asFault(error);
    this.counters.rejected[fault.code]++;
    this.#send(to, { ...errorOf(fault), re: request.m, ...(request.id === undefined ? {} : { id: request.id }) });
  }

  #send(to: Sender, error: LinkError): void {
    this.#wrap(to, encodeMessage(error));
  }

  #wrap(to: Sender, bytes: Uint8Array): void {
    this.#options.send(to.peer, to.delimited ? ['', bytes] : [bytes]);
  }
}

const tooMany = new ProtocolFault(
  'rate',
  `administrators may ask ${REQUESTS_PER_S} times a second, all of them together: ask again in a moment`,
);

function asFault(error: unknown): ProtocolFault {
  if (error instanceof ProtocolFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ProtocolFault('failed', message === '' ? 'it could not be done' : message.slice(0, MAX_REASON));
}

function errorOf(fault: ProtocolFault): LinkError {
  return {
    m: 'error',
    code: fault.code,
    reason: fault.message,
    ...(fault.re === undefined ? {} : { re: fault.re }),
    ...(fault.id === undefined ? {} : { id: fault.id }),
  };
}
