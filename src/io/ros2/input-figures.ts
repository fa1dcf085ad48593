/**
 * What an input has brought and what of it was refused: for diagnostics, and so that a complaint is heard once and not
 * at a sensor's rate.
 *
 * Main thread, at every message: `take`, `accept` and `refuse` allocate nothing but the words of a complaint that is said.
 */
import { Rejection, type RejectionCode } from '../../memory/observation-sink.js';

/** Why a message was not handed on. The first are the sink's own codes. */
export const Refusal = {
  notFinite: Rejection.notFinite,
  outOfRange: Rejection.outOfRange,
  wrongLength: Rejection.wrongLength,
  stampBack: Rejection.stampBack,
  stampStill: Rejection.stampStill,
  /** Its bytes are no message of its type. */
  malformed: 6,
  /** In a frame to which no way is known. */
  noTransform: 7,
  /** In a frame that is tilted against the robot's plane. */
  notPlanar: 8,
  /** More beams than there is memory for. */
  tooManyBeams: 9,
  /** Time is simulated, and nobody has told it yet. */
  noClock: 10,
} as const;
export type RefusalCode = (typeof Refusal)[keyof typeof Refusal];

/** As diagnostics name them, by code. */
export const REFUSAL_NAMES = [
  'accepted',
  'not finite',
  'out of range',
  'wrong length',
  'stamp goes back',
  'stamp stands still',
  'malformed',
  'no transform',
  'not planar',
  'too many beams',
  'no /clock yet',
] as const;

/** Arrivals that the rate is reckoned of. */
const WINDOW = 32;
/** The same complaint is said again after this [ns]. */
const REPEAT_NS = 60e9;

export class InputFigures {
  /** What a person calls it: `odometry`. */
  readonly name: string;
  /** Messages that arrived. */
  received = 0;
  /** Of these, handed on. */
  accepted = 0;
  /** Of these, not handed on. */
  refused = 0;
  /** When the last arrived, and the last that was accepted, on the clock that dates readings [ns]; -Infinity: never. */
  receivedNs = Number.NEGATIVE_INFINITY;
  acceptedNs = Number.NEGATIVE_INFINITY;
  /** Since the last that was accepted. */
  refusedInRow = 0;
  /** How old the last accepted was when it arrived, by its stamp where stamps are trusted [ns]. */
  lagNs = 0;
  /** What was last said of it; empty: nothing yet. */
  complaint = '';
  /** When that was [ns]. */
  complaintNs = Number.NEGATIVE_INFINITY;
  readonly #topics: string[] = [];
  readonly #refusedBy = new Float64Array(REFUSAL_NAMES.length);
  #lateSaidNs = Number.NEGATIVE_INFINITY;
  readonly #saidNs = new Float64Array(REFUSAL_NAMES.length).fill(Number.NEGATIVE_INFINITY);
  readonly #arrivalsNs = new Float64Array(WINDOW);
  readonly #notice: (text: string) => void;

  /** @param notice told, in a sentence, what is wrong with the input: once, and once a minute while it stays so */
  constructor(name: string, notice: (text: string) => void) {
    this.name = name;
    this.#notice = notice;
  }

  /** Resolved names of the topics it comes by; none: it is not subscribed. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  addTopic(topic: string): void {
    this.#topics.push(topic);
  }

  /** A message arrived. @realtime safe */
  take(nowNs: number): void {
    this.#arrivalsNs[this.received % WINDOW] = nowNs;
    this.received++;
    this.receivedNs = nowNs;
  }

  /** It was handed on. @realtime safe */
  accept(nowNs: number): void {
    this.accepted++;
    this.acceptedNs = nowNs;
    this.refusedInRow = 0;
  }

  /** Counts it; says nothing. @returns whether it is to be said: the words are built only then */
  refuse(code: RefusalCode, nowNs: number): boolean {
    this.refused++;
    this.refusedInRow++;
    this.#refusedBy[code]++;
    // Not (now - said < repeat): simulated time may begin anew.
    if (Math.abs(nowNs - this.#saidNs[code]) < REPEAT_NS) return false;
    this.#saidNs[code] = nowNs;
    return true;
  }

  /** The bytes are no message of the input's type: counted, and told. */
  malformed(bytes: number, nowNs: number): void {
    if (this.refuse(Refusal.malformed, nowNs)) this.complain(`${bytes} bytes that are no message`, nowNs);
  }

  /**
   * It came before simulated time has begun: counted. That is one clock's fault and not each input's, and said of the clock.
   *
   * @realtime safe
   */
  undated(nowNs: number): void {
    this.refuse(Refusal.noClock, nowNs);
    this.complaint = 'use_sim_time is true, and nothing has come on /clock yet';
    this.complaintNs = nowNs;
  }

  /**
   * The accepted reading was so old when it arrived.
   *
   * @param limitNs with which it is stale as it comes
   * @returns whether that is to be said
   */
  late(lagNs: number, limitNs: number, nowNs: number): boolean {
    this.lagNs = lagNs;
    if (lagNs <= limitNs || Math.abs(nowNs - this.#lateSaidNs) < REPEAT_NS) return false;
    this.#lateSaidNs = nowNs;
    return true;
  }

  /** @param text a sentence without its end, which begins with what is meant: `odometry: …` is put before it */
  complain(text: string, nowNs: number): void {
    this.complaint = text;
    this.complaintNs = nowNs;
    this.#notice(`${this.name}: ${text}`);
  }

  /** How many were refused for that. */
  refusedBy(code: RefusalCode): number {
    return this.#refusedBy[code];
  }

  /** Refusals by their names, those that occurred. @realtime unsafe */
  refusals(): Record<string, number> {
    const refusals: Record<string, number> = {};
    for (let code = 1; code < REFUSAL_NAMES.length; code++) {
      if (this.#refusedBy[code] > 0) refusals[REFUSAL_NAMES[code]] = this.#refusedBy[code];
    }
    return refusals;
  }

  /** Since the last that was accepted [s]; Infinity: never. */
  age(nowNs: number): number {
    return (nowNs - this.acceptedNs) * 1e-9;
  }

  /**
   * Arrivals per second over the last ones, 0 before the second; it falls while nothing comes [Hz].
   */
  rate(nowNs: number): number {
    const count = Math.min(this.received, WINDOW);
    if (count < 2) return 0;
    const newest = this.#arrivalsNs[(this.received - 1) % WINDOW];
    const oldest = this.#arrivalsNs[this.received > WINDOW ? this.received % WINDOW : 0];
    const span = newest - oldest;
    const interval = span / (count - 1);
    // Silence longer than the usual interval counts as one more that is not there.
    const silence = nowNs - newest;
    const perNs = silence > 2 * interval ? count / (nowNs - oldest) : 1 / interval;
    return Number.isFinite(perNs) && perNs > 0 ? perNs * 1e9 : 0;
  }
}

/** `Refusal` is the sink's own code where the sink refused. */
export function refusalOf(code: Exclude<RejectionCode, 0>): RefusalCode {
  return code;
}
