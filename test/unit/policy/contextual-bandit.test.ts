import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { ContextualBandit, convertState } from '../../../src/policy/contextual-bandit.js';
import {
  BANDIT_PRESETS,
  DEFAULT_BANDIT_CONFIG,
  resolveBanditConfig,
} from '../../../src/policy/contextual-bandit-config.js';
import { PolicyConfigError, PolicyStateError } from '../../../src/policy/policy.js';
import { RandomPolicy } from '../../../src/policy/random-policy.js';
import { PolicyKind, readStateHeader } from '../../../src/policy/state-format.js';

function train(bandit: ContextualBandit, updates: number, seed: number): void {
  const prng = Prng.seeded(seed);
  const context = new Float64Array(bandit.contextDim);
  for (let i = 0; i < updates; i++) {
    for (let k = 0; k < context.length; k++) context[k] = prng.nextNormal();
    const action = bandit.select(context, null);
    bandit.update(context, action, context[action % context.length] + 0.1 * prng.nextNormal(), bandit.lastProbability);
  }
}

function valuesOf(bandit: ContextualBandit, context: Float64Array): number[] {
  const out = new Float64Array(bandit.nActions);
  bandit.values(context, out);
  return [...out];
}

function stateCode(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyStateError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the configuration of the bandit', () => {
  it('has the defaults that the project promises', () => {
    expect(DEFAULT_BANDIT_CONFIG).toMatchObject({
      n_actions: 8,
      context_dim: 24,
      learning_rate: 0.1,
      power_t: 0.5,
      initial_t: 1,
      exploration_strategy: 'softmax',
      epsilon: 0.1,
      boltzmann_tau: 1,
      l2_regularization: 1e-5,
      l1_regularization: 0,
      bits: 18,
      save_frequency: 100,
      random_seed: 42,
    });
    expect(resolveBanditConfig(BANDIT_PRESETS.production)).toMatchObject({
      learning_rate: 0.05,
      epsilon: 0.05,
      bits: 20,
      l2_regularization: 1e-4,
      save_frequency: 1000,
    });
    expect(BANDIT_PRESETS.development).toEqual({ learning_rate: 0.1, epsilon: 0.2, bits: 18, save_frequency: 10 });
    expect(BANDIT_PRESETS.staging).toEqual({ learning_rate: 0.08, epsilon: 0.1, bits: 19, save_frequency: 100 });
  });

  it.each([
    ['epsilon', 1.5],
    ['epsilon', Number.NaN],
    ['n_actions', 0],
    ['n_actions', 2.5],
    ['bits', 27],
    ['bits', '18'],
    ['power_t', -0.1],
    ['boltzmann_tau', 0],
    ['learning_rate', Infinity],
    ['exploration_strategy', 'greedy'],
    ['random_seed', -1],
    ['cb_type', 'ips'],
    ['adaptive', 1],
    ['feature_names', ['a', 'b']],
  ])('refuses %s = %s by its name and value', (name, value) => {
    const config = { [name]: value };
    let caught: unknown;
    try {
      new ContextualBandit(config);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PolicyConfigError);
    expect((caught as PolicyConfigError).parameter).toBe(name);
    expect((caught as PolicyConfigError).message).toContain(name);
  });

  it('refuses a parameter that it does not know, and names that are not unique', () => {
    expect(() => resolveBanditConfig({ epsilonn: 0.1 } as object)).toThrow('epsilonn');
    expect(() => resolveBanditConfig({ context_dim: 2, feature_names: ['a', 'a'] })).toThrow('a twice');
    expect(() => resolveBanditConfig({ context_dim: 2, feature_names: ['a', 'constant'] })).toThrow('constant');
    expect(() => resolveBanditConfig({ context_dim: 2, feature_names: ['a', ''] })).toThrow('empty');
  });
});

