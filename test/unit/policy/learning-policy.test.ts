import { describe, expect, it } from 'vitest';
import { distribute, EXPLORATION_FIELDS, Exploration, ExplorationField } from '../../../src/policy/exploration.js';
import {
  contextLength,
  LEARNING_POLICY_DEFAULTS,
  LEARNING_POLICY_RULES,
  LearningPolicy,
  type LearningPolicyConfig,
  type ModelShape,
  policyFeatureNames,
  Work,
} from '../../../src/policy/learning-policy.js';
import {
  PolicyConfigError,
  PolicyInputError,
  type PolicyMemory,
  PolicyStateError,
  VALUE_LIMIT,
} from '../../../src/policy/policy.js';
import { resolveSettings } from '../../../src/policy/policy-settings.js';
import { STATE_HEADER_BYTES } from '../../../src/policy/state-format.js';

/** A mean of rewards for each action, so that what the base does can be told from what a model does. */
class MeanPolicy extends LearningPolicy {
  readonly config: Readonly<LearningPolicyConfig>;
  readonly #fields = new Float64Array(EXPLORATION_FIELDS);
  /** What `forget` was told, call by call. */
  readonly floors: number[] = [];
  /** Prediction before each update. */
  readonly predictions: number[] = [];

  constructor(config: Partial<LearningPolicyConfig> = {}, memory?: PolicyMemory, meaning: ModelShape['meaning'] = []) {
    const resolved = resolveSettings(LEARNING_POLICY_DEFAULTS, LEARNING_POLICY_RULES, {
      n_actions: 3,
      context_dim: 2,
      ...config,
    });
    super(resolved, MeanPolicy.shape(resolved, meaning), memory);
    this.config = resolved;
    this.clearModel();
  }

  static shape(config: LearningPolicyConfig, meaning: ModelShape['meaning'] = []): ModelShape {
    return { name: 'mean', kind: 999, stateDoubles: 2 * config.n_actions, scratchDoubles: 5, meaning };
  }

  static bytes(config: Partial<LearningPolicyConfig>): number {
    const whole = { ...LEARNING_POLICY_DEFAULTS, n_actions: 3, context_dim: 2, ...config };
    return LearningPolicy.bytesFor(whole, MeanPolicy.shape(whole));
  }

  get scratchWords(): Float64Array {
    return this.scratch;
  }

  protected clearModel(): void {
    this.state.fill(0);
  }

  protected evaluate(): void {
    for (let a = 0; a < this.nActions; a++) this.expected[a] = this.state[a];
  }

