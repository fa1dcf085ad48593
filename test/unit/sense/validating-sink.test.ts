import { describe, expect, it } from 'vitest';
import type { LatestValueSlot } from '../../../src/memory/latest-value-slot.js';
import {
  ContactsField,
  ControlMemory,
  FEEDBACK_DOUBLES,
  GoalField,
  INTAKE_REASONS,
  OdometryField,
  Order,
  planControlLayout,
  RangesField,
} from '../../../src/memory/layout.js';
import { type RangeScan, Rejection, type RejectionCode } from '../../../src/memory/observation-sink.js';
import {
  FAILED_BEAMS,
  INPUT_NAMES,
  Input,
  type InputIndex,
  REASON_NAMES,
  ValidatingSink,
} from '../../../src/sense/validating-sink.js';

const MAX_BEAMS = 16;

function rig() {
  const memory = new ControlMemory(
    planControlLayout({
      maxBeams: MAX_BEAMS,
      decisionRecords: 2,
      policyBytes: 0,
      scalerBytes: 0,
      snapshotBytes: 0,
      statisticsBytes: 0,
    }),
  );
  const sink = new ValidatingSink(memory);
  const counted = (input: InputIndex, code: number) => memory.intake[input * INTAKE_REASONS + code];
  const total = () => memory.intake.reduce((sum, count) => sum + count, 0);
  const wakes = () => Atomics.load(memory.orders, Order.wake);
  return { memory, sink, counted, total, wakes };
}

function taken(slot: LatestValueSlot): number[] | null {
  return slot.take() ? [...slot.doubles[slot.readIndex]] : null;
}

function scanOf(change: Partial<RangeScan> = {}): RangeScan {
  return {
    angleMin: -1,
    angleIncrement: 0.5,
    rangeMin: 0.1,
    rangeMax: 10,
    count: 5,
    ranges: new Float32Array([1, 2, 3, 4, 5]),
    mountX: 0.1,
    mountY: 0.2,
    mountYaw: 0.3,
    ...change,
  };
}

type Odometry = Parameters<ValidatingSink['odometry']>;
type Contacts = Parameters<ValidatingSink['contacts']>;
type Goal = Parameters<ValidatingSink['goal']>;
const GOOD_ODOMETRY: Odometry = [100, 110, 1, 2, 3, 4, 5, 6];
const GOOD_CONTACTS: Contacts = [100, 110, 1, 2, 3, 4];
const GOOD_GOAL: Goal = [100, 110, 7, 8, 0.5];

/** A good reading with one argument replaced. */
function but<T extends number[]>(good: T, index: number, value: number): T {
  return good.map((old, i) => (i === index ? value : old)) as T;
}

const { notFinite, outOfRange, wrongLength, stampBack, stampStill, accepted } = Rejection;

