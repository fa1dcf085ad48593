import { describe, expect, it } from 'vitest';
import {
  banditConfigOf,
  interactionsOf,
  layoutSizesOf,
  rewardWeightsOf,
  safetyOptionsOf,
  snapshotShapeOf,
} from '../../../src/loop/configuration.js';
import { tuneEngine } from '../../../src/loop/engine.js';
import { CONTEXT_DIM } from '../../../src/memory/layout.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { type ParameterName, type ParameterValues, parameterTable } from '../../../src/parameters/schema.js';
import { ContextualBandit } from '../../../src/policy/contextual-bandit.js';
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

  it('make a bandit and a reward that accept them', () => {
    const p = loadParameters([], { bits: 8 });
    const bandit = new ContextualBandit(banditConfigOf(p));
    expect([bandit.nActions, bandit.contextDim]).toEqual([8, CONTEXT_DIM]);
    expect(() => new WeightedReward(rewardWeightsOf(p))).not.toThrow();
  });

  it('lengthen the context by the products where they are asked for', () => {
    const p = loadParameters([], { bits: 8, interactions: 'quadratic', hash_bits: 5 });
    const interactions = interactionsOf(p);
    expect(interactionsOf(loadParameters())).toBeNull();
    expect(interactions?.outputCount).toBe(CONTEXT_DIM + 32);
    expect(banditConfigOf(p)).toMatchObject({ context_dim: CONTEXT_DIM + 32 });
    expect(banditConfigOf(p).feature_names).toHaveLength(CONTEXT_DIM + 32);
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
    expect(shape.policyBytes).toBe(new ContextualBandit(banditConfigOf(p)).stateBytes);
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
