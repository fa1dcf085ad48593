import type { Clock } from '../../src/core/clock.js';
import { PARK_STEP_NS, type Parker } from '../../src/loop/schedule.js';
import { ASKED_STEPS, type ControlMemory, Order } from '../../src/memory/layout.js';

/** What another thread does to the orders at a time of its own [ns]. */
interface Event {
  timeNs: number;
  word: number;
  /** What the word is set to; one more where absent. */
  value: number | undefined;
}

/**
 * A thread's time without a thread: looking at the clock takes a little of it, parking takes what was asked for and some
 * more, and what the main thread does happens on the way.
 */
export class VirtualThread implements Clock, Parker {
  timeNs = 0;
  /** What a look at the clock takes [ns]. */
  readonly lookNs: number;
  /** How much later than asked a park ends [ns]. */
  wakeLatenessNs = 0;
  looks = 0;
  parks = 0;
  /** When the last park ended by its timeout [ns]. */
  parkEndNs = 0;
  readonly #orders: Int32Array;
  readonly #asked: Float64Array;
  readonly #events: Event[] = [];

  constructor(memory: Pick<ControlMemory, 'orders' | 'asked'>, lookNs = 100) {
    this.#orders = memory.orders;
    this.#asked = memory.asked;
    this.lookNs = lookNs;
  }

  /** Raises or sets `word` at `timeNs`, and notifies its waiters. */
  at(timeNs: number, word: number, value?: number): void {
    this.#events.push({ timeNs, word, value });
    this.#events.sort((a, b) => a.timeNs - b.timeNs);
  }

  observeAt(timeNs: number): void {
    this.at(timeNs, Order.wake);
  }

  stopAt(timeNs: number): void {
    this.at(timeNs, Order.stop);
    this.at(timeNs, Order.rouse);
    this.at(timeNs, Order.wake);
  }

  /** Asks for a step, as `Controller.step` does. */
  stepAt(timeNs: number): void {
    this.at(timeNs, Order.step);
    this.at(timeNs, Order.rouse);
  }

  /** Changes the pace, as `Controller.lockstep` does. */
  paceAt(timeNs: number, pace: number): void {
    this.at(timeNs, Order.pace, pace);
    this.at(timeNs, Order.rouse);
    this.at(timeNs, Order.wake);
  }

  nowNs(): number {
    this.looks++;
    this.#advance(this.timeNs + this.lookNs, -1);
    return this.timeNs;
  }

  /** Computes for so long [ns]. */
  spend(ns: number): void {
    this.#advance(this.timeNs + ns, -1);
  }

  park(word: number, expected: number, steps: number): void {
    this.parks++;
    if (this.#orders[word] !== expected) return;
    if (this.#advance(this.timeNs + steps * PARK_STEP_NS + this.wakeLatenessNs, word)) return;
    this.parkEndNs = this.timeNs;
  }

  /** @returns whether an event on `word` ended it before its time */
  #advance(endNs: number, word: number): boolean {
    let notified = false;
    while (this.#events.length > 0 && this.#events[0].timeNs <= endNs) {
      const event = this.#events.shift() as Event;
      this.timeNs = Math.max(this.timeNs, event.timeNs);
      this.#orders[event.word] = event.value ?? this.#orders[event.word] + 1;
      if (event.word === Order.step) this.#asked[this.#orders[Order.step] & (ASKED_STEPS - 1)] = event.timeNs;
      notified ||= event.word === word;
      // What happens together is all seen by whom it wakes.
      if (notified && this.#events[0]?.timeNs !== event.timeNs) return true;
    }
    this.timeNs = endNs;
    return false;
  }
}
