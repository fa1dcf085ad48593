import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/core/prng.js';
import { BootstrappedTs } from '../../../src/policy/bootstrapped-ts.js';
import { PolicyConfigError, PolicyStateError } from '../../../src/policy/policy.js';
import { RegCb } from '../../../src/policy/reg-cb.js';

const small = { n_actions: 3, context_dim: 2 };

describe('bootstrapped Thompson sampling', () => {
  it('draws every action alike before it knows anything', () => {
    const shares = new Float64Array(3);
    new BootstrappedTs(small).probabilities(Float64Array.of(1, 2), Uint8Array.of(1, 0, 1), shares);
    expect([...shares]).toEqual([0.5, 0, 0.5]);
  });

  it('is sure of what it saw often and unsure of what it saw little of', () => {
    const policy = new BootstrappedTs({ n_actions: 2, context_dim: 1, n_bootstraps: 50 });
    const prng = Prng.seeded(3);
    const x = Float64Array.of(1);
    const shares = new Float64Array(2);
    const learn = (count: number): number => {
      for (let i = 0; i < count; i++) policy.update(x, i % 2, (i % 2) * 0.3 + prng.nextNormal(), 0.5);
      policy.probabilities(x, null, shares);
      return shares[1];
    };
    const early = learn(10);
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(1);
    expect(learn(20_000)).toBe(1);
  });

  it('earns nearly all there is to earn after some learning', () => {
    const policy = new BootstrappedTs({ n_actions: 4, context_dim: 4 });
    const prng = Prng.seeded(5);
    const x = new Float64Array(4);
    let earned = 0;
    for (let i = 0; i < 4000; i++) {
      for (let k = 0; k < 4; k++) x[k] = prng.nextNormal();
      const action = policy.select(x, null);
      if (i >= 3000) earned += x[action];
      policy.update(x, action, x[action] + 0.1 * prng.nextNormal(), policy.lastProbability);
    }
    // The best of four standard normals is 1.03 in the mean; chance earns 0.
    expect(earned / 1000).toBeGreaterThan(0.93);
  });

  it('may be given shared, dirty memory, and has the same bits in it', () => {
    const bytes = BootstrappedTs.bytes(small);
    const buffer = new SharedArrayBuffer(bytes + 64);
    new Uint8Array(buffer).fill(0xff);
    const given = new BootstrappedTs(small, { buffer, byteOffset: 32 });
    const own = new BootstrappedTs(small);
    for (const policy of [given, own]) {
      for (let i = 0; i < 50; i++) policy.update(Float64Array.of(i % 3, 1), i % 3, i % 4, 1);
    }
    expect(given.exportState()).toEqual(own.exportState());
    expect(own.stats()).toMatchObject({ policy: 'bootstrapped-ts', bytes, learningRate: 0.5, updates: 50 });
    own.reset();
    expect(own.exportState()).toEqual(new BootstrappedTs(small).exportState());
    expect([...new Uint8Array(buffer, bytes + 32)].every((byte) => byte === 0xff)).toBe(true);
  });

  it('follows a schedule of its rate in every replicate', () => {
    const policy = new BootstrappedTs(small);
    policy.learningRate = 0;
    for (let i = 0; i < 20; i++) policy.update(Float64Array.of(1, 1), 0, 1, 1);
    const values = new Float64Array(3);
    policy.values(Float64Array.of(1, 1), values);
    expect([...values]).toEqual([0, 0, 0]);
    expect(() => (policy.learningRate = -1)).toThrow(PolicyConfigError);
  });

  it('refuses wrong settings by name, and states of others', () => {
    expect(() => new BootstrappedTs({ n_bootstraps: 0 })).toThrow('n_bootstraps is 0');
    expect(() => new BootstrappedTs({ n_bootstrap: 3 } as object)).toThrow('n_bootstrap');
    expect(() => BootstrappedTs.bytes({ bits: 40 })).toThrow('bits is 40');
    const state = new BootstrappedTs(small).exportState();
    expect(() => new BootstrappedTs({ ...small, n_bootstraps: 9 }).importState(state)).toThrow('settings');
    expect(() => new BootstrappedTs({ ...small, adaptive: false }).importState(state)).toThrow('settings');
    expect(() => new RegCb(small).importState(state)).toThrow(PolicyStateError);
    new BootstrappedTs({ ...small, learning_rate: 2, epsilon: 0.5 }).importState(state);
  });
});
