/**
 * The main thread's side of the control thread: starts it, gives it orders, shows it that the main thread lives, watches
 * that it lives itself, and ends it. Everything here may allocate and take its time.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../core/assert.js';
import { MonotonicClock } from '../core/clock.js';
import { CommandReader } from '../memory/command-reader.js';
import {
  ASKED_STEPS,
  ControlMemory,
  DecisionField,
  ExplanationField,
  type LayoutSizes,
  Order,
  Pace,
  Progress,
  planControlLayout,
  Resting,
  RestoreResult,
  STEP_DATE_DOUBLES,
  StepDateField,
} from '../memory/layout.js';
import type { CommandSource, MotionCommand, ObservationSink } from '../memory/observation-sink.js';
import { Reason } from '../memory/reason.js';
import type { ParameterValue } from '../parameters/schema.js';
import { Watchdog } from '../safety/watchdog.js';
import { type ReadingTap, ValidatingSink } from '../sense/validating-sink.js';
import type { ScheduleOptions } from './schedule.js';
import { ControlStatistics } from './statistics.js';
import { type TunableName, Tuning } from './tuning.js';
import { Phase, WORKER_ROLE, type WorkerData, type WorkerReport } from './worker.js';
import { locateWorker } from './worker-location.js';

/** How often the main thread shows life, checks the control thread's and reads its decisions, at the least. [ms] */
const TICK_MAX_MS = 20;
/** Both timeouts span so many ticks, so that one late timer is no alarm. */
const TICKS_PER_TIMEOUT = 4;
/** How often the answer to a request is looked for [ms]. */
const REQUEST_POLL_MS = 2;
/** How long a control thread may take to build its memory and cycle [ms]. */
const START_BOUND_MS = 20_000;
/** How long it may take to stop before it is ended by force [ms]. */
const STOP_BOUND_MS = 1000;
/** How often a stop looks whether the robot rests. [ms] */
const REST_POLL_MS = 5;
/** How long a snapshot or a restore may take [ms]. */
const REQUEST_BOUND_MS = 1000;
/**
 * A wait for an answer looks for it so long before it sleeps [ns]: a cycle takes a few tens of microseconds, and waking
 * from a sleep takes longer than that.
 */
const ANSWER_SPIN_NS = 200_000;
const NS_PER_MS = 1e6;
/** Stretches are counted so far, then from 1. */
const MAX_STRETCH = 0x7fffffff;

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

/** A learned state, as the two parts of a snapshot. */
export interface LearnedParts {
  readonly policy: Uint8Array;
  readonly scaler: Uint8Array;
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
  /** The parameters that `tune` changes. */
  readonly tunable: readonly TunableName[];
  readonly #options: ControllerOptions;
  readonly #watchdog: Watchdog;
  readonly #commands: GuardedCommands;
  readonly #record: Float64Array;
  readonly #decisionListeners = new Set<(record: Float64Array) => void>();
  readonly #commandListeners = new Set<() => void>();
  readonly #readingListeners = new Set<ReadingTap>();
  readonly #restoreListeners = new Set<(restores: number, learned: LearnedParts) => void>();
  readonly #explanationListeners = new Set<(record: Float64Array) => void>();
  readonly #explanation: Float64Array;
  /** How many want decisions explained. */
  #explaining = 0;
  /** The newest that listeners were told of. */
  #lastDecision = -1;
  #state: ControllerState = 'idle';
  #worker: Worker | null = null;
  #timer: NodeJS.Timeout | null = null;
  #exited: Promise<void> = Promise.resolve();
  #requests: Promise<unknown> = Promise.resolve();
  #vitals: Promise<void> | null = null;
  readonly #tuning: Tuning;
  #step = 0;
  /** The stretch of dated steps under way, 0 where there is none, and the last there was. */
  #stretch = 0;
  #lastStretch = 0;
  #fault = '';
  #waitingForCommands = false;
  /** It is being stopped: whoever drives has no say any more. */
  #stopping = false;

