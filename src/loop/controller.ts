/**
 * The main thread's side of the control thread: starts it, gives it orders, shows it that the main thread lives, watches
 * that it lives itself, and ends it. Everything here may allocate and take its time.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../core/assert.js';
import { MonotonicClock } from '../core/clock.js';
import { CommandReader } from '../memory/command-reader.js';
import { ControlMemory, type LayoutSizes, Order, Progress, planControlLayout, Resting } from '../memory/layout.js';
import type { CommandSource, MotionCommand, ObservationSink } from '../memory/observation-sink.js';
import { Reason } from '../memory/reason.js';
import { Watchdog } from '../safety/watchdog.js';
import { ValidatingSink } from '../sense/validating-sink.js';
import type { ScheduleOptions } from './schedule.js';
import { ControlStatistics } from './statistics.js';
import { Phase, WORKER_ROLE, type WorkerData, type WorkerReport } from './worker.js';
import { locateWorker } from './worker-location.js';

/** How often the main thread shows life, checks the control thread's and reads its decisions, at the least. [ms] */
const TICK_MAX_MS = 20;
/** Both timeouts span so many ticks, so that one late timer is no alarm. */
const TICKS_PER_TIMEOUT = 4;
/** How often a snapshot that was asked for is looked for [ms]. */
const SNAPSHOT_POLL_MS = 2;
/** How long a control thread may take to build its memory and cycle [ms]. */
const START_BOUND_MS = 20_000;
/** How long it may take to stop before it is ended by force [ms]. */
const STOP_BOUND_MS = 1000;
/** How often a stop looks whether the robot rests. [ms] */
const REST_POLL_MS = 5;
/** How long a snapshot may take [ms]. */
const SNAPSHOT_BOUND_MS = 1000;
/** How long the main thread sleeps on the command word before it looks whether it still should [ms]. */
const COMMAND_WAIT_MS = 1000;
const NS_PER_MS = 1e6;

/**
 * Why the main thread took over: the control thread's counter stood still, the thread ended unasked, or it did not end
 * when asked.
 */
export type StallCause = 'stalled' | 'died' | 'unstoppable';

export type ControllerState = 'idle' | 'starting' | 'running' | 'stalled' | 'latched' | 'dead' | 'stopped';

export interface ControllerOptions {
  sizes: LayoutSizes;
  schedule: ScheduleOptions;
  /** For `ControlLoop`; must survive structured cloning. */
  parameters: unknown;
  extras?: unknown;
  /** How long the count of cycles may stand still [ns]. */
  watchdogTimeoutNs: number;
  /** After what time without a heartbeat the control thread stops the robot [ns]; sets how often one is given. */
  heartbeatTimeoutNs: number;
  /**
   * The control thread cannot be relied on: send the robot zero velocity now, past the control thread. Called once at
   * each such event; meanwhile `commands` yields zero velocity as well.
   */
  onStall: (cause: StallCause, detail: string) => void;
  /** The control thread counts cycles again after a stall. */
  onRecovery?: () => void;
  /** A cycle threw; the control thread stands still and sends zero velocity. */
  onLatch?: (message: string, stack: string) => void;
  /** Time that the two threads share; a new one where absent. */
  clock?: MonotonicClock;
  /** A module that exports another `ControlLoop`: tests put one in that blocks or throws. */
  loopModule?: URL;
}

export interface StopOptions {
  /** [ms] */
  boundMs?: number;
  /** Take a last snapshot, after the robot was told to stop. */
  snapshot?: boolean;
}

export interface StopResult {
  /** The control thread ended by itself within the bound. */
  orderly: boolean;
  /** The learned state; null where none was asked for or none could be had. */
  snapshot: Uint8Array | null;
}

