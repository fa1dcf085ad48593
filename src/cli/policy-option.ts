/** `--policy`, which several commands have, and what is to be said about a policy and its parameters. */
import { Option } from 'commander';
import { POLICY_PARAMETERS, policyNameOf } from '../loop/configuration.js';
import { findParameter, type ParameterValues } from '../parameters/schema.js';
import { settingsOf } from '../policy/create-policy.js';

/** Every name that `--policy` takes: those of the parameter `policy`. */
export const POLICY_CHOICES: readonly string[] = (findParameter('policy') as { values: readonly string[] }).values;

/** `--policy NAME`, over the parameter. @param choices those that the command can use @realtime unsafe */
export function policyOption(choices: readonly string[] = POLICY_CHOICES): Option {
  return new Option('--policy <name>', 'who decides (default: the parameter policy)').choices(choices);
}

/**
 * What a user who set parameters should know: those that belong to other policies than the one that decides.
 *
 * @param given names of the parameters that were set
 * @returns at most one sentence
 * @realtime unsafe
 */
export function policyNotes(p: ParameterValues, given: ReadonlySet<string>): string[] {
  const known = settingsOf(policyNameOf(p));
  const unused = POLICY_PARAMETERS.filter((name) => given.has(name) && !known.includes(name));
  return unused.length === 0 ? [] : [`the policy ${p.policy} does not use ${unused.join(', ')}`];
}