  /** Allocates the shared memory; nothing runs until `start`. Fill in what was learned before between the two. */
  constructor(options: ControllerOptions) {
    this.#options = options;
    this.memory = new ControlMemory(planControlLayout(options.sizes));
    this.clock = options.clock ?? new MonotonicClock();
    this.statistics = new ControlStatistics(this.memory.buffer, this.memory.layout.statistics);
    this.#watchdog = new Watchdog(options.watchdogTimeoutNs);
    this.#commands = new GuardedCommands(this.memory);
    this.commands = this.#commands;
    this.observations = new ValidatingSink(this.memory, (input, doubles, beams) => {
      for (const listener of this.#readingListeners) listener(input, doubles, beams);
    });
    this.#record = new Float64Array(this.memory.decisions.recordDoubles);
    this.#explanation = new Float64Array(this.memory.explanations.recordDoubles);
    this.#tuning = new Tuning(options.parameters);
    this.tunable = this.#tuning.names;
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

  /** Whether the robot may move. */
  get armed(): boolean {
    return Atomics.load(this.memory.orders, Order.armed) === 1;
  }

  /** Lets the robot move; not from the beginning of `stop` on. */
  arm(): void {
    if (this.#stopping) return;
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
   * Chooses what starts cycles: with `true` each `step`, with `false` what is configured. May be changed at any time; a
   * step that is asked for while cycles run as configured is answered by the next of them.
   *
   * In lockstep cycles run by schedule after `ScheduleOptions.patienceNs` without a step, so that a robot that has gone
   * silent is still told to stop.
   *
   * Either way cycles go by the controller's clock again, until a step bears a time; where steps did so before, readings
   * and what is remembered are void.
   *
   * From the beginning of `stop` on cycles run as configured: nobody can keep back those that brake the robot.
   */
  lockstep(on: boolean): void {
    this.#stretch = 0;
    Atomics.store(this.memory.orders, Order.stretch, 0);
    this.#setPace(on ? Pace.lockstep : Pace.configured);
  }

  /**
   * Lets a robot that this thread simulates have a time of its own: from now on each `step(atNs)` is a cycle, and between
   * two of them time stands, however long. No cycle comes for silence, as in lockstep: a robot that is not simulated
   * further does not move. Should this thread's heartbeat be lost, cycles run by schedule and find what they know too old.
   *
   * `lockstep` ends it, either way, and `stop`. Not for a robot that moves by itself.
   *
   * @param fromNs where its time begins: the controller's own, for a world that goes on from where it is
   */
  simulate(fromNs: number): void {
    assert(Number.isFinite(fromNs), 'a simulated robot’s time begins at a time');
    if (this.#stopping) return;
    const { orders, asked, stepDates } = this.memory;
    // The last step's place: cycles that nobody asks for go by its date.
    const place = this.#step & (ASKED_STEPS - 1);
    this.#beginStretch();
    asked[place] = this.clock.nowNs();
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.atNs] = fromNs;
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.stretch] = this.#stretch;
    Atomics.store(orders, Order.stretch, this.#stretch);
    this.#setPace(Pace.simulated);
  }

  #setPace(pace: number): void {
    const { orders } = this.memory;
    Atomics.store(orders, Order.pace, this.#stopping ? Pace.configured : pace);
    this.#rouse();
    // Where observations start cycles, that is what the thread sleeps on.
    Atomics.add(orders, Order.wake, 1);
    Atomics.notify(orders, Order.wake);
  }

  #beginStretch(): void {
    this.#lastStretch = (this.#lastStretch % MAX_STRETCH) + 1;
    this.#stretch = this.#lastStretch;
  }

  /**
   * Asks for a cycle on what `observations` has been given so far. Of steps asked for while a cycle runs the newest is
   * answered, and with it those before.
   *
   * @param atNs the cycle's time, for a robot whose time is not the controller's: readings are to be dated by it (the
   *   sink's `receivedNs`), and everything that the cycle remembers is. It begins at the controller's time or later, and
   *   does not fall until `lockstep` ends it. Absent, the controller's clock. The schedule, its statistics, the deadline
   *   and the watchdogs stay on the controller's clock
   * @returns its number for `answered`: one more than the last, as a signed 32-bit word
   */
  step(atNs?: number): number {
    const { orders, asked, stepDates } = this.memory;
    const step = (this.#step + 1) | 0;
    this.#step = step;
    const place = step & (ASKED_STEPS - 1);
    asked[place] = this.clock.nowNs();
    const dated = atNs !== undefined;
    assert(!dated || Number.isFinite(atNs), 'a step is asked for at a time');
    if (dated && this.#stretch === 0) this.#beginStretch();
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.atNs] = dated ? atNs : 0;
    stepDates[place * STEP_DATE_DOUBLES + StepDateField.stretch] = dated ? this.#stretch : 0;
    Atomics.store(orders, Order.stretch, dated ? this.#stretch : 0);
    Atomics.store(orders, Order.step, step);
    this.#rouse();
    return step;
  }

  /** Whether the command of that step, or of a later one, is out. @param step of the last 2³¹ steps */
  answered(step: number): boolean {
    return ((Atomics.load(this.memory.progress, Progress.stepDone) - step) | 0) >= 0;
  }

  /**
   * Blocks this thread until the command of that step is out: it looks for a moment, then sleeps.
   *
   * @param boundMs at most so long; not at all where no control thread runs
   * @returns whether it is
   */
  awaitAnswer(step: number, boundMs: number): boolean {
    const { progress } = this.memory;
    const startNs = this.clock.nowNs();
    const endNs = startNs + boundMs * NS_PER_MS;
    for (;;) {
      const commands = Atomics.load(progress, Progress.commands);
      if (this.answered(step)) return true;
      const nowNs = this.clock.nowNs();
      if (nowNs >= endNs || !this.#serving) return false;
      if (nowNs - startNs < ANSWER_SPIN_NS) continue;
      Atomics.wait(progress, Progress.commands, commands, (endNs - nowNs) / NS_PER_MS);
    }
  }

  /**
   * Asks the control thread for a copy of the learned state. Requests, restores among them, queue: each is answered by a
   * state not older than the call.
   *
   * @returns bytes of the caller's own
   * @throws where the control thread does not answer within the bound, or no longer runs
   */
  snapshot(boundMs = REQUEST_BOUND_MS): Promise<Uint8Array> {
    return this.#enqueue(async () => {
      await this.#request('snapshot', Order.snapshotRequest, Progress.snapshotDone, boundMs);
      // The control thread leaves the region alone until the next request.
      return this.memory.snapshot.slice();
    });
  }

  /**
   * Asks the control thread for the state of its heap and the pauses that collections made in it. Who asks while a request
   * is under way gets its answer.
   *
   * @returns an array of the caller's own; index with `VitalsField`
   * @throws where the control thread does not answer within the bound, or no longer runs
   */
  vitals(boundMs = REQUEST_BOUND_MS): Promise<Float64Array> {
    this.#vitals ??= this.#request('vitals', Order.vitalsRequest, Progress.vitalsDone, boundMs).finally(() => {
      this.#vitals = null;
    });
    return this.#vitals.then(() => this.memory.vitals.slice());
  }

  /**
   * Has the control thread go on with another learned state, taken over between two cycles. Decisions that wait for their
   * reward are forgotten. What is tuned or configured stays as it is.
   *
   * @param learned as a snapshot's two parts, read when its turn has come; the caller has seen that it is one of this
   *   policy and of these scales, by importing it into others of their kind
   * @throws AssertionError where the sizes are not those of a snapshot; Error where the control thread refuses the state,
   *   which has changed nothing, does not answer within the bound, or no longer runs
   */
  async restore(learned: LearnedParts, boundMs = REQUEST_BOUND_MS): Promise<void> {
    const { memory } = this;
    const { policy, scaler } = learned;
    assert(policy.length + scaler.length === memory.restore.length, 'a learned state has the size of a snapshot');
    return this.#enqueue(async () => {
      const { orders, progress } = memory;
      // A request that was given up may still be read.
      if (Atomics.load(progress, Progress.restoreDone) !== Atomics.load(orders, Order.restoreRequest)) {
        throw new Error('no restore: the control thread has not answered the one before');
      }
      memory.restore.set(policy);
      memory.restore.set(scaler, policy.length);
      await this.#request('restore', Order.restoreRequest, Progress.restoreDone, boundMs);
      const result = Atomics.load(progress, Progress.restoreResult);
      if (result === RestoreResult.restored) {
        const restores = Atomics.load(progress, Progress.restoreDone);
        for (const listener of this.#restoreListeners) listener(restores, learned);
        return;
      }
      const part = result === RestoreResult.policyRefused ? 'the policy’s state' : 'the state of the scales';
      throw new Error(`no restore: the control thread cannot use ${part}, and goes on with what it had`);
    });
  }

  /**
   * Changes a parameter on the running controller, from the next cycle on. A robot faster than a lowered limit is braked
   * to it as its acceleration allows.
   *
   * @param name one of `tunable`
   * @throws ParameterError with the reason
   */
  tune(name: string, value: ParameterValue): void {
    const { orders, tuning } = this.memory;
    this.#tuning.set(name, value);
    this.#tuning.writeInto(tuning);
    Atomics.add(orders, Order.tuneRequest, 1);
    this.#rouse();
  }

  /** The values of `tunable` as they are in force from the next cycle on; a fresh object. */
  get tuned(): Partial<Record<TunableName, number>> {
    return this.#tuning.values;
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
   * Calls `listener` with every reading that `observations` accepts, within the call that brings it and so before any
   * decision that rests on it: see `ReadingTap`.
   *
   * @returns ends the calls
   */
  onReading(listener: ReadingTap): () => void {
    this.#readingListeners.add(listener);
    return () => this.#readingListeners.delete(listener);
  }

  /**
   * Calls `listener` when a learned state has been taken over, with what `DecisionField.restores` is of the decisions made
   * on it. Decisions made meanwhile may have come before.
   *
   * @returns ends the calls
   */
  onRestore(listener: (restores: number, learned: LearnedParts) => void): () => void {
    this.#restoreListeners.add(listener);
    return () => this.#restoreListeners.delete(listener);
  }

  /**
   * Has every decision of the policy explained, from the next cycle on, until as many who asked for it no longer do.
   *
   * @param on `true` once by everybody who wants it, `false` once when done
   */
  explain(on: boolean): void {
    this.#explaining = Math.max(0, this.#explaining + (on ? 1 : -1));
    Atomics.store(this.memory.orders, Order.explain, this.#explaining > 0 ? 1 : 0);
  }

  /**
   * Calls `listener` with every explanation, in order, each after the decision that it is of; index the record with
   * `ExplanationField`. It is reused: copy what is to last. None are made but while `explain` is on, and none of cycles in
   * which the policy did not choose. What the ring dropped is counted in `memory.explanations.droppedCount`.
   *
   * @returns ends the calls
   */
  onExplanation(listener: (record: Float64Array) => void): () => void {
    this.#explanationListeners.add(listener);
    return () => this.#explanationListeners.delete(listener);
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

  /**
   * Ends the control thread. The robot comes first: it is disarmed, then (if asked) the learned state is taken, then the
   * thread is told to stop, which sends zero velocity once more. Whoever owns the port stops it afterwards. A thread that
   * does not obey within the bound counts as stalled and is ended by force.
   *
   * The link goes on meanwhile, and a robot that says `go` or comes anew must not drive off: nothing arms it any more.
   */
  async stop(options: StopOptions = {}): Promise<StopResult> {
    const boundMs = options.boundMs ?? STOP_BOUND_MS;
    this.#stopping = true;
    this.disarm();
    // Nobody asks for the cycles that brake it.
    this.lockstep(false);
    await this.#resting(boundMs);
    let snapshot: Uint8Array | null = null;
    if (options.snapshot === true) snapshot = await this.snapshot(boundMs).catch(() => null);
    const { orders, progress } = this.memory;
    Atomics.store(orders, Order.stop, 1);
    this.#rouse();
    Atomics.add(orders, Order.wake, 1);
    Atomics.notify(orders, Order.wake);
    if (!(await settlesWithin(this.#exited, boundMs))) {
      this.#fail('unstoppable', `the control thread did not stop within ${boundMs} ms`);
      await this.#worker?.terminate();
    }
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#drainDecisions();
    this.#drainExplanations();
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
    this.#drainExplanations();
  }

  #watch(): void {
    // A thread that waits for a step runs no cycles, and lives.
    const life = (this.cycles + Atomics.load(this.memory.progress, Progress.idle)) | 0;
    const expired = this.#watchdog.observe(life, this.clock.nowNs());
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
    // Ends the wait for commands that nobody will announce any more.
    Atomics.notify(this.memory.progress, Progress.commands);
  }

  #takeOver(cause: StallCause, detail: string): void {
    this.#commands.hold();
    this.#options.onStall(cause, detail);
    this.#notifyCommandListeners();
  }

  /** Whether the control thread answers, or may do so again. */
  get #serving(): boolean {
    return this.#state === 'running' || this.#state === 'stalled';
  }

  /** Wakes the control thread, unless it waits for observations: then for what must not wait for its next start. */
  #rouse(): void {
    Atomics.add(this.memory.orders, Order.rouse, 1);
    Atomics.notify(this.memory.orders, Order.rouse);
  }

  /** One request after the other: each has the shared region for itself. */
  #enqueue<T>(request: () => Promise<T>): Promise<T> {
    const answered = this.#requests.then(request);
    this.#requests = answered.catch(() => undefined);
    return answered;
  }

  async #request(what: string, order: number, done: number, boundMs: number): Promise<void> {
    const { orders, progress } = this.memory;
    const request = (Atomics.add(orders, order, 1) + 1) | 0;
    this.#rouse();
    const endNs = this.clock.nowNs() + boundMs * NS_PER_MS;
    while (Atomics.load(progress, done) !== request) {
      if (!this.#serving) {
        throw new Error(`no ${what}: the controller is ${this.#state}${this.#fault && `: ${this.#fault}`}`);
      }
      if (this.clock.nowNs() > endNs) throw new Error(`no ${what}: the control thread took more than ${boundMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, REQUEST_POLL_MS));
    }
  }

  #drainDecisions(): void {
    const ring = this.memory.decisions;
    // No more than the ring holds, so that a fast writer cannot keep the main thread here.
    for (let i = 0; i < ring.capacity && ring.read(this.#record); i++) {
      this.#lastDecision = this.#record[DecisionField.cycle];
      for (const listener of this.#decisionListeners) listener(this.#record);
    }
  }

  #drainExplanations(): void {
    const ring = this.memory.explanations;
    for (let i = 0; i < ring.capacity && ring.read(this.#explanation); i++) {
      // The cycle hands out its decision first: it is there by now.
      if (this.#explanation[ExplanationField.cycle] > this.#lastDecision) this.#drainDecisions();
      for (const listener of this.#explanationListeners) listener(this.#explanation);
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
      // Without a timeout: Node keeps a timer for each that was given until it runs out, ten thousand a second here.
      const wait = Atomics.waitAsync(progress, Progress.commands, seen);
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
    out.stampNs = Number.NaN;
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