describe('the memory of the bandit', () => {
  it('may be the caller’s, shared and dirty, with the same bits as its own', () => {
    const config = { n_actions: 5, context_dim: 7 };
    const bytes = ContextualBandit.bytes(config);
    const buffer = new SharedArrayBuffer(bytes + 128);
    new Uint8Array(buffer).fill(0xff);
    const given = new ContextualBandit(config, { buffer, byteOffset: 64 });
    const own = new ContextualBandit(config);
    expect(given.exportState()).toEqual(own.exportState());
    train(given, 200, 1);
    train(own, 200, 1);
    expect(given.exportState()).toEqual(own.exportState());
    const outside = [...new Uint8Array(buffer, 0, 64), ...new Uint8Array(buffer, 64 + bytes)];
    expect(outside.every((byte) => byte === 0xff)).toBe(true);
    expect(own.stats().bytes).toBe(bytes);
  });

  it('refuses memory that is too small or badly aligned', () => {
    const bytes = ContextualBandit.bytes({});
    expect(() => new ContextualBandit({}, { buffer: new ArrayBuffer(bytes - 8) })).toThrow(PolicyConfigError);
    expect(() => new ContextualBandit({}, { buffer: new ArrayBuffer(bytes + 8), byteOffset: 4 })).toThrow('aligned');
    expect(() => new ContextualBandit({}, { buffer: new ArrayBuffer(bytes), byteOffset: 8 })).toThrow('too small');
  });

  it('is as it was constructed after a reset', () => {
    const bandit = new ContextualBandit({ n_actions: 3, context_dim: 4 });
    const before = bandit.exportState();
    train(bandit, 50, 1);
    expect(bandit.exportState()).not.toEqual(before);
    bandit.reset();
    expect(bandit.exportState()).toEqual(before);
  });
});

describe('what the bandit chooses', () => {
  it('earns more than chance after some learning, with every strategy', () => {
    for (const config of [
      { exploration_strategy: 'epsilon' as const },
      { exploration_strategy: 'softmax' as const, epsilon: 0.02 },
      { exploration_strategy: 'boltzmann' as const, boltzmann_tau: 0.1, epsilon: 0.02 },
    ]) {
      const bandit = new ContextualBandit({ ...config, n_actions: 4, context_dim: 4 });
      train(bandit, 3000, 5);
      bandit.frozen = true;
      const prng = Prng.seeded(77);
      let earned = 0;
      for (let i = 0; i < 1000; i++) {
        const context = Float64Array.from({ length: 4 }, () => prng.nextNormal());
        earned += context[bandit.select(context, null)];
      }
      // The best of four standard normals is 1.03 in the mean; chance earns 0.
      expect(earned / 1000).toBeGreaterThan(0.95);
    }
  });

  it('is the best value while frozen, and a tie falls to each of the best alike', () => {
    const bandit = new ContextualBandit({ n_actions: 4, context_dim: 2, epsilon: 0.5 });
    const context = Float64Array.of(1, 1);
    bandit.update(context, 1, -1, 1);
    bandit.frozen = true;
    const shares = new Float64Array(4);
    bandit.probabilities(context, null, shares);
    expect([...shares]).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 3000; i++) counts[bandit.select(context, null)]++;
    expect(counts[1]).toBe(0);
    for (const a of [0, 2, 3]) expect(counts[a]).toBeGreaterThan(900);
    bandit.frozen = false;
    bandit.update(context, 2, 1, 1);
    bandit.frozen = true;
    for (let i = 0; i < 20; i++) {
      expect(bandit.select(context, null)).toBe(2);
      expect(bandit.lastProbability).toBe(1);
    }
    expect(bandit.select(context, Uint8Array.of(1, 1, 0, 0))).toBe(0);
  });

  it('explores less and less where epsilon decays, by decisions and not by updates', () => {
    const bandit = new ContextualBandit({
      n_actions: 2,
      context_dim: 1,
      exploration_strategy: 'epsilon',
      epsilon: 0.8,
      epsilon_final: 0.2,
      epsilon_decay_steps: 100,
    });
    const context = Float64Array.of(1);
    expect(bandit.epsilon).toBeCloseTo(0.8, 12);
    for (let i = 0; i < 50; i++) bandit.select(context, null);
    expect(bandit.epsilon).toBeCloseTo(0.5, 12);
    bandit.update(context, 0, 1, 0.5);
    expect(bandit.epsilon).toBeCloseTo(0.5, 12);
    for (let i = 0; i < 80; i++) bandit.select(context, null);
    expect(bandit.epsilon).toBe(0.2);
    expect(bandit.stats().epsilon).toBe(0.2);
  });

  it('follows schedules that set its rate and epsilon, and refuses senseless ones', () => {
    const bandit = new ContextualBandit({ n_actions: 2, context_dim: 1 });
    const context = Float64Array.of(1);
    bandit.learningRate = 0;
    bandit.update(context, 0, 1, 1);
    expect(valuesOf(bandit, context)[0]).toBe(0);
    bandit.learningRate = 1;
    bandit.update(context, 0, 1, 1);
    expect(valuesOf(bandit, context)[0]).toBeGreaterThan(0);
    bandit.epsilon = 0;
    expect(bandit.epsilon).toBe(0);
    expect(() => (bandit.epsilon = 1.1)).toThrow(PolicyConfigError);
    expect(() => (bandit.learningRate = Number.NaN)).toThrow(PolicyConfigError);
  });
});

