/**
 * Ridge regression of the reward, kept as an estimate θ and the inverse P = A⁻¹ of its evidence A = λI + Σ xxᵀ: what
 * LinUCB and linear Thompson sampling are built on.
 *
 * Thread: that of the policy it serves. For d features and n actions, `evaluateWithVariance` costs (n + 1) d²/2
 * multiplications, `learn` 3 d²/2.
 *
 * Memory: what is saved are the policy's words, which always hold what has been learned. The sums are done on a copy of
 * them, in the thread's `PackedWorkspace`: with one policy to a thread, only the block that an update changes is ever copied,
 * back to the policy. Policies that take turns bring all their blocks at every turn. After construction nothing is allocated,
 * but for views where the workspace has grown since for another policy.
 *
 * | symbol | meaning | source |
 * |---|---|---|
 * | x | features of the context, with a constant 1 last where `constant` is set | Li et al. 2010 |
 * | z | features of the action under judgement | |
 * | P, θ | inverse evidence and estimate of a block | A⁻¹, θ̂ |
 * | Q, β | inverse evidence and estimate of what a hybrid's actions share | A₀⁻¹, β̂ |
 * | φ, C | a hybrid action's estimate without the shared part, and A⁻¹B: θ = φ - Cβ | |
 * | w | weight of an example, `Work.weight` | |
 *
 * **Arms.** `disjoint`: a block for each action over x. `tied`: one block over z. `hybrid`: Algorithm 2 of Li, Chu,
 * Langford & Schapire 2010, a block over x for each action and one over z for all. With e = z - Cᵀx, the part of z that the
 * action's own block does not explain, the paper's formulas become sums without differences:
 *
 * ```
 *   prediction  zᵀβ + xᵀθ = xᵀφ + eᵀβ
 *   variance    zᵀQz - 2zᵀQBᵀPx + xᵀPx + xᵀPBQBᵀPx = xᵀPx + eᵀQe
 *   evidence    A₀ + zzᵀ - (change of BᵀPB) = A₀ + eeᵀ / (1/w + xᵀPx)
 * ```
 *
 * so that learning is three rank-one updates (Sherman & Morrison 1950), exact and O(d² + k² + dk).
 *
 * **Packing.** P and Q are upper triangles as `packed-kernels` describes, so that they are symmetric by construction; each is
 * followed by the block's estimate. The products xᵢxⱼ, those off the diagonal twice, are made once for a context, and xᵀPx of
 * every action is one dot product with them.
 *
 * **Discount.** With `discount` γ below 1 a block's evidence is A ← γA + xxᵀ: its time is the number of its own updates. A
 * hybrid's shared block ages with every update, an action's with its own. What is expected does not change by it. In
 * directions that nothing excites P would grow without end, so no feature's own variance grows beyond `trace_limit` times
 * that before the first example, and the trace of P not beyond `trace_limit` times its first value: P becomes DPD, with D
 * diagonal, γ^-½ where there is room and less where there is not, which leaves it positive.
 *
 * **Bounds.** In exact arithmetic an update leaves Pᵢᵢ at least Pᵢᵢ / (1 + w xᵀPx) and above 0, |Pᵢⱼ| at most √(PᵢᵢPⱼⱼ), and
 * xᵀPx at least (Px)ᵢ² / Pᵢᵢ. Features of very different magnitudes cancel until rounding breaks these; they are then
 * enforced, and the update is counted in `conditioned`. From that and a last clamp of estimates at 1e30 everything stays
 * finite under contexts within ±1e15, and a variance below 0 counts as 0.
 */
import { type Arms, type LearningPolicyConfig, refuseState, Work } from './learning-policy.js';
import {
  dotInto,
  nextTicket,
  type PackedKernels,
  type PackedWorkspace,
  packedDoubles,
  SLACK,
  vectorDoubles,
  workspaceFor,
} from './packed-kernels.js';
import { real, type SettingRule, tooLarge } from './policy-settings.js';
import type { ValueModel } from './value-model.js';

