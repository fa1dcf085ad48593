/** `rfsn checkpoint`: what is in a checkpoint, and carrying a policy over to another table size. */
import { readdirSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { CheckpointError } from '../checkpoint/checkpoint-error.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../checkpoint/format.js';
import { isJsonObject, readPolicyDescription } from '../checkpoint/policy-description.js';
import { checkpointSchema, type JsonObject } from '../checkpoint/schema.js';
import {
  CheckpointStore,
  newestFirst,
  type RefusedCheckpoint,
  readCheckpointBytes,
  writeCheckpointFile,
} from '../checkpoint/store.js';
import { findParameter } from '../parameters/schema.js';
import { ContextualBandit, convertState } from '../policy/contextual-bandit.js';
import { type ContextualBanditConfig, featureNames } from '../policy/contextual-bandit-config.js';
import { createPolicy, POLICY_NAMES } from '../policy/create-policy.js';
import type { PolicyStats } from '../policy/policy.js';
import { integerArgument, printJson } from './usage.js';

/** The section that holds the policy's exported state. */
const POLICY_SECTION = 'policy';
const BANDIT = 'bandit';
const CHECKPOINT_SUFFIX = '.rfsn';
/** Table sizes that `convert` offers: those a run can have. */
const BITS = findParameter('bits') as { min: number; max: number };

/** The value at which a feature is probed: large, so that a small weight is not lost beside the constant's. */
const PROBE = 2 ** 40;

/** What one action of a linear policy has learned; all figures over its weights, the constant's included. */
export interface ActionSummary {
  readonly action: number;
  readonly weights: number;
  readonly non_zero: number;
  readonly min: number;
  readonly max: number;
  /** Euclidean. */
  readonly norm: number;
}

interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly path: string;
  readonly refused: readonly RefusedCheckpoint[];
  /** Names of all checkpoints in the folder, newest first; null where one file was asked for. */
  readonly folder: readonly string[] | null;
}

/** Adds `checkpoint show FILE|FOLDER` and `checkpoint convert --bits N IN OUT`. @realtime unsafe */
export function registerCheckpointCommand(program: Command): void {
  const command = program.command('checkpoint').description('show what is in a checkpoint, or convert one');
  command
    .command('show')
    .description('show a checkpoint, or the newest good one of a folder')
    .argument('<path>', 'a checkpoint file, or a folder of checkpoints')
    .option('--json', 'end with one line of JSON')
    .action(async (path: string, options: { json?: boolean }) => {
      const read = await readCheckpoint(path);
      if (options.json === true) printJson(checkpointJson(read));
      else process.stdout.write(checkpointText(read));
    });
  command
    .command('convert')
    .description('carry a policy over to another table size, each weight by the name of its feature')
    .requiredOption('--bits <n>', 'the new table has 2^n slots', integerArgument(BITS.min, BITS.max))
    .argument('<in>', 'a checkpoint file, or a folder whose newest good one is taken')
    .argument('<out>', 'a new file NAME.rfsn, or a folder, where it becomes the newest generation')
    .option('--json', 'end with one line of JSON')
    .action(async (input: string, output: string, options: { bits: number; json?: boolean }) => {
      const { checkpoint, path } = await readCheckpoint(input);
      const bytes = convertCheckpoint(checkpoint, options.bits, Date.now());
      let written = output;
      if (isFolder(output) || !output.endsWith(CHECKPOINT_SUFFIX)) {
        // Whoever converts wants to keep what was converted from, so nothing is pruned.
        const store = new CheckpointStore(output, { generations: Number.MAX_SAFE_INTEGER });
        written = (await store.save(bytes)).path;
      } else {
        await writeCheckpointFile(output, bytes);
      }
      const bits = { from: Number(readPolicyDescription(checkpoint.metadata)?.config['bits']), to: options.bits };
      if (options.json === true) printJson({ in: path, out: written, bits });
      else process.stdout.write(`${path} (${bits.from} bits) converted to ${written} (${bits.to} bits)\n`);
    });
}

/**
 * The same checkpoint with its policy carried over to a table of 2^bits slots. Everything else stays, the parameter `bits`
 * and the schema excepted.
 *
 * @throws CheckpointError where it holds no bandit; PolicyStateError
 * @realtime unsafe
 */
