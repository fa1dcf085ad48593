/**
 * How far the other side's clock is from ours, from heartbeats that go both ways: the on-wire protocol of NTP (RFC 5905,
 * section 8) and the thought behind its clock filter (section 10), that the exchange least delayed knows best.
 *
 * With T1 the time we sent, T2 and T3 those at which the other side received and sent, T4 the time it reached us:
 * offset = ((T2 − T1) + (T3 − T4)) / 2, round trip = (T4 − T1) − (T3 − T2). However the round trip is shared out between
 * the two ways, the offset is wrong by half of it at most. To that comes what the two clocks drift apart with time.
 */

/** Exchanges that are remembered; RFC 5905's NSTAGE. */
const EXCHANGES = 8;
/** How fast the difference between two clocks may change: 100 ppm is more than quartz does [s/s]. */
const DRIFT = 100e-6;
/** A longer round trip says nothing about the offset that would be of use [s]. */
const ROUND_TRIP_MAX_S = 10;
/** What a double keeps of a stamp that counts from 1970, rounded up [s]. */
const RESOLUTION_S = 1e-6;

/** All times in seconds; `ours` and `theirs` name the clock. */
export class ClockOffset {
  readonly #offsets = new Float64Array(EXCHANGES);
  readonly #roundTrips = new Float64Array(EXCHANGES);
  /** When the exchange began, on our clock. */
  readonly #begun = new Float64Array(EXCHANGES);
  #count = 0;
  #next = 0;
  #best = 0;
  #lastS = Number.NEGATIVE_INFINITY;
  #errorS = Number.POSITIVE_INFINITY;

  /** Whether an exchange has been used. */
  get known(): boolean {
    return this.#count > 0;
  }

  /** Their clock minus ours [s]; 0 until known. */
  get offsetS(): number {
    return this.#count > 0 ? this.#offsets[this.#best] : 0;
  }

  /** Round trip of the exchange that the offset comes from [s]. */
  get roundTripS(): number {
    return this.#count > 0 ? this.#roundTrips[this.#best] : Number.POSITIVE_INFINITY;
  }

  /** How far off the offset may be, at the newest exchange [s]. */
  get errorS(): number {
    return this.#errorS;
  }

  /**
   * Takes in one heartbeat. What cannot be — an answer before the question, times that are no numbers — is ignored.
   *
   * @param echoedS our stamp that it gives back: its `e`
   * @param heldS how long they had that stamp, on their clock: its `d`
   * @param theirS its `t`, on their clock
   * @param nowS when it reached us
   * @returns whether it was used
   */
  exchange(echoedS: number, heldS: number, theirS: number, nowS: number): boolean {
    const roundTripS = nowS - echoedS - heldS;
    // Written so that NaN fails.
    if (!(heldS >= 0 && roundTripS >= 0 && roundTripS <= ROUND_TRIP_MAX_S && nowS >= this.#lastS)) return false;
    const offsetS = (theirS - heldS - echoedS + (theirS - nowS)) / 2;
    if (!Number.isFinite(offsetS)) return false;
    // Both are right within their bounds unless a clock was set: then what came before says nothing any more.
    if (
      this.#count > 0 &&
      Math.abs(offsetS - this.offsetS) > this.#bound(this.#best, nowS) + bound(roundTripS, nowS - echoedS)
    ) {
      this.reset();
    }
    this.#lastS = nowS;
    const i = this.#next;
    this.#offsets[i] = offsetS;
    this.#roundTrips[i] = roundTripS;
    this.#begun[i] = echoedS;
    this.#next = (i + 1) % EXCHANGES;
    if (this.#count < EXCHANGES) this.#count++;
    this.#best = i;
    this.#errorS = this.#bound(i, nowS);
    for (let k = 0; k < this.#count; k++) {
      const errorS = this.#bound(k, nowS);
      if (errorS < this.#errorS) {
        this.#errorS = errorS;
        this.#best = k;
      }
    }
    return true;
  }

  /** A time on their clock, on ours [s]. Only of use once `known`. */
  toOurs(theirS: number): number {
    return theirS - this.offsetS;
  }

  /** The other side's clock is another one from here on. */
  reset(): void {
    this.#count = 0;
    this.#next = 0;
    this.#best = 0;
    this.#lastS = Number.NEGATIVE_INFINITY;
    this.#errorS = Number.POSITIVE_INFINITY;
  }

  #bound(i: number, nowS: number): number {
    return bound(this.#roundTrips[i], nowS - this.#begun[i]);
  }
}

/** By how much an offset may be wrong. @param ageS since the exchange began */
function bound(roundTripS: number, ageS: number): number {
  return roundTripS / 2 + DRIFT * ageS + RESOLUTION_S;
}