  protected distribute(allowed: Uint8Array | null, out: Float64Array): number {
    this.#fields[ExplorationField.epsilon] = this.work[Work.epsilon];
    return distribute(this.expected, allowed, Exploration.epsilon, this.#fields, out);
  }

  protected attribute(out: Float64Array): void {
    out.fill(0);
    for (let a = 0; a < this.nActions; a++) out[(a + 1) * this.explainedDim - 1] = this.state[a];
  }

  protected predict(action: number): void {
    this.work[Work.prediction] = this.state[action];
  }

  protected learn(action: number): void {
    this.predictions.push(this.work[Work.prediction]);
    const count = ++this.state[this.nActions + action];
    this.state[action] += (this.work[Work.reward] - this.state[action]) / count;
  }

  protected forget(): void {
    this.floors.push(this.work[Work.floor]);
    for (let a = 0; a < this.nActions; a++) this.state[this.nActions + a] *= this.work[Work.floor];
  }

  protected checkModel(): void {}
}

const context = Float64Array.of(0.5, -1);

function configError(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyConfigError) return error.parameter;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function errorOf(action: () => unknown): PolicyInputError | PolicyStateError {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyInputError || error instanceof PolicyStateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the share of uniform exploration', () => {
  const shareAfter = (policy: MeanPolicy, decisions: number): number => {
    while (policy.stats().decisions < decisions) policy.select(context, null);
    return policy.epsilon;
  };

  it('stays as it is without steps', () => {
    const policy = new MeanPolicy({ epsilon: 0.3, epsilon_final: 0.1 });
    expect(shareAfter(policy, 50)).toBe(0.3);
  });

  it('falls linearly over its steps and stays where it ends', () => {
    const policy = new MeanPolicy({ epsilon: 0.5, epsilon_final: 0.1, epsilon_decay_steps: 100 });
    expect(shareAfter(policy, 0)).toBe(0.5);
    expect(shareAfter(policy, 25)).toBeCloseTo(0.4, 14);
    expect(shareAfter(policy, 99)).toBeCloseTo(0.104, 14);
    expect(shareAfter(policy, 100)).toBe(0.1);
    expect(shareAfter(policy, 150)).toBe(0.1);
  });

  it('falls by the same factor with every decision when exponential', () => {
    const policy = new MeanPolicy({
      epsilon: 0.8,
      epsilon_final: 0.05,
      epsilon_decay: 'exponential',
      epsilon_decay_steps: 40,
    });
    for (const [decisions, share] of [
      [0, 0.8],
      [10, 0.4],
      [20, 0.2],
      [30, 0.1],
      [40, 0.05],
      [60, 0.05],
    ]) {
      expect(shareAfter(policy, decisions)).toBeCloseTo(share, 14);
    }
  });

  it('is what a draw is made with, and 0 while frozen', () => {
    const policy = new MeanPolicy({ epsilon: 0.6, epsilon_final: 0.3, epsilon_decay_steps: 2 });
    policy.update(context, 1, 1, 1);
    const shares = new Float64Array(3);
    policy.probabilities(context, null, shares);
    for (const [a, share] of [0.2, 0.6, 0.2].entries()) expect(shares[a]).toBeCloseTo(share, 14);
    policy.frozen = true;
    policy.probabilities(context, null, shares);
    expect([...shares]).toEqual([0, 1, 0]);
  });

  it('can be set, within its range, and starts again from the configuration after a reset', () => {
    const policy = new MeanPolicy({ epsilon: 0.6 });
    policy.epsilon = 0.2;
    expect(policy.stats().epsilon).toBe(0.2);
    expect(
      configError(() => {
        policy.epsilon = 1.5;
      }),
    ).toBe('epsilon');
    expect(policy.epsilon).toBe(0.2);
    policy.reset();
    expect(policy.epsilon).toBe(0.6);
  });
});

