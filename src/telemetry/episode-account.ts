/** What the decisions of an episode amount to: reward, loss, exploration, drift alarms, interventions. Main thread. */
import { ACTION_COUNT, DecisionField, Driver } from '../memory/layout.js';
import { isIntervention } from '../memory/reason.js';

/** Decisions whose predicted value is kept until they are paid; a power of two. At 50 Hz 80 s. */
const KEPT = 4096;

/** NaN where there is none. */
export interface EpisodeFigures {
  /** Mean of its rewards. */
  readonly reward: number;
  /** Mean squared error of the values that its decisions were chosen by. */
  readonly loss: number;
  /** Mean probability of its decisions not to take the direction of the highest value. */
  readonly exploration: number;
  readonly driftAlarms: number;
  readonly interventions: number;
}

/** Fixed memory: 64 kB. Decisions that are still on their way at an episode's end count for the next: a tick's worth. */
export class EpisodeAccount {
  /** Value that cycle `n` was chosen by, at `n & (KEPT - 1)`, and which cycle that is. */
  readonly #values = new Float64Array(KEPT);
  readonly #cycles = new Float64Array(KEPT).fill(Number.NaN);
  #rewardSum = 0;
  #rewardCount = 0;
  #lossSum = 0;
  #lossCount = 0;
  #explorationSum = 0;
  #explorationCount = 0;
  #interventions = 0;
  #drift = 0;
  #driftBefore = 0;

  /** Takes in one decision. @param record index with `DecisionField`; read during the call */
  decision(record: Float64Array): void {
    if (isIntervention(record[DecisionField.reason])) this.#interventions++;
    if (record[DecisionField.rewardCount] > 0) {
      this.#rewardSum += record[DecisionField.rewardSum];
      this.#rewardCount += record[DecisionField.rewardCount];
    }
    this.#drift = record[DecisionField.driftAlarms];
    this.#score(record);
    this.#remember(record);
    const explored = explorationOf(record);
    if (Number.isNaN(explored)) return;
    this.#explorationSum += explored;
    this.#explorationCount++;
  }

  /** Of the decisions since the last call; begins anew. */
  endEpisode(): EpisodeFigures {
    const figures = {
      // 0 by 0 is NaN.
      reward: this.#rewardSum / this.#rewardCount,
      loss: this.#lossSum / this.#lossCount,
      exploration: this.#explorationSum / this.#explorationCount,
      driftAlarms: this.#drift - this.#driftBefore,
      interventions: this.#interventions,
    };
    this.#rewardSum = 0;
    this.#rewardCount = 0;
    this.#lossSum = 0;
    this.#lossCount = 0;
    this.#explorationSum = 0;
    this.#explorationCount = 0;
    this.#interventions = 0;
    this.#driftBefore = this.#drift;
    return figures;
  }

  #score(record: Float64Array): void {
    const rewarded = record[DecisionField.rewardedCycle];
    const place = rewarded & (KEPT - 1);
    if (this.#cycles[place] !== rewarded) return;
    const error = record[DecisionField.reward] - this.#values[place];
    if (!Number.isFinite(error)) return;
    this.#lossSum += error * error;
    this.#lossCount++;
  }

  #remember(record: Float64Array): void {
    const action = record[DecisionField.action];
    if (!(action >= 0)) return;
    const cycle = record[DecisionField.cycle];
    const place = cycle & (KEPT - 1);
    this.#cycles[place] = cycle;
    this.#values[place] = record[DecisionField.values + action];
  }
}

/**
 * The probability with which a decision would not have taken the allowed direction of the highest value; NaN where the
 * policy did not choose.
 *
 * @param record index with `DecisionField`
 */
export function explorationOf(record: Float64Array): number {
  if (record[DecisionField.driver] !== Driver.policy || !(record[DecisionField.action] >= 0)) return Number.NaN;
  const allowed = record[DecisionField.allowed];
  let best = -1;
  for (let action = 0; action < ACTION_COUNT; action++) {
    if ((allowed & (1 << action)) === 0) continue;
    if (best < 0 || record[DecisionField.values + action] > record[DecisionField.values + best]) best = action;
  }
  if (best < 0 || Number.isNaN(record[DecisionField.values + best])) return Number.NaN;
  return 1 - record[DecisionField.distribution + best];
}
