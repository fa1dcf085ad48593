/**
 * Decisions and states of the policies that draw from values, and of those without a context, for a fixed seed, so that
 * no change of their arithmetic goes unseen. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { createPolicy, type PolicyName, type PolicySettings } from '../../../src/policy/create-policy.js';
import type { Policy } from '../../../src/policy/policy.js';

interface Golden {
  policy: PolicyName;
  config: PolicySettings;
  /** Action and its probability, decision by decision; JSON keeps every bit of a double. */
  decisions: [number, number][];
  values: number[];
}

const shape = { n_actions: 5, context_dim: 4 };
const watch = { drift: 'reset', drift_minimum: 10, drift_threshold: 2 };
const cases: { [name: string]: [policy: PolicyName, config: PolicySettings] } = {
  'squarecb-ridge': ['squarecb', { ...shape, ...watch, reward_min: -2, reward_max: 2 }],
  'squarecb-gd': ['squarecb', { ...shape, regressor: 'gd', gamma_exponent: 0.25 }],
  'epsilon-greedy': [
    'epsilon-greedy',
    { ...shape, epsilon: 0.5, epsilon_final: 0.05, epsilon_decay: 'exponential', epsilon_decay_steps: 80 },
  ],
  softmax: ['softmax', { ...shape, regressor: 'gd', tau: 1, tau_decay_steps: 80 }],
  ucb1: ['ucb1', { ...shape, discount: 0.95, epsilon: 0.05 }],
  'beta-bernoulli': ['beta-bernoulli', { ...shape, ...watch, discount: 0.99, reward_min: -2, reward_max: 2 }],
};

const file = (name: string): URL => new URL(name, import.meta.url);

function run([name, config]: [PolicyName, PolicySettings]): { golden: Golden; policy: Policy } {
  const policy = createPolicy(name, config);
  const prng = Prng.seeded(7);
  const context = new Float64Array(policy.contextDim);
  const allowed = new Uint8Array(policy.nActions);
  const decisions: [number, number][] = [];
  for (let i = 0; i < 100; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextRange(-1, 1);
    for (let a = 0; a < allowed.length; a++) allowed[a] = a === i % allowed.length || prng.nextFloat() < 0.8 ? 1 : 0;
    const action = policy.select(context, allowed);
    decisions.push([action, policy.lastProbability]);
    // The world turns over at half time.
    const sign = i < 50 ? 1 : -1;
    policy.update(context, action, sign * (action / 4 - 0.5 + context[action % 4]), policy.lastProbability);
  }
  const values = new Float64Array(policy.nActions);
  policy.values(context, values);
  return { golden: { policy: name, config, decisions, values: [...values] }, policy };
}

describe('the golden files of the other policies', () => {
  for (const [name, one] of Object.entries(cases)) {
    it(`${name} is reproduced to the last bit`, () => {
      const { golden, policy } = run(one);
      const state = policy.exportState();
      if (process.env['REGENERATE_GOLDEN'] === '1') {
        writeFileSync(file(`${name}.json`), `${JSON.stringify(golden, null, 2)}\n`);
        writeFileSync(file(`${name}.state`), state);
      }
      expect(golden).toEqual(JSON.parse(readFileSync(file(`${name}.json`), 'utf8')));
      expect(Buffer.from(state).equals(readFileSync(file(`${name}.state`)))).toBe(true);
    });

    it(`${name} is still read, and goes on as it did`, () => {
      const stored = JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Golden;
      const policy = createPolicy(stored.policy, stored.config);
      policy.importState(readFileSync(file(`${name}.state`)));
      expect(policy.stats().updates).toBe(100);
      expect(policy.lastProbability).toBe(stored.decisions[99][1]);
      const { policy: other } = run(one);
      const context = new Float64Array(policy.contextDim).fill(0.5);
      for (let i = 0; i < 20; i++) expect(policy.select(context, null)).toBe(other.select(context, null));
    });
  }
});
