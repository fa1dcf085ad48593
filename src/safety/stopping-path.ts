/**
 * The way to a standstill as places of the outline, each seen from the one before it and so close that no corner moves
 * farther than 3 cm between two: what is set down among the points nearby.
 *
 * Control thread, once or more a cycle. Its arrays are its own, and whoever writes it says what the robot does, piece by
 * piece: `begin`, `go` …, `end`. Allocates nothing after construction.
 */

/** From one place of the outline to the next, no corner moves farther than this [m]. */
const PLACE_STEP = 0.03;
const MAX_PLACES = 256;

export class StoppingPath {
  /** Places, valid after `end`. */
  count = 0;
  /** It is longer than can be judged: what is there is its beginning. */
  tooLong = false;
  /** Length of the way [m]. */
  length = 0;
  /** A place in the frame of the one before [m], and the cosine and sine of the turn between them. */
  readonly x = new Float64Array(MAX_PLACES);
  readonly y = new Float64Array(MAX_PLACES);
  readonly cos = new Float64Array(MAX_PLACES);
  readonly sin = new Float64Array(MAX_PLACES);
  /** Time from the one before [s]. */
  readonly seconds = new Float64Array(MAX_PLACES);
  /** For how long the twist is to be held before it is braked [s]: set by whoever asks for the way. */
  holdS = 0;
  /**
   * What the robot does in the next piece [m/s, m/s, rad/s], and for how long [s]: set before `go`. Numbers handed to a call
   * that V8 does not inline would be allocated, as `holdS` would.
   */
  vx = 0;
  vy = 0;
  yawRate = 0;
  pieceS = 0;
  readonly #radius: number;
  /** The place that is being written, and how far a corner has moved for it at most [m]. */
  #x = 0;
  #y = 0;
  #cos = 1;
  #sin = 0;
  #seconds = 0;
  #moved = 0;

  /** @param radius of the circle around the outline [m] */
  constructor(radius: number) {
    this.#radius = radius;
  }

  /** @realtime safe */
  begin(): void {
    this.count = 0;
    this.tooLong = false;
    this.length = 0;
    this.#open();
  }

  /** The robot goes on with the twist for the seconds that were set. @realtime safe */
  go(): void {
    if (this.tooLong) return;
    const { vx, vy, yawRate, pieceS: seconds } = this;
    const way = Math.sqrt(vx * vx + vy * vy) * seconds;
    const moved = way + Math.abs(yawRate) * seconds * this.#radius;
    const parts = Math.max(1, Math.ceil(moved / PLACE_STEP));
    if (this.count + parts >= MAX_PLACES) {
      this.tooLong = true;
      return;
    }
    this.length += way;
    // One part of the arc, in the frame at its start.
    const dt = seconds / parts;
    const half = 0.5 * yawRate * dt;
    const sinHalf = Math.sin(half);
    const cosHalf = Math.cos(half);
    const chord = dt * (Math.abs(half) < 1e-6 ? 1 : sinHalf / half);
    const x = chord * (vx * cosHalf - vy * sinHalf);
    const y = chord * (vx * sinHalf + vy * cosHalf);
    const cos = 1 - 2 * sinHalf * sinHalf;
    const sin = 2 * sinHalf * cosHalf;
    const part = moved / parts;
    for (let k = 0; k < parts; k++) {
      if (this.#moved > 0 && this.#moved + part > PLACE_STEP) this.#close();
      const c = this.#cos;
      const s = this.#sin;
      this.#x += x * c - y * s;
      this.#y += x * s + y * c;
      this.#cos = c * cos - s * sin;
      this.#sin = s * cos + c * sin;
      this.#seconds += dt;
      this.#moved += part;
    }
  }

  /** It stands. @realtime safe */
  end(): void {
    if (this.#moved > 0) this.#close();
  }

  #close(): void {
    const k = this.count++;
    this.x[k] = this.#x;
    this.y[k] = this.#y;
    this.cos[k] = this.#cos;
    this.sin[k] = this.#sin;
    this.seconds[k] = this.#seconds;
    this.#open();
  }

  #open(): void {
    this.#x = 0;
    this.#y = 0;
    this.#cos = 1;
    this.#sin = 0;
    this.#seconds = 0;
    this.#moved = 0;
  }
}
