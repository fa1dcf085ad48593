/**
 * What moves the robot: `cmd_vel`. Each command goes out the moment it is there; while the node is active the topic is
 * never silent, and it ends with zeros.
 *
 * Main thread. @realtime unsafe
 */
import type { CommandSource, MotionCommand } from '../../memory/observation-sink.js';
import type { ParameterValues } from '../../parameters/schema.js';
import { MotionMessage } from './cdr/write-motion.js';
import type { EntityScope } from './entity-scope.js';
import { MessageType, OutputTopic } from './names.js';
import type { RclEndpoint, RclPublisher } from './rcl.js';
import type { StampSource } from './ros-time.js';

/** How often the topic is looked at, and after how long a silence it is kept alive then: of two looks the nearer to a tenth of a
 * second, so that it is silent for 0.125 s at most [ms]. */
const LOOK_MS = 50;
const SILENCE_MS = 75;
/** How often it is looked whether those who listen expect what is sent [ms]. */
const GRAPH_MS = 1000;
/** Zeros with which it ends, and how far apart: one may be lost, and a base may take the last for long [ms]. */
const LAST_ZEROS = 5;
const ZERO_MS = 25;

export interface MotionOutputOptions {
  readonly scope: EntityScope;
  readonly parameters: Pick<
    ParameterValues,
    'enable_stamped_cmd_vel' | 'base_frame' | 'watchdog_timeout_s' | 'odometry_timeout_s' | 'ranges_timeout_s'
  >;
  readonly commands: CommandSource;
  /** Calls `listener` as soon as `commands` has something new: `Controller.onCommand`. @returns ends the calls */
  readonly onCommand: (listener: () => void) => () => void;
  readonly stamps: StampSource;
  /** Told, in a sentence, what a person must see. */
  readonly notice: (text: string) => void;
}

export class MotionOutput {
  readonly #options: MotionOutputOptions;
  readonly #publisher: RclPublisher;
  readonly #message: MotionMessage;
  readonly #type: string;
  readonly #stamp = new Int32Array(2);
  readonly #command: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
  /** So old a command is not repeated any more [ms]. */
  readonly #repeatMs: number;
  #commandMs = Number.NEGATIVE_INFINITY;
  #publishedMs = Number.NEGATIVE_INFINITY;
  #graphMs = Number.NEGATIVE_INFINITY;
  #endCommands: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** The zeros under way, and when they are through. */
  #ending: { timer: NodeJS.Timeout; left: number; done: () => void; promise: Promise<void> } | null = null;
  #mismatch = '';
  #published = 0;
  #repeated = 0;
  #failures = 0;

  /** Makes the publisher; nothing is sent until `start`. */
  constructor(options: MotionOutputOptions) {
    const { scope, parameters: p } = options;
    this.#options = options;
    this.#message = new MotionMessage(p.enable_stamped_cmd_vel, p.base_frame);
    this.#type = p.enable_stamped_cmd_vel ? MessageType.twistStamped : MessageType.twist;
    this.#publisher = scope.publisher(this.#type, OutputTopic.command, 'reliable');
    // The control thread makes one within either of these, or the controller's watchdog puts zero in its place; in lockstep
    // with a slow simulation that is as long as a silence of its inputs is borne.
    this.#repeatMs = 1e3 * Math.max(p.watchdog_timeout_s, p.odometry_timeout_s, p.ranges_timeout_s);
  }

  /** Resolved name of the topic. */
  get topic(): string {
    return this.#publisher.topic;
  }

  get started(): boolean {
    return this.#timer !== null;
  }

  /** Messages sent. */
  get published(): number {
    return this.#published;
  }

  /** Of these, those that were sent because nothing else was. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Messages that the middleware did not take. */
  get failures(): number {
    return this.#failures;
  }

  /** Who listens for another type than is sent, and what to do about it; empty where nobody does. */
  get mismatch(): string {
    return this.#mismatch;
  }

