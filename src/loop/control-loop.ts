/**
 * The cycle: sense → extract → learn → select → constrain → emit → account.
 *
 * One function that takes its scheduled time as an argument. The worker calls it on the monotonic schedule, training and
 * replay on a virtual clock, and the same inputs at the same times give the same bits.
 *
 * Two times. The clock says how late a cycle is, how long it takes, and whether the main thread lives. All that is dated
 * (readings, what is remembered of the place, decisions that wait for their reward) goes by the cycle's time, which is the
 * clock's as well, unless the step that the cycle runs on bears another: a simulation's, faster than the clock or slower.
 *
 * Control thread. Reads the observation slots and orders; writes the command slot, the decision ring, statistics,
 * progress, the policy and the snapshot. Allocates nothing after construction.
 */

import type { Clock } from '../core/clock.js';
import { ContextBuilder } from '../features/context.js';
import { FeatureExtractor } from '../features/extraction.js';
import {
  ACTION_COUNT,
  ASKED_STEPS,
  CONTEXT_DIM,
  CommandField,
  type ControlMemory,
  DecisionField,
  Driver,
  ExplanationField,
  Order,
  OrderBit,
  Pace,
  Progress,
  Resting,
  RestoreResult,
  STEP_DATE_DOUBLES,
  StepDateField,
  TUNING_DOUBLES,
  TuningField,
} from '../memory/layout.js';
import { Observation } from '../memory/observation.js';
import { isIntervention, isOverride, Reason } from '../memory/reason.js';
import type { ParameterValues } from '../parameters/schema.js';
import { PENDING_COUNTS } from '../policy/pending-rewards.js';
import { NO_ACTION, type Policy } from '../policy/policy.js';
import { BoundedReward } from '../reward/bounded-reward.js';
import { ExpressionReward, type RewardProgram } from '../reward/expression-reward.js';
import { WeightedReward } from '../reward/reward.js';
import { Breaker } from '../safety/breaker.js';
import { circumscribedRadius } from '../safety/footprint.js';
import { Safety } from '../safety/safety.js';
import { Watchdog } from '../safety/watchdog.js';
import { Observer } from '../sense/observer.js';
import {
  contextOptionsOf,
  pendingOptionsOf,
  periodNsOf,
  rewardWeightsOf,
  robotPolicy,
  safetyOptionsOf,
} from './configuration.js';
import { Deadline, Miss } from './deadline.js';
import { tuneEngine } from './engine.js';
import { Learner } from './learner.js';
import { ControlStatistics, Counter } from './statistics.js';

export interface ControlLoopOptions {
  /** `reward.expression`, compiled. */
  rewardProgram?: RewardProgram | null;
  /** What was learned before: the two parts of a snapshot. */
  learned?: { policy: Uint8Array; scaler: Uint8Array } | null;
}

export class ControlLoop {
  readonly observation: Observation;
  readonly policy: Policy;
  readonly statistics: ControlStatistics;
  readonly #memory: ControlMemory;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #extractor = new FeatureExtractor();
  /** From raw features to what the policy sees. */
  readonly #features: ContextBuilder;
  /** Where the scales' state goes in a snapshot: behind the policy's. */
  readonly #scalerSnapshot: Uint8Array;
  /** What each entry of the context adds to each action's value, while somebody asks. */
  readonly #contributions: Float64Array;
  readonly #learner: Learner;
  readonly #safety: Safety;
  readonly #deadline: Deadline;
  readonly #breaker: Breaker;
  readonly #ruleOnly: boolean;
  readonly #mask = new Uint8Array(ACTION_COUNT);
  /** Of the main thread's heartbeat. */
  readonly #watchdog: Watchdog;
  /** For so long the main thread waits for a cycle, and sends zero velocity past it then [ns]. */
  readonly #takenOverNs: number;
  /** Of the state that the policy was loaded from. */
  #driftAlarmsBefore: number;
  /** The share of uniform exploration that was set last. */
  #epsilon: number;
  #lastStartNs = Number.NaN;
  #cycle = 0;
  #arrivedGoal = 0;
  /** The stretch of dated steps that time is in; 0 on the clock's time. */
  #stretch = 0;
  /** The last step whose time was taken. */
  #datedStep = 0;
  /** Tuning as it was taken over last; the shared one may have changed since. */
  readonly #tuned = new Float64Array(TUNING_DOUBLES).fill(Number.NaN);
  // Of the current cycle. Times lie in fields because V8 boxes doubles that are passed on.
  #scheduledNs = 0;
  #startNs = 0;
  #latenessNs = 0;
  #computeNs = 0;
  #periodNs = 0;
  #action = NO_ACTION;
  #driver: number = Driver.none;
  #standReason: number = Reason.none;
  #decided = false;
  // Orders as this cycle saw them: each is read once.
  #heartbeat = 0;
  #armed = 0;
  #freeze = 0;
  #pace: number = Pace.configured;

