import { describe, expect, it } from 'vitest';
import { CbAdf, type CbType, HashedDecision, type VwExploration } from '../../../src/vw/cb-adf.js';
import { REGRESSOR_DEFAULTS } from '../../../src/vw/sparse-regressor.js';
import { VwTextError } from '../../../src/vw/text-error.js';

function learner(exploration: VwExploration, cbType: CbType = 'mtr'): CbAdf {
  return new CbAdf({ ...REGRESSOR_DEFAULTS, bits: 8, cbType, exploration });
}

/** A decision whose actions have one feature each, of their own. */
function decision(count: number, chosen = -1, cost = 0, probability = 1): HashedDecision {
  const hashed = new HashedDecision();
  hashed.reset(count);
  for (let action = 0; action < count; action++) hashed.actions[action].push(action, 1);
  if (chosen >= 0) hashed.observe(chosen, { action: chosen, outcome: { cost, probability } });
  return hashed;
}

/** Teaches that action `best` of `count` costs −1 and the others 0. */
function taught(bandit: CbAdf, best: number, count: number, rounds = 200): CbAdf {
  for (let i = 0; i < rounds; i++) {
    const chosen = i % count;
    bandit.process(decision(count, chosen, chosen === best ? -1 : 0, 1 / count), true);
  }
  return bandit;
}

const distribution = (bandit: CbAdf, count: number) => {
  bandit.process(decision(count), false);
  return Array.from({ length: count }, (_, action) => bandit.probability(action));
};
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const epsilon = { kind: 'epsilon', epsilon: 0.1 } as const;
const squarecb = { kind: 'squarecb', gammaScale: 10, gammaExponent: 0.5, epsilon: 0 } as const;

describe('exploration', () => {
  it('ε-greedy shares what is left among ties', () => {
    expect(distribution(learner(epsilon), 4)).toEqual([0.25, 0.25, 0.25, 0.25]);
    const known = distribution(taught(learner(epsilon), 2, 4), 4);
    expect(known[2]).toBeCloseTo(0.925, 12);
    expect(known[0]).toBeCloseTo(0.025, 12);
  });

  it('first chooses evenly for its decisions, counting only those that were learned', () => {
    const bandit = learner({ kind: 'first', first: 4, epsilon: 0 });
    for (let i = 0; i < 9; i++) expect(distribution(bandit, 2)).toEqual([0.5, 0.5]);
    expect(distribution(taught(bandit, 1, 2, 3), 2)).toEqual([0.5, 0.5]);
    bandit.process(decision(2, 1, -1, 0.5), true);
    expect(distribution(bandit, 2)).toEqual([0, 1]);
  });

  it('softmax weighs costs, and is even at λ = 0', () => {
    expect(distribution(taught(learner({ kind: 'softmax', lambda: 0, epsilon: 0 }), 1, 4), 4)).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
    const bandit = taught(learner({ kind: 'softmax', lambda: 3, epsilon: 0 }), 1, 4);
    const known = distribution(bandit, 4);
    expect(known[1] / known[0]).toBeCloseTo(Math.exp(3 * (bandit.score(0) - bandit.score(1))), 9);
    expect(sum(known)).toBeCloseTo(1, 12);
  });

  it('SquareCB weighs gaps inversely, and sharpens as it learns', () => {
    const bandit = taught(learner(squarecb), 1, 3, 30);
    const known = distribution(bandit, 3);
    const gamma = 10 * Math.sqrt(30);
    expect(known[0]).toBeCloseTo(1 / (3 + gamma * (bandit.score(0) - bandit.score(1))), 12);
    expect(sum(known)).toBeCloseTo(1, 12);
    expect(distribution(taught(bandit, 1, 3, 300), 3)[1]).toBeGreaterThan(known[1]);
  });

  it('SquareCB learns the last action as it learns the others, whatever the probability', () => {
    const learned = [0, 1, 2].map((chosen) => {
      const bandit = learner(squarecb);
      for (let i = 0; i < 5; i++) bandit.process(decision(3, chosen, -1, 0.05), true);
      bandit.process(decision(3), false);
      return bandit.score(chosen);
    });
    expect(learned[0]).toBeLessThan(-0.1);
    expect(learned).toEqual([learned[0], learned[0], learned[0]]);
  });

  it.each([0.001, 0.2, 0.9995, 1])('gives each action its least probability at ε = %d', (least) => {
    const bandit = taught(learner({ kind: 'first', first: 0, epsilon: least }), 1, 4);
    const known = distribution(bandit, 4);
    for (const probability of known) expect(probability).toBeGreaterThanOrEqual(Math.min(least, 0.999) / 4);
    expect(sum(known)).toBeCloseTo(1, 12);
    if (least < 0.9) expect(known[1]).toBeCloseTo(1 - (3 * least) / 4, 12);
  });
});

describe('learning', () => {
  it.each<CbType>(['mtr', 'ips', 'dm', 'dr'])('finds the cheapest action by %s', (type) => {
    const bandit = taught(learner(epsilon, type), 2, 4);
    bandit.process(decision(4), false);
    expect(bandit.ranking[0]).toBe(2);
  });

  it('does not happen without a known outcome, or where it is not asked for', () => {
    const bandit = learner(epsilon);
    bandit.process(decision(2), true);
    bandit.process(decision(2, 1, -1, 0.5), false);
    expect(distribution(bandit, 2)).toEqual([0.5, 0.5]);
  });

  it('takes decisions of different sizes in turn', () => {
    const bandit = taught(learner(epsilon), 1, 2, 20);
    expect(sum(distribution(bandit, 7))).toBeCloseTo(1, 12);
    expect(sum(distribution(bandit, 1))).toBeCloseTo(1, 12);
  });
});

describe('the progressive loss', () => {
  it('is the cost over its probability, times ours, made before the outcome was learned', () => {
    const bandit = learner(epsilon);
    const first = decision(4, 3, -2, 0.5);
    bandit.process(first, true);
    expect(bandit.loss(first)).toBeCloseTo((-2 / 0.5) * 0.25, 12);
  });

  it('without exploration is that of the cheapest action alone, with dr corrected by its estimate', () => {
    const plain = learner({ kind: 'none' });
    const [logged, other] = [decision(2, 0, 3, 0.5), decision(2, 1, 3, 0.5)];
    plain.process(logged, true);
    expect(plain.loss(logged)).toBe(6);
    plain.process(other, false);
    expect(plain.ranking[0]).toBe(1);
    const robust = taught(learner({ kind: 'none' }, 'dr'), 0, 2);
    const next = decision(2, 1, 0.5, 0.5);
    robust.process(next, true);
    expect(robust.loss(next)).toBeLessThan(-0.5);
  });

  it('is 0 where the outcome is unknown', () => {
    const bandit = learner(epsilon);
    const unknown = decision(2);
    bandit.process(unknown, true);
    expect(bandit.loss(unknown)).toBe(0);
  });

  it('needs a cost with its probability', () => {
    const hashed = decision(2);
    expect(() => hashed.observe(0, { action: 0 })).toThrow(VwTextError);
  });
});
