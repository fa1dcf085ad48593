/** From parameters to what the stages are built with. Start-up only. */

import { ContextBuilder, type ContextOptions } from '../features/context.js';
import type { LayoutSizes } from '../memory/layout.js';
import { type ParameterName, type ParameterValues, parameterTable } from '../parameters/schema.js';
import { createPolicy, POLICY_NAMES, type PolicyName, policyBytes, settingsOf } from '../policy/create-policy.js';
import type { PendingRewardsOptions } from '../policy/pending-rewards.js';
import type { Policy, PolicyMemory } from '../policy/policy.js';
import type { RewardWeights } from '../reward/reward.js';
import type { SafetyOptions } from '../safety/safety.js';
import type { ScheduleOptions } from './schedule.js';
import { STATISTICS_BYTES } from './statistics.js';

/** The cycle's period, in whole nanoseconds as schedules count them [ns]. */
export function periodNsOf(p: ParameterValues): number {
  return Math.round(1e9 / p.controller_frequency);
}

/** When cycles start. In lockstep a robot is waited for until the first of its readings is too old to drive by. */
export function scheduleOptionsOf(p: ParameterValues): ScheduleOptions {
  return {
    periodNs: periodNsOf(p),
    trigger: p.trigger,
    overrunPolicy: p.overrun_policy,
    spinMarginNs: p.spin_margin_us * 1e3,
    patienceNs: Math.min(p.odometry_timeout_s, p.ranges_timeout_s) * 1e9,
    heartbeatTimeoutNs: p.heartbeat_timeout_s * 1e9,
  };
}

/** How contexts are built from features. */
export function contextOptionsOf(p: ParameterValues): ContextOptions {
  return {
    arms: p.arms,
    hashBits: p.interactions === 'quadratic' ? p.hash_bits : null,
    freezeAfter: p['scaling.freeze_after'],
  };
}

/** The policy that is built for these parameters. The rule alone needs none: it gets the one that costs least. */
export function policyNameOf(p: ParameterValues): PolicyName {
  return p.policy === 'fallback' ? 'random' : p.policy;
}

/** Whether anything is learned: what is not need not be saved. */
export function learns(p: ParameterValues): boolean {
  return policyNameOf(p) !== 'random';
}

/** The parameters that are settings of any policy, as the policies name them. */
export const POLICY_PARAMETERS: readonly ParameterName[] = parameterTable
  .map(({ name }) => name)
  .filter((name) => POLICY_NAMES.some((policy) => settingsOf(policy).includes(name)))
  // Not used by any policy itself.
  .filter((name) => name !== 'model_dir' && name !== 'save_frequency');

/**
 * The policy's configuration: its shapes, and of the parameters those that it has as settings.
 *
 * @param shape names of the features that its contexts are made of
 */
export function policyConfigOf(
  p: ParameterValues,
  shape: Pick<ContextBuilder, 'sharedNames' | 'armNames'> = new ContextBuilder(contextOptionsOf(p)),
): Record<string, unknown> {
  const known = settingsOf(policyNameOf(p));
  const { sharedNames, armNames } = shape;
  const config: Record<string, unknown> = {};
  for (const name of POLICY_PARAMETERS) if (known.includes(name)) config[name] = p[name];
  if ('reward_min' in config && p['reward.source'] === 'feedback') {
    config['reward_min'] = p['feedback.reward_min'];
    config['reward_max'] = p['feedback.reward_max'];
  }
  config['context_dim'] = sharedNames.length;
  config['arm_dim'] = armNames.length;
  if (known.includes('feature_names')) {
    config['feature_names'] = sharedNames.length > 0 ? sharedNames : null;
    config['arm_feature_names'] = armNames.length > 0 ? armNames : null;
  }
  return config;
}

