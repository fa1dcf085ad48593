/**
 * What decision records add up to: who drove, how much was explored, what was earned, and how wrong the values were. Main
 * thread; allocates at construction only.
 */
import { ACTION_COUNT, DecisionField, Driver } from '../memory/layout.js';

/** Decisions whose value is kept until their reward comes; a power of two. Rewards that come later are not compared. */
const REMEMBERED = 4096;
/** Rewards that the mean looks back on, roughly: the weight of one falls by 1 / e over so many. */
const MEAN_MEMORY = 1000;

export class DecisionFigures {
  /** Records taken in, by `Driver`. */
  readonly byDriver = new Float64Array(4);
  /** By direction, whoever chose it. */
  readonly byDirection = new Float64Array(ACTION_COUNT);
  /** Decisions of the policy whose values are known. */
  judged = 0;
  /** Of these, how many did not take the best direction that was allowed. */
  exploratory = 0;
  /** Sum, over the same, of the probability not to take the best. */
  explorationSum = 0;
  /** Rewards paid, learned from or not. */
  rewards = 0;
  /** Sums of what was earned and of what was lost, cycle by cycle: both rise. */
  gained = 0;
  lost = 0;
  /** Of about the last thousand rewards; NaN before the first. */
  rewardMean = Number.NaN;
  /** Rewards that could be compared with the value that their decision was chosen by, and the sum of squares. */
  compared = 0;
  squaredErrorSum = 0;
  #meanSum = 0;
  #meanWeight = 0;
  readonly #values = new Float64Array(REMEMBERED);
  readonly #cycles = new Float64Array(REMEMBERED).fill(-1);

  /** Takes in one decision. @param record index with `DecisionField`; not kept */
  decision(record: Float64Array): void {
    const driver = record[DecisionField.driver];
    const action = record[DecisionField.action];
    this.byDriver[driver]++;
    if (action >= 0) this.byDirection[action]++;
    if (driver === Driver.policy && action >= 0) this.#judge(record, action);
    if (record[DecisionField.rewardCount] > 0) this.#pay(record);
  }

  #judge(record: Float64Array, action: number): void {
    const allowed = record[DecisionField.allowed];
    let best = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < ACTION_COUNT; i++) {
      const value = record[DecisionField.values + i];
      if ((allowed >> i) & 1 && value > best) best = value;
    }
    if (best === Number.NEGATIVE_INFINITY) return;
    let greedy = 0;
    for (let i = 0; i < ACTION_COUNT; i++) {
      if ((allowed >> i) & 1 && record[DecisionField.values + i] === best) {
        greedy += record[DecisionField.distribution + i];
      }
    }
    const value = record[DecisionField.values + action];
    const cycle = record[DecisionField.cycle];
    this.judged++;
    if (value < best) this.exploratory++;
    // Probabilities that should sum to 1 do so to a few bits.
    this.explorationSum += Math.min(1, Math.max(0, 1 - greedy));
    const place = cycle & (REMEMBERED - 1);
    this.#values[place] = value;
    this.#cycles[place] = cycle;
  }

  #pay(record: Float64Array): void {
    const sum = record[DecisionField.rewardSum];
    const count = record[DecisionField.rewardCount];
    this.rewards += count;
    if (sum > 0) this.gained += sum;
    else this.lost -= sum;
    const kept = (1 - 1 / MEAN_MEMORY) ** count;
    this.#meanSum = kept * this.#meanSum + (1 - kept) * (sum / count);
    this.#meanWeight = kept * this.#meanWeight + (1 - kept);
    this.rewardMean = this.#meanSum / this.#meanWeight;
    const cycle = record[DecisionField.rewardedCycle];
    const place = cycle & (REMEMBERED - 1);
    if (this.#cycles[place] !== cycle) return;
    const error = record[DecisionField.reward] - this.#values[place];
    this.compared++;
    this.squaredErrorSum += error * error;
    // Each decision once: an arrival may pay it again under the same number.
    this.#cycles[place] = -1;
  }
}