describe('what the bandit learns', () => {
  it('weighs rare decisions more with importance weights, up to the cap', () => {
    const step = (cb_type: 'dm' | 'mtr', probability: number): number => {
      const bandit = new ContextualBandit({
        n_actions: 2,
        context_dim: 1,
        cb_type,
        importance_cap: 5,
        learning_rate: 0.01,
      });
      bandit.update(Float64Array.of(1), 0, 1, probability);
      return valuesOf(bandit, Float64Array.of(1))[0];
    };
    expect(step('dm', 0.01)).toBe(step('dm', 1));
    expect(step('mtr', 1)).toBe(step('dm', 1));
    expect(step('mtr', 0.5)).toBeGreaterThan(step('mtr', 1));
    expect(step('mtr', 0.01)).toBe(step('mtr', 0.2));
  });

  it('gets sparse with L1 and smaller with L2, and leaves actions alone that are not chosen', () => {
    const trained = (config: object): ContextualBandit => {
      const bandit = new ContextualBandit({ n_actions: 2, context_dim: 6, l2_regularization: 0, ...config });
      const prng = Prng.seeded(3);
      for (let i = 0; i < 500; i++) {
        const context = Float64Array.from({ length: 6 }, () => prng.nextNormal());
        bandit.update(context, 0, context[0] + 0.3 * prng.nextNormal(), 1);
      }
      return bandit;
    };
    const plain = trained({});
    const l1 = trained({ l1_regularization: 0.5 });
    const l2 = trained({ l2_regularization: 1 });
    const only = Float64Array.of(1, 0, 0, 0, 0, 0);
    expect(l1.stats().nonZeroWeights).toBeLessThan(plain.stats().nonZeroWeights);
    expect(Math.abs(valuesOf(l2, only)[0])).toBeLessThan(Math.abs(valuesOf(plain, only)[0]));

    const bandit = new ContextualBandit({ n_actions: 2, context_dim: 1, l2_regularization: 1, l1_regularization: 0.1 });
    bandit.update(Float64Array.of(1), 1, 50, 1);
    const before = valuesOf(bandit, Float64Array.of(1))[1];
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 100; i++) bandit.update(Float64Array.of(1), 0, 1, 1);
    expect(valuesOf(bandit, Float64Array.of(1))[1]).toBe(before);
  });

  it('does not depend on a feature’s unit while normalised', () => {
    const learned = (unit: number): number[] => {
      const bandit = new ContextualBandit({ n_actions: 1, context_dim: 2, initial_t: 0, l2_regularization: 0 });
      const prng = Prng.seeded(9);
      for (let i = 0; i < 200; i++) {
        const x = prng.nextNormal();
        const y = prng.nextNormal();
        bandit.update(Float64Array.of(x * unit, y), 0, x - 2 * y, 1);
      }
      return valuesOf(bandit, Float64Array.of(0.5 * unit, 1));
    };
    expect(learned(1024)[0]).toBeCloseTo(learned(1)[0], 9);
  });
});

