/**
 * What a checkpoint says about its policy: the part of the configuration that the schema hash covers, and the whole of it
 * in the metadata, from which `rfsn checkpoint` shows and converts. Knows names, not the policies behind them.
 */
import { type CheckpointSchema, checkpointSchema, type JsonObject } from './schema.js';

/** Settings without which a saved policy's numbers mean nothing. Rates, exploration and seeds may change on resuming. */
const POLICY_SCHEMA_SETTINGS = ['n_actions', 'context_dim', 'feature_names', 'regressor', 'n_bootstraps'];
/** Those of a regression by gradient descent, and of one by ridge; a policy that may have either says which it has. */
const GRADIENT_SETTINGS = ['bits', 'adaptive', 'normalized'];
const RIDGE_SETTINGS = ['constant'];
/** Where actions share what is learned; where they do not, these say nothing, and older checkpoints do not have them. */
const SHARING_SETTINGS = ['arms', 'arm_dim', 'arm_feature_names'];
/** Policies that learn rewards as shares of their range. */
const RANGE_POLICIES = ['beta-bernoulli', 'regcb'];
const RANGE_SETTINGS = ['reward_min', 'reward_max'];

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
  const { regressor, arms } = policy.config;
  const names = [
    ...POLICY_SCHEMA_SETTINGS,
    ...(regressor === 'ridge' ? [] : GRADIENT_SETTINGS),
    ...(regressor === 'gd' ? [] : RIDGE_SETTINGS),
    ...(arms === undefined || arms === 'disjoint' ? [] : SHARING_SETTINGS),
    ...(RANGE_POLICIES.includes(policy.name) ? RANGE_SETTINGS : []),
  ];
  const settings = Object.entries(policy.config).filter(([name]) => names.includes(name));
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
