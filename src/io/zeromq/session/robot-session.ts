/**
 * One robot's session, from the welcome to its end: what the robot sends goes into the controller's sink, dated; what the
 * controller commands goes back, with the sense that it rests on and its expiry on the robot's clock. Main thread; no
 * socket and no timer: time comes with each call, and what is to be sent goes to a callback.
 *
 * **A robot's clock that is set** has its offset estimated anew, and where stamps went back, what is remembered of the place
 * is void, because the sink takes falling stamps from another frame only. Until then the robot stands, for its readings are
 * stale.
 *
 * **Lockstep.** Each sense is a step of the controller, and one of them runs at a time.
 *
 * **Free.** Commands go out as they are made. Each names the sense whose odometry the cycle used, found by its stamp.
 */
import { Reason } from '../../../memory/reason.js';
import { Rejection } from '../../port.js';
import { encodeMessage } from '../protocol/codec.js';
import type { ControllerMessage, ErrorCode, Hello, LinkError, RobotMessage, Sense } from '../protocol/protocol.js';
import { CommandSender } from './command-sender.js';
import type { LinkCounters } from './link-counters.js';
import { LockstepQueue, QUEUE_SENSES } from './lockstep-queue.js';
import { ownsTime, ReadingDates } from './reading-dates.js';
import { describeRejection, SenseIntake } from './sense-intake.js';
import { SenseNumbers } from './sense-numbers.js';
import type { SessionController } from './session-controller.js';
import type { SessionStatus } from './session-status.js';

/** A step whose command has not come after so long is given up [ns]. */
const ANSWER_BOUND_NS = 1e9;
/** A robot in lockstep that has asked for no step for so long may be about to be stopped without asking [ns]. */
const LISTEN_AGAIN_NS = 50e6;
const NS_PER_S = 1e9;

/** What all sessions of a table share. */
export interface SessionSettings {
  /** [s] */
  readonly expiryS: number;
  readonly timeoutS: number;
  readonly heartbeatS: number;
  readonly toleranceS: number;
  readonly counters: LinkCounters;
  send(peer: Buffer, bytes: Uint8Array): void;
  /** How long the main thread may wait for the command of a step at once [ms]; then it is looked for. */
  answerBoundMs(): number;
  /** Calls `look` after frames and when this turn of the event loop is over; then `listen`, if a step runs still. */
  lookFor(session: RobotSession): void;
}

interface SessionStart {
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

  readonly #dates: ReadingDates;
  readonly #intake: SenseIntake;
  readonly #numbers = new SenseNumbers();
  readonly #lockstep = new LockstepQueue();
  readonly #commands: CommandSender;
  #heartbeatDueNs: number;
  /** The last sense that was used. */
  #usedQ = Number.NaN;
  #usedT = Number.NaN;
  #armed = false;
  #stopped = false;
  #ended = false;
  #senses = 0;
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
    this.#heartbeatDueNs = nowNs;
    const { controller } = this;
    const { settings } = start;
    this.#dates = new ReadingDates(start.hello, nowNs, settings.toleranceS, this.#counters, () => this.#voidPlace());
    const sendCommand = (bytes: Uint8Array) => {
      this.#counters.sent.command++;
      settings.send(this.#peer, bytes);
    };
    this.#commands = new CommandSender(controller, this.key, settings, sendCommand, onCommand);
    controller.disarm();
    this.#intake = new SenseIntake(controller.observations, start.hello, nowNs);
    controller.lockstep(start.hello.mode === 'lockstep');
    // What lies in the slot was made for the robot before.
    this.#commands.read();
    this.#commands.listen();
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
    return this.#lockstep.length + (this.#lockstep.stepping ? 1 : 0);
  }