describe('the watch for drift of a policy', () => {
  const settings = { drift_delta: 0.2, drift_threshold: 10, drift_minimum: 50 };

  /** Action 0 earns about 0, and about 5 after 200 updates. */
  function driven(config: Partial<LearningPolicyConfig>): MeanPolicy {
    const policy = new MeanPolicy({ ...settings, ...config });
    for (let i = 0; i < 250; i++) policy.update(context, 0, (i < 200 ? 0 : 5) + 0.1 * Math.sin(i * i), 1);
    return policy;
  }

  it('is off by default', () => {
    const policy = driven({});
    expect(policy.driftAlarms).toBe(0);
    expect(policy.stats().driftAlarms).toBe(0);
    expect(policy.floors).toEqual([]);
  });

  it('counts and does no more when it is an alarm', () => {
    const policy = driven({ drift: 'alarm' });
    expect(policy.stats().driftAlarms).toBe(1);
    expect(policy.floors).toEqual([]);
    expect(policy.predictions).toEqual(driven({}).predictions);
  });

  it('makes the model keep the configured share before it learns the loss that fired', () => {
    const policy = driven({ drift: 'reset', drift_floor: 0.01 });
    expect(policy.driftAlarms).toBe(1);
    expect(policy.floors).toEqual([0.01]);
    // Two losses of 8 deviations reach the threshold, so that the second of the new rewards weighs 1 / (2.01 + 1).
    expect(policy.predictions[200]).toBeLessThan(0.1);
    expect(policy.predictions[201]).toBeLessThan(0.1);
    expect(policy.predictions[202]).toBeGreaterThan(1.5);
  });

  it('starts the schedule of exploration again with a reset, and the start is saved', () => {
    const schedule = { epsilon: 0.5, epsilon_final: 0.1, epsilon_decay_steps: 100 };
    const policy = new MeanPolicy({ ...settings, ...schedule, drift: 'reset' });
    for (let i = 0; i < 120; i++) policy.select(context, null);
    expect(policy.epsilon).toBe(0.1);
    for (let i = 0; policy.driftAlarms === 0; i++) policy.update(context, 0, i < 200 ? 0 : 5, 1);
    expect(policy.epsilon).toBe(0.5);
    for (let i = 0; i < 50; i++) policy.select(context, null);
    expect(policy.epsilon).toBeCloseTo(0.3, 12);
    const other = new MeanPolicy({ ...settings, ...schedule, drift: 'reset' });
    other.importState(policy.exportState());
    expect(other.epsilon).toBe(policy.epsilon);
  });

  it('is saved with the policy, evidence and alarms', () => {
    const one = new MeanPolicy({ ...settings, drift: 'reset' });
    const two = new MeanPolicy({ ...settings, drift: 'reset' });
    const reward = (i: number): number => (i < 200 ? 0 : 5) + 0.1 * Math.sin(i * i);
    for (let i = 0; i < 201; i++) one.update(context, 0, reward(i), 1);
    expect(one.driftAlarms).toBe(0);
    two.importState(one.exportState());
    one.update(context, 0, reward(201), 1);
    two.update(context, 0, reward(201), 1);
    expect([one.driftAlarms, two.driftAlarms]).toEqual([1, 1]);
    expect(two.exportState()).toEqual(one.exportState());
    two.reset();
    expect(two.driftAlarms).toBe(0);
  });

  it('survives losses that grow without bound', () => {
    const policy = new MeanPolicy({ ...settings, drift: 'reset' });
    for (let i = 0; i < 500; i++) policy.update(context, i % 3, (i % 2 === 0 ? 1 : -1) * 1e300, 1);
    const twin = new MeanPolicy({ ...settings, drift: 'reset' });
    twin.importState(policy.exportState());
    expect(Number.isFinite(policy.stats().meanSquaredError)).toBe(true);
  });
});

describe('the declared range of rewards', () => {
  it('refuses what is outside, by value and range, and takes its ends', () => {
    const policy = new MeanPolicy({ reward_min: -1, reward_max: 2 });
    policy.update(context, 0, -1, 1);
    policy.update(context, 0, 2, 1);
    const before = policy.exportState();
    for (const reward of [-1.0001, 2.0001, 1e300]) {
      const error = errorOf(() => policy.update(context, 0, reward, 1));
      expect(error.code).toBe('reward_range');
      expect(error.message).toBe(`reward is ${reward}, declared range [-1, 2]`);
    }
    expect(policy.exportState()).toEqual(before);
  });

  it('refuses a whole batch for one row', () => {
    const policy = new MeanPolicy({ reward_max: 1 });
    const before = policy.exportState();
    const rows = [new Float64Array(4), Int32Array.of(0, 1), Float64Array.of(0, 1.5)] as const;
    expect(errorOf(() => policy.updateBatch(...rows)).code).toBe('reward_range');
    expect(policy.exportState()).toEqual(before);
  });

  it('may be open at either end', () => {
    const policy = new MeanPolicy({ reward_min: 0 });
    policy.update(context, 0, 1e12, 1);
    expect(errorOf(() => policy.update(context, 0, -1e-9, 1)).message).toContain('[0, Infinity]');
    expect(configError(() => new MeanPolicy({ reward_min: 1, reward_max: 1 }))).toBe('reward_min');
  });

  it('leaves rewards beyond the limit of values at the limit, and counts them', () => {
    const policy = new MeanPolicy();
    policy.update(context, 0, -1e20, 1);
    expect(policy.stats().clamped).toBe(1);
    expect(policy.stats().meanReward).toBe(-VALUE_LIMIT);
  });
});

