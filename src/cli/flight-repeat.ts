/**
 * Repeats a flight log: the control loop again, on the readings, orders and times that the log has, and every double of
 * every decision set against what was recorded.
 *
 * Nothing is assumed of how the run was paced. A decision's record names the readings that it found by their numbers, says
 * what time it took for its own, what its clock said at its start and at its command, which orders it saw, and what had been
 * taken over by then of rewards from outside, tunings and learned states. So a run in real time, one on a virtual clock and
 * one in lockstep over a link are repeated alike.
 *
 * It ends where the log no longer says all: at decisions that were lost, at a reading that is missing. What comes after
 * rests on what was learned and remembered meanwhile.
 */
import { ScriptedClock } from '../core/clock.js';
import { FEATURES } from '../features/extraction.js';
import { layoutSizesOf, snapshotShapeOf } from '../loop/configuration.js';
import { ControlLoop } from '../loop/control-loop.js';
import type { LatestValueSlot } from '../memory/latest-value-slot.js';
import {
  ASKED_STEPS,
  ControlMemory,
  DECISION_DOUBLES,
  DecisionField,
  EXPLANATION_DOUBLES,
  ExplanationField,
  FEEDBACK_DOUBLES,
  FeedbackField,
  Order,
  OrderBit,
  Pace,
  Progress,
  planControlLayout,
  STEP_DATE_DOUBLES,
  StepDateField,
  TUNING_DOUBLES,
} from '../memory/layout.js';
import { loadParameters } from '../parameters/loader.js';
import type { ParameterValue, ParameterValues } from '../parameters/schema.js';
import { compileReward } from '../reward/reward-compiler.js';
import { Input } from '../sense/validating-sink.js';
import { FlightLogError } from '../telemetry/flight-log/log-error.js';
import type { DecodedMessage } from '../telemetry/flight-log/log-messages.js';
import type { FlightLogReader, LogMessage } from '../telemetry/flight-log/log-reader.js';
import {
  type DecisionMessage,
  decisionRecordFrom,
  FORMAT_VERSION,
  LEARNED_STATE_NAME,
  METADATA,
  TOPICS,
  Topic,
} from '../telemetry/flight-log/topics.js';
import { type LearnedState, splitSnapshot } from './checkpointing.js';

/** Readings that wait for a decision that rests on them, at most: a log with none would fill the memory otherwise. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const FEEDBACK_WAITING_MAX = 65_536;
/** Of Reading.values. */
const READING_DOUBLES_MAX = 64;
/** Key of the run's parameters in the metadata. */
const PARAMETERS_KEY = 'parameters';
/** Key that says `true` where the controller had only waited before the log began. */
export const WAITED_KEY = 'waited_before';

/** Where the repetition is another than the record. */
export interface RepeatDifference {
  readonly cycle: number;
  /** As in Decision.msg, with the place in an array and the feature's name. */
  readonly field: string;
  readonly recorded: number;
  readonly repeated: number;
}

/** How a repetition ended. */
export interface RepeatEnd {
  /**
   * `same`: every decision of the log; `different`: see `difference`; `gap`: the log says no more, for which see `detail`;
   * `asked`: where it was told to stop.
   */
  readonly state: 'same' | 'different' | 'gap' | 'asked';
  readonly difference: RepeatDifference | null;
  /** A sentence's part; empty where there is nothing to say. */
  readonly detail: string;
}

export interface FlightRepeatOptions {
  /** What the policy begins with, instead of what the log says; null: nothing learned. */
  readonly learned?: LearnedState | null;
}

/** A reading that has been read and not been used. */
interface Waiting {
  readonly doubles: Float64Array;
  beams: Float32Array | null;
}

export class FlightRepeat {
  readonly log: FlightLogReader;
  readonly parameters: ParameterValues;
  readonly loop: ControlLoop;
  /** What the run began with; null: nothing learned. */
  readonly learned: LearnedState | null;
  /** Decisions that were the same to the bit so far. */
  repeated = 0;
  /** The newest decision as it was recorded, or, where that was not to be repeated yet, the next; reused. */
  readonly recorded = new Float64Array(DECISION_DOUBLES);
  /** The same as it was repeated; reused. */
  readonly again = new Float64Array(DECISION_DOUBLES);
  readonly #memory: ControlMemory;
  readonly #clock = new ScriptedClock();
  /** By input, then by sequence. */
  readonly #waiting = [0, 1, 2, 3].map(() => new Map<number, Waiting>());
  #waitingBytes = 0;
  /** Beams that came before the reading that they belong to. */
  readonly #beams = new Map<number, Float32Array>();
  readonly #feedback: Float64Array[] = [];
  /** What each input's slot holds by now. */
  readonly #applied = new Float64Array(4);
  readonly #messages: Generator<LogMessage, void, void>;
  /** The decision after the last to repeat is in `recorded` already. */
  #ahead = false;
  /** Of the next decision. */
  #cycle = 0;
  /** What its number is here less: cycles before the log began. */
  #cyclesBefore = 0;
  #step = 0;
  #feedbackTaken = 0;
  #feedbackDropped = 0;
  /** Rewards that the recorded ring lost unseen: they were never in this one. */
  #feedbackSkipped = 0;
  /** Learned states that were taken over, and the next of them. */
  #restores: Generator<LogMessage, void, void> | null = null;
  #nextRestore: DecodedMessage | null = null;

