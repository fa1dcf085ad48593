/**
 * One robot's session, from the welcome to its end: what the robot sends goes into the controller's sink, dated; what the
 * controller commands goes back, with the sense that it rests on and its expiry on the robot's clock. Main thread; no
 * socket and no timer: time comes with each call, and what is to be sent goes to a callback.
 *
 * **Dates.** A stamp is the robot's clock; freshness is judged by the controller's. Where the robot's clock is real and
 * its offset known, a reading is dated by its stamp, never later than now and never before the last one, so that a
 * reading that lay in some queue is as old as it is. Otherwise it is dated by its arrival.
 *
 * In lockstep with a simulated clock the robot's time is the controller's too: a simulation that runs at another speed than
 * the world would else be remembered, and paid, at the wrong one. Readings are dated by stamp plus a constant, and each
 * step bears its sense's date. The constant puts the first at its arrival. It changes where stamps begin anew, in another
 * frame or after the clock was set, so that dates stand still then: they never fall, and nobody knows what time has passed.
 *
 * **A robot's clock that is set** shows by nothing but refused stamps: back of the last, or in the future. After a second
 * of only such senses the new clock is followed: the offset is estimated anew, and where stamps went back, what is
 * remembered of the place is void, because the sink takes falling stamps from another frame only. Until then the robot
 * stands, for its readings are stale.
 *
 * **Lockstep.** Each sense has one answer: a command, or an error that names its `q`. The answer is kept, so that the same
 * sense again, whose answer was lost, gets it again and makes no step. Senses that come while a step runs wait.
 *
 * **Free.** Commands go out as they are made. Each names the sense whose odometry the cycle used, found by its stamp.
 */
import { endianness } from 'node:os';
import { Reason } from '../../memory/reason.js';
import { type MotionCommand, type RangeScan, Rejection, type RejectionCode } from '../port.js';
import { ClockOffset } from './clock-offset.js';
import { encodeMessage } from './codec.js';
import type { LinkCounters } from './link-counters.js';
import type {
  ClockKind,
  Command,
  ControllerMessage,
  ErrorCode,
  GoalTuple,
  Heartbeat,
  Hello,
  LinkError,
  Mode,
  RobotMessage,
  Sense,
} from './protocol.js';
import type { SessionController } from './session-controller.js';

/** Senses that may wait for their step. */
export const QUEUE_SENSES = 8;
/** Senses that are remembered by stamp: a quarter of a second at 1 kHz. A power of two. */
const REMEMBERED_SENSES = 256;
/** A step whose command has not come after so long is given up [ns]. */
const ANSWER_BOUND_NS = 1e9;
/** A robot in lockstep that has asked for no step for so long may be about to be stopped without asking [ns]. */
const LISTEN_AGAIN_NS = 50e6;
/** Senses must have been refused for their stamps for so long, and so many, before the robot's new clock is followed. */
const CLOCK_STEP_NS = 1e9;
const CLOCK_STEP_SENSES = 3;
/** So many senses for so long, all of them overtaken, are a mistake of the robot's, and it is told [ns]. */
const LATE_NS = 1e9;
const LATE_SENSES = 3;
/**
 * A simulated clock that is so far ahead of the last sense was set [ns]: nothing is remembered of the place for longer, so
 * that it may as well be another.
 */
const LAPSE_NS = 60e9;
const BYTES_PER_BEAM = 4;
const NS_PER_S = 1e9;
const BIG_ENDIAN = endianness() === 'BE';

/** What all sessions of a table share. */
export interface SessionSettings {
  /** [s] */
  readonly expiryS: number;
  readonly timeoutS: number;
  readonly heartbeatS: number;
  readonly toleranceS: number;
  readonly counters: LinkCounters;
  send(peer: Buffer, bytes: Uint8Array): void;
  /** How long the main thread may wait for the command of a step at once [ms]; then it is told when it is there. */
  answerBoundMs(): number;
}

export interface SessionStart {
  readonly index: number;
  readonly controller: SessionController;
  readonly settings: SessionSettings;
  /** The session's key. */
  readonly session: number;
  readonly hello: Hello;
  /** Whom to send to; owned by the session from here on. */
  readonly peer: Buffer;
  readonly peerKey: string;
}

/** How a session is, for people and for telemetry. */
export interface SessionStatus {
  readonly robot: string;
  readonly session: number;
  /** Of the controller that drives it. */
  readonly index: number;
  readonly mode: Mode;
  readonly clock: ClockKind;
  /** Reason code of the last command; `Reason.disarmed` before the first. */
  readonly why: number;
  /** When it last sent something, on the controller's clock [ns]. */
  readonly lastSeenNs: number;
  readonly armed: boolean;
  /** It said `stop`. */
  readonly stopped: boolean;
  /** The robot's clock minus the controller's [s]; NaN while unknown. */
  readonly offsetS: number;
  readonly roundTripS: number;
  /** Senses that were used, commands sent, errors sent. */
  readonly senses: number;
  readonly commands: number;
  readonly errors: number;
  /** Senses that wait for their step. */
  readonly waiting: number;
}

