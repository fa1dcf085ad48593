/**
 * A robot's link to the controller: the protocol of docs/zeromq-protocol.md on a DEALER socket. Keeps the session alive,
 * says hello again where it is lost, and stops the robot by itself where commands fail to come.
 */
import type { CommandSource } from '../../port.js';
import type { Command, GoalTuple, Welcome } from '../protocol/protocol.js';
import { loadZeromq } from '../socket/library.js';
import {
  type DialogueCounters,
  type DialogueState,
  type RobotDescription,
  RobotDialogue,
  type RobotLinkEvents,
  type RobotReading,
} from './robot-dialogue.js';

/** How often silence, heartbeats and open questions are looked after [ms]. */
const TICK_MS = 20;
/** A connection that broke is tried again after this long [ms]. */
const RECONNECT_MS = 50;
const RECONNECT_MAX_MS = 500;
/** What waits to be sent: a reading that had to wait longer is worth nothing. */
const HIGH_WATER_MARK = 16;
/** How long a bye may take to leave [ms]. */
const LINGER_MS = 200;

/** Keys in Z85, 40 characters each, as certificates have them. */
export interface CurveKeys {
  serverKey: string;
  publicKey: string;
  secretKey: string;
}

export interface RobotLinkOptions extends RobotLinkEvents {
  /** `tcp://ADDRESS:PORT` or `ipc://PATH`, as the controller prints it. */
  endpoint: string;
  robot: RobotDescription;
  /** Needed where the controller has keys. */
  curve?: CurveKeys;
  /** The robot's clock [s]; the process's monotonic clock where absent. */
  nowS?: () => number;
}

const monotonicS = (): number => performance.now() / 1e3;

export class RobotLink {
  /**
   * The newest command. It reads zero velocity once the command has expired, and while there is no session: whoever
   * applies what it says at every step needs no other watchdog.
   */
  readonly commands: CommandSource;
  readonly #dialogue: RobotDialogue;
  readonly #socket: import('zeromq').Dealer;
  readonly #timer: NodeJS.Timeout;
  readonly #welcomed = new Set<{ resolve: (welcome: Welcome) => void; reject: (error: Error) => void }>();
  #connected = false;
  #closed = false;

  /**
   * Begins to connect, and to say hello; `welcomed` settles once there is a session.
   *
   * @throws where the library `zeromq` is missing, or the endpoint is none
   * @realtime unsafe
   */
  static async open(options: RobotLinkOptions): Promise<RobotLink> {
    const { Dealer } = await loadZeromq();
    const { curve } = options;
    const socket = new Dealer({
      // Nothing blocks. ZMQ_IMMEDIATE stays off: with it a connection that ends takes along what was received over it
      // and not read yet, such as the last command and the bye.
      sendTimeout: 0,
      sendHighWaterMark: HIGH_WATER_MARK,
      reconnectInterval: RECONNECT_MS,
      reconnectMaxInterval: RECONNECT_MAX_MS,
      linger: LINGER_MS,
      ...(curve === undefined
        ? {}
        : { curveServerKey: curve.serverKey, curvePublicKey: curve.publicKey, curveSecretKey: curve.secretKey }),
    });
    try {
      return new RobotLink(options, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  private constructor(options: RobotLinkOptions, socket: import('zeromq').Dealer) {
    this.#socket = socket;
    this.#dialogue = new RobotDialogue({
      ...options,
      nowS: options.nowS ?? monotonicS,
      wallS: monotonicS,
      send: (bytes) => this.#send(bytes),
      onWelcome: (welcome) => {
        for (const { resolve } of this.#welcomed) resolve(welcome);
        this.#welcomed.clear();
        options.onWelcome?.(welcome);
      },
    });
    this.commands = this.#dialogue.commands;
    socket.events.on('handshake', () => {
      this.#connected = true;
      this.#dialogue.connected();
    });
    socket.events.on('disconnect', () => {
      this.#connected = false;
    });
    socket.connect(options.endpoint);
    void this.#receive();
    this.#timer = setInterval(() => this.#dialogue.tick(), TICK_MS);
  }

  get state(): DialogueState {
    return this.#dialogue.state;
  }

  /** What the controller said; null while there is no session. */
  get welcome(): Welcome | null {
    return this.#dialogue.welcome;
  }

  /** Whether somebody is at the other end, with or without a session. */
  get connected(): boolean {
    return this.#connected;
  }

  get counters(): Readonly<DialogueCounters> {
    return this.#dialogue.counters;
  }

  /** The controller's clock minus the robot's [s]; NaN until known. */
  get clockOffsetS(): number {
    const { offset } = this.#dialogue;
    return offset.known ? offset.offsetS : Number.NaN;
  }

  /** @returns when there is a session; rejects when the link is closed before */
  welcomed(): Promise<Welcome> {
    const { welcome } = this;
    if (welcome !== null) return Promise.resolve(welcome);
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new Error('the link is closed'));
      else this.#welcomed.add({ resolve, reject });
    });
  }

  /** Tells what was sensed, in free mode. @returns its sequence number; 0 where it could not be sent */
  sense(reading: RobotReading): number {
    return this.#dialogue.sense(reading);
  }

  /** Tells what was sensed and waits for the command, in lockstep; over a lost session, if need be. One at a time. */
  exchange(reading: RobotReading): Promise<Command> {
    return this.#dialogue.exchange(reading);
  }

  /** The goal from here on; null: none. */
  goal(goal: GoalTuple | null): void {
    this.#dialogue.goal(goal);
  }

  /** Odometry begins anew, or the robot was put down elsewhere. */
  newFrame(): void {
    this.#dialogue.newFrame();
  }

  /** Asks to stand still, and that nothing be learned, until `go`. */
  stop(reason?: string): void {
    this.#dialogue.stop(reason);
  }

  go(): void {
    this.#dialogue.go();
  }

  /** What a decision earned. @param n `cycle` of the command */
  feedback(n: number, reward: number): void {
    this.#dialogue.feedback(n, reward);
  }

  /** Says bye and lets go of the socket. May be called twice. */
  close(reason = 'the robot ends'): void {
    if (this.#closed) return;
    clearInterval(this.#timer);
    this.#dialogue.close(reason);
    this.#closed = true;
    for (const { reject } of this.#welcomed) reject(new Error('the link is closed'));
    this.#welcomed.clear();
    this.#socket.close();
  }

  #send(bytes: Uint8Array): boolean {
    // Nothing waits for a controller that is not there: readings are worth nothing later.
    if (this.#closed || !this.#connected || !this.#socket.writable) return false;
    // With a timeout of 0 it is sent or refused within the call; the promise only says which.
    this.#socket.send(bytes).catch(() => undefined);
    return true;
  }

  async #receive(): Promise<void> {
    try {
      for await (const frames of this.#socket) if (frames.length === 1) this.#dialogue.receive(frames[0]);
    } catch {
      // The socket was closed while it waited.
    }
  }
}