/** The robot's policy, untrained. @throws PolicyConfigError where a parameter is not allowed for it */
export function robotPolicy(p: ParameterValues, shape?: ContextBuilder, memory?: PolicyMemory): Policy {
  return createPolicy(policyNameOf(p), policyConfigOf(p, shape), memory);
}

export function rewardWeightsOf(p: ParameterValues): Partial<RewardWeights> {
  return {
    progress: p['reward.progress'],
    turn_progress: p['reward.turn_progress'],
    clearance: p['reward.clearance'],
    contact: p['reward.contact'],
    smoothness: p['reward.smoothness'],
    arrival: p['reward.arrival'],
    time: p['reward.time'],
    clearance_scale: p['reward.clearance_scale'],
    contact_limit: p['reward.contact_limit'],
  };
}

/** The table in which decisions wait for feedback; null where the cycle itself pays them. */
export function pendingOptionsOf(p: ParameterValues): PendingRewardsOptions | null {
  if (p['reward.source'] === 'cycle') return null;
  return {
    capacity: p['feedback.capacity'],
    timeoutNs: p['feedback.timeout_s'] * 1e9,
    expired: p['feedback.expired'],
    expiredReward: p['feedback.expired_reward'],
    rewardMin: p['feedback.reward_min'],
    rewardMax: p['feedback.reward_max'],
  };
}

export function safetyOptionsOf(p: ParameterValues): SafetyOptions {
  return {
    footprint: { length: p['robot.length'], width: p['robot.width'] },
    limits: {
      omnidirectional: p['robot.drive'] === 'omnidirectional',
      maxSpeed: p['robot.max_speed'],
      maxYawRate: p['robot.max_yaw_rate'],
      maxAcceleration: p['robot.max_acceleration'],
      maxYawAcceleration: p['robot.max_yaw_acceleration'],
      maxJerk: p['robot.max_jerk'],
      maxYawJerk: p['robot.max_yaw_jerk'],
    },
    steering: {
      passableDistance: p['steering.passable_distance'],
      blockedDistance: p['steering.blocked_distance'],
      turnGain: p['steering.turn_gain'],
      turnInPlaceAngle: p['steering.turn_in_place_angle'],
      cruiseDeceleration: p['steering.cruise_deceleration'],
      headingInertia: p['steering.heading_inertia'],
      creepSpeed: p['steering.creep_speed'],
    },
    stepS: 1 / p.controller_frequency,
    margin: p['safety.margin'],
    planningMargin: p['safety.planning_margin'],
    lookahead: p['safety.lookahead'],
    reactionS: p['safety.reaction_time_s'],
    contactThreshold: p['safety.contact_threshold'],
    odometryTimeoutNs: p.odometry_timeout_s * 1e9,
    rangesTimeoutNs: p.ranges_timeout_s * 1e9,
    contactsTimeoutNs: p.contacts_timeout_s * 1e9,
    contactsRequired: p.contacts_required,
  };
}

/** Where the parts of the learned state lie in a snapshot. */
export interface SnapshotShape {
  policyBytes: number;
  scalerBytes: number;
}

export function snapshotShapeOf(p: ParameterValues): SnapshotShape {
  // A policy's state may have a size that follows from more than its settings: where slots share a place, say.
  const features = new ContextBuilder(contextOptionsOf(p));
  return { policyBytes: robotPolicy(p, features).stateBytes, scalerBytes: features.stateBytes };
}

/** The sizes that the shared memory is planned with. */
export function layoutSizesOf(p: ParameterValues): LayoutSizes {
  const shape = snapshotShapeOf(p);
  return {
    maxBeams: p.max_beams,
    decisionRecords: 2 ** Math.ceil(Math.log2(p.decision_ring_records)),
    policyBytes: policyBytes(policyNameOf(p), policyConfigOf(p)),
    scalerBytes: ContextBuilder.bytes(contextOptionsOf(p)),
    snapshotBytes: shape.policyBytes + shape.scalerBytes,
    statisticsBytes: STATISTICS_BYTES,
  };
}
