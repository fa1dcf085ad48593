import {
  type CommandSource,
  type MotionCommand,
  type ObservationSink,
  type RangeScan,
  Rejection,
  type RejectionCode,
} from '../../src/io/port.js';
import type { LimitsTuple } from '../../src/io/zeromq/protocol/protocol.js';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { Reason } from '../../src/memory/reason.js';

const CALLS_KEPT = 1000;

/** A sink that keeps what it was given, and refuses stamps as the real one does. */
export class KeepingSink implements ObservationSink {
  /** The newest calls, oldest first. */
  readonly calls: { name: string; stampNs: number; datedNs: number; values: number[] }[] = [];
  readonly #lastNs = new Map<string, number>();
  newestOdometryNs = Number.NaN;

  odometry(stampNs: number, datedNs: number, ...values: number[]): RejectionCode {
    const code = this.#reading('odometry', stampNs, datedNs, values);
    if (code === Rejection.accepted) this.newestOdometryNs = stampNs;
    return code;
  }
  ranges(stampNs: number, datedNs: number, scan: RangeScan): RejectionCode {
    return this.#reading('ranges', stampNs, datedNs, [...scan.ranges.slice(0, Math.min(4, scan.count))]);
  }
  contacts(stampNs: number, datedNs: number, ...values: number[]): RejectionCode {
    return this.#reading('contacts', stampNs, datedNs, values);
  }
  newFrame(): void {
    this.#lastNs.clear();
    this.#keep('newFrame', Number.NaN, Number.NaN, []);
  }
  goal(stampNs: number, datedNs: number, ...values: number[]): RejectionCode {
    if (values[2] <= 0) return Rejection.outOfRange;
    this.#keep('goal', stampNs, datedNs, values);
    return Rejection.accepted;
  }
  cancelGoal(stampNs: number, datedNs: number): void {
    this.#keep('cancelGoal', stampNs, datedNs, []);
  }
  feedback(decisionId: number, reward: number, stampNs: number): RejectionCode {
    if (Math.abs(reward) > 1e6) return Rejection.outOfRange;
    this.#keep('feedback', stampNs, Number.NaN, [decisionId, reward]);
    return Rejection.accepted;
  }

  of(name: string) {
    return this.calls.filter((call) => call.name === name);
  }
  names(): string[] {
    return this.calls.map(({ name }) => name);
  }

  #reading(name: string, stampNs: number, datedNs: number, values: number[]): RejectionCode {
    const last = this.#lastNs.get(name) ?? Number.NEGATIVE_INFINITY;
    if (stampNs < last) return Rejection.stampBack;
    if (stampNs === last) return Rejection.stampStill;
    if (values.some((value) => Math.abs(value) > 1e6)) return Rejection.outOfRange;
    this.#lastNs.set(name, stampNs);
    this.#keep(name, stampNs, datedNs, values);
    return Rejection.accepted;
  }

  #keep(name: string, stampNs: number, datedNs: number, values: number[]): void {
    if (this.calls.length === CALLS_KEPT) this.calls.shift();
    this.calls.push({ name, stampNs, datedNs, values });
  }
}

/** A controller that a test plays: it answers at once, or when it is told to. */
export class PlayedController implements SessionController {
  readonly observations = new KeepingSink();
  readonly commands: CommandSource = { read: (out) => this.#read(out) };
  /** The newest orders, in the order in which they came. */
  readonly orders: string[] = [];
  /** Whether steps are answered within `awaitAnswer`. */
  atOnce = true;
  armed = false;
  lockstepOn = false;
  /** The last step's number, a 32-bit word that wraps. */
  steps = 0;
  cycles = 0;
  /** What the newest steps bore, oldest first. */
  readonly stepDates: (number | undefined)[] = [];
  /** Set one to have `begin` or `end` wait for it. */
  beginGate: Promise<unknown> | null = null;
  endGate: Promise<unknown> | null = null;
  beginError: Error | null = null;
  /** What `begin` returns. */
  begun: { policy: string; updates: number; max?: LimitsTuple } = { policy: 'lin_ts', updates: 42 };
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #command = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: Number.NaN };
  #fresh = false;
  #answered = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  nowNs(): number {
    return this.#now();
  }
  async begin(name: string): Promise<{ policy: string; updates: number; max?: LimitsTuple }> {
    this.#order(`begin ${name}`);
    await this.beginGate;
    if (this.beginError !== null) throw this.beginError;
    return this.begun;
  }
  async end(): Promise<void> {
    this.#order('end');
    await this.endGate;
  }
  arm(): void {
    this.#order('arm');
    this.armed = true;
  }
  disarm(): void {
    this.#order('disarm');
    this.armed = false;
  }
  lockstep(on: boolean): void {
    this.#order(`lockstep ${on}`);
    this.lockstepOn = on;
  }
  step(atNs?: number): number {
    if (this.stepDates.length === CALLS_KEPT) this.stepDates.shift();
    this.stepDates.push(atNs);
    this.steps = (this.steps + 1) | 0;
    if (this.atOnce) this.finish();
    return this.steps;
  }
  answered(step: number): boolean {
    return ((this.#answered - step) | 0) >= 0;
  }
  awaitAnswer(step: number): boolean {
    return this.answered(step);
  }
  onCommand(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The cycle of the newest step: its command is out, though nobody was told. */
  finish(): void {
    this.#make(this.armed ? 0.5 : 0, this.armed ? Reason.none : Reason.disarmed);
    this.#answered = this.steps;
  }

  /** A cycle by schedule, announced. */
  cycle(vx: number, reason: number = Reason.none, stampNs: number = this.observations.newestOdometryNs): void {
    this.#make(vx, reason, stampNs);
    this.announce();
  }

  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  #order(order: string): void {
    if (this.orders.length === CALLS_KEPT) this.orders.shift();
    this.orders.push(order);
  }

  #make(vx: number, reason: number, stampNs: number = this.observations.newestOdometryNs): void {
    this.#command.vx = vx;
    this.#command.reason = reason;
    this.#command.cycle = ++this.cycles;
    this.#command.stampNs = stampNs;
    this.#fresh = true;
  }

  #read(out: MotionCommand): boolean {
    Object.assign(out, this.#command);
    const fresh = this.#fresh;
    this.#fresh = false;
    return fresh;
  }
}
