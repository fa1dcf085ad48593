/**
 * A plan: the points of a path, and the one among them that is sought now. In the plan's own frame throughout.
 *
 * Main thread. Of fixed size: a long plan is kept more coarsely. Allocates nothing after construction.
 */

/** Points that are kept at most. */
const POINTS_MAX = 4096;
/** Points closer than this to the last are left out; twice that whenever there is no room [m]. */
const SPACING = 0.05;
/** The robot is looked for so far along the plan beyond the look-ahead, since it was there last [m]. */
const SEARCH = 2;
/** A way that passes the robot twice is followed from the first place that is hardly farther than the nearest [m]. */
const HARDLY = 0.25;

export class Plan {
  /** What is sought [m]. */
  x = 0;
  y = 0;
  /** It is the end of the plan. */
  final = false;
  readonly #x = new Float64Array(POINTS_MAX);
  readonly #y = new Float64Array(POINTS_MAX);
  /** Length of the way to each point [m]. */
  readonly #along = new Float64Array(POINTS_MAX);
  #count = 0;
  #spacing = SPACING;
  /** The last that was given: the end, however close to the one before. */
  #lastX = 0;
  #lastY = 0;
  /** Where on the way the robot is: index of the point before it, and how far along it is itself [m]. */
  #at = 0;
  #foot = 0;
  #located = false;

  /** Points that are kept. */
  get count(): number {
    return this.#count;
  }

  /** The end [m]. */
  get endX(): number {
    return this.#x[this.#count - 1];
  }

  get endY(): number {
    return this.#y[this.#count - 1];
  }

  clear(): void {
    this.#count = 0;
    this.#spacing = SPACING;
    this.#at = 0;
    this.#foot = 0;
    this.#located = false;
    this.final = false;
  }

  /** The next point of the path. */
  add(x: number, y: number): void {
    this.#lastX = x;
    this.#lastY = y;
    const last = this.#count - 1;
    if (last >= 0 && Math.hypot(x - this.#x[last], y - this.#y[last]) < this.#spacing) return;
    if (this.#count === POINTS_MAX) this.#thin();
    this.#push(x, y);
  }

  /** There are no more points; the way is what was added. */
  finish(): void {
    if (this.#count === 0) return;
    const last = this.#count - 1;
    if (this.#x[last] !== this.#lastX || this.#y[last] !== this.#lastY) {
      // The place of the end is taken from the point before it, but not that of the beginning.
      if (this.#count === POINTS_MAX) this.#count--;
      this.#push(this.#lastX, this.#lastY);
    }
    let along = 0;
    this.#along[0] = 0;
    for (let i = 1; i < this.#count; i++) {
      along += Math.hypot(this.#x[i] - this.#x[i - 1], this.#y[i] - this.#y[i - 1]);
      this.#along[i] = along;
    }
  }

  /**
   * Finds what is sought from where the robot is: the point so far along the way from the nearest to it, or the end.
   *
   * @param x of the robot, in the plan's frame [m]
   * @param lookahead [m]
   */
  seek(x: number, y: number, lookahead: number): void {
    if (this.#count === 0) return;
    this.#locate(x, y, lookahead);
    const end = this.#count - 1;
    const sought = this.#foot + lookahead;
    let i = this.#at;
    while (i < end && this.#along[i] < sought) i++;
    this.final = this.#along[end] <= sought;
    if (this.final) {
      this.x = this.#x[end];
      this.y = this.#y[end];
      return;
    }
    const before = Math.max(0, i - 1);
    const step = this.#along[i] - this.#along[before];
    const part = step > 0 ? Math.max(0, Math.min(1, (sought - this.#along[before]) / step)) : 1;
    this.x = this.#x[before] + part * (this.#x[i] - this.#x[before]);
    this.y = this.#y[before] + part * (this.#y[i] - this.#y[before]);
  }

  #locate(x: number, y: number, lookahead: number): void {
    const from = this.#at;
    const reach = this.#located ? this.#foot + lookahead + SEARCH : Number.POSITIVE_INFINITY;
    let distance = Number.POSITIVE_INFINITY;
    for (let i = from; i < this.#count && (i === from || this.#along[i] <= reach); i++) {
      const next = Math.min(i + 1, this.#count - 1);
      const dx = this.#x[next] - this.#x[i];
      const dy = this.#y[next] - this.#y[i];
      const squares = dx * dx + dy * dy;
      const ahead = squares === 0 ? 0 : ((x - this.#x[i]) * dx + (y - this.#y[i]) * dy) / squares;
      const part = Math.max(0, Math.min(1, ahead));
      const here = Math.hypot(x - this.#x[i] - part * dx, y - this.#y[i] - part * dy);
      const foot = this.#along[i] + part * (this.#along[next] - this.#along[i]);
      // A stretch that goes on from the nearest so far may be nearer by little; one elsewhere must be so by much.
      const goesOn = foot - this.#foot < HARDLY && distance < Number.POSITIVE_INFINITY;
      if (here < (this.#located || goesOn ? distance : distance - HARDLY)) {
        distance = here;
        this.#at = i;
        this.#foot = foot;
      }
    }
    this.#located = true;
  }

  #push(x: number, y: number): void {
    this.#x[this.#count] = x;
    this.#y[this.#count] = y;
    this.#count++;
  }

  /** Leaves out every other point. */
  #thin(): void {
    const kept = this.#count >> 1;
    for (let i = 0; i < kept; i++) {
      this.#x[i] = this.#x[2 * i];
      this.#y[i] = this.#y[2 * i];
    }
    this.#count = kept;
    this.#spacing *= 2;
  }
}
