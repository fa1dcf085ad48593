/**
 * The 24 features as each of the eight directions sees them: what lies ahead of it, how far the goal is along it. Seen
 * so, the eight directions are the same thing from eight angles, and one model can learn from all of them.
 *
 * Direction k's frame is `base_link` turned by k · 45°. Vectors are rotated by -k · 45°, sectors and previous actions
 * shift by k modulo 8 ("none" stays none), the bearing is turned and wrapped, distances stay. Position is left out: it
 * says where, not which way.
 *
 * The four contact forces are known by side. Turned by a multiple of 90° they change places; in between, a turned side
 * faces the corner of two, and has the mean of theirs, so that the sum over the sides stays. That loses what it averages:
 * it is the one group that two turns of 45° do not bring to where one of 90° does.
 *
 * Control thread, every cycle; allocates nothing after construction.
 */

import { ACTION_COUNT } from '../memory/layout.js';
import { SECTOR_COUNT, SIDE_COUNT } from '../memory/observation.js';
import { ACTION_MEMORY, Feature } from './extraction.js';

/** First index of each group within a direction's features. */
export const Turned = {
  velocityAlong: 0,
  velocityAcross: 1,
  obstacle: 2,
  goalAlong: 10,
  goalAcross: 11,
  goalDistance: 12,
  goalBearing: 13,
  previousAction: 14,
  contact: 18,
} as const;

/** Features of one direction. */
export const TURNED_DIM = 22;
/** Those of all directions, one after the other. */
export const TURNED_COUNT = ACTION_COUNT * TURNED_DIM;

/** Name of each feature, in order; none is that of a feature in `base_link`. */
export const TURNED_NAMES: readonly string[] = [
  'velocity_along',
  'velocity_across',
  ...Array.from({ length: SECTOR_COUNT }, (_, k) => `obstacle_+${k}`),
  'goal_along',
  'goal_across',
  'goal_range',
  'goal_bearing_off',
  ...Array.from({ length: ACTION_MEMORY }, (_, k) => `action_${k + 1}_ago_off`),
  ...['ahead', 'to_left', 'behind', 'to_right'].map((side) => `contact_${side}`),
];

/** Features that share one mean and one scale: a run of them within each direction's features. */
export interface FeatureGroup {
  readonly first: number;
  readonly count: number;
  /**
   * Whether a mean is taken away. Not from vectors, which would no longer rotate; and not where 0 says something: no
   * contact, no previous action, straight ahead.
   */
  readonly centred: boolean;
}

export const TURNED_GROUPS: readonly FeatureGroup[] = [
  { first: Turned.velocityAlong, count: 2, centred: false },
  { first: Turned.obstacle, count: SECTOR_COUNT, centred: true },
  { first: Turned.goalAlong, count: 2, centred: false },
  { first: Turned.goalDistance, count: 1, centred: true },
  { first: Turned.goalBearing, count: 1, centred: false },
  { first: Turned.previousAction, count: ACTION_MEMORY, centred: false },
  { first: Turned.contact, count: SIDE_COUNT, centred: false },
];

/** Cosine of k · 45°, with 0 and 1 exact, so that a quarter turn changes no bit; the sine is the one of k - 2. */
const COSINES = Float64Array.of(1, Math.SQRT1_2, 0, -Math.SQRT1_2, -1, -Math.SQRT1_2, 0, Math.SQRT1_2);

/**
 * Writes the features in every direction's frame.
 *
 * @param raw the 24 features, unscaled; only read
 * @param out `TURNED_COUNT` doubles of the caller's, `TURNED_DIM` for each direction in turn
 * @realtime safe
 */
