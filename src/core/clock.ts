/** Where the time comes from: the machine's monotonic clock on a robot, a virtual one in training and replay. */
export interface Clock {
  /**
   * Time since the clock's origin [ns]: a whole number, exact in a double for 104 days.
   *
   * @realtime safe
   */
  nowNs(): number;
}

const WORD = 4294967296;

/** The place of the low half of a 64-bit integer seen as two 32-bit words: 0 on every processor but the s390x. */
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/**
 * The machine's monotonic clock. Its raw reading is the same in every thread of the machine, so that two clocks with
 * one origin agree; the origin keeps the difference small enough for a double.
 *
 * The bigint goes into a typed array and comes back as two words because V8 then never builds it on the heap: measured,
 * 5 million calls leave no scavenge once compiled, where `Number(hrtime.bigint())` leaves hundreds.
 */
export class MonotonicClock implements Clock {
  /** The raw reading that counts as 0 [ns]; give it to the clock of another thread. */
  readonly originNs: bigint;
  readonly #reading = new BigInt64Array(1);
  readonly #words = new Uint32Array(this.#reading.buffer);
  readonly #originLow: number;
  readonly #originHigh: number;

  /** @param originNs of the clock to agree with; omitted, time starts now */
  constructor(originNs: bigint = process.hrtime.bigint()) {
    this.originNs = originNs;
    this.#reading[0] = originNs;
    this.#originLow = this.#words[LOW];
    this.#originHigh = this.#words[HIGH];
  }

  nowNs(): number {
    this.#reading[0] = process.hrtime.bigint();
    return (this.#words[HIGH] - this.#originHigh) * WORD + (this.#words[LOW] - this.#originLow);
  }
}

/** A clock that stands where it is put: simulated time, a recording's time, a test's. */
export class VirtualClock implements Clock {
  /** [ns] */
  timeNs: number;

  constructor(timeNs = 0) {
    this.timeNs = timeNs;
  }

  nowNs(): number {
    return this.timeNs;
  }
}

/** Says the times that a recorded cycle read off its clock: at its start, and at its command. */
export class ScriptedClock implements Clock {
  #startNs = 0;
  #commandNs = 0;
  #reads = 0;

  set(startNs: number, computeNs: number): void {
    this.#startNs = startNs;
    this.#commandNs = startNs + computeNs;
    this.#reads = 0;
  }

  nowNs(): number {
    return this.#reads++ === 0 ? this.#startNs : this.#commandNs;
  }
}