describe('what a state means', () => {
  it('is refused where settings give its numbers another meaning', () => {
    const state = new MeanPolicy({}, undefined, ['ridge', 1]).exportState();
    const other = new MeanPolicy({}, undefined, ['ridge', 2]);
    expect(errorOf(() => other.importState(state)).code).toBe('settings');
    const tied = new MeanPolicy({ arms: 'tied', context_dim: 0, arm_dim: 4 });
    const hybrid = new MeanPolicy({ arms: 'hybrid', context_dim: 3, arm_dim: 3 });
    const disjoint = new MeanPolicy({ context_dim: 12 });
    expect(errorOf(() => tied.importState(disjoint.exportState())).code).toBe('feature_names');
    expect(errorOf(() => hybrid.importState(disjoint.exportState())).code).toBe('feature_names');
  });

  it('is taken over by a policy whose settings only change how it goes on', () => {
    const one = new MeanPolicy({ epsilon: 0.5, random_seed: 1 });
    one.update(context, 2, 3, 1);
    const two = new MeanPolicy({ epsilon: 0.1, reward_max: 9, random_seed: 2 });
    two.importState(one.exportState());
    expect(two.epsilon).toBe(0.1);
    expect(two.stats().updates).toBe(1);
  });

  it('goes with the names of features, whatever their number', () => {
    const named = { feature_names: ['speed', 'range'] };
    expect(policyFeatureNames({ ...LEARNING_POLICY_DEFAULTS, context_dim: 2, ...named })).toEqual(['speed', 'range']);
    const state = new MeanPolicy(named).exportState();
    expect(errorOf(() => new MeanPolicy().importState(state)).code).toBe('feature_names');
    new MeanPolicy(named).importState(state);
  });
});

describe('the memory of a policy', () => {
  it('may be shared, is cleared first, and holds the state where it is exported from', () => {
    const bytes = MeanPolicy.bytes({});
    const buffer = new SharedArrayBuffer(bytes + 24);
    new Uint8Array(buffer).fill(0xff);
    const policy = new MeanPolicy({}, { buffer, byteOffset: 16 });
    expect(policy.stats().bytes).toBe(bytes);
    expect(bytes % 8).toBe(0);
    expect([...policy.scratchWords]).toEqual([0, 0, 0, 0, 0]);
    policy.update(context, 1, 4, 1);
    const state = policy.exportState();
    expect([...new Uint8Array(buffer, 16, policy.stateBytes)]).toEqual([...state]);
    expect(new Uint8Array(buffer, 0, 16).every((byte) => byte === 0xff)).toBe(true);
    expect(new Uint8Array(buffer, 16 + bytes).every((byte) => byte === 0xff)).toBe(true);
    const own = new MeanPolicy();
    own.update(context, 1, 4, 1);
    expect(own.exportState()).toEqual(state);
  });

  it('is refused where it is too small or not aligned, by how much is needed', () => {
    const bytes = MeanPolicy.bytes({});
    const cases = [
      { buffer: new ArrayBuffer(bytes - 8) },
      { buffer: new ArrayBuffer(bytes + 4), byteOffset: 4 },
      { buffer: new ArrayBuffer(bytes + 8), byteOffset: 16 },
      { buffer: new ArrayBuffer(bytes + 8), byteOffset: -8 },
    ];
    for (const memory of cases) {
      expect(configError(() => new MeanPolicy({}, memory))).toBe('memory');
      expect(() => new MeanPolicy({}, memory)).toThrow(`${bytes} are needed`);
    }
  });

  it('holds what a whole context needs', () => {
    const config = { arms: 'hybrid', context_dim: 4, arm_dim: 3, n_actions: 5 } as const;
    expect(contextLength({ ...LEARNING_POLICY_DEFAULTS, ...config })).toBe(19);
    expect(new MeanPolicy(config).contextDim).toBe(19);
  });
});

