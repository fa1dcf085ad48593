import { describe, expect, it } from 'vitest';
import { LINE_PAIR_BYTES } from '../../../src/memory/arena.js';
import {
  ACTION_COUNT,
  COMMAND_DOUBLES,
  CONTACTS_DOUBLES,
  CONTEXT_DIM,
  CommandField,
  ContactsField,
  ControlMemory,
  DECISION_DOUBLES,
  DecisionField,
  EXPLAINED,
  EXPLANATION_DOUBLES,
  EXPLANATION_RECORDS,
  ExplanationField,
  FEEDBACK_DOUBLES,
  FEEDBACK_RECORDS,
  FeedbackField,
  GOAL_DOUBLES,
  GoalField,
  ODOMETRY_DOUBLES,
  OdometryField,
  ORDER_WORDS,
  Order,
  PROGRESS_WORDS,
  Progress,
  planControlLayout,
  RANGES_DOUBLES,
  RangesField,
  TUNING_DOUBLES,
  TuningField,
} from '../../../src/memory/layout.js';

const sizes = {
  maxBeams: 721,
  decisionRecords: 64,
  policyBytes: 1001,
  scalerBytes: 100,
  snapshotBytes: 333,
  statisticsBytes: 500,
};

describe('the layout', () => {
  it('is the same for the same sizes, so that no offset needs to travel', () => {
    expect(planControlLayout(sizes)).toEqual(planControlLayout({ ...sizes }));
  });

  it('keeps what the two threads write on line pairs apart', () => {
    const { regions, totalBytes } = planControlLayout(sizes);
    const writers = new Map<number, string>();
    for (const { writer, byteOffset, bytes } of regions) {
      for (let line = byteOffset / LINE_PAIR_BYTES; line * LINE_PAIR_BYTES < byteOffset + bytes; line++) {
        expect(writers.get(line) ?? writer).toBe(writer);
        writers.set(line, writer);
      }
    }
    expect(Math.max(...writers.keys())).toBeLessThan(totalBytes / LINE_PAIR_BYTES);
  });

  it.each([
    ['orders', Order, ORDER_WORDS],
    ['progress', Progress, PROGRESS_WORDS],
    ['odometry', OdometryField, ODOMETRY_DOUBLES],
    ['ranges', RangesField, RANGES_DOUBLES],
    ['contacts', ContactsField, CONTACTS_DOUBLES],
    ['goal', GoalField, GOAL_DOUBLES],
    ['feedback', FeedbackField, FEEDBACK_DOUBLES],
    ['tuning', TuningField, TUNING_DOUBLES],
    ['command', CommandField, COMMAND_DOUBLES],
    ['decision', DecisionField, DECISION_DOUBLES],
    ['explanation', ExplanationField, EXPLANATION_DOUBLES],
  ])('gives every field of %s a place of its own', (_name, fields, count) => {
    const places = Object.values(fields);
    expect(new Set(places).size).toBe(places.length);
    expect(Math.max(...places)).toBeLessThan(count);
  });

  it('leaves room for the arrays of a decision', () => {
    const { raw, scaled, values, distribution, rewardSum } = DecisionField;
    expect(scaled - raw).toBe(CONTEXT_DIM);
    expect(values - scaled).toBe(CONTEXT_DIM);
    expect(distribution - values).toBe(ACTION_COUNT);
    expect(rewardSum - distribution).toBe(ACTION_COUNT);
    expect(DECISION_DOUBLES).toBe(Math.max(...Object.values(DecisionField)) + 1);
    expect(EXPLANATION_DOUBLES - ExplanationField.contributions).toBe(ACTION_COUNT * EXPLAINED);
    expect(DecisionField.epsilon - DecisionField.maxSpeed).toBe(TuningField.epsilon - TuningField.maxSpeed);
    expect(DecisionField.maxYawRate - DecisionField.maxSpeed).toBe(TuningField.maxYawRate - TuningField.maxSpeed);
    const scalars = Object.values(DecisionField).filter((place) => place < raw);
    expect(Math.max(...scalars)).toBe(raw - 1);
  });
});