  status(): SessionStatus {
    const { offsetS, roundTripS } = this.#dates;
    return {
      robot: this.name,
      session: this.key,
      index: this.index,
      mode: this.#hello.mode,
      clock: this.#hello.clock,
      why: this.#commands.lastWhy,
      lastSeenNs: this.#lastSeenNs,
      armed: this.#armed,
      stopped: this.#stopped,
      offsetS,
      roundTripS,
      senses: this.#senses,
      commands: this.#commands.sent,
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
    this.#numbers.beginAnew();
    this.#heartbeatDueNs = nowNs;
    this.#dates.follow(hello, wentBack, nowNs);
    const datesOtherwise = ownsTime(hello) !== ownsTime(before);
    if (hello.mode !== before.mode || datesOtherwise) {
      this.#abandonStep();
      this.#lockstep.forget();
      this.controller.lockstep(hello.mode === 'lockstep');
      this.#commands.listen();
    }
    const otherBody = this.#intake.use(hello);
    if (wentBack || hello.clock !== before.clock || datesOtherwise || otherBody) this.#voidPlace();
    this.#updateArming();
    this.#resumed = true;
    this.#used = false;
  }

  /** A message that bears the session's key. Replies, counts, and says nothing. */
  take(message: Exclude<RobotMessage, Hello>, peer: Buffer, peerKey: string, nowNs: number): void {
    this.#used = true;
    this.#lastSeenNs = nowNs;
    // A sense that was overtaken may come by an old connection; all else shows where the robot is.
    const overtaken = message.m === 'sense' && this.#numbers.isOvertaken(message.q);
    if (peerKey !== this.#peerKey && !overtaken) {
      this.#move(peer, peerKey);
      this.#counters.moved++;
    }
    switch (message.m) {
      case 'sense':
        this.#takeSense(message, nowNs);
        return;
      case 'heartbeat':
        this.#dates.takeHeartbeat(message, nowNs);
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
        const code = this.#intake.setGoal(message.goal, message.t * NS_PER_S, this.#dates.datedNs);
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
    if (nowNs - this.#lockstep.sinceNs >= LISTEN_AGAIN_NS) this.#commands.listen();
    this.pump(nowNs);
    const { stepping, sinceNs, q, t } = this.#lockstep;
    if (stepping && nowNs - sinceNs >= ANSWER_BOUND_NS) {
      this.#lockstep.end();
      this.#counters.unanswered++;
      this.#refuseSense('failed', 'the controller made no command for this sense', q, t);
      this.#drain(nowNs);
    }
  }

  /** Sends what the controller has made. */
  pump(nowNs: number): void {
    if (this.#ended) return;
    const commands = this.#commands;
    if (this.#hello.mode === 'free') {
      if (commands.read()) this.#sendFree();
      return;
    }
    const { stepping, step, answeredQ, answeredT } = this.#lockstep;
    if (!stepping) {
      if (commands.read()) commands.sendUnasked(answeredQ, answeredT, nowNs);
      return;
    }
    if (this.controller.answered(step)) {
      this.#takeAnswer(nowNs);
      return;
    }
    // A control thread that stands still answers no step any more; the main thread's zero is the answer.
    if (commands.read() && commands.reason === Reason.fault) {
      this.#answerStep(nowNs);
      this.#drain(nowNs);
    }
  }

  /** Sends the command of the step that runs, if it is out, and takes those that wait. @returns whether a step still runs */
  look(nowNs: number): boolean {
    const lockstep = this.#lockstep;
    if (lockstep.stepping && this.controller.answered(lockstep.step)) this.#takeAnswer(nowNs);
    return lockstep.stepping;
  }

  /** From here on `onCommand` is called for what the controller has. */
  listen(nowNs: number): void {
    if (this.#ended) return;
    this.#commands.listen();
    // It may have come before anybody listened.
    this.pump(nowNs);
  }

  /**
   * Ends the session, whoever wanted it: zero velocity where the robot has ever been commanded, `bye` unless it said so
   * itself, and the controller is disarmed and runs as configured. Saving is the table's business.
   */
  end(reason: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#commands.listenNoMore();
    this.controller.disarm();
    this.#armed = false;
    this.controller.lockstep(false);
    this.#dropQueue();
    this.#abandonStep();
    if (reason === null) return;
    if (!Number.isNaN(this.#usedQ)) this.#commands.sendStopping(this.#usedQ, this.#usedT);
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

  #takeSense(sense: Sense, nowNs: number): void {
    const { q, t } = sense;
    const numbers = this.#numbers;
    if (this.#hello.mode === 'free') {
      if (numbers.hasPassed(q)) {
        this.#takeLate(q, nowNs);
        return;
      }
      numbers.advance(q);
      this.#sense(sense, nowNs);
      return;
    }
    const lockstep = this.#lockstep;
    if (numbers.begins && lockstep.isOfNewRun(sense)) {
      this.#abandonStep();
      lockstep.forget();
      this.#voidPlace();
    }
    const answer = lockstep.kept(q, t);
    if (answer !== null) {
      this.#counters.duplicates++;
      this.#counters.repeated++;
      this.#settings.send(this.#peer, answer);
      return;
    }
    if (lockstep.has(q)) {
      this.#counters.duplicates++;
      return;
    }
    if (numbers.hasPassed(q)) {
      this.#reject('sequence', `q ${q} has been passed: the newest is ${numbers.newest}`, 'sense', q);
      return;
    }
    numbers.advance(q);
    if (!lockstep.stepping && lockstep.length === 0) {
      this.#sense(sense, nowNs);
      this.#drain(nowNs);
    } else if (!lockstep.push(sense)) {
      this.#counters.overflows++;
      this.#reject('failed', `${QUEUE_SENSES} senses wait for their commands already`, 'sense', q);
    }
  }

  #takeLate(q: number, nowNs: number): void {
    if (!this.#numbers.countsAnew(nowNs)) {
      this.#counters.late++;
      return;
    }
    const reason = `every sense of late has a q that has been passed, this one ${q}: the newest is ${this.#numbers.newest}`;
    this.#reject('sequence', reason, 'sense', q);
  }

  /** Takes those that wait, up to the next whose command is not there at once. */
  #drain(nowNs: number): void {
    for (;;) {
      const sense = this.#lockstep.next();
      if (sense === undefined) return;
      this.#sense(sense, nowNs);
    }
  }

  /** A sense whose turn it is. */
  #sense(sense: Sense, nowNs: number): void {
    const { q, t } = sense;
    const dates = this.#dates;
    const intake = this.#intake;
    const inLockstep = this.#hello.mode === 'lockstep';
    if (inLockstep) this.#lockstep.turn(sense);
    const stampNs = t * NS_PER_S;
    const misfit = intake.misfit(sense);
    if (misfit !== null) {
      this.#refuseSense('field', misfit, q, t);
      return;
    }
    const frame = sense.frame ?? 0;
    if (intake.isOther(frame)) dates.beginAnew();
    let datedNs = dates.date(stampNs, nowNs);
    if (Number.isNaN(datedNs)) {
      const aheadS = dates.aheadS(t, nowNs);
      if (!dates.followsSetClock(nowNs)) {
        this.#refuseSense('stamp', `t lies ${aheadS.toPrecision(3)} s in the future`, q, t);
        return;
      }
      datedNs = dates.date(stampNs, nowNs);
    }
    if (intake.enter(frame)) this.#voidPlace();
    intake.feed(sense, stampNs, datedNs);
    if (intake.allBack && dates.followsSetClock(nowNs)) {
      this.#voidPlace();
      datedNs = dates.date(stampNs, nowNs);
      intake.feed(sense, stampNs, datedNs);
    }
    const { taken, refusal } = intake;
    dates.keep(datedNs, taken, refusal !== Rejection.accepted);
    this.#updateArming();
    if (refusal !== Rejection.accepted) {
      const still = refusal === Rejection.stampBack || refusal === Rejection.stampStill;
      this.#refuseSense(still ? 'stamp' : 'reading', `${intake.refusedInput}: ${describeRejection(refusal)}`, q, t);
      return;
    }
    this.#senses++;
    this.#usedQ = q;
    this.#usedT = t;
    if (inLockstep) this.#makeStep(q, t, nowNs);
    else this.#counters.accepted.sense++;
  }

  #makeStep(q: number, t: number, nowNs: number): void {
    const { controller } = this;
    const step = ownsTime(this.#hello) ? controller.step(this.#dates.datedNs) : controller.step();
    this.#lockstep.begin(step, q, t, nowNs);
    if (!controller.awaitAnswer(step, this.#settings.answerBoundMs())) {
      this.#settings.lookFor(this);
      return;
    }
    this.#commands.read();
    this.#answerStep(nowNs);
  }

  /** The command of the step that runs is out. */
  #takeAnswer(nowNs: number): void {
    this.#commands.read();
    this.#answerStep(nowNs);
    this.#drain(nowNs);
  }

  #sendHeartbeat(nowNs: number): void {
    this.#heartbeatDueNs = nowNs + this.#settings.heartbeatS * NS_PER_S;
    this.send(this.#dates.heartbeat(this.key, nowNs));
  }

  /** The robot stands in another place, or its readings are of another time: both inputs must come anew. */
  #voidPlace(): void {
    this.#intake.voidPlace();
    this.#dates.beginAnew();
  }

  #updateArming(): void {
    const armed = this.#intake.ready && !this.#stopped && !this.#ended;
    if (armed === this.#armed) return;
    this.#armed = armed;
    if (armed) this.controller.arm();
    else this.controller.disarm();
  }

  #answerStep(nowNs: number): void {
    const { q, t } = this.#lockstep;
    this.#lockstep.end();
    this.#commands.listenNoMore();
    this.#counters.accepted.sense++;
    this.#lockstep.keep(this.#commands.answer(q, t, nowNs), q, t);
  }

  #sendFree(): void {
    if (Number.isNaN(this.#usedT)) return;
    const { stamps, ready } = this.#intake;
    if (!this.#commands.sendFree(stamps, ready, this.#usedQ, this.#usedT)) this.#counters.unnamed++;
  }

  /** The error is the answer to this sense, and makes no step. */
  #refuseSense(code: ErrorCode, reason: string, q: number, t: number): void {
    const bytes = this.#reject(code, reason, 'sense', q);
    if (this.#hello.mode === 'lockstep') this.#lockstep.keep(bytes, q, t);
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
    this.#counters.dropped += this.#lockstep.drop();
  }

  #abandonStep(): void {
    if (this.#lockstep.end()) this.#counters.dropped++;
  }
}