export function convertCheckpoint(checkpoint: Checkpoint, bits: number, createdUnixMs: number): Uint8Array {
  const policy = readPolicyDescription(checkpoint.metadata);
  const state = checkpoint.sections.get(POLICY_SECTION);
  if (policy === null || policy.name !== BANDIT || state === undefined) {
    const held = policy === null ? 'no policy that it describes' : `the policy "${policy.name}"`;
    throw new CheckpointError('malformed', `only the policy "${BANDIT}" has a table; this checkpoint holds ${held}`);
  }
  const config = { ...policy.config, bits };
  const converted = convertState(state, banditConfig(policy.config), banditConfig(config));

  const { parameters } = checkpoint.metadata;
  const metadata: JsonObject = {
    ...checkpoint.metadata,
    policy: { name: policy.name, config },
    ...(isJsonObject(parameters) && 'bits' in parameters ? { parameters: { ...parameters, bits } } : {}),
  };
  const schema = JSON.parse(checkpoint.schema.text) as JsonObject;
  const schemaPolicy = schema['policy'];
  if (!isJsonObject(schemaPolicy)) {
    throw new CheckpointError('malformed', 'the schema of this checkpoint does not describe a policy');
  }
  return encodeCheckpoint({
    ...checkpoint,
    createdUnixMs,
    metadata,
    schema: checkpointSchema({ ...schema, policy: { ...schemaPolicy, bits } }),
    sections: new Map([...checkpoint.sections, [POLICY_SECTION, converted]]),
  });
}

/**
 * The weights of each action, read through the policy's own predictions: a linear model's weight of feature i is its
 * value where only i is present, less its value at zero, which is the constant's weight.
 *
 * @throws PolicyStateError, PolicyConfigError
 * @realtime unsafe
 */
export function summarizeBandit(config: JsonObject, state: Uint8Array): ActionSummary[] {
  const policy = new ContextualBandit(banditConfig(config));
  policy.importState(state);
  const { nActions, contextDim } = policy;
  const context = new Float64Array(contextDim);
  const constants = new Float64Array(nActions);
  const values = new Float64Array(nActions);
  policy.values(context, constants);
  const nonZero = Array.from(constants, (weight) => (weight === 0 ? 0 : 1));
  const min = constants.slice();
  const max = constants.slice();
  const squares = constants.map((weight) => weight * weight);
  const { context_dim: shared, arm_dim: own } = policy.config;
  for (let i = 0; i < contextDim; i++) {
    context[i] = PROBE;
    policy.values(context, values);
    context[i] = 0;
    for (let a = 0; a < nActions; a++) {
      // What belongs to another action says nothing of this one.
      if (i >= shared && Math.floor((i - shared) / own) !== a) continue;
      const weight = (values[a] - constants[a]) / PROBE;
      if (weight !== 0) nonZero[a]++;
      min[a] = Math.min(min[a], weight);
      max[a] = Math.max(max[a], weight);
      squares[a] += weight * weight;
    }
  }
  return nonZero.map((count, action) => ({
    action,
    weights: featureNames(policy.config).length,
    non_zero: count,
    min: min[action],
    max: max[action],
    norm: Math.sqrt(squares[action]),
  }));
}

/** The metadata were plain JSON; the bandit itself checks every value. */
function banditConfig(config: JsonObject): Partial<ContextualBanditConfig> {
  return config as unknown as Partial<ContextualBanditConfig>;
}

async function readCheckpoint(path: string): Promise<ReadCheckpoint> {
  if (!isFolder(path)) {
    try {
      return { checkpoint: decodeCheckpoint(await readCheckpointBytes(path)), path, refused: [], folder: null };
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.reason === 'unreadable') throw error;
      throw new CheckpointError(error.reason, `${path}: ${error.message}`, error);
    }
  }
  const loaded = await new CheckpointStore(path).loadNewest();
  if (loaded === null) {
    throw new CheckpointError(
      'unreadable',
      `there is no checkpoint in ${path}: a policy that starts there is untrained`,
    );
  }
  const folder = newestFirst(readdirSync(path)).map(({ name }) => name);
  return { checkpoint: loaded.checkpoint, path: loaded.path, refused: loaded.refused, folder };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Opening it will say why.
    return false;
  }
}