export class RobotSession {
  readonly index: number;
  readonly key: number;
  readonly name: string;
  readonly controller: SessionController;
  readonly #settings: SessionSettings;
  readonly #counters: LinkCounters;
  #peer: Buffer;
  #peerKey: string;
  #hello: Hello;
  #lastSeenNs: number;
  /** The robot has used its key, so it has had the welcome. */
  #used = false;
  #resumed = false;

  // Clocks.
  readonly #offset = new ClockOffset();
  #datedNs: number;
  /** From the robot's stamps to dates, where the robot's time is the controller's [ns]; NaN before the first. */
  #originNs = Number.NaN;
  /** Nothing has been sensed of this place: stamps may begin anew. */
  #anew = true;
  #heartbeatDueNs: number;
  /** `t` of the robot's newest heartbeat, and when it came; NaN before. */
  #theirHeartbeatS = Number.NaN;
  #heartbeatReceivedNs = Number.NaN;
  #badStampsSinceNs = Number.NaN;
  #badStamps = 0;

  // What has been sensed.
  #beams: Float32Array;
  #beamBytes: Uint8Array;
  #scan: RangeScan;
  #newestQ = Number.NaN;
  /** The last sense that was used. */
  #usedQ = Number.NaN;
  #usedT = Number.NaN;
  /** After a hello the robot may count from anywhere. */
  #anyQ = true;
  /** Senses that were overtaken since the last that was not. */
  #late = 0;
  #lateSinceNs = 0;
  #frame = Number.NaN;
  #goal: GoalTuple | null = null;
  /** In whose coordinates. */
  #goalFrame = Number.NaN;
  /** Whether what was remembered of the place, and the readings of it, are void until both inputs have come. */
  #odometryCame = false;
  #rangesCame = false;
  /** Inputs that the sink took, and the first that it did not, of the sense in hand. */
  #taken = 0;
  #refusedInput = '';
  #refusal: RejectionCode = Rejection.accepted;
  #allBack = false;

  // Senses by stamp, newest last; for free mode.
  readonly #stamps = new Float64Array(REMEMBERED_SENSES).fill(Number.NaN);
  readonly #stampQ = new Float64Array(REMEMBERED_SENSES);
  readonly #stampT = new Float64Array(REMEMBERED_SENSES);
  #stampNext = 0;

  // Lockstep.
  readonly #queue: Sense[] = [];
  /** Whether a step runs, and its number: any 32-bit word. */
  #stepping = false;
  #step = 0;
  #stepQ = Number.NaN;
  #stepT = Number.NaN;
  #stepSinceNs = 0;
  #answeredQ = Number.NaN;
  #answeredT = Number.NaN;
  #answer: Uint8Array | null = null;
  /** The sense whose turn was last: the one whose step runs, or that has been answered. */
  #newest: Sense | null = null;

  // Commands.
  readonly #motion: MotionCommand;
  readonly #twist: [number, number, number] = [0, 0, 0];
  readonly #command: Command;
  #unsolicitedNs = Number.NEGATIVE_INFINITY;
  #lastWhy: number = Reason.disarmed;
  #lastMoved = false;
  readonly #onCommand: () => void;
  /** Ends being told of commands; null while nobody tells. */
  #endListening: (() => void) | null = null;

  #armed = false;
  #stopped = false;
  #ended = false;
  #senses = 0;
  #commands = 0;
  #errors = 0;

