/**
 * When cycles start. Runs in the control thread, between cycles.
 *
 * With `trigger: time` the starts lie on a grid: each is the one before plus a period, never "now" plus a period, so
 * that lateness does not add up to drift. With `trigger: observation` a cycle starts when an observation lands, at the
 * earliest one period after the start before (the configured rate is the highest), and without one two periods after.
 *
 * The wait is a small state machine: park on a word of shared memory until the margin before the start, then spin.
 * Waking from a park was measured to come 75 µs late (p50) to several hundred; the spin buys that back.
 *
 * Allocates nothing after construction. That includes the timeouts: `Atomics.wait` takes its timeout as an object on
 * the heap unless it is a small integer, and whole milliseconds are too coarse, so a table holds them ready. Measured:
 * fractions as they come cost a scavenge every 50,000 waits, the table none in a million.
 */
import { assert } from '../core/assert.js';
import type { Clock } from '../core/clock.js';
import { Order } from '../memory/layout.js';
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
}

/** `catch_up` runs at most so many late starts back to back; older ones are skipped, or a long stall would be followed
 * by seconds of decisions on the same observation. [cycles] */
export const CATCH_UP_LIMIT_CYCLES = 8;
/** With an observation trigger a cycle starts so long after the last even if nothing was observed. [periods] */
export const OBSERVATION_PATIENCE_PERIODS = 2;

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
  readonly #counters: Uint32Array;
  readonly #parker: Parker;
  readonly #periodNs: number;
  readonly #spinMarginNs: number;
  readonly #byObservation: boolean;
  readonly #catchUp: boolean;
  /** The word slept on: the stop order, which observations do not disturb, or the one they raise. */
  readonly #sleepWord: number;
  #seenWake = 0;

  /**
   * @param orders the main thread's words
   * @param statistics counts skips, catch-ups and early starts
   */
  constructor(
    clock: Clock,
    options: ScheduleOptions,
    orders: Int32Array,
    statistics: ControlStatistics,
    parker: Parker = new ThreadParker(orders),
  ) {
    assert(options.periodNs > 0 && Number.isInteger(options.periodNs), 'a period is a whole number of ns above 0');
    assert(options.spinMarginNs >= 0, 'a spin margin is not negative');
    this.#clock = clock;
    this.#orders = orders;
    this.#counters = statistics.counters;
    this.#parker = parker;
    this.#periodNs = options.periodNs;
    this.#spinMarginNs = options.spinMarginNs;
    this.#byObservation = options.trigger === 'observation';
    this.#catchUp = options.overrunPolicy === 'catch_up';
    this.#sleepWord = this.#byObservation ? Order.wake : Order.stop;
  }

  /** Lays the grid: the first start is one period from now. @realtime safe */
  begin(): void {
    this.scheduledNs = this.#clock.nowNs();
    this.#seenWake = Atomics.load(this.#orders, Order.wake);
  }

  /**
   * Returns when the next cycle is to start, with its time in `scheduledNs`.
   *
   * @returns false when the main thread ordered a stop; nothing is due then
   * @realtime safe
   */
  wait(): boolean {
    return this.#byObservation ? this.#waitForObservation() : this.#waitForTime();
  }

  #waitForTime(): boolean {
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
      if (Atomics.load(this.#orders, Order.stop) !== 0) return false;
      const remainingNs = dueNs - this.#clock.nowNs();
      if (remainingNs <= 0) break;
      this.#idle(remainingNs, 0);
    }
    this.scheduledNs = dueNs;
    return true;
  }

  #waitForObservation(): boolean {
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
      if (Atomics.load(this.#orders, Order.stop) !== 0) return false;
      const wake = Atomics.load(this.#orders, Order.wake);
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
      this.#idle(remainingNs, wake);
    }
    this.scheduledNs = dueNs;
    return true;
  }

  /** One step of waiting: a park while the start is far, nothing (a turn of the spin) when it is near. */
  #idle(remainingNs: number, expected: number): void {
    const parkNs = remainingNs - this.#spinMarginNs;
    // Without a margin the park is rounded up instead of spinning through the rest.
    const steps = this.#spinMarginNs > 0 ? Math.floor(parkNs / PARK_STEP_NS) : Math.ceil(parkNs / PARK_STEP_NS);
    if (steps >= 1) this.#parker.park(this.#sleepWord, expected, Math.min(steps, PARK_STEPS));
  }
}
