/**
 * Bootstrapped Thompson sampling (Eckles & Kaptein 2014) by online bagging (Oza & Russell 2001): `n_bootstraps`
 * regressions learn the same stream, each example as many times as a Poisson(1) variable of its own says, as in an
 * ordinary bootstrap of a long sample. What they disagree about is what is not known yet; an action is drawn as often as
 * replicates prefer it.
 *
 * Thread: the control thread, or any one thread at a time. `select` costs `n_bootstraps` times what one regression's
 * values cost, `update` 0.63 of `n_bootstraps` times (the others drew a 0).
 *
 * The distribution is that share itself, with replicates that hold actions equal split between them, mixed with ε: no
 * replicate is sampled first, so the probability of the action drawn is exact. What is expected of an action is the mean
 * over replicates. It is Vowpal Wabbit's `--bag`, with these differences:
 * - An example drawn k times is learned once with importance weight k, not k times: the importance-aware step is made
 *   for that, and it costs one update. The accumulators then grow by the gradient at the first of the k steps.
 * - Draws are made by inversion of the Poisson distribution, one uniform number for each replicate and update, from the
 *   policy's own generator; up to 2^-53 the law is exact.
 */
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from './exploration.js';
import {
  GD_DEFAULTS,
  GD_RULES,
  type GdLayout,
  GdRegression,
  type GdSettings,
  gdLayout,
  gdMeaning,
} from './gd-regression.js';
import {
  LEARNING_POLICY_DEFAULTS,
  LEARNING_POLICY_RULES,
  LearningPolicy,
  type LearningPolicyConfig,
  type ModelShape,
  Work,
} from './learning-policy.js';
import type { PolicyMemory, PolicyStats } from './policy.js';
import { integer, resolveSettings } from './policy-settings.js';
import { PolicyKind } from './state-format.js';

/** Settings of `BootstrappedTs`, with the names that configuration files use. */
export interface BootstrappedTsConfig extends LearningPolicyConfig, GdSettings {
  /** Replicates of the regression. */
  n_bootstraps: number;
}

export const BOOTSTRAPPED_TS_DEFAULTS: Readonly<BootstrappedTsConfig> = {
  ...LEARNING_POLICY_DEFAULTS,
  ...GD_DEFAULTS,
  n_bootstraps: 10,
};

const RULES = {
  ...LEARNING_POLICY_RULES,
  ...GD_RULES,
  n_bootstraps: integer(1, 1000),
};

/** P(k or fewer) of a Poisson(1) variable, as far as doubles tell it from 1. */
const POISSON_CUMULATIVE = poissonCumulative();

function poissonCumulative(): Float64Array {
  const cumulative: number[] = [];
  let term = Math.exp(-1);
  let sum = 0;
  for (let k = 1; sum + term > sum; k++) {
    sum += term;
    cumulative.push(sum);
    term /= k;
  }
  return Float64Array.from(cumulative);
}

function resolve(config: Partial<BootstrappedTsConfig>): Readonly<BootstrappedTsConfig> {
  return resolveSettings(BOOTSTRAPPED_TS_DEFAULTS, RULES, config);
}

function shapeOf(config: BootstrappedTsConfig, layout: GdLayout): ModelShape {
  const count = config.n_bootstraps;
  return {
    name: 'bootstrapped-ts',
    kind: PolicyKind.bootstrappedTs,
    stateDoubles: count * GdRegression.stateDoubles(config, layout),
    // What replicates share, what each expects of every action, and of the one being learned.
    scratchDoubles: GdRegression.scratchDoubles(config, layout) + count * config.n_actions + count,
    meaning: [...gdMeaning(config), count],
  };
}

/** See the file's head for the rule, `BootstrappedTsConfig` for the settings, `Policy` for the methods. */
export class BootstrappedTs extends LearningPolicy {
  readonly config: Readonly<BootstrappedTsConfig>;
  /** They share context, steps and slots, which all lie in the same scratch. */
  readonly #replicates: GdRegression[] = [];
  /** What each replicate expects of every action. */
  readonly #rows: Float64Array[] = [];
  /** What each replicate expects of the action being learned. */
  readonly #predictions: Float64Array;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);

