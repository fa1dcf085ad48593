/**
 * The table of sessions: one seat for each controller. Takes what the drive socket received, lets each peer have no more
 * than its share, and gives every message to the session that its key names. Main thread; no socket and no timer of its
 * own, so that everything runs on a virtual clock.
 *
 * A session is known by its key `s`, which the welcome tells the robot and nobody else: a robot that comes back by another
 * connection has another routing id and the same key. What bears no key that is known gets `error session`, by which a
 * robot finds out that the controller is another one.
 *
 * A seat is free, or taken by one robot from its hello until what it learned is saved: `begin` and `end` of a controller
 * take their time, and meanwhile neither another robot nor a second hello gets in between.
 */
import { randomInt } from 'node:crypto';
import { TokenBucket } from '../../../core/token-bucket.js';
import type { ParameterValues } from '../../../parameters/schema.js';
import { decodeRobotMessage, encodeMessage } from '../protocol/codec.js';
import {
  type Bye,
  type ControllerMessage,
  type ErrorCode,
  type Hello,
  type LimitsTuple,
  type LinkError,
  PROTOCOL_VERSIONS,
  type RefusalCode,
  type Refused,
  type RobotMessage,
} from '../protocol/protocol.js';
import { ProtocolFault } from '../protocol/protocol-fault.js';
import { misfit, type Refusal } from './expectation.js';
import { LinkCounters } from './link-counters.js';
import { OutstandingSteps } from './outstanding-steps.js';
import { Admission, type Peer, PeerLimits } from './peer-limits.js';
import { RobotSession, type SessionSettings } from './robot-session.js';
import type { RobotExpectation, SessionController } from './session-controller.js';
import type { SessionStatus } from './session-status.js';

/**
 * The command of a step is waited for so long at once where no other robot would have to wait too [ms]: being told of it
 * takes longer than the cycle. Where others drive, their senses are taken meanwhile, and their control threads get the
 * processor that the wait would hold.
 */
const LONE_ANSWER_BOUND_MS = 2;
/** Another try is worth while after so long where a seat is only being made ready or saved [s]. */
const SOON_S = 0.5;
/**
 * Hellos that take a seat a second, of one peer and of all. Each loads what was learned, and may make a folder: a peer that
 * comes and goes under name after name must not keep the disk busy.
 */
const TAKES_PER_S = 10;
const TAKES_PER_PEER_S = 1;
/** So many may come at once, beside one for each seat. */
const TAKES_AT_ONCE = 4;
const UINT32 = 2 ** 32;

type LinkParameters = Pick<
  ParameterValues,
  | 'odometry_timeout_s'
  | 'ranges_timeout_s'
  | 'zeromq.session_timeout_s'
  | 'zeromq.command_expiry_s'
  | 'zeromq.heartbeat_period_s'
  | 'zeromq.clock_tolerance_s'
  | 'zeromq.max_peers'
  | 'zeromq.max_message_bytes'
  | 'zeromq.peer_rate'
>;

interface RobotSessionsOptions {
  /** One for each robot that can be driven at once. */
  controllers: readonly SessionController[];
  expectation: RobotExpectation;
  parameters: LinkParameters;
  /** Sends one frame. `bytes` stay as they are; neither is reused. */
  send(peer: Buffer, bytes: Uint8Array): void;
  /** The monotonic clock that the controllers' readings are dated by [ns]. */
  nowNs(): number;
  /** Has `endTurn` called when this turn of the event loop is over; where it is ending, at the end of the next. */
  askTurn(): void;
  /** Whole numbers from 0 to 2^32 - 1 that nobody can guess: keys of sessions. */
  random?(): number;
  /** An exception that nobody expected, already counted and answered. */
  onFault?(error: unknown): void;
}

/** What has happened to a robot's session. */
type SessionEvent = 'begun' | 'resumed' | 'ended' | 'refused';

export interface SessionChange {
  readonly event: SessionEvent;
  readonly robot: string;
  /** Of the controller; -1 where it got none. */
  readonly index: number;
  /** For a person; empty for `begun` and `resumed`. */
  readonly reason: string;
}

