/**
 * When cycles start. Runs in the control thread, between cycles.
 *
 * With `trigger: time` the starts lie on a grid: each is the one before plus a period, never "now" plus a period, so
 * that lateness does not add up to drift. With `trigger: observation` a cycle starts when an observation lands, at the
 * earliest one period after the start before (the configured rate is the highest), and without one two periods after.
 *
 * In lockstep a cycle starts as soon as the main thread asks for a step, whatever the trigger, and is due when it asked:
 * its lateness is what the waking took. Of steps asked for meanwhile the newest is answered, and with it those before. A
 * robot that goes silent must not be left with its last command: without a step for the patience, cycles run by schedule
 * until one comes, and find its readings stale. The pace may be changed at any time; it is seen within the same wait.
 *
 * A robot that the main thread simulates cannot go silent while that thread lives: its time is that of the steps, and
 * stands between them for as long as somebody wants to look at it. Then it is the main thread's heartbeat whose absence
 * makes cycles run by schedule.
 *
 * The wait is a small state machine: park on a word of shared memory until the margin before the start, then spin.
 * Waking from a park was measured to come 75 µs late (p50) to several hundred; the spin buys that back. A step is parked
 * for: nobody knows when it comes, and a thread that spins has a core that the robot's message needs to get here.
 *
 * Allocates nothing after construction. That includes the timeouts: `Atomics.wait` takes its timeout as an object on
 * the heap unless it is a small integer, and whole milliseconds are too coarse, so a table holds them ready. Measured:
 * fractions as they come cost a scavenge every 50,000 waits, the table none in a million.
 */
import { assert } from '../core/assert.js';
import type { Clock } from '../core/clock.js';
import { ASKED_STEPS, type ControlMemory, Order, Pace, Progress } from '../memory/layout.js';
import { type ControlStatistics, Counter } from './statistics.js';

export type Trigger = 'time' | 'observation';
export type OverrunPolicy = 'skip' | 'catch_up';

export interface ScheduleOptions {
  /** [ns] */
  periodNs: number;
  trigger: Trigger;
  /** What happens to starts whose time passed while a cycle ran. An observation trigger always skips. */
  overrunPolicy: OverrunPolicy;
  /** How long before a start parking ends and spinning begins [ns]; 0 never spins. */
  spinMarginNs: number;
  /** In lockstep cycles run by schedule after so long without a step [ns]; two periods where absent, and at the least. */
  patienceNs?: number;
  /** With a simulated robot cycles run by schedule after so long without a heartbeat [ns]; `patienceNs` where absent. */
  heartbeatTimeoutNs?: number;
}

/** The shared memory that a schedule reads, and shows progress in. */
export type ScheduleMemory = Pick<ControlMemory, 'orders' | 'asked' | 'progress'>;

/** Why a wait ended. */
export const Wake = {
  /** The main thread ordered a stop; nothing is due. */
  stop: 0,
  /** A cycle is due. */
  start: 1,
  /** No cycle is due, but the main thread may have asked for something that is done between two of them. */
  request: 2,
} as const;
export type WakeCode = (typeof Wake)[keyof typeof Wake];
/** The pace was changed while a wait was under way. */
const PACE_CHANGED = 3;

/** `catch_up` runs at most so many late starts back to back; older ones are skipped, or a long stall would be followed
 * by seconds of decisions on the same observation. [cycles] */
export const CATCH_UP_LIMIT_CYCLES = 8;
/** With an observation trigger a cycle starts so long after the last even if nothing was observed. [periods] */
export const OBSERVATION_PATIENCE_PERIODS = 2;
/** In lockstep cycles run by schedule after so long without a step, at the earliest. [periods] */
export const STEP_PATIENCE_PERIODS = 2;

/** Grain of a park's length [ns]. */
export const PARK_STEP_NS = 10_000;
/** The longest single park [ns]; a longer wait takes several. Also how late an order that nobody notified is seen. */
export const PARK_LIMIT_NS = 20_000_000;
const PARK_STEPS = PARK_LIMIT_NS / PARK_STEP_NS;
const NS_PER_MS = 1e6;

/** Puts the thread to sleep. */
export interface Parker {
  /**
   * Sleeps for `steps` × `PARK_STEP_NS`, or until `orders[word]` is no longer `expected` and its waiters are notified.
   *
   * @param steps a whole number, 1 … `PARK_LIMIT_NS / PARK_STEP_NS`
   * @realtime safe
   */
  park(word: number, expected: number, steps: number): void;
}

/** Sleeps in the kernel. */
export class ThreadParker implements Parker {
  readonly #orders: Int32Array;
  /** Timeouts [ms] by step. The first element is no number, so that V8 keeps the others as the objects that
   * `Atomics.wait` wants instead of unpacking them. */
  readonly #timeouts: (number | undefined)[] = [undefined];

  constructor(orders: Int32Array) {
    this.#orders = orders;
    for (let i = 1; i <= PARK_STEPS; i++) this.#timeouts.push((i * PARK_STEP_NS) / NS_PER_MS);
  }

