import { describe, expect, it } from 'vitest';
import {
  createPolicy,
  DEFAULT_POLICY,
  defaultsOf,
  POLICY_NAMES,
  type PolicySettings,
  policyBytes,
  settingsOf,
} from '../../../src/policy/create-policy.js';
import { PolicyConfigError } from '../../../src/policy/policy.js';
import { allocateMemory, MEMORY_LIMIT_BYTES } from '../../../src/policy/policy-settings.js';
import { RandomPolicy } from '../../../src/policy/random-policy.js';

function refused(action: () => unknown): PolicyConfigError {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyConfigError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const shape = { n_actions: 4, context_dim: 3, random_seed: 9 };

describe('createPolicy', () => {
  for (const name of POLICY_NAMES) {
    it(`makes ${name} under its name, in memory of the size it states`, () => {
      const bytes = policyBytes(name, shape);
      expect(bytes % 8).toBe(0);
      const buffer = new SharedArrayBuffer(bytes + 8);
      new Uint8Array(buffer).fill(0xff);
      const policy = createPolicy(name, shape, { buffer, byteOffset: 8 });
      expect(policy.name).toBe(name);
      expect(policy.stats().policy).toBe(name);
      expect(policy.nActions).toBe(4);
      expect(policy.contextDim).toBe(3);
      const own = createPolicy(name, shape);
      const context = Float64Array.of(0.1, -0.4, 0.7);
      for (let i = 0; i < 30; i++) {
        const action = policy.select(context, null);
        expect(own.select(context, null)).toBe(action);
        policy.update(context, action, action / 4, policy.lastProbability);
        own.update(context, action, action / 4, own.lastProbability);
      }
      expect(policy.exportState()).toEqual(own.exportState());
      expect([...new Uint8Array(buffer, 0, 8)]).toEqual(new Array(8).fill(0xff));
      expect(refused(() => createPolicy(name, shape, { buffer, byteOffset: 16 })).parameter).toBe('memory');
    });

    it(`knows the settings of ${name}, with their defaults`, () => {
      const settings = settingsOf(name);
      expect(settings).toContain('n_actions');
      expect(settings).toContain('random_seed');
      expect(Object.keys(defaultsOf(name))).toEqual([...settings]);
      // Every default is one that the policy takes.
      expect(createPolicy(name, defaultsOf(name)).stateBytes).toBe(createPolicy(name).stateBytes);
      expect(createPolicy(name).nActions).toBe(8);
      expect(createPolicy(name).contextDim).toBe(24);
    });

    it(`refuses wrong and unknown settings of ${name} by name`, () => {
      expect(refused(() => createPolicy(name, { n_actions: 0 })).parameter).toBe('n_actions');
      expect(refused(() => createPolicy(name, { n_actions: '8' })).parameter).toBe('n_actions');
      expect(refused(() => createPolicy(name, { random_seed: -1 })).parameter).toBe('random_seed');
      expect(refused(() => policyBytes(name, { n_actions: 0 })).parameter).toBe('n_actions');
      const unknown = refused(() => createPolicy(name, { leraning_rate: 1 }));
      expect(unknown.parameter).toBe('leraning_rate');
      expect(refused(() => policyBytes(name, { leraning_rate: 1 })).parameter).toBe('leraning_rate');
    });
  }

  it('knows no setting by what every object has', () => {
    for (const name of POLICY_NAMES) {
      for (const setting of ['toString', 'constructor', 'hasOwnProperty']) {
        expect(refused(() => createPolicy(name, { [setting]: 1 })).parameter).toBe(setting);
      }
      expect(refused(() => createPolicy(name, JSON.parse('{"__proto__": 1}'))).parameter).toBe('__proto__');
    }
  });

  it('refuses what needs more memory than a policy may have by the sizes at fault, before it does any work', () => {
    // Were they hashed first, the names of these would take most of a minute.
    const most = { n_actions: 1024, context_dim: 1 << 16, bits: 26 };
    const cases: [name: string, settings: PolicySettings, parameter: string, sizes: string][] = [
      ['linucb', { context_dim: 1 << 16 }, 'context_dim', 'n_actions 8, context_dim 65536, arms disjoint'],
      [
        'linucb',
        { arms: 'tied', context_dim: 0, arm_dim: 1 << 16 },
        'arm_dim',
        'n_actions 8, arm_dim 65536, arms tied',
      ],
      ['lints', { arms: 'hybrid', n_actions: 1024, context_dim: 1000, arm_dim: 1000 }, 'n_actions', 'arm_dim 1000'],
      ['squarecb', { context_dim: 1 << 16 }, 'context_dim', 'context_dim 65536'],
      ['epsilon-greedy', { context_dim: 1 << 16 }, 'context_dim', 'context_dim 65536'],
      ['softmax', { context_dim: 1 << 16 }, 'context_dim', 'context_dim 65536'],
      ['bootstrapped-ts', { ...most, n_bootstraps: 1000 }, 'context_dim', 'n_bootstraps 1000, arms disjoint'],
      ['bootstrapped-ts', { n_bootstraps: 1000, context_dim: 999, n_actions: 900 }, 'n_bootstraps', 'context_dim 999'],
      ['bandit', { n_actions: 1024, context_dim: 1 << 20, bits: 26 }, 'context_dim', 'context_dim 1048576'],
    ];
    for (const [name, settings, parameter, sizes] of cases) {
      for (const ask of [createPolicy, policyBytes]) {
        const error = refused(() => ask(name, settings));
        expect(error.parameter).toBe(parameter);
        expect(error.message).toContain(sizes);
        expect(error.message).toContain(`allowed: ${MEMORY_LIMIT_BYTES} bytes`);
      }
    }
    expect(refused(() => new RandomPolicy({ n_actions: 2 ** 40 })).parameter).toBe('n_actions');
  });

  it('says of memory that is not to be had which sizes ask for it', () => {
    expect(allocateMemory({ n_actions: 3, context_dim: 2 }, 64).byteLength).toBe(64);
    // No machine has a length below 0, so that the allocation fails on all of them.
    const error = refused(() => allocateMemory({ n_actions: 3, context_dim: 2 }, -8));
    expect(error.parameter).toBe('n_actions');
    expect(error.message).toContain('more than can be allocated here');
  });

  it('takes every policy’s own part of one long list', () => {
    const list: { [setting: string]: unknown } = { ...shape, regressor: 'gd', alpha: 0.5, tau: 0.2, gamma_scale: 3 };
    for (const name of POLICY_NAMES) {
      const known = new Set(settingsOf(name));
      const own = Object.fromEntries(Object.entries(list).filter(([setting]) => known.has(setting)));
      expect(createPolicy(name, own).nActions).toBe(4);
    }
    expect(settingsOf('squarecb')).toContain('gamma_scale');
    expect(settingsOf('ucb1')).not.toContain('gamma_scale');
  });

  it('gives the random policy contexts of the same length as the others', () => {
    const tied = { n_actions: 5, arms: 'tied', context_dim: 0, arm_dim: 3 };
    for (const name of ['random', 'squarecb', 'ucb1']) expect(createPolicy(name, tied).contextDim).toBe(15);
  });

  it('refuses an unknown name, and names those there are', () => {
    for (const name of ['linucb2', 'toString', '']) {
      for (const ask of [createPolicy, policyBytes, settingsOf, defaultsOf]) {
        const error = refused(() => ask(name));
        expect(error.parameter).toBe('policy');
        expect(error.message).toContain(POLICY_NAMES.join(', '));
      }
    }
  });

  it('has a default among its names, with settings that it takes', () => {
    expect(POLICY_NAMES).toContain(DEFAULT_POLICY.name);
    expect(createPolicy(DEFAULT_POLICY.name, { ...DEFAULT_POLICY.settings, ...shape }).nActions).toBe(4);
  });
});
