/**
 * Vowpal Wabbit's contextual bandit with features per action: `cb_adf`, and `cb_explore_adf` with its explorations
 * `--epsilon` (the default), `--first`, `--softmax` and `--squarecb`. A cost is learned by `mtr` (the default), `ips`,
 * `dm` or `dr`, each as VW does it.
 *
 * One fault of VW's is not carried over. SquareCB learns by plain regression, so VW sets the probability of the chosen
 * action to 1 before `mtr` divides by it; but its loop stops before the last action, whose examples keep their weight
 * of 1/p (`cb_explore_adf_squarecb.cc`, `i < examples.size() - 1`, a leftover from when a shared line stood among
 * them). On VW's own test file `cb_load.dat` that gives the published −0.362832; with every action at weight 1 the
 * figure is −0.360756, and that is what this computes.
 *
 * Sources: Bietti, Agarwal & Langford 2021, "A contextual bandit bake-off" (mtr, ips, dr, ε-greedy, first);
 * Foster & Rakhlin 2020, "Beyond UCB" (SquareCB). Facts: cb_adf.cc, gen_cs_example.cc, cb_explore_adf_*.cc of VW.
 */
import { SparseFeatures } from './hashing.js';
import { type RegressorSettings, SparseRegressor } from './sparse-regressor.js';
import { VwTextError } from './text-error.js';
import type { VwCost } from './text-format.js';

/** How an observed cost becomes a regression. */
export type CbType = 'mtr' | 'ips' | 'dm' | 'dr';
export const CB_TYPES: readonly CbType[] = ['mtr', 'ips', 'dm', 'dr'];

/** Which distribution the costs become; `epsilon` is in each the least total probability spread evenly. */
export type VwExploration =
  /** `cb_adf` alone: the cheapest action. */
  | { readonly kind: 'none' }
  | { readonly kind: 'epsilon'; readonly epsilon: number }
  /** Evenly for the first `first` learned decisions, then the cheapest action. */
  | { readonly kind: 'first'; readonly first: number; readonly epsilon: number }
  | { readonly kind: 'softmax'; readonly lambda: number; readonly epsilon: number }
  /** Inverse-gap weighting with γ = gammaScale · t^gammaExponent. */
  | {
      readonly kind: 'squarecb';
      readonly gammaScale: number;
      readonly gammaExponent: number;
      readonly epsilon: number;
    };

export interface CbAdfSettings extends RegressorSettings {
  readonly cbType: CbType;
  readonly exploration: VwExploration;
}

/** Scores this near to one another, relative to their size, are a tie to VW's ε-greedy. */
const TIE = 1e-4;

/** A decision as the learner wants it: each action's features, the shared ones included. Reused from call to call. */
export class HashedDecision {
  /** One list for each action; the first `count` are set. */
  readonly actions: SparseFeatures[] = [];
  count = 0;
  /** Index of the action whose outcome is known; -1 where none is. */
  chosen = -1;
  cost = 0;
  probability = 1;

  /** Forgets the last decision. @realtime unsafe: may grow */
  reset(count: number): void {
    while (this.actions.length < count) this.actions.push(new SparseFeatures());
    this.count = count;
    this.chosen = -1;
  }

  /** @throws VwTextError where the cost carries no outcome @realtime unsafe */
  observe(action: number, cost: VwCost): void {
    if (cost.outcome === undefined) throw new VwTextError(0, 'a cost without its probability');
    this.chosen = action;
    // 32 bits, as VW.
    this.cost = Math.fround(cost.outcome.cost);
    this.probability = Math.fround(cost.outcome.probability);
  }
}

export class CbAdf {
  readonly #settings: CbAdfSettings;
  readonly #regressor: SparseRegressor;
  /** Actions from the most to the least preferred, and the probability of each by its index. */
  #ranking: number[] = [];
  #scores = new Float64Array(0);
  #probabilities = new Float64Array(0);
  /** The second model's predictions, under `dr`. */
  #estimates = new Float64Array(0);
  #hasEstimates = false;
  #learned = 0;
  /** Of what was learned, for the weight of `mtr`. */
  #decisions = 0;
  #actions = 0;

  constructor(settings: CbAdfSettings) {
    this.#settings = settings;
    this.#regressor = new SparseRegressor(settings, settings.cbType === 'dr' ? 2 : 1);
  }

  /** Of the weight table. */
  get bytes(): number {
    return this.#regressor.bytes;
  }

  /** Action indices, the cheapest first, of the last decision. Valid until the next. */
  get ranking(): readonly number[] {
    return this.#ranking;
  }

  /**
   * Predicts, then learns where the outcome is known.
   *
   * @param learning false to predict only (`-t`)
   * @realtime unsafe
   */
  process(decision: HashedDecision, learning: boolean): void {
    this.#predict(decision);
    this.#hasEstimates = false;
    if (!learning || decision.chosen < 0) return;
    this.#learn(decision);
    this.#learned++;
  }

  /** Estimated cost of an action in the last decision, before it was learned. */
  score(action: number): number {
    return this.#scores[action];
  }

  /** Probability of an action in the distribution of the last decision, before it was learned. */
  probability(action: number): number {
    return this.#probabilities[action];
  }

