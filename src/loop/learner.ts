/**
 * learn: pays each decision for what happened in the time after it.
 *
 * A decision waits in a ring until its horizon has passed, then its reward is measured from where the robot was to where
 * it is. A decision that safety overrode is never learned from. An episode's end pays what waits at once.
 *
 * Control thread, every cycle; owns the ring; allocates nothing after construction.
 */

import { type Observation, SECTOR_COUNT, SIDE_COUNT } from '../memory/observation.js';
import type { Policy } from '../policy/policy.js';
import { REWARD_INPUT_COUNT, type Reward, RewardInput } from '../reward/reward.js';

export class Learner {
  readonly #policy: Policy;
  readonly #rewarder: Reward;
  readonly #contextDim: number;
  readonly #capacity: number;
  readonly #horizonNs: number;
  /** One-row batches, as the policy takes them: doubles in arrays are not boxed on their way. */
  readonly #contexts: Float64Array[];
  readonly #actions: Int32Array[];
  readonly #probabilities: Float64Array[];
  readonly #paid = new Float64Array(1);
  readonly #learnedSum = new Float64Array(1);
  readonly #payments = new Float64Array(2);
  readonly #learnable: Uint8Array;
  readonly #intervened: Uint8Array;
  readonly #decidedNs: Float64Array;
  readonly #distance: Float64Array;
  readonly #bearing: Float64Array;
  readonly #change: Float64Array;
  readonly #force: Float64Array;
  readonly #inputs = new Float64Array(REWARD_INPUT_COUNT);
  #waiting = 0;
  #oldest = 0;
  #lastAction = -1;

  /**
   * @param horizon cycles from a decision to its reward, ≥ 1
   * @param periodNs of the cycles; a decision's age counts, whoever drove meanwhile
   */
  constructor(policy: Policy, rewarder: Reward, horizon: number, periodNs: number) {
    // Half a period less, so that a start that is early by a little does not wait for the next cycle.
    this.#horizonNs = (horizon - 0.5) * periodNs;
    this.#policy = policy;
    this.#rewarder = rewarder;
    this.#contextDim = policy.contextDim;
    this.#capacity = horizon;
    this.#contexts = Array.from({ length: horizon }, () => new Float64Array(policy.contextDim));
    this.#actions = Array.from({ length: horizon }, () => new Int32Array(1));
    this.#probabilities = Array.from({ length: horizon }, () => new Float64Array(1));
    this.#learnable = new Uint8Array(horizon);
    this.#intervened = new Uint8Array(horizon);
    this.#decidedNs = new Float64Array(horizon);
    this.#distance = new Float64Array(horizon);
    this.#bearing = new Float64Array(horizon);
    this.#change = new Float64Array(horizon);
    this.#force = new Float64Array(horizon);
    this.#paid[0] = Number.NaN;
  }

  /** The reward paid last, as an array of one; NaN where the last cycle paid none. Only read it. */
  get paid(): Float64Array {
    return this.#paid;
  }

  /** Sum of the rewards that the last `pay` taught, as an array of one. Only read it. */
  get learnedSum(): Float64Array {
    return this.#learnedSum;
  }

  /** Sum and number of the rewards that the last `pay` paid, learned from or not. Only read it. */
  get payments(): Float64Array {
    return this.#payments;
  }

  /** Drops what waits, unpaid. @realtime safe */
  clear(): void {
    this.#waiting = 0;
    this.#lastAction = -1;
    this.#paid[0] = Number.NaN;
    this.#payments.fill(0);
  }

