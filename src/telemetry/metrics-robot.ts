/** The figures of one robot between its coming and its going, as metrics show them. Main thread. */
import { DecisionField, GC_KINDS, INTAKE_REASONS, Order, Progress, VitalsField } from '../memory/layout.js';
import { BucketedHistogram, delayEdgesNs, periodEdgesNs } from './metrics-buckets.js';
import { RisingFigure, RisingWords } from './metrics-counting.js';
import { DecisionFigures } from './metrics-decisions.js';
import type { CounterIndex, RobotSource } from './metrics-source.js';

/** An answer of the control thread serves all who ask within so long [ms]. */
const VITALS_AGE_MS = 1000;
/** A scrape waits no longer than this for the control thread; it shows the last answer then [ms]. */
const VITALS_BOUND_MS = 250;

const NS_PER_S = 1e9;
/** Inputs whose age is judged. */
export const AGED_INPUTS = ['odometry', 'ranges', 'contacts'] as const;
const AGE_FIELDS = [DecisionField.odometryAgeNs, DecisionField.rangesAgeNs, DecisionField.contactsAgeNs];

export const EPISODE_OUTCOMES = ['success', 'collision', 'timeout'] as const;
export type EpisodeOutcome = (typeof EPISODE_OUTCOMES)[number];

/** What a robot's follower tells; the rest is read. */
export class RobotMetrics {
  readonly source: RobotSource;
  readonly lateness: BucketedHistogram;
  readonly compute: BucketedHistogram;
  readonly period: BucketedHistogram;
  readonly decisions = new DecisionFigures();
  readonly saves = { done: 0 };
  readonly episodes: Record<EpisodeOutcome, number> = { success: 0, collision: 0, timeout: 0 };
  collisionsAtFault = 0;
  /** The control thread's own figures as of its last answer, index with `VitalsField`; null before the first. */
  vitals: Float64Array | null = null;
  /** Requests for them that were not answered. */
  vitalsFailures = 0;
  readonly #counters: RisingWords;
  readonly #interventions: RisingWords;
  readonly #intake: RisingWords;
  readonly #progress: RisingWords;
  readonly #saveFailures: RisingFigure;
  readonly #droppedBefore: number;
  readonly #explanationsDroppedBefore: number;
  /** `VitalsField` as of the robot's coming. */
  #vitalsBefore: Float64Array | null = null;
  #asking: Promise<void> | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  /** Of the newest decision: the ages of its readings, and when its cycle began. */
  readonly #agesNs = new Float64Array(AGED_INPUTS.length).fill(Number.POSITIVE_INFINITY);
  #cycleNs = Number.NaN;

  constructor(source: RobotSource) {
    const { continued, statistics, memory, parameters } = source;
    const start = (index: number) => source.bucketStartNs(index);
    const delays = delayEdgesNs();
    this.source = source;
    this.lateness = new BucketedHistogram(statistics.lateness, delays, start, continued);
    this.compute = new BucketedHistogram(statistics.compute, delays, start, continued);
    const periods = periodEdgesNs(NS_PER_S / parameters.controller_frequency);
    this.period = new BucketedHistogram(statistics.period, periods, start, continued);
    this.#counters = new RisingWords(statistics.counters, continued);
    this.#interventions = new RisingWords(statistics.interventions, continued);
    this.#intake = new RisingWords(memory.intake, continued);
    this.#progress = new RisingWords(memory.progress, continued);
    const checkpoint = source.checkpoint();
    this.#saveFailures = new RisingFigure(checkpoint, checkpoint?.failures ?? 0);
    this.#droppedBefore = continued ? memory.decisions.droppedCount : 0;
    this.#explanationsDroppedBefore = continued ? memory.explanations.droppedCount : 0;
  }

  /** Takes in one decision: to be called with each. @param record index with `DecisionField`; not kept */
  decision(record: Float64Array): void {
    this.decisions.decision(record);
    for (let i = 0; i < AGE_FIELDS.length; i++) this.#agesNs[i] = record[AGE_FIELDS[i]];
    this.#cycleNs = record[DecisionField.scheduledNs] + record[DecisionField.latenessNs];
  }

  episode(outcome: EpisodeOutcome, atFault: boolean): void {
    this.episodes[outcome]++;
    if (outcome === 'collision' && atFault) this.collisionsAtFault++;
  }

  /** A checkpoint is on the disk. */
  saved(): void {
    this.saves.done++;
  }

  /** Brings what is counted up to date. */
  advance(): void {
    this.lateness.advance();
    this.compute.advance();
    this.period.advance();
    this.#counters.advance();
    this.#interventions.advance();
    this.#intake.advance();
    this.#progress.advance();
    const checkpoint = this.source.checkpoint();
    this.#saveFailures.advance(checkpoint, checkpoint?.failures ?? 0);
  }

