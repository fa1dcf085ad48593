/**
 * Why a command is not the one its driver asked for. The codes go out with every command, decision and statistic, so
 * their numbers stay what they are.
 */
export const Reason = {
  none: 0,
  /** Slowed, so that it stops short of what lies ahead. */
  slowed: 1,
  /** Stopped: the motion asked for would end in an obstacle. */
  obstacle: 2,
  /** Stopped: backwards onto ground that nobody has seen. */
  unseenGround: 3,
  /** Every direction is blocked; the fallback looks for a way out. */
  enclosed: 4,
  contact: 5,
  /** Backing off from a contact. */
  contactEscape: 6,
  staleOdometry: 7,
  staleRanges: 8,
  staleContacts: 9,
  noGoal: 10,
  arrived: 11,
  disarmed: 12,
  deadlineMissed: 13,
  breakerOpen: 14,
  /** The main thread shows no life. */
  heartbeatLost: 15,
  /** A failed assertion or an exception; latched. */
  fault: 16,
  /** The controller is ending. */
  stopping: 17,
  /** The robot stood and turned without getting anywhere: the rule drives it out. */
  stalled: 18,
} as const;
export type ReasonCode = (typeof Reason)[keyof typeof Reason];
export const REASON_COUNT = 19;

/** Their names in telemetry, by code. */
export const REASON_LABELS: readonly string[] = [
  'none',
  'slowed',
  'obstacle',
  'unseen_ground',
  'enclosed',
  'contact',
  'contact_escape',
  'stale_odometry',
  'stale_ranges',
  'stale_contacts',
  'no_goal',
  'arrived',
  'disarmed',
  'deadline_missed',
  'breaker_open',
  'heartbeat_lost',
  'fault',
  'stopping',
  'stalled',
];

/**
 * Whether safety acted at all: having no goal, having arrived, or being told to stop are states, not interventions.
 *
 * @realtime safe
 */
export function isIntervention(reason: number): boolean {
  if (reason === Reason.none || reason === Reason.stopping) return false;
  return reason < Reason.noGoal || reason > Reason.disarmed;
}

/**
 * Whether the robot did something else than it was asked to, so that nothing can be learned from how it went. Slowed
 * on the way chosen is still the way chosen.
 *
 * @realtime safe
 */
export function isOverride(reason: number): boolean {
  return reason > Reason.slowed;
}
