import { assert } from '../src/core/assert.js';
import { hashSeed } from '../src/core/hash.js';
import { Prng } from '../src/core/prng.js';

/** What goes wrong between the simulated robot and the controller. All zero means that nothing does. */
export interface FaultSettings {
  /** Standard deviation of each range [m]. */
  laserNoise: number;
  /** Share of beams that fail and read NaN. */
  laserDropout: number;
  /** Odometry's scale is wrong by up to this share, drawn once per episode for each axis. */
  odometrySlip: number;
  /** Odometry turns by up to this without the robot turning, drawn once per episode [rad/s]. */
  odometryDrift: number;
  /** Standard deviation of the speed that odometry reports, as a share of it, drawn per reading. */
  odometryNoise: number;
  /** Age at which a sensor's reading arrives, drawn per reading [s]. Order is kept. */
  sensorLatencyMinS: number;
  sensorLatencyMaxS: number;
  /** The same for commands on their way to the base [s]. */
  commandLatencyMinS: number;
  commandLatencyMaxS: number;
  /** Share of readings and of commands that never arrive. */
  packetLoss: number;
}

export const noFaults: Readonly<FaultSettings> = Object.freeze({
  laserNoise: 0,
  laserDropout: 0,
  odometrySlip: 0,
  odometryDrift: 0,
  odometryNoise: 0,
  sensorLatencyMinS: 0,
  sensorLatencyMaxS: 0,
  commandLatencyMinS: 0,
  commandLatencyMaxS: 0,
  packetLoss: 0,
});

/**
 * What `--faults` switches on: a Hokuyo's noise, a radio link's delays, and wheels that slip a little. Over a 10 m run
 * the odometry ends up to 0.2 m short or long and, at 20 s, 0.2 m to one side.
 */
export const defaultFaults: Readonly<FaultSettings> = Object.freeze({
  laserNoise: 0.02,
  laserDropout: 0.01,
  odometrySlip: 0.02,
  odometryDrift: 0.002,
  odometryNoise: 0.02,
  sensorLatencyMinS: 0.02,
  sensorLatencyMaxS: 0.04,
  commandLatencyMinS: 0.02,
  commandLatencyMaxS: 0.04,
  packetLoss: 0.01,
});

const PROBABILITIES = ['laserDropout', 'packetLoss'] as const;
/** Delays are for links, not for recordings; a bound keeps the delay lines small [s]. */
const LATENCY_MAX_S = 2;

/** @throws an Error that names the setting, its value and what is allowed */
export function checkFaults(settings: FaultSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!Number.isFinite(value) || value < 0) throw new Error(`fault ${name}: ${value} is not a number from 0 up`);
  }
  for (const name of PROBABILITIES) {
    if (settings[name] > 1) throw new Error(`fault ${name}: ${settings[name]} is not from 0 to 1`);
  }
  for (const side of ['sensor', 'command'] as const) {
    const low = settings[`${side}LatencyMinS`];
    const high = settings[`${side}LatencyMaxS`];
    if (high < low || high > LATENCY_MAX_S) {
      throw new Error(`fault ${side}LatencyMaxS: ${high} is not from ${low} (its minimum) to ${LATENCY_MAX_S}`);
    }
  }
}

/** One generator per fault, so that switching one on leaves the draws of the others as they were. */
export class FaultStreams {
  readonly laserNoise = new Prng();
  readonly laserDropout = new Prng();
  readonly odometrySlip = new Prng();
  readonly odometryNoise = new Prng();
  readonly sensorLatency = new Prng();
  readonly commandLatency = new Prng();
  readonly sensorLoss = new Prng();
  readonly commandLoss = new Prng();

  /** @param episodeSeed the episode's own seed @realtime safe */
  seed(episodeSeed: number): void {
    const base = episodeSeed ^ 0x6661756c;
    this.laserNoise.seed(hashSeed(base, 0));
    this.laserDropout.seed(hashSeed(base, 1));
    this.odometrySlip.seed(hashSeed(base, 2));
    this.odometryNoise.seed(hashSeed(base, 3));
    this.sensorLatency.seed(hashSeed(base, 4));
    this.commandLatency.seed(hashSeed(base, 5));
    this.sensorLoss.seed(hashSeed(base, 6));
    this.commandLoss.seed(hashSeed(base, 7));
  }
}

/**
 * A link with delay: rows of numbers that come out in order when they are due. The caller writes and reads the rows in
 * `payload` directly. Allocates in the constructor only.
 */
export class DelayLine {
  /** `width` numbers per row; `push` and `pop` give a row's index. Owned by the line, valid until the row is reused. */
  readonly payload: Float64Array;
  readonly width: number;
  readonly #capacity: number;
  readonly #stampNs: Float64Array;
  readonly #dueNs: Float64Array;
  #head = 0;
  #size = 0;
  #lastDueNs = Number.NEGATIVE_INFINITY;

  constructor(capacity: number, width: number) {
    assert(capacity > 0 && width > 0, 'delay line: capacity and width are positive');
    this.#capacity = capacity;
    this.width = width;
    this.payload = new Float64Array(capacity * width);
    this.#stampNs = new Float64Array(capacity);
    this.#dueNs = new Float64Array(capacity);
  }

  /** @returns the row to write. A full line loses its oldest row. @realtime safe */
  push(stampNs: number, dueNs: number): number {
    if (this.#size === this.#capacity) {
      this.#head = (this.#head + 1) % this.#capacity;
      this.#size--;
    }
    const row = (this.#head + this.#size) % this.#capacity;
    this.#size++;
    // What was sent later does not overtake.
    if (dueNs > this.#lastDueNs) this.#lastDueNs = dueNs;
    this.#stampNs[row] = stampNs;
    this.#dueNs[row] = this.#lastDueNs;
    return row;
  }

  /** @returns the next row that is due at `nowNs`, -1 where there is none. @realtime safe */
  pop(nowNs: number): number {
    if (this.#size === 0 || this.#dueNs[this.#head] > nowNs) return -1;
    const row = this.#head;
    this.#head = (this.#head + 1) % this.#capacity;
    this.#size--;
    return row;
  }

  /** When the row was sent [ns]. @realtime safe */
  stampNs(row: number): number {
    return this.#stampNs[row];
  }

  /** @realtime safe */
  clear(): void {
    this.#size = 0;
    this.#lastDueNs = Number.NEGATIVE_INFINITY;
  }
}

/** Rows that a line needs for `rateHz` messages a second, each at most `latencyS` under way. */
export function delayCapacity(rateHz: number, latencyS: number): number {
  return Math.ceil(rateHz * latencyS) + 2;
}
