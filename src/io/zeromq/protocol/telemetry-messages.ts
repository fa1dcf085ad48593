/**
 * Telemetry to bytes and back: the second frame of a message to watchers. The first is its topic. Main thread; a decision
 * takes some 3 µs to write.
 */

import { ACTION_COUNT, CONTEXT_DIM, DECISION_DOUBLES, DecisionField } from '../../../memory/layout.js';
import { readFields, unpackMap } from './codec.js';
import { CHECKPOINT_FIELDS, DECISION_FIELDS, type FieldTable, STATE_FIELDS } from './message-fields.js';
import { fieldsOf, finite, float, pack } from './packing.js';
import { TOPICS, type Topic } from './protocol.js';
import { ProtocolFault } from './protocol-fault.js';
import { REPORT_LIMITS } from './structure.js';
import type { CheckpointReport, DecisionReport, StateReport } from './telemetry-reports.js';

export type { CheckpointReport, DecisionReport, StateReport } from './telemetry-reports.js';

/** Of a report on the wire: its number among those of its topic and robot. */
export type Numbered<T> = T & { q: number };

const NS_PER_S = 1e9;

/** First frame of a message: `TOPIC/ROBOT`. @realtime unsafe */
export function topicName(topic: Topic, robot: string): string {
  return `${topic}/${robot}`;
}

/** The parts of a first frame; undefined where it is none. @realtime unsafe */
export function parseTopic(frame: Uint8Array | string): { topic: Topic; robot: string } | undefined {
  const text = typeof frame === 'string' ? frame : Buffer.from(frame).toString('latin1');
  const slash = text.indexOf('/');
  const topic = TOPICS.find((name) => name === text.slice(0, Math.max(slash, 0)));
  return topic === undefined ? undefined : { topic, robot: text.slice(slash + 1) };
}

/**
 * A decision, from its record.
 *
 * @param record of `DECISION_DOUBLES`; only read
 * @param q rises by one from decision to decision of this robot
 * @returns a fresh buffer; the caller owns it
 * @realtime unsafe allocates
 */
export function encodeDecision(record: Float64Array, robot: string, q: number): Buffer {
  if (record.length < DECISION_DOUBLES) {
    throw new RangeError(`a decision has ${DECISION_DOUBLES} doubles, got ${record.length}`);
  }
  const r = record;
  // The policy was not asked where it gives no direction any chance.
  let chosen = false;
  for (let i = 0; i < ACTION_COUNT; i++) if (r[DecisionField.distribution + i] > 0) chosen = true;
  const report: { readonly [K in keyof Numbered<DecisionReport>]: unknown } = {
    q,
    robot,
    n: r[DecisionField.cycle],
    t: float(r[DecisionField.scheduledNs] / NS_PER_S),
    late: finite(r[DecisionField.latenessNs] / NS_PER_S),
    compute: finite(r[DecisionField.computeNs] / NS_PER_S),
    period: finite(r[DecisionField.periodNs] / NS_PER_S),
    miss: r[DecisionField.miss],
    action: r[DecisionField.action] >= 0 ? r[DecisionField.action] : null,
    p: chosen ? finite(r[DecisionField.probability]) : null,
    allowed: r[DecisionField.allowed],
    why: r[DecisionField.reason],
    driver: r[DecisionField.driver],
    twist: run(r, DecisionField.commandVx, 3),
    pose: run(r, DecisionField.poseX, 3),
    goal: r[DecisionField.goalCount] > 0 ? run(r, DecisionField.goalX, 2) : null,
    goals: r[DecisionField.goalCount],
    arrived: r[DecisionField.arrived] !== 0,
    reward: finite(r[DecisionField.reward]),
    rewarded: r[DecisionField.rewardedCycle] >= 0 ? r[DecisionField.rewardedCycle] : null,
    reward_sum: finite(r[DecisionField.rewardSum]),
    reward_count: r[DecisionField.rewardCount],
    updates: r[DecisionField.updates],
    drift_alarms: r[DecisionField.driftAlarms],
    odom_age: finite(r[DecisionField.odometryAgeNs] / NS_PER_S),
    ranges_age: finite(r[DecisionField.rangesAgeNs] / NS_PER_S),
    odom_t: finite(r[DecisionField.odometryStampNs] / NS_PER_S),
    ranges_t: finite(r[DecisionField.rangesStampNs] / NS_PER_S),
    values: chosen ? run(r, DecisionField.values, ACTION_COUNT) : null,
    dist: chosen ? run(r, DecisionField.distribution, ACTION_COUNT) : null,
    raw: run(r, DecisionField.raw, CONTEXT_DIM),
    scaled: run(r, DecisionField.scaled, CONTEXT_DIM),
  };
  return pack(report);
}

function run(record: Float64Array, from: number, count: number): unknown[] {
  const list: unknown[] = [];
  for (let i = 0; i < count; i++) list.push(finite(record[from + i]));
  return list;
}

/** @param q rises by one from state to state of this robot. @returns a fresh buffer. @realtime unsafe */
export function encodeState(state: StateReport, q: number): Buffer {
  return encodeReport(STATE_FIELDS, { ...state, q });
}

/** @param q rises by one from checkpoint to checkpoint of this robot. @returns a fresh buffer. @realtime unsafe */
export function encodeCheckpoint(checkpoint: CheckpointReport, q: number): Buffer {
  return encodeReport(CHECKPOINT_FIELDS, { ...checkpoint, q });
}

function encodeReport(fields: FieldTable, report: object): Buffer {
  return pack(fieldsOf(fields, report as Record<string, unknown>));
}

/** @throws ProtocolFault. @realtime unsafe */
export function decodeDecision(bytes: Uint8Array): Numbered<DecisionReport> {
  return decodeReport(bytes, DECISION_FIELDS, 'decision') as Numbered<DecisionReport>;
}

/** @throws ProtocolFault. @realtime unsafe */
export function decodeState(bytes: Uint8Array): Numbered<StateReport> {
  return decodeReport(bytes, STATE_FIELDS, 'state') as Numbered<StateReport>;
}

/** `data` is a view into `bytes`, and is `bytes` long as it says. @throws ProtocolFault. @realtime unsafe */
export function decodeCheckpoint(bytes: Uint8Array): Numbered<CheckpointReport> {
  const report = decodeReport(bytes, CHECKPOINT_FIELDS, 'checkpoint') as Numbered<CheckpointReport>;
  if (report.data.length !== report.bytes) {
    throw new ProtocolFault('field', `data must be ${report.bytes} bytes, got ${report.data.length}`, {
      re: 'checkpoint',
    });
  }
  return report;
}

function decodeReport(bytes: Uint8Array, fields: FieldTable, topic: Topic): unknown {
  const report: Record<string, unknown> = {};
  readFields(unpackMap(bytes, REPORT_LIMITS), fields, '', { re: topic }, report);
  return report;
}
