/**
 * What the controller commands, on its way to the robot: named by the sense that it rests on, with its expiry on the robot's
 * clock. Main thread; one object a session, so that a command allocates no more than its bytes.
 */
import { Reason } from '../../../memory/reason.js';
import type { MotionCommand } from '../../port.js';
import { encodeMessage } from '../protocol/codec.js';
import type { Command } from '../protocol/protocol.js';
import type { SessionController } from './session-controller.js';
import type { StampMemory } from './stamp-memory.js';

const NS_PER_S = 1e9;

export class CommandSender {
  /** Commands sent. */
  sent = 0;
  /** Reason code of the last command; `Reason.disarmed` before the first. */
  lastWhy: number = Reason.disarmed;
  readonly #controller: SessionController;
  readonly #expiryS: number;
  readonly #heartbeatNs: number;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #onCommand: () => void;
  readonly #motion: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
  readonly #twist: [number, number, number] = [0, 0, 0];
  readonly #command: Command;
  #unsolicitedNs = Number.NEGATIVE_INFINITY;
  #lastMoved = false;
  /** Ends being told of commands; null while nobody tells. */
  #endListening: (() => void) | null = null;

  /**
   * @param session its key
   * @param times how long a command is good for, and how often a stop that nobody asked for is said again [s]
   * @param send one command, as it is on the wire; keeps the bytes
   * @param onCommand called, from `listen` on, when the controller has something new
   */
  constructor(
    controller: SessionController,
    session: number,
    times: { readonly expiryS: number; readonly heartbeatS: number },
    send: (bytes: Uint8Array) => void,
    onCommand: () => void,
  ) {
    this.#controller = controller;
    this.#expiryS = times.expiryS;
    this.#heartbeatNs = times.heartbeatS * NS_PER_S;
    this.#send = send;
    this.#onCommand = onCommand;
    this.#command = { m: 'command', s: session, q: 0, t: 0, n: 0, twist: this.#twist, until: 0, why: 0 };
  }

  /** Takes the newest command into the hand; the methods that send mean that one. @returns whether it is new */
  read(): boolean {
    return this.#controller.commands.read(this.#motion);
  }

  /** Of the command in hand. */
  get reason(): number {
    return this.#motion.reason;
  }

  listen(): void {
    this.#endListening ??= this.#controller.onCommand(this.#onCommand);
  }

  /**
   * To be told of a command costs both threads more than the command itself. Who waits for the answer need not be
   * told; what the controller commands without being asked is looked for, and told of once the robot is silent.
   */
  listenNoMore(): void {
    this.#endListening?.();
    this.#endListening = null;
  }

  /** The answer to a sense. @returns its bytes */
  answer(q: number, t: number, nowNs: number): Uint8Array {
    this.#unsolicitedNs = nowNs;
    return this.#sendAs(q, t);
  }

  /**
   * Cycles by schedule, because no sense has come for long: what stops the robot is sent at once, and when it stands again
   * as often as a heartbeat. Anything else is not asked for, and would have the robot move without a sense.
   *
   * @param q the last sense that was answered; NaN where there is none
   */
  sendUnasked(q: number, t: number, nowNs: number): void {
    const { reason } = this.#motion;
    if (Number.isNaN(q) || !isStop(reason)) return;
    const due = nowNs - this.#unsolicitedNs >= this.#heartbeatNs;
    if (this.#stands() && !this.#lastMoved && reason === this.lastWhy && !due) return;
    this.#unsolicitedNs = nowNs;
    this.#sendAs(q, t);
  }

  /**
   * Names the sense whose odometry the cycle used; standing still may rest on any.
   *
   * @param ready whether the readings are of the place where the robot is
   * @param q the newest sense that was used
   * @returns whether it was sent
   */
  sendFree(stamps: StampMemory, ready: boolean, q: number, t: number): boolean {
    const stands = this.#stands();
    if (stamps.find(this.#motion.stampNs) && (ready || stands)) this.#sendAs(stamps.q, stamps.t);
    else if (stands) this.#sendAs(q, t);
    else return false;
    return true;
  }

  /** Zero velocity, because the session ends. */
  sendStopping(q: number, t: number): void {
    const motion = this.#motion;
    motion.vx = 0;
    motion.vy = 0;
    motion.yawRate = 0;
    motion.reason = Reason.stopping;
    this.#sendAs(q, t);
  }

  #stands(): boolean {
    const { vx, vy, yawRate } = this.#motion;
    return vx === 0 && vy === 0 && yawRate === 0;
  }

  #sendAs(q: number, t: number): Uint8Array {
    const command = this.#command;
    const { vx, vy, yawRate, reason, cycle } = this.#motion;
    command.q = q;
    command.t = t;
    command.n = cycle;
    this.#twist[0] = vx;
    this.#twist[1] = vy;
    this.#twist[2] = yawRate;
    command.until = t + this.#expiryS;
    command.why = reason;
    this.lastWhy = reason;
    this.#lastMoved = !this.#stands();
    this.sent++;
    const bytes = encodeMessage(command);
    this.#send(bytes);
    return bytes;
  }
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