function policyJson(checkpoint: Checkpoint): Record<string, unknown> | null {
  const policy = readPolicyDescription(checkpoint.metadata);
  const state = checkpoint.sections.get(POLICY_SECTION);
  if (policy === null || !POLICY_NAMES.some((name) => name === policy.name) || state === undefined) return null;
  try {
    const read = createPolicy(policy.name, policy.config);
    read.importState(state);
    const stats = { ...read.stats() };
    return policy.name === BANDIT ? { stats, actions: summarizeBandit(policy.config, state) } : { stats };
  } catch (error) {
    // The checkpoint is as it was written; what was written is then a policy of another program.
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function checkpointJson({ checkpoint, path, refused, folder }: ReadCheckpoint): Record<string, unknown> {
  return {
    path,
    format_version: checkpoint.formatVersion,
    file_bytes: checkpoint.fileSize,
    created: timeText(checkpoint.createdUnixMs),
    ...checkpoint.counters,
    schema_hash: checkpoint.schema.hash,
    schema: JSON.parse(checkpoint.schema.text),
    generator_state: generatorText(checkpoint),
    sections: Object.fromEntries([...checkpoint.sections].map(([name, body]) => [name, body.byteLength])),
    metadata: checkpoint.metadata,
    policy: policyJson(checkpoint),
    refused,
    ...(folder === null ? {} : { files: folder }),
  };
}

function checkpointText({ checkpoint, path, refused, folder }: ReadCheckpoint): string {
  const lines: string[] = [];
  const row = (name: string, value: unknown, indent = 0) =>
    lines.push(
      `${' '.repeat(indent)}${name.padEnd(24 - indent)} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  const { cycles, decisions, updates, episodes } = checkpoint.counters;

  for (const { path: bad, detail } of refused) lines.push(`refused ${bad}: ${detail}`);
  row('checkpoint', path);
  if (folder !== null) row('files in the folder', folder.length);
  row('format version', checkpoint.formatVersion);
  row('size', `${checkpoint.fileSize} bytes`);
  row('created', timeText(checkpoint.createdUnixMs));
  row('cycles', cycles);
  row('decisions', decisions);
  row('updates', updates);
  row('episodes', episodes);
  row('generator state', generatorText(checkpoint));
  row('schema', checkpoint.schema.hash);
  addTree(JSON.parse(checkpoint.schema.text) as JsonObject, 2);
  lines.push('sections');
  for (const [name, body] of checkpoint.sections) row(name, `${body.byteLength} bytes`, 2);
  lines.push('metadata');
  addTree(checkpoint.metadata, 2);

  const policy = policyJson(checkpoint);
  if (policy !== null && 'error' in policy) {
    lines.push(`policy cannot be read: ${String(policy['error'])}`);
  } else if (policy !== null) {
    lines.push('policy');
    for (const [name, value] of Object.entries(policy['stats'] as PolicyStats)) row(name, value, 2);
  }
  if (policy !== null && 'actions' in policy) {
    lines.push('  action  weights  not zero           min           max          norm');
    for (const action of policy['actions'] as ActionSummary[]) {
      const counts = `${String(action.action).padStart(8)}${String(action.weights).padStart(9)}${String(action.non_zero).padStart(10)}`;
      const figures = [action.min, action.max, action.norm].map((figure) => figure.toPrecision(6).padStart(14));
      lines.push(counts + figures.join(''));
    }
  }
  // A foreign file's text must not reach the terminal as control sequences.
  return `${lines.map((line) => line.replace(/\p{Cc}/gu, '?')).join('\n')}\n`;

  function addTree(object: JsonObject, indent: number): void {
    for (const [name, value] of Object.entries(object)) {
      if (isJsonObject(value)) {
        lines.push(`${' '.repeat(indent)}${name}`);
        addTree(value, indent + 2);
      } else if (Array.isArray(value)) {
        row(name, value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join(' '), indent);
      } else {
        row(name, value, indent);
      }
    }
  }
}

function generatorText(checkpoint: Checkpoint): string {
  return Array.from(checkpoint.generatorState, (word) => word.toString(16).padStart(8, '0')).join(' ');
}

/** ISO 8601, or the milliseconds where they are beyond what a date can say. */
function timeText(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? `${unixMs} ms after 1970-01-01` : date.toISOString();
}