export function turnFeatures(raw: Float64Array, out: Float64Array): void {
  for (let k = 0; k < ACTION_COUNT; k++) {
    const at = k * TURNED_DIM;
    const cosine = COSINES[k];
    const sine = COSINES[(k + 6) & 7];
    const vx = raw[Feature.velocityX];
    const vy = raw[Feature.velocityY];
    const dx = raw[Feature.goalForward];
    const dy = raw[Feature.goalLeft];
    out[at + Turned.velocityAlong] = vx * cosine + vy * sine;
    out[at + Turned.velocityAcross] = vy * cosine - vx * sine;
    for (let j = 0; j < SECTOR_COUNT; j++) out[at + Turned.obstacle + j] = raw[Feature.obstacle + ((j + k) & 7)];
    out[at + Turned.goalAlong] = dx * cosine + dy * sine;
    out[at + Turned.goalAcross] = dy * cosine - dx * sine;
    out[at + Turned.goalDistance] = raw[Feature.goalDistance];
    out[at + Turned.goalBearing] = wrapped(raw[Feature.goalBearing] - k * (Math.PI / 4));
    for (let j = 0; j < ACTION_MEMORY; j++) {
      const previous = raw[Feature.previousAction + j];
      // (action + 1) / 8, which is exact; 0 is none.
      out[at + Turned.previousAction + j] =
        previous === 0 ? 0 : (((previous * ACTION_COUNT - 1 - k + ACTION_COUNT) & 7) + 1) / ACTION_COUNT;
    }
    const side = k >> 1;
    for (let j = 0; j < SIDE_COUNT; j++) {
      const force = raw[Feature.contact + ((j + side) & 3)];
      out[at + Turned.contact + j] =
        (k & 1) === 0 ? force : 0.5 * (force + raw[Feature.contact + ((j + side + 1) & 3)]);
    }
  }
}

/**
 * Undoes the turning for what a model made of one direction's features: what each adds to the direction's value is added
 * to the `base_link` features that it was made of, so that the sum stays. A sector's share goes to the sector that was
 * turned there; that of a vector's component to x and y, and that of a corner to its two sides, in the proportion in which
 * they made it up.
 *
 * Where two parts of a component cancel to exactly 0 its share is 0, and so are theirs.
 *
 * @param k the direction
 * @param raw the 24 features that were turned
 * @param turned what `turnFeatures` made of them
 * @param contributions of the direction's features from `from` on, `TURNED_DIM` of them
 * @param out 24 numbers from `to` on, added to
 * @realtime safe
 */
export function turnBack(
  k: number,
  raw: Float64Array,
  turned: Float64Array,
  contributions: Float64Array,
  from: number,
  out: Float64Array,
  to: number,
): void {
  const at = k * TURNED_DIM;
  const cosine = COSINES[k];
  const sine = COSINES[(k + 6) & 7];
  for (let vector = 0; vector < 2; vector++) {
    const component = vector === 0 ? Turned.velocityAlong : Turned.goalAlong;
    const feature = vector === 0 ? Feature.velocityX : Feature.goalForward;
    const along = contributions[from + component];
    const across = contributions[from + component + 1];
    if (along !== 0) {
      const weight = along / turned[at + component];
      out[to + feature] += weight * raw[feature] * cosine;
      out[to + feature + 1] += weight * raw[feature + 1] * sine;
    }
    if (across !== 0) {
      const weight = across / turned[at + component + 1];
      out[to + feature] -= weight * raw[feature] * sine;
      out[to + feature + 1] += weight * raw[feature + 1] * cosine;
    }
  }
  for (let j = 0; j < SECTOR_COUNT; j++) {
    out[to + Feature.obstacle + ((j + k) & 7)] += contributions[from + Turned.obstacle + j];
  }
  out[to + Feature.goalDistance] += contributions[from + Turned.goalDistance];
  out[to + Feature.goalBearing] += contributions[from + Turned.goalBearing];
  for (let j = 0; j < ACTION_MEMORY; j++) {
    out[to + Feature.previousAction + j] += contributions[from + Turned.previousAction + j];
  }
  const side = k >> 1;
  for (let j = 0; j < SIDE_COUNT; j++) {
    const share = contributions[from + Turned.contact + j];
    if (share === 0) continue;
    const first = Feature.contact + ((j + side) & 3);
    const second = (k & 1) === 0 ? first : Feature.contact + ((j + side + 1) & 3);
    const sum = raw[first] + raw[second];
    out[to + first] += (share * raw[first]) / sum;
    out[to + second] += (share * raw[second]) / sum;
  }
}

/** An angle from (-3π, 2π] in (-π, π]. */
function wrapped(angle: number): number {
  let turned = angle;
  if (turned > Math.PI) turned -= 2 * Math.PI;
  else if (turned <= -Math.PI) turned += 2 * Math.PI;
  return turned;
}
