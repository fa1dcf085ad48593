import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { ContextualBandit } from '../../src/policy/contextual-bandit.js';
import { type ContextualBanditConfig, resolveBanditConfig } from '../../src/policy/contextual-bandit-config.js';
import { SlowBandit, slowDistribution } from './policy-oracle.js';

const moderate = fc.oneof(
  fc.double({ min: -100, max: 100, noNaN: true }).map((x) => (Math.abs(x) < 1e-6 ? 0 : x)),
  fc.constantFrom(0, 1, -1),
);

const settings: fc.Arbitrary<Partial<ContextualBanditConfig>> = fc.record({
  learning_rate: fc.double({ min: 0.001, max: 2, noNaN: true }),
  power_t: fc.oneof(fc.constant(0.5), fc.double({ min: 0, max: 1, noNaN: true })),
  initial_t: fc.constantFrom(0.5, 1, 10),
  l1_regularization: fc.constantFrom(0, 0.01),
  l2_regularization: fc.constantFrom(0, 1e-5, 0.1),
  adaptive: fc.boolean(),
  normalized: fc.boolean(),
  cb_type: fc.constantFrom('dm' as const, 'mtr' as const),
});

const row = fc.tuple(
  fc.array(moderate, { minLength: 3, maxLength: 3 }),
  fc.nat(1),
  fc.double({ min: -10, max: 10, noNaN: true }),
  fc.double({ min: 0.01, max: 1, noNaN: true }),
);

describe('the bandit against a slow one', () => {
  it('learns the same weights, whatever parts of the rule are on', () => {
    fc.assert(
      fc.property(settings, fc.array(row, { minLength: 1, maxLength: 30 }), (config, rows) => {
        const all = resolveBanditConfig({ ...config, n_actions: 2, context_dim: 3, bits: 20 });
        const bandit = new ContextualBandit(all);
        const slow = new SlowBandit(all);
        const values = new Float64Array(2);
        for (const [numbers, action, reward, probability] of rows) {
          const context = Float64Array.from(numbers);
          // Where nothing is left to learn, rounding decides whether there is an update at all.
          if (Math.abs(reward - slow.value(context, action)) < 1e-9) continue;
          bandit.update(context, action, reward, probability);
          slow.update(context, action, reward, probability);
          bandit.values(context, values);
          for (let a = 0; a < 2; a++) {
            const expected = slow.value(context, a);
            expect(Math.abs(values[a] - expected)).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lets features collide as the whole table would', () => {
    const prng = Prng.seeded(5);
    let updates = 0;
    for (const bits of [5, 6, 7]) {
      const config = resolveBanditConfig({ n_actions: 12, context_dim: 3, bits });
      const bandit = new ContextualBandit(config);
      const slow = new SlowBandit(config);
      expect(bandit.stats().slots).toBeLessThan(12 * 4);
      const values = new Float64Array(12);
      for (let i = 0; i < 100; i++) {
        const context = Float64Array.from({ length: 3 }, () => prng.nextNormal());
        const action = i % 12;
        const reward = prng.nextNormal();
        // Features of one action that share a slot are where the two differ in the rate; see the bandit.
        if (new Set(slow.slotNumbers(action)).size === 4) {
          bandit.update(context, action, reward, 1);
          slow.update(context, action, reward, 1);
          updates++;
        }
        bandit.values(context, values);
        for (let a = 0; a < 12; a++) expect(values[a]).toBeCloseTo(slow.value(context, a), 9);
      }
    }
    expect(updates).toBeGreaterThan(150);
  });

  it('draws from the distribution of its strategy', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('epsilon' as const, 'softmax' as const, 'boltzmann' as const),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }).filter((mask) => mask.includes(true)),
        fc.nat(50),
        (exploration_strategy, epsilon, boltzmann_tau, mask, updates) => {
          const config = resolveBanditConfig({
            exploration_strategy,
            epsilon,
            boltzmann_tau,
            n_actions: 4,
            context_dim: 2,
          });
          const bandit = new ContextualBandit(config);
          const prng = Prng.seeded(updates);
          for (let i = 0; i < updates; i++) {
            bandit.update(
              Float64Array.of(prng.nextNormal(), prng.nextNormal()),
              prng.nextBelow(4),
              prng.nextNormal() * 3,
              1,
            );
          }
          const context = Float64Array.of(0.5, -0.25);
          const values = new Float64Array(4);
          const shares = new Float64Array(4);
          bandit.values(context, values);
          bandit.probabilities(context, Uint8Array.from(mask.map(Number)), shares);
          const expected = slowDistribution(config, [...values], mask, epsilon);
          for (let a = 0; a < 4; a++) expect(shares[a]).toBeCloseTo(expected[a], 12);
        },
      ),
    );
  });
});

describe('the bandit, whatever it is fed', () => {
  it('moves its prediction toward the reward and not past it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.1, 10, 1000),
        fc.boolean(),
        fc.array(row, { minLength: 1, maxLength: 20 }),
        (learning_rate, adaptive, rows) => {
          const bandit = new ContextualBandit({
            learning_rate,
            adaptive,
            cb_type: 'mtr',
            l2_regularization: 0,
            normalized: false,
            n_actions: 2,
            context_dim: 3,
          });
          const values = new Float64Array(2);
          for (const [numbers, action, reward, probability] of rows) {
            const context = Float64Array.from(numbers);
            bandit.values(context, values);
            const before = values[action];
            bandit.update(context, action, reward, probability);
            bandit.values(context, values);
            const slack = 1e-9 * (1 + Math.abs(reward) + Math.abs(before));
            expect(values[action]).toBeGreaterThanOrEqual(Math.min(before, reward) - slack);
            expect(values[action]).toBeLessThanOrEqual(Math.max(before, reward) + slack);
          }
        },
      ),
    );
  });

  it('changes only the values of the action it learns about', () => {
    const bandit = new ContextualBandit({ n_actions: 4, context_dim: 3 });
    expect(bandit.stats().slots).toBe(16);
    const context = Float64Array.of(1, 2, 3);
    bandit.update(context, 2, 5, 1);
    const values = new Float64Array(4);
    bandit.values(context, values);
    expect(values[2]).toBeGreaterThan(0);
    expect([values[0], values[1], values[3]]).toEqual([0, 0, 0]);
  });

  it('stays finite through a million adversarial updates', () => {
    // Signs flip against the prediction, scales leap over thirty orders of magnitude, and rewards are extreme.
    const bandit = new ContextualBandit({ n_actions: 3, context_dim: 4, cb_type: 'mtr', learning_rate: 10 });
    const prng = Prng.seeded(17);
    const context = new Float64Array(4);
    const values = new Float64Array(3);
    let worst = 0;
    for (let i = 0; i < 1_000_000; i++) {
      for (let k = 0; k < 4; k++) context[k] = (prng.nextFloat() < 0.5 ? -1 : 1) * 10 ** prng.nextRange(-20, 20);
      const action = i % 3;
      if (i % 100 === 0) {
        bandit.values(context, values);
        worst = Math.max(worst, Math.abs(values[0]), Math.abs(values[1]), Math.abs(values[2]));
      }
      const reward = (values[action] > 0 ? -1 : 1) * 10 ** prng.nextRange(-20, 300);
      bandit.update(context, action, reward, i % 7 === 0 ? 1e-300 : 0.5);
    }
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(Infinity);
    const twin = new ContextualBandit({ n_actions: 3, context_dim: 4, cb_type: 'mtr' });
    twin.importState(bandit.exportState());
    expect(twin.stats().clamped).toBeGreaterThan(1_000_000);
  });
});
