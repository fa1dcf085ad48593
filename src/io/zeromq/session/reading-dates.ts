/**
 * When a robot's readings were taken, on the controller's clock. Main thread; time comes with each call.
 *
 * A stamp is the robot's clock; freshness is judged by the controller's. Where the robot's clock is real and its offset
 * known, a reading is dated by its stamp, never later than now and never before the last one, so that a reading that lay in
 * some queue is as old as it is. Otherwise it is dated by its arrival.
 *
 * In lockstep with a simulated clock the robot's time is the controller's too: a simulation that runs at another speed than
 * the world would else be remembered, and paid, at the wrong one. Readings are dated by stamp plus a constant, and each
 * step bears its sense's date. The constant puts the first at its arrival. It changes where stamps begin anew, in another
 * frame or after the clock was set, so that dates stand still then: they never fall, and nobody knows what time has passed.
 *
 * **A robot's clock that is set** shows by nothing but refused stamps: back of the last, or in the future. After a second
 * of only such senses the new clock is followed.
 */
import { ClockOffset } from '../protocol/clock-offset.js';
import type { Heartbeat, Hello } from '../protocol/protocol.js';
import type { LinkCounters } from './link-counters.js';

/** Senses must have been refused for their stamps for so long, and so many, before the robot's new clock is followed. */
const CLOCK_STEP_NS = 1e9;
const CLOCK_STEP_SENSES = 3;
/**
 * A simulated clock that is so far ahead of the last sense was set [ns]: nothing is remembered of the place for longer, so
 * that it may as well be another.
 */
const LAPSE_NS = 60e9;
const NS_PER_S = 1e9;

export class ReadingDates {
  readonly #toleranceS: number;
  readonly #counters: LinkCounters;
  readonly #onLapse: () => void;
  readonly #offset = new ClockOffset();
  #hello: Hello;
  /** Of the newest reading. */
  #datedNs: number;
  /** From the robot's stamps to dates, where the robot's time is the controller's [ns]; NaN before the first. */
  #originNs = Number.NaN;
  /** Nothing has been sensed of this place: stamps may begin anew. */
  #anew = true;
  /** `t` of the robot's newest heartbeat, and when it came; NaN before. */
  #theirHeartbeatS = Number.NaN;
  #heartbeatReceivedNs = Number.NaN;
  #badStampsSinceNs = Number.NaN;
  #badStamps = 0;

  /**
   * @param toleranceS how far in the future a stamp may lie
   * @param onLapse called when a simulated clock was set ahead, before the reading is dated: the place is void
   */
  constructor(hello: Hello, nowNs: number, toleranceS: number, counters: LinkCounters, onLapse: () => void) {
    this.#hello = hello;
    this.#datedNs = nowNs;
    this.#toleranceS = toleranceS;
    this.#counters = counters;
    this.#onLapse = onLapse;
  }

  /** Of the newest reading that was of use, or the session's beginning [ns]. */
  get datedNs(): number {
    return this.#datedNs;
  }
  /** The robot's clock minus the controller's [s]; NaN while unknown. */
  get offsetS(): number {
    return this.#offset.known ? this.#offset.offsetS : Number.NaN;
  }
  /** [s]; NaN while unknown. */
  get roundTripS(): number {
    return this.#offset.known ? this.#offset.roundTripS : Number.NaN;
  }

  /** What the robot says of its clock when it comes back. @param wentBack its clock is behind its last stamp */
  follow(hello: Hello, wentBack: boolean, nowNs: number): void {
    const before = this.#hello;
    this.#hello = hello;
    if (hello.clock !== before.clock || wentBack) {
      this.#offset.reset();
      this.#theirHeartbeatS = Number.NaN;
    }
    if (ownsTime(hello) === ownsTime(before)) return;
    this.#originNs = Number.NaN;
    this.#datedNs = nowNs;
  }

  /** The place is another: stamps may begin anew. */
  beginAnew(): void {
    this.#anew = true;
  }

  /** When a reading with this stamp was taken [ns]; NaN: not yet. */
  date(stampNs: number, nowNs: number): number {
    if (ownsTime(this.#hello)) return this.#dateByStamp(stampNs, nowNs);
    let datedNs = nowNs;
    if (this.#hello.clock === 'real' && this.#offset.known) {
      const mappedNs = stampNs - this.#offset.offsetS * NS_PER_S;
      if (mappedNs > nowNs + this.#toleranceS * NS_PER_S) return Number.NaN;
      datedNs = Math.min(nowNs, mappedNs);
    }
    return Math.max(datedNs, this.#datedNs);
  }

  /**
   * What became of the readings of that date. A stamp that came with nothing of use says nothing of the time either.
   *
   * @param taken of the readings, how many the sink took; `refused` whether it refused any
   */
  keep(datedNs: number, taken: number, refused: boolean): void {
    if (taken > 0 || !refused) this.#datedNs = datedNs;
    if (taken === 0) return;
    this.#badStamps = 0;
    this.#anew = false;
  }

  /** How far in the future a stamp lies [s]. */
  aheadS(t: number, nowNs: number): number {
    return this.#offset.toOurs(t) - nowNs / NS_PER_S;
  }

  /** One more sense was refused for its stamp. @returns whether its clock was set, and is followed from here on */
  followsSetClock(nowNs: number): boolean {
    if (this.#badStamps === 0) this.#badStampsSinceNs = nowNs;
    this.#badStamps++;
    if (this.#badStamps < CLOCK_STEP_SENSES || nowNs - this.#badStampsSinceNs < CLOCK_STEP_NS) return false;
    this.#badStamps = 0;
    this.#counters.clockSteps++;
    this.#offset.reset();
    return true;
  }

  takeHeartbeat(heartbeat: Heartbeat, nowNs: number): void {
    this.#theirHeartbeatS = heartbeat.t;
    this.#heartbeatReceivedNs = nowNs;
    if (this.#hello.clock !== 'real' || heartbeat.e === undefined || heartbeat.d === undefined) return;
    this.#offset.exchange(heartbeat.e, heartbeat.d, heartbeat.t, nowNs / NS_PER_S);
  }

  /** The controller's. @param s the session */
  heartbeat(s: number, nowNs: number): Heartbeat {
    const heartbeat: Heartbeat = { m: 'heartbeat', s, t: nowNs / NS_PER_S };
    if (!Number.isNaN(this.#theirHeartbeatS)) {
      heartbeat.e = this.#theirHeartbeatS;
      heartbeat.d = (nowNs - this.#heartbeatReceivedNs) / NS_PER_S;
    }
    return heartbeat;
  }

  /** The date of a reading of a robot whose time is the controller's; whole, so that differences of dates are exact [ns]. */
  #dateByStamp(stampNs: number, nowNs: number): number {
    const wholeNs = Math.round(stampNs);
    const passedNs = wholeNs + this.#originNs - this.#datedNs;
    if (passedNs >= 0 && passedNs <= LAPSE_NS) return this.#datedNs + passedNs;
    // The sink takes it only as an input whose own stamps rise; the cycle's time is past it.
    if (passedNs < 0 && !this.#anew) return this.#datedNs;
    if (passedNs > LAPSE_NS && !this.#anew) {
      this.#counters.clockSteps++;
      this.#onLapse();
    }
    const datedNs = Number.isNaN(this.#originNs) ? Math.max(nowNs, this.#datedNs) : this.#datedNs;
    this.#originNs = datedNs - wholeNs;
    return datedNs;
  }
}

/** Whether the cycles that drive the robot go by its time, and not by the controller's. */
export function ownsTime({ mode, clock }: Hello): boolean {
  return mode === 'lockstep' && clock === 'simulated';
}