  /**
   * Pays the decision whose horizon has passed, or all that wait when the goal was reached.
   *
   * @param learning whether the policy learns from it
   * @returns how many the policy learned from
   * @realtime safe
   */
  pay(o: Observation, arrived: boolean, learning: boolean): number {
    this.#paid[0] = Number.NaN;
    this.#payments.fill(0);
    if (this.#waiting === 0) return 0;
    let force = 0;
    for (let side = 0; side < SIDE_COUNT; side++) force += o.contact[side];
    for (let i = 0; i < this.#capacity; i++) if (force > this.#force[i]) this.#force[i] = force;
    let learned = 0;
    this.#learnedSum[0] = 0;
    while (this.#waiting > 0) {
      const i = this.#oldest;
      if (!arrived && o.nowNs - this.#decidedNs[i] < this.#horizonNs) break;
      this.#oldest = (i + 1) % this.#capacity;
      this.#waiting--;
      if (this.#learnable[i] === 0) continue;
      this.#evaluate(o, i, arrived);
      this.#payments[0] += this.#paid[0];
      this.#payments[1]++;
      if (!learning) continue;
      this.#policy.updateBatch(this.#contexts[i], this.#actions[i], this.#paid, this.#probabilities[i]);
      this.#learnedSum[0] += this.#paid[0];
      learned++;
    }
    return learned;
  }

  /**
   * Enters this cycle's decision, as the policy made it last.
   *
   * @param context copied
   * @param learnable whether the robot does what was decided
   * @param intervened whether safety changed the command
   * @realtime safe
   */
  enter(o: Observation, context: Float64Array, action: number, learnable: boolean, intervened: boolean): void {
    if (this.#waiting === this.#capacity) {
      this.#oldest = (this.#oldest + 1) % this.#capacity;
      this.#waiting--;
    }
    const i = (this.#oldest + this.#waiting) % this.#capacity;
    const row = this.#contexts[i];
    for (let k = 0; k < this.#contextDim; k++) row[k] = context[k];
    this.#actions[i][0] = action;
    this.#probabilities[i][0] = this.#policy.lastProbability;
    this.#learnable[i] = learnable ? 1 : 0;
    this.#intervened[i] = intervened ? 1 : 0;
    this.#decidedNs[i] = o.nowNs;
    this.#distance[i] = o.goalDistance;
    this.#bearing[i] = Math.abs(o.goalBearing);
    this.#change[i] = this.#lastAction < 0 ? 0 : sectorsBetween(action, this.#lastAction);
    this.#force[i] = 0;
    this.#waiting++;
    this.#lastAction = action;
  }

  #evaluate(o: Observation, i: number, arrived: boolean): void {
    const inputs = this.#inputs;
    const seconds = Math.max(1e-3, (o.nowNs - this.#decidedNs[i]) * 1e-9);
    const speed = Math.sqrt(o.vx * o.vx + o.vy * o.vy);
    inputs[RewardInput.progress] = (this.#distance[i] - o.goalDistance) / seconds;
    inputs[RewardInput.turn_progress] = (this.#bearing[i] - Math.abs(o.goalBearing)) / seconds;
    inputs[RewardInput.clearance] = clearanceAhead(o, speed);
    inputs[RewardInput.contact_force] = this.#force[i];
    inputs[RewardInput.turn] = Math.abs(o.yawRate);
    inputs[RewardInput.smoothness] = this.#change[i];
    inputs[RewardInput.speed] = speed;
    inputs[RewardInput.arrived] = arrived ? 1 : 0;
    inputs[RewardInput.time] = seconds;
    inputs[RewardInput.distance] = o.goalDistance;
    inputs[RewardInput.intervened] = this.#intervened[i];
    this.#rewarder.evaluateInto(inputs, this.#paid);
  }
}

/** Of the sector the robot moves into [m]; ahead where it stands. */
function clearanceAhead(o: Observation, speed: number): number {
  if (speed < 1e-3) return o.sectorRange[0];
  const turns = Math.atan2(o.vy, o.vx) / (2 * Math.PI);
  return o.sectorRange[(Math.round(turns * SECTOR_COUNT) + SECTOR_COUNT) % SECTOR_COUNT];
}

/** The shorter way around between two directions, 0 … 4. */
function sectorsBetween(a: number, b: number): number {
  const apart = Math.abs(a - b);
  return Math.min(apart, SECTOR_COUNT - apart);
}
