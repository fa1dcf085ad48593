/**
 * Every shared offset, with its single writer. Both threads build their views from the same plan, which is a pure
 * function of the sizes, so that no offset travels between them.
 *
 * ```
 *  main thread writes                      control thread writes
 *  ──────────────────                      ─────────────────────
 *  orders      run, arm, freeze, requests   progress    cycle counter, answers, latched stop
 *  asked       when steps were asked for    statistics  histograms and counters
 *  stepDates   and what time they bear
 *  odometry ┐                               command     slot → port
 *  ranges   │  slots → cycle                decisions   ring → log, telemetry
 *  contacts │                               explanations ring → page, log; only while asked for
 *  goal     ┘                               policy      the bandit's table and state
 *  feedback    ring → cycle                 scaler      means and variances
 *  intake      readings refused, by reason  snapshot    the learned state, copied out on request
 *  tuning      limits and exploration
 *  restore     a learned state to take over  vitals      heap and collections, when asked
 * ```
 */
import { ArenaPlan, type Region } from './arena.js';
import { LatestValueSlot } from './latest-value-slot.js';
import { RecordRing } from './record-ring.js';

/** Indexes into the 32-bit words that the main thread writes. */
export const Order = {
  /** 1 asks the control thread to stop the robot and end. */
  stop: 0,
  /** 1 lets the robot move. Disarmed means zero velocity and no learning. */
  armed: 1,
  /** 1 stops learning and exploration. */
  freeze: 2,
  /** Rises to ask for a snapshot of the learned state. */
  snapshotRequest: 3,
  /** Rises while the main thread lives. */
  heartbeat: 4,
  /** Rises with every observation; the control thread sleeps on it where observations start cycles. */
  wake: 5,
  /** What starts cycles: see `Pace`. */
  pace: 6,
  /** Rises, and wraps, with each cycle asked for. */
  step: 7,
  /** Rises to ask that what is in `restore` be taken over. */
  restoreRequest: 8,
  /** Rises when `tuning` has changed. */
  tuneRequest: 9,
  /** Rises with every order that must not wait for the next start; the control thread sleeps on it otherwise. */
  rouse: 10,
  /**
   * Whose time cycles are on: 0 the clock's; otherwise that of the steps, and the number of their stretch. What was dated
   * in one stretch means nothing outside it.
   */
  stretch: 11,
  /** 1 while somebody wants each decision explained. */
  explain: 12,
  /** Rises to ask for the control thread's own figures: see `VitalsField`. */
  vitalsRequest: 13,
} as const;
export const ORDER_WORDS = 16;

/**
 * `Order.pace`: cycles start as configured, or one for each step that is asked for. A robot that is `simulated` by the
 * main thread itself needs no cycles while nobody asks for one: its time stands, unless that thread is lost.
 */
export const Pace = { configured: 0, lockstep: 1, simulated: 2 } as const;

/** Steps whose time of asking is kept; a power of two. Whoever asks for more before one is answered gets one answer. */
export const ASKED_STEPS = 8;

/** Doubles of the time that a step bears. */
export const StepDateField = {
  /** The cycle's time [ns]. */
  atNs: 0,
  /** The stretch that it belongs to: see `Order.stretch`; 0 for a step that bears no time. */
  stretch: 1,
} as const;
export const STEP_DATE_DOUBLES = 2;

/** Doubles that may be changed on a running controller. */
export const TuningField = {
  /** [m/s] */
  maxSpeed: 0,
  /** [rad/s] */
  maxYawRate: 1,
  /** Share of uniform exploration. */
  epsilon: 2,
} as const;
export const TUNING_DOUBLES = 3;