/** Settings of the model, with the names that configuration files use. */
export interface RidgeSettings {
  /** λ: evidence that every weight is 0 before the first example. */
  ridge: number;
  /** γ: what an example's evidence is multiplied with at each later update of the same block; 1 forgets nothing. */
  discount: number;
  /** How often a feature's variance may be its first one, where evidence is discounted or forgotten. */
  trace_limit: number;
  /** Every block over shared features, or over an action's own where they are tied, has a constant 1 as its last. */
  constant: boolean;
  /**
   * What is kept of `drift_floor` when the model forgets. `mean`: estimates, times the floor, with no evidence for them. After
   * a change of the world that is what recovers fastest: sticking to the estimates costs more than having none.
   * `evidence`: evidence, times the floor, with the estimates as they are.
   */
  drift_keeps: 'mean' | 'evidence';
}

export const RIDGE_DEFAULTS: Readonly<RidgeSettings> = {
  ridge: 1,
  discount: 1,
  trace_limit: 1,
  constant: true,
  drift_keeps: 'mean',
};

export const RIDGE_RULES: { readonly [setting: string]: SettingRule } = {
  ridge: real(1e-9, 1e9),
  discount: real(0, 1, true),
  trace_limit: real(1, 1e6),
  constant: [true, false],
  drift_keeps: ['mean', 'evidence'],
};

/** What the model needs of a policy's configuration. */
export type RidgeConfig = RidgeSettings & Pick<LearningPolicyConfig, 'n_actions' | 'context_dim' | 'arms' | 'arm_dim'>;

/** Estimates do not leave ± this. */
const ESTIMATE_LIMIT = 1e30;
/** Variances of weights do not fall below this, and none above `VARIANCE_LIMIT` is taken from a saved state. */
const VARIANCE_FLOOR = 1e-60;
const VARIANCE_LIMIT = 1e30;

/** Adding 1 leaves it as it is. */
const MOST_CONDITIONED = 2 ** 53;

/** Squares below are not compared: near the smallest doubles they have few digits, and change nothing. */
const UNDERFLOW = 1e-300;

// Numbers that methods leave for one another: as arguments and results V8 boxes them where it does not inline a call.
/** xᵀPx, or eᵀQe. */
const SPREAD = 0;
/** What an example does not say: 1/w, or 1/w + xᵀPx for the shared block. */
const NOISE = 1;
/** 1 / (noise + spread) of the last update. */
const GAIN = 2;
/** What evidence is divided by. */
const GROWTH = 3;
/** What an action is expected to earn; in a hybrid the sum of the two parts, of which `OWN` is the first. */
const MEAN = 4;
const OWN = 5;
/** What a vector is stepped by. */
const SCALE = 6;
const NUMBERS = 8;

/** How many features a block has, and where its numbers lie in a workspace [doubles]. */
interface Block {
  /** Features; 0 where there is no such block. */
  readonly size: number;
  readonly pairs: number;
  /** Of a vector, filled up. */
  readonly vector: number;
  /** Of a matrix, filled up. */
  readonly matrix: number;
  /** Of a matrix and the estimate after it. */
  readonly stride: number;
  /** Features of the block under judgement: x, or e. */
  readonly x: number;
  /** Px, or Qe. */
  readonly direction: number;
  /** The direction times the gain of an update. */
  readonly scales: number;
  /** The diagonal of D, or of a new P. */
  readonly diagonal: number;
  /** The first block of this size. */
  readonly first: number;
}

interface Shapes {
  /** Blocks of their own. */
  readonly blocks: number;
  readonly own: Block;
  /** A hybrid's. */
  readonly shared: Block;
  /** xᵢxⱼ of either. */
  readonly products: number;
  /** One number for each action. */
  readonly means: number;
  readonly variances: number;
  /** All blocks: the own ones, then the shared one. */
  readonly all: number;
  readonly allEnd: number;
}

function shapesOf(config: RidgeConfig): Shapes {
  const blocks = config.arms === 'tied' ? 1 : config.n_actions;
  let at = 0;
  const take = (count: number): number => {
    at += count;
    return at - count;
  };
  const blockOf = (size: number): Omit<Block, 'first'> => {
    const vector = vectorDoubles(size);
    const matrix = packedDoubles(size);
    return {
      size,
      pairs: Math.ceil(size / 2),
      vector,
      matrix,
      stride: matrix + vector,
      x: take(vector),
      direction: take(vector),
      scales: take(vector),
      diagonal: take(vector),
    };
  };
  const own = blockOf((config.arms === 'tied' ? config.arm_dim : config.context_dim) + (config.constant ? 1 : 0));
  const shared = blockOf(config.arms === 'hybrid' ? config.arm_dim : 0);
  const products = take(Math.max(own.matrix, shared.matrix));
  const means = take(vectorDoubles(config.n_actions));
  const variances = take(vectorDoubles(config.n_actions));
  const all = take(blocks * own.stride);
  const sharedFirst = take(shared.stride);
  return {
    blocks,
    own: { ...own, first: all },
    shared: { ...shared, first: sharedFirst },
    products,
    means,
    variances,
    all,
    allEnd: at,
  };
}

