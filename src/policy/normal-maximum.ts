/**
 * Which of several independent normals is the largest: draws it, and says with which probability each is.
 *
 * Thread: that of the policy it serves. Allocates nothing after construction; the scratch is the caller's.
 *
 * Arm a's number is normal with mean m and deviation s. The probability that it is the largest,
 *
 * ```
 *   p_a = ∫ φ((z - m_a) / s_a) / s_a · Π_{b≠a} Φ((z - m_b) / s_b) dz,
 * ```
 *
 * has no closed form for more than two arms. All the p_a are integrated over the same nodes: the product over all arms is
 * made once for a node, and each arm's integrand is that product times its own φ / (Φ s). The sum of all is 1 but for the
 * error, so that all are divided by it, and one probability costs as much as all.
 *
 * The range ends where the product is below Φ(-7) on one side and 1 less than Φ(-7) for each arm on the other. It is cut
 * into panels of at most `PANEL` times the smallest deviation that still varies there, each with a Gauss–Legendre rule
 * of `NODES` nodes; an arm that is certain to lie below is left out. At most 14 / `PANEL` + 1 panels for each arm, most
 * often a handful.
 *
 * **Error**: at most 1e-9, absolute, for each probability and up to 1024 arms (tested against closed forms and a far
 * finer rule; the largest seen is 2e-10). An arm that varies and is allowed has at least 1e-15, so that whatever is
 * drawn has a probability above 0.
 *
 * Numbers are taken relative to the largest mean. A deviation below 1e-6 of its mean's distance from that counts as 0, in
 * draws and probabilities alike: such an arm wins, if ever, against one that varies a hundred thousand times as much.
 * Arms that do not vary and have the same number share what they win.
 */
import type { Prng } from '../core/prng.js';
import { NO_ACTION } from './policy.js';

/** Deviations from the mean beyond which an arm is certain not to lie. */
const REACH = 7;
/** Widest panel [deviations]. */
const PANEL = 3;
/** The more arms, the steeper their product: from this many on panels shrink with the logarithm of their number. */
const MANY_ARMS = 20;
const NODES = 16;
/** A product of Φ below this is 0. */
const NEGLIGIBLE = 1e-12;
/** Least probability of an arm that can be drawn. */
const PROBABILITY_FLOOR = 1e-15;
/** A deviation below this share of the distance to the largest mean is none: rounding would show at 1e-10 of it. */
const RESOLUTION = 1e-6;
/** A deviation below this is none: its reciprocal must be finite. */
const SMALLEST_DEVIATION = 1e-150;

/** Table points for each deviation; Φ and φ between them by Taylor's series from the nearest, to 1e-13. */
const STEPS = 32;
const LAST_STEP = (REACH + 1) * STEPS;
const INVERSE_ROOT_TWO_PI = 1 / Math.sqrt(2 * Math.PI);

/** φ and Φ at -8, -8 + 1/32, …, 8, in turn. */
const TABLE = normalTable();
const GAUSS_NODES = new Float64Array(NODES);
const GAUSS_WEIGHTS = new Float64Array(NODES);
fillGaussLegendre(GAUSS_NODES, GAUSS_WEIGHTS);

// Arrays of the scratch, each as long as there are arms.
const ARRAYS = 6;
// Numbers that methods leave for one another behind them: as arguments and results V8 boxes them where it does not inline.
const PLACE = 0;
const PRODUCT = 1;
const MIDDLE = 2;
const HALF = 3;
const LOW = 4;
const HIGH = 5;
const NUMBERS = 6;

export class NormalMaximum {
  readonly #arms: number;
  /** Means relative to the largest allowed one. */
  readonly #centres: Float64Array;
  /** Deviations; 0 for an arm that does not vary, -1 for one that is not allowed. */
  readonly #deviations: Float64Array;
  // Of the arms that vary in the panels under way, without gaps: mean, 1 / deviation, φ / (Φ s), mass so far.
  readonly #activeCentres: Float64Array;
  readonly #activeRates: Float64Array;
  readonly #slopes: Float64Array;
  readonly #masses: Float64Array;
  readonly #numbers: Float64Array;