  /** @param memory zero-filled; the control thread's part is written here and nowhere else */
  constructor(memory: ControlMemory, p: ParameterValues, clock: Clock, options: ControlLoopOptions = {}) {
    tuneEngine();
    const { buffer, layout } = memory;
    const safety = safetyOptionsOf(p);
    this.#memory = memory;
    this.#clock = clock;
    this.observation = new Observation(layout.sizes.maxBeams);
    this.#observer = new Observer(memory, this.observation, circumscribedRadius(safety.footprint) + safety.margin);
    this.#features = new ContextBuilder(contextOptionsOf(p), { buffer, byteOffset: layout.scaler });
    this.#ruleOnly = p.policy === 'fallback';
    this.policy = robotPolicy(p, this.#features, { buffer, byteOffset: layout.policy });
    this.#contributions = new Float64Array(this.policy.nActions * this.policy.explainedDim);
    if (options.learned) {
      this.policy.importState(options.learned.policy);
      this.#features.importState(options.learned.scaler);
    }
    this.#scalerSnapshot = memory.snapshot.subarray(this.policy.stateBytes);
    const program = options.rewardProgram ?? null;
    const earned = program === null ? new WeightedReward(rewardWeightsOf(p)) : new ExpressionReward(program);
    const rewarder = new BoundedReward(earned, p.reward_min, p.reward_max);
    const horizon = Math.max(1, Math.round(p['reward.horizon_s'] * p.controller_frequency));
    this.statistics = new ControlStatistics(buffer, layout.statistics);
    this.#learner = new Learner(this.policy, rewarder, horizon, periodNsOf(p), {
      pending: pendingOptionsOf(p),
      counts: this.statistics.counters.subarray(Counter.feedback, Counter.feedback + PENDING_COUNTS),
      feedback: memory.feedback,
    });
    this.#epsilon = p.epsilon;
    this.#driftAlarmsBefore = this.policy.driftAlarms ?? 0;
    this.#safety = new Safety(safety, layout.sizes.maxBeams);
    this.#deadline = new Deadline(periodNsOf(p), p.deadline_fraction);
    this.#breaker = new Breaker(p.breaker_open_misses, p.breaker_close_cycles);
    this.#watchdog = new Watchdog(p.heartbeat_timeout_s * 1e9);
    this.#takenOverNs = p.watchdog_timeout_s * 1e9;
  }

  /**
   * One cycle.
   *
   * @param scheduledNs when it was due, on the controller's clock
   * @throws AssertionError where the program is wrong; the caller latches the stop
   * @realtime safe
   */
  run(scheduledNs: number): void {
    const o = this.observation;
    this.#startNs = this.#clock.nowNs();
    this.#scheduledNs = scheduledNs;
    this.#latenessNs = this.#startNs - scheduledNs;
    this.#date();
    this.#noticeHold();
    Atomics.store(this.#memory.progress, Progress.cycles, (this.#cycle + 1) | 0);
    this.#observer.read();
    this.#extract();
    this.#safety.observe(o);
    this.#standReason = this.#reasonToStand();
    this.#learn();
    this.#select();
    this.#safety.constrain(o, this.#standReason, this.#passReason());
    this.#computeNs = this.#clock.nowNs() - this.#startNs;
    // In time is decided here: the doubles of a call that is not inlined would be boxed in every cycle.
    const inTime = this.#latenessNs + this.#computeNs <= this.#deadline.limitNs;
    const miss = inTime ? Miss.none : this.#deadline.judge(this.#latenessNs, this.#computeNs);
    if (miss !== Miss.none) this.#safety.slowDown(Reason.deadlineMissed);
    this.#emit();
    this.#account(miss);
    this.serve();
  }

  /**
   * Does what the main thread asked for, between two cycles: changes limits and exploration, takes a learned state over,
   * copies one out. In this order, so that a copy asked for after a restore has it. `run` ends with it.
   *
   * @realtime safe but for a restore, which allocates
   */
  serve(): void {
    const { orders, progress } = this.#memory;
    if (Atomics.load(orders, Order.tuneRequest) !== progress[Progress.tuneDone]) this.#tune();
    if (Atomics.load(orders, Order.restoreRequest) !== progress[Progress.restoreDone]) this.#restore();
    if (Atomics.load(orders, Order.snapshotRequest) !== progress[Progress.snapshotDone]) this.#copySnapshot();
  }

  /** Sends zero velocity at once: the last thing the control thread does. @realtime safe */
  stop(): void {
    this.#safety.halt(Reason.stopping);
    this.#emit();
  }

  /**
   * Finds the cycle's time. Within a stretch it stands while no step comes: what goes on then is the silence, which ages
   * readings and nothing else. So a robot that is heard again goes on where it was. At a stretch's end time falls back to
   * the clock's, and nothing may outlive it: a reading from the future would count as fresh for as long as it was ahead.
   */
  #date(): void {
    const o = this.observation;
    const { orders, progress, asked, stepDates } = this.#memory;
    const ordered = Atomics.load(orders, Order.stretch);
    const step = progress[Progress.stepTaken];
    const place = step & (ASKED_STEPS - 1);
    const date = place * STEP_DATE_DOUBLES;
    // The steps so far may belong to a stretch that is over, or to none.
    const stretch = stepDates[date + StepDateField.stretch] === ordered ? ordered : 0;
    const entered = stretch !== this.#stretch;
    if (entered && this.#stretch !== 0) {
      this.#observer.forget();
      this.#learner.forget();
      o.nowNs = 0;
    }
    this.#stretch = stretch;
    o.silenceNs = 0;
    if (stretch === 0) o.nowNs = this.#startNs;
    else if (entered || step !== this.#datedStep) {
      this.#datedStep = step;
      o.nowNs = Math.max(o.nowNs, stepDates[date + StepDateField.atNs]);
    } else o.silenceNs = Math.max(0, this.#startNs - asked[place]);
  }

  /**
   * A thread that was held for longer than the watchdog waits finds a robot that was sent zero meanwhile, or nothing at all:
   * going on from the last command would have it jump. A robot whose steps start the cycles may take its time.
   */
  #noticeHold(): void {
    const before = this.#pace;
    this.#pace = Atomics.load(this.#memory.orders, Order.pace);
    if (before !== Pace.configured || this.#pace !== Pace.configured) return;
    if (this.#startNs - this.#lastStartNs > this.#takenOverNs) this.#safety.beginFromRest();
  }

  #extract(): void {
    const o = this.observation;
    if (o.jumped || o.newGoal) this.#learner.clear();
    if (o.jumped) this.#extractor.clear();
    this.#extractor.extract(o, this.#features.raw);
    this.#features.build();
  }

  #reasonToStand(): number {
    const orders = this.#memory.orders;
    this.#heartbeat = Atomics.load(orders, Order.heartbeat);
    this.#armed = Atomics.load(orders, Order.armed);
    this.#watchdog.observe(this.#heartbeat, this.#startNs);
    if (this.#armed === 0) return Reason.disarmed;
    if (this.#watchdog.expired) return Reason.heartbeatLost;
    return this.#safety.standReason(this.observation);
  }

  #learn(): void {
    this.#freeze = Atomics.load(this.#memory.orders, Order.freeze);
    const frozen = this.#freeze !== 0;
    this.policy.frozen = frozen;
    this.#features.frozen = frozen;
    const arrived = this.#standReason === Reason.arrived;
    const driving = this.#standReason === Reason.none || arrived;
    // A robot that stands still learns from feedback, unless it was disarmed: that ends all learning.
    const learning = !frozen && !this.#ruleOnly && !this.#breaker.open && this.#standReason !== Reason.disarmed;
    if (!driving) this.#learner.clear();
    if (!driving && !this.#learner.fromFeedback) return;
    const learned = this.#learner.pay(this.observation, arrived, learning);
    if (learned > 0) this.statistics.recordReward(this.#learner.learnedSum[0], learned);
    if (learning && driving && !arrived) this.#features.update();
  }

  #select(): void {
    const o = this.observation;
    this.#action = NO_ACTION;
    this.#decided = false;
    this.#driver = Driver.stop;
    if (this.#standReason !== Reason.none) return;
    const allowed = this.#safety.allow(o, this.#mask);
    this.#driver = Driver.fallback;
    if (this.#ruleOnly || this.#breaker.open || this.#safety.stalled || allowed === 0) {
      this.#action = this.#safety.fallback(o);
      return;
    }
    this.#driver = Driver.policy;
    this.#action = this.policy.select(this.#features.context, this.#mask);
    this.#decided = true;
    this.#safety.pursue(o, this.#action);
  }

  /** The reason that goes out with a command that safety did not change. */
  #passReason(): number {
    if (this.#breaker.open) return Reason.breakerOpen;
    if (this.#action === NO_ACTION) return Reason.enclosed;
    return this.#driver === Driver.policy || this.#ruleOnly ? Reason.none : Reason.stalled;
  }

  #emit(): void {
    const s = this.#safety;
    s.commit();
    const slot = this.#memory.command;
    const out = slot.doubles[slot.writeIndex];
    out[CommandField.vx] = s.vx;
    out[CommandField.vy] = s.vy;
    out[CommandField.yawRate] = s.yawRate;
    out[CommandField.cycle] = this.#cycle;
    out[CommandField.reason] = s.reason;
    const o = this.observation;
    out[CommandField.stampNs] = o.odometryAgeNs < Number.POSITIVE_INFINITY ? o.odometryStampNs : Number.NaN;
    const resting = s.vx === 0 && s.vy === 0 && s.yawRate === 0;
    Atomics.store(this.#memory.progress, Progress.resting, resting ? Resting.yes : Resting.no);
    this.#memory.publishCommand();
  }

  #account(miss: number): void {
    const o = this.observation;
    const s = this.#safety;
    const statistics = this.statistics;
    const counters = statistics.counters;
    if (this.#decided) {
      const learnable = !isOverride(s.reason);
      this.#learner.enter(o, this.#features.context, this.#action, learnable, isIntervention(s.reason), this.#cycle);
    }
    this.#extractor.remember(this.#action);
    this.#periodNs = this.#startNs - this.#lastStartNs;
    this.#lastStartNs = this.#startNs;
    statistics.recordCycle(
      this.#latenessNs,
      this.#computeNs,
      this.#periodNs,
      miss,
      isIntervention(s.reason) ? s.reason : Reason.none,
    );
    this.#breaker.update(miss !== Miss.none);
    counters[Counter.breakerOpenings] = this.#breaker.openings;
    counters[Counter.breakerOpen] = this.#breaker.open ? 1 : 0;
    counters[Counter.goals] = o.goalCount;
    if (s.reason >= Reason.staleOdometry && s.reason <= Reason.staleContacts) counters[Counter.staleCycles]++;
    if (s.reason === Reason.heartbeatLost) counters[Counter.heartbeatLosses]++;
    counters[Counter.driftAlarms] = (this.policy.driftAlarms ?? 0) - this.#driftAlarmsBefore;
    counters[Counter.feedbackDropped] = this.#memory.feedback.droppedCount;
    counters[Counter.waiting] = this.#learner.waiting;
    if (this.#standReason === Reason.arrived && o.goalCount !== this.#arrivedGoal) {
      this.#arrivedGoal = o.goalCount;
      counters[Counter.arrivals]++;
    }
    this.#record(miss);
    if (this.#decided && Atomics.load(this.#memory.orders, Order.explain) !== 0) this.#explain();
    this.#cycle++;
  }

  #record(miss: number): void {
    const o = this.observation;
    const s = this.#safety;
    const ring = this.#memory.decisions;
    const values = this.policy.lastValues;
    const distribution = this.policy.lastDistribution;
    const { raw, scaled } = this.#features;
    const r = ring.record;
    r[DecisionField.cycle] = this.#cycle;
    r[DecisionField.scheduledNs] = this.#scheduledNs;
    r[DecisionField.latenessNs] = this.#latenessNs;
    r[DecisionField.computeNs] = this.#computeNs;
    r[DecisionField.periodNs] = this.#periodNs;
    r[DecisionField.miss] = miss;
    r[DecisionField.action] = this.#action;
    r[DecisionField.probability] = this.#decided ? distribution[this.#action] : 0;
    r[DecisionField.allowed] = this.#standReason === Reason.none ? s.allowedBits : 0;
    r[DecisionField.reward] = this.#learner.paid[0];
    r[DecisionField.rewardSum] = this.#learner.payments[0];
    r[DecisionField.rewardCount] = this.#learner.payments[1];
    r[DecisionField.rewardedCycle] = this.#learner.paidId[0];
    r[DecisionField.driftAlarms] = this.statistics.counters[Counter.driftAlarms];
    r[DecisionField.reason] = s.reason;
    r[DecisionField.driver] = this.#driver;
    r[DecisionField.updates] = this.statistics.counters[Counter.learned];
    r[DecisionField.goalCount] = o.goalCount;
    r[DecisionField.poseX] = o.x;
    r[DecisionField.poseY] = o.y;
    r[DecisionField.poseYaw] = o.yaw;
    r[DecisionField.goalX] = o.goalX;
    r[DecisionField.goalY] = o.goalY;
    r[DecisionField.commandVx] = s.vx;
    r[DecisionField.commandVy] = s.vy;
    r[DecisionField.commandYawRate] = s.yawRate;
    r[DecisionField.odometryAgeNs] = o.odometryAgeNs;
    r[DecisionField.rangesAgeNs] = o.rangesAgeNs;
    r[DecisionField.odometryStampNs] = o.odometryStampNs;
    r[DecisionField.rangesStampNs] = o.rangesStampNs;
    r[DecisionField.contactsAgeNs] = o.contactsAgeNs;
    r[DecisionField.odometrySequence] = o.odometrySequence;
    r[DecisionField.rangesSequence] = o.rangesSequence;
    r[DecisionField.contactsSequence] = o.contactsSequence;
    r[DecisionField.goalSequence] = o.goalSequence;
    r[DecisionField.timeNs] = o.nowNs;
    r[DecisionField.silenceNs] = o.silenceNs;
    r[DecisionField.stretch] = this.#stretch;
    r[DecisionField.startNs] = this.#startNs;
    this.#recordOrders(r);
    r[DecisionField.arrived] = this.#standReason === Reason.arrived ? 1 : 0;
    for (let i = 0; i < CONTEXT_DIM; i++) {
      r[DecisionField.raw + i] = raw[i];
      r[DecisionField.scaled + i] = scaled[i];
    }
    for (let i = 0; i < ACTION_COUNT; i++) {
      r[DecisionField.values + i] = this.#decided ? values[i] : Number.NaN;
      r[DecisionField.distribution + i] = this.#decided ? distribution[i] : 0;
    }
    ring.commit();
  }

  /** Why the policy chose as it did: the weights are those that it chose by, for it learns before it chooses. */
  #explain(): void {
    const ring = this.#memory.explanations;
    this.policy.explain(this.#features.context, this.#contributions);
    this.#features.explain(this.#contributions, ring.record, ExplanationField.contributions);
    ring.record[ExplanationField.cycle] = this.#cycle;
    ring.commit();
  }

  /** What the main thread had said by then: with the readings all that a decision follows from. */
  #recordOrders(r: Float64Array): void {
    const { progress, feedback } = this.#memory;
    r[DecisionField.heartbeat] = this.#heartbeat;
    r[DecisionField.orders] =
      (this.#armed !== 0 ? OrderBit.armed : 0) |
      (this.#freeze !== 0 ? OrderBit.frozen : 0) |
      (this.#pace === Pace.configured ? OrderBit.scheduled : 0);
    r[DecisionField.feedbackTaken] = feedback.takenCount;
    r[DecisionField.feedbackDropped] = feedback.droppedCount;
    // Written between two cycles, on this thread.
    r[DecisionField.tunings] = progress[Progress.tuneDone];
    r[DecisionField.restores] = progress[Progress.restoreDone];
    for (let i = 0; i < TUNING_DOUBLES; i++) r[DecisionField.maxSpeed + i] = this.#tuned[i];
  }

  /** The scales' state in a new array. @realtime unsafe */
  exportScaler(): Uint8Array {
    return this.#features.exportState();
  }

  #tune(): void {
    const { orders, progress, tuning } = this.#memory;
    // Before the values are read: what changes meanwhile is read again.
    const request = Atomics.load(orders, Order.tuneRequest);
    const tuned = this.#tuned;
    for (let i = 0; i < TUNING_DOUBLES; i++) tuned[i] = tuning[i];
    this.#safety.limitSpeed(tuned[TuningField.maxSpeed], tuned[TuningField.maxYawRate]);
    const epsilon = tuned[TuningField.epsilon];
    // Set where it was asked for alone: what a schedule of exploration starts from stays as it is otherwise.
    if (epsilon !== this.#epsilon && 'epsilon' in this.policy) {
      this.#epsilon = epsilon;
      (this.policy as Policy & { epsilon: number }).epsilon = epsilon;
    }
    Atomics.store(progress, Progress.tuneDone, request);
  }

  /**
   * Takes over the state in the shared memory, all of it or nothing. What the decisions so far lead to is no longer
   * learned: another model made them, on other scales.
   */
  #restore(): void {
    const { orders, progress, restore } = this.#memory;
    const request = Atomics.load(orders, Order.restoreRequest);
    const alarms = (this.policy.driftAlarms ?? 0) - this.#driftAlarmsBefore;
    const before = this.policy.exportState();
    let result: number = RestoreResult.policyRefused;
    try {
      this.policy.importState(restore.slice(0, this.policy.stateBytes));
      result = RestoreResult.scalesRefused;
      this.#features.importState(restore.slice(this.policy.stateBytes));
      result = RestoreResult.restored;
    } catch {
      if (result === RestoreResult.scalesRefused) this.policy.importState(before);
    }
    if (result === RestoreResult.restored) {
      this.#learner.forget();
      // Alarms of this run go on being counted; those of the state's past are not among them.
      this.#driftAlarmsBefore = (this.policy.driftAlarms ?? 0) - alarms;
    }
    Atomics.store(progress, Progress.restoreResult, result);
    Atomics.store(progress, Progress.restoreDone, request);
  }

  /** Copies what was learned to where the main thread reads it: a few microseconds, after the command has gone out. */
  #copySnapshot(): void {
    const { snapshot, orders, progress } = this.#memory;
    this.policy.exportInto(snapshot);
    this.#features.exportInto(this.#scalerSnapshot);
    Atomics.store(progress, Progress.snapshotDone, Atomics.load(orders, Order.snapshotRequest));
    Atomics.notify(progress, Progress.snapshotDone);
  }
}