/** Indexes into the 32-bit words that the control thread writes. */
export const Progress = {
  /** Cycles begun. The main thread's watchdog lives by it. */
  cycles: 0,
  /** The snapshot request that `snapshot` answers. */
  snapshotDone: 1,
  /** 1 after a failed assertion or an exception: zero velocity until a restart. */
  latched: 2,
  /** 1 once the worker waits for its first cycle, 2 once it ended in order. */
  phase: 3,
  /** Rises after each command published; the main thread sleeps on it. */
  commands: 4,
  /** Whether the newest command is zero: see `Resting`. */
  resting: 5,
  /** The newest step that was asked for when the cycle under way began. */
  stepTaken: 6,
  /** The step that the newest command answers; all before it are answered too. */
  stepDone: 7,
  /** The request that `restoreResult` answers. */
  restoreDone: 8,
  /** See `RestoreResult`. */
  restoreResult: 9,
  /** The change of `tuning` that was taken over last. */
  tuneDone: 10,
  /** Rises while the control thread waits for a step: the sign of life of a thread that has no cycle to run. */
  idle: 11,
  /** The request that `vitals` answers. */
  vitalsDone: 12,
} as const;
export const PROGRESS_WORDS = 16;

/** What V8's collector does while a thread stands still. */
export const GcKind = { minor: 0, major: 1, incremental: 2, weakCallbacks: 3 } as const;
export const GC_KINDS = ['minor', 'major', 'incremental', 'weak_callbacks'] as const;

/** Doubles that the control thread tells of itself, when asked; collections are those since the first request. */
export const VitalsField = {
  heapUsedBytes: 0,
  heapTotalBytes: 1,
  heapLimitBytes: 2,
  externalBytes: 3,
  /** The longest single pause [ns]. */
  gcLongestNs: 4,
  /** Number and sum [ns] of pauses, by `GcKind`. */
  gcCount: 5,
  gcPauseNs: 9,
} as const;
export const VITALS_DOUBLES = 13;

/** `Progress.restoreResult`: taken over, or refused for the part named, with nothing changed. */
export const RestoreResult = { restored: 0, policyRefused: 1, scalesRefused: 2 } as const;

/** `Progress.resting` while the newest command is not zero, and while it is. */
export const Resting = { no: 0, yes: 1 } as const;

/** Doubles of an odometry reading. */
export const OdometryField = {
  stampNs: 0,
  receivedNs: 1,
  x: 2,
  y: 3,
  yaw: 4,
  vx: 5,
  vy: 6,
  yawRate: 7,
  /** Rises when the robot may have been put down elsewhere. */
  frame: 8,
  /**
   * What this input has published so far, from 1; likewise in the other three. A goal's withdrawal counts, and so do
   * contacts that a new frame voids: whatever a cycle can read has a number of its own.
   */
  sequence: 9,
} as const;
export const ODOMETRY_DOUBLES = 10;

/** Doubles before a scan's beams, which are singles. */
export const RangesField = {
  stampNs: 0,
  receivedNs: 1,
  count: 2,
  angleMin: 3,
  angleIncrement: 4,
  rangeMin: 5,
  rangeMax: 6,
  mountX: 7,
  mountY: 8,
  mountYaw: 9,
  sequence: 10,
} as const;
export const RANGES_DOUBLES = 11;

export const ContactsField = { stampNs: 0, receivedNs: 1, front: 2, left: 3, back: 4, right: 5, sequence: 6 } as const;
export const CONTACTS_DOUBLES = 7;

export const GoalField = {
  stampNs: 0,
  receivedNs: 1,
  active: 2,
  count: 3,
  x: 4,
  y: 5,
  tolerance: 6,
  sequence: 7,
} as const;
export const GOAL_DOUBLES = 8;

/** Doubles of a reward from outside. */
export const FeedbackField = { decisionId: 0, reward: 1, stampNs: 2 } as const;
export const FEEDBACK_DOUBLES = 3;
/** Rewards that may wait for the cycle; a power of two. When more come the oldest are dropped, and counted. */
export const FEEDBACK_RECORDS = 1024;

export const CommandField = {
  vx: 0,
  vy: 1,
  yawRate: 2,
  cycle: 3,
  reason: 4,
  /** Of the odometry that the cycle used, on its source's clock; NaN where there was none. */
  stampNs: 5,
} as const;
export const COMMAND_DOUBLES = 6;

/** The features of a context: DESIGN's 24, in their order. */
export const CONTEXT_DIM = 24;
/** The eight movement directions. */
export const ACTION_COUNT = 8;