/** Settings without which saved words mean something else. @realtime unsafe */
export function ridgeMeaning(config: RidgeConfig): readonly (string | number | boolean)[] {
  return ['ridge', config.constant];
}

/** See the file's head for the algebra, `RidgeSettings` for the settings, `ValueModel` for the methods. */
export class RidgeRegression implements ValueModel {
  readonly name = 'ridge';
  readonly #arms: Arms;
  readonly #actions: number;
  readonly #contextDim: number;
  readonly #armDim: number;
  readonly #shapes: Shapes;
  readonly #own: Block;
  readonly #shared: Block;
  readonly #constant: boolean;
  readonly #keepsMean: boolean;
  /** λ, γ, largest variance of a weight. */
  readonly #settings: Float64Array;

  /** P and θ, in a hybrid φ, of each block in turn; Q and β. */
  readonly #blocks: Float64Array;
  /** C of each action in turn, row by row. */
  readonly #couplings: Float64Array;
  /** One word: updates whose rounding had to be bounded. */
  readonly #conditioned: Float64Array;
  readonly #numbers: Float64Array;

  readonly #workspace: PackedWorkspace;
  readonly #kernels: PackedKernels;
  readonly #ticket: number;
  // Views of the workspace: all of it, each block of its own, the shared block.
  #words: Float64Array;
  readonly #copies: Float64Array[] = [];

  /** Doubles that are saved. @realtime unsafe */
  static stateDoubles(config: RidgeConfig): number {
    const { blocks, own, shared, all, allEnd } = shapesOf(config);
    return allEnd - all + blocks * own.size * shared.size + 1;
  }

  /** Doubles that are not. @realtime unsafe */
  static scratchDoubles(_config: RidgeConfig): number {
    return NUMBERS;
  }

