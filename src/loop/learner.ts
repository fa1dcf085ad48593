/**
 * learn: pays each decision for what it led to.
 *
 * Decisions wait in a table of pending rewards. Where rewards come from the cycle itself, a decision waits until its
 * horizon has passed, and its reward is measured from where the robot was to where it is; an episode's end pays what
 * waits at once. Where they come from outside, as feedback, a decision waits until its reward comes or its time has run
 * out. A decision that safety overrode is never learned from.
 *
 * Control thread, every cycle; owns the table, reads the feedback ring; allocates nothing after construction.
 */

import { FEEDBACK_DOUBLES } from '../memory/layout.js';
import { type Observation, SECTOR_COUNT, SIDE_COUNT } from '../memory/observation.js';
import type { RecordRing } from '../memory/record-ring.js';
import {
  Join,
  PENDING_COUNTS,
  PendingCount,
  PendingRewards,
  type PendingRewardsOptions,
  PendingTally,
} from '../policy/pending-rewards.js';
import type { Policy } from '../policy/policy.js';
import { REWARD_INPUT_COUNT, type Reward, RewardInput } from '../reward/reward.js';

/**
 * Rewards from outside that one cycle takes in, and decisions that it gives up, at most: a flood of either delays no
 * command by more than so many updates. At 50 Hz it is 1600 a second, where one decision a cycle makes 50.
 */
const FEEDBACK_PER_CYCLE = 32;

export interface LearnerOptions {
  /** The table of a learner that is paid by feedback; absent or null: the cycle itself pays. */
  pending?: PendingRewardsOptions | null;
  /**
   * Where to count what becomes of rewards from outside, and rewards that the policy refuses: `PENDING_COUNTS` words; of
   * the learner's own where absent.
   */
  counts?: Uint32Array;
  /** Where feedback comes in; reader's side. */
  feedback?: RecordRing;
}

export class Learner {
  /** Whether rewards come from outside. */
  readonly fromFeedback: boolean;
  readonly #policy: Policy;
  readonly #rewarder: Reward;
  readonly #pending: PendingRewards;
  readonly #feedback: RecordRing | null;
  readonly #counts: Uint32Array;
  readonly #row = new Float64Array(FEEDBACK_DOUBLES);
  /** Decisions that the reward's inputs are kept of, each in its place in the table; 0 where feedback pays. */
  readonly #measured: number;
  readonly #horizonNs: number;
  readonly #paid = new Float64Array(1);
  readonly #paidId = new Float64Array(1);
  readonly #learnedSum = new Float64Array(1);
  readonly #payments = new Float64Array(2);
  readonly #probability = new Float64Array(1);
  readonly #intervened: Uint8Array;
  readonly #decidedNs: Float64Array;
  readonly #distance: Float64Array;
  readonly #bearing: Float64Array;
  readonly #change: Float64Array;
  readonly #force: Float64Array;
  /** What one decision earned, as measured. */
  readonly #earned = new Float64Array(1);
  readonly #inputs = new Float64Array(REWARD_INPUT_COUNT);
  #lastAction = -1;

  /**
   * @param horizon cycles from a decision to its reward, ≥ 1
   * @param periodNs of the cycles; a decision's age counts, whoever drove meanwhile
   */
  constructor(policy: Policy, rewarder: Reward, horizon: number, periodNs: number, options: LearnerOptions = {}) {
    // Half a period less, so that a start that is early by a little does not wait for the next cycle.
    this.#horizonNs = (horizon - 0.5) * periodNs;
    this.#policy = policy;
    this.#rewarder = rewarder;
    this.#feedback = options.feedback ?? null;
    const pending = options.pending ?? null;
    this.fromFeedback = pending !== null;
    this.#counts = options.counts ?? new Uint32Array(PENDING_COUNTS);
    this.#pending = new PendingRewards(
      policy,
      pending === null ? { capacity: horizon } : { ...pending, counts: this.#counts },
    );
    this.#measured = this.fromFeedback ? 0 : horizon;
    this.#intervened = new Uint8Array(this.#measured);
    this.#decidedNs = new Float64Array(this.#measured);
    this.#distance = new Float64Array(this.#measured);
    this.#bearing = new Float64Array(this.#measured);
    this.#change = new Float64Array(this.#measured);
    this.#force = new Float64Array(this.#measured);
    this.#paid[0] = Number.NaN;
    this.#paidId[0] = Number.NaN;
  }

  /** The reward paid last, as an array of one; NaN where the last cycle paid none. Only read it. */
  get paid(): Float64Array {
    return this.#paid;
  }

  /** The id of the decision that `paid` was for, likewise. Only read it. */
  get paidId(): Float64Array {
    return this.#paidId;
  }

  /** Sum of the rewards that the last `pay` taught, as an array of one. Only read it. */
  get learnedSum(): Float64Array {
    return this.#learnedSum;
  }