/**
 * Doubles of a decision record; arrays start at their index.
 *
 * Two clocks: when the cycle was due, how late it was, how long it took and how far from the one before is on the
 * controller's monotonic clock. Ages are on the cycle's time, which is the same unless steps bear a time of their own
 * (`Controller.step`). Stamps are the source's.
 */
export const DecisionField = {
  /** The decision's id: rises by one from cycle to cycle of a run, from 0. Feedback names the decision by it. */
  cycle: 0,
  /** When the cycle was due, on the controller's monotonic clock. */
  scheduledNs: 1,
  latenessNs: 2,
  /** Up to the emission of the command: the part that the deadline judges. */
  computeNs: 3,
  periodNs: 4,
  /** 0 none, 1 woken late, 2 computed long. */
  miss: 5,
  /** 0 … 7; -1 where there was nothing to choose. */
  action: 6,
  /** Of the policy for its action, given what was allowed. */
  probability: 7,
  /** Bit k: action k was allowed. */
  allowed: 8,
  /** The last reward paid in this cycle, for the decision `rewardedCycle`; NaN where none was. */
  reward: 9,
  /** Safety's reason code. */
  reason: 10,
  /** Who drove: see `Driver`. */
  driver: 11,
  updates: 12,
  goalCount: 13,
  poseX: 14,
  poseY: 15,
  poseYaw: 16,
  goalX: 17,
  goalY: 18,
  commandVx: 19,
  commandVy: 20,
  commandYawRate: 21,
  /** What the readings' ages were, silence included: see `Observation.silenceNs`. */
  odometryAgeNs: 22,
  rangesAgeNs: 23,
  odometryStampNs: 24,
  rangesStampNs: 25,
  arrived: 26,
  raw: 27,
  scaled: 51,
  values: 75,
  distribution: 83,
  /** All rewards paid in this cycle, learned from or not: an arrival pays every decision that waits. */
  rewardSum: 91,
  rewardCount: 92,
  /** The decision that `reward` was for; NaN where none was paid. */
  rewardedCycle: 93,
  /** Alarms of the policy's watch for drift, since the start of the run. */
  driftAlarms: 94,
  /** The cycle's time, and for how long its steps had been silent: see `Observation.nowNs` and `silenceNs`. */
  timeNs: 95,
  silenceNs: 96,
  /** The stretch of dated steps that it lay in; 0 on the clock's time. */
  stretch: 97,
  /** Sequence numbers of the readings that it rests on; 0 before the first. */
  odometrySequence: 98,
  rangesSequence: 99,
  contactsSequence: 100,
  goalSequence: 101,
  /** Rewards from outside that had been taken in by its end, those among them that the ring dropped unseen. */
  feedbackTaken: 102,
  /** Orders as it saw them: the heartbeat's word; see `OrderBit`. */
  heartbeat: 103,
  orders: 104,
  /** Changes of `tuning` and learned states that had been taken over when it began. */
  tunings: 105,
  restores: 106,
  contactsAgeNs: 107,
  /** When the cycle began, on the controller's clock: `scheduledNs + latenessNs` may round. */
  startNs: 108,
  /** Rewards from outside that the ring dropped unseen, so far: the oldest of those that `feedbackTaken` rose by. */
  feedbackDropped: 109,
  /** What may be tuned, as it was tuned last and in `TuningField`'s order; NaN until something is. */
  maxSpeed: 110,
  maxYawRate: 111,
  epsilon: 112,
} as const;
export const DECISION_DOUBLES = 113;

/** Bits of `DecisionField.orders`. `scheduled`: cycles started as configured, and not one for each step. */
export const OrderBit = { armed: 1, frozen: 2, scheduled: 4 } as const;

/**
 * Doubles of an explanation: what each feature adds to each direction's value. Made only while it is asked for
 * (`Order.explain`), into a ring of its own.
 */
export const ExplanationField = {
  /** The decision that it is of. */
  cycle: 0,
  /** Direction after direction, `EXPLAINED` numbers each. */
  contributions: 1,
} as const;
/** The 24 features, and what of a value comes from none of them alone: products, an intercept, a count. */
export const EXPLAINED = CONTEXT_DIM + 1;
export const EXPLANATION_DOUBLES = 1 + ACTION_COUNT * EXPLAINED;
/** Explanations that may wait for the main thread; a power of two. */
export const EXPLANATION_RECORDS = 256;

