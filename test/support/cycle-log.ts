/**
 * What a running controller shows of itself, kept, and its cycles run again on that alone: the proof that a decision's
 * record holds all that the decision follows from.
 */
import { ScriptedClock } from '../../src/core/clock.js';
import { layoutSizesOf } from '../../src/loop/configuration.js';
import { ControlLoop } from '../../src/loop/control-loop.js';
import type { Controller, LearnedParts } from '../../src/loop/controller.js';
import type { LatestValueSlot } from '../../src/memory/latest-value-slot.js';
import {
  ASKED_STEPS,
  ContactsField,
  ControlMemory,
  DecisionField,
  GoalField,
  OdometryField,
  Order,
  OrderBit,
  Pace,
  Progress,
  planControlLayout,
  RangesField,
  STEP_DATE_DOUBLES,
  StepDateField,
  TUNING_DOUBLES,
} from '../../src/memory/layout.js';
import type { ParameterValues } from '../../src/parameters/schema.js';
import { Input, type InputIndex } from '../../src/sense/validating-sink.js';

const SEQUENCE_OF = {
  [Input.odometry]: OdometryField.sequence,
  [Input.ranges]: RangesField.sequence,
  [Input.contacts]: ContactsField.sequence,
  [Input.goal]: GoalField.sequence,
} as const;
type SlotInput = keyof typeof SEQUENCE_OF;
const SLOTS = [
  [Input.odometry, DecisionField.odometrySequence],
  [Input.ranges, DecisionField.rangesSequence],
  [Input.contacts, DecisionField.contactsSequence],
  [Input.goal, DecisionField.goalSequence],
] as const satisfies readonly (readonly [SlotInput, number])[];

interface Reading {
  readonly doubles: Float64Array;
  readonly beams: Float32Array | null;
}

export class CycleLog {
  readonly records: Float64Array[] = [];
  readonly explanations: Float64Array[] = [];
  readonly #readings = new Map<string, Reading>();
  readonly #feedback: Float64Array[] = [];
  readonly #restores = new Map<number, LearnedParts>();

  /** @param controller from before its start on */
  constructor(controller: Controller) {
    controller.onReading((input, doubles, beams) => this.#keep(input, doubles.slice(), beams?.slice() ?? null));
    controller.onDecision((record) => this.records.push(record.slice()));
    controller.onExplanation((record) => this.explanations.push(record.slice()));
    controller.onRestore((restores, { policy, scaler }) =>
      this.#restores.set(restores, { policy: policy.slice(), scaler: scaler.slice() }),
    );
  }

  #keep(input: InputIndex, doubles: Float64Array, beams: Float32Array | null): void {
    if (input === Input.feedback) this.#feedback.push(doubles);
    else this.#readings.set(`${input} ${doubles[SEQUENCE_OF[input]]}`, { doubles, beams });
  }

  /**
   * Runs every cycle again.
   *
   * @param parameters of the run
   * @returns the cycle after the last; throws at the first double that differs
   */
  repeat(parameters: ParameterValues): ControlLoop {
    const memory = new ControlMemory(planControlLayout(layoutSizesOf(parameters)));
    const clock = new ScriptedClock();
    const loop = new ControlLoop(memory, parameters, clock);
    const again = new Float64Array(memory.decisions.recordDoubles);
    let before: Float64Array = new Float64Array(memory.decisions.recordDoubles);
    for (const record of this.records) {
      this.#prepare(memory, loop, before, record);
      clock.set(record[DecisionField.startNs], record[DecisionField.computeNs]);
      loop.run(record[DecisionField.scheduledNs]);
      if (!memory.decisions.read(again)) throw new Error('a cycle left no decision');
      if (!Buffer.from(again.buffer).equals(Buffer.from(record.buffer)))
        throw new Error(firstDifference(again, record));
      before = record;
    }
    return loop;
  }

  /** Puts into the memory what that cycle found there. @param before the record of the cycle before; zeros for none */
  #prepare(memory: ControlMemory, loop: ControlLoop, before: Float64Array, record: Float64Array): void {
    const { orders, progress } = memory;
    const slots = [memory.odometry, memory.ranges, memory.contacts, memory.goal];
    for (const [input, field] of SLOTS) {
      if (record[field] !== before[field]) this.#publish(slots[input], input, record[field]);
    }
    const dropped = record[DecisionField.feedbackDropped] - before[DecisionField.feedbackDropped];
    for (let i = before[DecisionField.feedbackTaken] + dropped; i < record[DecisionField.feedbackTaken]; i++) {
      memory.feedback.record.set(this.#feedback[i]);
      memory.feedback.commit();
    }
    if (record[DecisionField.tunings] !== before[DecisionField.tunings]) {
      for (let i = 0; i < TUNING_DOUBLES; i++) memory.tuning[i] = record[DecisionField.maxSpeed + i];
      orders[Order.tuneRequest] = record[DecisionField.tunings];
      loop.serve();
    }
    for (let n = before[DecisionField.restores] + 1; n <= record[DecisionField.restores]; n++) {
      const learned = this.#restores.get(n);
      if (learned === undefined) throw new Error(`restore ${n} was not told of`);
      memory.restore.set(learned.policy);
      memory.restore.set(learned.scaler, learned.policy.length);
      orders[Order.restoreRequest] = n;
      loop.serve();
    }
    orders[Order.heartbeat] = record[DecisionField.heartbeat];
    orders[Order.armed] = (record[DecisionField.orders] & OrderBit.armed) === 0 ? 0 : 1;
    orders[Order.freeze] = (record[DecisionField.orders] & OrderBit.frozen) === 0 ? 0 : 1;
    orders[Order.pace] = (record[DecisionField.orders] & OrderBit.scheduled) === 0 ? Pace.lockstep : Pace.configured;
    orders[Order.stretch] = record[DecisionField.stretch];
    const silenceNs = record[DecisionField.silenceNs];
    if (silenceNs === 0) progress[Progress.stepTaken]++;
    const place = progress[Progress.stepTaken] & (ASKED_STEPS - 1);
    memory.asked[place] = record[DecisionField.startNs] - silenceNs;
    memory.stepDates[place * STEP_DATE_DOUBLES + StepDateField.atNs] = record[DecisionField.timeNs];
    memory.stepDates[place * STEP_DATE_DOUBLES + StepDateField.stretch] = record[DecisionField.stretch];
  }

  #publish(slot: LatestValueSlot, input: SlotInput, sequence: number): void {
    const reading = this.#readings.get(`${input} ${sequence}`);
    if (reading === undefined) throw new Error(`reading ${sequence} of input ${input} was not shown`);
    slot.doubles[slot.writeIndex].set(reading.doubles);
    if (reading.beams !== null) slot.singles[slot.writeIndex].set(reading.beams);
    slot.publish();
  }
}

function firstDifference(a: Float64Array, b: Float64Array): string {
  const names = Object.entries(DecisionField).sort(([, one], [, other]) => other - one);
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const [name, first] = names.find(([, place]) => place <= i) ?? ['?', i];
    return `cycle ${b[DecisionField.cycle]}: ${name} + ${i - first} is ${a[i]} and was ${b[i]}`;
  }
  return 'a NaN has other bits';
}
