/** A decision in words: who drove, why the command is what it is, and why a direction was not offered. */
import { DecisionField, Driver } from '../memory/layout.js';
import { REASON_LABELS, Reason } from '../memory/reason.js';

const REASON_WORDS: Readonly<Record<number, string>> = {
  [Reason.none]: 'the command is the one that was asked for',
  [Reason.slowed]: 'slowed, so that it stops short of what lies ahead',
  [Reason.obstacle]: 'stopped: the motion asked for would end in an obstacle',
  [Reason.unseenGround]: 'stopped: backwards onto ground that nobody has seen',
  [Reason.enclosed]: 'every direction is blocked: the rule looks for a way out',
  [Reason.contact]: 'stopped: something touches the robot',
  [Reason.contactEscape]: 'backing off from a contact',
  [Reason.staleOdometry]: 'stopped: the odometry is too old',
  [Reason.staleRanges]: 'stopped: the scan is too old',
  [Reason.staleContacts]: 'stopped: the contact sensors have fallen silent',
  [Reason.noGoal]: 'standing: there is no goal',
  [Reason.arrived]: 'standing: the goal is reached',
  [Reason.disarmed]: 'standing: the robot is disarmed',
  [Reason.deadlineMissed]: 'the deadline was missed: the last command, slowed, went out instead',
  [Reason.breakerOpen]: 'too many deadlines were missed: the rule drives and nothing is learned',
  [Reason.heartbeatLost]: 'stopped: the main thread showed no life',
  [Reason.fault]: 'stopped: a cycle failed',
  [Reason.stopping]: 'stopped: the controller was ending',
  [Reason.stalled]: 'the robot had got nowhere: the rule drives it out',
};

/** What safety did with the command, as a sentence's part. */
export function reasonWords(reason: number): string {
  return REASON_WORDS[reason] ?? `reason ${reason}, which this version does not know`;
}

/** Its name in telemetry; empty for one that is not known. */
export function reasonName(reason: number): string {
  return REASON_LABELS[reason] ?? '';
}

export const DRIVER_NAMES: readonly string[] = ['none', 'policy', 'fallback', 'stop'];

/** Who made the command, as a sentence's part. @param policy its name */
export function driverWords(driver: number, policy: string): string {
  if (driver === Driver.policy) return `the policy ${policy}`;
  if (driver === Driver.fallback) return 'the rule: along the widest gap toward the goal';
  return driver === Driver.stop ? 'nobody: the robot had to stand' : 'nobody';
}

/** Where a direction leads, as seen from the robot. */
export const DIRECTION_WORDS: readonly string[] = [
  'ahead',
  'ahead left',
  'left',
  'back left',
  'back',
  'back right',
  'right',
  'ahead right',
];

/**
 * Why a direction was not offered; empty where it was. The record says that safety left it out and what the robot saw there,
 * and not which of the ways through it were judged.
 *
 * @param record of the decision
 * @param reach free way that a direction must have for the robot's outline, and the outline's reach from `base_link` [m]
 */
export function whyNotAllowed(record: Float64Array, action: number, reach: { way: number; outline: number }): string {
  if ((record[DecisionField.allowed] & (1 << action)) !== 0) return '';
  if (record[DecisionField.driver] === Driver.stop) return 'the robot had to stand';
  const distance = record[DecisionField.raw + OBSTACLE_FEATURE + action];
  if (distance <= reach.way + reach.outline) return `obstacle at ${distance.toFixed(2)} m`;
  return 'no way for the outline, or dwelt on';
}

/** The first of the eight features that say what is how near. */
const OBSTACLE_FEATURE = 4;