/** Who made the command of a cycle. */
export const Driver = { none: 0, policy: 1, fallback: 2, stop: 3 } as const;

export interface LayoutSizes {
  maxBeams: number;
  /** A power of two. */
  decisionRecords: number;
  policyBytes: number;
  scalerBytes: number;
  snapshotBytes: number;
  statisticsBytes: number;
}

/** Where each region starts [bytes], and how large the block is. */
export interface ControlLayout {
  readonly sizes: LayoutSizes;
  readonly orders: number;
  readonly asked: number;
  readonly stepDates: number;
  readonly tuning: number;
  readonly restore: number;
  readonly progress: number;
  readonly intake: number;
  readonly odometry: number;
  readonly ranges: number;
  readonly contacts: number;
  readonly goal: number;
  readonly feedback: number;
  readonly command: number;
  readonly decisions: number;
  readonly explanations: number;
  readonly statistics: number;
  readonly policy: number;
  readonly scaler: number;
  readonly snapshot: number;
  readonly vitals: number;
  readonly totalBytes: number;
  readonly regions: readonly Region[];
}

/** Rejection counters: inputs × reasons, 32 bit each. */
export const INTAKE_INPUTS = 5;
export const INTAKE_REASONS = 8;

/** The one place where offsets are decided. Pure; both threads call it with the same sizes. */
export function planControlLayout(sizes: LayoutSizes): ControlLayout {
  const plan = new ArenaPlan();
  const orders = plan.reserve('orders', 'main', ORDER_WORDS * 4);
  const asked = plan.reserve('asked', 'main', ASKED_STEPS * 8);
  const stepDates = plan.reserve('step dates', 'main', ASKED_STEPS * STEP_DATE_DOUBLES * 8);
  const tuning = plan.reserve('tuning', 'main', TUNING_DOUBLES * 8);
  const intake = plan.reserve('intake', 'main', INTAKE_INPUTS * INTAKE_REASONS * 4);
  const odometry = plan.reserve('odometry', 'main', LatestValueSlot.bytes(ODOMETRY_DOUBLES));
  const ranges = plan.reserve('ranges', 'main', LatestValueSlot.bytes(RANGES_DOUBLES, sizes.maxBeams));
  const contacts = plan.reserve('contacts', 'main', LatestValueSlot.bytes(CONTACTS_DOUBLES));
  const goal = plan.reserve('goal', 'main', LatestValueSlot.bytes(GOAL_DOUBLES));
  const feedback = plan.reserve('feedback', 'main', RecordRing.bytes(FEEDBACK_RECORDS, FEEDBACK_DOUBLES));
  const restore = plan.reserve('restore', 'main', sizes.snapshotBytes);
  const progress = plan.reserve('progress', 'control', PROGRESS_WORDS * 4);
  const command = plan.reserve('command', 'control', LatestValueSlot.bytes(COMMAND_DOUBLES));
  const decisions = plan.reserve('decisions', 'control', RecordRing.bytes(sizes.decisionRecords, DECISION_DOUBLES));
  const explanations = plan.reserve(
    'explanations',
    'control',
    RecordRing.bytes(EXPLANATION_RECORDS, EXPLANATION_DOUBLES),
  );
  const statistics = plan.reserve('statistics', 'control', sizes.statisticsBytes);
  const policy = plan.reserve('policy', 'control', sizes.policyBytes);
  const scaler = plan.reserve('scaler', 'control', sizes.scalerBytes);
  const snapshot = plan.reserve('snapshot', 'control', sizes.snapshotBytes);
  const vitals = plan.reserve('vitals', 'control', VITALS_DOUBLES * 8);
  const totalBytes = plan.seal();
  return {
    sizes,
    orders,
    asked,
    stepDates,
    tuning,
    restore,
    progress,
    intake,
    odometry,
    ranges,
    contacts,
    goal,
    feedback,
    command,
    decisions,
    explanations,
    statistics,
    policy,
    scaler,
    snapshot,
    vitals,
    totalBytes,
    regions: plan.regions,
  };
}

