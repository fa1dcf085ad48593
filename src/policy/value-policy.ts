/**
 * What the policies have in common that draw from values alone: ε-greedy, softmax and SquareCB. Each is a distribution
 * over what a regression expects of the actions; the regression is chosen by the setting `regressor`:
 *
 * - `ridge`: least squares with a ridge (`RidgeRegression`): the best fit to all that was seen; time and memory in
 *   proportion to the square of the number of features.
 * - `gd`: online gradient descent as Vowpal Wabbit does it (`GdRegression`): in proportion to the number of features.
 *
 * A configuration may hold the settings of both: those of the other are checked and not used, so that one file serves
 * either.
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from './exploration.js';
import { GD_DEFAULTS, GD_RULES, GdRegression, type GdSettings, gdMeaning } from './gd-regression.js';
import {
  LEARNING_POLICY_DEFAULTS,
  LEARNING_POLICY_RULES,
  LearningPolicy,
  type LearningPolicyConfig,
  type ModelShape,
} from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { resolveSettings, type SettingRule } from './policy-settings.js';
import { RIDGE_DEFAULTS, RIDGE_RULES, RidgeRegression, type RidgeSettings } from './ridge-regression.js';
import type { ValueModel } from './value-model.js';

export type Regressor = 'ridge' | 'gd';

/** Settings that all policies of this kind have, with the names that configuration files use. */
export interface ValuePolicyConfig extends LearningPolicyConfig, RidgeSettings, GdSettings {
  /** What learns the values. */
  regressor: Regressor;
}

export const VALUE_POLICY_DEFAULTS: Readonly<ValuePolicyConfig> = {
  ...LEARNING_POLICY_DEFAULTS,
  ...RIDGE_DEFAULTS,
  ...GD_DEFAULTS,
  regressor: 'ridge',
};

export const VALUE_POLICY_RULES: { readonly [setting: string]: SettingRule } = {
  ...LEARNING_POLICY_RULES,
  ...RIDGE_RULES,
  ...GD_RULES,
  regressor: ['ridge', 'gd'],
};

/** What a policy of this kind is. */
export interface ValuePolicyKind<Config extends ValuePolicyConfig> {
  /** As `--policy` names it. */
  readonly name: string;
  /** One of `PolicyKind`. */
  readonly kind: number;
  readonly defaults: Readonly<Config>;
  readonly rules: { readonly [setting: string]: SettingRule };
  /** Doubles that it saves before those of its regression. */
  readonly ownDoubles: number;
}

/** What the chosen regression needs of the block, after `ownDoubles` of the policy's own. @realtime unsafe */
function shapeOf<Config extends ValuePolicyConfig>(
  config: Config,
  { name, kind, ownDoubles }: ValuePolicyKind<Config>,
): ModelShape {
  const gd = config.regressor === 'gd';
  return {
    name,
    kind,
    stateDoubles: ownDoubles + (gd ? GdRegression.stateDoubles(config) : RidgeRegression.stateDoubles(config)),
    scratchDoubles: gd ? GdRegression.scratchDoubles(config) : RidgeRegression.scratchDoubles(config),
    meaning: gd ? gdMeaning(config) : ['ridge', config.constant],
  };
}

export abstract class ValuePolicy<Config extends ValuePolicyConfig> extends LearningPolicy {
  readonly config: Readonly<Config>;
  /** The policy's own words that are saved, all 0 at first. */
  protected readonly own: Float64Array;
  /** For `distribute` and `distributeByGap`. */
  protected readonly fields = new Float64Array(EXPLORATION_FIELDS);
  readonly #model: ValueModel;

  /** Memory that such a policy needs [bytes], a multiple of 8. @throws PolicyConfigError @realtime unsafe */
  protected static valuePolicyBytes<Config extends ValuePolicyConfig>(
    config: Partial<Config>,
    kind: ValuePolicyKind<Config>,
  ): number {
    const resolved = resolveSettings(kind.defaults, kind.rules, config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved, kind));
  }

  /** @throws PolicyConfigError @realtime unsafe (allocates) */
  protected constructor(config: Partial<Config>, kind: ValuePolicyKind<Config>, memory?: PolicyMemory) {
    const resolved = resolveSettings(kind.defaults, kind.rules, config);
    super(resolved, shapeOf(resolved, kind), memory);
    this.config = resolved;
    this.own = this.state.subarray(0, kind.ownDoubles);
    const state = this.state.subarray(kind.ownDoubles);
    this.#model =
      resolved.regressor === 'gd'
        ? new GdRegression(resolved, state, this.scratch)
        : new RidgeRegression(resolved, state, this.scratch);
    this.clearModel();
  }

  /**
   * Writes the distribution over allowed actions that goes with `expected` and the uniform share `work[Work.epsilon]`;
   * not called while frozen.
   *
   * @returns how many actions can be drawn; 0 where the mask allows none
   * @realtime safe
   */
  protected abstract explore(allowed: Uint8Array | null, out: Float64Array): number;

  /** @throws PolicyStateError where `own` cannot hold these words @realtime unsafe */
  protected checkOwn(_own: Float64Array): void {}

  protected clearModel(): void {
    this.own.fill(0);
    this.#model.clear();
  }

  protected evaluate(): void {
    this.#model.evaluate(this.x, this.expected);
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    if (!this.frozen) return this.explore(allowed, out);
    this.fields[ExplorationField.epsilon] = 0;
    return distribute(this.expected, allowed, Exploration.epsilon, this.fields, out);
  }

  protected attribute(out: Float64Array): void {
    this.#model.explain(this.x, out);
  }

  protected predict(action: number): void {
    this.#model.predict(this.x, action, this.work);
  }

  protected learn(action: number): void {
    this.#model.learn(this.x, action, this.work);
  }

  protected forget(): void {
    this.#model.forget(this.work);
  }

  protected checkModel(state: Float64Array): void {
    this.checkOwn(state.subarray(0, this.own.length));
    this.#model.check(state.subarray(this.own.length));
  }

  protected override restored(): void {
    this.#model.restored();
  }
}