  /**
   * @param log read here, and closed by whoever opened it
   * @throws FlightLogError where the log does not say how the run was set up; what its parameters or its learned state
   *   throw, where this version cannot use them
   */
  constructor(log: FlightLogReader, options: FlightRepeatOptions = {}) {
    this.log = log;
    this.parameters = parametersOf(log);
    this.learned = options.learned === undefined ? learnedOf(log, this.parameters) : options.learned;
    const topics = [Topic.scan, Topic.decision, Topic.reading].map((topic) => TOPICS[topic].name);
    this.#messages = log.messages({ topics });
    const expression = this.parameters['reward.expression'];
    this.#memory = new ControlMemory(planControlLayout(layoutSizesOf(this.parameters)));
    this.loop = new ControlLoop(this.#memory, this.parameters, this.#clock, {
      rewardProgram: expression === '' ? null : compileReward(expression),
      learned: this.learned,
    });
  }

  /**
   * Repeats decision after decision until one differs or the log ends; called again after it was told to stop, it goes on.
   *
   * @param untilCycle the last decision to repeat; absent, all. None after it is repeated, not even where the log begins late
   * @param onDecision called with each that was the same
   * @throws FlightLogError where the log cannot be read
   * @realtime unsafe
   */
  run(untilCycle = Number.POSITIVE_INFINITY, onDecision?: () => void): RepeatEnd {
    while (this.#ahead || this.#readDecision()) {
      this.#ahead = this.recorded[DecisionField.cycle] > untilCycle;
      if (this.#ahead) return { state: 'asked', difference: null, detail: '' };
      const gap = this.#repeat();
      if (gap !== '') return { state: 'gap', difference: null, detail: gap };
      const difference = this.#compare();
      if (difference !== null) return { state: 'different', difference, detail: '' };
      this.repeated++;
      onDecision?.();
      if (this.recorded[DecisionField.cycle] >= untilCycle) return { state: 'asked', difference: null, detail: '' };
    }
    if (this.repeated === 0) return { state: 'gap', difference: null, detail: 'the log has no decision' };
    return { state: 'same', difference: null, detail: '' };
  }

  /** Reads on to the next decision, into `recorded`. @returns whether there is one */
  #readDecision(): boolean {
    for (;;) {
      const { value: message } = this.#messages.next();
      if (!message) return false;
      if (message.topic === TOPICS[Topic.reading].name) this.#takeReading(message);
      else if (message.topic === TOPICS[Topic.scan].name) this.#takeBeams(message);
      else {
        decisionRecordFrom(message.decode() as DecisionMessage, this.recorded);
        return true;
      }
    }
  }

  /** Has the decisions from the next on explained. */
  explain(): void {
    Atomics.store(this.#memory.orders, Order.explain, 1);
  }

  /** The explanation of the newest decision, `EXPLANATION_DOUBLES`; null where the policy did not choose. */
  explanation(): Float64Array | null {
    const out = new Float64Array(EXPLANATION_DOUBLES);
    let found = false;
    while (this.#memory.explanations.read(out)) found = true;
    out[ExplanationField.cycle] += this.#cyclesBefore;
    return found && out[ExplanationField.cycle] === this.recorded[DecisionField.cycle] ? out : null;
  }

  #takeReading(message: LogMessage): void {
    const { input, sequence, values } = message.decode();
    if (typeof input !== 'number' || typeof sequence !== 'number' || !(values instanceof Float64Array)) {
      throw new FlightLogError('a reading of the log is none that this version knows');
    }
    if (values.length > READING_DOUBLES_MAX) throw new FlightLogError('a reading of the log is too long');
    if (input === Input.feedback) {
      if (values.length !== FEEDBACK_DOUBLES) throw new FlightLogError('a reward of the log is none that is known');
      if (this.#feedback.length >= FEEDBACK_WAITING_MAX) this.#feedback.shift();
      this.#feedback.push(values.slice());
      return;
    }
    const waiting = this.#waiting[input];
    const slot = this.#slotOf(input);
    if (waiting === undefined || slot === null || values.length !== slot.doubles[0].length) {
      throw new FlightLogError(`a reading of the log has ${values.length} numbers, which this version does not know`);
    }
    const beams = input === Input.ranges ? (this.#beams.get(sequence) ?? null) : null;
    this.#beams.delete(sequence);
    waiting.set(sequence, { doubles: values.slice(), beams });
    this.#waitingBytes += values.byteLength;
    this.#bound();
  }

  #takeBeams(message: LogMessage): void {
    const { ranges } = message.decode();
    if (!(ranges instanceof Float32Array)) throw new FlightLogError('a scan of the log has no ranges');
    if (message.sequence <= this.#applied[Input.ranges]) return;
    const beams = ranges.slice();
    this.#waitingBytes += beams.byteLength;
    const waiting = this.#waiting[Input.ranges].get(message.sequence);
    if (waiting !== undefined) waiting.beams = beams;
    else this.#beams.set(message.sequence, beams);
    this.#bound();
  }

  /** Forgets the oldest of what waits. */
  #bound(): void {
    while (this.#waitingBytes > WAITING_BYTES_MAX) {
      const queues: Map<number, unknown>[] = [...this.#waiting, this.#beams];
      const longest = queues.reduce((most, queue) => (queue.size > most.size ? queue : most));
      if (longest.size === 0) return;
      const [sequence] = longest.keys();
      this.#drop(longest, sequence);
    }
  }

  #drop(queue: Map<number, unknown>, sequence: number): void {
    const dropped = queue.get(sequence) as Waiting | Float32Array;
    const beams = dropped instanceof Float32Array ? dropped : dropped.beams;
    this.#waitingBytes -= beams?.byteLength ?? 0;
    if (!(dropped instanceof Float32Array)) this.#waitingBytes -= dropped.doubles.byteLength;
    queue.delete(sequence);
  }

  /** @returns why it cannot be repeated; empty where it was */
  #repeat(): string {
    const r = this.recorded;
    const cycle = r[DecisionField.cycle];
    if (this.#cycle === 0 && cycle > 0 && this.#waitedBefore) this.#wait(cycle);
    if (cycle !== this.#cycle) return this.#lostDecisions(cycle);
    this.#cycle++;
    const missing =
      this.#apply(Input.odometry, 'odometry reading', r[DecisionField.odometrySequence]) ||
      this.#apply(Input.ranges, 'scan', r[DecisionField.rangesSequence]) ||
      this.#apply(Input.contacts, 'contact reading', r[DecisionField.contactsSequence]) ||
      this.#apply(Input.goal, 'goal', r[DecisionField.goalSequence]) ||
      this.#applyFeedback();
    if (missing !== '') return `the log lacks ${missing}, on which cycle ${cycle} rests`;
    this.#applyTuning();
    this.#applyRestores();
    this.#applyTime();
    const { orders } = this.#memory;
    const bits = r[DecisionField.orders];
    Atomics.store(orders, Order.armed, bits & OrderBit.armed ? 1 : 0);
    Atomics.store(orders, Order.freeze, bits & OrderBit.frozen ? 1 : 0);
    Atomics.store(orders, Order.pace, bits & OrderBit.scheduled ? Pace.configured : Pace.lockstep);
    Atomics.store(orders, Order.heartbeat, r[DecisionField.heartbeat]);
    this.#clock.set(r[DecisionField.startNs], r[DecisionField.computeNs]);
    this.loop.run(r[DecisionField.scheduledNs]);
    this.#memory.decisions.read(this.again);
    return '';
  }

  /** Nothing had reached the controller before the log began, and this is its beginning. */
  get #waitedBefore(): boolean {
    const { metadata } = this.log;
    return metadata.get(WAITED_KEY) === 'true' && metadata.get(METADATA.part) === '1';
  }

  /**
   * The cycles before the log: a controller behind a link runs from the program's start on, and the log begins with its
   * first robot. They found nothing to rest on, so one stands for all, however many they were, and cycles are numbered from
   * there; only when the last of them began is on record.
   */
  #wait(cycle: number): void {
    const r = this.recorded;
    const startNs = r[DecisionField.startNs] - r[DecisionField.periodNs];
    Atomics.store(this.#memory.orders, Order.heartbeat, r[DecisionField.heartbeat] - 1);
    this.#clock.set(startNs, 0);
    this.loop.run(startNs);
    this.#memory.decisions.read(this.again);
    this.#cycle = cycle;
    this.#cyclesBefore = cycle - 1;
  }

  #lostDecisions(cycle: number): string {
    const expected = this.#cycle;
    if (expected === 0) {
      return `the log begins at cycle ${cycle}, and what the controller remembers of those before is in no record`;
    }
    if (cycle < expected) return `cycle ${cycle} comes after cycle ${expected - 1}: the log holds more than one run`;
    const lost = cycle - expected;
    if (lost === 1) return `cycle ${expected} is not in the log`;
    return `cycles ${expected} to ${cycle - 1} are not in the log`;
  }

  #slotOf(input: number): LatestValueSlot | null {
    const { odometry, ranges, contacts, goal } = this.#memory;
    return [odometry, ranges, contacts, goal][input] ?? null;
  }

  /** Puts the reading into its slot, if the cycle found a new one. @returns what is missing; empty where nothing is */
  #apply(input: number, what: string, sequence: number): string {
    if (sequence === this.#applied[input]) return '';
    const queue = this.#waiting[input];
    const reading = queue.get(sequence);
    const slot = this.#slotOf(input);
    if (reading === undefined || slot === null) return `${what} ${sequence}`;
    slot.doubles[slot.writeIndex].set(reading.doubles);
    if (input === Input.ranges) {
      const singles = slot.singles[slot.writeIndex];
      if (reading.beams === null) return `the beams of ${what} ${sequence}`;
      if (reading.beams.length > singles.length) return `a ${what} of at most ${singles.length} beams`;
      singles.set(reading.beams);
    }
    slot.publish();
    this.#applied[input] = sequence;
    // The cycle takes the newest: what it passed over nobody will ask for.
    for (const number of queue.keys()) if (number <= sequence) this.#drop(queue, number);
    if (input === Input.ranges) {
      for (const number of this.#beams.keys()) if (number <= sequence) this.#drop(this.#beams, number);
    }
    return '';
  }

  #applyFeedback(): string {
    const r = this.recorded;
    const taken = r[DecisionField.feedbackTaken];
    const dropped = r[DecisionField.feedbackDropped];
    // The oldest of those that were taken are those that were dropped unseen.
    const unseen = dropped - this.#feedbackDropped;
    let fed = taken - this.#feedbackTaken - unseen;
    this.#feedbackTaken = taken;
    this.#feedbackDropped = dropped;
    this.#feedbackSkipped += unseen;
    if (unseen > 0) this.#feedback.splice(0, unseen);
    const ring = this.#memory.feedback;
    for (; fed > 0; fed--) {
      const reward = this.#feedback.shift();
      if (reward === undefined) return 'a reward from outside';
      ring.record.set(reward);
      ring.record[FeedbackField.decisionId] -= this.#cyclesBefore;
      ring.commit();
    }
    return '';
  }

  #applyTuning(): void {
    const { orders, progress, tuning } = this.#memory;
    const tunings = this.recorded[DecisionField.tunings] | 0;
    if (tunings === progress[Progress.tuneDone]) return;
    for (let i = 0; i < TUNING_DOUBLES; i++) tuning[i] = this.recorded[DecisionField.maxSpeed + i];
    Atomics.store(orders, Order.tuneRequest, tunings);
    this.loop.serve();
  }

  /** A state that is not in the log was refused, which changed nothing but the count. */
  #applyRestores(): void {
    const { orders, progress, restore } = this.#memory;
    const restores = this.recorded[DecisionField.restores] | 0;
    const done = progress[Progress.restoreDone];
    if (restores === done) return;
    const newest = this.#newestRestore(done, restores);
    Atomics.store(orders, Order.restoreRequest, restores);
    if (newest === null) {
      Atomics.store(progress, Progress.restoreDone, restores);
      return;
    }
    const { policy, scales } = newest;
    if (!(policy instanceof Uint8Array && scales instanceof Uint8Array)) {
      throw new FlightLogError('a learned state of the log is none that this version knows');
    }
    if (policy.length + scales.length !== restore.length) {
      throw new FlightLogError(`a learned state of the log has not the ${restore.length} bytes of this policy’s`);
    }
    restore.set(policy);
    restore.set(scales, policy.length);
    this.loop.serve();
  }

  /**
   * Of the learned states that were taken over since, the last. They are looked for ahead of the decisions: those made on
   * a state may have been written before it.
   */
  #newestRestore(done: number, upTo: number): DecodedMessage | null {
    this.#restores ??= this.log.messages({ topics: [TOPICS[Topic.restore].name] });
    let newest: DecodedMessage | null = null;
    for (;;) {
      this.#nextRestore ??= this.#restores.next().value?.decode() ?? null;
      const number = Number(this.#nextRestore?.['number'] ?? Number.POSITIVE_INFINITY);
      if (!(number <= upTo)) return newest;
      if (number > done) newest = this.#nextRestore;
      this.#nextRestore = null;
    }
  }

  /** Has the loop find the time that the cycle took for its own: see `ControlLoop.#date`. */
  #applyTime(): void {
    const r = this.recorded;
    const { orders, progress, asked, stepDates } = this.#memory;
    const stretch = r[DecisionField.stretch];
    const silenceNs = r[DecisionField.silenceNs];
    Atomics.store(orders, Order.stretch, stretch);
    // Without a new step time stands; what goes on is the silence since the last was asked for.
    if (silenceNs === 0) this.#step = (this.#step + 1) | 0;
    const place = this.#step & (ASKED_STEPS - 1);
    const date = place * STEP_DATE_DOUBLES;
    asked[place] = r[DecisionField.startNs] - silenceNs;
    stepDates[date + StepDateField.stretch] = stretch;
    if (silenceNs === 0) stepDates[date + StepDateField.atNs] = r[DecisionField.timeNs];
    Atomics.store(progress, Progress.stepTaken, this.#step);
  }

  #compare(): RepeatDifference | null {
    const { recorded, again } = this;
    again[DecisionField.cycle] += this.#cyclesBefore;
    again[DecisionField.rewardedCycle] += this.#cyclesBefore;
    // Of rewards that were lost unseen this ring knows nothing.
    again[DecisionField.feedbackTaken] += this.#feedbackSkipped;
    again[DecisionField.feedbackDropped] += this.#feedbackSkipped;
    for (let i = 0; i < DECISION_DOUBLES; i++) {
      if (Object.is(recorded[i], again[i])) continue;
      return {
        cycle: recorded[DecisionField.cycle],
        field: fieldAt(i),
        recorded: recorded[i],
        repeated: again[i],
      };
    }
    return null;
  }
}

