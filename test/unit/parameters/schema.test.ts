import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../../src/parameters/parameter-error.js';
import { packageRoot } from '../../../src/parameters/presets.js';
import { parameterHelp, parameterReference } from '../../../src/parameters/reference.js';
import {
  checkRelations,
  defaultParameters,
  describeAllowed,
  findParameter,
  type ParameterDefinition,
  type ParameterName,
  parameterTable,
  setParameter,
} from '../../../src/parameters/schema.js';
import { defaultsOf, POLICY_NAMES } from '../../../src/policy/create-policy.js';
import { DEFAULT_REWARD_WEIGHTS } from '../../../src/reward/reward.js';

/** Values of every kind that an entry must refuse. */
function refusedBy(entry: ParameterDefinition): unknown[] {
  switch (entry.type) {
    case 'number':
      return [entry.min - 1e-7, entry.max + 1e-3, Number.NaN, Number.POSITIVE_INFINITY, '1', true, null];
    case 'integer':
      return [entry.min - 1, entry.max + 1, entry.min + 0.5, Number.NaN, '1', false, null, []];
    case 'boolean':
      return [0, 1, 'true', 'yes', null];
    case 'string':
      return [0, true, null, 'x'.repeat(entry.maxLength + 1)];
    case 'enum':
      return ['', 'no_such_choice', 0, null];
  }
}