  /** Doubles of scratch for so many arms. @realtime unsafe */
  static doubles(arms: number): number {
    return ARRAYS * arms + NUMBERS;
  }

  /** @param scratch `doubles(arms)` doubles of the caller's, of any content @realtime unsafe (makes views) */
  constructor(arms: number, scratch: Float64Array) {
    this.#arms = arms;
    const part = (index: number): Float64Array => scratch.subarray(index * arms, (index + 1) * arms);
    this.#centres = part(0);
    this.#deviations = part(1);
    this.#activeCentres = part(2);
    this.#activeRates = part(3);
    this.#slopes = part(4);
    this.#masses = part(5);
    this.#numbers = scratch.subarray(ARRAYS * arms, ARRAYS * arms + NUMBERS);
  }

  /**
   * Draws one number for each allowed arm that varies, in order, and takes the largest; ties by the generator.
   *
   * @param means one for each arm, finite
   * @param deviations one for each arm, finite, not negative
   * @param allowed 0 = left out; null allows all
   * @returns the arm; `NO_ACTION` where none is allowed
   * @realtime safe
   */
  draw(means: Float64Array, deviations: Float64Array, allowed: Uint8Array | null, prng: Prng): number {
    if (this.#center(means, deviations, allowed) === 0) return NO_ACTION;
    const centres = this.#centres;
    const spreads = this.#deviations;
    const numbers = this.#numbers;
    const arms = this.#arms;
    let action = NO_ACTION;
    let best = -Infinity;
    let ties = 0;
    // The polar method (Marsaglia & Bray 1964) makes two normals at a time; the second is the next arm's.
    let spare = 0;
    let spared = false;
    for (let a = 0; a < arms; a++) {
      const spread = spreads[a];
      if (spread < 0) continue;
      let number = centres[a];
      if (spread > 0) {
        if (spared) {
          number += spread * spare;
          spared = false;
        } else {
          let u = 0;
          let v = 0;
          let q = 0;
          do {
            prng.nextFloatInto(numbers, PLACE);
            prng.nextFloatInto(numbers, PRODUCT);
            u = 2 * numbers[PLACE] - 1;
            v = 2 * numbers[PRODUCT] - 1;
            q = u * u + v * v;
          } while (q >= 1 || q === 0);
          const factor = Math.sqrt((-2 * Math.log(q)) / q);
          number += spread * u * factor;
          spare = v * factor;
          spared = true;
        }
      }
      if (number > best) {
        best = number;
        action = a;
        ties = 1;
      } else if (number === best) {
        ties++;
        prng.nextFloatInto(numbers, PLACE);
        if (numbers[PLACE] * ties < 1) action = a;
      }
    }
    return action;
  }

  /**
   * The probability of each arm that it is the largest; see the file's head for the error.
   *
   * @param means one for each arm, finite
   * @param deviations one for each arm, finite, not negative
   * @param allowed 0 = left out; null allows all
   * @param out one number for each arm, 0 for what is not allowed; they add up to 1
   * @returns how many arms are allowed
   * @realtime safe
   */
  probabilities(means: Float64Array, deviations: Float64Array, allowed: Uint8Array | null, out: Float64Array): number {
    const count = this.#center(means, deviations, allowed);
    const centres = this.#centres;
    const spreads = this.#deviations;
    const arms = this.#arms;
    // Largest number of those that do not vary, and how many have it.
    let point = -Infinity;
    let points = 0;
    let low = -Infinity;
    let high = -Infinity;
    let lowest = 0;
    for (let a = 0; a < arms; a++) {
      out[a] = 0;
      const spread = spreads[a];
      const center = centres[a];
      if (spread > 0) {
        if (center - REACH * spread > low) {
          low = center - REACH * spread;
          lowest = spread;
        }
        if (center + REACH * spread > high) high = center + REACH * spread;
      } else if (spread === 0) {
        if (center > point) {
          point = center;
          points = 1;
        } else if (center === point) {
          points++;
        }
      }
    }
    const numbers = this.#numbers;
    let pointMass = 0;
    if (points > 0) {
      numbers[PLACE] = point;
      this.#multiply();
      pointMass = numbers[PRODUCT] > PROBABILITY_FLOOR ? numbers[PRODUCT] : PROBABILITY_FLOOR;
    }
    // With several arms the product stays negligible for a good way up from there.
    for (let steps = 1; steps < REACH; steps++) {
      numbers[PLACE] = low + lowest;
      this.#multiply();
      if (numbers[PRODUCT] > NEGLIGIBLE) break;
      low += lowest;
    }
    if (point > low) low = point;
    numbers[LOW] = low;
    numbers[HIGH] = high;
    this.#integrate(out);

    let total = pointMass;
    for (let a = 0; a < arms; a++) {
      if (spreads[a] > 0) {
        if (out[a] < PROBABILITY_FLOOR) out[a] = PROBABILITY_FLOOR;
        total += out[a];
      } else if (spreads[a] === 0 && centres[a] === point) {
        out[a] = pointMass / points;
      }
    }
    if (count > 0) for (let a = 0; a < arms; a++) out[a] /= total;
    return count;
  }

  /** Writes the numbers that draws and probabilities go by. @returns how many arms are allowed */
  #center(means: Float64Array, deviations: Float64Array, allowed: Uint8Array | null): number {
    const centres = this.#centres;
    const spreads = this.#deviations;
    const arms = this.#arms;
    let best = -Infinity;
    let count = 0;
    for (let a = 0; a < arms; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      count++;
      if (means[a] > best) best = means[a];
    }
    for (let a = 0; a < arms; a++) {
      if (allowed !== null && allowed[a] === 0) {
        spreads[a] = -1;
        continue;
      }
      const center = means[a] - best;
      const deviation = deviations[a];
      centres[a] = center;
      spreads[a] = deviation > SMALLEST_DEVIATION && deviation > -RESOLUTION * center ? deviation : 0;
    }
    return count;
  }

