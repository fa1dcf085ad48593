/** One pass of Vowpal Wabbit over a text: lines in; rows of the table, predictions and figures out. */
import { CbAdf, type CbAdfSettings, type CbType, HashedDecision, type VwExploration } from './cb-adf.js';
import { CbSeparate, type CbSeparateExploration, type CbSeparateType } from './cb-separate.js';
import { countFeatures, FeatureHasher, type HashingSettings, SparseFeatures } from './hashing.js';
import { type Progress, ProgressiveLoss, type VwSummary } from './progressive-loss.js';
import { type RegressorSettings, SparseRegressor } from './sparse-regressor.js';
import { VwTextError } from './text-error.js';
import {
  parseCb,
  parseSimple,
  type VwCbExample,
  type VwCost,
  type VwDecision,
  type VwSimpleExample,
} from './text-format.js';
import { DecisionReader, isBlank } from './text-reader.js';

/** What `cb` features ask for; without it a run is a regression on plain labels. */
export interface VwBandit {
  readonly cbType: CbType;
  readonly exploration: VwExploration;
  /** Where the text is `cb`, how many actions there are; undefined where it is `cb_adf`. */
  readonly actions?: number | undefined;
}

/** `cb` with weights of each action's own (`--cb_force_legacy`). */
export interface VwSeparateBandit {
  readonly cbType: CbSeparateType;
  readonly exploration: CbSeparateExploration;
  readonly actions: number;
  readonly separate: true;
}

export interface VwRunOptions {
  readonly regressor: RegressorSettings;
  readonly hashing: HashingSettings;
  readonly bandit: VwBandit | VwSeparateBandit | undefined;
  /** False for `-t`: predict only. */
  readonly learning: boolean;
  readonly progress: Progress;
}

/** Where the text of a run goes; each text ends with a line end. Either may be left out. */
export interface VwRunOutput {
  row?(text: string): void;
  prediction?(text: string): void;
}

export class VwRun {
  readonly #output: VwRunOutput;
  readonly #loss: ProgressiveLoss;
  readonly #line: (text: string, line: number) => void;
  readonly #reader: DecisionReader | undefined;
  /** Of the weight table. */
  readonly bytes: number;

  /** Allocates the weights. @realtime unsafe */
  constructor(options: VwRunOptions, output: VwRunOutput = {}) {
    this.#output = output;
    this.#loss = new ProgressiveLoss(options.progress);
    if (options.bandit === undefined) {
      const learner = new SparseRegressor(options.regressor);
      this.bytes = learner.bytes;
      this.#line = this.#regression(learner, options);
    } else if ('separate' in options.bandit) {
      const learner = new CbSeparate({ ...options.regressor, ...options.bandit });
      this.bytes = learner.bytes;
      this.#line = this.#separateLines(learner, options, options.bandit);
    } else {
      const settings: CbAdfSettings = { ...options.regressor, ...options.bandit };
      const learner = new CbAdf(settings);
      this.bytes = learner.bytes;
      if (options.bandit.actions === undefined) {
        const reader = new DecisionReader(this.#decisions(learner, options));
        this.#reader = reader;
        this.#line = (text, line) => reader.push(text, line);
      } else {
        this.#line = this.#cbLines(learner, options, options.bandit.actions);
      }
    }
  }

  /**
   * @param text a line without its line end, blank ones included
   * @param line counted from 1
   * @throws VwTextError
   * @realtime unsafe
   */
  push(text: string, line: number): void {
    this.#line(text, line);
  }

  /** Ends the text. @throws VwTextError @realtime unsafe */
  end(): VwSummary {
    this.#reader?.end();
    return this.#loss.summary();
  }

  #regression(learner: SparseRegressor, options: VwRunOptions): (text: string, line: number) => void {
    const hasher = new FeatureHasher(options.hashing);
    const features = new SparseFeatures();
    return (text, line) => {
      if (isBlank(text)) return;
      const example = parseSimple(text, line);
      atLine(line, () => hasher.hash(example.namespaces, [], features));
      const { label } = example;
      const value = Math.fround(label?.value ?? 0);
      const weight = Math.fround(label?.weight ?? 1);
      const initial = Math.fround(label?.initial ?? 0);
      const prediction =
        label !== undefined && options.learning
          ? learner.learn(features, value, weight, 0, initial)
          : learner.predict(features, 0, initial);
      if (label !== undefined) this.#loss.addLabel(value, weight);
      const loss = label === undefined ? 0 : weight * (prediction - value) ** 2;
      this.#loss.add(loss, weight, label !== undefined, features.count);
      this.#tellRegression(example, Math.fround(prediction), features.count);
    };
  }

