import { describe, expect, it } from 'vitest';
import { ExpressionReward } from '../../../src/reward/expression-reward.js';
import {
  DEFAULT_REWARD_WEIGHTS,
  REWARD_INPUT_COUNT,
  RewardInput,
  rewardInputs,
  WeightedReward,
} from '../../../src/reward/reward.js';
import { compileReward, RewardExpressionError } from '../../../src/reward/reward-compiler.js';

type Inputs = Partial<Record<keyof typeof RewardInput, number>>;

function inputsOf(given: Inputs): Float64Array {
  const inputs = new Float64Array(REWARD_INPUT_COUNT);
  inputs[RewardInput.clearance] = 30;
  for (const [name, value] of Object.entries(given)) inputs[RewardInput[name as keyof typeof RewardInput]] = value;
  return inputs;
}

describe('the inputs of a reward', () => {
  it('are described in the order in which they lie', () => {
    expect(rewardInputs).toHaveLength(REWARD_INPUT_COUNT);
    expect(rewardInputs.map((input) => RewardInput[input.name])).toEqual(rewardInputs.map((_, index) => index));
  });
});

describe('the weighted reward', () => {
  const idle = -DEFAULT_REWARD_WEIGHTS.time;

  it.each<[string, Inputs, number]>([
    ['costs time while nothing happens', {}, idle],
    ['pays progress', { progress: 1.5 }, idle + 2 * 1.5],
    ['charges going away from the goal', { progress: -1 }, idle - 2],
    ['pays turning to the goal', { turn_progress: 0.5 }, idle + 0.1],
    ['pays arrival', { arrived: 1 }, idle + 5],
    ['charges nearness in proportion', { clearance: 0.25 }, idle - 0.3 * 0.75],
    ['charges nothing from the scale on', { clearance: 1 }, idle],
    ['charges contact', { contact_force: 3 }, idle - 0.7 * 3],
    ['charges no more than the limit for a blow', { contact_force: 5000 }, idle - 0.7 * 10],
    ['charges changes of direction', { smoothness: 4 }, idle - 0.4],
  ])('%s', (_, given, expected) => {
    expect(new WeightedReward({ clearance: 0.3 }).evaluate(inputsOf(given))).toBeCloseTo(expected, 12);
  });

  it('is written into an array with the same bits', () => {
    const inputs = inputsOf({ progress: 0.3, clearance: 0.4, smoothness: 2 });
    const out = new Float64Array(2).fill(7);
    for (const reward of [new WeightedReward(), new ExpressionReward(compileReward('progress - 0.1 * smoothness'))]) {
      reward.evaluateInto(inputs, out);
      expect([...out]).toEqual([reward.evaluate(inputs), 7]);
      reward.evaluateInto(inputsOf({ progress: Number.NaN }), out);
      expect([...out]).toEqual([0, 7]);
    }
  });

  it('takes other weights, and refuses what is none', () => {
    const reward = new WeightedReward({ progress: 1, time: 0, clearance_scale: 2, clearance: 1 });
    expect(reward.evaluate(inputsOf({ progress: 3, clearance: 1 }))).toBeCloseTo(2.5, 12);
    expect(() => new WeightedReward({ progress: Number.NaN })).toThrow('reward.progress');
    expect(() => new WeightedReward({ clearance_scale: 0 })).toThrow('reward.clearance_scale');
    expect(() => new WeightedReward({ progres: 1 } as object)).toThrow('reward.progres');
  });

  it('is 0 where an input is no number, and counts that', () => {
    const reward = new WeightedReward();
    expect(reward.evaluate(inputsOf({ progress: Number.NaN }))).toBe(0);
    expect(reward.evaluate(inputsOf({ progress: Infinity }))).toBe(0);
    expect(reward.nonFinite).toBe(2);
    expect(reward.evaluate(inputsOf({}))).toBeCloseTo(idle, 12);
    expect(reward.nonFinite).toBe(2);
  });
});

