import { describe, expect, it } from 'vitest';
import { TURNED_DIM, TURNED_NAMES } from '../../../src/features/direction-frames.js';
import {
  layoutSizesOf,
  learns,
  POLICY_PARAMETERS,
  policyConfigOf,
  policyNameOf,
  rewardWeightsOf,
  robotPolicy,
  safetyOptionsOf,
  snapshotShapeOf,
} from '../../../src/loop/configuration.js';
import { tuneEngine } from '../../../src/loop/engine.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import {
  findParameter,
  type ParameterDefinition,
  type ParameterName,
  type ParameterValues,
  parameterTable,
} from '../../../src/parameters/schema.js';
import { POLICY_NAMES, settingsOf } from '../../../src/policy/create-policy.js';
import type { SquareCb } from '../../../src/policy/square-cb.js';
import { WeightedReward } from '../../../src/reward/reward.js';

/** Parameters of which each numeric one has a value of its own. */
function telling(): ParameterValues {
  const p = loadParameters();
  let k = 1;
  for (const { name, type } of parameterTable) {
    if (type === 'number' || type === 'integer') (p as Record<ParameterName, unknown>)[name] = 1000 + k++;
  }
  return p;
}

/** Every number in a nest of objects. */
function numbersOf(value: object): number[] {
  return Object.values(value).flatMap((inner) =>
    typeof inner === 'number' ? [inner] : typeof inner === 'object' && inner !== null ? numbersOf(inner) : [],
  );
}

describe('the stages’ settings', () => {
  it('come each from a parameter of its own', () => {
    const p = telling();
    const safety = safetyOptionsOf(p);
    const numbers = numbersOf(safety);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(safety).toMatchObject({
      footprint: { length: p['robot.length'], width: p['robot.width'] },
      stepS: 1 / p.controller_frequency,
      margin: p['safety.margin'],
      odometryTimeoutNs: p.odometry_timeout_s * 1e9,
      contactThreshold: p['safety.contact_threshold'],
      limits: { omnidirectional: false, maxSpeed: p['robot.max_speed'], maxYawJerk: p['robot.max_yaw_jerk'] },
    });
    const weights = numbersOf(rewardWeightsOf(p));
    expect(new Set(weights).size).toBe(weights.length);
  });

  it('use every parameter of the reward, of safety, of steering and of the robot', () => {
    const p = telling();
    const used = new Set([...numbersOf(safetyOptionsOf(p)), ...numbersOf(rewardWeightsOf(p))]);
    // The horizon counts cycles, in the loop itself.
    const unused = parameterTable
      .filter(({ name, type }) => type === 'number' && /^(reward|safety|steering|robot)\./.test(name))
      .filter(({ name }) => name !== 'reward.horizon_s')
      .filter(({ name }) => !used.has(p[name] as number))
      .map(({ name }) => name);
    expect(unused).toEqual([]);
  });

  it('know the drive', () => {
    expect(safetyOptionsOf(loadParameters([], { 'robot.drive': 'omnidirectional' })).limits.omnidirectional).toBe(true);
  });

  it('make SquareCB over shared directions, and a reward that accepts them', () => {
    const p = loadParameters();
    const policy = robotPolicy(p);
    expect([policy.name, policy.nActions, policy.contextDim]).toEqual(['squarecb', 8, 8 * TURNED_DIM]);
    const expected = { arms: 'tied', regressor: 'ridge', gamma_scale: 100, context_dim: 0, arm_dim: TURNED_DIM };
    expect((policy as SquareCb).config).toMatchObject(expected);
    expect(() => new WeightedReward(rewardWeightsOf(p))).not.toThrow();
  });

  it('make the bandit where it is asked for', () => {
    const bandit = robotPolicy(loadParameters([], { policy: 'bandit', arms: 'disjoint', bits: 8 }));
    expect([bandit.name, bandit.nActions, bandit.contextDim]).toEqual(['bandit', 8, CONTEXT_DIM]);
  });

  it('lengthen the context by the products where they are asked for', () => {
    const plain = { policy: 'bandit', arms: 'disjoint' } as const;
    const products = { interactions: 'quadratic', hash_bits: 5 } as const;
    expect(policyConfigOf(loadParameters([], plain))).toMatchObject({ context_dim: CONTEXT_DIM, arm_dim: 0 });
    const longer = policyConfigOf(loadParameters([], { ...plain, ...products }));
    expect(longer).toMatchObject({ context_dim: CONTEXT_DIM + 32, arm_dim: 0 });
    expect(longer['feature_names']).toHaveLength(CONTEXT_DIM + 32);
    // Shared, every direction has products of its own.
    expect(robotPolicy(loadParameters([], products)).contextDim).toBe(8 * (TURNED_DIM + 32));
  });
});

