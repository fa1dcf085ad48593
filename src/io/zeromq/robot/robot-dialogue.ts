/**
 * The robot's side of a session, without socket or timer: what is said when, what an answer means, and when a command no
 * longer holds. `RobotLink` gives it a socket; tests give it a virtual clock and the controller's side.
 *
 * Two clocks, both in seconds: the robot's, which stamps readings and may be simulated, and one that runs as the wall
 * clock does, by which silence is judged.
 */
import { Reason } from '../../../memory/reason.js';
import type { CommandSource, MotionCommand } from '../../port.js';
import { ClockOffset } from '../protocol/clock-offset.js';
import { decodeControllerMessage, encodeMessage } from '../protocol/codec.js';
import {
  type Command,
  type ContactsTuple,
  type ControllerMessage,
  type GoalTuple,
  type Hello,
  type LinkError,
  type OdometryTuple,
  PROTOCOL_VERSIONS,
  type Refused,
  type RobotMessage,
  type Sense,
  type Welcome,
} from '../protocol/protocol.js';

/** A hello that nobody answers is said again after this long, twice as long each time [s]. */
const HELLO_WAIT_S = 0.1;
const HELLO_WAIT_MAX_S = 1;
/** A sense in lockstep is sent again where no command has come for this long [s]. */
const RESEND_S = 0.25;
/** A robot that was cut off for sending too much waits so long before it says hello again [s]. */
const MUTED_S = 11;

/** What a robot says of itself in its hello. */
export type RobotDescription = Omit<Hello, 'm' | 'v' | 's' | 't'>;

/** What a robot has sensed since the last time; what is absent was not sensed. */
export interface RobotReading {
  /** When, on the robot's clock [s]; now where absent. */
  t?: number;
  odom?: OdometryTuple;
  /** [m], as many as `scan.n`. Copied. */
  ranges?: Float32Array;
  contacts?: ContactsTuple;
}

/**
 * `greeting`: no session yet, or none any more; hello is said until somebody answers. `refused`: the controller said that
 * it is not worth another try; a new connection is one all the same.
 */
export type DialogueState = 'greeting' | 'driving' | 'refused' | 'closed';

export interface RobotLinkEvents {
  onWelcome?: (welcome: Welcome) => void;
  onRefused?: (refused: Refused) => void;
  /** The session is over and the command void; hello is being said again. */
  onLost?: (reason: string) => void;
  /** Any other complaint of the controller's. */
  onError?: (error: LinkError) => void;
  onCommand?: (command: Command) => void;
}

export interface RobotDialogueOptions extends RobotLinkEvents {
  robot: RobotDescription;
  /** Hands one message on. @returns false where it could not be sent, and is lost */
  send: (bytes: Uint8Array) => boolean;
  /** The robot's clock [s]. */
  nowS: () => number;
  /** A monotonic clock that runs as fast as the world's [s]. */
  wallS: () => number;
}

/** A reading in lockstep that waits for its command. */
interface Exchange {
  reading: RobotReading;
  q: number;
  /** In which session, and when, it was last sent [wall s]. */
  session: number;
  sentS: number;
  resolve: (command: Command) => void;
  reject: (error: Error) => void;
}

/** Counted since the start. */
export interface DialogueCounters {
  senses: number;
  /** Senses that were not sent: no session, or no connection. */
  unsent: number;
  /** Senses sent again in lockstep. */
  resent: number;
  commands: number;
  /** Commands whose time passed before another came. */
  expired: number;
  welcomes: number;
  resumed: number;
  losses: number;
  errors: number;
  /** Messages that were none. */
  malformed: number;
}

