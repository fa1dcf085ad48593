/**
 * The bandit's decisions and state for a fixed seed, so that no change of its arithmetic goes unseen: a checkpoint made
 * by an older version must go on with the same bits. `REGENERATE_GOLDEN=1 npx vitest run test/golden/policy` writes them
 * anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';

interface Golden {
  config: object;
  /** Action and its probability, decision by decision; JSON keeps every bit of a double. */
  decisions: [number, number][];
  values: number[];
}

const configs: { [name: string]: object } = {
  'version-1-softmax': {},
  'version-1-epsilon': {
    exploration_strategy: 'epsilon',
    cb_type: 'mtr',
    l1_regularization: 1e-4,
    epsilon_decay_steps: 200,
    n_actions: 6,
    context_dim: 16,
    bits: 6,
  },
};

const file = (name: string): URL => new URL(name, import.meta.url);

function run(config: object): { golden: Golden; state: Uint8Array } {
  const bandit = new ContextualBandit(config);
  const prng = Prng.seeded(7);
  const context = new Float64Array(bandit.contextDim);
  const allowed = new Uint8Array(bandit.nActions);
  const decisions: [number, number][] = [];
  for (let i = 0; i < 100; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextRange(-2, 2);
    for (let a = 0; a < allowed.length; a++) allowed[a] = a === i % allowed.length || prng.nextFloat() < 0.8 ? 1 : 0;
    const action = bandit.select(context, allowed);
    decisions.push([action, bandit.lastProbability]);
    bandit.update(context, action, context[action] - 0.5 * context[0], bandit.lastProbability);
  }
  const values = new Float64Array(bandit.nActions);
  bandit.values(context, values);
  return { golden: { config, decisions, values: [...values] }, state: bandit.exportState() };
}

describe('the bandit’s golden files', () => {
  for (const [name, config] of Object.entries(configs)) {
    it(`${name} is reproduced to the last bit`, () => {
      const { golden, state } = run(config);
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
      const bandit = new ContextualBandit(expected.config);
      bandit.importState(readFileSync(file(`${name}.state`)));
      expect(bandit.stats().updates).toBe(100);
      expect(bandit.lastProbability).toBe(expected.decisions[99][1]);
    });
  }
});