  park(word: number, expected: number, steps: number): void {
    Atomics.wait(this.#orders, word, expected, this.#timeouts[steps]);
  }
}

export class Schedule {
  /** The start that the last `wait` waited for, on the clock's time [ns]. */
  scheduledNs = 0;
  readonly #clock: Clock;
  readonly #orders: Int32Array;
  readonly #progress: Int32Array;
  readonly #asked: Float64Array;
  readonly #counters: Uint32Array;
  readonly #parker: Parker;
  readonly #periodNs: number;
  readonly #spinMarginNs: number;
  readonly #patienceNs: number;
  readonly #heartbeatTimeoutNs: number;
  readonly #byObservation: boolean;
  readonly #catchUp: boolean;
  #seenWake = 0;
  #seenRouse = 0;
  /** The newest step that a cycle was started on. */
  #step = 0;
  #pace: number = Pace.configured;
  /** The last start; `scheduledNs` is moved on where a new grid is laid. */
  #startNs = 0;
  /** When the newest step was asked for, or else when lockstep began [ns]. */
  #askedNs = 0;
  /** The heartbeat that was seen last, and when it was first seen, with a simulated robot [ns]. */
  #heartbeat = 0;
  #heartbeatNs = 0;

  /** @param statistics counts skips, catch-ups and early starts */
  constructor(
    clock: Clock,
    options: ScheduleOptions,
    memory: ScheduleMemory,
    statistics: ControlStatistics,
    parker: Parker = new ThreadParker(memory.orders),
  ) {
    const { periodNs, spinMarginNs } = options;
    assert(periodNs > 0 && Number.isInteger(periodNs), 'a period is a whole number of ns above 0');
    assert(spinMarginNs >= 0, 'a spin margin is not negative');
    this.#clock = clock;
    this.#orders = memory.orders;
    this.#progress = memory.progress;
    this.#asked = memory.asked;
    this.#counters = statistics.counters;
    this.#parker = parker;
    this.#periodNs = periodNs;
    this.#spinMarginNs = spinMarginNs;
    this.#patienceNs = Math.max(STEP_PATIENCE_PERIODS * periodNs, options.patienceNs ?? 0);
    this.#heartbeatTimeoutNs = Math.max(
      STEP_PATIENCE_PERIODS * periodNs,
      options.heartbeatTimeoutNs ?? this.#patienceNs,
    );
    this.#byObservation = options.trigger === 'observation';
    this.#catchUp = options.overrunPolicy === 'catch_up';
  }

  /** Lays the grid: the first start is one period from now. @realtime safe */
  begin(): void {
    this.scheduledNs = this.#clock.nowNs();
    this.#startNs = this.scheduledNs;
    this.#seenWake = Atomics.load(this.#orders, Order.wake);
    this.#seenRouse = Atomics.load(this.#orders, Order.rouse);
  }

