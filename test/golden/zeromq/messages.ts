/** One of each message of the ZeroMQ link, some in several forms. What they say fits together: it is one small session. */

import type {
  Answer,
  ControllerMessage,
  LinkError,
  Request,
  RobotMessage,
} from '../../../src/io/zeromq/protocol/protocol.js';
import type { CheckpointReport, StateReport } from '../../../src/io/zeromq/protocol/telemetry-messages.js';
import { ACTION_COUNT, CONTEXT_DIM, DECISION_DOUBLES, DecisionField, Driver } from '../../../src/memory/layout.js';
import { Reason } from '../../../src/memory/reason.js';

const SESSION = 2_864_434_397;

function singles(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return bytes;
}

export const ROBOT_MESSAGES: Readonly<Record<string, RobotMessage>> = {
  hello: {
    m: 'hello',
    v: [1],
    name: 'bot-1',
    mode: 'lockstep',
    clock: 'real',
    drive: 'differential',
    size: [0.508, 0.43],
    max: [2, 4, 1, 2],
    rate: 100,
    scan: { n: 4, a0: -1.5, da: 1, rmin: 0.1, rmax: 10 },
    contacts: false,
    t: 1000.25,
  },
  'hello-again': {
    m: 'hello',
    v: [2, 1],
    name: 'bot-1',
    mode: 'free',
    clock: 'simulated',
    drive: 'omnidirectional',
    size: [0.5, 0.4],
    max: [1.5, 2, 1, 2],
    rate: 50,
    scan: { n: 720, a0: -2.356194490192345, da: 0.006544984694978736, rmin: 0.1, rmax: 30, x: 0.12, y: 0, yaw: -0.5 },
    contacts: true,
    s: SESSION,
    t: 1012.5,
  },
  sense: {
    m: 'sense',
    s: SESSION,
    q: 1,
    t: 1000.5,
    odom: [1.5, -0.25, 0.125, 0.5, 0, -0.1],
    ranges: singles(2.5, Number.POSITIVE_INFINITY, Number.NaN, 0.75),
    contacts: [0, 0, 12.5, 0],
    goal: [8, 3, 0.3],
    frame: 0,
  },
  'sense-next': {
    m: 'sense',
    s: SESSION,
    q: 2,
    t: 1000.51,
    odom: [1.505, -0.25, 0.124, 0.5, 0, -0.1],
    ranges: singles(2.5, 3, 4.25, 0.75),
  },
  'sense-odometry': { m: 'sense', s: SESSION, q: 4_294_967_296, t: 1000.52, odom: [0, 0, 0, 0, 0, 0], frame: 1 },
  'sense-goal-cancelled': { m: 'sense', s: SESSION, q: 300, t: 1003.5, ranges: singles(1, 1, 1, 1), goal: null },
  feedback: { m: 'feedback', s: SESSION, t: 1001.5, n: 4711, reward: -0.25 },
  goal: { m: 'goal', s: SESSION, t: 1001.75, goal: [8, 3.5, 0.3] },
  'goal-cancelled': { m: 'goal', s: SESSION, t: 1002, goal: null },
  stop: { m: 'stop', s: SESSION, reason: 'emergency stop pressed' },
  go: { m: 'go', s: SESSION },
};

export const BOTH_WAYS: Readonly<Record<string, RobotMessage & ControllerMessage>> = {
  'heartbeat-first': { m: 'heartbeat', s: SESSION, t: 1000.75 },
  heartbeat: { m: 'heartbeat', s: SESSION, t: 1001.25, e: 52.0625, d: 0.4375 },
  bye: { m: 'bye', s: SESSION, reason: 'battery low' },
};

export const CONTROLLER_MESSAGES: Readonly<Record<string, ControllerMessage>> = {
  welcome: {
    m: 'welcome',
    v: 1,
    s: SESSION,
    resumed: false,
    t: 51.5,
    period: 0.01,
    expiry: 0.25,
    timeout: 2,
    heartbeat: 0.5,
    max: [2, 4, 1, 2],
    policy: 'regcb-optimistic',
    updates: 120_000,
  },
  refused: {
    m: 'refused',
    code: 'footprint',
    reason: 'the footprint is 0.6 × 0.43 m; start the controller with --set robot.length=0.6',
    v: [1],
    retry: 0,
  },
  'refused-busy': { m: 'refused', code: 'busy', reason: 'every session is taken', v: [1], retry: 2 },
  command: {
    m: 'command',
    s: SESSION,
    q: 1,
    t: 1000.5,
    n: 4711,
    twist: [0.5, 0, -0.125],
    until: 1000.75,
    why: Reason.slowed,
  },
  'command-stop': {
    m: 'command',
    s: SESSION,
    q: 2,
    t: 1000.51,
    n: 4712,
    twist: [0, 0, 0],
    until: 1000.76,
    why: Reason.contact,
  },
  error: {
    m: 'error',
    code: 'field',
    reason: 'odom[1] must be a number from -1000000000 to 1000000000, got NaN',
    re: 'sense',
    s: SESSION,
    q: 7,
  },
  'error-session': {
    m: 'error',
    code: 'session',
    reason: 'this session is over: say hello',
    re: 'sense',
    s: SESSION,
    q: 8,
  },
};