  /**
   * Begins: nothing of the robot before is left in the controller, which stays disarmed.
   *
   * @param onCommand called in place of `pump` when the controller has something new that is not looked for anyway, so
   *   that the table can catch what is thrown
   */
  constructor(start: SessionStart, nowNs: number, onCommand: () => void) {
    this.index = start.index;
    this.key = start.session;
    this.name = start.hello.name;
    this.controller = start.controller;
    this.#settings = start.settings;
    this.#counters = start.settings.counters;
    this.#peer = start.peer;
    this.#peerKey = start.peerKey;
    this.#hello = start.hello;
    this.#lastSeenNs = nowNs;
    this.#datedNs = nowNs;
    this.#heartbeatDueNs = nowNs;
    this.#beams = new Float32Array(start.hello.scan.n);
    this.#beamBytes = new Uint8Array(this.#beams.buffer);
    this.#scan = scanOf(start.hello, this.#beams);
    this.#motion = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
    this.#command = { m: 'command', s: this.key, q: 0, t: 0, n: 0, twist: this.#twist, until: 0, why: 0 };
    const { controller } = this;
    controller.disarm();
    controller.observations.newFrame();
    controller.observations.cancelGoal(nowNs, nowNs);
    controller.lockstep(start.hello.mode === 'lockstep');
    // What lies in the slot was made for the robot before.
    controller.commands.read(this.#motion);
    this.#onCommand = onCommand;
    this.#listen();
  }

  get peer(): Buffer {
    return this.#peer;
  }
  get peerKey(): string {
    return this.#peerKey;
  }
  /** What the welcome says: whether the session of before goes on. */
  get resumed(): boolean {
    return this.#resumed;
  }
  get lastSeenNs(): number {
    return this.#lastSeenNs;
  }
  /** Senses that wait for their turn, the one whose step runs included. */
  get waiting(): number {
    return this.#queue.length + (this.#stepping ? 1 : 0);
  }

  status(): SessionStatus {
    const { known, offsetS, roundTripS } = this.#offset;
    return {
      robot: this.name,
      session: this.key,
      index: this.index,
      mode: this.#hello.mode,
      clock: this.#hello.clock,
      why: this.#lastWhy,
      lastSeenNs: this.#lastSeenNs,
      armed: this.#armed,
      stopped: this.#stopped,
      offsetS: known ? offsetS : Number.NaN,
      roundTripS: known ? roundTripS : Number.NaN,
      senses: this.#senses,
      commands: this.#commands,
      errors: this.#errors,
      waiting: this.waiting,
    };
  }

  /**
   * Whether this is the hello that the session rests on, once more, from a robot that has not used its key since: the
   * welcome was lost, or is on its way. Who has the key already says it; who does not is another.
   */
  isSameHello(hello: Hello, peerKey: string): boolean {
    return !this.#used && peerKey === this.#peerKey && hello.t === this.#hello.t && hello.s === this.#hello.s;
  }

  /**
   * A hello that names this session's key: the robot has lost its connection, the welcome, or itself. What it says of
   * itself holds from here on, and its senses may be counted from anywhere. Goal, decisions and place stand; but the place
   * is void where its clock went back or is another, and where it senses or reaches otherwise than before.
   */
  resume(hello: Hello, peer: Buffer, peerKey: string, nowNs: number): void {
    const before = this.#hello;
    const wentBack = hello.t < this.#usedT - this.#settings.toleranceS;
    this.#hello = hello;
    this.#move(peer, peerKey);
    this.#lastSeenNs = nowNs;
    this.#dropQueue();
    this.#anyQ = true;
    this.#heartbeatDueNs = nowNs;
    if (hello.clock !== before.clock || wentBack) {
      this.#offset.reset();
      this.#theirHeartbeatS = Number.NaN;
    }
    const datesOtherwise = ownsTime(hello) !== ownsTime(before);
    if (hello.mode !== before.mode || datesOtherwise) {
      this.#abandonStep();
      this.#forgetAnswer();
      this.controller.lockstep(hello.mode === 'lockstep');
      this.#listen();
    }
    if (datesOtherwise) {
      this.#originNs = Number.NaN;
      this.#datedNs = nowNs;
    }
    if (!sameScan(hello, before)) this.#useScan(hello);
    if (wentBack || hello.clock !== before.clock || datesOtherwise || !sameBody(hello, before)) this.#voidPlace();
    this.#updateArming();
    this.#resumed = true;
    this.#used = false;
  }

  /** A message that bears the session's key. Replies, counts, and says nothing. */
  take(message: Exclude<RobotMessage, Hello>, peer: Buffer, peerKey: string, nowNs: number): void {
    this.#used = true;
    this.#lastSeenNs = nowNs;
    // A sense that was overtaken may come by an old connection; all else shows where the robot is.
    const overtaken = message.m === 'sense' && !this.#anyQ && message.q < this.#newestQ;
    if (peerKey !== this.#peerKey && !overtaken) {
      this.#move(peer, peerKey);
      this.#counters.moved++;
    }
    switch (message.m) {
      case 'sense':
        this.#takeSense(message, nowNs);
        return;
      case 'heartbeat':
        this.#takeHeartbeat(message, nowNs);
        break;
      case 'feedback': {
        const code = this.controller.observations.feedback(message.n, message.reward, message.t * NS_PER_S);
        if (code !== Rejection.accepted) {
          this.#reject('reading', `feedback: ${describeRejection(code)}`, 'feedback');
          return;
        }
        break;
      }
      case 'goal': {
        const code = this.#setGoal(message.goal, message.t * NS_PER_S, this.#datedNs);
        if (code !== Rejection.accepted) {
          this.#reject('reading', `goal: ${describeRejection(code)}`, 'goal');
          return;
        }
        break;
      }
      case 'stop':
        this.#stopped = true;
        this.#updateArming();
        break;
      case 'go':
        this.#stopped = false;
        this.#updateArming();
        break;
      case 'bye':
        // The table ends the session.
        break;
    }
    this.#counters.accepted[message.m]++;
  }

  /** What falls due with time: heartbeats, answers. */
  tick(nowNs: number): void {
    if (nowNs >= this.#heartbeatDueNs) this.#sendHeartbeat(nowNs);
    if (nowNs - this.#stepSinceNs >= LISTEN_AGAIN_NS) this.#listen();
    this.pump(nowNs);
    if (this.#stepping && nowNs - this.#stepSinceNs >= ANSWER_BOUND_NS) {
      const q = this.#stepQ;
      const t = this.#stepT;
      this.#stepping = false;
      this.#counters.unanswered++;
      this.#refuseSense('failed', 'the controller made no command for this sense', q, t);
      this.#drain(nowNs);
    }
  }

  /** Sends what the controller has made. */
  pump(nowNs: number): void {
    if (this.#ended) return;
    const { controller } = this;
    const motion = this.#motion;
    if (this.#hello.mode === 'free') {
      if (controller.commands.read(motion)) this.#sendFree();
      return;
    }
    if (!this.#stepping) {
      if (controller.commands.read(motion)) this.#sendUnsolicited(nowNs);
      return;
    }
    if (controller.answered(this.#step)) {
      controller.commands.read(motion);
      this.#answerStep(nowNs);
      this.#drain(nowNs);
      return;
    }
    // A control thread that stands still answers no step any more; the main thread's zero is the answer.
    if (controller.commands.read(motion) && motion.reason === Reason.fault) {
      this.#answerStep(nowNs);
      this.#drain(nowNs);
    }
  }

  /**
   * Ends the session, whoever wanted it: zero velocity where the robot has ever been commanded, `bye` unless it said so
   * itself, and the controller is disarmed and runs as configured. Saving is the table's business.
   */
  end(reason: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listenNoMore();
    this.controller.disarm();
    this.#armed = false;
    this.controller.lockstep(false);
    this.#dropQueue();
    this.#abandonStep();
    if (reason === null) return;
    if (!Number.isNaN(this.#usedQ)) {
      const motion = this.#motion;
      motion.vx = 0;
      motion.vy = 0;
      motion.yawRate = 0;
      motion.reason = Reason.stopping;
      this.#sendCommand(this.#usedQ, this.#usedT);
    }
    this.send({ m: 'bye', s: this.key, reason });
  }

  send(message: ControllerMessage): void {
    this.#counters.sent[message.m]++;
    this.#settings.send(this.#peer, encodeMessage(message));
  }

  #move(peer: Buffer, peerKey: string): void {
    this.#peer = peer;
    this.#peerKey = peerKey;
  }

  #useScan(hello: Hello): void {
    if (hello.scan.n !== this.#beams.length) {
      this.#beams = new Float32Array(hello.scan.n);
      this.#beamBytes = new Uint8Array(this.#beams.buffer);
    }
    this.#scan = scanOf(hello, this.#beams);
  }

  #takeSense(sense: Sense, nowNs: number): void {
    const { q, t } = sense;
    if (this.#hello.mode === 'free') {
      if (!this.#anyQ && q <= this.#newestQ) {
        this.#takeLate(q, nowNs);
        return;
      }
      this.#late = 0;
      this.#renew(q);
      this.#sense(sense, nowNs);
      return;
    }
    if (this.#anyQ) this.#noticeNewRun(sense);
    if (q === this.#answeredQ && t === this.#answeredT && this.#answer !== null) {
      this.#counters.duplicates++;
      this.#counters.repeated++;
      this.#settings.send(this.#peer, this.#answer);
      return;
    }
    if (this.#isWaiting(q)) {
      this.#counters.duplicates++;
      return;
    }
    if (!this.#anyQ && q <= this.#newestQ) {
      this.#reject('sequence', `q ${q} has been passed: the newest is ${this.#newestQ}`, 'sense', q);
      return;
    }
    this.#renew(q);
    if (!this.#stepping && this.#queue.length === 0) {
      this.#sense(sense, nowNs);
      this.#drain(nowNs);
    } else if (this.#queue.length < QUEUE_SENSES) this.#queue.push(sense);
    else {
      this.#counters.overflows++;
      this.#reject('failed', `${QUEUE_SENSES} senses wait for their commands already`, 'sense', q);
    }
  }

  /** One that was overtaken is no news; nothing else for a second is a robot that counts anew without saying hello. */
  #takeLate(q: number, nowNs: number): void {
    if (this.#late === 0) this.#lateSinceNs = nowNs;
    this.#late++;
    if (this.#late < LATE_SENSES || nowNs - this.#lateSinceNs < LATE_NS) {
      this.#counters.late++;
      return;
    }
    this.#late = 0;
    const reason = `every sense of late has a q that has been passed, this one ${q}: the newest is ${this.#newestQ}`;
    this.#reject('sequence', reason, 'sense', q);
  }

  /**
   * The first sense after a hello may be the last one again, or the first of a run that has counted to the same numbers:
   * a simulation that was started anew with its key. The readings tell which. What was asked and answered in the run
   * before is no answer then.
   */
  #noticeNewRun(sense: Sense): void {
    const { q, t } = sense;
    const asked = this.#stepping && q === this.#stepQ && t === this.#stepT;
    const answered = q === this.#answeredQ && t === this.#answeredT;
    if ((!asked && !answered) || (this.#newest !== null && sameReadings(sense, this.#newest))) return;
    this.#abandonStep();
    this.#forgetAnswer();
    this.#voidPlace();
  }

  #forgetAnswer(): void {
    this.#answer = null;
    this.#answeredQ = Number.NaN;
  }

  #renew(q: number): void {
    this.#anyQ = false;
    this.#newestQ = q;
  }

  #isWaiting(q: number): boolean {
    if (this.#stepping && q === this.#stepQ) return true;
    for (let i = 0; i < this.#queue.length; i++) if (this.#queue[i].q === q) return true;
    return false;
  }

  /** Takes those that wait, up to the next whose command is not there at once. */
  #drain(nowNs: number): void {
    while (!this.#stepping) {
      const sense = this.#queue.shift();
      if (sense === undefined) return;
      this.#sense(sense, nowNs);
    }
  }

  /** A sense whose turn it is. */
  #sense(sense: Sense, nowNs: number): void {
    const { q, t } = sense;
    if (this.#hello.mode === 'lockstep') this.#newest = sense;
    const stampNs = t * NS_PER_S;
    if (sense.ranges !== undefined && sense.ranges.length !== this.#scan.count * BYTES_PER_BEAM) {
      const told = `${this.#scan.count} beams of ${BYTES_PER_BEAM} bytes`;
      this.#refuseSense('field', `ranges must be ${told}, as the hello said, got ${sense.ranges.length} bytes`, q, t);
      return;
    }
    const frame = sense.frame ?? 0;
    if (frame !== this.#frame) this.#anew = true;
    let datedNs = this.#date(stampNs, nowNs);
    if (Number.isNaN(datedNs)) {
      if (!this.#clockWasSet(nowNs)) {
        const aheadS = this.#offset.toOurs(t) - nowNs / NS_PER_S;
        this.#refuseSense('stamp', `t lies ${aheadS.toPrecision(3)} s in the future`, q, t);
        return;
      }
      this.#offset.reset();
      datedNs = this.#date(stampNs, nowNs);
    }
    if (frame !== this.#frame) {
      if (!Number.isNaN(this.#frame)) this.#voidPlace();
      else this.#goalFrame = frame;
      this.#frame = frame;
    }
    this.#feed(sense, stampNs, datedNs);
    if (this.#allBack && this.#clockWasSet(nowNs)) {
      this.#offset.reset();
      this.#voidPlace();
      datedNs = this.#date(stampNs, nowNs);
      this.#feed(sense, stampNs, datedNs);
    }
    // A stamp that came with nothing of use says nothing of the time either.
    if (this.#taken > 0 || this.#refusal === Rejection.accepted) this.#datedNs = datedNs;
    if (this.#taken > 0) {
      this.#badStamps = 0;
      this.#anew = false;
    }
    this.#updateArming();
    if (this.#refusal !== Rejection.accepted) {
      const still = this.#refusal === Rejection.stampBack || this.#refusal === Rejection.stampStill;
      const reason = `${this.#refusedInput}: ${describeRejection(this.#refusal)}`;
      this.#refuseSense(still ? 'stamp' : 'reading', reason, q, t);
      return;
    }
    this.#senses++;
    this.#usedQ = q;
    this.#usedT = t;
    if (this.#hello.mode === 'free') {
      this.#counters.accepted.sense++;
      return;
    }
    this.#step = ownsTime(this.#hello) ? this.controller.step(this.#datedNs) : this.controller.step();
    this.#stepping = true;
    this.#stepQ = q;
    this.#stepT = t;
    this.#stepSinceNs = nowNs;
    const { controller } = this;
    if (controller.awaitAnswer(this.#step, this.#settings.answerBoundMs())) {
      this.#listenNoMore();
    } else {
      this.#listen();
      // It may have come before anybody listened.
      if (!controller.answered(this.#step)) return;
    }
    controller.commands.read(this.#motion);
    this.#answerStep(nowNs);
  }

  #listen(): void {
    this.#endListening ??= this.controller.onCommand(this.#onCommand);
  }

  /**
   * To be told of a command costs both threads more than the command itself. Who waits for the answer need not be
   * told; what the controller commands without being asked, `tick` finds, and has itself told of once the robot is silent.
   */
  #listenNoMore(): void {
    this.#endListening?.();
    this.#endListening = null;
  }

  /** Hands the readings to the sink. Leaves what became of them in `#taken`, `#refusal`, `#refusedInput`, `#allBack`. */
  #feed(sense: Sense, stampNs: number, datedNs: number): void {
    const sink = this.controller.observations;
    const { odom, ranges, contacts, goal, q, t } = sense;
    this.#taken = 0;
    this.#refusal = Rejection.accepted;
    let back = 0;
    if (odom !== undefined) {
      const code = sink.odometry(stampNs, datedNs, odom[0], odom[1], odom[2], odom[3], odom[4], odom[5]);
      if (this.#note('odom', code)) {
        this.#odometryCame = true;
        const i = this.#stampNext;
        this.#stamps[i] = stampNs;
        this.#stampQ[i] = q;
        this.#stampT[i] = t;
        this.#stampNext = (i + 1) & (REMEMBERED_SENSES - 1);
      }
      if (code === Rejection.stampBack) back++;
    }
    if (ranges !== undefined) {
      // A view into the message, aligned to nothing.
      this.#beamBytes.set(ranges);
      if (BIG_ENDIAN) Buffer.from(this.#beams.buffer).swap32();
      const code = sink.ranges(stampNs, datedNs, this.#scan);
      if (this.#note('ranges', code)) this.#rangesCame = true;
      if (code === Rejection.stampBack) back++;
    }
    if (contacts !== undefined) {
      const code = sink.contacts(stampNs, datedNs, contacts[0], contacts[1], contacts[2], contacts[3]);
      this.#note('contacts', code);
      if (code === Rejection.stampBack) back++;
    }
    this.#allBack = back > 0 && this.#taken === 0;
    if (goal !== undefined) {
      const code = this.#setGoal(goal, stampNs, datedNs);
      if (code !== Rejection.accepted && this.#refusal === Rejection.accepted) {
        this.#refusal = code;
        this.#refusedInput = 'goal';
      }
    }
  }

  /** @returns whether the reading was taken */
  #note(input: string, code: RejectionCode): boolean {
    if (code === Rejection.accepted) {
      this.#taken++;
      return true;
    }
    if (this.#refusal === Rejection.accepted) {
      this.#refusal = code;
      this.#refusedInput = input;
    }
    return false;
  }

  /**
   * The same goal again is no new one: the controller measures progress from where a goal was accepted. In another frame
   * the same coordinates are another place.
   */
  #setGoal(goal: GoalTuple | null, stampNs: number, datedNs: number): RejectionCode {
    const old = this.#goal;
    const sink = this.controller.observations;
    if (goal === null) {
      if (old !== null) sink.cancelGoal(stampNs, datedNs);
      this.#goal = null;
      return Rejection.accepted;
    }
    const same = old !== null && old[0] === goal[0] && old[1] === goal[1] && old[2] === goal[2];
    if (same && this.#goalFrame === this.#frame) return Rejection.accepted;
    const code = sink.goal(stampNs, datedNs, goal[0], goal[1], goal[2]);
    if (code === Rejection.accepted) {
      this.#goal = goal;
      this.#goalFrame = this.#frame;
    }
    return code;
  }

  /** When a reading with this stamp was taken, on the controller's clock [ns]; NaN: not yet. */
  #date(stampNs: number, nowNs: number): number {
    if (ownsTime(this.#hello)) return this.#dateByStamp(stampNs, nowNs);
    let datedNs = nowNs;
    if (this.#hello.clock === 'real' && this.#offset.known) {
      const mappedNs = stampNs - this.#offset.offsetS * NS_PER_S;
      if (mappedNs > nowNs + this.#settings.toleranceS * NS_PER_S) return Number.NaN;
      datedNs = Math.min(nowNs, mappedNs);
    }
    return Math.max(datedNs, this.#datedNs);
  }

  /** The date of a reading of a robot whose time is the controller's; whole, so that differences of dates are exact [ns]. */
  #dateByStamp(stampNs: number, nowNs: number): number {
    const wholeNs = Math.round(stampNs);
    const passedNs = wholeNs + this.#originNs - this.#datedNs;
    if (passedNs >= 0 && passedNs <= LAPSE_NS) return this.#datedNs + passedNs;
    // The sink takes it only as an input whose own stamps rise; the cycle's time is past it.
    if (passedNs < 0 && !this.#anew) return this.#datedNs;
    if (passedNs > LAPSE_NS && !this.#anew) {
      this.#counters.clockSteps++;
      this.#voidPlace();
    }
    const datedNs = Number.isNaN(this.#originNs) ? Math.max(nowNs, this.#datedNs) : this.#datedNs;
    this.#originNs = datedNs - wholeNs;
    return datedNs;
  }

  /** One more sense was refused for its stamp. @returns whether that has gone on for long enough to follow it */
  #clockWasSet(nowNs: number): boolean {
    if (this.#badStamps === 0) this.#badStampsSinceNs = nowNs;
    this.#badStamps++;
    if (this.#badStamps < CLOCK_STEP_SENSES || nowNs - this.#badStampsSinceNs < CLOCK_STEP_NS) return false;
    this.#badStamps = 0;
    this.#counters.clockSteps++;
    return true;
  }

  #takeHeartbeat(heartbeat: Heartbeat, nowNs: number): void {
    this.#theirHeartbeatS = heartbeat.t;
    this.#heartbeatReceivedNs = nowNs;
    if (this.#hello.clock !== 'real' || heartbeat.e === undefined || heartbeat.d === undefined) return;
    this.#offset.exchange(heartbeat.e, heartbeat.d, heartbeat.t, nowNs / NS_PER_S);
  }

  #sendHeartbeat(nowNs: number): void {
    this.#heartbeatDueNs = nowNs + this.#settings.heartbeatS * NS_PER_S;
    const heartbeat: Heartbeat = { m: 'heartbeat', s: this.key, t: nowNs / NS_PER_S };
    if (!Number.isNaN(this.#theirHeartbeatS)) {
      heartbeat.e = this.#theirHeartbeatS;
      heartbeat.d = (nowNs - this.#heartbeatReceivedNs) / NS_PER_S;
    }
    this.send(heartbeat);
  }

  /** The robot stands in another place, or its readings are of another time: both inputs must come anew. */
  #voidPlace(): void {
    this.controller.observations.newFrame();
    this.#odometryCame = false;
    this.#rangesCame = false;
    this.#anew = true;
    this.#stamps.fill(Number.NaN);
  }

  #updateArming(): void {
    const armed = this.#odometryCame && this.#rangesCame && !this.#stopped && !this.#ended;
    if (armed === this.#armed) return;
    this.#armed = armed;
    if (armed) this.controller.arm();
    else this.controller.disarm();
  }

  #answerStep(nowNs: number): void {
    const q = this.#stepQ;
    const t = this.#stepT;
    this.#stepping = false;
    this.#counters.accepted.sense++;
    this.#unsolicitedNs = nowNs;
    this.#keepAnswer(this.#sendCommand(q, t), q, t);
  }

  /**
   * Cycles by schedule, because no sense has come for long: what stops the robot is sent at once, and when it stands again
   * as often as a heartbeat. Anything else is not asked for, and would have the robot move without a sense.
   */
  #sendUnsolicited(nowNs: number): void {
    const { vx, vy, yawRate, reason } = this.#motion;
    if (Number.isNaN(this.#answeredQ) || !isStop(reason)) return;
    const moves = vx !== 0 || vy !== 0 || yawRate !== 0;
    const due = nowNs - this.#unsolicitedNs >= this.#settings.heartbeatS * NS_PER_S;
    if (!moves && !this.#lastMoved && reason === this.#lastWhy && !due) return;
    this.#unsolicitedNs = nowNs;
    this.#sendCommand(this.#answeredQ, this.#answeredT);
  }

  #sendFree(): void {
    if (Number.isNaN(this.#usedT)) return;
    const { vx, vy, yawRate, stampNs } = this.#motion;
    const stamps = this.#stamps;
    const mask = REMEMBERED_SENSES - 1;
    for (let back = 1; back <= REMEMBERED_SENSES; back++) {
      const i = (this.#stampNext - back) & mask;
      if (stamps[i] !== stampNs) {
        // Stamps fall from the newest to the oldest.
        if (stamps[i] > stampNs) continue;
        break;
      }
      const ready = this.#odometryCame && this.#rangesCame;
      if (ready || (vx === 0 && vy === 0 && yawRate === 0)) this.#sendCommand(this.#stampQ[i], this.#stampT[i]);
      else this.#counters.unnamed++;
      return;
    }
    if (vx === 0 && vy === 0 && yawRate === 0) this.#sendCommand(this.#usedQ, this.#usedT);
    else this.#counters.unnamed++;
  }

  /** Sends what `#motion` holds. @returns the bytes */
  #sendCommand(q: number, t: number): Uint8Array {
    const command = this.#command;
    const { vx, vy, yawRate, reason, cycle } = this.#motion;
    command.q = q;
    command.t = t;
    command.n = cycle;
    this.#twist[0] = vx;
    this.#twist[1] = vy;
    this.#twist[2] = yawRate;
    command.until = t + this.#settings.expiryS;
    command.why = reason;
    this.#lastWhy = reason;
    this.#lastMoved = vx !== 0 || vy !== 0 || yawRate !== 0;
    this.#commands++;
    this.#counters.sent.command++;
    const bytes = encodeMessage(command);
    this.#settings.send(this.#peer, bytes);
    return bytes;
  }

  #keepAnswer(bytes: Uint8Array, q: number, t: number): void {
    this.#answer = bytes;
    this.#answeredQ = q;
    this.#answeredT = t;
  }

  /** The error is the answer to this sense, and makes no step. */
  #refuseSense(code: ErrorCode, reason: string, q: number, t: number): void {
    const bytes = this.#reject(code, reason, 'sense', q);
    if (this.#hello.mode === 'lockstep') this.#keepAnswer(bytes, q, t);
  }

  #reject(code: ErrorCode, reason: string, re: string, q?: number): Uint8Array {
    const error: LinkError = { m: 'error', code, reason, re, s: this.key };
    if (q !== undefined) error.q = q;
    this.#counters.rejected[code]++;
    this.#counters.sent.error++;
    this.#errors++;
    const bytes = encodeMessage(error);
    this.#settings.send(this.#peer, bytes);
    return bytes;
  }

  #dropQueue(): void {
    this.#counters.dropped += this.#queue.length;
    this.#queue.length = 0;
  }

  #abandonStep(): void {
    if (!this.#stepping) return;
    this.#stepping = false;
    this.#counters.dropped++;
  }
}

/** Whether the cycles that drive the robot go by its time, and not by the controller's. */
function ownsTime({ mode, clock }: Hello): boolean {
  return mode === 'lockstep' && clock === 'simulated';
}

/** Whether a command of this reason brakes the robot, or holds it, for want of something that it needs. */
function isStop(reason: number): boolean {
  switch (reason) {
    case Reason.staleOdometry:
    case Reason.staleRanges:
    case Reason.staleContacts:
    case Reason.disarmed:
    case Reason.heartbeatLost:
    case Reason.fault:
    case Reason.stopping:
      return true;
    default:
      return false;
  }
}

function scanOf({ scan }: Hello, ranges: Float32Array): RangeScan {
  return {
    angleMin: scan.a0,
    angleIncrement: scan.da,
    rangeMin: scan.rmin,
    rangeMax: scan.rmax,
    count: scan.n,
    ranges,
    mountX: scan.x ?? 0,
    mountY: scan.y ?? 0,
    mountYaw: scan.yaw ?? 0,
  };
}

function sameScan({ scan: a }: Hello, { scan: b }: Hello): boolean {
  return (
    a.n === b.n &&
    a.a0 === b.a0 &&
    a.da === b.da &&
    a.rmin === b.rmin &&
    a.rmax === b.rmax &&
    (a.x ?? 0) === (b.x ?? 0) &&
    (a.y ?? 0) === (b.y ?? 0) &&
    (a.yaw ?? 0) === (b.yaw ?? 0)
  );
}

/** Whether what it senses with, and how far it reaches, is what it was. */
function sameBody(a: Hello, b: Hello): boolean {
  return a.contacts === b.contacts && a.size[0] === b.size[0] && a.size[1] === b.size[1] && sameScan(a, b);
}

/** Whether two senses of one number and stamp are one, sent twice. */
function sameReadings(a: Sense, b: Sense): boolean {
  const { ranges } = a;
  const sameRanges =
    ranges === undefined || b.ranges === undefined ? ranges === b.ranges : Buffer.compare(ranges, b.ranges) === 0;
  return sameRanges && sameNumbers(a.odom, b.odom) && sameNumbers(a.contacts, b.contacts);
}

function sameNumbers(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function describeRejection(code: RejectionCode): string {
  switch (code) {
    case Rejection.notFinite:
      return 'not a finite number, or no beam that worked';
    case Rejection.outOfRange:
      return 'out of all bounds';
    case Rejection.wrongLength:
      return 'of the wrong length';
    case Rejection.stampBack:
      return 't is before that of the last';
    case Rejection.stampStill:
      return 't is that of the last';
    default:
      return 'accepted';
  }
}