  /** Memory that a policy of this configuration needs [bytes]. @throws PolicyConfigError @realtime unsafe */
  static bytes(config: Partial<BootstrappedTsConfig> = {}): number {
    const resolved = resolve(config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved, gdLayout(resolved, resolved.n_bootstraps)));
  }

  /** @param memory where absent, a buffer of its own @throws PolicyConfigError @realtime unsafe (allocates) */
  constructor(config: Partial<BootstrappedTsConfig> = {}, memory?: PolicyMemory) {
    const resolved = resolve(config);
    const layout = gdLayout(resolved, resolved.n_bootstraps);
    super(resolved, shapeOf(resolved, layout), memory);
    this.config = resolved;
    const doubles = GdRegression.stateDoubles(resolved, layout);
    const nActions = this.nActions;
    let at = GdRegression.scratchDoubles(resolved, layout);
    const shared = this.scratch.subarray(0, at);
    for (let b = 0; b < resolved.n_bootstraps; b++) {
      const state = this.state.subarray(b * doubles, (b + 1) * doubles);
      this.#replicates.push(new GdRegression(resolved, state, shared, layout));
      this.#rows.push(this.scratch.subarray(at, at + nActions));
      at += nActions;
    }
    this.#predictions = this.scratch.subarray(at, at + resolved.n_bootstraps);
    this.clearModel();
  }

  /** Step size η; a schedule may set it between decisions. Not part of the state. @realtime safe */
  get learningRate(): number {
    return this.#replicates[0].learningRate;
  }

  set learningRate(rate: number) {
    const replicates = this.#replicates;
    for (let b = 0; b < replicates.length; b++) replicates[b].learningRate = rate;
  }

  /** What each replicate expects of every action, after `select` or `values`; the policy's own, only read it. */
  get replicateValues(): readonly Float64Array[] {
    return this.#rows;
  }

  override stats(): PolicyStats {
    return { ...super.stats(), learningRate: this.learningRate };
  }

  protected clearModel(): void {
    const replicates = this.#replicates;
    for (let b = 0; b < replicates.length; b++) replicates[b].clear();
  }

  protected evaluate(): void {
    const replicates = this.#replicates;
    const rows = this.#rows;
    const expected = this.expected;
    const count = replicates.length;
    const nActions = expected.length;
    replicates[0].load(this.x);
    expected.fill(0);
    for (let b = 0; b < count; b++) {
      const row = rows[b];
      replicates[b].evaluateInput(row);
      for (let a = 0; a < nActions; a++) expected[a] += row[a];
    }
    for (let a = 0; a < nActions; a++) expected[a] /= count;
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    const fields = this.#fields;
    if (this.frozen) {
      fields[ExplorationField.epsilon] = 0;
      return distribute(this.expected, allowed, Exploration.epsilon, fields, out);
    }
    const rows = this.#rows;
    const count = rows.length;
    const nActions = out.length;
    let candidates = 0;
    for (let a = 0; a < nActions; a++) {
      out[a] = 0;
      if (allowed === null || allowed[a] !== 0) candidates++;
    }
    if (candidates === 0) return 0;
    for (let b = 0; b < count; b++) {
      const row = rows[b];
      let best = -Infinity;
      let ties = 0;
      for (let a = 0; a < nActions; a++) {
        if (allowed !== null && allowed[a] === 0) continue;
        const value = row[a];
        if (value > best) {
          best = value;
          ties = 1;
        } else if (value === best) {
          ties++;
        }
      }
      const vote = 1 / ties;
      for (let a = 0; a < nActions; a++) {
        if (row[a] === best && (allowed === null || allowed[a] !== 0)) out[a] += vote;
      }
    }
    const epsilon = this.work[Work.epsilon];
    const uniform = epsilon / candidates;
    const share = (1 - epsilon) / count;
    let drawable = 0;
    for (let a = 0; a < nActions; a++) {
      if (allowed !== null && allowed[a] === 0) continue;
      // Votes of thirds may sum to a hair more than all.
      const mixed = uniform + share * out[a];
      out[a] = mixed < 1 ? mixed : 1;
      if (mixed > 0) drawable++;
    }
    return drawable;
  }

  protected attribute(out: Float64Array): void {
    const replicates = this.#replicates;
    const count = replicates.length;
    replicates[0].load(this.x);
    out.fill(0);
    for (let b = 0; b < count; b++) replicates[b].addContributions(out);
    for (let i = 0; i < out.length; i++) out[i] /= count;
  }

  protected predict(action: number): void {
    const replicates = this.#replicates;
    const predictions = this.#predictions;
    const work = this.work;
    const count = replicates.length;
    replicates[0].load(this.x);
    let sum = 0;
    for (let b = 0; b < count; b++) {
      replicates[b].predictInput(action, work);
      predictions[b] = work[Work.prediction];
      sum += predictions[b];
    }
    work[Work.prediction] = sum / count;
  }

  protected learn(action: number): void {
    const replicates = this.#replicates;
    const predictions = this.#predictions;
    const work = this.work;
    const last = POISSON_CUMULATIVE.length - 1;
    for (let b = 0; b < replicates.length; b++) {
      const uniform = this.prng.nextFloat();
      let drawn = 0;
      while (drawn < last && uniform >= POISSON_CUMULATIVE[drawn]) drawn++;
      if (drawn === 0) continue;
      work[Work.weight] = drawn;
      work[Work.prediction] = predictions[b];
      replicates[b].learnInput(action, work);
    }
  }

  protected forget(): void {
    const replicates = this.#replicates;
    for (let b = 0; b < replicates.length; b++) replicates[b].forget(this.work);
  }

  protected checkModel(state: Float64Array): void {
    const replicates = this.#replicates;
    const doubles = state.length / replicates.length;
    for (let b = 0; b < replicates.length; b++) replicates[b].check(state.subarray(b * doubles, (b + 1) * doubles));
  }
}