  #tellRegression({ label, tag }: VwSimpleExample, prediction: number, features: number): void {
    if (this.#output.prediction !== undefined) {
      const text = Number.isInteger(prediction) ? prediction.toFixed(0) : prediction.toFixed(6);
      this.#output.prediction(`${text}${tag === '' ? '' : ` ${tag}`}\n`);
    }
    if (!this.#loss.isRowDue) return;
    const row = this.#loss.row(label?.value.toFixed(4) ?? 'unknown', prediction.toFixed(4), features);
    this.#output.row?.(`${row}\n`);
  }

  #decisions(learner: CbAdf, options: VwRunOptions): (decision: VwDecision, line: number) => void {
    const hasher = new FeatureHasher(options.hashing);
    const hashed = new HashedDecision();
    const explores = options.bandit?.exploration.kind !== 'none';
    return (decision, line) => {
      const shared = decision.shared?.namespaces ?? [];
      hashed.reset(decision.actions.length);
      let features = 0;
      for (const [action, { namespaces, label }] of decision.actions.entries()) {
        atLine(line, () => hasher.hash(namespaces, shared, hashed.actions[action]));
        features += hashed.actions[action].count;
        if (action === decision.chosen) hashed.observe(action, label.costs[0]);
      }
      learner.process(hashed, options.learning);
      // Without exploration VW counts the shared line once, with its own constant.
      const shares = decision.shared === undefined ? 0 : countFeatures(shared);
      const constants = decision.shared !== undefined && options.hashing.constant ? 1 : 0;
      const counted = explores ? features : features - (hashed.count - 1) * shares + constants;
      this.#loss.add(learner.loss(hashed), 1, decision.chosen >= 0, counted);
      const { tag } = decision.shared ?? decision.actions[0];
      this.#tellDecision(tag, learner, hashed, features, explores);
    };
  }

  /**
   * `cb` as VW learns it (`cb_to_cb_adf.cc`): each line becomes a decision of `cb_adf`, whose actions count from 0. VW
   * keeps the last line's features of a namespace that this line has not, and multiplies them under `-q`; that fault
   * is left out.
   */
  #cbLines(learner: CbAdf, options: VwRunOptions, actions: number): (text: string, line: number) => void {
    const hasher = new FeatureHasher(options.hashing);
    const hashed = new HashedDecision();
    const explores = options.bandit?.exploration.kind !== 'none';
    return (text, line) => {
      if (isBlank(text)) return;
      const example = parseCb(text, line);
      const observed = observedCost(example, actions, line);
      hashed.reset(actions);
      if (observed !== undefined) hashed.observe(observed.action - 1, observed);
      atLine(line, () => hasher.hashForEach(example.namespaces, actions, hashed.actions));
      const features = actions * hashed.actions[0].count;
      learner.process(hashed, options.learning);
      this.#loss.add(learner.loss(hashed), 1, observed !== undefined, features);
      this.#tellDecision(example.tag, learner, hashed, features, explores);
    };
  }

  #separateLines(
    learner: CbSeparate,
    { hashing, learning }: VwRunOptions,
    { actions, exploration }: VwSeparateBandit,
  ): (text: string, line: number) => void {
    const hasher = new FeatureHasher(hashing);
    const features = new SparseFeatures();
    const explores = exploration.kind !== 'none';
    return (text, line) => {
      if (isBlank(text)) return;
      const example = parseCb(text, line);
      const observed = observedCost(example, actions, line);
      atLine(line, () => hasher.hash(example.namespaces, [], features));
      learner.process(features, example.label.costs, observed, learning);
      this.#loss.add(learner.loss(observed), 1, observed !== undefined, features.count);
      this.#tellSeparate(example.tag, learner, observed, features.count, explores ? actions : 0);
    };
  }

  /** @param listed how many actions have their probabilities printed; 0 prints the best alone */
  #tellSeparate(
    tag: string,
    learner: CbSeparate,
    observed: VwCost | undefined,
    features: number,
    listed: number,
  ): void {
    if (this.#output.prediction !== undefined) {
      let text = listed > 0 ? '' : String(learner.best + 1);
      for (let action = 0; action < listed; action++) text += `${learner.probability(action).toFixed(6)} `;
      this.#output.prediction(`${text}${tag === '' ? '' : ` ${tag}`}\n`);
    }
    if (!this.#loss.isRowDue) return;
    const prediction = listed > 0 ? mostProbable(learner, listed) : String(learner.best + 1);
    this.#output.row?.(`${this.#loss.row(costText(observed, listed > 0 ? 6 : 2), prediction, features)}\n`);
  }

  #tellDecision(
    tag: string,
    learner: CbAdf,
    { chosen, cost, probability }: HashedDecision,
    features: number,
    explores: boolean,
  ): void {
    const { ranking } = learner;
    // VW lists an exploring distribution by cost, the cheapest first.
    if (this.#output.prediction !== undefined) {
      const text = explores
        ? ranking.map((action) => `${action}:${shortFixed(learner.probability(action), 6)}`).join(',')
        : String(ranking[0]);
      this.#output.prediction(`${text}${tag === '' ? '' : ` ${tag}`}\n\n`);
    }
    if (!this.#loss.isRowDue) return;
    const label = costText(chosen < 0 ? undefined : { action: chosen, outcome: { cost, probability } }, 2);
    const top = ranking[0];
    const prediction = `${top}:${shortFixed(explores ? learner.probability(top) : learner.score(top), 2)}`;
    this.#output.row?.(`${this.#loss.row(label, prediction, features)}\n`);
  }
}

