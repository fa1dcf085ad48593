import { describe, expect, it } from 'vitest';
import { ProtocolFault } from '../../../../../src/io/zeromq/protocol/protocol-fault.js';
import {
  decodeCheckpoint,
  decodeDecision,
  decodeState,
  encodeCheckpoint,
  encodeDecision,
  encodeState,
  parseTopic,
  topicName,
} from '../../../../../src/io/zeromq/protocol/telemetry-messages.js';
import { ACTION_COUNT, CONTEXT_DIM, DECISION_DOUBLES, DecisionField } from '../../../../../src/memory/layout.js';
import { CHECKPOINT, decisionRecord, STATES } from '../../../../golden/zeromq/messages.js';

describe('a decision in telemetry', () => {
  it('holds every field of its record, each where it belongs', () => {
    // A number of its own in each double; where there is room for few, it is small.
    const r = new Float64Array(DECISION_DOUBLES);
    for (let i = 0; i < DECISION_DOUBLES; i++) r[i] = 1000 + i;
    r[DecisionField.miss] = 2;
    r[DecisionField.action] = 5;
    r[DecisionField.allowed] = 0b1010_0000;
    r[DecisionField.reason] = 18;
    r[DecisionField.driver] = 2;
    r[DecisionField.arrived] = 1;
    for (const field of [
      'scheduledNs',
      'latenessNs',
      'computeNs',
      'periodNs',
      'odometryAgeNs',
      'rangesAgeNs',
      'odometryStampNs',
      'rangesStampNs',
    ] as const) {
      r[DecisionField[field]] *= 1e9;
    }
    const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => 1000 + from + i);
    const at = (field: keyof typeof DecisionField) => 1000 + DecisionField[field];
    expect(decodeDecision(encodeDecision(r, 'bot', 3))).toEqual({
      q: 3,
      robot: 'bot',
      n: at('cycle'),
      t: at('scheduledNs'),
      late: at('latenessNs'),
      compute: at('computeNs'),
      period: at('periodNs'),
      miss: 2,
      action: 5,
      p: at('probability'),
      allowed: 160,
      why: 18,
      driver: 2,
      twist: [at('commandVx'), at('commandVy'), at('commandYawRate')],
      pose: [at('poseX'), at('poseY'), at('poseYaw')],
      goal: [at('goalX'), at('goalY')],
      goals: at('goalCount'),
      arrived: true,
      reward: at('reward'),
      rewarded: at('rewardedCycle'),
      reward_sum: at('rewardSum'),
      reward_count: at('rewardCount'),
      updates: at('updates'),
      drift_alarms: at('driftAlarms'),
      odom_age: at('odometryAgeNs'),
      ranges_age: at('rangesAgeNs'),
      odom_t: at('odometryStampNs'),
      ranges_t: at('rangesStampNs'),
      values: run(DecisionField.values, ACTION_COUNT),
      dist: run(DecisionField.distribution, ACTION_COUNT),
      raw: run(DecisionField.raw, CONTEXT_DIM),
      scaled: run(DecisionField.scaled, CONTEXT_DIM),
    });
  });

  it('has nil where there is none, and no NaN anywhere', () => {
    const decision = decodeDecision(encodeDecision(decisionRecord(false), 'bot', 0));
    for (const key of ['action', 'p', 'goal', 'reward', 'rewarded', 'values', 'dist', 'ranges_age'] as const) {
      expect(decision[key], key).toBeNull();
    }
    const record = new Float64Array(DECISION_DOUBLES).fill(Number.NaN);
    for (const field of [
      'cycle',
      'scheduledNs',
      'miss',
      'allowed',
      'reason',
      'driver',
      'goalCount',
      'rewardCount',
      'updates',
      'driftAlarms',
    ] as const) {
      record[DecisionField[field]] = 0;
    }
    record[DecisionField.distribution] = 1;
    const empty = decodeDecision(encodeDecision(record, 'bot', 0));
    expect(JSON.stringify(empty)).not.toContain('NaN');
    expect(empty.values).toEqual(new Array(ACTION_COUNT).fill(null));
    expect(empty.raw).toEqual(new Array(CONTEXT_DIM).fill(null));
  });

  it('needs a whole record', () => {
    expect(() => encodeDecision(new Float64Array(DECISION_DOUBLES - 1), 'bot', 0)).toThrow(RangeError);
  });
});

describe('states and checkpoints in telemetry', () => {
  it('come back as they were sent', () => {
    for (const state of Object.values(STATES)) {
      expect(decodeState(encodeState(state, 5))).toEqual({ q: 5, ...state });
    }
    expect(decodeCheckpoint(encodeCheckpoint(CHECKPOINT, 6))).toEqual({
      q: 6,
      ...CHECKPOINT,
      data: Buffer.from(CHECKPOINT.data),
    });
  });

  it('have nil for figures that are not there yet', () => {
    const state = { ...STATES['state'], reward: Number.NaN, rate: Number.POSITIVE_INFINITY, lateness: [Number.NaN, 1] };
    expect(decodeState(encodeState(state, 0))).toMatchObject({ reward: null, rate: null, lateness: [null, 1] });
  });

  it('may be megabytes, and leave none of it behind', () => {
    const data = new Uint8Array(5_000_000).fill(7);
    const bytes = encodeCheckpoint({ ...CHECKPOINT, data, bytes: data.length }, 0);
    expect(Buffer.compare(decodeCheckpoint(bytes).data, data)).toBe(0);
    expect(decodeState(encodeState(STATES['state'], 1)).q).toBe(1);
  });

  it('are refused where they do not say what they must', () => {
    expect(() => decodeCheckpoint(encodeCheckpoint({ ...CHECKPOINT, bytes: 5 }, 0))).toThrow(ProtocolFault);
    expect(() => decodeState(encodeCheckpoint(CHECKPOINT, 0))).toThrow(ProtocolFault);
  });
});

describe('the topic of a message', () => {
  it('names its kind and its robot', () => {
    expect(topicName('decision', 'bot-1')).toBe('decision/bot-1');
    expect(parseTopic('state/local')).toEqual({ topic: 'state', robot: 'local' });
    expect(parseTopic(Buffer.from('checkpoint/a'))).toEqual({ topic: 'checkpoint', robot: 'a' });
    for (const text of ['', 'state', '/a', 'States/a', 'decisions/a']) expect(parseTopic(text)).toBeUndefined();
  });
});