  /** Leaves Π Φ of the arms that vary, at the place in `#numbers`, there; 0 where it is negligible. */
  #multiply(): void {
    const centres = this.#centres;
    const spreads = this.#deviations;
    const numbers = this.#numbers;
    const z = numbers[PLACE];
    let product = 1;
    for (let a = 0; a < spreads.length; a++) {
      const spread = spreads[a];
      if (spread <= 0) continue;
      const t = (z - centres[a]) / spread;
      if (t > REACH) continue;
      if (!(t > -REACH)) {
        product = 0;
        break;
      }
      const step = (t * STEPS + (LAST_STEP + 0.5)) | 0;
      const c = (step - LAST_STEP) / STEPS;
      const d = t - c;
      const h2 = c * c - 1;
      const h3 = c * (c * c - 3);
      product *= TABLE[2 * step + 1] + TABLE[2 * step] * d * (1 - d * (c / 2 - d * (h2 / 6 - (d * h3) / 24)));
    }
    numbers[PRODUCT] = product;
  }

  /** Adds to `out` the mass that each arm wins with a number in the range in `#numbers`. */
  #integrate(out: Float64Array): void {
    const centres = this.#centres;
    const spreads = this.#deviations;
    const activeCentres = this.#activeCentres;
    const activeRates = this.#activeRates;
    const masses = this.#masses;
    const numbers = this.#numbers;
    const arms = this.#arms;
    const high = numbers[HIGH];
    let from = numbers[LOW];
    while (from < high) {
      // Every arm varies from before `low` on. The one with the smallest deviation sets the panels until it is certain.
      let active = 0;
      let smallest = Infinity;
      let to = high;
      for (let a = 0; a < arms; a++) {
        const spread = spreads[a];
        if (!(spread > 0 && centres[a] + REACH * spread > from)) continue;
        activeCentres[active] = centres[a];
        activeRates[active] = 1 / spread;
        masses[active] = 0;
        active++;
        if (spread < smallest) {
          smallest = spread;
          to = centres[a] + REACH * spread;
        }
      }
      const steepness = active > MANY_ARMS ? Math.log(active) / Math.log(MANY_ARMS) : 1;
      const panels = Math.ceil(((to - from) * steepness) / (PANEL * smallest));
      const half = (to - from) / (2 * panels);
      for (let panel = 0; panel < panels; panel++) {
        numbers[MIDDLE] = from + (2 * panel + 1) * half;
        numbers[HALF] = half;
        for (let node = 0; node < NODES; node++) this.#accumulate(node, active);
      }
      let at = 0;
      for (let a = 0; a < arms; a++) {
        if (spreads[a] > 0 && centres[a] + REACH * spreads[a] > from) out[a] += masses[at++];
      }
      from = to;
    }
  }

  /** Adds the share of one node of the panel in `#numbers` to the masses of the first `active` arms. */
  #accumulate(node: number, active: number): void {
    const activeCentres = this.#activeCentres;
    const activeRates = this.#activeRates;
    const slopes = this.#slopes;
    const masses = this.#masses;
    const half = this.#numbers[HALF];
    const z = this.#numbers[MIDDLE] + half * GAUSS_NODES[node];
    let product = half * GAUSS_WEIGHTS[node];
    for (let i = 0; i < active; i++) {
      const rate = activeRates[i];
      const t = (z - activeCentres[i]) * rate;
      // Rounding of a far center may leave t outside the reach, where nothing is left to know.
      if (!(t < REACH + 0.5 && t > -REACH - 0.5)) {
        if (t < 0) product = 0;
        slopes[i] = 0;
        continue;
      }
      const step = (t * STEPS + (LAST_STEP + 0.5)) | 0;
      const c = (step - LAST_STEP) / STEPS;
      const d = t - c;
      const peak = TABLE[2 * step];
      // Derivatives of φ are φ times Hermite polynomials.
      const h2 = c * c - 1;
      const h3 = c * (c * c - 3);
      const h4 = c * c * (c * c - 6) + 3;
      const density = peak * (1 - d * (c - d * (h2 / 2 - d * (h3 / 6 - (d * h4) / 24))));
      const below = TABLE[2 * step + 1] + peak * d * (1 - d * (c / 2 - d * (h2 / 6 - d * (h3 / 24 - (d * h4) / 120))));
      slopes[i] = (density * rate) / below;
      product *= below;
    }
    for (let i = 0; i < active; i++) masses[i] += product * slopes[i];
  }
}

