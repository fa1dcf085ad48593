/** Decisions of a flight log by their number and by their time, and what was said of them. */
import { ACTION_COUNT, DECISION_DOUBLES, EXPLAINED } from '../../memory/layout.js';
import { FlightLogError } from './log-error.js';
import type { DecodedMessage } from './log-messages.js';
import type { FlightLogReader, LogMessage } from './log-reader.js';
import { type DecisionMessage, decisionRecordFrom, TOPICS, Topic } from './topics.js';

export const DECISION_TOPIC = TOPICS[Topic.decision].name;
export const EXPLANATION_TOPIC = TOPICS[Topic.explanation].name;

export interface LoggedDecision {
  /** When its cycle began [Unix ns]. */
  readonly beganNs: bigint;
  readonly logTimeNs: bigint;
  /** As parameter `policy` names it. */
  readonly policy: string;
  /** `DECISION_DOUBLES`, index with `DecisionField`; the caller's own. */
  readonly record: Float64Array;
}

/** @throws FlightLogError where the message is none */
export function decisionIn(message: LogMessage): LoggedDecision {
  const decoded = message.decode();
  const record = new Float64Array(DECISION_DOUBLES);
  try {
    decisionRecordFrom(decoded as DecisionMessage, record);
  } catch {
    throw new FlightLogError('a decision of the log is none that this version knows');
  }
  const policy = typeof decoded['policy_id'] === 'string' ? decoded['policy_id'] : '';
  return { beganNs: stampNsOf(decoded), logTimeNs: message.logTimeNs, policy, record };
}

/** Of a message's header [Unix ns]; 0 where it has none. */
export function stampNsOf(decoded: DecodedMessage): bigint {
  const header = decoded['header'] as { stamp?: { sec?: unknown; nanosec?: unknown } } | undefined;
  const { sec, nanosec } = header?.stamp ?? {};
  if (typeof sec !== 'number' || typeof nanosec !== 'number') return 0n;
  return BigInt(sec) * 1_000_000_000n + BigInt(nanosec);
}

/** The decision of a cycle; null where the log has none of that number. @throws FlightLogError @realtime unsafe */
export function decisionOf(log: FlightLogReader, cycle: number): LoggedDecision | null {
  const message = log.firstFrom(DECISION_TOPIC, (candidate) => candidate.sequence >= cycle);
  if (message === null || Number(message.decode()['cycle']) !== cycle) return null;
  return decisionIn(message);
}

/**
 * The decision in force at a time: the last that had begun, or the first of all.
 *
 * @param timeNs [Unix ns]
 * @returns null where the log has no decision
 * @throws FlightLogError
 * @realtime unsafe
 */
export function decisionAt(log: FlightLogReader, timeNs: bigint): LoggedDecision | null {
  const after = log.firstFrom(DECISION_TOPIC, (candidate) => stampNsOf(candidate.decode()) > timeNs);
  if (after === null) {
    const last = log.latestBefore(log.endNs, [DECISION_TOPIC]).get(DECISION_TOPIC);
    return last === undefined ? null : decisionIn(last);
  }
  const first = decisionIn(after);
  return decisionOf(log, first.record[0] - 1) ?? first;
}

/**
 * What each feature added to each direction's value in a decision, as the log has it.
 *
 * @returns direction after direction, `EXPLAINED` numbers each, the caller's own; null where the log has none
 * @throws FlightLogError
 * @realtime unsafe
 */
export function explanationOf(log: FlightLogReader, cycle: number): Float64Array | null {
  const message = log.firstFrom(EXPLANATION_TOPIC, (candidate) => candidate.sequence >= cycle);
  const decoded = message?.decode();
  if (decoded === undefined || Number(decoded['cycle']) !== cycle) return null;
  const { contributions } = decoded;
  if (!(contributions instanceof Float32Array) || contributions.length !== ACTION_COUNT * EXPLAINED) return null;
  return Float64Array.from(contributions);
}
