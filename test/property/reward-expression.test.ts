import fc from 'fast-check';
import { evaluate } from 'mathjs/number';
import { describe, expect, it } from 'vitest';
import { ExpressionReward } from '../../src/reward/expression-reward.js';
import { REWARD_INPUT_COUNT, RewardInput, rewardInputs } from '../../src/reward/reward.js';
import { compileReward, RewardExpressionError } from '../../src/reward/reward-compiler.js';

const names = rewardInputs.map((input) => input.name);
/** clamp is ours, and mathjs's min and max take numbers that are nearly equal for equal; the rest is mathjs's own. */
const ours = {
  clamp: (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high),
  min: Math.min,
  max: Math.max,
};

// Comparisons are exact here and tolerant in mathjs: only of numbers that are far apart can both be asked.
const { formula } = fc.letrec<{ formula: string; condition: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(...names, 'pi'),
    fc.double({ min: 0, max: 100, noNaN: true }).map((x) => x.toFixed(3)),
  ),
  condition: fc.oneof(
    fc
      .tuple(fc.constantFrom(...names), fc.constantFrom('<', '<=', '>', '>=', '==', '!='))
      .map(([a, op]) => `(${a} ${op} 0.123456)`),
    fc.tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('condition').map((a) => `(not ${a})`),
  ),
  formula: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc
      .tuple(tie('formula'), fc.constantFrom('+', '-', '*', '/', '^'), tie('formula'))
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    tie('formula').map((a) => `(${a})`),
    tie('formula').map((a) => `-${a}`),
    tie('formula').map((a) => `+${a}`),
    fc
      .tuple(fc.constantFrom('abs', 'sign', 'sqrt', 'exp', 'log', 'sin', 'cos', 'tanh'), tie('formula'))
      .map(([f, a]) => `${f}(${a})`),
    fc
      .tuple(fc.constantFrom('min', 'max'), tie('formula'), tie('formula'), tie('leaf'))
      .map(([f, a, b, c]) => `${f}(${a}, ${b}, ${c})`),
    fc.tuple(tie('formula'), tie('formula')).map(([a, b]) => `pow(${a}, ${b})`),
    tie('formula').map((a) => `clamp(${a}, -1, 2.5)`),
    fc.tuple(tie('condition'), tie('formula'), tie('formula')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
  ),
}));

const inputs = fc.array(
  fc.double({ min: -20, max: 20, noNaN: true }).map((x) => Math.round(x * 100) / 100),
  { minLength: REWARD_INPUT_COUNT, maxLength: REWARD_INPUT_COUNT },
);

describe('a compiled formula', () => {
  it('is worth what mathjs says, and 0 where that is no number', () => {
    let finite = 0;
    fc.assert(
      fc.property(formula, inputs, (source, numbers) => {
        const scope: Record<string, unknown> = { ...ours };
        for (const name of names) scope[name] = numbers[RewardInput[name]];
        const expected = Number(evaluate(source, scope));
        const reward = new ExpressionReward(compileReward(source));
        const actual = reward.evaluate(Float64Array.from(numbers));
        if (Number.isFinite(expected)) {
          finite++;
          expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
          expect(reward.nonFinite).toBe(0);
        } else {
          expect(actual).toBe(0);
          expect(reward.nonFinite).toBe(1);
        }
      }),
      { numRuns: 2000 },
    );
    // Otherwise the oracle agreed about nothing.
    expect(finite).toBeGreaterThan(500);
  });

  it('never comes of text that is not a formula, whatever the text', () => {
    const scraps = fc.constantFrom(
      ...names,
      'x',
      'import',
      'constructor',
      '__proto__',
      '1',
      '(',
      ')',
      '+',
      '^',
      ',',
      ';',
      '=',
      '[',
      '"a"',
      '.',
      '?',
      ':',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(scraps, { maxLength: 12 }).map((parts) => parts.join(' ')),
        ),
        (source) => {
          let program: ReturnType<typeof compileReward>;
          try {
            program = compileReward(source);
          } catch (error) {
            expect(error).toBeInstanceOf(RewardExpressionError);
            return;
          }
          const value = new ExpressionReward(program).evaluate(new Float64Array(REWARD_INPUT_COUNT));
          expect(Number.isFinite(value)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
