import { checkBatch, checkLength, type Policy, type PolicyStats } from '../../src/policy/policy.js';

/**
 * Lets a policy with features of each action pass for one over a shared context, so that one suite serves both: of every
 * context, action a sees its own turn, rotated by a places, behind the shared features where there are any.
 */
export class TurnedContexts implements Policy {
  readonly #inner: Policy;
  readonly #shared: boolean;
  readonly contextDim: number;
  readonly #expanded: Float64Array;

  /**
   * @param inner of a context of `contextDim` shared features, or none where `shared` is not set, and `contextDim` of
   *   each action
   */
  constructor(inner: Policy, contextDim: number, shared: boolean) {
    this.#inner = inner;
    this.#shared = shared;
    this.contextDim = contextDim;
    this.#expanded = new Float64Array(inner.contextDim);
  }

  get name(): string {
    return this.#inner.name;
  }

  get nActions(): number {
    return this.#inner.nActions;
  }

  get frozen(): boolean {
    return this.#inner.frozen;
  }

  set frozen(frozen: boolean) {
    this.#inner.frozen = frozen;
  }

  get lastProbability(): number {
    return this.#inner.lastProbability;
  }

  get lastValues(): Float64Array {
    return this.#inner.lastValues;
  }

  get lastDistribution(): Float64Array {
    return this.#inner.lastDistribution;
  }

  get stateBytes(): number {
    return this.#inner.stateBytes;
  }

  #expand(context: ArrayLike<number>, from: number, out: Float64Array, to: number): void {
    const count = this.contextDim;
    let at = to;
    if (this.#shared) for (let i = 0; i < count; i++) out[at++] = context[from + i];
    for (let a = 0; a < this.nActions; a++) {
      for (let i = 0; i < count; i++) out[at++] = context[from + ((i + a) % count)];
    }
  }

  #one(context: Float64Array): Float64Array {
    checkLength('context_length', 'context', context.length, this.contextDim);
    this.#expand(context, 0, this.#expanded, 0);
    return this.#expanded;
  }

  select(context: Float64Array, allowed: Uint8Array | null): number {
    return this.#inner.select(this.#one(context), allowed);
  }

  probabilities(context: Float64Array, allowed: Uint8Array | null, out: Float64Array): void {
    this.#inner.probabilities(this.#one(context), allowed, out);
  }

  values(context: Float64Array, out: Float64Array): void {
    this.#inner.values(this.#one(context), out);
  }

  get explainedDim(): number {
    return this.#inner.explainedDim;
  }

  explain(context: Float64Array, out: Float64Array): void {
    this.#inner.explain(this.#one(context), out);
  }

  update(context: Float64Array, action: number, reward: number, probability: number): void {
    this.#inner.update(this.#one(context), action, reward, probability);
  }

  updateBatch(
    contexts: Float64Array,
    actions: Int32Array | Uint8Array | Float64Array,
    rewards: Float64Array,
    probabilities: Float64Array | null = null,
  ): void {
    const rows = checkBatch(this.contextDim, this.nActions, contexts, actions, rewards, probabilities);
    const length = this.#inner.contextDim;
    const expanded = new Float64Array(rows * length);
    for (let row = 0; row < rows; row++) this.#expand(contexts, row * this.contextDim, expanded, row * length);
    this.#inner.updateBatch(expanded, actions, rewards, probabilities);
  }

  stats(): PolicyStats {
    return this.#inner.stats();
  }

  exportInto(out: Uint8Array): number {
    return this.#inner.exportInto(out);
  }

  exportState(): Uint8Array {
    return this.#inner.exportState();
  }

  importState(state: Uint8Array): void {
    this.#inner.importState(state);
  }
}