describe('shapes of contexts', () => {
  it('are refused where arms have no use for them', () => {
    expect(configError(() => new MeanPolicy({ arm_dim: 3 }))).toBe('arm_dim');
    expect(configError(() => new MeanPolicy({ arms: 'hybrid' }))).toBe('arm_dim');
    expect(configError(() => new MeanPolicy({ arms: 'tied', arm_dim: 3 }))).toBe('context_dim');
    expect(configError(() => new MeanPolicy({ context_dim: 0 }))).toBe('context_dim');
  });

  it('have as many names as features, each once', () => {
    expect(configError(() => new MeanPolicy({ feature_names: ['a'] }))).toBe('feature_names');
    expect(configError(() => new MeanPolicy({ feature_names: ['a', 'a'] }))).toBe('feature_names');
    const hybrid = { arms: 'hybrid', arm_dim: 1, feature_names: ['a', 'b'] } as const;
    expect(configError(() => new MeanPolicy({ ...hybrid, arm_feature_names: ['b'] }))).toBe('arm_feature_names');
    expect(configError(() => new MeanPolicy({ epsilon_decay: 'exponential', epsilon_decay_steps: 5 }))).toBe(
      'epsilon_final',
    );
  });
});

describe('a damaged state', () => {
  it('is refused by its generator, its counters and its numbers', () => {
    const policy = new MeanPolicy({ drift: 'alarm' });
    for (let i = 0; i < 20; i++) policy.update(context, policy.select(context, null), -1, 1);
    const state = policy.exportState();
    const damaged = (word: number, value: number): Uint8Array => {
      const copy = state.slice();
      new DataView(copy.buffer).setFloat64(STATE_HEADER_BYTES + word * 8, value, true);
      return copy;
    };
    const zeros = damaged(0, 0);
    new DataView(zeros.buffer).setFloat64(STATE_HEADER_BYTES + 8, 0, true);
    const cases: [RegExp, Uint8Array][] = [
      [/generator/, zeros],
      [/head word 2 is -1/, damaged(2, -1)],
      [/head word 5 is NaN/, damaged(5, Number.NaN)],
      [/last probability is 1.5/, damaged(7, 1.5)],
      [/head word 10 is Infinity/, damaged(10, Infinity)],
      [/mean loss is 1e\+300/, damaged(9, 1e300)],
      [/variance of the loss is 1e\+301/, damaged(10, 1e301)],
      [/largest variance of the loss is 1e\+301/, damaged(11, 1e301)],
      [/evidence of drift is 2000000000/, damaged(12, 2e9)],
      [/model word 0 is NaN/, damaged(16, Number.NaN)],
    ];
    for (const [message, bytes] of cases) {
      const error = errorOf(() => policy.importState(bytes));
      expect(error.code).toBe('corrupt');
      expect(error.message).toMatch(message);
      expect(policy.exportState()).toEqual(state);
    }
    // The sum of rewards alone may be below 0.
    policy.importState(state);
  });

  it('that is taken for sound stays so, however extreme the watch for drift in it', () => {
    for (const drift of ['alarm', 'reset'] as const) {
      const policy = new MeanPolicy({ drift });
      const state = policy.exportState();
      const words = new DataView(state.buffer, STATE_HEADER_BYTES);
      // Losses, their mean, variance and largest variance, and the evidence.
      for (const [i, value] of [1e300, 1e150, 1e300, 1e300, 1e9].entries()) words.setFloat64((8 + i) * 8, value, true);
      policy.importState(state);
      const twin = new MeanPolicy({ drift });
      for (let i = 0; i < 100; i++) {
        policy.update(context, i % 3, i % 2 === 0 ? 1e15 : -1e15, 1);
        twin.importState(policy.exportState());
      }
      expect(twin.exportState()).toEqual(policy.exportState());
      expect(policy.driftAlarms).toBe(1);
    }
  });

  it('is not one whose evidence is beyond the importer’s own threshold: that is an alarm at the next loss', () => {
    const patient = new MeanPolicy({ drift: 'alarm', drift_threshold: 1000 });
    for (let i = 0; i < 300; i++) patient.update(context, 0, i < 250 ? i % 2 : 100, 1);
    expect(patient.driftAlarms).toBe(0);
    const other = new MeanPolicy({ drift: 'alarm', drift_threshold: 1 });
    other.importState(patient.exportState());
    other.update(context, 0, 100, 1);
    expect(other.driftAlarms).toBe(1);
  });
});
