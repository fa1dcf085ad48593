import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputTopic, MessageType } from '../../../../src/io/ros2/names.js';
import { header, InputRig, turned, written } from './input-rig.js';

let rig: InputRig;

beforeEach(() => {
  rig = new InputRig({ goal_tolerance: 0.25, plan_lookahead: 1, transform_timeout_s: 1 });
  rig.time.now = 10e9;
});
afterEach(() => rig.close());

const goals = () => rig.sink.of('goal');
const cancelled = () => rig.sink.of('cancelGoal').length;
const map = (x: number, y: number, yaw = 0) => rig.transform('map', 'odom', x, y, turned(yaw), false);

describe('a goal', () => {
  it('in odom is handed on with the tolerance', () => {
    rig.goal(3, -2);
    expect(goals()).toEqual([[3, -2, 0.25]]);
    expect(rig.inputs.goal).toMatchObject({ source: 'goal', x: 3, y: -2, final: true, frame: 'odom', waiting: false });
  });

  it('replaces the one before', () => {
    rig.goal(3, 0);
    rig.goal(3.01, 0);
    expect(goals()).toEqual([
      [3, 0, 0.25],
      [3.01, 0, 0.25],
    ]);
  });

  it('that comes again while the robot is on its way is the same goal', () => {
    map(0, 0);
    rig.goal(3, 0, 'map');
    rig.odometry(1, 0);
    rig.goal(3, 0, 'map');
    expect(goals()).toHaveLength(1);
    expect(cancelled()).toBe(0);
    expect(rig.inputs.figures.goal.accepted).toBe(2);
    map(-0.2, 0);
    expect(goals().map(([x]) => x)).toEqual([3, 3.2]);
    rig.goal(3, 0);
    expect(goals()).toHaveLength(3);
  });

  it('that comes again once it was reached, or was cancelled, is a new one', () => {
    rig.goal(3, 0);
    rig.odometry(2.9, 0);
    rig.goal(3, 0);
    expect(goals()).toHaveLength(2);
    rig.inputs.cancelGoal();
    rig.goal(3, 0);
    expect(goals()).toHaveLength(3);
  });

  it('in the robot’s own frame is another place each time that it comes', () => {
    rig.odometry(1, 0);
    rig.goal(2, 0, 'base_link');
    rig.pass(0.1);
    rig.odometry(2, 0);
    rig.goal(2, 0, 'base_link');
    expect(goals().map(([x]) => x)).toEqual([3, 4]);
  });

  it('in another frame is handed on in odom', () => {
    map(1, 0, Math.PI / 2);
    rig.goal(1, 5, 'map');
    const [[x, y]] = goals();
    expect(x).toBeCloseTo(5, 9);
    expect(y).toBeCloseTo(0, 9);
  });

  it('in a frame that nobody knows is refused with its name, each time, and ends the one before', () => {
    rig.goal(3, 0);
    rig.goal(1, 5, 'map');
    rig.goal(1, 6, 'map');
    expect(goals()).toHaveLength(1);
    expect(cancelled()).toBe(2);
    expect(rig.notices).toEqual(new Array(2).fill("goal: no way from its frame 'map' to 'odom' is known"));
    expect(rig.inputs.goal.source).toBe('none');
    expect(rig.inputs.figures.goal.refusals()).toEqual({ 'no transform': 2 });
  });

  it('in a frame that has not been heard of for long is refused', () => {
    map(0, 0);
    rig.pass(1.5);
    rig.goal(1, 0, 'map');
    expect(rig.notices).toEqual(["goal: nothing has been heard of its frame 'map' for 1.5 s"]);
  });

  it('moves with its frame, in steps that are worth a new goal', () => {
    map(0, 0);
    rig.goal(5, 0, 'map');
    map(0.05, 0);
    expect(goals()).toHaveLength(1);
    map(-0.2, 0);
    expect(goals().map(([x]) => x)).toEqual([5, 5.2]);
  });

  it('that was reached is not moved any more', () => {
    map(0, 0);
    rig.goal(5, 0, 'map');
    rig.odometry(4.9, 0);
    map(-0.5, 0);
    expect(goals()).toHaveLength(1);
  });

  it('waits while its frame is not heard of, and goes on when it is', () => {
    map(0, 0);
    rig.goal(5, 0, 'map');
    rig.pass(0.9);
    expect(cancelled()).toBe(0);
    rig.pass(0.2);
    expect(cancelled()).toBe(1);
    expect(rig.inputs.goal.waiting).toBe(true);
    rig.pass(5);
    expect(cancelled()).toBe(1);
    map(0, 0);
    expect(goals()).toHaveLength(2);
    expect(rig.inputs.goal.waiting).toBe(false);
    expect(rig.notices).toEqual([
      "goal: nothing has been heard of its frame 'map' for 1 s: the robot waits",
      "goal: its frame 'map' is heard again: the robot goes on",
    ]);
  });

  it('in a fixed frame does not wait', () => {
    rig.transform('map', 'odom', 1, 0);
    rig.goal(5, 0, 'map');
    rig.pass(20);
    expect(goals()).toEqual([[4, 0, 0.25]]);
    expect(cancelled()).toBe(0);
  });

  it('in the robot’s own frame is a place that stays', () => {
    rig.transform('base_link', 'camera', 0.5, 0);
    rig.odometry(10, 5, Math.PI / 2);
    rig.goal(1, 0, 'camera');
    expect(goals()[0][0]).toBeCloseTo(10, 9);
    expect(goals()[0][1]).toBeCloseTo(6.5, 9);
    rig.odometry(10, 6, Math.PI / 2, 11);
    rig.pass(3);
    expect(goals()).toHaveLength(1);
  });

  it('in the frame of the robot’s footprint is one of the robot’s own, although that is above it', () => {
    rig.transform('odom', 'base_footprint', 0, 0, turned(0), false);
    rig.transform('base_footprint', 'base_link', 0, 0);
    rig.odometry(2, 0);
    rig.goal(1, 0, 'base_footprint');
    rig.transform('odom', 'base_footprint', 2.5, 0, turned(0), false);
    rig.pass(3);
    expect(goals()).toEqual([[3, 0, 0.25]]);
  });

  it('in the robot’s own frame is refused before it is known where the robot is', () => {
    rig.goal(1, 0, 'base_link');
    expect(rig.notices).toEqual(["goal: it is in the robot's own frame 'base_link', and there is no odometry yet"]);
  });

  it('without a frame cancels what was sought', () => {
    rig.goal(3, 0);
    rig.goal(0, 0, '');
    expect(cancelled()).toBe(1);
    expect(rig.inputs.goal.source).toBe('none');
    expect(rig.notices).toEqual([]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('at %d cancels what was sought, and says so', (x) => {
    rig.goal(3, 0);
    rig.goal(x, 0);
    expect(cancelled()).toBe(1);
    expect(rig.notices).toEqual(['goal: a pose that is not finite cancels what was sought']);
  });

  it('whose orientation is not finite cancels too', () => {
    rig.goal(3, 0);
    const pose = { position: { x: 1, y: 1, z: 0 }, orientation: { x: 0, y: 0, z: Number.NaN, w: 1 } };
    rig.send(InputTopic.goal, { header: header('odom'), pose });
    expect(cancelled()).toBe(1);
  });

  it('beyond any place is refused, and ends the one before', () => {
    rig.goal(3, 0);
    rig.goal(2e6, 0);
    expect(cancelled()).toBe(1);
    expect(rig.notices).toEqual(["goal: 2000000.0, 0.0 in 'odom' is no place to drive to"]);
  });

  it('is left alone by bytes that are no message', () => {
    rig.goal(3, 0);
    rig.raw(InputTopic.goal, Buffer.from([0, 1, 0, 0, 7]));
    expect(rig.inputs.goal.source).toBe('goal');
    expect(cancelled()).toBe(0);
  });

  it('is cancelled by whoever asks', () => {
    rig.goal(3, 0);
    rig.inputs.cancelGoal();
    expect(cancelled()).toBe(1);
    expect(rig.inputs.goal.source).toBe('none');
  });
});

describe('a plan', () => {
  const line = (length: number, step = 0.1) =>
    Array.from({ length: Math.round(length / step) + 1 }, (_, i) => [i * step, 0] as const);

  function drive(to: number, from = 0): void {
    for (let x = from; x <= to + 1e-9; x += 0.05) {
      rig.time.now += 0.02e9;
      rig.odometry(x, 0);
    }
  }

  it('is followed by a goal ahead of the robot that moves on in steps, to its end', () => {
    rig.odometry(0, 0);
    rig.plan(line(5));
    expect(goals()).toEqual([[expect.closeTo(1), 0, expect.any(Number)]]);
    expect(rig.inputs.goal).toMatchObject({ source: 'plan', final: false });
    drive(5);
    const xs = goals().map(([x]) => x);
    for (let i = 1; i < xs.length - 1; i++) {
      expect(xs[i] - xs[i - 1]).toBeGreaterThanOrEqual(0.25);
      expect(xs[i] - xs[i - 1]).toBeLessThan(0.35);
    }
    expect(goals().at(-1)).toEqual([expect.closeTo(5), 0, 0.25]);
    expect(rig.inputs.goal.final).toBe(true);
  });

  it('has nothing on its way that could be reached before the goal moves on', () => {
    for (const lookahead of [0.1, 0.3, 1, 3]) {
      const near = new InputRig({ goal_tolerance: 0.5, plan_lookahead: lookahead });
      near.odometry(0, 0);
      near.plan(line(6));
      for (let x = 0; x < 5.5 - lookahead; x += 0.02) {
        near.time.now += 0.02e9;
        near.odometry(x, 0);
        const { x: sought, final, tolerance } = near.inputs.goal;
        if (!final) expect(sought - x).toBeGreaterThan(tolerance);
      }
      near.close();
    }
  });

  it('waits for odometry to be followed', () => {
    rig.plan(line(5));
    expect(goals()).toEqual([]);
    rig.odometry(0, 0);
    expect(goals()).toHaveLength(1);
  });

  it('that comes again from where the robot is changes nothing', () => {
    rig.odometry(0, 0);
    rig.plan(line(5));
    rig.odometry(0.1, 0, 0, 11);
    rig.plan(line(5));
    expect(goals()).toHaveLength(1);
  });

  it('whose end was reached sends the robot nowhere when it comes again, and on when it ends elsewhere', () => {
    rig.odometry(4.5, 0);
    rig.plan(line(5));
    rig.odometry(4.9, 0, 0, 11);
    rig.plan(line(5));
    rig.odometry(4.9, 0, 0, 12);
    expect(goals()).toHaveLength(1);
    rig.plan(line(5.5));
    expect(goals()).toHaveLength(2);
    expect(goals()[1][0]).toBeCloseTo(5.5);
  });

  it('in another frame is followed in odom, and moves with it', () => {
    map(0, 0, Math.PI / 2);
    rig.odometry(0, 0);
    rig.plan(
      line(5).map(([x]) => [0, x] as const),
      'map',
    );
    expect(goals()[0]).toEqual([expect.closeTo(1), expect.closeTo(0), expect.any(Number)]);
    map(0, 0, Math.PI / 4);
    const angle = Math.PI / 4;
    expect(goals().at(-1)?.[1]).toBeGreaterThan(0.5);
    expect(Math.atan2(goals().at(-1)?.[1] ?? 0, goals().at(-1)?.[0] ?? 0)).toBeCloseTo(angle, 1);
  });

  it('replaces a goal, and a goal replaces it', () => {
    rig.odometry(0, 0);
    rig.goal(0, 7);
    rig.plan(line(5));
    expect(rig.inputs.goal.source).toBe('plan');
    rig.goal(0, 7);
    drive(1, 0.05);
    expect(goals().at(-1)).toEqual([0, 7, 0.25]);
    expect(rig.inputs.goal.source).toBe('goal');
  });

  it('that breaks off is refused, and what was sought stays', () => {
    rig.odometry(0, 0);
    rig.plan(line(5));
    const position = { x: 9, y: 9, z: 0 };
    const pose = { header: header(''), pose: { position, orientation: turned(0) } };
    const bytes = written(MessageType.path, { header: header('odom'), poses: [pose, pose, pose] });
    // Cut where the count of poses could still be true.
    bytes.writeUInt32LE(0x7fffffff, bytes.length - 64);
    rig.raw(InputTopic.plan, bytes);
    expect(rig.inputs.figures.plan.refusals()).toEqual({ malformed: 1 });
    drive(1);
    expect(goals().at(-1)?.[0]).toBeGreaterThan(1.5);
    expect(cancelled()).toBe(0);
  });

  it('that is empty cancels what was sought', () => {
    rig.odometry(0, 0);
    rig.plan(line(5));
    rig.plan([]);
    expect(cancelled()).toBe(1);
    expect(rig.inputs.goal.source).toBe('none');
  });

  it.each([
    ['of a frame that nobody knows', 'map', 1, "plan: no way from its frame 'map' to 'odom' is known"],
    ['without a frame', '', 1, 'plan: a plan in a frame without a name'],
    ['with a pose that is not finite', 'odom', Number.NaN, 'plan: a plan whose poses are not finite'],
  ])('%s is refused, and ends what was sought', (_, frame, y, words) => {
    rig.odometry(0, 0);
    rig.goal(3, 0);
    rig.plan(
      [
        [0, 0],
        [1, y],
      ],
      frame,
    );
    expect(rig.notices).toEqual([words]);
    expect(cancelled()).toBe(1);
    expect(rig.inputs.goal.source).toBe('none');
  });
});
