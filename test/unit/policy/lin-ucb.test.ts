import { describe, expect, it } from 'vitest';
import { LinUcb } from '../../../src/policy/lin-ucb.js';
import { PolicyConfigError, PolicyInputError, PolicyStateError } from '../../../src/policy/policy.js';

/** MABWiser 2.7's tests of LinUCB: contexts, decisions and rewards, and what it then scores. */
const CONTEXTS = [
  [0, 1, 2, 3, 5],
  [1, 1, 1, 1, 1],
  [0, 0, 1, 0, 0],
  [0, 2, 2, 3, 5],
  [1, 3, 1, 1, 1],
  [0, 0, 0, 0, 0],
  [0, 1, 4, 3, 5],
  [0, 1, 2, 4, 5],
  [1, 2, 1, 1, 3],
  [0, 2, 1, 0, 0],
];
const DECISIONS = [1, 1, 1, 2, 2, 3, 3, 3, 3, 3];
const REWARDS = [0, 0, 1, 0, 0, 0, 0, 1, 1, 1];

describe('LinUCB', () => {
  it('scores as MABWiser does, to 1e-9', () => {
    const policy = new LinUcb({ n_actions: 3, context_dim: 5, ridge: 1, alpha: 1, constant: false });
    for (const [i, context] of CONTEXTS.entries()) {
      policy.update(Float64Array.from(context), DECISIONS[i] - 1, REWARDS[i], 1);
    }
    const scores = new Float64Array(3);
    const context = Float64Array.of(0, 1, 2, 3, 5);
    policy.scores(context, scores);
    for (const [a, score] of [0.9790312458954391, 1.1617706239438832, 1.4247056229871702].entries()) {
      expect(Math.abs(scores[a] - score)).toBeLessThan(1e-9);
    }
    expect(policy.select(context, null)).toBe(2);
    expect(policy.lastProbability).toBe(1);
    const values = new Float64Array(3);
    policy.values(context, values);
    expect([...policy.lastValues]).toEqual([...values]);
    for (let a = 0; a < 3; a++) expect(scores[a]).toBeGreaterThan(values[a]);
  });

  it('tries what it knows little of, and while frozen takes what it expects most of', () => {
    const policy = new LinUcb({ n_actions: 2, context_dim: 1, constant: false, alpha: 10 });
    const context = Float64Array.of(1);
    for (let i = 0; i < 50; i++) policy.update(context, 0, 1, 1);
    expect(policy.select(context, null)).toBe(1);
    policy.frozen = true;
    expect(policy.select(context, null)).toBe(0);
    expect(policy.lastProbability).toBe(1);
  });

  it('shares equal scores, and a uniform part over what is allowed', () => {
    const policy = new LinUcb({ n_actions: 4, context_dim: 2, epsilon: 0.3 });
    const shares = new Float64Array(4);
    policy.probabilities(Float64Array.of(1, 2), Uint8Array.of(1, 1, 0, 1), shares);
    expect([...shares].map((share) => Math.round(share * 1e12) / 1e12)).toEqual([
      0.333333333333, 0.333333333333, 0, 0.333333333333,
    ]);
    policy.update(Float64Array.of(1, 2), 1, 100, 1);
    policy.probabilities(Float64Array.of(1, 2), Uint8Array.of(1, 1, 0, 1), shares);
    for (const [a, share] of [0.1, 0.8, 0, 0.1].entries()) expect(shares[a]).toBeCloseTo(share, 14);
  });

  it('refuses settings outside their range by name', () => {
    const cases: [string, object][] = [
      ['alpha', { alpha: -1 }],
      ['ridge', { ridge: 0 }],
      ['discount', { discount: 0 }],
      ['discount', { discount: 1.01 }],
      ['trace_limit', { trace_limit: 0.5 }],
      ['constant', { constant: 1 }],
      ['drift_keeps', { drift_keeps: 'nothing' }],
      ['arm_dim', { arms: 'hybrid' }],
      ['context_dim', { arms: 'tied', arm_dim: 3 }],
      ['sampling_scale', { sampling_scale: 1 }],
    ];
    for (const [parameter, config] of cases) {
      let error: unknown;
      try {
        new LinUcb(config);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(PolicyConfigError);
      expect((error as PolicyConfigError).parameter).toBe(parameter);
    }
  });

  it('refuses rewards outside the declared range, and states of other arms or another constant', () => {
    const config = { n_actions: 2, context_dim: 2, reward_min: 0, reward_max: 1 };
    const policy = new LinUcb(config);
    expect(() => policy.update(Float64Array.of(1, 1), 0, 1.5, 1)).toThrow(PolicyInputError);
    expect(policy.stats().updates).toBe(0);
    expect(() => policy.importState(new LinUcb({ ...config, constant: false }).exportState())).toThrow(
      PolicyStateError,
    );
    const hybrid = new LinUcb({ n_actions: 2, context_dim: 0, arms: 'tied', arm_dim: 1 });
    expect(() => policy.importState(hybrid.exportState())).toThrow(PolicyStateError);
  });

  it('lives in the memory it is given, of the size it names', () => {
    const config = { n_actions: 5, context_dim: 7 };
    const bytes = LinUcb.bytes(config);
    expect(new LinUcb(config).stats().bytes).toBe(bytes);
    const buffer = new SharedArrayBuffer(bytes + 8);
    const policy = new LinUcb(config, { buffer, byteOffset: 8 });
    policy.update(new Float64Array(7).fill(1), 2, 1, 1);
    expect(Buffer.from(buffer, 8, policy.stateBytes).equals(policy.exportState())).toBe(true);
    expect(() => new LinUcb(config, { buffer: new ArrayBuffer(bytes - 8) })).toThrow(PolicyConfigError);
  });

  it('starts anew when it is reset', () => {
    const policy = new LinUcb({ n_actions: 2, context_dim: 2 });
    const untrained = policy.exportState();
    policy.update(Float64Array.of(1, 2), 1, 3, 1);
    policy.select(Float64Array.of(1, 2), null);
    policy.reset();
    expect(policy.exportState()).toEqual(untrained);
  });
});