/**
 * The one cost with an outcome; undefined where there is none.
 *
 * @throws VwTextError where a line of `cb` is not one, or names an action that is not there
 */
function observedCost({ label }: VwCbExample, actions: number, line: number): VwCost | undefined {
  if (label.shared) throw new VwTextError(line, 'cb has no shared line; cb_adf has');
  let observed: VwCost | undefined;
  for (const cost of label.costs) {
    if (!(cost.action >= 1 && cost.action <= actions)) {
      throw new VwTextError(line, `the action is from 1 to ${actions}, not ${cost.action}`);
    }
    if (cost.outcome === undefined) continue;
    if (observed !== undefined) throw new VwTextError(line, 'a second action of the decision has a cost');
    observed = cost;
  }
  return observed;
}

/** Gives an error without a line the line. */
function atLine(line: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof VwTextError && error.line === 0 ? new VwTextError(line, error.reason) : error;
  }
}

/** Fixed, without the zeros at the end. */
function shortFixed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** A cost as VW's table has it. */
function costText(observed: VwCost | undefined, digits: number): string {
  if (observed?.outcome === undefined) return 'unknown';
  const { cost, probability } = observed.outcome;
  return `${observed.action}:${general(cost, digits)}:${general(probability, digits)}`;
}

function mostProbable(learner: CbSeparate, actions: number): string {
  let most = 0;
  for (let action = 1; action < actions; action++) {
    if (learner.probability(action) > learner.probability(most)) most = action;
  }
  return `${most + 1}:${learner.probability(most).toFixed(6)}`;
}

/** As C's `%.<digits>g`. */
function general(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
  const power = Number(exponent);
  if (power >= -4 && power < digits) return String(Number(value.toPrecision(digits)));
  return `${Number(mantissa)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
