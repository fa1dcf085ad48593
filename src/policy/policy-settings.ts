/**
 * Ranges and choices of policies' settings, checked at construction: every policy declares its own in one table and
 * refuses what is outside by the setting's name, the value and what is allowed. So it does with settings that are each
 * in their range and together need more memory than there may be.
 */
import { PolicyConfigError } from './policy.js';

export interface NumberRange {
  readonly low: number;
  readonly high: number;
  readonly integer: boolean;
  /** `low` itself is not allowed. */
  readonly openLow: boolean;
  /** null, for "none", is allowed. */
  readonly optional: boolean;
}

/** A setting's rule: a range of numbers, or the values it may have. */
export type SettingRule = NumberRange | readonly unknown[];

export const real = (low: number, high: number, openLow = false): NumberRange => ({
  low,
  high,
  integer: false,
  openLow,
  optional: false,
});
export const integer = (low: number, high: number): NumberRange => ({
  low,
  high,
  integer: true,
  openLow: false,
  optional: false,
});
export const optional = (range: NumberRange): NumberRange => ({ ...range, optional: true });

/**
 * The whole configuration: defaults, then what `config` says, frozen.
 *
 * @param defaults of every setting there is
 * @param rules of those that have one; the others are the caller's to check
 * @throws PolicyConfigError with the setting, its value and what is allowed; an unknown setting is refused too
 * @realtime unsafe
 */
export function resolveSettings<Config extends object>(
  defaults: Readonly<Config>,
  rules: { readonly [setting: string]: SettingRule },
  config: Partial<Config>,
): Readonly<Config> {
  for (const name of Object.keys(config)) {
    if (!Object.hasOwn(defaults, name)) throw new PolicyConfigError(name, `unknown parameter ${name}`);
  }
  const resolved = { ...defaults, ...config };
  const byName = resolved as { [name: string]: unknown };
  for (const [name, rule] of Object.entries(rules)) {
    if ('low' in rule) checkNumber(name, byName[name], rule);
    else if (!rule.includes(byName[name])) {
      throw new PolicyConfigError(name, `${name} is ${String(byName[name])}, allowed: ${rule.join(', ')}`);
    }
  }
  return Object.freeze(resolved);
}

function checkNumber(name: string, value: unknown, rule: NumberRange): void {
  if (value === null && rule.optional) return;
  const ok =
    typeof value === 'number' &&
    (rule.openLow ? value > rule.low : value >= rule.low) &&
    value <= rule.high &&
    (!rule.integer || Number.isSafeInteger(value));
  if (ok) return;
  const kind = `${rule.integer ? 'an integer' : 'a number'} in ${rule.openLow ? '(' : '['}${rule.low}, ${rule.high}]`;
  throw new PolicyConfigError(name, `${name} is ${String(value)}, allowed: ${kind}${rule.optional ? ', or null' : ''}`);
}

/** A policy's memory is no larger [bytes]: a state says its length in 32 bits. */
export const MEMORY_LIMIT_BYTES = 2 ** 32;

/** The settings that memory grows with, in any configuration. */
export interface SizeSettings {
  readonly n_actions: number;
  readonly context_dim: number;
  readonly arms?: string;
  readonly arm_dim?: number;
  readonly n_bootstraps?: number;
}

/**
 * Refuses a configuration that needs more than `MEMORY_LIMIT_BYTES`; to be asked before anything is done in proportion to
 * them.
 *
 * @returns `bytes`
 * @throws PolicyConfigError that names all of `sizes`, and has the largest of them as its parameter
 * @realtime unsafe
 */
export function checkMemory(sizes: SizeSettings, bytes: number): number {
  if (bytes <= MEMORY_LIMIT_BYTES) return bytes;
  throw tooLarge(sizes, bytes, `allowed: ${MEMORY_LIMIT_BYTES} bytes`);
}

/** Memory of a policy, zeroed. @throws PolicyConfigError as `checkMemory`, or where there is not so much @realtime unsafe */
export function allocateMemory(sizes: SizeSettings, bytes: number): ArrayBuffer {
  checkMemory(sizes, bytes);
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw tooLarge(sizes, bytes, 'more than can be allocated here');
  }
}

/** @realtime unsafe */
export function tooLarge(sizes: SizeSettings, bytes: number, limit: string): PolicyConfigError {
  const { n_actions, context_dim, arm_dim = 0, n_bootstraps = 0 } = sizes;
  const numbers = Object.entries({ n_actions, context_dim, arm_dim, n_bootstraps }).filter(([, value]) => value > 0);
  const [parameter] = numbers.reduce((most, entry) => (entry[1] > most[1] ? entry : most));
  const listed = [...numbers, ...(sizes.arms === undefined ? [] : [['arms', sizes.arms]])].map((pair) =>
    pair.join(' '),
  );
  return new PolicyConfigError(parameter, `${listed.join(', ')} need ${bytes} bytes together, ${limit}`);
}

/**
 * Checks names given to features.
 *
 * @param setting whose names they are
 * @param count how many there must be; null stands for `count` default names
 * @param reserved names that something else has
 * @throws PolicyConfigError
 * @realtime unsafe
 */
export function checkFeatureNames(
  setting: string,
  names: readonly string[] | null,
  count: number,
  reserved: readonly string[],
): void {
  if (names === null) return;
  if (!Array.isArray(names) || names.length !== count) {
    throw new PolicyConfigError(setting, `${setting} must be ${count} names, one for each feature, or null`);
  }
  const seen = new Set<string>(reserved);
  for (const name of names) {
    if (typeof name !== 'string' || name === '') throw new PolicyConfigError(setting, `${setting} has an empty name`);
    if (seen.has(name)) throw new PolicyConfigError(setting, `${setting} has ${name} twice, or it is reserved`);
    seen.add(name);
  }
}
