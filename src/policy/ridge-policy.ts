/**
 * What LinUCB and linear Thompson sampling have in common: ridge regression learns, and what it is unsure of decides.
 *
 * Thread: the control thread, or any one thread at a time.
 */
import { LearningPolicy, type LearningPolicyConfig, type ModelShape } from './learning-policy.js';
import type { PolicyMemory } from './policy.js';
import { resolveSettings, type SettingRule } from './policy-settings.js';
import { RidgeRegression, type RidgeSettings, ridgeMeaning } from './ridge-regression.js';

/** Settings that all policies of this kind have, with the names that configuration files use. */
export interface RidgePolicyConfig extends LearningPolicyConfig, RidgeSettings {}

/** What a policy of this kind is. */
export interface RidgePolicyKind<Config extends RidgePolicyConfig> {
  /** As `--policy` names it. */
  readonly name: string;
  /** One of `PolicyKind`. */
  readonly kind: number;
  readonly defaults: Readonly<Config>;
  readonly rules: { readonly [setting: string]: SettingRule };
  /** Doubles that it needs and does not save, beside those of its regression. */
  scratchDoubles(nActions: number): number;
}

function shapeOf<Config extends RidgePolicyConfig>(config: Config, kind: RidgePolicyKind<Config>): ModelShape {
  return {
    name: kind.name,
    kind: kind.kind,
    stateDoubles: RidgeRegression.stateDoubles(config),
    scratchDoubles: kind.scratchDoubles(config.n_actions) + RidgeRegression.scratchDoubles(config),
    meaning: ridgeMeaning(config),
  };
}

export abstract class RidgePolicy<Config extends RidgePolicyConfig> extends LearningPolicy {
  readonly config: Readonly<Config>;
  /** What is learned. */
  readonly model: RidgeRegression;
  /** As long as `scratchDoubles` of the policy's kind says. */
  protected readonly own: Float64Array;

  /** Memory that such a policy needs [bytes], a multiple of 8. @throws PolicyConfigError @realtime unsafe */
  protected static ridgePolicyBytes<Config extends RidgePolicyConfig>(
    config: Partial<Config>,
    kind: RidgePolicyKind<Config>,
  ): number {
    const resolved = resolveSettings(kind.defaults, kind.rules, config);
    return LearningPolicy.bytesFor(resolved, shapeOf(resolved, kind));
  }

  /** @throws PolicyConfigError @realtime unsafe (allocates) */
  protected constructor(config: Partial<Config>, kind: RidgePolicyKind<Config>, memory?: PolicyMemory) {
    const resolved = resolveSettings(kind.defaults, kind.rules, config);
    super(resolved, shapeOf(resolved, kind), memory);
    this.config = resolved;
    const own = kind.scratchDoubles(this.nActions);
    this.own = this.scratch.subarray(0, own);
    this.model = new RidgeRegression(resolved, this.state, this.scratch.subarray(own));
    // Not `clearModel`: a subclass may clear fields there that it has not set up yet.
    this.model.clear();
  }

  protected clearModel(): void {
    this.model.clear();
  }

  protected attribute(out: Float64Array): void {
    this.model.explain(this.x, out);
  }

  protected predict(action: number): void {
    this.model.predict(this.x, action, this.work);
  }

  protected learn(action: number): void {
    this.model.learn(this.x, action, this.work);
  }

  protected forget(): void {
    this.model.forget(this.work);
  }

  protected checkModel(state: Float64Array): void {
    this.model.check(state);
  }

  protected override restored(): void {
    this.model.restored();
  }
}
