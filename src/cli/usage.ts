/** What the commands share: exit codes, the last line of `--json`, and the options that mean the same everywhere. */
import { type Command, InvalidArgumentError } from 'commander';
import { loadParameters } from '../parameters/loader.js';
import type { ParameterValues } from '../parameters/schema.js';

export const ExitCode = {
  /** The command did its work. Episodes that failed and findings of a check are results, not errors. */
  done: 0,
  /** It could not do its work. */
  failed: 1,
  /** It was asked for something that does not exist or is not allowed. */
  usage: 2,
} as const;

/** The command line asks for what cannot be. Exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Ends standard output with one line that holds one JSON object. Call it last.
 *
 * @param figures bigints become numbers; a number that is not finite becomes null, as JSON has none
 * @realtime unsafe
 */
export function printJson(figures: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify(figures, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  process.stdout.write(`${line}\n`);
}

/**
 * What a file lacks, on standard error. What it says of itself must not reach the terminal as control sequences.
 *
 * @realtime unsafe
 */
export function printNotes(notes: readonly string[]): void {
  for (const note of notes) process.stderr.write(`note: ${note.replace(/\p{Cc}/gu, '?')}\n`);
}

/** An integer within both bounds, for commander's option parsers. @realtime unsafe */
export function integerArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: an integer from ${min} to ${max}.`);
  };
}

/** A number within both bounds, for commander's option parsers. @realtime unsafe */
export function numberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: a number from ${min} to ${max}.`);
  };
}

/** `--seed`: any 32-bit unsigned integer. */
export const seedArgument = integerArgument(0, 4_294_967_295);

/** What `addParameterOptions` leaves in a command's options. */
export interface ParameterOptions {
  params?: string[];
  set?: Record<string, string>;
}

/**
 * Gives a command `--params FILE` and `--set name=value`, each as often as one likes.
 *
 * @returns the same command
 * @realtime unsafe
 */
export function addParameterOptions(command: Command): Command {
  return command
    .option(
      '--params <file>',
      'parameter file in ROS 2 form; several are applied in order',
      (path: string, paths: string[] = []) => [...paths, path],
    )
    .option(
      '--set <name=value>',
      'one parameter, over the files; `rfsn parameters` lists them',
      (text: string, values: Record<string, string> = {}) => {
        const at = text.indexOf('=');
        if (at < 1) throw new InvalidArgumentError('Write it as name=value.');
        return { ...values, [text.slice(0, at)]: text.slice(at + 1) };
      },
    );
}

/**
 * The parameters that the options ask for: defaults, files, `--set`, then what the command's own flags stand for.
 *
 * @param flags by dotted name, such as `{ random_seed: options.seed }`; undefined ones are left out
 * @param given takes in the name of every parameter that the files or `--set` set
 * @throws ParameterError, exit 2
 * @realtime unsafe
 */
export function readParameters(
  options: ParameterOptions,
  flags: Readonly<Record<string, string | number | boolean | undefined>> = {},
  given: Set<string> = new Set(),
): ParameterValues {
  const overrides: Record<string, string | number | boolean> = { ...options.set };
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (name === 'policy' && Object.hasOwn(overrides, name) && overrides[name] !== value) {
      throw new UsageError(`--policy ${value} and --set policy=${overrides[name]}: which?`);
    }
    overrides[name] = value;
  }
  for (const name of Object.keys(options.set ?? {})) given.add(name);
  return loadParameters(options.params ?? [], overrides, given);
}
