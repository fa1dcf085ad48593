/**
 * What a decision earned. The cycle measures the inputs over the time from one decision to the next and hands them over
 * in one array; a reward is a number made of them: a weighted sum, or a formula of the user's own.
 *
 * Rates are per second and not per decision, so that the weights stay right when the controller's frequency changes.
 */

/** Where each input lies in the array that `Reward.evaluate` reads. The names are the variables of a formula. */
export const RewardInput = {
  /** Reduction of the distance to the goal per second [m/s]. */
  progress: 0,
  /** Reduction of the goal's absolute bearing per second [rad/s]. */
  turn_progress: 1,
  /** To the nearest obstacle in the direction of motion [m]. */
  clearance: 2,
  /** Sum over all sides [N]. */
  contact_force: 3,
  /** Absolute yaw rate [rad/s]. */
  turn: 4,
  /** Sectors from the previous action's direction to this one's, the shorter way around, 0 to 4. */
  smoothness: 5,
  /** Speed over ground [m/s]. */
  speed: 6,
  /** 1 where the goal was reached, else 0. */
  arrived: 7,
  /** Since the previous decision [s]. */
  time: 8,
  /** To the goal [m]. */
  distance: 9,
  /** 1 where safety changed or stopped the command, else 0. */
  intervened: 10,
} as const;
export type RewardInputName = keyof typeof RewardInput;
export const REWARD_INPUT_COUNT = 11;

/** What the inputs are, in their order, for the reference and for error messages. */
export const rewardInputs: readonly { name: RewardInputName; unit: string; meaning: string }[] = Object.freeze([
  { name: 'progress', unit: 'm/s', meaning: 'reduction of the distance to the goal per second' },
  { name: 'turn_progress', unit: 'rad/s', meaning: "reduction of the goal's absolute bearing per second" },
  { name: 'clearance', unit: 'm', meaning: 'distance to the nearest obstacle in the direction of motion' },
  { name: 'contact_force', unit: 'N', meaning: 'contact force, summed over all sides' },
  { name: 'turn', unit: 'rad/s', meaning: 'absolute yaw rate' },
  { name: 'smoothness', unit: 'sectors', meaning: 'change of direction since the previous decision, 0 to 4' },
  { name: 'speed', unit: 'm/s', meaning: 'speed over ground' },
  { name: 'arrived', unit: '', meaning: '1 where the goal was reached, else 0' },
  { name: 'time', unit: 's', meaning: 'time since the previous decision' },
  { name: 'distance', unit: 'm', meaning: 'distance to the goal' },
  { name: 'intervened', unit: '', meaning: '1 where safety changed or stopped the command, else 0' },
]);

/** What a reward falls back to where its inputs make no number. */
export const NON_FINITE_REWARD = 0;

export interface Reward {
  /**
   * @param inputs `REWARD_INPUT_COUNT` numbers, see `RewardInput`; only read
   * @returns a finite number: `NON_FINITE_REWARD` where the result is none, which `nonFinite` counts
   * @realtime safe
   */
  evaluate(inputs: Float64Array): number;
  /** The same, written to `out[0]`: for the cycle, where a returned double may be boxed. @realtime safe */
  evaluateInto(inputs: Float64Array, out: Float64Array): void;
  /** How many results were not finite. */
  readonly nonFinite: number;
}

/** Weights of `WeightedReward`; each is ≥ 0 in any sensible reward. */
export interface RewardWeights {
  /** Of `progress` [s/m]. */
  progress: number;
  /** Of `turn_progress` [s/rad]. */
  turn_progress: number;
  /** Of nearness, which is 1 at an obstacle and 0 from `clearance_scale` on; subtracted. */
  clearance: number;
  /** Of `contact_force` up to `contact_limit` [1/N]; subtracted. */
  contact: number;
  /** Of `smoothness` [1/sector]; subtracted. */
  smoothness: number;
  /** Earned once, where the goal is reached. */
  arrival: number;
  /** Subtracted with every decision. As a rate, like progress: it does not depend on the controller's frequency. */
  time: number;
  /** Distance from which on obstacles cost nothing [m]. */
  clearance_scale: number;
  /** Force from which on contact costs no more [N]: one hard blow must not outweigh all else that was learned. */
  contact_limit: number;
}

export const DEFAULT_REWARD_WEIGHTS: Readonly<RewardWeights> = Object.freeze({
  progress: 2,
  turn_progress: 0.2,
  clearance: 0,
  contact: 0.7,
  smoothness: 0.1,
  arrival: 5,
  time: 0.02,
  clearance_scale: 1,
  contact_limit: 10,
});

const Weight = {
  progress: 0,
  turnProgress: 1,
  clearance: 2,
  contact: 3,
  smoothness: 4,
  arrival: 5,
  time: 6,
  clearanceScale: 7,
  contactLimit: 8,
} as const;
const WEIGHT_COUNT = 9;

/** The standard reward: progress and arrival, less nearness of obstacles, contact, changes of direction and time. */
export class WeightedReward implements Reward {
  /** The weights as doubles, in the order of `Weight`. */
  readonly #weights: Float64Array;
  readonly #result = new Float64Array(1);
  #nonFinite = 0;

  /** @param weights what differs from `DEFAULT_REWARD_WEIGHTS` @throws RangeError naming a bad weight */
  constructor(weights: Partial<RewardWeights> = {}) {
    const all = { ...DEFAULT_REWARD_WEIGHTS, ...weights };
    for (const [name, value] of Object.entries(all)) {
      if (!(name in DEFAULT_REWARD_WEIGHTS)) throw new RangeError(`reward.${name} is no weight of the reward`);
      if (!Number.isFinite(value)) throw new RangeError(`reward.${name} is ${value}, allowed: a finite number`);
    }
    if (!(all.clearance_scale > 0)) {
      throw new RangeError(`reward.clearance_scale is ${all.clearance_scale}, allowed: more than 0`);
    }
    this.#weights = new Float64Array(WEIGHT_COUNT);
    this.#weights[Weight.progress] = all.progress;
    this.#weights[Weight.turnProgress] = all.turn_progress;
    this.#weights[Weight.clearance] = all.clearance;
    this.#weights[Weight.contact] = all.contact;
    this.#weights[Weight.smoothness] = all.smoothness;
    this.#weights[Weight.arrival] = all.arrival;
    this.#weights[Weight.time] = all.time;
    this.#weights[Weight.clearanceScale] = all.clearance_scale;
    this.#weights[Weight.contactLimit] = all.contact_limit;
  }

  get nonFinite(): number {
    return this.#nonFinite;
  }

  evaluate(inputs: Float64Array): number {
    this.evaluateInto(inputs, this.#result);
    return this.#result[0];
  }

  evaluateInto(inputs: Float64Array, out: Float64Array): void {
    const weights = this.#weights;
    const nearness = Math.max(0, 1 - inputs[RewardInput.clearance] / weights[Weight.clearanceScale]);
    const force = Math.min(inputs[RewardInput.contact_force], weights[Weight.contactLimit]);
    const result =
      weights[Weight.progress] * inputs[RewardInput.progress] +
      weights[Weight.turnProgress] * inputs[RewardInput.turn_progress] -
      weights[Weight.clearance] * nearness -
      weights[Weight.contact] * force -
      weights[Weight.smoothness] * inputs[RewardInput.smoothness] +
      weights[Weight.arrival] * inputs[RewardInput.arrived] -
      weights[Weight.time];
    if (result - result === 0) {
      out[0] = result;
      return;
    }
    this.#nonFinite++;
    out[0] = NON_FINITE_REWARD;
  }
}