export class Controller {
  readonly memory: ControlMemory;
  readonly clock: MonotonicClock;
  readonly statistics: ControlStatistics;
  /** The newest command for the port: the control thread's, or zero while that thread cannot be relied on. */
  readonly commands: CommandSource;
  /**
   * The way in, for the port and for the program: there is one for each controller. `observations.feedback` tells what a
   * decision earned, by the id that `onDecision` gives as `DecisionField.cycle` and `commands` as `cycle`.
   */
  readonly observations: ObservationSink;
  readonly #options: ControllerOptions;
  readonly #watchdog: Watchdog;
  readonly #commands: GuardedCommands;
  readonly #record: Float64Array;
  readonly #decisionListeners = new Set<(record: Float64Array) => void>();
  readonly #commandListeners = new Set<() => void>();
  #state: ControllerState = 'idle';
  #worker: Worker | null = null;
  #timer: NodeJS.Timeout | null = null;
  #exited: Promise<void> = Promise.resolve();
  #snapshots: Promise<unknown> = Promise.resolve();
  #fault = '';
  #waitingForCommands = false;

  /** Allocates the shared memory; nothing runs until `start`. Fill in what was learned before between the two. */
  constructor(options: ControllerOptions) {
    this.#options = options;
    this.memory = new ControlMemory(planControlLayout(options.sizes));
    this.clock = options.clock ?? new MonotonicClock();
    this.statistics = new ControlStatistics(this.memory.buffer, this.memory.layout.statistics);
    this.#watchdog = new Watchdog(options.watchdogTimeoutNs);
    this.#commands = new GuardedCommands(this.memory);
    this.commands = this.#commands;
    this.observations = new ValidatingSink(this.memory);
    this.#record = new Float64Array(this.memory.decisions.recordDoubles);
  }

  get state(): ControllerState {
    return this.#state;
  }

  /** What the control thread failed of; empty while it has not. */
  get fault(): string {
    return this.#fault;
  }

  /** Cycles begun. */
  get cycles(): number {
    return Atomics.load(this.memory.progress, Progress.cycles) >>> 0;
  }