describe('the table of parameters', () => {
  it('has a description that ends as a sentence, and a default that its own check accepts, for every entry', () => {
    const values = defaultParameters();
    for (const entry of parameterTable) {
      expect(entry.description, entry.name).toMatch(/^[A-Z].*\.$/s);
      expect(entry.name).toMatch(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/);
      setParameter(values, entry.name, entry.default);
    }
    checkRelations(values);
    expect(values).toEqual(defaultParameters());
  });

  it('has the defaults that the bandit is specified with', () => {
    expect(defaultParameters()).toMatchObject({
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
  });

  it('has the defaults that the reward has by itself', () => {
    const reward = Object.entries(DEFAULT_REWARD_WEIGHTS).map(([name, weight]) => [`reward.${name}`, weight]);
    expect(defaultParameters()).toMatchObject(Object.fromEntries(reward));
  });

  it('has SquareCB on shared directions decide', () => {
    expect(defaultParameters()).toMatchObject({ policy: 'squarecb', arms: 'tied', regressor: 'ridge' });
  });

  it('has the defaults that the policies have by themselves, but for those that are the robot’s own', () => {
    const values = defaultParameters();
    const own: Record<string, Record<string, unknown>> = {};
    for (const policy of POLICY_NAMES) {
      for (const [name, value] of Object.entries(defaultsOf(policy))) {
        if (findParameter(name) === undefined || values[name as ParameterName] === value) continue;
        own[policy] = { ...own[policy], [name]: values[name as ParameterName] };
      }
    }
    const arms = 'tied';
    const range = { reward_min: -10, reward_max: 10, drift_threshold: 600 };
    const explores = { arms, epsilon: 0.1, ...range };
    const descends = { learning_rate: 0.1, initial_t: 1, l2_regularization: 1e-5 };
    expect(own).toEqual({
      bandit: { arms },
      linucb: explores,
      lints: explores,
      'bootstrapped-ts': { ...explores, ...descends },
      squarecb: { ...explores, ...descends, gamma_scale: 100 },
      regcb: { ...explores, ...descends },
      'epsilon-greedy': { arms, ...range, ...descends },
      softmax: { ...explores, ...descends },
      ucb1: explores,
      'beta-bernoulli': explores,
      random: { arms },
    });
  });

  it('has no name that is also the start of another, which a nested file could not tell apart', () => {
    const names = parameterTable.map((entry) => entry.name);
    for (const name of names) expect(names.filter((other) => other.startsWith(`${name}.`))).toEqual([]);
  });

  it('gives values that survive the way to a worker unchanged', () => {
    const values = defaultParameters();
    expect(structuredClone(values)).toEqual(values);
  });

  it('gives each caller an object of its own', () => {
    const first = defaultParameters();
    first.epsilon = 0.77;
    expect(defaultParameters().epsilon).toBe(0.1);
  });

  it.each(parameterTable.map((entry) => [entry.name, entry] as const))(
    'refuses bad values of %s by name, value and what is allowed',
    (name, entry) => {
      for (const bad of refusedBy(entry)) {
        const values = defaultParameters();
        const attempt = () => setParameter(values, name, bad, 'robot.yaml:3:5');
        expect(attempt).toThrow(ParameterError);
        try {
          attempt();
        } catch (error) {
          const { message, parameter, source } = error as ParameterError;
          expect(parameter).toBe(name);
          expect(source).toBe('robot.yaml:3:5');
          expect(message).toContain(`robot.yaml:3:5: ${name}: `);
          expect(message).toContain(describeAllowed(entry));
          const shown = typeof bad === 'string' ? bad.slice(0, 20) : Array.isArray(bad) ? '[]' : String(bad);
          expect(message).toContain(shown);
          expect(message.length).toBeLessThan(400);
        }
        expect(values).toEqual(defaultParameters());
      }
    },
  );

  it('accepts every number within the range and none outside it', () => {
    const numeric = parameterTable.flatMap((entry) => (entry.type === 'number' ? [entry] : []));
    fc.assert(
      fc.property(fc.constantFrom(...numeric), fc.double(), (entry, value) => {
        const inside = value >= entry.min && value <= entry.max;
        const values = defaultParameters();
        if (inside) {
          setParameter(values, entry.name, value);
          expect(values[entry.name]).toBe(value);
        } else {
          expect(() => setParameter(values, entry.name, value)).toThrow(ParameterError);
        }
      }),
    );
  });

  it.each([
    ['controler_frequency', 'controller_frequency'],
    ['learning-rate', 'learning_rate'],
    ['margin', 'safety.margin'],
    ['robot.max_sped', 'robot.max_speed'],
    ['reward.progess', 'reward.progress'],
  ])('answers the unknown name %s with the nearest, %s', (wrong, right) => {
    expect(() => setParameter(defaultParameters(), wrong, 1)).toThrow(`did you mean ${right}?`);
  });

  it('points to the reference where no name is near', () => {
    expect(() => setParameter(defaultParameters(), 'qqqqqqqqqqqqqqqqqqqqqq', 1)).toThrow('docs/parameters.md');
    expect(() => setParameter(defaultParameters(), '__proto__', 1)).toThrow('no such parameter');
  });

  it('refuses a watchdog that would stop a healthy robot, and a reaction or a reward faster than a cycle', () => {
    const slow = { ...defaultParameters(), controller_frequency: 4, 'safety.reaction_time_s': 1 };
    expect(() => checkRelations(slow)).toThrow(/watchdog_timeout_s: 0.25 is not allowed; allowed: at least 0.5 s/);
    const hasty = { ...defaultParameters(), controller_frequency: 10 };
    expect(() => checkRelations(hasty)).toThrow(/safety.reaction_time_s: 0.06 is not allowed; allowed: at least 0.1 s/);
    const early = { ...defaultParameters(), 'reward.horizon_s': 0.01 };
    expect(() => checkRelations(early)).toThrow(/reward.horizon_s: 0.01 is not allowed; allowed: at least 0.02 s/);
  });
});

describe('the written forms of the table', () => {
  it('docs/parameters.md is what the table says; `npm run docs:parameters` rewrites it', () => {
    expect(readFileSync(join(packageRoot(), 'docs', 'parameters.md'), 'utf8')).toBe(parameterReference());
  });

  it('the reference has one row of seven cells for each parameter', () => {
    const rows = parameterReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows.map((row) => row.split('|').length)).toEqual(parameterTable.map(() => 9));
    expect(rows.map((row) => row.split('`')[1])).toEqual(parameterTable.map((entry) => entry.name));
  });

  it('the help shows the values in force beside the defaults', () => {
    const help = parameterHelp({ ...defaultParameters(), epsilon: 0.33 });
    expect(help).toContain('epsilon: 0.33\n');
    expect(help).toContain('a number from 0 to 1; default 0.1');
    expect(help).toContain("reward.expression: ''\n");
    expect(findParameter('no_such')).toBeUndefined();
  });
});
