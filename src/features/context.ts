/**
 * From the 24 raw features to the context that a policy sees. `arms` says what that is:
 *
 * | arms | shared features | features of each action |
 * |---|---|---|
 * | `disjoint` | the 24, scaled; with `interactions` their products too | none |
 * | `tied` | none | the 22 in its direction's frame, scaled by groups; with `interactions` their products too |
 * | `hybrid` | the 24, scaled | as for `tied` |
 *
 * `hybrid` has no products of shared features: its shared part holds what a direction of its own adds to what all share,
 * and has an eighth of the data for each weight.
 *
 * Control thread, every cycle; allocates nothing after construction.
 */

import { ACTION_COUNT, CONTEXT_DIM, EXPLAINED } from '../memory/layout.js';
import { TURNED_COUNT, TURNED_DIM, TURNED_GROUPS, TURNED_NAMES, turnBack, turnFeatures } from './direction-frames.js';
import { FEATURES } from './extraction.js';
import { GroupedScaler } from './grouped-scaling.js';
import { QuadraticInteractions } from './interactions.js';
import { type ScalerMemory, ScalerStateError } from './scaler.js';
import { RunningScaler } from './scaling.js';

export interface ContextOptions {
  /** How actions share what is learned: see `Arms` of the policies. */
  readonly arms: 'disjoint' | 'tied' | 'hybrid';
  /** Products of two features are hashed into 2^`hashBits` places; null where there are none. */
  readonly hashBits: number | null;
  /** Observations after which scaling stands still; 0 never. */
  readonly freezeAfter: number;
}

const FEATURE_NAMES: readonly string[] = FEATURES.map(({ name }) => name);

export class ContextBuilder {
  /** Names of the features that all actions share, in order. */
  readonly sharedNames: readonly string[];
  /** Names of the features of each action. */
  readonly armNames: readonly string[];
  /** The 24 features, unscaled; the caller writes them before `build`. */
  readonly raw = new Float64Array(CONTEXT_DIM);
  /** The 24 features, scaled. Only read. */
  readonly scaled = new Float64Array(CONTEXT_DIM);
  /** What the policy sees. Only read. */
  readonly context: Float64Array;
  readonly stateBytes: number;

  readonly #scaler: RunningScaler;
  readonly #grouped: GroupedScaler | null;
  readonly #interactions: QuadraticInteractions | null;
  readonly #turned: Float64Array;
  readonly #turnedScaled: Float64Array;
  /** Each action's part of `#turnedScaled`, and of the context. */
  readonly #turnedRows: Float64Array[] = [];
  readonly #contextRows: Float64Array[] = [];
  readonly #sharedCount: number;

  /** Memory for what is learned of the scales [bytes], a multiple of 8. @realtime unsafe */
  static bytes(options: ContextOptions): number {
    return (
      RunningScaler.bytes(CONTEXT_DIM) + (options.arms === 'disjoint' ? 0 : GroupedScaler.bytes(TURNED_GROUPS.length))
    );
  }

