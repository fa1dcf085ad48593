import { describe, expect, it } from 'vitest';
import { CONTESTANTS, DEFAULT_CONTESTANT, makeContestant } from '../../../src/bakeoff/contestants.js';
import { POLICY_NAMES } from '../../../src/policy/create-policy.js';

describe('who takes part', () => {
  it('is every policy there is, once', () => {
    expect(CONTESTANTS.map(({ name }) => name).toSorted()).toEqual([...POLICY_NAMES].toSorted());
  });

  it('has the default first', () => {
    expect(CONTESTANTS[0].name).toBe(DEFAULT_CONTESTANT);
  });

  it.each(CONTESTANTS.map((one) => [one.name, one] as const))(
    '%s can be made, and is what its name says',
    (name, one) => {
      const policy = makeContestant(one, 5, 7, 42);
      expect(policy).toMatchObject({ name, nActions: 5, contextDim: 7 });
      const action = policy.select(new Float64Array(7).fill(0.5), null);
      policy.update(new Float64Array(7).fill(0.5), action, 1, policy.lastProbability);
      expect(policy.stats()).toMatchObject({ decisions: 1, updates: 1 });
    },
  );

  it('draws from the seed it is given', () => {
    const random = CONTESTANTS.find(({ name }) => name === 'random');
    if (random === undefined) throw new Error('random does not take part');
    const drawn = (seed: number) => {
      const policy = makeContestant(random, 100, 1, seed);
      return Array.from({ length: 10 }, () => policy.select(new Float64Array(1), null));
    };
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });
});
