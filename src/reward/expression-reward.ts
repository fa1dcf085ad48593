import { assert } from '../core/assert.js';
import { NON_FINITE_REWARD, REWARD_INPUT_COUNT, type Reward } from './reward.js';

/** Instructions of a compiled formula. Each takes its operands off the stack and leaves one number. */
export const RewardOp = {
  /** Pushes constant `argument`. */
  constant: 0,
  /** Pushes input `argument`. */
  input: 1,
  add: 2,
  subtract: 3,
  multiply: 4,
  divide: 5,
  pow: 6,
  negate: 7,
  abs: 8,
  sqrt: 9,
  exp: 10,
  log: 11,
  sin: 12,
  cos: 13,
  tanh: 14,
  min: 15,
  max: 16,
  /** value, low, high → value in [low, high]. */
  clamp: 17,
  smaller: 18,
  smallerEq: 19,
  larger: 20,
  largerEq: 21,
  equal: 22,
  unequal: 23,
  and: 24,
  or: 25,
  not: 26,
  /** condition, then, else → one of the two. Both were computed: nothing in a formula has side effects. */
  choose: 27,
  sign: 28,
} as const;

/**
 * A formula in postfix form: plain data, so that it can be posted to the control thread, which then needs no parser.
 * Made by `compileReward`.
 */
export interface RewardProgram {
  /** What the user wrote. */
  source: string;
  /** Pairs of instruction and argument. */
  code: Int32Array;
  constants: Float64Array;
  /** Deepest the stack gets [values]. */
  stackDepth: number;
}

/** Evaluates a compiled formula; with no allocation, in time proportional to its length. */
export class ExpressionReward implements Reward {
  readonly #code: Int32Array;
  readonly #constants: Float64Array;
  readonly #stack: Float64Array;
  readonly #result = new Float64Array(1);
  #nonFinite = 0;

  /** @param program copied; @throws AssertionError where `compileReward` did not make it @realtime unsafe */
  constructor(program: RewardProgram) {
    assert(program.code.length > 0 && program.code.length % 2 === 0, 'a reward program is pairs of words');
    this.#code = program.code.slice();
    this.#constants = program.constants.slice();
    this.#stack = new Float64Array(program.stackDepth);
  }

  get nonFinite(): number {
    return this.#nonFinite;
  }

  evaluate(inputs: Float64Array): number {
    this.evaluateInto(inputs, this.#result);
    return this.#result[0];
  }

  evaluateInto(inputs: Float64Array, out: Float64Array): void {
    assert(inputs.length === REWARD_INPUT_COUNT, 'a reward reads all its inputs');
    const code = this.#code;
    const stack = this.#stack;
    let top = -1;
    for (let at = 0; at < code.length; at += 2) {
      const argument = code[at + 1];
      switch (code[at]) {
        case RewardOp.constant:
          stack[++top] = this.#constants[argument];
          break;
        case RewardOp.input:
          stack[++top] = inputs[argument];
          break;
        case RewardOp.add:
          top--;
          stack[top] = stack[top] + stack[top + 1];
          break;
        case RewardOp.subtract:
          top--;
          stack[top] = stack[top] - stack[top + 1];
          break;
        case RewardOp.multiply:
          top--;
          stack[top] = stack[top] * stack[top + 1];
          break;
        case RewardOp.divide:
          top--;
          stack[top] = stack[top] / stack[top + 1];
          break;
        case RewardOp.pow:
          top--;
          stack[top] = stack[top] ** stack[top + 1];
          break;
        case RewardOp.negate:
          stack[top] = -stack[top];
          break;
        case RewardOp.abs:
          stack[top] = Math.abs(stack[top]);
          break;
        case RewardOp.sign:
          stack[top] = Math.sign(stack[top]);
          break;
        case RewardOp.sqrt:
          stack[top] = Math.sqrt(stack[top]);
          break;
        case RewardOp.exp:
          stack[top] = Math.exp(stack[top]);
          break;
        case RewardOp.log:
          stack[top] = Math.log(stack[top]);
          break;
        case RewardOp.sin:
          stack[top] = Math.sin(stack[top]);
          break;
        case RewardOp.cos:
          stack[top] = Math.cos(stack[top]);
          break;
        case RewardOp.tanh:
          stack[top] = Math.tanh(stack[top]);
          break;
        case RewardOp.min:
          top--;
          stack[top] = Math.min(stack[top], stack[top + 1]);
          break;
        case RewardOp.max:
          top--;
          stack[top] = Math.max(stack[top], stack[top + 1]);
          break;
        case RewardOp.clamp:
          top -= 2;
          stack[top] = Math.min(Math.max(stack[top], stack[top + 1]), stack[top + 2]);
          break;
        case RewardOp.smaller:
          top--;
          stack[top] = stack[top] < stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.smallerEq:
          top--;
          stack[top] = stack[top] <= stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.larger:
          top--;
          stack[top] = stack[top] > stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.largerEq:
          top--;
          stack[top] = stack[top] >= stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.equal:
          top--;
          stack[top] = stack[top] === stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.unequal:
          top--;
          stack[top] = stack[top] !== stack[top + 1] ? 1 : 0;
          break;
        case RewardOp.and:
          top--;
          stack[top] = stack[top] !== 0 && stack[top + 1] !== 0 ? 1 : 0;
          break;
        case RewardOp.or:
          top--;
          stack[top] = stack[top] !== 0 || stack[top + 1] !== 0 ? 1 : 0;
          break;
        case RewardOp.not:
          stack[top] = stack[top] === 0 ? 1 : 0;
          break;
        case RewardOp.choose:
          top -= 2;
          stack[top] = stack[top] !== 0 ? stack[top + 1] : stack[top + 2];
          break;
        default:
          assert(false, 'a reward program has only known instructions');
      }
    }
    const result = stack[0];
    if (result - result === 0) {
      out[0] = result;
      return;
    }
    this.#nonFinite++;
    out[0] = NON_FINITE_REWARD;
  }
}