  /** Asks the control thread for its own figures, unless it has answered a moment ago; waits for a bounded time. */
  async refreshVitals(): Promise<void> {
    const { thread } = this.source;
    if (thread === null || performance.now() - this.#askedMs < VITALS_AGE_MS) return;
    if (this.#asking === null) {
      this.#asking = thread
        .vitals()
        .then(
          (vitals) => {
            this.#vitalsBefore ??= this.source.continued ? vitals : new Float64Array(vitals.length);
            this.vitals = vitals;
            this.#askedMs = performance.now();
          },
          () => {
            this.vitalsFailures++;
          },
        )
        .finally(() => {
          this.#asking = null;
        });
    }
    await within(this.#asking, VITALS_BOUND_MS);
  }

  /** A counter of the control thread's statistics, since the robot came. */
  counter(name: keyof CounterIndex, offset = 0): number {
    return this.#counters.totals[this.source.counterIndex[name] + offset];
  }

  /** One of them that is a level: as it stands. */
  level(name: 'breakerOpen' | 'waiting'): number {
    return this.source.statistics.counters[this.source.counterIndex[name]];
  }

  intervention(reason: number): number {
    return this.#interventions.totals[reason];
  }

  /** @param column 0: accepted */
  reading(input: number, column: number): number {
    return this.#intake.totals[input * INTAKE_REASONS + column];
  }

  get commands(): number {
    return this.#progress.totals[Progress.commands];
  }

  get saveFailures(): number {
    return this.#saveFailures.total;
  }

  get droppedDecisions(): number {
    return this.source.memory.decisions.droppedCount - this.#droppedBefore;
  }

  get droppedExplanations(): number {
    return this.source.memory.explanations.droppedCount - this.#explanationsDroppedBefore;
  }

  /** Pauses of the control thread's collector, by `GcKind`; 0 before it has answered. */
  gcCount(kind: number): number {
    return this.#sinceComing(VitalsField.gcCount + kind);
  }

  /** [s] */
  gcPauseS(kind: number): number {
    return this.#sinceComing(VitalsField.gcPauseNs + kind) / NS_PER_S;
  }

  get armed(): boolean {
    return Atomics.load(this.source.memory.orders, Order.armed) === 1;
  }

  get frozen(): boolean {
    return Atomics.load(this.source.memory.orders, Order.freeze) === 1;
  }

  get breakerOpen(): boolean {
    return this.level('breakerOpen') !== 0;
  }

  /** `Controller.state`; `running` on a virtual clock. */
  get state(): string {
    return this.source.thread?.state() ?? 'running';
  }

  /**
   * Age of an input now: what it was in the newest decision, and the time since that began [s]. Infinite where no reading
   * has come.
   *
   * @param input index into `AGED_INPUTS`
   */
  inputAgeS(input: number): number {
    const sinceNs = Number.isNaN(this.#cycleNs) ? 0 : Math.max(0, this.source.nowNs() - this.#cycleNs);
    return (this.#agesNs[input] + sinceNs) / NS_PER_S;
  }

  /** After which age an input stops the robot [s]. */
  inputTimeoutS(input: number): number {
    const p = this.source.parameters;
    return [p.odometry_timeout_s, p.ranges_timeout_s, p.contacts_timeout_s][input];
  }

  /** Why the robot would not drive if it had a goal; empty where it would. */
  get obstacles(): string[] {
    const why: string[] = [];
    if (this.state !== 'running') why.push(`the controller is ${this.state}`);
    for (let i = 0; i < AGED_INPUTS.length; i++) {
      const age = this.inputAgeS(i);
      // A robot without contact sensors drives without.
      if (AGED_INPUTS[i] === 'contacts' && age === Number.POSITIVE_INFINITY) continue;
      if (!(age <= this.inputTimeoutS(i))) {
        why.push(Number.isFinite(age) ? `${AGED_INPUTS[i]} is ${age.toFixed(2)} s old` : `no ${AGED_INPUTS[i]} yet`);
      }
    }
    if (this.breakerOpen) why.push('the breaker is open');
    if (!this.armed) why.push('not armed');
    return why;
  }

  #sinceComing(field: number): number {
    if (this.vitals === null || this.#vitalsBefore === null) return 0;
    return this.vitals[field] - this.#vitalsBefore[field];
  }
}

/** Kinds of collections, by `GcKind`. */
export const GC_KIND_NAMES: readonly string[] = GC_KINDS;

async function within(promise: Promise<void>, boundMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, boundMs);
  });
  try {
    await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}
