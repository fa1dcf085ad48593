import { describe, expect, it } from 'vitest';
import { BoundedReward } from '../../../src/reward/bounded-reward.js';
import { REWARD_INPUT_COUNT, RewardInput, WeightedReward } from '../../../src/reward/reward.js';

const inputs = (progress: number) => {
  const array = new Float64Array(REWARD_INPUT_COUNT);
  array[RewardInput.progress] = progress;
  return array;
};

describe('a bounded reward', () => {
  it('is the reward within its bounds, and the bound beyond them', () => {
    const plain = new WeightedReward();
    const bounded = new BoundedReward(plain, -1, 3);
    for (const progress of [-0.4, 0, 0.7, 1.5]) {
      expect(bounded.evaluate(inputs(progress))).toBe(plain.evaluate(inputs(progress)));
    }
    expect(bounded.evaluate(inputs(1.6))).toBe(3);
    expect(bounded.evaluate(inputs(-50))).toBe(-1);
  });

  it('hands on how often its formula made no number', () => {
    const bounded = new BoundedReward(new WeightedReward(), 1, 2);
    expect(bounded.evaluate(inputs(Number.NaN))).toBe(1);
    expect(bounded.nonFinite).toBe(1);
  });

  it('needs bounds that leave room', () => {
    expect(() => new BoundedReward(new WeightedReward(), 2, 2)).toThrow('reward_min is 2');
  });
});
