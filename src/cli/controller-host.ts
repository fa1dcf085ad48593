/**
 * One controller of a command, with what belongs to it: its recent figures, its checkpoints, and the orders of whoever
 * operates it. Main thread. How a robot is joined to it, and when it ends, is the command's.
 */
import type { MonotonicClock } from '../core/clock.js';
import { layoutSizesOf, scheduleOptionsOf, snapshotShapeOf } from '../loop/configuration.js';
import { Controller, type StopResult } from '../loop/controller.js';
import { Counter, StatisticsWindow } from '../loop/statistics.js';
import { DecisionField, INTAKE_REASONS, Progress, Resting } from '../memory/layout.js';
import { Reason } from '../memory/reason.js';
import type { ParameterValue, ParameterValues } from '../parameters/schema.js';
import { Input } from '../sense/validating-sink.js';
import { type Checkpointing, type LearnedState, type RunProgress, splitSnapshot } from './checkpointing.js';
import type { Control } from './run-options.js';

/** What somebody who operates the robot asked for, while it ran. */
export interface OperatorOrders {
  readonly halted: boolean;
  readonly frozen: boolean;
  readonly tuned: ReadonlyMap<string, ParameterValue>;
}

/** One order. */
export type OperatorOrder =
  | { readonly halted: boolean }
  | { readonly frozen: boolean }
  | { readonly tune: string; readonly value: ParameterValue };

/** What "recent" means for cycle rate and lateness [ns]; the first window is short, so that there is something to show. */
const WINDOW_NS = 5e9;
const FIRST_WINDOW_NS = 1e9;
/** After a save that failed, the next try comes at the latest after this [ms]. */
const RETRY_MS = 5000;
/** The last save may take so long before the process ends without it [ms]; stopping takes at most 2 s before it. */
const LAST_SAVE_BOUND_MS = 2500;
const STOP_BOUND_MS = 1000;
/** How often a disarmed robot is looked at, whether it rests. [ms] */
const REST_POLL_MS = 5;

export interface ControllerHostOptions {
  control: Control;
  /** No learning, no exploration. */
  frozen: boolean;
  learned: LearnedState | null;
  /** Null where nothing is saved. */
  checkpointing: Checkpointing | null;
  /** How far things have come, for a checkpoint. */
  progress: () => RunProgress;
  /** Tells the user something, one line. */
  tell: (text: string) => void;
  /** The same, where somebody should look; `tell` where absent. */
  warn?: (text: string) => void;
  /** The controller cannot go on. */
  onFault: (detail: string) => void;
  /** A checkpoint is on the disk. */
  onSaved?: () => void;
  /** Whether no cycle is due, as in a pause of the simulator: a thread that is late then misses nothing. */
  timeStands?: () => boolean;
  /** Shared with others; one of its own where absent. */
  clock?: MonotonicClock;
}

export class ControllerHost {
  readonly controller: Controller;
  readonly parameters: ParameterValues;
  /** Another where the robot is. */
  checkpointing: Checkpointing | null;
  /** Rises when a robot comes and when it has gone: what was meant for one must not be done to the next. */
  tenancy = 0;
  /** Something that must be seen, such as a stall; usually empty. */
  warning = '';
  /** Of the last full window [Hz]; NaN before there is one. */
  cycleRate = Number.NaN;
  readonly window: StatisticsWindow;
  /** File that the state came from that is being put in its place, or was last; empty where it came from none. */
  restoredFile = '';
  /** Updates that the policy had learned from before this run. */
  updatesBefore = 0;
  /** Reason code of the newest decision. */
  why: number = Reason.disarmed;
  readonly #options: ControllerHostOptions;
  readonly #policyBytes: number;
  /** Parameters that were changed since the start. */
  readonly #tuned = new Map<string, ParameterValue>();
  /** Of those that this run has counted, what does not belong to what the policy holds now. */
  #learnedBefore = 0;
  #odometryAgeS = Number.NaN;
  #rangesAgeS = Number.NaN;
  /** Contact readings accepted, and when that count last rose. */
  #contactsSeen = 0;
  #contactsSeenNs = Number.NaN;
  #armed = false;
  #halted = false;
  #frozen: boolean;
  #tuningVersion = 0;
  #windowStartNs = 0;
  /** The save under way, and the one that follows it because what it took is too old. */
  #saving: Promise<boolean> | null = null;
  #following: Promise<boolean> | null = null;
  #nextSaveMs = 0;
  /** `#learned` as of what is on the disk; NaN where that is something else. */
  #keptLearned = 0;
  #restores = 0;