  /** Sum and number of the rewards that the last `pay` paid, learned from or not. Only read it. */
  get payments(): Float64Array {
    return this.#payments;
  }

  /** Decisions that wait for their reward. @realtime safe */
  get waiting(): number {
    return this.#pending.waiting;
  }

  /**
   * The way from the decisions so far to what comes is broken: drops what waits for the cycle to pay it. What waits for
   * feedback goes on waiting, since whoever gives it knows what it is for. @realtime safe
   */
  clear(): void {
    if (!this.fromFeedback) this.#pending.clear();
    this.#lastAction = -1;
    this.#begin();
  }

  /** Drops everything that waits, feedback's too: another model takes this one's place. @realtime safe */
  forget(): void {
    this.#pending.clear();
    this.clear();
  }

  /**
   * Pays the decision whose horizon has passed, or all that wait when the goal was reached; or those that feedback has
   * come for.
   *
   * @param learning whether the policy learns from it
   * @returns how many the policy learned from
   * @realtime safe
   */
  pay(o: Observation, arrived: boolean, learning: boolean): number {
    this.#begin();
    const pending = this.#pending;
    const tally = pending.tally;
    pending.learning = learning;
    pending.now[0] = o.nowNs;
    if (this.fromFeedback) this.#takeFeedback();
    else {
      if (this.#feedback !== null) this.#ignoreFeedback(this.#feedback);
      if (pending.waiting > 0) this.#payMeasured(o, arrived);
    }
    if (tally[PendingTally.count] > 0) {
      this.#paid[0] = tally[PendingTally.reward];
      this.#paidId[0] = tally[PendingTally.id];
      this.#payments[0] = tally[PendingTally.sum];
      this.#payments[1] = tally[PendingTally.count];
    }
    this.#learnedSum[0] = tally[PendingTally.learnedSum];
    const learned = tally[PendingTally.learnedCount];
    // Here and not at the start: what expires when a decision is entered belongs to the next payment.
    tally.fill(0);
    return learned;
  }

  /**
   * Enters this cycle's decision, as the policy made it last.
   *
   * @param context copied
   * @param learnable whether the robot does what was decided
   * @param intervened whether safety changed the command
   * @param id larger than all before; absent, the next whole number
   * @realtime safe
   */
  enter(
    o: Observation,
    context: Float64Array,
    action: number,
    learnable: boolean,
    intervened: boolean,
    id = this.#pending.newestId + 1,
  ): void {
    const i = this.#pending.nextPlace;
    this.#probability[0] = this.#policy.lastProbability;
    this.#pending.now[0] = o.nowNs;
    this.#pending.enterRow(id, context, action, this.#probability, learnable);
    if (this.#measured > 0) {
      this.#intervened[i] = intervened ? 1 : 0;
      this.#decidedNs[i] = o.nowNs;
      this.#distance[i] = o.goalDistance;
      this.#bearing[i] = Math.abs(o.goalBearing);
      this.#change[i] = this.#lastAction < 0 ? 0 : sectorsBetween(action, this.#lastAction);
      this.#force[i] = 0;
    }
    this.#lastAction = action;
  }

  #begin(): void {
    this.#paid[0] = Number.NaN;
    this.#paidId[0] = Number.NaN;
    this.#payments[0] = 0;
    this.#payments[1] = 0;
  }

  #payMeasured(o: Observation, arrived: boolean): void {
    const pending = this.#pending;
    let force = 0;
    for (let side = 0; side < SIDE_COUNT; side++) force += o.contact[side];
    for (let i = 0; i < this.#measured; i++) if (force > this.#force[i]) this.#force[i] = force;
    while (pending.waiting > 0) {
      const i = pending.oldest;
      if (!arrived && o.nowNs - this.#decidedNs[i] < this.#horizonNs) break;
      if (!pending.isLearnable(i)) {
        pending.dropOldest();
        continue;
      }
      this.#measure(o, i, arrived);
      // Out of the policy's range it is counted, and no better one will come.
      if (pending.joinOldest(this.#earned) !== Join.refused) continue;
      this.#counts[PendingCount.refused]++;
      pending.dropOldest();
    }
  }

  #takeFeedback(): void {
    const pending = this.#pending;
    const feedback = this.#feedback;
    for (let n = 0; n < FEEDBACK_PER_CYCLE && feedback !== null && feedback.read(this.#row); n++) {
      pending.joinRow(this.#row);
    }
    pending.expireDue(FEEDBACK_PER_CYCLE);
  }

  /** Nobody asked for it: the cycle itself pays. */
  #ignoreFeedback(feedback: RecordRing): void {
    for (let n = 0; n < FEEDBACK_PER_CYCLE && feedback.read(this.#row); n++) {
      this.#counts[PendingCount.ignored]++;
    }
  }

  #measure(o: Observation, i: number, arrived: boolean): void {
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
    this.#rewarder.evaluateInto(inputs, this.#earned);
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