describe('a reward formula', () => {
  const worth = (source: string, given: Inputs = {}): number =>
    new ExpressionReward(compileReward(source)).evaluate(inputsOf(given));

  it('weighs the variables it names', () => {
    const source = '2.0*progress - 0.7*contact_force - 0.1*turn';
    expect(worth(source, { progress: 1, contact_force: 2, turn: 3 })).toBeCloseTo(2 - 1.4 - 0.3, 12);
  });

  it.each<[string, number]>([
    ['-2^2', -4],
    ['2^3^2', 512],
    ['1 - 2 - 3', -4],
    ['8 / 4 / 2', 1],
    ['pow(2, 10)', 1024],
    ['clamp(5, 0, 1) + clamp(-5, -2, 1)', -1],
    ['min(3, 1, 2) + max(3, 1, 2)', 4],
    ['arrived == 1 ? 10 : -1', -1],
    ['(clearance > 1 and not (speed > 0)) ? 3 : 4', 3],
    ['cos(pi)', -1],
    ['(1 < 2) + (2 <= 2) + (3 > 4) + (4 >= 4) + (1 != 1)', 3],
    ['(0 or 0) + (0 or 2) + (1 and 0)', 1],
    ['speed > 0 ? 1 / speed : 7', 7],
    ['sign(-3) * abs(-3)', -3],
  ])('%s is %d', (source, expected) => {
    expect(worth(source)).toBeCloseTo(expected, 12);
  });

  it.each<[string, string, string]>([
    ['2*velocity', 'variable', 'velocity'],
    ['e * progress', 'variable', 'progress, turn_progress'],
    ['constructor', 'variable', 'constructor'],
    ['i', 'variable', 'allowed'],
    ['random()', 'function', 'random'],
    ['import("fs")', 'function', 'import'],
    ['progress(turn)', 'function', 'progress'],
    ['evaluate("1")', 'function', 'abs, sign'],
    ['toString(1)', 'function', 'toString'],
    ['abs(1, 2)', 'function', 'abs takes 1'],
    ['max(1)', 'function', 'max takes 2 or more'],
    ['log(8, 2)', 'function', 'log takes 1'],
    ['clamp(1, 2)', 'function', 'clamp takes 3'],
    ['progress % 2', 'operator', 'operator %'],
    ['progress!', 'operator', 'operator !'],
    ['2 progress', 'operator', '*'],
    ['1 < progress < 2', 'operator', 'and'],
    ['progress = 2', 'operator', 'assignment'],
    ['f(x) = 2', 'operator', 'functionassignment'],
    ['[1, 2]', 'operator', 'array'],
    ['progress.constructor', 'operator', 'accessor'],
    ['progress; turn', 'operator', 'block'],
    ['progress to turn', 'operator', 'operator to'],
    ['"text"', 'number', 'text'],
    ['true', 'number', 'true'],
    ['1e999', 'number', 'Infinity'],
    ['2 *', 'syntax', 'Unexpected end'],
    ['(1', 'syntax', 'Parenthesis'],
    ['', 'syntax', 'empty'],
    [' \n', 'syntax', 'empty'],
    [`1${'+1'.repeat(3000)}`, 'size', '4096'],
  ])('refuses %s: %s', (source, code, mentions) => {
    let caught: unknown;
    try {
      compileReward(source);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(RewardExpressionError);
    expect((caught as RewardExpressionError).code).toBe(code);
    expect((caught as RewardExpressionError).message).toContain(mentions);
    expect((caught as RewardExpressionError).message).toContain('reward.expression');
  });

  it('may be nested a hundred deep and no deeper', () => {
    const nested = (depth: number): string => `${'1+('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(worth(nested(100))).toBe(101);
    expect(() => compileReward(nested(101))).toThrow('100 deep');
    expect(worth(`1${'+1'.repeat(2000)}`)).toBe(2001);
    for (const source of [`${'-'.repeat(4000)}1`, `2${'^1'.repeat(2000)}`]) {
      try {
        expect(Number.isFinite(worth(source))).toBe(true);
      } catch (error) {
        expect((error as RewardExpressionError).code).toBe('size');
      }
    }
  });

  it('is plain data that survives being posted to another thread', () => {
    const program = structuredClone(compileReward('max(progress, 0) * 2'));
    expect(new ExpressionReward(program).evaluate(inputsOf({ progress: 4 }))).toBe(8);
    expect(program.source).toBe('max(progress, 0) * 2');
  });

  it('is 0 where it is no number, and counts that', () => {
    const reward = new ExpressionReward(compileReward('log(progress)'));
    expect(reward.evaluate(inputsOf({ progress: 0 }))).toBe(0);
    expect(reward.evaluate(inputsOf({ progress: -1 }))).toBe(0);
    expect(reward.nonFinite).toBe(2);
    expect(reward.evaluate(inputsOf({ progress: 1 }))).toBe(0);
    expect(reward.nonFinite).toBe(2);
  });
});
