import { type MathNode, parse } from 'mathjs/number';
import { RewardOp, type RewardProgram } from './expression-reward.js';
import { RewardInput, rewardInputs } from './reward.js';

/** Longest formula [characters]. */
export const REWARD_SOURCE_LIMIT = 4096;
/** Deepest nesting of parentheses. The parser recurses about twenty calls deep for each. */
export const REWARD_NESTING_LIMIT = 100;

export type RewardExpressionCode = 'syntax' | 'variable' | 'function' | 'operator' | 'number' | 'size';

/** A formula is not one that a reward may be. */
export class RewardExpressionError extends Error {
  override readonly name = 'RewardExpressionError';
  readonly code: RewardExpressionCode;
  constructor(code: RewardExpressionCode, message: string) {
    super(`reward.expression: ${message}`);
    this.code = code;
  }
}

const OPERATORS: { readonly [symbol: string]: number } = {
  '+': RewardOp.add,
  '-': RewardOp.subtract,
  '*': RewardOp.multiply,
  '/': RewardOp.divide,
  '^': RewardOp.pow,
  '<': RewardOp.smaller,
  '<=': RewardOp.smallerEq,
  '>': RewardOp.larger,
  '>=': RewardOp.largerEq,
  '==': RewardOp.equal,
  '!=': RewardOp.unequal,
  and: RewardOp.and,
  or: RewardOp.or,
};

interface FunctionRule {
  op: number;
  /** Arguments; `min` and `max` take two or more. */
  arity: number;
  variadic: boolean;
}

const rule = (op: number, arity: number, variadic = false): FunctionRule => ({ op, arity, variadic });

const FUNCTIONS: { readonly [name: string]: FunctionRule } = {
  abs: rule(RewardOp.abs, 1),
  sign: rule(RewardOp.sign, 1),
  sqrt: rule(RewardOp.sqrt, 1),
  exp: rule(RewardOp.exp, 1),
  log: rule(RewardOp.log, 1),
  sin: rule(RewardOp.sin, 1),
  cos: rule(RewardOp.cos, 1),
  tanh: rule(RewardOp.tanh, 1),
  pow: rule(RewardOp.pow, 2),
  min: rule(RewardOp.min, 2, true),
  max: rule(RewardOp.max, 2, true),
  clamp: rule(RewardOp.clamp, 3),
};

const VARIABLES = rewardInputs.map((input) => input.name).join(', ');
const OPERATOR_LIST = `${Object.keys(OPERATORS).join(' ')} not ?:`;
const FUNCTION_LIST = Object.keys(FUNCTIONS).join(', ');

/**
 * Compiles a formula such as `2.0*progress - 0.7*contact_force`. mathjs parses it; nothing of it is ever run by mathjs
 * or as JavaScript. Comparisons give 1 or 0 and are exact, where mathjs itself allows a tolerance.
 *
 * @param source variables of `RewardInput`, finite numbers, pi, `+ - * / ^`, comparisons, `and or not`, `a ? b : c`, and
 *   abs sign sqrt exp log sin cos tanh pow min max clamp(value, low, high)
 * @returns plain data for `ExpressionReward`
 * @throws RewardExpressionError naming what is refused and what is allowed
 * @realtime unsafe
 */
export function compileReward(source: string): RewardProgram {
  if (source.trim() === '') throw new RewardExpressionError('syntax', 'the formula is empty');
  if (source.length > REWARD_SOURCE_LIMIT) {
    throw new RewardExpressionError(
      'size',
      `the formula has ${source.length} characters, at most ${REWARD_SOURCE_LIMIT} are allowed`,
    );
  }
  if (nestingOf(source) > REWARD_NESTING_LIMIT) {
    throw new RewardExpressionError('size', `the formula nests parentheses more than ${REWARD_NESTING_LIMIT} deep`);
  }
  let root: MathNode;
  try {
    root = parse(source);
  } catch (error) {
    // A RangeError is the parser's stack overflowing, for instance on thousands of signs in a row.
    if (error instanceof RangeError) throw new RewardExpressionError('size', 'the formula is nested too deeply');
    throw new RewardExpressionError('syntax', (error as Error).message);
  }
  const emitter = new Emitter();
  try {
    emitter.node(root);
  } catch (error) {
    if (error instanceof RangeError) throw new RewardExpressionError('size', 'the formula is nested too deeply');
    throw error;
  }
  return emitter.program(source);
}

function nestingOf(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of source) {
    if (character === '(' && ++depth > deepest) deepest = depth;
    if (character === ')') depth--;
  }
  return deepest;
}