describe('the control memory', () => {
  it('is one: what is written through one view is read through the other, and overwrites nothing else', () => {
    const layout = planControlLayout(sizes);
    const main = new ControlMemory(layout);
    const control = new ControlMemory(planControlLayout(sizes), main.buffer);
    for (const slot of [main.odometry, main.ranges, main.contacts, main.goal]) {
      slot.doubles[slot.writeIndex].fill(1);
      slot.singles[slot.writeIndex].fill(2);
      slot.publish();
    }
    main.orders.fill(3);
    main.intake.fill(4);
    main.asked.fill(11);
    main.stepDates.fill(14);
    main.tuning.fill(12);
    main.restore.fill(13);
    main.feedback.record.fill(10);
    for (let i = 0; i < FEEDBACK_RECORDS; i++) main.feedback.commit();
    control.progress.fill(5);
    control.snapshot.fill(6);
    control.command.doubles[control.command.writeIndex].fill(7);
    control.command.publish();
    control.decisions.record.fill(8);
    for (let i = 0; i < sizes.decisionRecords; i++) control.decisions.commit();
    control.explanations.record.fill(15);
    for (let i = 0; i < EXPLANATION_RECORDS; i++) control.explanations.commit();
    new Uint8Array(main.buffer, layout.policy, sizes.policyBytes).fill(9);
    new Uint8Array(main.buffer, layout.scaler, sizes.scalerBytes).fill(9);
    new Uint8Array(main.buffer, layout.statistics, sizes.statisticsBytes).fill(9);

    for (const slot of [control.odometry, control.ranges, control.contacts, control.goal]) {
      expect(slot.take()).toBe(true);
      expect(slot.doubles[slot.readIndex].every((value) => value === 1)).toBe(true);
      expect(slot.singles[slot.readIndex].every((value) => value === 2)).toBe(true);
    }
    expect(control.ranges.singles[0].length).toBe(sizes.maxBeams);
    expect(control.orders.every((word) => word === 3)).toBe(true);
    expect(control.intake.every((word) => word === 4)).toBe(true);
    expect(control.asked.every((value) => value === 11)).toBe(true);
    expect(control.stepDates.every((value) => value === 14)).toBe(true);
    expect(control.tuning.every((value) => value === 12)).toBe(true);
    expect(control.restore.every((byte) => byte === 13)).toBe(true);
    expect(control.restore.length).toBe(sizes.snapshotBytes);
    const feedback = new Float64Array(FEEDBACK_DOUBLES);
    for (let i = 0; i < FEEDBACK_RECORDS; i++) {
      expect(control.feedback.read(feedback)).toBe(true);
      expect(feedback.every((value) => value === 10)).toBe(true);
    }
    expect(main.progress.every((word) => word === 5)).toBe(true);
    expect(main.snapshot.every((byte) => byte === 6)).toBe(true);
    expect(main.command.take()).toBe(true);
    expect(main.command.doubles[main.command.readIndex].every((value) => value === 7)).toBe(true);
    const record = new Float64Array(DECISION_DOUBLES);
    for (let i = 0; i < sizes.decisionRecords; i++) {
      expect(main.decisions.read(record)).toBe(true);
      expect(record.every((value) => value === 8)).toBe(true);
    }
    const explanation = new Float64Array(EXPLANATION_DOUBLES);
    for (let i = 0; i < EXPLANATION_RECORDS; i++) {
      expect(main.explanations.read(explanation)).toBe(true);
      expect(explanation.every((value) => value === 15)).toBe(true);
    }
    expect(main.explanations.read(explanation)).toBe(false);
  });

  it('hands a command out before it says that its step is answered', () => {
    const memory = new ControlMemory(planControlLayout(sizes));
    memory.progress[Progress.stepTaken] = 5;
    memory.command.doubles[memory.command.writeIndex][CommandField.vx] = 0.5;
    memory.publishCommand();
    expect(memory.command.take()).toBe(true);
    expect(memory.command.doubles[memory.command.readIndex][CommandField.vx]).toBe(0.5);
    expect(memory.progress[Progress.stepDone]).toBe(5);
    expect(memory.progress[Progress.commands]).toBe(1);
    memory.publishCommand();
    expect(memory.progress[Progress.stepDone]).toBe(5);
    expect(memory.progress[Progress.commands]).toBe(2);
  });
});
