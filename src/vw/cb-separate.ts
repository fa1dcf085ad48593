/**
 * Vowpal Wabbit's contextual bandit as it was before `cb` became `cb_adf` in VW 8.11 (`--cb_force_legacy`): each
 * action has weights of its own, and `dr` (the default), `ips` or `dm` turns the observed cost into one for every
 * action, which cost-sensitive one-against-all regression learns. `--cb_explore` adds ε-greedy or `--first`.
 *
 * Sources: Dudík, Langford & Li 2011, "Doubly robust policy evaluation and learning". Facts: cb_algs.cc,
 * gen_cs_example.h, csoaa.cc and cb_explore.cc of VW.
 */
import { doublyRobust } from './cb-adf.js';
import type { SparseFeatures } from './hashing.js';
import { type RegressorSettings, SparseRegressor } from './sparse-regressor.js';
import { VwTextError } from './text-error.js';
import type { VwCost } from './text-format.js';

export type CbSeparateType = 'ips' | 'dm' | 'dr';
export const CB_SEPARATE_TYPES: readonly CbSeparateType[] = ['ips', 'dm', 'dr'];

export type CbSeparateExploration =
  | { readonly kind: 'none' }
  | { readonly kind: 'epsilon'; readonly epsilon: number }
  /** Evenly for the first examples, then the cheapest action. */
  | { readonly kind: 'first'; readonly first: number };

export interface CbSeparateSettings extends RegressorSettings {
  readonly cbType: CbSeparateType;
  readonly exploration: CbSeparateExploration;
  readonly actions: number;
}

export class CbSeparate {
  readonly #settings: CbSeparateSettings;
  readonly #regressor: SparseRegressor;
  /** Of the last example's actions, by their index: what the direct method or the doubly robust one expects. */
  readonly #estimates: Float64Array;
  readonly #probabilities: Float64Array;
  /** Indices of the actions that the last example allows. */
  #allowed: number[] = [];
  readonly #all: number[];
  #best = 0;
  #evenly: number;

  constructor(settings: CbSeparateSettings) {
    const { actions, cbType, exploration } = settings;
    this.#settings = settings;
    // The weights of a policy, and under `dr` those of the estimates after them.
    const vectors = cbType === 'dr' ? 2 * actions : actions;
    // VW leaves room for a power of two of them.
    this.#regressor = new SparseRegressor(settings, 2 ** Math.ceil(Math.log2(vectors)));
    this.#estimates = new Float64Array(actions);
    this.#probabilities = new Float64Array(actions);
    this.#all = Array.from({ length: actions }, (_, action) => action);
    this.#evenly = exploration.kind === 'first' ? exploration.first : 0;
  }

  /** Of the weight table. */
  get bytes(): number {
    return this.#regressor.bytes;
  }

  /** Index of the cheapest action in the last example, before it was learned. */
  get best(): number {
    return this.#best;
  }

  /** Probability of an action in the last example, before it was learned. */
  probability(action: number): number {
    return this.#probabilities[action];
  }

  /**
   * Predicts, then learns where the outcome is known.
   *
   * @param costs actions from 1 to their number. Several, or one without an outcome, are those allowed; none, or one
   *   with its outcome, allow all.
   * @param observed the one with an outcome
   * @param learning false to predict only (`-t`)
   * @realtime unsafe
   */
  process(features: SparseFeatures, costs: readonly VwCost[], observed: VwCost | undefined, learning: boolean): void {
    const allowsAll = costs.length === 0 || (costs.length === 1 && observed !== undefined);
    this.#allowed = allowsAll ? this.#all : costs.map(({ action }) => action - 1);
    this.#best = this.#cheapest(features);
    this.#distribute();
    const learns =
      learning && observed !== undefined && !(this.#settings.exploration.kind === 'first' && isCertain(costs));
    this.#learn(features, costs, observed, learns);
    // VW predicts an example before it learns it, and counts both: its N explores over half as many. Not here.
    if (this.#evenly > 0) this.#evenly--;
  }

  /**
   * VW's progressive loss of the last example.
   *
   * @returns 0 where the outcome is unknown
   */
  loss(observed: VwCost | undefined): number {
    if (observed?.outcome === undefined) return 0;
    const chosen = observed.action - 1;
    const { cost, probability } = outcomeOf(observed);
    if (this.#settings.exploration.kind !== 'none') return (cost / probability) * this.#probabilities[chosen];
    const best = this.#best;
    const estimate = this.#settings.cbType === 'ips' ? 0 : this.#estimates[best];
    return best === chosen ? estimate + (cost - estimate) / probability : estimate;
  }

  #cheapest(features: SparseFeatures): number {
    const regressor = this.#regressor;
    let best = this.#allowed[0];
    let least = Number.POSITIVE_INFINITY;
    for (const action of this.#allowed) {
      const clipped = regressor.predict(features, action);
      const score = this.#settings.cbType === 'dm' ? clipped : regressor.unclipped;
      if (score < least || (score === least && action < best)) {
        least = score;
        best = action;
      }
    }
    return best;
  }

  #distribute(): void {
    const { exploration, actions } = this.#settings;
    const probabilities = this.#probabilities;
    const best = this.#best;
    if (exploration.kind === 'epsilon') {
      probabilities.fill(exploration.epsilon / actions);
      probabilities[best] += 1 - exploration.epsilon;
    } else if (this.#evenly > 0) {
      probabilities.fill(1 / actions);
    } else {
      probabilities.fill(0);
      probabilities[best] = 1;
    }
  }

  #learn(features: SparseFeatures, costs: readonly VwCost[], observed: VwCost | undefined, learns: boolean): void {
    const regressor = this.#regressor;
    const estimates = this.#estimates;
    const { cbType, actions } = this.#settings;
    const chosen = observed === undefined ? -1 : observed.action - 1;
    const { cost, probability } = observed === undefined ? UNKNOWN : outcomeOf(observed);
    if (cbType === 'ips') {
      if (!learns) return;
      const ratio = Math.fround(cost / probability);
      for (const action of this.#allowed) regressor.learn(features, action === chosen ? ratio : 0, 1, action);
      return;
    }
    const first = cbType === 'dr' ? actions : 0;
    if (cbType === 'dr' && costs.length === 0) return;
    for (const action of this.#allowed) {
      estimates[action] =
        learns && action === chosen
          ? regressor.learn(features, cost, 1 / probability, first + action)
          : regressor.predict(features, first + action);
    }
    if (cbType === 'dm' || !learns) return;
    for (const action of this.#allowed) {
      const estimate = estimates[action];
      const target = action === chosen ? doublyRobust(estimate, cost, probability) : estimate;
      regressor.learn(features, target, 1, action);
    }
  }
}

const UNKNOWN = { cost: 0, probability: 1 };

/** In 32 bits, as VW. */
function outcomeOf({ outcome }: VwCost): { cost: number; probability: number } {
  if (outcome === undefined) throw new VwTextError(0, 'a cost without its probability');
  return { cost: Math.fround(outcome.cost), probability: Math.fround(outcome.probability) };
}

/** Under `--first`, VW learns nothing of what was certain to be chosen. */
function isCertain([cost]: readonly VwCost[]): boolean {
  return cost?.outcome !== undefined && Math.fround(cost.outcome.probability) === 1;
}