/** The name of one double of a decision's record, as Decision.msg has it. */
export function fieldAt(index: number): string {
  let name = '';
  let start = -1;
  for (const [key, at] of Object.entries(DecisionField)) {
    if (at > index || at <= start) continue;
    name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    start = at;
  }
  if (index === start && !ARRAYS.includes(start)) return name;
  const place = `${name}[${index - start}]`;
  const isFeature = start === DecisionField.raw || start === DecisionField.scaled;
  return isFeature ? `${place} ${FEATURES[index - start].name}` : place;
}

const ARRAYS: readonly number[] = [
  DecisionField.raw,
  DecisionField.scaled,
  DecisionField.values,
  DecisionField.distribution,
];

/** The parameters that the run was started with. @throws FlightLogError */
export function parametersOf(log: FlightLogReader): ParameterValues {
  const { metadata } = log;
  const format = Number(metadata.get(METADATA.format));
  if (format !== FORMAT_VERSION) {
    throw new FlightLogError(
      `the log is of format ${metadata.get(METADATA.format)}, and this version reads ${FORMAT_VERSION}`,
    );
  }
  const text = metadata.get(PARAMETERS_KEY);
  if (text === undefined) throw new FlightLogError('the log does not say with which parameters it was made');
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new FlightLogError(`the parameters in the log cannot be read: ${(error as Error).message}`);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new FlightLogError('the parameters in the log are no table');
  }
  try {
    return loadParameters([], values as Record<string, ParameterValue>);
  } catch (error) {
    // Nobody who called this gave them: it is the log that this version cannot use.
    throw new FlightLogError(`this version cannot use the log’s parameters: ${(error as Error).message}`);
  }
}

/** What the policy had learned when the run began; null where that was nothing. @throws FlightLogError */
function learnedOf(log: FlightLogReader, parameters: ParameterValues): LearnedState | null {
  const bytes = log.attachment(LEARNED_STATE_NAME);
  if (bytes === null) return null;
  const { policyBytes, scalerBytes } = snapshotShapeOf(parameters);
  if (bytes.length !== policyBytes + scalerBytes) {
    const size = policyBytes + scalerBytes;
    throw new FlightLogError(`the learned state in the log has ${bytes.length} bytes, and this policy’s has ${size}`);
  }
  return splitSnapshot(bytes, policyBytes);
}