/** Φ(t), to 1e-15. @realtime safe */
export function normalCdf(t: number): number {
  if (!(t > -38)) return 0;
  if (t > 9) return 1;
  const density = INVERSE_ROOT_TWO_PI * Math.exp(-0.5 * t * t);
  if (t > -3) {
    // Φ(t) = 1/2 + φ(t) (t + t³/3 + t⁵/(3·5) + …) (Marsaglia 2004); the terms have one sign each side of 0.
    let sum = t;
    let term = t;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
      term *= (t * t) / k;
      sum += term;
    }
    return Math.min(0.5 + density * sum, 1);
  }
  // Laplace's continued fraction Φ(t) = φ(t) / (-t + 1 / (-t + 2 / (-t + …))), from behind.
  let fraction = -t;
  for (let k = 60; k > 0; k--) fraction = -t + k / fraction;
  return density / fraction;
}

function normalTable(): Float64Array {
  const table = new Float64Array(2 * (2 * LAST_STEP + 1));
  for (let step = 0; step <= 2 * LAST_STEP; step++) {
    const t = (step - LAST_STEP) / STEPS;
    table[2 * step] = INVERSE_ROOT_TWO_PI * Math.exp(-0.5 * t * t);
    table[2 * step + 1] = normalCdf(t);
  }
  return table;
}

/** Nodes and weights of the rule on [-1, 1]: the zeros of Legendre's polynomial, by Newton's method. */
function fillGaussLegendre(nodes: Float64Array, weights: Float64Array): void {
  const count = nodes.length;
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let iteration = 0; iteration < 20; iteration++) {
      let before = 1;
      let value = x;
      for (let k = 2; k <= count; k++) {
        const next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
        before = value;
        value = next;
      }
      slope = (count * (x * value - before)) / (x * x - 1);
      x -= value / slope;
    }
    nodes[i] = x;
    weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
}
