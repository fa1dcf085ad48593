/** From parameters to what the stages are built with. Start-up only. */

import { FEATURES } from '../features/extraction.js';
import { QuadraticInteractions } from '../features/interactions.js';
import { RunningScaler } from '../features/scaling.js';
import { CONTEXT_DIM, type LayoutSizes } from '../memory/layout.js';
import type { ParameterValues } from '../parameters/schema.js';
import { ContextualBandit } from '../policy/contextual-bandit.js';
import type { ContextualBanditConfig } from '../policy/contextual-bandit-config.js';
import type { PendingRewardsOptions } from '../policy/pending-rewards.js';
import type { RewardWeights } from '../reward/reward.js';
import type { SafetyOptions } from '../safety/safety.js';
import { STATISTICS_BYTES } from './statistics.js';

/** The cycle's period, in whole nanoseconds as schedules count them [ns]. */
export function periodNsOf(p: ParameterValues): number {
  return Math.round(1e9 / p.controller_frequency);
}

const FEATURE_NAMES: readonly string[] = FEATURES.map((feature) => feature.name);

export function interactionsOf(p: ParameterValues): QuadraticInteractions | null {
  return p.interactions === 'quadratic' ? new QuadraticInteractions(FEATURE_NAMES, p.hash_bits) : null;
}

export function banditConfigOf(p: ParameterValues): Partial<ContextualBanditConfig> {
  const names = interactionsOf(p)?.names ?? FEATURE_NAMES;
  return {
    n_actions: p.n_actions,
    context_dim: names.length,
    learning_rate: p.learning_rate,
    power_t: p.power_t,
    initial_t: p.initial_t,
    exploration_strategy: p.exploration_strategy,
    epsilon: p.epsilon,
    epsilon_final: p.epsilon_final,
    epsilon_decay_steps: p.epsilon_decay_steps,
    boltzmann_tau: p.boltzmann_tau,
    l2_regularization: p.l2_regularization,
    l1_regularization: p.l1_regularization,
    bits: p.bits,
    adaptive: p.adaptive,
    normalized: p.normalized,
    invariant: p.invariant,
    cb_type: p.cb_type,
    importance_cap: p.importance_cap,
    random_seed: p.random_seed,
    feature_names: names,
  };
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
  // How many slots share a place is known only to a policy of the real size.
  return {
    policyBytes: new ContextualBandit(banditConfigOf(p)).stateBytes,
    scalerBytes: new RunningScaler(CONTEXT_DIM).stateBytes,
  };
}

/** The sizes that the shared memory is planned with. */
export function layoutSizesOf(p: ParameterValues): LayoutSizes {
  const shape = snapshotShapeOf(p);
  return {
    maxBeams: p.max_beams,
    decisionRecords: 2 ** Math.ceil(Math.log2(p.decision_ring_records)),
    policyBytes: ContextualBandit.bytes(banditConfigOf(p)),
    scalerBytes: RunningScaler.bytes(CONTEXT_DIM),
    snapshotBytes: shape.policyBytes + shape.scalerBytes,
    statisticsBytes: STATISTICS_BYTES,
  };
}