export const REQUESTS_TO_CONTROLLER: Readonly<Record<string, Request>> = {
  'request-status': { m: 'status' },
  'request-save': { m: 'save', id: 1, robot: 'bot-1' },
  'request-checkpoints': { m: 'checkpoints', id: 2, robot: 'bot-1' },
  'request-restore': { m: 'restore', id: 3, robot: 'bot-1', file: 'checkpoint-000000004711.rfsn' },
  'request-reset': { m: 'reset', id: 4, robot: 'bot-1' },
  'request-freeze': { m: 'freeze', id: 5 },
  'request-unfreeze': { m: 'unfreeze', id: 6 },
  'request-stop': { m: 'stop', id: 'a7', robot: 'bot-1' },
  'request-go': { m: 'go', id: 'a8', robot: 'bot-1' },
  'request-parameters': { m: 'parameters', id: 9 },
  'request-set': { m: 'set', id: 10, robot: 'bot-1', name: 'robot.max_speed', value: 0.5 },
};

export const ANSWERS: Readonly<Record<string, Answer | LinkError>> = {
  answer: { m: 'ok', re: 'set', id: 10, result: { name: 'robot.max_speed', value: 0.5 } },
  'answer-error': { m: 'error', code: 'failed', reason: 'robot.drive is read only', re: 'set', id: 11 },
};

/** A decision's record, and the number of its message. */
export function decisionRecord(chosen: boolean): Float64Array {
  const r = new Float64Array(DECISION_DOUBLES);
  r[DecisionField.cycle] = 4711;
  r[DecisionField.scheduledNs] = 52_250_000_000;
  r[DecisionField.latenessNs] = 15_625;
  r[DecisionField.computeNs] = 93_750;
  r[DecisionField.periodNs] = 10_000_000;
  r[DecisionField.action] = chosen ? 2 : -1;
  r[DecisionField.probability] = chosen ? 0.75 : 0;
  r[DecisionField.allowed] = chosen ? 0b0000_0111 : 0;
  r[DecisionField.reward] = chosen ? 0.5 : Number.NaN;
  r[DecisionField.rewardedCycle] = chosen ? 4661 : Number.NaN;
  r[DecisionField.rewardSum] = chosen ? 0.5 : 0;
  r[DecisionField.rewardCount] = chosen ? 1 : 0;
  r[DecisionField.reason] = chosen ? Reason.slowed : Reason.staleRanges;
  r[DecisionField.driver] = chosen ? Driver.policy : Driver.stop;
  r[DecisionField.updates] = 120_000;
  r[DecisionField.goalCount] = chosen ? 3 : 0;
  r[DecisionField.poseX] = 1.5;
  r[DecisionField.poseY] = -0.25;
  r[DecisionField.poseYaw] = 0.125;
  r[DecisionField.goalX] = 8;
  r[DecisionField.goalY] = 3;
  r[DecisionField.commandVx] = chosen ? 0.5 : 0;
  r[DecisionField.commandYawRate] = chosen ? -0.125 : 0;
  r[DecisionField.odometryAgeNs] = 2_000_000;
  r[DecisionField.rangesAgeNs] = chosen ? 2_000_000 : Number.POSITIVE_INFINITY;
  r[DecisionField.odometryStampNs] = 52_248_000_000;
  r[DecisionField.rangesStampNs] = chosen ? 52_248_000_000 : 0;
  for (let i = 0; i < CONTEXT_DIM; i++) {
    r[DecisionField.raw + i] = i / 4;
    r[DecisionField.scaled + i] = (i - 12) / 8;
  }
  for (let i = 0; i < ACTION_COUNT; i++) {
    r[DecisionField.values + i] = chosen ? i / 8 : Number.NaN;
    r[DecisionField.distribution + i] = !chosen || i > 2 ? 0 : i === 2 ? 0.75 : 0.125;
  }
  return r;
}

export const STATES: Readonly<Record<string, StateReport>> = {
  state: {
    t: 52.5,
    robot: 'bot-1',
    session: SESSION,
    mode: 'lockstep',
    state: 'driving',
    armed: true,
    frozen: false,
    why: Reason.slowed,
    rate: 100,
    cycles: 4712,
    misses: { late: 1, long: 0 },
    lateness: [0.00002, 0.00014],
    compute: [0.00009, 0.00021],
    age: { odom: 0.002, ranges: 0.002, contacts: null },
    updates: 120_000,
    reward: 0.25,
    interventions: { slowed: 210, obstacle: 4 },
    breaker: false,
    drift_alarms: 0,
    readings: { ranges: { wrong_length: 2 } },
    rejected: { malformed: 3 },
    refused: { busy: 1 },
    released: 0,
    cut_off: 0,
    peers: { drive: 1, watch: 2, administer: 0 },
    lost_decisions: 0,
    memory_bytes: 120_000_000,
    policy: 'regcb-optimistic',
  },
  'state-local': {
    t: 52.5,
    robot: 'local',
    state: 'waiting',
    armed: false,
    frozen: true,
    why: Reason.disarmed,
    rate: null,
    cycles: 0,
    misses: { late: 0, long: 0 },
    lateness: [null, null],
    compute: [null, null],
    age: { odom: null, ranges: null, contacts: null },
    updates: 0,
    reward: null,
    interventions: {},
    breaker: false,
    drift_alarms: 0,
    readings: {},
    lost_decisions: 0,
    memory_bytes: 5_000_000_000,
    policy: 'linucb',
  },
};

export const CHECKPOINT: CheckpointReport = {
  t: 60.5,
  robot: 'bot-1',
  file: 'checkpoint-000000005000.rfsn',
  cycles: 5000,
  updates: 120_250,
  bytes: 4,
  sha256: '53e4d757908d5f759929b478de67126c61de91f13b313e4d3512d14f8931351c',
  data: Uint8Array.of(0x52, 0x46, 0x53, 0x4e),
};
