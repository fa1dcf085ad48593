/**
 * A model of what each action earns, as policies build on it: it predicts, learns and forgets, and knows nothing of
 * exploration. Its words lie in the policy's block, so that they are saved with it.
 *
 * Contexts are laid out as `Arms` says. Numbers travel in the caller's `work` array, at the indexes of `Work`.
 */
export interface ValueModel {
  /** As a configuration names it; part of what a saved state means. */
  readonly name: string;

  /** Gives every word its first value. @realtime safe */
  clear(): void;

  /**
   * What every action is expected to earn.
   *
   * @param x a whole context, finite
   * @param out one number for each action
   * @realtime safe
   */
  evaluate(x: Float64Array, out: Float64Array): void;

  /**
   * What each feature adds to `evaluate`: see `Policy.explain`.
   *
   * @param x a whole context, finite
   * @param out for each action in turn a number for each shared feature, one for each of its own, and the constant's
   * @realtime safe
   */
  explain(x: Float64Array, out: Float64Array): void;

  /**
   * Leaves what `action` is expected to earn in `work[Work.prediction]`: the same bits as `evaluate`.
   *
   * @realtime safe
   */
  predict(x: Float64Array, action: number, work: Float64Array): void;

  /**
   * Learns that `action` earned `work[Work.reward]` where `work[Work.prediction]` was expected, with the weight
   * `work[Work.weight]`, above 0. `predict` of the same context and action came just before.
   *
   * @realtime safe
   */
  learn(x: Float64Array, action: number, work: Float64Array): void;

  /** Forgets all but the given share of the evidence, in `work[Work.floor]`, of what is expected, or of both. @realtime safe */
  forget(work: Float64Array): void;

  /** @param state this model's saved words @throws PolicyStateError where they cannot be its own @realtime unsafe */
  check(state: Float64Array): void;

  /** Brings what follows from the saved words up to date, after they were replaced. @realtime unsafe */
  restored(): void;
}