describe('the validating sink', () => {
  it('publishes good readings as they are', () => {
    const { memory, sink, counted, total } = rig();
    expect(sink.odometry(...GOOD_ODOMETRY)).toBe(accepted);
    expect(taken(memory.odometry)).toEqual([...GOOD_ODOMETRY, 0, 1]);
    expect(sink.ranges(100, 110, scanOf())).toBe(accepted);
    expect(taken(memory.ranges)).toEqual([100, 110, 5, -1, 0.5, 0.1, 10, 0.1, 0.2, 0.3, 1]);
    expect([...memory.ranges.singles[memory.ranges.readIndex].subarray(0, 5)]).toEqual([1, 2, 3, 4, 5]);
    expect(sink.contacts(...GOOD_CONTACTS)).toBe(accepted);
    expect(taken(memory.contacts)).toEqual([...GOOD_CONTACTS, 1]);
    expect(sink.goal(...GOOD_GOAL)).toBe(accepted);
    expect(taken(memory.goal)).toEqual([100, 110, 1, 1, 7, 8, 0.5, 1]);
    expect(sink.feedback(17, -0.5, 100)).toBe(accepted);
    const row = new Float64Array(FEEDBACK_DOUBLES);
    expect([memory.feedback.read(row), ...row]).toEqual([true, 17, -0.5, 100]);
    for (let input = 0; input < INPUT_NAMES.length; input++) expect(counted(input as InputIndex, accepted)).toBe(1);
    expect(total()).toBe(5);
  });

  it('wakes the control thread with every reading it publishes, and with no other', () => {
    const { sink, wakes } = rig();
    sink.odometry(...GOOD_ODOMETRY);
    sink.ranges(100, 110, scanOf());
    sink.contacts(...GOOD_CONTACTS);
    sink.goal(...GOOD_GOAL);
    sink.cancelGoal(100, 110);
    expect(wakes()).toBe(5);
    sink.odometry(...GOOD_ODOMETRY);
    sink.ranges(101, 111, scanOf({ count: 0 }));
    sink.contacts(...but(GOOD_CONTACTS, 2, -1));
    sink.goal(...but(GOOD_GOAL, 4, 0));
    sink.newFrame();
    expect(wakes()).toBe(5);
  });

  const refusedOdometry: [string, Odometry, RejectionCode][] = [
    ...GOOD_ODOMETRY.flatMap((_, index): [string, Odometry, RejectionCode][] => [
      [`argument ${index} is NaN`, but(GOOD_ODOMETRY, index, Number.NaN), notFinite],
      [`argument ${index} is infinite`, but(GOOD_ODOMETRY, index, Number.NEGATIVE_INFINITY), notFinite],
    ]),
    ['x is off the map', but(GOOD_ODOMETRY, 2, 1.1e6), outOfRange],
    ['y is off the map', but(GOOD_ODOMETRY, 3, -1.1e6), outOfRange],
    ['vx is no robot’s', but(GOOD_ODOMETRY, 5, -101), outOfRange],
    ['vy is no robot’s', but(GOOD_ODOMETRY, 6, 101), outOfRange],
    ['the yaw rate is no robot’s', but(GOOD_ODOMETRY, 7, 101), outOfRange],
    ['the stamp goes back', but(GOOD_ODOMETRY, 0, 49), stampBack],
    ['the stamp stands still', but(GOOD_ODOMETRY, 0, 50), stampStill],
  ];
  it.each(refusedOdometry)('refuses odometry where %s, counts it, and keeps the last good one', (_, reading, code) => {
    const { memory, sink, counted, total } = rig();
    sink.odometry(...but(GOOD_ODOMETRY, 0, 50));
    expect(sink.odometry(...reading)).toBe(code);
    expect(counted(Input.odometry, code)).toBe(1);
    expect(total()).toBe(2);
    expect(taken(memory.odometry)?.[OdometryField.stampNs]).toBe(50);
    expect(taken(memory.odometry)).toBeNull();
    // A refused reading does not move the stamp that the next one is held against.
    expect(sink.odometry(...but(GOOD_ODOMETRY, 0, 51))).toBe(accepted);
  });

  const refusedScans: [string, [number, number, RangeScan], RejectionCode][] = [
    ['the stamp is NaN', [Number.NaN, 110, scanOf()], notFinite],
    ['the time of arrival is infinite', [100, Number.POSITIVE_INFINITY, scanOf()], notFinite],
    ['the stamp goes back', [49, 110, scanOf()], stampBack],
    ['the stamp stands still', [50, 110, scanOf()], stampStill],
    ['there is no beam', [100, 110, scanOf({ count: 0 })], wrongLength],
    ['the count is no whole number', [100, 110, scanOf({ count: 2.5 })], wrongLength],
    ['the count is NaN', [100, 110, scanOf({ count: Number.NaN })], wrongLength],
    ['the array is shorter than the count', [100, 110, scanOf({ count: 6 })], wrongLength],
    [
      'there are more beams than memory',
      [100, 110, scanOf({ count: MAX_BEAMS + 1, angleIncrement: 0.1, ranges: new Float32Array(32).fill(1) })],
      wrongLength,
    ],
    ...(['angleMin', 'angleIncrement', 'rangeMin', 'rangeMax', 'mountX', 'mountY', 'mountYaw'] as const).map(
      (name): [string, [number, number, RangeScan], RejectionCode] => [
        `${name} is NaN`,
        [100, 110, scanOf({ [name]: Number.NaN })],
        notFinite,
      ],
    ),
    ['the beams do not turn', [100, 110, scanOf({ angleIncrement: 0 })], outOfRange],
    ['the beams turn more than once around', [100, 110, scanOf({ angleIncrement: -1.7 })], outOfRange],
    ['the least range is negative', [100, 110, scanOf({ rangeMin: -0.1 })], outOfRange],
    ['the ranges make no interval', [100, 110, scanOf({ rangeMin: 1, rangeMax: 1 })], outOfRange],
    ['every beam failed', [100, 110, scanOf({ ranges: new Float32Array(5).fill(Number.NaN) })], notFinite],
    ['every beam is negative', [100, 110, scanOf({ ranges: new Float32Array(5).fill(-1) })], notFinite],
  ];
  it.each(refusedScans)('refuses a scan where %s, counts it, and keeps the last good one', (_, reading, code) => {
    const { memory, sink, counted, total } = rig();
    sink.ranges(50, 60, scanOf());
    expect(sink.ranges(...reading)).toBe(code);
    expect(counted(Input.ranges, code)).toBe(1);
    expect(total()).toBe(2);
    expect(taken(memory.ranges)?.[RangesField.stampNs]).toBe(50);
    expect([...memory.ranges.singles[memory.ranges.readIndex].subarray(0, 5)]).toEqual([1, 2, 3, 4, 5]);
    expect(taken(memory.ranges)).toBeNull();
    expect(sink.ranges(51, 61, scanOf())).toBe(accepted);
  });

  it('marks beams that failed, keeps those too near or too far to measure, and counts the failed ones', () => {
    const { memory, sink, counted } = rig();
    const ranges = new Float32Array([
      Number.NaN,
      -1,
      0.05,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      12,
      0.5,
    ]);
    expect(sink.ranges(100, 110, scanOf({ count: 7, angleIncrement: 0.2, ranges }))).toBe(accepted);
    memory.ranges.take();
    const { NaN: nan, NEGATIVE_INFINITY: near, POSITIVE_INFINITY: far } = Number;
    expect([...memory.ranges.singles[memory.ranges.readIndex].subarray(0, 7)]).toEqual([
      nan,
      nan,
      nan,
      near,
      far,
      12,
      0.5,
    ]);
    expect(counted(Input.ranges, FAILED_BEAMS)).toBe(3);
    expect(counted(Input.ranges, accepted)).toBe(1);
  });

  const refusedContacts: [string, Contacts, RejectionCode][] = [
    ...GOOD_CONTACTS.map((_, index): [string, Contacts, RejectionCode] => [
      `argument ${index} is NaN`,
      but(GOOD_CONTACTS, index, Number.NaN),
      notFinite,
    ]),
    ...[2, 3, 4, 5].flatMap((index): [string, Contacts, RejectionCode][] => [
      [`force ${index - 2} pulls`, but(GOOD_CONTACTS, index, -0.1), outOfRange],
      [`force ${index - 2} is beyond belief`, but(GOOD_CONTACTS, index, 1.1e6), outOfRange],
    ]),
    ['the stamp goes back', but(GOOD_CONTACTS, 0, 49), stampBack],
    ['the stamp stands still', but(GOOD_CONTACTS, 0, 50), stampStill],
  ];
  it.each(refusedContacts)(
    'refuses contacts where %s, counts them, and keeps the last good ones',
    (_, reading, code) => {
      const { memory, sink, counted, total } = rig();
      sink.contacts(...but(GOOD_CONTACTS, 0, 50));
      expect(sink.contacts(...reading)).toBe(code);
      expect(counted(Input.contacts, code)).toBe(1);
      expect(total()).toBe(2);
      expect(taken(memory.contacts)?.[ContactsField.stampNs]).toBe(50);
      expect(taken(memory.contacts)).toBeNull();
    },
  );

  const refusedGoals: [string, Goal, RejectionCode][] = [
    ...GOOD_GOAL.map((_, index): [string, Goal, RejectionCode] => [
      `argument ${index} is NaN`,
      but(GOOD_GOAL, index, Number.NaN),
      notFinite,
    ]),
    ['x is off the map', but(GOOD_GOAL, 2, -1.1e6), outOfRange],
    ['y is off the map', but(GOOD_GOAL, 3, 1.1e6), outOfRange],
    ['the tolerance can never be met', but(GOOD_GOAL, 4, 0), outOfRange],
  ];
  it.each(refusedGoals)('refuses a goal where %s, counts it, and keeps the last good one', (_, goal, code) => {
    const { memory, sink, counted } = rig();
    sink.goal(...GOOD_GOAL);
    expect(sink.goal(...goal)).toBe(code);
    expect(counted(Input.goal, code)).toBe(1);
    expect(taken(memory.goal)?.[GoalField.x]).toBe(7);
    expect(taken(memory.goal)).toBeNull();
  });

  it('numbers the goals it accepts, and withdraws one without a new number', () => {
    const { memory, sink } = rig();
    sink.goal(...GOOD_GOAL);
    sink.goal(...but(GOOD_GOAL, 4, -1));
    // The same stamp again: a goal is no reading that ages.
    sink.goal(...but(GOOD_GOAL, 2, 9));
    expect(taken(memory.goal)?.slice(2)).toEqual([1, 2, 9, 8, 0.5, 2]);
    sink.cancelGoal(300, 310);
    expect(taken(memory.goal)).toEqual([300, 310, 0, 2, 0, 0, 0, 3]);
  });

  it.each([
    ['an id that is no number', [Number.NaN, 1, 1], notFinite],
    ['an infinite reward', [3, Number.NEGATIVE_INFINITY, 1], notFinite],
    ['a stamp that is no number', [3, 1, Number.NaN], notFinite],
    ['a negative id', [-1, 1, 1], outOfRange],
    ['an id between two decisions', [2.5, 1, 1], outOfRange],
    ['an id beyond whole numbers', [2 ** 53, 1, 1], outOfRange],
    ['a reward that no decision earns', [3, -1.1e15, 1], outOfRange],
  ] as [string, [number, number, number], number][])('refuses feedback with %s, and counts it', (_what, call, code) => {
    const { memory, sink, counted, total } = rig();
    expect(sink.feedback(...call)).toBe(code);
    expect([counted(Input.feedback, code), total()]).toEqual([1, 1]);
    expect(memory.feedback.read(new Float64Array(FEEDBACK_DOUBLES))).toBe(false);
  });

  it('takes feedback in any order, and wakes nobody for it', () => {
    const { memory, sink, wakes } = rig();
    for (const [id, stampNs] of [
      [5, 9],
      [3, 2],
      [5, 2],
      [4, 9],
    ])
      expect(sink.feedback(id, 1, stampNs)).toBe(accepted);
    expect(wakes()).toBe(0);
    const row = new Float64Array(FEEDBACK_DOUBLES);
    const ids: number[] = [];
    while (memory.feedback.read(row)) ids.push(row[0]);
    expect(ids).toEqual([5, 3, 5, 4]);
  });

  it('lets stamps begin anew in a new frame, and marks the odometry that follows', () => {
    const { memory, sink } = rig();
    sink.odometry(...GOOD_ODOMETRY);
    sink.ranges(100, 110, scanOf());
    sink.contacts(...GOOD_CONTACTS);
    sink.newFrame();
    expect(sink.odometry(...but(GOOD_ODOMETRY, 0, 1))).toBe(accepted);
    expect(sink.ranges(1, 120, scanOf())).toBe(accepted);
    expect(sink.contacts(...but(GOOD_CONTACTS, 0, 1))).toBe(accepted);
    expect(taken(memory.odometry)?.[OdometryField.frame]).toBe(1);
    sink.newFrame();
    sink.odometry(...but(GOOD_ODOMETRY, 0, 1));
    expect(taken(memory.odometry)?.[OdometryField.frame]).toBe(2);
    expect(sink.odometry(...but(GOOD_ODOMETRY, 0, 0))).toBe(stampBack);
  });

  it('takes back contacts of the place before, in another frame and only where there were any', () => {
    const { memory, sink, wakes } = rig();
    sink.newFrame();
    expect(taken(memory.contacts)).toBeNull();
    sink.contacts(...GOOD_CONTACTS);
    sink.newFrame();
    const void_ = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0, 0, 2];
    expect(taken(memory.contacts)).toEqual(void_);
    expect(wakes()).toBe(1);
    sink.contacts(...GOOD_CONTACTS);
    expect(taken(memory.contacts)).toEqual([...GOOD_CONTACTS, 3]);
  });

  it('shows its tap every reading as it went into its slot, with the slot’s number, and none that it refused', () => {
    const { memory } = rig();
    const seen: [InputIndex, number[], number[] | null][] = [];
    const sink = new ValidatingSink(memory, (input, doubles, beams) => {
      seen.push([input, [...doubles], beams === null ? null : [...beams]]);
    });
    sink.odometry(...GOOD_ODOMETRY);
    sink.odometry(...GOOD_ODOMETRY);
    sink.odometry(...but(GOOD_ODOMETRY, 0, 200));
    sink.ranges(100, 110, scanOf({ count: 0 }));
    const failed = scanOf();
    failed.ranges = Float32Array.of(1, Number.NaN, -1, Number.POSITIVE_INFINITY, 5, 6);
    sink.ranges(100, 110, failed);
    sink.contacts(...but(GOOD_CONTACTS, 2, -1));
    sink.contacts(...GOOD_CONTACTS);
    sink.goal(...GOOD_GOAL);
    sink.cancelGoal(300, 310);
    sink.feedback(17, -0.5, 100);
    sink.newFrame();
    const { odometry, ranges, contacts, goal, feedback } = Input;
    expect(seen.map(([input]) => input)).toEqual([
      odometry,
      odometry,
      ranges,
      contacts,
      goal,
      goal,
      feedback,
      contacts,
    ]);
    expect(seen[1][1]).toEqual(taken(memory.odometry));
    expect(seen[1][1][OdometryField.sequence]).toBe(2);
    // Of a scan as many beams as count, those that had failed as no number.
    expect(seen[2][1]).toEqual(taken(memory.ranges));
    expect(seen[2][2]).toEqual([1, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, 5]);
    expect(seen[4][1][GoalField.active]).toBe(1);
    expect(seen[5][1]).toEqual(taken(memory.goal));
    expect(seen[6][1]).toEqual([17, -0.5, 100]);
    // What a new frame voids can be read by a cycle, too.
    expect(seen[7][1]).toEqual(taken(memory.contacts));
    expect(seen[7][1][ContactsField.sequence]).toBe(2);
    expect(seen.filter(([input, , beams]) => input !== ranges && beams !== null)).toEqual([]);
  });

  it('has a name for every reason', () => {
    expect(REASON_NAMES).toHaveLength(Object.keys(Rejection).length);
    expect(REASON_NAMES[Rejection.stampStill]).toBe('stamp_still');
    expect(INPUT_NAMES[Input.goal]).toBe('goal');
  });
});
