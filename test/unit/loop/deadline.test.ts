import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../src/core/assert.js';
import { Deadline, Miss } from '../../../src/loop/deadline.js';

describe('the deadline', () => {
  const deadline = new Deadline(20e6, 0.5);

  it('counts from the scheduled start: lateness and computing share it', () => {
    expect(deadline.limitNs).toBe(10e6);
    expect(deadline.judge(4e6, 6e6)).toBe(Miss.none);
    expect(deadline.judge(4e6, 6e6 + 1)).toBe(Miss.wokenLate);
  });

  it('blames the computing only when that alone took too long', () => {
    expect(deadline.judge(0, 10e6 + 1)).toBe(Miss.computedLong);
    expect(deadline.judge(50e6, 10e6 + 1)).toBe(Miss.computedLong);
    expect(deadline.judge(50e6, 10e6)).toBe(Miss.wokenLate);
  });

  it('takes a time that is no number for a miss', () => {
    expect(deadline.judge(Number.NaN, 0)).toBe(Miss.wokenLate);
    expect(deadline.judge(0, Number.NaN)).toBe(Miss.wokenLate);
  });

  it('cannot lie before the start', () => {
    expect(() => new Deadline(20e6, 0)).toThrow(AssertionError);
    expect(() => new Deadline(0, 0.5)).toThrow(AssertionError);
    expect(() => new Deadline(20e6, Number.NaN)).toThrow(AssertionError);
  });
});
