/** The path driven: so many points, the oldest given up. A jump starts a new stretch, and the ones before are history. */

/** Points nearer to the last one than this are left out, and farther than this are no driving [m]. */
const SPACING = 0.03;
const JUMP = 0.75;

export class Trail {
  readonly capacity: number;
  readonly #x: Float32Array;
  readonly #y: Float32Array;
  /** When the robot was there, on any one clock [s]. */
  readonly #atS: Float64Array;
  /** 1 where a stretch begins. */
  readonly #starts: Uint8Array;
  #first = 0;
  #count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#x = new Float32Array(capacity);
    this.#y = new Float32Array(capacity);
    this.#atS = new Float64Array(capacity);
    this.#starts = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#count;
  }

  clear(): void {
    this.#first = 0;
    this.#count = 0;
  }

  /** @param i 0 is the oldest */
  x(i: number): number {
    return this.#x[(this.#first + i) % this.capacity];
  }

  y(i: number): number {
    return this.#y[(this.#first + i) % this.capacity];
  }

  starts(i: number): boolean {
    return i === 0 || this.#starts[(this.#first + i) % this.capacity] === 1;
  }

  /** @param atS never before the last point's; `-Infinity` where nobody knows, and it was long ago */
  add(x: number, y: number, atS = Number.NEGATIVE_INFINITY): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    let start = 1;
    if (this.#count > 0) {
      const moved = Math.hypot(x - this.x(this.#count - 1), y - this.y(this.#count - 1));
      if (moved < SPACING) return;
      start = moved > JUMP ? 1 : 0;
    }
    const at = (this.#first + this.#count) % this.capacity;
    if (this.#count < this.capacity) this.#count++;
    else this.#first = (this.#first + 1) % this.capacity;
    this.#x[at] = x;
    this.#y[at] = y;
    this.#starts[at] = start;
    this.#atS[at] = atS;
  }

  /** The first point from a moment on, within the stretch under way; its end where there is none. */
  since(atS: number): number {
    const { current } = this;
    for (let i = this.#count - 1; i >= current; i--) {
      if (this.#atS[(this.#first + i) % this.capacity] < atS) return i + 1;
    }
    return current;
  }

  /** Where the stretch under way begins. */
  get current(): number {
    for (let i = this.#count - 1; i > 0; i--) if (this.starts(i)) return i;
    return 0;
  }
}
