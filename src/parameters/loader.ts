/**
 * Reads parameter files in ROS 2's form, the same file for every port:
 *
 *     /**:                    (or rfsn_controller:)
 *       ros__parameters:
 *         controller_frequency: 50.0
 *         robot:
 *           max_speed: 1.5    (robot.max_speed)
 */

import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { ParameterError } from './parameter-error.js';
import { isPreset } from './presets.js';
import {
  checkRelations,
  defaultParameters,
  findParameter,
  type ParameterValue,
  type ParameterValues,
  setParameter,
} from './schema.js';

/** The node's name in ROS, and the section of a parameter file that is meant for it. */
export const NODE_NAME = 'rfsn_controller';

/** Parameters that ROS itself reads: passed by. */
export const OF_ROS = /^(use_sim_time|start_type_description_service|qos_overrides\..+)$/;

/**
 * Defaults, then the files in their order, then the overrides; what comes later wins.
 *
 * @param paths YAML files in ROS 2 parameter-file form
 * @param overrides by dotted name; text is read as the parameter's own type, so that flags can be passed as they are
 * @param given takes in the name of every parameter that the files set, presets apart
 * @returns a fresh plain object, owned by the caller
 * @throws ParameterError that names the parameter, the value and what is allowed
 * @realtime unsafe
 */
export function loadParameters(
  paths: readonly string[] = [],
  overrides: Readonly<Record<string, ParameterValue>> = {},
  given: Set<string> = new Set(),
): ParameterValues {
  const values = defaultParameters();
  for (const path of paths) applyFile(values, path, isPreset(path) ? new Set() : given);
  for (const [name, value] of Object.entries(overrides)) setParameter(values, name, fromText(name, value));
  checkRelations(values);
  return values;
}

function applyFile(values: ParameterValues, path: string, given: Set<string>): void {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ParameterError('', `cannot read the parameter file: ${(error as Error).message}`, path);
  }
  applyParameterText(values, content, path, given);
}

/**
 * Applies the text of one parameter file.
 *
 * @param values changed in place
 * @param path for messages
 * @param given takes in the name of every parameter that the text sets
 * @throws ParameterError with `path:line:column`
 * @realtime unsafe
 */
export function applyParameterText(
  values: ParameterValues,
  content: string,
  path: string,
  given: Set<string> = new Set(),
): void {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined): string => {
    if (offset === undefined) return path;
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const problem = document.errors[0];
  if (problem !== undefined) throw new ParameterError('', problem.message, at(problem.pos[0]));

  const foreign: string[] = [];
  let sections = 0;

  const visit = (map: YAMLMap, name: string): void => {
    for (const pair of pairsOf(map, at)) {
      const key = keyOf(pair, at);
      const node = pair.value as Node | null;
      if (key === 'ros__parameters') {
        if (!isOurs(name)) {
          foreign.push(name === '' ? '(no node)' : name);
        } else if (isMap(node)) {
          sections++;
          flatten(node, '', new Set());
        } else if (!isNothing(node)) {
          throw new ParameterError('', 'ros__parameters must hold names and values', at(node?.range?.[0]));
        } else {
          sections++;
        }
      } else if (isMap(node)) {
        visit(node, `${name}/${key}`);
      } else {
        throw new ParameterError(
          '',
          `${key} stands outside a node’s ros__parameters; expected ${NODE_NAME}: or /**: with ros__parameters: below it`,
          at((pair.key as Node).range?.[0]),
        );
      }
    }
  };

  const flatten = (map: YAMLMap, prefix: string, seen: Set<string>): void => {
    for (const pair of pairsOf(map, at)) {
      const name = prefix + keyOf(pair, at);
      const node = pair.value as Node | null;
      const source = at(node?.range?.[0] ?? (pair.key as Node).range?.[0]);
      if (isMap(node)) {
        flatten(node, `${name}.`, seen);
        continue;
      }
      // `a.b: 1` beside `a: {b: 2}` are different keys to YAML and the same parameter to ROS.
      if (seen.has(name)) throw new ParameterError(name, 'given twice', source);
      seen.add(name);
      if (OF_ROS.test(name)) continue;
      if (isAlias(node)) throw new ParameterError(name, 'aliases are not supported', source);
      const value = isScalar(node) ? node.value : isSeq(node) ? node.items.map(String) : null;
      setParameter(values, name, value, source);
      given.add(name);
    }
  };

  if (isMap(document.contents)) {
    visit(document.contents as YAMLMap, '');
  } else if (document.contents !== null && !isNothing(document.contents as Node)) {
    throw new ParameterError('', `not a parameter file: expected ${NODE_NAME}: or /**: at the top`, path);
  }
  // A file may also serve other nodes; one that serves only others is a slip in the node's name.
  if (sections === 0 && foreign.length > 0) {
    throw new ParameterError('', `holds parameters for ${foreign.join(', ')} only; this node is ${NODE_NAME}`, path);
  }
}

type Locate = (offset: number | undefined) => string;

function pairsOf(map: YAMLMap, at: Locate): Pair[] {
  // ROS's own parser knows neither anchors nor aliases; a file that works here must work there.
  if (map.anchor !== undefined) throw new ParameterError('', 'anchors are not supported', at(map.range?.[0]));
  return map.items;
}

function keyOf(pair: Pair, at: Locate): string {
  const key = pair.key;
  if (isScalar(key) && typeof key.value === 'string' && key.value !== '') return key.value;
  throw new ParameterError('', 'every key must be a name', at((key as Node | null)?.range?.[0]));
}

function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** Whether a section's path, such as `/robot1/rfsn_controller` or `/**`, is meant for this node. */
function isOurs(path: string): boolean {
  const last = path.slice(path.lastIndexOf('/') + 1);
  return last === NODE_NAME || last === '*' || last === '**';
}

/** Text from a command line in the type the parameter has; what does not read so stays text and is refused as such. */
function fromText(name: string, value: ParameterValue): ParameterValue {
  const type = findParameter(name)?.type;
  if (typeof value !== 'string') return value;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  if (type === 'number' || type === 'integer') {
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
  }
  return value;
}