/** What an error is about. */
type ErrorSubject = Pick<LinkError, 're' | 's' | 'q'>;

const Phase = { free: 0, beginning: 1, live: 2, ending: 3 } as const;

/** One controller, and who has it. */
interface Seat {
  readonly index: number;
  readonly controller: SessionController;
  phase: (typeof Phase)[keyof typeof Phase];
  robot: string;
  /** Of the hello that took the seat, and while it begins. */
  peerKey: string;
  session: RobotSession | null;
  policy: string;
  updates: number;
  /** What the controller will keep to. */
  max: LimitsTuple;
  /** Ends when the controller has begun, or has ended. */
  work: Promise<void>;
}

export class RobotSessions {
  readonly counters = new LinkCounters();
  readonly #options: RobotSessionsOptions;
  readonly #settings: SessionSettings;
  readonly #limits: PeerLimits;
  readonly #seats: readonly Seat[];
  /** Living sessions by key. */
  readonly #sessions = new Map<number, RobotSession>();
  /** How many living sessions stand behind a peer, by its key; at most one entry for each seat. */
  readonly #drivers = new Map<string, number>();
  /** For hellos that take a seat: of all, and of each peer that is remembered. */
  readonly #takes: TokenBucket;
  readonly #takesByPeer = new WeakMap<Peer, TokenBucket>();
  /** Of sessions in lockstep. */
  readonly #steps: OutstandingSteps<RobotSession>;
  readonly #listeners = new Set<(change: SessionChange) => void>();
  readonly #maxMessageBytes: number;
  readonly #timeoutNs: number;
  /** Hellos whose controller is still beginning. */
  #beginning = 0;
  #closing = '';