/** The shared words and slots as views, built alike on either thread. */
export class ControlMemory {
  readonly buffer: SharedArrayBuffer;
  readonly layout: ControlLayout;
  readonly orders: Int32Array;
  readonly progress: Int32Array;
  readonly intake: Int32Array;
  /** When step `n` was asked for, at `n & (ASKED_STEPS - 1)`, on the clock that the two threads share [ns]. */
  readonly asked: Float64Array;
  /** The time that step `n` bears, at `(n & (ASKED_STEPS - 1)) * STEP_DATE_DOUBLES`; index with `StepDateField`. */
  readonly stepDates: Float64Array;
  /** Index with `TuningField`. */
  readonly tuning: Float64Array;
  /** A learned state to take over, laid out as in `snapshot`. */
  readonly restore: Uint8Array;
  readonly odometry: LatestValueSlot;
  readonly ranges: LatestValueSlot;
  readonly contacts: LatestValueSlot;
  readonly goal: LatestValueSlot;
  readonly feedback: RecordRing;
  readonly command: LatestValueSlot;
  readonly decisions: RecordRing;
  readonly explanations: RecordRing;
  readonly snapshot: Uint8Array;
  /** Index with `VitalsField`. */
  readonly vitals: Float64Array;

  /** @param buffer of `layout.totalBytes`, zero-filled when new; omitted, it is allocated here */
  constructor(layout: ControlLayout, buffer: SharedArrayBuffer = new SharedArrayBuffer(layout.totalBytes)) {
    this.buffer = buffer;
    this.layout = layout;
    const { maxBeams, decisionRecords, snapshotBytes } = layout.sizes;
    this.orders = new Int32Array(buffer, layout.orders, ORDER_WORDS);
    this.progress = new Int32Array(buffer, layout.progress, PROGRESS_WORDS);
    this.intake = new Int32Array(buffer, layout.intake, INTAKE_INPUTS * INTAKE_REASONS);
    this.asked = new Float64Array(buffer, layout.asked, ASKED_STEPS);
    this.stepDates = new Float64Array(buffer, layout.stepDates, ASKED_STEPS * STEP_DATE_DOUBLES);
    this.tuning = new Float64Array(buffer, layout.tuning, TUNING_DOUBLES);
    this.restore = new Uint8Array(buffer, layout.restore, snapshotBytes);
    this.odometry = new LatestValueSlot(buffer, layout.odometry, ODOMETRY_DOUBLES);
    this.ranges = new LatestValueSlot(buffer, layout.ranges, RANGES_DOUBLES, maxBeams);
    this.contacts = new LatestValueSlot(buffer, layout.contacts, CONTACTS_DOUBLES);
    this.goal = new LatestValueSlot(buffer, layout.goal, GOAL_DOUBLES);
    this.feedback = new RecordRing(buffer, layout.feedback, FEEDBACK_RECORDS, FEEDBACK_DOUBLES);
    this.command = new LatestValueSlot(buffer, layout.command, COMMAND_DOUBLES);
    this.decisions = new RecordRing(buffer, layout.decisions, decisionRecords, DECISION_DOUBLES);
    this.explanations = new RecordRing(buffer, layout.explanations, EXPLANATION_RECORDS, EXPLANATION_DOUBLES);
    this.snapshot = new Uint8Array(buffer, layout.snapshot, snapshotBytes);
    this.vitals = new Float64Array(buffer, layout.vitals, VITALS_DOUBLES);
  }

  /**
   * Hands out the command that was written at `command.writeIndex`, answers the step that its cycle was started for, and
   * wakes whoever waits for either. In this order: who sees a step answered finds its command. Control thread only.
   *
   * @realtime safe
   */
  publishCommand(): void {
    const progress = this.progress;
    this.command.publish();
    Atomics.store(progress, Progress.stepDone, progress[Progress.stepTaken]);
    Atomics.add(progress, Progress.commands, 1);
    Atomics.notify(progress, Progress.commands);
  }
}