export class RobotDialogue {
  /** Reads zero velocity where there is no session, and once the newest command has expired. */
  readonly commands: CommandSource;
  readonly counters: DialogueCounters = {
    senses: 0,
    unsent: 0,
    resent: 0,
    commands: 0,
    expired: 0,
    welcomes: 0,
    resumed: 0,
    losses: 0,
    errors: 0,
    malformed: 0,
  };
  readonly offset = new ClockOffset();
  readonly #options: RobotDialogueOptions;
  readonly #held: HeldCommand;
  #state: DialogueState = 'greeting';
  #welcome: Welcome | null = null;
  /** The session to go on with; 0 where there is none. */
  #session = 0;
  #q = 0;
  #frame = 0;
  #goal: GoalTuple | null = null;
  /** The controller has not been told of the goal. */
  #goalDue = false;
  #stopped = false;
  /** `t` of the hello that is being said; NaN where the next is a new one. */
  #helloS = Number.NaN;
  #helloAtS = Number.NEGATIVE_INFINITY;
  #helloWaitS = HELLO_WAIT_S;
  #heardS = 0;
  #heartbeatAtS = 0;
  /** `t` of the controller's newest heartbeat, and when it came on our clock. */
  #echoS = Number.NaN;
  #echoedAtS = 0;
  #exchange: Exchange | null = null;

  constructor(options: RobotDialogueOptions) {
    this.#options = options;
    this.#held = new HeldCommand(options.nowS, this.counters);
    this.commands = this.#held;
  }

  get state(): DialogueState {
    return this.#state;
  }

  /** What the controller said; null while there is no session. */
  get welcome(): Welcome | null {
    return this.#state === 'driving' ? this.#welcome : null;
  }