  /**
   * Starts the control thread, disarmed.
   *
   * @returns when it waits for its first cycle
   * @throws what kept it from building its cycle
   */
  start(): Promise<void> {
    assert(this.#state === 'idle', 'a controller starts once');
    this.#state = 'starting';
    const location = locateWorker();
    const data: WorkerData = {
      role: WORKER_ROLE,
      buffer: this.memory.buffer,
      sizes: this.#options.sizes,
      originNs: this.clock.originNs,
      schedule: this.#options.schedule,
      loopModule: (this.#options.loopModule ?? location.loop).href,
      parameters: this.#options.parameters,
      extras: this.#options.extras,
    };
    const worker = new Worker(location.worker, { ...location.options, workerData: data, name: 'rfsn-control' });
    this.#worker = worker;
    const timeoutNs = Math.min(this.#options.watchdogTimeoutNs, this.#options.heartbeatTimeoutNs);
    const tickMs = Math.max(1, Math.min(TICK_MAX_MS, Math.floor(timeoutNs / NS_PER_MS / TICKS_PER_TIMEOUT)));
    this.#timer = setInterval(() => this.#tick(), tickMs);
    return new Promise((resolve, reject) => {
      const bound = setTimeout(() => {
        this.#fail('died', `the control thread was not ready after ${START_BOUND_MS} ms`);
        void worker.terminate();
      }, START_BOUND_MS);
      worker.on('message', (report: WorkerReport) => {
        if (report.kind === 'latched') this.#latch(report.message, report.stack);
        else if (this.#state === 'starting') {
          clearTimeout(bound);
          this.#state = 'running';
          this.#watchdog.restart();
          resolve();
        }
      });
      worker.on('error', (error) => this.#fail('died', error instanceof Error ? error.message : String(error)));
      this.#exited = new Promise((ended) => {
        worker.on('exit', (code) => {
          clearTimeout(bound);
          if (Atomics.load(this.memory.progress, Progress.phase) !== Phase.ended) {
            this.#fail('died', `the control thread ended with code ${code}`);
          }
          reject(new Error(this.#fault || 'the control thread ended before its first cycle'));
          ended();
        });
      });
    });
  }

  /** Lets the robot move. */
  arm(): void {
    Atomics.store(this.memory.orders, Order.armed, 1);
  }

  /** Stops the robot; cycles and their decisions go on, learning does not. */
  disarm(): void {
    Atomics.store(this.memory.orders, Order.armed, 0);
  }

  /** Stops learning and exploration, or lets them go on. */
  freeze(frozen: boolean): void {
    Atomics.store(this.memory.orders, Order.freeze, frozen ? 1 : 0);
  }

  /**
   * Asks the control thread for a copy of the learned state. Requests queue: each is answered by a state not older than
   * the call.
   *
   * @returns bytes of the caller's own
   * @throws where the control thread does not answer within the bound, or no longer runs
   */
  snapshot(boundMs = SNAPSHOT_BOUND_MS): Promise<Uint8Array> {
    const taken = this.#snapshots.then(() => this.#takeSnapshot(boundMs));
    this.#snapshots = taken.catch(() => undefined);
    return taken;
  }

  /**
   * Calls `listener` with every decision, in order, within a tick of its making. The record is reused: copy what is to
   * last. What the ring dropped is counted in `memory.decisions.droppedCount`.
   *
   * @returns ends the calls
   */
  onDecision(listener: (record: Float64Array) => void): () => void {
    this.#decisionListeners.add(listener);
    return () => this.#decisionListeners.delete(listener);
  }

  /**
   * Calls `listener` as soon as `commands` has something new, for ports that send rather than poll.
   *
   * @returns ends the calls
   */
  onCommand(listener: () => void): () => void {
    this.#commandListeners.add(listener);
    void this.#awaitCommands();
    return () => this.#commandListeners.delete(listener);
  }

  /**
   * Ends the control thread. The robot comes first: it is disarmed, then (if asked) the learned state is taken, then the
   * thread is told to stop, which sends zero velocity once more. Whoever owns the port stops it afterwards. A thread that
   * does not obey within the bound counts as stalled and is ended by force.
   */
  /** Waits until the robot has been braked to a standstill, or for as long as is allowed. */
  async #resting(boundMs: number): Promise<void> {
    const { progress } = this.memory;
    const cycle = this.cycles;
    for (let waitedMs = 0; waitedMs < boundMs; waitedMs += REST_POLL_MS) {
      if (this.#state !== 'running' || Atomics.load(progress, Progress.phase) === Phase.ended) return;
      // The first cycle that knows of the order must have run.
      const knows = ((this.cycles - cycle) | 0) >= 2;
      if (knows && Atomics.load(progress, Progress.resting) === Resting.yes) return;
      await new Promise((resolve) => setTimeout(resolve, REST_POLL_MS));
    }
  }

  async stop(options: StopOptions = {}): Promise<StopResult> {
    const boundMs = options.boundMs ?? STOP_BOUND_MS;
    this.disarm();
    await this.#resting(boundMs);
    let snapshot: Uint8Array | null = null;
    if (options.snapshot === true) snapshot = await this.snapshot(boundMs).catch(() => null);
    const { orders, progress } = this.memory;
    Atomics.store(orders, Order.stop, 1);
    Atomics.notify(orders, Order.stop);
    Atomics.add(orders, Order.wake, 1);
    Atomics.notify(orders, Order.wake);
    if (!(await settlesWithin(this.#exited, boundMs))) {
      this.#fail('unstoppable', `the control thread did not stop within ${boundMs} ms`);
      await this.#worker?.terminate();
    }
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#drainDecisions();
    this.#notifyCommandListeners();
    const orderly = Atomics.load(progress, Progress.phase) === Phase.ended;
    if (this.#state !== 'dead') this.#state = 'stopped';
    // Ends the wait for commands that nobody will announce any more.
    Atomics.notify(progress, Progress.commands);
    return { orderly, snapshot };
  }

  #tick(): void {
    Atomics.add(this.memory.orders, Order.heartbeat, 1);
    if (this.#state === 'running' || this.#state === 'stalled' || this.#state === 'latched') this.#watch();
    this.#drainDecisions();
  }

  #watch(): void {
    const expired = this.#watchdog.observe(this.cycles, this.clock.nowNs());
    if (this.#state === 'stalled') {
      if (!expired) this.#recover();
      else this.#commands.repeat();
    } else if (expired) {
      const ageMs = Math.round(this.#watchdog.ageNs / NS_PER_MS);
      this.#state = 'stalled';
      this.#takeOver('stalled', `the control thread has begun no cycle for ${ageMs} ms`);
    }
  }

  #recover(): void {
    this.#commands.release();
    this.#state = Atomics.load(this.memory.progress, Progress.latched) === 1 ? 'latched' : 'running';
    this.#options.onRecovery?.();
  }

  #latch(message: string, stack: string): void {
    this.#fault = message;
    if (this.#state !== 'dead') this.#state = 'latched';
    this.#options.onLatch?.(message, stack);
  }

  /** The control thread is lost for good. */
  #fail(cause: StallCause, detail: string): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#fault = detail;
    this.#takeOver(cause, detail);
  }

  #takeOver(cause: StallCause, detail: string): void {
    this.#commands.hold();
    this.#options.onStall(cause, detail);
    this.#notifyCommandListeners();
  }

  async #takeSnapshot(boundMs: number): Promise<Uint8Array> {
    const { orders, progress } = this.memory;
    const request = (Atomics.add(orders, Order.snapshotRequest, 1) + 1) | 0;
    const endNs = this.clock.nowNs() + boundMs * NS_PER_MS;
    while (Atomics.load(progress, Progress.snapshotDone) !== request) {
      if (this.#state !== 'running' && this.#state !== 'stalled') {
        throw new Error(`no snapshot: the controller is ${this.#state}${this.#fault && `: ${this.#fault}`}`);
      }
      if (this.clock.nowNs() > endNs) throw new Error(`no snapshot: the control thread took more than ${boundMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, SNAPSHOT_POLL_MS));
    }
    // The control thread leaves the region alone until the next request.
    return this.memory.snapshot.slice();
  }

  #drainDecisions(): void {
    const ring = this.memory.decisions;
    // No more than the ring holds, so that a fast writer cannot keep the main thread here.
    for (let i = 0; i < ring.capacity && ring.read(this.#record); i++) {
      for (const listener of this.#decisionListeners) listener(this.#record);
    }
  }

  #notifyCommandListeners(): void {
    for (const listener of this.#commandListeners) listener();
  }

  async #awaitCommands(): Promise<void> {
    if (this.#waitingForCommands) return;
    this.#waitingForCommands = true;
    const progress = this.memory.progress;
    let seen = Atomics.load(progress, Progress.commands);
    while (this.#commandListeners.size > 0 && this.#state !== 'stopped' && this.#state !== 'dead') {
      const wait = Atomics.waitAsync(progress, Progress.commands, seen, COMMAND_WAIT_MS);
      if (wait.async) await wait.value;
      const now = Atomics.load(progress, Progress.commands);
      if (now === seen) continue;
      seen = now;
      this.#notifyCommandListeners();
    }
    this.#waitingForCommands = false;
  }
}

/** The command slot, with zero velocity in front of it while the control thread cannot be relied on. */
class GuardedCommands implements CommandSource {
  readonly #memory: ControlMemory;
  readonly #reader: CommandReader;
  #held = false;
  /** The slot's content is from before it was held. */
  #void = false;
  #fresh = false;

  constructor(memory: ControlMemory) {
    this.#memory = memory;
    this.#reader = new CommandReader(memory.command);
  }

  /** From now on zero velocity, new once, and once more at each `repeat`. */
  hold(): void {
    this.#held = true;
    this.#fresh = true;
  }

  repeat(): void {
    this.#fresh = true;
  }

  /** Back to the slot, as soon as there is something new in it. */
  release(): void {
    this.#memory.command.take();
    this.#held = false;
    this.#void = true;
  }

  read(out: MotionCommand): boolean {
    if (!this.#held) {
      const fresh = this.#reader.read(out);
      if (fresh) this.#void = false;
      if (!this.#void) return fresh;
    }
    out.vx = 0;
    out.vy = 0;
    out.yawRate = 0;
    out.cycle = Atomics.load(this.#memory.progress, Progress.cycles);
    out.reason = Reason.fault;
    const fresh = this.#fresh;
    this.#fresh = false;
    return fresh;
  }
}

async function settlesWithin(promise: Promise<void>, boundMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, boundMs, false);
  });
  try {
    return await Promise.race([promise.then(() => true), bound]);
  } finally {
    clearTimeout(timer);
  }
}
