/**
 * What the cycle is held against: the bare arithmetic of its work, as plain loops over typed arrays, with nothing
 * checked, remembered, or kept in shared memory.
 */
import { jackal } from '../sim/index.js';

const FEATURES = 24;
const ACTIONS = 8;

/**
 * Two passes over a table of 24 features by 8 actions: predict every action's value, then move every weight.
 *
 * @param weights 8 × 24; @param context 24; @param values 8, written
 * @returns a number that depends on everything computed
 */
export function plainPasses(weights: Float64Array, context: Float64Array, values: Float64Array): number {
  for (let a = 0; a < ACTIONS; a++) {
    const base = a * FEATURES;
    let value = 0;
    for (let i = 0; i < FEATURES; i++) value += weights[base + i] * context[i];
    values[a] = value;
  }
  for (let a = 0; a < ACTIONS; a++) {
    const base = a * FEATURES;
    const step = 0.01 * (1 - values[a]);
    for (let i = 0; i < FEATURES; i++) weights[base + i] += step * context[i];
  }
  return values[0];
}

/** The arrays of the two passes: each value learns to be 1. */
export class PlainPasses {
  readonly weights = new Float64Array(FEATURES * ACTIONS);
  readonly context = Float64Array.from({ length: FEATURES }, (_, i) => Math.sin(i + 1));
  readonly values = new Float64Array(ACTIONS);

  run(): number {
    return plainPasses(this.weights, this.context, this.values);
  }
}

const HEADINGS = 72;
const STEP = (2 * Math.PI) / HEADINGS;
const SECTORS = 8;
const SINE_STEPS = 256;

/**
 * What the cycle makes of a scan's beams: points, the nearest of each sector, the points near the robot, and the free
 * way along 72 headings for the robot's width. The sensor's angles and an arc-sine table are worked out beforehand, as
 * the cycle has them.
 */
export class PlainReduction {
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #angle: Float64Array;
  readonly #sector: Uint8Array;
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #nearX: Float64Array;
  readonly #nearY: Float64Array;
  readonly #nearest = new Float64Array(SECTORS);
  readonly #free = new Float64Array(HEADINGS);
  readonly #headingCos = new Float64Array(HEADINGS);
  readonly #headingSin = new Float64Array(HEADINGS);
  readonly #arcSine = new Float64Array(SINE_STEPS + 1);
  readonly #halfWidth: number;
  readonly #front: number;
  readonly #lookahead: number;
  readonly #nearDistance: number;
  readonly #rangeMax = jackal.laser.rangeMax;

  /** @param margin beside the robot [m]; @param lookahead [m]; @param nearDistance of the points kept [m] */
  constructor(margin: number, lookahead: number, nearDistance: number) {
    const { beams, fieldOfView } = jackal.laser;
    this.#cos = new Float64Array(beams);
    this.#sin = new Float64Array(beams);
    this.#angle = new Float64Array(beams);
    this.#sector = new Uint8Array(beams);
    this.#x = new Float64Array(beams);
    this.#y = new Float64Array(beams);
    this.#nearX = new Float64Array(beams);
    this.#nearY = new Float64Array(beams);
    for (let i = 0; i < beams; i++) {
      const angle = -fieldOfView / 2 + (i * fieldOfView) / (beams - 1);
      this.#angle[i] = angle;
      this.#cos[i] = Math.cos(angle);
      this.#sin[i] = Math.sin(angle);
      this.#sector[i] = (Math.round((angle / (2 * Math.PI)) * SECTORS) + SECTORS) % SECTORS;
    }
    for (let h = 0; h < HEADINGS; h++) {
      this.#headingCos[h] = Math.cos(h * STEP);
      this.#headingSin[h] = Math.sin(h * STEP);
    }
    for (let i = 0; i <= SINE_STEPS; i++) this.#arcSine[i] = Math.asin(Math.min(1, (i + 1) / SINE_STEPS));
    this.#halfWidth = jackal.width / 2 + margin;
    this.#front = jackal.length / 2 + margin;
    this.#lookahead = lookahead;
    this.#nearDistance = nearDistance;
  }

  /** The nearest reading of each sector, and nothing else. @returns a number that depends on everything computed */
  sectorMinima(beams: Float32Array): number {
    const sector = this.#sector;
    const nearest = this.#nearest;
    const rangeMax = this.#rangeMax;
    nearest.fill(rangeMax);
    for (let i = 0; i < beams.length; i++) {
      const range = beams[i];
      const k = sector[i];
      if (range < nearest[k]) nearest[k] = range;
    }
    return nearest[0] + nearest[SECTORS - 1];
  }

  /** @returns a number that depends on everything computed */
  reduce(beams: Float32Array): number {
    const cos = this.#cos;
    const sin = this.#sin;
    const angle = this.#angle;
    const sector = this.#sector;
    const xs = this.#x;
    const ys = this.#y;
    const nearX = this.#nearX;
    const nearY = this.#nearY;
    const nearest = this.#nearest;
    const free = this.#free;
    const headingCos = this.#headingCos;
    const headingSin = this.#headingSin;
    const arcSine = this.#arcSine;
    const rangeMax = this.#rangeMax;
    const front = this.#front;
    const halfWidth = this.#halfWidth;
    const nearSquared = this.#nearDistance * this.#nearDistance;
    const reach = this.#lookahead + front;
    const reachSquared = reach * reach + halfWidth * halfWidth;
    nearest.fill(rangeMax);
    free.fill(this.#lookahead);
    let near = 0;
    for (let i = 0; i < beams.length; i++) {
      const range = beams[i];
      // Not for a beam that failed either.
      if (!(range < rangeMax)) continue;
      const k = sector[i];
      if (range < nearest[k]) nearest[k] = range;
      const x = range * cos[i];
      const y = range * sin[i];
      xs[i] = x;
      ys[i] = y;
      const squared = x * x + y * y;
      if (squared <= nearSquared) {
        nearX[near] = x;
        nearY[near] = y;
        near++;
      }
      if (squared > reachSquared) continue;
      const sine = halfWidth / Math.sqrt(squared);
      const spread = sine >= 1 ? Math.PI / 2 : arcSine[(sine * SINE_STEPS) | 0];
      const last = Math.floor((angle[i] + spread) / STEP);
      for (let h = Math.ceil((angle[i] - spread) / STEP); h <= last; h++) {
        const slot = h < 0 ? h + HEADINGS : h;
        const way = x * headingCos[slot] + y * headingSin[slot] - front;
        if (way < free[slot]) free[slot] = way;
      }
    }
    return near + nearest[0] + free[0] + free[HEADINGS - 1];
  }
}
