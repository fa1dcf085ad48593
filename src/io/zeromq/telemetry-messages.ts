/**
 * Telemetry to bytes and back: the second frame of a message to watchers. The first is its topic. Main thread; a decision
 * is written from its record without a list in between, in under 2 µs.
 */

import { ACTION_COUNT, CONTEXT_DIM, DECISION_DOUBLES, DecisionField } from '../../memory/layout.js';
import { readFields, unpackMap, writeFields } from './codec.js';
import { CHECKPOINT_FIELDS, DECISION_FIELDS, type FieldTable, STATE_FIELDS } from './message-fields.js';
import { MessageWriter } from './message-writer.js';
import { TOPICS, type Topic } from './protocol.js';
import { ProtocolFault } from './protocol-fault.js';
import { REPORT_LIMITS } from './structure.js';
import type { CheckpointReport, DecisionReport, StateReport } from './telemetry-reports.js';

export type { CheckpointReport, DecisionReport, StateReport } from './telemetry-reports.js';

/** Of a report on the wire: its number among those of its topic and robot. */
export type Numbered<T> = T & { q: number };

const NS_PER_S = 1e9;
const writer = new MessageWriter();
const decisionKey = Object.fromEntries(DECISION_FIELDS.map((field) => [field.key, field.encodedKey])) as Record<
  keyof Numbered<DecisionReport>,
  Uint8Array
>;

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
  const out = writer;
  const r = record;
  const key = decisionKey;
  // The policy was not asked where it gives no direction any chance.
  let chosen = false;
  for (let i = 0; i < ACTION_COUNT; i++) if (r[DecisionField.distribution + i] > 0) chosen = true;
  out.begin();
  out.map(DECISION_FIELDS.length);
  out.encoded(key.q);
  out.integer(q);
  out.encoded(key.robot);
  out.text(robot);
  out.encoded(key.n);
  out.integer(r[DecisionField.cycle]);
  out.encoded(key.t);
  out.float(r[DecisionField.scheduledNs] / NS_PER_S);
  out.encoded(key.late);
  out.finite(r[DecisionField.latenessNs] / NS_PER_S);
  out.encoded(key.compute);
  out.finite(r[DecisionField.computeNs] / NS_PER_S);
  out.encoded(key.period);
  out.finite(r[DecisionField.periodNs] / NS_PER_S);
  out.encoded(key.miss);
  out.integer(r[DecisionField.miss]);
  out.encoded(key.action);
  if (r[DecisionField.action] >= 0) out.integer(r[DecisionField.action]);
  else out.nil();
  out.encoded(key.p);
  if (chosen) out.finite(r[DecisionField.probability]);
  else out.nil();
  out.encoded(key.allowed);
  out.integer(r[DecisionField.allowed]);
  out.encoded(key.why);
  out.integer(r[DecisionField.reason]);
  out.encoded(key.driver);
  out.integer(r[DecisionField.driver]);
  out.encoded(key.twist);
  writeRun(r, DecisionField.commandVx, 3);
  out.encoded(key.pose);
  writeRun(r, DecisionField.poseX, 3);
  out.encoded(key.goal);
  if (r[DecisionField.goalCount] > 0) writeRun(r, DecisionField.goalX, 2);
  else out.nil();
  out.encoded(key.goals);
  out.integer(r[DecisionField.goalCount]);
  out.encoded(key.arrived);
  out.boolean(r[DecisionField.arrived] !== 0);
  out.encoded(key.reward);
  out.finite(r[DecisionField.reward]);
  out.encoded(key.rewarded);
  if (r[DecisionField.rewardedCycle] >= 0) out.integer(r[DecisionField.rewardedCycle]);
  else out.nil();
  out.encoded(key.reward_sum);
  out.finite(r[DecisionField.rewardSum]);
  out.encoded(key.reward_count);
  out.integer(r[DecisionField.rewardCount]);
  out.encoded(key.updates);
  out.integer(r[DecisionField.updates]);
  out.encoded(key.drift_alarms);
  out.integer(r[DecisionField.driftAlarms]);
  out.encoded(key.odom_age);
  out.finite(r[DecisionField.odometryAgeNs] / NS_PER_S);
  out.encoded(key.ranges_age);
  out.finite(r[DecisionField.rangesAgeNs] / NS_PER_S);
  out.encoded(key.odom_t);
  out.finite(r[DecisionField.odometryStampNs] / NS_PER_S);
  out.encoded(key.ranges_t);
  out.finite(r[DecisionField.rangesStampNs] / NS_PER_S);
  out.encoded(key.values);
  if (chosen) writeRun(r, DecisionField.values, ACTION_COUNT);
  else out.nil();
  out.encoded(key.dist);
  if (chosen) writeRun(r, DecisionField.distribution, ACTION_COUNT);
  else out.nil();
  out.encoded(key.raw);
  writeRun(r, DecisionField.raw, CONTEXT_DIM);
  out.encoded(key.scaled);
  writeRun(r, DecisionField.scaled, CONTEXT_DIM);
  return out.finish();
}

function writeRun(record: Float64Array, from: number, count: number): void {
  writer.array(count);
  for (let i = 0; i < count; i++) writer.finite(record[from + i]);
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
  writer.begin();
  writeFields(writer, fields, report as Record<string, unknown>, null);
  return writer.finish();
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