describe('the parameters of policies', () => {
  /** Settings that follow from the features, or that a robot has no reason to change. */
  const ofTheRobot = ['arm_dim', 'feature_names', 'arm_feature_names', 'constant', 'model_dir', 'save_frequency'];

  it('name every policy there is, and the rule', () => {
    expect(findParameter('policy')).toMatchObject({ values: [...POLICY_NAMES, 'fallback'] });
  });

  it('hold every setting of every policy', () => {
    const missing = POLICY_NAMES.flatMap((policy) =>
      settingsOf(policy).filter((name) => findParameter(name) === undefined && !ofTheRobot.includes(name)),
    );
    expect(missing).toEqual([]);
  });

  it.each(POLICY_NAMES)('allow nothing that %s refuses', (policy) => {
    const usual = { policy, bits: 6 } as const;
    for (const name of POLICY_PARAMETERS) {
      if (!settingsOf(policy).includes(name)) continue;
      const entry = findParameter(name) as ParameterDefinition;
      const values = 'min' in entry ? [entry.min, entry.max] : 'values' in entry ? entry.values : [true, false];
      for (const value of values) {
        // What the others would not allow beside it, and what would take more memory than a test should.
        if (['bits', 'n_bootstraps'].includes(name) && value === values[1]) continue;
        const beside = name === 'epsilon_decay' ? { epsilon_final: 0.01 } : {};
        const range = name === 'reward_min' ? { reward_max: 1e10 } : name === 'reward_max' ? { reward_min: -1e10 } : {};
        const p = { ...loadParameters([], usual), ...beside, ...range, [name]: value } as ParameterValues;
        expect(() => robotPolicy(p), `${name}: ${value}`).not.toThrow();
      }
    }
  });

  it('are handed to the policies that have them, and to no other', () => {
    const p = loadParameters([], { policy: 'linucb', arms: 'disjoint', alpha: 0.3, tau: 7, epsilon: 0.01 });
    expect(policyConfigOf(p)).toMatchObject({ alpha: 0.3, epsilon: 0.01, arms: 'disjoint', arm_dim: 0 });
    expect(policyConfigOf(p)).not.toHaveProperty('tau');
    expect(policyNameOf({ ...p, policy: 'fallback' })).toBe('random');
    expect([learns(p), learns({ ...p, policy: 'random' }), learns({ ...p, policy: 'fallback' })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each(['tied', 'hybrid'] as const)('make contexts of the shape that arms %s need', (arms) => {
    const p = loadParameters([], { policy: 'linucb', arms });
    const shared = arms === 'tied' ? 0 : CONTEXT_DIM;
    expect(policyConfigOf(p)).toMatchObject({
      context_dim: shared,
      arm_dim: TURNED_DIM,
      arm_feature_names: TURNED_NAMES,
    });
    expect(robotPolicy(p).contextDim).toBe(shared + 8 * TURNED_DIM);
    const disjoint = snapshotShapeOf(loadParameters([], { policy: 'linucb', arms: 'disjoint' }));
    expect(snapshotShapeOf(p).scalerBytes).toBeGreaterThan(disjoint.scalerBytes);
  });
});

describe('the sizes of the shared memory', () => {
  it('hold what the stages need, and rings that are powers of two', () => {
    const p = loadParameters([], { bits: 8, decision_ring_records: 100, max_beams: 77 });
    const sizes = layoutSizesOf(p);
    const shape = snapshotShapeOf(p);
    expect(sizes.maxBeams).toBe(77);
    expect(sizes.decisionRecords).toBe(128);
    expect(sizes.snapshotBytes).toBe(shape.policyBytes + shape.scalerBytes);
    expect(shape.policyBytes).toBe(robotPolicy(p).stateBytes);
    expect(sizes.policyBytes).toBeGreaterThanOrEqual(shape.policyBytes);
  });
});

describe('the engine', () => {
  it('takes its settings, more than once too', () => {
    expect(() => {
      tuneEngine();
      tuneEngine();
    }).not.toThrow();
  });
});