  /**
   * @param memory at least `ContextBuilder.bytes(options)`; overwritten; its own where absent
   * @throws RangeError
   * @realtime unsafe
   */
  constructor(options: ContextOptions, memory?: ScalerMemory) {
    const { arms, hashBits, freezeAfter } = options;
    const turns = arms !== 'disjoint';
    const base = turns ? TURNED_NAMES : FEATURE_NAMES;
    this.#interactions = hashBits === null ? null : new QuadraticInteractions(base, hashBits);
    const names = this.#interactions?.names ?? base;
    this.sharedNames = arms === 'disjoint' ? names : arms === 'hybrid' ? FEATURE_NAMES : [];
    this.armNames = turns ? names : [];
    this.#sharedCount = this.sharedNames.length;
    const armDim = this.armNames.length;
    const buffer = memory?.buffer ?? new ArrayBuffer(ContextBuilder.bytes(options));
    const byteOffset = memory?.byteOffset ?? 0;
    this.#scaler = new RunningScaler(CONTEXT_DIM, { freezeAfter }, { buffer, byteOffset });
    this.#grouped = turns
      ? new GroupedScaler(
          TURNED_GROUPS,
          TURNED_DIM,
          ACTION_COUNT,
          { freezeAfter },
          { buffer, byteOffset: byteOffset + RunningScaler.bytes(CONTEXT_DIM) },
        )
      : null;
    this.stateBytes = this.#scaler.stateBytes + (this.#grouped?.stateBytes ?? 0);
    const isPlain = !turns && this.#interactions === null;
    this.context = isPlain ? this.scaled : new Float64Array(this.#sharedCount + ACTION_COUNT * armDim);
    this.#turned = new Float64Array(turns ? TURNED_COUNT : 0);
    this.#turnedScaled = new Float64Array(turns ? TURNED_COUNT : 0);
    for (let a = 0; turns && a < ACTION_COUNT; a++) {
      const at = this.#sharedCount + a * armDim;
      this.#turnedRows.push(this.#turnedScaled.subarray(a * TURNED_DIM, (a + 1) * TURNED_DIM));
      this.#contextRows.push(this.context.subarray(at, at + armDim));
    }
  }

  /** Mean and scale of every feature stand still. Not part of the state. */
  get frozen(): boolean {
    return this.#scaler.frozen;
  }

  set frozen(frozen: boolean) {
    this.#scaler.frozen = frozen;
    if (this.#grouped !== null) this.#grouped.frozen = frozen;
  }

  /** Makes `scaled` and `context` of `raw`. @realtime safe */
  build(): void {
    const { raw, scaled, context } = this;
    const interactions = this.#interactions;
    this.#scaler.transform(raw, scaled);
    if (this.#grouped === null) {
      if (interactions !== null) interactions.expand(scaled, context);
      return;
    }
    for (let i = 0; i < this.#sharedCount; i++) context[i] = scaled[i];
    turnFeatures(raw, this.#turned);
    this.#grouped.transform(this.#turned, this.#turnedScaled);
    if (interactions !== null) {
      for (let a = 0; a < ACTION_COUNT; a++) interactions.expand(this.#turnedRows[a], this.#contextRows[a]);
      return;
    }
    const turnedScaled = this.#turnedScaled;
    const first = this.#sharedCount;
    for (let i = 0; i < TURNED_COUNT; i++) context[first + i] = turnedScaled[i];
  }

  /**
   * Brings what each entry of the context that was built last adds to each action's value back to the 24 features: shared
   * entries are theirs by name, and an action's own are traced to the features they were turned from (`turnBack`), so that
   * the same row means the same thing for all directions. Products, and what a policy calls the rest, are the rest.
   *
   * @param contributions as `Policy.explain` writes them, of a policy of this context or one that looks at none; only read
   * @param out `EXPLAINED` numbers for each action from `at` on, which add up to its value, but for rounding
   * @realtime safe
   */
  explain(contributions: Float64Array, out: Float64Array, at: number): void {
    const row = contributions.length / ACTION_COUNT;
    const looks = row > 1;
    const shared = looks ? this.#sharedCount : 0;
    const turned = looks && this.#grouped !== null ? TURNED_DIM : 0;
    const plain = shared < CONTEXT_DIM ? shared : CONTEXT_DIM;
    for (let a = 0; a < ACTION_COUNT; a++) {
      const from = a * row;
      const to = at + a * EXPLAINED;
      for (let i = 0; i < EXPLAINED; i++) out[to + i] = 0;
      for (let i = 0; i < plain; i++) out[to + i] = contributions[from + i];
      let rest = 0;
      for (let i = plain; i < shared; i++) rest += contributions[from + i];
      if (turned > 0) turnBack(a, this.raw, this.#turned, contributions, from + shared, out, to);
      for (let i = shared + turned; i < row; i++) rest += contributions[from + i];
      out[to + CONTEXT_DIM] = rest;
    }
  }

  /** Learns the scales of what was built last, unless frozen. @realtime safe */
  update(): void {
    this.#scaler.update(this.raw);
    if (this.#grouped !== null) this.#grouped.update(this.#turned);
  }

  /** Writes what is known of the scales. @param out at least `stateBytes` @returns the bytes written @realtime safe */
  exportInto(out: Uint8Array): number {
    const written = this.#scaler.exportInto(out);
    return this.#grouped === null ? written : written + this.#grouped.exportInto(out, written);
  }

  /** The state in a new array. @realtime unsafe */
  exportState(): Uint8Array {
    const out = new Uint8Array(this.stateBytes);
    this.exportInto(out);
    return out;
  }

  /**
   * Takes over a state; scaling then continues with the same bits.
   *
   * @throws ScalerStateError with the reason, this builder unchanged
   * @realtime unsafe
   */
  importState(state: Uint8Array): void {
    if (this.#grouped === null) {
      this.#scaler.importState(state);
      return;
    }
    if (state.length !== this.stateBytes) {
      throw new ScalerStateError(`scaler state has ${state.length} bytes, expected ${this.stateBytes}`);
    }
    const before = this.#grouped.exportState();
    this.#grouped.importState(state.subarray(this.#scaler.stateBytes));
    try {
      this.#scaler.importState(state.subarray(0, this.#scaler.stateBytes));
    } catch (error) {
      this.#grouped.importState(before);
      throw error;
    }
  }
}
