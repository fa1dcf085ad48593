/** A run as a flight log sees it: readings, decisions and events of a robot that nobody steers, the same each time. */
import {
  CONTACTS_DOUBLES,
  ContactsField,
  DECISION_DOUBLES,
  DecisionField,
  EXPLANATION_DOUBLES,
  GOAL_DOUBLES,
  GoalField,
  ODOMETRY_DOUBLES,
  OdometryField,
  RANGES_DOUBLES,
  RangesField,
} from '../../src/memory/layout.js';
import type { FlightLog, LogClock } from '../../src/telemetry/flight-log/flight-log.js';
import type { StateRecord } from '../../src/telemetry/flight-log/messages.js';
import { ReadingInput } from '../../src/telemetry/flight-log/topics.js';

/** 2026-11-21 17:00:00 UTC. */
export const START_UNIX_NS = 1_795_280_400_000_000_000n;
export const PERIOD_NS = 1e7;

export const RUNNING: StateRecord = {
  state: 'running',
  fault: '',
  armed: true,
  halted: false,
  frozen: false,
  breakerOpen: false,
  breakerOpenings: 0,
  cycles: 0,
  updates: 0,
  missesLate: 0,
  missesLong: 0,
  interventions: 0,
  driftAlarms: 0,
  decisionsLost: 0,
};

/** Fields of a decision that are whole numbers, with the largest that a test gives them. */
const WHOLE: readonly [field: number, below: number][] = [
  [DecisionField.miss, 3],
  [DecisionField.allowed, 256],
  [DecisionField.reason, 19],
  [DecisionField.driver, 4],
  [DecisionField.updates, 1e6],
  [DecisionField.goalCount, 100],
  [DecisionField.arrived, 2],
  [DecisionField.rewardCount, 8],
  [DecisionField.driftAlarms, 10],
  [DecisionField.stretch, 3],
  [DecisionField.odometrySequence, 1e6],
  [DecisionField.rangesSequence, 1e6],
  [DecisionField.contactsSequence, 1e6],
  [DecisionField.goalSequence, 1e6],
  [DecisionField.feedbackTaken, 1e6],
  [DecisionField.heartbeat, 1e6],
  [DecisionField.orders, 4],
  [DecisionField.tunings, 10],
  [DecisionField.restores, 10],
  [DecisionField.feedbackDropped, 10],
];

/** Writes what a decision may hold. Each cycle's numbers are its own, and no two fields of one hold the same. */
export function decisionInto(out: Float64Array, cycle: number): void {
  for (let i = 0; i < DECISION_DOUBLES; i++) out[i] = Math.sin(cycle * DECISION_DOUBLES + i) * 10 ** (i % 5);
  for (const [field, below] of WHOLE) out[field] = (cycle * 7 + field) % below;
  out[DecisionField.cycle] = cycle;
  out[DecisionField.action] = (cycle % 9) - 1;
  out[DecisionField.scheduledNs] = cycle * PERIOD_NS;
  out[DecisionField.startNs] = cycle * PERIOD_NS + 1234;
  // What may be none is none now and then.
  if (cycle % 2 === 0) {
    out[DecisionField.reward] = Number.NaN;
    out[DecisionField.rewardedCycle] = Number.NaN;
    out[DecisionField.odometryStampNs] = Number.NaN;
    out[DecisionField.rangesAgeNs] = Number.POSITIVE_INFINITY;
  }
}

export class LoggedRun {
  readonly clock: LogClock = {
    nowNs: () => this.nowNs,
    unixNs: (clockNs) => START_UNIX_NS + BigInt(Math.round(clockNs)),
  };
  nowNs = 0;
  cycle = 0;
  /** Where the scanner sits [m]. */
  mountX = 0.2;
  readonly record = new Float64Array(DECISION_DOUBLES);
  readonly odometry = new Float64Array(ODOMETRY_DOUBLES);
  readonly ranges = new Float64Array(RANGES_DOUBLES);
  readonly contacts = new Float64Array(CONTACTS_DOUBLES);
  readonly goal = new Float64Array(GOAL_DOUBLES);
  readonly explanation = new Float64Array(EXPLANATION_DOUBLES);
  readonly beams: Float32Array;

  constructor(beams = 60) {
    this.beams = new Float32Array(beams);
  }

  setGoal(log: FlightLog, x: number, y: number, active = true): void {
    this.goal[GoalField.active] = active ? 1 : 0;
    this.goal[GoalField.x] = x;
    this.goal[GoalField.y] = y;
    this.goal[GoalField.sequence]++;
    log.reading(ReadingInput.goal, this.goal, null);
  }

  /** So many cycles, with an odometry each and a scan and contacts in every fifth. */
  drive(log: FlightLog, cycles: number): void {
    const { odometry, ranges, contacts, record, explanation, beams } = this;
    for (let i = 0; i < cycles; i++, this.cycle++) {
      this.nowNs = this.cycle * PERIOD_NS;
      const t = this.nowNs / 1e9;
      odometry.set([this.nowNs, this.nowNs, t, Math.sin(t), Math.sin(t) / 2, 1, 0, 0.1, 0]);
      odometry[OdometryField.sequence]++;
      log.reading(ReadingInput.odometry, odometry, null);
      if (this.cycle % 5 === 0) {
        beams.forEach((_, k) => {
          beams[k] = k % 17 === 0 ? Number.NaN : 2 + Math.sin(k / 10 + t);
        });
        ranges.set([this.nowNs, this.nowNs, beams.length, -1.5, 3 / beams.length, 0.1, 10, this.mountX, 0, 0.1]);
        ranges[RangesField.sequence]++;
        log.reading(ReadingInput.ranges, ranges, beams);
        contacts.set([this.nowNs, this.nowNs, t, 0, 0.5, 0]);
        contacts[ContactsField.sequence]++;
        log.reading(ReadingInput.contacts, contacts, null);
      }
      this.nowNs += 2000;
      decisionInto(record, this.cycle);
      log.decision(record);
      explanation.forEach((_, k) => {
        explanation[k] = k / 4;
      });
      explanation[0] = this.cycle;
      log.explanation(explanation);
      if (this.cycle % 100 === 0) log.state({ ...RUNNING, cycles: this.cycle });
    }
  }
}