  /**
   * Says hello, heartbeats and open questions where they are due, and notices silence. Call it every 20 ms or so.
   *
   * @realtime unsafe
   */
  tick(): void {
    const nowS = this.#options.wallS();
    if (this.#state === 'greeting' && nowS >= this.#helloAtS) this.#greet(nowS);
    if (this.#state !== 'driving') return;
    const { timeout } = this.#welcome as Welcome;
    if (nowS - this.#heardS > timeout) {
      this.#lose(`nothing heard for ${timeout} s`, 0);
      return;
    }
    if (nowS >= this.#heartbeatAtS) this.#beat(nowS);
    const exchange = this.#exchange;
    if (exchange !== null && nowS - exchange.sentS >= RESEND_S) this.#sendExchange(exchange, nowS);
  }

  /** There is a new connection: perhaps to another controller than before. */
  connected(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'driving') {
      // A controller that knows the session goes on with it; one that does not says so at once.
      this.#beat(this.#options.wallS());
      return;
    }
    this.#state = 'greeting';
    this.#helloS = Number.NaN;
    this.#greet(this.#options.wallS());
  }

  /** Takes in one message of the controller's. @realtime unsafe */
  receive(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    let message: ControllerMessage;
    try {
      message = decodeControllerMessage(bytes);
    } catch {
      // Its sender is the controller: an answer would help nobody.
      this.counters.malformed++;
      return;
    }
    if (message.m === 'welcome') this.#onWelcome(message);
    else if (message.m === 'refused') this.#onRefused(message);
    else if (message.m === 'error') this.#onError(message);
    else if (this.#state === 'driving' && message.s === this.#session) {
      this.#heardS = this.#options.wallS();
      if (message.m === 'command') this.#onCommand(message);
      else if (message.m === 'bye') this.#onBye(message.reason ?? 'the controller said bye');
      else this.#onHeartbeat(message.t, message.e, message.d);
    }
  }

  /** The goal from here on; null: none. It goes out with the next sense. */
  goal(goal: GoalTuple | null): void {
    this.#goal = goal;
    this.#goalDue = true;
  }

  /** Odometry begins anew, or the robot was put down elsewhere; goes out with the next sense. */
  newFrame(): void {
    this.#frame++;
  }

  /** Asks to stand still, until `go`; also of sessions to come. */
  stop(reason?: string): void {
    this.#stopped = true;
    if (this.#state === 'driving')
      this.#send({ m: 'stop', s: this.#session, ...(reason === undefined ? {} : { reason }) });
  }

  go(): void {
    this.#stopped = false;
    if (this.#state === 'driving') this.#send({ m: 'go', s: this.#session });
  }

  /** What a decision earned. @param n `command.n`, as the command source gives it in `cycle` */
  feedback(n: number, reward: number): void {
    if (this.#state === 'driving') this.#send({ m: 'feedback', s: this.#session, t: this.#options.nowS(), n, reward });
  }

  /**
   * Tells what was sensed, in free mode.
   *
   * @returns its sequence number; 0 where there is no session, or no connection, and it was dropped
   * @realtime unsafe
   */
  sense(reading: RobotReading): number {
    const q = this.#state === 'driving' && this.#sendSense(reading, this.#q + 1) ? this.#q : 0;
    if (q === 0) this.counters.unsent++;
    return q;
  }

  /**
   * Tells what was sensed and waits for the command, in lockstep. Where the session is lost meanwhile the question is
   * asked again in the next one. One at a time.
   *
   * @returns (rejects) where the controller cannot use the reading, or the dialogue is closed
   */
  exchange(reading: RobotReading): Promise<Command> {
    if (this.#exchange !== null) return Promise.reject(new Error('one exchange at a time'));
    if (this.#state === 'closed') return Promise.reject(new Error('the link is closed'));
    // Asked again it is the same question, with the same stamp.
    const stamped = { ...reading, t: reading.t ?? this.#options.nowS() };
    return new Promise((resolve, reject) => {
      const exchange: Exchange = { reading: stamped, q: 0, session: 0, sentS: 0, resolve, reject };
      this.#exchange = exchange;
      if (this.#state === 'driving') this.#sendExchange(exchange, this.#options.wallS());
    });
  }

  /** Says bye; nothing is said afterwards. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'driving') this.#send({ m: 'bye', s: this.#session, reason });
    this.#state = 'closed';
    this.#held.release();
    this.#exchange?.reject(new Error('the link is closed'));
    this.#exchange = null;
  }

  #send(message: RobotMessage): boolean {
    return this.#options.send(encodeMessage(message));
  }

  #greet(nowS: number): void {
    const session = this.#session === 0 ? {} : { s: this.#session };
    // The same hello again, to the bit, is answered with the same welcome again.
    if (Number.isNaN(this.#helloS)) this.#helloS = this.#options.nowS();
    this.#send({ m: 'hello', v: PROTOCOL_VERSIONS, ...this.#options.robot, ...session, t: this.#helloS });
    this.#helloAtS = nowS + this.#helloWaitS;
    this.#helloWaitS = Math.min(HELLO_WAIT_MAX_S, 2 * this.#helloWaitS);
  }

  #beat(nowS: number): void {
    const t = this.#options.nowS();
    const echo = Number.isNaN(this.#echoS) ? {} : { e: this.#echoS, d: Math.max(0, t - this.#echoedAtS) };
    this.#send({ m: 'heartbeat', s: this.#session, t, ...echo });
    this.#heartbeatAtS = nowS + (this.#welcome as Welcome).heartbeat;
  }

  #sendSense(reading: RobotReading, q: number): boolean {
    const sense: Sense = { m: 'sense', s: this.#session, q, t: reading.t ?? this.#options.nowS(), frame: this.#frame };
    if (reading.odom !== undefined) sense.odom = reading.odom;
    if (reading.ranges !== undefined) sense.ranges = littleEndian(reading.ranges);
    if (reading.contacts !== undefined) sense.contacts = reading.contacts;
    if (this.#goalDue) sense.goal = this.#goal;
    if (!this.#send(sense)) return false;
    this.#q = q;
    this.#goalDue = false;
    this.counters.senses++;
    return true;
  }

  #sendExchange(exchange: Exchange, nowS: number): void {
    const again = exchange.session === this.#session;
    if (again) this.counters.resent++;
    const goalDue = this.#goalDue;
    if (this.#sendSense(exchange.reading, again ? exchange.q : this.#q + 1)) {
      exchange.q = this.#q;
      exchange.session = this.#session;
      // Until the command has come nobody knows whether the sense that brought the goal has arrived.
      this.#goalDue = goalDue;
    }
    exchange.sentS = nowS;
  }

  #onWelcome(welcome: Welcome): void {
    if (this.#state === 'closed' || (welcome.s === this.#session && this.#state === 'driving')) return;
    this.#state = 'driving';
    this.#welcome = welcome;
    this.#session = welcome.s;
    this.#helloWaitS = HELLO_WAIT_S;
    this.counters.welcomes++;
    if (welcome.resumed) {
      this.counters.resumed++;
    } else {
      this.#goalDue = this.#goal !== null;
      this.offset.reset();
      this.#echoS = Number.NaN;
    }
    const nowS = this.#options.wallS();
    this.#heardS = nowS;
    this.#beat(nowS);
    if (this.#stopped) this.#send({ m: 'stop', s: this.#session });
    this.#options.onWelcome?.(welcome);
    if (this.#exchange !== null && this.#state === 'driving') this.#sendExchange(this.#exchange, nowS);
  }

  #onRefused(refused: Refused): void {
    if (this.#state !== 'greeting') return;
    this.#helloS = Number.NaN;
    if (refused.retry > 0) this.#helloAtS = this.#options.wallS() + refused.retry;
    else this.#state = 'refused';
    this.#options.onRefused?.(refused);
  }

  #onError(error: LinkError): void {
    // About a session of before: it says nothing of this one.
    if (error.s !== undefined && (this.#state !== 'driving' || error.s !== this.#session)) return;
    if (error.code === 'session' || error.code === 'rate') {
      if (this.#state === 'driving') this.#lose(error.reason, error.code === 'rate' ? MUTED_S : 0);
      return;
    }
    this.counters.errors++;
    this.#options.onError?.(error);
    const exchange = this.#exchange;
    if (exchange === null || error.q !== exchange.q || exchange.session !== this.#session) return;
    this.#exchange = null;
    exchange.reject(new Error(error.reason));
  }

  #onCommand(command: Command): void {
    this.counters.commands++;
    this.#held.take(command);
    const exchange = this.#exchange;
    if (exchange !== null && exchange.session === this.#session && command.q === exchange.q) {
      this.#exchange = null;
      this.#goalDue = false;
      exchange.resolve(command);
    }
    this.#options.onCommand?.(command);
  }

  #onHeartbeat(t: number, e: number | undefined, d: number | undefined): void {
    const nowS = this.#options.nowS();
    if (e !== undefined && d !== undefined) this.offset.exchange(e, d, t, nowS);
    this.#echoS = t;
    this.#echoedAtS = nowS;
  }

  #onBye(reason: string): void {
    this.#session = 0;
    this.#lose(reason, HELLO_WAIT_S);
  }

  #lose(reason: string, waitS: number): void {
    this.counters.losses++;
    this.#state = 'greeting';
    this.#helloS = Number.NaN;
    this.#held.release();
    this.#helloAtS = this.#options.wallS() + waitS;
    this.#helloWaitS = HELLO_WAIT_S;
    this.#options.onLost?.(reason);
  }
}

/** The newest command, for as long as it holds. */
class HeldCommand implements CommandSource {
  readonly #nowS: () => number;
  readonly #counters: DialogueCounters;
  #command: Command | null = null;
  #fresh = false;

  constructor(nowS: () => number, counters: DialogueCounters) {
    this.#nowS = nowS;
    this.#counters = counters;
  }

  take(command: Command): void {
    this.#command = command;
    this.#fresh = true;
  }

  /** Zero velocity from now on, new once. */
  release(): void {
    if (this.#command === null) return;
    this.#command = null;
    this.#fresh = true;
  }

  read(out: MotionCommand): boolean {
    const command = this.#command;
    if (command !== null && isMotion(command) && this.#nowS() >= command.until) {
      this.#counters.expired++;
      this.release();
    }
    const held = this.#command;
    out.vx = held === null ? 0 : held.twist[0];
    out.vy = held === null ? 0 : held.twist[1];
    out.yawRate = held === null ? 0 : held.twist[2];
    out.stampNs = held === null ? Number.NaN : held.t * 1e9;
    if (held !== null) out.cycle = held.n;
    out.reason = held === null ? Reason.heartbeatLost : held.why;
    const fresh = this.#fresh;
    this.#fresh = false;
    return fresh;
  }
}

/** A zero twist does not expire. */
function isMotion({ twist }: Command): boolean {
  return twist[0] !== 0 || twist[1] !== 0 || twist[2] !== 0;
}

const BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

/** The bytes of the ranges as the wire has them. A view where the machine's order is the wire's. */
function littleEndian(ranges: Float32Array): Uint8Array {
  const bytes = Buffer.from(ranges.buffer, ranges.byteOffset, ranges.byteLength);
  return BIG_ENDIAN ? Buffer.from(bytes).swap32() : bytes;
}