  /**
   * @param state `stateDoubles` doubles of the caller's; `clear` gives them their first values
   * @param scratch `scratchDoubles` doubles of the caller's
   * @param workspace for tests, another than the thread's
   * @throws PolicyConfigError where there is no memory for a working copy
   * @realtime unsafe (makes views, and the workspace larger)
   */
  constructor(config: RidgeConfig, state: Float64Array, scratch: Float64Array, workspace?: PackedWorkspace) {
    const shapes = shapesOf(config);
    const { blocks, own, shared, all, allEnd } = shapes;
    this.#arms = config.arms;
    this.#actions = config.n_actions;
    this.#contextDim = config.context_dim;
    this.#armDim = config.arm_dim;
    this.#shapes = shapes;
    this.#own = own;
    this.#shared = shared;
    this.#constant = config.constant;
    this.#keepsMean = config.drift_keeps === 'mean';
    this.#settings = Float64Array.of(config.ridge, config.discount, config.trace_limit / config.ridge);

    let at = 0;
    const take = (words: Float64Array, count: number): Float64Array => {
      at += count;
      return words.subarray(at - count, at);
    };
    this.#blocks = take(state, allEnd - all);
    this.#couplings = take(state, blocks * own.size * shared.size);
    this.#conditioned = take(state, 1);
    this.#numbers = scratch.subarray(0, NUMBERS);

    this.#workspace = workspace ?? workspaceFor(allEnd);
    if (!this.#workspace.reserve(allEnd)) throw tooLarge(config, 8 * allEnd, 'more than can be allocated here');
    this.#kernels = this.#workspace.kernels;
    this.#ticket = nextTicket();
    this.#words = this.#workspace.words;
    this.#enter();
  }

  /** Updates so far in which rounding had broken a bound, which was then enforced. @realtime safe */
  get conditioned(): number {
    return this.#conditioned[0];
  }

  clear(): void {
    this.#blocks.fill(0);
    this.#clearEvidence();
    this.#conditioned[0] = 0;
  }

  evaluate(x: Float64Array, out: Float64Array): void {
    if (this.#workspace.owner !== this.#ticket) this.#enter();
    const actions = this.#actions;
    if (this.#arms === 'disjoint') {
      this.#load(x, 0);
      this.#expectAll(out);
      return;
    }
    for (let a = 0; a < actions; a++) {
      this.#loadAction(x, a);
      this.#expect(a, out, a);
    }
  }

  /**
   * `evaluate`, and the variance of each expectation for a reward whose noise has variance 1: xᵀPx, in a hybrid
   * xᵀPx + eᵀQe, at least 0.
   *
   * @param x a whole context, finite
   * @param means one number for each action, the same bits as `evaluate`
   * @param variances one number for each action
   * @realtime safe
   */
  evaluateWithVariance(x: Float64Array, means: Float64Array, variances: Float64Array): void {
    if (this.#workspace.owner !== this.#ticket) this.#enter();
    const actions = this.#actions;
    const kernels = this.#kernels;
    const own = this.#own;
    const shared = this.#shared;
    const products = this.#shapes.products;
    const out = this.#shapes.variances;
    const words = this.#words;
    if (this.#arms === 'tied') {
      for (let a = 0; a < actions; a++) {
        this.#loadAction(x, a);
        this.#expect(a, means, a);
        kernels.products(own.x, own.pairs, products);
        kernels.dots(own.first, 1, own.stride, own.matrix, products, out + a);
      }
    } else {
      this.#load(x, 0);
      kernels.products(own.x, own.pairs, products);
      kernels.dots(own.first, actions, own.stride, own.matrix, products, out);
      if (this.#arms === 'disjoint') {
        this.#expectAll(means);
      } else {
        for (let a = 0; a < actions; a++) {
          this.#loadRest(x, a);
          this.#expect(a, means, a);
          // Each part is a variance of its own.
          const part = words[out + a] > 0 ? words[out + a] : 0;
          kernels.products(shared.x, shared.pairs, products);
          kernels.dots(shared.first, 1, shared.stride, shared.matrix, products, out + a);
          words[out + a] = words[out + a] > 0 ? part + words[out + a] : part;
        }
      }
    }
    for (let a = 0; a < actions; a++) variances[a] = words[out + a] > 0 ? words[out + a] : 0;
  }

  /**
   * For a hybrid in the terms of its features, not of e: what an action's own block would add to a shared feature without
   * the part that the shared block takes over is θ = φ - Cβ, and to a feature of the action β. Reads the policy's words.
   */
  explain(x: Float64Array, out: Float64Array): void {
    const own = this.#own;
    const shared = this.#shared;
    const actions = this.#actions;
    const tied = this.#arms === 'tied';
    const words = this.#blocks;
    const couplings = this.#couplings;
    const sharedDim = this.#contextDim;
    const armDim = this.#armDim;
    const features = this.#constant ? own.size - 1 : own.size;
    const row = sharedDim + armDim + 1;
    const sharedEstimate = this.#shapes.blocks * own.stride + shared.matrix;
    for (let a = 0; a < actions; a++) {
      const at = a * row;
      const estimate = (tied ? 0 : a * own.stride) + own.matrix;
      const from = tied ? a * armDim : 0;
      for (let i = 0; i < own.size; i++) {
        let weight = words[estimate + i];
        const coupling = (a * own.size + i) * shared.size;
        for (let j = 0; j < shared.size; j++) weight -= couplings[coupling + j] * words[sharedEstimate + j];
        if (i < features) out[at + i] = weight * x[from + i];
        else out[at + row - 1] = weight;
      }
      if (!this.#constant) out[at + row - 1] = 0;
      const start = sharedDim + a * armDim;
      for (let j = 0; j < shared.size; j++) out[at + sharedDim + j] = words[sharedEstimate + j] * x[start + j];
    }
  }

  predict(x: Float64Array, action: number, work: Float64Array): void {
    if (this.#workspace.owner !== this.#ticket) this.#enter();
    this.#loadAction(x, action);
    this.#expect(action, work, Work.prediction);
  }

  learn(x: Float64Array, action: number, work: Float64Array): void {
    if (this.#workspace.owner !== this.#ticket) this.#enter();
    const block = this.#arms === 'tied' ? 0 : action;
    const own = this.#own;
    const shared = this.#shared;
    const numbers = this.#numbers;
    const words = this.#words;
    const inverse = own.first + block * own.stride;
    this.#loadAction(x, action);
    if (this.#settings[1] < 1) {
      numbers[GROWTH] = 1 / this.#settings[1];
      this.#grow(own, inverse);
      if (shared.size > 0) this.#grow(shared, shared.first);
    }
    // Not the prediction in `work`: a model that has just forgotten expects something else.
    this.#expect(action, numbers, MEAN);
    const error = work[Work.reward] - numbers[MEAN];

    numbers[NOISE] = 1 / work[Work.weight];
    this.#absorb(own, inverse);
    const gain = numbers[GAIN];
    if (shared.size === 0) {
      numbers[SCALE] = gain * error;
      step(words, inverse + own.matrix, words, own.direction, own.size, numbers);
      this.#blocks.set(this.#copies[block], block * own.stride);
      return;
    }

    for (let i = 0; i < own.size; i++) {
      numbers[SCALE] = words[own.direction + i] * gain;
      step(this.#couplings, (block * own.size + i) * shared.size, words, shared.x, shared.size, numbers);
    }
    numbers[SCALE] = gain * (work[Work.reward] - numbers[OWN]);
    step(words, inverse + own.matrix, words, own.direction, own.size, numbers);
    numbers[NOISE] += numbers[SPREAD];
    this.#absorb(shared, shared.first);
    numbers[SCALE] = numbers[GAIN] * error;
    step(words, shared.first + shared.matrix, words, shared.direction, shared.size, numbers);
    this.#blocks.set(this.#copies[block], block * own.stride);
    this.#blocks.set(this.#copies[this.#shapes.blocks], this.#shapes.blocks * own.stride);
  }

  forget(work: Float64Array): void {
    if (this.#workspace.owner !== this.#ticket) this.#enter();
    const own = this.#own;
    const shared = this.#shared;
    const blocks = this.#shapes.blocks;
    const floor = work[Work.floor];
    if (!this.#keepsMean) {
      this.#numbers[GROWTH] = 1 / floor;
      for (let block = 0; block < blocks; block++) this.#grow(own, own.first + block * own.stride);
      if (shared.size > 0) this.#grow(shared, shared.first);
      for (let block = 0; block < this.#copies.length; block++) {
        this.#blocks.set(this.#copies[block], block * own.stride);
      }
      return;
    }
    const words = this.#blocks;
    const couplings = this.#couplings;
    const sharedEstimate = blocks * own.stride + shared.matrix;
    // Without C the actions' estimates are what is left beside the shared part: θ = φ - Cβ.
    for (let block = 0, c = 0; block < blocks; block++) {
      const estimates = block * own.stride + own.matrix;
      for (let i = 0; i < own.size; i++) {
        let estimate = words[estimates + i];
        for (let j = 0; j < shared.size; j++) estimate -= couplings[c++] * words[sharedEstimate + j];
        words[estimates + i] = Math.min(Math.max(estimate * floor, -ESTIMATE_LIMIT), ESTIMATE_LIMIT);
      }
    }
    for (let j = 0; j < shared.size; j++) words[sharedEstimate + j] *= floor;
    this.#clearEvidence();
  }

  check(state: Float64Array): void {
    const { blocks, own, shared } = this.#shapes;
    let at = 0;
    for (let block = 0; block < blocks; block++) at = checkBlock(state, at, own);
    at = checkBlock(state, at, shared);
    const couplings = at + blocks * own.size * shared.size;
    for (; at < couplings; at++) checkEstimate(state[at], at);
    if (!(state[at] >= 0 && state[at] <= MOST_CONDITIONED && Number.isInteger(state[at])))
      refuseState(`model word ${at} is ${state[at]}`);
  }

  restored(): void {
    this.#leave();
  }

  /** Gives up the workspace, since the policy's words have changed. */
  #leave(): void {
    if (this.#workspace.owner === this.#ticket) this.#workspace.owner = 0;
  }

  /** Takes the workspace over. */
  #enter(): void {
    const own = this.#own;
    const shared = this.#shared;
    const blocks = this.#shapes.blocks;
    const all = this.#shapes.all;
    const workspace = this.#workspace;
    if (this.#words !== workspace.words || this.#copies.length === 0) {
      const words = workspace.words;
      this.#words = words;
      for (let block = 0; block < blocks; block++) {
        const first = own.first + block * own.stride;
        this.#copies[block] = words.subarray(first, first + own.stride);
      }
      if (shared.size > 0) this.#copies[blocks] = words.subarray(shared.first, this.#shapes.allEnd);
    }
    // Vectors are filled up with zeros.
    this.#words.fill(0, 0, all);
    this.#words.set(this.#blocks, all);
    workspace.owner = this.#ticket;
  }

  #clearEvidence(): void {
    const first = 1 / this.#settings[0];
    const own = this.#own;
    const shared = this.#shared;
    const blocks = this.#shapes.blocks;
    for (let block = 0; block < blocks; block++) setDiagonal(this.#blocks, block * own.stride, own, first);
    setDiagonal(this.#blocks, blocks * own.stride, shared, first);
    this.#couplings.fill(0);
    this.#leave();
  }

  /** Brings a block's features from `at` of a context into the workspace. */
  #load(x: Float64Array, at: number): void {
    const words = this.#words;
    const to = this.#own.x;
    const count = this.#constant ? this.#own.size - 1 : this.#own.size;
    for (let i = 0; i < count; i++) words[to + i] = x[at + i];
    if (this.#constant) words[to + count] = 1;
  }

  /** Brings everything that belongs to one action into the workspace. */
  #loadAction(x: Float64Array, action: number): void {
    this.#load(x, this.#arms === 'tied' ? action * this.#armDim : 0);
    if (this.#shared.size > 0) this.#loadRest(x, action);
  }

  /** e = z - Cᵀx of an action, with x in place. */
  #loadRest(x: Float64Array, action: number): void {
    const words = this.#words;
    const couplings = this.#couplings;
    const size = this.#own.size;
    const features = this.#own.x;
    const shared = this.#shared.size;
    const rest = this.#shared.x;
    const start = this.#contextDim + action * this.#armDim;
    for (let j = 0; j < shared; j++) words[rest + j] = x[start + j];
    let at = action * size * shared;
    for (let i = 0; i < size; i++) {
      const value = words[features + i];
      for (let j = 0; j < shared; j++) words[rest + j] -= couplings[at++] * value;
    }
  }

  /** What every action of a disjoint model is expected to earn, with x in place. */
  #expectAll(out: Float64Array): void {
    const own = this.#own;
    const means = this.#shapes.means;
    const words = this.#words;
    const actions = this.#actions;
    this.#kernels.dots(own.first + own.matrix, actions, own.stride, own.vector, own.x, means);
    for (let a = 0; a < actions; a++) out[a] = words[means + a];
  }

  /** Leaves what an action is expected to earn in `out[at]`, with x and e in place; its own part in `#numbers`. */
  #expect(action: number, out: Float64Array, at: number): void {
    const numbers = this.#numbers;
    const own = this.#own;
    const shared = this.#shared;
    const block = this.#arms === 'tied' ? 0 : action;
    dotInto(this.#words, own.first + block * own.stride + own.matrix, own.x, own.vector, numbers, OWN);
    if (shared.size > 0) {
      dotInto(this.#words, shared.first + shared.matrix, shared.x, shared.vector, numbers, MEAN);
      out[at] = numbers[OWN] + numbers[MEAN];
    } else {
      out[at] = numbers[OWN];
    }
  }

  /** P ← DPD, by the factor in `#numbers` where the limit allows it. */
  #grow(block: Block, inverse: number): void {
    const words = this.#words;
    const size = block.size;
    const pairs = block.pairs;
    const growth = block.diagonal;
    const factor = this.#numbers[GROWTH];
    const limit = this.#settings[2];
    for (let i = 0; i < size; i++) {
      const room = limit / words[inverse + diagonalAt(i, pairs)];
      words[growth + i] = Math.sqrt(room < factor ? (room > 1 ? room : 1) : factor);
    }
    for (let i = 0, at = inverse; i < size; i++) {
      const scale = words[growth + i];
      for (let j = i & ~1; j < 2 * pairs; j++) words[at++] *= scale * words[growth + j];
    }
  }

  /**
   * P ← P - uuᵀ / (noise + xᵀu), with u = Px, and x and the noise in place; leaves u, xᵀu and the gain.
   *
   * @param inverse where P lies in the workspace
   */
  #absorb(block: Block, inverse: number): void {
    const numbers = this.#numbers;
    const words = this.#words;
    const size = block.size;
    const pairs = block.pairs;
    const x = block.x;
    const direction = block.direction;
    const scales = block.scales;
    const variances = block.diagonal;
    this.#kernels.times(inverse, pairs, x, direction);
    const noise = numbers[NOISE];
    dotInto(words, direction, x, block.vector, numbers, SPREAD);
    let spread = numbers[SPREAD] > 0 ? numbers[SPREAD] : 0;
    let rough = 0;
    for (let i = 0; i < size; i++) {
      const variance = words[inverse + diagonalAt(i, pairs)];
      words[variances + i] = variance;
      const square = words[direction + i] * words[direction + i];
      if (square > spread * variance * SLACK && square > UNDERFLOW) {
        spread = square / variance;
        rough = 1;
      }
    }
    const gain = 1 / (noise + spread);
    const least = noise * gain;
    for (let i = 0; i < size; i++) {
      const scale = words[direction + i] * gain;
      const floor = words[variances + i] * least;
      const variance = words[variances + i] - scale * words[direction + i];
      words[scales + i] = scale;
      words[variances + i] = variance > floor ? variance : floor > VARIANCE_FLOOR ? floor : VARIANCE_FLOOR;
    }
    numbers[SPREAD] = spread;
    numbers[GAIN] = gain;
    if ((this.#kernels.downdate(inverse, pairs, scales, direction, variances) | rough) !== 0) this.#conditioned[0]++;
  }
}

/** Where element i of the diagonal lies in a packed matrix. */
function diagonalAt(i: number, pairs: number): number {
  const pair = i >> 1;
  const odd = i & 1;
  // Pair k has rows of 2 (pairs - k) doubles.
  const start = 2 * pair * (2 * pairs - pair + 1);
  return odd === 0 ? start : start + 2 * (pairs - pair) + 1;
}

/** vector[base + i] += numbers[SCALE] · from[start + i], clamped, for each of `count`. */
function step(
  vector: Float64Array,
  base: number,
  from: Float64Array,
  start: number,
  count: number,
  numbers: Float64Array,
): void {
  const scale = numbers[SCALE];
  for (let i = 0; i < count; i++) {
    const value = vector[base + i] + scale * from[start + i];
    vector[base + i] = value > ESTIMATE_LIMIT ? ESTIMATE_LIMIT : value < -ESTIMATE_LIMIT ? -ESTIMATE_LIMIT : value;
  }
}

/** Makes a packed matrix diagonal. */
function setDiagonal(words: Float64Array, base: number, block: Block, value: number): void {
  words.fill(0, base, base + block.matrix);
  for (let i = 0; i < block.size; i++) words[base + diagonalAt(i, block.pairs)] = value;
}

/** Checks an inverse and the estimate after it. @returns where they end */
function checkBlock(state: Float64Array, base: number, block: Block): number {
  const { size, pairs, matrix, vector } = block;
  for (let i = 0; i < size; i++) {
    const at = base + diagonalAt(i, pairs);
    if (!(state[at] > 0 && state[at] <= VARIANCE_LIMIT)) refuseState(`variance ${at} is ${state[at]}`);
  }
  for (let i = 0, at = base; i < 2 * pairs; i++) {
    for (let j = i & ~1; j < 2 * pairs; j++, at++) {
      if (i === j && i < size) continue;
      // What only fills up is 0. Growing by a discount rounds, too.
      const right =
        j < i || j >= size
          ? state[at] === 0
          : state[at] * state[at] <=
            state[base + diagonalAt(i, pairs)] * state[base + diagonalAt(j, pairs)] * (1 + 1e-6);
      if (!right) refuseState(`covariance ${at} is ${state[at]}`);
    }
  }
  for (let i = 0; i < vector; i++) checkEstimate(state[base + matrix + i], base + matrix + i, i < size ? undefined : 0);
  return base + block.stride;
}

function checkEstimate(estimate: number, at: number, most = ESTIMATE_LIMIT): void {
  if (!(Math.abs(estimate) <= most)) refuseState(`estimate ${at} is ${estimate}`);
}