  /** Commands flow. */
  start(): void {
    if (this.started) return;
    this.#cancelZeros();
    this.#endCommands = this.#options.onCommand(() => this.#forward());
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    if (!this.#forward()) this.#keepAlive();
  }

  /**
   * Sends zero velocity, now and a few times more, then nothing. Who stops the process waits for the end of it; the first
   * zero is out when this returns.
   */
  stop(): Promise<void> {
    if (this.#ending !== null) return this.#ending.promise;
    if (!this.started) return Promise.resolve();
    this.#endFlow();
    this.#publish(0, 0, 0);
    let done = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      done = resolve;
    });
    const timer = setInterval(() => this.#lastZero(), ZERO_MS);
    this.#ending = { timer, left: LAST_ZEROS - 1, done, promise };
    return promise;
  }

  /** Lets go of everything, at once; the scope destroys the publisher. A robot that is driven is sent one zero. */
  close(): void {
    if (this.started) {
      this.#endFlow();
      this.#publish(0, 0, 0);
    }
    this.#cancelZeros();
  }

  /** Sends what is new. @returns whether anything is */
  #forward(): boolean {
    const command = this.#command;
    if (!this.#options.commands.read(command)) return false;
    this.#commandMs = performance.now();
    this.#publish(command.vx, command.vy, command.yawRate);
    return true;
  }

  #look(): void {
    const nowMs = performance.now();
    // Nobody may have said that there is one.
    if (nowMs - this.#publishedMs >= SILENCE_MS && !this.#forward()) this.#keepAlive();
    if (nowMs - this.#graphMs < GRAPH_MS) return;
    this.#graphMs = nowMs;
    this.#lookAtGraph();
  }

  #keepAlive(): void {
    const { vx, vy, yawRate } = this.#command;
    this.#repeated++;
    if (performance.now() - this.#commandMs <= this.#repeatMs) this.#publish(vx, vy, yawRate);
    else this.#publish(0, 0, 0);
  }

  #lastZero(): void {
    const ending = this.#ending;
    if (ending === null) return;
    this.#publish(0, 0, 0);
    if (--ending.left <= 0) this.#cancelZeros();
  }

  #cancelZeros(): void {
    if (this.#ending === null) return;
    clearInterval(this.#ending.timer);
    this.#ending.done();
    this.#ending = null;
  }

  #endFlow(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#endCommands?.();
    this.#endCommands = null;
    // What was ordered before the next start is not to be repeated then.
    this.#commandMs = Number.NEGATIVE_INFINITY;
  }

  #publish(vx: number, vy: number, yawRate: number): void {
    this.#publishedMs = performance.now();
    try {
      if (this.#message.stamped) this.#options.stamps.rosNowInto(this.#stamp);
      this.#message.set(this.#stamp, vx, vy, yawRate);
      this.#publisher.publish(this.#message.bytes);
      this.#published++;
    } catch (error) {
      // What could be done about it is the robot's: it stops when its commands end.
      if (this.#failures++ === 0) {
        this.#options.notice(`${this.#type} could not be sent: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  #lookAtGraph(): void {
    let subscribers: readonly RclEndpoint[];
    try {
      subscribers = this.#options.scope.node.getSubscriptionsInfoByTopic(this.topic);
    } catch {
      // Looked at again in a second.
      return;
    }
    const other = subscribers.find(({ topic_type: type }) => type !== this.#type);
    const mismatch = other === undefined ? '' : this.#describe(other);
    if (mismatch !== '' && mismatch !== this.#mismatch) this.#options.notice(mismatch);
    this.#mismatch = mismatch;
  }

  #describe({ node_name: name, node_namespace: namespace, topic_type: type }: RclEndpoint): string {
    const node = `${namespace === '/' ? '' : namespace}/${name}`;
    const wants = `${node} subscribes to ${this.topic} as ${type}, and ${this.#type} is published: it hears nothing`;
    if (type !== MessageType.twist && type !== MessageType.twistStamped) return wants;
    return `${wants}. Set enable_stamped_cmd_vel to ${type === MessageType.twistStamped}`;
  }
}
