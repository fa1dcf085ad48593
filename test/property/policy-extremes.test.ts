import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/core/prng.js';
import { createPolicy, POLICY_NAMES, type PolicySettings } from '../../src/policy/create-policy.js';
import { hashFeatures } from '../../src/policy/feature-table.js';
import { type Policy, VALUE_LIMIT } from '../../src/policy/policy.js';

const ACTIONS = 3;
const QUIET = 1000;

/** Numbers of either sign over forty orders of magnitude, some at the limit or beyond, some at the edge of underflow. */
function extreme(prng: Prng): number {
  const sign = prng.nextFloat() < 0.5 ? -1 : 1;
  const kind = prng.nextFloat();
  if (kind < 0.05) return sign * VALUE_LIMIT * (1 - 2 ** -53);
  if (kind < 0.1) return sign * Number.MAX_VALUE;
  if (kind < 0.15) return 0;
  if (kind < 0.2) return sign * 5e-324;
  return sign * 10 ** prng.nextRange(-20, 20);
}

describe('a million updates of adversarial but finite contexts and rewards leave every number finite', () => {
  const hybrid = { arms: 'hybrid', context_dim: 1, arm_dim: 2 };
  const discounted = { discount: 0.99, ridge: 1e-6, trace_limit: 100 };
  const watched = { drift: 'reset', drift_minimum: 20, drift_threshold: 5 };
  const cases: [name: string, settings: PolicySettings][] = [
    ['linucb', { ...hybrid, ...discounted }],
    ['linucb', { context_dim: 2, ...discounted, ...watched, drift_keeps: 'evidence' }],
    ['lints', { ...hybrid, ...watched }],
    ['squarecb', { context_dim: 2, ...watched }],
    ['ucb1', { context_dim: 2, discount: 0.999, ...watched }],
    ['ucb1', { context_dim: 2 }],
    ['beta-bernoulli', { context_dim: 2, reward_min: -VALUE_LIMIT, reward_max: VALUE_LIMIT, ...watched }],
    ['beta-bernoulli', { context_dim: 2, discount: 0.5, reward_min: 0, reward_max: 5e-324 }],
  ];
  for (const [name, settings] of cases) {
    it(`${name} with ${JSON.stringify(settings)}`, () => {
      const config = { n_actions: ACTIONS, ...settings };
      const policy = createPolicy(name, config);
      const twin = createPolicy(name, { ...config, random_seed: 1 });
      const prng = Prng.seeded(23);
      const low = Number(settings['reward_min'] ?? -Infinity);
      const high = Number(settings['reward_max'] ?? Infinity);
      // A pool, since making the numbers takes longer than learning from them; its length has no factor in common with
      // that of the actions, so that every context comes to every action.
      const pool = Float64Array.from({ length: 65_521 }, () => extreme(prng));
      const context = new Float64Array(policy.contextDim);
      const values = new Float64Array(ACTIONS);
      const shares = new Float64Array(ACTIONS);
      const actions = new Int32Array(1);
      const rewards = new Float64Array(1);
      const probabilities = Float64Array.of(0.5);
      let at = 0;
      let broken = 0;
      for (let i = 0; i < 1_000_000; i++) {
        // Quiet at first, so that what comes then is a drift.
        const quiet = i < QUIET;
        for (let k = 0; k < context.length; k++) {
          context[k] = quiet ? 1 : pool[at];
          if (++at === pool.length) at = 0;
        }
        const action = i % ACTIONS;
        if (i % 2000 < ACTIONS) {
          policy.values(context, values);
          policy.probabilities(context, null, shares);
          for (let a = 0; a < ACTIONS; a++) {
            if (!(Math.abs(values[a]) < Infinity && shares[a] >= 0 && shares[a] <= 1)) broken++;
          }
        }
        // Against what was expected, most of the time.
        const size = Math.abs(pool[(at * 7 + i) % pool.length]);
        const reward = values[action] > 0 === i % 11 > 0 ? -size : size;
        actions[0] = action;
        rewards[0] = Math.min(Math.max(quiet ? (i * i) % 7 : reward, low), high);
        policy.updateBatch(context, actions, rewards, probabilities);
        // An import refuses what is not finite.
        if (i % 10_000 === 0) twin.importState(policy.exportState());
      }
      expect(broken).toBe(0);
      expect(policy.stats().updates).toBe(1_000_000);
      twin.importState(policy.exportState());
      expect(twin.exportState()).toEqual(policy.exportState());
      if (settings['drift'] === 'reset') expect(policy.driftAlarms).toBeGreaterThan(0);
    });
  }
});

