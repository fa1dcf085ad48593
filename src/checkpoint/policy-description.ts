/**
 * What a checkpoint says about its policy: the part of the configuration that the schema hash covers, and the whole of it
 * in the metadata, from which `rfsn checkpoint` shows and converts. Knows the names of settings, not the policies.
 */
import { type CheckpointSchema, checkpointSchema, type JsonObject } from './schema.js';

/** Settings without which a saved policy's numbers mean nothing. Rates, exploration and seeds may change on resuming. */
const POLICY_SCHEMA_SETTINGS = ['n_actions', 'context_dim', 'bits', 'adaptive', 'normalized', 'feature_names'];

/** As it stands in `metadata.policy`. */
export interface PolicyDescription {
  /** As `--policy` names it. */
  readonly name: string;
  /** The policy's whole configuration; empty where it has none. */
  readonly config: JsonObject;
}

/**
 * The schema of a policy over given features.
 *
 * @param policy its name, and its configuration as a plain object; fields that hold undefined are not allowed
 * @param features how its contexts are built: names, interactions, places they are hashed into
 * @realtime unsafe
 */
export function policySchema(policy: PolicyDescription, features: JsonObject): CheckpointSchema {
  const settings = Object.entries(policy.config).filter(([name]) => POLICY_SCHEMA_SETTINGS.includes(name));
  return checkpointSchema({ features, policy: { name: policy.name, ...Object.fromEntries(settings) } });
}

/**
 * The policy that a checkpoint's metadata describes, null where they describe none: not every checkpoint is a robot's.
 *
 * @realtime unsafe
 */
export function readPolicyDescription(metadata: JsonObject): PolicyDescription | null {
  const policy = metadata['policy'];
  if (!isJsonObject(policy)) return null;
  const { name, config } = policy;
  return typeof name === 'string' && isJsonObject(config) ? { name, config } : null;
}

/** Whether a JSON value is an object, and neither null nor an array. @realtime unsafe */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
