/** `--policy`, which several commands have, and what is to be said about a policy and its parameters. */
import { Option } from 'commander';
import { POLICY_PARAMETERS, policyNameOf } from '../loop/configuration.js';
import { findParameter, type ParameterValues } from '../parameters/schema.js';
import { settingsOf } from '../policy/create-policy.js';
import { GD_DEFAULTS } from '../policy/gd-regression.js';
import { RIDGE_DEFAULTS } from '../policy/ridge-regression.js';

/** Every name that `--policy` takes: those of the parameter `policy`. */
export const POLICY_CHOICES: readonly string[] = (findParameter('policy') as { values: readonly string[] }).values;

/** `--policy NAME`, over the parameter. @param choices those that the command can use @realtime unsafe */
export function policyOption(choices: readonly string[] = POLICY_CHOICES): Option {
  return new Option('--policy <name>', 'who decides (default: the parameter policy)').choices(choices);
}

/**
 * What a user who set parameters should know: those that belong to other policies than the one that decides, or to the
 * regressor that it could have and has not.
 *
 * @param given names of the parameters that were set
 * @returns at most one sentence
 * @realtime unsafe
 */
export function policyNotes(p: ParameterValues, given: ReadonlySet<string>): string[] {
  const known = settingsOf(policyNameOf(p));
  const chooses = known.includes('regressor');
  const other = chooses ? Object.keys(p.regressor === 'ridge' ? GD_DEFAULTS : RIDGE_DEFAULTS) : [];
  const unused = POLICY_PARAMETERS.filter((name) => given.has(name) && (!known.includes(name) || other.includes(name)));
  if (unused.length === 0) return [];
  const policy = chooses ? `${p.policy} with the regressor ${p.regressor}` : p.policy;
  return [`the policy ${policy} does not use ${unused.join(', ')}`];
}
