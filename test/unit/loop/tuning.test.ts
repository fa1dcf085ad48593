import { describe, expect, it } from 'vitest';
import { TUNABLE_NAMES, Tuning } from '../../../src/loop/tuning.js';
import { TUNING_DOUBLES, TuningField } from '../../../src/memory/layout.js';
import { loadParameters } from '../../../src/parameters/loader.js';
import { ParameterError } from '../../../src/parameters/parameter-error.js';
import { findParameter, parameterTable } from '../../../src/parameters/schema.js';

function refusal(call: () => void): ParameterError {
  try {
    call();
  } catch (error) {
    if (error instanceof ParameterError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('what may be changed on a running controller', () => {
  it('is what the table does not call read-only', () => {
    expect(parameterTable.filter(({ readOnly }) => !readOnly).map(({ name }) => name)).toEqual([...TUNABLE_NAMES]);
  });

  it('starts with the controller’s parameters and is written where the cycle finds it', () => {
    const tuning = new Tuning(loadParameters([], { 'robot.max_speed': 1.5, 'robot.max_yaw_rate': 3, epsilon: 0.2 }));
    tuning.set('robot.max_yaw_rate', 0.5);
    tuning.set('epsilon', 0);
    const out = new Float64Array(TUNING_DOUBLES);
    tuning.writeInto(out);
    expect(out[TuningField.maxSpeed]).toBe(1.5);
    expect(out[TuningField.maxYawRate]).toBe(0.5);
    expect(out[TuningField.epsilon]).toBe(0);
    expect(tuning.values).toEqual({ 'robot.max_speed': 1.5, 'robot.max_yaw_rate': 0.5, epsilon: 0 });
  });

  it('goes back up to what the robot started with, and no higher', () => {
    const tuning = new Tuning(loadParameters([], { 'robot.max_speed': 1.5 }));
    tuning.set('robot.max_speed', 0.01);
    tuning.set('robot.max_speed', 1.5);
    expect(refusal(() => tuning.set('robot.max_speed', 1.6)).message).toBe(
      'robot.max_speed: 1.6 is not allowed; allowed while running: from 0.01 to the 1.5 m/s it started with, which safety was built for',
    );
    expect(tuning.values['robot.max_speed']).toBe(1.5);
  });

  it('refuses a value that no file may hold in the words that the loader has for it', () => {
    const tuning = new Tuning(loadParameters());
    for (const [name, value] of [
      ['robot.max_speed', 0],
      ['robot.max_yaw_rate', Number.NaN],
      ['epsilon', 1.5],
      ['epsilon', 'much'],
      ['no.such', 1],
      ['safety.margin', -1],
    ] as const) {
      const loaded = refusal(() => loadParameters([], { [name]: value }));
      expect(refusal(() => tuning.set(name, value)).message).toBe(loaded.message);
    }
  });

  it('does not include read-only parameters, each refused by its name', () => {
    const tuning = new Tuning(loadParameters());
    const before = tuning.values;
    for (const { name, default: value } of parameterTable) {
      if (findParameter(name)?.readOnly === false) continue;
      const { message, parameter } = refusal(() => tuning.set(name, value));
      expect(parameter).toBe(name);
      expect(message).toContain('cannot be changed while running');
    }
    expect(tuning.values).toEqual(before);
  });

  it('has exploration only where the policy has', () => {
    for (const policy of ['random', 'fallback', 'squarecb', 'bandit', 'ucb1'] as const) {
      const tuning = new Tuning(loadParameters([], { policy }));
      const has = policy !== 'random' && policy !== 'fallback';
      expect(tuning.names.includes('epsilon'), policy).toBe(has);
      if (!has) expect(refusal(() => tuning.set('epsilon', 0.1)).message).toContain('has no such setting');
    }
  });

  it('is nothing where the control thread runs something else', () => {
    expect(new Tuning({ blockMs: 3 }).names).toEqual([]);
    expect(new Tuning(undefined).names).toEqual([]);
    expect(refusal(() => new Tuning(null).set('epsilon', 0.1)).parameter).toBe('epsilon');
  });
});