  /**
   * VW's progressive loss of the last decision: what our distribution would have cost, as far as the logged action
   * tells (inverse propensity, for `cb_adf` with `dr` doubly robust).
   *
   * @returns 0 where the outcome is unknown
   */
  loss(decision: HashedDecision): number {
    const { chosen, cost, probability } = decision;
    if (chosen < 0) return 0;
    if (this.#settings.exploration.kind !== 'none') return (cost / probability) * this.#probabilities[chosen];
    const top = this.#ranking[0];
    const estimate = this.#hasEstimates ? this.#estimates[top] : 0;
    return top === chosen ? estimate + (cost - estimate) / probability : estimate;
  }

  #predict(decision: HashedDecision): void {
    const { count, actions } = decision;
    if (this.#scores.length < count) {
      this.#scores = new Float64Array(count);
      this.#probabilities = new Float64Array(count);
      this.#estimates = new Float64Array(count);
    }
    const scores = this.#scores;
    for (let action = 0; action < count; action++) {
      this.#regressor.predict(actions[action]);
      const score = this.#regressor.unclipped;
      scores[action] = Number.isNaN(score) ? 0 : score;
    }
    this.#ranking = Array.from({ length: count }, (_, action) => action);
    this.#ranking.sort((a, b) => scores[a] - scores[b] || a - b);
    this.#distribute(count);
  }

  #distribute(count: number): void {
    const { exploration } = this.#settings;
    const probabilities = this.#probabilities;
    const scores = this.#scores;
    const ranking = this.#ranking;
    const cheapest = ranking[0];
    probabilities.fill(0);
    switch (exploration.kind) {
      case 'none':
        probabilities[cheapest] = 1;
        return;
      case 'epsilon': {
        let tied = 1;
        while (tied < count && isTie(scores[ranking[tied]], scores[cheapest])) tied++;
        probabilities.fill(exploration.epsilon / count, 0, count);
        for (let i = 0; i < tied; i++) probabilities[ranking[i]] += (1 - exploration.epsilon) / tied;
        return;
      }
      case 'first':
        if (this.#learned < exploration.first) probabilities.fill(1 / count, 0, count);
        else probabilities[cheapest] = 1;
        break;
      case 'softmax': {
        let sum = 0;
        for (let action = 0; action < count; action++) {
          probabilities[action] = Math.exp(-exploration.lambda * (scores[action] - scores[cheapest]));
          sum += probabilities[action];
        }
        for (let action = 0; action < count; action++) probabilities[action] /= sum;
        break;
      }
      case 'squarecb': {
        const gamma = exploration.gammaScale * this.#learned ** exploration.gammaExponent;
        let rest = 1;
        for (let action = 0; action < count; action++) {
          if (action === cheapest) continue;
          probabilities[action] = 1 / (count + gamma * (scores[action] - scores[cheapest]));
          rest -= probabilities[action];
        }
        probabilities[cheapest] = rest;
        break;
      }
    }
    raiseToMinimum(probabilities, count, exploration.epsilon);
  }

  #learn(decision: HashedDecision): void {
    const { count, actions, chosen, cost, probability } = decision;
    const regressor = this.#regressor;
    switch (this.#settings.cbType) {
      case 'mtr': {
        this.#decisions++;
        this.#actions += count;
        const inverse = this.#settings.exploration.kind === 'squarecb' ? 1 : 1 / probability;
        regressor.learn(actions[chosen], cost, (inverse * this.#decisions) / this.#actions);
        return;
      }
      case 'ips':
      case 'dm': {
        const observed = this.#settings.cbType === 'ips' ? cost / probability : cost;
        for (let action = 0; action < count; action++) {
          regressor.learn(actions[action], action === chosen ? observed : 0, 1);
        }
        return;
      }
      case 'dr': {
        const estimates = this.#estimates;
        for (let action = 0; action < count; action++) {
          estimates[action] =
            action === chosen
              ? regressor.learn(actions[action], cost, 1 / probability, 1)
              : regressor.predict(actions[action], 1);
        }
        this.#hasEstimates = true;
        for (let action = 0; action < count; action++) {
          const estimate = estimates[action];
          const target = action === chosen ? doublyRobust(estimate, cost, probability) : estimate;
          regressor.learn(actions[action], target, 1);
        }
        return;
      }
    }
  }
}

/**
 * The doubly robust cost, rounded to 32 bits at each step as VW does: it matters, since a target that equals the
 * prediction changes nothing, and one that is off by a bit still rescales weights.
 */
export function doublyRobust(estimate: number, cost: number, probability: number): number {
  return Math.fround(estimate + Math.fround(Math.fround(cost - estimate) / probability));
}

function isTie(a: number, b: number): boolean {
  return Math.abs(a - b) <= TIE * (Math.abs(a) + Math.abs(b));
}

/**
 * Projects a distribution onto those that give each of `count` outcomes at least `epsilon / count`: the nearest in
 * squares, which takes the same amount from every outcome above the least.
 */
function raiseToMinimum(probabilities: Float64Array, count: number, epsilon: number): void {
  if (epsilon === 0) return;
  const least = epsilon / count;
  if (epsilon > 0.999) {
    probabilities.fill(1 / count, 0, count);
    return;
  }
  // Find how many stay above the least: taken in falling order, each must exceed it once its share is gone.
  const falling = probabilities.slice(0, count).sort().reverse();
  let sum = 0;
  let excess = 0;
  for (let kept = 1; kept <= count; kept++) {
    sum += falling[kept - 1];
    const share = ((count - kept) * least + sum - 1) / kept;
    if (!(falling[kept - 1] - share > least)) break;
    excess = share;
  }
  for (let i = 0; i < count; i++) probabilities[i] = Math.max(probabilities[i] - excess, least);
}
