/**
 * Decisions and states of bootstrapped Thompson sampling, RegCB and tied bandits for a fixed seed, so that no change of their arithmetic goes
 * unseen. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { BootstrappedTs, type BootstrappedTsConfig } from '../../../src/policy/bootstrapped-ts.js';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
import type { ContextualBanditConfig } from '../../../src/policy/contextual-bandit-config.js';
import { RegCb, type RegCbConfig } from '../../../src/policy/reg-cb.js';

interface Golden {
  config: object;
  /** Action and its probability, decision by decision; JSON keeps every bit of a double. */
  decisions: [number, number][];
  values: number[];
}

const bandit = (config: Partial<ContextualBanditConfig>): ContextualBandit => new ContextualBandit(config);
const bootstrapped = (config: Partial<BootstrappedTsConfig>): BootstrappedTs => new BootstrappedTs(config);
const regCb = (config: Partial<RegCbConfig>): RegCb => new RegCb(config);

// Rates are said, since their defaults may change.
const rates = { learning_rate: 0.5, initial_t: 0 };

const cases = {
  'bandit-tied': { make: bandit, config: { arms: 'tied', n_actions: 6, context_dim: 0, arm_dim: 5 } },
  'bandit-hybrid': {
    make: bandit,
    config: { arms: 'hybrid', n_actions: 5, context_dim: 4, arm_dim: 3, exploration_strategy: 'epsilon' },
  },
  'bootstrapped-ts-disjoint': { make: bootstrapped, config: { ...rates, epsilon: 0.1, n_bootstraps: 5 } },
  'bootstrapped-ts-hybrid': {
    make: bootstrapped,
    config: {
      ...rates,
      arms: 'hybrid',
      n_actions: 5,
      context_dim: 4,
      arm_dim: 3,
      drift: 'reset',
      drift_minimum: 10,
      drift_threshold: 2,
      power_t: 0.4,
    },
  },
  'regcb-optimistic': { make: regCb, config: { ...rates, reward_min: -4, reward_max: 4, mellowness: 0.1 } },
  'regcb-elimination': {
    make: regCb,
    config: {
      ...rates,
      mellowness: 0.1,
      regcb_mode: 'elimination',
      arms: 'tied',
      n_actions: 6,
      context_dim: 0,
      arm_dim: 5,
      reward_min: null,
      reward_max: null,
      epsilon: 0.05,
    },
  },
} as const;

const file = (name: string): URL => new URL(name, import.meta.url);

function run({ make, config }: (typeof cases)[keyof typeof cases]): { golden: Golden; state: Uint8Array } {
  const policy = make(config);
  const prng = Prng.seeded(7);
  const context = new Float64Array(policy.contextDim);
  const allowed = new Uint8Array(policy.nActions);
  const decisions: [number, number][] = [];
  for (let i = 0; i < 100; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextRange(-2, 2);
    for (let a = 0; a < allowed.length; a++) allowed[a] = a === i % allowed.length || prng.nextFloat() < 0.8 ? 1 : 0;
    const action = policy.select(context, allowed);
    decisions.push([action, policy.lastProbability]);
    // The world turns over at half time.
    const sign = i < 50 ? 1 : -1;
    policy.update(context, action, sign * (context[action] - 0.5 * context[0]), policy.lastProbability);
  }
  const values = new Float64Array(policy.nActions);
  policy.values(context, values);
  return { golden: { config, decisions, values: [...values] }, state: policy.exportState() };
}

describe('the golden files of bootstrapped Thompson sampling, RegCB and tied bandits', () => {
  for (const [name, one] of Object.entries(cases)) {
    it(`${name} is reproduced to the last bit`, () => {
      const { golden, state } = run(one);
      if (process.env['REGENERATE_GOLDEN'] === '1') {
        writeFileSync(file(`${name}.json`), `${JSON.stringify(golden, null, 2)}\n`);
        writeFileSync(file(`${name}.state`), state);
      }
      const expected = JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Golden;
      expect(golden).toEqual(expected);
      expect(Buffer.from(state).equals(readFileSync(file(`${name}.state`)))).toBe(true);
    });

    it(`${name} is still read, and values what it valued`, () => {
      const expected = JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Golden;
      const policy = one.make(expected.config);
      policy.importState(readFileSync(file(`${name}.state`)));
      expect(policy.stats().updates).toBe(100);
      expect(policy.lastProbability).toBe(expected.decisions[99][1]);
    });
  }
});
