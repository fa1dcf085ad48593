/**
 * What a checkpoint's numbers mean: the features and the policy they belong to, in a canonical text whose hash decides
 * whether a checkpoint fits. The text travels with the hash, so that a refusal can say what differs.
 */
import { createHash } from 'node:crypto';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Bytes of a schema hash. */
export const SCHEMA_HASH_BYTES = 16;

/** Differences that a mismatch names before it says "and N more". */
const NAMED_DIFFERENCES = 4;
/** Characters of a value shown. */
const LONGEST_VALUE = 48;
/** Levels compared; a schema has three, a forged file might have a million. */
const DEEPEST_LEVEL = 16;

export interface CheckpointSchema {
  /** The description as JSON with sorted keys and no spaces. */
  readonly text: string;
  /** The first 128 bits of the text's SHA-256, in hexadecimal. */
  readonly hash: string;
}

/**
 * The schema of a description, which holds exactly what makes a saved policy unusable when it changes: the names of the
 * features in their order, interactions, number of actions, table size; not rates and seeds, with which a policy may be
 * resumed. The order of keys does not matter.
 *
 * @throws TypeError where the description holds what JSON cannot carry (NaN, infinities, functions, undefined)
 * @realtime unsafe
 */
export function checkpointSchema(description: JsonObject): CheckpointSchema {
  return schemaOfText(canonicalJson(description));
}

/** The schema whose canonical text is given. @realtime unsafe */
export function schemaOfText(text: string): CheckpointSchema {
  return {
    text,
    hash: createHash('sha256')
      .update(text)
      .digest('hex')
      .slice(0, 2 * SCHEMA_HASH_BYTES),
  };
}

/**
 * JSON without spaces, keys sorted by UTF-16 code unit as in RFC 8785, so that equal values give equal text.
 *
 * @throws TypeError for what JSON cannot carry; JSON.stringify would write null for NaN and drop undefined
 * @realtime unsafe
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`JSON cannot carry the number ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`JSON cannot carry a value of type ${typeof value}`);
  const object = value as JsonObject;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  return `{${members.join(',')}}`;
}

/**
 * What differs between two canonical texts, for a person: "policy.bits is 18 in the file and 20 here".
 *
 * @realtime unsafe
 */
export function describeDifference(fileText: string, expectedText: string): string {
  const inFile = leaves(fileText);
  const here = leaves(expectedText);
  // What both have and differ in says more than what only one has; the name of a policy stands before its settings.
  const paths = [...new Set([...inFile.keys(), ...here.keys()])].filter((path) => inFile.get(path) !== here.get(path));
  const rank = (path: string): number =>
    (inFile.has(path) && here.has(path) ? 0 : 2) + (path.endsWith('.name') ? 0 : 1);
  paths.sort((a, b) => rank(a) - rank(b));
  const named = paths
    .slice(0, NAMED_DIFFERENCES)
    .map((path) => `${path} is ${inFile.get(path) ?? 'absent'} in the file and ${here.get(path) ?? 'absent'} here`);
  const more = paths.length - named.length;
  if (more > 0) named.push(`and ${more} more`);
  return named.join('; ');
}

function leaves(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string, value: JsonValue, level: number) => {
    if (level > DEEPEST_LEVEL) {
      found.set(path, '…');
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      if (entries.length === 0) found.set(path, Array.isArray(value) ? '[]' : '{}');
      for (const [key, member] of entries) {
        if (Array.isArray(value)) visit(`${path}[${key}]`, member, level + 1);
        else visit(path === '' ? key : `${path}.${key}`, member, level + 1);
      }
    } else {
      const shown = JSON.stringify(value);
      found.set(path, shown.length > LONGEST_VALUE ? `${shown.slice(0, LONGEST_VALUE)}…` : shown);
    }
  };
  visit('', JSON.parse(text) as JsonValue, 0);
  return found;
}