  constructor(options: ControllerHostOptions) {
    const p = options.control.parameters;
    this.#options = options;
    this.parameters = p;
    this.checkpointing = options.checkpointing;
    this.#frozen = options.frozen;
    const sizes = layoutSizesOf(p);
    this.#policyBytes = snapshotShapeOf(p).policyBytes;
    this.controller = new Controller({
      sizes,
      schedule: scheduleOptionsOf(p),
      parameters: p,
      extras: { rewardProgram: options.control.rewardProgram, learned: options.learned },
      watchdogTimeoutNs: p.watchdog_timeout_s * 1e9,
      heartbeatTimeoutNs: p.heartbeat_timeout_s * 1e9,
      onStall: (cause, detail) => {
        if (cause === 'stalled' && options.timeStands?.() === true) return;
        this.#warn(cause.toUpperCase(), detail);
        if (cause === 'died') options.onFault(detail);
      },
      onRecovery: () => {
        if (this.warning !== '') this.#warn('', 'the control thread is back');
      },
      onLatch: (message) => options.onFault(`a cycle failed and the robot stands: ${message}`),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
    this.window = new StatisticsWindow(this.controller.statistics);
  }

  /** Starts the control thread, disarmed. @throws what kept it from building its cycle */
  async start(): Promise<void> {
    this.controller.onDecision((record) => this.#onDecision(record));
    this.controller.freeze(this.#frozen);
    await this.controller.start();
  }

  /** From now on figures and saves are of what happens: the robot is there. */
  begin(): void {
    this.window.advance();
    this.cycleRate = Number.NaN;
    this.#windowStartNs = this.controller.clock.nowNs();
    this.#nextSaveMs = performance.now() + this.#savePeriodMs;
  }

  /** Lets the robot move, as soon as no operator halts it. */
  arm(): void {
    this.#armed = true;
    if (!this.#halted) this.controller.arm();
  }

  disarm(): void {
    this.#armed = false;
    this.controller.disarm();
  }

  /**
   * Disarms the robot, and waits until it has been braked to a standstill.
   *
   * @param boundMs at most so long; not at all where no control thread runs
   * @returns whether it rests
   */
  async rest(boundMs = STOP_BOUND_MS): Promise<boolean> {
    this.disarm();
    const { controller } = this;
    const { progress } = controller.memory;
    const cycle = controller.cycles;
    for (let waitedMs = 0; waitedMs < boundMs && controller.state === 'running'; waitedMs += REST_POLL_MS) {
      // The first cycle that knows of the order must have run.
      const knows = ((controller.cycles - cycle) | 0) >= 2;
      if (knows && Atomics.load(progress, Progress.resting) === Resting.yes) return true;
      await new Promise((resolve) => setTimeout(resolve, REST_POLL_MS));
    }
    return false;
  }

  /** Whether the robot may move, as the control thread is told. */
  get armed(): boolean {
    return this.controller.armed;
  }

  /** An operator said that the robot is to stand. */
  get halted(): boolean {
    return this.#halted;
  }

  /** An operator's order: the robot stands until `false`, whoever arms it. */
  halt(halted: boolean): void {
    this.#halted = halted;
    if (halted) this.controller.disarm();
    else if (this.#armed) this.controller.arm();
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** The command itself was asked to learn nothing. */
  get keptFrozen(): boolean {
    return this.#options.frozen;
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    this.controller.freeze(frozen);
  }

  /** Updates that the policy has learned from, of all runs. */
  get updates(): number {
    return this.updatesBefore + this.#learned() - this.#learnedBefore;
  }

  /** Ages of the readings that the newest decision used [s]; NaN before the first. */
  get odometryAgeS(): number {
    return this.#odometryAgeS;
  }
  get rangesAgeS(): number {
    return this.#rangesAgeS;
  }

  /** Age of the newest contacts, to within the time from one look at decisions to the next [s]; NaN before the first. */
  get contactsAgeS(): number {
    return (this.controller.clock.nowNs() - this.#contactsSeenNs) / 1e9;
  }

  /** A parameter as it stands. */
  parameter(name: string): ParameterValue {
    return this.#tuned.get(name) ?? this.parameters[name as keyof ParameterValues];
  }

  /** Changes a parameter of the running controller. @throws ParameterError where it cannot be changed so */
  tune(name: string, value: ParameterValue): void {
    this.controller.tune(name, value);
    this.#tuningVersion++;
    const tuned = (this.controller.tuned as Partial<Record<string, number>>)[name] ?? value;
    if (tuned === this.parameters[name as keyof ParameterValues]) this.#tuned.delete(name);
    else this.#tuned.set(name, tuned);
  }

  /** Rises when a parameter may have changed. */
  get tuningVersion(): number {
    return this.#tuningVersion;
  }

  /** Carries out an order. @throws ParameterError where a parameter cannot be changed so; nothing has changed then */
  obey(order: OperatorOrder): void {
    if ('halted' in order) this.halt(order.halted);
    else if ('frozen' in order) this.freeze(order.frozen);
    else this.tune(order.tune, order.value);
  }

  /** All that is ordered, a fresh object; null where nothing differs from how the run was started. */
  get orders(): OperatorOrders | null {
    if (!this.#halted && this.#frozen === this.keptFrozen && this.#tuned.size === 0) return null;
    return { halted: this.#halted, frozen: this.#frozen, tuned: new Map(this.#tuned) };
  }

  /** Takes on the orders for another robot. @param orders null: there are none */
  follow(orders: OperatorOrders | null): void {
    this.halt(orders?.halted ?? false);
    this.freeze(orders?.frozen ?? this.keptFrozen);
    for (const name of this.#tuned.keys()) {
      if (orders?.tuned.has(name) !== true) this.controller.tune(name, this.parameters[name as keyof ParameterValues]);
    }
    this.#tuned.clear();
    this.#tuningVersion++;
    for (const [name, value] of orders?.tuned ?? []) this.tune(name, value);
  }

  /**
   * Puts what was learned elsewhere in the place of what was learned here.
   *
   * @param tenancy of the robot that it is meant for: as it was when that was decided
   * @param file that it came from; empty where it came from none
   * @throws Error where another has the controller by now, and what `Controller.restore` throws
   */
  async restore(learned: LearnedState, updates: number, tenancy: number, file = ''): Promise<void> {
    // The control thread answers in turn: whatever the next robot brings comes after this.
    if (tenancy !== this.tenancy) throw new Error('the robot that it was meant for has gone');
    this.#restores++;
    this.#keptLearned = Number.NaN;
    this.restoredFile = file;
    await this.controller.restore(learned);
    this.updatesBefore = updates;
    this.#learnedBefore = this.#learned();
  }

  /** What the controller holds now is what the disk holds. */
  isKept(): void {
    this.#keptLearned = this.#learned();
  }

  /** Whether anything was learned, or put in its place, that is not on the disk. */
  get unsaved(): boolean {
    return this.#learned() !== this.#keptLearned;
  }

  /** Of the last full window; before there is one, of the whole run [ns]. */
  get latenessP99Ns(): number {
    const { lateness } = Number.isNaN(this.cycleRate) ? this.controller.statistics : this.window;
    return lateness.quantile(0.99);
  }

  /** Moves the window on when it is full. */
  advanceWindow(): void {
    const nowNs = this.controller.clock.nowNs();
    const elapsedNs = nowNs - this.#windowStartNs;
    if (elapsedNs < (Number.isNaN(this.cycleRate) ? FIRST_WINDOW_NS : WINDOW_NS)) return;
    this.window.advance();
    this.cycleRate = (this.window.counters[Counter.cycles] * 1e9) / elapsedNs;
    this.#windowStartNs = nowNs;
  }

  /** Saves are due from now on, however short the last one is ago. */
  saveSoon(): void {
    this.#nextSaveMs = 0;
  }

  /** Saves when it is time to: by the clock, because it was asked for, or again after a failure. */
  keepSaved(): void {
    if (this.checkpointing === null || this.#saving !== null || performance.now() < this.#nextSaveMs) return;
    void this.save();
  }

  /**
   * Saves what is learned now, as the newest generation. One that is under way took what was learned before; another
   * follows it, one for all who ask meanwhile.
   *
   * @returns whether it is on the disk; why not is in `checkpointing.failure`
   */
  save(): Promise<boolean> {
    if (this.#saving === null) return this.#saveNow();
    this.#following ??= this.#saving.then(() => {
      this.#following = null;
      // Who asked between the two has begun one already.
      return this.#saving ?? this.#saveNow();
    });
    return this.#following;
  }

  /** When the saves that were asked for are done. Never rejects. */
  async settled(): Promise<void> {
    while (this.#saving !== null || this.#following !== null) await (this.#following ?? this.#saving);
  }

  /** What the running controller has learned by now. @throws as `Controller.snapshot` */
  async learned(): Promise<LearnedState> {
    return splitSnapshot(await this.controller.snapshot(), this.#policyBytes);
  }

  /** Brakes the robot, takes what was learned, and ends the control thread, which sends zero velocity once more. */
  stop(): Promise<StopResult> {
    return this.controller.stop({ boundMs: STOP_BOUND_MS, snapshot: true });
  }

  /** What the stopped controller had learned; null where it could not give it. */
  learnedOf(stopped: StopResult): LearnedState | null {
    return stopped.snapshot === null ? null : splitSnapshot(stopped.snapshot, this.#policyBytes);
  }

  /**
   * The last save, told of.
   *
   * @param learned of `learnedOf`
   * @returns whether what was to be saved is on the disk
   */
  async saveLast(learned: LearnedState | null, progress: RunProgress): Promise<boolean> {
    const { checkpointing } = this;
    const { tell, warn = tell } = this.#options;
    if (checkpointing === null) return true;
    if (learned === null) {
      warn('nothing was saved: the control thread could not give what it learned');
      return false;
    }
    const saved = await within(checkpointing.save(learned, progress), LAST_SAVE_BOUND_MS);
    if (saved) tell(`saved ${checkpointing.savedPath}`);
    else warn(`not saved: ${checkpointing.failure || `the disk took more than ${LAST_SAVE_BOUND_MS} ms`}`);
    return saved;
  }

  #learned(): number {
    return this.controller.statistics.counters[Counter.learned];
  }

  #saveNow(): Promise<boolean> {
    this.#saving = this.#save().then((saved) => {
      this.#saving = null;
      this.#nextSaveMs = performance.now() + (saved ? this.#savePeriodMs : Math.min(RETRY_MS, this.#savePeriodMs));
      return saved;
    });
    return this.#saving;
  }

  async #save(): Promise<boolean> {
    const { checkpointing } = this;
    if (checkpointing === null) return false;
    try {
      // The snapshot is of this moment or later.
      const counted = this.#learned();
      const restores = this.#restores;
      const learned = await this.learned();
      const saved = await checkpointing.save(learned, this.#options.progress());
      if (saved) {
        if (restores === this.#restores) this.#keptLearned = counted;
        this.#options.onSaved?.();
      }
      return saved;
    } catch (error) {
      checkpointing.fail(error);
      return false;
    }
  }

  get #savePeriodMs(): number {
    return this.parameters.checkpoint_period_s * 1e3;
  }

  #onDecision(record: Float64Array): void {
    this.why = record[DecisionField.reason];
    this.#odometryAgeS = record[DecisionField.odometryAgeNs] / 1e9;
    this.#rangesAgeS = record[DecisionField.rangesAgeNs] / 1e9;
    const contacts = this.controller.memory.intake[Input.contacts * INTAKE_REASONS];
    if (contacts !== this.#contactsSeen) this.#contactsSeenNs = this.controller.clock.nowNs();
    this.#contactsSeen = contacts;
  }

  #warn(warning: string, detail: string): void {
    this.warning = warning;
    const { tell, warn = tell } = this.#options;
    if (warning === '') tell(detail);
    else warn(detail);
  }
}

async function within(promise: Promise<boolean>, boundMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, boundMs, false);
  });
  try {
    return await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}