describe('a policy’s own state', () => {
  const settings: PolicySettings = {
    n_actions: ACTIONS,
    context_dim: 2,
    reward_min: -VALUE_LIMIT,
    reward_max: VALUE_LIMIT,
  };
  const make = (name: string, own: PolicySettings): Policy => {
    const { reward_min: _low, reward_max: _high, ...unbounded } = settings;
    return createPolicy(name, { ...(['bandit', 'random'].includes(name) ? unbounded : settings), ...own });
  };
  const nearLimit = fc
    .tuple(fc.constantFrom(1, -1), fc.oneof(fc.constant(0), fc.nat(40)))
    .map(([sign, below]) => sign * (VALUE_LIMIT - below / 8));
  const number = fc.oneof(
    nearLimit,
    fc.double({ min: -VALUE_LIMIT, max: VALUE_LIMIT, noNaN: true }),
    fc.constantFrom(0, 5e-324, -1e-300, 1),
  );
  for (const name of POLICY_NAMES) {
    it(`of ${name} is taken back after any rewards up to the limit`, () => {
      const variants: PolicySettings[] = [{}];
      if (!['bandit', 'random'].includes(name)) variants.push({ drift: 'reset', drift_minimum: 2, drift_threshold: 1 });
      if (['ucb1', 'beta-bernoulli', 'linucb', 'lints'].includes(name)) variants.push({ discount: 0.02 });
      const rewards = fc.oneof(
        fc.array(nearLimit, { minLength: 60, maxLength: 60 }),
        fc.array(number, { minLength: 60, maxLength: 60 }),
      );
      fc.assert(
        fc.property(fc.constantFrom(...variants), number, number, rewards, (own, x0, x1, earned) => {
          const policy = make(name, own);
          const twin = make(name, { ...own, random_seed: 7 });
          const context = Float64Array.of(x0, x1);
          for (const [i, reward] of earned.entries()) {
            // What the second action earned has faded when its next reward comes.
            policy.update(context, i % 13 === 0 ? 1 : 0, reward, 1);
            twin.importState(policy.exportState());
          }
        }),
        { numRuns: 300, seed: 5 },
      );
    });
  }
});

describe('the table of features', () => {
  it('numbers slots as they are first reached, whether it has few features or many', () => {
    for (const [features, actions, bits] of [
      [50, 3, 6],
      [30_000, 3, 14],
      [30_000, 3, 20],
    ]) {
      const names = Array.from({ length: features }, (_, i) => `f${i}`);
      const { slotOf, slotNumbers } = hashFeatures(names, actions, bits);
      let next = 0;
      let jumps = 0;
      for (const slot of slotOf) {
        if (slot > next) jumps++;
        if (slot === next) next++;
      }
      expect(jumps).toBe(0);
      expect(next).toBe(slotNumbers.length);
      expect(new Set(slotNumbers).size).toBe(slotNumbers.length);
      // The first action's slots do not depend on how many actions come after it, so few and many agree.
      const alone = hashFeatures(names, 1, bits);
      expect([...slotOf.subarray(0, features)]).toEqual([...alone.slotOf]);
      expect([...slotNumbers.subarray(0, alone.slotNumbers.length)]).toEqual([...alone.slotNumbers]);
    }
  });
});
