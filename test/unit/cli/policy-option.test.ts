import { copyFileSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { POLICY_CHOICES } from '../../../src/cli/policy-option.js';
import { type RunOptions, readRun } from '../../../src/cli/run-options.js';
import { isPreset, packageRoot, presetNames, presetPath } from '../../../src/parameters/presets.js';
import { temporaryFolder } from '../../support/command-line.js';

const at = temporaryFolder();
const notesOf = (options: Partial<RunOptions>) => readRun({ scenario: 'open', ...options }).notes;
/** As `--policy` gives them; nothing where it is not there. */
const DECIDERS = [{}, ...POLICY_CHOICES.map((policy) => ({ policy }))];

describe('the notes on a policy’s parameters', () => {
  it.each(presetNames)('say nothing of the preset %s, whoever decides and however it is named', (preset) => {
    const path = presetPath(preset);
    for (const decider of DECIDERS) {
      for (const params of [
        [path],
        [relative(process.cwd(), path)],
        [join(packageRoot(), 'src/../config', `${preset}.yaml`)],
      ]) {
        expect(notesOf({ ...decider, params }), `${JSON.stringify(decider)}: ${params[0]}`).toEqual([]);
      }
      expect(notesOf({ ...decider, preset }), JSON.stringify(decider)).toEqual([]);
    }
  });

  it('name what a file of the user sets in vain, even if it is a copy of a preset', () => {
    const params = [at('development.yaml')];
    copyFileSync(presetPath('development'), params[0]);
    expect(notesOf({ params, policy: 'linucb' })).toEqual(['the policy linucb does not use learning_rate, bits']);
    expect(notesOf({ params, policy: 'bandit' })).toEqual([]);
    const beside = { params, preset: 'production', policy: 'linucb' } as const;
    expect(notesOf(beside)).toEqual(['the policy linucb does not use learning_rate, bits']);
  });

  it('name what is set for the regressor that a policy could have and has not', () => {
    const set = { learning_rate: '0.2', ridge: '2', discount: '0.999', epsilon: '0.2', alpha: '1' };
    expect(notesOf({ set })).toEqual([
      'the policy squarecb with the regressor ridge does not use learning_rate, alpha',
    ]);
    expect(notesOf({ set: { ...set, regressor: 'gd' } })).toEqual([
      'the policy squarecb with the regressor gd does not use alpha, ridge, discount',
    ]);
    expect(notesOf({ preset: 'development', set: { bits: '20' } })).toEqual([
      'the policy squarecb with the regressor ridge does not use bits',
    ]);
  });
});

describe('a preset', () => {
  it('is known where a linked package has it too', () => {
    symlinkSync(join(packageRoot(), 'config'), at('linked'));
    expect(isPreset(at('linked', 'staging.yaml'))).toBe(true);
    expect(isPreset(at('linked', 'omni.yaml'))).toBe(false);
    expect(isPreset(at('no-such.yaml'))).toBe(false);
  });

  it('is known by its place and not by its name', () => {
    expect(presetNames.map((preset) => isPreset(presetPath(preset)))).toEqual(presetNames.map(() => true));
    expect(isPreset(at('development.yaml'))).toBe(false);
    expect(isPreset(join(packageRoot(), 'config', 'jackal.yaml'))).toBe(false);
  });
});