  constructor(options: RobotSessionsOptions) {
    const { parameters } = options;
    this.#options = options;
    this.#maxMessageBytes = parameters['zeromq.max_message_bytes'];
    this.#timeoutNs = parameters['zeromq.session_timeout_s'] * 1e9;
    this.#limits = new PeerLimits({
      maxPeers: parameters['zeromq.max_peers'],
      ratePerS: parameters['zeromq.peer_rate'],
    });
    this.#steps = new OutstandingSteps(
      () => options.askTurn(),
      (error, session) => this.#failed(error, { id: session.peer }),
    );
    this.#settings = {
      expiryS: parameters['zeromq.command_expiry_s'],
      timeoutS: parameters['zeromq.session_timeout_s'],
      heartbeatS: parameters['zeromq.heartbeat_period_s'],
      toleranceS: parameters['zeromq.clock_tolerance_s'],
      counters: this.counters,
      send: (peer, bytes) => options.send(peer, bytes),
      answerBoundMs: () => (this.#sessions.size <= 1 ? LONE_ANSWER_BOUND_MS : 0),
      lookFor: (session) => this.#steps.add(session),
    };
    this.#takes = new TokenBucket(TAKES_PER_S, TAKES_AT_ONCE + options.controllers.length);
    this.#seats = options.controllers.map((controller, index) => ({
      index,
      controller,
      phase: Phase.free,
      robot: '',
      peerKey: '',
      session: null,
      policy: '',
      updates: 0,
      max: options.expectation.max,
      work: Promise.resolve(),
    }));
  }

  /** The robots that are driven, as they are now. */
  get sessions(): readonly SessionStatus[] {
    return this.#live().map((session) => session.status());
  }

  /** Peers that are remembered. */
  get peers(): number {
    return this.#limits.size;
  }

  /** Frames whose outcome is still open: `counters.frames` is the sum of the outcomes and this. */
  get waiting(): number {
    let waiting = this.#beginning;
    for (const session of this.#sessions.values()) waiting += session.waiting;
    return waiting;
  }

  /** The robot that the controller drives, or saves, or begins with; null where there is none. */
  robotOf(index: number): string | null {
    const seat = this.#seats[index];
    return seat === undefined || seat.phase === Phase.free ? null : seat.robot;
  }

  /** Calls `listener` when a session begins, goes on or ends, and when a robot is refused. @returns ends the calls */
  onChange(listener: (change: SessionChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * What came from a peer at once, its routing id taken off. Throws nothing, whatever came.
   *
   * @param id of the sender; copied
   * @param frames used before this returns, but for senses in lockstep, which keep theirs until the next has its answer
   */
  receive(id: Uint8Array, frames: readonly Uint8Array[]): void {
    this.counters.frames++;
    let peer: Peer | null = null;
    try {
      const nowNs = this.#options.nowNs();
      peer = this.#limits.meet(id, nowNs);
      this.counters.forgotten = this.#limits.forgotten;
      this.#receive(peer, frames, nowNs);
    } catch (error) {
      this.#failed(error, peer);
    }
    if (this.#steps.size > 0) this.#steps.look(this.#options.nowNs());
  }

  /** A turn of the event loop has ended. Throws nothing. */
  endTurn(): void {
    if (this.#steps.size > 0) this.#steps.endTurn(this.#options.nowNs());
  }

  /** What falls due with time: heartbeats, answers, the release of silent robots. To be called every 20 ms or so. */
  tick(): void {
    const nowNs = this.#options.nowNs();
    for (const seat of this.#seats) {
      const session = seat.session;
      if (session === null) continue;
      this.#guarded(session, () => {
        if (nowNs - session.lastSeenNs < this.#timeoutNs) {
          session.tick(nowNs);
          return;
        }
        this.counters.released++;
        this.#end(seat, `silent for ${this.#settings.timeoutS} s`);
      });
    }
  }

  /** From here on every hello is refused as `unavailable`, with this reason; sessions that live go on. */
  refuse(reason: string): void {
    this.#closing = reason;
  }

  /**
   * Ends every session: zero velocity and `bye` to each robot, and refuses every hello from here on.
   *
   * @returns when every controller has ended, and has saved what it learned
   */
  async close(reason: string): Promise<void> {
    this.refuse(reason);
    for (const seat of this.#seats) if (seat.session !== null) this.#end(seat, reason);
    // A seat that was beginning ends as soon as it has begun, by work of its own.
    while (this.#seats.some(({ phase }) => phase !== Phase.free)) {
      await Promise.all(this.#seats.map(({ work }) => work));
    }
  }

  #live(): RobotSession[] {
    return this.#seats.flatMap(({ session }) => (session === null ? [] : [session]));
  }

  #receive(peer: Peer, frames: readonly Uint8Array[], nowNs: number): void {
    const admission = this.#limits.admit(peer, nowNs, this.#drivers.has(peer.key));
    if (admission === Admission.muted) {
      this.counters.crowdedOut = this.#limits.crowdedOut;
      this.counters.muted++;
      return;
    }
    if (admission === Admission.cutOff) {
      this.#cutOff(peer);
      return;
    }
    if (frames.length !== 1) {
      const hint =
        frames.length === 2 && frames[0].length === 0 ? '; that is how REQ sends, and this needs DEALER' : '';
      this.#reject(peer, 'frames', `a message is one frame, got ${frames.length}${hint}`, nowNs);
      return;
    }
    const bytes = frames[0];
    if (bytes.length > this.#maxMessageBytes) {
      this.#reject(peer, 'size', `a message has at most ${this.#maxMessageBytes} bytes, got ${bytes.length}`, nowNs);
      return;
    }
    let message: RobotMessage;
    try {
      message = decodeRobotMessage(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      if (error.refusal !== undefined) this.#refuse(peer, { code: error.refusal, reason: error.message }, 0, '', nowNs);
      else this.#reject(peer, error.code, error.message, nowNs, error);
      return;
    }
    if (message.m === 'hello') {
      this.#hello(peer, message, nowNs);
      return;
    }
    const session = this.#sessions.get(message.s);
    if (session === undefined) {
      const about: ErrorSubject = { re: message.m, s: message.s };
      if (message.m === 'sense') about.q = message.q;
      this.#reject(peer, 'session', `there is no session ${message.s} here: say hello`, nowNs, about);
      return;
    }
    const before = session.peerKey;
    session.take(message, peer.id, peer.key, nowNs);
    this.#noteMove(before, session);
    if (message.m === 'bye') this.#end(this.#seats[session.index], null, byeReason(message));
  }

  #hello(peer: Peer, hello: Hello, nowNs: number): void {
    const version = PROTOCOL_VERSIONS.find((spoken) => hello.v.includes(spoken));
    if (version === undefined) {
      const spoken = PROTOCOL_VERSIONS.join(', ');
      const reason = `the controller speaks version ${spoken}, and the robot ${hello.v.join(', ')}`;
      this.#refuse(peer, { code: 'version', reason }, 0, hello.name, nowNs);
      return;
    }
    if (this.#closing !== '') {
      this.#refuse(peer, { code: 'unavailable', reason: this.#closing }, SOON_S, hello.name, nowNs);
      return;
    }
    const namesake = this.#seats.find(({ phase, robot }) => phase !== Phase.free && robot === hello.name);
    const refusal = misfit(hello, this.#options.expectation, {
      inputTimeoutS: Math.min(this.#options.parameters.odometry_timeout_s, this.#options.parameters.ranges_timeout_s),
      maxMessageBytes: this.#maxMessageBytes,
    });
    const session = namesake?.session ?? null;
    if (
      namesake !== undefined &&
      session !== null &&
      (hello.s === session.key || session.isSameHello(hello, peer.key))
    ) {
      if (refusal !== null) {
        // It is not the robot that it was when it was let in.
        this.#end(namesake, refusal.reason);
        this.#refuse(peer, refusal, 0, hello.name, nowNs);
      } else this.#resume(namesake, session, peer, hello, version, nowNs);
      return;
    }
    if (refusal !== null) {
      this.#refuse(peer, refusal, 0, hello.name, nowNs);
      return;
    }
    if (namesake !== undefined) {
      if (namesake.phase === Phase.beginning && namesake.peerKey === peer.key) {
        // Its welcome is on its way.
        this.counters.duplicates++;
        return;
      }
      const reason =
        namesake.phase === Phase.live
          ? `${hello.name} is being driven already: two robots may not have one name; or it was, less than ` +
            `${this.#settings.timeoutS} s ago: it is released then`
          : `the session of ${hello.name} is being ${namesake.phase === Phase.beginning ? 'made ready' : 'saved'}`;
      this.#refuse(peer, { code: 'busy', reason }, this.#retryS(namesake), hello.name, nowNs);
      return;
    }
    const seat = this.#seats.find(({ phase }) => phase === Phase.free);
    if (seat === undefined) {
      const robots = this.#seats.map(({ robot }) => robot).join(', ');
      const reason = `every session is taken, by ${robots}; zeromq.max_sessions is ${this.#seats.length}`;
      const retryS = Math.min(...this.#seats.map((taken) => this.#retryS(taken)));
      this.#refuse(peer, { code: 'busy', reason }, retryS, hello.name, nowNs);
      return;
    }
    if (!this.#mayTake(peer, nowNs)) {
      const reason = `robots come too often: ${TAKES_PER_PEER_S} a second from one peer, ${TAKES_PER_S} from all`;
      this.#refuse(peer, { code: 'busy', reason }, 1 / TAKES_PER_PEER_S, hello.name, nowNs);
      return;
    }
    seat.phase = Phase.beginning;
    seat.robot = hello.name;
    seat.peerKey = peer.key;
    this.#beginning++;
    seat.work = this.#begin(seat, peer, hello, version);
  }

  /** Takes the tokens of a hello that takes a seat. */
  #mayTake(peer: Peer, nowNs: number): boolean {
    let own = this.#takesByPeer.get(peer);
    if (own === undefined) {
      own = new TokenBucket(TAKES_PER_PEER_S, TAKES_AT_ONCE + this.#seats.length);
      this.#takesByPeer.set(peer, own);
    }
    return own.take(nowNs) && this.#takes.take(nowNs);
  }

  /** When a seat that is taken may be free [s]. */
  #retryS(seat: Seat): number {
    return seat.phase === Phase.live ? this.#settings.timeoutS : SOON_S;
  }

  /** Never rejects. */
  async #begin(seat: Seat, peer: Peer, hello: Hello, version: number): Promise<void> {
    let refusal: Refusal | null = null;
    let began = false;
    try {
      const { policy, updates, max } = await seat.controller.begin(hello.name);
      began = true;
      seat.policy = policy;
      seat.updates = updates;
      seat.max = max ?? this.#options.expectation.max;
      if (this.#closing !== '') refusal = { code: 'unavailable', reason: this.#closing };
    } catch (error) {
      refusal = { code: 'checkpoint', reason: error instanceof Error ? error.message : String(error) };
    }
    this.#beginning--;
    try {
      const nowNs = this.#options.nowNs();
      if (refusal === null) {
        this.#welcomeNew(seat, peer, hello, version, nowNs);
        return;
      }
      this.#refuse(peer, refusal, began ? SOON_S : 0, hello.name, nowNs);
    } catch (error) {
      this.#failed(error, peer);
    }
    if (seat.session !== null) this.#end(seat, 'the session could not begin');
    else if (began) await this.#save(seat);
    else free(seat);
  }

  #welcomeNew(seat: Seat, peer: Peer, hello: Hello, version: number, nowNs: number): void {
    const start = {
      index: seat.index,
      controller: seat.controller,
      settings: this.#settings,
      session: this.#newKey(),
      hello,
      peer: peer.id,
      peerKey: peer.key,
    };
    const session: RobotSession = new RobotSession(start, nowNs, () =>
      this.#guarded(session, () => session.pump(this.#options.nowNs())),
    );
    seat.session = session;
    seat.phase = Phase.live;
    this.#sessions.set(session.key, session);
    this.#drivers.set(peer.key, (this.#drivers.get(peer.key) ?? 0) + 1);
    this.counters.accepted.hello++;
    this.counters.begun++;
    this.#welcome(seat, session, version, nowNs);
    this.#tell('begun', seat, '');
  }

  #resume(seat: Seat, session: RobotSession, peer: Peer, hello: Hello, version: number, nowNs: number): void {
    if (session.isSameHello(hello, peer.key)) {
      this.counters.duplicates++;
      this.#welcome(seat, session, version, nowNs);
      return;
    }
    const before = session.peerKey;
    session.resume(hello, peer.id, peer.key, nowNs);
    this.#noteMove(before, session);
    seat.updates = seat.controller.updates?.() ?? seat.updates;
    this.counters.accepted.hello++;
    this.counters.resumed++;
    this.#welcome(seat, session, version, nowNs);
    this.#tell('resumed', seat, '');
  }

  /** Behind which peer the session stands now. */
  #noteMove(before: string, { peerKey }: RobotSession): void {
    if (peerKey === before) return;
    this.#leave(before);
    this.#drivers.set(peerKey, (this.#drivers.get(peerKey) ?? 0) + 1);
  }

  #leave(peerKey: string): void {
    const left = (this.#drivers.get(peerKey) ?? 1) - 1;
    if (left > 0) this.#drivers.set(peerKey, left);
    else this.#drivers.delete(peerKey);
  }

  /** The heartbeat that follows lets the robot answer at once, so that its clock is known soon. */
  #welcome(seat: Seat, session: RobotSession, version: number, nowNs: number): void {
    const { expectation } = this.#options;
    session.send({
      m: 'welcome',
      v: version,
      s: session.key,
      resumed: session.resumed,
      t: nowNs / 1e9,
      period: expectation.periodS,
      expiry: this.#settings.expiryS,
      timeout: this.#settings.timeoutS,
      heartbeat: this.#settings.heartbeatS,
      max: seat.max,
      policy: seat.policy,
      updates: seat.updates,
    });
    session.tick(nowNs);
  }

  #newKey(): number {
    const random = this.#options.random ?? randomKey;
    for (;;) {
      const key = random() >>> 0;
      if (key !== 0 && !this.#sessions.has(key)) return key;
    }
  }

  /** @param reason for the robot; null where it ended the session itself */
  #end(seat: Seat, reason: string | null, told: string = reason ?? ''): void {
    const { session } = seat;
    if (session === null) return;
    seat.session = null;
    seat.phase = Phase.ending;
    this.#sessions.delete(session.key);
    this.#steps.remove(session);
    this.#leave(session.peerKey);
    try {
      session.end(reason);
    } catch (error) {
      this.#fault(error);
    }
    seat.work = this.#save(seat);
    this.#tell('ended', seat, told);
  }

  /** Never rejects. */
  async #save(seat: Seat): Promise<void> {
    seat.phase = Phase.ending;
    try {
      await seat.controller.end();
    } catch (error) {
      this.#fault(error);
    }
    free(seat);
  }

  /** Its sessions end, and it is told once why. */
  #cutOff(peer: Peer): void {
    this.counters.cutOff++;
    const reason = `more than ${this.#options.parameters['zeromq.peer_rate']} messages a second`;
    for (const seat of this.#seats) if (seat.session?.peerKey === peer.key) this.#end(seat, reason);
    this.counters.rejected.rate++;
    this.counters.sent.error++;
    // Whatever it has been sent before: it comes once in ten seconds at most.
    this.#options.send(peer.id, encodeMessage({ m: 'error', code: 'rate', reason: `${reason}: cut off` }));
  }

  #reject(peer: Peer, code: ErrorCode, reason: string, nowNs: number, about: ErrorSubject = {}): void {
    this.counters.rejected[code]++;
    const error: LinkError = { m: 'error', code, reason };
    if (about.re !== undefined) error.re = about.re;
    if (about.s !== undefined) error.s = about.s;
    if (about.q !== undefined) error.q = about.q;
    this.#reply(peer, error, nowNs);
  }

  #refuse(peer: Peer, { code, reason }: Refusal, retry: number, robot: string, nowNs: number): void {
    this.counters.refused[code]++;
    const refused: Refused = { m: 'refused', code, reason, v: PROTOCOL_VERSIONS, retry };
    if (this.#reply(peer, refused, nowNs)) {
      this.#announce({ event: 'refused', robot, index: -1, reason: `${code satisfies RefusalCode}: ${reason}` });
    }
  }

  /** To a peer that has no session: no more than it may cost. @returns whether it was sent */
  #reply(peer: Peer, message: ControllerMessage, nowNs: number): boolean {
    if (!this.#limits.mayReply(peer, nowNs)) {
      this.counters.withheld++;
      return false;
    }
    this.counters.sent[message.m]++;
    this.#options.send(peer.id, encodeMessage(message));
    return true;
  }

  #tell(event: SessionEvent, seat: Seat, reason: string): void {
    this.#announce({ event, robot: seat.robot, index: seat.index, reason });
  }

  #announce(change: SessionChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  /** Runs what concerns one session, so that what it throws touches no other. */
  #guarded(session: RobotSession, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#failed(error, { id: session.peer });
    }
  }

  /** Something threw: the frame that it happened to is rejected, if its outcome was still open. */
  #failed(error: unknown, peer: Pick<Peer, 'id'> | null): void {
    const { counters } = this;
    this.#fault(error);
    const open = counters.frames - counters.settled - this.waiting;
    if (open <= 0) return;
    counters.rejected.failed += open;
    if (peer === null) return;
    try {
      const bytes = encodeMessage({ m: 'error', code: 'failed', reason: 'a fault within the controller' });
      counters.sent.error++;
      this.#options.send(Buffer.from(peer.id), bytes);
    } catch (second) {
      this.#fault(second);
    }
  }

  #fault(error: unknown): void {
    this.counters.faults++;
    try {
      this.#options.onFault?.(error);
    } catch {
      // Whoever listens for faults has one of its own; it is counted above.
    }
  }
}

function free(seat: Seat): void {
  seat.phase = Phase.free;
  seat.robot = '';
  seat.peerKey = '';
}

function byeReason(message: Bye): string {
  return message.reason === undefined ? 'the robot said bye' : `the robot said bye: ${message.reason}`;
}

function randomKey(): number {
  return randomInt(UINT32);
}