describe('the state of the bandit', () => {
  it('says what it is', () => {
    const bandit = new ContextualBandit({ n_actions: 3, context_dim: 4, bits: 10 });
    expect(readStateHeader(bandit.exportState())).toMatchObject({
      kind: PolicyKind.contextualBandit,
      nActions: 3,
      contextDim: 4,
      bits: 10,
      bytes: bandit.stateBytes,
      nameHash: bandit.nameHash,
    });
  });

  it('is refused by a policy with another table, other names or another rule', () => {
    const names = { n_actions: 2, context_dim: 2 };
    const bandit = new ContextualBandit({ ...names, bits: 10 });
    const state = bandit.exportState();
    const importInto = (config: object) => () =>
      new ContextualBandit({ ...names, bits: 10, ...config }).importState(state);
    expect(stateCode(importInto({ bits: 11 }))).toBe('bits');
    expect(stateCode(importInto({ feature_names: ['x', 'y'] }))).toBe('feature_names');
    expect(stateCode(importInto({ adaptive: false }))).toBe('update_rule');
    expect(stateCode(() => new RandomPolicy(names).importState(state))).toBe('policy');
    expect(importInto({ learning_rate: 0.5, epsilon: 0, power_t: 0.4 })).not.toThrow();
  });

  it('keeps the importer’s own rate and exploration', () => {
    const source = new ContextualBandit({ n_actions: 2, context_dim: 2, learning_rate: 0.3, epsilon: 0.4 });
    const target = new ContextualBandit({ n_actions: 2, context_dim: 2, learning_rate: 0.05, epsilon: 0.01 });
    target.importState(source.exportState());
    expect([target.learningRate, target.epsilon]).toEqual([0.05, 0.01]);
  });

  it('goes from one table size to another by name, and learning goes on as if nothing had happened', () => {
    const from = { n_actions: 4, context_dim: 6, bits: 20 };
    const to = { ...from, bits: 24 };
    const bandit = new ContextualBandit(from);
    train(bandit, 300, 3);
    const converted = new ContextualBandit(to);
    expect(bandit.stats().slots).toBe(28);
    expect(converted.stats().slots).toBe(28);
    converted.importState(convertState(bandit.exportState(), from, to));
    const context = Float64Array.of(1, -1, 0.5, 0, 2, -0.25);
    expect(valuesOf(converted, context)).toEqual(valuesOf(bandit, context));
    train(bandit, 100, 4);
    train(converted, 100, 4);
    expect(valuesOf(converted, context)).toEqual(valuesOf(bandit, context));
    const back = new ContextualBandit(from);
    back.importState(convertState(converted.exportState(), to, from));
    expect(back.exportState()).toEqual(bandit.exportState());
  });

  it('carries shared names wherever they stand, and starts the others fresh', () => {
    const from = { n_actions: 2, context_dim: 3, feature_names: ['a', 'b', 'c'] };
    const to = { n_actions: 2, context_dim: 3, feature_names: ['c', 'd', 'a'] };
    const bandit = new ContextualBandit(from);
    train(bandit, 100, 3);
    const converted = new ContextualBandit(to);
    converted.importState(convertState(bandit.exportState(), from, to));
    expect(valuesOf(converted, Float64Array.of(2, 0, 5))).toEqual(valuesOf(bandit, Float64Array.of(5, 0, 2)));
    expect(valuesOf(converted, Float64Array.of(0, 1, 0))).toEqual(valuesOf(converted, Float64Array.of(0, 0, 0)));
  });

  it('merges weights whose names collide in the smaller table, and stays finite', () => {
    const from = { n_actions: 4, context_dim: 6, bits: 20 };
    const to = { ...from, bits: 3 };
    const bandit = new ContextualBandit(from);
    train(bandit, 300, 3);
    const converted = new ContextualBandit(to);
    converted.importState(convertState(bandit.exportState(), from, to));
    expect(converted.stats().slots).toBeLessThanOrEqual(8);
    expect(converted.stats().updates).toBe(300);
    for (const value of valuesOf(converted, new Float64Array(6).fill(1))) expect(Number.isFinite(value)).toBe(true);
    expect(stateCode(() => convertState(bandit.exportState(), from, { ...from, n_actions: 5 }))).toBe('n_actions');
    expect(stateCode(() => convertState(bandit.exportState(), from, { ...from, adaptive: false }))).toBe('update_rule');
    expect(stateCode(() => convertState(bandit.exportState(), to, from))).toBe('bits');
  });
});