  /**
   * Returns when the next cycle is to start, with its time in `scheduledNs`, or when there is something else to do: see
   * `Wake`. The step that the cycle is started on is in `Progress.stepTaken` then.
   *
   * @realtime safe
   */
  wait(): WakeCode {
    for (;;) {
      const pace = Atomics.load(this.#orders, Order.pace);
      if (pace !== this.#pace) this.#changePace(pace);
      const wake =
        pace !== Pace.configured
          ? this.#waitForStep()
          : this.#byObservation
            ? this.#waitForObservation()
            : this.#waitForTime();
      if (wake !== PACE_CHANGED) return wake as WakeCode;
    }
  }

  #changePace(pace: number): void {
    this.#pace = pace;
    // From the last start and not from now, so that changing the pace to and fro cannot put cycles off for ever.
    this.#askedNs = this.#startNs;
    this.#heartbeatNs = this.#startNs;
    if (pace !== Pace.configured) return;
    // A new grid. The places of the old one that passed in lockstep were nobody's to start.
    const soonNs = this.#clock.nowNs() + PARK_STEP_NS;
    this.scheduledNs = Math.max(this.scheduledNs, soonNs - this.#periodNs);
  }

  /** The cycle that starts now answers all steps asked for so far: it has yet to read what they were asked for. */
  #start(step: number): WakeCode {
    this.#step = step;
    this.#startNs = this.scheduledNs;
    Atomics.store(this.#progress, Progress.stepTaken, step);
    return Wake.start;
  }

  #waitForStep(): number {
    const orders = this.#orders;
    const periodNs = this.#periodNs;
    let dueNs = this.#dueBySilence();
    const behindNs = this.#clock.nowNs() - dueNs;
    if (behindNs > periodNs) {
      const passed = Math.floor(behindNs / periodNs);
      dueNs += passed * periodNs;
      this.#counters[Counter.skips] += passed;
    }
    for (;;) {
      // First of all, so that a step which comes while the clock is read is not left to the next cycle.
      const nowNs = this.#clock.nowNs();
      // Before everything that is looked at below: what changes later is then seen by the park.
      const rouse = Atomics.load(orders, Order.rouse);
      if (Atomics.load(orders, Order.stop) !== 0) return Wake.stop;
      const step = Atomics.load(orders, Order.step);
      if (step !== this.#step) {
        // Requests made so far are served at the cycle's end.
        this.#seenRouse = rouse;
        this.#takeStep(step);
        return this.#start(step);
      }
      if (Atomics.load(orders, Order.pace) !== this.#pace) return PACE_CHANGED;
      if (rouse !== this.#seenRouse) {
        this.#seenRouse = rouse;
        return Wake.request;
      }
      if (this.#pace === Pace.simulated && Atomics.load(orders, Order.heartbeat) !== this.#heartbeat) {
        dueNs = this.#dueBySilence();
      }
      if (nowNs >= dueNs) break;
      this.#park(rouse, dueNs - nowNs);
    }
    this.scheduledNs = dueNs;
    return this.#start(this.#step);
  }

  /** When a cycle is due that nobody asks for. */
  #dueBySilence(): number {
    const nextNs = this.scheduledNs + this.#periodNs;
    if (this.#pace === Pace.lockstep) return Math.max(this.#askedNs + this.#patienceNs, nextNs);
    const heartbeat = Atomics.load(this.#orders, Order.heartbeat);
    if (heartbeat !== this.#heartbeat) {
      this.#heartbeat = heartbeat;
      this.#heartbeatNs = this.#clock.nowNs();
    }
    return Math.max(this.#heartbeatNs + this.#heartbeatTimeoutNs, nextNs);
  }

  /** A step begins: due when it was asked for, and never before the start that was. */
  #takeStep(step: number): void {
    const askedNs = Math.max(this.scheduledNs, this.#asked[step & (ASKED_STEPS - 1)]);
    this.#askedNs = askedNs;
    this.scheduledNs = askedNs;
  }

  #park(rouse: number, ns: number): void {
    const steps = Math.ceil(ns / PARK_STEP_NS);
    this.#parker.park(Order.rouse, rouse, Math.min(steps, PARK_STEPS));
    Atomics.add(this.#progress, Progress.idle, 1);
  }

  #waitForTime(): number {
    const orders = this.#orders;
    const periodNs = this.#periodNs;
    let dueNs = this.scheduledNs + periodNs;
    const behindNs = this.#clock.nowNs() - dueNs;
    if (behindNs > 0) {
      // The start at `dueNs` has passed, and perhaps more after it.
      const passed = Math.floor(behindNs / periodNs) + 1;
      const kept = this.#catchUp ? Math.min(passed, CATCH_UP_LIMIT_CYCLES) : 0;
      dueNs += (passed - kept) * periodNs;
      this.#counters[Counter.skips] += passed - kept;
      if (kept > 0) this.#counters[Counter.catchUps]++;
    }
    for (;;) {
      const rouse = Atomics.load(orders, Order.rouse);
      if (Atomics.load(orders, Order.stop) !== 0) return Wake.stop;
      if (Atomics.load(orders, Order.pace) !== Pace.configured) return PACE_CHANGED;
      const remainingNs = dueNs - this.#clock.nowNs();
      if (remainingNs <= 0) break;
      this.#idle(remainingNs, Order.rouse, rouse);
    }
    this.scheduledNs = dueNs;
    return this.#start(Atomics.load(orders, Order.step));
  }

  #waitForObservation(): number {
    const orders = this.#orders;
    const periodNs = this.#periodNs;
    const earliestNs = this.scheduledNs + periodNs;
    let dueNs = this.scheduledNs + OBSERVATION_PATIENCE_PERIODS * periodNs;
    const behindNs = this.#clock.nowNs() - dueNs;
    if (behindNs > 0) {
      const passed = Math.floor(behindNs / periodNs);
      dueNs += passed * periodNs;
      this.#counters[Counter.skips] += passed;
    }
    let observed = false;
    for (;;) {
      const wake = Atomics.load(orders, Order.wake);
      if (Atomics.load(orders, Order.stop) !== 0) return Wake.stop;
      if (Atomics.load(orders, Order.pace) !== Pace.configured) return PACE_CHANGED;
      const nowNs = this.#clock.nowNs();
      if (!observed && wake !== this.#seenWake && nowNs < dueNs) {
        observed = true;
        dueNs = Math.max(earliestNs, nowNs);
        this.#counters[Counter.earlyStarts]++;
      }
      const remainingNs = dueNs - nowNs;
      if (remainingNs <= 0) {
        this.#seenWake = wake;
        break;
      }
      this.#idle(remainingNs, Order.wake, wake);
    }
    this.scheduledNs = dueNs;
    return this.#start(Atomics.load(orders, Order.step));
  }

  /** One step of waiting: a park while the start is far, nothing (a turn of the spin) when it is near. */
  #idle(remainingNs: number, word: number, expected: number): void {
    const parkNs = remainingNs - this.#spinMarginNs;
    // Without a margin the park is rounded up instead of spinning through the rest.
    const steps = this.#spinMarginNs > 0 ? Math.floor(parkNs / PARK_STEP_NS) : Math.ceil(parkNs / PARK_STEP_NS);
    if (steps >= 1) this.#parker.park(word, expected, Math.min(steps, PARK_STEPS));
  }
}