/** The fields of mathjs's nodes that the compiler reads; which are there depends on `type`. */
interface ParsedNode {
  type: string;
  value: unknown;
  name: string;
  op: string;
  implicit: boolean;
  args: ParsedNode[];
  fn: ParsedNode;
  content: ParsedNode;
  condition: ParsedNode;
  trueExpr: ParsedNode;
  falseExpr: ParsedNode;
}

/** Writes a tree as postfix instructions. */
class Emitter {
  readonly #code: number[] = [];
  readonly #constants: number[] = [];
  #depth = 0;
  #deepest = 0;

  program(source: string): RewardProgram {
    return {
      source,
      code: Int32Array.from(this.#code),
      constants: Float64Array.from(this.#constants),
      stackDepth: this.#deepest,
    };
  }

  node(parsed: MathNode): void {
    this.#node(parsed as unknown as ParsedNode);
  }

  #node(node: ParsedNode): void {
    switch (node.type) {
      case 'ParenthesisNode':
        this.#node(node.content);
        return;
      case 'ConstantNode':
        this.#constant(node.value);
        return;
      case 'SymbolNode':
        this.#symbol(node.name);
        return;
      case 'OperatorNode':
        this.#operator(node);
        return;
      case 'FunctionNode':
        this.#function(node);
        return;
      case 'ConditionalNode':
        this.#node(node.condition);
        this.#node(node.trueExpr);
        this.#node(node.falseExpr);
        this.#emit(RewardOp.choose, 0, -2);
        return;
      case 'RelationalNode':
        throw new RewardExpressionError('operator', 'chained comparisons are not allowed; join two with and');
      default: {
        const what = node.type.replace(/Node$/, '').toLowerCase();
        throw new RewardExpressionError(
          'operator',
          `${what} is not allowed; a formula is one expression of ${OPERATOR_LIST}`,
        );
      }
    }
  }

  #constant(value: unknown): void {
    if (typeof value !== 'number') {
      throw new RewardExpressionError('number', `${JSON.stringify(value)} is not allowed; constants are numbers`);
    }
    if (!Number.isFinite(value))
      throw new RewardExpressionError('number', `${value} is not allowed; numbers are finite`);
    this.#constants.push(value);
    this.#emit(RewardOp.constant, this.#constants.length - 1, 1);
  }

  #symbol(name: string): void {
    if (name === 'pi') {
      this.#constant(Math.PI);
      return;
    }
    if (!Object.hasOwn(RewardInput, name)) {
      throw new RewardExpressionError('variable', `${name} is not a variable; allowed: ${VARIABLES}, pi`);
    }
    this.#emit(RewardOp.input, RewardInput[name as keyof typeof RewardInput], 1);
  }

  #operator(node: ParsedNode): void {
    if (node.args.length === 1) {
      this.#node(node.args[0]);
      if (node.op === '-') this.#emit(RewardOp.negate, 0, 0);
      else if (node.op === 'not') this.#emit(RewardOp.not, 0, 0);
      else if (node.op !== '+') this.#refuseOperator(node.op);
      return;
    }
    if (node.implicit) {
      throw new RewardExpressionError('operator', 'two terms stand side by side; write * between them');
    }
    if (!Object.hasOwn(OPERATORS, node.op) || node.args.length !== 2) this.#refuseOperator(node.op);
    this.#node(node.args[0]);
    this.#node(node.args[1]);
    this.#emit(OPERATORS[node.op], 0, -1);
  }

  #refuseOperator(op: string): never {
    throw new RewardExpressionError('operator', `operator ${op} is not allowed; allowed: ${OPERATOR_LIST}`);
  }

  #function(node: ParsedNode): void {
    const name = node.fn.name;
    if (typeof name !== 'string' || !Object.hasOwn(FUNCTIONS, name)) {
      throw new RewardExpressionError(
        'function',
        `${name ?? 'this call'} is not a function; allowed: ${FUNCTION_LIST}`,
      );
    }
    const { op, arity, variadic } = FUNCTIONS[name];
    const count = node.args.length;
    if (variadic ? count < arity : count !== arity) {
      throw new RewardExpressionError(
        'function',
        `${name} takes ${arity}${variadic ? ' or more' : ''} arguments, here are ${count}`,
      );
    }
    this.#node(node.args[0]);
    if (variadic) {
      for (let i = 1; i < count; i++) {
        this.#node(node.args[i]);
        this.#emit(op, 0, -1);
      }
      return;
    }
    for (let i = 1; i < count; i++) this.#node(node.args[i]);
    this.#emit(op, 0, 1 - arity);
  }

  #emit(op: number, argument: number, growth: number): void {
    this.#code.push(op, argument);
    this.#depth += growth;
    if (this.#depth > this.#deepest) this.#deepest = this.#depth;
  }
}
